//! Collects what is wrong with a request, so that it is said all at once (D1).

mod references;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::domain::attributes::{self, Attributes};
use crate::domain::decide::stated::Stated;
use crate::domain::entry::Revision;
use crate::domain::id::{BadId, SkillId};
use crate::domain::rejection::{BadField, Rejection};
use crate::domain::time::{Span, Timestamp};
use crate::grpc::status::Problem;
use crate::pb;

pub use references::Asked;

/// The longest free text of each kind, in bytes.
pub mod limits {
    use crate::domain::flow;
    use crate::domain::time::Span;

    /// Names of things.
    pub const NAME: usize = flow::NAME_BYTES;
    /// What is searched for.
    pub const QUERY: usize = 256;
    /// A client's name for itself.
    pub const DEVICE: usize = 256;
    /// A transfer's note (O3).
    pub const NOTE: usize = 2_048;
    /// A request id.
    pub const REQUEST_ID: usize = 128;
    /// Ids in a filter.
    pub const FILTER_IDS: usize = 1_000;
    /// Presences opened, or whose status is chosen, by one call.
    pub const BATCH: usize = 1_000;
    /// Presences in one renewal.
    pub const PRESENCES: usize = 10_000;
    /// Skills of a rep (R4).
    pub const REP_SKILLS: usize = 64;
    /// Partners of a rep, or with ids of their own for a status (N8).
    pub const PARTNERS: usize = 16;
    /// Adapters of a channel (N8).
    pub const ADAPTERS: usize = 32;
    /// Skills required, and skills wished for, by a target.
    pub const TARGET_SKILLS: usize = flow::SKILLS_MAX;
    /// The highest level of a skill.
    pub const SKILL_LEVEL: u32 = flow::LEVEL_MAX;
    /// Rules of a flow (R8).
    pub const FLOW_RULES: usize = flow::RULES_MAX;
    /// A condition of a rule.
    pub const CONDITION: usize = flow::CONDITION_BYTES;
    /// A time zone's name.
    pub const TIME_ZONE: usize = 64;
    /// Spells of business hours.
    pub const BUSINESS_HOURS: usize = 70;
    /// How long an offer waits (R5).
    pub const PUSH_TIMEOUT: (Span, Span) = (Span::from_secs(1), Span::from_secs(3_600));
    /// After-conversation work, and each extension of it (C6).
    pub const WRAP_UP: (Span, Span) = (Span::from_secs(10), Span::from_secs(3_600));
    /// Why a partner failed, in its words (T23).
    pub const FAILURE: usize = 1_024;
    /// What a worker of a partner's calls itself (N9).
    pub const REFERENCE: usize = 256;
    /// When it makes sense to try again (T23).
    pub const RETRY_AFTER: (Span, Span) = (Span::from_secs(0), Span::from_secs(86_400));
    /// How long an acknowledged routing request holds (N6).
    pub const ROUTING_LEASE: (Span, Span) = (Span::from_secs(5), Span::from_secs(300));
    /// Leases of routing requests renewed by one call (N6).
    pub const RENEWALS: usize = 1_000;
    /// Extensions of after-conversation work (C6).
    pub const WRAP_UP_EXTENSIONS: u32 = 10;
    /// Entries of a page.
    pub const PAGE: i32 = 500;
    /// Entries of a page, if none is asked for.
    pub const DEFAULT_PAGE: usize = 50;
}

/// What is wrong with a request, so far, and what it names.
#[derive(Debug, Default)]
pub struct Fields {
    stated: Stated,
    repeats: bool,
}

impl Fields {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many faults there are so far.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.stated.faults.len()
    }

    /// Notes a bad field.
    pub fn bad(&mut self, field: impl Into<String>, why: impl fmt::Display) {
        self.stated.faults.push(BadField { field: field.into(), why: why.to_string() });
    }

    /// An id that must be given.
    pub fn id<T: FromStr<Err = BadId>>(&mut self, field: &str, text: &str) -> Option<T> {
        text.parse().map_err(|why| self.bad(field, why)).ok()
    }

    /// An id that may be left out: bad → `None`, left out → `Some(None)`.
    pub fn optional_id<T: FromStr<Err = BadId>>(
        &mut self,
        field: &str,
        text: &str,
    ) -> Option<Option<T>> {
        if text.is_empty() { Some(None) } else { self.id(field, text).map(Some) }
    }

    /// A list of ids.
    pub fn ids<T: FromStr<Err = BadId>>(&mut self, field: &str, texts: &[String]) -> Vec<T> {
        texts
            .iter()
            .enumerate()
            .filter_map(|(i, text)| self.id(&format!("{field}[{i}]"), text))
            .collect()
    }

    /// A skill at a level of 0–100 (R4).
    pub fn level(&mut self, field: &str, given: &pb::SkillLevel) -> Option<(SkillId, u32)> {
        let id = self.reference(&format!("{field}.skill"), &given.skill);
        if given.level > limits::SKILL_LEVEL {
            let why = format!("is {}; give 0 to {}", given.level, limits::SKILL_LEVEL);
            self.bad(format!("{field}.level"), why);
            return None;
        }
        id.map(|id| (id, given.level))
    }

    /// Skills at levels, each at most once, at most `most` of them.
    pub fn levels(
        &mut self,
        field: &str,
        given: &[pb::SkillLevel],
        most: usize,
    ) -> BTreeMap<SkillId, u32> {
        self.at_most(field, given.len(), most);
        let mut levels = BTreeMap::new();
        for (i, given) in given.iter().enumerate().take(most) {
            let at = format!("{field}[{i}]");
            let Some((id, level)) = self.level(&at, given) else { continue };
            if levels.insert(id, level).is_some() {
                self.bad(
                    format!("{at}.skill"),
                    format!("is {} again; give each once", given.skill),
                );
            }
        }
        levels
    }

    /// Notes a list that is too long.
    pub fn at_most(&mut self, field: &str, count: usize, most: usize) {
        if count > most {
            self.bad(field, format!("has {count} entries; at most {most} are allowed"));
        }
    }

    /// Free text of at most `most` bytes.
    pub fn text(&mut self, field: &str, text: &str, most: usize) -> Option<String> {
        if text.len() > most {
            self.bad(field, format!("is {} bytes long; at most {most} are allowed", text.len()));
            return None;
        }
        if let Some(why) = attributes::control_character(text) {
            self.bad(field, why);
            return None;
        }
        Some(text.to_owned())
    }

    /// A request id: empty, or 1–128 printable ASCII characters.
    pub fn request_id(&mut self, text: &str) {
        if text.len() > limits::REQUEST_ID || !text.bytes().all(|b| matches!(b, 0x20..=0x7e)) {
            self.bad("request_id", "isn't 1 to 128 printable ASCII characters");
        }
    }

    /// A revision to wait for; 0: none.
    pub fn revision(&mut self, field: &str, number: i64) -> Option<Revision> {
        match u64::try_from(number) {
            Ok(0) => None,
            Ok(number) => Some(Revision::new(number)),
            Err(_) => {
                self.bad(field, "is negative; give a revision, or 0 for whatever is there");
                None
            }
        }
    }

    /// The size of a page.
    pub fn page_size(&mut self, size: i32) -> usize {
        match usize::try_from(size) {
            Ok(0) => limits::DEFAULT_PAGE,
            Ok(given) if size <= limits::PAGE => given,
            _ => {
                self.bad(
                    "page_size",
                    format!("is {size}; give 1 to {}, or 0 for 50", limits::PAGE),
                );
                0
            }
        }
    }

    /// A span within bounds, in whole milliseconds.
    pub fn span(
        &mut self,
        field: &str,
        given: Option<&prost_types::Duration>,
        bounds: (Span, Span),
        default: Span,
    ) -> Option<Span> {
        let Some(given) = given else { return Some(default) };
        let read = whole_ms(given).and_then(|ms| {
            let (least, most) = bounds;
            let seconds = |span: Span| span.as_ms() / 1_000;
            let within = (i128::from(least.as_ms())..=i128::from(most.as_ms())).contains(&ms);
            let why = || format!("is out of range; give {} to {} s", seconds(least), seconds(most));
            i64::try_from(ms).ok().filter(|_| within).ok_or_else(why)
        });
        match read {
            Ok(ms) => Some(Span::from_ms(ms)),
            Err(why) => {
                self.bad(field, why);
                None
            }
        }
    }

    /// A moment of the years 1 to 9999.
    pub fn moment(&mut self, field: &str, given: &prost_types::Timestamp) -> Option<Timestamp> {
        const YEARS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
        if !YEARS.contains(&given.seconds) || !(0..1_000_000_000).contains(&given.nanos) {
            let why =
                "isn't a moment; give seconds of the years 1 to 9999, and 0 to 999999999 nanos";
            self.bad(field, why);
            return None;
        }
        Some(Timestamp::from_ms(given.seconds * 1_000 + i64::from(given.nanos) / 1_000_000))
    }

    /// A span that may be left out: bad → `None`, left out → `Some(None)`.
    pub fn optional_span(
        &mut self,
        field: &str,
        given: Option<&prost_types::Duration>,
        bounds: (Span, Span),
    ) -> Option<Option<Span>> {
        match given {
            None => Some(None),
            Some(_) => self.span(field, given, bounds, bounds.0).map(Some),
        }
    }

    /// A number within bounds.
    pub fn count(
        &mut self,
        field: &str,
        given: Option<u32>,
        (least, most): (u32, u32),
        default: u32,
    ) -> Option<u32> {
        let number = given.unwrap_or(default);
        if (least..=most).contains(&number) {
            return Some(number);
        }
        self.bad(field, format!("is out of range; give {least} to {most}"));
        None
    }

    /// An enum's value, by the number on the wire. Unspecified and unknown ones are bad.
    pub fn value<W: TryFrom<i32>, T>(
        &mut self,
        field: &str,
        number: i32,
        convert: impl FnOnce(W) -> Option<T>,
    ) -> Option<T> {
        let known = W::try_from(number).ok().and_then(convert);
        if known.is_none() {
            let why = if number == 0 {
                "isn't given".to_owned()
            } else {
                format!("has the unknown or unusable value {number}")
            };
            self.bad(field, why);
        }
        known
    }

    /// A list of an enum's values.
    pub fn values<W: TryFrom<i32>, T>(
        &mut self,
        field: &str,
        numbers: &[i32],
        convert: impl Fn(W) -> Option<T>,
    ) -> Vec<T> {
        numbers
            .iter()
            .enumerate()
            .filter_map(|(i, number)| self.value(&format!("{field}[{i}]"), *number, &convert))
            .collect()
    }

    /// Attributes within the bounds of O3.
    pub fn attributes(&mut self, field: &str, given: &Attributes) {
        self.stated.faults.extend(attributes::faults(field, given));
    }

    /// What was built, if nothing was wrong.
    ///
    /// # Errors
    /// INVALID_FIELD with every bad field.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
        if !self.stated.faults.is_empty() {
            return Err(Problem::Invalid(self.stated.faults));
        }
        build().ok_or(UNBUILT)
    }
}

impl Fields {
    /// One of many of a call, if nothing was wrong with it; otherwise it is refused by itself.
    ///
    /// # Errors
    /// INVALID_FIELD with every bad field.
    pub fn item<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Rejection> {
        let faults = self.stated.faults;
        build().filter(|_| faults.is_empty()).ok_or_else(|| Rejection::invalid(faults))
    }
}

const UNBUILT: Problem = Problem::Internal("a request without a bad field couldn't be built");

/// A duration in milliseconds, if it is one, and in whole ones.
fn whole_ms(given: &prost_types::Duration) -> Result<i128, String> {
    let prost_types::Duration { seconds, nanos } = *given;
    let one_sign = seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0);
    if !one_sign || !(-999_999_999..=999_999_999).contains(&nanos) {
        return Err(
            "isn't a duration; give seconds, and up to 999999999 nanos of the same sign".into()
        );
    }
    if nanos % 1_000_000 != 0 {
        return Err("is finer than a millisecond; give whole milliseconds".into());
    }
    Ok(i128::from(seconds) * 1_000 + i128::from(nanos) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RepId;

    #[test]
    fn d1_all_bad_fields_are_named_at_once() {
        let mut fields = Fields::new();
        let rep: Option<RepId> = fields.id("rep", "a b");
        fields.page_size(501);
        fields.revision("at_least_revision", -1);
        fields.request_id("tab\tbed");
        let result = fields.finish(|| rep);
        assert!(matches!(result, Err(Problem::Invalid(bad)) if bad.len() == 4));
    }

    #[test]
    fn d4_spans_of_any_size_are_read_or_refused() {
        let bounds = (Span::from_secs(1), Span::from_secs(60));
        let read = |seconds, nanos| {
            let given = prost_types::Duration { seconds, nanos };
            Fields::new().span("x", Some(&given), bounds, Span::default())
        };
        assert_eq!(read(1, 500_000_000), Some(Span::from_ms(1_500)));
        for (seconds, nanos) in [(0, 0), (61, 0), (i64::MAX, 0), (i64::MIN, -1), (1, i32::MAX)] {
            assert_eq!(read(seconds, nanos), None, "{seconds} {nanos}");
        }
        // Of one sign, and no finer than it can be kept.
        for (seconds, nanos) in [(20, -1), (20, -1_000_000), (-1, 1), (2, 1), (2, 999_999_999)] {
            assert_eq!(read(seconds, nanos), None, "{seconds} {nanos}");
        }
    }

    #[test]
    fn r12_a_span_of_nothing_is_nothing_and_not_less() {
        let bounds = (Span::from_secs(0), Span::from_secs(60));
        let read = |seconds, nanos| {
            let given = prost_types::Duration { seconds, nanos };
            Fields::new().span("x", Some(&given), bounds, Span::default())
        };
        assert_eq!(read(0, 0), Some(Span::from_ms(0)));
        for (seconds, nanos) in [(0, -1), (0, -999_999_999), (-1, 0), (0, 1), (60, 1_000_000)] {
            assert_eq!(read(seconds, nanos), None, "{seconds} {nanos}");
        }
    }

    #[test]
    fn d1_a_moment_is_one_or_refused() {
        let read = |seconds, nanos| {
            let given = prost_types::Timestamp { seconds, nanos };
            Fields::new().moment("x", &given)
        };
        assert_eq!(read(1, 5_000_000), Some(Timestamp::from_ms(1_005)));
        assert_eq!(read(-1, 0), Some(Timestamp::from_ms(-1_000)));
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            assert_eq!(read(seconds, nanos), None, "{seconds} {nanos}");
        }
    }
}
