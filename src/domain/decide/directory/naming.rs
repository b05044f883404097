//! What directory resources are called, and all of them in order.

use crate::domain::id::{ConfigurationId, RepId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::state::State;

/// The name and id that a directory record goes by; `None` for records that aren't of the
/// directory.
#[must_use]
pub fn name_of(key: &RecordKey) -> Option<(&'static str, &str)> {
    match key {
        RecordKey::Settings => Some(("org_settings", "")),
        RecordKey::Configuration(id) => Some(("presence_configuration", id.as_str())),
        RecordKey::Status(id) => Some(("presence_status", id.as_str())),
        RecordKey::Profile(id) => Some(("profile", id.as_str())),
        RecordKey::Partner(id) => Some(("partner", id.as_str())),
        RecordKey::Channel(id) => Some(("channel", id.as_str())),
        RecordKey::Skill(id) => Some(("skill", id.as_str())),
        RecordKey::Queue(id) => Some(("queue", id.as_str())),
        RecordKey::Flow(id) => Some(("flow", id.as_str())),
        RecordKey::Rep(id) => Some(("rep", id.as_str())),
        RecordKey::RepPresence(_)
        | RecordKey::Session(_)
        | RecordKey::Reference(..)
        | RecordKey::Work(_)
        | RecordKey::Transfer(_)
        | RecordKey::Handoff(_)
        | RecordKey::RoutingRequest(_)
        | RecordKey::PartnerHealth(_)
        | RecordKey::ContactBook(_)
        | RecordKey::ContactBlock(..)
        | RecordKey::QueueReport(_)
        | RecordKey::Mark(_) => None,
    }
}

/// The same, of a record that is of the directory.
pub(super) fn named(key: &RecordKey) -> (&'static str, &str) {
    name_of(key).unwrap_or(("resource", ""))
}

/// Every directory record but the settings, in key order.
pub fn resources(state: &State) -> impl Iterator<Item = &Record> {
    let from = RecordKey::Configuration(ConfigurationId::least());
    state.range(from..RecordKey::RepPresence(RepId::least()))
}
