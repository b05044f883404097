//! One example of everything that is stored, with every field set that its kind began with; what
//! came later is in [`super::routing_sample`]. The golden bytes are of these: they don't change
//! either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::directory::{
    CapacityModel, Channel, ChannelType, Licence, Permission, PresenceConfiguration,
    PresenceStatus, Profile, Recipients, Rep, RoutingModel, RoutingOwner, Settings,
};
use crate::domain::entry::{
    Answer, Cause, DirectoryAction, DirectoryChange, Fact, FactKind, Fingerprint, Transaction,
};
use crate::domain::flow::{Trace, TraceStep};
use crate::domain::id::{PresenceId, RepId, SessionId, TransferId, TxnId, WorkId};
use crate::domain::live::{
    Actor, Candidate, ClosedPresence, Connection, EndedBy, Found, Line, Presence, PresenceCause,
    Reach, Recipient, RepPresence, Role, Session, SessionState, Transfer, TransferState, WhyNot,
    Wish, Work, WorkEnd, WorkState,
};
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::Reason;
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::{CentiPercent, Units, Weight};

const SESSION: SessionId = SessionId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
const WORK: WorkId = WorkId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8058);
const TRANSFER: TransferId = TransferId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8059);
const PRESENCE: PresenceId = PresenceId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_805a);

pub(super) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a good id")
}

pub const fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(1_700_000_000_000 + ms)
}

pub(super) fn units(hundredths: u64) -> Units {
    Units::from_centi(hundredths).expect("not too many")
}

fn actor() -> Actor {
    Actor { role: Role::Supervisor, id: id("sue") }
}

fn configuration() -> Record {
    Record::Configuration(Arc::new(PresenceConfiguration {
        id: id("standard"),
        name: "Standard".into(),
        capacity: units(1_050),
        interruptible_capacity: Units::ZERO,
        allow_decline: true,
        auto_accept: false,
        recipients: Recipients::Listed {
            queues: [id("q1"), id("q2")].into(),
            flows: [id("f")].into(),
            profiles: [id("support")].into(),
        },
        status_after_decline: None,
        status_after_push_timeout: None,
        push_timeout: None,
    }))
}

pub fn channel() -> Channel {
    Channel {
        id: id("wa"),
        name: "WhatsApp".into(),
        channel_type: ChannelType::Whatsapp,
        routing_owner: RoutingOwner::Partner(id("vendor")),
        capacity_model: CapacityModel::StatusBased,
        weight: Weight::Units(units(200)),
        paused_weight: Some(Weight::Percent(CentiPercent::new(3_333))),
        fallback_queue: Some(id("q1")),
        wrap_up: None,
        interruptible: false,
    }
}

fn presence() -> RepPresence {
    RepPresence {
        rep: id("ana"),
        presence: Some(Presence {
            id: PRESENCE,
            status: id("available"),
            device: "desktop".into(),
            opened_at: at(1),
            status_since: at(2),
            connection: Connection::Disconnected { since: at(3), grace_until: at(60_003) },
            lease: Span::from_secs(30),
            cause: PresenceCause::LeaseExpired,
            by: None,
            next: None,
            reach: Arc::default(),
        }),
        last: Some(ClosedPresence {
            id: PresenceId::MAX,
            at: at(0),
            cause: PresenceCause::DuplicateLogin,
            by: None,
        }),
        used: units(200),
        interruptible_used: Units::ZERO,
        work_count: 1,
        assigned_at: Some(at(4)),
        kept_until: None,
        signed_in_until: None,
    }
}

pub fn session(state: SessionState) -> Record {
    let attributes = [("language", "de"), ("tier", "gold")];
    Record::Session(Arc::new(Session {
        id: SESSION,
        channel: id("wa"),
        external_reference: id("491701234567@wa"),
        priority: 5,
        priority_given: true,
        opened_at: at(10),
        line: Line::Rep(match &state {
            SessionState::Waiting { .. } => id("bo"),
            SessionState::Ended { .. } => RepId::least(),
            _ => id("ana"),
        }),
        line_since: if matches!(state, SessionState::Waiting { .. }) { at(14) } else { at(10) },
        estimated: None,
        required: BTreeMap::new(),
        wished: BTreeMap::new(),
        passed_by: BTreeSet::new(),
        trace: None,
        state,
        transfer: Some(TRANSFER),
        transfers: 3,
        attributes: Arc::new(attributes.map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
    }))
}

pub fn work(state: WorkState) -> Record {
    Record::Work(Arc::new(Work {
        id: WORK,
        session: SESSION,
        rep: id("ana"),
        state,
        weight: units(200),
        holds: units(100),
        interruptible: false,
        check_skipped: false,
        transfer: Some(TRANSFER),
        tab_open: true,
        offered_at: at(11),
        accepted_at: Some(at(12)),
        holds_since: at(13),
        queue: None,
        queued_at: at(11),
        estimated: None,
        found: Found::Direct,
        candidates: Vec::new(),
        offer_until: None,
    }))
}

fn transfer(state: TransferState) -> Record {
    Record::Transfer(Arc::new(Transfer {
        id: TRANSFER,
        session: SESSION,
        asked_by: actor(),
        from_rep: id("ana"),
        recipient: Recipient::Rep(id("bo")),
        line: Line::Rep(id("bo")),
        trace: None,
        note: "wants a refund".into(),
        state,
        requested_at: at(20),
        offered_at: Some(at(21)),
        original_removed_at: Some(at(22)),
    }))
}

/// One record of each kind, in the order of their keys' kinds.
pub fn one_of_each() -> Vec<Record> {
    vec![
        Record::Settings(Arc::new(Settings { direct_to_rep_routing: true, ..Settings::default() })),
        configuration(),
        Record::Status(Arc::new(PresenceStatus {
            id: id("available"),
            name: "Available".into(),
            online_for: [ChannelType::InAppChat, ChannelType::Whatsapp].into(),
        })),
        Record::Profile(Arc::new(Profile {
            id: id("support"),
            name: "Support".into(),
            statuses: [id("available"), id("lunch")].into(),
            configuration: id("standard"),
        })),
        Record::Channel(Arc::new(channel())),
        Record::Rep(Arc::new(Rep {
            id: id("ana"),
            name: "Ana Ruiz".into(),
            profile: id("support"),
            configuration: Some(id("standard")),
            licences: [Licence::MessagingUser, Licence::EnhancedChatUser].into(),
            permissions: [Permission::MessagingAgent, Permission::RunFlows].into(),
            skills: BTreeMap::new(),
        })),
        Record::RepPresence(Arc::new(presence())),
        session(SessionState::Waiting { offer: Some(WORK), absence: None }),
        Record::Reference(id("wa"), id("491701234567@wa"), SESSION),
        work(WorkState::Ended { at: at(15), why: WorkEnd::Transferred }),
        transfer(TransferState::Waiting {
            since: at(23),
            absent_until: Some(at(24)),
            stranded: true,
        }),
    ]
}

/// The states that [`one_of_each`] leaves out, and absent fields.
pub fn other_states() -> Vec<Record> {
    let rep = || id("ana");
    let mut records = vec![
        Record::Channel(Arc::new(Channel {
            routing_owner: RoutingOwner::Baton,
            capacity_model: CapacityModel::TabBased,
            weight: Weight::Percent(CentiPercent::FULL),
            paused_weight: None,
            fallback_queue: None,
            ..channel()
        })),
        Record::RepPresence(Arc::new(RepPresence::absent(id("ana")))),
        session(Session::WAITING),
        session(SessionState::Offered { rep: rep(), work: WORK }),
        session(SessionState::Active { rep: rep(), work: WORK }),
        session(SessionState::Paused { rep: rep(), work: WORK }),
        session(SessionState::Inactive { rep: rep(), work: WORK }),
        session(SessionState::Ended { at: at(1), by: EndedBy::Owner, forget_at: at(2) }),
        work(WorkState::Offered),
        work(WorkState::Open),
        work(WorkState::Paused),
        transfer(TransferState::Offered { rep: rep(), work: WORK }),
        transfer(TransferState::Waiting { since: at(1), absent_until: None, stranded: false }),
        transfer(TransferState::Completed { rep: rep(), at: at(1) }),
        transfer(TransferState::SessionEnded { at: at(1) }),
    ];
    let types = [
        ChannelType::InAppChat,
        ChannelType::WebChatV1,
        ChannelType::WebChatV2,
        ChannelType::Whatsapp,
        ChannelType::FacebookMessenger,
        ChannelType::Sms,
        ChannelType::AppleMessagesForBusiness,
        ChannelType::Line,
        ChannelType::Byoc,
        ChannelType::ByocForCcaas,
        ChannelType::StandardFacebookMessenger,
        ChannelType::StandardSms,
    ];
    records.push(Record::Status(Arc::new(PresenceStatus {
        id: id("all"),
        name: String::new(),
        online_for: types.into(),
    })));
    records
}

fn trace() -> Arc<Trace> {
    let step = |rule: Option<u32>, matched| TraceStep {
        flow: id("night"),
        rule,
        name: "closed".into(),
        matched,
        why: "time.open: false".into(),
    };
    Arc::new(Trace { steps: vec![step(Some(0), false), step(None, true)], left_out: 2 })
}

/// What came with queues: the fields that [`one_of_each`] leaves at their defaults.
pub fn of_queues() -> Vec<Record> {
    let line = Line::Queue(id("billing"));
    let mut records = Vec::new();
    if let Record::RepPresence(r) = Record::RepPresence(Arc::new(presence())) {
        let mut r = Arc::unwrap_or_clone(r);
        let reach = Reach {
            capacity: units(1_050),
            interruptible_capacity: Units::ZERO,
            takes: [ChannelType::Whatsapp].into(),
            skills: [(id("es"), 3)].into(),
            queues: [(id("billing"), RoutingModel::MostAvailable)].into(),
        };
        r.presence = r.presence.map(|p| Presence { reach: Arc::new(reach), ..p });
        records.push(Record::RepPresence(Arc::new(r)));
    }
    if let Record::Session(s) = session(Session::WAITING) {
        let session = Session {
            line: line.clone(),
            line_since: at(15),
            priority_given: false,
            estimated: Some(Span::from_secs(20)),
            required: [(id("es"), 3)].into(),
            wished: [(id("vip"), Wish { level: 1, until: at(30_000) })].into(),
            passed_by: [id("bo")].into(),
            trace: Some(trace()),
            ..Arc::unwrap_or_clone(s)
        };
        records.push(Record::Session(Arc::new(session)));
    }
    if let Record::Work(w) = work(WorkState::Offered) {
        let why = |rep, why| Candidate { rep: id(rep), why };
        let work = Work {
            queue: Some(id("billing")),
            queued_at: at(9),
            estimated: Some(Span::from_secs(20)),
            found: Found::FirstInOrder,
            candidates: vec![
                why("a", WhyNot::Out(Reason::RecipientFull)),
                why("b", WhyNot::Out(Reason::MissingSkill)),
                why("c", WhyNot::Out(Reason::RecipientNotOnlineForChannel)),
                why("d", WhyNot::PassedBy),
                why("e", WhyNot::Original),
                why("f", WhyNot::Load),
                why("g", WhyNot::HasWork),
                why("h", WhyNot::SignedInLater),
                why("i", WhyNot::AssignedLater),
            ],
            offer_until: Some(at(31)),
            ..Arc::unwrap_or_clone(w)
        };
        records.push(Record::Work(Arc::new(work)));
    }
    if let Record::Transfer(t) = transfer(TransferState::Offered { rep: id("bo"), work: WORK }) {
        let t = Arc::unwrap_or_clone(t);
        let to = |recipient| Transfer {
            recipient,
            line: line.clone(),
            trace: Some(trace()),
            ..t.clone()
        };
        records.push(Record::Transfer(Arc::new(to(Recipient::Queue(id("billing"))))));
        records.push(Record::Transfer(Arc::new(to(Recipient::Flow(id("night"))))));
    }
    records
}

/// The key of this kind, of these ids.
pub fn key(kind: usize, text: &str, other: &str, number: u128) -> RecordKey {
    match kind {
        0 => RecordKey::Settings,
        1 => RecordKey::Configuration(id(text)),
        2 => RecordKey::Status(id(text)),
        3 => RecordKey::Profile(id(text)),
        4 => RecordKey::Channel(id(text)),
        5 => RecordKey::Rep(id(text)),
        6 => RecordKey::RepPresence(id(text)),
        7 => RecordKey::Session(SessionId::from_u128(number)),
        8 => RecordKey::Reference(id(text), id(other)),
        9 => RecordKey::Work(WorkId::from_u128(number)),
        10 => RecordKey::Skill(id(text)),
        11 => RecordKey::Queue(id(text)),
        12 => RecordKey::Flow(id(text)),
        _ => RecordKey::Transfer(TransferId::from_u128(number)),
    }
}

/// What a transaction can answer.
pub fn answers() -> [Answer; 3] {
    let line = |kind: &str, id: &str, action| DirectoryChange {
        kind: Arc::from(kind),
        id: Arc::from(id),
        action,
    };
    [
        Answer::Nothing,
        Answer::Record(transfer(TransferState::Completed { rep: id("bo"), at: at(30) })),
        Answer::Directory(Arc::new(vec![
            line("rep", "ana", DirectoryAction::Created),
            line("channel", "wa", DirectoryAction::Updated),
            line("profile", "old", DirectoryAction::Deleted),
        ])),
    ]
}

/// A transaction without writes that answers so.
pub fn answered(answer: Answer) -> Transaction {
    Transaction {
        id: TxnId::from_u128(0x1111_2222_3333_4444_5555_6666_7777_8888),
        time: at(40),
        cause: Cause {
            actor: actor(),
            rpc: Arc::from("baton.v1.TransferService/TransferSession"),
            request_id: Some(Arc::from("req-1")),
        },
        fingerprint: Fingerprint(0xfeed_beef),
        answer,
        checks: std::iter::empty().collect(),
        writes: std::iter::empty().collect(),
        facts: Vec::new(),
    }
}

/// A transaction that writes, removes and says what happened.
pub fn transaction() -> Transaction {
    let presence = Record::RepPresence(Arc::new(RepPresence::absent(id("bo"))));
    let transfer = transfer(TransferState::Offered { rep: id("bo"), work: WORK });
    let reference = RecordKey::Reference(id("wa"), id("gone"));
    Transaction {
        writes: [
            (presence.key(), Some(presence)),
            (transfer.key(), Some(transfer)),
            (reference, None),
        ]
        .into(),
        facts: vec![
            Fact::of(FactKind::TransferRequested)
                .session(SESSION)
                .transfer(TRANSFER)
                .work(WORK)
                .rep(&id("bo")),
            Fact::of(FactKind::DirectoryChanged),
        ],
        ..answered(Answer::Nothing)
    }
}

/// One fact of each kind.
pub fn every_fact() -> Vec<Fact> {
    use FactKind as K;
    let kinds = [
        K::DirectoryChanged,
        K::SessionOpened,
        K::SessionWaiting,
        K::SessionOffered,
        K::SessionAccepted,
        K::SessionUpdated,
        K::SessionPaused,
        K::SessionResumed,
        K::SessionInactivated,
        K::SessionEnded,
        K::SessionForgotten,
        K::TransferRequested,
        K::TransferOffered,
        K::TransferWaiting,
        K::TransferCompleted,
        K::TransferSessionEnded,
        K::TransferStranded,
        K::RepRemoved,
        K::OfferWithdrawn,
        K::WorkDeclined,
        K::TabClosed,
        K::PresenceOpened,
        K::StopPlanned,
        K::SessionOrphaned,
        K::SessionRerouted,
        K::SessionStranded,
        K::SessionAssigned,
        K::WrapUpStarted,
        K::WrapUpExtended,
        K::WrapUpEnded,
        K::StatusChanged,
        K::PresenceDisconnected,
        K::PresenceReconnected,
        K::PresenceClosed,
        K::SkillsDropped,
        K::TransferRerouted,
        K::OfferTimedOut,
    ];
    kinds.map(|kind| Fact::of(kind).queue(&id("billing"))).to_vec()
}
