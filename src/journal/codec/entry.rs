//! Entries and outcomes ↔ bytes. An entry is encoded once: the record images that a journal stores
//! beside it are slices of its bytes.

use std::ops::Range;
use std::sync::Arc;

use prost::encoding::{WireType, encode_key as encode_tag, encode_varint, encoded_len_varint};

use super::super::JournalError;
use super::enums::Stored;
use super::field::{made_or_empty, name_or_none, number, to_made_or_none};
use super::live::{from_actor, to_actor};
use super::{
    append, corrupt, decode_key, decode_record, encode_key, encode_record, message, stored,
};
use crate::domain::entry::{
    Answer, Cause, DirectoryAction, DirectoryChange, Entry, Fact, FactKind, Fingerprint, Outcome,
    Revision, Transaction,
};
use crate::domain::id::TxnId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::time::Timestamp;

/// The numbers of the fields that [`encode_entry`] writes itself.
mod tag {
    pub(super) const ENTRY_CHANGES: u32 = 5;
    pub(super) const CHANGE_KEY: u32 = 1;
    pub(super) const CHANGE_IMAGE: u32 = 2;
}

/// What a journal holds beside an entry's bytes.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    /// Its place in the history.
    pub revision: Revision,
    /// Its transaction.
    pub txn: TxnId,
    /// The transaction before it.
    pub previous: TxnId,
    /// When.
    pub time: Timestamp,
}

/// An entry's bytes, and where in them the images are.
#[derive(Debug)]
pub struct EncodedEntry {
    /// A `baton.stored.v1.Entry`.
    pub bytes: Vec<u8>,
    /// Per change the range of its image in `bytes`; `None`: it is removed.
    pub images: Vec<Option<Range<usize>>>,
}

fn from_fact(fact: &Fact) -> stored::Fact {
    stored::Fact {
        kind: fact.kind.to_stored(),
        session: made_or_empty(fact.session),
        transfer: made_or_empty(fact.transfer),
        work: made_or_empty(fact.work),
        rep: fact.rep.as_ref().map(ToString::to_string).unwrap_or_default(),
        queue: fact.queue.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn to_fact(fact: &stored::Fact) -> Result<Fact, JournalError> {
    Ok(Fact {
        kind: FactKind::from_stored(fact.kind)?,
        session: to_made_or_none(&fact.session)?,
        transfer: to_made_or_none(&fact.transfer)?,
        work: to_made_or_none(&fact.work)?,
        rep: name_or_none(&fact.rep)?,
        queue: name_or_none(&fact.queue)?,
    })
}

/// The bytes of the entry that `transaction` becomes.
#[must_use]
pub fn encode_entry(transaction: &Transaction) -> EncodedEntry {
    let cause = &transaction.cause;
    let header = stored::Entry {
        actor: Some(from_actor(&cause.actor)),
        rpc: cause.rpc.to_string(),
        request_id: cause.request_id.as_deref().map(str::to_owned),
        facts: transaction.facts.iter().map(from_fact).collect(),
        changes: Vec::new(),
    };
    let mut bytes = Vec::with_capacity(64 + 256 * transaction.writes.len());
    append(&header, &mut bytes);
    let mut image = Vec::new();
    let images = transaction.writes.iter().map(|(key, record)| {
        let key = encode_key(key);
        image.clear();
        if let Some(record) = record {
            encode_record(record, &mut image);
        }
        append_change(&key, record.as_ref().map(|_| image.as_slice()), &mut bytes)
    });
    let images = images.collect();
    EncodedEntry { bytes, images }
}

/// Appends one element of `Entry.changes`, and says where its image went.
fn append_change(key: &[u8], image: Option<&[u8]>, out: &mut Vec<u8>) -> Option<Range<usize>> {
    let field = |bytes: &[u8]| 1 + encoded_len_varint(bytes.len() as u64) + bytes.len();
    let length = field(key) + image.map_or(0, field);
    encode_tag(tag::ENTRY_CHANGES, WireType::LengthDelimited, out);
    encode_varint(length as u64, out);
    encode_tag(tag::CHANGE_KEY, WireType::LengthDelimited, out);
    encode_varint(key.len() as u64, out);
    out.extend_from_slice(key);
    image.map(|image| {
        encode_tag(tag::CHANGE_IMAGE, WireType::LengthDelimited, out);
        encode_varint(image.len() as u64, out);
        let start = out.len();
        out.extend_from_slice(image);
        start..out.len()
    })
}

/// The entry of these bytes.
///
/// # Errors
/// [`JournalError::Corrupt`].
pub fn decode_entry(envelope: Envelope, bytes: &[u8]) -> Result<Entry, JournalError> {
    let image: stored::Entry = message("an entry", bytes)?;
    let changes: Result<Vec<_>, _> = image.changes.iter().map(to_change).collect();
    let facts: Result<Vec<_>, _> = image.facts.iter().map(to_fact).collect();
    Ok(Entry {
        revision: envelope.revision,
        txn: envelope.txn,
        previous: envelope.previous,
        time: envelope.time,
        cause: Cause {
            actor: to_actor(image.actor)?,
            rpc: Arc::from(image.rpc),
            request_id: image.request_id.map(Arc::from),
        },
        changes: changes?,
        facts: facts?,
    })
}

fn to_change(change: &stored::Change) -> Result<(RecordKey, Option<Record>), JournalError> {
    let key = decode_key(&change.key)?;
    let record = change.image.as_ref().map(|image| decode_record(&key, image)).transpose()?;
    Ok((key, record))
}

/// The bytes of what becomes of `transaction`, once it is committed.
#[must_use]
pub fn encode_outcome(transaction: &Transaction) -> Vec<u8> {
    use stored::outcome::Answer as Image;
    let answer = match &transaction.answer {
        Answer::Nothing => None,
        Answer::Record(record) => {
            let mut image = Vec::new();
            encode_record(record, &mut image);
            Some(Image::Record(stored::Change {
                key: encode_key(&record.key()),
                image: Some(image),
            }))
        }
        Answer::Directory(lines) => {
            let changes = lines.iter().map(|line| stored::DirectoryChange {
                kind: line.kind.to_string(),
                id: line.id.to_string(),
                action: line.action.to_stored(),
            });
            Some(Image::Directory(stored::DirectoryDiff { changes: changes.collect() }))
        }
    };
    let fingerprint = transaction.fingerprint.0.to_be_bytes().to_vec();
    let mut bytes = Vec::new();
    append(&stored::Outcome { fingerprint, answer }, &mut bytes);
    bytes
}

/// The outcome at `revision` of these bytes.
///
/// # Errors
/// [`JournalError::Corrupt`].
pub fn decode_outcome(revision: Revision, bytes: &[u8]) -> Result<Outcome, JournalError> {
    use stored::outcome::Answer as Image;
    let image: stored::Outcome = message("an outcome", bytes)?;
    let answer = match image.answer {
        None => Answer::Nothing,
        Some(Image::Record(change)) => match to_change(&change)? {
            (_, Some(record)) => Answer::Record(record),
            (key, None) => return Err(corrupt(format!("an outcome's {key:?} has no image"))),
        },
        Some(Image::Directory(diff)) => {
            let lines: Result<Vec<_>, _> = diff.changes.iter().map(to_line).collect();
            Answer::Directory(Arc::new(lines?))
        }
    };
    Ok(Outcome { revision, fingerprint: Fingerprint(number(&image.fingerprint)?), answer })
}

fn to_line(line: &stored::DirectoryChange) -> Result<DirectoryChange, JournalError> {
    Ok(DirectoryChange {
        kind: Arc::from(line.kind.as_str()),
        id: Arc::from(line.id.as_str()),
        action: DirectoryAction::from_stored(line.action)?,
    })
}
