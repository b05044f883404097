//! Images of presences ↔ domain values. Used by the codec alone.

use std::sync::Arc;

use super::super::JournalError;
use super::enums::{Stored, all};
use super::field::{id_from_bytes, made, ms, name, name_or_none, time, units};
use super::live::{from_actor, from_levels, to_actor, to_levels};
use super::stored;
use crate::domain::directory::RoutingModel;
use crate::domain::id::{QueueId, RepId};
use crate::domain::live::{
    ClosedPresence, Connection, Next, Presence, PresenceCause, Reach, RepPresence, Then,
};
use crate::domain::time::{Span, Timestamp};

type Read<T> = Result<T, JournalError>;

fn from_presence(p: &Presence) -> stored::Presence {
    stored::Presence {
        id: made(p.id),
        status: p.status.to_string(),
        device: p.device.clone(),
        opened_at_ms: p.opened_at.as_ms(),
        status_since_ms: p.status_since.as_ms(),
        disconnected: match p.connection {
            Connection::Connected => None,
            Connection::Disconnected { since, grace_until } => Some(stored::Disconnected {
                since_ms: since.as_ms(),
                grace_until_ms: grace_until.as_ms(),
            }),
        },
        lease_ms: p.lease.as_ms(),
        cause: p.cause.to_stored(),
        by: p.by.as_ref().map(from_actor),
        next: p.next.as_ref().map(from_next),
        reach: (*p.reach != Reach::default()).then(|| from_reach(&p.reach)),
    }
}

fn from_reach(reach: &Reach) -> stored::Reach {
    let membership = |(queue, model): (&QueueId, &RoutingModel)| stored::Membership {
        queue: queue.to_string(),
        model: model.to_stored(),
    };
    stored::Reach {
        capacity_centi: reach.capacity.as_centi(),
        takes: reach.takes.iter().map(|kind| kind.to_stored()).collect(),
        skills: from_levels(&reach.skills),
        queues: reach.queues.iter().map(membership).collect(),
        interruptible_capacity_centi: reach.interruptible_capacity.as_centi(),
    }
}

fn to_reach(reach: &stored::Reach) -> Read<Reach> {
    let membership = |m: &stored::Membership| -> Read<(QueueId, RoutingModel)> {
        Ok((name(&m.queue)?, RoutingModel::from_stored(m.model)?))
    };
    Ok(Reach {
        capacity: units(reach.capacity_centi)?,
        takes: all(&reach.takes)?,
        skills: to_levels(&reach.skills)?,
        queues: reach.queues.iter().map(membership).collect::<Read<_>>()?,
        interruptible_capacity: units(reach.interruptible_capacity_centi)?,
    })
}

fn from_next(next: &Next) -> stored::Next {
    let status = match &next.then {
        Then::Status(status) => status.to_string(),
        Then::SignOut => String::new(),
    };
    stored::Next { status, cause: next.cause.to_stored(), by: Some(from_actor(&next.by)) }
}

fn to_next(next: stored::Next) -> Read<Next> {
    Ok(Next {
        then: name_or_none(&next.status)?.map_or(Then::SignOut, Then::Status),
        cause: PresenceCause::from_stored(next.cause)?,
        by: to_actor(next.by)?,
    })
}

fn to_presence(p: stored::Presence) -> Read<Presence> {
    Ok(Presence {
        id: id_from_bytes(&p.id)?,
        status: name(&p.status)?,
        device: p.device,
        opened_at: Timestamp::from_ms(p.opened_at_ms),
        status_since: Timestamp::from_ms(p.status_since_ms),
        connection: p.disconnected.map_or(Connection::Connected, |d| Connection::Disconnected {
            since: Timestamp::from_ms(d.since_ms),
            grace_until: Timestamp::from_ms(d.grace_until_ms),
        }),
        lease: Span::from_ms(p.lease_ms),
        cause: PresenceCause::from_stored(p.cause)?,
        by: p.by.map(|by| to_actor(Some(by))).transpose()?,
        next: p.next.map(to_next).transpose()?,
        reach: Arc::new(p.reach.as_ref().map(to_reach).transpose()?.unwrap_or_default()),
    })
}

pub(super) fn from_rep_presence(p: &RepPresence) -> stored::RepPresence {
    stored::RepPresence {
        presence: p.presence.as_ref().map(from_presence),
        last: p.last.as_ref().map(|last| stored::ClosedPresence {
            id: made(last.id),
            at_ms: last.at.as_ms(),
            cause: last.cause.to_stored(),
            by: last.by.as_ref().map(from_actor),
        }),
        used_centi: p.used.as_centi(),
        work_count: p.work_count,
        assigned_at_ms: ms(p.assigned_at),
        interruptible_used_centi: p.interruptible_used.as_centi(),
        kept_until_ms: ms(p.kept_until),
        signed_in_until_ms: ms(p.signed_in_until),
    }
}

pub(super) fn to_rep_presence(rep: RepId, p: stored::RepPresence) -> Read<RepPresence> {
    let to_closed = |last: stored::ClosedPresence| -> Read<ClosedPresence> {
        Ok(ClosedPresence {
            id: id_from_bytes(&last.id)?,
            at: Timestamp::from_ms(last.at_ms),
            cause: PresenceCause::from_stored(last.cause)?,
            by: last.by.map(|by| to_actor(Some(by))).transpose()?,
        })
    };
    Ok(RepPresence {
        rep,
        presence: p.presence.map(to_presence).transpose()?,
        last: p.last.map(to_closed).transpose()?,
        used: units(p.used_centi)?,
        work_count: p.work_count,
        assigned_at: time(p.assigned_at_ms),
        interruptible_used: units(p.interruptible_used_centi)?,
        kept_until: time(p.kept_until_ms),
        signed_in_until: time(p.signed_in_until_ms),
    })
}
