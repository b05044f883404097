//! What is wrong in a condition, and where. Found by `scan` and `typing`, told by `check`.

/// What is wrong in a condition, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mistake {
    /// Byte offset in the source.
    pub at: usize,
    pub why: String,
}

impl Mistake {
    pub(super) fn new(at: usize, why: impl Into<String>) -> Self {
        Self { at, why: why.into() }
    }

    /// Line and column of its place, each from 1; columns count characters.
    pub(super) fn place(&self, source: &str) -> (u32, u32) {
        let before = source.get(..self.at).unwrap_or(source);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        (number(line), number(column))
    }
}
