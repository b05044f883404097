//! What contacts cost: a partner with 100,000 of them, synced in pages of 1,000, searched and ranked. `sync` and `list` are
//! the decisions and the questions alone, without a journal and without the wire.
//!
//! `cargo bench --bench contacts` first says what a contact takes in memory, and how long a search takes while a full sync
//! runs beside it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use baton::domain::command::{Command, Directory, Request};
use baton::domain::contact_search::{ContactFilter, contacts_after};
use baton::domain::contacts::{ContactDetails, Wait};
use baton::domain::decide::contacts::given::{
    GivenContact, GivenContacts, GivenItem, GivenObservation, LastPage, SyncMode,
};
use baton::domain::decide::decide;
use baton::domain::decide::stated::Stated;
use baton::domain::directory::{CapacityModel, Channel, ChannelType, Partner, RoutingOwner};
use baton::domain::draft::Entropy;
use baton::domain::entry::{Cause, Fingerprint, Head, Revision};
use baton::domain::id::TxnId;
use baton::domain::limits::OrgLimits;
use baton::domain::live::{Actor, Role};
use baton::domain::recipients::RecipientQuestion;
use baton::domain::recipients::contacts::{ContactPlace, list_contacts};
use baton::domain::record::RecordKey;
use baton::domain::state::{HeldRecord, State};
use baton::domain::time::{Span, Timestamp};
use baton::domain::units::{Units, Weight};
use divan::{Bencher, black_box};
use hdrhistogram::Histogram;

const CONTACTS: u32 = 100_000;
const PAGE: u32 = 1_000;
const SHOWN: usize = 51;
const NAMES: [&str; 8] = ["Ana", "Ben", "Cleo", "Dora", "Emil", "Finn", "Gerda", "Hugo"];

struct Counting(u128);

impl Entropy for Counting {
    fn bits(&mut self) -> u128 {
        self.0 += 1;
        self.0
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "--bench") {
        measure();
    }
    divan::main();
}

fn now() -> Timestamp {
    Timestamp::from_ms(1_000_000)
}

fn does(state: &mut State, command: Command) {
    let mut entropy = Counting(u128::from(state.head().revision.get()) << 64);
    let request = Request {
        txn: TxnId::from_u128(entropy.bits()),
        fingerprint: Fingerprint::default(),
        cause: Cause::new(admin(), "bench"),
        presence: None,
        stated: Stated::default(),
        narrowing: None,
        limits: OrgLimits::UNBOUNDED,
        command,
    };
    decide(state, &request, now(), &mut entropy).expect("it is taken");
}

fn admin() -> Actor {
    Actor { role: Role::Admin, id: "root".parse().expect("an id") }
}

fn org() -> State {
    let partner = Partner {
        id: "acme".parse().expect("an id"),
        name: "Acme".into(),
        handoff_deadline: None,
        routing_deadline: None,
        routing_lease: Partner::ROUTING_LEASE,
        away_after: Partner::AWAY_AFTER,
        deletion_guard_percent: Partner::DELETION_GUARD_PERCENT,
    };
    let channel = Channel {
        id: "voice".parse().expect("an id"),
        name: "Voice".into(),
        channel_type: ChannelType::ByocForCcaas,
        routing_owner: RoutingOwner::Partner(partner.id.clone()),
        capacity_model: CapacityModel::TabBased,
        weight: Weight::Units(Units::whole(1)),
        paused_weight: None,
        fallback_queue: None,
        wrap_up: None,
        interruptible: false,
        recipient_types: [].into(),
        default_target: None,
        partner_routes_reps: false,
        adapters: [].into(),
    };
    let (partners, channels) = (vec![partner], vec![channel]);
    let mut state = State::default();
    does(&mut state, Command::Upsert(Directory { partners, ..Directory::default() }));
    does(&mut state, Command::Upsert(Directory { channels, ..Directory::default() }));
    state
}

/// A contact with an id of 12 bytes, a name of some 20, a type, a channel and an availability.
fn contact(number: u32) -> GivenItem<baton::domain::id::ContactId, GivenContact> {
    let id: baton::domain::id::ContactId = format!("agent-{number:06}").parse().expect("an id");
    let name = NAMES[usize::try_from(number % 8).expect("small")];
    let details = ContactDetails {
        id: id.clone(),
        kind: if number.is_multiple_of(10) { "team" } else { "person" }.into(),
        channels: BTreeSet::from(["voice".parse().expect("an id")]),
        name: format!("{name} Muster {number:08}"),
        description: String::new(),
        fields: [].into(),
    };
    use baton::domain::contacts::ContactAvailability::{Available, Busy, Unavailable};
    let availability = [Available, Busy, Unavailable][usize::try_from(number % 3).expect("small")];
    let observed = GivenObservation {
        availability: Some(Some(availability)),
        wait: Some(Some(Wait::new(Span::from_secs(i64::from(number % 600))))),
        at: Some(now()),
        valid_for: Some(Span::from_secs(3_600)),
    };
    GivenItem { id: Ok(id), said: Ok(GivenContact { details, observed }) }
}

fn page(generation: u64, number: u32) -> Command {
    let pages = CONTACTS / PAGE;
    let last =
        (number == pages).then_some(LastPage { total: CONTACTS, allow_mass_deletion: false });
    let contacts = ((number - 1) * PAGE..number * PAGE).map(contact).collect();
    Command::SyncContacts(Box::new(GivenContacts {
        partner: "acme".parse().expect("an id"),
        mode: SyncMode::Full { generation, page: number, last },
        contacts,
        content: Fingerprint::default(),
    }))
}

fn pages(generation: u64) -> Vec<Command> {
    (1..=CONTACTS / PAGE).map(|number| page(generation, number)).collect()
}

fn synced() -> State {
    let mut state = org();
    for command in pages(1) {
        does(&mut state, command);
    }
    state
}

fn work_off(state: &mut State) {
    while state.has_marks() {
        does(state, Command::WorkOff);
    }
}

fn filter(query: &str) -> ContactFilter {
    ContactFilter { words: ContactFilter::words(query), ..ContactFilter::default() }
}

fn ranked(state: &State, query: &str, after: Option<&ContactPlace>) -> Option<ContactPlace> {
    let about = RecipientQuestion::Channel("voice".parse().expect("an id"));
    let found = list_contacts(state, &admin(), &about, &filter(query), (after, SHOWN), now());
    found.expect("the channel has contacts").pop().map(|entry| entry.place)
}

/// All memory of this process that is in use, in bytes.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(status.split(' ').nth(1)?.parse::<usize>().ok()? * 4_096)
}

/// An org as it is stored.
fn stored(state: &State) -> Vec<(RecordKey, Vec<u8>)> {
    let encoded = |(key, held): (&RecordKey, &HeldRecord)| {
        (key.clone(), minicbor::to_vec(&held.record).expect("there is room"))
    };
    state.records().map(encoded).collect()
}

/// The org as a server has it that begins with what is stored.
fn loaded(stored: &[(RecordKey, Vec<u8>)]) -> State {
    let revision = Revision::new(1);
    let held = stored.iter().map(|(key, image)| {
        let record = minicbor::decode(image).expect("it was encoded");
        (key.clone(), HeldRecord { revision, record })
    });
    State::restore(Head::default(), held)
}

/// What a contact takes in a server that has loaded the org, and how long searches take while a sync runs. Two loaded before
/// fill what the sync has let go.
fn measure() {
    let first = synced();
    let stored = stored(&first);
    let _kept = [loaded(&stored), loaded(&stored)];
    let before = resident();
    let state = loaded(&stored);
    let taken = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    let each = taken.map(|bytes| bytes / usize::try_from(CONTACTS).expect("some"));
    let shared = Mutex::new(state);
    let done = AtomicBool::new(false);
    let mut times = Histogram::<u64>::new(3).expect("three digits");
    let mut syncing = Duration::ZERO;
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| {
            let (mut state, commands) = (lock(&shared), pages(2));
            let begun = Instant::now();
            for command in commands {
                does(&mut state, command);
                *shared.lock().expect("nobody panics") = state.clone();
            }
            done.store(true, Ordering::Release);
            begun.elapsed()
        });
        for query in ["muster 00099", "ana", "team", ""].iter().cycle() {
            let state = lock(&shared);
            let begun = Instant::now();
            black_box(ranked(&state, query, None));
            let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            times.record(took).expect("it fits");
            if done.load(Ordering::Acquire) {
                break;
            }
        }
        syncing = sync.join().expect("it ends");
    });
    let told = writeln!(
        std::io::stdout(),
        "{CONTACTS} contacts: {each:?} bytes each; searches while a sync of {syncing:?} runs: {} of them, p50 {} µs, \
         p99 {} µs",
        times.len(),
        times.value_at_quantile(0.5),
        times.value_at_quantile(0.99),
    );
    told.expect("somebody reads it");
}

fn lock(shared: &Mutex<State>) -> State {
    shared.lock().expect("nobody panics").clone()
}

/// All contacts, where there were none.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn sync_all(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| (org(), pages(1))).bench_values(|(mut state, commands)| {
        for command in commands {
            does(&mut state, command);
        }
        state
    });
}

/// The same contacts once more, and the old ones gone.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn sync_all_again(bencher: Bencher<'_, '_>) {
    let state = synced();
    bencher.with_inputs(|| (state.clone(), pages(2))).bench_values(|(mut state, commands)| {
        for command in commands {
            does(&mut state, command);
        }
        work_off(&mut state);
        state
    });
}

/// The last page of them, which shows all.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn sync_last_page(bencher: Bencher<'_, '_>) {
    let mut state = synced();
    let mut commands = pages(2);
    let last = commands.pop().expect("a hundred");
    for command in commands {
        does(&mut state, command);
    }
    let inputs = || (state.clone(), last.clone());
    bencher.with_inputs(inputs).bench_values(|(mut state, command)| {
        does(&mut state, command);
        state
    });
}

/// A page of those found, in the order of their ids.
#[divan::bench(args = ["muster 00099999", "ana muster", "nobody", ""])]
fn list_by_id(bencher: Bencher<'_, '_>, query: &str) {
    let (state, filter) = (synced(), filter(query));
    let partner = "acme".parse().expect("an id");
    bencher.bench_local(|| {
        let found = contacts_after(&state, &partner, &filter, None, now()).take(SHOWN);
        found.filter_map(|found| found.contact()).count()
    });
}

/// A page of those found, the most available first.
#[divan::bench(args = ["muster 00099999", "ana muster", "nobody", ""])]
fn list_by_availability(bencher: Bencher<'_, '_>, query: &str) {
    let state = synced();
    bencher.bench_local(|| ranked(&state, query, None));
}

/// The second page of them all.
#[divan::bench]
fn list_by_availability_next(bencher: Bencher<'_, '_>) {
    let state = synced();
    let first = ranked(&state, "", None);
    bencher.bench_local(|| ranked(&state, "", first.as_ref()));
}
