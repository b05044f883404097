//! Catching up, reading and loading; noticing another history.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use baton::domain::entry::{Head, Revision};
use baton::domain::record::Record;
use baton::domain::record_lookup::RecordLookup;
use baton::domain::state::State;
use baton::domain::time::Span;
use baton::domain::units::Units;
use baton::journal::{Batch, Epoch, History, JournalError, Verdict};

use crate::support::sample::{Decider, change, entry_id, org, outcome, rep};
use crate::{KEPT, Subject, behind};

fn assert_same(left: &State, right: &State) {
    assert_eq!(left.head(), right.head());
    assert_eq!(left.records().collect::<Vec<_>>(), right.records().collect::<Vec<_>>());
    assert_eq!(left.places().collect::<Vec<_>>(), right.places().collect::<Vec<_>>());
}

pub async fn a_refused_batch_catches_up(subject: Subject) {
    let mut me = Decider::default();
    let entries = subject.fill(&mut me, 60).await;
    for known in [0, 10, 59, 60] {
        let mut late = Decider::default();
        late.follow(&entries[..known]);
        let mut lost = late.decide([change(99).writes("ana")]);
        lost.decided_on.entry = entry_id(99);
        let (missed, _) = behind(subject.verdict(&lost).await);
        assert_eq!(missed, entries[known..]);
    }
}

pub async fn catching_up_from_far_behind_leaves_no_gap(subject: Subject) {
    let entries = subject.fill(&mut Decider::default(), 2_500).await;
    let mut late = Decider::default();
    let batch = late.clone().decide([change(2_501).writes("ana").asked_by(1)]);
    let (missed, _) = behind(subject.verdict(&batch).await);
    assert_eq!(missed, entries);
    late.follow(&missed);
    assert_eq!(
        subject.verdict(&late.decide([change(2_501).writes("ana").asked_by(1)])).await,
        Verdict::Accepted
    );
    let known =
        Batch { decided_on: Head::default(), confirmed: Head::default(), ..late.decide([]) };
    let (missed, known) = behind(subject.verdict(&Batch { asked: vec![1.into()], ..known }).await);
    assert_eq!((missed.len(), known.len()), (2_501, 1));
}

/// Work that a partner assigns past the check adds up to more than anybody's capacity.
pub async fn c3_who_carries_more_than_can_be_configured_is_loaded(subject: Subject) {
    let mut me = Decider::default();
    let carried = Units::MAX + Units::MAX;
    subject.commit(&mut me, [change(1).writes_load("ana", carried)]).await;
    let loaded = subject.load().await.state;
    assert_eq!(loaded.rep_presence(&rep("ana")).used, carried);
    assert!(loaded.load_of(&rep("ana")).is_full());
    let entries = subject.entries().await;
    let Some(Record::RepPresence(live)) = &entries[0].changes[0].1 else { panic!("{entries:?}") };
    assert_eq!(live.used, carried);
}

pub async fn another_history_is_noticed(subject: Subject) {
    let mut me = Decider::default();
    subject.commit(&mut me, [change(1).writes("ana"), change(2).writes("ana")]).await;
    let before = subject.entries().await;
    let other = |revision, id| Head {
        revision: Revision::new(revision),
        entry: entry_id(id),
        ..me.confirmed
    };
    for confirmed in [other(2, 9), other(1, 9), other(3, 3), other(0, 9)] {
        // Whatever it was decided on.
        for decided_on in [confirmed, me.confirmed] {
            let mut stranger = Decider { confirmed, predicted: decided_on, ..me.clone() };
            let refused = subject.send(&stranger.decide([change(5).writes("bo")])).await;
            assert!(
                matches!(refused, Err(JournalError::Diverged(_))),
                "{confirmed:?}: {refused:?}"
            );
        }
    }
    for epoch in [Epoch(0), Epoch(2)] {
        let mut stranger = Decider { epoch, ..me.clone() };
        let refused = subject.send(&stranger.decide([change(5).writes("bo")])).await;
        assert!(matches!(refused, Err(JournalError::Diverged(_))), "{refused:?}");
    }
    assert_eq!(subject.entries().await, before, "a refused batch left something");
    assert_eq!(subject.verdict(&me.decide([])).await, Verdict::Accepted);
}

pub async fn a_trimmed_history_says_so(subject: Subject) {
    let mut me = Decider::default();
    let entries = subject.fill(&mut me, 4_500).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    // Trimming goes on beside the commits.
    while !matches!(subject.read(0, 10).await, History::Trimmed) {
        assert!(Instant::now() < deadline, "never trimmed");
        tokio::task::yield_now().await;
    }
    let History::Entries(kept) = subject.read(1_500, 4_000).await else {
        panic!("{KEPT} entries are promised")
    };
    assert_eq!(kept, entries[1_500..]);
    let mut late = Decider { confirmed: entries[5].head(), predicted: me.confirmed, ..me.clone() };
    let on_an_old_one = Batch { decided_on: late.confirmed, ..late.decide([]) };
    let refused = subject.send(&on_an_old_one).await;
    assert!(matches!(refused, Err(JournalError::Diverged(_))), "{refused:?}");
    assert_eq!(subject.load().await.state.head(), entries[4_499].head());
}

pub async fn reading_goes_page_by_page(subject: Subject) {
    let entries = subject.fill(&mut Decider::default(), 25).await;
    let mut read = Vec::new();
    loop {
        let History::Entries(page) = subject.read(read.len() as u64, 10).await else {
            panic!("nothing was trimmed")
        };
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 10);
        read.extend(page);
    }
    assert_eq!(read, entries);
    assert!(matches!(subject.read(0, 0).await, History::Entries(e) if e.is_empty()));
    assert!(matches!(subject.read(99, 9).await, History::Entries(e) if e.is_empty()), "the end");
}

pub async fn loading_equals_applying_everything(subject: Subject) {
    let empty = subject.load().await;
    assert_eq!(empty.epoch, Epoch(1));
    assert_eq!(empty.release, "", "nobody wrote it");
    assert_same(&empty.state, &State::default());
    let drafts = [
        change(1).writes("ana").writes("bo"),
        change(2).writes("ana").writes_empty_presence("ana"),
        change(3).removes("bo").writes("cy"),
    ];
    let mut me = Decider::default();
    let entries = subject.commit(&mut me, drafts).await;
    let mut applied = State::default();
    for entry in &entries {
        applied.apply(entry).expect("it follows");
    }
    let known = Some((Epoch(1), entries[1].head()));
    let loaded = subject.journal.load(&org("acme"), known).await.expect("loaded");
    assert_eq!(loaded.epoch, Epoch(1));
    assert_eq!(loaded.release, env!("CARGO_PKG_VERSION"));
    assert_same(&loaded.state, &applied);
}

pub async fn loading_while_others_commit_is_consistent(subject: Subject) {
    let committing = {
        let journal = Arc::clone(&subject.journal);
        tokio::spawn(async move {
            let mut writer = Decider::default();
            for id in 1..=400_u128 {
                // Entry n writes rep n mod 40 and removes the one that comes twenty later.
                let name = |n: u128| format!("rep-{}", n % 40);
                let batch = writer.decide([change(id).writes(&name(id)).removes(&name(id + 20))]);
                let reply = journal.commit(&org("acme"), &batch).await.expect("answered");
                assert_eq!(reply.verdict, Verdict::Accepted);
                writer.confirm();
                tokio::task::yield_now().await;
            }
        })
    };
    while !committing.is_finished() {
        let state = subject.load().await.state;
        let head = state.head().revision.get();
        // So the newest twenty, exactly, are what there is.
        let mut written: Vec<_> = state.records().map(|(_, held)| held.revision.get()).collect();
        written.sort_unstable();
        assert_eq!(written, (head.saturating_sub(20) + 1..=head).collect::<Vec<_>>());
        tokio::task::yield_now().await;
    }
    committing.await.expect("no panic");
}

pub async fn a_head_that_contradicts_what_is_known_starts_an_epoch(subject: Subject) {
    let mut me = Decider::default();
    subject.commit(&mut me, [change(1).writes("ana")]).await;
    let head = me.confirmed;
    let load = async |epoch, known| {
        let loaded = subject.journal.load(&org("acme"), Some((Epoch(epoch), known))).await;
        let loaded = loaded.expect("loaded");
        (loaded.epoch.0, loaded.state.head())
    };
    assert_eq!(load(1, head).await, (1, head), "it doesn't");
    assert_eq!(load(1, Head::default()).await, (1, head), "nor does that");
    let ahead = Head { revision: Revision::new(7), entry: entry_id(7), ..head };
    assert_eq!(load(1, ahead).await, (2, head));
    // Whoever comes second finds the new epoch, and doesn't start another.
    assert_eq!(load(1, ahead).await, (2, head));
    let old = subject.send(&me.clone().decide([change(2).writes("ana")])).await;
    assert!(matches!(old, Err(JournalError::Diverged(_))), "{old:?}");
    me.epoch = Epoch(2);
    subject.commit(&mut me, [change(2).writes("ana")]).await;
    let other = Head { entry: entry_id(9), ..me.confirmed };
    assert_eq!(load(2, other).await, (3, me.confirmed));
    assert_eq!(load(7, me.confirmed).await, (8, me.confirmed), "an epoch that isn't stored");
}

pub async fn an_org_that_was_there_is_missed(subject: Subject) {
    let head = Head { revision: Revision::new(2), entry: entry_id(2), ..Head::default() };
    for epoch in [1, 4] {
        let loaded = subject.journal.load(&org("gone"), Some((Epoch(epoch), head))).await;
        assert!(matches!(loaded, Err(JournalError::Corrupt(_))), "{loaded:?}");
        let barrier = Batch::barrier(Epoch(epoch), head);
        let refused = subject.journal.commit(&org("gone"), &barrier).await;
        assert!(matches!(refused, Err(JournalError::Corrupt(_))), "{refused:?}");
    }
    // One that was loaded and never written to wasn't there.
    let known = Some((Epoch(1), Head::default()));
    let loaded = subject.journal.load(&org("gone"), known).await.expect("loaded");
    assert_eq!((loaded.epoch, loaded.state.head()), (Epoch(1), Head::default()));
    let first = Decider::default().decide([change(1).writes("ana")]);
    let reply = subject.journal.commit(&org("gone"), &first).await.expect("answered");
    assert_eq!(reply.verdict, Verdict::Accepted);
}

pub async fn the_time_of_an_org_goes_on_from_its_head(subject: Subject) {
    let mut me = Decider::default();
    // An org without entries has the store's time.
    let before = subject.send(&me.decide([])).await.expect("answered").store_time;
    assert!(subject.load().await.now >= before);
    let year = 365 * 24 * 3_600_000;
    let ahead = before.as_ms() + year;
    let first = me.decide([change(1).writes("ana").at(ahead)]);
    let written = subject.send(&first).await.expect("answered").store_time;
    me.confirm();
    // Then what has passed since, by the store's clock, wherever that one stands.
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    let deadline = Instant::now() + Duration::from_secs(10);
    for id in 1.. {
        // Neither that somebody looks nor a request without effect is a reason to begin to count anew.
        let mut without_effect = me.decide([]);
        without_effect.outcomes.push(outcome(id, me.confirmed));
        assert_eq!(subject.verdict(&without_effect).await, Verdict::Accepted);
        let earliest = subject.send(&me.decide([])).await.expect("answered").store_time;
        let now = subject.load().await.now;
        let latest = subject.send(&me.decide([])).await.expect("answered").store_time;
        assert!(now >= me.confirmed.time + earliest.since(written));
        assert!(now <= me.confirmed.time + latest.since(written));
        if earliest.since(written) > Span::from_ms(20) {
            break;
        }
        assert!(Instant::now() < deadline, "the store's clock stands still");
    }
}
