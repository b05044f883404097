//! Reads the fields of a mapping, one typed question each, and notes everything that is wrong instead of stopping.
//!
//! The keys that were asked for are the keys that exist: `finish` reports all others.

use std::ops::RangeInclusive;

use super::faults::Faults;
use super::yaml::{At, Key, Node, Value};
use crate::cli::names::{Named, nearest};
use crate::cli::target::{self, MOST_CENTI_UNITS};
use crate::pb;

/// A name found in the file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name.
    pub text: String,
    /// Its place.
    pub at: At,
    /// Its field.
    pub path: String,
}

/// The fields of one mapping.
pub struct Fields<'a> {
    /// Where the mapping begins.
    pub at: At,
    path: String,
    entries: &'a [(Key, Node)],
    cut: bool,
    asked: Vec<&'static str>,
    faults: &'a Faults,
}

impl<'a> Fields<'a> {
    /// The fields of a node; None, with a fault, if it isn't a mapping.
    pub fn of(node: &'a Node, path: &str, faults: &'a Faults) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            if !node.cut {
                faults.add(node.at, path, format!("must be a mapping, not {}", kind(node)));
            }
            return None;
        };
        for (index, (key, _)) in entries.iter().enumerate() {
            if let Some((first, _)) =
                entries[..index].iter().find(|(other, _)| other.text == key.text)
            {
                let text = format!("given twice, first in line {}: keep one", first.at.line);
                faults.add(key.at, join(path, &key.text), text);
            }
        }
        Some(Self {
            at: node.at,
            path: path.to_owned(),
            entries,
            cut: node.cut,
            asked: Vec::new(),
            faults,
        })
    }

    /// The path of one of its fields.
    pub fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// The node of a field that isn't null.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        let (_, node) = self.entries.iter().find(|(found, _)| found.text == key)?;
        (!matches!(node.value, Value::Null) || node.cut).then_some(node)
    }

    fn fault(&self, at: At, key: &str, text: impl Into<String>) {
        self.faults.add(at, self.path(key), text);
    }

    fn scalar(&mut self, key: &'static str, wanted: &str) -> Option<(&'a str, At)> {
        let node = self.node(key)?;
        let scalar = self.scalar_of(node, &self.path(key), wanted)?;
        Some((scalar, node.at))
    }

    fn scalar_of(&self, node: &'a Node, path: &str, wanted: &str) -> Option<&'a str> {
        match &node.value {
            Value::Scalar(text) => Some(text),
            _ if node.cut => None,
            _ => {
                self.faults.add(node.at, path, format!("must be {wanted}, not {}", kind(node)));
                None
            }
        }
    }

    /// A value made from the text of a scalar.
    fn parsed<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (text, at) = self.scalar(key, wanted)?;
        parse(text).map_err(|why| self.fault(at, key, why)).ok()
    }

    /// Reports that a field is wrong.
    pub fn wrong(&self, key: &str, text: impl Into<String>) {
        let found = self.entries.iter().find(|(found, _)| found.text == key);
        self.fault(found.map_or(self.at, |(_, node)| node.at), key, text);
    }

    /// Reports that something found in it is wrong.
    pub fn wrong_at(&self, found: &Found, text: impl Into<String>) {
        self.faults.add(found.at, found.path.clone(), text);
    }

    /// Whether a field is a list with nothing in it.
    pub fn is_empty_list(&self, key: &str) -> bool {
        let mut given = self.entries.iter().filter(|(found, _)| found.text == key);
        given.any(|(_, node)| {
            !node.cut && matches!(&node.value, Value::List(items) if items.is_empty())
        })
    }

    /// Whether a field is given, well or badly.
    pub fn has(&self, key: &str) -> bool {
        let mut given = self.entries.iter().filter(|(_, node)| !matches!(node.value, Value::Null));
        given.any(|(found, _)| found.text == key)
    }

    /// Reports that a required field isn't there.
    pub fn missing(&self, key: &str, wanted: &str) {
        // Of what was cut off the rest is unknown; a field given with a fault has been reported.
        if !self.cut
            && !self
                .entries
                .iter()
                .any(|(found, node)| found.text == key && !matches!(node.value, Value::Null))
        {
            self.fault(self.at, key, format!("is required: {wanted}"));
        }
    }

    /// Some text.
    pub fn text(&mut self, key: &'static str) -> String {
        self.scalar(key, "text").map(|(text, _)| text.to_owned()).unwrap_or_default()
    }

    /// Some text with its place.
    pub fn written(&mut self, key: &'static str, wanted: &str) -> Option<Found> {
        let (text, at) = self.scalar(key, wanted)?;
        Some(Found { text: text.to_owned(), at, path: self.path(key) })
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str) -> Vec<Found> {
        let items = self.items(key, "names").into_iter();
        let found = items.filter_map(|(node, path)| {
            let text = self.scalar_of(node, &path, "a name")?.to_owned();
            Some(Found { text, at: node.at, path })
        });
        found.collect()
    }

    /// What was found, if it is an id.
    pub fn checked(&self, found: Found) -> Option<Found> {
        self.checked_id(&found.text, found.at, found.path)
    }

    /// The id of something, with its place.
    pub fn id(&mut self, key: &'static str) -> Option<Found> {
        let (text, at) = self.scalar(key, "an id")?;
        self.checked_id(text, at, self.path(key))
    }

    fn checked_id(&self, text: &str, at: At, path: String) -> Option<Found> {
        if let Err(why) = id_grammar(text) {
            self.faults.add(at, path, why);
            return None;
        }
        Some(Found { text: text.to_owned(), at, path })
    }

    /// A list of ids. Those that aren't any stay, for the server to find the others where they are.
    pub fn ids(&mut self, key: &'static str) -> Vec<Found> {
        let items = self.items(key, "ids");
        let found = items.into_iter().map(|(node, path)| {
            let text = self.scalar_of(node, &path, "an id").unwrap_or_default();
            if let (Value::Scalar(_), Err(why)) = (&node.value, id_grammar(text)) {
                self.faults.add(node.at, path.clone(), why);
            }
            Found { text: text.to_owned(), at: node.at, path }
        });
        found.collect()
    }

    /// A list of names of an enum, as its numbers.
    pub fn names<E: Named + Into<i32>>(&mut self, key: &'static str) -> Vec<i32> {
        let items = self.items(key, "names");
        let mut numbers = Vec::new();
        for (node, path) in items {
            let text = self.scalar_of(node, &path, "a name");
            let value = text.and_then(|text| {
                E::parse(text).map_err(|why| self.faults.add(node.at, path, why)).ok()
            });
            // No value of any enum: what comes after it keeps its number.
            numbers.push(value.map_or(-1, Into::into));
        }
        numbers
    }

    /// The items of a list with their paths.
    pub fn items(&mut self, key: &'static str, wanted: &str) -> Vec<(&'a Node, String)> {
        let path = self.path(key);
        let Some(node) = self.node(key) else {
            return Vec::new();
        };
        match &node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (item, format!("{path}[{index}]")))
                .collect(),
            _ if node.cut => Vec::new(),
            _ => {
                self.faults.add(
                    node.at,
                    path,
                    format!("must be a list of {wanted}, not {}", kind(node)),
                );
                Vec::new()
            }
        }
    }

    /// One name of an enum; 0 if it isn't given.
    pub fn name<E: Named + Into<i32>>(&mut self, key: &'static str) -> i32 {
        self.parsed(key, "a name", E::parse).map_or(0, Into::into)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.parsed(key, "true or false", |text| match text {
            "true" | "True" => Ok(true),
            "false" | "False" => Ok(false),
            _ => Err(format!("must be true or false, not `{text}`")),
        })
    }

    /// A whole number within a range.
    pub fn count(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let (low, high) = (*range.start(), *range.end());
        self.parsed(key, "a whole number", |text| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            number
                .ok_or_else(|| format!("must be a whole number from {low} to {high}, not `{text}`"))
        })
    }

    /// A length of time within a range, such as `30s`; the range is in seconds.
    pub fn duration(
        &mut self,
        key: &'static str,
        seconds: RangeInclusive<u64>,
    ) -> Option<prost_types::Duration> {
        let (low, high) = (*seconds.start(), *seconds.end());
        let length = self.parsed(key, "a length of time", |text| {
            let length = target::duration(text)?;
            let within = length.as_secs_f64() >= low as f64 && length.as_secs_f64() <= high as f64;
            if within {
                Ok(length)
            } else {
                Err(format!("must be {low} s to {high} s, not `{text}`"))
            }
        })?;
        prost_types::Duration::try_from(length).ok()
    }

    /// A point in time such as `2026-03-02T09:30:00Z`.
    pub fn time(&mut self, key: &'static str) -> Option<prost_types::Timestamp> {
        self.parsed(key, "a time", target::time)
    }

    /// Units with at most two decimals, as hundredths.
    pub fn units(&mut self, key: &'static str, least_centi: i64) -> Option<i64> {
        self.parsed(key, "units", |text| {
            let centi = target::hundredths(text)
                .filter(|centi| (least_centi..=MOST_CENTI_UNITS).contains(centi));
            centi.ok_or_else(|| {
                format!("must be units such as 5 or 2.50, at most a million, not `{text}`")
            })
        })
    }

    /// A weight: units such as `1`, or a percentage such as `25%`.
    pub fn weight(&mut self, key: &'static str) -> Option<pb::Weight> {
        let weight = self.parsed(key, "a weight", target::weight)?;
        Some(pb::Weight { weight: Some(weight) })
    }

    /// The fields of a mapping inside.
    pub fn inner(&mut self, key: &'static str) -> Option<Fields<'a>> {
        let path = self.path(key);
        let node = self.node(key)?;
        Fields::of(node, &path, self.faults)
    }

    /// The mappings of a list.
    pub fn inners(&mut self, key: &'static str) -> Vec<Fields<'a>> {
        let items = self.items(key, "mappings");
        let all = items.len();
        let of = |(node, path): (&'a Node, String)| Fields::of(node, &path, self.faults);
        let inners: Vec<_> = items.into_iter().filter_map(of).collect();
        self.complete(key, all, inners)
    }

    /// What was read of `all` there is under a key, which is left out if that isn't all.
    fn complete<T>(&self, key: &str, all: usize, read: Vec<T>) -> Vec<T> {
        if read.len() < all {
            self.faults.leave_out(self.path(key));
        }
        read
    }

    /// The entries of a mapping whose keys are the file's own: each key with its value's node.
    fn pairs(&mut self, key: &'static str) -> Vec<(Found, &'a Node)> {
        let Some(inner) = self.inner(key) else {
            return Vec::new();
        };
        let pair = |(key, node): &'a (Key, Node)| {
            let path = inner.path(&key.text);
            (Found { text: key.text.clone(), at: key.at, path }, node)
        };
        inner.entries.iter().map(pair).collect()
    }

    /// Mappings by the ids of what they are about.
    pub fn named_inners(&mut self, key: &'static str) -> Vec<(Found, Fields<'a>)> {
        let pairs = self.pairs(key);
        let all = pairs.len();
        let inner = |(name, node): (Found, &'a Node)| {
            let fields = Fields::of(node, &name.path, self.faults);
            self.checked(name).zip(fields)
        };
        let inners: Vec<_> = pairs.into_iter().filter_map(inner).collect();
        self.complete(key, all, inners)
    }

    /// Levels of 0–100 by skill.
    pub fn levels(&mut self, key: &'static str) -> Vec<(Found, u32)> {
        let pairs = self.pairs(key);
        let all = pairs.len();
        let level = |(name, node): (Found, &'a Node)| {
            let text = self.scalar_of(node, &name.path, "a level from 0 to 100");
            let level = text.and_then(|text| {
                let level = text.parse().ok().filter(|level| (0..=100).contains(level));
                if level.is_none() {
                    let why = format!("must be a level from 0 to 100, not `{text}`");
                    self.faults.add(node.at, name.path.clone(), why);
                }
                level
            });
            self.checked(name).zip(level)
        };
        let levels: Vec<_> = pairs.into_iter().filter_map(level).collect();
        self.complete(key, all, levels)
    }

    /// Others' own ids by the ids of who they are; an empty one where there is none.
    pub fn aliases(&mut self, key: &'static str) -> Vec<(Found, String)> {
        let pairs = self.pairs(key);
        let all = pairs.len();
        let alias = |(name, node): (Found, &'a Node)| {
            let own = match node.value {
                Value::Null => Some(String::new()),
                _ => self
                    .scalar_of(node, &name.path, "an id, or nothing")
                    .and_then(|text| self.checked_id(text, node.at, name.path.clone()))
                    .map(|own| own.text),
            };
            self.checked(name).zip(own)
        };
        let aliases: Vec<_> = pairs.into_iter().filter_map(alias).collect();
        self.complete(key, all, aliases)
    }

    /// Texts by name.
    pub fn attributes(&mut self, key: &'static str) -> Vec<(String, String)> {
        let pairs = self.pairs(key).into_iter();
        let text = |(name, node): (Found, &'a Node)| {
            let text = self.scalar_of(node, &name.path, "text")?;
            Some((name.text, text.to_owned()))
        };
        pairs.filter_map(text).collect()
    }

    /// A time of day such as `09:30`, in minutes after midnight; `24:00` is its end.
    pub fn minute(&mut self, key: &'static str) -> Option<u32> {
        self.parsed(key, "a time of day", |text| {
            let time = text.split_once(':').and_then(|(hours, minutes)| {
                let two = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
                let (true, true) = (two(hours), two(minutes)) else { return None };
                let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
                (minutes < 60).then_some(hours * 60 + minutes)
            });
            let time = time.filter(|minute| *minute <= 1_440);
            time.ok_or_else(|| format!("must be a time of day such as 09:30, not `{text}`"))
        })
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        for (key, _) in self.entries {
            if self.asked.contains(&key.text.as_str()) {
                continue;
            }
            let text = match nearest(&key.text, self.asked.iter().copied()) {
                Some(near) => format!("unknown key: did you mean `{near}`?"),
                None => format!("unknown key: use one of {}", self.asked.join(", ")),
            };
            self.fault(key.at, &key.text, text);
        }
    }
}

pub(super) fn id_grammar(text: &str) -> Result<(), String> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"._:@-".contains(&b);
    if (1..=128).contains(&text.len()) && text.bytes().all(fine) {
        return Ok(());
    }
    Err(format!("`{text}` isn't an id: 1–128 letters, digits or any of . _ : @ -"))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn kind(node: &Node) -> &'static str {
    match node.value {
        Value::Null => "nothing",
        Value::Scalar(..) => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a mapping",
    }
}
