//! The org's settings: all of them, or those that a mask names. Called by the requests beside it.

use std::collections::BTreeSet;

use super::super::fields::{Asked, Fields, limits};
use super::super::under;
use crate::domain::command::Command;
use crate::domain::directory::{OpeningHours, Settings, SettingsPatch};
use crate::domain::flow::check_zone;
use crate::domain::record::RecordKey;
use crate::domain::time::Span;
use crate::grpc::status::Problem;
use crate::pb;

/// Settings that are to change: those that the mask names, or that are given.
///
/// # Errors
/// INVALID_FIELD.
pub fn update_settings(request: &pb::UpdateOrgSettingsRequest) -> Result<Asked, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let given = request.org_settings.clone().unwrap_or_default();
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
            named = given_names(&given);
            changed = given;
        }
    }
    // Named and not given: the default.
    let values = settings(&mut f, "org_settings", &changed, &Settings::default());
    f.brings(RecordKey::Settings, "org_settings");
    f.ask(|| values.map(|values| Command::ChangeSettings(patch(&named, values))))
}

/// The names of the settings that are given.
fn given_names(given: &pb::OrgSettings) -> BTreeSet<&'static str> {
    let is_given = |name: &&str| {
        let mut probe = pb::OrgSettings::default();
        put_setting(&mut probe, given, name);
        probe != pb::OrgSettings::default()
    };
    SETTINGS.into_iter().filter(is_given).collect()
}

/// Of these settings those that are given: the others stay as they are.
pub(super) fn those_given(given: &pb::OrgSettings, values: &Settings) -> SettingsPatch {
    patch(&given_names(given), values.clone())
}

fn patch(named: &BTreeSet<&str>, values: Settings) -> SettingsPatch {
    fn given<T>(named: &BTreeSet<&str>, name: &str, value: T) -> Option<T> {
        named.contains(name).then_some(value)
    }
    let span = |name, value: Span| given(named, name, value);
    let count = |name, value: u32| given(named, name, value);
    SettingsPatch {
        direct_to_rep_routing: given(
            named,
            "skills_based_and_direct_to_rep_routing",
            values.direct_to_rep_routing,
        ),
        max_transfers_per_session: count(
            "max_transfers_per_session",
            values.max_transfers_per_session,
        ),
        direct_wait_limit: span("direct_wait_limit", values.direct_wait_limit),
        presence_lease: span("presence_lease", values.presence_lease),
        disconnect_grace: span("disconnect_grace", values.disconnect_grace),
        orphan_after: span("orphan_after", values.orphan_after),
        history_retention: span("history_retention", values.history_retention),
        handoff_deadline: span("handoff_deadline", values.handoff_deadline),
        estimate_samples: count("estimated_wait_min_samples", values.estimate_samples),
        estimate_window: span("estimated_wait_window", values.estimate_window),
        time_zone: given(named, "time_zone", values.time_zone),
        business_hours: given(named, "business_hours", values.business_hours),
        routing_deadline: given(named, "routing_deadline", values.routing_deadline).flatten(),
    }
}

const SETTINGS: [&str; 13] = [
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
    "time_zone",
    "business_hours",
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
        "time_zone" => into.time_zone.clone_from(&from.time_zone),
        "business_hours" => into.business_hours.clone_from(&from.business_hours),
        _ => return false,
    }
    true
}

/// The settings; what isn't given has its default.
pub(super) fn settings(
    f: &mut Fields,
    at: &str,
    given: &pb::OrgSettings,
    default: &Settings,
) -> Option<Settings> {
    let transfers = f.count(
        &under(at, "max_transfers_per_session"),
        given.max_transfers_per_session,
        (1, 1_000),
        default.max_transfers_per_session,
    );
    let samples = f.count(
        &under(at, "estimated_wait_min_samples"),
        given.estimated_wait_min_samples,
        (1, 10),
        default.estimate_samples,
    );
    let mut span = |name, given: &Option<_>, least, most, default| {
        let bounds = (Span::from_secs(least), Span::from_secs(most));
        f.span(&under(at, name), given.as_ref(), bounds, default)
    };
    let day = 86_400;
    let limit =
        span("direct_wait_limit", &given.direct_wait_limit, 1, day, default.direct_wait_limit);
    let lease = span("presence_lease", &given.presence_lease, 5, 300, default.presence_lease);
    let grace =
        span("disconnect_grace", &given.disconnect_grace, 0, 3_600, default.disconnect_grace);
    let orphan = span("orphan_after", &given.orphan_after, 0, day, default.orphan_after);
    let kept = &given.history_retention;
    let kept = span("history_retention", kept, 60, 30 * day, default.history_retention);
    let handoff =
        span("handoff_deadline", &given.handoff_deadline, 1, 600, default.handoff_deadline);
    let routing = &given.routing_deadline;
    let routing = span("routing_deadline", routing, 1, 600, default.routing_deadline());
    let window = &given.estimated_wait_window;
    let window = span("estimated_wait_window", window, 60, 3_600, default.estimate_window);
    let zone = time_zone(f, &under(at, "time_zone"), &given.time_zone, &default.time_zone);
    let hours = business_hours(f, &under(at, "business_hours"), &given.business_hours);
    Some(Settings {
        direct_to_rep_routing: given
            .skills_based_and_direct_to_rep_routing
            .unwrap_or(default.direct_to_rep_routing),
        max_transfers_per_session: transfers?,
        direct_wait_limit: limit?,
        presence_lease: lease?,
        disconnect_grace: grace?,
        orphan_after: orphan?,
        history_retention: kept?,
        handoff_deadline: handoff?,
        estimate_samples: samples?,
        estimate_window: window?,
        time_zone: zone?,
        business_hours: hours,
        routing_deadline: Some(routing?),
    })
}

/// A zone's name: one that the flows' clock knows.
fn time_zone(f: &mut Fields, at: &str, given: &str, default: &str) -> Option<String> {
    if given.is_empty() {
        return Some(default.to_owned());
    }
    let letters = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
    };
    if given.len() > limits::TIME_ZONE || !given.split('/').all(letters) {
        f.bad(at, "isn't the name of a time zone; give one such as Europe/Berlin or UTC");
        return None;
    }
    if let Err(why) = check_zone(given) {
        f.bad(at, why);
        return None;
    }
    Some(given.to_owned())
}

fn business_hours(f: &mut Fields, at: &str, given: &[pb::BusinessHours]) -> Vec<OpeningHours> {
    f.at_most(at, given.len(), limits::BUSINESS_HOURS);
    let spells = given.iter().enumerate();
    spells.filter_map(|(i, spell)| opening_hours(f, &format!("{at}[{i}]"), spell)).collect()
}

fn opening_hours(f: &mut Fields, at: &str, given: &pb::BusinessHours) -> Option<OpeningHours> {
    let day = u8::try_from(given.weekday).ok().filter(|day| (1..=7).contains(day));
    if day.is_none() {
        let why = format!("is {}; give 1 (Monday) to 7 (Sunday)", given.weekday);
        f.bad(under(at, "weekday"), why);
    }
    let minute = |minute: u32, bounds: std::ops::RangeInclusive<u16>| {
        u16::try_from(minute).ok().filter(|minute| bounds.contains(minute))
    };
    let from = minute(given.from_minute, 0..=1_439);
    if from.is_none() {
        let why = format!("is {}; give 0 to 1439 minutes after midnight", given.from_minute);
        f.bad(under(at, "from_minute"), why);
    }
    let to = minute(given.to_minute, from.map_or(1, |from| from + 1)..=1_440);
    if to.is_none() {
        let why = format!("is {}; give a minute after from_minute, up to 1440", given.to_minute);
        f.bad(under(at, "to_minute"), why);
    }
    Some(OpeningHours { weekday: day?, from_minute: from?, to_minute: to? })
}
