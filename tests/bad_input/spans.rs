//! Every field of a request that is a duration, with every kind of duration that isn't one (D4, R12): mixed signs, less
//! than nothing, finer than a millisecond, beyond any bound. Each is refused by its field, and none is taken for another.

use baton::pb;
use prost_types::Duration;
use tonic::{Code, Status};

use super::routing::{flow, level, queue};
use super::world::{Caller, org};
use super::{fields, house, text};

/// None of them is a duration that could be meant.
const BAD: [Duration; 8] = [
    Duration { seconds: 60, nanos: -1_000_000 },
    Duration { seconds: 0, nanos: -1 },
    Duration { seconds: 20, nanos: -1 },
    Duration { seconds: -1, nanos: 1 },
    Duration { seconds: 20, nanos: 1 },
    Duration { seconds: 20, nanos: 1_000_000_000 },
    Duration { seconds: i64::MAX, nanos: 999_999_999 },
    Duration { seconds: i64::MIN, nanos: -999_999_999 },
];

type Set = fn(&mut pb::Directory, Duration);

/// Every duration of a directory, by its field.
const OF_A_DIRECTORY: [(&str, Set); 15] = [
    ("queues[0].push_timeout", |d, span| d.queues[0].push_timeout = Some(span)),
    ("queues[0].overflow.max_wait", |d, span| {
        let queue = text("care");
        d.queues[0].overflow = Some(pb::Overflow { queue, max_wait: Some(span), max_length: 1 });
    }),
    ("presence_configurations[0].push_timeout", |d, span| {
        d.presence_configurations[0].push_timeout = Some(span);
    }),
    ("channels[0].wrap_up.duration", |d, span| {
        d.channels[0].wrap_up = Some(pb::WrapUp { duration: Some(span), ..Default::default() });
    }),
    ("channels[0].wrap_up.extension", |d, span| {
        let duration = Some(Duration { seconds: 60, nanos: 0 });
        let extension = Some(span);
        d.channels[0].wrap_up = Some(pb::WrapUp { duration, max_extensions: 1, extension });
    }),
    ("flows[0].fallback.skills.additional[0].timeout", |d, span| {
        let skill = Some(level("es", 1));
        let wished = pb::AdditionalSkill { skill, timeout: Some(span) };
        let skills = pb::SkillsTarget {
            required: vec![level("es", 1)],
            additional: vec![wished],
            ..Default::default()
        };
        d.flows[0] = flow("f", pb::flow_decision::Target::Skills(skills));
    }),
    ("settings.direct_wait_limit", |d, span| settings(d).direct_wait_limit = Some(span)),
    ("settings.disconnect_grace", |d, span| settings(d).disconnect_grace = Some(span)),
    ("settings.orphan_after", |d, span| settings(d).orphan_after = Some(span)),
    ("settings.history_retention", |d, span| settings(d).history_retention = Some(span)),
    ("settings.handoff_deadline", |d, span| settings(d).handoff_deadline = Some(span)),
    ("settings.presence_lease", |d, span| settings(d).presence_lease = Some(span)),
    ("settings.estimated_wait_window", |d, span| settings(d).estimated_wait_window = Some(span)),
    ("queues[1].push_timeout", |d, span| d.queues[1].push_timeout = Some(span)),
    ("queues[1].overflow.max_wait", |d, span| {
        let queue = text("first");
        d.queues[1].overflow = Some(pb::Overflow { queue, max_wait: Some(span), max_length: 1 });
    }),
];

fn settings(directory: &mut pb::Directory) -> &mut pb::OrgSettings {
    directory.settings.get_or_insert_default()
}

fn whole() -> pb::Directory {
    pb::Directory {
        queues: vec![queue("first"), queue("care")],
        flows: vec![flow("f", pb::flow_decision::Target::Queue(text("care")))],
        skills: vec![pb::Skill { id: text("es"), name: String::new() }],
        ..org()
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, field: &str, span: Duration) {
    let status = answer.expect_err(field);
    let told = (status.code(), fields(&status));
    assert_eq!(told, (Code::InvalidArgument, vec![text(field)]), "{span:?}");
}

async fn of_other_calls(by: &mut Caller, span: Duration) {
    let wished = pb::AdditionalSkill { skill: Some(level("es", 1)), timeout: Some(span) };
    let open = pb::OpenSessionRequest {
        channel: text("wa"),
        external_reference: text("c"),
        target: Some(pb::open_session_request::Target::Queue(text("care"))),
        additional_skills: vec![wished.clone()],
        ..Default::default()
    };
    refused(by.sessions.open_session(open).await, "additional_skills[0].timeout", span);
    let watch = pb::WatchRequest {
        filter: Some(pb::WatchFilter::default()),
        kinds: vec![pb::WatchKind::Rep.into()],
        heartbeat_interval: Some(span),
        ..Default::default()
    };
    refused(by.watches.watch(watch).await.map(drop), "heartbeat_interval", span);
    let queue =
        pb::QueueFacts { queue: text("care"), estimated_wait: Some(span), ..Default::default() };
    let facts = pb::FlowFacts { channel: text("wa"), queues: vec![queue], ..Default::default() };
    let test = pb::TestFlowRequest {
        flow: Some(pb::test_flow_request::Flow::Id(text("f"))),
        facts: Some(facts),
        ..Default::default()
    };
    refused(by.directory.test_flow(test).await, "facts.queues[0].estimated_wait", span);
    let settings = pb::OrgSettings { disconnect_grace: Some(span), ..Default::default() };
    let update =
        pb::UpdateOrgSettingsRequest { org_settings: Some(settings), ..Default::default() };
    refused(by.directory.update_org_settings(update).await, "org_settings.disconnect_grace", span);
}

#[tokio::test]
async fn d4_r12_what_is_no_duration_is_refused_in_every_field_that_is_one() {
    let (_house, mut admin) = house().await;
    let good = pb::ApplyDirectoryRequest { directory: Some(whole()), ..Default::default() };
    admin.directory.apply_directory(good).await.expect("without them all is well");
    for span in BAD {
        for (field, set) in OF_A_DIRECTORY {
            let mut directory = whole();
            set(&mut directory, span);
            let request =
                pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
            let field = format!("directory.{field}");
            refused(admin.directory.apply_directory(request).await, &field, span);
        }
        of_other_calls(&mut admin, span).await;
    }
}
