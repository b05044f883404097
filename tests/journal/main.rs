//! The journal's contract, case by case, for every journal there is. What is about one of them
//! alone is in `journal_redis`.

mod commits;
mod history;
mod requests;
#[path = "../support/mod.rs"]
mod support;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use baton::domain::entry::{Entry, Outcome, Revision};
use baton::domain::id::TxnId;
use baton::domain::time::Timestamp;
use baton::journal::memory::MemoryJournal;
use baton::journal::redis::{RedisJournal, RedisOptions};
use baton::journal::{Batch, History, Journal, JournalError, Loaded, Reply, Verdict};

use support::redis::RedisServer;
use support::sample::{Decider, EntryDraft, change, org};

/// A journal, and what keeps it going.
struct Subject {
    journal: Arc<dyn Journal>,
    clock: Arc<AtomicI64>,
    /// Does `clock` drive its leases? Redis has its own.
    own_clock: bool,
    _server: Option<RedisServer>,
}

/// How many entries the journals keep.
const KEPT: usize = 3_000;

fn memory() -> Subject {
    let clock = Arc::new(AtomicI64::new(1_000_000));
    let read = Arc::clone(&clock);
    let now = Arc::new(move || Timestamp::from_ms(read.load(Ordering::SeqCst)));
    let journal = Arc::new(MemoryJournal::keeping(now, KEPT));
    Subject { journal, clock, own_clock: false, _server: None }
}

async fn redis() -> Subject {
    let server = RedisServer::start();
    let options = RedisOptions { entries_kept: KEPT, ..RedisOptions::at(server.url()) };
    let journal = Arc::new(RedisJournal::connect(options).await.expect("Redis is there"));
    Subject { journal, clock: Arc::default(), own_clock: true, _server: Some(server) }
}

macro_rules! contract {
    ($($part:ident: $($case:ident)*;)*) => {
        mod memory_journal {
            $($(#[tokio::test]
            async fn $case() {
                crate::$part::$case(crate::memory()).await;
            })*)*
        }
        mod redis_journal {
            $($(#[tokio::test]
            async fn $case() {
                crate::$part::$case(crate::redis().await).await;
            })*)*
        }
    };
}

contract! {
    commits:
        revisions_are_dense_and_chained
        a_batch_decided_elsewhere_does_nothing_and_tells_what_is_missing
        all_of_a_batch_is_done_or_nothing
        a_batch_may_build_on_one_in_flight
        a_batch_on_one_that_lost_is_lost_too
        a_batch_sent_again_is_done_once
        a_batch_sent_again_is_accepted_after_others
        a_barrier_says_whether_this_is_all
        of_those_who_decide_on_one_head_one_wins
        contenders_catch_up_until_all_are_done
        time_goes_on_with_the_entries
        a_large_batch_fits;
    requests:
        a_known_request_undoes_its_batch
        a_request_that_was_asked_about_is_told
        a_request_without_effect_is_remembered
        a_request_without_effect_may_come_first
        a_refusal_that_is_kept_keeps_the_request_from_being_done
        what_was_lost_is_not_remembered
        a_known_request_comes_with_what_is_missing
        outcomes_are_kept_for_a_day_of_entries
        outcomes_without_effect_are_kept_for_a_day
        many_requests_can_be_asked_about;
    history:
        c3_who_carries_more_than_can_be_configured_is_loaded
        a_refused_batch_catches_up
        catching_up_from_far_behind_leaves_no_gap
        another_history_is_noticed
        a_trimmed_history_says_so
        reading_goes_page_by_page
        loading_equals_applying_everything
        loading_while_others_commit_is_consistent
        a_head_that_contradicts_what_is_known_starts_an_epoch
        an_org_that_was_there_is_missed
        the_time_of_an_org_goes_on_from_its_head;
    waiting:
        whoever_follows_hears_of_a_commit
        where_histories_end_is_told_for_each
        r12_a_stored_time_that_is_said_anew_goes_on_from_there
        orgs_are_looked_after_by_somebody_until_they_rest
        leases_run_out_are_renewed_and_released
        a_lease_that_ran_out_is_forgotten_unless_it_was_renewed
        a_claim_by_another_server_is_no_renewal
        what_others_have_claimed_is_passed_over
        a_lease_that_is_overdue_is_another_matter
        servers_show_themselves_to_each_other
        a_lost_server_is_missed_once_and_one_that_leaves_is_not
        orgs_dont_mix;
}

impl Subject {
    async fn send(&self, batch: &Batch) -> Result<Reply, JournalError> {
        self.journal.commit(&org("acme"), batch).await
    }

    /// Sends a batch that is answered.
    async fn verdict(&self, batch: &Batch) -> Verdict {
        self.send(batch).await.expect("answered").verdict
    }

    /// Has these decided and accepted; gives their entries.
    async fn commit(
        &self,
        by: &mut Decider,
        drafts: impl IntoIterator<Item = EntryDraft>,
    ) -> Vec<Arc<Entry>> {
        let batch = by.decide(drafts);
        assert_eq!(self.verdict(&batch).await, Verdict::Accepted);
        by.confirm();
        batch.entries
    }

    /// Commits `count` entries that all write one rep, and gives them.
    async fn fill(&self, by: &mut Decider, count: u128) -> Vec<Arc<Entry>> {
        let mut entries = Vec::new();
        let first = u128::from(by.confirmed.revision.get()) + 1;
        for from in (first..first + count).step_by(50) {
            let upto = (from + 50).min(first + count);
            entries.extend(self.commit(by, (from..upto).map(|id| change(id).writes("bo"))).await);
        }
        entries
    }

    async fn load(&self) -> Loaded {
        self.journal.load(&org("acme"), None).await.expect("loaded")
    }

    async fn read(&self, after: u64, limit: usize) -> History {
        self.journal.read(&org("acme"), Revision::new(after), limit).await.expect("read")
    }

    /// Every entry there is.
    async fn entries(&self) -> Vec<Arc<Entry>> {
        match self.read(0, usize::MAX >> 1).await {
            History::Entries(entries) => entries,
            History::Trimmed => panic!("nothing was trimmed"),
        }
    }
}

/// What a batch missed, and what is known of its requests.
fn behind(verdict: Verdict) -> (Vec<Arc<Entry>>, Vec<(TxnId, Outcome)>) {
    match verdict {
        Verdict::Behind { missed, known } => (missed, known),
        Verdict::Accepted => panic!("it was accepted"),
    }
}
