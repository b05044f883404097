//! What a decision is about, whose record is the answer.

use crate::domain::entry::Answer;
use crate::domain::record::RecordKey;

/// What a decision is about, whose record is the answer.
pub(crate) enum AnswerSubject {
    /// Nothing to show.
    Nothing,
    /// This record, as the decision leaves it, or, if the decision removes it, as it was.
    Record(RecordKey),
    /// Something else.
    Answer(Answer),
}

/// The answer is this record.
pub(crate) const fn about(record: RecordKey) -> AnswerSubject {
    AnswerSubject::Record(record)
}
