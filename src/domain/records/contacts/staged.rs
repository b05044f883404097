//! A full sync that is under way, and the one that was completed last (N2): which pages have come, and how many contacts.

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

use crate::domain::time::Timestamp;

/// Consecutive pages that brought equally many contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PageRun {
    /// The first of them.
    #[n(0)]
    pub from: u32,
    /// The last.
    #[n(1)]
    pub to: u32,
    /// How many contacts each of them brought.
    #[n(2)]
    pub each: u32,
}

/// A full sync that isn't complete: its contacts lie in blocks of its generation, which nobody is shown.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StagedSync {
    /// Its number.
    #[n(0)]
    pub generation: u64,
    /// The pages that have come, in order, as runs.
    #[n(1)]
    pub pages: Vec<PageRun>,
    /// Contacts of its generation by now: what the pages brought, and what incremental syncs changed since.
    #[n(2)]
    pub contacts: u32,
    /// How many of them are also shown now.
    #[n(3)]
    pub known: u32,
    /// How many of those will look different.
    #[n(4)]
    pub changed: u32,
}

impl StagedSync {
    /// Nothing has come yet.
    #[must_use]
    pub const fn new(generation: u64) -> Self {
        Self { generation, pages: Vec::new(), contacts: 0, known: 0, changed: 0 }
    }

    /// How many contacts the pages have brought.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        let of = |run: &PageRun| u64::from(run.to - run.from + 1) * u64::from(run.each);
        self.pages.iter().map(of).sum()
    }

    /// A page has come, for the first time or once more, with so many contacts.
    pub fn page_came(&mut self, page: u32, contacts: u32) {
        let mut runs = Vec::with_capacity(self.pages.len() + 2);
        for run in self.pages.drain(..) {
            if (run.from..=run.to).contains(&page) {
                runs.extend((run.from < page).then(|| PageRun { to: page - 1, ..run }));
                runs.extend((page < run.to).then(|| PageRun { from: page + 1, ..run }));
            } else {
                runs.push(run);
            }
        }
        let place = runs.partition_point(|run| run.to < page);
        runs.insert(place, PageRun { from: page, to: page, each: contacts });
        for run in runs {
            match self.pages.last_mut() {
                Some(last) if last.each == run.each && last.to + 1 == run.from => last.to = run.to,
                _ => self.pages.push(run),
            }
        }
    }

    /// The pages up to `last` that haven't come, as ranges.
    #[must_use]
    pub fn missing(&self, last: u32) -> Vec<(u32, u32)> {
        let mut missing = Vec::new();
        let mut next = 1;
        for run in &self.pages {
            if next < run.from && next <= last {
                missing.push((next, last.min(run.from - 1)));
            }
            next = run.to.saturating_add(1);
        }
        if next <= last {
            missing.push((next, last));
        }
        missing
    }

    /// The highest page that has come.
    #[must_use]
    pub fn highest(&self) -> u32 {
        self.pages.last().map_or(0, |run| run.to)
    }
}

/// The full sync that was completed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct CompletedSync {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// Its last page: the content of the call, by which a repetition is recognised.
    #[n(1)]
    pub content: ByteArray<16>,
    /// Contacts that had arrived.
    #[n(2)]
    pub arrived: u32,
    /// Contacts that it created.
    #[n(3)]
    pub created: u32,
    /// Contacts that it changed.
    #[n(4)]
    pub updated: u32,
    /// Contacts that it deleted.
    #[n(5)]
    pub deleted: u32,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn n2_pages_are_counted_in_whatever_order_and_however_often_they_come(
            came in prop::collection::vec((1_u32..12, 0_u32..3), 0..40),
            last in 1_u32..14,
        ) {
            let (mut staged, mut model) = (StagedSync::new(1), BTreeMap::new());
            for (page, contacts) in came {
                staged.page_came(page, contacts);
                model.insert(page, contacts);
            }
            let sum: u64 = model.values().copied().map(u64::from).sum();
            prop_assert_eq!(staged.arrived(), sum);
            prop_assert_eq!(staged.highest(), model.keys().max().copied().unwrap_or(0));
            let missing: Vec<u32> =
                staged.missing(last).into_iter().flat_map(|(from, to)| from..=to).collect();
            let expected: Vec<u32> = (1..=last).filter(|page| !model.contains_key(page)).collect();
            prop_assert_eq!(missing, expected);
        }
    }
}
