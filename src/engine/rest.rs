//! Whether an org rests: nobody is signed in, nothing is marked, and nothing is due soon. What doesn't
//! rest is looked after by some replica at any time.

use crate::domain::id::RepId;
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};

/// A deadline nearer than that keeps an org awake.
const SOON: Span = Span::from_secs(60);

/// What an org asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Somebody has to look after it all the time.
    Awake,
    /// Nobody has to, before so much time has passed.
    For(Span),
    /// Nobody has to, before somebody asks for something.
    Asleep,
}

/// What this org asks for when it is `now` in it.
pub(super) fn rest(state: &State, now: Timestamp) -> Rest {
    if state.has_marks() || anybody_there(state) {
        return Rest::Awake;
    }
    match state.next_due() {
        None => Rest::Asleep,
        Some(at) if at.since(now) <= SOON => Rest::Awake,
        Some(at) => Rest::For(at.since(now)),
    }
}

/// Has anybody a presence, connected or not?
pub(super) fn anybody_there(state: &State) -> bool {
    state.rep_presences_from(&RepId::least()).any(|rep| rep.presence.is_some())
}
