//! The directory: resources as they shall be, one at a time or all together.

use std::collections::BTreeSet;

use super::fields::{Fields, limits};
use super::{channel_type, under};
use crate::domain::command::Directory;
use crate::domain::directory::{
    CapacityModel, Channel, Licence, Permission, PresenceConfiguration, PresenceStatus, Profile,
    Recipients, Rep, RoutingOwner, Settings, SettingsPatch,
};
use crate::domain::id::BadId;
use crate::domain::time::Span;
use crate::domain::units::{CentiPercent, Units, Weight};
use crate::grpc::status::Problem;
use crate::pb;

/// The whole directory of a request.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn apply_directory(request: &pb::ApplyDirectoryRequest) -> Result<Directory, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let empty = pb::Directory::default();
    let given = request.directory.as_ref().unwrap_or_else(|| {
        f.bad("directory", "isn't given");
        &empty
    });
    for (name, set) in [
        ("directory.skills", !given.skills.is_empty()),
        ("directory.queues", !given.queues.is_empty()),
        ("directory.partners", !given.partners.is_empty()),
        ("directory.flows", !given.flows.is_empty()),
    ] {
        f.unsupported(name, set);
    }
    let settings = given
        .settings
        .as_ref()
        .map(|s| settings(&mut f, "directory.settings", s, &Settings::default()));
    let directory = Directory {
        configurations: all(
            &mut f,
            "presence_configurations",
            &given.presence_configurations,
            configuration,
        ),
        statuses: all(&mut f, "presence_statuses", &given.presence_statuses, status),
        profiles: all(&mut f, "profiles", &given.profiles, profile),
        channels: all(&mut f, "channels", &given.channels, channel),
        reps: all(&mut f, "reps", &given.reps, rep),
        settings: settings.flatten(),
    };
    repeated(
        &mut f,
        "presence_configurations",
        directory.configurations.iter().map(|r| r.id.as_str()),
    );
    repeated(&mut f, "presence_statuses", directory.statuses.iter().map(|r| r.id.as_str()));
    repeated(&mut f, "profiles", directory.profiles.iter().map(|r| r.id.as_str()));
    repeated(&mut f, "channels", directory.channels.iter().map(|r| r.id.as_str()));
    repeated(&mut f, "reps", directory.reps.iter().map(|r| r.id.as_str()));
    f.finish(|| Some(directory))
}

fn all<W, T>(
    f: &mut Fields,
    kind: &str,
    given: &[W],
    convert: impl Fn(&mut Fields, &str, &W) -> Option<T>,
) -> Vec<T> {
    given
        .iter()
        .enumerate()
        .filter_map(|(i, resource)| convert(f, &format!("directory.{kind}[{i}]"), resource))
        .collect()
}

fn repeated<'a>(f: &mut Fields, kind: &str, ids: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            f.bad(format!("directory.{kind}"), format!("has {id} twice; give each id once"));
        }
    }
}

/// One resource that shall be there.
macro_rules! upserts {
    ($($(#[$doc:meta])* $name:ident($request:ident.$field:ident) -> $list:ident by $convert:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// INVALID_FIELD or NOT_IMPLEMENTED.
        pub fn $name(request: &pb::$request) -> Result<Directory, Problem> {
            let mut f = Fields::new();
            f.request_id(&request.request_id);
            let resource = match &request.$field {
                Some(given) => $convert(&mut f, stringify!($field), given),
                None => {
                    f.bad(stringify!($field), "isn't given");
                    None
                }
            };
            f.finish(|| Some(Directory { $list: vec![resource?], ..Directory::default() }))
        }
    )*};
}

upserts! {
    /// A rep.
    upsert_rep(UpsertRepRequest.rep) -> reps by rep;
    /// A channel.
    upsert_channel(UpsertChannelRequest.channel) -> channels by channel;
    /// A presence status.
    upsert_status(UpsertPresenceStatusRequest.presence_status) -> statuses by status;
    /// A presence configuration.
    upsert_configuration(UpsertPresenceConfigurationRequest.presence_configuration) -> configurations by configuration;
    /// A profile.
    upsert_profile(UpsertProfileRequest.profile) -> profiles by profile;
}

/// What is to be deleted.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete<T: std::str::FromStr<Err = BadId>>(id: &str, request_id: &str) -> Result<T, Problem> {
    let mut f = Fields::new();
    f.request_id(request_id);
    let id = f.id("id", id);
    f.finish(|| id)
}

/// Settings that are to change: those that the mask names, or that are given.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn update_settings(request: &pb::UpdateOrgSettingsRequest) -> Result<SettingsPatch, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let given = request.org_settings.unwrap_or_default();
    let mut changed = pb::OrgSettings::default();
    let mut named = BTreeSet::new();
    match &request.update_mask {
        Some(mask) => {
            for (i, name) in mask.paths.iter().enumerate() {
                if !put_setting(&mut changed, &given, name) {
                    f.bad(format!("update_mask.paths[{i}]"), format!("names no setting: {name}"));
                }
                named.insert(name.as_str());
            }
        }
        None => {
            if request.org_settings.is_none() {
                f.bad("org_settings", "isn't given");
            }
            named.extend(SETTINGS.into_iter().filter(|name| {
                let mut probe = pb::OrgSettings::default();
                put_setting(&mut probe, &given, name);
                probe != pb::OrgSettings::default()
            }));
            changed = given;
        }
    }
    // Named and not given: the default.
    let values = settings(&mut f, "org_settings", &changed, &Settings::default());
    f.finish(|| values.map(|values| patch(&named, &values)))
}

fn patch(named: &BTreeSet<&str>, values: &Settings) -> SettingsPatch {
    fn if_named<T>(named: &BTreeSet<&str>, name: &str, value: T) -> Option<T> {
        named.contains(name).then_some(value)
    }
    let span = |name, value: Span| if_named(named, name, value);
    SettingsPatch {
        direct_to_rep_routing: if_named(
            named,
            "skills_based_and_direct_to_rep_routing",
            values.direct_to_rep_routing,
        ),
        max_transfers_per_session: if_named(
            named,
            "max_transfers_per_session",
            values.max_transfers_per_session,
        ),
        direct_wait_limit: span("direct_wait_limit", values.direct_wait_limit),
        disconnect_grace: span("disconnect_grace", values.disconnect_grace),
        orphan_after: span("orphan_after", values.orphan_after),
        history_retention: span("history_retention", values.history_retention),
        handoff_deadline: span("handoff_deadline", values.handoff_deadline),
    }
}

const SETTINGS: [&str; 11] = [
    "skills_based_and_direct_to_rep_routing",
    "max_transfers_per_session",
    "direct_wait_limit",
    "disconnect_grace",
    "orphan_after",
    "history_retention",
    "handoff_deadline",
    "routing_deadline",
    "presence_lease",
    "estimated_wait_min_samples",
    "estimated_wait_window",
];

fn put_setting(into: &mut pb::OrgSettings, from: &pb::OrgSettings, name: &str) -> bool {
    match name {
        "skills_based_and_direct_to_rep_routing" => {
            into.skills_based_and_direct_to_rep_routing =
                from.skills_based_and_direct_to_rep_routing;
        }
        "max_transfers_per_session" => {
            into.max_transfers_per_session = from.max_transfers_per_session;
        }
        "direct_wait_limit" => into.direct_wait_limit = from.direct_wait_limit,
        "disconnect_grace" => into.disconnect_grace = from.disconnect_grace,
        "orphan_after" => into.orphan_after = from.orphan_after,
        "history_retention" => into.history_retention = from.history_retention,
        "handoff_deadline" => into.handoff_deadline = from.handoff_deadline,
        "routing_deadline" => into.routing_deadline = from.routing_deadline,
        "presence_lease" => into.presence_lease = from.presence_lease,
        "estimated_wait_min_samples" => {
            into.estimated_wait_min_samples = from.estimated_wait_min_samples;
        }
        "estimated_wait_window" => into.estimated_wait_window = from.estimated_wait_window,
        _ => return false,
    }
    true
}

fn settings(
    f: &mut Fields,
    at: &str,
    given: &pb::OrgSettings,
    default: &Settings,
) -> Option<Settings> {
    let most = given.max_transfers_per_session.unwrap_or(default.max_transfers_per_session);
    if !(1..=1_000).contains(&most) {
        f.bad(under(at, "max_transfers_per_session"), "is out of range; give 1 to 1000");
    }
    let fixed = |span: Option<prost_types::Duration>, seconds: i64| {
        span.is_some_and(|s| s.seconds != seconds || s.nanos != 0)
    };
    for (name, set) in [
        ("routing_deadline", fixed(given.routing_deadline, 60)),
        ("presence_lease", fixed(given.presence_lease, LEASE.as_ms() / 1_000)),
        ("estimated_wait_min_samples", given.estimated_wait_min_samples.is_some_and(|n| n != 10)),
        ("estimated_wait_window", fixed(given.estimated_wait_window, 600)),
    ] {
        f.unsupported(under(at, name), set);
    }
    let mut span = |name, given: &Option<_>, least, most, default| {
        let bounds = (Span::from_secs(least), Span::from_secs(most));
        f.span(&under(at, name), given.as_ref(), bounds, default)
    };
    let limit =
        span("direct_wait_limit", &given.direct_wait_limit, 1, 86_400, default.direct_wait_limit);
    let grace =
        span("disconnect_grace", &given.disconnect_grace, 0, 3_600, default.disconnect_grace);
    let orphan = span("orphan_after", &given.orphan_after, 0, 86_400, default.orphan_after);
    let kept = span(
        "history_retention",
        &given.history_retention,
        60,
        2_592_000,
        default.history_retention,
    );
    let handoff =
        span("handoff_deadline", &given.handoff_deadline, 1, 600, default.handoff_deadline);
    Some(Settings {
        direct_to_rep_routing: given
            .skills_based_and_direct_to_rep_routing
            .unwrap_or(default.direct_to_rep_routing),
        max_transfers_per_session: most,
        direct_wait_limit: limit?,
        disconnect_grace: grace?,
        orphan_after: orphan?,
        history_retention: kept?,
        handoff_deadline: handoff?,
    })
}

/// How long one renewal of a presence lasts (P2).
pub const LEASE: Span = Span::from_secs(30);

fn name(f: &mut Fields, at: &str, name: &str, id: &str) -> Option<String> {
    let shown = if name.is_empty() { id } else { name };
    f.text(&under(at, "name"), shown, limits::NAME)
}

fn rep(f: &mut Fields, at: &str, given: &pb::Rep) -> Option<Rep> {
    f.unsupported(under(at, "skills"), !given.skills.is_empty());
    let id = f.id(&under(at, "id"), &given.id);
    let name = name(f, at, &given.name, &given.id);
    let profile = f.id(&under(at, "profile"), &given.profile);
    let configuration =
        f.optional_id(&under(at, "presence_configuration"), &given.presence_configuration);
    let licences = f.values(&under(at, "licences"), &given.licences, licence);
    let permissions = f.values(&under(at, "permissions"), &given.permissions, permission);
    Some(Rep {
        id: id?,
        name: name?,
        profile: profile?,
        configuration: configuration?,
        licences: licences.into_iter().collect(),
        permissions: permissions.into_iter().collect(),
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

fn profile(f: &mut Fields, at: &str, given: &pb::Profile) -> Option<Profile> {
    let id = f.id(&under(at, "id"), &given.id);
    let name = name(f, at, &given.name, &given.id);
    let statuses = f.ids(&under(at, "presence_statuses"), &given.presence_statuses);
    let configuration = f.id(&under(at, "presence_configuration"), &given.presence_configuration);
    Some(Profile {
        id: id?,
        name: name?,
        statuses: statuses.into_iter().collect(),
        configuration: configuration?,
    })
}

fn configuration(
    f: &mut Fields,
    at: &str,
    given: &pb::PresenceConfiguration,
) -> Option<PresenceConfiguration> {
    for (name, set) in [
        ("interruptible_capacity_centi_units", given.interruptible_capacity_centi_units != 0),
        ("status_after_decline", !given.status_after_decline.is_empty()),
        ("status_after_push_timeout", !given.status_after_push_timeout.is_empty()),
        ("push_timeout", given.push_timeout.is_some()),
    ] {
        f.unsupported(under(at, name), set);
    }
    let id = f.id(&under(at, "id"), &given.id);
    let name = name(f, at, &given.name, &given.id);
    let capacity = units(f, &under(at, "capacity_centi_units"), given.capacity_centi_units, 1);
    if given.allow_decline && given.auto_accept {
        f.bad(under(at, "auto_accept"), "can't go with allow_decline (R7); choose one");
    }
    let recipients = match &given.recipient_restriction {
        None => Recipients::Any,
        Some(only) => {
            let at = under(at, "recipient_restriction");
            f.unsupported(under(&at, "external_contacts"), only.external_contacts);
            f.unsupported(under(&at, "queues"), !only.queues.is_empty());
            f.unsupported(under(&at, "flows"), !only.flows.is_empty());
            let profiles = f.ids(&under(&at, "profiles"), &only.profiles);
            Recipients::Listed {
                queues: BTreeSet::new(),
                flows: BTreeSet::new(),
                profiles: profiles.into_iter().collect(),
            }
        }
    };
    Some(PresenceConfiguration {
        id: id?,
        name: name?,
        capacity: capacity?,
        allow_decline: given.allow_decline,
        auto_accept: given.auto_accept,
        recipients,
    })
}

fn units(f: &mut Fields, at: &str, hundredths: i64, least: u64) -> Option<Units> {
    let units = u64::try_from(hundredths).ok().filter(|n| *n >= least).and_then(Units::from_centi);
    if units.is_none() {
        let most = Units::MAX.as_centi();
        f.bad(at, format!("is {hundredths}; give {least} to {most} hundredths of a unit"));
    }
    units
}

fn status(f: &mut Fields, at: &str, given: &pb::PresenceStatus) -> Option<PresenceStatus> {
    let id = f.id(&under(at, "id"), &given.id);
    let name = name(f, at, &given.name, &given.id);
    let online = f.value(&under(at, "type"), given.r#type, |wire| match wire {
        pb::PresenceStatusType::Online => Some(true),
        pb::PresenceStatusType::Busy => Some(false),
        pb::PresenceStatusType::Unspecified | pb::PresenceStatusType::Offline => None,
    });
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
    Some(PresenceStatus { id: id?, name: name?, online_for: online_for.into_iter().collect() })
}

fn channel(f: &mut Fields, at: &str, given: &pb::Channel) -> Option<Channel> {
    for (name, set) in [
        ("routing_partner", !given.routing_partner.is_empty()),
        ("fallback_queue", !given.fallback_queue.is_empty()),
        ("wrap_up", given.wrap_up.is_some()),
        ("interruptible", given.interruptible),
    ] {
        f.unsupported(under(at, name), set);
    }
    let id = f.id(&under(at, "id"), &given.id);
    let name = name(f, at, &given.name, &given.id);
    let channel_type = f.value(&under(at, "type"), given.r#type, channel_type);
    let model = f.value(&under(at, "capacity_model"), given.capacity_model, |wire| {
        Some(match wire {
            pb::CapacityModel::Unspecified | pb::CapacityModel::TabBased => CapacityModel::TabBased,
            pb::CapacityModel::StatusBased => CapacityModel::StatusBased,
        })
    });
    let full = given
        .weight
        .map_or(Some(Weight::Units(Units::whole(1))), |w| weight(f, &under(at, "weight"), w));
    let paused_at = under(at, "paused_weight");
    let paused = match given.paused_weight {
        None => Some(None),
        Some(w) => weight(f, &paused_at, w).map(Some),
    };
    if model == Some(CapacityModel::TabBased) && given.paused_weight.is_some() {
        f.bad(paused_at, "can't go with TAB_BASED; leave it out or choose STATUS_BASED");
    }
    Some(Channel {
        id: id?,
        name: name?,
        channel_type: channel_type?,
        routing_owner: RoutingOwner::Baton,
        capacity_model: model?,
        weight: full?,
        paused_weight: paused?,
        fallback_queue: None,
    })
}

fn weight(f: &mut Fields, at: &str, given: pb::Weight) -> Option<Weight> {
    match given.weight {
        None => {
            f.bad(at, "has no measure; give centi_units or centi_percent");
            None
        }
        Some(pb::weight::Weight::CentiUnits(n)) => {
            units(f, &under(at, "centi_units"), n, 0).map(Weight::Units)
        }
        Some(pb::weight::Weight::CentiPercent(n)) => {
            let share = u32::try_from(n).ok().filter(|n| *n <= CentiPercent::FULL.get());
            if share.is_none() {
                f.bad(under(at, "centi_percent"), format!("is {n}; give 0 to 10000"));
            }
            share.map(|n| Weight::Percent(CentiPercent::new(n)))
        }
    }
}
