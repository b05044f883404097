//! Contacts against a plain model: random full and incremental syncs, reports, pages that are lost, come twice or in
//! another order. What is shown, what is counted and what is refused is as the model says; nothing else is left behind.

mod model;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use self::model::{Call, Model, ModelRow, calls, name};
use super::given::{
    GivenContact, GivenContacts, GivenItem, GivenObservation, GivenQueueWait, GivenReports,
    LastPage, SyncMode,
};
use crate::domain::command::{Command, Directory, DirectoryKey, Request};
use crate::domain::contacts::{ContactBlock, ContactDetails};
use crate::domain::decide::decide;
use crate::domain::decide::stated::Stated;
use crate::domain::directory::{Partner, PartnerQueue, Queue, RoutingModel};
use crate::domain::draft::Entropy;
use crate::domain::entry::{Answer, Cause, Fingerprint};
use crate::domain::id::{ActorId, ContactId, PartnerId, TxnId};
use crate::domain::limits::OrgLimits;
use crate::domain::live::{Actor, ContactRef, Role};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::{HeldRecord, State};
use crate::domain::time::{Span, Timestamp};
use crate::domain::wait;

struct Counting(u128);

impl Entropy for Counting {
    fn bits(&mut self) -> u128 {
        self.0 += 1;
        self.0
    }
}

/// What time it is, in seconds.
const NOW: i64 = 1_000;

fn acme() -> PartnerId {
    PartnerId::new("acme").expect("an id")
}

fn contact_id(number: u32) -> ContactId {
    ContactId::new(&format!("c-{number:03}")).expect("an id")
}

fn of(number: u32) -> ContactRef {
    ContactRef { partner: acme(), contact: contact_id(number) }
}

/// An org in which decisions are made one after the other.
struct Org {
    state: State,
    entropy: Counting,
}

impl Org {
    fn new() -> Self {
        let mut org = Self { state: State::default(), entropy: Counting(0) };
        org.add_partner();
        org
    }

    fn add_partner(&mut self) {
        let partner = Partner {
            id: acme(),
            name: "Acme".into(),
            handoff_deadline: None,
            routing_deadline: None,
            routing_lease: Partner::ROUTING_LEASE,
            away_after: Partner::AWAY_AFTER,
            deletion_guard_percent: 0,
        };
        let directory = Directory { partners: vec![partner], ..Directory::default() };
        self.does(Command::Upsert(directory)).expect("a good partner");
    }

    fn does(&mut self, command: Command) -> Result<Answer, Rejection> {
        self.does_as(Role::Admin, "root", command)
    }

    fn does_as(&mut self, role: Role, id: &str, command: Command) -> Result<Answer, Rejection> {
        let actor = Actor { role, id: ActorId::new(id).expect("an id") };
        let request = Request {
            txn: TxnId::from_u128(self.entropy.bits()),
            fingerprint: Fingerprint::default(),
            cause: Cause::new(actor, "test"),
            presence: None,
            stated: Stated::default(),
            narrowing: None,
            limits: OrgLimits::UNBOUNDED,
            command,
        };
        let now = Timestamp::from_ms(NOW * 1_000);
        decide(&mut self.state, &request, now, &mut self.entropy).map(|decision| decision.answer)
    }

    /// Lets all be worked off that decisions left.
    fn work_off(&mut self) {
        for _ in 0..1_000 {
            if !self.state.has_marks() {
                return;
            }
            self.does(Command::WorkOff).expect("it is never refused");
        }
        panic!("it never ends: {:?}", self.state.marks().collect::<Vec<_>>());
    }

    fn blocks(&self) -> Vec<Arc<ContactBlock>> {
        let blocks = self.state.records().filter_map(|(_, held)| match &held.record {
            Record::ContactBlock(block) => Some(Arc::clone(block)),
            _ => None,
        });
        blocks.collect()
    }
}

fn observation(said: Option<(Option<u8>, i64)>) -> GivenObservation {
    let Some((value, at)) = said else { return GivenObservation::default() };
    let at = Some(Timestamp::from_ms(at * 1_000));
    let availability = Some(value.map(model::availability));
    GivenObservation { availability, wait: None, at, valid_for: None }
}

fn item(row: &ModelRow) -> GivenItem<ContactId, GivenContact> {
    let id = contact_id(row.id);
    let details = ContactDetails {
        id: id.clone(),
        kind: "team".into(),
        channels: BTreeSet::new(),
        name: name(row.name),
        description: String::new(),
        fields: [].into(),
    };
    let said = GivenContact { details, observed: observation(row.said) };
    let said = if row.bad { Err("name is bad".to_owned()) } else { Ok(said) };
    GivenItem { id: if row.nameless { Err("a b".into()) } else { Ok(id) }, said }
}

fn command(call: &Call) -> Command {
    let given = |mode, rows: &[ModelRow]| {
        let contacts = rows.iter().map(item).collect();
        let content = Fingerprint::default();
        Command::SyncContacts(Box::new(GivenContacts { partner: acme(), mode, contacts, content }))
    };
    match call {
        Call::Page { generation, page, last, rows } => {
            let last = last.map(|(total, allow)| LastPage { total, allow_mass_deletion: allow });
            given(SyncMode::Full { generation: *generation, page: *page, last }, rows)
        }
        Call::Change { rows, deleted } => {
            let gone = |id: &u32| GivenItem { id: Ok(contact_id(*id)), said: Ok(()) };
            let deleted = deleted.iter().map(gone).collect();
            given(SyncMode::Incremental { deleted }, rows)
        }
        Call::Report { reports } => {
            let report = |(id, said): &(u32, (Option<u8>, i64))| GivenItem {
                id: Ok(contact_id(*id)),
                said: Ok(observation(Some(*said))),
            };
            let contacts = reports.iter().map(report).collect();
            let (partner, queues) = (acme(), Vec::new());
            Command::ReportAvailability(Box::new(GivenReports { partner, contacts, queues }))
        }
    }
}

/// The blocks are well formed, and none is of a generation that is neither shown nor staged.
fn check_blocks(org: &Org) {
    let book = org.state.contact_book(&acme());
    let staged = book.as_ref().and_then(|book| book.staged.as_ref());
    let known = [book.as_ref().map_or(0, |book| book.generation)].into_iter();
    let known: BTreeSet<u64> = known.chain(staged.map(|staged| staged.generation)).collect();
    let mut last: Option<(u64, String)> = None;
    for block in org.blocks() {
        assert!(known.contains(&block.generation), "generation {} is left", block.generation);
        assert!((1..=ContactBlock::MOST).contains(&block.len()), "{} contacts", block.len());
        for at in 0..block.len() {
            let place = (block.generation, block.id(at).to_owned());
            assert!(block.first.as_str() <= block.id(at), "before its block: {place:?}");
            assert!(last.as_ref().is_none_or(|last| *last < place), "{last:?} before {place:?}");
            last = Some(place);
        }
    }
}

fn check_shown(org: &Org, model: &Model) {
    let book = org.state.contact_book(&acme());
    let count = book.as_ref().map_or(0, |book| book.contacts);
    assert_eq!(count as usize, model.shown.len());
    for id in 0..model::IDS {
        let known = org.state.contact(&of(id)).map(|contact| {
            let now = Timestamp::from_ms(NOW * 1_000);
            (contact.name.clone(), contact.observed.availability_at(now))
        });
        let expected = model.shown.get(&id).map(|contact| {
            (name(contact.name), contact.said.and_then(|(value, _)| value.map(model::availability)))
        });
        assert_eq!(known, expected, "contact {id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn n2_n10_whatever_partners_send_contacts_are_as_a_plain_map_would_have_them(
        calls in calls(),
    ) {
        let (mut org, mut model) = (Org::new(), Model::default());
        for call in calls {
            let call = model.fitted(call);
            let before = org.state.clone();
            let expected = model.takes(&call);
            match (org.does(command(&call)), expected) {
                (Ok(Answer::ContactsSynced(sync)), Ok(expected)) => {
                    let numbers = (sync.created, sync.updated, sync.deleted);
                    prop_assert_eq!(numbers, expected.numbers, "{:?}", call);
                    let rest = (sync.arrived, sync.complete, sync.failures.count);
                    prop_assert_eq!(rest, expected.rest, "{:?}", call);
                }
                (Ok(Answer::AvailabilityReported(report)), Ok(expected)) => {
                    let numbers = (report.accepted, report.outdated, report.failures.count);
                    prop_assert_eq!(numbers, expected.numbers, "{:?}", call);
                }
                (Err(refused), Err(reason)) => {
                    prop_assert_eq!(refused.reason, reason, "{:?}", refused);
                    prop_assert!(org.state.records().eq(before.records()));
                }
                (found, expected) => panic!("{found:?}, not {expected:?}: {call:?}"),
            }
            check_shown(&org, &model);
            org.work_off();
            check_blocks(&org);
        }
        let key = DirectoryKey::Partner(acme());
        org.does(Command::Delete { key, move_to: None }).expect("nothing uses it");
        org.work_off();
        prop_assert_eq!(org.blocks().len(), 0);
        prop_assert!(org.state.contact_book(&acme()).is_none());
    }
}

#[test]
fn e6_what_was_said_of_a_queue_goes_with_it() {
    let mut org = Org::new();
    let queue = Queue {
        id: "vip".parse().expect("an id"),
        name: "VIP".into(),
        reps: [].into(),
        channel_types: [].into(),
        model: RoutingModel::LeastActive,
        weight: None,
        push_timeout: None,
        overflow: None,
        max_length: None,
        default_priority: 0,
        partner: Some(PartnerQueue { partner: acme(), own_id: "V1".parse().ok() }),
    };
    let id = queue.id.clone();
    let queues = vec![queue];
    org.does(Command::Upsert(Directory { queues, ..Directory::default() })).expect("a queue");
    let report = |named: &str, wait, at| {
        let wait = Some(Span::from_secs(wait));
        let at = Some(Timestamp::from_ms(at));
        let said = GivenQueueWait { wait, samples: None, at, valid_for: None };
        let item = GivenItem { id: Ok(named.parse().expect("an id")), said: Ok(said) };
        let (partner, contacts) = (acme(), Vec::new());
        let given = GivenReports { partner, contacts, queues: vec![item] };
        Command::ReportAvailability(Box::new(given))
    };
    let waits = |org: &Org| wait::value(&org.state, &id, Timestamp::from_ms(NOW * 1_000));
    for (named, said, at, shown) in [("V1", 30, 5, 30), ("vip", 60, 4, 30), ("vip", 90, 5, 90)] {
        org.does(report(named, said, at)).expect("it is the partner's");
        assert_eq!(waits(&org), Some(Span::from_secs(shown)), "{named} at {at}");
    }
    let key = DirectoryKey::Queue(id.clone());
    org.does(Command::Delete { key, move_to: None }).expect("nothing uses it");
    assert!(org.state.queue_report(&id).is_none());
}

fn rows(ids: impl IntoIterator<Item = u32>) -> Vec<ModelRow> {
    ids.into_iter().map(ModelRow::plain).collect()
}

fn page(generation: u64, page: u32, last: Option<(u32, bool)>, rows: Vec<ModelRow>) -> Command {
    command(&Call::Page { generation, page, last, rows })
}

#[test]
fn n2_a_last_page_with_pages_missing_says_which_and_changes_nothing() {
    let mut org = Org::new();
    org.does(page(7, 2, None, rows(10..20))).expect("a page");
    org.does(page(7, 6, None, rows(50..60))).expect("a page");
    let before = org.state.clone();
    let refused =
        org.does(page(7, 9, Some((60, false)), rows(90..99))).expect_err("pages are lost");
    assert_eq!(refused.reason, Reason::WrongState);
    assert!(refused.message.contains("1, 3–5, 7–8"), "{refused}");
    assert!(org.state.records().eq(before.records()));
}

#[test]
fn n2_the_last_page_of_a_complete_sync_is_answered_once_more_as_it_was() {
    let mut org = Org::new();
    let last = || page(7, 1, Some((10, false)), rows(0..10));
    let first = org.does(last()).expect("all of it");
    let revision = org.state.head().revision;
    assert_eq!(org.does(last()), Ok(first));
    assert_eq!(org.state.head().revision, revision, "nothing has changed");
    let other = org.does(page(7, 2, None, rows(0..1))).expect_err("it is complete");
    assert_eq!((other.reason, other.details.about[0].1.as_str()), (Reason::WrongState, "7"));
}

#[test]
fn n10_a_guarded_share_is_not_deleted_unless_the_sync_says_so() {
    let mut org = Org::new();
    org.does(page(1, 1, Some((150, false)), rows(0..150))).expect("all of it");
    let few = |allow| page(2, 1, Some((10, allow)), rows(0..10));
    let refused = org.does(few(false)).expect_err("it would delete 140");
    assert_eq!(refused.reason, Reason::SyncDeletesTooMany);
    let about: Vec<&str> = refused.details.about.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(about, ["140", "100"]);
    assert!(org.state.contact(&of(149)).is_some());
    org.does(few(true)).expect("it says so");
    assert!(org.state.contact(&of(149)).is_none());
    org.work_off();
    check_blocks(&org);
}

#[test]
fn n2_a_partner_that_was_deleted_and_is_back_has_none_of_its_old_contacts() {
    let mut org = Org::new();
    org.does(page(1, 1, Some((150, false)), rows(0..150))).expect("all of it");
    let key = DirectoryKey::Partner(acme());
    org.does(Command::Delete { key, move_to: None }).expect("nothing uses it");
    org.add_partner();
    let refused = org.does(page(1, 1, None, rows(0..1))).expect_err("they are still going");
    assert_eq!(refused.reason, Reason::WrongState);
    assert!(refused.retry_after.is_some());
    org.work_off();
    org.does(page(1, 1, Some((1, false)), rows(0..1))).expect("they are gone");
    assert!(org.state.contact(&of(1)).is_none());
    // Nor those that it supplied without a full sync.
    let mut org = Org::new();
    let change = |rows| command(&Call::Change { rows, deleted: Vec::new() });
    org.does(change(rows(0..150))).expect("they are new");
    let key = DirectoryKey::Partner(acme());
    org.does(Command::Delete { key, move_to: None }).expect("nothing uses it");
    org.add_partner();
    let reports = command(&Call::Report { reports: vec![(1, (Some(0), 1))] });
    for early in [page(1, 1, None, rows(0..1)), change(rows(0..1)), reports] {
        let refused = org.does(early).expect_err("they are still going");
        assert_eq!(refused.reason, Reason::WrongState);
    }
    assert!(org.state.contact(&of(1)).is_none());
    org.work_off();
    org.does(page(1, 1, Some((1, false)), rows(0..1))).expect("they are gone");
}

#[test]
fn n3_a_partner_supplies_its_own_contacts_and_knows_of_no_others() {
    let mut org = Org::new();
    let all = || page(1, 1, Some((1, false)), rows(0..1));
    let other = org.does_as(Role::Partner, "umbra", all()).expect_err("another's");
    assert_eq!(other.reason, Reason::NotFound);
    let rep = org.does_as(Role::Rep, "ana", all()).expect_err("not hers");
    assert_eq!(rep.reason, Reason::PermissionDenied);
    org.does_as(Role::Partner, "acme", all()).expect("its own");
}

#[test]
fn n10_what_is_observed_ahead_of_now_is_not_taken_and_neither_is_a_foreign_channel() {
    let mut org = Org::new();
    let ahead = |seconds| ModelRow { said: Some((Some(0), NOW + seconds)), ..ModelRow::plain(1) };
    let Command::SyncContacts(mut given) = page(1, 1, Some((3, false)), vec![ahead(301)]) else {
        unreachable!("it is a sync");
    };
    given.contacts.push(item(&ModelRow { id: 2, ..ahead(300) }));
    let mut foreign = item(&ModelRow::plain(3));
    if let Ok(said) = &mut foreign.said {
        said.details.channels.insert("web".parse().expect("an id"));
    }
    given.contacts.push(foreign);
    let Ok(Answer::ContactsSynced(sync)) = org.does(Command::SyncContacts(given)) else {
        panic!("it is taken but for two");
    };
    let failed: Vec<u32> = sync.failures.told.iter().map(|failure| failure.index).collect();
    assert_eq!((sync.contacts, failed), (1, vec![0, 2]));
    assert!(sync.failures.told[0].text.starts_with("observed_at is 301 s ahead"), "{sync:?}");
    assert!(sync.failures.told[1].text.contains("web, which isn't a channel that acme routes"));
}

#[test]
fn n2_a_contact_takes_no_more_than_300_bytes() {
    const MANY: u32 = 10_000;
    let mut org = Org::new();
    let item = |number: u32| {
        let id = ContactId::new(&format!("agent-{number:06}")).expect("an id");
        let mut item = item(&ModelRow { said: Some((Some(1), NOW)), ..ModelRow::plain(0) });
        if let Ok(said) = &mut item.said {
            said.details.id = id.clone();
            said.details.name = format!("Dr. Ana Ruiz {number:07}");
        }
        GivenItem { id: Ok(id), ..item }
    };
    for number in 0..10 {
        let last = (number == 9).then_some((MANY, false));
        let Command::SyncContacts(mut given) = page(1, number + 1, last, Vec::new()) else {
            unreachable!("it is a sync");
        };
        given.contacts = (number * MANY / 10..(number + 1) * MANY / 10).map(item).collect();
        org.does(Command::SyncContacts(given)).expect("a good page");
    }
    // A record's key, and its part of the map that holds it.
    let of_record = size_of::<RecordKey>() + size_of::<HeldRecord>() + 100;
    let bytes: usize = org.blocks().iter().map(|block| block.memory() + of_record).sum();
    assert!(bytes / 10_000 <= 300, "{} bytes a contact", bytes / 10_000);
}

#[test]
fn n2_blocks_stay_small_whatever_contacts_weigh() {
    let mut org = Org::new();
    let Command::SyncContacts(mut given) = page(1, 1, Some((150, false)), rows(0..150)) else {
        unreachable!("it is a sync");
    };
    for (number, item) in given.contacts.iter_mut().enumerate() {
        if let Ok(said) = &mut item.said {
            said.details.description = "ß".repeat(number % 256);
            said.details.fields.insert("note".into(), "x".repeat(1_000));
        }
    }
    org.does(Command::SyncContacts(given)).expect("they are good");
    let bytes = |block: &ContactBlock| (0..block.len()).map(|at| block.details(at).len()).sum();
    let most: Option<usize> = org.blocks().iter().map(|block| bytes(block)).max();
    assert!(most.is_some_and(|most| most <= ContactBlock::MOST_BYTES), "{most:?}");
    let key = |first| RecordKey::ContactBlock(acme(), 1, first);
    assert!(org.state.held(&key(ContactId::least())).is_some(), "the first begins before all");
    assert_eq!(org.state.settings().handoff_deadline, Span::from_secs(60));
}
