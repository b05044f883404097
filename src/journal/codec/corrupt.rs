//! What is said of bytes that can't be read. Used by all of the codec.

use std::fmt::Display;

use super::super::JournalError;

pub(super) fn corrupt(what: impl Display) -> JournalError {
    JournalError::Corrupt(what.to_string())
}
