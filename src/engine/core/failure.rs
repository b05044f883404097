//! What the core does when the journal fails: sends the batch again where its fate isn't known,
//! and gives up in the end with an answer that promises no more than is known.

use crate::domain::time::{Span, Timestamp};
use crate::journal::{JournalError, Reply, Verdict};

use super::{Caller, Core, Next, Step};
use crate::engine::clock::duration;
use crate::engine::policy::Backoff;
use crate::engine::refusal::Refusal;
use crate::engine::round::{Decided, Origin, Round, Waiting};
use crate::engine::view::Done;

/// When to come back to a store whose data can't be read.
const CORRUPT_RETRY: Span = Span::from_secs(30);
/// The most often that a batch is sent again: the clock may stand still.
const RESENDS: u32 = 32;

impl<T: Caller> Core<T> {
    /// A batch in flight failed.
    pub fn on_failed(&mut self, now: Timestamp, round: u64, error: JournalError) -> Step<T> {
        let nothing = Step { answers: Vec::new(), next: Next::Go };
        let Some(failed) = self.rounds.iter().find(|r| r.id == round) else {
            return nothing;
        };
        if !failed.batch.entries.is_empty() && self.is_built_on(round) {
            return self.on_reply(
                now,
                round,
                Reply { verdict: Verdict::Accepted, store_time: now },
            );
        }
        let Some(failed) = self.rounds.iter_mut().find(|r| r.id == round) else {
            return nothing;
        };
        match error {
            JournalError::Diverged(_) => {
                self.decide_all_again();
                return Step { next: Next::Reload, ..nothing };
            }
            JournalError::Unknown(_) => {
                self.stats.unknowns.add(1);
                failed.doubtful = true;
            }
            JournalError::Unavailable(_) | JournalError::Corrupt(_) => {}
        }
        let late = now.since(failed.began) >= self.options.commit_deadline;
        let bounded = failed.resends < RESENDS && !matches!(error, JournalError::Corrupt(_));
        if failed.doubtful && !late && bounded {
            failed.resends += 1;
            self.stats.resends.add(1);
            let after = Backoff::RESEND.pause(failed.resends, self.randomness.word());
            return Step { next: Next::Resend { round, after }, ..nothing };
        }
        let retry = match error {
            JournalError::Corrupt(_) => CORRUPT_RETRY,
            _ => Backoff::PROBE.cap(),
        };
        let refusal = match error {
            JournalError::Corrupt(_) => Refusal::Unreadable { retry_after: duration(retry) },
            _ => Refusal::Unavailable { retry_after: duration(retry) },
        };
        let mut answers = Vec::new();
        let began = self.rounds.iter().map(|round| round.began).min().unwrap_or(now);
        self.failed(began, now);
        self.mark_doubtful(round);
        for round in std::mem::take(&mut self.rounds) {
            self.give_up(round, &refusal, &mut answers);
        }
        self.predicted = self.view.state.clone();
        self.doomed = false;
        self.not_before = now + Backoff::PROBE.pause(1, 0);
        answers.extend(self.refuse_waiting(&refusal));
        Step { answers, next: Next::Down(error) }
    }

    /// Was something accepted that was decided on this round? Then it was accepted, too.
    fn is_built_on(&self, round: u64) -> bool {
        let accepted = |r: &Round<T>| {
            matches!(r.reply, Some(Reply { verdict: Verdict::Accepted, .. }))
                && !r.batch.entries.is_empty()
        };
        self.rounds.iter().any(|r| r.id > round && accepted(r))
    }

    /// Of what else is in flight nobody knows what becomes of it, but for what was decided on a round
    /// that never happened.
    fn mark_doubtful(&mut self, failed: u64) {
        let mut possible = true;
        for round in &mut self.rounds {
            if round.id == failed {
                possible = round.doubtful || round.batch.entries.is_empty();
            } else if possible {
                round.doubtful = true;
            }
        }
    }

    /// Puts back whatever is in flight: what was decided on the old history doesn't count.
    fn decide_all_again(&mut self) {
        for round in std::mem::take(&mut self.rounds) {
            self.barriers.extend(round.barriers);
            let items = round.decided.into_iter().map(|decided| decided.item);
            let of_clients = items.filter(|item| matches!(item.origin, Origin::Client(_)));
            self.requeue(of_clients.collect());
        }
    }

    /// Answers everybody who waits, but isn't in flight, so.
    pub fn refuse_waiting(&mut self, refusal: &Refusal) -> Vec<(T, Result<Done, Refusal>)> {
        let mut answers = Vec::new();
        for Waiting { origin, .. } in std::mem::take(&mut self.queue) {
            if let Origin::Client(ticket) = origin {
                answers.push((ticket, Err(refusal.clone())));
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
        nothing_done: &Refusal,
        answers: &mut Vec<(T, Result<Done, Refusal>)>,
    ) {
        let retry_after = nothing_done.retry_after();
        for Decided { item, answer } in round.decided {
            match item.origin {
                Origin::Client(ticket) => {
                    let refusal = if round.doubtful && answer.is_ok() {
                        self.stats.unknowns_given_up.add(1);
                        Refusal::Unknown { retry_after }
                    } else {
                        nothing_done.clone()
                    };
                    answers.push((ticket, Err(refusal)));
                }
                Origin::Timer(due) => due.iter().for_each(|due| self.timers.done(due)),
                Origin::WorkOff => {}
            }
        }
        answers
            .extend(round.barriers.into_iter().map(|ticket| (ticket, Err(nothing_done.clone()))));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::command::{Command, Directory};
    use crate::domain::directory::Settings;
    use crate::domain::entry::{Entry, Revision};
    use crate::domain::id::EntryId;
    use crate::engine::entropy::Randomness;
    use crate::engine::options::EngineOptions;
    use crate::engine::own_request::server_request;
    use crate::journal::{Batch, Epoch, Loaded};

    const NOW: Timestamp = Timestamp::from_ms(1_000_000);

    impl Caller for &'static str {}

    fn ask(core: &mut Core<&'static str>, who: &'static str, limit: u32) {
        let settings = Some(Settings { max_transfers_per_session: limit, ..Settings::default() });
        let directory = Directory { settings, ..Directory::default() };
        let txn = Randomness::from_seed(u64::from(limit)).transaction();
        core.submit(server_request("Test", Command::Upsert(directory), txn), who);
    }

    fn core() -> Core<&'static str> {
        let options = EngineOptions::default();
        let bits = Randomness::from_seed(1);
        let mut core = Core::new(Loaded::default(), options, NOW, bits, Arc::default());
        ask(&mut core, "asker", 3);
        core
    }

    fn unknown() -> JournalError {
        JournalError::Unknown("lost".to_owned())
    }

    fn accepted() -> Reply {
        Reply { verdict: Verdict::Accepted, store_time: NOW }
    }

    fn behind(missed: Vec<Arc<Entry>>) -> Reply {
        Reply { verdict: Verdict::Behind { missed, known: Vec::new() }, store_time: NOW }
    }

    /// An entry of somebody else's, after this batch's confirmed head.
    fn rival(batch: &Batch, id: u128) -> Arc<Entry> {
        let ours = &batch.entries[0];
        let (revision, previous) = (batch.confirmed.revision.next(), batch.confirmed.entry);
        let id = EntryId::from_u128(id);
        Arc::new(Entry { id, revision, previous, changes: Vec::new(), ..Entry::clone(ours) })
    }

    #[test]
    fn a_lost_answer_means_the_same_batch_again_until_the_deadline() {
        let mut core = core();
        let (round, sent) = core.begin(NOW).unwrap();
        let step = core.on_failed(NOW + Span::from_ms(500), round, unknown());
        assert!(matches!(step.next, Next::Resend { .. }), "{:?}", step.next);
        assert!(Arc::ptr_eq(&sent, &core.in_flight(round).unwrap()));
        // After a lost answer, "nothing was done" isn't known any more.
        let gone = JournalError::Unavailable("gone".to_owned());
        let step = core.on_failed(NOW + Span::from_secs(4), round, gone);
        assert!(matches!(step.answers[..], [("asker", Err(Refusal::Unknown { .. }))]));
        assert!(core.is_quiet());
    }

    #[test]
    fn a_store_out_of_reach_is_told_at_once_to_everybody() {
        let mut core = core();
        let (round, _) = core.begin(NOW).unwrap();
        ask(&mut core, "second", 4);
        core.begin(NOW).unwrap();
        core.barrier("reader");
        let step = core.on_failed(NOW, round, JournalError::Unavailable("gone".to_owned()));
        let told: Vec<_> = step.answers.iter().map(|(who, _)| *who).collect();
        assert_eq!(told, ["asker", "second", "reader"]);
        // What was decided on something that never happened can't happen either.
        let unavailable = |r: &Result<Done, Refusal>| matches!(r, Err(Refusal::Unavailable { .. }));
        assert!(step.answers.iter().all(|(_, result)| unavailable(result)));
    }

    #[test]
    fn on_another_history_requests_are_decided_again() {
        let mut core = core();
        let (round, first) = core.begin(NOW).unwrap();
        let step = core.on_failed(NOW, round, JournalError::Diverged("another".to_owned()));
        assert_eq!((step.answers.len(), step.next), (0, Next::Reload));
        core.on_loaded(Loaded { epoch: Epoch(2), ..Loaded::default() }, NOW);
        let (_, second) = core.begin(NOW).unwrap();
        assert_eq!(second.epoch, Epoch(2));
        assert_eq!(second.entries[0].changes, first.entries[0].changes);
        assert_ne!(second.entries[0].id, first.entries[0].id, "each decision has an id of its own");
    }

    #[test]
    fn two_batches_are_in_flight_and_the_second_builds_on_the_first() {
        let mut core = core();
        let (one, first) = core.begin(NOW).unwrap();
        ask(&mut core, "second", 4);
        let (two, second) = core.begin(NOW).unwrap();
        ask(&mut core, "third", 5);
        assert!(core.begin(NOW).is_none(), "two are enough");
        assert_eq!((second.decided_on, second.confirmed), (first.head(), first.confirmed));
        assert!(core.on_reply(NOW, two, accepted()).answers.is_empty(), "the first comes first");
        let told = core.on_reply(NOW, one, accepted()).answers;
        let revisions = told.iter().map(|(who, r)| (*who, r.as_ref().unwrap().revision.get()));
        assert_eq!(revisions.collect::<Vec<_>>(), [("asker", 1), ("second", 2)]);
    }

    #[test]
    fn when_the_first_batch_loses_the_second_is_decided_again_too_in_order() {
        let mut core = core();
        let (one, first) = core.begin(NOW).unwrap();
        ask(&mut core, "second", 4);
        let (two, _) = core.begin(NOW).unwrap();
        let missed = vec![rival(&first, 77)];
        assert!(core.on_reply(NOW, one, behind(missed.clone())).answers.is_empty());
        assert!(core.begin(NOW).is_none(), "what is in flight was decided on what isn't so");
        core.on_reply(NOW, two, behind(missed));
        let (three, third) = core.begin(NOW).unwrap();
        assert_eq!(third.decided_on.entry, EntryId::from_u128(77));
        assert_eq!(third.entries.len(), 2);
        let told = core.on_reply(NOW, three, accepted()).answers;
        assert_eq!(told.iter().map(|(who, _)| *who).collect::<Vec<_>>(), ["asker", "second"]);
    }

    #[test]
    fn who_loses_again_and_again_is_told_so() {
        let mut core = core();
        let mut now = NOW;
        let attempts = EngineOptions::default().attempts;
        for attempt in 1..=attempts {
            let (round, batch) = core.begin(now).unwrap();
            let step = core.on_reply(now, round, behind(vec![rival(&batch, attempt.into())]));
            let contended = Err(Refusal::Contended { attempts });
            let told = step.answers.first().map(|(_, result)| result.clone().map(|_| ()));
            assert_eq!(told, (attempt == attempts).then_some(contended), "attempt {attempt}");
            now = core.next_wake().unwrap_or(now).max(now);
        }
        assert_eq!(core.view().state.head().revision, Revision::new(attempts.into()));
    }
}
