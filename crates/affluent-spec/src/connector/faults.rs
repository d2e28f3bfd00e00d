//! What a manifest may get wrong although its shape is right: names that name nothing, choices that exclude each other.

use serde_json::Value as Json;

use super::{Connector, Count, SettingSpec, SettingType, stream_faults};
use crate::template::Part;
use crate::{Document, Name, Problem, Read, Template, suggest};

/// All faults of a manifest that its shape does not show.
pub fn faults(manifest: &Read<Connector>) -> Vec<Problem> {
    let check = Faults { connector: &manifest.value, document: &manifest.document, problems: Vec::new() };
    check.all()
}

pub(super) struct Faults<'a> {
    pub(super) connector: &'a Connector,
    document: &'a Document,
    problems: Vec<Problem>,
}

impl Faults<'_> {
    fn all(mut self) -> Vec<Problem> {
        self.settings();
        self.http();
        for (name, stream) in &self.connector.streams {
            stream_faults::of(&mut self, name.as_str(), stream);
        }
        self.problems
    }

    pub(super) fn fault(&mut self, path: &[&str], message: impl Into<String>, hint: Option<String>) {
        self.problems.push(self.document.problem(path, message).with_hint_if(hint));
    }

    fn settings(&mut self) {
        for (name, spec) in &self.connector.settings {
            let path = ["settings", name.as_str(), "default"];
            match (&spec.default, spec.secret) {
                (Some(_), true) => self.fault(&path, "a secret has no default", None),
                (Some(value), false) if !fits(spec, value) => {
                    self.fault(&path, format!("the default does not fit its type: {value}"), None);
                }
                _ => {}
            }
        }
    }

    /// The setting `name` exists, and is a secret or none.
    pub(super) fn setting(&mut self, path: &[&str], name: &str, secret: bool) {
        match self.connector.settings.get(name) {
            Some(spec) if secret && !spec.secret => {
                self.fault(
                    path,
                    format!("setting `{name}` is used as a secret"),
                    Some("declare it `secret: true`".into()),
                );
            }
            Some(spec) if !secret && spec.secret => {
                self.fault(path, format!("setting `{name}` is a secret and may not stand here"), None);
            }
            Some(_) => {}
            None => {
                let hint = suggest::hint(name, self.connector.settings.keys().map(crate::Name::as_str));
                self.fault(path, format!("no setting `{name}` is declared"), hint);
            }
        }
    }

    /// Where it is a setting, it exists and holds a number.
    pub(super) fn count(&mut self, path: &[&str], count: &Count) {
        let Count::Setting(name) = count else { return };
        let declared = self.connector.settings.get(name.as_str());
        if declared.is_some_and(|spec| !spec.secret && spec.ty != SettingType::Integer) {
            let hint = Some("declare it `type: integer`".into());
            return self.fault(path, format!("setting `{name}` is used as a number"), hint);
        }
        self.setting(path, name, false);
    }

    /// Every name in the text is a setting that is no secret, or one of `bound`.
    pub(super) fn template(&mut self, path: &[&str], text: &Template, bound: &[&str]) {
        for name in text.names().map(Name::as_str).filter(|name| !bound.contains(name)) {
            if self.connector.settings.contains_key(name) {
                self.setting(path, name, false);
                continue;
            }
            let known = self.connector.settings.iter().filter(|(_, spec)| !spec.secret).map(|(name, _)| name.as_str());
            let hint = suggest::hint(name, bound.iter().copied().chain(known));
            let what = if bound.is_empty() { "no setting" } else { "neither a setting nor a field of the parent" };
            self.fault(path, format!("`{{{name}}}` is {what}"), hint);
        }
    }

    /// The faults of a path, which `base_url` comes before.
    pub(super) fn path(&mut self, path: &[&str], text: &Template, bound: &[&str]) {
        self.template(path, text, bound);
        let begins = match text.parts().first() {
            Some(Part::Literal(text)) => text.starts_with('/') && !text.starts_with("//"),
            Some(Part::Name(_)) | None => false,
        };
        if !begins {
            let hint = "a path begins with one `/`, and `base_url` comes before it";
            self.fault(path, format!("`{text}` is no path"), Some(hint.into()));
        }
    }
}

fn fits(spec: &SettingSpec, value: &Json) -> bool {
    match spec.ty {
        SettingType::String | SettingType::Url => value.is_string(),
        SettingType::Integer => value.is_u64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    const MANIFEST: &str = "
connector: small
settings:
  token: { type: string, secret: true }
  base_url: { type: url, default: 'https://api.example.com' }
http:
  base_url: base_url
  auth: { bearer: token }
  check: { get: /me }
streams:
  things:
    get: /things
    query: { properties: { fields: properties } }
    records: results
    next: { token: { from: next, param: after } }
    key: [id]
    cursor: { field: changed }
    fields: { id: string, changed: timestamp, properties.name: string }
";

    fn messages(text: &str) -> Vec<String> {
        let manifest = read::<Connector>("m.yaml", text).unwrap_or_else(|problems| unreachable!("{problems:#?}"));
        faults(&manifest).into_iter().map(|problem| format!("{}: {}", problem.span.line, problem.message)).collect()
    }

    #[test]
    fn a_sound_manifest_has_none() {
        assert_eq!(messages(MANIFEST), Vec::<String>::new());
    }

    #[test]
    fn names_that_name_nothing_are_told_where_they_stand() {
        for (from, to, told) in [
            ("bearer: token", "bearer: tokn", "8: no setting `tokn` is declared"),
            ("bearer: token", "bearer: base_url", "8: setting `base_url` is used as a secret"),
            ("base_url: base_url", "base_url: token", "7: setting `token` is a secret and may not stand here"),
            ("key: [id]", "key: [idd]", "16: `idd` is not among the stream's fields"),
            ("field: changed", "field: change", "17: `change` is not among the stream's fields"),
            ("fields: properties }", "fields: props }", "13: no field of the stream lies under `props`"),
            (
                "changed: timestamp",
                "changed: timestamp, properties_name: string",
                "18: `properties_name` and `properties.name` become the same column",
            ),
        ] {
            assert_eq!(messages(&MANIFEST.replace(from, to)), vec![told.to_owned()]);
        }
    }

    #[test]
    fn a_stream_is_read_in_one_way() {
        assert_eq!(messages(&MANIFEST.replace("get: /things", "get: /things\n    post: /things")).len(), 1);
        assert_eq!(messages(&MANIFEST.replace("    get: /things\n", "")).len(), 1);
    }
}
