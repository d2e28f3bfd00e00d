//! What the cursor of a stream may get wrong: ways to ask for what is new that the request does not take, or that exclude
//! each other.

use super::stream_faults::Check;
use super::{BodyFormat, Expression, InstantFormat, Next, Opaque};

impl Check<'_, '_> {
    /// Whether the stream is asked for by queries in the order of its cursor.
    pub(super) fn queried(&self) -> bool {
        self.stream.soql().is_some() || self.stream.cursor.as_ref().is_some_and(|cursor| cursor.search.is_some())
    }

    pub(super) fn cursor(&mut self) {
        let stream = self.stream;
        let Some(cursor) = &stream.cursor else { return };
        self.known(&["cursor", "field"], &cursor.field);
        let ways = [cursor.search.is_some(), stream.soql().is_some(), stream.takes_since()];
        if ways.iter().filter(|way| **way).count() > 1 || (cursor.opaque.is_some() && self.queried()) {
            self.fault(&["cursor"], "what is new is asked for in more than one way", None);
        }
        if let Some(start) = &cursor.start {
            if !stream.takes_since() {
                self.fault(&["cursor", "start"], "nothing in the request takes `since`", Some(TAKE_SINCE));
            }
            if start.as_literal().is_some_and(|text| !is_instant(text)) {
                let message = format!("`{start}` is no date and no instant");
                self.fault(&["cursor", "start"], message, Some("write 2015-01-01, 2015-01-01T00:00:00Z or {setting}"));
            }
        }
        if cursor.lag.is_some() && cursor.step.is_none() {
            self.fault(&["cursor", "lag"], "slices end so long before now, and there are none", Some("give a `step`"));
        }
        if cursor.ordered {
            let by_instant = |expression: &&Expression| matches!(expression, Expression::Since(format) if *format != InstantFormat::Date);
            if !stream.expressions().iter().any(by_instant) {
                self.fault(&["cursor", "ordered"], "nothing in the request takes an instant", Some(TAKE_SINCE));
            }
            if cursor.opaque.is_some() || cursor.step.is_some() || cursor.newest_first {
                self.fault(&["cursor", "ordered"], "it goes with neither `opaque` nor `step` nor `newest_first`", None);
            }
        }
        if let Some(step) = cursor.step {
            let at = ["cursor", "step"];
            if !stream.takes_since() || !stream.takes_until() {
                self.fault(&at, "slices need `since` and `until` in the request", Some(TAKE_BOTH));
            }
            if cursor.start.is_none() {
                self.fault(&at, "slices need a `start`", Some("say where the first one begins: `start: 2015-01-01`"));
            }
            if step.seconds == 0 {
                self.fault(&at, "a slice has a length", None);
            }
            if cursor.opaque.is_some() || cursor.newest_first {
                self.fault(&at, "slices go with neither `opaque` nor `newest_first`", None);
            }
        }
        if stream.count.is_some() && (cursor.opaque.is_some() || cursor.step.is_some()) {
            self.fault(&["count"], "`count` is for lists that are read whole, without `opaque` and `step`", None);
        }
        if let Some(opaque) = &cursor.opaque {
            if stream.format != BodyFormat::Json {
                self.fault(&["cursor", "opaque"], "it is looked for in JSON, and this stream's answers are none", None);
            }
            if matches!((opaque, &stream.next), (Opaque::Url(url), Some(Next::Url(next))) if url.url == *next) {
                let hint = "the last page names no next one: give the path of the URL for the next time";
                self.fault(&["cursor", "opaque"], "this is the next page's URL", Some(hint));
            }
        }
    }
}

const TAKE_SINCE: &str = "write `{ since: rfc3339 }` for the value of the parameter that takes it";
const TAKE_BOTH: &str =
    "write `{ since: rfc3339 }` and `{ until: rfc3339 }` for the values of the parameters that take them";

/// Whether a text is a date, or an instant by RFC 3339.
fn is_instant(text: &str) -> bool {
    let date = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])";
    let time = r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d{2}:\d{2})";
    regex_lite::Regex::new(&format!("^{date}({time})?$")).is_ok_and(|pattern| pattern.is_match(text))
}
