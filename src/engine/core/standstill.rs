//! When the org's time stands still (R12): while the store takes no writes, or while nothing of this org
//! can be committed. The driver says the first; the second is what the core meets itself, and then it
//! looks now and again whether that has passed.

use crate::domain::time::Timestamp;

use super::{Caller, Core};
use crate::engine::policy::Backoff;
use crate::engine::standstill::Standstill;

impl<T: Caller> Core<T> {
    /// The store takes no writes since the monotonic clock said `since`.
    pub fn store_lost(&mut self, since: Timestamp) {
        self.standstill.store = true;
        self.stand_still(since);
    }

    /// The store takes writes again. Gives whether the org's time goes on.
    pub fn store_back(&mut self, now: Timestamp) -> bool {
        self.standstill.store = false;
        self.go_on(now)
    }

    /// Something that was sent when the monotonic clock said `since` failed.
    pub(super) fn failed(&mut self, since: Timestamp, now: Timestamp) {
        self.standstill.own = true;
        self.standstill.failures = self.standstill.failures.saturating_add(1);
        let random = self.randomness.word();
        let pause = Backoff::PROBE.pause(self.standstill.failures, random);
        self.standstill.look_at = Some(now + pause);
        self.stand_still(since);
    }

    /// The store answered as it should.
    pub(super) fn answered(&mut self, now: Timestamp) {
        if self.standstill.own {
            let store = self.standstill.store;
            self.standstill = Standstill { store, ..Standstill::default() };
            self.go_on(now);
        }
    }

    /// When to look whether the org can be committed to again.
    pub(super) const fn look_at(&self) -> Option<Timestamp> {
        self.standstill.look_at
    }

    /// Whether it is time to look. It isn't again before that has been answered.
    pub(super) fn takes_a_look(&mut self, now: Timestamp) -> bool {
        self.standstill.look_at.take_if(|at| *at <= now).is_some()
    }

    fn stand_still(&mut self, since: Timestamp) {
        self.view.clock.pause(since);
        // What was committed was committed, whenever the first failure began.
        self.view.clock.advance(self.view.state.head().time, since);
    }

    fn go_on(&mut self, now: Timestamp) -> bool {
        let goes_on = !self.standstill.store && !self.standstill.own;
        if goes_on {
            self.view.clock.resume(now);
        }
        goes_on
    }

    /// Another history was loaded: its time is what it is, unless the store is away.
    pub(super) fn stands_anew(&mut self, now: Timestamp) {
        let store = self.standstill.store;
        self.standstill = Standstill { store, ..Standstill::default() };
        if store {
            self.stand_still(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::command::{Command, Directory};
    use crate::domain::directory::Settings;
    use crate::domain::time::Span;
    use crate::engine::core::Next;
    use crate::engine::entropy::Randomness;
    use crate::engine::options::EngineOptions;
    use crate::engine::own_request::server_request;
    use crate::journal::{JournalError, Loaded, Reply, Verdict};

    const START: Timestamp = Timestamp::from_ms(5_000);

    fn at(ms: i64) -> Timestamp {
        START + Span::from_ms(ms)
    }

    fn core() -> Core<&'static str> {
        let loaded = Loaded { now: Timestamp::from_ms(1_000_000), ..Loaded::default() };
        let bits = Randomness::from_seed(1);
        Core::new(loaded, EngineOptions::default(), START, bits, Arc::default())
    }

    fn ask(core: &mut Core<&'static str>) {
        let settings = Some(Settings { max_transfers_per_session: 9, ..Settings::default() });
        let directory = Directory { settings, ..Directory::default() };
        let txn = Randomness::from_seed(7).transaction();
        core.submit(server_request("Test", Command::Upsert(directory), txn), "asker");
    }

    fn accepted() -> Reply {
        Reply { verdict: Verdict::Accepted, store_time: START }
    }

    fn passed(core: &Core<&'static str>, now: Timestamp) -> i64 {
        core.view().clock.at(now).as_ms() - 1_000_000
    }

    #[test]
    fn r12_while_the_store_is_away_no_time_passes_and_what_is_asked_still_tries() {
        let mut core = core();
        core.store_lost(at(1_000));
        assert_eq!((passed(&core, at(9_000)), core.next_wake()), (1_000, None));
        ask(&mut core);
        let (round, _) = core.begin(at(9_000)).expect("it tries");
        // A read that works, or a write that was under way, makes nobody well.
        assert_eq!(core.on_reply(at(9_100), round, accepted()).next, Next::Go);
        assert_eq!(passed(&core, at(10_000)), 1_000);
        assert!(core.store_back(at(11_000)));
        assert_eq!(passed(&core, at(11_500)), 1_500);
    }

    #[test]
    fn r12_while_this_org_cannot_be_committed_to_it_looks_now_and_again() {
        let mut core = core();
        ask(&mut core);
        let (round, _) = core.begin(at(1_000)).expect("something is asked");
        let gone = JournalError::Unavailable("gone".to_owned());
        let step = core.on_failed(at(1_500), round, gone);
        assert_eq!(step.answers.len(), 1);
        assert_eq!(passed(&core, at(9_000)), 1_000, "since the failure began");
        let wake = core.next_wake().expect("it looks again");
        assert!(wake > at(1_500) && wake <= at(5_000), "{wake:?}");
        let (look, batch) = core.begin(wake).expect("a look");
        assert!(batch.entries.is_empty());
        core.on_reply(at(6_000), look, accepted());
        assert_eq!(passed(&core, at(6_200)), 1_200);
        assert_eq!(core.next_wake(), None, "all is well");
    }
}
