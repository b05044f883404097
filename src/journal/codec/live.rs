//! Images of what happens (presence, sessions, work, transfers) ↔ domain values. Used by the codec
//! alone.

use std::sync::Arc;

use super::super::JournalError;
use super::enums::Stored;
use super::field::{
    id_from_bytes, made, made_or_empty, ms, name, there, time, to_made_or_none, units,
};
use super::{corrupt, stored};
use crate::domain::id::{RepId, SessionId, TransferId, WorkId};
use crate::domain::live::{
    Actor, ClosedPresence, Connection, EndedBy, Line, Presence, PresenceCause, Recipient,
    RepPresence, Role, Session, SessionState, Transfer, TransferState, Work, WorkEnd, WorkState,
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
    }
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
    })
}

pub(super) fn from_rep_presence(p: &RepPresence) -> stored::RepPresence {
    stored::RepPresence {
        presence: p.presence.as_ref().map(from_presence),
        last: p.last.as_ref().map(|last| stored::ClosedPresence {
            id: made(last.id),
            at_ms: last.at.as_ms(),
            cause: last.cause.to_stored(),
        }),
        used_centi: p.used.as_centi(),
        work_count: p.work_count,
        assigned_at_ms: ms(p.assigned_at),
    }
}

pub(super) fn to_rep_presence(rep: RepId, p: stored::RepPresence) -> Read<RepPresence> {
    let to_closed = |last: stored::ClosedPresence| -> Read<ClosedPresence> {
        Ok(ClosedPresence {
            id: id_from_bytes(&last.id)?,
            at: Timestamp::from_ms(last.at_ms),
            cause: PresenceCause::from_stored(last.cause)?,
        })
    };
    Ok(RepPresence {
        rep,
        presence: p.presence.map(to_presence).transpose()?,
        last: p.last.map(to_closed).transpose()?,
        used: units(p.used_centi)?,
        work_count: p.work_count,
        assigned_at: time(p.assigned_at_ms),
    })
}

fn from_holder(rep: &RepId, work: WorkId) -> stored::Holder {
    stored::Holder { rep: rep.to_string(), work: made(work) }
}

fn to_holder(holder: &stored::Holder) -> Read<(RepId, WorkId)> {
    Ok((name(&holder.rep)?, id_from_bytes(&holder.work)?))
}

fn from_session_state(state: &SessionState) -> stored::session::State {
    use stored::session::State as Image;
    match state {
        SessionState::Waiting { line: Line::Rep(rep), since, offer } => {
            Image::Waiting(stored::Waiting {
                rep: rep.to_string(),
                since_ms: since.as_ms(),
                offer: made_or_empty(*offer),
            })
        }
        SessionState::Offered { rep, work } => Image::Offered(from_holder(rep, *work)),
        SessionState::Active { rep, work } => Image::Active(from_holder(rep, *work)),
        SessionState::Paused { rep, work } => Image::Paused(from_holder(rep, *work)),
        SessionState::Inactive { rep, work } => Image::Inactive(from_holder(rep, *work)),
        SessionState::Ended { at, by, forget_at } => Image::Ended(stored::SessionEnd {
            at_ms: at.as_ms(),
            by: by.to_stored(),
            forget_at_ms: forget_at.as_ms(),
        }),
    }
}

fn to_session_state(state: &stored::session::State) -> Read<SessionState> {
    use stored::session::State as Image;
    Ok(match state {
        Image::Waiting(w) => SessionState::Waiting {
            line: Line::Rep(name(&w.rep)?),
            since: Timestamp::from_ms(w.since_ms),
            offer: to_made_or_none(&w.offer)?,
        },
        Image::Offered(holder) => {
            let (rep, work) = to_holder(holder)?;
            SessionState::Offered { rep, work }
        }
        Image::Active(holder) => {
            let (rep, work) = to_holder(holder)?;
            SessionState::Active { rep, work }
        }
        Image::Paused(holder) => {
            let (rep, work) = to_holder(holder)?;
            SessionState::Paused { rep, work }
        }
        Image::Inactive(holder) => {
            let (rep, work) = to_holder(holder)?;
            SessionState::Inactive { rep, work }
        }
        Image::Ended(end) => SessionState::Ended {
            at: Timestamp::from_ms(end.at_ms),
            by: EndedBy::from_stored(end.by)?,
            forget_at: Timestamp::from_ms(end.forget_at_ms),
        },
    })
}

pub(super) fn from_session(s: &Session) -> stored::Session {
    stored::Session {
        channel: s.channel.to_string(),
        external_reference: s.external_reference.to_string(),
        priority: s.priority,
        opened_at_ms: s.opened_at.as_ms(),
        state: Some(from_session_state(&s.state)),
        transfer: made_or_empty(s.transfer),
        transfers: s.transfers,
        attributes: (*s.attributes).clone(),
    }
}

pub(super) fn to_session(id: SessionId, s: stored::Session) -> Read<Session> {
    Ok(Session {
        id,
        channel: name(&s.channel)?,
        external_reference: name(&s.external_reference)?,
        priority: s.priority,
        opened_at: Timestamp::from_ms(s.opened_at_ms),
        state: to_session_state(&there(s.state, "a session's state")?)?,
        transfer: to_made_or_none(&s.transfer)?,
        transfers: s.transfers,
        attributes: Arc::new(s.attributes),
    })
}

pub(super) fn from_reference(session: SessionId) -> stored::Reference {
    stored::Reference { session: made(session) }
}

pub(super) fn to_reference(reference: &stored::Reference) -> Read<SessionId> {
    id_from_bytes(&reference.session)
}

pub(super) fn from_work(w: &Work) -> stored::Work {
    use stored::work::State as Image;
    let state = match w.state {
        WorkState::Offered => Image::Live(stored::LiveWork::Offered as i32),
        WorkState::Open => Image::Live(stored::LiveWork::Open as i32),
        WorkState::Paused => Image::Live(stored::LiveWork::Paused as i32),
        WorkState::Ended { at, why } => {
            Image::Ended(stored::WorkEnding { at_ms: at.as_ms(), why: why.to_stored() })
        }
    };
    stored::Work {
        session: made(w.session),
        rep: w.rep.to_string(),
        state: Some(state),
        weight_centi: w.weight.as_centi(),
        holds_centi: w.holds.as_centi(),
        transfer: made_or_empty(w.transfer),
        tab_open: w.tab_open,
        offered_at_ms: w.offered_at.as_ms(),
        accepted_at_ms: ms(w.accepted_at),
        holds_since_ms: w.holds_since.as_ms(),
    }
}

pub(super) fn to_work(id: WorkId, w: stored::Work) -> Read<Work> {
    use stored::work::State as Image;
    let state = match there(w.state, "a work's state")? {
        Image::Live(number) => match stored::LiveWork::try_from(number) {
            Ok(stored::LiveWork::Offered) => WorkState::Offered,
            Ok(stored::LiveWork::Open) => WorkState::Open,
            Ok(stored::LiveWork::Paused) => WorkState::Paused,
            Ok(stored::LiveWork::Unspecified) | Err(_) => {
                return Err(corrupt(format!("{number} is no state of work")));
            }
        },
        Image::Ended(end) => WorkState::Ended {
            at: Timestamp::from_ms(end.at_ms),
            why: WorkEnd::from_stored(end.why)?,
        },
    };
    Ok(Work {
        id,
        session: id_from_bytes(&w.session)?,
        rep: name(&w.rep)?,
        state,
        weight: units(w.weight_centi)?,
        holds: units(w.holds_centi)?,
        transfer: to_made_or_none(&w.transfer)?,
        tab_open: w.tab_open,
        offered_at: Timestamp::from_ms(w.offered_at_ms),
        accepted_at: time(w.accepted_at_ms),
        holds_since: Timestamp::from_ms(w.holds_since_ms),
    })
}

pub(super) fn from_actor(actor: &Actor) -> stored::Actor {
    stored::Actor { role: actor.role.to_stored(), id: actor.id.to_string() }
}

pub(super) fn to_actor(actor: Option<stored::Actor>) -> Read<Actor> {
    let actor = there(actor, "an actor")?;
    Ok(Actor { role: Role::from_stored(actor.role)?, id: name(&actor.id)? })
}

fn from_transfer_state(state: &TransferState) -> stored::transfer::State {
    use stored::transfer::State as Image;
    match state {
        TransferState::Offered { rep, work } => Image::Offered(from_holder(rep, *work)),
        TransferState::Waiting { since, absent_until, stranded } => {
            Image::Waiting(stored::TransferWaiting {
                since_ms: since.as_ms(),
                absent_until_ms: ms(*absent_until),
                stranded: *stranded,
            })
        }
        TransferState::Completed { rep, at } => {
            Image::Completed(stored::TransferCompletion { rep: rep.to_string(), at_ms: at.as_ms() })
        }
        TransferState::SessionEnded { at } => {
            Image::SessionEnded(stored::TransferSessionEnd { at_ms: at.as_ms() })
        }
    }
}

fn to_transfer_state(state: &stored::transfer::State) -> Read<TransferState> {
    use stored::transfer::State as Image;
    Ok(match state {
        Image::Offered(holder) => {
            let (rep, work) = to_holder(holder)?;
            TransferState::Offered { rep, work }
        }
        Image::Waiting(w) => TransferState::Waiting {
            since: Timestamp::from_ms(w.since_ms),
            absent_until: time(w.absent_until_ms),
            stranded: w.stranded,
        },
        Image::Completed(c) => {
            TransferState::Completed { rep: name(&c.rep)?, at: Timestamp::from_ms(c.at_ms) }
        }
        Image::SessionEnded(end) => {
            TransferState::SessionEnded { at: Timestamp::from_ms(end.at_ms) }
        }
    })
}

pub(super) fn from_transfer(t: &Transfer) -> stored::Transfer {
    let recipient = match &t.recipient {
        Recipient::Rep(rep) => stored::transfer::Recipient::Rep(rep.to_string()),
    };
    stored::Transfer {
        session: made(t.session),
        asked_by: Some(from_actor(&t.asked_by)),
        from_rep: t.from_rep.to_string(),
        recipient: Some(recipient),
        note: t.note.clone(),
        state: Some(from_transfer_state(&t.state)),
        requested_at_ms: t.requested_at.as_ms(),
        offered_at_ms: ms(t.offered_at),
        original_removed_at_ms: ms(t.original_removed_at),
    }
}

pub(super) fn to_transfer(id: TransferId, t: stored::Transfer) -> Read<Transfer> {
    let recipient = match there(t.recipient, "a transfer's recipient")? {
        stored::transfer::Recipient::Rep(rep) => Recipient::Rep(name(&rep)?),
    };
    Ok(Transfer {
        id,
        session: id_from_bytes(&t.session)?,
        asked_by: to_actor(t.asked_by)?,
        from_rep: name(&t.from_rep)?,
        recipient,
        note: t.note,
        state: to_transfer_state(&there(t.state, "a transfer's state")?)?,
        requested_at: Timestamp::from_ms(t.requested_at_ms),
        offered_at: time(t.offered_at_ms),
        original_removed_at: time(t.original_removed_at_ms),
    })
}
