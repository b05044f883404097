//! Examples of everything that is stored: [`full`] has one record of each kind with every field set,
//! [`others`] the states, targets and ends that those leave out. What is partners' is in `partners`.

mod keys;
mod partners;

mod authority;
mod contacts;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;
use std::sync::Arc;

use super::super::Change;
use crate::domain::contacts::ContactBook;
use crate::domain::directory::{
    CapacityModel, Channel, ChannelType, DefaultTarget, Licence, OpeningHours, Overflow,
    PartnerQueue, Permission, PresenceConfiguration, PresenceStatus, Profile, Queue, RecipientType,
    Recipients, Rep, RoutingModel, RoutingOwner, Settings, Skill, WrapUp,
};
use crate::domain::entry::{
    Answer, Cause, DirectoryAction, DirectoryChange, Fact, FactKind, PresenceVerdict,
};
use crate::domain::flow::{
    Condition, Flow, FlowDecision, FlowRule, FlowTarget, SkillsTarget, Trace, TraceStep,
    WishedSkill,
};
use crate::domain::id::{ContactId, PresenceId, SessionId, TransferId, TxnId, WorkId};
use crate::domain::live::{
    Absence, Actor, Candidate, ClosedPresence, Connection, EarlierPresence, EndedBy, HowFound,
    Line, PartnerAsk, PlannedChange, PlannedStop, Presence, PresenceCause, Provenance, Recipient,
    RepPresence, RepReach, Role, Session, SessionEndReason, SessionState, SessionSteps, SkillWish,
    Transfer, TransferState, TransferSteps, WhyNot, Work, WorkEnd, WorkRestrictions, WorkState,
    WorkSteps,
};
use crate::domain::record::{Mark, MarkKey, Record, RecordKey};
use crate::domain::rejection::{BadField, Reason, Rejection, RejectionDetails};
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::{CentiPercent, Units, Weight};

pub use authority::{authorised, opened_by_right};
pub use keys::{KEYS, key};

const SESSION: SessionId = SessionId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
const WORK: WorkId = WorkId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8058);
const TRANSFER: TransferId = TransferId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8059);
const PRESENCE: PresenceId = PresenceId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_805a);

fn id<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a good id")
}

const fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(1_700_000_000_000 + ms)
}

fn actor() -> Actor {
    Actor { role: Role::Supervisor, id: id("sue") }
}

fn attributes() -> BTreeMap<String, String> {
    [("language", "de"), ("tier", "gold")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

fn settings() -> Settings {
    Settings {
        direct_to_rep_routing: true,
        time_zone: "Europe/Berlin".into(),
        business_hours: vec![OpeningHours { weekday: 1, from_minute: 540, to_minute: 1_440 }],
        routing_deadline: Some(Span::from_secs(40)),
        ..Settings::default()
    }
}

fn configuration() -> PresenceConfiguration {
    PresenceConfiguration {
        id: id("standard"),
        name: "Standard".into(),
        capacity: Units::whole(10),
        interruptible_capacity: Units::whole(2),
        allow_decline: true,
        auto_accept: false,
        recipients: Recipients::Listed {
            contacts: true,
            queues: [id("q1"), id("q2")].into(),
            flows: [id("f")].into(),
            profiles: [id("support")].into(),
        },
        status_after_decline: Some(id("busy")),
        status_after_push_timeout: Some(id("away")),
        push_timeout: Some(Span::from_secs(15)),
    }
}

fn channel() -> Channel {
    let (duration, extension) = (Span::from_secs(30), Span::from_secs(10));
    Channel {
        adapters: [id("bridge")].into(),
        default_target: Some(DefaultTarget::Queue(id("theirs"))),
        partner_routes_reps: true,
        recipient_types: [RecipientType::Rep, RecipientType::ExternalContact].into(),
        id: id("wa"),
        name: "WhatsApp".into(),
        channel_type: ChannelType::Whatsapp,
        routing_owner: RoutingOwner::Partner(id("vendor")),
        capacity_model: CapacityModel::StatusBased,
        weight: Weight::Units(Units::whole(2)),
        paused_weight: Some(Weight::Percent(CentiPercent::new(3_333))),
        fallback_queue: Some(id("q1")),
        wrap_up: Some(WrapUp { duration, max_extensions: 3, extension }),
        interruptible: true,
    }
}

fn queue() -> Queue {
    let (max_length, max_wait) = (Some(5), Some(Span::from_secs(120)));
    Queue {
        partner: Some(PartnerQueue { partner: id("acme"), own_id: Some(id("q-7")) }),
        id: id("billing"),
        name: "Billing".into(),
        reps: [id("ana"), id("bo")].into(),
        channel_types: [ChannelType::Whatsapp, ChannelType::Sms].into(),
        model: RoutingModel::MostAvailable,
        weight: Some(Weight::Percent(CentiPercent::new(2_500))),
        push_timeout: Some(Span::from_secs(20)),
        overflow: Some(Overflow { max_length, max_wait, queue: id("general") }),
        max_length: Some(50),
        default_priority: 3,
    }
}

fn flow() -> Flow {
    let wished = WishedSkill { level: 10, timeout: Span::from_secs(30) };
    let skills = SkillsTarget {
        required: [(id("es"), 50), (id("de"), 0)].into(),
        additional: [(id("billing"), wished)].into(),
        queue: Some(id("billing")),
    };
    let decision =
        |target| FlowDecision { target, set_attributes: attributes(), set_priority: Some(1) };
    let rule = |condition, target| FlowRule {
        name: "rule".into(),
        condition: Condition::new(condition),
        decision: decision(target),
    };
    Flow {
        id: id("triage"),
        name: "Triage".into(),
        rules: vec![
            rule("session.priority < 3", FlowTarget::Rep(id("ana"))),
            rule("true", FlowTarget::Skills(skills)),
            rule("!time.open", FlowTarget::Contact(id("acme"), id("42"))),
            rule("false", FlowTarget::Flow(id("night"))),
        ],
        fallback: decision(FlowTarget::Queue(id("general"))),
    }
}

fn rep() -> Rep {
    Rep {
        partners: [(id("acme"), Some(id("7"))), (id("umbra"), None)].into(),
        id: id("ana"),
        name: "Ana Ruiz".into(),
        profile: id("support"),
        configuration: Some(id("standard")),
        licences: [Licence::MessagingUser, Licence::EnhancedChatUser].into(),
        permissions: [Permission::MessagingAgent, Permission::RunFlows].into(),
        skills: [(id("es"), 80), (id("billing"), 0)].into(),
    }
}

fn presence(connection: Connection, then: PlannedChange) -> RepPresence {
    let closed = ClosedPresence {
        id: PresenceId::MAX,
        at: at(0),
        cause: PresenceCause::DuplicateLogin,
        by: Some(Actor::baton()),
    };
    RepPresence {
        rep: id("ana"),
        presence: Some(Presence {
            id: PRESENCE,
            status: id("available"),
            device: "desktop".into(),
            opened_at: at(1),
            status_since: at(2),
            connection,
            lease: Span::from_secs(30),
            cause: PresenceCause::LeaseExpired,
            by: Some(actor()),
            next: Some(PlannedStop { then, cause: PresenceCause::Rep, by: actor() }),
            reach: Arc::new(RepReach {
                capacity: Units::whole(10),
                interruptible_capacity: Units::whole(2),
                takes: [ChannelType::Whatsapp].into(),
                skills: [(id("es"), 3)].into(),
                queues: [(id("billing"), RoutingModel::MostAvailable)].into(),
            }),
        }),
        last: Some(closed),
        used: Units::whole(2),
        interruptible_used: Units::whole(1),
        work_count: 1,
        assigned_at: Some(at(4)),
        kept_until: Some(at(5)),
        signed_in_until: Some(at(6)),
        earlier: vec![EarlierPresence { id: PRESENCE, cause: PresenceCause::Rep }],
    }
}

fn trace() -> Option<Arc<Trace>> {
    let step = |rule: Option<u32>, matched| TraceStep {
        flow: id("night"),
        rule,
        name: "closed".into(),
        matched,
        why: "time.open: false".into(),
    };
    Some(Arc::new(Trace { steps: vec![step(Some(0), false), step(None, true)], left_out: 2 }))
}

/// Where something comes from.
fn provenance(revision: u64) -> Option<Arc<Provenance>> {
    let rpc = Arc::from("SessionService/OpenSession");
    Some(Arc::new(Provenance { revision, by: actor(), rpc, authority: None }))
}

fn session(state: SessionState) -> Session {
    Session {
        end_reason: Some(SessionEndReason::ConsentWithdrawn),
        returns: vec![partners::returned()],
        stay: Some(Box::new(partners::stay())),
        id: SESSION,
        channel: id("wa"),
        external_reference: id("+49 170 1234567"),
        priority: 5,
        priority_given: true,
        opened_at: at(10),
        state,
        line: Line::Queue(id("billing")),
        line_since: at(15),
        estimated: Some(Span::from_secs(20)),
        required: [(id("es"), 3)].into(),
        wished: [(id("vip"), SkillWish { level: 1, until: at(30_000) })].into(),
        passed_by: [id("bo")].into(),
        trace: trace(),
        transfer: Some(TRANSFER),
        transfers: 3,
        attributes: Arc::new(attributes()),
        previous: Some(SessionId::MAX),
        opened_in: Some(TxnId::MAX),
        opened_by: Some(actor()),
        steps: SessionSteps { opened: provenance(5), ended: provenance(9) },
    }
}

fn work(state: WorkState) -> Work {
    let candidate = |(rep, why)| Candidate { rep: id(rep), why };
    let candidates = [
        ("a", WhyNot::Out(Reason::RecipientFull)),
        ("b", WhyNot::PassedBy),
        ("c", WhyNot::Original),
        ("d", WhyNot::Load),
        ("e", WhyNot::HasWork),
        ("f", WhyNot::SignedInLater),
        ("g", WhyNot::AssignedLater),
    ];
    Work {
        restrictions: WorkRestrictions { decline: true, transfer: false, end: true },
        routed_by: Some(partners::ROUTING),
        id: WORK,
        session: SESSION,
        rep: id("ana"),
        state,
        weight: Units::whole(2),
        holds: Units::whole(1),
        interruptible: true,
        check_skipped: true,
        transfer: Some(TRANSFER),
        tab_open: true,
        queue: Some(id("billing")),
        queued_at: at(9),
        estimated: Some(Span::from_secs(20)),
        found: HowFound::FirstInOrder,
        candidates: candidates.map(candidate).into(),
        offered_at: at(11),
        offer_until: Some(at(31)),
        accepted_at: Some(at(12)),
        holds_since: at(13),
        steps: WorkSteps { offered: provenance(5), accepted: provenance(6), ended: provenance(9) },
    }
}

fn transfer(recipient: Recipient, line: Line, state: TransferState) -> Transfer {
    Transfer {
        asked: Some(PartnerAsk::Routing(partners::ROUTING)),
        from_line: Some(Line::Partner(id("acme"))),
        owner_left: true,
        id: TRANSFER,
        session: SESSION,
        asked_by: actor(),
        from_rep: id("ana"),
        recipient,
        line,
        trace: trace(),
        note: "wants a refund".into(),
        state,
        requested_at: at(20),
        offered_at: Some(at(21)),
        original_removed_at: Some(at(22)),
        steps: TransferSteps { requested: provenance(7), removed: None, ended: provenance(8) },
    }
}

/// One record of each kind, with every field set.
pub fn full() -> Vec<Record> {
    let all = ChannelType::ALL.into();
    let statuses = [id("available"), id("lunch")].into();
    let gone = Connection::Disconnected { since: at(3), grace_until: at(60_003) };
    let waiting = SessionState::Waiting {
        offer: Some(WORK),
        absence: Some(Absence::Until(at(300_000), Some(at(1)))),
    };
    let asked = TransferState::Waiting { since: at(23) };
    let wrapping_up = WorkState::WrappingUp { until: at(40_000), extended: 2 };
    let to_flow = transfer(Recipient::Flow(id("night")), Line::Queue(id("billing")), asked);
    let mut records = vec![
        Record::Settings(Arc::new(settings())),
        Record::Configuration(Arc::new(configuration())),
        Record::Status(Arc::new(PresenceStatus {
            partner_ids: [(id("acme"), id("ALL"))].into(),
            id: id("all"),
            name: "All".into(),
            online_for: all,
        })),
        Record::Profile(Arc::new(Profile {
            id: id("support"),
            name: "Support".into(),
            statuses,
            configuration: id("standard"),
        })),
        Record::Channel(Arc::new(channel())),
        Record::Skill(Arc::new(Skill { id: id("es"), name: "Spanish".into() })),
        Record::Queue(Arc::new(queue())),
        Record::Flow(Arc::new(flow())),
        Record::Rep(Arc::new(rep())),
        Record::RepPresence(Arc::new(presence(gone, PlannedChange::Status(id("busy"))))),
        Record::Session(Arc::new(session(waiting))),
        Record::Reference(id("wa"), id("+49 170 1234567"), SESSION),
        Record::Work(Arc::new(work(wrapping_up))),
        Record::Transfer(Arc::new(to_flow)),
        Record::Mark(Mark { key: MarkKey::Rep(id("ana")), after: Some(id("bo")) }),
        Record::Mark(Mark { key: MarkKey::Queue(id("care")), after: None }),
        Record::ContactBook(Arc::new(contacts::contact_book())),
        Record::ContactBlock(Arc::new(contacts::contact_block(ContactId::least()))),
        Record::QueueReport(Arc::new(contacts::queue_report())),
    ];
    records.extend(partners::full());
    records
}

/// What [`full`] leaves out: other states, targets and ends, and fields that are absent.
pub fn others() -> Vec<Record> {
    let (rep, ana) = (|| id("ana"), || Line::Rep(id("ana")));
    let (by, forget_at) = (EndedBy::Owner, at(2));
    let sessions = [
        Session::WAITING,
        SessionState::Waiting { offer: None, absence: Some(Absence::Stranded) },
        SessionState::Offered { rep: rep(), work: WORK },
        SessionState::Active { rep: rep(), work: WORK },
        SessionState::Paused { rep: rep(), work: WORK },
        SessionState::Inactive { rep: rep(), work: WORK },
        SessionState::Ended { at: at(1), by, forget_at, actor: Some(actor()) },
        SessionState::External { contact: partners::contact(), since: at(1) },
    ];
    let bare = |state| Session {
        trace: None,
        transfer: None,
        stay: None,
        end_reason: None,
        line: ana(),
        ..session(state)
    };
    let why = WorkEnd::Transferred;
    let works = [
        WorkState::Offered,
        WorkState::Open,
        WorkState::Paused,
        WorkState::Ended { at: at(1), why },
    ];
    let transfers = [
        TransferState::Offered { rep: rep(), work: WORK },
        TransferState::Waiting { since: at(1) },
        TransferState::Completed { rep: rep(), at: at(1) },
        TransferState::SessionEnded { at: at(1) },
        TransferState::Asked(PartnerAsk::Handoff(partners::HANDOFF)),
        TransferState::HandedOver { contact: partners::contact(), at: at(1) },
        TransferState::Failed { at: at(1), failure: partners::failure() },
    ];
    let contact = Recipient::Contact(partners::contact());
    let to = [Recipient::Rep(rep()), Recipient::Queue(id("q")), contact].into_iter().cycle();
    let mut records = vec![
        Record::Configuration(Arc::new(PresenceConfiguration {
            recipients: Recipients::Any,
            push_timeout: None,
            ..configuration()
        })),
        Record::Channel(Arc::new(Channel {
            routing_owner: RoutingOwner::Baton,
            default_target: Some(DefaultTarget::Flow(id("night"))),
            paused_weight: None,
            wrap_up: None,
            ..channel()
        })),
        Record::Queue(Arc::new(Queue { weight: None, overflow: None, partner: None, ..queue() })),
        Record::RepPresence(Arc::new(presence(Connection::Connected, PlannedChange::SignOut))),
        Record::RepPresence(Arc::new(RepPresence::absent(rep()))),
    ];
    records.extend(
        [MarkKey::Directory, MarkKey::Session(SESSION)]
            .map(|key| Record::Mark(Mark { key, after: None })),
    );
    let going = MarkKey::Contacts(id("acme"), 6);
    records.push(Record::Mark(Mark { key: going, after: None }));
    records.push(Record::ContactBook(Arc::new(ContactBook::new(id("acme")))));
    records.push(Record::ContactBlock(Arc::new(contacts::contact_block(id("42")))));
    records.extend(sessions.map(|state| Record::Session(Arc::new(bare(state)))));
    records.extend(partners::others());
    records.extend(works.map(|state| Record::Work(Arc::new(work(state)))));
    records.extend(
        to.zip(transfers).map(|(to, state)| Record::Transfer(Arc::new(transfer(to, ana(), state)))),
    );
    records
}

/// The parts of an entry that replaces, removes and says what happened, one thing that only a later
/// release has a name for.
pub fn entry() -> (Cause, Vec<Fact>, Vec<Change>) {
    let cause = Cause {
        request_id: Some(Arc::from("req-1")),
        ..Cause::new(actor(), "baton.v1.TransferService/TransferSession")
    };
    let requested = Fact::of(FactKind::TransferRequested).session(SESSION).transfer(TRANSFER);
    let facts = vec![
        requested.work(WORK).rep(&id("bo")).queue(&id("billing")),
        Fact::of(FactKind::Other(4_711)),
        Fact::of(FactKind::DirectoryChanged),
    ];
    let skill = Record::Skill(Arc::new(Skill { id: id("es"), name: "Spanish".into() }));
    let absent = Record::RepPresence(Arc::new(RepPresence::absent(id("bo"))));
    let changes = vec![
        (skill.key(), Some(skill)),
        (RecordKey::Reference(id("wa"), id("gone")), None),
        (absent.key(), Some(absent)),
    ];
    (cause, facts, changes)
}

/// What a transaction can answer.
pub fn answers() -> [Answer; 8] {
    let line = |kind: &str, id: &str, action| DirectoryChange {
        kind: Arc::from(kind),
        id: Arc::from(id),
        action,
    };
    [
        Answer::Directory(Arc::new(vec![
            line("rep", "ana", DirectoryAction::Created),
            line("channel", "wa", DirectoryAction::Updated),
            line("profile", "old", DirectoryAction::Deleted),
        ])),
        Answer::Refused(Arc::new(Rejection {
            details: Box::new(RejectionDetails {
                fields: vec![BadField { field: "reps[3].profile".into(), why: "is empty".into() }],
                about: vec![("rep".into(), "ana".into())],
            }),
            retry_after: Some(Span::from_ms(250)),
            ..Rejection::new(Reason::RecipientOffline, "rep", "ana", "ana isn't signed in")
        })),
        Answer::Verdicts(Arc::new(vec![
            PresenceVerdict { rep: Some(id("ana")), presence: Some(PRESENCE), refused: None },
            PresenceVerdict {
                rep: None,
                presence: None,
                refused: Some(Arc::new(Rejection::not_found("rep", "bo"))),
            },
        ])),
        Answer::Nothing,
        Answer::Record(Record::Reference(id("wa"), id("x"), SESSION)),
        contacts::answers()[0].clone(),
        contacts::answers()[1].clone(),
        partners::renewed(),
    ]
}
