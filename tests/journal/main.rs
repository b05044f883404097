//! The journal's contract, case by case, for every journal there is. What is about one of them
//! alone is in `journal_redis.rs`.

mod commits;
mod history;
#[path = "../support/mod.rs"]
mod support;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use baton::domain::entry::{Entry, Head, Revision};
use baton::domain::id::OrgId;
use baton::domain::time::Timestamp;
use baton::journal::memory::MemoryJournal;
use baton::journal::redis::{RedisJournal, RedisOptions};
use baton::journal::{Batch, Committed, Journal, JournalError, Verdict};

use support::redis::RedisServer;
use support::sample::{batch, change, org};

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
        a_stale_version_is_a_conflict
        absence_is_a_version_too
        a_later_transaction_builds_on_an_earlier_one
        one_conflict_doesnt_take_the_others_along
        a_known_transaction_isnt_done_again
        one_id_twice_in_a_batch_is_done_once
        nothing_builds_on_a_repeated_transaction
        lookups_find_what_was_committed
        an_unanswered_batch_can_be_sent_again
        of_two_who_write_one_record_one_wins
        time_never_runs_backwards
        outcomes_are_kept_for_a_day_of_entries
        outcomes_of_what_changes_nothing_are_kept_for_a_day
        what_changes_nothing_is_remembered
        what_changes_nothing_is_checked
        what_changes_nothing_may_come_first
        a_large_transaction_fits;
    history:
        a_commit_catches_up
        catching_up_from_far_behind_leaves_no_gap
        another_history_is_noticed
        a_trimmed_history_says_so
        reading_goes_page_by_page
        loading_equals_applying_everything
        loading_while_others_commit_is_consistent
        a_head_that_contradicts_what_is_known_starts_an_epoch;
    waiting:
        waiting_ends_with_a_commit
        leases_run_out_are_renewed_and_released
        a_claimed_lease_is_forgotten_unless_it_was_renewed
        a_lost_server_is_missed_once_and_one_that_leaves_is_not
        orgs_dont_mix;
}

impl Subject {
    async fn send(&self, batch: &Batch) -> Result<Committed, JournalError> {
        self.journal.commit(&org("acme"), batch).await
    }

    async fn commit(&self, batch: Batch) -> Committed {
        self.send(&batch).await.expect("committed")
    }

    /// Commits `count` transactions from revision 0 on, all to one rep, and returns every entry.
    async fn fill(&self, org: &OrgId, count: u128) -> Vec<Arc<Entry>> {
        let mut entries = Vec::new();
        let mut since = Head::default();
        for first in (1..=count).step_by(50) {
            let upto = (first + 49).min(count);
            let drafts = (first..=upto).map(|id| change(id).writes("bo", id - 1));
            let done = self.journal.commit(org, &batch(since, drafts)).await.expect("committed");
            assert!(done.verdicts.iter().all(|v| matches!(v, Verdict::Committed(_))));
            since = head_of(&done);
            entries.extend(done.entries);
        }
        entries
    }
}

fn head_of(committed: &Committed) -> Head {
    committed.entries.last().expect("an entry").head()
}

fn at(revision: u64) -> Verdict {
    Verdict::Committed(Revision::new(revision))
}
