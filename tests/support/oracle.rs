//! Routing, judged the slow way (R1, R3, R6, T9): on the records and the predicate alone, without the
//! index that routing searches. Used by the random days of `choosing` and by the simulation. What partners route is
//! theirs to judge (N1); whether they are asked is judged in `asked`.

#[path = "asked.rs"]
pub mod asked;

use std::collections::BTreeSet;
use std::sync::Arc;

use baton::domain::directory::RoutingModel;
use baton::domain::eligibility::{can_serve, is_entitled};
use baton::domain::entry::{Entry, FactKind};
use baton::domain::id::{QueueId, RepId};
use baton::domain::line::{LinePlace, needs};
use baton::domain::live::{
    HowFound, RepPresence, Session, SessionState, WhyNot, Work, WorkEnd, WorkState,
};
use baton::domain::record::{Record, RecordKey};
use baton::domain::record_lookup::RecordLookup;
use baton::domain::state::State;
use baton::domain::units::Units;
use baton::domain::wait;

/// The sessions that wait in queues and aren't being offered.
fn waiting(state: &State) -> Vec<Arc<Session>> {
    let all = state.records().filter_map(|(_, held)| match &held.record {
        Record::Session(s) if s.waits_for_an_offer() => Some(s.clone()),
        _ => None,
    });
    all.filter(|s| s.line.queue().is_some()).collect()
}

fn reps(state: &State) -> Vec<RepId> {
    let all = state.records().filter_map(|(key, _)| match key {
        RecordKey::Rep(rep) => Some(rep.clone()),
        _ => None,
    });
    all.collect()
}

/// Could `rep` be offered `session`, by the predicate and nothing else?
fn could(look: &impl RecordLookup, session: &Session, rep: &RepId) -> bool {
    session.line.queue().is_some_and(|queue| could_from(look, session, queue, rep))
}

fn could_from(look: &impl RecordLookup, session: &Session, queue: &QueueId, rep: &RepId) -> bool {
    let queue = look.queue(queue);
    let channel = look.channel(&session.channel);
    queue.zip(channel).is_some_and(|(q, c)| can_serve(look, rep, &q, &c, &needs(session)))
}

fn original(state: &State, session: &Session) -> Option<RepId> {
    session.transfer.and_then(|id| state.transfer(&id)).map(|t| t.from_rep.clone())
}

/// R1: true of every settled state. The rep who gave a session away may be kept from it by others
/// who are there, be they full (T9).
pub fn nobody_waits_beside_a_free_rep(state: &State) -> Result<(), String> {
    let reps = reps(state);
    for session in waiting(state) {
        let own = original(state, &session);
        let free = reps.iter().filter(|rep| own.as_ref() != Some(rep));
        if let Some(rep) = free.into_iter().find(|rep| could(state, &session, rep)) {
            return Err(format!("R1: {} waits beside {rep}", session.id));
        }
    }
    Ok(())
}

/// R1, R3, R6: true of every entry that was decided on `before`, and led to `after`.
pub fn routed_well(before: &State, after: &State, entry: &Entry) -> Result<(), String> {
    limits_hold(after, entry)?;
    nothing_is_stranded(before, after, entry)?;
    waits_in_vain(before, after, entry)?;
    asked::asked_well(before, after, entry)?;
    let new = new_work(before, entry);
    for work in &new {
        let session = after.session(&work.session).ok_or("work of no session")?;
        nobody_was_passed_over(before, after, entry, (work, &session))?;
        nobody_was_asked_again(before, after, entry, work)?;
        nobody_went_before(before, &new, work)?;
    }
    Ok(())
}

/// Could anybody ever take a session that waits in a queue, signed in or not (R11)?
fn anybody_ever(state: &State, session: &Session) -> bool {
    let (channel, queue) = (state.channel(&session.channel), session.line.queue());
    let Some((channel, queue)) = channel.zip(queue.and_then(|id| state.queue(id))) else {
        return false;
    };
    let kind = channel.channel_type;
    reps(state).into_iter().filter_map(|id| state.rep(&id)).any(|rep| {
        let profile = state.profile(&rep.profile);
        let mut statuses = profile.iter().flat_map(|p| &p.statuses).filter_map(|s| state.status(s));
        queue.reps.contains(&rep.id)
            && (queue.channel_types.is_empty() || queue.channel_types.contains(&kind))
            && is_entitled(&rep, kind)
            && statuses.any(|status| status.online_for.contains(&kind))
            && session
                .required
                .iter()
                .all(|(s, least)| rep.skills.get(s).is_some_and(|l| l >= least))
    })
}

/// R11: no change of the directory leaves somebody waiting whom nobody can ever take any more.
fn nothing_is_stranded(before: &State, after: &State, entry: &Entry) -> Result<(), String> {
    if !entry.facts.iter().any(|fact| fact.kind == FactKind::DirectoryChanged) {
        return Ok(());
    }
    let offered = before.records().filter_map(|(_, held)| match &held.record {
        Record::Session(s) if matches!(s.state, SessionState::Offered { .. }) => Some(s.clone()),
        _ => None,
    });
    let standing = waiting(before).into_iter().chain(offered);
    for session in standing.filter(|session| anybody_ever(before, session)) {
        let Some(now) = after.session(&session.id) else { continue };
        if now.waits_for_an_offer() && now.line.queue().is_some() && !anybody_ever(after, &now) {
            return Err(format!("R11: nobody can ever take {} any more", session.id));
        }
    }
    Ok(())
}

/// R9: no new work joins a queue that has its length already.
fn limits_hold(after: &State, entry: &Entry) -> Result<(), String> {
    let joins = |kind| matches!(kind, FactKind::SessionOpened | FactKind::TransferRequested);
    for fact in entry.facts.iter().filter(|fact| joins(fact.kind)) {
        let session = fact.session.and_then(|id| after.session(&id));
        let waits = session.filter(|s| s.waits_for_an_offer());
        let Some(queue) = waits.as_ref().and_then(|s| s.line.queue()) else { continue };
        let most = after.queue(queue).and_then(|queue| queue.max_length).unwrap_or(u32::MAX);
        let length = wait::size(after, queue).length;
        if length > most {
            return Err(format!("R9: {length} wait in {queue}, which takes {most}"));
        }
    }
    Ok(())
}

/// R1, T9: nobody is told to wait beside a rep who could have taken them all along.
fn waits_in_vain(before: &State, after: &State, entry: &Entry) -> Result<(), String> {
    let waits = |kind| matches!(kind, FactKind::SessionWaiting | FactKind::TransferWaiting);
    for fact in entry.facts.iter().filter(|fact| waits(fact.kind)) {
        let Some(session) = fact.session.and_then(|id| after.session(&id)) else { continue };
        if !session.waits_for_an_offer() || session.line.queue().is_none() {
            continue;
        }
        let own = original(after, &session);
        let free = reps(after).into_iter().find(|rep| {
            let barred = own.as_ref() == Some(rep) || session.passed_by.contains(rep);
            let could_before =
                session.line.queue().is_some_and(|queue| could_from(before, &session, queue, rep));
            !barred && could_before && could(after, &session, rep)
        });
        if let Some(rep) = free {
            return Err(format!("R1: {} was left to wait beside {rep}", session.id));
        }
    }
    Ok(())
}

/// Work that Baton chose a rep for, of a queue.
fn new_work<'e>(before: &State, entry: &'e Entry) -> Vec<&'e Arc<Work>> {
    let written = entry.changes.iter().filter_map(|(_, record)| match record {
        Some(Record::Work(work)) => Some(work),
        _ => None,
    });
    let chosen = |work: &&Arc<Work>| work.queue.is_some() && work.routed_by.is_none();
    written.filter(|work| before.work(&work.id).is_none()).filter(chosen).collect()
}

/// The state, with another load of one rep.
struct With<'s> {
    state: &'s State,
    live: Arc<RepPresence>,
}

impl RecordLookup for With<'_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        match key {
            RecordKey::RepPresence(rep) if *rep == self.live.rep => {
                Some(Record::RepPresence(self.live.clone()))
            }
            key => self.state.record(key),
        }
    }
}

/// R1: a rep never passes over an older session of the same priority that they could take, with
/// what they held at that moment.
fn nobody_was_passed_over(
    before: &State,
    after: &State,
    entry: &Entry,
    (work, taken): (&Work, &Session),
) -> Result<(), String> {
    let then = load_then(before, after, entry, work);
    for other in waiting(after) {
        let place = LinePlace::would_be(&other);
        let was_there = before.session(&other.id).is_some_and(|s| LinePlace::of(&s).is_some());
        let barred = other.passed_by.contains(&work.rep)
            || original(after, &other).as_ref() == Some(&work.rep);
        if !was_there || barred || place >= LinePlace::would_be(taken) {
            continue;
        }
        if could(&With { state: after, live: then.clone() }, &other, &work.rep) {
            return Err(format!("R1: {} was passed over for {}", other.id, taken.id));
        }
    }
    Ok(())
}

/// What the rep carried when `work` was offered to them: without it and what they were given after it,
/// with what they gave up after it, in the order of the entry's facts.
fn load_then(before: &State, after: &State, entry: &Entry, work: &Work) -> Arc<RepPresence> {
    let mut live = Arc::unwrap_or_clone(after.rep_presence(&work.rep));
    let offered = entry.facts.iter().position(|fact| fact.work == Some(work.id));
    let from = entry.facts.iter().skip(offered.unwrap_or(0)).filter_map(|fact| fact.work);
    for id in from.collect::<BTreeSet<_>>() {
        let (was, is) = (before.work(&id), after.work(&id));
        let Some(any) = was.as_ref().or(is.as_ref()).filter(|any| any.rep == work.rep) else {
            continue;
        };
        let holds = |work: &Option<Arc<Work>>| work.as_ref().map_or(Units::ZERO, |w| w.holds);
        let pool = match any.interruptible {
            false => &mut live.used,
            true => &mut live.interruptible_used,
        };
        *pool = pool.minus(holds(&is)) + holds(&was);
    }
    Arc::new(live)
}

/// R6: whoever passed it by isn't asked again while somebody who didn't can take it. What a partner routed to them doesn't
/// count (N6).
fn nobody_was_asked_again(
    before: &State,
    after: &State,
    entry: &Entry,
    work: &Work,
) -> Result<(), String> {
    let Some(session) = before.session(&work.session) else { return Ok(()) };
    let passes = entry.changes.iter().filter_map(|(_, record)| match record {
        Some(Record::Work(w)) if w.session == session.id && w.routed_by.is_none() => {
            match w.state {
                WorkState::Ended { why: WorkEnd::Declined | WorkEnd::PushTimeout, .. } => {
                    Some(w.rep.clone())
                }
                _ => None,
            }
        }
        _ => None,
    });
    let passed: BTreeSet<RepId> = session.passed_by.iter().cloned().chain(passes).collect();
    if !passed.contains(&work.rep) {
        return Ok(());
    }
    let (own, Some(queue)) = (original(before, &session), &work.queue) else { return Ok(()) };
    let fresh = reps(before).into_iter().find(|rep| {
        !passed.contains(rep)
            && own.as_ref() != Some(rep)
            && could_from(before, &session, queue, rep)
            && could_from(after, &session, queue, rep)
    });
    match fresh {
        Some(rep) => Err(format!("R6: {} was asked again, and {rep} wasn't", work.rep)),
        None => Ok(()),
    }
}

/// R3: whoever goes before the rep who was asked was considered, and is told why they were out.
fn nobody_went_before(before: &State, new: &[&Arc<Work>], work: &Work) -> Result<(), String> {
    let fresh = before.session(&work.session).is_none();
    let Some(queue) = work.queue.as_ref().and_then(|id| before.queue(id)) else { return Ok(()) };
    if new.len() != 1
        || work.found != HowFound::FirstInOrder
        || !fresh
        || work.candidates.len() >= 8
    {
        return Ok(());
    }
    let order = |rep: &RepId| {
        let live = before.rep_presence(rep);
        let presence = live.presence.as_ref();
        let free = presence.map(|p| p.reach.capacity.minus(live.used)).unwrap_or_default();
        let load = match queue.model {
            RoutingModel::LeastActive => u64::from(live.work_count),
            RoutingModel::MostAvailable => Units::MAX.as_centi() - free.as_centi(),
        };
        let since = presence.map(|p| p.opened_at);
        (load, live.work_count > 0, since, live.assigned_at, rep.clone())
    };
    let asked = order(&work.rep);
    let there = |rep: &&RepId| {
        let live = before.rep_presence(rep);
        live.is_connected() && live.presence.as_ref().is_some_and(|p| !p.reach.takes.is_empty())
    };
    let ahead = queue.reps.iter().filter(there).filter(|rep| order(rep) < asked);
    let out = |rep: &RepId| {
        let why = work.candidates.iter().find(|c| c.rep == *rep).map(|c| c.why);
        matches!(why, Some(WhyNot::Out(_) | WhyNot::PassedBy | WhyNot::Original))
    };
    match ahead.into_iter().find(|rep| !out(rep)) {
        Some(rep) => Err(format!("R3: {} was asked before {rep}", work.rep)),
        None => Ok(()),
    }
}
