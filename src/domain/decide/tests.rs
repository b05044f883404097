//! What scenarios can't show: two decisions on the same state, and what a decision leaves to be
//! committed. Everything else is in `tests/scenarios`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Decision, decide};
use crate::domain::attributes::{Attributes, AttributesChange};
use crate::domain::command::{Command, Request};
use crate::domain::directory::{Settings, SettingsPatch};
use crate::domain::draft::Entropy;
use crate::domain::entry::{Cause, Entry, Fingerprint, Transaction};
use crate::domain::id::{ActorId, PresenceId, SessionId, TxnId};
use crate::domain::live::{Actor, ClosedPresence, Line, PresenceCause, RepPresence, Role, Session};
use crate::domain::look::Look;
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::{Held, State};
use crate::domain::time::Timestamp;

struct Zeros;

impl Entropy for Zeros {
    fn bits(&mut self) -> u128 {
        0
    }
}

const SESSION: SessionId = SessionId::from_u128(7);

/// A session that waits for ana, and ana, whose presence 1 was taken over by another.
fn state() -> State {
    let session = Session {
        id: SESSION,
        channel: "web".parse().unwrap(),
        external_reference: "+49 170 1234567".parse().unwrap(),
        priority: 10,
        priority_given: true,
        opened_at: Timestamp::from_ms(1),
        state: Session::WAITING,
        line: Line::Rep("ana".parse().unwrap()),
        line_since: Timestamp::from_ms(1),
        estimated: None,
        required: [].into(),
        wished: [].into(),
        passed_by: [].into(),
        trace: None,
        transfer: None,
        transfers: 0,
        attributes: Arc::default(),
    };
    let at = Timestamp::from_ms(1);
    let id = PresenceId::from_u128(1);
    let last = Some(ClosedPresence { id, at, cause: PresenceCause::DuplicateLogin, by: None });
    let ana = RepPresence { last, ..RepPresence::absent("ana".parse().unwrap()) };
    let records = [Record::Session(Arc::new(session)), Record::RepPresence(Arc::new(ana))];
    let held = |record: Record| (record.key(), Held { version: TxnId::from_u128(1), record });
    State::restore(State::default().head(), records.map(held))
}

fn request(txn: u128, role: Role, command: Command) -> Request {
    let actor = Actor { role, id: ActorId::new("ana").unwrap() };
    let cause = Cause { actor, rpc: "test".into(), request_id: None };
    let fingerprint = Fingerprint::default();
    Request { txn: TxnId::from_u128(txn), fingerprint, cause, presence: None, command }
}

fn on(state: &State, request: &Request) -> Result<Decision, Rejection> {
    decide(state, request, Timestamp::from_ms(5), &mut Zeros)
}

fn applied(state: &State, transaction: &Transaction) -> State {
    let mut next = state.clone();
    next.apply(&Entry::after(state.head(), transaction)).unwrap();
    next
}

/// Decides both on the same state, commits the first, and decides the second again, since its
/// checks don't hold any more.
fn one_after_the_other(state: &State, first: Command, second: Command) -> State {
    let (first, second) = (request(2, Role::Admin, first), request(3, Role::Admin, second));
    let one = on(state, &first).unwrap().transaction.unwrap();
    let lost = on(state, &second).unwrap().transaction.unwrap();
    let next = applied(state, &one);
    let stale = lost.checks.iter().any(|(key, seen)| next.version(key) != *seen);
    assert!(stale, "what was decided without knowing of the other is a conflict");
    let two = on(&next, &second).unwrap().transaction.unwrap();
    applied(&next, &two)
}

#[test]
fn settings_that_change_at_the_same_time_both_change() {
    let on = SettingsPatch { direct_to_rep_routing: Some(true), ..SettingsPatch::default() };
    let few = SettingsPatch { max_transfers_per_session: Some(3), ..SettingsPatch::default() };
    let next =
        one_after_the_other(&state(), Command::ChangeSettings(on), Command::ChangeSettings(few));
    let both = Settings {
        direct_to_rep_routing: true,
        max_transfers_per_session: 3,
        ..Settings::default()
    };
    assert_eq!(*next.settings(), both);
}

fn single(name: &str, value: Option<String>) -> Command {
    let change = AttributesChange::Single([(name.to_owned(), value)].into());
    Command::UpdateSession {
        session: SESSION,
        attributes: Some(change),
        priority: None,
        skills: None,
    }
}

#[test]
fn o3_attributes_that_change_at_the_same_time_both_change() {
    let (tier, lang) = (single("tier", Some("gold".into())), single("lang", Some("es".into())));
    let next = one_after_the_other(&state(), tier, lang);
    let both = [("lang", "es"), ("tier", "gold")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(*next.session(&SESSION).unwrap().attributes, BTreeMap::from(both));
    let gone = on(&next, &request(4, Role::Admin, single("tier", None))).unwrap();
    let next = applied(&next, &gone.transaction.unwrap());
    assert!(next.session(&SESSION).unwrap().attributes.keys().eq(["lang"]));
}

#[test]
fn o3_attributes_are_bounded_after_the_change() {
    let all: Attributes = (0..64).map(|n| (format!("k{n}"), "v".to_owned())).collect();
    let replace = AttributesChange::Replace(Arc::new(all));
    let full = Command::UpdateSession {
        session: SESSION,
        attributes: Some(replace),
        priority: None,
        skills: None,
    };
    let state = state();
    let decided = on(&state, &request(2, Role::Admin, full)).unwrap().transaction.unwrap();
    let state = applied(&state, &decided);
    let refused = |command| on(&state, &request(3, Role::Admin, command)).err().map(|r| r.reason);
    assert_eq!(refused(single("one-more", Some("v".into()))), Some(Reason::InvalidField));
    assert_eq!(refused(single("k0", Some("v".repeat(4_000)))), Some(Reason::InvalidField));
    assert_eq!(refused(single("k0", Some("w".into()))), None);
}

#[test]
fn t21_what_changes_nothing_is_remembered_for_who_asks_by_an_id() {
    let state = state();
    let priority = Some(10);
    let same =
        Command::UpdateSession { session: SESSION, attributes: None, priority, skills: None };
    let mut request = request(2, Role::Admin, same);
    assert!(on(&state, &request).unwrap().transaction.is_none());
    request.cause.request_id = Some("r1".into());
    let decision = on(&state, &request).unwrap();
    let transaction = decision.transaction.unwrap();
    assert!(transaction.changes_nothing() && transaction.facts.is_empty());
    assert_eq!(transaction.answer, decision.answer);
    assert!(transaction.checks.contains_key(&RecordKey::Session(SESSION)), "it can be stale");
}

#[test]
fn p5_the_presence_is_looked_at_within_the_decision() {
    let state = state();
    let command = Command::UpdateSession {
        session: SESSION,
        attributes: None,
        priority: Some(1),
        skills: None,
    };
    let mut request = request(2, Role::Admin, command);
    let mut refused = |number, role| {
        request.presence = Some(PresenceId::from_u128(number));
        request.cause.actor.role = role;
        on(&state, &request).err().map(|r| r.reason)
    };
    assert_eq!(refused(1, Role::Admin), Some(Reason::PresenceSuperseded));
    assert_eq!(refused(1, Role::Rep), Some(Reason::PresenceSuperseded));
    assert_eq!(refused(2, Role::Rep), Some(Reason::NotFound));
    request.presence = Some(PresenceId::from_u128(1));
    request.cause.actor.id = ActorId::new("ben").unwrap();
    assert_eq!(on(&state, &request).err().map(|r| r.reason), Some(Reason::NotFound), "S2");
}
