//! What becomes of a batch: accepted as a whole on the head that it was decided on, or not at all.

use std::sync::Arc;

use baton::domain::entry::Head;
use baton::journal::{BATCH_MAX, Batch, Verdict};

use crate::support::sample::{Decider, change, entry_id, org, rep_key};
use crate::{Subject, behind};

pub async fn revisions_are_dense_and_chained(subject: Subject) {
    let mut me = Decider::default();
    let mut entries =
        subject.commit(&mut me, [change(1).writes("ana"), change(2).writes("bo")]).await;
    entries.extend(subject.commit(&mut me, [change(3).removes("ana")]).await);
    let stored = subject.entries().await;
    assert_eq!(stored, entries);
    let mut head = Head::default();
    for entry in &stored {
        assert_eq!(entry.revision, head.revision.next());
        assert_eq!(entry.previous, head.entry);
        head = entry.head();
    }
    assert_eq!(head.entry, entry_id(3));
    assert_eq!(stored[2].changes, [(rep_key("ana"), None)]);
}

pub async fn a_batch_decided_elsewhere_does_nothing_and_tells_what_is_missing(subject: Subject) {
    let (mut me, mut other) = (Decider::default(), Decider::default());
    let first = subject.commit(&mut me, [change(1).writes("ana"), change(2).writes("bo")]).await;
    let late = other.clone().decide([change(3).writes("cy")]);
    let (missed, known) = behind(subject.verdict(&late).await);
    assert_eq!((missed.as_slice(), known.as_slice()), (first.as_slice(), [].as_slice()));
    assert_eq!(subject.entries().await, first, "nothing of it was done");
    // A failed commit is a catch-up: decided again on what came with it, it is accepted.
    other.follow(&missed);
    subject.commit(&mut other, [change(3).writes("cy")]).await;
    assert_eq!(subject.load().await.state.records().count(), 3);
    // Another entry at the same revision is another head, too.
    let mut elsewhere = me.clone();
    elsewhere.decide([change(9).writes("ana")]);
    let (missed, _) = behind(subject.verdict(&elsewhere.decide([])).await);
    assert_eq!(missed.len(), 1);
}

pub async fn all_of_a_batch_is_done_or_nothing(subject: Subject) {
    let (mut me, mut other) = (Decider::default(), Decider::default());
    subject.commit(&mut me, [change(1).writes("ana")]).await;
    let before = subject.load().await;
    // The last of these is the only one that another entry stands in the way of.
    let drafts = [change(2).writes("bo"), change(3).removes("ana"), change(4).asked_by(4)];
    let batch = other.decide(drafts.clone());
    behind(subject.verdict(&batch).await);
    let after = subject.load().await;
    assert_eq!(after.state.head(), before.state.head());
    assert!(after.state.records().eq(before.state.records()));
    let asked =
        Batch { asked: batch.outcomes.iter().map(|(txn, _)| *txn).collect(), ..me.decide([]) };
    assert_eq!(subject.verdict(&asked).await, Verdict::Accepted, "its request is not known");
    subject.commit(&mut me, drafts).await;
    let state = subject.load().await.state;
    assert_eq!(state.head(), me.confirmed);
    assert_eq!(state.records().map(|(key, _)| key.clone()).collect::<Vec<_>>(), [rep_key("bo")]);
}

pub async fn a_batch_may_build_on_one_in_flight(subject: Subject) {
    let mut me = Decider::default();
    subject.commit(&mut me, [change(1).writes("ana")]).await;
    let first = me.decide([change(2).writes("bo"), change(3).writes("cy")]);
    let second = me.decide([change(4).removes("bo")]);
    assert!(second.confirmed != second.decided_on, "its base isn't confirmed yet");
    assert_eq!(subject.verdict(&first).await, Verdict::Accepted);
    assert_eq!(subject.verdict(&second).await, Verdict::Accepted);
    me.confirm();
    assert_eq!(subject.load().await.state.head(), me.confirmed);
    // Of a batch in flight that arrives late, nothing is done, and its turn comes when it is sent again.
    let first = me.decide([change(5).writes("bo")]);
    let second = me.decide([change(6).writes("dee")]);
    let (missed, known) = behind(subject.verdict(&second).await);
    assert_eq!((missed.len(), known.len()), (0, 0));
    assert_eq!(subject.verdict(&first).await, Verdict::Accepted);
    assert_eq!(subject.verdict(&second).await, Verdict::Accepted);
    assert_eq!(subject.load().await.state.head(), me.predicted);
}

pub async fn a_batch_on_one_that_lost_is_lost_too(subject: Subject) {
    let (mut me, mut other) = (Decider::default(), Decider::default());
    let first = me.decide([change(1).writes("ana")]);
    let second = me.decide([change(2).writes("bo")]);
    let third = me.decide([change(3).writes("cy")]);
    // As long as the first one: the second would fit by its revision alone.
    let won = subject.commit(&mut other, [change(11).writes("ana")]).await;
    for lost in [&first, &second, &third] {
        let (missed, _) = behind(subject.verdict(lost).await);
        assert_eq!(missed, won);
    }
    assert_eq!(subject.entries().await, won);
}

pub async fn a_batch_sent_again_is_done_once(subject: Subject) {
    let mut me = Decider::default();
    let batch = me.decide([change(1).writes("ana").asked_by(1), change(2).removes("ana")]);
    assert_eq!(subject.verdict(&batch).await, Verdict::Accepted);
    assert_eq!(subject.verdict(&batch).await, Verdict::Accepted);
    assert_eq!(subject.entries().await, batch.entries);
    me.confirm();
    let next = me.decide([change(3).writes("ana")]);
    assert_eq!(subject.verdict(&next).await, Verdict::Accepted);
    assert_eq!(subject.load().await.state.records().count(), 1);
}

pub async fn a_batch_sent_again_is_accepted_after_others(subject: Subject) {
    let mut me = Decider::default();
    let batch = me.decide([change(1).writes("ana").asked_by(1), change(2).writes("bo")]);
    assert_eq!(subject.verdict(&batch).await, Verdict::Accepted);
    let mut other = Decider::default();
    other.follow(&batch.entries);
    let others = subject.commit(&mut other, [change(3).removes("bo"), change(4).asked_by(4)]).await;
    assert_eq!(subject.verdict(&batch).await, Verdict::Accepted);
    assert_eq!(subject.entries().await, [batch.entries.clone(), others.clone()].concat());
    assert_eq!(subject.load().await.state.records().count(), 1, "it wasn't written again");
    // The same entries inside a longer history, and not at its start.
    let later = other.decide([change(5).writes("bo")]);
    assert_eq!(subject.verdict(&later).await, Verdict::Accepted);
    other.confirm();
    subject.commit(&mut other, [change(6).writes("cy")]).await;
    assert_eq!(subject.verdict(&later).await, Verdict::Accepted);
    assert_eq!(subject.verdict(&batch).await, Verdict::Accepted);
    assert_eq!(subject.entries().await.len(), 6);
}

pub async fn a_barrier_says_whether_this_is_all(subject: Subject) {
    let mut me = Decider::default();
    assert_eq!(subject.verdict(&me.decide([])).await, Verdict::Accepted);
    subject.commit(&mut me, [change(1).writes("ana")]).await;
    let mut other = me.clone();
    let barrier = Batch::barrier(me.epoch, me.confirmed);
    assert_eq!(barrier.head(), me.confirmed);
    assert_eq!(subject.verdict(&barrier).await, Verdict::Accepted);
    let entries = subject.commit(&mut other, [change(2).writes("bo")]).await;
    let (missed, _) = behind(subject.verdict(&barrier).await);
    assert_eq!(missed, entries);
    me.follow(&missed);
    assert_eq!(subject.verdict(&me.decide([])).await, Verdict::Accepted);
    assert_eq!(subject.load().await.state.head(), me.confirmed, "it changes nothing");
    assert_eq!(subject.load().await.state.records().count(), 2);
}

pub async fn of_those_who_decide_on_one_head_one_wins(subject: Subject) {
    let mut me = Decider::default();
    subject.commit(&mut me, [change(1).writes("ana")]).await;
    let contenders = (2..22).map(|id| {
        let journal = Arc::clone(&subject.journal);
        let batch = me.clone().decide([change(id).writes("ana"), change(id + 100).writes("bo")]);
        tokio::spawn(async move { (journal.commit(&org("acme"), &batch).await, batch.entries) })
    });
    let (mut won, mut missed) = (Vec::new(), Vec::new());
    for contender in contenders.collect::<Vec<_>>() {
        let (reply, entries) = contender.await.expect("no panic");
        match reply.expect("answered").verdict {
            Verdict::Accepted => won.push(entries),
            verdict => missed.push(behind(verdict).0),
        }
    }
    assert_eq!((won.len(), missed.len()), (1, 19));
    assert!(missed.iter().all(|entries| *entries == won[0]), "each is told who won");
    assert_eq!(subject.entries().await.len(), 3);
}

pub async fn contenders_catch_up_until_all_are_done(subject: Subject) {
    let contenders = (0..4_u128).map(|me| {
        let journal = Arc::clone(&subject.journal);
        tokio::spawn(async move {
            let mut decider = Decider::default();
            for id in (1..=25).map(|n| 100 * me + n) {
                loop {
                    let mut trying = decider.clone();
                    let batch = trying.decide([change(id).writes(&format!("rep-{id}"))]);
                    match journal.commit(&org("acme"), &batch).await.expect("answered").verdict {
                        Verdict::Accepted => {
                            trying.confirm();
                            decider = trying;
                            break;
                        }
                        verdict => decider.follow(&behind(verdict).0),
                    }
                }
                tokio::task::yield_now().await;
            }
        })
    });
    for contender in contenders.collect::<Vec<_>>() {
        contender.await.expect("no panic");
    }
    let entries = subject.entries().await;
    Decider::default().follow(&entries);
    assert_eq!(entries.len(), 100);
    assert_eq!(subject.load().await.state.records().count(), 100);
}

pub async fn time_goes_on_with_the_entries(subject: Subject) {
    let mut me = Decider::default();
    let drafts = [change(1).writes("ana").at(5_000), change(2).writes("bo").at(4_000)];
    subject.commit(&mut me, drafts).await;
    subject.commit(&mut me, [change(3).writes("cy").at(6_000)]).await;
    let times: Vec<_> = subject.entries().await.iter().map(|e| e.time.as_ms()).collect();
    assert_eq!(times, [5_000, 5_000, 6_000]);
    assert_eq!(subject.load().await.state.head(), me.confirmed);
    assert_eq!(me.confirmed.time.as_ms(), 6_000);
    let first = subject.send(&me.decide([])).await.expect("answered").store_time;
    let second = subject.send(&me.decide([])).await.expect("answered").store_time;
    assert!(second >= first && first.as_ms() > 0);
}

pub async fn a_large_batch_fits(subject: Subject) {
    let mut me = Decider::default();
    let names: Vec<_> = (0..9_000).map(|n| format!("rep-{n}")).collect();
    let all = names.iter().fold(change(1), |draft, name| draft.writes(name));
    subject.commit(&mut me, [all]).await;
    assert_eq!(subject.load().await.state.records().count(), 9_000);
    // As many entries as a batch may have, each of them with a request.
    let parts = names.chunks(9_000_usize.div_ceil(BATCH_MAX)).zip(2..);
    let drafts: Vec<_> = parts
        .map(|(part, id)| part.iter().fold(change(id), |d, name| d.removes(name)).asked_by(id))
        .collect();
    assert_eq!(drafts.len(), BATCH_MAX);
    let entries = subject.commit(&mut me, drafts).await;
    assert_eq!(subject.load().await.state.records().count(), 0);
    assert_eq!(subject.entries().await[1..], entries);
}
