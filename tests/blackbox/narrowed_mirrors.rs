//! What a narrowed credential's streams carry through random changes (S4, S2, W1): they end as a fresh snapshot says, and no
//! frame ever had anything in it that the credential didn't see at the revision it was sent for. What stood where, and who was
//! a member of what, is told by the admin's own streams and reads.

use std::collections::{BTreeMap, BTreeSet};

use baton::pb;
use pb::watch_object::Object;

use super::mirrors::{Dice, Mirror, played_org, step};
use super::site::Site;
use super::world::{Caller, House};

const STEPS: usize = 250;
const KINDS: [pb::WatchKind; 7] = [
    pb::WatchKind::Rep,
    pb::WatchKind::Queue,
    pb::WatchKind::Session,
    pb::WatchKind::Transfer,
    pb::WatchKind::Work,
    pb::WatchKind::Handoff,
    pb::WatchKind::RoutingRequest,
];

/// What credentials are narrowed to: queues, channels. Empty: all.
const NARROWINGS: [(&str, &str); 5] =
    [("billing", ""), ("care", ""), ("vips", ""), ("", "wa"), ("billing vips", "ccaas spare")];

/// A credential that is narrowed.
struct Narrowed {
    queues: BTreeSet<&'static str>,
    channels: BTreeSet<&'static str>,
}

impl Narrowed {
    fn of((queues, channels): (&'static str, &'static str)) -> Self {
        let all = |ids: &'static str| ids.split_whitespace().collect();
        Self { queues: all(queues), channels: all(channels) }
    }

    fn caller(&self, house: &House) -> Caller {
        let join = |ids: &BTreeSet<&str>| ids.iter().copied().collect::<Vec<_>>().join(" ");
        let (queues, channels) = (join(&self.queues), join(&self.channels));
        let more = [("baton-queues", queues.as_str()), ("baton-channels", channels.as_str())];
        house.limited("supervisor", "sue", &more)
    }

    fn has_queue(&self, queue: &str) -> bool {
        self.queues.is_empty() || self.queues.contains(queue)
    }

    fn has_channel(&self, channel: &str) -> bool {
        self.channels.is_empty() || self.channels.contains(channel)
    }
}

/// Who was a member of which queue when the directory was read.
type Members = BTreeMap<String, BTreeSet<String>>;

/// What was where, as the admin saw it.
#[derive(Default)]
struct Oracle {
    /// The line of each session, by the revisions from which on it stood there: a queue, or none.
    lines: BTreeMap<String, BTreeMap<i64, Option<String>>>,
    channels: BTreeMap<String, String>,
    /// The sessions of transfers and work, and of themselves.
    session_of: BTreeMap<String, String>,
    members: BTreeMap<i64, Members>,
}

impl Oracle {
    /// Reads where sessions stood from everything that the admin was sent.
    fn learn(&mut self, sessions: &Mirror, work: &Mirror, transfers: &Mirror) {
        let mut handed_to = BTreeMap::new();
        for (_, object) in &transfers.heard {
            if let Object::Transfer(transfer) = object {
                self.session_of.insert(transfer.id.clone(), transfer.session.clone());
                handed_to.insert(transfer.id.as_str(), transfer.queue.as_str());
            }
        }
        let mut brought_by = BTreeMap::new();
        for (_, object) in &work.heard {
            if let Object::Work(work) = object {
                self.session_of.insert(work.id.clone(), work.session.clone());
                brought_by.insert(work.id.as_str(), work.transfer.as_str());
            }
        }
        let named = |queue: &str| (!queue.is_empty()).then(|| queue.to_owned());
        for (revision, object) in &sessions.heard {
            let Object::Session(session) = object else { continue };
            self.session_of.insert(session.id.clone(), session.id.clone());
            self.channels.insert(session.id.clone(), session.channel.clone());
            let transfer = brought_by.get(session.work.as_str()).filter(|id| !id.is_empty());
            let line = match (session.state(), transfer) {
                (pb::SessionState::Waiting | pb::SessionState::Offered, _) => {
                    let line = session.waiting_line.as_ref().and_then(|line| line.line.as_ref());
                    match line {
                        Some(pb::waiting_line::Line::Queue(queue)) => Some(queue.clone()),
                        _ => None,
                    }
                }
                // It came to whoever has it by a transfer, and so out of the line that this took it to.
                (pb::SessionState::Active, Some(transfer)) => named(handed_to[transfer]),
                (pb::SessionState::External, _) => None,
                _ => continue,
            };
            self.lines.entry(session.id.clone()).or_default().insert(*revision, line);
        }
    }

    fn saw_session(&self, who: &Narrowed, session: &str, at: i64) -> bool {
        let line = self.lines[session].range(..=at).next_back().and_then(|(_, line)| line.clone());
        let in_line = who.queues.is_empty() || line.is_some_and(|queue| who.has_queue(&queue));
        who.has_channel(&self.channels[session]) && in_line
    }

    /// Was there ever a time at which it saw the session of this transfer or piece of work, or this session?
    fn ever_saw(&self, who: &Narrowed, id: &str) -> bool {
        let Some(session) = self.session_of.get(id) else { return false };
        self.lines[session].keys().any(|at| self.saw_session(who, session, *at))
    }

    /// As far as the reads of the directory before and after tell.
    fn saw_rep(&self, who: &Narrowed, rep: &str, at: i64) -> bool {
        let before = self.members.range(..=at).next_back();
        let after = self.members.range(at + 1..).next();
        let has = |members: &Members| who.queues.iter().any(|queue| members[*queue].contains(rep));
        who.queues.is_empty() || before.into_iter().chain(after).any(|(_, all)| has(all))
    }

    fn saw(&self, who: &Narrowed, object: &Object, at: i64) -> bool {
        match object {
            Object::RepPresence(live) => self.saw_rep(who, &live.rep, at),
            Object::Queue(state) => who.has_queue(&state.queue),
            Object::Session(session) => self.saw_session(who, &session.id, at),
            Object::Transfer(transfer) => self.saw_session(who, &transfer.session, at),
            Object::Work(work) => self.saw_session(who, &work.session, at),
            Object::Handoff(asked) => self.saw_session(who, &asked.session, at),
            Object::RoutingRequest(asked) => self.saw_session(who, &asked.session, at),
            Object::Partner(_) => true,
        }
    }
}

async fn members(admin: &mut Caller) -> (i64, Members) {
    let read = admin.directory.get_directory(pb::GetDirectoryRequest::default()).await;
    let read = read.expect("it may be read").into_inner();
    let queues = read.directory.expect("a directory").queues;
    (read.revision, queues.into_iter().map(|q| (q.id, q.reps.into_iter().collect())).collect())
}

/// The streams of each credential, one for each kind.
async fn open_all(house: &House) -> Vec<(Narrowed, Mirror)> {
    let mut mirrors = Vec::new();
    for narrowing in NARROWINGS {
        for kind in KINDS {
            let who = Narrowed::of(narrowing);
            let mirror = Mirror::open(&who.caller(house), kind, pb::WatchFilter::default()).await;
            mirrors.push((who, mirror));
        }
    }
    mirrors
}

/// Asserts that a stream ended as a fresh one begins, and was sent nothing but what was to be seen. One that was resumed from
/// what is stored may tell earlier steps of what is seen by now.
async fn judge(oracle: &Oracle, who: &Narrowed, mirror: &mut Mirror, told: &str) {
    let (fresh, at) = mirror.fresh().await;
    let what = format!("{told}, {:?} {:?}, {}", who.queues, who.channels, mirror.what);
    let other = |name: &&(&str, String)| mirror.shown.get(*name) != fresh.get(*name);
    let wrong: Vec<_> = mirror.shown.keys().chain(fresh.keys()).filter(other).collect();
    assert!(wrong.is_empty(), "{what}, at {at}: otherwise than a fresh one it has {wrong:?}");
    for (revision, object) in &mirror.heard {
        let seen =
            oracle.saw(who, object, *revision) || mirror.resumed && oracle.saw(who, object, at);
        assert!(seen, "{what}: at {revision} it had {object:?}");
    }
    // A queue of its own may come and go between two states that are told of it.
    // One that goes on from what is stored may hear of the end of what it saw while it was away.
    let own = |(kind, id): &(&str, String)| match *kind {
        "queue" => who.has_queue(id),
        _ => mirror.resumed && oracle.ever_saw(who, id),
    };
    let unknown: Vec<_> = mirror.unknown.iter().filter(|gone| !own(gone)).collect();
    assert!(unknown.is_empty(), "{what}: it names what it never showed: {unknown:?}");
}

async fn play(site: &Site, seed: u64) {
    let mut admin = site.a.admin();
    admin.configure(played_org()).await;
    let mut revision = admin.supply_desk().await;
    let (all, mut oracle) = (pb::WatchFilter::default(), Oracle::default());
    let mut sessions = Mirror::open(&site.b().admin(), pb::WatchKind::Session, all.clone()).await;
    let mut work = Mirror::open(&site.b().admin(), pb::WatchKind::Work, all.clone()).await;
    let mut transfers = Mirror::open(&site.b().admin(), pb::WatchKind::Transfer, all).await;
    let mut mirrors = open_all(site.b()).await;
    oracle.members.extend([members(&mut admin).await]);
    let mut dice = Dice(seed);
    for number in 0..STEPS {
        let changed = step(&mut admin, &site.a, &mut dice, number).await;
        revision = changed.unwrap_or_default().max(revision);
        oracle.members.extend([members(&mut admin).await]);
    }
    // The last change is one that everybody sees coming.
    revision = admin.enqueue("last", "billing").await.1.max(revision);
    for mirror in [&mut sessions, &mut work, &mut transfers] {
        mirror.follow(revision).await;
    }
    oracle.learn(&sessions, &work, &transfers);
    let told = format!("seed {seed}, {}", site.name());
    // A server that has just started resumes them from what is stored alone.
    let late = site.another().await;
    let mut gone_on = 0;
    for (who, mirror) in &mut mirrors {
        let resumed = match &late {
            Some(house) => Some(mirror.resumed(&who.caller(house)).await),
            None => None,
        };
        mirror.follow(revision).await;
        judge(&oracle, who, mirror, &told).await;
        if let Some(mut resumed) = resumed {
            resumed.follow(revision).await;
            judge(&oracle, who, &mut resumed, &told).await;
            gone_on += usize::from(resumed.resets == 0);
        }
    }
    // Those that can tell what was do go on: of states and of channels' sessions the token is enough.
    assert!(late.is_none() || gone_on > 0, "{told}: all of them began anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_w1_a_narrowed_stream_ends_as_a_fresh_one_and_never_showed_anything_else() {
    for seed in 1..=3 {
        play(&Site::in_memory().await, seed).await;
    }
    play(&Site::on_redis().await, 4).await;
}
