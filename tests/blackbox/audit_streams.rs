//! Streams of the audit (S3): they resume anywhere without loss or repetition, and say what they can't tell.

use baton::pb;
use pb::watch_audit_response::Frame;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tonic::Code;

use super::audited::{
    AuditStream, after, following, frames, listed, records, revisions, streamed, without_token,
};
use super::site::{Site, seconds};
use super::watching::{changes, forgetful};
use super::world::{House, refusal};

/// Random cuts at random servers while changes go on: what the pieces have is the history.
#[tokio::test]
async fn s3_an_audit_that_is_cut_anywhere_goes_on_at_any_server_without_loss_or_repetition() {
    let seed: u64 = rand::random();
    let mut dice = StdRng::seed_from_u64(seed);
    for site in [Site::in_memory().await, Site::on_redis().await] {
        let mut admin = site.a.admin();
        admin.apply().await;
        admin.sign_in("ana").await;
        let (mut pieces, mut token, mut cuts) = (Vec::new(), String::new(), 0);
        let mut last = changes(&mut admin, 30).await;
        while cuts < 40 || token.is_empty() {
            if cuts % 4 == 0 {
                last = changes(&mut admin, dice.random_range(1..4)).await;
            }
            let house = if dice.random() { &site.a } else { site.b() };
            let request = pb::WatchAuditRequest { follow: true, ..after(&token) };
            let mut stream =
                AuditStream::open(&mut house.admin(), request).await.expect("any server resumes");
            let until = pieces.last().map_or(0, |record: &pb::AuditRecord| record.revision);
            let until = (until + dice.random_range(1..6)).min(last);
            if pieces.last().is_none_or(|record| record.revision < until) {
                // As many as the reader took; what else came with them is lost with the connection.
                pieces.extend(stream.until(|record| record.revision >= until).await);
                token = pieces.last().expect("some").resume_token.clone();
            }
            cuts += 1;
        }
        pieces.extend(tail(&site, &token).await);
        let pieces: Vec<_> = pieces.iter().map(without_token).collect();
        let whole = streamed(&mut site.a.admin()).await;
        assert_eq!(revisions(&whole), (1..=last).collect::<Vec<_>>(), "seed {seed}");
        assert_eq!(pieces, whole, "{} with seed {seed}", site.name());
    }
}

/// What comes after a token at the other server, up to the newest.
async fn tail(site: &Site, token: &str) -> Vec<pb::AuditRecord> {
    records(&frames(&mut site.b().admin(), after(token)).await)
}

#[tokio::test]
async fn s3_what_was_trimmed_is_said_and_the_rest_is_told() {
    let house = House::over(forgetful(4, 16)).await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    let mut stream = AuditStream::open(&mut admin, following()).await.expect("an admin may");
    stream.until(|record| record.revision == 2).await;
    let token = stream.token.clone();
    drop(stream);
    let last = changes(&mut admin, 100).await;
    for (request, read) in [(after(&token), 2), (pb::WatchAuditRequest::default(), 0)] {
        let told = frames(&mut admin, request).await;
        let gaps: Vec<_> = told
            .iter()
            .filter_map(|frame| match frame {
                Frame::Gap(gap) => Some(*gap),
                _ => None,
            })
            .collect();
        let [gap] = gaps.as_slice() else { panic!("one gap: {told:?}") };
        assert_eq!(gap.after_revision, read);
        assert!(gap.before_revision > 80, "{gap:?}");
        let kept = revisions(&records(&told));
        assert_eq!(kept, (gap.before_revision..=last).collect::<Vec<_>>());
        let at = |wanted: fn(&Frame) -> bool| told.iter().position(wanted);
        assert!(
            at(|frame| matches!(frame, Frame::Gap(_)))
                < at(|frame| matches!(frame, Frame::Records(_))),
            "before what follows it"
        );
        for newest_first in [false, true] {
            let request =
                pb::ListAuditRecordsRequest { page_size: 5, newest_first, ..Default::default() };
            let (mut pages, gaps) = listed(&mut admin, request).await;
            if newest_first {
                pages.reverse();
            }
            assert_eq!(revisions(&pages), kept);
            let said = pb::AuditGap { after_revision: 0, before_revision: gap.before_revision };
            assert_eq!(gaps, [said], "newest first: {newest_first}");
        }
    }
}

/// Pages of which the journal trims some between two: the next one says so.
#[tokio::test]
async fn s3_a_page_says_what_was_trimmed_since_the_one_before() {
    let house = House::over(forgetful(4, 16)).await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    let request = pb::ListAuditRecordsRequest { page_size: 1, ..Default::default() };
    let first = admin.audits.list_audit_records(request.clone()).await.expect("it may");
    let first = first.into_inner();
    assert_eq!((revisions(&first.records), first.gap), (vec![1], None));
    changes(&mut admin, 100).await;
    let next = pb::ListAuditRecordsRequest { page_token: first.next_page_token, ..request };
    let next = admin.audits.list_audit_records(next).await.expect("it may").into_inner();
    let gap = next.gap.expect("much is missing");
    assert_eq!(gap.after_revision, 1);
    assert_eq!(revisions(&next.records), [gap.before_revision]);
}

/// A store that lost what was told: here another server with a history of its own, and the same key.
#[tokio::test]
async fn s3_another_history_is_said_and_told_from_its_beginning() {
    let (one, other) = (House::new().await, House::new().await);
    let mut admin = one.admin();
    admin.apply().await;
    let mut stream = AuditStream::open(&mut admin, following()).await.expect("an admin may");
    stream.until(|record| record.revision == 1).await;
    let mut elsewhere = other.admin();
    elsewhere.apply().await;
    elsewhere.sign_in("ana").await;
    let told = frames(&mut elsewhere, after(&stream.token)).await;
    let [
        Frame::Started(_),
        Frame::HistoryChanged(changed),
        Frame::Records(_),
        Frame::CaughtUp(end),
    ] = told.as_slice()
    else {
        panic!("{told:?}")
    };
    assert_eq!((changed.first_revision, end.revision), (1, 2));
    assert_eq!(revisions(&records(&told)), [1, 2]);
}

#[tokio::test]
async fn s3_w7_the_last_frame_of_a_server_that_goes_is_closing() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    let mut stream = AuditStream::open(&mut admin, following()).await.expect("an admin may");
    stream.until(|record| record.revision == 1).await;
    let House { server, .. } = house;
    let (stopped, last) = tokio::join!(server.stop(), async {
        let mut last = None;
        while let Some(frame) = stream.frame().await {
            last = Some(frame);
        }
        last
    });
    stopped.expect("it ends");
    let Some(Frame::Closing(closing)) = last else { panic!("{last:?}") };
    assert_eq!(closing.action(), pb::ClosingAction::Resume);
}

/// Whether a filter lets a record pass.
type Passes<'a> = &'a dyn Fn(&pb::AuditRecord) -> bool;

/// Every filter, alone, against what it says; then what a stream left out isn't there after its token, either.
#[tokio::test]
async fn s3_filters_hold_for_streams_and_lists_and_a_token_goes_past_what_they_leave_out() {
    let site = Site::on_redis().await;
    let mut admin = site.a.admin();
    admin.apply().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let session = admin.live_session(&site.a, "c-1", "ana").await;
    site.a.caller("supervisor", "sue").transfer(&session, "ben", "").await.expect("for ana");
    let whole = streamed(&mut admin).await;
    let is_session = |record: &pb::AuditRecord| {
        record.changes.iter().any(|it| it.kind() == pb::AuditKind::Session && it.id == session)
    };
    let session = session.clone();
    let filters: [(pb::AuditFilter, Passes<'_>); 6] = [
        (pb::AuditFilter { actor: "sue".into(), ..Default::default() }, &|record| {
            record.actor.as_ref().is_some_and(|actor| actor.id == "sue")
        }),
        (pb::AuditFilter { role: pb::Role::Rep.into(), ..Default::default() }, &|record| {
            record.actor.as_ref().is_some_and(|actor| actor.role() == pb::Role::Rep)
        }),
        (
            pb::AuditFilter { rpc: "baton.v1.WorkService/AcceptWork".into(), ..Default::default() },
            &|record| record.rpc == "baton.v1.WorkService/AcceptWork",
        ),
        (pb::AuditFilter { on_behalf_of: "ben".into(), ..Default::default() }, &|record| {
            record.on_behalf_of == "ben"
        }),
        (
            pb::AuditFilter {
                kind: pb::AuditKind::Session.into(),
                id: session.clone(),
                ..Default::default()
            },
            &is_session,
        ),
        (pb::AuditFilter { credential: "key:x".into(), ..Default::default() }, &|_| false),
    ];
    for (filter, passes) in filters {
        let wanted: Vec<_> = whole.iter().filter(|record| passes(record)).cloned().collect();
        assert_eq!(wanted.is_empty(), !filter.credential.is_empty(), "{filter:?}");
        let filter = Some(filter);
        let request = pb::WatchAuditRequest { filter: filter.clone(), ..Default::default() };
        let mut stream =
            AuditStream::open(&mut site.b().admin(), request.clone()).await.expect("it may");
        let mut told = Vec::new();
        while let Some(frame) = stream.frame().await {
            told.push(frame);
        }
        assert_eq!(records(&told), wanted, "{filter:?}");
        let request = pb::WatchAuditRequest { resume_token: stream.token, ..request };
        let again = frames(&mut admin, request).await;
        let Some(Frame::Started(started)) = again.first() else { panic!("{again:?}") };
        assert_eq!(started.after_revision, whole.last().expect("some").revision, "{filter:?}");
        let pages = pb::ListAuditRecordsRequest { page_size: 1, filter, ..Default::default() };
        assert_eq!(listed(&mut site.b().admin(), pages).await.0, wanted);
    }
}

#[tokio::test]
async fn s3_an_audit_begins_where_it_is_asked_to() {
    let house = House::over(forgetful(4, 10_000)).await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    let last = changes(&mut admin, 40).await;
    let whole = streamed(&mut admin).await;
    let order = |time: Option<prost_types::Timestamp>| time.map(|t| (t.seconds, t.nanos));
    for record in whole.iter().step_by(7) {
        let from = |at: &pb::AuditRecord| order(at.time) >= order(record.time);
        let (since, before): (Vec<_>, Vec<_>) = whole.iter().cloned().partition(from);
        let request = pb::WatchAuditRequest { from_time: record.time, ..Default::default() };
        assert_eq!(records(&frames(&mut admin, request).await), since);
        for newest_first in [false, true] {
            let request = pb::ListAuditRecordsRequest { newest_first, ..Default::default() };
            let from = pb::ListAuditRecordsRequest { from_time: record.time, ..request.clone() };
            let to = pb::ListAuditRecordsRequest { to_time: record.time, ..request };
            for (request, wanted) in [(from, &since), (to, &before)] {
                let (mut found, gaps) = listed(&mut admin, request).await;
                if newest_first {
                    found.reverse();
                }
                assert_eq!((&found, gaps.len()), (wanted, 0), "newest first: {newest_first}");
            }
        }
    }
    let live = pb::WatchAuditRequest { live_only: true, ..following() };
    let mut stream = AuditStream::open(&mut admin, live).await.expect("it may");
    let Some(Frame::Started(started)) = stream.frame().await else { panic!("no start") };
    assert_eq!(started.after_revision, last);
    let next = changes(&mut admin, 1).await;
    assert_eq!(revisions(&stream.until(|_| true).await), [next]);
}

/// A stream whose filter lets nothing pass still says how far it has come.
#[tokio::test]
async fn s3_a_quiet_audit_carries_heartbeats() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    let filter = Some(pb::AuditFilter { actor: "nobody".into(), ..Default::default() });
    let request = pb::WatchAuditRequest { filter, heartbeat_interval: seconds(1), ..following() };
    let mut stream = AuditStream::open(&mut admin, request.clone()).await.expect("it may");
    let last = changes(&mut admin, 10).await;
    loop {
        match stream.frame().await.expect("it goes on") {
            Frame::Heartbeat(beat) if beat.revision == last => break,
            Frame::Records(records) => panic!("nobody's: {records:?}"),
            _ => {}
        }
    }
    let resumed = pb::WatchAuditRequest { resume_token: stream.token, follow: false, ..request };
    let again = frames(&mut admin, resumed).await;
    let Some(Frame::Started(started)) = again.first() else { panic!("{again:?}") };
    assert_eq!(started.after_revision, last);
}

#[tokio::test]
async fn d4_d1_what_cannot_be_asked_is_refused_field_by_field() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    let moment = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let filter = pb::AuditFilter {
        actor: "a b".into(),
        role: 99,
        credential: "x".repeat(161),
        rpc: "x\u{7}".into(),
        id: "s".into(),
        kind: 0,
        on_behalf_of: "ä".repeat(200),
    };
    let list = pb::ListAuditRecordsRequest {
        page_size: 501,
        filter: Some(filter.clone()),
        from_time: moment(10),
        to_time: moment(9),
        ..Default::default()
    };
    let refused = admin.audits.list_audit_records(list).await;
    assert_eq!(refusal(refused), (Code::InvalidArgument, "INVALID_FIELD".into()));
    let watch = pb::WatchAuditRequest {
        filter: Some(filter),
        resume_token: "00".into(),
        live_only: true,
        from_time: moment(i64::MAX),
        heartbeat_interval: seconds(0),
        ..Default::default()
    };
    let refused = admin.audits.watch_audit(watch).await.map(|_| ());
    assert_eq!(refusal(refused), (Code::InvalidArgument, "INVALID_FIELD".into()));
    let mut stream = AuditStream::open(&mut admin, following()).await.expect("an admin may");
    stream.until(|_| true).await;
    let filter = pb::AuditFilter { actor: "root".into(), ..Default::default() };
    let other = pb::WatchAuditRequest { filter: Some(filter), ..after(&stream.token) };
    let mut altered = stream.token.clone();
    let last = if altered.ends_with('0') { "1" } else { "0" };
    altered.replace_range(altered.len() - 1.., last);
    for request in [other, after(&altered), after("x"), after(&"0".repeat(10_000))] {
        let refused = AuditStream::open(&mut admin, request).await.map(|_| ());
        assert_eq!(refusal(refused), (Code::InvalidArgument, "INVALID_TOKEN".into()));
    }
}
