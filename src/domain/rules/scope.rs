//! What a PARTNER or an ADAPTER may see and act on (N3, N5, N8): what it may not see doesn't exist for it (S2). The other
//! roles see all of the org; what a rep may do with it is decided elsewhere.

use std::collections::BTreeSet;

use crate::domain::directory::{Channel, Queue, Rep};
use crate::domain::id::{ChannelId, PartnerId, QueueId, RepId, SessionId};
use crate::domain::live::{Actor, Role, Session, Transfer, TransferState};
use crate::domain::record_lookup::RecordLookup;

/// The part of an org that a credential is narrowed to (S4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// Of queues only these, and what stands, or last stood, in their lines. Empty: all.
    pub queues: BTreeSet<QueueId>,
    /// Of channels only these, and what is on them. Empty: all.
    pub channels: BTreeSet<ChannelId>,
}

/// Is `actor` this partner?
#[must_use]
pub fn is_partner(actor: &Actor, partner: &PartnerId) -> bool {
    actor.role == Role::Partner && actor.id.as_str() == partner.as_str()
}

/// May `actor` see what belongs to this partner: its contacts, hand-offs and routing requests, and how it does? A
/// PARTNER sees its own alone.
#[must_use]
pub fn may_see_partner(actor: &Actor, partner: &PartnerId) -> bool {
    actor.role != Role::Partner || is_partner(actor, partner)
}

/// May `actor` see this channel, and what is on it? A PARTNER sees those that it routes, an ADAPTER those that name it
/// or nobody.
#[must_use]
pub fn may_see(actor: &Actor, channel: &Channel) -> bool {
    match actor.role {
        Role::Partner => channel.partner().is_some_and(|partner| is_partner(actor, partner)),
        Role::Adapter => channel.adapters.is_empty() || channel.adapters.contains(&actor.id),
        Role::Admin | Role::Supervisor | Role::Rep | Role::Dashboard | Role::Server => true,
    }
}

/// The same by the channel's id. One that isn't there any more is nobody's: neither a PARTNER nor an ADAPTER sees it.
#[must_use]
pub fn may_see_channel(
    records: &(impl RecordLookup + ?Sized),
    actor: &Actor,
    channel: &ChannelId,
) -> bool {
    !is_scoped(actor) || records.channel(channel).is_some_and(|channel| may_see(actor, &channel))
}

/// May `actor` see this session, its work and its transfers? That goes by its channel.
#[must_use]
pub fn may_see_session(
    records: &(impl RecordLookup + ?Sized),
    actor: &Actor,
    session: &Session,
) -> bool {
    may_see_channel(records, actor, &session.channel)
}

/// The same by the session's id. One that isn't there is nobody's.
#[must_use]
pub fn may_see_session_of(
    records: &(impl RecordLookup + ?Sized),
    actor: &Actor,
    session: SessionId,
) -> bool {
    !is_scoped(actor)
        || records.session(&session).is_some_and(|s| may_see_session(records, actor, &s))
}

/// May `actor` see this rep's presence and capacity? A PARTNER sees the reps whom it drives (N4).
#[must_use]
pub fn may_see_rep(records: &(impl RecordLookup + ?Sized), actor: &Actor, rep: &RepId) -> bool {
    actor.role != Role::Partner || is_driven_by(records, actor, rep)
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

/// May `actor` see this queue? A PARTNER sees its own and Baton's, into which it may route.
#[must_use]
pub fn may_see_queue(
    records: &(impl RecordLookup + ?Sized),
    actor: &Actor,
    queue: &QueueId,
) -> bool {
    let owner = |queue: &Queue| queue.partner.as_ref().map(|own| own.partner.clone());
    actor.role != Role::Partner
        || records
            .queue(queue)
            .is_some_and(|queue| owner(&queue).is_none_or(|own| is_partner(actor, &own)))
}

/// Does `actor` see a part of the org alone?
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
