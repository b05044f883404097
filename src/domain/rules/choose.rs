//! Matching sessions that wait in queues with reps (R1–R6, T9): which rep a session is offered to,
//! and which session a rep is offered next. Searches only: they run over the index and change
//! nothing. Called by `decide::route`, by quotes, and by whoever asks whether a state is settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::directory::{Channel, Queue};
use crate::domain::eligibility::{can_take, queue_takes};
use crate::domain::id::{ChannelId, QueueId, RepId, SessionId, SkillId};
use crate::domain::line::{IndexCount, LinePlace, MemberRank, MemberStanding, needs};
use crate::domain::live::{Candidate, Line, RepPresence, RepReach, Session, WhyNot};
use crate::domain::load::{RepLoad, weight_of};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::Reason;
use crate::domain::state::State;
use crate::domain::units::Weight;

/// How many reps are remembered who were considered and not asked.
const CANDIDATES: usize = 8;

/// The rep to ask, and who else was considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepChoice {
    /// Who is to be asked.
    pub rep: RepId,
    /// Who was put behind or out, and by what; at most eight, in the order of R3.
    pub candidates: Vec<Candidate>,
}

/// What a session asks of a queue's reps, and whom it would rather not go to.
struct RepSearch {
    channel: Arc<Channel>,
    weight: Weight,
    needs: BTreeMap<SkillId, u32>,
    original: Option<RepId>,
    passed_by: BTreeSet<RepId>,
}

impl RepSearch {
    fn new(state: &State, session: &Session, queue: &Queue) -> Option<Self> {
        let channel = state.channel(&session.channel)?;
        let transfer = session.transfer.and_then(|id| state.transfer(&id));
        Some(Self {
            weight: weight_of(&channel, Some(queue)),
            needs: needs(session),
            original: transfer.map(|t| t.from_rep.clone()),
            passed_by: session.passed_by.clone(),
            channel,
        })
    }

    fn unfit(&self, standing: &MemberStanding) -> Option<WhyNot> {
        unfit(standing, &self.channel, &self.needs).map(WhyNot::Out)
    }

    /// What puts a rep behind or out, whoever else is there; `None` if nothing does.
    fn out(&self, standing: &MemberStanding) -> Option<WhyNot> {
        if let Some(why) = self.unfit(standing) {
            return Some(why);
        }
        if self.is_original(standing) {
            Some(WhyNot::Original)
        } else if !self.has_room(standing) {
            Some(WhyNot::Out(Reason::RecipientFull))
        } else {
            self.passed_by.contains(&standing.rep).then_some(WhyNot::PassedBy)
        }
    }

    fn has_room(&self, standing: &MemberStanding) -> bool {
        standing.has_room(self.weight, self.channel.interruptible)
    }

    fn is_original(&self, standing: &MemberStanding) -> bool {
        self.original.as_ref() == Some(&standing.rep)
    }
}

/// What keeps a rep from taking a session whatever else they do: not online for it, or not skilled.
fn unfit(
    standing: &MemberStanding,
    channel: &Channel,
    needs: &BTreeMap<SkillId, u32>,
) -> Option<Reason> {
    if !standing.reach.takes.contains(&channel.channel_type) {
        return Some(Reason::RecipientNotOnlineForChannel);
    }
    (!standing.meets(needs)).then_some(Reason::MissingSkill)
}

/// The rep of `queue` to whom `session` is to be offered now, if there is one.
///
/// The first in the order of R3 who can take it. Whoever passed it by comes into question only when
/// nobody else can take it now (R5, R6); the rep who gave it away, only when no other rep of the
/// queue is there who could, be they full or not (T9).
#[must_use]
pub fn rep_for(state: &State, session: &Session, queue: &QueueId) -> Option<RepChoice> {
    let queue = state.queue(queue)?;
    let channel = state.channel(&session.channel)?;
    let in_vain = channel.interruptible && state.count(&IndexCount::Idle(queue.id.clone())) == 0;
    if in_vain || !queue_takes(&queue, &channel) {
        return None;
    }
    let search = RepSearch::new(state, session, &queue)?;
    let mut behind = Vec::new();
    let mut again: Option<&RepId> = None;
    let mut original: Option<&RepId> = None;
    let mut others = false;
    let mut members = state.members(&queue.id);
    let marked = state.has_marks();
    while let Some(standing) = members.next() {
        // Among the full ones only somebody who keeps the original rep from getting it back matters.
        if standing.full && (original.is_none() || others) && behind.len() >= CANDIDATES {
            break;
        }
        let pending = || WhyNot::Out(Reason::DirectoryChangePending);
        let unreached = (marked && state.is_marked(&standing.rep)).then(pending);
        let Some(why) = unreached.or_else(|| search.out(standing)) else {
            note_behind(&search, standing, members, &mut behind);
            return Some(RepChoice { rep: standing.rep.clone(), candidates: behind });
        };
        match why {
            // As long as they have it, it isn't offered back to them.
            WhyNot::Original if search.has_room(standing) && session.owner().is_none() => {
                original = Some(&standing.rep);
            }
            WhyNot::PassedBy => {
                others = true;
                again.get_or_insert(&standing.rep);
            }
            WhyNot::Out(Reason::RecipientFull) => others = true,
            _ => {}
        }
        if behind.len() < CANDIDATES {
            behind.push(Candidate { rep: standing.rep.clone(), why });
        }
    }
    let chosen = again.or_else(|| original.filter(|_| !others))?.clone();
    behind.retain(|candidate| candidate.rep != chosen);
    Some(RepChoice { rep: chosen, candidates: behind })
}

/// Whether a rep who gave a session away stands back for others of the queue (T9): one who could take
/// it is there, be they full or not.
#[must_use]
pub fn stands_back(
    state: &State,
    queue: &Queue,
    channel: &Channel,
    needs: &BTreeMap<SkillId, u32>,
    rep: &RepId,
) -> bool {
    let mut others = state.members(&queue.id).filter(|standing| standing.rep != *rep);
    others.any(|standing| unfit(standing, channel, needs).is_none())
}

/// The first `most` members of a queue: those who are there in the order of R3, then the others by id.
#[must_use]
pub fn first_in_order(state: &State, queue: &Queue, most: usize) -> Vec<RepId> {
    let there: Vec<&RepId> = state.members(&queue.id).map(|s| &s.rep).take(most).collect();
    let known: BTreeSet<&RepId> = there.iter().copied().collect();
    let away = queue.reps.iter().filter(|rep| !known.contains(rep));
    there.iter().copied().chain(away).take(most).cloned().collect()
}

/// Notes the next reps in the order, and what put each behind the one chosen.
fn note_behind<'s>(
    search: &RepSearch,
    chosen: &MemberStanding,
    rest: impl Iterator<Item = &'s MemberStanding>,
    behind: &mut Vec<Candidate>,
) {
    let room = CANDIDATES.saturating_sub(behind.len());
    behind.extend(rest.take(room).map(|standing| {
        let why = search.out(standing);
        let why = why.unwrap_or_else(|| tie_break(&chosen.rank, &standing.rank));
        Candidate { rep: standing.rep.clone(), why }
    }));
}

/// The first part of R3's order in which `behind` loses to `chosen`.
const fn tie_break(chosen: &MemberRank, behind: &MemberRank) -> WhyNot {
    if chosen.load != behind.load {
        WhyNot::Load
    } else if chosen.has_work != behind.has_work {
        WhyNot::HasWork
    } else if chosen.signed_in.as_ms() != behind.signed_in.as_ms() {
        WhyNot::SignedInLater
    } else {
        WhyNot::AssignedLater
    }
}

/// The session that `rep` is to be offered next: what waits for them in particular, then the first,
/// across their queues, in the order of R2 (R1).
#[must_use]
pub fn session_for(state: &State, rep: &RepId) -> Option<SessionId> {
    let live = state.rep_presence(rep);
    if !live.is_connected() || state.is_marked(rep) {
        return None;
    }
    own_line(state, rep).or_else(|| from_queues(state, &live))
}

fn own_line(state: &State, rep: &RepId) -> Option<SessionId> {
    let line = Line::Rep(rep.clone());
    if state.count(&IndexCount::Waiting(line.clone())) == 0 {
        return None;
    }
    let mut verdicts: BTreeMap<ChannelId, bool> = BTreeMap::new();
    let takes = |place: &&LinePlace| {
        *verdicts.entry(place.ask.channel.clone()).or_insert_with(|| {
            state.channel(&place.ask.channel).is_some_and(|c| can_take(state, rep, &c))
        })
    };
    state.places_in(&line).find(takes).map(|place| place.session)
}

fn from_queues(state: &State, live: &RepPresence) -> Option<SessionId> {
    let reach = &live.presence.as_ref()?.reach;
    if RepLoad::of(live, reach).is_full() || reach.takes.is_empty() {
        return None;
    }
    let firsts = reach.queues.keys().filter_map(|id| {
        if state.count(&IndexCount::Waiting(Line::Queue(id.clone()))) == 0 {
            return None;
        }
        let queue = state.queue(id)?;
        first_in(state, live, reach, &queue)
    });
    firsts.min().map(|place| place.session)
}

/// The first session in `queue` that the rep could take.
fn first_in<'s>(
    state: &'s State,
    live: &RepPresence,
    reach: &RepReach,
    queue: &Queue,
) -> Option<&'s LinePlace> {
    let mut verdicts: BTreeMap<ChannelId, bool> = BTreeMap::new();
    let load = RepLoad::of(live, reach);
    let mut takes = |id: &ChannelId| match verdicts.get(id) {
        Some(known) => *known,
        None => {
            let verdict = state.channel(id).is_some_and(|c| suits(&c, load, reach, queue));
            verdicts.insert(id.clone(), verdict);
            verdict
        }
    };
    state.places_in(&Line::Queue(queue.id.clone())).find(|place| {
        place.ask.is_met_by(&reach.skills)
            && takes(&place.ask.channel)
            && (!place.ask.restricted || may_take(state, place.session, queue, &live.rep))
    })
}

fn suits(channel: &Channel, load: RepLoad, reach: &RepReach, queue: &Queue) -> bool {
    queue_takes(queue, channel)
        && reach.takes.contains(&channel.channel_type)
        && load.fits(weight_of(channel, Some(queue)), channel.interruptible)
}

/// Whether a rep who can take a session may be offered it, though some may not.
fn may_take(state: &State, session: SessionId, queue: &Queue, rep: &RepId) -> bool {
    let Some(session) = state.session(&session) else {
        return false;
    };
    let Some(search) = RepSearch::new(state, &session, queue) else {
        return false;
    };
    let original = search.original.as_ref() == Some(rep);
    if !original && !search.passed_by.contains(rep) {
        return true;
    }
    // For the decliner: nobody else can take it now. For the original rep: nobody else is there.
    !state.members(&queue.id).filter(|s| s.rep != *rep && search.unfit(s).is_none()).any(|s| {
        let barred = search.is_original(s) || search.passed_by.contains(&s.rep);
        if original { !search.is_original(s) } else { !barred && search.has_room(s) }
    })
}
