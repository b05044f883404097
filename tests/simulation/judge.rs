//! What the world is judged by beyond the store's oracle: each answer as it is given, and, when all
//! is quiet, whether everybody agrees and nobody is left waiting, be it for a rep or for a partner.

use baton::domain::decide::decide;
use baton::domain::decide::settle::unsettled;
use baton::domain::entry::{Answer, Outcome};
use baton::domain::rejection::Rejection;
use baton::domain::state::State;
use baton::domain::time::Timestamp;
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
        if let Some(Outcome { answer: Answer::Refused(kept), fingerprint, .. }) = outcome {
            match result {
                Ok(_) => return Err("T21: refused elsewhere, but done".to_owned()),
                Err(Refusal::Rejected(rejection)) if *rejection == **kept => return Ok(()),
                Err(Refusal::RequestIdReused) if *fingerprint != call.request.fingerprint => {
                    return Ok(());
                }
                Err(Refusal::Unavailable { .. } | Refusal::Contended { .. }) => return Ok(()),
                // It may have been refused by itself before that was kept.
                Err(_) => {}
            }
        }
        let outcome = outcome.filter(|outcome| !matches!(outcome.answer, Answer::Refused(_)));
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
                // Without an id nothing is kept: its entry must be there.
                None if self.store.caused(done.revision, &call.request.cause)
                    && done.revision > call.asked_at =>
                {
                    Ok(())
                }
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
            Err(
                Refusal::Unavailable { .. } | Refusal::TimedOut { .. } | Refusal::Contended { .. },
            ) => {
                let done = outcome.is_some() && !call.doubtful;
                if done { Err(format!("it was done, but answered {result:?}")) } else { Ok(()) }
            }
            Err(Refusal::Unreadable { .. }) => {
                Err("it is told that the org can't be read, and it can".to_owned())
            }
            Err(_) => Ok(()),
        }
    }

    /// Was there, between asking and answering, a state in which this is what comes of it? (An
    /// answer without a commit is decided on some state of that time, never on an older one.) For the
    /// engine it may be as late as for the state at least (R12), and partners are away only until a point in time.
    fn might_have(
        &self,
        call: &Call,
        fits: impl Fn(Result<bool, Rejection>) -> bool,
    ) -> Result<(), String> {
        let mut bits = Randomness::from_seed(0);
        let mut decide_on = |state: &State, at: Timestamp| {
            let decided = decide(&mut state.clone(), &call.request, at, &mut bits)?;
            Ok(decided.entry.is_some())
        };
        let mut states = self.store.between(call.asked_at, self.store.revision());
        if states.any(|state| {
            let times = [state.head().time, self.now];
            times.into_iter().any(|at| fits(decide_on(state, at)))
        }) {
            return Ok(());
        }
        let now = decide_on(self.store.state(), self.now);
        Err(format!("no state since it was asked gives that answer; now it is {now:?}"))
    }

    /// Stops all trouble and waits until everybody knows everything; then everybody must agree and
    /// nobody may wait beside a free rep.
    pub(super) fn settle_down(&mut self) -> Result<(), String> {
        self.faults = false;
        self.catch_up()?;
        let state = self.store.state();
        let left = unsettled(state);
        if !left.is_empty() {
            return Err(format!("R1: somebody waits beside {left:?}"));
        }
        oracle::nobody_waits_beside_a_free_rep(state)?;
        oracle::asked::nothing_is_forgotten(state, self.now)?;
        self.agree()
    }

    pub(super) fn agree(&self) -> Result<(), String> {
        if let Some(txn) = self.refused.iter().find(|txn| self.store.changed(**txn)) {
            return Err(format!("T21: refused here, done there: {txn}"));
        }
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
