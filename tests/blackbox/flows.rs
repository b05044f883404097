//! Flows over the API (R8, R10, T11): saved, tried out, run by a new session and by a transfer, with
//! their traces.

use std::collections::BTreeMap;

use baton::pb;
use pb::flow_decision::Target as To;
use pb::open_session_request::Target;
use pb::test_flow_request::Flow as Tried;
use tonic::{Code, Status};

use super::site::{Site, decide, level, opening, rule, to_flow};
use super::world::{Caller, refusal};

const GOLD: &str = "session.attributes.tier == \"gold\"";
const BUSY: &str = "queues.billing.length > 0 || !time.open";

/// Gold customers go to `care` with a better priority; when `billing` has a line, so do the others.
fn triage() -> pb::Flow {
    let gold = pb::FlowDecision {
        set_attributes: [("routed".into(), "gold".into())].into(),
        set_priority: Some(1),
        ..decide("care")
    };
    pb::Flow {
        id: "triage".into(),
        name: "Triage".into(),
        rules: vec![rule("gold", GOLD, gold), rule("busy", BUSY, decide("care"))],
        fallback: Some(decide("billing")),
    }
}

async fn save(caller: &mut Caller, flow: pb::Flow) -> Result<i64, Status> {
    let request = pb::UpsertFlowRequest { flow: Some(flow), ..Default::default() };
    caller.directory.upsert_flow(request).await.map(|saved| saved.into_inner().revision)
}

fn gold() -> BTreeMap<String, String> {
    [("tier".to_owned(), "gold".to_owned())].into()
}

async fn test(caller: &mut Caller, flow: Tried, facts: pb::FlowFacts) -> pb::FlowTrace {
    let facts = Some(pb::FlowFacts { channel: "wa".into(), ..facts });
    let request = pb::TestFlowRequest { flow: Some(flow), facts, ..Default::default() };
    let tried = caller.directory.test_flow(request).await.expect("it can be tried");
    tried.into_inner().trace.expect("a trace")
}

/// The steps of a trace: the name of each rule, and whether it matched.
fn steps(trace: &pb::FlowTrace) -> Vec<(&str, bool)> {
    trace.steps.iter().map(|step| (step.name.as_str(), step.matched)).collect()
}

fn goes_to(trace: &pb::FlowTrace) -> Option<To> {
    trace.decision.clone().and_then(|decision| decision.target)
}

#[tokio::test]
async fn r8_a_flow_is_tried_out_with_its_trace_and_nothing_changes() {
    for site in Site::each().await {
        let (mut admin, mut other) = (site.a.admin(), site.b().admin());
        let saved = save(&mut admin, triage()).await.expect("it is right");
        let known = pb::GetFlowRequest { id: "triage".into(), at_least_revision: saved };
        let known = other.directory.get_flow(known).await.expect("there, too").into_inner();
        assert_eq!(known.flow, Some(triage()));
        let tried = || Tried::Id("triage".into());

        let facts = pb::FlowFacts { attributes: gold(), priority: 7, ..Default::default() };
        let trace = test(&mut other, tried(), facts).await;
        assert_eq!(steps(&trace), [("gold", true)]);
        let decision = trace.decision.clone().expect("a decision");
        assert_eq!(decision.target, Some(To::Queue("care".into())));
        assert_eq!(decision.set_priority, Some(1));
        assert_eq!(trace.attributes.get("routed").map(String::as_str), Some("gold"));
        assert_eq!(trace.attributes.get("tier").map(String::as_str), Some("gold"));

        let trace = test(&mut other, tried(), pb::FlowFacts::default()).await;
        assert_eq!(steps(&trace), [("gold", false), ("busy", false), ("", true)]);
        assert_eq!(goes_to(&trace), Some(To::Queue("billing".into())));
        assert!(trace.steps[0].why.contains("tier"), "{}", trace.steps[0].why);
        assert!(trace.steps[1].why.contains("length"), "{}", trace.steps[1].why);
        assert_eq!(
            trace.steps.iter().map(|s| s.rule).collect::<Vec<_>>(),
            [Some(0), Some(1), None]
        );

        let long = pb::QueueFacts { queue: "billing".into(), length: 3, ..Default::default() };
        let facts = pb::FlowFacts { queues: vec![long], ..Default::default() };
        let trace = test(&mut other, tried(), facts).await;
        assert_eq!(steps(&trace), [("gold", false), ("busy", true)], "as it shall be taken to be");

        let draft = pb::Flow { id: String::new(), rules: Vec::new(), ..triage() };
        let trace = test(&mut other, Tried::Draft(draft), pb::FlowFacts::default()).await;
        assert_eq!(goes_to(&trace), Some(To::Queue("billing".into())));
        let head = other.directory.get_directory(pb::GetDirectoryRequest::default()).await;
        assert_eq!(head.expect("it is there").into_inner().revision, saved, "nothing changed");
    }
}

#[tokio::test]
async fn r8_the_time_is_the_orgs() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    let mut directory = super::site::routed_org();
    let settings = directory.settings.get_or_insert_default();
    settings.time_zone = "Europe/Berlin".into();
    let monday = pb::BusinessHours { weekday: 1, from_minute: 540, to_minute: 1_020 };
    settings.business_hours = vec![monday];
    admin.configure(directory).await;
    let draft = pb::Flow {
        id: "hours".into(),
        rules: vec![rule("open", "time.open && time.hour == 9", decide("billing"))],
        fallback: Some(decide("care")),
        ..Default::default()
    };
    // Monday, 5 January 2026, 08:00 and 07:59:59 in London.
    for (at, to) in [(1_767_600_000, "billing"), (1_767_599_999, "care")] {
        let time = Some(prost_types::Timestamp { seconds: at, nanos: 0 });
        let facts = pb::FlowFacts { time, ..Default::default() };
        let trace = test(&mut admin, Tried::Draft(draft.clone()), facts).await;
        assert_eq!(goes_to(&trace), Some(To::Queue(to.into())), "{}", trace.steps[0].why);
    }
    // What is no moment is refused (D1, D4).
    for seconds in [i64::MIN, i64::MAX] {
        let time = Some(prost_types::Timestamp { seconds, nanos: i32::MIN });
        let facts = pb::FlowFacts { channel: "wa".into(), time, ..Default::default() };
        let flow = Some(Tried::Draft(draft.clone()));
        let request = pb::TestFlowRequest { flow, facts: Some(facts), ..Default::default() };
        let status = admin.directory.test_flow(request).await.expect_err("it is no moment");
        assert!(status.message().starts_with("facts.time"), "{status}");
    }
}

#[tokio::test]
async fn r8_r10_a_session_opened_into_a_flow_goes_where_it_decides() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        save(&mut admin, triage()).await.expect("it is right");
        site.b().admin().arrive("cleo").await;
        let target = || Target::Flow("triage".into());
        let request = pb::OpenSessionRequest { attributes: gold(), ..opening("c-1", target()) };
        let session = site.b().caller("adapter", "wa").open_with(request).await.expect("R10");
        let session = session.session.expect("a session");
        assert_eq!(session.offer.as_ref().map(|offer| &*offer.rep), Some("cleo"), "in care");
        assert_eq!(session.priority, 1);
        assert_eq!(session.attributes.get("routed").map(String::as_str), Some("gold"));
        let trace = session.flow_trace.clone().expect("R8: it says why");
        assert_eq!(steps(&trace), [("gold", true)]);
        assert_eq!(trace.steps[0].flow, "triage");

        // The flow sees the queues as they are: the first of these makes a line, so the second goes
        // elsewhere.
        let lines = ["c-2", "c-3"].map(|reference| opening(reference, target()));
        let mut went = Vec::new();
        for request in lines {
            let session = admin.open_with(request).await.expect("R10").session.expect("one");
            let names = session
                .flow_trace
                .as_ref()
                .map(|t| t.steps.iter().map(|s| s.name.clone()).collect::<Vec<_>>().join(" "));
            went.push((session.state(), names.unwrap_or_default()));
        }
        let expected = [
            (pb::SessionState::Waiting, String::new()),
            (pb::SessionState::Offered, "busy".to_owned()),
        ];
        assert_eq!(went, expected, "{}", site.name());
        let read = site.a.admin().session(&session.id).await;
        assert_eq!(read.flow_trace, session.flow_trace, "it is kept");
    }
}

#[tokio::test]
async fn l4_t11_a_flow_is_a_recipient_for_who_may_run_flows() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        save(&mut admin, triage()).await.expect("it is right");
        admin.arrive("ana").await;
        admin.arrive("ben").await;
        let hers = admin.live_session(&site.a, "c-1", "ana").await;
        let his = admin.live_session(&site.a, "c-2", "ben").await;
        let refused = site.b().rep("ana").hand_on(&hers, to_flow("triage")).await;
        assert_eq!(refusal(refused), (Code::FailedPrecondition, "MISSING_PERMISSION".into()));
        let list = |session: &str| pb::ListRecipientsRequest {
            r#type: pb::RecipientType::Flow.into(),
            about: Some(pb::list_recipients_request::About::Session(session.to_owned())),
            ..Default::default()
        };
        let refused = site.a.rep("ana").transfers.list_recipients(list(&hers)).await;
        assert_eq!(refusal(refused).1, "MISSING_PERMISSION", "L4: there is no list for her");
        let explain = pb::ExplainRecipientRequest {
            recipient: Some(to_flow("triage")),
            about: Some(pb::explain_recipient_request::About::Session(hers)),
            ..Default::default()
        };
        let told = site.a.rep("ana").transfers.explain_recipient(explain).await.expect("L6");
        let told = told.into_inner();
        let why = told.verdicts.iter().find(|v| v.rule == "T11").expect("it is looked at");
        assert!(!told.listed && !told.transferable && !why.passed, "{told:?}");

        let listed = site.b().rep("ben").transfers.list_recipients(list(&his)).await.expect("L4");
        let names: Vec<_> =
            listed.into_inner().entries.into_iter().filter_map(|e| e.entry).collect();
        let flow = pb::FlowEntry { flow: "triage".into(), name: "Triage".into() };
        assert_eq!(names, [pb::recipient_entry::Entry::Flow(flow)]);
        let asked = site.b().rep("ben").hand_on(&his, to_flow("triage")).await.expect("T11");
        let transfer = asked.transfer.expect("a transfer");
        assert_eq!((transfer.state(), &*transfer.rep), (pb::TransferState::Offered, "ana"));
        assert_eq!(transfer.queue, "billing");
        let trace = transfer.flow_trace.clone().expect("R8");
        assert_eq!(steps(&trace), [("gold", false), ("busy", false), ("", true)]);
        let done = site.a.rep("ana").accept_transfer(&transfer.id, "").await.expect("hers");
        assert_eq!(done.transfer.and_then(|t| t.flow_trace), Some(trace), "{}", site.name());
    }
}

#[tokio::test]
async fn r8_a_flow_leads_to_reps_skills_and_other_flows() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(super::site::routed_org()).await;
    let to = |target| pb::FlowDecision { target: Some(target), ..Default::default() };
    let spanish = pb::SkillsTarget {
        required: vec![level("es", 50)],
        queue: "billing".into(),
        ..Default::default()
    };
    let inner = pb::Flow {
        id: "inner".into(),
        rules: vec![rule("owner", "has(session.attributes.owner)", to(To::Rep("cleo".into())))],
        fallback: Some(to(To::Skills(spanish))),
        ..Default::default()
    };
    let outer = pb::Flow {
        id: "outer".into(),
        fallback: Some(to(To::Flow("inner".into()))),
        ..Default::default()
    };
    save(&mut admin, inner).await.expect("it is right");
    save(&mut admin, outer).await.expect("it is right");
    for rep in ["ben", "ana", "cleo"] {
        admin.arrive(rep).await;
    }
    let target = || Target::Flow("outer".into());
    let plain = admin.open_to("c-1", target()).await.expect("R8").session.expect("a session");
    assert_eq!(plain.offer.as_ref().map(|o| &*o.rep), Some("ana"), "R4: she has Spanish");
    assert_eq!(plain.required_skills, [level("es", 50)]);
    let trace = plain.flow_trace.expect("a trace");
    let flows: Vec<_> = trace.steps.iter().map(|s| s.flow.as_str()).collect();
    assert_eq!(flows, ["outer", "inner"]);
    let attributes = [("owner".to_owned(), "cleo".to_owned())].into();
    let request = pb::OpenSessionRequest { attributes, ..opening("c-2", target()) };
    let owned = admin.open_with(request).await.expect("R8").session.expect("a session");
    assert_eq!(owned.offer.map(|o| o.rep).as_deref(), Some("cleo"));

    let delete = pb::DeleteFlowRequest { id: "inner".into(), ..Default::default() };
    let refused = admin.directory.delete_flow(delete).await;
    assert_eq!(refusal(refused).1, "IN_USE", "D3");
}
