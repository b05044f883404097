//! Changing what an org configures: all of it declaratively, or one resource at a time. Checked as
//! a whole before anything is written (D1, D2); what is in use isn't deleted (D3).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::command::{Directory, DirectoryKey};
use crate::domain::directory::SettingsPatch;
use crate::domain::draft::Draft;
use crate::domain::entry::{Answer, DirectoryAction, DirectoryChange, Fact, FactKind};
use crate::domain::id::{ConfigurationId, RepId, SessionId};
use crate::domain::live::{Line, RepPresence, Session};
use crate::domain::look::Look;
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::{BadField, Reason, Rejection};
use crate::domain::state::State;

use super::route;
use super::{Subject, about};

impl Directory {
    /// Its resources as records, in the order in which they may refer to one another.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        records.extend(self.settings.iter().map(|r| Record::Settings(Arc::new(r.clone()))));
        let configurations = self.configurations.iter().cloned().map(Arc::new);
        records.extend(configurations.map(Record::Configuration));
        records.extend(self.statuses.iter().cloned().map(Arc::new).map(Record::Status));
        records.extend(self.profiles.iter().cloned().map(Arc::new).map(Record::Profile));
        records.extend(self.channels.iter().cloned().map(Arc::new).map(Record::Channel));
        records.extend(self.reps.iter().cloned().map(Arc::new).map(Record::Rep));
        records
    }
}

impl DirectoryKey {
    /// The record's key.
    #[must_use]
    pub fn record_key(&self) -> RecordKey {
        match self {
            Self::Configuration(id) => RecordKey::Configuration(id.clone()),
            Self::Status(id) => RecordKey::Status(id.clone()),
            Self::Profile(id) => RecordKey::Profile(id.clone()),
            Self::Channel(id) => RecordKey::Channel(id.clone()),
            Self::Rep(id) => RecordKey::Rep(id.clone()),
        }
    }
}

/// The name and id that a directory record goes by; `None` for records that aren't of the
/// directory.
#[must_use]
pub fn name_of(key: &RecordKey) -> Option<(&'static str, &str)> {
    match key {
        RecordKey::Settings => Some(("org_settings", "")),
        RecordKey::Configuration(id) => Some(("presence_configuration", id.as_str())),
        RecordKey::Status(id) => Some(("presence_status", id.as_str())),
        RecordKey::Profile(id) => Some(("profile", id.as_str())),
        RecordKey::Channel(id) => Some(("channel", id.as_str())),
        RecordKey::Rep(id) => Some(("rep", id.as_str())),
        RecordKey::RepPresence(_)
        | RecordKey::Session(_)
        | RecordKey::Reference(..)
        | RecordKey::Work(_)
        | RecordKey::Transfer(_) => None,
    }
}

/// Every directory record but the settings, in key order.
pub fn resources(state: &State) -> impl Iterator<Item = &Record> {
    let from = RecordKey::Configuration(ConfigurationId::least());
    state.range(from..RecordKey::RepPresence(RepId::least()))
}

/// Upserts all resources of `directory`, and with `prune` deletes the others.
pub(crate) fn apply(
    draft: &mut Draft<'_>,
    directory: &Directory,
    prune: bool,
) -> Result<Subject, Rejection> {
    let records = directory.records();
    let mut changes = write(draft, &records);
    if prune {
        let named: BTreeSet<RecordKey> = records.iter().map(Record::key).collect();
        let others: Vec<RecordKey> =
            resources(draft.base()).map(Record::key).filter(|key| !named.contains(key)).collect();
        for key in others {
            changes.extend(change(&key, DirectoryAction::Deleted));
            remove(draft, key)?;
        }
    }
    finish(draft, &records)?;
    Ok(Subject::Answer(Answer::Directory(Arc::new(changes))))
}

/// Upserts one resource, which is the answer.
pub(crate) fn upsert(draft: &mut Draft<'_>, directory: &Directory) -> Result<Subject, Rejection> {
    let records = directory.records();
    write(draft, &records);
    finish(draft, &records)?;
    Ok(match records.first() {
        Some(record) => about(record.key()),
        None => Subject::Nothing,
    })
}

/// Changes some settings of those in force.
pub(crate) fn change_settings(
    draft: &mut Draft<'_>,
    patch: &SettingsPatch,
) -> Result<Subject, Rejection> {
    let settings = patch.over(&draft.settings());
    upsert(draft, &Directory { settings: Some(settings), ..Directory::default() })
}

/// Deletes one resource that nothing uses; the answer is what it was.
pub(crate) fn delete(draft: &mut Draft<'_>, key: &DirectoryKey) -> Result<Subject, Rejection> {
    let key = key.record_key();
    if draft.record(&key).is_none() {
        let (kind, id) = name_of(&key).unwrap_or(("resource", ""));
        return Err(Rejection::not_found(kind, id));
    }
    remove(draft, key.clone())?;
    finish(draft, &[])?;
    Ok(about(key))
}

fn change(key: &RecordKey, action: DirectoryAction) -> Option<DirectoryChange> {
    let (kind, id) = name_of(key)?;
    Some(DirectoryChange { kind: kind.into(), id: id.into(), action })
}

fn write(draft: &mut Draft<'_>, records: &[Record]) -> Vec<DirectoryChange> {
    let mut changes = Vec::new();
    for record in records {
        let key = record.key();
        let action = match draft.record(&key) {
            Some(same) if same == *record => continue,
            Some(_) => DirectoryAction::Updated,
            None => DirectoryAction::Created,
        };
        changes.extend(change(&key, action));
        draft.put(record.clone());
    }
    changes
}

fn remove(draft: &mut Draft<'_>, key: RecordKey) -> Result<(), Rejection> {
    if let Some(user) = live_user(draft.base(), draft, &key) {
        let (kind, id) = name_of(&key).unwrap_or(("resource", ""));
        let message = format!("{kind} {id} is in use by {user}");
        return Err(Rejection::new(Reason::InUse, kind, id, message));
    }
    // A rep's presence record goes with the rep.
    if let RecordKey::Rep(rep) = &key {
        draft.remove(RecordKey::RepPresence(rep.clone()));
    }
    draft.remove(key);
    Ok(())
}

/// What that isn't of the directory uses this resource.
fn live_user(base: &State, look: &impl Look, key: &RecordKey) -> Option<String> {
    match key {
        RecordKey::Rep(rep) => {
            let live = look.rep_presence(rep);
            if live.presence.is_some() {
                return Some("their presence; sign the rep out first".to_owned());
            }
            let waiting = base.line(&Line::Rep(rep.clone())).next();
            let work = base.work_of_rep(rep).next().map(|w| w.session);
            work.or(waiting).map(|session| format!("session {session}"))
        }
        RecordKey::Channel(channel) => sessions(base)
            .find(|s| s.channel == *channel)
            .map(|session| format!("session {}", session.id)),
        RecordKey::Status(status) => presences(base)
            .find(|p| p.presence.as_ref().is_some_and(|p| p.status == *status))
            .map(|presence| format!("rep {}, who has chosen it", presence.rep)),
        _ => None,
    }
}

fn sessions(state: &State) -> impl Iterator<Item = &Arc<Session>> {
    let range = RecordKey::Session(SessionId::MIN)..=RecordKey::Session(SessionId::MAX);
    state.range(range).filter_map(|record| match record {
        Record::Session(session) => Some(session),
        _ => None,
    })
}

fn presences(state: &State) -> impl Iterator<Item = &Arc<RepPresence>> {
    let from = RecordKey::RepPresence(RepId::least());
    state.range(from..RecordKey::Session(SessionId::MIN)).filter_map(|record| match record {
        Record::RepPresence(presence) => Some(presence),
        _ => None,
    })
}

/// Checks the directory as it would be, and offers what the change makes room for.
fn finish(draft: &mut Draft<'_>, written: &[Record]) -> Result<(), Rejection> {
    if draft.is_empty() {
        return Ok(());
    }
    let mut bad = Vec::new();
    for record in written {
        check(draft, record, &mut bad);
    }
    if !bad.is_empty() {
        return Err(Rejection::invalid(bad));
    }
    check_references(draft)?;
    draft.fact(Fact::of(FactKind::DirectoryChanged));
    for rep in route::waited_for(draft.base()) {
        route::settle(draft, &rep);
    }
    Ok(())
}

/// What is wrong with a written record in itself, or names something that isn't there.
fn check(draft: &Draft<'_>, record: &Record, bad: &mut Vec<BadField>) {
    let key = record.key();
    let (kind, id) = name_of(&key).unwrap_or(("resource", ""));
    let mut fault = |field: &str, why: String| {
        bad.push(BadField { field: format!("{kind}[{id}].{field}"), why });
    };
    match record {
        Record::Configuration(c) if c.allow_decline && c.auto_accept => {
            fault("auto_accept", "excludes allow_decline (R7); choose one of them".to_owned());
        }
        Record::Rep(rep) => {
            if draft.profile(&rep.profile).is_none() {
                fault("profile", format!("names {}, which doesn't exist", rep.profile));
            }
            if let Some(own) =
                rep.configuration.as_ref().filter(|c| draft.configuration(c).is_none())
            {
                fault("presence_configuration", format!("names {own}, which doesn't exist"));
            }
        }
        Record::Profile(profile) => {
            if draft.configuration(&profile.configuration).is_none() {
                let why = format!("names {}, which doesn't exist", profile.configuration);
                fault("presence_configuration", why);
            }
            for status in profile.statuses.iter().filter(|s| draft.status(s).is_none()) {
                fault("presence_statuses", format!("names {status}, which doesn't exist"));
            }
        }
        _ => {}
    }
}

/// D3: nothing that stays refers to something that goes.
fn check_references(draft: &Draft<'_>) -> Result<(), Rejection> {
    let removed = draft.removed();
    if removed.is_empty() {
        return Ok(());
    }
    for record in resources(draft.base()) {
        let key = record.key();
        let Some(record) = draft.record(&key) else {
            continue;
        };
        let Some(used) = references(&record).into_iter().find(|used| removed.contains(used)) else {
            continue;
        };
        let (kind, id) = name_of(&used).unwrap_or(("resource", ""));
        let (user_kind, user) = name_of(&key).unwrap_or(("resource", ""));
        let message = format!("{kind} {id} is in use by {user_kind} {user}");
        return Err(Rejection::new(Reason::InUse, kind, id, message));
    }
    Ok(())
}

fn references(record: &Record) -> Vec<RecordKey> {
    match record {
        Record::Rep(rep) => {
            let own = rep.configuration.iter().cloned().map(RecordKey::Configuration);
            own.chain([RecordKey::Profile(rep.profile.clone())]).collect()
        }
        Record::Profile(profile) => {
            let statuses = profile.statuses.iter().cloned().map(RecordKey::Status);
            statuses.chain([RecordKey::Configuration(profile.configuration.clone())]).collect()
        }
        _ => Vec::new(),
    }
}
