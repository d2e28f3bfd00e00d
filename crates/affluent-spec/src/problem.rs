//! A fault in a file that a user wrote: where, what, and what to do next.

use std::fmt;

use crate::span::Span;

/// One fault; the check of a file gives all of them at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Where it stands.
    pub span: Span,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line at fault, so that a report needs no second look at the file.
    pub excerpt: Option<String>,
}

impl Problem {
    /// A fault of the whole of `file` (it is missing, say).
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), span: Span::default(), message: message.into(), hint: None, excerpt: None }
    }

    /// A fault at a place of `text`.
    pub fn at(file: impl Into<String>, text: &str, span: Span, message: impl Into<String>) -> Self {
        let excerpt = span.line.checked_sub(1).and_then(|line| text.lines().nth(line)).map(str::to_owned);
        Self { file: file.into(), span, message: message.into(), hint: None, excerpt }
    }

    /// The same fault with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault with a hint where there is one.
    #[must_use]
    pub fn with_hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { line, column, length } = self.span;
        if line == 0 {
            write!(f, "{}: {}", self.file, self.message)?;
        } else {
            write!(f, "{}:{line}:{column}: {}", self.file, self.message)?;
        }
        match (&self.excerpt, &self.hint) {
            (Some(excerpt), hint) => {
                let gutter = line.to_string().len();
                let hint = hint.as_deref().unwrap_or_default();
                let marks = "^".repeat(length.clamp(1, 80));
                write!(
                    f,
                    "\n{:gutter$} |\n{line} | {excerpt}\n{:gutter$} | {:indent$}{marks} {hint}",
                    "",
                    "",
                    "",
                    indent = column.saturating_sub(1)
                )
            }
            (None, Some(hint)) => write!(f, "\n  hint: {hint}"),
            (None, None) => Ok(()),
        }
    }
}
