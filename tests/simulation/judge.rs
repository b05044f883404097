//! What the world is judged by beyond the store's oracle: each answer as it is given, and, when all
//! is quiet, whether everybody agrees and nobody is left waiting.

use baton::domain::decide::{decide, unsettled};
use baton::domain::record::RecordKey;
use baton::domain::rejection::Rejection;
use baton::domain::state::State;
use baton::engine::entropy::Randomness;
use baton::engine::{Done, Refusal};

use super::{Call, World};
use crate::oracle;

impl World {
    /// Is the answer one that a client may be given?
    pub(super) fn check_answer(
        &self,
        call: &Call,
        result: &Result<Done, Refusal>,
    ) -> Result<(), String> {
        let outcome = self.store.outcome(call.request.txn);
        let before = outcome.filter(|o| o.revision <= call.asked_at);
        let remembered = call.request.cause.request_id.is_some();
        match result {
            Ok(_) if remembered && outcome.is_none() => {
                Err("T21: answered, and nobody will know it".to_owned())
            }
            Ok(done) => match outcome {
                Some(outcome) if outcome.revision == done.revision => {
                    let same = outcome.answer == done.answer
                        && outcome.fingerprint == call.request.fingerprint;
                    if !same {
                        return Err("T21: answered with something else".to_owned());
                    }
                    if before.is_some() || self.store.changed(call.request.txn) {
                        return Ok(());
                    }
                    self.might_have(call, |decided| matches!(decided, Ok(false)))
                }
                _ if before.is_some() => Err("T21: done before, at another revision".to_owned()),
                _ => self.might_have(call, |decided| matches!(decided, Ok(false))),
            },
            Err(Refusal::Rejected(rejection)) => {
                if before.is_some() {
                    return Err(format!("T21: done before, but refused: {rejection}"));
                }
                self.might_have(
                    call,
                    |decided| matches!(decided, Err(r) if r.reason == rejection.reason),
                )
            }
            Err(Refusal::RequestIdReused) => {
                let other = outcome.is_some_and(|o| o.fingerprint != call.request.fingerprint);
                if other { Ok(()) } else { Err("T21: nobody used its id".to_owned()) }
            }
            Err(Refusal::Unavailable { .. } | Refusal::Contended { .. }) => {
                let done = outcome.is_some() && !call.doubtful;
                if done { Err(format!("it was done, but answered {result:?}")) } else { Ok(()) }
            }
            Err(_) => Ok(()),
        }
    }

    /// Was there, between asking and answering, a state in which this is what comes of it? (An
    /// answer without a commit is decided on some state of that time, never on an older one.)
    fn might_have(
        &self,
        call: &Call,
        fits: impl Fn(Result<bool, Rejection>) -> bool,
    ) -> Result<(), String> {
        let mut bits = Randomness::from_seed(0);
        let mut decide_on = |state: &State| {
            let decided = decide(state, &call.request, self.now, &mut bits)?;
            Ok(decided.transaction.is_some_and(|t| !t.changes_nothing()))
        };
        let mut states = self.store.between(call.asked_at, self.store.revision());
        if states.any(|state| fits(decide_on(state))) {
            return Ok(());
        }
        let now = decide_on(self.store.state());
        Err(format!("no state since it was asked gives that answer; now it is {now:?}"))
    }

    /// Stops all trouble and waits until everybody knows everything; then everybody must agree and
    /// nobody may wait beside a free rep.
    pub(super) fn settle_down(&mut self) -> Result<(), String> {
        self.faults = false;
        self.catch_up()?;
        let head = self.store.state().clone();
        let left = unsettled(&head, &all_reps(&head));
        if !left.is_empty() && !self.crashes {
            return Err(format!("R1: somebody waits beside {left:?}"));
        }
        for _ in 0..2 {
            for node in &mut self.nodes {
                if let Some(core) = &mut node.core {
                    core.sweep();
                }
            }
            self.catch_up()?;
        }
        let state = self.store.state();
        let left = unsettled(state, &all_reps(state));
        if !left.is_empty() {
            return Err(format!("R1: not even the sweep helps {left:?}"));
        }
        oracle::nobody_waits_beside_a_free_rep(state)?;
        if !self.crashes && self.stats.found_by_sweep.get() > 0 {
            return Err("R1: the sweep found what settling had missed".to_owned());
        }
        self.agree()
    }

    pub(super) fn agree(&self) -> Result<(), String> {
        if let Some(call) = self.open.first() {
            return Err(format!("call {call} was never answered"));
        }
        let reference = self.store.state();
        for (at, node) in self.nodes.iter().enumerate() {
            let Some(core) = &node.core else { continue };
            let state = &core.view().state;
            if !state.records().eq(reference.records()) || !state.places().eq(reference.places()) {
                return Err(format!("engine {at} has another state than the journal"));
            }
            let recent: Vec<u64> =
                core.view().recent.iter().map(|a| a.entry.revision.get()).collect();
            let dense = recent.windows(2).all(|pair| pair[0] + 1 == pair[1]);
            let last = recent.last().is_none_or(|r| *r == state.head().revision.get());
            if !dense || !last || recent.len() > self.options.recent_entries {
                return Err(format!("engine {at} keeps a ring with gaps: {recent:?}"));
            }
        }
        Ok(())
    }
}

fn all_reps(state: &State) -> Vec<RecordKey> {
    let keys = state.records().map(|(key, _)| key);
    keys.filter(|key| matches!(key, RecordKey::RepPresence(_))).cloned().collect()
}
