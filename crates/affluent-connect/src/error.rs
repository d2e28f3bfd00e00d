//! What goes wrong with a source: what, where, and what to do about it.

use std::fmt;

use affluent_spec::suggest;

/// The kinds of failure that a scheduler tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It went wrong and will again until somebody acts (exit code 1).
    Failed,
    /// It was asked for what cannot be (exit code 2).
    Usage,
    /// The other side does not let us in (exit code 4).
    Credentials,
    /// It may go well at the next try (exit code 75).
    Temporary,
}

impl Class {
    /// The exit code of a process that ends by such a failure.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Credentials => 4,
            Self::Temporary => 75,
        }
    }
}

/// What was wrong, where, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, URL, stream or column concerned; empty where `what` says it all.
    pub place: String,
    /// What is wrong, a lower-case fragment.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() { f.write_str(&self.what) } else { write!(f, "{}: {}", self.place, self.what) }
    }
}

/// A source that cannot go on. The hint is kept apart from the message, and neither holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// See [`Class::Failed`].
    #[error("{0}")]
    Failed(Fault),
    /// See [`Class::Usage`].
    #[error("{0}")]
    Usage(Fault),
    /// See [`Class::Credentials`].
    #[error("{0}")]
    Credentials(Fault),
    /// See [`Class::Temporary`].
    #[error("{0}")]
    Temporary(Fault),
}

impl SourceError {
    /// A failure at `place`.
    pub fn failed(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Failed(fault(place, what))
    }

    /// A wrong demand at `place`.
    pub fn usage(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Usage(fault(place, what))
    }

    /// Refused credentials at `place`.
    pub fn credentials(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Credentials(fault(place, what))
    }

    /// A failure at `place` that may pass.
    pub fn temporary(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Temporary(fault(place, what))
    }

    /// There is no such stream at `place`, which has these.
    pub(crate) fn no_stream<'a>(
        place: impl Into<String>,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut fault = fault(place, format!("there is no stream `{name}`"));
        fault.hint = suggest::hint(name, known);
        Self::Usage(fault)
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        match &mut self {
            Self::Failed(fault) | Self::Usage(fault) | Self::Credentials(fault) | Self::Temporary(fault) => {
                fault.hint = Some(hint.into());
            }
        }
        self
    }

    /// The same, at `place` where it names none.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        match &mut self {
            Self::Failed(fault) | Self::Usage(fault) | Self::Credentials(fault) | Self::Temporary(fault) => {
                if fault.place.is_empty() {
                    fault.place = place.into();
                }
            }
        }
        self
    }

    /// Which kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Failed(_) => Class::Failed,
            Self::Usage(_) => Class::Usage,
            Self::Credentials(_) => Class::Credentials,
            Self::Temporary(_) => Class::Temporary,
        }
    }

    /// What is wrong and where.
    pub fn fault(&self) -> &Fault {
        match self {
            Self::Failed(fault) | Self::Usage(fault) | Self::Credentials(fault) | Self::Temporary(fault) => fault,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.fault().hint.as_deref()
    }
}

fn fault(place: impl Into<String>, what: impl Into<String>) -> Fault {
    Fault { place: place.into(), what: what.into(), hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_and_what_and_keeps_the_hint_apart() {
        let error = SourceError::credentials("s3://lake", "the key is refused").with_hint("set AWS_ACCESS_KEY_ID");
        assert_eq!(error.to_string(), "s3://lake: the key is refused");
        assert_eq!(error.hint(), Some("set AWS_ACCESS_KEY_ID"));
        assert_eq!(error.class().exit_code(), 4);
        assert_eq!(SourceError::usage("", "no such stream").to_string(), "no such stream");
        let error = SourceError::no_stream("crm", "dealz", ["deals", "leads"]);
        assert_eq!(error.to_string(), "crm: there is no stream `dealz`");
        assert_eq!(error.hint(), Some("did you mean `deals`? known: deals, leads"));
    }
}
