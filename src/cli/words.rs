//! How the API's smaller things read in a row or on a line: times, units, names, skills.

use std::collections::BTreeMap;

use prost_types::Timestamp;

use super::names;
use super::target::span;
use crate::pb;

/// `es≥50, fr≥10; wished: vip≥1 for 30s`.
pub fn skills(required: &[pb::SkillLevel], wished: &[pb::AdditionalSkill]) -> String {
    let level = |s: &pb::SkillLevel| format!("{}≥{}", s.skill, s.level);
    let mut all: Vec<String> = required.iter().map(level).collect();
    let wished = wished.iter().filter_map(|wish| {
        let limit = wish.timeout.as_ref().map(|t| format!(" for {}", span(t)));
        wish.skill.as_ref().map(|s| format!("wished: {}{}", level(s), limit.unwrap_or_default()))
    });
    all.extend(wished);
    all.join(", ")
}

/// `topic=billing, tier=gold`, by name.
pub fn attributes(attributes: &BTreeMap<String, String>) -> String {
    attributes.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(", ")
}

/// Lines of a label and what belongs to it; what is empty is left out.
pub fn labelled(rows: &[(&str, String)]) -> String {
    let shown = || rows.iter().filter(|(_, text)| !text.is_empty());
    let width = shown().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    shown().map(|(label, text)| format!("{label:width$}  {text}\n")).collect()
}

/// Who did something.
pub fn actor(actor: Option<&pb::Actor>) -> String {
    actor.map_or_else(String::new, |a| {
        let role = names::of::<pb::Role>(a.role).to_lowercase();
        if a.id.is_empty() || a.id == role { role } else { format!("{role} {}", a.id) }
    })
}

/// The name of a value, empty for UNSPECIFIED.
pub fn set_name<E: names::Named>(number: i32) -> String {
    if number == 0 { String::new() } else { names::of::<E>(number) }
}

/// A moment, in UTC, to the second.
pub fn moment(time: &Timestamp) -> String {
    let time = chrono::DateTime::from_timestamp(time.seconds, 0);
    time.map(|time| time.naive_utc().to_string() + " UTC").unwrap_or_default()
}

/// The time of day, in UTC, to the millisecond.
pub fn clock(time: Option<&Timestamp>) -> String {
    let Some(time) = time else {
        return String::new();
    };
    let day = time.seconds.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}.{:03}", day / 3600, day / 60 % 60, day % 60, time.nanos / 1_000_000)
}

/// Hundredths of a unit as units: `250` is 2.5.
pub fn units(centi: i64) -> String {
    let sign = if centi < 0 { "-" } else { "" };
    let (whole, rest) = (centi.unsigned_abs() / 100, centi.unsigned_abs() % 100);
    match rest {
        0 => format!("{sign}{whole}"),
        rest if rest % 10 == 0 => format!("{sign}{whole}.{}", rest / 10),
        rest => format!("{sign}{whole}.{rest:02}"),
    }
}

/// Hundredths of a percent as a percentage.
pub fn percent(centi: i64) -> String {
    units(centi) + "%"
}

/// Channel types, with commas.
pub fn channel_types(types: &[i32]) -> String {
    types.iter().map(|t| names::of::<pb::ChannelType>(*t)).collect::<Vec<_>>().join(",")
}
