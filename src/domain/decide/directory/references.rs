//! Who names whom: one list of what each resource refers to, from which follow both that what is
//! named exists and that what is in use isn't deleted (D3). Also what of the live state uses a
//! resource. Called when the directory is changed.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use super::naming::{named, resources};
use crate::domain::directory::{
    Channel, DefaultTarget, PresenceConfiguration, Queue, Recipients, Rep,
};
use crate::domain::draft::Draft;
use crate::domain::eligibility::queue_takes;
use crate::domain::flow::{Flow, FlowDecision, FlowTarget, SkillsTarget};
use crate::domain::id::{ChannelId, QueueId, RepId, SessionId, SkillId, StatusId};
use crate::domain::live::{Line, PlannedChange, Presence, RepPresence, Session};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::State;

/// The most users that a refusal names.
const USERS_NAMED: usize = 5;

/// One resource naming another.
pub(super) struct Reference {
    /// The field that does.
    pub field: String,
    /// What it names.
    pub key: RecordKey,
    /// In the text of a condition.
    pub in_condition: bool,
}

fn to(field: impl Into<String>, key: RecordKey) -> Reference {
    Reference { field: field.into(), key, in_condition: false }
}

/// Everything that a resource names.
pub(super) fn references(record: &Record) -> Vec<Reference> {
    match record {
        Record::Rep(rep) => of_rep(rep),
        Record::Profile(profile) => {
            let statuses = profile.statuses.iter().cloned().map(RecordKey::Status);
            let configuration = RecordKey::Configuration(profile.configuration.clone());
            statuses
                .map(|key| to("presence_statuses", key))
                .chain([to("presence_configuration", configuration)])
                .collect()
        }
        Record::Configuration(configuration) => of_configuration(configuration),
        Record::Channel(channel) => {
            let queue = channel.fallback_queue.iter().cloned().map(RecordKey::Queue);
            let queue = queue.map(|key| to("fallback_queue", key));
            let partner = channel.partner().cloned().map(RecordKey::Partner);
            let partner = partner.map(|key| to("routing_partner", key));
            let target = channel.default_target.iter().map(|target| match target {
                DefaultTarget::Queue(id) => {
                    to("default_target.queue", RecordKey::Queue(id.clone()))
                }
                DefaultTarget::Flow(id) => to("default_target.flow", RecordKey::Flow(id.clone())),
            });
            queue.chain(partner).chain(target).collect()
        }
        Record::Status(status) => {
            let partners = status.partner_ids.keys().cloned().map(RecordKey::Partner);
            partners.map(|key| to("partner_ids", key)).collect()
        }
        Record::Queue(queue) => of_queue(queue),
        Record::Flow(flow) => of_flow(flow),
        _ => Vec::new(),
    }
}

fn of_rep(rep: &Rep) -> Vec<Reference> {
    let profile = to("profile", RecordKey::Profile(rep.profile.clone()));
    let own = rep.configuration.iter().cloned().map(RecordKey::Configuration);
    let skills = rep.skills.keys().cloned().map(RecordKey::Skill);
    let drivers = rep.partners.keys().cloned().map(RecordKey::Partner);
    std::iter::once(profile)
        .chain(own.map(|key| to("presence_configuration", key)))
        .chain(skills.map(|key| to("skills", key)))
        .chain(drivers.map(|key| to("partners", key)))
        .collect()
}

fn of_configuration(configuration: &PresenceConfiguration) -> Vec<Reference> {
    let mut all = Vec::new();
    let status = |id: &StatusId| RecordKey::Status(id.clone());
    let decline = configuration.status_after_decline.iter().map(status);
    all.extend(decline.map(|key| to("status_after_decline", key)));
    let timeout = configuration.status_after_push_timeout.iter().map(status);
    all.extend(timeout.map(|key| to("status_after_push_timeout", key)));
    if let Recipients::Listed { queues, flows, profiles, .. } = &configuration.recipients {
        let queues = queues.iter().cloned().map(RecordKey::Queue);
        all.extend(queues.map(|key| to("recipient_restriction.queues", key)));
        let flows = flows.iter().cloned().map(RecordKey::Flow);
        all.extend(flows.map(|key| to("recipient_restriction.flows", key)));
        let profiles = profiles.iter().cloned().map(RecordKey::Profile);
        all.extend(profiles.map(|key| to("recipient_restriction.profiles", key)));
    }
    all
}

fn of_queue(queue: &Queue) -> Vec<Reference> {
    let reps = queue.reps.iter().cloned().map(RecordKey::Rep).map(|key| to("reps", key));
    let overflow = queue.overflow.iter().map(|o| RecordKey::Queue(o.queue.clone()));
    let partner = queue.partner.iter().map(|of| RecordKey::Partner(of.partner.clone()));
    reps.chain(overflow.map(|key| to("overflow.queue", key)))
        .chain(partner.map(|key| to("partner", key)))
        .collect()
}

/// A flow's targets, and the queues that its conditions look at.
fn of_flow(flow: &Flow) -> Vec<Reference> {
    let rules = flow.rules.iter().enumerate();
    rules
        .flat_map(|(i, rule)| {
            let queues = rule.condition.queues().cloned().map(RecordKey::Queue);
            let field = format!("rules[{i}].condition");
            let named =
                queues.map(move |key| Reference { field: field.clone(), key, in_condition: true });
            named.chain(of_decision(&format!("rules[{i}].decision"), &rule.decision))
        })
        .chain(of_decision("fallback", &flow.fallback))
        .collect()
}

fn of_decision(at: &str, decision: &FlowDecision) -> Vec<Reference> {
    match &decision.target {
        FlowTarget::Queue(id) => vec![to(format!("{at}.queue"), RecordKey::Queue(id.clone()))],
        FlowTarget::Rep(id) => vec![to(format!("{at}.rep"), RecordKey::Rep(id.clone()))],
        FlowTarget::Flow(id) => vec![to(format!("{at}.flow"), RecordKey::Flow(id.clone()))],
        FlowTarget::Skills(target) => {
            let skill = |part: &str, id: &SkillId| {
                to(format!("{at}.skills.{part}"), RecordKey::Skill(id.clone()))
            };
            let required = target.required.keys().map(|id| skill("required", id));
            let additional = target.additional.keys().map(|id| skill("additional", id));
            let queue = target.queue.iter().cloned().map(RecordKey::Queue);
            let queue = queue.map(|key| to(format!("{at}.skills.queue"), key));
            required.chain(additional).chain(queue).collect()
        }
        FlowTarget::Contact(partner, _) => {
            let partner = RecordKey::Partner(partner.clone());
            vec![to(format!("{at}.external_contact.partner"), partner)]
        }
    }
}

/// The queues in which a flow asks for skills, and the fields that name them.
pub(super) fn skills_queues(flow: &Flow) -> impl Iterator<Item = (String, &QueueId)> {
    let rules = flow.rules.iter().enumerate();
    let decisions = rules.map(|(i, rule)| (format!("rules[{i}].decision"), &rule.decision));
    let all = decisions.chain([("fallback".to_owned(), &flow.fallback)]);
    all.filter_map(|(at, decision)| match &decision.target {
        FlowTarget::Skills(SkillsTarget { queue: Some(queue), .. }) => {
            Some((format!("{at}.skills.queue"), queue))
        }
        _ => None,
    })
}

/// D3: nothing that stays names something that goes.
///
/// # Errors
/// IN_USE, with what uses it.
pub(super) fn check_removed(draft: &Draft<'_>) -> Result<(), Rejection> {
    let removed = draft.removed();
    if removed.is_empty() {
        return Ok(());
    }
    let mut users: BTreeMap<RecordKey, Vec<String>> = BTreeMap::new();
    for record in resources(draft) {
        let key = record.key();
        let Some(stays) = draft.record(&key) else { continue };
        let mut used: Vec<_> = references(&stays).into_iter().map(|r| r.key).collect();
        used.sort();
        used.dedup();
        let (kind, id) = named(&key);
        for gone in used.into_iter().filter(|used| removed.contains(used)) {
            users.entry(gone).or_default().push(format!("{kind} {id}"));
        }
    }
    let Some((key, users)) = users.first_key_value() else { return Ok(()) };
    let mut shown = users[..users.len().min(USERS_NAMED)].join(", ");
    if users.len() > USERS_NAMED {
        shown = format!("{shown} and {} more", users.len() - USERS_NAMED);
    }
    Err(in_use(key, &shown))
}

/// The refusal to delete what `user` uses.
pub(super) fn in_use(key: &RecordKey, user: impl Display) -> Rejection {
    let (kind, id) = named(key);
    Rejection::new(Reason::InUse, kind, id, format!("{kind} {id} is in use by {user}"))
}

/// What that isn't of the directory uses this resource.
pub(super) fn live_user(state: &State, key: &RecordKey) -> Option<String> {
    match key {
        RecordKey::Rep(rep) => {
            let live = state.rep_presence(rep);
            if live.presence.is_some() {
                return Some("their presence; sign the rep out first".to_owned());
            }
            let work = state.work_of_rep(rep).next().map(|w| w.session);
            // Or one that is being offered to somebody else, and would come back to this line.
            let stands = || state.standing(&Line::Rep(rep.clone())).next();
            work.or_else(stands).map(|session| format!("session {session}"))
        }
        RecordKey::Channel(channel) => user_of_channel(state, channel),
        RecordKey::Status(status) => presences(state)
            .find(|p| p.presence.as_ref().is_some_and(|p| chooses(p, status)))
            .map(|presence| format!("rep {}, who has chosen it", presence.rep)),
        RecordKey::Skill(skill) => sessions(state)
            .find(|s| {
                !s.is_ended() && (s.required.contains_key(skill) || s.wished.contains_key(skill))
            })
            .map(|session| format!("session {}", session.id)),
        _ => None,
    }
}

/// A session of this channel that goes on, or whose after-conversation work does (C6).
fn user_of_channel(state: &State, channel: &ChannelId) -> Option<String> {
    let works = |s: &Session| state.work_of_session(s.id).any(|work| work.is_live());
    let user = sessions(state).find(|s| s.channel == *channel && (!s.is_ended() || works(s)));
    user.map(|session| format!("session {}", session.id))
}

/// D3: a channel that is in use stays of its type.
///
/// # Errors
/// IN_USE.
pub(super) fn check_retyped(draft: &Draft<'_>, written: &[Record]) -> Result<(), Rejection> {
    for record in written {
        let Record::Channel(channel) = record else { continue };
        let key = record.key();
        let Some(Record::Channel(before)) = draft.before(&key) else { continue };
        if before.channel_type == channel.channel_type {
            continue;
        }
        if let Some(user) = user_of_channel(draft, &channel.id) {
            return Err(in_use(&key, format!("{user}, so that its type can't change")));
        }
    }
    Ok(())
}

/// R11, N1: a queue that others lead to stays one that they can.
///
/// # Errors
/// IN_USE.
pub(super) fn check_ways_on(draft: &Draft<'_>, written: &[Record]) -> Result<(), Rejection> {
    let narrowed: BTreeMap<&QueueId, &Queue> = written
        .iter()
        .filter_map(|record| match record {
            Record::Queue(q) if q.partner.is_some() || !q.channel_types.is_empty() => {
                Some((&q.id, &**q))
            }
            _ => None,
        })
        .collect();
    if narrowed.is_empty() {
        return Ok(());
    }
    let all = RecordKey::Channel(ChannelId::least())..RecordKey::Rep(RepId::least());
    for record in draft.range(all) {
        let user = match record {
            Record::Channel(channel) => bad_way_from_channel(channel, &narrowed),
            Record::Queue(queue) => {
                let next = queue.overflow.as_ref().and_then(|o| narrowed.get(&o.queue));
                let next = next.filter(|next| next.partner.is_some());
                next.map(|next| (*next, format!("queue {}, which overflows to it", queue.id)))
            }
            Record::Flow(flow) => skills_queues(flow)
                .filter_map(|(_, queue)| narrowed.get(queue))
                .find(|queue| queue.partner.is_some())
                .map(|queue| (*queue, format!("flow {}, which asks for skills there", flow.id))),
            _ => None,
        };
        if let Some((queue, user)) = user {
            return Err(in_use(&RecordKey::Queue(queue.id.clone()), user));
        }
    }
    Ok(())
}

/// A queue that a channel leads to and that doesn't take its sessions, and why that is.
fn bad_way_from_channel<'q>(
    channel: &Channel,
    queues: &BTreeMap<&QueueId, &'q Queue>,
) -> Option<(&'q Queue, String)> {
    let (id, kind) = (&channel.id, channel.channel_type.name());
    let fallback = channel.fallback_queue.as_ref().and_then(|queue| queues.get(queue));
    let target = match &channel.default_target {
        Some(DefaultTarget::Queue(queue)) => queues.get(queue),
        _ => None,
    };
    let bad = |queue: &&&Queue| queue.partner.is_some() || !queue.serves(channel.channel_type);
    if let Some(queue) = fallback.filter(bad) {
        let user = match queue.partner {
            Some(_) => {
                format!("channel {id}, whose fallback_queue it is: that can't be a partner's")
            }
            None => {
                format!("channel {id}, whose fallback_queue it is, so that it has to serve {kind}")
            }
        };
        return Some((queue, user));
    }
    let queue = target.filter(|queue| !queue_takes(queue, channel))?;
    Some((
        queue,
        format!("channel {id}, whose default_target it is, so that it has to take its sessions"),
    ))
}

/// Has a rep this status, or will have it when their current work is done (P10)?
fn chooses(presence: &Presence, status: &StatusId) -> bool {
    let next = presence.next.as_ref().map(|next| &next.then);
    presence.status == *status
        || matches!(next, Some(PlannedChange::Status(wanted)) if wanted == status)
}

pub(super) fn sessions(state: &State) -> impl Iterator<Item = &Arc<Session>> {
    let range = RecordKey::Session(SessionId::MIN)..=RecordKey::Session(SessionId::MAX);
    state.range(range).filter_map(|record| match record {
        Record::Session(session) => Some(session),
        _ => None,
    })
}

fn presences(state: &State) -> impl Iterator<Item = &Arc<RepPresence>> {
    state.rep_presences_from(&RepId::least())
}
