//! Whose is whose (N8): partners, their queues, channels, reps and own ids, written at one server and read at the other,
//! in memory and on Redis; and the presences that a partner drives, many at once (N4).

use baton::pb;
use pb::status_choice::Whose;

use super::site::Site;
use super::world::org;

const fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn alias(partner: &str, id: &str) -> pb::PartnerAlias {
    pb::PartnerAlias { partner: partner.to_owned(), id: id.to_owned() }
}

fn acme() -> pb::Partner {
    pb::Partner {
        id: "acme".into(),
        name: "Acme".into(),
        handoff_deadline: seconds(45),
        routing_deadline: seconds(20),
        routing_lease: seconds(90),
        away_after: 3,
        sync_deletion_guard_percent: Some(0),
    }
}

/// A partner with what it has where nothing is said.
fn umbra() -> pb::Partner {
    pb::Partner {
        id: "umbra".into(),
        name: "umbra".into(),
        routing_lease: seconds(60),
        away_after: 5,
        sync_deletion_guard_percent: Some(20),
        ..Default::default()
    }
}

fn theirs() -> pb::Queue {
    pb::Queue {
        id: "theirs".into(),
        name: "theirs".into(),
        routing_model: pb::RoutingModel::External.into(),
        partner: "acme".into(),
        partner_queue: "q-7".into(),
        ..Default::default()
    }
}

fn contact() -> pb::Flow {
    let contact = pb::ExternalContactRef { partner: "umbra".into(), contact: "42".into() };
    let target = Some(pb::flow_decision::Target::ExternalContact(contact));
    let fallback = Some(pb::FlowDecision { target, ..Default::default() });
    pb::Flow { id: "out".into(), name: "out".into(), fallback, ..Default::default() }
}

fn to(target: pb::default_target::Target) -> Option<pb::DefaultTarget> {
    Some(pb::DefaultTarget { target: Some(target) })
}

fn partnered() -> pb::Directory {
    use pb::default_target::Target;
    let mut directory = org();
    directory.partners = vec![acme(), umbra()];
    directory.queues = vec![theirs()];
    directory.flows = vec![contact()];
    directory.presence_statuses[1].partner_ids = vec![alias("acme", "BREAK")];
    directory.reps[0].partners = vec![alias("acme", "7"), alias("umbra", "")];
    directory.reps[1].partners = vec![alias("acme", "8")];
    let wa = &mut directory.channels[0];
    wa.routing_partner = "acme".into();
    wa.recipient_types =
        vec![pb::RecipientType::Queue.into(), pb::RecipientType::ExternalContact.into()];
    wa.default_target = to(Target::Queue("theirs".into()));
    wa.partner_routes_reps = true;
    wa.adapters = vec!["bridge".into(), "bridge-2".into()];
    let other = pb::Channel {
        id: "out".into(),
        default_target: to(Target::Flow("out".into())),
        ..org().channels[0].clone()
    };
    directory.channels.insert(0, other);
    directory
}

#[tokio::test]
async fn n8_what_is_partners_comes_back_as_it_was_written() {
    for site in [Site::in_memory().await, Site::on_redis().await] {
        let (mut here, mut there) = (site.a.admin(), site.b().admin());
        let at_least_revision = here.configure(partnered()).await;
        let get = pb::GetDirectoryRequest { at_least_revision };
        let whole = there.directory.get_directory(get).await.expect("it is there").into_inner();
        let (read, written) = (whole.directory.expect("a directory"), partnered());
        assert_eq!(read.partners, written.partners, "{}", site.name());
        assert_eq!((&read.queues, &read.flows), (&written.queues, &written.flows));
        assert_eq!(read.reps[0].partners, written.reps[0].partners);
        let status = |directory: &pb::Directory, id: &str| {
            let found = directory.presence_statuses.iter().find(|status| status.id == id);
            found.expect("it is there").partner_ids.clone()
        };
        assert_eq!(status(&read, "lunch"), status(&written, "lunch"));
        for (read, written) in read.channels.iter().zip(&written.channels) {
            assert_eq!(read.routing_partner, written.routing_partner);
            assert_eq!(read.recipient_types, written.recipient_types);
            assert_eq!(read.default_target, written.default_target);
            assert_eq!(read.partner_routes_reps, written.partner_routes_reps);
            assert_eq!(read.adapters, written.adapters);
        }
        let again = pb::ApplyDirectoryRequest { directory: Some(read), ..Default::default() };
        let again = there.directory.apply_directory(again).await.expect("as it was read");
        assert_eq!(again.into_inner().changes, [], "what is read can be applied");
    }
}

#[tokio::test]
async fn n8_partners_are_written_listed_and_deleted_one_by_one() {
    for site in [Site::in_memory().await, Site::on_redis().await] {
        let (mut here, mut there) = (site.a.admin(), site.b().admin());
        here.configure(org()).await;
        let mut at_least_revision = 0;
        for partner in [pb::Partner { id: "umbra".into(), ..Default::default() }, acme()] {
            let request = pb::UpsertPartnerRequest { partner: Some(partner), ..Default::default() };
            let saved = here.directory.upsert_partner(request).await.expect("it is right");
            at_least_revision = saved.into_inner().revision;
        }
        let get = pb::GetPartnerRequest { id: "umbra".into(), ..Default::default() };
        let found = there.directory.get_partner(get).await.expect("it is there").into_inner();
        assert_eq!(found.partner, Some(umbra()), "with what is in force");
        let query = "ACM".into();
        let list = pb::ListPartnersRequest { query, at_least_revision, ..Default::default() };
        let listed = there.directory.list_partners(list).await.expect("a list").into_inner();
        assert_eq!(listed.partners, [acme()]);
        let gone = pb::DeletePartnerRequest { id: "acme".into(), ..Default::default() };
        let gone = there.directory.delete_partner(gone).await.expect("nothing names it");
        let gone = gone.into_inner();
        assert_eq!(gone.partner, Some(acme()), "as it was");
        let at_least_revision = gone.revision;
        let list = pb::ListPartnersRequest { at_least_revision, ..Default::default() };
        let listed = here.directory.list_partners(list).await;
        let ids = listed.expect("a list").into_inner().partners.into_iter().map(|p| p.id);
        assert_eq!(ids.collect::<Vec<_>>(), ["umbra"]);
    }
}

#[tokio::test]
async fn n8_a_diff_names_the_fields_of_what_is_partners() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(partnered()).await;
    let mut changed = partnered();
    changed.partners[0].away_after = 4;
    changed.partners[0].routing_deadline = None;
    changed.partners.push(pb::Partner { id: "new".into(), ..Default::default() });
    changed.presence_statuses[1].partner_ids.clear();
    changed.reps[0].partners.pop();
    changed.queues[0].partner_queue.clear();
    let wa = &mut changed.channels[1];
    wa.recipient_types.pop();
    wa.adapters.pop();
    wa.default_target = None;
    wa.partner_routes_reps = false;
    let request =
        pb::ApplyDirectoryRequest { directory: Some(changed), dry_run: true, ..Default::default() };
    let dry = admin.directory.apply_directory(request.clone()).await.expect("a dry run");
    let request = pb::ApplyDirectoryRequest { dry_run: false, ..request };
    let applied = admin.directory.apply_directory(request).await.expect("it fits").into_inner();
    assert_eq!(applied.changes, dry.into_inner().changes);
    let lines: Vec<_> = applied
        .changes
        .iter()
        .map(|c| {
            let kind = c.kind().as_str_name().trim_start_matches("DIRECTORY_KIND_");
            format!("{kind} {} {}", c.id, c.changed_fields.join(","))
        })
        .collect();
    let expected = [
        "PRESENCE_STATUS lunch partner_ids",
        "REP ana partners",
        "QUEUE theirs partner_queue",
        "PARTNER acme routing_deadline,away_after",
        "PARTNER new ",
        "CHANNEL wa recipient_types,default_target,partner_routes_reps,adapters",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn n4_a_shift_signs_in_by_one_call_and_is_kept_signed_in() {
    for site in [Site::in_memory().await, Site::on_redis().await] {
        site.a.admin().configure(partnered()).await;
        let (mut here, mut there) =
            (site.a.caller("partner", "acme"), site.b().caller("partner", "acme"));
        let sign_in = |rep: &str| pb::SignIn {
            rep: rep.to_owned(),
            status: "available".to_owned(),
            device: "their desk".to_owned(),
        };
        let sign_ins = vec![sign_in("7"), sign_in("cleo"), sign_in("8")];
        let request = pb::OpenPresencesRequest { sign_ins, request_id: "shift".into() };
        let opened = here.presence.open_presences(request.clone()).await.expect("answered");
        let opened = opened.into_inner();
        assert_eq!((opened.lease, opened.renew_every), (seconds(30), seconds(10)));
        let reps: Vec<&str> = opened.verdicts.iter().map(|v| v.rep.as_str()).collect();
        assert_eq!(reps, ["ana", "", "ben"], "{}", site.name());
        // The same call at the other server tells the same, and does nothing.
        let again = there.presence.open_presences(request).await.expect("the same").into_inner();
        assert_eq!((&again.verdicts, again.revision), (&opened.verdicts, opened.revision));
        let presences: Vec<String> =
            opened.verdicts.iter().map(|v| v.presence.clone()).filter(|p| !p.is_empty()).collect();
        let renew = pb::KeepAliveRequest { presences: presences.clone() };
        let renewed = there.presence.keep_alive(renew).await.expect("answered").into_inner();
        let renewed: Vec<_> = renewed.results.iter().map(|r| r.verdict()).collect();
        assert_eq!(renewed, [pb::KeepAliveVerdict::Renewed; 2]);

        let choice = |whose| pb::StatusChoice {
            whose: Some(whose),
            status: "BREAK".to_owned(),
            ..Default::default()
        };
        let choices =
            vec![choice(Whose::Rep("7".into())), choice(Whose::Presence(presences[1].clone()))];
        let request = pb::SetStatusesRequest { choices, ..Default::default() };
        let set = there.presence.set_statuses(request).await.expect("answered").into_inner();
        let told: Vec<_> = set.verdicts.iter().map(|v| (v.asked.as_str(), v.reason())).collect();
        let fine = pb::ErrorReason::Unspecified;
        assert_eq!(told, [("7", fine), (presences[1].as_str(), fine)]);
        for rep in ["ana", "ben"] {
            let at_least_revision = set.revision;
            let request = pb::GetRepPresenceRequest { rep: rep.into(), at_least_revision };
            let shown = site.a.admin().presence.get_rep_presence(request).await.expect("there");
            let presence = shown.into_inner().rep_presence.and_then(|shown| shown.presence);
            let presence = presence.expect("a presence");
            assert_eq!(presence.status, "lunch", "{}", site.name());
            assert_eq!(presence.cause(), pb::PresenceCause::Rep);
            let by = presence.changed_by.expect("somebody");
            assert_eq!((by.role(), by.id.as_str()), (pb::Role::Partner, "acme"));
        }
    }
}
