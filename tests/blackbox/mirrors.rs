//! A filter means the same all the time (W1): a stream that is followed through random changes ends as a fresh snapshot
//! says, for each kind and filter, with the changes at one server and the streams at the other.

use std::collections::BTreeMap;
use std::time::Duration;

use baton::pb;
use pb::watch_object::Object;
use pb::watch_response::Frame;

use super::site::{Site, queue, routed_org, seconds, to_queue};
use super::stream::{Stream, request};
use super::world::{Caller, House, org, to_rep};

const REPS: [&str; 3] = ["ana", "ben", "cleo"];
const STEPS: usize = 150;
/// How long a stream may take to catch up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A small generator: every play is the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| all[self.below(all.len())].clone())
    }
}

/// What a stream has shown, by kind and id.
type Shown = BTreeMap<(&'static str, String), Object>;

/// An object without what time, and others, change about it while it stays as it is.
fn named(mut object: Object) -> ((&'static str, String), Object) {
    let name = match &mut object {
        Object::RepPresence(rep) => {
            rep.revision = 0;
            ("rep", rep.rep.clone())
        }
        Object::Session(session) => {
            (session.revision, session.estimate) = (0, None);
            ("session", session.id.clone())
        }
        Object::Transfer(transfer) => {
            transfer.revision = 0;
            ("transfer", transfer.id.clone())
        }
        Object::Work(work) => {
            work.revision = 0;
            ("work", work.id.clone())
        }
        Object::Queue(state) => {
            *state = pb::QueueState {
                queue: state.queue.clone(),
                length: state.length,
                available_reps: state.available_reps,
                ..Default::default()
            };
            ("queue", state.queue.clone())
        }
        other => panic!("not watched: {other:?}"),
    };
    (name, object)
}

struct Mirror {
    what: String,
    request: pb::WatchRequest,
    stream: Stream,
    shown: Shown,
}

impl Mirror {
    async fn open(caller: &mut Caller, kind: pb::WatchKind, filter: pb::WatchFilter) -> Self {
        let what = format!("{kind:?} {filter:?}");
        let request = pb::WatchRequest {
            filter: Some(filter),
            heartbeat_interval: seconds(1),
            ..request(&[kind])
        };
        let (stream, objects, _) = Stream::synced(caller, request.clone()).await;
        let shown = objects.into_iter().filter_map(|object| object.object.map(named)).collect();
        Self { what, request, stream, shown }
    }

    fn take(&mut self, change: pb::Change) {
        match change.change.expect("a change") {
            pb::change::Change::Upserted(object) => {
                let (name, object) = named(object.object.expect("an object"));
                self.shown.insert(name, object);
            }
            pb::change::Change::Removed(gone) => {
                let object = gone.object.expect("an object");
                let kind = match object.kind() {
                    pb::WatchKind::Rep => "rep",
                    pb::WatchKind::Queue => "queue",
                    pb::WatchKind::Session => "session",
                    pb::WatchKind::Transfer => "transfer",
                    pb::WatchKind::Work => "work",
                    other => panic!("not watched: {other:?}"),
                };
                self.shown.remove(&(kind, object.id));
            }
        }
    }

    async fn follow(&mut self, revision: i64) {
        let followed = async {
            loop {
                let at = match self.stream.frame().await.expect("it goes on").expect("it goes on") {
                    Frame::Changes(changes) => {
                        let last = changes.revisions.last().map_or(0, |last| last.revision);
                        for changes in changes.revisions {
                            changes.changes.into_iter().for_each(|change| self.take(change));
                        }
                        last
                    }
                    Frame::Heartbeat(heartbeat) => heartbeat.revision,
                    other => panic!("{}: {other:?}", self.what),
                };
                if at >= revision {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, followed).await.expect("it catches up");
    }
}

fn filters() -> Vec<(pb::WatchKind, pb::WatchFilter)> {
    let queues = pb::WatchFilter { queues: vec!["billing".into()], ..Default::default() };
    let both =
        pb::WatchFilter { queues: vec!["billing".into(), "care".into()], ..Default::default() };
    let reps = pb::WatchFilter { reps: vec!["ana".into(), "cleo".into()], ..Default::default() };
    let channels = pb::WatchFilter { channels: vec!["wa".into()], ..Default::default() };
    let narrow = pb::WatchFilter { reps: reps.reps.clone(), ..queues.clone() };
    let filters = [pb::WatchFilter::default(), queues, both, reps, channels, narrow];
    let kinds = [
        pb::WatchKind::Rep,
        pb::WatchKind::Queue,
        pb::WatchKind::Session,
        pb::WatchKind::Transfer,
        pb::WatchKind::Work,
    ];
    kinds.iter().flat_map(|kind| filters.iter().map(|filter| (*kind, filter.clone()))).collect()
}

/// One random change; gives its revision if it was one. What is refused changes nothing.
async fn step(admin: &mut Caller, house: &House, dice: &mut Dice, number: usize) -> Option<i64> {
    let who = REPS[dice.below(REPS.len())];
    let to = ["billing", "care"][dice.below(2)];
    let work = pb::ListWorkRequest { page_size: 500, ..Default::default() };
    let live = admin.work.list_work(work).await.expect("it may be read").into_inner().work;
    let (offered, open): (Vec<_>, Vec<_>) =
        live.into_iter().partition(|work| work.state() == pb::WorkState::Offered);
    match dice.below(16) {
        0 | 1 => Some(admin.arrive(who).await),
        2 => {
            let whose = Some(pb::close_presence_request::Whose::Rep(who.into()));
            let request = pb::ClosePresenceRequest { whose, ..Default::default() };
            admin.presence.close_presence(request).await.ok().map(|done| done.into_inner().revision)
        }
        3..=5 => Some(admin.enqueue(&format!("m-{number}"), to).await.1),
        6 | 7 => {
            let work = dice.of(&offered)?;
            let request = pb::AcceptWorkRequest { work: work.id, ..Default::default() };
            let rep = &mut house.rep(&work.rep);
            rep.work.accept_work(request).await.ok().map(|done| done.into_inner().revision)
        }
        8 => Some(admin.end(&dice.of(&open)?.session).await),
        9 | 10 => {
            let session = dice.of(&open)?.session;
            let recipient = if dice.below(2) == 0 { to_rep(who) } else { to_queue(to) };
            let request = pb::TransferSessionRequest {
                session,
                recipient: Some(recipient),
                ..Default::default()
            };
            admin.transfers.transfer_session(request).await.ok().map(|d| d.into_inner().revision)
        }
        11 => {
            let mut configuration = org().presence_configurations[0].clone();
            configuration.allow_decline = dice.below(2) == 0;
            let presence_configuration = Some(configuration);
            let request = pb::UpsertPresenceConfigurationRequest {
                presence_configuration,
                ..Default::default()
            };
            let changed = admin.directory.upsert_presence_configuration(request).await;
            changed.ok().map(|done| done.into_inner().revision)
        }
        12 => {
            let most = u32::try_from(dice.below(4)).expect("small");
            let wrap_up =
                pb::WrapUp { duration: seconds(3_600), max_extensions: most, extension: None };
            let mut channel = org().channels[0].clone();
            channel.wrap_up = Some(wrap_up);
            let request = pb::UpsertChannelRequest { channel: Some(channel), ..Default::default() };
            admin
                .directory
                .upsert_channel(request)
                .await
                .ok()
                .map(|done| done.into_inner().revision)
        }
        13 => {
            let (id, move_to) = ("care".to_owned(), "billing".to_owned());
            let request = pb::DeleteQueueRequest { id, move_to, ..Default::default() };
            admin.directory.delete_queue(request).await.ok()?;
            let queue = Some(queue("care", &["cleo"]));
            let request = pb::UpsertQueueRequest { queue, ..Default::default() };
            admin.directory.upsert_queue(request).await.ok().map(|done| done.into_inner().revision)
        }
        _ => {
            let members: Vec<&str> = REPS.into_iter().filter(|_| dice.below(2) == 0).collect();
            let request =
                pb::UpsertQueueRequest { queue: Some(queue(to, &members)), ..Default::default() };
            admin.directory.upsert_queue(request).await.ok().map(|done| done.into_inner().revision)
        }
    }
}

async fn play(site: &Site, seed: u64) {
    let mut admin = site.a.admin();
    admin.configure(routed_org()).await;
    let mut dice = Dice(seed);
    let mut watcher = site.b().admin();
    let mut mirrors = Vec::new();
    for (kind, filter) in filters() {
        mirrors.push(Mirror::open(&mut watcher, kind, filter).await);
    }
    let mut revision = 0;
    for number in 0..STEPS {
        let changed = step(&mut admin, &site.a, &mut dice, number).await;
        revision = changed.unwrap_or_default().max(revision);
    }
    // The last change is one that everybody sees coming.
    revision = admin.enqueue("last", "billing").await.1.max(revision);
    for mirror in &mut mirrors {
        mirror.follow(revision).await;
        let request = mirror.request.clone();
        let (_, objects, at) = Stream::synced(&mut watcher, request).await;
        assert_eq!(at, revision, "nothing else goes on");
        let fresh: Shown = objects.into_iter().filter_map(|o| o.object.map(named)).collect();
        assert_eq!(mirror.shown, fresh, "seed {seed}, {}, {}", site.name(), mirror.what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_w3_a_stream_that_is_followed_ends_as_a_fresh_snapshot_says() {
    for seed in 1..=3 {
        play(&Site::in_memory().await, seed).await;
    }
    play(&Site::on_redis().await, 4).await;
}

#[tokio::test]
async fn w1_who_leaves_a_queue_leaves_its_wallboard_and_who_joins_it_appears() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(routed_org()).await;
    let set = |members: &[&str]| pb::UpsertQueueRequest {
        queue: Some(queue("billing", members)),
        ..Default::default()
    };
    admin.directory.upsert_queue(set(&["ana", "ben"])).await.expect("it is right");
    admin.arrive("ana").await;
    let filter = pb::WatchFilter { queues: vec!["billing".into()], ..Default::default() };
    let mut mirror = Mirror::open(&mut admin, pb::WatchKind::Rep, filter).await;
    let reps = |mirror: &Mirror| -> Vec<String> {
        mirror.shown.keys().map(|(_, id)| id.clone()).collect()
    };
    assert_eq!(reps(&mirror), ["ana", "ben"]);
    // Cleo isn't signed in, and is shown all the same.
    let changed = admin.directory.upsert_queue(set(&["ben", "cleo"])).await.expect("it is right");
    mirror.follow(changed.into_inner().revision).await;
    assert_eq!(reps(&mirror), ["ben", "cleo"]);
    let delete = pb::DeleteQueueRequest { id: "billing".into(), ..Default::default() };
    let gone = admin.directory.delete_queue(delete).await.expect("nobody waits in it");
    mirror.follow(gone.into_inner().revision).await;
    assert_eq!(reps(&mirror), Vec::<String>::new());
}

#[tokio::test]
async fn s2_a_rep_sees_no_work_but_their_own() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(routed_org()).await;
    let mut of_ana =
        Mirror::open(&mut site.a.rep("ana"), pb::WatchKind::Work, pb::WatchFilter::default()).await;
    for rep in ["ana", "ben"] {
        admin.arrive(rep).await;
    }
    let mut revision = 0;
    for (number, rep) in ["ana", "ben", "ana"].iter().enumerate() {
        let target = pb::open_session_request::Target::Rep((*rep).to_owned());
        let opened = admin.open_to(&format!("c-{number}"), target).await.expect("it may be opened");
        revision = opened.revision;
    }
    of_ana.follow(revision).await;
    let list = pb::ListWorkRequest { page_size: 500, ..Default::default() };
    let listed = site.a.rep("ana").work.list_work(list).await.expect("hers").into_inner().work;
    let listed: Vec<_> = listed.into_iter().map(|work| ("work", work.id)).collect();
    assert_eq!(
        of_ana.shown.into_keys().collect::<Vec<_>>(),
        listed,
        "one predicate says what is hers"
    );
    assert_eq!(listed.len(), 2);
}
