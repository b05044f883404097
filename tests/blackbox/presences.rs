//! Signing in, staying and taking over (P2, P5), through gRPC.

use baton::pb;
use tonic::Code;

use super::world::{House, refusal};

#[tokio::test]
async fn p2_p5_each_presence_is_told_what_holds_for_it() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    let first = admin.sign_in("ana").await;
    let second = admin.sign_in("ana").await;
    let closed = admin.sign_in("ben").await;
    let close = pb::ClosePresenceRequest {
        whose: Some(pb::close_presence_request::Whose::Presence(closed.clone())),
        ..Default::default()
    };
    admin.presence.close_presence(close).await.expect("it is open");
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
    let asked = vec![second.clone(), first.clone(), closed, unknown, "x".to_owned(), second];
    let request = pb::KeepAliveRequest { presences: asked.clone() };
    let kept = admin.presence.keep_alive(request).await.expect("it is well-formed").into_inner();
    let verdicts: Vec<_> = kept.results.iter().map(pb::KeepAliveResult::verdict).collect();
    use pb::KeepAliveVerdict as V;
    assert_eq!(
        verdicts,
        [V::Renewed, V::Superseded, V::Closed, V::NotFound, V::Invalid, V::Renewed]
    );
    assert_eq!(kept.results[1].cause(), pb::PresenceCause::DuplicateLogin);
    assert_eq!(kept.renew_every.map(|d| d.seconds), kept.lease.map(|d| d.seconds / 3));

    let request = pb::KeepAliveRequest { presences: asked[..1].to_vec() };
    let others = house.rep("ben").presence.keep_alive(request).await.expect("well-formed");
    assert_eq!(others.into_inner().results[0].verdict(), V::NotFound, "S2: another rep's");

    let session = admin.open("c-1", "ana").await;
    let accept = pb::AcceptWorkRequest {
        work: session.offer.expect("ana is there").work,
        presence: first,
        ..Default::default()
    };
    let refused = house.rep("ana").work.accept_work(accept).await;
    assert_eq!(refusal(refused), (Code::FailedPrecondition, "PRESENCE_SUPERSEDED".into()));
}

#[tokio::test]
async fn p1_p3_p6_statuses_are_chosen_and_shown() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    house.rep("ana").sign_in("").await;
    assert!(!admin.rep_presence("ana").await.available_channel_types.is_empty());
    let lunch =
        |whose| pb::SetStatusRequest { whose, status: "lunch".into(), ..Default::default() };
    let chosen = house.rep("ana").presence.set_status(lunch(None)).await.expect("her own");
    let shown = chosen.into_inner().rep_presence.expect("a live state");
    assert_eq!(shown.status_type(), pb::PresenceStatusType::Busy);
    assert!(shown.connected && shown.available_channel_types.is_empty(), "P3");
    let ana = Some(pb::set_status_request::Whose::Rep("ana".into()));
    let refused = house.rep("ben").presence.set_status(lunch(ana.clone())).await;
    assert_eq!(refusal(refused), (Code::PermissionDenied, "PERMISSION_DENIED".into()), "S1");
    let mut supervisor = house.caller("supervisor", "sue");
    let available =
        pb::SetStatusRequest { whose: ana, status: "available".into(), ..Default::default() };
    let set = supervisor.presence.set_status(available).await.expect("P6").into_inner();
    let presence = set.rep_presence.and_then(|r| r.presence).expect("a presence");
    assert_eq!(presence.cause(), pb::PresenceCause::Supervisor, "P8");

    let request = pb::ListRepPresencesRequest {
        status_types: vec![pb::PresenceStatusType::Offline.into()],
        ..Default::default()
    };
    let page = admin.presence.list_rep_presences(request).await.expect("a page").into_inner();
    let offline: Vec<_> = page.rep_presences.iter().map(|r| r.rep.as_str()).collect();
    assert_eq!(offline, ["ben", "cleo"]);
}

#[tokio::test]
async fn d3_the_directory_shows_its_differences_and_keeps_what_is_in_use() {
    let house = House::new().await;
    let mut admin = house.admin();
    let first = admin.apply().await;
    assert_eq!(admin.apply().await, first, "nothing differs");
    let mut changed = super::world::org();
    changed.reps[0].name = "Ana Lima".into();
    changed.reps.truncate(2);
    let mut request = pb::ApplyDirectoryRequest {
        directory: Some(changed),
        prune: true,
        dry_run: true,
        ..Default::default()
    };
    let dry = admin.directory.apply_directory(request.clone()).await.expect("a dry run");
    let dry = dry.into_inner();
    assert_eq!(dry.revision, first, "a dry run changes nothing");
    request.dry_run = false;
    let applied = admin.directory.apply_directory(request).await.expect("it fits").into_inner();
    assert_eq!(applied.changes, dry.changes);
    let named: Vec<_> = applied
        .changes
        .iter()
        .map(|c| (c.id.as_str(), c.action(), c.changed_fields.as_slice()))
        .collect();
    use pb::DirectoryAction as A;
    assert_eq!(named, [("ana", A::Updated, &["name".to_owned()][..]), ("cleo", A::Deleted, &[])]);

    let whole = admin.directory.get_directory(pb::GetDirectoryRequest::default()).await;
    let whole = whole.expect("it can be read").into_inner();
    let again = pb::ApplyDirectoryRequest { directory: whole.directory, ..Default::default() };
    let again = admin.directory.apply_directory(again).await.expect("as it was read").into_inner();
    assert_eq!(again.changes, [], "what is read can be applied");

    admin.sign_in("ana").await;
    let delete = pb::DeleteRepRequest { id: "ana".into(), ..Default::default() };
    let refused = admin.directory.delete_rep(delete).await;
    assert_eq!(refusal(refused), (Code::FailedPrecondition, "IN_USE".into()));
}

#[tokio::test]
async fn settings_change_one_by_one_and_all_are_shown() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    let request = pb::UpdateOrgSettingsRequest {
        org_settings: Some(pb::OrgSettings {
            max_transfers_per_session: Some(3),
            ..Default::default()
        }),
        ..Default::default()
    };
    let updated = admin.directory.update_org_settings(request).await.expect("in range");
    let settings = updated.into_inner().org_settings.expect("settings");
    assert_eq!(settings.max_transfers_per_session, Some(3));
    assert_eq!(settings.skills_based_and_direct_to_rep_routing, Some(true), "left as it was");
    assert_eq!(settings.disconnect_grace.map(|d| d.seconds), Some(60), "the default in force");
}
