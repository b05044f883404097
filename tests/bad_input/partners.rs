//! Partners, and what is theirs: bad fields, own ids that name two things, queues that can't be others' way on, what is in
//! use, and presences that aren't theirs to drive (N1, N3, N4, N8, D1, D3).

use baton::pb;
use baton::pb::flow_decision::Target;
use pb::status_choice::Whose;
use tonic::Code;

use super::routing::{flow, level, queue, seconds, upsert_flow};
use super::world::{self, Caller, House, org, refusal};
use super::{DENIED, INVALID, MISSING, NOBODY, fields, house, long, state, text};

pub fn partner(id: &str) -> pb::Partner {
    pb::Partner { id: text(id), ..Default::default() }
}

fn alias(partner: &str, id: &str) -> pb::PartnerAlias {
    pb::PartnerAlias { partner: text(partner), id: text(id) }
}

fn driven(id: &str, partners: &[pb::PartnerAlias]) -> pb::Rep {
    pb::Rep { partners: partners.to_vec(), ..world::rep(id) }
}

/// A queue of acme's.
fn theirs(id: &str) -> pb::Queue {
    pb::Queue { partner: text("acme"), ..queue(id) }
}

fn channel(id: &str) -> pb::Channel {
    pb::Channel { id: text(id), ..org().channels[0].clone() }
}

/// A channel that acme routes.
fn routed(id: &str) -> pb::Channel {
    pb::Channel { routing_partner: text("acme"), ..channel(id) }
}

fn apply(directory: pb::Directory) -> pb::ApplyDirectoryRequest {
    pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() }
}

fn upsert_queue(queue: pb::Queue) -> pb::UpsertQueueRequest {
    pb::UpsertQueueRequest { queue: Some(queue), ..Default::default() }
}

fn upsert_channel(channel: pb::Channel) -> pb::UpsertChannelRequest {
    pb::UpsertChannelRequest { channel: Some(channel), ..Default::default() }
}

fn upsert_rep(rep: pb::Rep) -> pb::UpsertRepRequest {
    pb::UpsertRepRequest { rep: Some(rep), ..Default::default() }
}

fn target(target: pb::default_target::Target) -> Option<pb::DefaultTarget> {
    Some(pb::DefaultTarget { target: Some(target) })
}

/// The fields that an apply is refused for, by all of them at once.
async fn refused_fields(by: &mut Caller, directory: pb::Directory) -> Vec<String> {
    let status = by.directory.apply_directory(apply(directory)).await.expect_err("much is wrong");
    assert_eq!(status.code(), Code::InvalidArgument, "{}", status.message());
    let mut named = fields(&status);
    named.sort();
    named
}

/// The house with two partners. Acme drives ana, whom it calls 7; both drive ben; nobody drives cleo. `wa` is Baton's, `ccaas`
/// is routed by acme, `theirs` is its queue, `ours` is Baton's.
async fn partnered() -> (House, Caller) {
    let (house, mut admin) = house().await;
    let mut status = org().presence_statuses[1].clone();
    status.partner_ids = vec![alias("acme", "BREAK"), alias("umbra", "away")];
    let directory = pb::Directory {
        partners: vec![partner("acme"), partner("umbra")],
        presence_statuses: vec![status],
        reps: vec![
            driven("ana", &[alias("acme", "7")]),
            driven("ben", &[alias("acme", ""), alias("umbra", "7")]),
        ],
        queues: vec![theirs("theirs"), pb::Queue { reps: vec![text("ana")], ..queue("ours") }],
        channels: vec![routed("ccaas")],
        ..Default::default()
    };
    admin.directory.apply_directory(apply(directory)).await.expect("it is right");
    (house, admin)
}

#[tokio::test]
async fn d1_every_bad_field_of_partners_and_of_what_is_theirs_is_named_at_once() {
    let (_house, mut admin) = house().await;
    let overflow = Some(pb::Overflow { max_length: 1, queue: text("f"), ..Default::default() });
    let directory = pb::Directory {
        partners: vec![
            partner("a b"),
            pb::Partner {
                name: long(257),
                handoff_deadline: seconds(601),
                routing_deadline: seconds(0),
                routing_lease: seconds(4),
                away_after: 101,
                sync_deletion_guard_percent: Some(101),
                ..partner("acme")
            },
            partner("umbra"),
            partner("umbra"),
        ],
        presence_statuses: vec![pb::PresenceStatus {
            partner_ids: vec![alias("nobody", "x"), alias("umbra", "x\ty")],
            ..org().presence_statuses[1].clone()
        }],
        reps: vec![driven("dan", &[alias("", "1"), alias("umbra", "1"), alias("umbra", "2")])],
        queues: vec![
            pb::Queue {
                reps: vec![text("ana")],
                routing_model: pb::RoutingModel::MostAvailable.into(),
                overflow,
                partner_queue: text("a b"),
                ..theirs("p")
            },
            pb::Queue { routing_model: pb::RoutingModel::External.into(), ..queue("e") },
            pb::Queue { partner_queue: text("7"), ..queue("f") },
            pb::Queue { partner: text("nobody"), ..queue("g") },
        ],
        channels: vec![pb::Channel {
            routing_partner: text("nobody"),
            recipient_types: vec![0, 99, 1, 2, 1],
            default_target: Some(pb::DefaultTarget::default()),
            adapters: vec![text("a b"), text("x"), text("x")],
            ..channel("one")
        }],
        ..Default::default()
    };
    let mut expected = [
        "partners[0].id",
        "partners[1].name",
        "partners[1].handoff_deadline",
        "partners[1].routing_deadline",
        "partners[1].routing_lease",
        "partners[1].away_after",
        "partners[1].sync_deletion_guard_percent",
        "partners[3].id",
        "presence_statuses[0].partner_ids[0].partner",
        "presence_statuses[0].partner_ids[1].id",
        "reps[0].partners[0].partner",
        "reps[0].partners[2].partner",
        "queues[0].reps",
        "queues[0].routing_model",
        "queues[0].overflow",
        "queues[0].partner_queue",
        "queues[1].routing_model",
        "queues[2].partner_queue",
        "queues[3].partner",
        "channels[0].routing_partner",
        "channels[0].recipient_types[0]",
        "channels[0].recipient_types[1]",
        "channels[0].recipient_types[4]",
        "channels[0].default_target.target",
        "channels[0].adapters[0]",
        "channels[0].adapters[2]",
    ]
    .map(|field| format!("directory.{field}"));
    expected.sort();
    assert_eq!(refused_fields(&mut admin, directory).await, expected);
}

#[tokio::test]
async fn d1_what_is_a_partners_names_what_is_there_and_not_too_much() {
    let (_house, mut admin) = partnered().await;
    let many: Vec<_> = (0..17).map(|i| alias(&format!("p{i}"), "")).collect();
    let contact = pb::ExternalContactRef { partner: text("nobody"), contact: text("42") };
    let directory = pb::Directory {
        reps: vec![driven("dan", &many)],
        channels: vec![
            pb::Channel { partner_routes_reps: true, ..channel("one") },
            pb::Channel {
                default_target: target(pb::default_target::Target::Flow(text("none"))),
                adapters: (0..33).map(|i| i.to_string()).collect(),
                ..routed("two")
            },
        ],
        flows: vec![flow("f", Target::ExternalContact(contact))],
        ..Default::default()
    };
    let mut expected: Vec<String> =
        (0..16).map(|i| format!("directory.reps[0].partners[{i}].partner")).collect();
    expected.extend(
        [
            "reps[0].partners",
            "channels[0].partner_routes_reps",
            "channels[1].default_target.flow",
            "channels[1].adapters",
            "flows[0].fallback.external_contact.partner",
        ]
        .map(|field| format!("directory.{field}")),
    );
    expected.sort();
    assert_eq!(refused_fields(&mut admin, directory).await, expected);
    let d = &mut admin.directory;
    refused! {
        "none": d, upsert_partner(pb::UpsertPartnerRequest::default()) => INVALID;
        "no id": d, get_partner(pb::GetPartnerRequest::default()) => INVALID;
        "unknown": d, get_partner(pb::GetPartnerRequest { id: text("x"), ..Default::default() }) => MISSING;
        "too many": d, list_partners(pb::ListPartnersRequest { page_size: 501, ..Default::default() }) => INVALID;
        "no id": d, delete_partner(pb::DeletePartnerRequest::default()) => INVALID;
        "unknown": d, delete_partner(pb::DeletePartnerRequest { id: text("x"), ..Default::default() }) => MISSING;
    }
}

#[tokio::test]
async fn n8_a_partners_own_id_names_one_thing_of_a_kind() {
    let (_house, mut admin) = partnered().await;
    let one = |id: &str, own: &str| driven(id, &[alias("acme", own)]);
    // Ana is 7 already; two who come together are told apart by who comes first.
    let status = admin.directory.upsert_rep(upsert_rep(one("cleo", "7"))).await;
    let status = status.expect_err("ana has it");
    assert_eq!(fields(&status), ["rep.partners[0].id"]);
    assert!(status.message().contains("ana"), "whose it is: {}", status.message());
    let both = pb::Directory {
        reps: vec![one("dan", "8"), one("cleo", "8")],
        queues: vec![pb::Queue { partner_queue: text("8"), ..theirs("theirs") }],
        presence_statuses: vec![pb::PresenceStatus {
            partner_ids: vec![alias("acme", "BREAK")],
            ..org().presence_statuses[2].clone()
        }],
        ..Default::default()
    };
    let expected =
        ["directory.presence_statuses[0].partner_ids[0].id", "directory.reps[1].partners[0].id"];
    assert_eq!(refused_fields(&mut admin, both).await, expected);
    // Of another partner, or of another kind, it names something else.
    let others = pb::Directory {
        reps: vec![driven("cleo", &[alias("umbra", "8")])],
        queues: vec![pb::Queue { partner_queue: text("7"), ..theirs("theirs") }],
        ..Default::default()
    };
    admin.directory.apply_directory(apply(others)).await.expect("nothing is in its way");
    // Who gives it up in the same step, or goes, isn't in its way.
    let swapped =
        pb::Directory { reps: vec![one("cleo", "7"), one("ana", "9")], ..Default::default() };
    admin.directory.apply_directory(apply(swapped)).await.expect("ana gives it up");
    let whole =
        pb::Directory { partners: vec![partner("acme")], reps: vec![one("ana", "7")], ..org() };
    let pruned = pb::ApplyDirectoryRequest { prune: true, ..apply(whole) };
    admin.directory.apply_directory(pruned).await.expect("cleo goes");
}

#[tokio::test]
async fn n1_a_partners_queue_is_nobodys_way_on() {
    let (_house, mut admin) = partnered().await;
    let over =
        |to: &str| Some(pb::Overflow { max_length: 1, queue: text(to), ..Default::default() });
    let skills = |to: &str| pb::SkillsTarget {
        required: vec![level("es", 1)],
        queue: text(to),
        ..Default::default()
    };
    let to_queue = |to: &str| target(pb::default_target::Target::Queue(text(to)));
    let chat =
        pb::Queue { channel_types: vec![pb::ChannelType::WebChatV2.into()], ..queue("chat") };
    let directory = pb::Directory {
        skills: vec![pb::Skill { id: text("es"), ..Default::default() }],
        queues: vec![pb::Queue { overflow: over("theirs"), ..queue("one") }, chat],
        flows: vec![flow("f", Target::Skills(skills("theirs")))],
        channels: vec![
            pb::Channel { fallback_queue: text("theirs"), ..routed("two") },
            pb::Channel { default_target: to_queue("theirs"), ..channel("three") },
            pb::Channel { default_target: to_queue("chat"), ..channel("four") },
        ],
        ..Default::default()
    };
    let expected = [
        "directory.channels[0].fallback_queue",
        "directory.channels[1].default_target.queue",
        "directory.channels[2].default_target.queue",
        "directory.flows[0].fallback.skills.queue",
        "directory.queues[0].overflow.queue",
    ];
    assert_eq!(refused_fields(&mut admin, directory).await, expected);
    // Nor does a queue that is become one.
    let good = pb::Directory {
        skills: vec![pb::Skill { id: text("es"), ..Default::default() }],
        queues: vec![
            queue("over"),
            pb::Queue { overflow: over("over"), ..queue("one") },
            queue("back"),
            queue("first"),
            queue("skilled"),
        ],
        flows: vec![flow("f", Target::Skills(skills("skilled")))],
        channels: vec![pb::Channel {
            fallback_queue: text("back"),
            default_target: to_queue("first"),
            ..channel("two")
        }],
        ..Default::default()
    };
    let d = &mut admin.directory;
    d.apply_directory(apply(good)).await.expect("they are Baton's");
    refused! {
        "overflow": d, upsert_queue(upsert_queue(theirs("over"))) => state("IN_USE");
        "fallback": d, upsert_queue(upsert_queue(theirs("back"))) => state("IN_USE");
        "default target": d, upsert_queue(upsert_queue(theirs("first"))) => state("IN_USE");
        "skills": d, upsert_queue(upsert_queue(theirs("skilled"))) => state("IN_USE");
        "nothing moves there": d, delete_queue(pb::DeleteQueueRequest { id: text("ours"), move_to: text("theirs"), ..Default::default() }) => INVALID;
        "contact": d, upsert_flow(upsert_flow(flow("g", Target::ExternalContact(pb::ExternalContactRef::default())))) => INVALID;
    }
    let first = pb::Channel { default_target: to_queue("theirs"), ..routed("five") };
    d.upsert_channel(upsert_channel(first)).await.expect("acme routes the channel and the queue");
    let narrowed =
        pb::Queue { channel_types: vec![pb::ChannelType::WebChatV2.into()], ..queue("first") };
    refused! {
        "default target": d, upsert_queue(upsert_queue(narrowed)) => state("IN_USE");
        "default target": d, upsert_channel(upsert_channel(pb::Channel { default_target: to_queue("theirs"), ..channel("five") })) => INVALID;
    }
}

#[tokio::test]
async fn d3_a_partner_whom_something_names_stays() {
    let (_house, mut admin) = partnered().await;
    let gone = |id: &str| pb::DeletePartnerRequest { id: text(id), ..Default::default() };
    let d = &mut admin.directory;
    let status = d.delete_partner(gone("umbra")).await.expect_err("ben is driven by it");
    assert!(status.message().contains("presence_status lunch, rep ben"), "{}", status.message());
    let status = d.delete_partner(gone("acme")).await.expect_err("it has everything");
    for user in ["channel ccaas", "queue theirs", "rep ana", "rep ben", "presence_status lunch"] {
        assert!(status.message().contains(user), "{user}: {}", status.message());
    }
    d.upsert_rep(upsert_rep(driven("ben", &[]))).await.expect("nobody drives ben");
    let lunch = Some(org().presence_statuses[1].clone());
    let lunch = pb::UpsertPresenceStatusRequest { presence_status: lunch, ..Default::default() };
    d.upsert_presence_status(lunch).await.expect("no ids of theirs");
    d.delete_partner(gone("umbra")).await.expect("nobody names it");
    refused! {
        "gone": d, delete_partner(gone("umbra")) => MISSING;
        "used": d, delete_partner(gone("acme")) => state("IN_USE");
    }
}

fn open(rep: &str, status: &str) -> pb::OpenPresenceRequest {
    pb::OpenPresenceRequest { rep: text(rep), status: text(status), ..Default::default() }
}

#[tokio::test]
async fn n3_a_partner_drives_its_own_reps_and_knows_no_others() {
    let (house, mut admin) = partnered().await;
    let cleo = admin.sign_in("cleo").await;
    let mut acme = house.caller("partner", "acme");
    let mut umbra = house.caller("partner", "umbra");
    let ana = acme.presence.open_presence(open("7", "available")).await.expect("ana is its 7");
    let ana = ana.into_inner();
    assert_eq!(ana.rep_presence.as_ref().map(|shown| shown.rep.as_str()), Some("ana"));
    let of_rep = |rep: &str| Some(pb::set_status_request::Whose::Rep(text(rep)));
    let of = |presence: &str| Some(pb::set_status_request::Whose::Presence(text(presence)));
    let set = |whose, status: &str| pb::SetStatusRequest {
        whose,
        status: text(status),
        ..Default::default()
    };
    let close = |id: &str| pb::ClosePresenceRequest {
        whose: Some(pb::close_presence_request::Whose::Presence(text(id))),
        ..Default::default()
    };
    let (p, u) = (&mut acme.presence, &mut umbra.presence);
    refused! {
        "not driven": p, open_presence(open("cleo", "available")) => MISSING;
        "nobody": p, open_presence(open("dan", "available")) => MISSING;
        "another's own id": p, open_presence(open("7", "away")) => MISSING;
        "not driven": p, set_status(set(of_rep("cleo"), "lunch")) => MISSING;
        "not driven": p, set_status(set(of(&cleo), "lunch")) => MISSING;
        "not driven": p, close_presence(close(&cleo)) => MISSING;
        "another's rep": u, set_status(set(of(&ana.presence), "lunch")) => MISSING;
        "another's rep": u, close_presence(close(&ana.presence)) => MISSING;
        "nobody's": p, close_presence(close(NOBODY)) => MISSING;
    }
    let set = p.set_status(set(of_rep("7"), "BREAK")).await.expect("by its own ids").into_inner();
    let presence = set.rep_presence.and_then(|shown| shown.presence).expect("she is there");
    assert_eq!((presence.rep.as_str(), presence.status.as_str()), ("ana", "lunch"));
    assert_eq!(presence.cause(), pb::PresenceCause::Rep, "it is as if she had");
    assert_eq!(presence.changed_by.map(|by| by.id), Some(text("acme")));
    let presences = vec![ana.presence.clone(), cleo, text(NOBODY)];
    let renewed = p.keep_alive(pb::KeepAliveRequest { presences }).await.expect("answered");
    let verdicts: Vec<_> = renewed.into_inner().results.iter().map(|r| r.verdict()).collect();
    use pb::KeepAliveVerdict::{NotFound, Renewed};
    assert_eq!(verdicts, [Renewed, NotFound, NotFound]);
}

fn sign_in(rep: &str, status: &str) -> pb::SignIn {
    pb::SignIn { rep: text(rep), status: text(status), ..Default::default() }
}

fn choice(whose: Option<Whose>, status: &str) -> pb::StatusChoice {
    pb::StatusChoice { whose, status: text(status), ..Default::default() }
}

fn reasons(verdicts: &[pb::PresenceVerdict]) -> Vec<&'static str> {
    let name = |verdict: &pb::PresenceVerdict| verdict.reason().as_str_name();
    verdicts.iter().map(|v| name(v).trim_start_matches("ERROR_REASON_")).collect()
}

#[tokio::test]
async fn n4_of_many_presences_each_has_its_verdict() {
    let (house, mut admin) = partnered().await;
    let cleo = admin.sign_in("cleo").await;
    let mut acme = house.caller("partner", "acme");
    let sign_ins = vec![
        sign_in("7", "available"),
        sign_in("cleo", "available"),
        sign_in("ana", "BREAK"),
        sign_in("a b", ""),
        sign_in("ben", "training"),
        pb::SignIn { device: long(257), ..sign_in("ben", "available") },
        sign_in("nobody", "available"),
        sign_in("ben", "BREAK"),
    ];
    let request = pb::OpenPresencesRequest { sign_ins, request_id: text("shift") };
    let opened = acme.presence.open_presences(request.clone()).await.expect("answered");
    let opened = opened.into_inner();
    let verdicts = &opened.verdicts;
    let refused = "INVALID_FIELD";
    let expected = [
        "UNSPECIFIED",
        "NOT_FOUND",
        refused,
        refused,
        "STATUS_NOT_ALLOWED",
        refused,
        "NOT_FOUND",
        refused,
    ];
    assert_eq!(reasons(verdicts), expected, "ben was named before, if in vain: {verdicts:#?}");
    assert_eq!((verdicts[0].asked.as_str(), verdicts[0].rep.as_str()), ("7", "ana"));
    assert!(verdicts[3].text.contains("sign_ins[3].rep") && verdicts[3].text.contains("status"));
    assert_eq!(admin.rep_presence("ben").await.presence, None, "a refused one leaves nothing");
    assert!(admin.rep_presence("ana").await.connected);
    let again = acme.presence.open_presences(request).await.expect("the same again").into_inner();
    assert_eq!((again.verdicts, again.revision), (opened.verdicts.clone(), opened.revision));

    let own = Some(Whose::Presence(opened.verdicts[0].presence.clone()));
    let choices = vec![
        choice(Some(Whose::Presence(cleo)), "lunch"),
        choice(None, "lunch"),
        choice(own, "BREAK"),
        choice(Some(Whose::Rep(text("7"))), "available"),
        choice(Some(Whose::Rep(text("ben"))), "lunch"),
        choice(Some(Whose::Presence(text(NOBODY))), "lunch"),
    ];
    let request = pb::SetStatusesRequest { choices, ..Default::default() };
    let set = acme.presence.set_statuses(request).await.expect("answered").into_inner();
    let expected = ["NOT_FOUND", refused, "UNSPECIFIED", refused, "PRESENCE_CLOSED", "NOT_FOUND"];
    assert_eq!(reasons(&set.verdicts), expected);
    assert_eq!(admin.rep_presence("ana").await.status, "lunch");
    assert_eq!(admin.rep_presence("cleo").await.status, "available");
}

#[tokio::test]
async fn n4_many_are_one_to_a_thousand_and_for_those_who_drive() {
    let (house, mut admin) = partnered().await;
    let many = |count| pb::OpenPresencesRequest {
        sign_ins: vec![sign_in("x", "lunch"); count],
        ..Default::default()
    };
    let choices = |count| pb::SetStatusesRequest {
        choices: vec![choice(None, ""); count],
        ..Default::default()
    };
    let mut ana = house.rep("ana");
    let (p, r) = (&mut admin.presence, &mut ana.presence);
    refused! {
        "none": p, open_presences(many(0)) => INVALID;
        "too many": p, open_presences(many(1_001)) => INVALID;
        "none": p, set_statuses(choices(0)) => INVALID;
        "too many": p, set_statuses(choices(1_001)) => INVALID;
        "request id": p, open_presences(pb::OpenPresencesRequest { request_id: long(129), ..many(1) }) => INVALID;
        "a rep": r, open_presences(many(1)) => DENIED;
        "a rep": r, set_statuses(choices(1)) => DENIED;
    }
    let most = p.open_presences(many(1_000)).await.expect("as many as may be").into_inner();
    assert_eq!(most.verdicts.len(), 1_000);
}
