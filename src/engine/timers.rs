//! Which deadlines this replica has to act on, and when, in the org's time. Deadlines are data in the state and every
//! replica arms the same ones; here is only what is this replica's own: how much later than the
//! others it acts, and which ones it has tried in vain. Used by `core`.

use std::collections::BTreeMap;

use crate::domain::record::{Due, IndexKey};
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};

use super::policy::Backoff;
use crate::home::Place;

/// The most deadlines acted on at once. When thousands pass in the same moment, whatever else is asked
/// for comes in between.
const AT_ONCE: usize = 32;
/// How many of the kinds that pass by the thousand, when a network fails, become one transaction.
const TOGETHER: usize = 16;
/// Above this many, those tried are forgotten once their pause is over.
const KEPT: usize = 1_024;

/// So much later than due a deadline is acted on elsewhere than at the org's home.
pub(super) const OVERDUE: Span = Span::from_secs(2);

#[derive(Debug, Clone, Copy)]
struct Tried {
    failures: u32,
    again_at: Timestamp,
}

/// This replica's part in acting on deadlines.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// This replica acts so much later than due.
    later: Span,
    /// The same while nobody knows who is home.
    jitter: Span,
    /// Deadlines given a command, until the command is committed.
    tried: BTreeMap<Due, Tried>,
}

impl Timers {
    pub(super) fn new(jitter: Span) -> Self {
        Self { later: jitter, jitter, tried: BTreeMap::new() }
    }

    /// Acts as who has this place in the order of the org: its home when something is due, the others when
    /// the home has left it undone; where that isn't known, each a bit later than the others.
    pub(super) fn act_as(&mut self, place: Option<Place>) {
        self.later = match place {
            Some(Place::Home) => Span::from_ms(0),
            Some(Place::Second | Place::Other) => {
                Span::from_ms(OVERDUE.as_ms() + self.jitter.as_ms())
            }
            None => self.jitter,
        };
    }

    /// The deadlines to act on now, in groups of those to be committed together. Each is held back
    /// afterwards, so that one whose command comes to nothing isn't tried in a hot loop.
    pub(super) fn take(&mut self, state: &State, now: Timestamp, random: u64) -> Vec<Vec<Due>> {
        if self.tried.len() > KEPT {
            self.tried.retain(|_, tried| tried.again_at > now);
        }
        let held = |due: &&Due| self.tried.get(due).is_none_or(|tried| tried.again_at <= now);
        let due: Vec<Due> =
            state.due(now - self.later).filter(held).take(AT_ONCE).cloned().collect();
        for item in &due {
            let failures = self.tried.get(item).map_or(1, |tried| tried.failures.saturating_add(1));
            let again_at = now + Backoff::TIMER.pause(failures, random);
            self.tried.insert(item.clone(), Tried { failures, again_at });
        }
        grouped(due)
    }

    /// It has been acted on.
    pub(super) fn done(&mut self, due: &Due) {
        self.tried.remove(due);
    }

    /// Another history: whatever was tried was tried there.
    pub(super) fn clear(&mut self) {
        self.tried.clear();
    }

    /// When there will be something to act on.
    pub(super) fn next(&self, state: &State) -> Option<Timestamp> {
        let mut next: Option<Timestamp> = None;
        for place in state.places() {
            let IndexKey::Due(at, due) = place else { break };
            let tried = self.tried.get(due);
            let when = tried.map_or(*at + self.later, |t| t.again_at.max(*at + self.later));
            next = Some(next.map_or(when, |n| n.min(when)));
            if tried.is_none() {
                break;
            }
        }
        next
    }
}

fn grouped(due: Vec<Due>) -> Vec<Vec<Due>> {
    let (many, single): (Vec<Due>, Vec<Due>) =
        due.into_iter().partition(|due| matches!(due, Due::Grace(_) | Due::Orphans(_)));
    let single = single.into_iter().map(|due| vec![due]);
    single.chain(many.chunks(TOGETHER).map(<[Due]>::to_vec)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{RepId, SessionId};

    #[test]
    fn p4_what_passes_by_the_thousand_is_committed_together_and_the_rest_alone() {
        let rep = |n: usize| RepId::new(&format!("r{n}")).expect("an id");
        let mut due: Vec<Due> = (0..20).map(|n| Due::Grace(rep(n))).collect();
        due.insert(3, Due::Forget(SessionId::MIN));
        due.insert(9, Due::SkillWish(SessionId::MIN));
        let groups = grouped(due.clone());
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 1, TOGETHER, 4]);
        let mut all: Vec<Due> = groups.concat();
        all.sort();
        due.sort();
        assert_eq!(all, due, "nothing is lost, nothing comes twice");
    }
}
