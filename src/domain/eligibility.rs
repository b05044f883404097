//! Who can take what. One list of rules serves listing, quoting, transferring, offering and
//! explaining (L6): each looks at the same checks and asks another question of them.

use super::capacity::has_room;
use super::directory::{Channel, ChannelFamily, Licence, Recipients, Rep};
use super::id::RepId;
use super::live::{Connection, RepPresence};
use super::look::Look;
use super::rejection::{Reason, Rejection};

/// One rule, looked at for one rep and one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its number in the behaviour document, such as `T14`.
    pub rule: &'static str,
    /// The reason code when it isn't passed.
    pub reason: Reason,
    /// Whether it is.
    pub passed: bool,
    /// Not passing keeps the rep out of the list (L1).
    pub hides: bool,
    /// Not passing forbids a transfer; otherwise it only makes it wait (T8).
    pub forbids: bool,
}

impl Check {
    const fn new(rule: &'static str, reason: Reason, passed: bool) -> Self {
        Self { rule, reason, passed, hides: false, forbids: true }
    }

    const fn hides(mut self) -> Self {
        self.hides = true;
        self
    }

    const fn only_delays(mut self) -> Self {
        self.forbids = false;
        self
    }
}

/// Whether a rep can take work of a channel now: there, online for it, entitled, with room.
#[must_use]
pub fn receiving(look: &impl Look, rep: &Rep, channel: &Channel) -> [Check; 7] {
    let live = look.rep_presence(&rep.id);
    let status = live.presence.as_ref().and_then(|p| look.status(&p.status));
    let online_for = status.as_ref().map(|s| &s.online_for);
    let signed_in = live.presence.is_some();
    let (licence, permission) = channel.channel_type.requirements();
    let licensed = rep.licences.contains(&licence);
    let listed_licence = rep.licences.contains(&Licence::MessagingUser)
        || rep.licences.contains(&Licence::EnhancedChatUser);
    let mut entitled = Check::new("T14", Reason::MissingLicence, licensed);
    entitled.hides = !listed_licence;
    [
        Check::new("L1", Reason::RecipientOffline, signed_in).hides(),
        Check::new("P4", Reason::RecipientDisconnected, !signed_in || live.is_connected()).hides(),
        Check::new("L1", Reason::RecipientBusy, online_for.is_none_or(|types| !types.is_empty()))
            .hides(),
        Check::new(
            "P1",
            Reason::RecipientNotOnlineForChannel,
            online_for
                .is_none_or(|types| types.is_empty() || types.contains(&channel.channel_type)),
        ),
        entitled,
        Check::new("T14", Reason::MissingPermission, rep.permissions.contains(&permission)),
        Check::new("T7", Reason::RecipientFull, has_room(look, &rep.id, channel)).only_delays(),
    ]
}

/// Whether a session of `channel` may be transferred from `from` to `rep`, whoever is there.
#[must_use]
pub fn handing_on(
    look: &impl Look,
    from: Option<&RepId>,
    rep: &Rep,
    channel: &Channel,
) -> [Check; 4] {
    let transferable = channel.channel_type.family() != ChannelFamily::Standard;
    let allowed = from
        .and_then(|from| look.rep(from))
        .and_then(|from| look.configuration_of(&from))
        .is_none_or(|configuration| match &configuration.recipients {
            Recipients::Any => true,
            Recipients::Listed { profiles, .. } => profiles.contains(&rep.profile),
        });
    let direct = look.settings().direct_to_rep_routing;
    [
        Check::new("T10", Reason::DirectToRepRoutingDisabled, direct).hides(),
        Check::new("T13", Reason::ChannelNotTransferable, transferable),
        Check::new("T16", Reason::SelfTransfer, from != Some(&rep.id)),
        Check::new("T15", Reason::RecipientNotAllowed, allowed),
    ]
}

/// Can `rep` be offered a session of `channel` right now?
#[must_use]
pub fn can_take(look: &impl Look, rep: &RepId, channel: &Channel) -> bool {
    look.rep(rep).is_some_and(|rep| receiving(look, &rep, channel).iter().all(|c| c.passed))
}

/// Is `rep` there for `channel`, if only within the grace (P4)? An offer outlives a lost
/// connection, but not going offline or busy (T17).
#[must_use]
pub fn is_there(look: &impl Look, live: &RepPresence, channel: &Channel) -> bool {
    live.presence.as_ref().is_some_and(|presence| {
        matches!(presence.connection, Connection::Connected | Connection::Disconnected { .. })
            && look
                .status(&presence.status)
                .is_some_and(|status| status.online_for.contains(&channel.channel_type))
    })
}

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
    Rejection::new(reason, "rep", &rep.id, describe(reason, false, rep, channel))
}

/// A check in words.
#[must_use]
pub fn describe(reason: Reason, passed: bool, rep: &Rep, channel: &Channel) -> String {
    let id = &rep.id;
    let (licence, permission) = channel.channel_type.requirements();
    let (kind, licence, permission) =
        (channel.channel_type.name(), licence.name(), permission.name());
    match (reason, passed) {
        (Reason::RecipientOffline, true) => format!("{id} is signed in"),
        (Reason::RecipientOffline, false) => format!("{id} is not signed in"),
        (Reason::RecipientDisconnected, true) => format!("no lease of {id}'s has run out"),
        (Reason::RecipientDisconnected, false) => {
            format!("{id}'s client has not renewed its lease; it may be back within the grace")
        }
        (Reason::RecipientBusy, true) => format!("{id} has not chosen a BUSY status"),
        (Reason::RecipientBusy, false) => format!("{id} has chosen a BUSY status"),
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
        (Reason::DirectToRepRoutingDisabled, true) => "the org routes to reps directly".to_owned(),
        (Reason::DirectToRepRoutingDisabled, false) => {
            "the org setting skills_based_and_direct_to_rep_routing is off".to_owned()
        }
        (Reason::ChannelNotTransferable, true) => format!("{kind} can be transferred"),
        (Reason::ChannelNotTransferable, false) => format!("{kind} can't be transferred"),
        (Reason::SelfTransfer, true) => format!("{id} doesn't have the session"),
        (Reason::SelfTransfer, false) => format!("{id} has the session already"),
        (Reason::RecipientNotAllowed, true) => "the presence configuration allows it".to_owned(),
        (Reason::RecipientNotAllowed, false) => format!(
            "the presence configuration allows only listed profiles, and {} isn't one",
            rep.profile
        ),
        (other, _) => other.name().to_owned(),
    }
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
