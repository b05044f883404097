//! Queues, skills and flows in the directory: written, read, listed, compared, kept while in use.

use baton::pb;
use baton::pb::flow_decision::Target;
use tonic::Code;

use super::world::{Caller, House, org, refusal};

fn level(skill: &str, level: u32) -> pb::SkillLevel {
    pb::SkillLevel { skill: skill.to_owned(), level }
}

const fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn to(target: Target) -> Option<pb::FlowDecision> {
    Some(pb::FlowDecision { target: Some(target), ..Default::default() })
}

fn queue(id: &str) -> pb::Queue {
    pb::Queue {
        id: id.to_owned(),
        name: id.to_uppercase(),
        routing_model: pb::RoutingModel::LeastActive.into(),
        ..Default::default()
    }
}

fn billing() -> pb::Queue {
    pb::Queue {
        reps: vec!["ana".into(), "ben".into()],
        routing_model: pb::RoutingModel::MostAvailable.into(),
        push_timeout: seconds(20),
        overflow: Some(pb::Overflow {
            max_length: 5,
            max_wait: seconds(120),
            queue: "general".into(),
        }),
        default_priority: 3,
        channel_types: vec![pb::ChannelType::Whatsapp.into()],
        weight: Some(pb::Weight { weight: Some(pb::weight::Weight::CentiPercent(2_500)) }),
        max_length: 50,
        ..queue("billing")
    }
}

fn triage() -> pb::Flow {
    let wished = pb::AdditionalSkill { skill: Some(level("vip", 10)), timeout: seconds(30) };
    let skills = pb::SkillsTarget {
        required: vec![level("es", 50)],
        additional: vec![wished],
        queue: "billing".into(),
    };
    let rule = |name: &str, target| pb::FlowRule {
        name: name.to_owned(),
        condition: "session.priority < 3".into(),
        decision: to(target),
    };
    pb::Flow {
        id: "triage".into(),
        name: "Triage".into(),
        rules: vec![rule("spanish", Target::Skills(skills)), rule("", Target::Rep("ana".into()))],
        fallback: Some(pb::FlowDecision {
            set_attributes: [("routed".to_owned(), "late".to_owned())].into(),
            set_priority: Some(9),
            target: Some(Target::Queue("general".into())),
        }),
    }
}

fn routed_org() -> pb::Directory {
    let skill = |id: &str| pb::Skill { id: id.to_owned(), name: id.to_owned() };
    let mut directory = pb::Directory {
        skills: vec![skill("es"), skill("vip")],
        queues: vec![billing(), queue("general")],
        flows: vec![triage()],
        ..org()
    };
    directory.reps[0].skills = vec![level("es", 80)];
    directory.channels[0].fallback_queue = "general".into();
    let configuration = &mut directory.presence_configurations[0];
    configuration.push_timeout = seconds(15);
    configuration.status_after_decline = "lunch".into();
    configuration.status_after_push_timeout = "training".into();
    configuration.recipient_restriction = Some(pb::RecipientRestriction {
        queues: vec!["billing".into()],
        flows: vec!["triage".into()],
        profiles: vec!["agents".into()],
        ..Default::default()
    });
    let settings = directory.settings.get_or_insert_default();
    settings.estimated_wait_min_samples = Some(3);
    settings.estimated_wait_window = seconds(120);
    settings.time_zone = "Europe/Berlin".into();
    settings.business_hours =
        vec![pb::BusinessHours { weekday: 1, from_minute: 540, to_minute: 1_440 }];
    directory
}

async fn routed() -> (House, Caller) {
    let house = House::new().await;
    let mut admin = house.admin();
    let directory = Some(routed_org());
    let request = pb::ApplyDirectoryRequest { directory, ..Default::default() };
    admin.directory.apply_directory(request).await.expect("the org is right");
    (house, admin)
}

#[tokio::test]
async fn queues_skills_and_flows_come_back_as_they_were_written() {
    let (_house, mut admin) = routed().await;
    let d = &mut admin.directory;
    let whole = d.get_directory(pb::GetDirectoryRequest::default()).await.expect("it is there");
    let read = whole.into_inner().directory.expect("a directory");
    let written = routed_org();
    assert_eq!(read.skills, written.skills);
    assert_eq!(read.queues, written.queues);
    assert_eq!(read.flows, written.flows);
    assert_eq!(read.reps[0].skills, written.reps[0].skills);
    assert_eq!(read.channels[0].fallback_queue, "general");
    let restriction = &read.presence_configurations[0].recipient_restriction;
    assert_eq!(*restriction, written.presence_configurations[0].recipient_restriction);
    assert_eq!(read.presence_configurations[0].status_after_decline, "lunch");
    let settings = read.settings.as_ref().expect("settings");
    assert_eq!(settings.time_zone, "Europe/Berlin");
    assert_eq!(settings.estimated_wait_window, seconds(120));
    let again = pb::ApplyDirectoryRequest { directory: Some(read), ..Default::default() };
    let again = d.apply_directory(again).await.expect("as it was read").into_inner();
    assert_eq!(again.changes, [], "what is read can be applied");

    let get = pb::GetQueueRequest { id: "billing".into(), ..Default::default() };
    assert_eq!(d.get_queue(get).await.expect("there").into_inner().queue, Some(billing()));
    let get = pb::GetFlowRequest { id: "triage".into(), ..Default::default() };
    assert_eq!(d.get_flow(get).await.expect("there").into_inner().flow, Some(triage()));
    let list = pb::ListSkillsRequest { query: "VI".into(), ..Default::default() };
    let skills = d.list_skills(list).await.expect("a list").into_inner().skills;
    assert_eq!(skills.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["vip"]);
    let first = pb::ListQueuesRequest { page_size: 1, ..Default::default() };
    let page = d.list_queues(first).await.expect("a page").into_inner();
    let page_token = page.next_page_token;
    let next = pb::ListQueuesRequest { page_size: 1, page_token, ..Default::default() };
    let rest = d.list_queues(next).await.expect("a page").into_inner();
    assert_eq!([&page.queues[0].id, &rest.queues[0].id], ["billing", "general"]);
}

#[tokio::test]
async fn a_diff_names_the_fields_of_queues_and_flows() {
    let (_house, mut admin) = routed().await;
    let mut changed = routed_org();
    changed.queues[0].reps.pop();
    changed.queues[0].max_length = 0;
    changed.flows[0].rules.clear();
    changed.skills[1].name = "Very important".into();
    changed.reps[0].skills[0].level = 90;
    changed.channels[0].fallback_queue = String::new();
    let request =
        pb::ApplyDirectoryRequest { directory: Some(changed), dry_run: true, ..Default::default() };
    let dry = admin.directory.apply_directory(request.clone()).await.expect("a dry run");
    let request = pb::ApplyDirectoryRequest { dry_run: false, ..request };
    let applied = admin.directory.apply_directory(request).await.expect("it fits").into_inner();
    assert_eq!(applied.changes, dry.into_inner().changes);
    let lines: Vec<_> = applied
        .changes
        .iter()
        .map(|c| format!("{} {}", c.id, c.changed_fields.join(",")))
        .collect();
    let expected =
        ["vip name", "ana skills", "billing reps,max_length", "wa fallback_queue", "triage rules"];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn d3_what_queues_and_flows_name_stays() {
    let (_house, mut admin) = routed().await;
    let d = &mut admin.directory;
    let in_use = (Code::FailedPrecondition, "IN_USE".to_owned());
    let queue = |id: &str| pb::DeleteQueueRequest { id: id.into(), ..Default::default() };
    let skill = |id: &str| pb::DeleteSkillRequest { id: id.into(), ..Default::default() };
    let flow = pb::DeleteFlowRequest { id: "triage".into(), ..Default::default() };
    let rep = pb::DeleteRepRequest { id: "ben".into(), ..Default::default() };
    let refused = d.delete_queue(queue("general")).await.expect_err("much uses it");
    let said = "queue general is in use by channel wa, queue billing, flow triage";
    assert_eq!(refused.message(), said);
    assert_eq!(refusal(d.delete_queue(queue("billing")).await), in_use);
    assert_eq!(refusal(d.delete_skill(skill("es")).await), in_use);
    assert_eq!(refusal(d.delete_skill(skill("vip")).await), in_use);
    assert_eq!(refusal(d.delete_flow(flow.clone()).await), in_use);
    assert_eq!(refusal(d.delete_rep(rep).await), in_use);
    let status = pb::DeletePresenceStatusRequest { id: "training".into(), ..Default::default() };
    assert_eq!(refusal(d.delete_presence_status(status).await), in_use);

    let request = pb::ApplyDirectoryRequest {
        directory: Some(pb::Directory { queues: vec![], flows: vec![], skills: vec![], ..org() }),
        prune: true,
        ..Default::default()
    };
    let pruned = d.apply_directory(request).await.expect("nothing uses them then").into_inner();
    let deleted = pruned.changes.iter().filter(|c| c.action() == pb::DirectoryAction::Deleted);
    assert_eq!(deleted.count(), 5);
    assert_eq!(refusal(d.delete_flow(flow).await).0, Code::NotFound);
}

#[tokio::test]
async fn settings_for_estimates_and_hours_change_one_by_one() {
    let (_house, mut admin) = routed().await;
    let update = |org_settings, paths: &[&str]| pb::UpdateOrgSettingsRequest {
        org_settings: Some(org_settings),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
        }),
        ..Default::default()
    };
    let samples = pb::OrgSettings { estimated_wait_min_samples: Some(5), ..Default::default() };
    let request = update(samples, &["estimated_wait_min_samples", "time_zone"]);
    let updated = admin.directory.update_org_settings(request).await.expect("in range");
    let settings = updated.into_inner().org_settings.expect("settings");
    assert_eq!(settings.estimated_wait_min_samples, Some(5));
    assert_eq!(settings.time_zone, "UTC", "named and absent: its default");
    assert_eq!(settings.business_hours.len(), 1, "left as it was");
}

#[tokio::test]
async fn d1_an_apply_changes_the_settings_that_it_names_and_replaces_them_only_if_that_is_asked() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    let settings =
        |settings: pb::OrgSettings, replace: bool, dry_run: bool| pb::ApplyDirectoryRequest {
            directory: Some(pb::Directory { settings: Some(settings), ..Default::default() }),
            replace_settings: replace,
            dry_run,
            ..Default::default()
        };
    let some = pb::OrgSettings { max_transfers_per_session: Some(3), ..Default::default() };
    for dry_run in [true, false] {
        let request = settings(some.clone(), false, dry_run);
        let applied = admin.directory.apply_directory(request).await.expect("it is right");
        assert_eq!(applied.into_inner().changes.len(), 1);
    }
    let read = async |admin: &mut Caller| {
        let read = admin.directory.get_org_settings(pb::GetOrgSettingsRequest::default()).await;
        read.expect("they may be read").into_inner().org_settings.expect("settings")
    };
    let now = read(&mut admin).await;
    assert_eq!(now.max_transfers_per_session, Some(3));
    assert_eq!(
        now.skills_based_and_direct_to_rep_routing,
        Some(true),
        "it wasn't named, and stays"
    );
    let replaced = settings(some, true, false);
    admin.directory.apply_directory(replaced).await.expect("it is right");
    let now = read(&mut admin).await;
    assert_eq!(now.max_transfers_per_session, Some(3));
    assert_eq!(now.skills_based_and_direct_to_rep_routing, Some(false), "the default");
}

#[tokio::test]
async fn r11_an_apply_counts_as_a_whole() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.configure(super::site::routed_org()).await;
    let (waiting, _) = admin.enqueue("c-1", "care").await;
    let org = |change: fn(&mut pb::Directory)| {
        let mut directory = super::site::routed_org();
        change(&mut directory);
        pb::ApplyDirectoryRequest { directory: Some(directory), prune: true, ..Default::default() }
    };
    // Cleo goes, and ben comes for her.
    let replaced = org(|d| {
        d.reps.retain(|rep| rep.id != "cleo");
        d.queues[1].reps = vec!["ben".into()];
    });
    // Nobody comes for her, or somebody who couldn't.
    let alone = org(|d| {
        d.reps.retain(|rep| rep.id != "cleo");
        d.queues[1].reps.clear();
    });
    let unlicensed = org(|d| {
        d.reps[2].licences.clear();
        d.queues[1].reps = vec!["cleo".into()];
    });
    let gone = org(|d| d.queues.truncate(1));
    let in_use = (Code::FailedPrecondition, "IN_USE".to_owned());
    for request in [&alone, &unlicensed, &gone] {
        let dry = pb::ApplyDirectoryRequest { dry_run: true, ..request.clone() };
        for request in [dry, request.clone()] {
            let refused = admin.directory.apply_directory(request).await;
            assert_eq!(refusal(refused), in_use);
        }
    }
    admin.directory.apply_directory(replaced).await.expect("somebody could take it");
    assert!(!admin.session(&waiting.id).await.stranded);
    let moved = pb::ApplyDirectoryRequest { move_to: "billing".into(), ..gone };
    let moved = admin.directory.apply_directory(moved).await.expect("it is moved").into_inner();
    let line = admin.session_since(&waiting.id, moved.revision).await.waiting_line;
    assert_eq!(
        line.and_then(|line| line.line),
        Some(pb::waiting_line::Line::Queue("billing".into()))
    );
}
