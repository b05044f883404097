//! What lies beside the history: wake-ups, leases; and that orgs are apart.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use baton::domain::entry::{Head, Revision};
use baton::domain::id::PresenceId;
use baton::domain::time::Span;
use baton::journal::History;

use crate::support::sample::{batch, change, org};
use crate::{Subject, at};

pub async fn waiting_ends_with_a_commit(subject: Subject) {
    let waiting = {
        let journal = Arc::clone(&subject.journal);
        tokio::spawn(async move {
            loop {
                journal.wake(&org("acme"), Revision::ZERO).await.expect("waited");
                let read = journal.read(&org("acme"), Revision::ZERO, 1).await.expect("read");
                if matches!(read, History::Entries(entries) if !entries.is_empty()) {
                    return;
                }
            }
        })
    };
    subject.commit(batch(Head::default(), [change(1).writes("ana", 0)])).await;
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("woken").expect("no panic");
    // And without one it ends too.
    let org = org("acme");
    let waiting = subject.journal.wake(&org, Revision::new(1));
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("in time").expect("waited");
}

pub async fn leases_run_out_are_renewed_and_released(subject: Subject) {
    let org = org("acme");
    let [long, short, gone] = [1, 2, 3].map(PresenceId::from_u128);
    let hour = Span::from_secs(3_600);
    // Redis has its own clock: there a lease of no length is one that has run out.
    let brief = if subject.own_clock { Span::from_ms(0) } else { Span::from_ms(500) };
    let leases = [(long, hour), (short, brief), (gone, brief)];
    subject.journal.renew(&org, &leases).await.expect("renewed");
    subject.journal.release(&org, &[gone]).await.expect("released");
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    assert_eq!(subject.journal.lapsed(&org, 10).await.expect("looked"), [short]);
    assert_eq!(subject.journal.lapsed(&org, 0).await.expect("looked"), []);
    subject.journal.renew(&org, &[(short, hour)]).await.expect("renewed");
    assert_eq!(subject.journal.lapsed(&org, 10).await.expect("looked"), []);
    subject.journal.release(&org, &[long, short]).await.expect("released");
}

pub async fn orgs_dont_mix(subject: Subject) {
    let [one, two] = ["acme", "acme2"].map(org);
    subject.fill(&one, 3).await;
    let other = batch(Head::default(), [change(1).writes("bo", 0)]);
    let done = subject.journal.commit(&two, &other).await.expect("committed");
    assert_eq!(done.verdicts, [at(1)]);
    subject.journal.renew(&one, &[(PresenceId::MIN, Span::from_ms(0))]).await.expect("renewed");
    subject.clock.fetch_add(1, Ordering::SeqCst);
    assert_eq!(subject.journal.lapsed(&two, 10).await.expect("looked"), []);
    let loaded = subject.journal.load(&two, None).await.expect("loaded");
    assert_eq!(loaded.state.head().revision, Revision::new(1));
}
