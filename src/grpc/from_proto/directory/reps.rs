//! Reps, and what is configured for them: profiles, presence configurations, presence statuses.

use super::super::fields::{Fields, limits};
use super::super::{channel_type, under};
use super::partners::partners;
use super::{name, units};
use crate::domain::directory::{
    Licence, Permission, PresenceConfiguration, PresenceStatus, Profile, Recipients, Rep,
};
use crate::domain::id::{PartnersId, StatusId};
use crate::domain::record::AliasOf;
use crate::pb;

pub(super) fn rep(f: &mut Fields, at: &str, given: &pb::Rep) -> Option<Rep> {
    let id = f.own_id(at, &given.id);
    let name = name(f, at, &given.name, &given.id);
    let profile = f.reference(&under(at, "profile"), &given.profile);
    let configuration =
        f.optional_reference(&under(at, "presence_configuration"), &given.presence_configuration);
    let licences = f.values(&under(at, "licences"), &given.licences, licence);
    let permissions = f.values(&under(at, "permissions"), &given.permissions, permission);
    let skills = f.levels(&under(at, "skills"), &given.skills, limits::REP_SKILLS);
    let of = id.clone().map(AliasOf::Rep);
    let partners = partners(f, &under(at, "partners"), &given.partners, of.as_ref());
    Some(Rep {
        id: id?,
        name: name?,
        profile: profile?,
        configuration: configuration?,
        licences: licences.into_iter().collect(),
        permissions: permissions.into_iter().collect(),
        skills,
        partners,
    })
}

const fn licence(wire: pb::Licence) -> Option<Licence> {
    match wire {
        pb::Licence::Unspecified => None,
        pb::Licence::MessagingUser => Some(Licence::MessagingUser),
        pb::Licence::EnhancedChatUser => Some(Licence::EnhancedChatUser),
    }
}

const fn permission(wire: pb::Permission) -> Option<Permission> {
    match wire {
        pb::Permission::Unspecified => None,
        pb::Permission::MessagingAgent => Some(Permission::MessagingAgent),
        pb::Permission::EnhancedChatRep => Some(Permission::EnhancedChatRep),
        pb::Permission::RunFlows => Some(Permission::RunFlows),
    }
}

pub(super) fn profile(f: &mut Fields, at: &str, given: &pb::Profile) -> Option<Profile> {
    let id = f.own_id(at, &given.id);
    let name = name(f, at, &given.name, &given.id);
    let statuses = f.references(&under(at, "presence_statuses"), &given.presence_statuses);
    let configuration =
        f.reference(&under(at, "presence_configuration"), &given.presence_configuration);
    Some(Profile {
        id: id?,
        name: name?,
        statuses: statuses.into_iter().collect(),
        configuration: configuration?,
    })
}

pub(super) fn configuration(
    f: &mut Fields,
    at: &str,
    given: &pb::PresenceConfiguration,
) -> Option<PresenceConfiguration> {
    let id = f.own_id(at, &given.id);
    let name = name(f, at, &given.name, &given.id);
    let capacity = units(f, &under(at, "capacity_centi_units"), given.capacity_centi_units, 1);
    let pool_at = under(at, "interruptible_capacity_centi_units");
    let pool = units(f, &pool_at, given.interruptible_capacity_centi_units, 0);
    if given.allow_decline && given.auto_accept {
        f.bad(under(at, "auto_accept"), "can't go with allow_decline (R7); choose one");
    }
    let restriction = given.recipient_restriction.as_ref();
    let recipients = recipients(f, &under(at, "recipient_restriction"), restriction);
    let decline = &given.status_after_decline;
    let decline = f.optional_reference(&under(at, "status_after_decline"), decline);
    let timeout = &given.status_after_push_timeout;
    let timeout = f.optional_reference(&under(at, "status_after_push_timeout"), timeout);
    let push = f.optional_span(
        &under(at, "push_timeout"),
        given.push_timeout.as_ref(),
        limits::PUSH_TIMEOUT,
    );
    Some(PresenceConfiguration {
        id: id?,
        name: name?,
        capacity: capacity?,
        interruptible_capacity: pool?,
        allow_decline: given.allow_decline,
        auto_accept: given.auto_accept,
        recipients,
        status_after_decline: decline?,
        status_after_push_timeout: timeout?,
        push_timeout: push?,
    })
}

fn recipients(
    f: &mut Fields,
    at: &str,
    restriction: Option<&pb::RecipientRestriction>,
) -> Recipients {
    let Some(only) = restriction else { return Recipients::Any };
    Recipients::Listed {
        queues: f.references(&under(at, "queues"), &only.queues).into_iter().collect(),
        flows: f.references(&under(at, "flows"), &only.flows).into_iter().collect(),
        profiles: f.references(&under(at, "profiles"), &only.profiles).into_iter().collect(),
        contacts: only.external_contacts,
    }
}

pub(super) fn status(
    f: &mut Fields,
    at: &str,
    given: &pb::PresenceStatus,
) -> Option<PresenceStatus> {
    let id = f.own_id(at, &given.id);
    let name = name(f, at, &given.name, &given.id);
    let online = f.value(&under(at, "type"), given.r#type, |wire| match wire {
        pb::PresenceStatusType::Online => Some(true),
        pb::PresenceStatusType::Busy => Some(false),
        pb::PresenceStatusType::Unspecified | pb::PresenceStatusType::Offline => None,
    });
    let of = id.clone().map(AliasOf::Status);
    let aliases = partners(f, &under(at, "partner_ids"), &given.partner_ids, of.as_ref());
    let types_at = under(at, "channel_types");
    let online_for = f.values(&types_at, &given.channel_types, channel_type);
    match online {
        Some(true) if given.channel_types.is_empty() => {
            f.bad(types_at, "is empty; an ONLINE status covers at least one channel type");
        }
        Some(false) if !given.channel_types.is_empty() => {
            f.bad(types_at, "isn't empty; a BUSY status covers none");
        }
        _ => {}
    }
    let id: StatusId = id?;
    // Without one of its own the partner's is Baton's.
    let own = |own: Option<PartnersId>| own.or_else(|| PartnersId::new(id.as_str()).ok());
    let aliases = aliases.into_iter();
    Some(PresenceStatus {
        name: name?,
        online_for: online_for.into_iter().collect(),
        partner_ids: aliases.filter_map(|(of, given)| Some((of, own(given)?))).collect(),
        id,
    })
}
