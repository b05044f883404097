//! A TOML file as it is read here: every fault of it is noted with its place, and reading goes on, so that whoever wrote it
//! sees all of them at once. What isn't asked for is unknown, and a fault. It knows no key by name.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, FixedOffset};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFault {
    /// In which file.
    pub file: PathBuf,
    /// Line and column, from 1, where there is a place.
    pub place: Option<(usize, usize)>,
    /// What is wrong. Never a secret.
    pub why: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.why)
    }
}

/// What is wrong with the access file and the files that it names: all of it, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadAccess(pub Vec<FileFault>);

impl fmt::Display for BadAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for BadAccess {}

/// A file that is being read, with what was found wrong with it so far.
#[derive(Debug)]
pub struct Document<'d> {
    path: &'d Path,
    text: &'d str,
    faults: RefCell<Vec<FileFault>>,
}

impl<'d> Document<'d> {
    /// A file of this text, in which nothing was found yet.
    #[must_use]
    pub const fn new(path: &'d Path, text: &'d str) -> Self {
        Self { path, text, faults: RefCell::new(Vec::new()) }
    }

    /// Its tables; `None` if it isn't TOML, which is noted.
    pub fn parse(&self) -> Option<Spanned<DeTable<'d>>> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.note(error.span().unwrap_or(0..0), error.message().to_owned());
        }
        errors.is_empty().then_some(root)
    }

    /// Notes what is wrong there.
    pub fn note(&self, span: Range<usize>, why: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let place = Some((line, column));
        let fault = FileFault { file: self.path.to_owned(), place, why: why.into() };
        self.faults.borrow_mut().push(fault);
    }

    /// Everything that was noted, in the order of the file.
    #[must_use]
    pub fn into_faults(self) -> Vec<FileFault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| fault.place);
        faults
    }
}

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub span: Range<usize>,
}

/// A table that is being read: each key is taken once, and those that nobody takes are unknown.
pub struct Fields<'d> {
    document: &'d Document<'d>,
    table: &'d DeTable<'d>,
    taken: RefCell<BTreeSet<&'static str>>,
    /// Where the table is written.
    pub span: Range<usize>,
}

impl<'d> Fields<'d> {
    /// Begins to read a table.
    #[must_use]
    pub const fn new(
        document: &'d Document<'d>,
        table: &'d DeTable<'d>,
        span: Range<usize>,
    ) -> Self {
        Self { document, table, taken: RefCell::new(BTreeSet::new()), span }
    }

    /// Notes what is wrong there.
    pub fn note(&self, span: &Range<usize>, why: impl Into<String>) {
        self.document.note(span.clone(), why);
    }

    /// Notes that a key is missing, and gives nothing.
    pub fn missing<T>(&self, key: &str) -> Option<T> {
        self.note(&self.span, format!("`{key}` is missing"));
        None
    }

    /// The value of a key, if it is there.
    pub fn take(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.taken.borrow_mut().insert(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// Every key with its value. All of them count as known.
    pub fn all(&self) -> impl Iterator<Item = (&'d str, &'d Spanned<DeValue<'d>>)> {
        self.table.iter().map(|(name, value)| (name.get_ref().as_ref(), value))
    }

    /// A text that `read` understands.
    pub fn text<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Placed<T>> {
        let value = self.take(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.note(&value.span(), format!("`{key}` is {}, not a text", kind(value)));
            return None;
        };
        self.understood(key, value.span(), read(text))
    }

    /// A list of texts that `read` understands, each different from the others; `None` if there is no such key, or anything
    /// in it is wrong.
    pub fn texts<T: Ord + Clone>(
        &self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<Placed<T>>> {
        let value = self.take(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.note(&value.span(), format!("`{key}` is {}, not a list of texts", kind(value)));
            return None;
        };
        let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
        let mut whole = true;
        for item in items {
            let Some(text) = item.get_ref().as_str() else {
                self.note(&item.span(), format!("`{key}` has {} in it", kind(item)));
                whole = false;
                continue;
            };
            let Some(read) = self.understood(key, item.span(), read(text)) else {
                whole = false;
                continue;
            };
            if !seen.insert(read.value.clone()) {
                self.note(&item.span(), format!("`{key}` has {text:?} twice"));
            }
            found.push(read);
        }
        whole.then_some(found)
    }

    fn understood<T>(
        &self,
        key: &str,
        span: Range<usize>,
        read: Result<T, String>,
    ) -> Option<Placed<T>> {
        match read {
            Ok(value) => Some(Placed { value, span }),
            Err(why) => {
                self.note(&span, format!("`{key}` {why}"));
                None
            }
        }
    }

    /// A whole number within a range.
    pub fn number(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.take(key)?;
        self.number_of(key, value, range)
    }

    /// The same of a value that was taken already.
    pub fn number_of(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let digits = value.get_ref().as_integer();
        let number = digits.and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        let found = number.filter(|number| range.contains(number));
        if found.is_none() {
            let why =
                format!("`{key}` isn't a whole number from {} to {}", range.start(), range.end());
            self.note(&value.span(), why);
        }
        found
    }

    /// A moment: date, time and offset from UTC.
    pub fn time(&self, key: &'static str) -> Option<SystemTime> {
        let value = self.take(key)?;
        let moment = value.get_ref().as_datetime().and_then(moment);
        if moment.is_none() {
            let why = format!("`{key}` isn't a moment such as 2026-11-01T00:00:00Z (no quotes)");
            self.note(&value.span(), why);
        }
        moment
    }

    /// A table of its own.
    pub fn table(&self, key: &'static str) -> Option<Self> {
        let value = self.take(key)?;
        self.inner(key, value)
    }

    /// A list of tables, however it is written; empty if there is no such key.
    pub fn tables(&self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.note(&value.span(), format!("`{key}` is {}, not a list of tables", kind(value)));
            return Vec::new();
        };
        items.iter().filter_map(|item| self.inner(key, item)).collect()
    }

    fn inner(&self, key: &str, value: &'d Spanned<DeValue<'d>>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            self.note(&value.span(), format!("`{key}` is {}, not a table", kind(value)));
            return None;
        };
        Some(Self::new(self.document, table, value.span()))
    }

    /// Notes every key that nobody took.
    pub fn end(self) {
        for (name, _) in self.table {
            if !self.taken.borrow().contains(name.get_ref().as_ref()) {
                self.note(&name.span(), format!("`{}` is no key of this table", name.get_ref()));
            }
        }
    }
}

fn kind(value: &Spanned<DeValue<'_>>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The moment that a date, a time and an offset name. A leap second is the one before it.
fn moment(datetime: &toml::value::Datetime) -> Option<SystemTime> {
    let moment: DateTime<FixedOffset> = DateTime::parse_from_rfc3339(&datetime.to_string()).ok()?;
    let seconds = u64::try_from(moment.timestamp()).ok()?;
    let nanos = moment.timestamp_subsec_nanos().min(999_999_999);
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_every_fault_is_told_with_its_place() {
        let text = "a = 1\nb = [\"x\", 2, \"x\"]\nc = 2026-11-01\nd = 700\nz = 1\n[e]\nq = 1\n";
        let document = Document::new(Path::new("f.toml"), text);
        let root = document.parse().expect("it is TOML");
        let fields = Fields::new(&document, root.get_ref(), root.span());
        assert!(fields.text("a", |text| Ok(text.to_owned())).is_none());
        let own = |text: &str| Ok(text.to_owned());
        assert!(fields.texts("b", own).is_none());
        assert!(fields.time("c").is_none());
        assert!(fields.number("d", 1..=600).is_none());
        fields.table("e").expect("a table").end();
        fields.end();
        let faults: Vec<String> = document.into_faults().iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "f.toml:1:5: `a` is a number, not a text",
                "f.toml:2:11: `b` has a number in it",
                "f.toml:2:14: `b` has \"x\" twice",
                "f.toml:3:5: `c` isn't a moment such as 2026-11-01T00:00:00Z (no quotes)",
                "f.toml:4:5: `d` isn't a whole number from 1 to 600",
                "f.toml:5:1: `z` is no key of this table",
                "f.toml:7:1: `q` is no key of this table",
            ]
        );
    }

    #[test]
    fn d1_all_that_is_wrong_with_the_syntax_is_told() {
        let document = Document::new(Path::new("f.toml"), "a = \nb = 1\nc = [1,,]\n");
        assert!(document.parse().is_none());
        let lines: BTreeSet<_> =
            document.into_faults().iter().filter_map(|f| f.place.map(|p| p.0)).collect();
        assert_eq!(lines, [1, 3].into());
    }

    #[test]
    fn a_moment_has_an_offset() {
        let read = |text: &str| moment(&text.parse().expect("a date"));
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(read("2026-11-01T02:00:00+02:00"), at(1_793_491_200));
        assert_eq!(read("2026-11-01T00:00:00Z"), at(1_793_491_200));
        assert_eq!(read("2026-11-01T00:00:00"), None);
        assert_eq!(read("1969-12-31T23:59:59Z"), None);
    }
}
