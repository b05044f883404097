//! A filter means the same all the time (W1): a stream that is followed through random changes ends as a fresh snapshot
//! says, for each kind and filter, with the changes at one server and the streams at the other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use baton::pb;
use pb::route_session_request::Target;
use pb::watch_object::Object;
use pb::watch_response::Frame;

use super::site::{Site, into_queue, opening, queue, routed_org, seconds, to_queue};
use super::stream::{Stream, request};
use super::vendor::{partner_org, to_desk};
use super::world::{Caller, House, org, to_rep};

const REPS: [&str; 3] = ["ana", "ben", "cleo"];
const STEPS: usize = 250;
/// What adapters may watch.
const ADAPTERS_SEE: [pb::WatchKind; 3] =
    [pb::WatchKind::Session, pb::WatchKind::Transfer, pb::WatchKind::Work];
/// How long a stream may take to catch up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A small generator: every play is the same.
pub(super) struct Dice(pub u64);

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
pub(super) type Shown = BTreeMap<(&'static str, String), Object>;

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
        Object::Handoff(handoff) => {
            handoff.revision = 0;
            ("handoff", handoff.id.clone())
        }
        Object::RoutingRequest(asked) => {
            asked.revision = 0;
            ("routing_request", asked.id.clone())
        }
        Object::Partner(partner) => {
            (partner.revision, partner.streams) = (0, 0);
            ("partner", partner.partner.clone())
        }
    };
    (name, object)
}

fn shown(objects: Vec<pb::WatchObject>) -> Shown {
    objects.into_iter().filter_map(|object| object.object.map(named)).collect()
}

/// A stream, and what its reader knows by it.
pub(super) struct Mirror {
    pub what: String,
    caller: Caller,
    request: pb::WatchRequest,
    stream: Stream,
    pub shown: Shown,
    /// Everything that it was ever sent, with the revision that it was sent for.
    pub heard: Vec<(i64, Object)>,
    /// Kind and id of what it was told to forget, without having been shown it.
    pub unknown: Vec<(&'static str, String)>,
    /// Whether it goes on after a token, and how often it began anew since.
    pub resumed: bool,
    pub resets: usize,
}

impl Mirror {
    pub async fn open(caller: &Caller, kind: pb::WatchKind, filter: pb::WatchFilter) -> Self {
        let (what, mut caller) = (format!("{kind:?} {filter:?}"), caller.clone());
        let request = pb::WatchRequest {
            filter: Some(filter),
            heartbeat_interval: seconds(1),
            ..request(&[kind])
        };
        let (stream, objects, at) = Stream::synced(&mut caller, request.clone()).await;
        let heard = objects.iter().filter_map(|o| Some((at, o.object.clone()?))).collect();
        let shown = shown(objects);
        Self {
            what,
            caller,
            request,
            stream,
            shown,
            heard,
            unknown: Vec::new(),
            resumed: false,
            resets: 0,
        }
    }

    /// The same reader, who goes on elsewhere after what it was sent so far.
    pub async fn resumed(&self, caller: &Caller) -> Self {
        let (what, mut caller) = (format!("{}, resumed", self.what), caller.clone());
        let resume_token = self.stream.token.clone();
        let resume = pb::WatchRequest { resume_token, ..self.request.clone() };
        let mut stream = Stream::open(&mut caller, resume).await.expect("any server resumes it");
        let first = stream.frame().await.expect("it starts");
        assert!(matches!(first, Some(Frame::Started(_))), "{first:?}");
        let (request, shown) = (self.request.clone(), self.shown.clone());
        Self {
            what,
            caller,
            request,
            stream,
            shown,
            heard: Vec::new(),
            unknown: Vec::new(),
            resumed: true,
            resets: 0,
        }
    }

    /// What a fresh snapshot shows, and of which revision it is.
    pub async fn fresh(&mut self) -> (Shown, i64) {
        let (_, objects, at) = Stream::synced(&mut self.caller, self.request.clone()).await;
        (shown(objects), at)
    }

    fn take(&mut self, revision: i64, change: pb::Change) {
        match change.change.expect("a change") {
            pb::change::Change::Upserted(object) => {
                let object = object.object.expect("an object");
                self.heard.push((revision, object.clone()));
                let (name, object) = named(object);
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
                    pb::WatchKind::Handoff => "handoff",
                    pb::WatchKind::RoutingRequest => "routing_request",
                    pb::WatchKind::Partner => "partner",
                    pb::WatchKind::Unspecified => panic!("not watched: {object:?}"),
                };
                if self.shown.remove(&(kind, object.id.clone())).is_none() {
                    self.unknown.push((kind, object.id));
                }
            }
        }
    }

    pub async fn follow(&mut self, revision: i64) {
        let followed = async {
            let mut snapshot = Vec::new();
            loop {
                let at = match self.stream.frame().await.expect("it goes on").expect("it goes on") {
                    Frame::Changes(changes) => {
                        let last = changes.revisions.last().map_or(0, |last| last.revision);
                        for changes in changes.revisions {
                            let at = changes.revision;
                            changes.changes.into_iter().for_each(|change| self.take(at, change));
                        }
                        last
                    }
                    Frame::Heartbeat(heartbeat) => heartbeat.revision,
                    // Something became another partner's: the stream starts again.
                    Frame::Reset(reset) => {
                        assert_eq!(reset.reason(), pb::ResetReason::ScopeChanged, "{}", self.what);
                        self.shown.clear();
                        self.resets += 1;
                        continue;
                    }
                    Frame::Snapshot(some) => {
                        snapshot.extend(some.objects.iter().filter_map(|o| o.object.clone()));
                        self.shown.extend(shown(some.objects));
                        continue;
                    }
                    Frame::Synced(synced) => {
                        let all = snapshot.drain(..).map(|object| (synced.revision, object));
                        self.heard.extend(all);
                        synced.revision
                    }
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
    let partner = pb::WatchFilter { partner: "acme".into(), ..Default::default() };
    let of_channel = pb::WatchFilter { channels: vec!["ccaas".into()], ..Default::default() };
    let all = pb::WatchFilter::default();
    let filters = [all, queues, both, reps, channels, narrow, partner, of_channel];
    let kinds = [
        pb::WatchKind::Rep,
        pb::WatchKind::Queue,
        pb::WatchKind::Session,
        pb::WatchKind::Transfer,
        pb::WatchKind::Work,
        pb::WatchKind::Handoff,
        pb::WatchKind::RoutingRequest,
        pb::WatchKind::Partner,
    ];
    kinds.iter().flat_map(|kind| filters.iter().map(|filter| (*kind, filter.clone()))).collect()
}

/// The org: sessions that acme doesn't route go to billing, so that it isn't asked again by and by. Those of the channel
/// `spare` are opened into queues of Baton's, so that its partner may change.
pub(super) fn played_org() -> pb::Directory {
    let mut directory = partner_org();
    let mut spare = directory.channels.last().cloned().expect("a channel");
    (spare.id, spare.adapters) = ("spare".into(), Vec::new());
    directory.channels.push(spare);
    for channel in directory.channels.iter_mut().filter(|c| !c.routing_partner.is_empty()) {
        channel.fallback_queue = "billing".into();
    }
    directory
}

/// One random change of what partners are asked, answer and own.
async fn of_partners(
    admin: &mut Caller,
    open: &[pb::Work],
    dice: &mut Dice,
    number: usize,
) -> Option<i64> {
    let reference = format!("p-{number}");
    let asked = dice.of(&admin.routings().await).map(|asked| asked.id);
    let handoff = dice.of(&admin.handoffs().await).map(|handoff| handoff.id);
    match dice.below(14) {
        0 | 1 => Some(admin.bring(["ccaas", "other"][dice.below(2)], &reference).await.1),
        2 | 11 => {
            let (channel, queue) = [("ccaas", "vips"), ("spare", "billing")][dice.below(2)];
            let target = into_queue(queue);
            let request =
                pb::OpenSessionRequest { channel: channel.into(), ..opening(&reference, target) };
            admin.open_with(request).await.ok().map(|opened| opened.revision)
        }
        3 => admin.claim(&asked?).await.ok().map(|done| done.revision),
        4 | 5 => {
            let target = match dice.below(4) {
                0 => Target::Queue("billing".into()),
                1 => Target::Contact("desk".into()),
                _ => Target::Rep("ana".into()),
            };
            admin.route(&asked?, target).await.ok().map(|done| done.revision)
        }
        6 => admin.give_up(&asked?).await.ok().map(|done| done.revision),
        7 => {
            let session = dice.of(open)?.session;
            admin.hand_on(&session, to_desk()).await.ok().map(|done| done.revision)
        }
        8 => admin.complete(&handoff?).await.ok().map(|done| done.revision),
        9 => admin.refuse(&handoff?).await.ok().map(|done| done.revision),
        10 => {
            let mut rep = played_org().reps[0].clone();
            if dice.below(3) == 0 {
                rep.partners.clear();
            }
            let request = pb::UpsertRepRequest { rep: Some(rep), ..Default::default() };
            admin.directory.upsert_rep(request).await.ok().map(|done| done.into_inner().revision)
        }
        _ => {
            let which = ["ccaas", "spare"][dice.below(2)];
            let channel = played_org().channels.into_iter().find(|c| c.id == which);
            let mut channel = channel.expect("it is there");
            let weight = pb::weight::Weight::CentiUnits(100 + 10 * (number as i64 % 3));
            channel.weight = Some(pb::Weight { weight: Some(weight) });
            if which == "spare" {
                channel.routing_partner = ["acme", "zeta"][dice.below(2)].into();
            }
            let request = pb::UpsertChannelRequest { channel: Some(channel), ..Default::default() };
            let changed = admin.directory.upsert_channel(request).await;
            changed.ok().map(|done| done.into_inner().revision)
        }
    }
}

/// One random change; gives its revision if it was one. What is refused changes nothing.
pub(super) async fn step(
    admin: &mut Caller,
    house: &House,
    dice: &mut Dice,
    number: usize,
) -> Option<i64> {
    let who = REPS[dice.below(REPS.len())];
    let to = ["billing", "care"][dice.below(2)];
    let work = pb::ListWorkRequest { page_size: 500, ..Default::default() };
    let live = admin.work.list_work(work).await.expect("it may be read").into_inner().work;
    let (offered, open): (Vec<_>, Vec<_>) =
        live.into_iter().partition(|work| work.state() == pb::WorkState::Offered);
    match dice.below(28) {
        16.. => of_partners(admin, &open, dice, number).await,
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
    admin.configure(played_org()).await;
    let mut revision = admin.supply_desk().await;
    let mut dice = Dice(seed);
    let mut mirrors = Vec::new();
    for (kind, filter) in filters() {
        mirrors.push(Mirror::open(&site.b().admin(), kind, filter).await);
    }
    for kind in filters().into_iter().map(|(kind, _)| kind).collect::<BTreeSet<_>>() {
        let all = pb::WatchFilter::default();
        mirrors.push(Mirror::open(&site.b().caller("partner", "acme"), kind, all.clone()).await);
        if ADAPTERS_SEE.contains(&kind) {
            mirrors.push(Mirror::open(&site.b().caller("adapter", "gate"), kind, all).await);
        }
    }
    for number in 0..STEPS {
        let changed = step(&mut admin, &site.a, &mut dice, number).await;
        revision = changed.unwrap_or_default().max(revision);
    }
    // The last change is one that everybody sees coming.
    revision = admin.enqueue("last", "billing").await.1.max(revision);
    for mirror in &mut mirrors {
        mirror.follow(revision).await;
        let (fresh, at) = mirror.fresh().await;
        assert_eq!(at, revision, "nothing else goes on");
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
    let mut mirror = Mirror::open(&admin, pb::WatchKind::Rep, filter).await;
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
        Mirror::open(&site.a.rep("ana"), pb::WatchKind::Work, pb::WatchFilter::default()).await;
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
