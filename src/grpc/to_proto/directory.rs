//! The directory: resources as they are configured, and what applying changed.

use std::sync::Arc;

use super::{centi, channel_type, flow, level, queue, skill, span};
use crate::domain::directory::{
    CapacityModel, Channel, DefaultTarget, Licence, OpeningHours, Partner, Permission,
    PresenceConfiguration, PresenceStatus, Profile, RecipientType, Recipients, Rep, RoutingOwner,
    Settings,
};
use crate::domain::entry::{DirectoryAction, DirectoryChange};
use crate::domain::id::{PartnerId, PartnersId};
use crate::domain::record::Record;
use crate::domain::state::State;
use crate::domain::units::Weight;
use crate::pb;

/// Everything configured.
#[must_use]
pub fn directory(state: &State, shown: impl Fn(&Record) -> bool) -> pb::Directory {
    use crate::domain::record_lookup::RecordLookup as _;
    let mut all =
        pb::Directory { settings: Some(settings(&state.settings())), ..Default::default() };
    for (_, held) in state.records() {
        match &held.record {
            Record::Channel(_) | Record::Queue(_) | Record::Rep(_) if !shown(&held.record) => {}
            Record::Configuration(r) => all.presence_configurations.push(configuration(r)),
            Record::Status(r) => all.presence_statuses.push(status(r)),
            Record::Profile(r) => all.profiles.push(profile(r)),
            Record::Partner(r) => all.partners.push(partner(r)),
            Record::Channel(r) => all.channels.push(channel(r)),
            Record::Skill(r) => all.skills.push(skill(r)),
            Record::Queue(r) => all.queues.push(queue(r)),
            Record::Flow(r) => all.flows.push(flow(r)),
            Record::Rep(r) => all.reps.push(rep(r)),
            Record::Settings(_) => {}
            // Keys sort the directory before everything else, so nothing more can come.
            Record::RepPresence(_)
            | Record::Session(_)
            | Record::Reference(..)
            | Record::Work(_)
            | Record::Transfer(_)
            | Record::Handoff(_)
            | Record::RoutingRequest(_)
            | Record::PartnerHealth(_)
            | Record::ContactBook(_)
            | Record::ContactBlock(_)
            | Record::QueueReport(_)
            | Record::Mark(_) => break,
        }
    }
    all
}

/// The org's settings, each with the value in force.
#[must_use]
pub fn settings(s: &Settings) -> pb::OrgSettings {
    pb::OrgSettings {
        skills_based_and_direct_to_rep_routing: Some(s.direct_to_rep_routing),
        max_transfers_per_session: Some(s.max_transfers_per_session),
        direct_wait_limit: Some(span(s.direct_wait_limit)),
        disconnect_grace: Some(span(s.disconnect_grace)),
        orphan_after: Some(span(s.orphan_after)),
        history_retention: Some(span(s.history_retention)),
        handoff_deadline: Some(span(s.handoff_deadline)),
        routing_deadline: Some(span(s.routing_deadline())),
        presence_lease: Some(span(s.presence_lease)),
        estimated_wait_min_samples: Some(s.estimate_samples),
        estimated_wait_window: Some(span(s.estimate_window)),
        time_zone: s.time_zone.clone(),
        business_hours: s.business_hours.iter().map(hours).collect(),
    }
}

fn hours(h: &OpeningHours) -> pb::BusinessHours {
    pb::BusinessHours {
        weekday: h.weekday.into(),
        from_minute: h.from_minute.into(),
        to_minute: h.to_minute.into(),
    }
}

/// A rep.
#[must_use]
pub fn rep(r: &Rep) -> pb::Rep {
    pb::Rep {
        id: r.id.to_string(),
        name: r.name.clone(),
        profile: r.profile.to_string(),
        presence_configuration: text(r.configuration.as_ref()),
        licences: r.licences.iter().map(|l| licence(*l).into()).collect(),
        permissions: r.permissions.iter().map(|p| permission(*p).into()).collect(),
        skills: r.skills.iter().map(level).collect(),
        partners: r.partners.iter().map(|(of, own)| alias(of, own.as_ref())).collect(),
    }
}

pub(super) fn text(id: Option<&impl ToString>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}

const fn licence(licence: Licence) -> pb::Licence {
    match licence {
        Licence::MessagingUser => pb::Licence::MessagingUser,
        Licence::EnhancedChatUser => pb::Licence::EnhancedChatUser,
    }
}

const fn permission(permission: Permission) -> pb::Permission {
    match permission {
        Permission::MessagingAgent => pb::Permission::MessagingAgent,
        Permission::EnhancedChatRep => pb::Permission::EnhancedChatRep,
        Permission::RunFlows => pb::Permission::RunFlows,
    }
}

/// A profile.
#[must_use]
pub fn profile(p: &Profile) -> pb::Profile {
    pb::Profile {
        id: p.id.to_string(),
        name: p.name.clone(),
        presence_statuses: p.statuses.iter().map(ToString::to_string).collect(),
        presence_configuration: p.configuration.to_string(),
    }
}

/// A presence configuration.
#[must_use]
pub fn configuration(c: &PresenceConfiguration) -> pb::PresenceConfiguration {
    let restriction = match &c.recipients {
        Recipients::Any => None,
        Recipients::Listed { queues, flows, profiles, contacts } => {
            Some(pb::RecipientRestriction {
                queues: queues.iter().map(ToString::to_string).collect(),
                flows: flows.iter().map(ToString::to_string).collect(),
                profiles: profiles.iter().map(ToString::to_string).collect(),
                external_contacts: *contacts,
            })
        }
    };
    pb::PresenceConfiguration {
        id: c.id.to_string(),
        name: c.name.clone(),
        capacity_centi_units: centi(c.capacity),
        allow_decline: c.allow_decline,
        auto_accept: c.auto_accept,
        recipient_restriction: restriction,
        status_after_decline: text(c.status_after_decline.as_ref()),
        status_after_push_timeout: text(c.status_after_push_timeout.as_ref()),
        push_timeout: c.push_timeout.map(span),
        interruptible_capacity_centi_units: centi(c.interruptible_capacity),
    }
}

/// A presence status.
#[must_use]
pub fn status(s: &PresenceStatus) -> pb::PresenceStatus {
    pb::PresenceStatus {
        id: s.id.to_string(),
        name: s.name.clone(),
        r#type: status_type(s).into(),
        channel_types: s.online_for.iter().map(|t| channel_type(*t).into()).collect(),
        partner_ids: s.partner_ids.iter().map(|(of, own)| alias(of, Some(own))).collect(),
    }
}

/// What a presence status means.
#[must_use]
pub fn status_type(s: &PresenceStatus) -> pb::PresenceStatusType {
    if s.online_for.is_empty() {
        pb::PresenceStatusType::Busy
    } else {
        pb::PresenceStatusType::Online
    }
}

/// A channel.
#[must_use]
pub fn channel(c: &Channel) -> pb::Channel {
    pb::Channel {
        id: c.id.to_string(),
        name: c.name.clone(),
        r#type: channel_type(c.channel_type).into(),
        routing_partner: match &c.routing_owner {
            RoutingOwner::Baton => String::new(),
            RoutingOwner::Partner(partner) => partner.to_string(),
        },
        capacity_model: match c.capacity_model {
            CapacityModel::TabBased => pb::CapacityModel::TabBased,
            CapacityModel::StatusBased => pb::CapacityModel::StatusBased,
        }
        .into(),
        weight: Some(weight(c.weight)),
        paused_weight: c.paused_weight.map(weight),
        fallback_queue: text(c.fallback_queue.as_ref()),
        wrap_up: c.wrap_up.map(|after| pb::WrapUp {
            duration: Some(span(after.duration)),
            max_extensions: after.max_extensions,
            extension: Some(span(after.extension)),
        }),
        interruptible: c.interruptible,
        recipient_types: c.recipient_types.iter().map(|t| recipient_type(*t).into()).collect(),
        default_target: c.default_target.as_ref().map(default_target),
        partner_routes_reps: c.partner_routes_reps,
        adapters: c.adapters.iter().map(ToString::to_string).collect(),
    }
}

/// A partner, each number with the value in force.
#[must_use]
pub fn partner(p: &Partner) -> pb::Partner {
    pb::Partner {
        id: p.id.to_string(),
        name: p.name.clone(),
        handoff_deadline: p.handoff_deadline.map(span),
        routing_deadline: p.routing_deadline.map(span),
        routing_lease: Some(span(p.routing_lease)),
        away_after: p.away_after,
        sync_deletion_guard_percent: Some(p.deletion_guard_percent),
    }
}

/// A partner, and its own id for something, if it has one (N8).
fn alias(partner: &PartnerId, own: Option<&PartnersId>) -> pb::PartnerAlias {
    pb::PartnerAlias { partner: partner.to_string(), id: text(own) }
}

const fn recipient_type(of: RecipientType) -> pb::RecipientType {
    match of {
        RecipientType::Rep => pb::RecipientType::Rep,
        RecipientType::Queue => pb::RecipientType::Queue,
        RecipientType::Flow => pb::RecipientType::Flow,
        RecipientType::ExternalContact => pb::RecipientType::ExternalContact,
    }
}

fn default_target(target: &DefaultTarget) -> pb::DefaultTarget {
    use pb::default_target::Target;
    let target = match target {
        DefaultTarget::Queue(id) => Target::Queue(id.to_string()),
        DefaultTarget::Flow(id) => Target::Flow(id.to_string()),
    };
    pb::DefaultTarget { target: Some(target) }
}

/// A weight.
#[must_use]
pub fn weight(w: Weight) -> pb::Weight {
    let weight = match w {
        Weight::Units(units) => pb::weight::Weight::CentiUnits(centi(units)),
        Weight::Percent(share) => {
            pb::weight::Weight::CentiPercent(i32::try_from(share.get()).unwrap_or(i32::MAX))
        }
    };
    pb::Weight { weight: Some(weight) }
}

/// One line of a directory's diff. `changed` names the fields that differ.
#[must_use]
pub fn change(change: &DirectoryChange, changed: Vec<String>) -> pb::DirectoryChange {
    let kind = match change.kind.as_ref() {
        "settings" | "org_settings" => pb::DirectoryKind::OrgSettings,
        "status" | "presence_status" => pb::DirectoryKind::PresenceStatus,
        "configuration" | "presence_configuration" => pb::DirectoryKind::PresenceConfiguration,
        "profile" => pb::DirectoryKind::Profile,
        "rep" => pb::DirectoryKind::Rep,
        "channel" => pb::DirectoryKind::Channel,
        "partner" => pb::DirectoryKind::Partner,
        "skill" => pb::DirectoryKind::Skill,
        "queue" => pb::DirectoryKind::Queue,
        "flow" => pb::DirectoryKind::Flow,
        _ => pb::DirectoryKind::Unspecified,
    };
    let action = match change.action {
        DirectoryAction::Created => pb::DirectoryAction::Created,
        DirectoryAction::Updated => pb::DirectoryAction::Updated,
        DirectoryAction::Deleted => pb::DirectoryAction::Deleted,
    };
    pb::DirectoryChange {
        kind: kind.into(),
        id: change.id.to_string(),
        action: action.into(),
        changed_fields: changed,
    }
}

macro_rules! differing {
    ($old:expr, $new:expr; $($field:ident),*) => {{
        let (old, new) = (&$old, &$new);
        let mut names = Vec::new();
        $(if old.$field != new.$field {
            names.push(stringify!($field).trim_start_matches("r#").to_owned());
        })*
        names
    }};
}

/// The names of the fields in which two images of a directory record differ, in field order.
#[must_use]
pub fn changed_fields(old: &Record, new: &Record) -> Vec<String> {
    match (old, new) {
        (Record::Rep(a), Record::Rep(b)) => differing!(rep(a), rep(b);
            name, profile, presence_configuration, licences, permissions, skills, partners),
        (Record::Profile(a), Record::Profile(b)) => differing!(profile(a), profile(b);
            name, presence_statuses, presence_configuration),
        (Record::Status(a), Record::Status(b)) => differing!(status(a), status(b);
            name, r#type, channel_types, partner_ids),
        (Record::Configuration(a), Record::Configuration(b)) => {
            differing!(configuration(a), configuration(b);
                name, capacity_centi_units, interruptible_capacity_centi_units, allow_decline, auto_accept, recipient_restriction,
                status_after_decline, status_after_push_timeout, push_timeout)
        }
        (Record::Channel(a), Record::Channel(b)) => differing!(channel(a), channel(b);
            name, r#type, routing_partner, capacity_model, weight, paused_weight, fallback_queue, wrap_up,
            interruptible, recipient_types, default_target, partner_routes_reps, adapters),
        (Record::Partner(a), Record::Partner(b)) => differing!(partner(a), partner(b);
            name, handoff_deadline, routing_deadline, routing_lease, away_after,
            sync_deletion_guard_percent),
        (Record::Skill(a), Record::Skill(b)) => differing!(skill(a), skill(b); name),
        (Record::Queue(a), Record::Queue(b)) => differing!(queue(a), queue(b);
            name, reps, routing_model, push_timeout, overflow, default_priority, channel_types,
            weight, max_length, partner, partner_queue),
        (Record::Flow(a), Record::Flow(b)) => differing!(flow(a), flow(b);
            name, rules, fallback),
        (Record::Settings(a), Record::Settings(b)) => settings_fields(a, b),
        _ => Vec::new(),
    }
}

fn settings_fields(old: &Arc<Settings>, new: &Arc<Settings>) -> Vec<String> {
    differing!(settings(old), settings(new);
        skills_based_and_direct_to_rep_routing, max_transfers_per_session, direct_wait_limit,
        presence_lease, disconnect_grace, orphan_after, history_retention, handoff_deadline,
        routing_deadline,
        estimated_wait_min_samples, estimated_wait_window, time_zone, business_hours)
}
