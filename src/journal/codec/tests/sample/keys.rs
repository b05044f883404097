//! Keys of every kind, of whatever ids.

use super::id;
use crate::domain::id::ContactId;
use crate::domain::record::{MarkKey, RecordKey};

/// How many kinds of keys [`key`] makes.
pub const KEYS: usize = 22;

/// The key of this kind, of these ids.
pub fn key(kind: usize, text: &str, other: &str, number: u128) -> RecordKey {
    let generation = u64::try_from(number & u128::from(u64::MAX)).expect("it is that short");
    match kind {
        0 => RecordKey::Settings,
        1 => RecordKey::Configuration(id(text)),
        2 => RecordKey::Status(id(text)),
        3 => RecordKey::Profile(id(text)),
        4 => RecordKey::Channel(id(text)),
        5 => RecordKey::Rep(id(text)),
        6 => RecordKey::RepPresence(id(text)),
        7 => RecordKey::Session(number.into()),
        8 => RecordKey::Reference(id(text), id(other)),
        9 => RecordKey::Work(number.into()),
        10 => RecordKey::Skill(id(text)),
        11 => RecordKey::Queue(id(text)),
        12 => RecordKey::Flow(id(text)),
        13 => RecordKey::Transfer(number.into()),
        14 => RecordKey::Partner(id(text)),
        15 => RecordKey::Handoff(number.into()),
        16 => RecordKey::RoutingRequest(number.into()),
        17 => RecordKey::PartnerHealth(id(text)),
        18 => RecordKey::ContactBook(id(text)),
        19 => RecordKey::ContactBlock(id(text), generation, ContactId::least()),
        20 => RecordKey::QueueReport(id(text)),
        _ => RecordKey::Mark(MarkKey::Contacts(id(text), generation)),
    }
}
