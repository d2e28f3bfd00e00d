//! What can be wrong with a call to [`crate::link`] or with the records handed to it.

/// A fault of the caller's input; [`MatchError::hint`] says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// A record carries more or fewer values than there are fields.
    #[error("record `{record_id}` has {found} values for {expected} fields")]
    WrongWidth {
        /// The record.
        record_id: String,
        /// Values it came with.
        found: usize,
        /// Fields declared.
        expected: usize,
    },
    /// Two records carry one record id.
    #[error("record id `{record_id}` stands twice")]
    DuplicateRecord {
        /// The id in question.
        record_id: String,
    },
    /// Two fields carry one name.
    #[error("field `{field}` is declared twice")]
    DuplicateField {
        /// The name in question.
        field: String,
    },
    /// A comparison or a blocking rule names a field the records do not have.
    #[error("unknown field `{field}`")]
    UnknownField {
        /// The name in question.
        field: String,
    },
    /// A blocking rule without parts would pair every record with every other.
    #[error("blocking rule without a field")]
    EmptyRule,
    /// A threshold outside 0..1.
    #[error("threshold {value} is not a probability")]
    Threshold {
        /// The value, as text so that the error can be compared.
        value: String,
    },
    /// More comparisons than fit in the packed pattern of a pair.
    #[error("{found} comparisons, at most {limit} are possible")]
    TooManyComparisons {
        /// How many were asked for.
        found: usize,
        /// How many are possible.
        limit: usize,
    },
}

impl MatchError {
    /// What to do about it, for a message's second line.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::WrongWidth { .. } => "give one value, or none, for each declared field",
            Self::DuplicateRecord { .. } => "keep the newest version of each record before matching",
            Self::DuplicateField { .. } => "declare each field once",
            Self::UnknownField { .. } => "name a field the records carry",
            Self::EmptyRule => "name at least one field in each rule",
            Self::Threshold { .. } => "choose a value between 0 and 1, or auto",
            Self::TooManyComparisons { .. } => "compare fewer fields",
        }
    }
}
