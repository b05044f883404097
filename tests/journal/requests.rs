//! What is remembered of requests that carried an id (T21): each is done once, and what came of it is
//! told to whoever brings it again, whichever head that was decided on.

use std::sync::Arc;

use baton::domain::entry::{Answer, Outcome, Revision};
use baton::domain::id::TxnId;
use baton::domain::rejection::{Reason, Rejection};
use baton::domain::time::Span;
use baton::journal::{Batch, Verdict};

use crate::support::sample::{Decider, EntryDraft, change, outcome, rep_record, txn};
use crate::{Subject, behind};

fn asking(me: &Decider, requests: impl IntoIterator<Item = u128>) -> Batch {
    Batch {
        asked: requests.into_iter().map(txn).collect(),
        ..Batch::barrier(me.epoch, me.confirmed)
    }
}

/// Those of the requests that the journal knows, in order.
async fn known(subject: &Subject, me: &Decider, requests: std::ops::Range<u128>) -> Vec<TxnId> {
    let mut known: Vec<_> = match subject.verdict(&asking(me, requests)).await {
        Verdict::Accepted => Vec::new(),
        verdict => behind(verdict).1.into_iter().map(|(txn, _)| txn).collect(),
    };
    known.sort_unstable();
    known
}

pub async fn a_known_request_undoes_its_batch(subject: Subject) {
    let mut me = Decider::default();
    let first = subject.commit(&mut me, [change(1).writes("ana").asked_by(7)]).await;
    // It was decided anew, under another entry's id, on the newest head: it is known all the same.
    let drafts = [change(2).writes("bo"), change(3).writes("ana").asked_by(7)];
    let (missed, known) = behind(subject.verdict(&me.clone().decide(drafts)).await);
    assert_eq!(missed.len(), 0, "nothing is missing but the news about the request");
    let by_first = rep_record("ana", &format!("ana by {}", first[0].id));
    let (id, done) = outcome(7, first[0].head());
    assert_eq!(known, [(id, Outcome { answer: Answer::Record(by_first), ..done })]);
    assert_eq!(subject.entries().await, first, "nothing of the batch was done");
}

pub async fn a_request_that_was_asked_about_is_told(subject: Subject) {
    let mut me = Decider::default();
    assert_eq!(subject.verdict(&asking(&me, [1, 2])).await, Verdict::Accepted, "none is known");
    let drafts = [change(1).writes("ana").asked_by(1), change(2).writes("bo").asked_by(2)];
    subject.commit(&mut me, drafts).await;
    let (missed, mut known) = behind(subject.verdict(&asking(&me, [2, 9, 1])).await);
    known.sort_unstable_by_key(|(txn, _)| *txn);
    let told: Vec<_> = known.iter().map(|(txn, outcome)| (*txn, outcome.revision)).collect();
    assert_eq!(told, [(txn(1), Revision::new(1)), (txn(2), Revision::new(2))]);
    assert_eq!(missed.len(), 0);
    // What was refused beside something that has an effect takes that along, too.
    let batch = Batch { asked: vec![txn(1)], ..me.clone().decide([change(3).writes("cy")]) };
    let (_, known) = behind(subject.verdict(&batch).await);
    assert_eq!(known.len(), 1);
    assert_eq!(subject.entries().await.len(), 2);
    let batch = Batch { asked: vec![txn(9)], ..me.decide([change(3).writes("cy")]) };
    assert_eq!(subject.verdict(&batch).await, Verdict::Accepted, "that one isn't known");
}

pub async fn a_request_without_effect_is_remembered(subject: Subject) {
    let mut me = Decider::default();
    subject.commit(&mut me, [change(1).writes("ana")]).await;
    let mut alone = me.decide([]);
    alone.outcomes.push(outcome(5, me.confirmed));
    assert_eq!(subject.verdict(&alone).await, Verdict::Accepted);
    assert_eq!(subject.load().await.state.head(), me.confirmed, "it has no effect");
    // Sent again it is told what it was told, and whoever else comes under its id, too.
    let mut other = me.clone().decide([change(2).writes("bo").asked_by(5)]);
    for batch in [&alone, &other, &asking(&me, [5])] {
        let (missed, known) = behind(subject.verdict(batch).await);
        assert_eq!((missed.len(), known), (0, vec![outcome(5, me.confirmed)]));
    }
    // Together with others.
    other = me.decide([change(2).writes("bo").asked_by(6)]);
    other.outcomes.insert(0, outcome(8, me.confirmed));
    assert_eq!(subject.verdict(&other).await, Verdict::Accepted);
    me.confirm();
    let (_, told) = behind(subject.verdict(&asking(&me, [8])).await);
    assert_eq!(told[0].1.revision, Revision::new(1));
    assert_eq!(known(&subject, &me, 5..9).await, [5, 6, 8].map(txn));
    assert_eq!(subject.verdict(&other).await, Verdict::Accepted, "its entries are in the history");
}

pub async fn a_request_without_effect_may_come_first(subject: Subject) {
    let mut me = Decider::default();
    let mut first = me.decide([]);
    first.outcomes.push(outcome(1, me.confirmed));
    assert_eq!(subject.verdict(&first).await, Verdict::Accepted);
    let loaded = subject.load().await;
    assert_eq!((loaded.epoch, loaded.state.head()), (me.epoch, me.confirmed));
    assert_eq!(known(&subject, &me, 1..3).await, [txn(1)]);
    subject.commit(&mut me, [change(1).writes("ana").asked_by(2)]).await;
    assert_eq!(known(&subject, &me, 1..3).await, [1, 2].map(txn));
}

pub async fn what_was_lost_is_not_remembered(subject: Subject) {
    let (mut me, mut other) = (Decider::default(), Decider::default());
    subject.commit(&mut me, [change(1).writes("ana")]).await;
    let mut lost = other.decide([change(2).writes("bo").asked_by(2)]);
    lost.outcomes.push(outcome(3, other.confirmed));
    behind(subject.verdict(&lost).await);
    assert_eq!(known(&subject, &me, 2..4).await, []);
    subject.commit(&mut me, [change(3).writes("bo").asked_by(2)]).await;
    assert_eq!(known(&subject, &me, 2..4).await, [txn(2)]);
}

pub async fn a_known_request_comes_with_what_is_missing(subject: Subject) {
    let (mut me, other) = (Decider::default(), Decider::default());
    let entries = subject.commit(&mut me, [change(1).writes("ana").asked_by(1)]).await;
    let late = other.clone().decide([change(2).writes("ana").asked_by(1)]);
    let (missed, known) = behind(subject.verdict(&late).await);
    assert_eq!(missed, entries);
    assert_eq!(known.iter().map(|(txn, _)| *txn).collect::<Vec<_>>(), [txn(1)]);
}

pub async fn outcomes_are_kept_for_a_day_of_entries(subject: Subject) {
    kept_for_a_day(subject, |me, draft, _| me.decide([draft])).await;
}

pub async fn outcomes_without_effect_are_kept_for_a_day(subject: Subject) {
    // The org's time goes on with entries alone: each brings one along that has no effect.
    kept_for_a_day(subject, |me, draft, id| {
        let mut batch = me.decide([draft]);
        batch.outcomes = vec![outcome(id, me.predicted)];
        batch
    })
    .await;
}

async fn kept_for_a_day(
    subject: Subject,
    decide: impl Fn(&mut Decider, EntryDraft, u128) -> Batch,
) {
    let hour = 3_600_000;
    let mut me = Decider::default();
    for (id, hours) in [(1, 0), (2, 11), (3, 13), (4, 24), (5, 26), (6, 37), (7, 40)] {
        let draft = change(id).writes(&format!("rep-{id}")).at(hours * hour).asked_by(id);
        let batch = decide(&mut me, draft, id);
        assert_eq!(subject.verdict(&batch).await, Verdict::Accepted);
        me.confirm();
        let day: Vec<_> = (1..=id).filter(|i| *i >= 3 || hours <= 24).map(txn).collect();
        let known = known(&subject, &me, 1..8).await;
        assert!(day.iter().all(|txn| known.contains(txn)), "{hours} h: {known:?}");
    }
    // Within 24 h of the last one, at 40 h: all from 16 h on. Older ones go bucket by bucket.
    assert_eq!(known(&subject, &me, 1..8).await, (3..8).map(txn).collect::<Vec<_>>());
}

pub async fn many_requests_can_be_asked_about(subject: Subject) {
    let mut me = Decider::default();
    subject.commit(&mut me, [change(1).writes("ana").asked_by(4_999)]).await;
    let (_, known) = behind(subject.verdict(&asking(&me, 0..9_000)).await);
    assert_eq!(known.iter().map(|(txn, _)| *txn).collect::<Vec<_>>(), [txn(4_999)]);
}

/// One server tried a request and nobody knows what became of it; another one refused it, and kept that.
pub async fn a_refusal_that_is_kept_keeps_the_request_from_being_done(subject: Subject) {
    let mut me = Decider::default();
    subject.commit(&mut me, [change(1).writes("ana")]).await;
    let rejection = Rejection {
        retry_after: Some(Span::from_ms(250)),
        ..Rejection::new(Reason::RecipientOffline, "rep", "ana", "ana isn't signed in")
    };
    let (id, done) = outcome(5, me.confirmed);
    let refused = (id, Outcome { answer: Answer::Refused(Arc::new(rejection)), ..done });
    // Decided elsewhere, before, and on its way for long.
    let late = me.clone().decide([change(2).writes("bo").asked_by(5)]);
    let mut here = me.decide([change(3).writes("cy")]);
    here.outcomes.push(refused.clone());
    assert_eq!(subject.verdict(&here).await, Verdict::Accepted);
    me.confirm();
    let anew = me.clone().decide([change(4).writes("bo").asked_by(5)]);
    for batch in [&late, &anew, &asking(&me, [5])] {
        let (_, known) = behind(subject.verdict(batch).await);
        assert_eq!(known, std::slice::from_ref(&refused));
    }
    assert_eq!(subject.entries().await.len(), 2, "it is never done");
}
