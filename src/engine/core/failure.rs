//! What the core does when the journal fails: sends the batch again where its fate isn't known,
//! and gives up in the end with an answer that promises no more than is known.

use crate::domain::time::{Span, Timestamp};
use crate::journal::JournalError;

use super::{Core, Next, Step};
use crate::engine::clock::duration;
use crate::engine::policy::Backoff;
use crate::engine::round::{Origin, Round, Slot};
use crate::engine::{Done, Refusal};

/// When to come back to a store whose data can't be read.
const CORRUPT_RETRY: Span = Span::from_secs(30);
/// The most often that a batch is sent again: the clock may stand still.
const RESENDS: u32 = 32;

impl<T> Core<T> {
    /// The batch in flight failed.
    ///
    /// # Panics
    /// If none is in flight: the driver gave one reply twice.
    pub fn on_failed(&mut self, now: Timestamp, error: JournalError) -> Step<T> {
        let mut round = self.round.take().expect("a reply belongs to the batch in flight");
        match error {
            JournalError::Diverged(_) => {
                self.barriers.extend(round.barriers);
                self.requeue(round.items.into_iter().map(|(item, _)| item).collect());
                return Step { answers: Vec::new(), next: Next::Reload };
            }
            JournalError::Unknown(_) => {
                self.stats.unknowns.add(1);
                round.doubtful = true;
            }
            JournalError::Unavailable(_) | JournalError::Corrupt(_) => {}
        }
        let late = now.since(round.began) >= self.options.commit_deadline;
        let bounded = round.resends < RESENDS && !matches!(error, JournalError::Corrupt(_));
        if round.doubtful && !late && bounded {
            round.resends += 1;
            self.stats.resends.add(1);
            let after = Backoff::RESEND.pause(round.resends, self.randomness.word());
            self.round = Some(round);
            return Step { answers: Vec::new(), next: Next::Resend { after } };
        }
        let retry = match error {
            JournalError::Corrupt(_) => CORRUPT_RETRY,
            _ => Backoff::PROBE.cap(),
        };
        let mut answers = self.give_up(round, now + Backoff::PROBE.pause(1, 0), retry);
        answers.extend(self.refuse_waiting(retry));
        Step { answers, next: Next::Down(error) }
    }

    /// Answers everybody who waits, but isn't in the batch in flight, that the store can't be
    /// reached.
    pub fn refuse_waiting(&mut self, retry: Span) -> Vec<(T, Result<Done, Refusal>)> {
        let mut answers = Vec::new();
        let refusal = Refusal::Unavailable { retry_after: duration(retry) };
        for item in std::mem::take(&mut self.queue) {
            match item.origin {
                Origin::Client(ticket) => answers.push((ticket, Err(refusal.clone()))),
                Origin::Settle(reps) => self.settling.keep(reps),
                Origin::Timer(_) => {}
            }
        }
        let barriers = std::mem::take(&mut self.barriers);
        answers.extend(barriers.into_iter().map(|ticket| (ticket, Err(refusal.clone()))));
        answers
    }

    /// Answers a round whose fate can't be found out, or that never happened.
    fn give_up(
        &mut self,
        round: Round<T>,
        settle_at: Timestamp,
        retry: Span,
    ) -> Vec<(T, Result<Done, Refusal>)> {
        let retry_after = duration(retry);
        let mut answers = Vec::new();
        if round.doubtful {
            self.settling.lose(&round.batch);
        }
        for (item, slot) in round.items {
            match item.origin {
                Origin::Client(ticket) => {
                    let refusal = if round.doubtful && matches!(slot, Slot::Commit(_)) {
                        self.stats.unknowns_given_up.add(1);
                        Refusal::Unknown { retry_after }
                    } else {
                        Refusal::Unavailable { retry_after }
                    };
                    answers.push((ticket, Err(refusal)));
                }
                Origin::Settle(reps) => self.settling.keep(reps),
                Origin::Timer(_) => {}
            }
        }
        self.settling.keep(round.unsure);
        self.settling.hold(settle_at);
        let refusal = Refusal::Unavailable { retry_after };
        answers.extend(round.barriers.into_iter().map(|ticket| (ticket, Err(refusal.clone()))));
        answers
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::command::{Command, Directory};
    use crate::domain::directory::Settings;
    use crate::domain::entry::Revision;
    use crate::engine::core::server_request;
    use crate::engine::entropy::Randomness;
    use crate::engine::options::EngineOptions;
    use crate::journal::{Committed, Epoch, Loaded, Verdict};

    const NOW: Timestamp = Timestamp::from_ms(1_000_000);

    fn core() -> Core<&'static str> {
        let options = EngineOptions::default();
        let mut core =
            Core::new(Loaded::default(), options, Randomness::from_seed(1), Arc::default());
        let settings = Some(Settings::default());
        let directory = Directory { settings, ..Directory::default() };
        let txn = Randomness::from_seed(2).transaction();
        core.submit(server_request("Test", Command::Upsert(directory), txn), "asker");
        core
    }

    fn unknown() -> JournalError {
        JournalError::Unknown("lost".to_owned())
    }

    #[test]
    fn a_lost_answer_means_the_same_batch_again_until_the_deadline() {
        let mut core = core();
        let sent = core.begin(NOW).unwrap();
        let step = core.on_failed(NOW + Span::from_ms(500), unknown());
        assert!(matches!(step.next, Next::Resend { .. }), "{:?}", step.next);
        assert!(core.begin(NOW).is_none(), "nothing is decided before the answer is known");
        assert!(Arc::ptr_eq(&sent, &core.in_flight().unwrap()));
        // After a lost answer, "nothing was done" isn't known any more.
        let gone = JournalError::Unavailable("gone".to_owned());
        let step = core.on_failed(NOW + Span::from_secs(4), gone);
        assert!(matches!(step.answers[..], [("asker", Err(Refusal::Unknown { .. }))]));
        assert!(core.is_quiet());
    }

    #[test]
    fn a_store_out_of_reach_is_told_at_once_to_everybody() {
        let mut core = core();
        core.begin(NOW).unwrap();
        core.barrier("reader");
        let step = core.on_failed(NOW, JournalError::Unavailable("gone".to_owned()));
        let told: Vec<_> = step.answers.iter().map(|(who, _)| *who).collect();
        assert_eq!(told, ["asker", "reader"]);
        let unavailable = |r: &Result<Done, Refusal>| matches!(r, Err(Refusal::Unavailable { .. }));
        assert!(step.answers.iter().all(|(_, result)| unavailable(result)));
    }

    #[test]
    fn on_another_history_requests_are_decided_again() {
        let mut core = core();
        let first = core.begin(NOW).unwrap();
        let step = core.on_failed(NOW, JournalError::Diverged("another".to_owned()));
        assert_eq!((step.answers.len(), step.next), (0, Next::Reload));
        core.on_loaded(Loaded { epoch: Epoch(2), ..Loaded::default() });
        let second = core.begin(NOW).unwrap();
        assert_eq!(second.epoch, Epoch(2));
        assert_eq!(second.transactions[0].id, first.transactions[0].id);
    }

    #[test]
    fn who_loses_again_and_again_is_told_so() {
        let mut core = core();
        let mut now = NOW;
        let lost = Committed { verdicts: vec![Verdict::Conflict], ..Committed::default() };
        for attempt in 1..=8 {
            core.begin(now).unwrap();
            let step = core.on_committed(now, &lost);
            let contended = Err(Refusal::Contended { attempts: 8 });
            let told = step.answers.first().map(|(_, result)| result.clone().map(|_| ()));
            assert_eq!(told, (attempt == 8).then_some(contended), "attempt {attempt}");
            now = core.next_wake().unwrap_or(now).max(now);
        }
        assert_eq!(core.view().state.head().revision, Revision::ZERO);
    }
}
