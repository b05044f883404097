//! What a caller may see and act on: what it may not see doesn't exist for it (S2). A PARTNER or an ADAPTER sees what is its
//! own (N3, N5, N8), the other roles all of the org; on top of that any credential can be narrowed to queues and channels (S4).
//! What a rep may do with what it sees is decided elsewhere.

use std::collections::BTreeSet;

use crate::domain::directory::{Channel, Queue, Rep};
use crate::domain::id::{ChannelId, PartnerId, QueueId, RepId, SessionId};
use crate::domain::live::{Actor, Role, Session, Transfer, TransferState};
use crate::domain::record_lookup::RecordLookup;

/// The part of an org that a credential is narrowed to (S4). Where both are given, both must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Of queues only these, their members, and what stands, or last stood, in their lines. Empty: all.
    pub queues: BTreeSet<QueueId>,
    /// Of channels only these, and what is on them. Empty: all.
    pub channels: BTreeSet<ChannelId>,
}

impl Narrowing {
    /// Does it leave this queue? That goes by the name: one that isn't there is left out as well.
    #[must_use]
    pub fn has_queue(&self, queue: &QueueId) -> bool {
        self.queues.is_empty() || self.queues.contains(queue)
    }

    /// Does it leave this channel?
    #[must_use]
    pub fn has_channel(&self, channel: &ChannelId) -> bool {
        self.channels.is_empty() || self.channels.contains(channel)
    }

    /// Does it leave this session, its work, its transfers, and what partners are asked about it?
    #[must_use]
    pub fn has_session(&self, session: &Session) -> bool {
        let line = || session.line.queue().is_some_and(|queue| self.queues.contains(queue));
        self.has_channel(&session.channel) && (self.queues.is_empty() || line())
    }

    /// Does it leave this rep: a member of one of its queues?
    #[must_use]
    pub fn has_rep(&self, records: &(impl RecordLookup + ?Sized), rep: &RepId) -> bool {
        let member = |id: &QueueId| records.queue(id).is_some_and(|queue| queue.reps.contains(rep));
        self.queues.is_empty() || self.queues.iter().any(member)
    }
}

/// Who looks: by role and name, and what its credential is narrowed to.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// The part of what it could see by its role that it does see; `None`: all of it.
    pub narrowing: Option<&'a Narrowing>,
}

impl<'a> From<&'a Actor> for Viewer<'a> {
    /// One that isn't narrowed.
    fn from(actor: &'a Actor) -> Self {
        Self { actor, narrowing: None }
    }
}

impl Viewer<'_> {
    /// Does it see a part of the org alone?
    #[must_use]
    pub const fn is_limited(self) -> bool {
        is_scoped(self.actor) || self.narrowing.is_some()
    }

    fn keeps(self, has: impl Fn(&Narrowing) -> bool) -> bool {
        self.narrowing.is_none_or(has)
    }

    /// Is this rep left by its narrowing? A rep sees itself, whatever queues it is a member of.
    #[must_use]
    pub fn keeps_rep(self, records: &(impl RecordLookup + ?Sized), rep: &RepId) -> bool {
        let itself = self.actor.role == Role::Rep && self.actor.id.as_str() == rep.as_str();
        itself || self.keeps(|narrowing| narrowing.has_rep(records, rep))
    }

    /// Is this queue left by its narrowing?
    #[must_use]
    pub fn keeps_queue(self, queue: &QueueId) -> bool {
        self.keeps(|narrowing| narrowing.has_queue(queue))
    }

    /// Is this channel left by its narrowing?
    #[must_use]
    pub fn keeps_channel(self, channel: &ChannelId) -> bool {
        self.keeps(|narrowing| narrowing.has_channel(channel))
    }

    /// Is this session left by its narrowing? One that isn't there isn't.
    #[must_use]
    pub fn keeps_session(self, records: &(impl RecordLookup + ?Sized), session: SessionId) -> bool {
        let has = |narrowing: &Narrowing| {
            records.session(&session).is_some_and(|s| narrowing.has_session(&s))
        };
        self.keeps(has)
    }
}

/// Is `actor` this partner?
#[must_use]
pub fn is_partner(actor: &Actor, partner: &PartnerId) -> bool {
    actor.role == Role::Partner && actor.id.as_str() == partner.as_str()
}

/// May `actor` see what belongs to this partner: its contacts, and how it does? A PARTNER sees its own alone.
#[must_use]
pub fn may_see_partner(actor: &Actor, partner: &PartnerId) -> bool {
    actor.role != Role::Partner || is_partner(actor, partner)
}

/// May it see what this partner was asked about a session: a hand-off or a routing request?
#[must_use]
pub fn may_see_ask<'v>(
    records: &(impl RecordLookup + ?Sized),
    viewer: impl Into<Viewer<'v>>,
    (partner, session): (&PartnerId, SessionId),
) -> bool {
    let viewer = viewer.into();
    may_see_partner(viewer.actor, partner) && viewer.keeps_session(records, session)
}

/// May it see this channel, and what is on it? A PARTNER sees those that it routes, an ADAPTER those that name it or nobody.
#[must_use]
pub fn may_see<'v>(viewer: impl Into<Viewer<'v>>, channel: &Channel) -> bool {
    let viewer = viewer.into();
    let actor = viewer.actor;
    let by_role = match actor.role {
        Role::Partner => channel.partner().is_some_and(|partner| is_partner(actor, partner)),
        Role::Adapter => channel.adapters.is_empty() || channel.adapters.contains(&actor.id),
        Role::Admin | Role::Supervisor | Role::Rep | Role::Dashboard | Role::Server => true,
    };
    by_role && viewer.keeps_channel(&channel.id)
}

/// The same by the channel's id. One that isn't there any more is nobody's: neither a PARTNER nor an ADAPTER sees it.
#[must_use]
pub fn may_see_channel<'v>(
    records: &(impl RecordLookup + ?Sized),
    viewer: impl Into<Viewer<'v>>,
    channel: &ChannelId,
) -> bool {
    let viewer = viewer.into();
    let by_role = !is_scoped(viewer.actor)
        || records.channel(channel).is_some_and(|channel| may_see(viewer.actor, &channel));
    by_role && viewer.keeps_channel(channel)
}

/// May it see this session, its work and its transfers? By role that goes by its channel.
#[must_use]
pub fn may_see_session<'v>(
    records: &(impl RecordLookup + ?Sized),
    viewer: impl Into<Viewer<'v>>,
    session: &Session,
) -> bool {
    let viewer = viewer.into();
    may_see_channel(records, viewer.actor, &session.channel)
        && viewer.keeps(|narrowing| narrowing.has_session(session))
}

/// The same by the session's id. One that isn't there is nobody's.
#[must_use]
pub fn may_see_session_of<'v>(
    records: &(impl RecordLookup + ?Sized),
    viewer: impl Into<Viewer<'v>>,
    session: SessionId,
) -> bool {
    let viewer = viewer.into();
    !viewer.is_limited()
        || records.session(&session).is_some_and(|s| may_see_session(records, viewer, &s))
}

/// May it see this rep's presence and capacity? A PARTNER sees the reps whom it drives (N4).
#[must_use]
pub fn may_see_rep<'v>(
    records: &(impl RecordLookup + ?Sized),
    viewer: impl Into<Viewer<'v>>,
    rep: &RepId,
) -> bool {
    let viewer = viewer.into();
    (viewer.actor.role != Role::Partner || is_driven_by(records, viewer.actor, rep))
        && viewer.keeps_rep(records, rep)
}

/// Does this session exist for `actor` when it is handed on? For a PARTNER it does if it sees it, or drives the rep who has it.
#[must_use]
pub fn may_hand_on(
    records: &(impl RecordLookup + ?Sized),
    actor: &Actor,
    session: &Session,
) -> bool {
    may_see_session(records, actor, session)
        || session.owner().is_some_and(|(rep, _)| is_driven_by(records, actor, rep))
}

/// Does this transfer exist for `actor` when it is to be accepted? For a PARTNER it does if it sees its session, or drives the
/// rep to whom it is offered.
#[must_use]
pub fn may_take_transfer(
    records: &(impl RecordLookup + ?Sized),
    actor: &Actor,
    transfer: &Transfer,
) -> bool {
    let to = match &transfer.state {
        TransferState::Offered { rep, .. } | TransferState::Completed { rep, .. } => Some(rep),
        _ => None,
    };
    may_see_session_of(records, actor, transfer.session)
        || to.is_some_and(|rep| is_driven_by(records, actor, rep))
}

/// Is `actor` a PARTNER that drives this rep (N4, N8)?
#[must_use]
pub fn is_driven_by(records: &(impl RecordLookup + ?Sized), actor: &Actor, rep: &RepId) -> bool {
    let drives = |rep: &Rep| rep.partners.keys().any(|partner| is_partner(actor, partner));
    actor.role == Role::Partner && records.rep(rep).is_some_and(|rep| drives(&rep))
}

/// May it see this queue? A PARTNER sees its own and Baton's, into which it may route.
#[must_use]
pub fn may_see_queue<'v>(
    records: &(impl RecordLookup + ?Sized),
    viewer: impl Into<Viewer<'v>>,
    queue: &QueueId,
) -> bool {
    let viewer = viewer.into();
    let actor = viewer.actor;
    let owner = |queue: &Queue| queue.partner.as_ref().map(|own| own.partner.clone());
    let by_role = actor.role != Role::Partner
        || records
            .queue(queue)
            .is_some_and(|queue| owner(&queue).is_none_or(|own| is_partner(actor, &own)));
    by_role && viewer.keeps_queue(queue)
}

/// Does `actor` see a part of the org alone, by its role?
#[must_use]
pub const fn is_scoped(actor: &Actor) -> bool {
    matches!(actor.role, Role::Partner | Role::Adapter)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::directory::{CapacityModel, ChannelType, RoutingOwner};
    use crate::domain::entry::{Head, Revision};
    use crate::domain::record::Record;
    use crate::domain::state::{HeldRecord, State};
    use crate::domain::units::{Units, Weight};

    fn channel(id: &str, partner: Option<&str>, adapters: &[&str]) -> Channel {
        Channel {
            id: id.parse().unwrap(),
            name: id.to_owned(),
            channel_type: ChannelType::ByocForCcaas,
            routing_owner: partner.map_or(RoutingOwner::Baton, |partner| {
                RoutingOwner::Partner(partner.parse().unwrap())
            }),
            capacity_model: CapacityModel::TabBased,
            weight: Weight::Units(Units::from_centi(100).unwrap()),
            paused_weight: None,
            fallback_queue: None,
            wrap_up: None,
            interruptible: false,
            recipient_types: [].into(),
            default_target: None,
            partner_routes_reps: false,
            adapters: adapters.iter().map(|id| id.parse().unwrap()).collect(),
        }
    }

    fn rep(id: &str, partners: &[&str]) -> Rep {
        Rep {
            id: id.parse().unwrap(),
            name: id.to_owned(),
            profile: "agents".parse().unwrap(),
            configuration: None,
            licences: [].into(),
            permissions: [].into(),
            skills: [].into(),
            partners: partners.iter().map(|id| (id.parse().unwrap(), None)).collect(),
        }
    }

    fn state() -> State {
        let records = [
            Record::Channel(Arc::new(channel("own", None, &[]))),
            Record::Channel(Arc::new(channel("acme", Some("acme"), &["bridge"]))),
            Record::Channel(Arc::new(channel("zeta", Some("zeta"), &["other"]))),
            Record::Rep(Arc::new(rep("ana", &["acme", "zeta"]))),
            Record::Rep(Arc::new(rep("ben", &[]))),
        ];
        let revision = Revision::new(1);
        let held = records.map(|record| (record.key(), HeldRecord { revision, record }));
        State::restore(Head::default(), held)
    }

    #[test]
    fn n3_n5_n8_who_sees_which_channel_and_which_rep() {
        let state = state();
        let sees = |role, id: &str| {
            let actor = Actor { role, id: id.parse().unwrap() };
            let channels = ["own", "acme", "zeta", "gone"];
            let reps = ["ana", "ben", "gone"];
            let channels = channels
                .into_iter()
                .filter(|id| may_see_channel(&state, &actor, &id.parse().unwrap()));
            let reps =
                reps.into_iter().filter(|id| may_see_rep(&state, &actor, &id.parse().unwrap()));
            let partners = ["acme", "zeta"]
                .into_iter()
                .filter(|id| may_see_partner(&actor, &id.parse().unwrap()));
            [channels.collect::<Vec<_>>(), reps.collect(), partners.collect()]
                .map(|ids| ids.join(" "))
        };
        let all = ["own acme zeta gone", "ana ben gone", "acme zeta"];
        let table = [
            (Role::Partner, "acme", ["acme", "ana", "acme"]),
            (Role::Partner, "nobody", ["", "", ""]),
            (Role::Adapter, "bridge", ["own acme", "ana ben gone", "acme zeta"]),
            (Role::Adapter, "acme", ["own", "ana ben gone", "acme zeta"]),
            (Role::Rep, "ana", all),
            (Role::Supervisor, "acme", all),
            (Role::Dashboard, "acme", all),
            (Role::Admin, "acme", all),
        ];
        for (role, id, expected) in table {
            assert_eq!(sees(role, id), expected, "{role:?} {id}");
        }
    }
}
