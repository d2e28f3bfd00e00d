//! Where something stands in a file.

/// A stretch of one line: 1-based line and column (in characters), and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// 1-based line; 0 when the place is unknown.
    pub line: usize,
    /// 1-based column, counted in characters.
    pub column: usize,
    /// Length in characters, at least 1 when the place is known.
    pub length: usize,
}
