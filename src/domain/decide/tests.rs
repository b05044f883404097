//! What scenarios can't show: what a decision leaves behind that is refused, or changes nothing.
//! Everything else is in `tests/scenarios`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stated::Stated;
use super::{Decision, decide};
use crate::domain::attributes::{Attributes, AttributesChange};
use crate::domain::command::{Command, Directory, Request};
use crate::domain::directory::{Queue, RoutingModel, Settings, SettingsPatch, Skill};
use crate::domain::draft::Entropy;
use crate::domain::entry::{Answer, Cause, Fingerprint, Revision};
use crate::domain::id::{ActorId, PresenceId, SessionId, TxnId};
use crate::domain::limits::OrgLimits;
use crate::domain::live::{
    Actor, ClosedPresence, Line, PresenceCause, RepPresence, Role, Session, SessionSteps,
};
use crate::domain::record::Record;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::{HeldRecord, State};
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
        end_reason: None,
        returns: Vec::new(),
        stay: None,
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
        previous: None,
        opened_in: None,
        opened_by: None,
        steps: SessionSteps::default(),
    };
    let at = Timestamp::from_ms(1);
    let id = PresenceId::from_u128(1);
    let last = Some(ClosedPresence { id, at, cause: PresenceCause::DuplicateLogin, by: None });
    let ana = RepPresence { last, ..RepPresence::absent("ana".parse().unwrap()) };
    let records = [Record::Session(Arc::new(session)), Record::RepPresence(Arc::new(ana))];
    let held = |record: Record| (record.key(), HeldRecord { revision: Revision::ZERO, record });
    State::restore(State::default().head(), records.map(held))
}

fn request(txn: u128, role: Role, command: Command) -> Request {
    let actor = Actor { role, id: ActorId::new("ana").unwrap() };
    let cause = Cause::new(actor, "test");
    let fingerprint = Fingerprint::default();
    Request {
        txn: TxnId::from_u128(txn),
        fingerprint,
        cause,
        presence: None,
        stated: Stated::default(),
        narrowing: None,
        limits: OrgLimits::UNBOUNDED,
        command,
    }
}

fn on(state: &State, request: &Request) -> Result<Decision, Rejection> {
    decide(&mut state.clone(), request, Timestamp::from_ms(5), &mut Zeros)
}

/// Decides one after the other.
fn one_after_the_other(state: &State, first: Command, second: Command) -> State {
    let mut state = state.clone();
    for (txn, command) in [(2, first), (3, second)] {
        let request = request(txn, Role::Admin, command);
        decide(&mut state, &request, Timestamp::from_ms(5), &mut Zeros).unwrap();
    }
    state
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
    let mut next = next;
    let gone = request(4, Role::Admin, single("tier", None));
    decide(&mut next, &gone, Timestamp::from_ms(5), &mut Zeros).unwrap();
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
    let mut state = state();
    let full = request(2, Role::Admin, full);
    decide(&mut state, &full, Timestamp::from_ms(5), &mut Zeros).unwrap();
    let refused = |command| on(&state, &request(3, Role::Admin, command)).err().map(|r| r.reason);
    assert_eq!(refused(single("one-more", Some("v".into()))), Some(Reason::InvalidField));
    assert_eq!(refused(single("k0", Some("v".repeat(4_000)))), Some(Reason::InvalidField));
    assert_eq!(refused(single("k0", Some("w".into()))), None);
}

#[test]
fn d2_a_refusal_takes_everything_back_that_was_done_before_it() {
    let state = state();
    let directory = Directory {
        skills: vec![Skill { id: "es".parse().unwrap(), name: "Spanish".into() }],
        queues: vec![Queue {
            partner: None,
            id: "billing".parse().unwrap(),
            name: "Billing".into(),
            // Nobody of this name exists, which shows when all is written.
            reps: ["nobody".parse().unwrap()].into(),
            channel_types: [].into(),
            model: RoutingModel::LeastActive,
            weight: None,
            push_timeout: None,
            overflow: None,
            max_length: None,
            default_priority: 1,
        }],
        ..Directory::default()
    };
    let mut tried = state.clone();
    let apply = Command::ApplyDirectory { directory, prune: true };
    let request = request(2, Role::Admin, apply);
    let refused = decide(&mut tried, &request, Timestamp::from_ms(5), &mut Zeros);
    assert_eq!(refused.err().map(|r| r.reason), Some(Reason::InvalidField));
    assert_eq!(tried.head(), state.head());
    assert!(tried.records().eq(state.records()) && tried.places().eq(state.places()));
}

#[test]
fn what_changes_nothing_is_no_entry() {
    let state = state();
    let priority = Some(10);
    let same =
        Command::UpdateSession { session: SESSION, attributes: None, priority, skills: None };
    let decision = on(&state, &request(2, Role::Admin, same)).unwrap();
    assert!(decision.entry.is_none() && matches!(decision.answer, Answer::Record(_)));
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
