//! External contacts as recipients: whether a session of a channel may be handed to one (T12, T13, T15, N8). Asked by
//! lists, quotes, explanations and decisions (L6); what the session itself says to it isn't known here.

use super::eligibility::Check;
use crate::domain::contacts::Contact;
use crate::domain::directory::{Channel, ChannelFamily, ChannelType, RecipientType, Recipients};
use crate::domain::id::{PartnerId, RepId};
use crate::domain::live::ContactRef;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::State;

/// Can a channel have external contacts at all: is it of the type, and routed by a partner (T12)?
#[must_use]
pub fn has_external_contacts(channel: &Channel) -> bool {
    channel.channel_type == ChannelType::ByocForCcaas && channel.partner().is_some()
}

/// The contact, if the partner that routes the channel has it.
#[must_use]
pub fn external_contact(state: &State, channel: &Channel, of: &ContactRef) -> Option<Contact> {
    (channel.partner() == Some(&of.partner)).then(|| state.contact(of)).flatten()
}

/// T15: may `from` transfer to external contacts?
fn allows_contacts(records: &impl RecordLookup, from: Option<&RepId>) -> bool {
    let configuration =
        from.and_then(|from| records.rep(from)).and_then(|from| records.configuration_of(&from));
    configuration.is_none_or(|configuration| match &configuration.recipients {
        Recipients::Any => true,
        Recipients::Listed { contacts, .. } => *contacts,
    })
}

/// Whether a session of `channel` may be transferred from `from` to `contact`: the contact as the partner that routes the
/// channel has it ([`external_contact`]), or `None` if that partner doesn't.
#[must_use]
pub fn external_checks(
    records: &impl RecordLookup,
    from: Option<&RepId>,
    channel: &Channel,
    contact: Option<&Contact>,
) -> Vec<Check> {
    let transferable = channel.channel_type.family() != ChannelFamily::Standard;
    let types = &channel.recipient_types;
    let offered = types.is_empty() || types.contains(&RecipientType::ExternalContact);
    let available = has_external_contacts(channel)
        && contact.is_some_and(|contact| contact.serves(&channel.id));
    vec![
        Check::new("T13", Reason::ChannelNotTransferable, transferable),
        Check::new("T15", Reason::RecipientNotAllowed, allows_contacts(records, from)),
        Check::new("N8", Reason::RecipientNotAllowed, offered),
        Check { hides: true, ..Check::new("T12", Reason::ExternalContactNotAvailable, available) },
    ]
}

/// A check of an external contact, in words. `id` is the contact's.
#[must_use]
pub fn describe_external(check: Check, id: &str, channel: &Channel) -> String {
    let channel_type = channel.channel_type.name();
    match (check.rule, check.passed) {
        ("T13", true) => format!("{channel_type} can be transferred"),
        ("T13", false) => format!("{channel_type} can't be transferred"),
        ("T15", true) => "the presence configuration allows external contacts".to_owned(),
        ("T15", false) => "the presence configuration allows no external contacts".to_owned(),
        ("N8", true) => format!("channel {} offers external contacts", channel.id),
        ("N8", false) => format!("channel {} offers no external contacts", channel.id),
        (_, true) => format!("{id} takes sessions of channel {}", channel.id),
        (_, false) => unavailable(id, channel),
    }
}

/// Whether a partner is asked now, in words (N7).
#[must_use]
pub fn describe_away(passed: bool, partner: &PartnerId) -> String {
    match passed {
        true => format!("partner {partner} is asked"),
        false => format!("partner {partner} doesn't answer, and isn't asked now"),
    }
}

/// The refusal that a failed check of an external contact leads to.
#[must_use]
pub fn external_refusal(check: Check, of: &ContactRef, channel: &Channel) -> Rejection {
    let text = describe_external(check, of.contact.as_str(), channel);
    let refused = Rejection::new(check.reason, "contact", of.contact.as_str(), text);
    match check.reason {
        Reason::ChannelNotTransferable => refused.with("channel_type", channel.channel_type.name()),
        _ => refused,
    }
}

/// Why a contact isn't available to sessions of a channel (T12).
#[must_use]
pub fn unavailable(id: &str, channel: &Channel) -> String {
    let (channel_id, channel_type) = (&channel.id, channel.channel_type.name());
    match channel.partner() {
        _ if channel.channel_type != ChannelType::ByocForCcaas => format!(
            "channel {channel_id} is {channel_type}; only BYOC_FOR_CCAAS has external contacts"
        ),
        None => format!(
            "channel {channel_id} is routed by Baton; external contacts need a partner that routes it"
        ),
        Some(partner) => format!(
            "{partner}, which routes channel {channel_id}, has no contact {id} that serves it"
        ),
    }
}
