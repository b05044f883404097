//! Images of sessions and transfers ↔ domain values. Used by the codec alone; presences and work have
//! files of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::JournalError;
use super::enums::Stored;
use super::field::{
    id_from_bytes, made, made_or_empty, ms, name, names, there, time, to_made_or_none,
};
use super::{corrupt, stored};
use crate::domain::flow::{Trace, TraceStep};
use crate::domain::id::{RepId, SessionId, SkillId, TransferId, WorkId};
use crate::domain::live::{
    Absence, Actor, EndedBy, Line, Recipient, Role, Session, SessionState, Transfer, TransferState,
    Wish,
};
use crate::domain::time::{Span, Timestamp};

type Read<T> = Result<T, JournalError>;

pub(super) fn from_levels(levels: &BTreeMap<SkillId, u32>) -> BTreeMap<String, u32> {
    levels.iter().map(|(skill, level)| (skill.to_string(), *level)).collect()
}

pub(super) fn to_levels(levels: &BTreeMap<String, u32>) -> Read<BTreeMap<SkillId, u32>> {
    levels.iter().map(|(skill, level)| Ok((name(skill)?, *level))).collect()
}

fn from_line(line: &Line) -> stored::Line {
    use stored::line::Line as Image;
    let line = match line {
        Line::Rep(rep) => Image::Rep(rep.to_string()),
        Line::Queue(queue) => Image::Queue(queue.to_string()),
    };
    stored::Line { line: Some(line) }
}

fn to_line(line: stored::Line) -> Read<Line> {
    use stored::line::Line as Image;
    Ok(match there(line.line, "a line")? {
        Image::Rep(rep) => Line::Rep(name(&rep)?),
        Image::Queue(queue) => Line::Queue(name(&queue)?),
    })
}

fn from_trace(trace: &Trace) -> stored::FlowTrace {
    let step = |step: &TraceStep| stored::FlowTraceStep {
        flow: step.flow.to_string(),
        rule: step.rule,
        name: step.name.clone(),
        matched: step.matched,
        why: step.why.clone(),
    };
    let left_out = u32::try_from(trace.left_out).unwrap_or(u32::MAX);
    stored::FlowTrace { steps: trace.steps.iter().map(step).collect(), left_out }
}

fn to_trace(trace: stored::FlowTrace) -> Read<Arc<Trace>> {
    let step = |step: stored::FlowTraceStep| -> Read<TraceStep> {
        Ok(TraceStep {
            flow: name(&step.flow)?,
            rule: step.rule,
            name: step.name,
            matched: step.matched,
            why: step.why,
        })
    };
    let left_out = usize::try_from(trace.left_out).unwrap_or(usize::MAX);
    Ok(Arc::new(Trace { steps: trace.steps.into_iter().map(step).collect::<Read<_>>()?, left_out }))
}

fn from_holder(rep: &RepId, work: WorkId) -> stored::Holder {
    stored::Holder { rep: rep.to_string(), work: made(work) }
}

fn to_holder(holder: &stored::Holder) -> Read<(RepId, WorkId)> {
    Ok((name(&holder.rep)?, id_from_bytes(&holder.work)?))
}

fn from_session_state(s: &Session) -> stored::session::State {
    use stored::session::State as Image;
    match &s.state {
        SessionState::Waiting { offer, absence } => {
            let (rep, since_ms) = match &s.line {
                Line::Rep(rep) => (rep.to_string(), s.line_since.as_ms()),
                Line::Queue(_) => (String::new(), 0),
            };
            let absent_until_ms = match absence {
                Some(Absence::Until(until)) => Some(until.as_ms()),
                Some(Absence::Stranded) | None => None,
            };
            Image::Waiting(stored::Waiting {
                rep,
                since_ms,
                offer: made_or_empty(*offer),
                absent_until_ms,
                stranded: *absence == Some(Absence::Stranded),
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
            offer: to_made_or_none(&w.offer)?,
            absence: match (w.absent_until_ms, w.stranded) {
                (_, true) => Some(Absence::Stranded),
                (until, false) => time(until).map(Absence::Until),
            },
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

/// The line and its beginning that a session's state implies, as it did before there were queues.
fn implied_line(state: &stored::session::State, opened_at_ms: i64) -> (Option<String>, i64) {
    use stored::session::State as Image;
    match state {
        Image::Waiting(w) => (Some(w.rep.clone()).filter(|rep| !rep.is_empty()), w.since_ms),
        Image::Offered(holder)
        | Image::Active(holder)
        | Image::Paused(holder)
        | Image::Inactive(holder) => (Some(holder.rep.clone()), opened_at_ms),
        Image::Ended(_) => (None, opened_at_ms),
    }
}

pub(super) fn from_session(s: &Session) -> stored::Session {
    let state = from_session_state(s);
    let (rep, since_ms) = implied_line(&state, s.opened_at.as_ms());
    let implied = match &s.line {
        Line::Rep(line) => rep.as_deref().unwrap_or_default() == line.as_str(),
        Line::Queue(_) => false,
    };
    let wish = |(skill, wish): (&SkillId, &Wish)| {
        let until_ms = wish.until.as_ms();
        (skill.to_string(), stored::Wish { level: wish.level, until_ms })
    };
    stored::Session {
        channel: s.channel.to_string(),
        external_reference: s.external_reference.to_string(),
        priority: s.priority,
        opened_at_ms: s.opened_at.as_ms(),
        state: Some(state),
        transfer: made_or_empty(s.transfer),
        transfers: s.transfers,
        attributes: (*s.attributes).clone(),
        line: (!implied).then(|| from_line(&s.line)),
        line_since_ms: Some(s.line_since.as_ms()).filter(|ms| !implied || *ms != since_ms),
        required: from_levels(&s.required),
        wished: s.wished.iter().map(wish).collect(),
        passed_by: s.passed_by.iter().map(ToString::to_string).collect(),
        estimated_ms: s.estimated.map(Span::as_ms),
        priority_by_queue: !s.priority_given,
        trace: s.trace.as_deref().map(from_trace),
    }
}

pub(super) fn to_session(id: SessionId, s: stored::Session) -> Read<Session> {
    let state = there(s.state, "a session's state")?;
    let (rep, since_ms) = implied_line(&state, s.opened_at_ms);
    let line = match (s.line, rep) {
        (Some(line), _) => to_line(line)?,
        (None, Some(rep)) => Line::Rep(name(&rep)?),
        (None, None) => Line::Rep(RepId::least()),
    };
    let wish = |(skill, wish): (&String, &stored::Wish)| -> Read<(SkillId, Wish)> {
        let until = Timestamp::from_ms(wish.until_ms);
        Ok((name(skill)?, Wish { level: wish.level, until }))
    };
    Ok(Session {
        id,
        channel: name(&s.channel)?,
        external_reference: name(&s.external_reference)?,
        priority: s.priority,
        priority_given: !s.priority_by_queue,
        opened_at: Timestamp::from_ms(s.opened_at_ms),
        state: to_session_state(&state)?,
        line,
        line_since: Timestamp::from_ms(s.line_since_ms.unwrap_or(since_ms)),
        estimated: s.estimated_ms.map(Span::from_ms),
        required: to_levels(&s.required)?,
        wished: s.wished.iter().map(wish).collect::<Read<_>>()?,
        passed_by: names(&s.passed_by)?,
        trace: s.trace.map(to_trace).transpose()?,
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
        Recipient::Queue(queue) => stored::transfer::Recipient::Queue(queue.to_string()),
        Recipient::Flow(flow) => stored::transfer::Recipient::Flow(flow.to_string()),
    };
    let implied = match (&t.recipient, &t.line) {
        (Recipient::Rep(to), Line::Rep(rep)) => to == rep,
        _ => false,
    };
    stored::Transfer {
        session: made(t.session),
        asked_by: Some(from_actor(&t.asked_by)),
        from_rep: t.from_rep.to_string(),
        recipient: Some(recipient),
        line: (!implied).then(|| from_line(&t.line)),
        trace: t.trace.as_deref().map(from_trace),
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
        stored::transfer::Recipient::Queue(queue) => Recipient::Queue(name(&queue)?),
        stored::transfer::Recipient::Flow(flow) => Recipient::Flow(name(&flow)?),
    };
    let line = match (t.line, &recipient) {
        (Some(line), _) => to_line(line)?,
        (None, Recipient::Rep(rep)) => Line::Rep(rep.clone()),
        (None, _) => return Err(corrupt("a transfer's line is missing")),
    };
    Ok(Transfer {
        id,
        session: id_from_bytes(&t.session)?,
        asked_by: to_actor(t.asked_by)?,
        from_rep: name(&t.from_rep)?,
        recipient,
        line,
        trace: t.trace.map(to_trace).transpose()?,
        note: t.note,
        state: to_transfer_state(&there(t.state, "a transfer's state")?)?,
        requested_at: Timestamp::from_ms(t.requested_at_ms),
        offered_at: time(t.offered_at_ms),
        original_removed_at: time(t.original_removed_at_ms),
    })
}
