//! What a narrowed credential finds and what doesn't exist for it (S4, S2), through gRPC: reads, lists, pages, and streams that
//! go on with another credential (W10). What it may change is in the scenarios; what its streams carry in `narrowed_mirrors`.

use baton::pb;
use pb::watch_response::Frame;
use tonic::Code;

use super::site::{Site, into_queue, opening, queue, routed_org, to_queue};
use super::stream::{Stream, request, touched};
use super::vendor::partner_org;
use super::world::{Caller, House, org, refusal, to_rep};

const QUEUES: &str = "baton-queues";
const CHANNELS: &str = "baton-channels";

/// What isn't there.
fn missing() -> (Code, String) {
    (Code::NotFound, "NOT_FOUND".into())
}

/// A supervisor who sees some queues alone.
fn of_queues(house: &House, queues: &str) -> Caller {
    house.limited("supervisor", "sue", &[(QUEUES, queues)])
}

/// A session of each queue, active: ana has that of billing, cleo that of care.
async fn two_sessions(house: &House) -> [pb::Session; 2] {
    let mut admin = house.admin();
    let mut sessions = Vec::new();
    for (reference, queue, rep) in [("c-1", "billing", "ana"), ("c-2", "care", "cleo")] {
        admin.arrive(rep).await;
        let (session, _) = admin.enqueue(reference, queue).await;
        let work = session.offer.as_ref().expect("it is offered").work.clone();
        house.rep(rep).take(&work).await.expect("it is theirs");
        sessions.push(admin.session(&session.id).await);
    }
    sessions.try_into().expect("two")
}

async fn sessions_of(caller: &mut Caller) -> Vec<String> {
    let request = pb::ListSessionsRequest { page_size: 500, ..Default::default() };
    let sessions = caller.sessions.list_sessions(request).await.expect("a list").into_inner();
    sessions.sessions.into_iter().map(|session| session.id).collect()
}

async fn queues_of(caller: &mut Caller) -> Vec<String> {
    let list = pb::ListQueueStatesRequest::default();
    let states = caller.watches.list_queue_states(list).await.expect("a list").into_inner();
    states.queue_states.into_iter().map(|state| state.queue).collect()
}

async fn reps_of(caller: &mut Caller, queue: &str) -> Vec<String> {
    let list = pb::ListRepPresencesRequest { queue: queue.into(), ..Default::default() };
    let reps = caller.presence.list_rep_presences(list).await.expect("a list").into_inner();
    reps.rep_presences.into_iter().map(|live| live.rep).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_a_narrowed_supervisor_reads_its_queues_and_nothing_else() {
    let site = Site::in_memory().await;
    site.a.admin().configure(routed_org()).await;
    let [billing, care] = two_sessions(&site.a).await;
    let mut sue = of_queues(&site.a, "care");
    assert_eq!(sessions_of(&mut sue).await, std::slice::from_ref(&care.id));
    assert_eq!(queues_of(&mut sue).await, ["care"]);
    assert_eq!(reps_of(&mut sue, "").await, ["cleo"]);
    assert_eq!(reps_of(&mut sue, "billing").await, Vec::<String>::new());
    assert_eq!(sue.session(&care.id).await.id, care.id);
    let which = |id: &str| pb::GetSessionRequest {
        which: Some(pb::get_session_request::Which::Session(id.to_owned())),
        ..Default::default()
    };
    assert_eq!(refusal(sue.sessions.get_session(which(&billing.id)).await), missing());
    let story = pb::GetSessionHistoryRequest { session: billing.id.clone(), ..Default::default() };
    assert_eq!(refusal(sue.sessions.get_session_history(story).await), missing());
    let state =
        |queue: &str| pb::GetQueueStateRequest { queue: queue.into(), ..Default::default() };
    sue.watches.get_queue_state(state("care")).await.expect("its own");
    assert_eq!(refusal(sue.watches.get_queue_state(state("billing")).await), missing());
    let work = pb::ListWorkRequest { page_size: 500, ..Default::default() };
    let work = sue.work.list_work(work).await.expect("a list").into_inner().work;
    assert_eq!(work.iter().map(|work| &work.session).collect::<Vec<_>>(), [&care.id]);
    let presence = |rep: &str| pb::GetRepPresenceRequest { rep: rep.into(), ..Default::default() };
    sue.presence.get_rep_presence(presence("cleo")).await.expect("a member");
    for hidden in ["ana", "nobody"] {
        assert_eq!(refusal(sue.presence.get_rep_presence(presence(hidden)).await), missing());
    }
    let end = pb::EndSessionRequest { session: billing.id.clone(), ..Default::default() };
    assert_eq!(refusal(sue.sessions.end_session(end).await), missing());
    assert_eq!(refusal(sue.hand_on(&care.id, to_queue("billing")).await), missing());
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_the_directory_shows_its_queues_their_reps_and_its_channels() {
    let site = Site::in_memory().await;
    let mut directory = routed_org();
    let spare = pb::Channel { id: "spare".into(), ..directory.channels[0].clone() };
    directory.channels.push(spare);
    site.a.admin().configure(directory).await;
    let callers = [
        (of_queues(&site.a, "care"), (vec!["care"], vec!["cleo"], vec!["spare", "wa"])),
        (
            site.a.limited("dashboard", "wall", &[(CHANNELS, "wa")]),
            (vec!["billing", "care"], vec!["ana", "ben", "cleo"], vec!["wa"]),
        ),
        (
            site.a.limited("dashboard", "wall", &[(CHANNELS, "wa"), (QUEUES, "billing care")]),
            (vec!["billing", "care"], vec!["ana", "ben", "cleo"], vec!["wa"]),
        ),
    ];
    for (mut caller, (queues, reps, channels)) in callers {
        let all = caller.directory.get_directory(pb::GetDirectoryRequest::default()).await;
        let all = all.expect("it may be read").into_inner().directory.expect("a directory");
        assert_eq!(all.queues.iter().map(|q| &q.id).collect::<Vec<_>>(), queues);
        assert_eq!(all.reps.iter().map(|r| &r.id).collect::<Vec<_>>(), reps);
        assert_eq!(all.channels.iter().map(|c| &c.id).collect::<Vec<_>>(), channels);
        assert_eq!(all.profiles.len(), 1, "the rest is everybody's");
        let list = caller.directory.list_queues(pb::ListQueuesRequest::default()).await;
        let list = list.expect("a list").into_inner().queues;
        assert_eq!(list.iter().map(|q| &q.id).collect::<Vec<_>>(), queues);
        let get = |id: &str| pb::GetRepRequest { id: id.into(), ..Default::default() };
        let found = caller.directory.get_rep(get("ana")).await;
        assert_eq!(found.is_ok(), reps.contains(&"ana"), "{found:?}");
        let upsert =
            pb::UpsertQueueRequest { queue: Some(queue("care", &["ana"])), ..Default::default() };
        let refused = caller.directory.upsert_queue(upsert).await;
        assert_eq!(refusal(refused).0, Code::PermissionDenied);
        let draft = pb::test_flow_request::Flow::Draft(pb::Flow::default());
        let test = pb::TestFlowRequest { flow: Some(draft), ..Default::default() };
        let refused = caller.directory.test_flow(test).await;
        assert_eq!(refusal(refused).0, Code::PermissionDenied);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_it_chooses_among_what_it_sees_and_is_told_nothing_of_the_rest() {
    let site = Site::in_memory().await;
    site.a.admin().configure(routed_org()).await;
    let [_, care] = two_sessions(&site.a).await;
    let mut sue = of_queues(&site.a, "care");
    for (kind, expected) in
        [(pb::RecipientType::Rep, vec!["cleo"]), (pb::RecipientType::Queue, vec!["care"])]
    {
        let about = Some(pb::list_recipients_request::About::Session(care.id.clone()));
        let list = pb::ListRecipientsRequest { r#type: kind.into(), about, ..Default::default() };
        let list = sue.transfers.list_recipients(list).await.expect("a list").into_inner();
        let ids: Vec<_> = list
            .entries
            .into_iter()
            .filter_map(|entry| match entry.entry? {
                pb::recipient_entry::Entry::Rep(rep) => Some(rep.rep),
                pb::recipient_entry::Entry::Queue(queue) => Some(queue.queue),
                _ => None,
            })
            .collect();
        assert_eq!(ids, expected, "{kind:?}");
    }
    for hidden in [to_rep("ana"), to_rep("nobody"), to_queue("billing"), to_queue("nowhere")] {
        let quote = pb::QuoteTransferRequest {
            session: care.id.clone(),
            recipient: Some(hidden.clone()),
            ..Default::default()
        };
        assert_eq!(refusal(sue.transfers.quote_transfer(quote).await), missing());
        let about = Some(pb::explain_recipient_request::About::Session(care.id.clone()));
        let explain =
            pb::ExplainRecipientRequest { recipient: Some(hidden), about, ..Default::default() };
        assert_eq!(refusal(sue.transfers.explain_recipient(explain).await), missing());
    }
}

/// C7: of a rep who is in two queues the work of the other one is weight and reason alone, and the sum is right.
#[tokio::test(flavor = "multi_thread")]
async fn s4_c7_work_that_it_does_not_see_is_a_line_of_weight_alone() {
    let site = Site::in_memory().await;
    let mut directory = routed_org();
    directory.queues[1] = queue("care", &["ana"]);
    let mut admin = site.a.admin();
    admin.configure(directory).await;
    admin.arrive("ana").await;
    let (_, _) = admin.enqueue("c-1", "billing").await;
    let (care, _) = admin.enqueue("c-2", "care").await;
    let mut sue = of_queues(&site.a, "care");
    let explain = pb::ExplainCapacityRequest { rep: "ana".into(), ..Default::default() };
    let told = sue.presence.explain_capacity(explain).await.expect("she is seen").into_inner();
    let told = told.explanation.expect("an explanation");
    let sessions: Vec<_> = told.lines.iter().map(|line| line.session.as_str()).collect();
    assert_eq!(sessions.iter().filter(|id| id.is_empty()).count(), 1, "{sessions:?}");
    assert!(sessions.contains(&care.id.as_str()), "{sessions:?}");
    let sum: i64 = told.lines.iter().map(|line| line.holds_centi_units).sum();
    assert_eq!(sum, told.used_centi_units);
}

/// T21: what was answered once is answered again, though the session has left what the caller sees.
#[tokio::test(flavor = "multi_thread")]
async fn s4_t21_a_repetition_is_answered_as_before_though_the_session_has_left() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(routed_org()).await;
    let [billing, _] = two_sessions(&site.a).await;
    let mut both = of_queues(&site.a, "billing care");
    let handed = both.hand_on(&billing.id, to_queue("care")).await.expect("both are seen");
    let transfer = handed.transfer.expect("a transfer");
    let accept = pb::AcceptTransferRequest {
        transfer: transfer.id.clone(),
        rep: transfer.rep.clone(),
        request_id: "once".into(),
        ..Default::default()
    };
    let mut sue = of_queues(&site.a, "billing");
    let first = sue.transfers.accept_transfer(accept.clone()).await.expect("it is seen");
    let again = sue.transfers.accept_transfer(accept.clone()).await.expect("it was done");
    assert_eq!(first.into_inner().revision, again.into_inner().revision);
    let other = pb::AcceptTransferRequest { request_id: "twice".into(), ..accept };
    assert_eq!(refusal(sue.transfers.accept_transfer(other).await), missing());
    let get = pb::GetTransferRequest { transfer: transfer.id, ..Default::default() };
    assert_eq!(refusal(sue.transfers.get_transfer(get).await), missing());
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_n3_what_partners_are_asked_goes_by_its_session() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(partner_org()).await;
    let (in_line, _) = admin.bring("ccaas", "c-1").await;
    let vips =
        pb::OpenSessionRequest { channel: "ccaas".into(), ..opening("c-2", into_queue("vips")) };
    let in_queue = admin.open_with(vips).await.expect("it may be opened").session.expect("one");
    let get = |id: &str| pb::GetRoutingRequestRequest {
        routing_request: id.to_owned(),
        ..Default::default()
    };
    for role in ["partner", "supervisor"] {
        let name = if role == "partner" { "acme" } else { "sue" };
        let mut caller = site.a.limited(role, name, &[(QUEUES, "vips")]);
        let asked: Vec<_> = caller.routings().await.into_iter().map(|a| a.session).collect();
        assert_eq!(asked, std::slice::from_ref(&in_queue.id), "{role}");
        caller.partners.get_routing_request(get(&in_queue.routing_request)).await.expect("seen");
        let hidden = caller.partners.get_routing_request(get(&in_line.routing_request)).await;
        assert_eq!(refusal(hidden), missing(), "{role}");
    }
}

/// A page token is of who saw the page before.
#[tokio::test(flavor = "multi_thread")]
async fn s4_a_page_goes_on_for_whoever_sees_the_same() {
    let site = Site::in_memory().await;
    site.a.admin().configure(routed_org()).await;
    let page = |token: &str| pb::ListRepPresencesRequest {
        page_size: 1,
        page_token: token.to_owned(),
        ..Default::default()
    };
    let mut sue = of_queues(&site.a, "billing");
    let first = sue.presence.list_rep_presences(page("")).await.expect("a page").into_inner();
    let token = first.next_page_token;
    sue.presence.list_rep_presences(page(&token)).await.expect("the next one");
    for mut other in [of_queues(&site.a, "care"), site.a.caller("supervisor", "sue")] {
        let refused = other.presence.list_rep_presences(page(&token)).await;
        assert_eq!(refusal(refused), (Code::InvalidArgument, "INVALID_TOKEN".into()));
    }
}

/// W10: a next credential that sees something else starts from a snapshot, and says why; the same one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn w10_a_stream_goes_on_with_another_credential_from_a_snapshot_of_what_that_sees() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(routed_org()).await;
    let [_, care] = two_sessions(&site.a).await;
    let kinds = [pb::WatchKind::Session];
    let mut all = site.a.caller("supervisor", "sue");
    let (stream, objects, _) = Stream::synced(&mut all, request(&kinds)).await;
    assert_eq!(objects.len(), 2);
    let resume = |token: &str| pb::WatchRequest { resume_token: token.into(), ..request(&kinds) };
    let (narrowed, plain) = (of_queues(&site.a, "care"), site.a.caller("supervisor", "sam"));
    let blind = site.a.limited("supervisor", "sue", &[("baton-scopes", "sessions")]);
    for (mut caller, reset) in [(narrowed.clone(), true), (blind, true), (plain, false)] {
        let mut next = Stream::open(&mut caller, resume(&stream.token)).await.expect("it goes on");
        let Frame::Started(started) = next.news().await else { panic!("it starts") };
        let mode = if reset { pb::StartMode::Resnapshot } else { pb::StartMode::Resumed };
        assert_eq!(started.mode(), mode);
        if reset {
            let Frame::Reset(why) = next.news().await else { panic!("it says why") };
            assert_eq!(why.reason(), pb::ResetReason::ScopeChanged);
        }
    }
    let mut narrowed = narrowed;
    let mut next = Stream::open(&mut narrowed, resume(&stream.token)).await.expect("it goes on");
    let (objects, _) = next.snapshot().await;
    assert_eq!(objects.len(), 1, "{objects:?}");
    // From there on it is its own stream.
    let mut again = Stream::open(&mut narrowed, resume(&next.token)).await.expect("it goes on");
    let Frame::Started(started) = again.news().await else { panic!("it starts") };
    assert_eq!(started.mode(), pb::StartMode::Resumed);
    let ended = admin.end(&care.id).await;
    let seen = again.up_to(ended).await;
    assert_eq!(touched(seen.last().expect("a change")), [("session", care.id.clone())]);
    let strict = pb::WatchRequest {
        resume_policy: pb::ResumePolicy::Strict.into(),
        ..resume(&stream.token)
    };
    let refused = narrowed.watches.watch(strict).await;
    assert_eq!(refusal(refused), (Code::OutOfRange, "RESUME_NOT_POSSIBLE".into()));
    let other_question = pb::WatchRequest {
        resume_token: stream.token.clone(),
        ..request(&[pb::WatchKind::Transfer])
    };
    let refused = narrowed.watches.watch(other_question).await;
    assert_eq!(refusal(refused), (Code::InvalidArgument, "INVALID_TOKEN".into()));
}

/// A rep's own client narrowed to a queue that they aren't a member of still finds itself.
#[tokio::test]
async fn s4_a_rep_sees_itself_whatever_it_is_narrowed_to() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(org()).await;
    admin.configure(routed_org()).await;
    let mut ana = site.a.limited("rep", "ana", &[(QUEUES, "care")]);
    let presence = ana.sign_in("ana").await;
    let renew = pb::KeepAliveRequest { presences: vec![presence] };
    let renewed = ana.presence.keep_alive(renew).await.expect("hers").into_inner();
    assert_eq!(renewed.results[0].verdict(), pb::KeepAliveVerdict::Renewed);
    assert_eq!(reps_of(&mut ana, "").await, ["ana", "cleo"]);
    let ben = site.a.rep("ben").sign_in("ben").await;
    let renew = pb::KeepAliveRequest { presences: vec![ben] };
    let sue = of_queues(&site.a, "care").presence.keep_alive(renew).await;
    let refused = sue.expect("a verdict for each").into_inner();
    assert_eq!(refused.results[0].verdict(), pb::KeepAliveVerdict::NotFound);
}
