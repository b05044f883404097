//! Bad targets of sessions and transfers, bad flows and bad tries of them, with the place in the
//! condition where something is wrong (R8).

use baton::pb;
use pb::flow_decision::Target as Decided;
use pb::open_session_request::Target;
use pb::recipient::Recipient as To;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::routing::{flow, level, queue, seconds, to, upsert_flow};
use super::world::{Caller, House, org, refusal};
use super::{INVALID, MISSING, NOBODY, fields, state, text};

const LIMIT: (Code, &str) = (Code::ResourceExhausted, "LIMIT_EXCEEDED");

/// Ana may only transfer to `q` and `f`; `chat` doesn't serve WhatsApp, `full` takes one session.
async fn house() -> (House, Caller) {
    let house = House::new().await;
    let mut admin = house.admin();
    let restriction = pb::RecipientRestriction {
        queues: vec![text("q"), text("chat"), text("full")],
        flows: vec![text("f")],
        ..Default::default()
    };
    let chat = vec![pb::ChannelType::WebChatV2.into()];
    let mut directory = pb::Directory {
        skills: vec![pb::Skill { id: text("es"), name: text("es") }],
        queues: vec![
            queue("q"),
            queue("other"),
            pb::Queue { channel_types: chat, ..queue("chat") },
            pb::Queue { max_length: 1, ..queue("full") },
        ],
        flows: vec![flow("f", Decided::Queue(text("q"))), flow("g", Decided::Queue(text("q")))],
        ..org()
    };
    directory.presence_configurations[0].recipient_restriction = Some(restriction);
    directory.reps[1].permissions.push(pb::Permission::RunFlows.into());
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    admin.directory.apply_directory(request).await.expect("the org is right");
    (house, admin)
}

fn open(target: Target) -> pb::OpenSessionRequest {
    pb::OpenSessionRequest {
        channel: text("wa"),
        external_reference: text("c-1"),
        target: Some(target),
        ..Default::default()
    }
}

fn into(queue: &str) -> Target {
    Target::Queue(text(queue))
}

fn by_skill(required: Vec<pb::SkillLevel>, queue: &str) -> pb::OpenSessionRequest {
    let target = pb::SkillsTarget { required, queue: text(queue), ..Default::default() };
    open(Target::Skills(target))
}

fn wishing(skill: pb::SkillLevel, timeout: i64) -> pb::OpenSessionRequest {
    let wish = pb::AdditionalSkill { skill: Some(skill), timeout: seconds(timeout) };
    pb::OpenSessionRequest { additional_skills: vec![wish], ..open(into("q")) }
}

fn needing(required_skills: Vec<pb::SkillLevel>) -> pb::OpenSessionRequest {
    pb::OpenSessionRequest { required_skills, ..open(into("q")) }
}

#[tokio::test]
async fn targets_of_sessions() {
    let (_house, mut admin) = house().await;
    let s = &mut admin.sessions;
    let seventeen = (0..17).map(|n| level(&format!("s{n}"), 1)).collect::<Vec<_>>();
    let es = |n| vec![level("es", n)];
    refused! {
        "unknown queue": s, open_session(open(into("none"))) => MISSING;
        "bad queue": s, open_session(open(into("a b"))) => INVALID;
        "unknown flow": s, open_session(open(Target::Flow(text("none")))) => MISSING;
        "empty flow": s, open_session(open(Target::Flow(String::new()))) => INVALID;
        "unknown skill": s, open_session(needing(vec![level("fr", 1)])) => INVALID;
        "level 101": s, open_session(needing(es(101))) => INVALID;
        "twice": s, open_session(needing(vec![level("es", 1), level("es", 2)])) => INVALID;
        "17 skills": s, open_session(needing(seventeen.clone())) => INVALID;
        "4 s": s, open_session(wishing(level("es", 1), 4)) => INVALID;
        "a day and a second": s, open_session(wishing(level("es", 1), 86_401)) => INVALID;
        "unknown wish": s, open_session(wishing(level("fr", 1), 5)) => INVALID;
        "no skills": s, open_session(by_skill(Vec::new(), "q")) => INVALID;
        "unknown skill": s, open_session(by_skill(vec![level("fr", 1)], "q")) => INVALID;
        "level 101": s, open_session(by_skill(es(101), "q")) => INVALID;
        "17 skills": s, open_session(by_skill(seventeen.clone(), "q")) => INVALID;
        "unknown queue": s, open_session(by_skill(es(1), "none")) => MISSING;
        "no fallback queue": s, open_session(by_skill(es(1), "")) => INVALID;
        "not for it": s, open_session(open(into("chat"))) => state("QUEUE_NOT_FOR_CHANNEL");
        "not for it": s, open_session(by_skill(es(1), "chat")) => state("QUEUE_NOT_FOR_CHANNEL");
    }
    s.open_session(open(into("full"))).await.expect("it takes one");
    let more = pb::OpenSessionRequest { external_reference: text("c-2"), ..open(into("full")) };
    let status = s.open_session(more).await.expect_err("it takes no more");
    let quota = status.get_details_quota_failure().expect("D1: which limit");
    assert!(quota.violations[0].subject.contains("full"), "{quota:?}");
    assert_eq!(refusal::<()>(Err(status)), (LIMIT.0, text(LIMIT.1)));

    let off = pb::UpdateOrgSettingsRequest {
        org_settings: Some(pb::OrgSettings {
            skills_based_and_direct_to_rep_routing: Some(false),
            ..Default::default()
        }),
        ..Default::default()
    };
    admin.directory.update_org_settings(off).await.expect("in range");
    let s = &mut admin.sessions;
    let more = |request| pb::OpenSessionRequest { external_reference: text("c-3"), ..request };
    refused! {
        "direct routing off": s, open_session(more(open(Target::Rep(text("ana"))))) => state("DIRECT_TO_REP_ROUTING_DISABLED");
        "direct routing off": s, open_session(more(by_skill(es(1), "q"))) => state("DIRECT_TO_REP_ROUTING_DISABLED");
    }
}

#[tokio::test]
async fn t2_d2_recipients_of_transfers() {
    let (house, mut admin) = house().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let session = admin.live_session(&house, "c-9", "ana").await;
    admin.sessions.open_session(open(into("full"))).await.expect("it takes one");
    let mut ana = house.rep("ana");
    let t = &mut ana.transfers;
    let hand = |to| pb::TransferSessionRequest {
        session: session.clone(),
        recipient: Some(pb::Recipient { recipient: Some(to) }),
        ..Default::default()
    };
    let queue = |id: &str| hand(To::Queue(text(id)));
    let flow = |id: &str| hand(To::Flow(text(id)));
    let quote = |id: &str| pb::QuoteTransferRequest {
        session: session.clone(),
        recipient: queue(id).recipient,
        ..Default::default()
    };
    let explain = |id: &str| pb::ExplainRecipientRequest {
        recipient: flow(id).recipient,
        about: Some(pb::explain_recipient_request::About::Channel(text("wa"))),
        ..Default::default()
    };
    refused! {
        "unknown": t, transfer_session(queue("none")) => MISSING;
        "malformed": t, transfer_session(queue("a b")) => INVALID;
        "unknown": t, transfer_session(flow("none")) => MISSING;
        "RUN_FLOWS": t, transfer_session(flow("f")) => state("MISSING_PERMISSION");
        "not allowed": t, transfer_session(queue("other")) => state("RECIPIENT_NOT_ALLOWED");
        "not allowed": t, transfer_session(flow("g")) => state("RECIPIENT_NOT_ALLOWED");
        "not for it": t, transfer_session(queue("chat")) => state("QUEUE_NOT_FOR_CHANNEL");
        "full": t, transfer_session(queue("full")) => LIMIT;
        "unknown session": t, transfer_session(pb::TransferSessionRequest { session: text(NOBODY), ..queue("q") }) => MISSING;
        "unknown": t, quote_transfer(quote("none")) => MISSING;
        "unknown": t, explain_recipient(explain("none")) => MISSING;
    }
    let full = t.quote_transfer(quote("full")).await.expect("T24").into_inner();
    let reasons: Vec<_> = full.reasons.iter().map(pb::Reason::reason).collect();
    assert_eq!((full.allowed, reasons), (false, vec![pb::ErrorReason::LimitExceeded]));
    let list = pb::ListRecipientsRequest {
        r#type: pb::RecipientType::Queue.into(),
        query: text("full"),
        about: Some(pb::list_recipients_request::About::Session(session.clone())),
        ..Default::default()
    };
    let listed = t.list_recipients(list).await.expect("L3").into_inner().entries;
    let shown: Vec<_> = listed.iter().map(|e| (e.transferable, e.reasons.clone())).collect();
    assert_eq!(shown, [(false, full.reasons)], "L2: a list says what a quote says");
    assert_eq!(admin.session(&session).await.transfers, 0, "D2: nothing half-happens");
}

fn with(conditions: &[&str]) -> pb::Flow {
    let rule = |condition: &&str| pb::FlowRule {
        condition: text(condition),
        decision: Some(to(Decided::Queue(text("q")))),
        ..Default::default()
    };
    pb::Flow {
        rules: conditions.iter().map(rule).collect(),
        ..flow("h", Decided::Queue(text("q")))
    }
}

/// What a refusal says of each field.
fn said(status: &Status) -> Vec<(String, String)> {
    let bad = status.get_details_bad_request().expect("bad fields are named");
    bad.field_violations.into_iter().map(|v| (v.field, v.description)).collect()
}

#[tokio::test]
async fn r8_each_mistake_in_a_condition_is_told_with_its_place() {
    let (_house, mut admin) = house().await;
    let nested = "session.attributes.exists(a, [1, 2, 3].all(b, size(a) > b))";
    let costly = "session.attributes.all(a, session.attributes.x > session.attributes.y)";
    let table: &[(&str, &str, &str)] = &[
        ("session.priority ==", "at 1:20: ", "ends too early"),
        ("true &&\n (1 + ) == 2", "at 2:7: ", "unexpected"),
        ("session.priority", "at 1:1: ", "whole number"),
        ("session.attributes.n > 3", "at 1:22: ", "compares text"),
        ("true &&\n  queues.none.length > 1", "at 2:10: ", "there is no queue `none`"),
        ("session.tier == \"gold\"", "at 1:9: ", "no `tier`"),
        (nested, "at 1:", ""),
        (costly, "at 1:1: ", "steps to evaluate"),
    ];
    for (condition, place, why) in table {
        let refused = admin.directory.upsert_flow(upsert_flow(with(&["true", condition]))).await;
        let status = refused.expect_err(condition);
        assert_eq!(status.code(), Code::InvalidArgument);
        let told = said(&status);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, "flow.rules[1].condition");
        assert!(told[0].1.starts_with(place) && told[0].1.contains(why), "{}", told[0].1);
    }
    let both = with(&["session.priority", "queues.none.length > 0"]);
    let status = admin.directory.upsert_flow(upsert_flow(both)).await.expect_err("two mistakes");
    let expected = ["flow.rules[0].condition", "flow.rules[1].condition"];
    assert_eq!(fields(&status), expected, "D1: all at once");
}

#[tokio::test]
async fn r8_flows_that_lead_nowhere_or_round_are_refused() {
    let (_house, mut admin) = house().await;
    let d = &mut admin.directory;
    let leads = |id: &str, to: &str| upsert_flow(flow(id, Decided::Flow(text(to))));
    let nowhere = pb::Flow { fallback: None, ..flow("h", Decided::Queue(text("q"))) };
    refused! {
        "itself": d, upsert_flow(leads("h", "h")) => INVALID;
        "no fallback": d, upsert_flow(upsert_flow(nowhere)) => INVALID;
        "unknown queue": d, upsert_flow(upsert_flow(flow("h", Decided::Queue(text("none"))))) => INVALID;
        "unknown flow": d, upsert_flow(leads("h", "none")) => INVALID;
    }
    d.upsert_flow(leads("g", "f")).await.expect("f ends in a queue");
    let status = d.upsert_flow(leads("f", "g")).await.expect_err("g leads to f");
    assert_eq!(fields(&status)[0], "flow.fallback.flow");
    assert!(status.message().contains("f → g → f"), "{}", status.message());
}

#[tokio::test]
async fn tries_of_flows() {
    use pb::test_flow_request::Flow as Tried;
    let (_house, mut admin) = house().await;
    let d = &mut admin.directory;
    let test = |flow, facts| pb::TestFlowRequest { flow, facts, ..Default::default() };
    let saved = || Some(Tried::Id(text("f")));
    let facts = || Some(pb::FlowFacts { channel: text("wa"), ..Default::default() });
    let about = |queues: &[&str]| {
        let queues =
            queues.iter().map(|id| pb::QueueFacts { queue: text(id), ..Default::default() });
        Some(pb::FlowFacts { queues: queues.collect(), channel: text("wa"), ..Default::default() })
    };
    let elsewhere = Some(pb::FlowFacts { channel: text("none"), ..Default::default() });
    let many = (0..65).map(|n| (format!("k{n}"), String::new())).collect();
    let many = Some(pb::FlowFacts { channel: text("wa"), attributes: many, ..Default::default() });
    let contact = pb::ExternalContactRef { partner: text("acme"), contact: text("42") };
    let contact = flow("h", Decided::ExternalContact(contact));
    refused! {
        "no flow": d, test_flow(test(None, facts())) => INVALID;
        "no facts": d, test_flow(test(saved(), None)) => INVALID;
        "no channel": d, test_flow(test(saved(), Some(pb::FlowFacts::default()))) => INVALID;
        "unknown": d, test_flow(test(Some(Tried::Id(text("none"))), facts())) => MISSING;
        "malformed": d, test_flow(test(Some(Tried::Id(text("a b"))), facts())) => INVALID;
        "unknown channel": d, test_flow(test(saved(), elsewhere)) => MISSING;
        "65 attributes": d, test_flow(test(saved(), many)) => INVALID;
        "twice": d, test_flow(test(saved(), about(&["q", "q"]))) => INVALID;
        "bad queue": d, test_flow(test(saved(), about(&["a b"]))) => INVALID;
        "empty draft": d, test_flow(test(Some(Tried::Draft(pb::Flow::default())), facts())) => INVALID;
        "bad draft": d, test_flow(test(Some(Tried::Draft(with(&["1"]))), facts())) => INVALID;
        "contact": d, test_flow(test(Some(Tried::Draft(contact)), facts())) => INVALID;
        "revision": d, test_flow(pb::TestFlowRequest { at_least_revision: -1, ..test(saved(), facts()) }) => INVALID;
    }
    let draft = test(Some(Tried::Draft(with(&["session.priority"]))), facts());
    let told = said(&d.test_flow(draft).await.expect_err("it isn't a bool"));
    assert_eq!(told[0].0, "draft.rules[0].condition");
    assert!(told[0].1.starts_with("at 1:1: "), "{}", told[0].1);
}
