//! What is wrong with a file: collected, so that it is told all at once, each with its place.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use super::yaml::At;

/// Something wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where.
    pub at: At,
    /// Which field, such as `reps[2].profile`; empty for the syntax.
    pub path: String,
    /// What is wrong, and what would do.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.text)
    }
}

/// All that is wrong so far.
#[derive(Debug, Default)]
pub struct Faults {
    found: RefCell<Vec<Fault>>,
    /// Lists of which an item couldn't be read, so that what is made of them has other numbers.
    incomplete: RefCell<BTreeSet<String>>,
}

impl Faults {
    /// Notes a fault.
    pub fn add(&self, at: At, path: impl Into<String>, text: impl Into<String>) {
        self.found.borrow_mut().push(Fault { at, path: path.into(), text: text.into() });
    }

    /// Notes that an item of a list is left out.
    pub fn leave_out(&self, list: String) {
        self.incomplete.borrow_mut().insert(list);
    }

    /// All of them, in the order of the file, and the lists of which an item was left out.
    pub fn into_sorted(self) -> (Vec<Fault>, BTreeSet<String>) {
        let mut faults = self.found.into_inner();
        faults.sort();
        faults.dedup();
        (faults, self.incomplete.into_inner())
    }
}
