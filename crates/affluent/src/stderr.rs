//! Stderr: progress, notices and failures, as the log beside them is written: text, or one JSON object a line.
//!
//! Nobody can be told that stderr is closed, so what becomes of a write is passed over.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::args::{LogFormat, Logging};

/// How this process tells; text, and all of it, until said otherwise.
static TELLS: OnceLock<Tells> = OnceLock::new();

#[derive(Debug, Clone, Copy, Default)]
struct Tells {
    json: bool,
    quiet: bool,
}

/// From here on it is told as the command line asks for.
pub(crate) fn init(logging: &Logging) {
    let _ = TELLS.set(Tells { json: logging.log_format == LogFormat::Json, quiet: logging.quiet });
}

fn tells() -> Tells {
    TELLS.get().copied().unwrap_or_default()
}

/// Whether bars may move there.
pub(crate) fn is_moving() -> bool {
    !tells().json && io::stderr().is_terminal()
}

/// Something worth knowing, untold where errors only are wanted.
pub(crate) fn notice(text: &str) {
    if !tells().quiet {
        write("INFO", text, text.trim(), []);
    }
}

/// A step that is done.
pub(crate) fn step(stage: &str, name: &str, what: &str) {
    if tells().quiet {
        return;
    }
    let message: Vec<&str> = what.split_whitespace().collect();
    let fields = [("stage", stage.into()), ("step", name.into())];
    write("INFO", &step_line(stage, name, what), &message.join(" "), fields);
}

/// A step as a line of text.
pub(crate) fn step_line(stage: &str, name: &str, what: &str) -> String {
    format!("{stage:<9} {name:<30} {what}")
}

/// A failure; `lead` comes before it for people.
pub(crate) fn error(lead: &str, message: &str, hint: Option<&str>, code: Option<u8>) {
    let text = match hint {
        Some(hint) => format!("{lead}{message}\n  hint: {hint}"),
        None => format!("{lead}{message}"),
    };
    let hint = hint.map(|hint| ("hint", hint.into()));
    let code = code.map(|code| ("exit_code", code.into()));
    write("ERROR", &text, message, hint.into_iter().chain(code));
}

fn write(level: &str, text: &str, message: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) {
    let mut out = io::stderr().lock();
    let _ = if tells().json { writeln!(out, "{}", object(level, message, fields)) } else { writeln!(out, "{text}") };
}

/// The keys are those of the log's own lines.
fn object(level: &str, message: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let at = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    let mut object = Map::new();
    object.insert("timestamp".to_owned(), at.into());
    object.insert("level".to_owned(), level.into());
    object.insert("message".to_owned(), message.into());
    object.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
    object.insert("target".to_owned(), "affluent".into());
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_the_keys_of_a_log_line() {
        let object = object("ERROR", "no\nway", [("exit_code", 2.into())]);
        let text = object.to_string();
        assert!(
            !text.contains('\n') && text.contains(r#""level":"ERROR","message":"no\nway","exit_code":2"#),
            "{text}"
        );
        assert!(object["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{text}");
    }
}
