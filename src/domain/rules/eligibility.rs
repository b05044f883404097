//! Who can take what. One list of rules serves listing, quoting, transferring, offering and
//! explaining (L6): each looks at the same checks and asks another question of them.

use std::collections::BTreeMap;

use crate::domain::directory::{
    Channel, ChannelFamily, ChannelType, Licence, PartnerQueue, Permission, PresenceStatus, Queue,
    RecipientType, Recipients, Rep,
};
use crate::domain::id::{QueueId, RepId, SkillId};
use crate::domain::line::skilled;
use crate::domain::live::{Connection, Recipient, RepPresence, RepReach, Work};
use crate::domain::load::weight_of;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};

/// One rule, looked at for one rep and one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// Its number in `docs/rules.md`, such as `T14`.
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
    pub(super) const fn new(rule: &'static str, reason: Reason, passed: bool) -> Self {
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

/// Is `rep` entitled to work of this channel type (T14)?
#[must_use]
pub fn is_entitled(rep: &Rep, channel_type: ChannelType) -> bool {
    let (licence, permission) = channel_type.requirements();
    rep.licences.contains(&licence) && rep.permissions.contains(&permission)
}

/// What `rep` can be asked to do with this status, being a member of these queues.
#[must_use]
pub fn reach_of(
    records: &impl RecordLookup,
    rep: &Rep,
    status: &PresenceStatus,
    queues: impl IntoIterator<Item = QueueId>,
) -> RepReach {
    let takes = status.online_for.iter().copied().filter(|t| is_entitled(rep, *t)).collect();
    let queues = queues
        .into_iter()
        .filter_map(|id| records.queue(&id))
        .filter(|queue| queue.reps.contains(&rep.id))
        .map(|queue| (queue.id.clone(), queue.model))
        .collect();
    let configuration = records.configuration_of(rep);
    RepReach {
        capacity: configuration.as_ref().map(|c| c.capacity).unwrap_or_default(),
        interruptible_capacity: configuration.map(|c| c.interruptible_capacity).unwrap_or_default(),
        takes,
        skills: rep.skills.clone(),
        queues,
    }
}

/// Does `queue` take sessions of `channel`: of its type, and, if a partner routes the queue, routed by that partner (N1)?
#[must_use]
pub fn queue_takes(queue: &Queue, channel: &Channel) -> bool {
    let routed = |of: &PartnerQueue| channel.partner() == Some(&of.partner);
    queue.serves(channel.channel_type) && queue.partner.as_ref().is_none_or(routed)
}

/// Whether a rep can take what waits in `queue` and insists on `needs`, apart from [`receiving`].
#[must_use]
pub fn serving(
    rep: &Rep,
    queue: &Queue,
    channel: &Channel,
    needs: &BTreeMap<SkillId, u32>,
) -> [Check; 3] {
    let serves = queue_takes(queue, channel);
    [
        Check::new("R10", Reason::QueueNotForChannel, serves),
        Check::new("R1", Reason::NotQueueMember, queue.reps.contains(&rep.id)),
        Check::new("R4", Reason::MissingSkill, skilled(&rep.skills, needs)),
    ]
}

/// Can `rep` be offered, right now, a session of `channel` that waits in `queue` with these needs?
#[must_use]
pub fn can_serve(
    records: &impl RecordLookup,
    rep: &RepId,
    queue: &Queue,
    channel: &Channel,
    needs: &BTreeMap<SkillId, u32>,
) -> bool {
    records.rep(rep).is_some_and(|rep| {
        receiving(records, &rep, channel, Some(queue)).iter().all(|c| c.passed)
            && serving(&rep, queue, channel, needs).iter().all(|c| c.passed)
    })
}

/// Whether a rep can take work of a channel now: there, online for it, entitled, with room for what
/// it weighs, through `queue` if it comes through one.
#[must_use]
pub fn receiving(
    records: &impl RecordLookup,
    rep: &Rep,
    channel: &Channel,
    queue: Option<&Queue>,
) -> [Check; 9] {
    receiving_without(records, rep, channel, queue, None)
}

/// The same of a rep as they would be without `held`: what they hold for the very session in question.
#[must_use]
pub fn receiving_without(
    records: &impl RecordLookup,
    rep: &Rep,
    channel: &Channel,
    queue: Option<&Queue>,
    held: Option<&Work>,
) -> [Check; 9] {
    let live = records.rep_presence(&rep.id);
    let status = live.presence.as_ref().and_then(|p| records.status(&p.status));
    let online_for = status.as_ref().map(|s| &s.online_for);
    let signed_in = live.presence.is_some();
    let finishing = live.presence.as_ref().is_some_and(|p| p.next.is_some());
    let load = records.load_of(&rep.id);
    let load = held.map_or(load, |work| load.without(work));
    let room = load.fits(weight_of(channel, queue), channel.interruptible);
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
        Check::new("P10", Reason::RecipientFinishing, !finishing),
        Check::new(
            "P1",
            Reason::RecipientNotOnlineForChannel,
            online_for.is_none_or(|types| types.contains(&channel.channel_type)),
        ),
        entitled,
        Check::new("T14", Reason::MissingPermission, rep.permissions.contains(&permission)),
        Check::new("T7", Reason::RecipientFull, room).only_delays(),
        Check::new("C8", Reason::DirectoryChangePending, !records.is_marked(&rep.id)).only_delays(),
    ]
}

/// T11: may the caller, if a rep, run flows?
///
/// # Errors
/// MISSING_PERMISSION.
pub fn runs_flows(records: &impl RecordLookup, caller: Option<&RepId>) -> Result<(), Rejection> {
    let may = |rep: &RepId| {
        records.rep(rep).is_some_and(|rep| rep.permissions.contains(&Permission::RunFlows))
    };
    match caller.filter(|rep| !may(rep)) {
        None => Ok(()),
        Some(rep) => {
            let message = format!("{rep} lacks the permission RUN_FLOWS, which flows need");
            let refused = Rejection::new(Reason::MissingPermission, "rep", rep, message);
            Err(refused.with("rep", rep).with("permission", Permission::RunFlows.name()))
        }
    }
}

/// T15: may `from` transfer to this recipient?
fn allows(records: &impl RecordLookup, from: Option<&RepId>, to: &Recipient) -> bool {
    let configuration =
        from.and_then(|from| records.rep(from)).and_then(|from| records.configuration_of(&from));
    configuration.is_none_or(|configuration| match (&configuration.recipients, to) {
        (Recipients::Any, _) => true,
        (Recipients::Listed { profiles, .. }, Recipient::Rep(to)) => {
            records.rep(to).is_some_and(|to| profiles.contains(&to.profile))
        }
        (Recipients::Listed { queues, .. }, Recipient::Queue(to)) => queues.contains(to),
        (Recipients::Listed { flows, .. }, Recipient::Flow(to)) => flows.contains(to),
        (Recipients::Listed { contacts, .. }, Recipient::Contact(_)) => *contacts,
    })
}

/// N8: does the channel let its sessions go to recipients of this type?
pub fn offers(channel: &Channel, to: &Recipient) -> bool {
    let kind = match to {
        Recipient::Rep(_) => RecipientType::Rep,
        Recipient::Queue(_) => RecipientType::Queue,
        Recipient::Flow(_) => RecipientType::Flow,
        Recipient::Contact(_) => RecipientType::ExternalContact,
    };
    channel.recipient_types.is_empty() || channel.recipient_types.contains(&kind)
}

/// Whether a session of `channel` may be transferred from `from` to a queue or a flow. A flow needs
/// its caller's permission, so a list doesn't show it without (L4, T11).
#[must_use]
pub fn handing_on_to_line(
    records: &impl RecordLookup,
    from: Option<&RepId>,
    caller: Option<&RepId>,
    to: &Recipient,
    channel: &Channel,
) -> Vec<Check> {
    let transferable = channel.channel_type.family() != ChannelFamily::Standard;
    let mut checks = vec![
        Check::new("T13", Reason::ChannelNotTransferable, transferable),
        Check::new("T15", Reason::RecipientNotAllowed, allows(records, from, to)),
        Check::new("N8", Reason::RecipientNotAllowed, offers(channel, to)),
    ];
    match to {
        Recipient::Queue(queue) => {
            let serves = records.queue(queue).is_some_and(|q| queue_takes(&q, channel));
            checks.push(Check::new("R10", Reason::QueueNotForChannel, serves));
        }
        Recipient::Flow(_) => {
            let may = runs_flows(records, caller).is_ok();
            checks.push(Check::new("T11", Reason::MissingPermission, may).hides());
        }
        Recipient::Rep(_) | Recipient::Contact(_) => {}
    }
    checks
}

/// Whether a session of `channel` may be transferred from `from` to `rep`, whoever is there.
#[must_use]
pub fn handing_on(
    records: &impl RecordLookup,
    from: Option<&RepId>,
    rep: &Rep,
    channel: &Channel,
) -> [Check; 5] {
    let transferable = channel.channel_type.family() != ChannelFamily::Standard;
    let to = Recipient::Rep(rep.id.clone());
    let allowed = allows(records, from, &to);
    let direct = records.settings().direct_to_rep_routing;
    [
        Check::new("T10", Reason::DirectToRepRoutingDisabled, direct).hides(),
        Check::new("T13", Reason::ChannelNotTransferable, transferable),
        Check::new("T16", Reason::SelfTransfer, from != Some(&rep.id)),
        Check::new("T15", Reason::RecipientNotAllowed, allowed),
        Check::new("N8", Reason::RecipientNotAllowed, offers(channel, &to)),
    ]
}

/// Can `rep` be offered a session of `channel` right now?
#[must_use]
pub fn can_take(records: &impl RecordLookup, rep: &RepId, channel: &Channel) -> bool {
    records
        .rep(rep)
        .is_some_and(|rep| receiving(records, &rep, channel, None).iter().all(|c| c.passed))
}

/// Is `rep` there for `channel`, if only within the grace (P4), and entitled to it? An offer outlives
/// a lost connection, but not going offline or busy, nor the loss of a licence (T17, T26).
#[must_use]
pub fn is_there(records: &impl RecordLookup, live: &RepPresence, channel: &Channel) -> bool {
    live.presence.as_ref().is_some_and(|presence| {
        matches!(presence.connection, Connection::Connected | Connection::Disconnected { .. })
            && records
                .status(&presence.status)
                .is_some_and(|status| status.online_for.contains(&channel.channel_type))
            && records.rep(&live.rep).is_some_and(|rep| is_entitled(&rep, channel.channel_type))
    })
}
