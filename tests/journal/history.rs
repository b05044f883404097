//! Catching up, reading and loading; noticing another history.

use std::sync::Arc;
use std::time::{Duration, Instant};

use baton::domain::entry::{Head, Revision};
use baton::domain::state::State;
use baton::journal::{Batch, Epoch, History, JournalError, Verdict};

use crate::support::sample::{batch, change, org, txn};
use crate::{KEPT, Subject, at, head_of};

fn assert_same(left: &State, right: &State) {
    assert_eq!(left.head(), right.head());
    assert_eq!(left.records().collect::<Vec<_>>(), right.records().collect::<Vec<_>>());
    assert_eq!(left.places().collect::<Vec<_>>(), right.places().collect::<Vec<_>>());
}

pub async fn a_commit_catches_up(subject: Subject) {
    let entries = subject.fill(&org("acme"), 60).await;
    let mine = subject.commit(batch(entries[9].head(), [change(61).writes("ana", 0)])).await;
    assert_eq!(mine.verdicts, [at(61)]);
    assert_eq!(mine.entries[..50], entries[10..]);
    assert_eq!(mine.entries[50].txn, txn(61));
    let barrier = subject.commit(batch(entries[58].head(), [])).await;
    assert_eq!(barrier.entries, [Arc::clone(&entries[59]), Arc::clone(&mine.entries[50])]);
}

pub async fn catching_up_from_far_behind_leaves_no_gap(subject: Subject) {
    let entries = subject.fill(&org("acme"), 2_500).await;
    let done = subject.commit(batch(Head::default(), [change(2_501).writes("ana", 0)])).await;
    assert_eq!(done.verdicts, [at(2_501)]);
    assert_eq!(done.entries[..2_500], entries);
    assert_eq!(done.entries.len(), 2_501);
}

pub async fn another_history_is_noticed(subject: Subject) {
    let done = subject
        .commit(batch(Head::default(), [change(1).writes("ana", 0), change(2).writes("ana", 1)]))
        .await;
    let head = head_of(&done);
    let other = |revision, id| Head { revision: Revision::new(revision), txn: txn(id), ..head };
    for since in [other(2, 9), other(1, 9), other(3, 3), other(0, 9)] {
        let refused = subject.send(&batch(since, [change(5).writes("bo", 0)])).await;
        assert!(matches!(refused, Err(JournalError::Diverged(_))), "{since:?}: {refused:?}");
    }
    let stranger = Batch { epoch: Epoch(2), ..batch(head, [change(5).writes("bo", 0)]) };
    let refused = subject.send(&stranger).await;
    assert!(matches!(refused, Err(JournalError::Diverged(_))), "{refused:?}");
    let gone = subject.journal.commit(&org("other"), &batch(head, [])).await;
    assert!(matches!(gone, Err(JournalError::Diverged(_))), "{gone:?}");
    let after = subject.commit(batch(head, [])).await;
    assert!(after.entries.is_empty(), "a refused batch left something");
}

pub async fn a_trimmed_history_says_so(subject: Subject) {
    let entries = subject.fill(&org("acme"), 4_500).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    // Trimming goes on beside the commits.
    while !matches!(
        subject.journal.read(&org("acme"), Revision::ZERO, 10).await.expect("read"),
        History::Trimmed
    ) {
        assert!(Instant::now() < deadline, "never trimmed");
        tokio::task::yield_now().await;
    }
    let kept = subject.journal.read(&org("acme"), Revision::new(1_500), 4_000).await.expect("read");
    let History::Entries(kept) = kept else { panic!("{KEPT} entries are promised") };
    assert_eq!(kept, entries[1_500..]);
    let late = subject.send(&batch(entries[5].head(), [])).await;
    assert!(matches!(late, Err(JournalError::Diverged(_))), "{late:?}");
    let loaded = subject.journal.load(&org("acme"), None).await.expect("loaded");
    assert_eq!(loaded.state.head(), entries[4_499].head());
}

pub async fn reading_goes_page_by_page(subject: Subject) {
    let entries = subject.fill(&org("acme"), 25).await;
    let mut read = Vec::new();
    loop {
        let after = Revision::new(read.len() as u64);
        let page = subject.journal.read(&org("acme"), after, 10).await.expect("read");
        let History::Entries(page) = page else { panic!("nothing was trimmed") };
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 10);
        read.extend(page);
    }
    assert_eq!(read, entries);
    let none = subject.journal.read(&org("acme"), Revision::ZERO, 0).await.expect("read");
    assert!(matches!(none, History::Entries(e) if e.is_empty()));
}

pub async fn loading_equals_applying_everything(subject: Subject) {
    let empty = subject.journal.load(&org("acme"), None).await.expect("loaded");
    assert_eq!(empty.epoch, Epoch(1));
    assert_same(&empty.state, &State::default());
    let drafts = [
        change(1).writes("ana", 0).writes("bo", 0),
        change(2).writes("ana", 1).writes_empty_presence("ana"),
        change(3).removes("bo", 1).writes("cy", 0),
    ];
    let done = subject.commit(batch(Head::default(), drafts)).await;
    let mut applied = State::default();
    for entry in &done.entries {
        applied.apply(entry).expect("it follows");
    }
    let known = Some((Epoch(1), done.entries[1].head()));
    let loaded = subject.journal.load(&org("acme"), known).await.expect("loaded");
    assert_eq!(loaded.epoch, Epoch(1));
    assert_same(&loaded.state, &applied);
}

pub async fn loading_while_others_commit_is_consistent(subject: Subject) {
    let committing = {
        let journal = Arc::clone(&subject.journal);
        tokio::spawn(async move {
            let mut since = Head::default();
            for id in 1..=400_u128 {
                let name = format!("rep-{}", id % 40);
                let seen = id.saturating_sub(40);
                let batch = batch(since, [change(id).writes(&name, seen)]);
                let done = journal.commit(&org("acme"), &batch).await.expect("committed");
                assert!(matches!(done.verdicts[..], [Verdict::Committed(_)]));
                since = head_of(&done);
                tokio::task::yield_now().await;
            }
        })
    };
    while !committing.is_finished() {
        let loaded = subject.journal.load(&org("acme"), None).await.expect("loaded");
        let head = u128::from(loaded.state.head().revision.get());
        // Transaction n writes rep n mod 40: so the newest forty, exactly, are the versions.
        let mut versions: Vec<_> =
            loaded.state.records().map(|(_, held)| held.version.to_u128()).collect();
        versions.sort_unstable();
        let expected: Vec<_> = (head.saturating_sub(40) + 1..=head).collect();
        assert_eq!(versions, expected);
        tokio::task::yield_now().await;
    }
    committing.await.expect("no panic");
}

pub async fn a_head_that_contradicts_what_is_known_starts_an_epoch(subject: Subject) {
    let done = subject.commit(batch(Head::default(), [change(1).writes("ana", 0)])).await;
    let head = head_of(&done);
    let ahead = Head { revision: Revision::new(7), txn: txn(7), ..head };
    let loaded = subject.journal.load(&org("acme"), Some((Epoch(1), ahead))).await.expect("loaded");
    assert_eq!((loaded.epoch, loaded.state.head()), (Epoch(2), head));
    // Whoever comes second finds the new epoch, and doesn't start another.
    let loaded = subject.journal.load(&org("acme"), Some((Epoch(1), ahead))).await.expect("loaded");
    assert_eq!(loaded.epoch, Epoch(2));
    let old = subject.send(&batch(head, [change(2).writes("ana", 1)])).await;
    assert!(matches!(old, Err(JournalError::Diverged(_))), "{old:?}");
    let new = Batch { epoch: Epoch(2), ..batch(head, [change(2).writes("ana", 1)]) };
    assert_eq!(subject.commit(new).await.verdicts, [at(2)]);
    let other = Head { revision: Revision::new(2), txn: txn(9), ..head };
    let loaded = subject.journal.load(&org("acme"), Some((Epoch(2), other))).await.expect("loaded");
    assert_eq!(loaded.epoch, Epoch(3));
    // An org of which nothing at all is left.
    let loaded = subject.journal.load(&org("gone"), Some((Epoch(4), other))).await.expect("loaded");
    assert_eq!((loaded.epoch, loaded.state.head()), (Epoch(5), Head::default()));
    let anew = Batch { epoch: Epoch(5), ..batch(Head::default(), [change(1).writes("ana", 0)]) };
    let done = subject.journal.commit(&org("gone"), &anew).await.expect("committed");
    assert_eq!(done.verdicts, [at(1)]);
}
