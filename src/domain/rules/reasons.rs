//! The checks of `eligibility` in words, and the refusals that they lead to (D1, L6). Which of them are looked at, and what not
//! passing does, isn't known here.

use crate::domain::directory::{Channel, Rep};
use crate::domain::eligibility::offers;
use crate::domain::id::RepId;
use crate::domain::live::Recipient;
use crate::domain::rejection::{Reason, Rejection};

/// Has `rep` what T14 asks for, to receive or to end sessions of `channel`?
///
/// # Errors
/// MISSING_LICENCE or MISSING_PERMISSION.
pub fn entitled(rep: &Rep, channel: &Channel) -> Result<(), Rejection> {
    let (licence, permission) = channel.channel_type.requirements();
    let missing = if !rep.licences.contains(&licence) {
        Reason::MissingLicence
    } else if !rep.permissions.contains(&permission) {
        Reason::MissingPermission
    } else {
        return Ok(());
    };
    Err(refusal(missing, rep, channel))
}

/// The refusal that a failed check leads to.
#[must_use]
pub fn refusal(reason: Reason, rep: &Rep, channel: &Channel) -> Rejection {
    let refused = Rejection::new(reason, "rep", &rep.id, describe(reason, false, rep, channel));
    let (licence, permission) = channel.channel_type.requirements();
    match reason {
        Reason::MissingLicence => refused.with("rep", &rep.id).with("licence", licence.name()),
        Reason::MissingPermission => {
            refused.with("rep", &rep.id).with("permission", permission.name())
        }
        Reason::ChannelNotTransferable | Reason::RecipientNotOnlineForChannel => {
            refused.with("channel_type", channel.channel_type.name())
        }
        _ => refused,
    }
}

/// What a recipient is, and which one.
#[must_use]
pub fn named(to: &Recipient) -> (&'static str, &str) {
    match to {
        Recipient::Rep(id) => ("rep", id.as_str()),
        Recipient::Queue(id) => ("queue", id.as_str()),
        Recipient::Flow(id) => ("flow", id.as_str()),
        Recipient::Contact(of) => ("contact", of.contact.as_str()),
    }
}

/// The refusal that a failed check of a queue or a flow leads to.
#[must_use]
pub fn line_refusal(reason: Reason, to: &Recipient, channel: &Channel) -> Rejection {
    let (kind, id) = named(to);
    let refused = Rejection::new(reason, kind, id, describe_line(reason, false, to, channel));
    let channel_type = channel.channel_type.name();
    match reason {
        Reason::QueueNotForChannel => refused.with("queue", id).with("channel_type", channel_type),
        Reason::ChannelNotTransferable => refused.with("channel_type", channel_type),
        _ => refused,
    }
}

/// A check of a queue or a flow, in words.
#[must_use]
pub fn describe_line(reason: Reason, passed: bool, to: &Recipient, channel: &Channel) -> String {
    let (kind, id) = named(to);
    let channel_type = channel.channel_type.name();
    match (reason, passed) {
        (Reason::ChannelNotTransferable, true) => format!("{channel_type} can be transferred"),
        (Reason::ChannelNotTransferable, false) => format!("{channel_type} can't be transferred"),
        (Reason::RecipientNotAllowed, true) => "it may be chosen".to_owned(),
        (Reason::RecipientNotAllowed, false) if !offers(channel, to) => {
            format!("channel {} lets no session go to a {kind}", channel.id)
        }
        (Reason::RecipientNotAllowed, false) => {
            format!("the presence configuration allows only listed {kind}s, and {id} isn't one")
        }
        (Reason::QueueNotForChannel, true) => format!("queue {id} serves {channel_type}"),
        (Reason::QueueNotForChannel, false) => format!(
            "queue {id} doesn't serve channel {}: it isn't for {channel_type}, or it is a partner's that doesn't route \
             the channel",
            channel.id
        ),
        (Reason::LimitExceeded, true) => format!("queue {id} takes more work"),
        (Reason::LimitExceeded, false) => {
            format!("queue {id} is full: it takes no more than its max_length")
        }
        (Reason::MissingPermission, true) => "the caller has the permission RUN_FLOWS".to_owned(),
        (Reason::MissingPermission, false) => {
            "the caller lacks the permission RUN_FLOWS, which flows need".to_owned()
        }
        (other, _) => other.name().to_owned(),
    }
}

/// A check in words.
#[must_use]
pub fn describe(reason: Reason, passed: bool, rep: &Rep, channel: &Channel) -> String {
    let id = &rep.id;
    let (licence, permission) = channel.channel_type.requirements();
    let (kind, licence, permission) =
        (channel.channel_type.name(), licence.name(), permission.name());
    if let Some(text) = describe_presence(reason, passed, id) {
        return text;
    }
    match (reason, passed) {
        (Reason::RecipientNotOnlineForChannel, true) => {
            format!("{id}'s presence status doesn't leave out {kind}")
        }
        (Reason::RecipientNotOnlineForChannel, false) => {
            format!(
                "{id}'s presence status doesn't cover {kind}, the type of channel {}",
                channel.id
            )
        }
        (Reason::MissingLicence, true) => format!("{id} has the licence {licence}"),
        (Reason::MissingLicence, false) => {
            format!("{id} lacks the licence {licence}, which {kind} needs")
        }
        (Reason::MissingPermission, true) => format!("{id} has the permission {permission}"),
        (Reason::MissingPermission, false) => {
            format!("{id} lacks the permission {permission}, which {kind} needs")
        }
        (Reason::RecipientFull, true) => format!("{id} has room for it"),
        (Reason::RecipientFull, false) => format!("{id} has no room for it now; it would wait"),
        (Reason::DirectoryChangePending, true) => {
            format!("no change of the directory has still to reach {id}")
        }
        (Reason::DirectoryChangePending, false) => {
            format!("a change of the directory hasn't reached {id} yet, which takes moments")
        }
        (Reason::DirectToRepRoutingDisabled, true) => "the org routes to reps directly".to_owned(),
        (Reason::DirectToRepRoutingDisabled, false) => {
            "the org setting skills_based_and_direct_to_rep_routing is off".to_owned()
        }
        (Reason::ChannelNotTransferable, true) => format!("{kind} can be transferred"),
        (Reason::ChannelNotTransferable, false) => format!("{kind} can't be transferred"),
        (Reason::NotQueueMember, true) => format!("{id} is a member of the queue"),
        (Reason::NotQueueMember, false) => format!("{id} isn't a member of the queue"),
        (Reason::MissingSkill, true) => format!("{id} has the skills that it asks for"),
        (Reason::MissingSkill, false) => {
            format!("{id} lacks a skill that it asks for, or the level")
        }
        (Reason::QueueNotForChannel, true) => format!("the queue serves {kind}"),
        (Reason::QueueNotForChannel, false) => format!("the queue doesn't serve {kind}"),
        (Reason::SelfTransfer, true) => format!("{id} doesn't have the session"),
        (Reason::SelfTransfer, false) => format!("{id} has the session already"),
        (Reason::RecipientNotAllowed, true) => format!("{id} may be chosen"),
        (Reason::RecipientNotAllowed, false) => not_allowed(rep, channel),
        (other, _) => other.name().to_owned(),
    }
}

/// Why a rep may not be chosen (T15, N8).
fn not_allowed(rep: &Rep, channel: &Channel) -> String {
    if !offers(channel, &Recipient::Rep(rep.id.clone())) {
        return format!("channel {} lets no session go to a rep", channel.id);
    }
    format!("the presence configuration allows only listed profiles, and {} isn't one", rep.profile)
}

/// A check of a presence, whatever the channel, in words.
fn describe_presence(reason: Reason, passed: bool, id: &RepId) -> Option<String> {
    Some(match (reason, passed) {
        (Reason::RecipientOffline, true) => format!("{id} is signed in"),
        (Reason::RecipientOffline, false) => format!("{id} is not signed in"),
        (Reason::RecipientDisconnected, true) => format!("no lease of {id}'s has run out"),
        (Reason::RecipientDisconnected, false) => {
            format!("{id}'s client has not renewed its lease; it may be back within the grace")
        }
        (Reason::RecipientBusy, true) => format!("{id} has not chosen a BUSY status"),
        (Reason::RecipientBusy, false) => format!("{id} has chosen a BUSY status"),
        (Reason::RecipientFinishing, true) => format!("{id} isn't about to stop"),
        (Reason::RecipientFinishing, false) => {
            format!("{id} finishes their current work, and takes nothing new before they stop")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::directory::{CapacityModel, ChannelType, RoutingOwner};
    use crate::domain::units::{Units, Weight};

    #[test]
    fn l6_reasons_are_told_in_the_words_of_the_api() {
        let rep = Rep {
            id: "ana".parse().unwrap(),
            name: "Ana".into(),
            profile: "agents".parse().unwrap(),
            configuration: None,
            licences: [].into(),
            permissions: [].into(),
            skills: [].into(),
            partners: [].into(),
        };
        let channel = Channel {
            id: "wa".parse().unwrap(),
            name: "WhatsApp".into(),
            channel_type: ChannelType::Whatsapp,
            routing_owner: RoutingOwner::Baton,
            capacity_model: CapacityModel::TabBased,
            weight: Weight::Units(Units::whole(1)),
            paused_weight: None,
            fallback_queue: None,
            wrap_up: None,
            interruptible: false,
            recipient_types: [].into(),
            default_target: None,
            partner_routes_reps: false,
            adapters: [].into(),
        };
        let told = |reason, passed| describe(reason, passed, &rep, &channel);
        assert_eq!(
            told(Reason::MissingLicence, false),
            "ana lacks the licence MESSAGING_USER, which WHATSAPP needs"
        );
        assert_eq!(told(Reason::MissingPermission, true), "ana has the permission MESSAGING_AGENT");
        assert_eq!(told(Reason::RecipientDisconnected, true), "no lease of ana's has run out");
    }
}
