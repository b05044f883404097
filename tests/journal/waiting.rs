//! What lies beside the history: wake-ups, leases; and that orgs are apart.

use std::sync::atomic::Ordering;
use std::time::Duration;

use baton::domain::entry::{Head, Revision};
use baton::domain::id::{OrgId, PresenceId};
use baton::domain::time::{Span, Timestamp};
use baton::journal::{
    CLAIM, Epoch, Heard, Heartbeat, Lapsed, MemberCounts, MemberState, ServerId, StoredPlace,
    Verdict,
};

use crate::Subject;
use crate::support::sample::{Decider, change, org};

pub async fn whoever_follows_hears_of_a_commit(subject: Subject) {
    let mut heard = subject.journal.follow();
    let mut decider = Decider::default();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    // A journal elsewhere is listened to a moment later than it is used.
    for id in 1.. {
        assert!(tokio::time::Instant::now() < deadline, "nothing was heard");
        subject.commit(&mut decider, [change(id).writes("ana")]).await;
        let revision = decider.confirmed.revision;
        let of_it = async {
            while heard.recv().await.expect("kept") != Heard::Commit(org("acme"), revision) {}
        };
        if tokio::time::timeout(Duration::from_millis(500), of_it).await.is_ok() {
            return;
        }
    }
}

pub async fn where_histories_end_is_told_for_each(subject: Subject) {
    let orgs = ["acme", "nobody"].map(org);
    subject.fill(&mut Decider::default(), 3).await;
    let heads = subject.journal.heads(&orgs).await.expect("read");
    let last = subject.entries().await.last().expect("three").id;
    let here = StoredPlace { epoch: Epoch(1), revision: Revision::new(3), entry: last };
    assert_eq!(heads, [here, StoredPlace::default()]);
}

pub async fn r12_a_stored_time_that_is_said_anew_goes_on_from_there(subject: Subject) {
    let org = org("acme");
    subject.fill(&mut Decider::default(), 2).await;
    let loaded = subject.journal.load(&org, None).await.expect("loaded");
    let head = loaded.state.head();
    let later = head.time + Span::from_secs(40);
    let other = Head { revision: Revision::new(1), ..head };
    let rebased = subject.journal.rebase(&org, (loaded.epoch, other), later).await;
    assert_eq!(rebased, Ok(false), "somebody committed meanwhile");
    let rebased = subject.journal.rebase(&org, (loaded.epoch, head), later).await;
    assert_eq!(rebased, Ok(true));
    let again = subject.journal.load(&org, None).await.expect("loaded");
    let passed = again.now.since(later);
    assert!(again.now >= later && passed < Span::from_secs(20), "{passed:?}");
    assert_eq!(again.state.head(), head, "the head is what it was");
}

pub async fn orgs_are_looked_after_by_somebody_until_they_rest(subject: Subject) {
    let (journal, now, long) = (&subject.journal, Span::from_ms(0), Span::from_secs(3_600));
    let [one, two] = ["acme", "acme2"].map(org);
    let nobody = || async { journal.unattended(10).await.expect("looked").orgs };
    assert_eq!(nobody().await, []);
    journal.stay_awake(&[one.clone(), two.clone()], long).await.expect("said");
    assert_eq!(nobody().await, [], "somebody looks after them");
    journal.stay_awake(&[one.clone(), two.clone()], now).await.expect("said");
    subject.clock.fetch_add(1, Ordering::SeqCst);
    let seen = nobody().await;
    assert_eq!(seen.iter().map(|awake| &awake.org).collect::<Vec<_>>(), [&one, &two]);
    assert_eq!(journal.unattended(1).await.expect("looked").orgs.len(), 1);
    let taken = journal.take_on(&seen, long).await.expect("asked");
    assert_eq!(taken.iter().map(|awake| &awake.org).collect::<Vec<_>>(), [&one, &two]);
    assert_eq!(journal.take_on(&seen, long).await.expect("asked"), [], "once");
    assert_eq!(nobody().await, []);
    // Somebody has said meanwhile that the first is awake; the second rests for a moment, then for good.
    journal.stay_awake(std::slice::from_ref(&one), now).await.expect("said");
    for awake in &taken {
        journal.rest(awake, Some(now)).await.expect("said");
    }
    subject.clock.fetch_add(1, Ordering::SeqCst);
    let seen = nobody().await;
    assert_eq!(seen.len(), 2);
    for awake in &seen {
        journal.rest(awake, None).await.expect("said");
    }
    assert_eq!(nobody().await, []);
    let before = journal.probe().await.expect("it takes writes");
    assert!(journal.probe().await.expect("it takes writes") >= before);
}

/// Who asks.
const ME: ServerId = ServerId(1);

async fn claimed(subject: &Subject, org: &OrgId, by: ServerId, limit: usize) -> Vec<PresenceId> {
    match subject.journal.lapsed(org, by, limit).await.expect("looked").lapsed {
        Lapsed::Claimed(presences) => presences,
        Lapsed::ServerLost => panic!("no server is lost"),
    }
}

/// Looks until the claims of before have passed, and there is somebody to claim.
async fn claimed_again(subject: &Subject, org: &OrgId, by: ServerId) -> Vec<PresenceId> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    subject.clock.fetch_add(CLAIM.as_ms(), Ordering::SeqCst);
    while tokio::time::Instant::now() < deadline {
        let presences = claimed(subject, org, by, 10).await;
        if !presences.is_empty() {
            return presences;
        }
        tokio::task::yield_now().await;
    }
    panic!("the claims never pass")
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
    assert_eq!(claimed(&subject, &org, ME, 0).await, []);
    assert_eq!(claimed(&subject, &org, ME, 10).await, [short]);
    assert_eq!(claimed(&subject, &org, ME, 10).await, [], "it is claimed");
    subject.journal.renew(&org, &[(short, hour)]).await.expect("renewed");
    assert_eq!(claimed(&subject, &org, ME, 10).await, []);
    subject.journal.start(&org, &[(gone, brief)]).await.expect("started");
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    assert_eq!(claimed(&subject, &org, ME, 10).await, [gone]);
    subject.journal.release(&org, &[long, short, gone]).await.expect("released");
}

pub async fn a_lease_that_ran_out_is_forgotten_unless_it_was_renewed(subject: Subject) {
    let org = org("acme");
    let [away, back] = [1, 2].map(PresenceId::from_u128);
    let (hour, brief) = (Span::from_secs(3_600), brief(&subject));
    subject.journal.renew(&org, &[(away, brief), (back, brief)]).await.expect("renewed");
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    let presences = claimed(&subject, &org, ME, 10).await;
    assert_eq!(presences, [away, back]);
    let started = subject.journal.renew(&org, &[(back, hour)]).await.expect("renewed");
    assert_eq!(started, [], "a lease that is claimed is there");
    let kept = subject.journal.forget(&org, &presences).await.expect("forgotten");
    assert_eq!(kept, [back]);
    let kept = subject.journal.forget(&org, &presences).await.expect("forgotten");
    assert_eq!(kept, [back], "and the other is forgotten already");
    let started = subject.journal.renew(&org, &[(away, hour)]).await.expect("renewed");
    assert_eq!(started, [away], "whoever comes back then is told that it was gone");
    let kept = subject.journal.forget(&org, &[away]).await.expect("forgotten");
    assert_eq!(kept, [away], "another lease than the one that was claimed");
}

pub async fn a_claim_by_another_server_is_no_renewal(subject: Subject) {
    let org = org("acme");
    let [away, back] = [1, 2].map(PresenceId::from_u128);
    let other = ServerId(2);
    let (hour, brief) = (Span::from_secs(3_600), brief(&subject));
    subject.journal.renew(&org, &[(away, brief), (back, brief)]).await.expect("renewed");
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    let mine = claimed(&subject, &org, ME, 10).await;
    assert_eq!(claimed(&subject, &org, other, 10).await, [], "they are mine for a while");
    let theirs = claimed_again(&subject, &org, other).await;
    assert_eq!(theirs, mine);
    // The first server took too long; the lease is as it was all the same.
    subject.journal.renew(&org, &[(back, hour)]).await.expect("renewed");
    let kept = subject.journal.forget(&org, &mine).await.expect("forgotten");
    assert_eq!(kept, [back], "nobody renewed the other");
    // And what the second one does about its claim is no harm to who came back.
    let kept = subject.journal.forget(&org, &theirs).await.expect("forgotten");
    assert_eq!(kept, [back]);
    let started = subject.journal.renew(&org, &[(back, hour)]).await.expect("renewed");
    assert_eq!(started, [], "its lease was there");
}

pub async fn what_others_have_claimed_is_passed_over(subject: Subject) {
    let org = org("acme");
    let all = [1, 2, 3, 4, 5].map(PresenceId::from_u128);
    let leases = all.map(|presence| (presence, brief(&subject)));
    subject.journal.renew(&org, &leases).await.expect("renewed");
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    let mut given = Vec::new();
    for (by, expected) in [(1, 2), (2, 2), (3, 1), (1, 0)] {
        let claimed = claimed(&subject, &org, ServerId(by), 2).await;
        assert_eq!(claimed.len(), expected, "{claimed:?}");
        given.extend(claimed);
    }
    given.sort_unstable();
    assert_eq!(given, all, "each of them once");
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
        let report = subject.journal.lapsed(&org, ME, 1).await.expect("looked");
        lost += usize::from(report.lapsed == Lapsed::ServerLost);
        tokio::task::yield_now().await;
    }
    assert_eq!(lost, 1, "the other server is missed");
    assert_eq!(claimed(&subject, &org, ME, 1).await, [], "once");
}

pub async fn orgs_dont_mix(subject: Subject) {
    let [one, two] = ["acme", "acme2"].map(org);
    subject.fill(&mut Decider::default(), 3).await;
    let other = Decider::default().decide([change(1).writes("bo").asked_by(1)]);
    let reply = subject.journal.commit(&two, &other).await.expect("answered");
    assert_eq!(reply.verdict, Verdict::Accepted);
    subject.journal.renew(&one, &[(PresenceId::MIN, Span::from_ms(0))]).await.expect("renewed");
    subject.clock.fetch_add(1, Ordering::SeqCst);
    assert_eq!(claimed(&subject, &two, ME, 10).await, []);
    let loaded = subject.journal.load(&two, None).await.expect("loaded");
    assert_eq!(loaded.state.head().revision, Revision::new(1));
    assert_eq!(subject.entries().await.len(), 3);
}

pub async fn a_lease_that_is_overdue_is_another_matter(subject: Subject) {
    let (org, journal) = (org("acme"), &subject.journal);
    let presence = PresenceId::from_u128(7);
    journal.renew(&org, &[(presence, Span::from_ms(0))]).await.expect("renewed");
    subject.clock.fetch_add(1_000, Ordering::SeqCst);
    let overdue =
        journal.overdue(&org, ServerId(2), 10, Span::from_secs(3_600)).await.expect("looked");
    assert_eq!(overdue.lapsed, Lapsed::Claimed(Vec::new()), "it is left to whom it belongs");
    assert_eq!(claimed(&subject, &org, ME, 10).await, [presence]);
}

fn heartbeat(number: u128, state: MemberState) -> Heartbeat {
    let counts = MemberCounts { passed_on: 3, two_homes: 1, ..MemberCounts::default() };
    let (member, address) = (ServerId(number), format!("host:{number}"));
    Heartbeat { member, address, state, started_at: None, counts }
}

pub async fn servers_show_themselves_to_each_other(subject: Subject) {
    let journal = &subject.journal;
    let alone = journal.show(&heartbeat(2, MemberState::Joining)).await.expect("shown");
    let me = &alone.members[0];
    assert_eq!((alone.members.len(), alone.age(me)), (1, Span::from_ms(0)));
    assert_eq!(me.started_at, me.heartbeat_at, "it has just started");
    assert_eq!((&*me.address, me.counts), ("host:2", heartbeat(2, MemberState::Joining).counts));
    journal.show(&heartbeat(1, MemberState::Serving)).await.expect("shown");
    // It says itself when it started, and what it is by now.
    let started_at = Some(Timestamp::from_ms(5));
    let later = Heartbeat { started_at, ..heartbeat(2, MemberState::Leaving) };
    let both = journal.show(&later).await.expect("shown");
    let seen: Vec<_> =
        both.members.iter().map(|m| (m.id, m.state, m.started_at.as_ms() == 5)).collect();
    let expected =
        [(ServerId(1), MemberState::Serving, false), (ServerId(2), MemberState::Leaving, true)];
    assert_eq!(seen, expected);
    journal.hide(ServerId(1)).await.expect("hidden");
    let left = journal.show(&later).await.expect("shown");
    assert_eq!(left.members.iter().map(|m| m.id).collect::<Vec<_>>(), [ServerId(2)]);
}
