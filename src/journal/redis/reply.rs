//! Taking Redis' answers apart. What isn't as expected is [`JournalError::Corrupt`].

use std::str::FromStr;

use ::redis::Value;

use super::super::JournalError;
use super::super::codec::{Envelope, decode_entry, decode_outcome, id_from_bytes};
use crate::domain::entry::{Entry, Outcome, Revision};
use crate::domain::time::Timestamp;

type Read<T> = Result<T, JournalError>;

pub(super) fn odd(what: &str) -> JournalError {
    JournalError::Corrupt(format!("an unexpected answer: {what}"))
}

pub(super) fn bytes(value: &Value) -> Read<&[u8]> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.as_bytes()),
        _ => Err(odd("no bytes")),
    }
}

pub(super) fn list(value: Value) -> Read<Vec<Value>> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Nil => Ok(Vec::new()),
        _ => Err(odd("no list")),
    }
}

pub(super) fn text(value: &Value) -> Read<&str> {
    std::str::from_utf8(bytes(value)?).map_err(|_| odd("no text"))
}

pub(super) fn number<T: FromStr>(value: &Value) -> Read<T> {
    text(value)?.parse().map_err(|_| odd("no number"))
}

pub(super) fn revision(value: &Value) -> Read<Revision> {
    number(value).map(Revision::new)
}

pub(super) fn time(value: &Value) -> Read<Timestamp> {
    number(value).map(Timestamp::from_ms)
}

/// An outcome as it is kept: its revision, a space, the rest.
pub(super) fn outcome(value: &Value) -> Read<Outcome> {
    let stored = bytes(value)?;
    let space = stored.iter().position(|b| *b == b' ').ok_or_else(|| odd("an outcome"))?;
    let (revision, rest) = stored.split_at(space);
    let revision = std::str::from_utf8(revision).ok().and_then(|text| text.parse().ok());
    let revision = Revision::new(revision.ok_or_else(|| odd("an outcome's revision"))?);
    decode_outcome(revision, rest.get(1..).unwrap_or_default())
}

/// An element of the journal's stream.
pub(super) fn entry(value: Value) -> Read<Entry> {
    let [id, fields] = <[Value; 2]>::try_from(list(value)?).map_err(|_| odd("an element"))?;
    let revision = text(&id)?.strip_prefix("0-").and_then(|text| text.parse().ok());
    let revision = Revision::new(revision.ok_or_else(|| odd("an element's id"))?);
    let fields = list(fields)?;
    let [t, txn, p, previous, ms, at, e, entry] = fields.as_slice() else {
        return Err(odd("an element's fields"));
    };
    for (field, name) in [(t, "t"), (p, "p"), (ms, "ms"), (e, "e")] {
        if text(field)? != name {
            return Err(odd("an element's fields"));
        }
    }
    let envelope = Envelope {
        revision,
        txn: id_from_bytes(bytes(txn)?)?,
        previous: id_from_bytes(bytes(previous)?)?,
        time: time(at)?,
    };
    decode_entry(envelope, bytes(entry)?)
}
