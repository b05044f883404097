//! Whether a state is settled (R1): nobody waits beside a rep who could take them, and what reps'
//! presences say of the directory is so. Looked at after every commit by whoever made it.

use std::collections::BTreeSet;

use crate::domain::choose::{rep_for, session_for};
use crate::domain::draft::Draft;
use crate::domain::id::{QueueId, RepId, SessionId};
use crate::domain::live::Line;
use crate::domain::look::Look;
use crate::domain::record::RecordKey;
use crate::domain::sight::Sight;
use crate::domain::state::State;
use crate::domain::wait;

use super::{reach, route};

/// How often the reps concerned by a change of the directory are gone through.
const PASSES: usize = 8;

/// Of the reps that a transaction touched, and of those for whom a session that it touched waits,
/// the ones to be settled: somebody waits whom they could take, or their reach is out of date.
/// Empty in a settled state.
#[must_use]
pub fn unsettled(state: &State, touched: &[RecordKey]) -> BTreeSet<RepId> {
    let sight = Sight::of(state);
    let mut reps = BTreeSet::new();
    let mut found = BTreeSet::new();
    for key in touched {
        match key {
            RecordKey::RepPresence(rep) => {
                reps.insert(rep.clone());
                found.extend(kept_from(&sight, rep));
            }
            RecordKey::Session(id) => match waits(state, *id) {
                Some(Line::Rep(rep)) => {
                    reps.insert(rep);
                }
                Some(Line::Queue(queue)) => found.extend(rep_of(&sight, *id, &queue)),
                None => {}
            },
            RecordKey::Work(_) | RecordKey::Transfer(_) | RecordKey::Reference(..) => {}
            RecordKey::Settings
            | RecordKey::Configuration(_)
            | RecordKey::Status(_)
            | RecordKey::Profile(_)
            | RecordKey::Channel(_)
            | RecordKey::Skill(_)
            | RecordKey::Queue(_)
            | RecordKey::Flow(_)
            | RecordKey::Rep(_) => return unsettled_reps(&sight, everyone(state)),
        }
    }
    found.extend(unsettled_reps(&sight, reps));
    found
}

fn unsettled_reps(sight: &Sight<'_>, reps: BTreeSet<RepId>) -> BTreeSet<RepId> {
    let wanted = |rep: &RepId| session_for(sight, rep).is_some() || reach::is_stale(sight, rep);
    reps.into_iter().filter(wanted).collect()
}

fn waits(state: &State, session: SessionId) -> Option<Line> {
    let session = state.session(&session)?;
    session.waits_for_an_offer().then(|| session.line.clone())
}

fn rep_of(sight: &Sight<'_>, session: SessionId, queue: &QueueId) -> Option<RepId> {
    rep_for(sight, &*sight.session(&session)?, queue).map(|choice| choice.rep)
}

/// Reps who may take a session from which `rep` kept them as long as they could take it (T9).
fn kept_from(sight: &Sight<'_>, rep: &RepId) -> BTreeSet<RepId> {
    let queues = sight.base().queues_of(rep);
    let with_room = queues.filter(|queue| wait::size(sight.base(), queue).ready > 0);
    with_room
        .flat_map(|queue| sight.choosy(queue).into_iter().map(move |id| (queue, id)))
        .filter_map(|(queue, id)| rep_of(sight, id, queue))
        .collect()
}

/// Every rep who may be concerned by a change of the directory: those for whom somebody waits, those
/// with room in a queue in which somebody waits, and those who are signed in.
fn everyone(state: &State) -> BTreeSet<RepId> {
    signed_in(state).chain(waited_for(state)).collect()
}

/// Every rep for whom somebody waits, and every rep with room in a queue in which somebody does.
fn waited_for(state: &State) -> BTreeSet<RepId> {
    let mut reps = BTreeSet::new();
    for line in state.lines() {
        match line {
            Line::Rep(rep) => {
                reps.insert(rep.clone());
            }
            Line::Queue(queue) => {
                let with_room = state.members(queue).take_while(|standing| !standing.full);
                reps.extend(with_room.map(|standing| standing.rep.clone()));
            }
        }
    }
    reps
}

/// After a change of the directory: makes presences say the same, and offers what it makes room for.
pub(crate) fn follow_directory(draft: &mut Draft<'_>) {
    let mut reps: BTreeSet<RepId> = {
        let sight = draft.sight();
        signed_in(draft.base()).filter(|rep| reach::is_stale(&sight, rep)).collect()
    };
    for rep in &reps {
        reach::refresh(draft, rep);
    }
    reps.extend(waited_for(draft.base()));
    // What one of them takes may leave to another what they had to leave to the first.
    for _ in 0..PASSES {
        for rep in &reps {
            route::settle(draft, rep);
        }
        let sight = draft.sight();
        reps.retain(|rep| session_for(&sight, rep).is_some());
        if reps.is_empty() {
            break;
        }
    }
}

/// Every rep who has a presence.
fn signed_in(state: &State) -> impl Iterator<Item = RepId> {
    super::directory::references::presences(state)
        .filter(|live| live.presence.is_some())
        .map(|live| live.rep.clone())
}
