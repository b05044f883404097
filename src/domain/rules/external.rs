//! External contacts as recipients (T12, N8): whether a session of a channel may be handed to one.
use crate::domain::contacts::Contact;
use crate::domain::directory::Channel;
use crate::domain::eligibility::Check;
use crate::domain::id::RepId;
use crate::domain::record_lookup::RecordLookup;

/// TEMPORARY
#[must_use]
pub fn external_checks(
    _records: &impl RecordLookup,
    _from: Option<&RepId>,
    _channel: &Channel,
    _contact: Option<&Contact>,
) -> Vec<Check> {
    Vec::new()
}
