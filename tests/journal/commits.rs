//! What becomes of a batch: verdicts, versions, repeated ids, time.

use std::sync::Arc;

use baton::domain::entry::{Answer, Head, Revision};
use baton::journal::{Batch, History, Verdict};

use crate::support::sample::{Draft, batch, change, org, rep_key, txn};
use crate::{Subject, at, head_of};

pub async fn revisions_are_dense_and_chained(subject: Subject) {
    let first = subject
        .commit(batch(Head::default(), [change(1).writes("ana", 0), change(2).writes("bo", 0)]))
        .await;
    let second = subject.commit(batch(head_of(&first), [change(3).removes("ana", 1)])).await;
    assert_eq!(first.verdicts, [at(1), at(2)]);
    assert_eq!(second.verdicts, [at(3)]);
    let mut head = Head::default();
    for entry in first.entries.iter().chain(&second.entries) {
        assert_eq!(entry.revision, head.revision.next());
        assert_eq!(entry.previous, head.txn);
        head = entry.head();
    }
    assert_eq!(head.txn, txn(3));
    assert_eq!(second.entries[0].changes, [(rep_key("ana"), None)]);
}

pub async fn a_stale_version_is_a_conflict(subject: Subject) {
    let head = head_of(&subject.commit(batch(Head::default(), [change(1).writes("ana", 0)])).await);
    let head = head_of(&subject.commit(batch(head, [change(2).writes("ana", 1)])).await);
    let late = subject.commit(batch(head, [change(3).writes("ana", 1)])).await;
    assert_eq!(late.verdicts, [Verdict::Conflict]);
    assert!(late.entries.is_empty());
    let reader = subject.commit(batch(head, [change(4).reads("ana", 1).writes("bo", 0)])).await;
    assert_eq!(reader.verdicts, [Verdict::Conflict]);
}

pub async fn absence_is_a_version_too(subject: Subject) {
    let head = head_of(&subject.commit(batch(Head::default(), [change(1).writes("ana", 0)])).await);
    let again = subject.commit(batch(head, [change(2).writes("ana", 0)])).await;
    assert_eq!(again.verdicts, [Verdict::Conflict]);
    let missing = subject.commit(batch(head, [change(3).writes("bo", 9)])).await;
    assert_eq!(missing.verdicts, [Verdict::Conflict]);
    let head = head_of(&subject.commit(batch(head, [change(4).removes("ana", 1)])).await);
    let anew = subject.commit(batch(head, [change(5).writes("ana", 0)])).await;
    assert_eq!(anew.verdicts, [at(3)]);
}

pub async fn a_later_transaction_builds_on_an_earlier_one(subject: Subject) {
    let drafts =
        [change(1).writes("ana", 0), change(2).writes("ana", 1), change(3).removes("ana", 2)];
    let done = subject.commit(batch(Head::default(), drafts)).await;
    assert_eq!(done.verdicts, [at(1), at(2), at(3)]);
}

pub async fn one_conflict_doesnt_take_the_others_along(subject: Subject) {
    let drafts = [
        change(1).writes("ana", 0),
        change(2).writes("bo", 7),
        change(3).reads("bo", 2).writes("cy", 0),
        change(4).writes("ana", 1),
    ];
    let done = subject.commit(batch(Head::default(), drafts)).await;
    assert_eq!(done.verdicts, [at(1), Verdict::Conflict, Verdict::Conflict, at(2)]);
    let revisions: Vec<_> = done.entries.iter().map(|e| (e.revision.get(), e.txn)).collect();
    assert_eq!(revisions, [(1, txn(1)), (2, txn(4))]);
}

pub async fn a_known_transaction_isnt_done_again(subject: Subject) {
    let first = change(1).writes("ana", 0);
    let head = head_of(&subject.commit(batch(Head::default(), [first.clone()])).await);
    let again = subject.commit(batch(head, [first.clone()])).await;
    let [Verdict::Duplicate(outcome)] = again.verdicts.as_slice() else {
        panic!("{:?}", again.verdicts)
    };
    let first = first.done();
    assert_eq!(outcome.revision, Revision::new(1));
    assert_eq!(outcome.fingerprint, first.fingerprint);
    assert_eq!(outcome.answer, first.answer);
    assert!(matches!(outcome.answer, Answer::Record(_)));
    assert!(again.entries.is_empty());
}

pub async fn one_id_twice_in_a_batch_is_done_once(subject: Subject) {
    let drafts = [change(1).writes("ana", 0), change(1).writes("bo", 0)];
    let done = subject.commit(batch(Head::default(), drafts)).await;
    assert_eq!(done.verdicts[0], at(1));
    assert!(matches!(&done.verdicts[1], Verdict::Duplicate(o) if o.revision == Revision::new(1)));
    assert_eq!(done.entries.len(), 1);
}

pub async fn nothing_builds_on_a_repeated_transaction(subject: Subject) {
    let head = head_of(&subject.commit(batch(Head::default(), [change(1).writes("ana", 0)])).await);
    // Another replica decided 2 first; what is built on our 2 was decided on another content.
    subject.commit(batch(head, [change(2).writes("ana", 1)])).await;
    let drafts =
        [change(2).writes("ana", 1), change(3).writes("ana", 2), change(4).writes("bo", 0)];
    let done = subject.commit(batch(head, drafts)).await;
    assert!(matches!(&done.verdicts[0], Verdict::Duplicate(o) if o.revision == Revision::new(2)));
    assert_eq!(done.verdicts[1..], [Verdict::Conflict, at(3)]);
    let again = subject.commit(batch(head_of(&done), [change(3).writes("ana", 2)])).await;
    assert_eq!(again.verdicts, [at(4)]);
}

pub async fn lookups_find_what_was_committed(subject: Subject) {
    let ask = |since| Batch { lookups: vec![txn(2), txn(1), txn(9)], ..batch(since, []) };
    let nothing = subject.commit(ask(Head::default())).await;
    assert_eq!(nothing.found, [None, None, None]);
    let drafts = [change(1).writes("ana", 0), change(2).writes("bo", 0)];
    let head = head_of(&subject.commit(batch(Head::default(), drafts)).await);
    let found = subject.commit(ask(head)).await.found;
    let revisions: Vec<_> = found.iter().map(|o| o.as_ref().map(|o| o.revision.get())).collect();
    assert_eq!(revisions, [Some(2), Some(1), None]);
}

pub async fn an_unanswered_batch_can_be_sent_again(subject: Subject) {
    let drafts =
        [change(1).writes("ana", 0), change(2).writes("bo", 7), change(3).writes("ana", 1)];
    let batch = batch(Head::default(), drafts);
    let first = subject.send(&batch).await.expect("committed");
    let second = subject.send(&batch).await.expect("answered");
    let revisions: Vec<_> = second
        .verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Duplicate(outcome) => Some(outcome.revision.get()),
            Verdict::Conflict => None,
            Verdict::Committed(_) => panic!("done twice"),
        })
        .collect();
    assert_eq!(revisions, [Some(1), None, Some(2)]);
    assert_eq!(second.entries, first.entries);
}

pub async fn of_two_who_write_one_record_one_wins(subject: Subject) {
    let head = head_of(&subject.commit(batch(Head::default(), [change(1).writes("ana", 0)])).await);
    let contenders = (2..12).map(|id| {
        let journal = Arc::clone(&subject.journal);
        let batch = batch(head, [change(id).writes("ana", 1)]);
        tokio::spawn(async move { journal.commit(&org("acme"), &batch).await })
    });
    let mut won = 0;
    for contender in contenders.collect::<Vec<_>>() {
        let done = contender.await.expect("no panic").expect("answered");
        match done.verdicts.as_slice() {
            [Verdict::Committed(_)] => won += 1,
            verdicts => assert_eq!(verdicts, [Verdict::Conflict]),
        }
    }
    assert_eq!(won, 1);
}

pub async fn time_never_runs_backwards(subject: Subject) {
    let drafts = [change(1).writes("ana", 0).at(5_000), change(2).writes("bo", 0).at(4_000)];
    let done = subject.commit(batch(Head::default(), drafts)).await;
    let later = subject.commit(batch(head_of(&done), [change(3).writes("cy", 0).at(3_000)])).await;
    let times: Vec<_> = done.entries.iter().chain(&later.entries).map(|e| e.time.as_ms()).collect();
    assert_eq!(times, [5_000, 5_000, 5_000]);
    let loaded = subject.journal.load(&org("acme"), None).await.expect("loaded");
    assert_eq!(loaded.state.head(), head_of(&later));
}

pub async fn outcomes_are_kept_for_a_day_of_entries(subject: Subject) {
    kept_for_a_day(subject, |id| change(id).writes(&format!("rep-{id}"), 0)).await;
}

pub async fn outcomes_of_what_changes_nothing_are_kept_for_a_day(subject: Subject) {
    kept_for_a_day(subject, |id| change(id).reads("ana", 0)).await;
}

async fn kept_for_a_day(subject: Subject, draft: impl Fn(u128) -> Draft) {
    let hour = 3_600_000;
    let mut head = Head::default();
    for (id, hours) in [(1, 0), (2, 11), (3, 13), (4, 24), (5, 26), (6, 37), (7, 40)] {
        let done = subject.commit(batch(head, [draft(id).at(hours * hour)])).await;
        head = done.entries.last().map_or(head, |entry| entry.head());
    }
    let ask = Batch { lookups: (1..=7).map(txn).collect(), ..batch(head, []) };
    let found = subject.commit(ask).await.found;
    let known: Vec<_> = found.iter().map(Option::is_some).collect();
    // Within 24 h of the last one, at 40 h: all from 16 h on. Older ones go bucket by bucket.
    assert_eq!(known, [false, false, true, true, true, true, true]);
}

pub async fn what_changes_nothing_is_remembered(subject: Subject) {
    let head = head_of(&subject.commit(batch(Head::default(), [change(1).writes("ana", 0)])).await);
    let asked = change(2).reads("ana", 1).answers("ana").at(9_000);
    let drafts = [asked.clone(), change(3).writes("ana", 1), change(4).reads("ana", 3)];
    let done = subject.commit(batch(head, drafts)).await;
    assert_eq!(done.verdicts, [at(1), at(2), at(2)]);
    assert_eq!(done.entries.iter().map(|e| e.txn).collect::<Vec<_>>(), [txn(3)]);
    assert_eq!(done.entries[0].time.as_ms(), 1_000, "the time is that of changes");
    let head = head_of(&done);
    let ask = Batch { lookups: vec![txn(2), txn(4)], ..batch(head, []) };
    let found = subject.commit(ask).await.found;
    let revisions: Vec<_> = found.iter().map(|o| o.as_ref().map(|o| o.revision.get())).collect();
    assert_eq!(revisions, [Some(1), Some(2)]);
    // Whatever comes under its id later, it is the one that was done.
    let again = subject.commit(batch(head, [asked.clone(), change(4).writes("bo", 0)])).await;
    let [Verdict::Duplicate(first), Verdict::Duplicate(other)] = again.verdicts.as_slice() else {
        panic!("{:?}", again.verdicts)
    };
    let asked = asked.done();
    assert_eq!((first.revision, first.fingerprint), (Revision::new(1), asked.fingerprint));
    assert_eq!(first.answer, asked.answer);
    assert_eq!(other.revision, Revision::new(2));
    assert!(again.entries.is_empty());
    let loaded = subject.journal.load(&org("acme"), None).await.expect("loaded");
    assert_eq!(loaded.state.head(), head);
}

pub async fn what_changes_nothing_is_checked(subject: Subject) {
    let head = head_of(&subject.commit(batch(Head::default(), [change(1).writes("ana", 0)])).await);
    let drafts = [
        change(2).reads("ana", 0),
        change(3).reads("bo", 1),
        change(1).reads("cy", 0),
        change(4).reads("ana", 1),
        change(5).reads("bo", 0),
    ];
    let done = subject.commit(batch(head, drafts)).await;
    // 4 was decided on what the batch has under 1, and 1 was done before.
    assert_eq!(done.verdicts[..2], [Verdict::Conflict, Verdict::Conflict]);
    assert!(matches!(done.verdicts[2], Verdict::Duplicate(_)));
    assert_eq!(done.verdicts[3..], [Verdict::Conflict, at(1)]);
    let ask = Batch { lookups: (2..=5).map(txn).collect(), ..batch(head, []) };
    let found = subject.commit(ask).await.found;
    let known: Vec<_> = found.iter().map(Option::is_some).collect();
    assert_eq!(known, [false, false, false, true]);
}

pub async fn what_changes_nothing_may_come_first(subject: Subject) {
    let first = subject.commit(batch(Head::default(), [change(1).reads("ana", 0)])).await;
    assert_eq!((first.verdicts, first.entries.len()), (vec![at(0)], 0));
    let loaded = subject.journal.load(&org("acme"), None).await.expect("loaded");
    assert_eq!(loaded.state.head(), Head::default());
    let drafts = [change(1).reads("ana", 0), change(2).writes("ana", 0)];
    let next = subject.commit(batch(Head::default(), drafts)).await;
    assert!(matches!(&next.verdicts[0], Verdict::Duplicate(o) if o.revision == Revision::ZERO));
    assert_eq!(next.verdicts[1], at(1));
}

pub async fn a_large_transaction_fits(subject: Subject) {
    let names: Vec<_> = (0..9_000).map(|n| format!("rep-{n}")).collect();
    let draft = names.iter().fold(change(1), |draft, name| draft.writes(name, 0));
    let head = head_of(&subject.commit(batch(Head::default(), [draft])).await);
    let loaded = subject.journal.load(&org("acme"), None).await.expect("loaded");
    assert_eq!(loaded.state.records().count(), 9_000);
    let draft = names.iter().fold(change(2), |draft, name| draft.removes(name, 1));
    assert_eq!(subject.commit(batch(head, [draft])).await.verdicts, [at(2)]);
    let read = subject.journal.read(&org("acme"), Revision::new(1), 10).await.expect("read");
    assert!(matches!(read, History::Entries(e) if e[0].changes.len() == 9_000));
}
