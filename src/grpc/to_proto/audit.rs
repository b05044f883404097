//! An entry of the history as the audit shows it (S3): who, when, through which call, and what was changed, by kinds and
//! ids. Nothing that somebody typed is in it, since nothing is taken from the records themselves but their keys.

use super::{actor, fact, rpc, time};
use crate::domain::entry::{Entry, RecordAction};
use crate::domain::live::Role;
use crate::domain::record::RecordKey;
use crate::grpc::api::number;
use crate::pb;

/// Changes that a record names; the rest is counted. Ids are at most 128 bytes, so that a record fits into any message.
const CHANGES: usize = 10_000;
/// Facts that a record names.
const FACTS: usize = 1_000;

/// The record of a revision.
#[must_use]
pub fn audit_record(entry: &Entry) -> pb::AuditRecord {
    let cause = &entry.cause;
    let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    let mut changes = entry.actions().filter_map(|(key, action)| {
        let (kind, id) = audited(key)?;
        Some(pb::AuditChange { kind: kind.into(), id, action: audit_action(action).into() })
    });
    let named = changes.by_ref().take(CHANGES).collect();
    let own = cause.actor.role == Role::Server;
    pb::AuditRecord {
        revision: number(entry.revision),
        time: Some(time(entry.time)),
        actor: Some(actor(&cause.actor)),
        credential: text(&cause.credential),
        delegate: text(&cause.delegate),
        on_behalf_of: cause.on_behalf_of.as_ref().map(ToString::to_string).unwrap_or_default(),
        rpc: if own { cause.rpc.to_string() } else { rpc(&cause.rpc) },
        request_id: text(&cause.request_id),
        call_id: text(&cause.call),
        changes: named,
        more_changes: i32::try_from(changes.count()).unwrap_or(i32::MAX),
        facts: entry.facts.iter().take(FACTS).map(|it| fact(it.kind).to_owned()).collect(),
        resume_token: String::new(),
    }
}

const fn audit_action(action: RecordAction) -> pb::AuditAction {
    match action {
        RecordAction::Created => pb::AuditAction::Created,
        RecordAction::Changed => pb::AuditAction::Changed,
        RecordAction::Deleted => pb::AuditAction::Deleted,
    }
}

/// What a record is to the audit; `None`: Baton's own marks and indexes. External references come from customers' channels,
/// and blocks of contacts are parts of what is named as a whole; readers of recent entries don't have them, either.
#[must_use]
pub fn audited(key: &RecordKey) -> Option<(pb::AuditKind, String)> {
    use pb::AuditKind as Kind;
    Some(match key {
        RecordKey::Settings => (Kind::OrgSettings, String::new()),
        RecordKey::Configuration(id) => (Kind::PresenceConfiguration, id.to_string()),
        RecordKey::Status(id) => (Kind::PresenceStatus, id.to_string()),
        RecordKey::Profile(id) => (Kind::Profile, id.to_string()),
        RecordKey::Partner(id) => (Kind::Partner, id.to_string()),
        RecordKey::Channel(id) => (Kind::Channel, id.to_string()),
        RecordKey::Skill(id) => (Kind::Skill, id.to_string()),
        RecordKey::Queue(id) => (Kind::Queue, id.to_string()),
        RecordKey::Flow(id) => (Kind::Flow, id.to_string()),
        RecordKey::Rep(id) => (Kind::Rep, id.to_string()),
        RecordKey::RepPresence(id) => (Kind::RepPresence, id.to_string()),
        RecordKey::Session(id) => (Kind::Session, id.to_string()),
        RecordKey::Work(id) => (Kind::Work, id.to_string()),
        RecordKey::Transfer(id) => (Kind::Transfer, id.to_string()),
        RecordKey::Handoff(id) => (Kind::Handoff, id.to_string()),
        RecordKey::RoutingRequest(id) => (Kind::RoutingRequest, id.to_string()),
        RecordKey::PartnerHealth(id) => (Kind::PartnerState, id.to_string()),
        RecordKey::ContactBook(id) => (Kind::Contacts, id.to_string()),
        RecordKey::QueueReport(id) => (Kind::QueueReport, id.to_string()),
        RecordKey::Reference(..) | RecordKey::ContactBlock(..) | RecordKey::Mark(_) => return None,
    })
}
