//! How the core comes to know what others have committed: entries that a lost race or a look has brought, or
//! the whole org, loaded anew.

use std::sync::Arc;

use imbl::Vector;

use super::{Caller, Core, Next, Step};
use crate::domain::command::Command;
use crate::domain::entry::Entry;
use crate::domain::state::BrokenChain;
use crate::domain::time::Timestamp;
use crate::engine::recent_outcomes::RecentOutcomes;
use crate::engine::round::Origin;
use crate::engine::steady::SteadyClock;
use crate::engine::view::Applied;
use crate::home::Place;
use crate::journal::Loaded;

impl<T: Caller> Core<T> {
    /// These were found to follow what is known. What is in flight brings news by itself.
    pub fn on_found(&mut self, now: Timestamp, entries: &[Arc<Entry>]) -> Step<T> {
        let nothing = |next| Step { answers: Vec::new(), next };
        if self.is_committing() {
            return nothing(Next::Go);
        }
        match self.catch_up(now, entries) {
            Ok(false) => nothing(Next::Go),
            Ok(true) => {
                self.predicted = self.view.state.clone();
                nothing(Next::Go)
            }
            Err(BrokenChain { .. }) => nothing(Next::Reload),
        }
    }

    /// Applies what was committed elsewhere; gives whether there was something.
    pub(super) fn catch_up(
        &mut self,
        now: Timestamp,
        missed: &[Arc<Entry>],
    ) -> Result<bool, BrokenChain> {
        let known = self.view.state.head().revision;
        let mut raced = false;
        for entry in missed.iter().filter(|entry| entry.revision > known) {
            let before = self.view.state.apply(entry)?;
            self.view.recent.push_back(Arc::new(Applied::of(entry, before)));
            raced = true;
        }
        self.view.clock.advance(self.view.state.head().time, now);
        self.trim_recent();
        if raced && self.place == Some(Place::Home) {
            self.stats.two_homes.add(1);
        }
        Ok(raced)
    }

    pub(super) fn trim_recent(&mut self) {
        while self.view.recent.len() > self.options.recent_entries {
            self.view.recent.pop_front();
        }
    }

    /// The org was loaded again after [`Next::Reload`].
    pub fn on_loaded(&mut self, loaded: Loaded, now: Timestamp) {
        self.stats.reloads.add(1);
        self.take_over(loaded, now);
    }

    pub(super) fn take_over(&mut self, loaded: Loaded, now: Timestamp) {
        let Loaded { epoch, state, now: org_now, release } = loaded;
        let others = !release.is_empty() && release != crate::RELEASE;
        self.view.epoch = epoch;
        self.view.recent = Vector::new();
        self.view.clock = SteadyClock::new(org_now.max(state.head().time), now);
        self.stands_anew(now);
        self.predicted = state.clone();
        self.view.state = state;
        self.doomed = false;
        self.timers.clear();
        self.outcomes = RecentOutcomes::default();
        if others {
            let item = self.own("release", Command::LookAtEverybody, Origin::WorkOff);
            self.queue.push_front(item);
        }
    }
}
