//! Matching sessions that wait in queues with reps (R1–R6, T9): which rep a session is offered to,
//! and which session a rep is offered next. Searches only: they run over the index and change
//! nothing. Called by `decide::route`, by quotes, and by whoever asks whether a state is settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::capacity::Load;
use super::directory::{Channel, Queue};
use super::eligibility::{can_take, weight_of};
use super::id::{ChannelId, QueueId, RepId, SessionId, SkillId};
use super::line::{Place, Rank, Standing, needs};
use super::live::{Candidate, Line, Reach, RepPresence, Session, WhyNot};
use super::look::Look;
use super::rejection::Reason;
use super::sight::Sight;
use super::state::State;
use super::units::Weight;

/// How many reps are remembered who were considered and not asked.
const CANDIDATES: usize = 8;

/// The rep to ask, and who else was considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Who is to be asked.
    pub rep: RepId,
    /// Who was put behind or out, and by what; at most eight, in the order of R3.
    pub candidates: Vec<Candidate>,
}

/// What a session asks of a queue's reps, and whom it would rather not go to.
struct Search {
    channel: Arc<Channel>,
    weight: Weight,
    needs: BTreeMap<SkillId, u32>,
    original: Option<RepId>,
    passed_by: BTreeSet<RepId>,
}

impl Search {
    fn new(sight: &Sight<'_>, session: &Session, queue: &Queue) -> Option<Self> {
        let channel = sight.channel(&session.channel)?;
        let transfer = session.transfer.and_then(|id| sight.transfer(&id));
        Some(Self {
            weight: weight_of(&channel, Some(queue)),
            needs: needs(session),
            original: transfer.map(|t| t.from_rep.clone()),
            passed_by: session.passed_by.clone(),
            channel,
        })
    }

    fn unfit(&self, standing: &Standing) -> Option<WhyNot> {
        unfit(standing, &self.channel, &self.needs).map(WhyNot::Out)
    }

    /// What puts a rep behind or out, whoever else is there; `None` if nothing does.
    fn out(&self, standing: &Standing) -> Option<WhyNot> {
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

    fn has_room(&self, standing: &Standing) -> bool {
        standing.has_room(self.weight, self.channel.interruptible)
    }

    fn is_original(&self, standing: &Standing) -> bool {
        self.original.as_ref() == Some(&standing.rep)
    }
}

/// What keeps a rep from taking a session whatever else they do: not online for it, or not skilled.
fn unfit(standing: &Standing, channel: &Channel, needs: &BTreeMap<SkillId, u32>) -> Option<Reason> {
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
pub fn rep_for(sight: &Sight<'_>, session: &Session, queue: &QueueId) -> Option<Choice> {
    let queue = sight.queue(queue)?;
    let channel = sight.channel(&session.channel)?;
    let in_vain = channel.interruptible && sight.nobody_is_idle(&queue.id);
    if in_vain || !queue.serves(channel.channel_type) {
        return None;
    }
    let search = Search::new(sight, session, &queue)?;
    let mut behind = Vec::new();
    let mut again: Option<Standing> = None;
    let mut original: Option<Standing> = None;
    let mut others = false;
    let mut members = sight.members(&queue.id);
    while let Some(standing) = members.next() {
        // Among the full ones only somebody who keeps the original rep from getting it back matters.
        if standing.full && (original.is_none() || others) && behind.len() >= CANDIDATES {
            break;
        }
        let Some(why) = search.out(&standing) else {
            note_behind(&search, &standing, members, &mut behind);
            return Some(Choice { rep: standing.rep, candidates: behind });
        };
        match why {
            // As long as they have it, it isn't offered back to them.
            WhyNot::Original if search.has_room(&standing) && session.owner().is_none() => {
                original = Some(standing.clone());
            }
            WhyNot::PassedBy => {
                others = true;
                again.get_or_insert_with(|| standing.clone());
            }
            WhyNot::Out(Reason::RecipientFull) => others = true,
            _ => {}
        }
        if behind.len() < CANDIDATES {
            behind.push(Candidate { rep: standing.rep, why });
        }
    }
    let chosen = again.or_else(|| original.filter(|_| !others))?;
    behind.retain(|candidate| candidate.rep != chosen.rep);
    Some(Choice { rep: chosen.rep, candidates: behind })
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

/// All members of a queue: those who are there in the order of R3, then the others by id.
#[must_use]
pub fn order_of(state: &State, queue: &Queue) -> Vec<RepId> {
    let there: Vec<RepId> = state.members(&queue.id).map(|s| s.rep.clone()).collect();
    let known: BTreeSet<&RepId> = there.iter().collect();
    let away: Vec<RepId> = queue.reps.iter().filter(|r| !known.contains(r)).cloned().collect();
    there.into_iter().chain(away).collect()
}

/// Notes the next reps in the order, and what put each behind the one chosen.
fn note_behind(
    search: &Search,
    chosen: &Standing,
    rest: impl Iterator<Item = Standing>,
    behind: &mut Vec<Candidate>,
) {
    let room = CANDIDATES.saturating_sub(behind.len());
    behind.extend(rest.take(room).map(|standing| {
        let why = search.out(&standing);
        let why = why.unwrap_or_else(|| tie_break(&chosen.rank, &standing.rank));
        Candidate { rep: standing.rep, why }
    }));
}

/// The first part of R3's order in which `behind` loses to `chosen`.
const fn tie_break(chosen: &Rank, behind: &Rank) -> WhyNot {
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
pub fn session_for(sight: &Sight<'_>, rep: &RepId) -> Option<SessionId> {
    let live = sight.rep_presence(rep);
    if !live.is_connected() {
        return None;
    }
    own_line(sight, rep).or_else(|| from_queues(sight, &live))
}

fn own_line(sight: &Sight<'_>, rep: &RepId) -> Option<SessionId> {
    let line = Line::Rep(rep.clone());
    if sight.nobody_waits(&line) {
        return None;
    }
    let mut verdicts: BTreeMap<ChannelId, bool> = BTreeMap::new();
    let takes = |place: &Place| {
        *verdicts.entry(place.ask.channel.clone()).or_insert_with(|| {
            sight.channel(&place.ask.channel).is_some_and(|c| can_take(sight, rep, &c))
        })
    };
    sight.waiting(&line).find(takes).map(|place| place.session)
}

fn from_queues(sight: &Sight<'_>, live: &RepPresence) -> Option<SessionId> {
    let reach = &live.presence.as_ref()?.reach;
    if Load::of(live, reach).is_full() || reach.takes.is_empty() {
        return None;
    }
    let firsts = reach.queues.keys().filter_map(|id| {
        if sight.nobody_waits(&Line::Queue(id.clone())) {
            return None;
        }
        let queue = sight.queue(id)?;
        first_in(sight, live, reach, &queue)
    });
    firsts.min().map(|place| place.session)
}

/// The first session in `queue` that the rep could take.
fn first_in(sight: &Sight<'_>, live: &RepPresence, reach: &Reach, queue: &Queue) -> Option<Place> {
    let mut verdicts: BTreeMap<ChannelId, bool> = BTreeMap::new();
    let load = Load::of(live, reach);
    let mut takes = |id: &ChannelId| match verdicts.get(id) {
        Some(known) => *known,
        None => {
            let verdict = sight.channel(id).is_some_and(|c| suits(&c, load, reach, queue));
            verdicts.insert(id.clone(), verdict);
            verdict
        }
    };
    sight.waiting(&Line::Queue(queue.id.clone())).find(|place| {
        place.ask.is_met_by(&reach.skills)
            && takes(&place.ask.channel)
            && (!place.ask.choosy || may_take(sight, place.session, queue, &live.rep))
    })
}

fn suits(channel: &Channel, load: Load, reach: &Reach, queue: &Queue) -> bool {
    queue.serves(channel.channel_type)
        && reach.takes.contains(&channel.channel_type)
        && load.fits(weight_of(channel, Some(queue)), channel.interruptible)
}

/// Whether a rep who can take a session may be offered it, though some may not.
fn may_take(sight: &Sight<'_>, session: SessionId, queue: &Queue, rep: &RepId) -> bool {
    let Some(session) = sight.session(&session) else {
        return false;
    };
    let Some(search) = Search::new(sight, &session, queue) else {
        return false;
    };
    let original = search.original.as_ref() == Some(rep);
    if !original && !search.passed_by.contains(rep) {
        return true;
    }
    // For the decliner: nobody else can take it now. For the original rep: nobody else is there.
    !sight.members(&queue.id).filter(|s| s.rep != *rep && search.unfit(s).is_none()).any(|s| {
        let barred = search.is_original(&s) || search.passed_by.contains(&s.rep);
        if original { !search.is_original(&s) } else { !barred && search.has_room(&s) }
    })
}
