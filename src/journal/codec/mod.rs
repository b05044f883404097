//! Stored bytes ↔ domain values, format 2: record keys as text, everything else as CBOR. What a type's
//! bytes are is derived where the type is (`#[n(…)]`, `domain::stored`); here they are put together:
//!
//! | | CBOR |
//! |---|---|
//! | record | a [`Record`]: the kind's number and its fields, its id among them |
//! | entry | `[cause, facts, changes]`, and where some records are new a list of their places in `changes`; a change is a record's image as a byte string, or, of a removed record, its key as text |
//! | outcome | `[fingerprint, answer]` |
//!
//! Decoding never guesses: what this release doesn't know is [`JournalError::Corrupt`], but for fields
//! at the end, which are skipped, and kinds of facts, which keep their number. What lies where is the
//! journals' business.

mod corrupt;
mod key;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::convert::Infallible;
use std::ops::Range;

use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use self::corrupt::corrupt;
use super::JournalError;
use crate::domain::entry::{Answer, Cause, Fact, Fingerprint};
use crate::domain::record::{Record, RecordKey};

use key::kind_of;
pub use key::{decode_key, encode_key};

/// A record's key, and what it is from then on; `None`: removed.
type Change = (RecordKey, Option<Record>);

/// An entry's bytes, and where in them the images are.
#[derive(Debug)]
pub struct EncodedEntry {
    /// The entry.
    pub bytes: Vec<u8>,
    /// Per change the range of its image in `bytes`; `None`: it is removed.
    pub images: Vec<Option<Range<usize>>>,
}

/// What an entry's bytes say.
#[derive(Debug, PartialEq, Eq, Decode)]
pub struct StoredEntry {
    /// Who caused it.
    #[n(0)]
    pub cause: Cause,
    /// What happened.
    #[n(1)]
    pub facts: Vec<Fact>,
    /// What it wrote.
    #[cbor(n(2), decode_with = "decode_changes")]
    pub changes: Vec<Change>,
    /// Places in `changes` of what is new, ascending.
    #[cbor(n(3), default)]
    pub created: Vec<u32>,
}

#[derive(Encode, Decode)]
struct StoredOutcome<'a> {
    #[n(0)]
    fingerprint: Fingerprint,
    #[n(1)]
    answer: Cow<'a, Answer>,
}

/// Nothing but a `T`.
fn read<T: for<'b> Decode<'b, ()>>(what: &str, bytes: &[u8]) -> Result<T, JournalError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder.decode().map_err(|error| corrupt(format_args!("{what}: {error}")))?;
    match bytes.len() - decoder.position() {
        0 => Ok(value),
        more => Err(corrupt(format_args!("{what}: {more} bytes too many"))),
    }
}

fn append(value: &impl Encode<()>, out: &mut Vec<u8>) {
    encode(value, out).expect("a Vec takes everything");
}

/// The 16 bytes of an id that the server made.
pub fn id_to_bytes(id: impl Into<u128>) -> [u8; 16] {
    id.into().to_be_bytes()
}

/// The id of these 16 bytes.
///
/// # Errors
/// [`JournalError::Corrupt`] for any other number of bytes.
pub fn id_from_bytes<T: From<u128>>(bytes: &[u8]) -> Result<T, JournalError> {
    let bytes = <[u8; 16]>::try_from(bytes)
        .map_err(|_| corrupt(format_args!("{} bytes where an id has 16", bytes.len())))?;
    Ok(u128::from_be_bytes(bytes).into())
}

/// Appends the image of `record` to `out`.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    append(record, out);
}

/// The record whose image is kept under `key`.
///
/// # Errors
/// [`JournalError::Corrupt`].
pub fn decode_record(key: &RecordKey, image: &[u8]) -> Result<Record, JournalError> {
    let record: Record = read("a record", image)?;
    if record.key() == *key {
        Ok(record)
    } else {
        let (key, found) = (encode_key(key), encode_key(&record.key()));
        Err(corrupt(format_args!("under {} lies {}", kind_of(&key), kind_of(&found))))
    }
}

/// The bytes of an entry.
#[must_use]
pub fn encode_entry(
    cause: &Cause,
    facts: &[Fact],
    changes: &[Change],
    created: &[u32],
) -> EncodedEntry {
    let mut bytes = Vec::with_capacity(128 + 256 * changes.len());
    let parts = if created.is_empty() { 3 } else { 4 };
    let images =
        put_entry(&mut bytes, parts, cause, facts, changes).expect("a Vec takes everything");
    if !created.is_empty() {
        append(&created, &mut bytes);
    }
    EncodedEntry { bytes, images }
}

fn put_entry(
    out: &mut Vec<u8>,
    parts: u64,
    cause: &Cause,
    facts: &[Fact],
    changes: &[Change],
) -> Result<Vec<Option<Range<usize>>>, encode::Error<Infallible>> {
    let mut e = Encoder::new(out);
    e.array(parts)?.encode(cause)?.encode(facts)?.array(changes.len() as u64)?;
    let mut image = Vec::with_capacity(512);
    let put = |(key, record): &Change| {
        let Some(record) = record else {
            let key = encode_key(key);
            e.str(&String::from_utf8_lossy(&key))?;
            return Ok(None);
        };
        image.clear();
        encode_record(record, &mut image);
        e.bytes(&image)?;
        let end = e.writer().len();
        Ok(Some(end - image.len()..end))
    };
    changes.iter().map(put).collect()
}

/// The cause, the facts and the changes of an entry.
///
/// # Errors
/// [`JournalError::Corrupt`].
pub fn decode_entry(bytes: &[u8]) -> Result<StoredEntry, JournalError> {
    read("an entry", bytes)
}

fn decode_changes<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<Change>, decode::Error> {
    let count = d.array()?.ok_or_else(|| decode::Error::message("changes without a number"))?;
    let change = |_| match d.datatype()? {
        Type::String => {
            Ok((decode_key(d.str()?.as_bytes()).map_err(decode::Error::message)?, None))
        }
        _ => {
            let record: Record = read("an image", d.bytes()?).map_err(decode::Error::message)?;
            Ok((record.key(), Some(record)))
        }
    };
    (0..count).map(change).collect()
}

/// The bytes of what was asked and answered.
#[must_use]
pub fn encode_outcome(fingerprint: Fingerprint, answer: &Answer) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&StoredOutcome { fingerprint, answer: Cow::Borrowed(answer) }, &mut bytes);
    bytes
}

/// The bytes of an outcome whose answer is a record, but for the record's image, which ends them: a
/// store that has the image in an entry needn't be given it twice.
#[must_use]
pub fn encode_outcome_head(fingerprint: Fingerprint) -> Vec<u8> {
    let mut bytes = vec![0x82];
    append(&fingerprint, &mut bytes);
    bytes.extend([0x82, 0x01, 0x81]);
    bytes
}

/// What was asked and answered.
///
/// # Errors
/// [`JournalError::Corrupt`].
pub fn decode_outcome(bytes: &[u8]) -> Result<(Fingerprint, Answer), JournalError> {
    let outcome: StoredOutcome<'_> = read("an outcome", bytes)?;
    Ok((outcome.fingerprint, outcome.answer.into_owned()))
}
