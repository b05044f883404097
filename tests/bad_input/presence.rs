//! Bad leases, bad after-conversation work, and calls on presences that aren't one's own, or aren't
//! any more (P1, P2, P5, C6, S1, S2).

use baton::pb;
use pb::set_status_request::Whose;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::world::{House, org, refusal};
use super::{DENIED, INVALID, MISSING, NOBODY, fields, house, state, text};

const LIMIT: (Code, &str) = (Code::ResourceExhausted, "LIMIT_EXCEEDED");

const fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn settings(lease: Option<prost_types::Duration>) -> pb::UpdateOrgSettingsRequest {
    pb::UpdateOrgSettingsRequest {
        org_settings: Some(pb::OrgSettings { presence_lease: lease, ..Default::default() }),
        ..Default::default()
    }
}

#[tokio::test]
async fn p2_a_lease_is_5_to_300_seconds() {
    let (_house, mut admin) = house().await;
    let d = &mut admin.directory;
    let negative = Some(prost_types::Duration { seconds: -1, nanos: 0 });
    let most = Some(prost_types::Duration { seconds: 300, nanos: 500_000_000 });
    refused! {
        "none": d, update_org_settings(settings(seconds(0))) => INVALID;
        "negative": d, update_org_settings(settings(negative)) => INVALID;
        "too short": d, update_org_settings(settings(seconds(4))) => INVALID;
        "too long": d, update_org_settings(settings(most)) => INVALID;
        "a year": d, update_org_settings(settings(seconds(31_536_000))) => INVALID;
    }
    let status = d.update_org_settings(settings(seconds(31_536_000))).await.expect_err("a year");
    assert_eq!(fields(&status), ["org_settings.presence_lease"]);
    assert!(status.message().contains("300"), "it says what would do: {}", status.message());
    let set = d.update_org_settings(settings(seconds(300))).await.expect("in range").into_inner();
    assert_eq!(set.org_settings.and_then(|s| s.presence_lease), seconds(300));
}

#[tokio::test]
async fn c5_c6_pools_and_after_conversation_work_have_bounds() {
    let (_house, mut admin) = house().await;
    let channel = |wrap_up| {
        let channel = pb::Channel { wrap_up: Some(wrap_up), ..org().channels[0].clone() };
        pb::UpsertChannelRequest { channel: Some(channel), ..Default::default() }
    };
    let wrap_up =
        |duration, max_extensions, extension| pb::WrapUp { duration, max_extensions, extension };
    let pool = |hundredths| {
        let presence_configuration = Some(pb::PresenceConfiguration {
            interruptible_capacity_centi_units: hundredths,
            ..org().presence_configurations[0].clone()
        });
        pb::UpsertPresenceConfigurationRequest { presence_configuration, ..Default::default() }
    };
    let d = &mut admin.directory;
    refused! {
        "no duration": d, upsert_channel(channel(wrap_up(None, 0, None))) => INVALID;
        "too short": d, upsert_channel(channel(wrap_up(seconds(9), 0, None))) => INVALID;
        "too long": d, upsert_channel(channel(wrap_up(seconds(3_601), 0, None))) => INVALID;
        "too often": d, upsert_channel(channel(wrap_up(seconds(10), 11, None))) => INVALID;
        "extension": d, upsert_channel(channel(wrap_up(seconds(10), 1, seconds(1)))) => INVALID;
        "negative pool": d, upsert_presence_configuration(pool(-1)) => INVALID;
        "huge pool": d, upsert_presence_configuration(pool(100_000_001)) => INVALID;
    }
    d.upsert_channel(channel(wrap_up(seconds(3_600), 10, None))).await.expect("the most");
    d.upsert_presence_configuration(pool(100_000_000)).await.expect("the most");
}

#[tokio::test]
async fn p5_s1_presences_of_others_and_presences_that_are_over() {
    let (house, mut admin) = house().await;
    let first = admin.sign_in("ana").await;
    let second = admin.sign_in("ana").await;
    let set = |presence: &str, when_done| pb::SetStatusRequest {
        whose: Some(Whose::Presence(text(presence))),
        status: text("lunch"),
        when_current_work_is_done: when_done,
        ..Default::default()
    };
    let close = |presence: &str| pb::ClosePresenceRequest {
        whose: Some(pb::close_presence_request::Whose::Presence(text(presence))),
        when_current_work_is_done: true,
        ..Default::default()
    };
    let open = |rep: &str| pb::OpenPresenceRequest {
        rep: text(rep),
        status: text("available"),
        ..Default::default()
    };
    let (mut ana, mut ben) = (house.rep("ana"), house.rep("ben"));
    let mut board = house.caller("dashboard", "board");
    refused! {
        "superseded": ana.presence, set_status(set(&first, false)) => state("PRESENCE_SUPERSEDED");
        "superseded": ana.presence, set_status(set(&first, true)) => state("PRESENCE_SUPERSEDED");
        "superseded": ana.presence, close_presence(close(&first)) => state("PRESENCE_SUPERSEDED");
        "another's": ben.presence, set_status(set(&second, false)) => MISSING;
        "another's": ben.presence, close_presence(close(&second)) => MISSING;
        "another": ben.presence, open_presence(open("ana")) => DENIED;
        "only reads": board.presence, open_presence(open("ana")) => DENIED;
    }
    let not_allowed = pb::SetStatusRequest { status: text("training"), ..set(&second, true) };
    refused! {
        "not allowed": ana.presence, set_status(not_allowed) => state("STATUS_NOT_ALLOWED");
    }
    ana.presence.close_presence(close(&second)).await.expect("her own");
    refused! {
        "closed": ana.presence, set_status(set(&second, true)) => state("PRESENCE_CLOSED");
    }
}

#[tokio::test]
async fn p4_s2_a_batch_with_bad_entries_renews_the_good_ones() {
    use pb::KeepAliveVerdict as V;
    let (house, mut admin) = house().await;
    let old = admin.sign_in("ana").await;
    let ana = admin.sign_in("ana").await;
    let ben = admin.sign_in("ben").await;
    let mut batch = vec![ana.clone(), old, text(""), text("x"), text(NOBODY), ben.clone()];
    batch.extend((0..5_000).map(|_| text("not an id")));
    batch.push(ana.clone());
    // The most that there may be, each as long as an id is.
    batch.extend((0..4_993).map(|_| text(NOBODY)));
    let request = pb::KeepAliveRequest { presences: batch.clone() };
    let kept = admin.presence.keep_alive(request).await.expect("as a whole it is right");
    let results = kept.into_inner().results;
    assert_eq!(results.len(), batch.len(), "one answer for each");
    assert!(
        results.iter().zip(&batch).all(|(result, asked)| result.presence == *asked),
        "in order"
    );
    let verdicts: Vec<V> = results.iter().map(pb::KeepAliveResult::verdict).collect();
    let first = [V::Renewed, V::Superseded, V::Invalid, V::Invalid, V::NotFound, V::Renewed];
    assert_eq!(verdicts[..6], first);
    assert!(verdicts[6..5_006].iter().all(|v| *v == V::Invalid));
    assert_eq!((verdicts[5_006], results.len()), (V::Renewed, 10_000));
    let reasons: Vec<_> = results[..5].iter().map(pb::KeepAliveResult::reason).collect();
    use pb::ErrorReason as R;
    let why =
        [R::Unspecified, R::PresenceSuperseded, R::InvalidField, R::InvalidField, R::NotFound];
    assert_eq!(reasons, why);
    let request = pb::KeepAliveRequest { presences: vec![ben] };
    let foreign = house.rep("ana").presence.keep_alive(request.clone()).await.expect("S2");
    assert_eq!(foreign.into_inner().results[0].verdict(), V::NotFound, "S2: another rep's");
    let elsewhere = house.caller_in("other", "admin", "root").presence.keep_alive(request).await;
    let elsewhere = elsewhere.expect("another org").into_inner();
    assert_eq!(elsewhere.results[0].verdict(), V::NotFound, "S2: another org's");
}

#[tokio::test]
async fn p5_whoever_signs_in_all_the_time_is_told_when_to_try_again() {
    let house = House::new().await;
    house.admin().apply().await;
    let mut ana = house.rep("ana");
    let open = pb::OpenPresenceRequest { status: text("available"), ..Default::default() };
    let mut opened = 0;
    let refused = loop {
        match ana.presence.open_presence(open.clone()).await {
            Ok(_) => opened += 1,
            Err(status) => break status,
        }
        assert!(opened < 1_000, "nobody stops them");
    };
    assert!(opened >= 20, "{opened}");
    assert_eq!(refusal(Err::<(), _>(refused.clone())), (LIMIT.0, text(LIMIT.1)));
    let again = refused.get_details_retry_info().and_then(|info| info.retry_delay);
    assert!(again.is_some_and(|delay| !delay.is_zero()), "D1: when to try again");
    assert!(house.admin().rep_presence("ana").await.connected, "the last sign-in holds");
}
