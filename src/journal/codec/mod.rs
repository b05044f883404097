//! Stored bytes ↔ domain values: keys, record images, entries, outcomes. Decoding never guesses: a
//! value that this release doesn't know is [`JournalError::Corrupt`]. Which bytes lie where is the
//! journals' business, not this module's; the format itself is `proto/baton/stored/v1`.

mod directory;
mod entry;
mod enums;
mod field;
mod key;
mod live;
mod presence;
mod routing;
#[cfg(test)]
mod tests;
mod work;

use prost::Message;

use super::JournalError;
use crate::domain::record::{Record, RecordKey};

pub use entry::{
    EncodedEntry, Envelope, decode_entry, decode_outcome, encode_entry, encode_outcome,
};
pub use field::{id_from_bytes, id_to_bytes};
pub use key::{decode_key, encode_key};

/// The generated types, package `baton.stored.v1`.
mod stored {
    #![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
    tonic::include_proto!("baton.stored.v1");
}

fn corrupt(what: impl Into<String>) -> JournalError {
    JournalError::Corrupt(what.into())
}

/// Decodes a message of the stored package.
fn message<M: Message + Default>(what: &str, bytes: &[u8]) -> Result<M, JournalError> {
    M::decode(bytes).map_err(|error| corrupt(format!("{what}: {error}")))
}

/// Appends the image of `record` to `out`. The key isn't part of it.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    let put: &dyn Fn(&mut Vec<u8>) = match record {
        Record::Settings(r) => &|out| append(&directory::from_settings(r), out),
        Record::Configuration(r) => &|out| append(&directory::from_configuration(r), out),
        Record::Status(r) => &|out| append(&directory::from_status(r), out),
        Record::Profile(r) => &|out| append(&directory::from_profile(r), out),
        Record::Channel(r) => &|out| append(&directory::from_channel(r), out),
        Record::Skill(r) => &|out| append(&routing::from_skill(r), out),
        Record::Queue(r) => &|out| append(&routing::from_queue(r), out),
        Record::Flow(r) => &|out| append(&routing::from_flow(r), out),
        Record::Rep(r) => &|out| append(&directory::from_rep(r), out),
        Record::RepPresence(r) => &|out| append(&presence::from_rep_presence(r), out),
        Record::Session(r) => &|out| append(&live::from_session(r), out),
        Record::Reference(_, _, session) => &|out| append(&live::from_reference(*session), out),
        Record::Work(r) => &|out| append(&work::from_work(r), out),
        Record::Transfer(r) => &|out| append(&live::from_transfer(r), out),
    };
    put(out);
}

fn append(message: &impl Message, out: &mut Vec<u8>) {
    out.reserve(message.encoded_len());
    // A Vec grows, so there is always room.
    message.encode_raw(out);
}

/// The record that `key` and `image` make.
///
/// # Errors
/// [`JournalError::Corrupt`].
pub fn decode_record(key: &RecordKey, image: &[u8]) -> Result<Record, JournalError> {
    use std::sync::Arc;
    Ok(match key {
        RecordKey::Settings => {
            Record::Settings(Arc::new(directory::to_settings(message("settings", image)?)?))
        }
        RecordKey::Configuration(id) => Record::Configuration(Arc::new(
            directory::to_configuration(id.clone(), message("a configuration", image)?)?,
        )),
        RecordKey::Status(id) => {
            Record::Status(Arc::new(directory::to_status(id.clone(), message("a status", image)?)?))
        }
        RecordKey::Profile(id) => Record::Profile(Arc::new(directory::to_profile(
            id.clone(),
            message("a profile", image)?,
        )?)),
        RecordKey::Channel(id) => Record::Channel(Arc::new(directory::to_channel(
            id.clone(),
            message("a channel", image)?,
        )?)),
        RecordKey::Skill(id) => {
            Record::Skill(Arc::new(routing::to_skill(id.clone(), message("a skill", image)?)))
        }
        RecordKey::Queue(id) => {
            Record::Queue(Arc::new(routing::to_queue(id.clone(), message("a queue", image)?)?))
        }
        RecordKey::Flow(id) => {
            Record::Flow(Arc::new(routing::to_flow(id.clone(), message("a flow", image)?)?))
        }
        RecordKey::Rep(id) => {
            Record::Rep(Arc::new(directory::to_rep(id.clone(), message("a rep", image)?)?))
        }
        RecordKey::RepPresence(rep) => Record::RepPresence(Arc::new(presence::to_rep_presence(
            rep.clone(),
            message("a presence", image)?,
        )?)),
        RecordKey::Session(id) => {
            Record::Session(Arc::new(live::to_session(*id, message("a session", image)?)?))
        }
        RecordKey::Reference(channel, reference) => Record::Reference(
            channel.clone(),
            reference.clone(),
            live::to_reference(&message("a reference", image)?)?,
        ),
        RecordKey::Work(id) => Record::Work(Arc::new(work::to_work(*id, message("work", image)?)?)),
        RecordKey::Transfer(id) => {
            Record::Transfer(Arc::new(live::to_transfer(*id, message("a transfer", image)?)?))
        }
    })
}
