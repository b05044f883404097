//! What lies beside the history: wake-ups, leases; and that orgs are apart.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use baton::domain::entry::{Head, Revision};
use baton::domain::id::{OrgId, PresenceId};
use baton::domain::time::{Span, Timestamp};
use baton::journal::{History, Lapsed, ServerId};

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

/// Who asks.
const ME: ServerId = ServerId(1);

async fn claimed(subject: &Subject, org: &OrgId, limit: usize) -> (Vec<PresenceId>, Timestamp) {
    match subject.journal.lapsed(org, ME, limit).await.expect("looked") {
        Lapsed::Claimed { presences, until } => (presences, until),
        Lapsed::ServerLost => panic!("there is no other server"),
    }
}

/// Redis has its own clock: there a lease of no length is one that has run out.
fn brief(subject: &Subject) -> Span {
    if subject.own_clock { Span::from_ms(0) } else { Span::from_ms(500) }
}

pub async fn leases_run_out_are_renewed_and_released(subject: Subject) {
    let org = org("acme");
    let [long, short, gone] = [1, 2, 3].map(PresenceId::from_u128);
    let (hour, brief) = (Span::from_secs(3_600), brief(&subject));
    let leases = [(long, hour), (short, brief), (gone, brief)];
    let started = subject.journal.renew(&org, &leases).await.expect("renewed");
    assert_eq!(started, [long, short, gone], "none was there");
    let again = subject.journal.renew(&org, &leases[..1]).await.expect("renewed");
    assert_eq!(again, [], "it was there");
    subject.journal.start(&org, &[(long, brief), (short, hour)]).await.expect("nothing to start");
    subject.journal.release(&org, &[gone]).await.expect("released");
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    assert_eq!(claimed(&subject, &org, 0).await.0, []);
    assert_eq!(claimed(&subject, &org, 10).await.0, [short]);
    assert_eq!(claimed(&subject, &org, 10).await.0, [], "it is claimed");
    subject.journal.renew(&org, &[(short, hour)]).await.expect("renewed");
    assert_eq!(claimed(&subject, &org, 10).await.0, []);
    subject.journal.start(&org, &[(gone, brief)]).await.expect("started");
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    assert_eq!(claimed(&subject, &org, 10).await.0, [gone]);
    subject.journal.release(&org, &[long, short, gone]).await.expect("released");
}

pub async fn a_claimed_lease_is_forgotten_unless_it_was_renewed(subject: Subject) {
    let org = org("acme");
    let [away, back] = [1, 2].map(PresenceId::from_u128);
    let (hour, brief) = (Span::from_secs(3_600), brief(&subject));
    subject.journal.renew(&org, &[(away, brief), (back, brief)]).await.expect("renewed");
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    let (presences, until) = claimed(&subject, &org, 10).await;
    assert_eq!(presences, [away, back]);
    subject.journal.renew(&org, &[(back, hour)]).await.expect("renewed");
    let kept = subject.journal.forget(&org, &presences, until).await.expect("forgotten");
    assert_eq!(kept, [back]);
    let kept = subject.journal.forget(&org, &presences, until).await.expect("forgotten");
    assert_eq!(kept, [back], "and the other is forgotten already");
    subject.journal.start(&org, &[(away, hour)]).await.expect("started anew");
    let kept = subject.journal.forget(&org, &[away], until).await.expect("forgotten");
    assert_eq!(kept, [away], "another lease than the one that was claimed");
}

pub async fn a_lost_server_is_missed_once_and_one_that_leaves_is_not(subject: Subject) {
    let org = org("acme");
    let [other, leaver] = [2, 3].map(ServerId);
    for server in [ME, other, leaver] {
        subject.journal.lapsed(&org, server, 1).await.expect("looked");
    }
    subject.journal.leave(&org, leaver).await.expect("left");
    // Its own clock can't be set: there the time has to pass.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let mut lost = 0;
    while lost == 0 && tokio::time::Instant::now() < deadline {
        subject.clock.fetch_add(1_000, Ordering::SeqCst);
        if !matches!(subject.journal.lapsed(&org, ME, 1).await, Ok(Lapsed::Claimed { .. })) {
            lost += 1;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(lost, 1, "the other server is missed");
    assert_eq!(claimed(&subject, &org, 1).await.0, [], "once");
}

pub async fn orgs_dont_mix(subject: Subject) {
    let [one, two] = ["acme", "acme2"].map(org);
    subject.fill(&one, 3).await;
    let other = batch(Head::default(), [change(1).writes("bo", 0)]);
    let done = subject.journal.commit(&two, &other).await.expect("committed");
    assert_eq!(done.verdicts, [at(1)]);
    subject.journal.renew(&one, &[(PresenceId::MIN, Span::from_ms(0))]).await.expect("renewed");
    subject.clock.fetch_add(1, Ordering::SeqCst);
    assert_eq!(claimed(&subject, &two, 10).await.0, []);
    let loaded = subject.journal.load(&two, None).await.expect("loaded");
    assert_eq!(loaded.state.head().revision, Revision::new(1));
}
