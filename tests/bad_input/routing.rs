//! Bad queues, skills and flows, and the fields that other resources have because of them.

use baton::pb;
use baton::pb::flow_decision::Target;
use tonic::Code;

use super::world::{self, org, refusal};
use super::{INVALID, MISSING, fields, house, long, state, text};

pub fn queue(id: &str) -> pb::Queue {
    pb::Queue { id: text(id), ..Default::default() }
}

pub fn to(target: Target) -> pb::FlowDecision {
    pb::FlowDecision { target: Some(target), ..Default::default() }
}

pub fn flow(id: &str, target: Target) -> pb::Flow {
    pb::Flow { id: text(id), fallback: Some(to(target)), ..Default::default() }
}

fn upsert_queue(queue: pb::Queue) -> pb::UpsertQueueRequest {
    pb::UpsertQueueRequest { queue: Some(queue), ..Default::default() }
}

pub fn upsert_flow(flow: pb::Flow) -> pb::UpsertFlowRequest {
    pb::UpsertFlowRequest { flow: Some(flow), ..Default::default() }
}

pub fn level(skill: &str, level: u32) -> pb::SkillLevel {
    pb::SkillLevel { skill: text(skill), level }
}

pub const fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

/// A flow in which everything is wrong that a field can be.
fn bad_flow() -> pb::Flow {
    let skills = pb::SkillsTarget {
        required: Vec::new(),
        additional: vec![
            pb::AdditionalSkill { skill: Some(level("es", 101)), timeout: seconds(4) },
            pb::AdditionalSkill::default(),
        ],
        queue: text("a b"),
    };
    let rule = |condition: &str, decision| pb::FlowRule {
        condition: text(condition),
        decision,
        ..Default::default()
    };
    let large = pb::FlowDecision {
        set_attributes: [(text("k"), long(4_097))].into(),
        ..to(Target::Queue(text("q")))
    };
    pb::Flow {
        id: text("f"),
        rules: vec![
            rule("", Some(to(Target::Skills(skills)))),
            rule(&long(2_049), None),
            rule("true", Some(pb::FlowDecision::default())),
            rule("true", Some(large)),
        ],
        ..Default::default()
    }
}

fn bad_directory() -> pb::Directory {
    let spell =
        |weekday, from_minute, to_minute| pb::BusinessHours { weekday, from_minute, to_minute };
    let mut directory = org();
    directory.reps[0].skills = vec![level("es", 101), level("es", 1), level("", 1)];
    directory.reps[1].skills = (0..65).map(|n| level(&format!("s{n}"), 1)).collect();
    directory.presence_configurations[0].push_timeout = seconds(3_601);
    directory.presence_configurations[0].status_after_decline = text("a b");
    directory.channels[0].fallback_queue = text("a b");
    let skill = |n| pb::Skill { id: format!("s{n}"), name: String::new() };
    directory.skills = vec![pb::Skill { name: long(257), ..Default::default() }];
    directory.skills.extend((0..65).map(skill));
    directory.queues = vec![pb::Queue {
        reps: vec![text("ana"), text("ana")],
        channel_types: vec![99],
        routing_model: 9,
        weight: Some(pb::Weight { weight: None }),
        push_timeout: seconds(0),
        overflow: Some(pb::Overflow { queue: text("q"), ..Default::default() }),
        ..queue("q")
    }];
    directory.flows = vec![bad_flow()];
    directory.settings = Some(pb::OrgSettings {
        estimated_wait_min_samples: Some(11),
        estimated_wait_window: seconds(59),
        time_zone: text("Europe//Berlin"),
        business_hours: vec![spell(0, 1_440, 60), spell(8, 60, 1_441), spell(1, 60, 60)],
        ..Default::default()
    });
    directory
}

#[tokio::test]
async fn d1_every_bad_field_of_queues_skills_and_flows_is_named_at_once() {
    let (_house, mut admin) = house().await;
    // In two, since not all of it fits into one answer.
    let whole = bad_directory();
    let (flows, settings) = (whole.flows.clone(), whole.settings.clone());
    let rest = pb::Directory { flows: Vec::new(), settings: None, ..whole };
    let mut named = Vec::new();
    for directory in [rest, pb::Directory { flows, settings, ..org() }] {
        let request =
            pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
        let status = admin.directory.apply_directory(request).await.expect_err("much is wrong");
        assert_eq!(status.code(), Code::InvalidArgument);
        named.extend(fields(&status));
    }
    named.sort();
    named.dedup();
    let mut expected = [
        "skills[0].id",
        "skills[0].name",
        "presence_configurations[0].push_timeout",
        "presence_configurations[0].status_after_decline",
        "reps[0].skills[0].level",
        "reps[0].skills[0].skill",
        "reps[0].skills[1].skill",
        "reps[0].skills[2].skill",
        "reps[1].skills",
        "channels[0].fallback_queue",
        "queues[0].reps[1]",
        "queues[0].channel_types[0]",
        "queues[0].routing_model",
        "queues[0].weight",
        "queues[0].push_timeout",
        "queues[0].overflow",
        "queues[0].overflow.queue",
        "flows[0].rules[0].condition",
        "flows[0].rules[0].decision.skills.required",
        "flows[0].rules[0].decision.skills.additional[0].skill.level",
        "flows[0].rules[0].decision.skills.additional[0].skill.skill",
        "flows[0].rules[0].decision.skills.additional[0].timeout",
        "flows[0].rules[0].decision.skills.additional[1].skill",
        "flows[0].rules[0].decision.skills.queue",
        "flows[0].rules[1].condition",
        "flows[0].rules[1].decision",
        "flows[0].rules[2].decision.target",
        "flows[0].rules[3].decision.queue",
        "flows[0].rules[3].decision.set_attributes",
        "flows[0].fallback",
        "settings.estimated_wait_min_samples",
        "settings.estimated_wait_window",
        "settings.time_zone",
        "settings.business_hours[0].from_minute",
        "settings.business_hours[0].weekday",
        "settings.business_hours[1].to_minute",
        "settings.business_hours[1].weekday",
        "settings.business_hours[2].to_minute",
    ]
    .map(|field| format!("directory.{field}"));
    expected.sort();
    assert_eq!(named, expected);
}

#[tokio::test]
async fn d4_a_thousand_bad_fields_are_refused_in_an_answer_that_fits() {
    let (_house, mut admin) = house().await;
    let rep = |n| pb::Rep { id: format!("rep {n} → x"), ..Default::default() };
    let reps = (0..1_000).map(rep).collect();
    let directory = Some(pb::Directory { reps, ..Default::default() });
    let request = pb::ApplyDirectoryRequest { directory, ..Default::default() };
    let status = admin.directory.apply_directory(request).await.expect_err("all ids are bad");
    assert_eq!(status.code(), Code::InvalidArgument);
    let named = fields(&status);
    assert!(named.len() >= 30 && named[0] == "directory.reps[0].id", "{}", named.len());
    let more = format!("and {} more", 2_000 - named.len());
    assert!(status.message().ends_with(&more), "{}", status.message());
}

#[tokio::test]
async fn d1_names_that_dont_exist_are_all_reported() {
    let (_house, mut admin) = house().await;
    let mut directory = pb::Directory {
        queues: vec![pb::Queue {
            reps: vec![text("nobody"), text("ana")],
            overflow: Some(pb::Overflow {
                max_length: 1,
                queue: text("nowhere"),
                ..Default::default()
            }),
            ..queue("q")
        }],
        flows: vec![pb::Flow {
            rules: vec![pb::FlowRule {
                condition: text("true"),
                decision: Some(to(Target::Rep(text("nobody")))),
                ..Default::default()
            }],
            ..flow("f", Target::Flow(text("none")))
        }],
        reps: vec![pb::Rep { skills: vec![level("es", 1)], ..world::rep("dan") }],
        presence_configurations: org().presence_configurations,
        channels: org().channels,
        ..Default::default()
    };
    directory.channels[0].fallback_queue = text("nowhere");
    let configuration = &mut directory.presence_configurations[0];
    configuration.status_after_decline = text("asleep");
    configuration.status_after_push_timeout = text("asleep");
    configuration.recipient_restriction = Some(pb::RecipientRestriction {
        queues: vec![text("nowhere")],
        flows: vec![text("none")],
        profiles: vec![text("nobodies")],
        ..Default::default()
    });
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    let status = admin.directory.apply_directory(request).await.expect_err("names are missing");
    let mut named = fields(&status);
    named.sort();
    let expected = [
        "channels[0].fallback_queue",
        "flows[0].fallback.flow",
        "flows[0].rules[0].decision.rep",
        "presence_configurations[0].recipient_restriction.flows[0]",
        "presence_configurations[0].recipient_restriction.profiles[0]",
        "presence_configurations[0].recipient_restriction.queues[0]",
        "presence_configurations[0].status_after_decline",
        "presence_configurations[0].status_after_push_timeout",
        "queues[0].overflow.queue",
        "queues[0].reps[0]",
        "reps[0].skills[0].skill",
    ]
    .map(|field| format!("directory.{field}"));
    assert_eq!(named, expected);
}

#[tokio::test]
async fn r9_a_loop_of_overflows_is_refused_and_named() {
    let (_house, mut admin) = house().await;
    let over = |id: &str, next: &str| pb::Queue {
        overflow: Some(pb::Overflow { max_length: 1, queue: text(next), ..Default::default() }),
        ..queue(id)
    };
    let queues = vec![over("a", "b"), over("b", "c"), over("c", "a"), over("d", "a")];
    let directory = Some(pb::Directory { queues, ..Default::default() });
    let request = pb::ApplyDirectoryRequest { directory, ..Default::default() };
    let status = admin.directory.apply_directory(request).await.expect_err("it goes round");
    let loops = [0, 1, 2].map(|id| format!("directory.queues[{id}].overflow.queue"));
    assert_eq!(fields(&status), loops);
    assert!(status.message().contains("a → b → c → a"), "{}", status.message());
}

#[tokio::test]
async fn queues_skills_and_flows() {
    let (_house, mut admin) = house().await;
    let d = &mut admin.directory;
    let twice = pb::Directory { queues: vec![queue("q"), queue("q")], ..Default::default() };
    let twice = pb::ApplyDirectoryRequest { directory: Some(twice), ..Default::default() };
    let external =
        pb::Queue { routing_model: pb::RoutingModel::External.into(), ..queue("partners") };
    let contact = pb::ExternalContactRef { partner: text("acme"), contact: text("42") };
    let contact = flow("f", Target::ExternalContact(contact));
    let get = |id: &str| pb::GetQueueRequest { id: text(id), ..Default::default() };
    let delete = |id: &str, to: &str| pb::DeleteQueueRequest {
        id: text(id),
        move_to: text(to),
        ..Default::default()
    };
    d.upsert_queue(upsert_queue(queue("q"))).await.expect("it is right");
    d.upsert_queue(upsert_queue(queue("empty"))).await.expect("it is right");
    d.upsert_flow(upsert_flow(flow("f", Target::Queue(text("q"))))).await.expect("it is right");
    refused! {
        "twice": d, apply_directory(twice) => INVALID;
        "external": d, upsert_queue(upsert_queue(external)) => INVALID;
        "none": d, upsert_queue(pb::UpsertQueueRequest::default()) => INVALID;
        "contact": d, upsert_flow(upsert_flow(contact)) => INVALID;
        "none": d, upsert_flow(pb::UpsertFlowRequest::default()) => INVALID;
        "none": d, upsert_skill(pb::UpsertSkillRequest::default()) => INVALID;
        "unknown": d, get_queue(get("none")) => MISSING;
        "empty": d, get_queue(get("")) => INVALID;
        "unknown": d, get_flow(pb::GetFlowRequest { id: text("none"), ..Default::default() }) => MISSING;
        "unknown": d, get_skill(pb::GetSkillRequest { id: text("none"), ..Default::default() }) => MISSING;
        "too many": d, list_queues(pb::ListQueuesRequest { page_size: 501, ..Default::default() }) => INVALID;
        "long query": d, list_flows(pb::ListFlowsRequest { query: long(257), ..Default::default() }) => INVALID;
        "revision": d, list_skills(pb::ListSkillsRequest { at_least_revision: -1, ..Default::default() }) => INVALID;
        "in use": d, delete_queue(delete("q", "empty")) => state("IN_USE");
        "unknown": d, delete_queue(delete("none", "q")) => MISSING;
        "to nowhere": d, delete_queue(delete("empty", "none")) => INVALID;
        "to itself": d, delete_queue(delete("empty", "empty")) => INVALID;
        "bad id": d, delete_queue(delete("empty", "a b")) => INVALID;
        "unknown": d, delete_flow(pb::DeleteFlowRequest { id: text("none"), ..Default::default() }) => MISSING;
        "unknown": d, delete_skill(pb::DeleteSkillRequest { id: text("none"), ..Default::default() }) => MISSING;
        "request id": d, delete_skill(pb::DeleteSkillRequest { id: text("es"), request_id: long(129) }) => INVALID;
    }
}
