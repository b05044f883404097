//! Matching, at the end of each decision (R1–R3): whatever the rules touched is offered to whoever
//! can take it, in the order of R2 and R3. It only offers and lets wait, never withdraws, so it comes
//! to an end. Rules don't call it; they write, and `draft` marks what they wrote.
//!
//! A decision makes so many matches at most. What is beyond is written down as marks (`record::Mark`)
//! and worked off by decisions of its own; whoever is marked is offered nothing until then (C8).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::choose::{rep_for, session_for};
use crate::domain::draft::{Draft, Touched};
use crate::domain::id::{QueueId, RepId, SessionId};
use crate::domain::line::LinePlace;
use crate::domain::live::{Line, Presence, RepPresence, WorkState};
use crate::domain::partner_lines::{is_to_be_asked, partner_in_question};
use crate::domain::record::{Mark, MarkKey, Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;
use crate::domain::wait;

use super::{contacts, partner, reach, route, strand};

/// The most matches of one decision.
const MATCHES: usize = 64;
/// The most records that a decision writes before it leaves the rest to others.
const RECORDS: usize = 256;
/// Marks, or reps of a sweep, looked at by one decision.
const AT_ONCE: usize = 64;

/// Offers what can be offered.
pub(super) fn settle(draft: &mut Draft<'_>) {
    let mut matches = 0;
    while matches < MATCHES && draft.written() < RECORDS {
        if let Some(rep) = draft.touched().reps.pop_first() {
            matches += offer_to(draft, &rep);
        } else if let Some(arrival) = draft.touched().arrivals.pop_first() {
            matches += usize::from(place(draft, arrival.session));
        } else if let Some(session) = draft.touched().waiting.pop_first() {
            matches += usize::from(reconsider(draft, session));
        } else if let Some(rep) = draft.touched().rivals.pop_first() {
            reconsider_kept_by(draft, &rep);
        } else {
            return;
        }
    }
    leave_marks(draft);
}

/// Offers a session whose turn has come, or lets it wait; in a partner's line the partner is asked. Gives whether somebody is.
fn place(draft: &mut Draft<'_>, id: SessionId) -> bool {
    let Some((session, _)) = route::to_be_placed(draft, id) else { return false };
    match partner_in_question(draft, &session) {
        Some(of) => {
            partner::place(draft, session, &of);
            true
        }
        None => route::place(draft, id),
    }
}

/// Lets a session wait whose turn can't come yet. Whoever hands one on to a partner keeps it while that is asked.
fn let_wait(draft: &mut Draft<'_>, id: SessionId) {
    let Some((session, _)) = route::to_be_placed(draft, id) else { return };
    match partner_in_question(draft, &session).filter(|_| session.owner().is_some()) {
        Some(of) => partner::place(draft, session, &of),
        None => route::let_wait(draft, id),
    }
}

/// Offers `rep` what waits for them and fits: what is for them in particular, then the first of their
/// queues. A session that has just come, or that asks for something else, goes to the first rep in the
/// order of R3, and so does each where more reps than one have become free. Gives how many were
/// offered.
fn offer_to(draft: &mut Draft<'_>, rep: &RepId) -> usize {
    let mut offered = 0;
    while offered < MATCHES
        && let Some(session) = session_for(draft, rep)
    {
        let (to, session) = next_match(draft, rep, session);
        if draft.touched().take_arrival(session) {
            offered += usize::from(place(draft, session));
            continue;
        }
        draft.touched().waiting.remove(&session);
        if !route::offer_next(draft, &to, session) {
            break;
        }
        offered += 1;
    }
    if offered == MATCHES {
        draft.touched().reps.insert(rep.clone());
    }
    offered
}

/// The match that is to be made first of all that the one of `rep` and `session` depends on: the session
/// belongs to the first rep in the order of R3, and that rep's turn may be an older session's (R1).
fn next_match(draft: &mut Draft<'_>, rep: &RepId, session: SessionId) -> (RepId, SessionId) {
    let (mut rep, mut session) = (rep.clone(), session);
    loop {
        let touched = draft.touched();
        let arrives = touched.arrivals.iter().any(|arrival| arrival.session == session);
        let open = arrives || !touched.reps.is_empty() || touched.waiting.contains(&session);
        let better = if open { first_in_order(draft, session) } else { None };
        let Some(better) = better.filter(|better| *better != rep) else {
            return (rep, session);
        };
        // Of those for the better one, none is behind this one: so it comes to an end.
        session = session_for(draft, &better).unwrap_or(session);
        rep = better;
    }
}

/// The rep to whom R3 gives a session that waits in a queue.
fn first_in_order(draft: &Draft<'_>, session: SessionId) -> Option<RepId> {
    let session = draft.session(&session)?;
    rep_for(draft, &session, session.line.queue()?).map(|choice| choice.rep)
}

/// Looks anew at a session that waits in a queue, because what it asks for has changed, or whoever
/// kept others from it.
fn reconsider(draft: &mut Draft<'_>, id: SessionId) -> bool {
    let waiting = draft.session(&id).filter(|session| LinePlace::of(session).is_some());
    let Some(session) = waiting else { return false };
    if is_to_be_asked(draft, &session) {
        return place(draft, id);
    }
    match &session.line {
        Line::Rep(rep) => {
            draft.touched().reps.insert(rep.clone());
            false
        }
        Line::Partner(_) => false,
        Line::Queue(queue) => match rep_for(draft, &session, queue) {
            // With whatever goes before it for the same rep.
            Some(choice) => offer_to(draft, &choice.rep) > 0,
            None => false,
        },
    }
}

/// Sessions that not every rep may take may be somebody's whom `rep` kept from them, and by going
/// away, by another status, or by having no room, doesn't any more (R6, T9).
fn reconsider_kept_by(draft: &mut Draft<'_>, rep: &RepId) {
    let queues: Vec<QueueId> = draft.queues_of(rep).cloned().collect();
    for queue in queues {
        if wait::size(draft, &queue).ready > 0 {
            let restricted: Vec<SessionId> = draft.restricted(&queue).collect();
            draft.touched().waiting.extend(restricted);
        }
    }
}

/// Writes down what this decision had no room for. Sessions that have come wait meanwhile.
fn leave_marks(draft: &mut Draft<'_>) {
    while let Some(arrival) = draft.touched().arrivals.pop_first() {
        let_wait(draft, arrival.session);
        draft.touched().waiting.insert(arrival.session);
    }
    for rep in std::mem::take(&mut draft.touched().rivals) {
        reconsider_kept_by(draft, &rep);
    }
    let Touched { mut reps, mut waiting, .. } = std::mem::take(draft.touched());
    reps.extend(waiting.iter().filter_map(|session| match &draft.session(session)?.line {
        Line::Rep(rep) => Some(rep.clone()),
        Line::Queue(_) | Line::Partner(_) => None,
    }));
    reps.retain(|rep| session_for(draft, rep).is_some());
    waiting.retain(|session| {
        let unasked = draft.session(session).is_some_and(|s| is_to_be_asked(draft, &s));
        unasked || first_in_order(draft, *session).is_some()
    });
    let marks = reps.into_iter().map(MarkKey::Rep);
    for key in marks.chain(waiting.into_iter().map(MarkKey::Session)) {
        draft.put(Record::Mark(Mark { key, after: None }));
    }
}

/// Works off some of what earlier decisions left.
pub(super) fn work_off(draft: &mut Draft<'_>) {
    let (mut room, mut blocks) = (strand::AT_ONCE, contacts::room());
    for mark in draft.marks().take(AT_ONCE).collect::<Vec<_>>() {
        match &mark.key {
            MarkKey::Directory => {
                sweep(draft, mark.after.as_ref());
                continue;
            }
            MarkKey::Rep(rep) => look_at(draft, rep),
            MarkKey::Session(session) => {
                draft.touched().waiting.insert(*session);
            }
            MarkKey::Contacts(partner, generation) => {
                contacts::work_off(draft, partner, *generation, &mut blocks);
                continue;
            }
            MarkKey::Partner(of) => {
                partner::health::resume(draft, of);
                continue;
            }
            MarkKey::Queue(_) if room == 0 => continue,
            MarkKey::Queue(queue) => {
                strand::relieve(draft, queue, &mut room);
                continue;
            }
        }
        draft.remove(RecordKey::Mark(mark.key));
    }
}

/// Makes presences say what the directory does: of these reps, or of all, some at a time in the order
/// of their ids (C8).
pub(super) fn follow_directory(draft: &mut Draft<'_>, reps: Option<BTreeSet<RepId>>) {
    match reps {
        Some(reps) if reps.len() <= AT_ONCE => {
            for rep in reps {
                look_at(draft, &rep);
            }
        }
        _ => sweep(draft, None),
    }
}

/// Makes the presence of `rep` say what the directory does, and takes back offers that it doesn't
/// allow any more (T26).
fn refresh(draft: &mut Draft<'_>, rep: &RepId) {
    let stale = reach::is_stale(draft, rep);
    if stale {
        let live = Arc::unwrap_or_clone(draft.rep_presence(rep));
        if let Some(presence) = live.presence.clone() {
            let reach = reach::of(draft, rep, &presence.status, presence.next.is_some());
            let presence = Some(Presence { reach, ..presence });
            draft.put_presence(RepPresence { presence, ..live });
        }
    }
    // Whoever stops when their work is done reaches nothing new, and may still be asked, or waited for.
    let asked = draft.work_of_rep(rep).any(|work| work.state == WorkState::Offered);
    if stale || asked || draft.line(&Line::Rep(rep.clone())).next().is_some() {
        route::follow_presence(draft, rep);
    }
}

fn look_at(draft: &mut Draft<'_>, rep: &RepId) {
    refresh(draft, rep);
    draft.touched().reps.insert(rep.clone());
    draft.touched().rivals.insert(rep.clone());
}

/// Looks at those who come after `after`. Whoever isn't reached is marked, all by one record.
fn sweep(draft: &mut Draft<'_>, after: Option<&RepId>) {
    let mut some: Vec<RepId> = signed_in(draft, after).take(AT_ONCE + 1).collect();
    let more = some.len() > AT_ONCE;
    some.truncate(AT_ONCE);
    for rep in &some {
        look_at(draft, rep);
    }
    let key = MarkKey::Directory;
    if more {
        draft.put(Record::Mark(Mark { key, after: some.pop() }));
    } else if draft.held(&RecordKey::Mark(key.clone())).is_some() {
        draft.remove(RecordKey::Mark(key));
    }
}

/// The reps after `after` whom a change of the directory may concern: those with a presence.
fn signed_in<'s>(state: &'s State, after: Option<&RepId>) -> impl Iterator<Item = RepId> + use<'s> {
    let after = after.cloned();
    let from = after.clone().unwrap_or_else(RepId::least);
    state
        .rep_presences_from(&from)
        .filter(move |live| live.presence.is_some() && after.as_ref() != Some(&live.rep))
        .map(|live| live.rep.clone())
}

/// Reps for whom something waits that they could take, or whose presence says something else than
/// the directory, and who aren't marked: in a state that was decided on there are none. For tests.
#[must_use]
pub fn unsettled(state: &State) -> BTreeSet<RepId> {
    let wanted = |rep: &RepId| {
        !state.is_marked(rep) && (session_for(state, rep).is_some() || reach::is_stale(state, rep))
    };
    let all = state.rep_presences_from(&RepId::least()).map(|live| live.rep.clone());
    all.filter(wanted).collect()
}
