//! Taking Redis' answers apart. What isn't as expected is [`JournalError::Corrupt`].

use std::fmt::Display;
use std::str::FromStr;

use ::redis::Value;

use super::super::JournalError;
use super::super::codec::{StoredEntry, decode_entry, decode_outcome, id_from_bytes};
use super::keys::STORED_LEVEL;
use crate::domain::entry::{Entry, Outcome, Revision};
use crate::domain::id::OrgId;
use crate::domain::time::Timestamp;

type Read<T> = Result<T, JournalError>;

pub(super) fn odd(what: &str) -> JournalError {
    JournalError::Corrupt(format!("an unexpected answer: {what}"))
}

/// The org was there and isn't.
pub(super) fn gone(org: &OrgId) -> JournalError {
    broken(org, "it was there, and nothing is left of it in the store")
}

/// Records are missing, or there are some that nobody counted.
pub(super) fn miscounted(org: &OrgId, there: impl Display, counted: impl Display) -> JournalError {
    broken(org, &format!("it has {there} records, and its head counts {counted}"))
}

/// Something of the org was lost or changed by others. Only an operator can say which it is to be.
pub(super) fn broken(org: &OrgId, what: &str) -> JournalError {
    JournalError::Corrupt(format!(
        "org {org}: {what}. Bring the store's data back; or, if the org is to be given up, run `baton \
         org forget {org}`, and it begins anew"
    ))
}

/// What a script says that did nothing because of what it found.
pub(super) fn corrupt(org: &OrgId, tag: &Value, rest: &[Value]) -> JournalError {
    let part = |at| rest.get(at).and_then(|value| text(value).ok()).unwrap_or("?");
    match text(tag) {
        Ok("GONE") => gone(org),
        Ok("RECORDS") => miscounted(org, part(0), part(1)),
        Ok("CORRUPT") => broken(org, part(0)),
        Ok("FORMAT") if part(0) == "1" => broken(
            org,
            "it is stored in format 1, of a preview that was never released and that this release \
             can't read. Run that preview's build as long as the org is needed",
        ),
        Ok("FORMAT") => JournalError::Corrupt(format!(
            "org {org} is stored in format {}, which this release doesn't know: upgrade this server to \
             the release that wrote it",
            part(0)
        )),
        Ok("LEVEL") => JournalError::Corrupt(format!(
            "org {org} was written by a later release, at level {} of the stored form, and this one \
             knows {STORED_LEVEL} and would drop the rest: upgrade this server",
            part(0)
        )),
        _ => odd("an unknown kind"),
    }
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

/// What is kept with the revision that it is of: that, a space, the rest.
pub(super) fn with_revision(value: &Value) -> Read<(Revision, &[u8])> {
    let stored = bytes(value)?;
    let space = stored.iter().position(|b| *b == b' ').ok_or_else(|| odd("no revision"))?;
    let (revision, rest) = stored.split_at(space);
    let revision = std::str::from_utf8(revision).ok().and_then(|text| text.parse().ok());
    Ok((Revision::new(revision.ok_or_else(|| odd("a revision"))?), &rest[1..]))
}

/// An outcome.
pub(super) fn outcome(value: &Value) -> Read<Outcome> {
    let (revision, rest) = with_revision(value)?;
    let (fingerprint, answer) = decode_outcome(rest)?;
    Ok(Outcome { revision, fingerprint, answer })
}

/// Did a script say that it did nothing?
pub(super) const fn is_zero(value: &Value) -> bool {
    matches!(value, Value::Int(0))
}

/// An element of the journal's stream, and what it says of the request that led to it.
pub(super) fn element(value: Value) -> Read<(Entry, Vec<u8>)> {
    let [id, fields] = <[Value; 2]>::try_from(list(value)?).map_err(|_| odd("an element"))?;
    let revision = text(&id)?.strip_prefix("0-").and_then(|text| text.parse().ok());
    let revision = Revision::new(revision.ok_or_else(|| odd("an element's id"))?);
    let fields = list(fields)?;
    let [i, id, p, previous, ms, at, e, entry, r, request] = fields.as_slice() else {
        return Err(odd("an element's fields"));
    };
    for (field, name) in [(i, "i"), (p, "p"), (ms, "ms"), (e, "e"), (r, "r")] {
        if text(field)? != name {
            return Err(odd("an element's fields"));
        }
    }
    let StoredEntry { cause, facts, changes, created } = decode_entry(bytes(entry)?)?;
    let id = id_from_bytes(bytes(id)?)?;
    let previous = id_from_bytes(bytes(previous)?)?;
    let time = time(at)?;
    let entry = Entry { revision, id, previous, time, cause, changes, facts, created };
    Ok((entry, bytes(request)?.to_vec()))
}

/// The entry alone.
pub(super) fn entry(value: Value) -> Read<Entry> {
    element(value).map(|(entry, _)| entry)
}
