//! Capacity and after-conversation work through gRPC (C4–C7), and what waits for the current work to
//! be done (P10), in memory and on two servers.

use baton::pb;

use super::site::{Log, Site, into_queue, opening, queue, seconds};
use super::world::{Caller, org, refusal};

/// The org of `world`, where `wa` has 60 s of after-conversation work and `mail` is interruptible.
fn directory() -> pb::Directory {
    let mut directory = pb::Directory { queues: vec![queue("desk", &["ana"])], ..org() };
    directory.presence_configurations[0].interruptible_capacity_centi_units = 100;
    directory.channels[0].wrap_up =
        Some(pb::WrapUp { duration: seconds(60), max_extensions: 1, extension: seconds(30) });
    directory.channels.push(pb::Channel {
        id: "mail".into(),
        interruptible: true,
        wrap_up: None,
        ..directory.channels[0].clone()
    });
    directory
}

impl Caller {
    async fn explain_capacity(&mut self, rep: &str, at_least: i64) -> pb::CapacityExplanation {
        let request =
            pb::ExplainCapacityRequest { rep: rep.to_owned(), at_least_revision: at_least };
        let answer = self.presence.explain_capacity(request).await.expect("the rep is there");
        answer.into_inner().explanation.expect("an explanation")
    }

    async fn extend(&mut self, work: &str) -> Result<pb::Work, tonic::Status> {
        let request = pb::ExtendWrapUpRequest { work: work.to_owned(), ..Default::default() };
        let extended = self.work.extend_wrap_up(request).await?;
        Ok(extended.into_inner().work.expect("the work"))
    }

    async fn finish(&mut self, work: &str) -> (pb::Work, i64) {
        let request = pb::EndWrapUpRequest { work: work.to_owned(), ..Default::default() };
        let ended = self.work.end_wrap_up(request).await.expect("it is wrapped up").into_inner();
        (ended.work.expect("the work"), ended.revision)
    }
}

/// The sum of the lines is the figure shown, in both pools (C7).
fn adds_up(told: &pb::CapacityExplanation) -> bool {
    let sum = |interruptible| -> i64 {
        let lines = told.lines.iter().filter(|line| line.interruptible == interruptible);
        lines.map(|line| line.holds_centi_units).sum()
    };
    sum(false) == told.used_centi_units && sum(true) == told.interruptible_used_centi_units
}

#[tokio::test]
async fn c6_c7_after_conversation_work_holds_is_extended_and_ends() {
    for site in [Site::in_memory().await, Site::on_redis().await] {
        let mut admin = site.a.admin();
        admin.configure(directory()).await;
        let (mut here, mut there) = (site.a.rep("ana"), site.b().rep("ana"));
        admin.arrive("ana").await;
        let (session, _) = admin.enqueue("c-1", "desk").await;
        let work = here.accept(&session).await.id;
        let ended = admin.end(&session.id).await;
        let told = site.b().admin().explain_capacity("ana", ended).await;
        assert_eq!(told.lines.len(), 1, "{}", site.name());
        assert_eq!(told.lines[0].reason(), pb::HoldReason::WrappingUp);
        assert!(adds_up(&told) && told.used_centi_units == 100);
        let first = there.extend(&work).await.expect("once");
        assert_eq!((first.state(), first.wrap_up_extensions_left), (pb::WorkState::WrappingUp, 0));
        let lasts = |work: &pb::Work| work.wrap_up_until.as_ref().expect("an end").seconds;
        let before = told.lines[0].since.as_ref().expect("since when").seconds;
        assert!(lasts(&first) - before >= 90, "60 s and 30 s more");
        let (_, reason) = refusal(here.extend(&work).await);
        assert_eq!(reason, "LIMIT_EXCEEDED");
        let (done, revision) = there.finish(&work).await;
        assert_eq!((done.state(), done.holds_centi_units), (pb::WorkState::Ended, 0));
        assert_eq!(done.end_reason(), pb::WorkEndReason::Completed);
        assert_eq!(here.finish(&work).await.0.state(), pb::WorkState::Ended, "again: nothing");
        let told = admin.explain_capacity("ana", revision).await;
        assert!(told.lines.is_empty() && told.used_centi_units == 0);
    }
}

#[tokio::test]
async fn c5_c7_interruptible_work_has_its_own_pool_and_its_own_lines() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(directory()).await;
    admin.arrive("ana").await;
    for (reference, channel) in [("m-1", "mail"), ("m-2", "mail"), ("w-1", "wa"), ("w-2", "wa")] {
        let request = opening(reference, into_queue("desk"));
        let request = pb::OpenSessionRequest { channel: channel.into(), ..request };
        admin.open_with(request).await.expect("it may be opened");
    }
    let told = admin.explain_capacity("ana", 0).await;
    assert!(adds_up(&told), "C7: {told:?}");
    assert_eq!((told.used_centi_units, told.capacity_centi_units), (200, 200), "both of `wa`");
    let pool = (told.interruptible_used_centi_units, told.interruptible_capacity_centi_units);
    assert_eq!(pool, (100, 100), "one of `mail`");
    let shown = admin.rep_presence("ana").await;
    assert_eq!(shown.interruptible_used_centi_units, 100);
    assert_eq!((shown.used_centi_percent, shown.open_work), (10_000, 3));
}

#[tokio::test]
async fn p10_p8_a_status_for_when_the_work_is_done_comes_into_force_with_its_end() {
    for site in [Site::in_memory().await, Site::on_redis().await] {
        let mut admin = site.a.admin();
        let mut quick = directory();
        quick.channels[0].wrap_up = None;
        admin.configure(quick).await;
        admin.arrive("ana").await;
        let (session, _) = admin.enqueue("c-1", "desk").await;
        site.a.rep("ana").accept(&session).await;
        let plan = pb::SetStatusRequest {
            whose: Some(pb::set_status_request::Whose::Rep("ana".into())),
            status: "lunch".into(),
            when_current_work_is_done: true,
            ..Default::default()
        };
        let mut sue = site.a.caller("supervisor", "sue");
        let planned = sue.presence.set_status(plan).await.expect("P6").into_inner();
        let shown = planned.rep_presence.expect("a live state");
        let presence = shown.presence.expect("a presence");
        assert_eq!(
            (presence.status.as_str(), presence.next_status.as_str()),
            ("available", "lunch")
        );
        assert!(shown.available_channel_types.is_empty(), "nothing new meanwhile");
        let mut log = Log::of(&mut site.b().admin(), &[pb::WatchKind::Queue]).await;
        let (waits, revision) = site.b().admin().enqueue("c-2", "desk").await;
        assert_eq!(waits.state(), pb::SessionState::Waiting, "{}", site.name());
        log.queue("desk", |queue| queue.length == 1).await;
        let ended = site.b().admin().end(&session.id).await;
        assert!(ended > revision);
        let request = pb::GetRepPresenceRequest { rep: "ana".into(), at_least_revision: ended };
        let found = admin.presence.get_rep_presence(request).await.expect("there").into_inner();
        let presence = found.rep_presence.and_then(|r| r.presence).expect("a presence");
        assert_eq!((presence.status.as_str(), presence.next_status.as_str()), ("lunch", ""));
        assert_eq!(presence.cause(), pb::PresenceCause::Supervisor, "P8");
        assert_eq!(presence.changed_by.map(|by| by.id), Some("sue".to_owned()), "S3");
    }
}
