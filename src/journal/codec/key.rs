//! Record keys ↔ bytes: four letters that name the kind, then the id: a caller's as its text, a
//! server's as 16 bytes. A reference is `channel/reference`; no channel's id contains a slash.

use super::super::JournalError;
use super::corrupt;
use super::field::{id_from_bytes, id_to_bytes, name};
use crate::domain::id::{SessionId, TransferId, WorkId};
use crate::domain::record::RecordKey;

/// The bytes under which a record is kept.
#[must_use]
pub fn encode_key(key: &RecordKey) -> Vec<u8> {
    match key {
        RecordKey::Settings => b"set:".to_vec(),
        RecordKey::Configuration(id) => tagged(b"cfg:", id.as_str().as_bytes()),
        RecordKey::Status(id) => tagged(b"sta:", id.as_str().as_bytes()),
        RecordKey::Profile(id) => tagged(b"pro:", id.as_str().as_bytes()),
        RecordKey::Channel(id) => tagged(b"chn:", id.as_str().as_bytes()),
        RecordKey::Skill(id) => tagged(b"skl:", id.as_str().as_bytes()),
        RecordKey::Queue(id) => tagged(b"que:", id.as_str().as_bytes()),
        RecordKey::Flow(id) => tagged(b"flo:", id.as_str().as_bytes()),
        RecordKey::Rep(id) => tagged(b"rep:", id.as_str().as_bytes()),
        RecordKey::RepPresence(id) => tagged(b"pre:", id.as_str().as_bytes()),
        RecordKey::Session(id) => tagged(b"ses:", &id_to_bytes(*id)),
        RecordKey::Reference(channel, reference) => {
            let mut bytes = tagged(b"ref:", channel.as_str().as_bytes());
            bytes.push(b'/');
            bytes.extend_from_slice(reference.as_str().as_bytes());
            bytes
        }
        RecordKey::Work(id) => tagged(b"wrk:", &id_to_bytes(*id)),
        RecordKey::Transfer(id) => tagged(b"trf:", &id_to_bytes(*id)),
    }
}

fn tagged(tag: &[u8; 4], id: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(tag.len() + id.len());
    bytes.extend_from_slice(tag);
    bytes.extend_from_slice(id);
    bytes
}

/// The key of these bytes.
///
/// # Errors
/// [`JournalError::Corrupt`].
pub fn decode_key(bytes: &[u8]) -> Result<RecordKey, JournalError> {
    let unknown = || corrupt(format!("{} is no record key", bytes.escape_ascii()));
    let (tag, id) = bytes.split_at_checked(4).ok_or_else(unknown)?;
    let text = || std::str::from_utf8(id).map_err(|_| unknown());
    Ok(match tag {
        b"set:" if id.is_empty() => RecordKey::Settings,
        b"cfg:" => RecordKey::Configuration(name(text()?)?),
        b"sta:" => RecordKey::Status(name(text()?)?),
        b"pro:" => RecordKey::Profile(name(text()?)?),
        b"chn:" => RecordKey::Channel(name(text()?)?),
        b"skl:" => RecordKey::Skill(name(text()?)?),
        b"que:" => RecordKey::Queue(name(text()?)?),
        b"flo:" => RecordKey::Flow(name(text()?)?),
        b"rep:" => RecordKey::Rep(name(text()?)?),
        b"pre:" => RecordKey::RepPresence(name(text()?)?),
        b"ses:" => RecordKey::Session(id_from_bytes::<SessionId>(id)?),
        b"ref:" => {
            let (channel, reference) = text()?.split_once('/').ok_or_else(unknown)?;
            RecordKey::Reference(name(channel)?, name(reference)?)
        }
        b"wrk:" => RecordKey::Work(id_from_bytes::<WorkId>(id)?),
        b"trf:" => RecordKey::Transfer(id_from_bytes::<TransferId>(id)?),
        _ => return Err(unknown()),
    })
}
