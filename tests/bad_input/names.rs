//! A request that is badly stated and names what isn't there: every method that brings resources or asks for skills, every
//! field that names something (D1). All of it is refused at once, by the paths of its own fields.

use baton::pb;
use pb::flow_decision::Target;
use tonic::Code;

use super::routing::{flow, level, queue, seconds, to};
use super::world::{self, Caller, org};
use super::{fields, house, long, text};

/// Names that nobody has.
const NO: &str = "nobody";

/// Something wrong with the shape of a resource, and its field.
type Fault = &'static str;

/// A resource that names what isn't there in these of its fields, and is wrong in one other.
struct Case {
    directory: pb::Directory,
    /// The section of the directory, and the field of the upsert.
    at: (&'static str, &'static str),
    fault: Fault,
    naming: Vec<&'static str>,
}

fn skills_target() -> pb::SkillsTarget {
    let wished = |skill| pb::AdditionalSkill { skill: Some(level(skill, 1)), timeout: None };
    pb::SkillsTarget { required: vec![level(NO, 1)], additional: vec![wished(NO)], queue: text(NO) }
}

fn rule(target: Target) -> pb::FlowRule {
    let (condition, decision) = (text("true"), Some(to(target)));
    pb::FlowRule { condition, decision, ..Default::default() }
}

fn reps_and_queues() -> Vec<Case> {
    let overflow = pb::Overflow { max_length: 1, queue: text(NO), ..Default::default() };
    vec![
        Case {
            directory: pb::Directory {
                queues: vec![pb::Queue {
                    reps: vec![text("ana"), text(NO)],
                    overflow: Some(overflow),
                    push_timeout: seconds(0),
                    ..queue("q")
                }],
                ..Default::default()
            },
            at: ("queues", "queue"),
            fault: "push_timeout",
            naming: vec!["reps[1]", "overflow.queue"],
        },
        Case {
            directory: pb::Directory {
                reps: vec![pb::Rep {
                    name: long(257),
                    profile: text(NO),
                    presence_configuration: text(NO),
                    skills: vec![level(NO, 1)],
                    ..world::rep("dan")
                }],
                ..Default::default()
            },
            at: ("reps", "rep"),
            fault: "name",
            naming: vec!["profile", "presence_configuration", "skills[0].skill"],
        },
        Case {
            directory: pb::Directory {
                channels: vec![pb::Channel {
                    weight: Some(pb::Weight { weight: None }),
                    fallback_queue: text(NO),
                    ..org().channels[0].clone()
                }],
                ..Default::default()
            },
            at: ("channels", "channel"),
            fault: "weight",
            naming: vec!["fallback_queue"],
        },
    ]
}

fn the_others() -> Vec<Case> {
    let restriction = pb::RecipientRestriction {
        queues: vec![text(NO)],
        flows: vec![text(NO)],
        profiles: vec![text(NO)],
        ..Default::default()
    };
    vec![
        Case {
            directory: pb::Directory {
                profiles: vec![pb::Profile {
                    name: long(257),
                    presence_statuses: vec![text(NO)],
                    presence_configuration: text(NO),
                    ..org().profiles[0].clone()
                }],
                ..Default::default()
            },
            at: ("profiles", "profile"),
            fault: "name",
            naming: vec!["presence_statuses[0]", "presence_configuration"],
        },
        Case {
            directory: pb::Directory {
                presence_configurations: vec![pb::PresenceConfiguration {
                    push_timeout: seconds(0),
                    status_after_decline: text(NO),
                    status_after_push_timeout: text(NO),
                    recipient_restriction: Some(restriction),
                    ..org().presence_configurations[0].clone()
                }],
                ..Default::default()
            },
            at: ("presence_configurations", "presence_configuration"),
            fault: "push_timeout",
            naming: vec![
                "recipient_restriction.queues[0]",
                "recipient_restriction.flows[0]",
                "recipient_restriction.profiles[0]",
                "status_after_decline",
                "status_after_push_timeout",
            ],
        },
        Case {
            directory: pb::Directory { flows: vec![bad_flow()], ..Default::default() },
            at: ("flows", "flow"),
            fault: "name",
            naming: vec![
                "rules[0].decision.queue",
                "rules[1].decision.rep",
                "rules[2].decision.flow",
                "rules[3].decision.skills.queue",
                "rules[3].decision.skills.required[0].skill",
                "rules[3].decision.skills.additional[0].skill.skill",
                "fallback.queue",
            ],
        },
    ]
}

fn bad_flow() -> pb::Flow {
    let rules = [
        Target::Queue(text(NO)),
        Target::Rep(text(NO)),
        Target::Flow(text(NO)),
        Target::Skills(skills_target()),
    ];
    pb::Flow {
        name: long(257),
        rules: rules.map(rule).into(),
        ..flow("f", Target::Queue(text(NO)))
    }
}

/// Upserts the one resource that a directory has.
async fn upsert(by: &mut Caller, directory: pb::Directory) -> tonic::Status {
    macro_rules! only {
        ($($kind:ident, $method:ident, $request:ident, $field:ident;)*) => {$(
            if let Some(resource) = directory.$kind.into_iter().next() {
                let request = pb::$request { $field: Some(resource), ..Default::default() };
                return by.directory.$method(request).await.expect_err("much is wrong");
            }
        )*};
    }
    only! {
        queues, upsert_queue, UpsertQueueRequest, queue;
        reps, upsert_rep, UpsertRepRequest, rep;
        channels, upsert_channel, UpsertChannelRequest, channel;
        profiles, upsert_profile, UpsertProfileRequest, profile;
        presence_configurations, upsert_presence_configuration,
            UpsertPresenceConfigurationRequest, presence_configuration;
        flows, upsert_flow, UpsertFlowRequest, flow;
    }
    panic!("a case without a resource")
}

#[tokio::test]
async fn d1_bad_shape_hides_no_bad_name_of_a_resource() {
    let (_house, mut admin) = house().await;
    let mut whole: Vec<(pb::Directory, Vec<String>)> = Vec::new();
    for case in reps_and_queues().into_iter().chain(the_others()) {
        let (section, single) = case.at;
        let paths = |at: &str| -> Vec<String> {
            let all = std::iter::once(&case.fault).chain(&case.naming);
            all.map(|field| format!("{at}.{field}")).collect()
        };
        let status = upsert(&mut admin, case.directory.clone()).await;
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, paths(single)));
        whole.push((case.directory, paths(&format!("directory.{section}[0]"))));
    }
    for (directory, expected) in whole {
        let request =
            pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
        let dry = pb::ApplyDirectoryRequest { dry_run: true, ..request.clone() };
        for request in [request, dry] {
            let status = admin.directory.apply_directory(request).await.expect_err("the same");
            assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, expected.clone()));
        }
    }
}

#[tokio::test]
async fn d1_what_comes_with_the_request_can_be_named_be_it_well_stated_or_not() {
    let (_house, mut admin) = house().await;
    let mut directory = pb::Directory {
        queues: vec![
            pb::Queue { reps: vec![text("new")], ..queue("one") },
            pb::Queue { push_timeout: seconds(0), ..queue("two") },
        ],
        reps: vec![pb::Rep { licences: vec![99], ..world::rep("new") }],
        flows: vec![pb::Flow {
            rules: vec![pb::FlowRule {
                condition: text("queues.two.length > 1"),
                decision: Some(to(Target::Queue(text("two")))),
                ..Default::default()
            }],
            ..flow("f", Target::Flow(text("g")))
        }],
        ..Default::default()
    };
    directory.flows.push(pb::Flow { fallback: None, ..flow("g", Target::Queue(text("one"))) });
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    let status = admin.directory.apply_directory(request).await.expect_err("three are bad");
    let mut named = fields(&status);
    named.sort();
    let expected = [
        "directory.flows[1].fallback",
        "directory.queues[1].push_timeout",
        "directory.reps[0].licences[0]",
    ];
    assert_eq!(named, expected);
}

#[tokio::test]
async fn d1_bad_shape_hides_no_bad_name_of_a_session_or_of_a_flow_that_is_tried() {
    let (_house, mut admin) = house().await;
    let wish = |timeout| pb::AdditionalSkill { skill: Some(level(NO, 1)), timeout };
    let open = pb::OpenSessionRequest {
        channel: text("wa"),
        external_reference: text("c"),
        required_skills: vec![level(NO, 101)],
        additional_skills: vec![wish(seconds(1))],
        target: Some(pb::open_session_request::Target::Skills(skills_target())),
        ..Default::default()
    };
    let status = admin.sessions.open_session(open).await.expect_err("much is wrong");
    let mut named = fields(&status);
    named.sort();
    let expected = [
        "additional_skills[0].skill.skill",
        "additional_skills[0].timeout",
        "required_skills[0].level",
        "required_skills[0].skill",
        "skills.additional[0].skill.skill",
        "skills.required[0].skill",
    ];
    assert_eq!(named, expected);
    let session = admin.open("c-1", "ana").await.id;
    let update = pb::UpdateSessionRequest {
        session,
        update_mask: Some(prost_types::FieldMask {
            paths: ["required_skills", "nothing"].map(text).into(),
        }),
        required_skills: vec![level(NO, 1)],
        additional_skills: vec![wish(None)],
        ..Default::default()
    };
    let status = admin.sessions.update_session(update).await.expect_err("much is wrong");
    let expected =
        ["update_mask.paths[1]", "required_skills[0].skill", "additional_skills[0].skill.skill"];
    assert_eq!(fields(&status), expected);
    let tried = pb::TestFlowRequest {
        flow: Some(pb::test_flow_request::Flow::Draft(bad_flow())),
        facts: Some(pb::FlowFacts { channel: text("wa"), ..Default::default() }),
        ..Default::default()
    };
    let status = admin.directory.test_flow(tried).await.expect_err("much is wrong");
    let named = fields(&status);
    assert_eq!((named.len(), &*named[0], &*named[7]), (8, "draft.name", "draft.fallback.queue"));
    let settings = pb::UpdateOrgSettingsRequest {
        org_settings: Some(pb::OrgSettings {
            time_zone: text("Europe/Nowhere"),
            presence_lease: seconds(1),
            ..Default::default()
        }),
        ..Default::default()
    };
    let status = admin.directory.update_org_settings(settings).await.expect_err("two are wrong");
    assert_eq!(fields(&status), ["org_settings.presence_lease", "org_settings.time_zone"]);
}

#[tokio::test]
async fn d1_what_is_wrong_with_a_rule_goes_by_its_own_number_and_once() {
    let (_house, mut admin) = house().await;
    let when =
        |condition: &str, target| pb::FlowRule { condition: text(condition), ..rule(target) };
    let skills = pb::SkillsTarget { required: vec![level(NO, 101)], ..Default::default() };
    let flow = pb::Flow {
        rules: vec![
            when("true", Target::Queue(text("a b"))),
            when("tru", Target::Skills(skills)),
            when("", Target::Rep(text("ana"))),
        ],
        ..flow("f", Target::Rep(text("ana")))
    };
    let draft = Some(pb::test_flow_request::Flow::Draft(flow.clone()));
    let facts = Some(pb::FlowFacts { channel: text("wa"), ..Default::default() });
    let tried = pb::TestFlowRequest { flow: draft, facts, ..Default::default() };
    let request = pb::UpsertFlowRequest { flow: Some(flow), ..Default::default() };
    let upserted = admin.directory.upsert_flow(request).await.expect_err("much is wrong");
    let tried = admin.directory.test_flow(tried).await.expect_err("the same");
    for (at, status) in [("flow", upserted), ("draft", tried)] {
        let mut named = fields(&status);
        named.sort();
        let expected = [
            "rules[0].decision.queue",
            "rules[1].condition",
            "rules[1].decision.skills.required[0].level",
            "rules[1].decision.skills.required[0].skill",
            "rules[2].condition",
        ];
        assert_eq!(named, expected.map(|field| format!("{at}.{field}")));
    }
}

#[tokio::test]
async fn d1_a_badly_stated_resource_makes_no_other_one_wrong() {
    let (_house, mut admin) = house().await;
    let over = |id: &str, to: &str| pb::Queue {
        overflow: Some(pb::Overflow { max_length: 1, queue: text(to), ..Default::default() }),
        ..queue(id)
    };
    let apply = |queues: Vec<pb::Queue>, channels: Vec<pb::Channel>| pb::ApplyDirectoryRequest {
        directory: Some(pb::Directory { queues, channels, ..Default::default() }),
        ..Default::default()
    };
    let narrow = pb::Queue { channel_types: vec![pb::ChannelType::Sms.into()], ..queue("narrow") };
    let first = apply(vec![queue("b"), over("a", "b"), narrow], Vec::new());
    admin.directory.apply_directory(first).await.expect("all is well");
    let bad = |queue: pb::Queue| pb::Queue { push_timeout: seconds(0), ..queue };
    // Turned round, and widened, and each with a fault of its own.
    let falls_back = pb::Channel { fallback_queue: text("narrow"), ..org().channels[0].clone() };
    let widened =
        pb::Queue { channel_types: vec![pb::ChannelType::Sms.into(), 99], ..queue("narrow") };
    let second = apply(vec![bad(queue("a")), over("b", "a"), widened], vec![falls_back]);
    let status = admin.directory.apply_directory(second).await.expect_err("two are bad");
    let expected = ["directory.queues[0].push_timeout", "directory.queues[2].channel_types[1]"];
    assert_eq!(fields(&status), expected);
}

#[tokio::test]
async fn d1_bad_facts_and_bad_ids_hide_no_mistake_of_a_flow() {
    let (_house, mut admin) = house().await;
    let wrong = pb::Flow {
        rules: vec![pb::FlowRule { condition: text("tru"), ..rule(Target::Rep(text("ana"))) }],
        ..flow("f", Target::Rep(text("ana")))
    };
    let draft = Some(pb::test_flow_request::Flow::Draft(wrong.clone()));
    let facts = Some(pb::FlowFacts::default());
    let tried = pb::TestFlowRequest { flow: draft, facts, ..Default::default() };
    let status = admin.directory.test_flow(tried).await.expect_err("two are wrong");
    assert_eq!(fields(&status), ["facts.channel", "draft.rules[0].condition"]);
    let unnamed = pb::Flow { id: text("a b"), ..wrong.clone() };
    let request = pb::UpsertFlowRequest { flow: Some(unnamed), ..Default::default() };
    let status = admin.directory.upsert_flow(request).await.expect_err("two are wrong");
    assert_eq!(fields(&status), ["flow.id", "flow.rules[0].condition"]);
    // Each has its own place, also without an id that could be kept.
    let bad_id = |id: &str| pb::Flow { id: text(id), ..flow("f", Target::Rep(text("ana"))) };
    let flows = vec![bad_id("a b"), pb::Flow { rules: wrong.rules.clone(), ..bad_id("c d") }];
    let directory = Some(pb::Directory { flows, ..Default::default() });
    let request = pb::ApplyDirectoryRequest { directory, ..Default::default() };
    let status = admin.directory.apply_directory(request).await.expect_err("three are wrong");
    let expected = ["flows[0].id", "flows[1].id", "flows[1].rules[0].condition"];
    assert_eq!(fields(&status), expected.map(|field| format!("directory.{field}")));
    // Of two with one id the faults of the first are the first's.
    let flows = vec![wrong, flow("f", Target::Rep(text("ana")))];
    let directory = Some(pb::Directory { flows, ..Default::default() });
    let request = pb::ApplyDirectoryRequest { directory, ..Default::default() };
    let status = admin.directory.apply_directory(request).await.expect_err("two are wrong");
    let named = fields(&status);
    assert!(named.contains(&text("directory.flows[1].id")), "{named:?}");
    assert!(named.contains(&text("directory.flows[0].rules[0].condition")), "{named:?}");
}
