//! The model: contacts in plain maps, and random calls.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use proptest::prelude::*;

use crate::domain::contacts::ContactAvailability;
use crate::domain::rejection::Reason;

/// So many contacts there can be.
pub const IDS: u32 = 220;

pub fn name(number: u8) -> String {
    format!("Name {number}")
}

pub fn availability(number: u8) -> ContactAvailability {
    match number % 3 {
        0 => ContactAvailability::Available,
        1 => ContactAvailability::Busy,
        _ => ContactAvailability::Unavailable,
    }
}

/// An availability, or that it isn't known, and when that was observed.
type Said = (Option<u8>, i64);

#[derive(Debug, Clone)]
pub struct ModelRow {
    pub id: u32,
    pub name: u8,
    pub said: Option<Said>,
    pub bad: bool,
    pub nameless: bool,
}

impl ModelRow {
    pub const fn plain(id: u32) -> Self {
        Self { id, name: 0, said: None, bad: false, nameless: false }
    }
}

#[derive(Debug, Clone)]
pub enum Call {
    Page { generation: u64, page: u32, last: Option<(u32, bool)>, rows: Vec<ModelRow> },
    Change { rows: Vec<ModelRow>, deleted: Vec<u32> },
    Report { reports: Vec<(u32, Said)> },
}

fn said() -> impl Strategy<Value = Said> {
    (prop::option::of(0_u8..3), 0_i64..20)
}

fn rows() -> impl Strategy<Value = Vec<ModelRow>> {
    let row = (0..IDS, 0_u8..2, prop::option::weighted(0.2, said()), 0_u8..20);
    let some = prop::collection::vec(row, 0..30).prop_map(|rows| {
        let row = |(id, name, said, fault)| ModelRow {
            id,
            name,
            said,
            bad: fault < 2,
            nameless: fault == 0,
        };
        rows.into_iter().map(row).collect()
    });
    // Or many in a row, so that blocks are split.
    let many = (0..IDS, 0_u32..150)
        .prop_map(|(from, count)| (from..(from + count).min(IDS)).map(ModelRow::plain).collect());
    prop_oneof![2 => some, 1 => many]
}

/// Random calls. Generations are told from the model's own ([`Model::fitted`]).
pub fn calls() -> impl Strategy<Value = Vec<Call>> {
    let last = prop::option::weighted(0.4, (0_u32..8, any::<bool>()));
    let page = (0_u64..4, 1_u32..4, last, rows());
    let page =
        page.prop_map(|(generation, page, last, rows)| Call::Page { generation, page, last, rows });
    let deleted = prop::collection::vec(0..IDS, 0..40);
    let change = (rows(), deleted).prop_map(|(rows, deleted)| Call::Change { rows, deleted });
    let report = prop::collection::vec((0..IDS, said()), 0..40);
    let report = report.prop_map(|reports| Call::Report { reports });
    prop::collection::vec(prop_oneof![4 => page, 2 => change, 1 => report], 1..16)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelContact {
    pub name: u8,
    pub said: Option<Said>,
    page: u32,
}

impl ModelContact {
    fn same(self, other: Self) -> bool {
        (self.name, self.said) == (other.name, other.said)
    }
}

#[derive(Debug, Clone, Default)]
struct ModelStaged {
    generation: u64,
    contacts: BTreeMap<u32, ModelContact>,
    pages: BTreeMap<u32, u32>,
}

#[derive(Debug, Clone, Default)]
pub struct Model {
    pub shown: BTreeMap<u32, ModelContact>,
    generation: u64,
    staged: Option<ModelStaged>,
    /// The last page that completed the sync shown.
    completed: Option<Expected>,
}

/// What is answered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected {
    pub numbers: (u32, u32, u32),
    pub rest: (u32, bool, u32),
}

/// The later of two observations; of one moment the one said last.
fn over(known: Option<Said>, said: Option<Said>) -> Option<Said> {
    match (known, said) {
        (Some(known), Some(said)) if said.1 < known.1 => Some(known),
        (known, None) => known,
        (_, said) => said,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("a few")
}

impl Model {
    /// The call with a generation near the current ones, and a total near what has arrived.
    pub fn fitted(&self, call: Call) -> Call {
        let Call::Page { generation, page, last, rows } = call else { return call };
        let staged = self.staged.as_ref().map_or(self.generation + 1, |staged| staged.generation);
        let generation = match generation {
            0 => self.generation.max(1),
            1 => staged + 1,
            _ => staged,
        };
        let mut tried = self.clone();
        let whole = Call::Page { generation, page, last: None, rows: rows.clone() };
        let arrived = tried.takes(&whole).map_or(0, |answer| answer.rest.0);
        let last = last.map(|(off, allow)| (arrived + u32::from(off == 0), allow));
        Call::Page { generation, page, last, rows }
    }

    /// What becomes of a call.
    pub fn takes(&mut self, call: &Call) -> Result<Expected, Reason> {
        match call {
            Call::Page { generation, page, last, rows } => {
                let mut next = self.clone();
                let answer = next.page((*generation, *page), *last, rows)?;
                *self = next;
                Ok(answer)
            }
            Call::Change { rows, deleted } => Ok(self.change(rows, deleted)),
            Call::Report { reports } => Ok(self.report(reports)),
        }
    }

    /// The first row of each contact, or `None` where it is bad; how many have no id; how many failed.
    fn checked(rows: &[ModelRow]) -> (BTreeMap<u32, Option<&ModelRow>>, u32, u32) {
        let (mut all, mut nameless, mut failed) = (BTreeMap::new(), 0, 0);
        for row in rows {
            if row.nameless {
                nameless += 1;
                failed += 1;
                continue;
            }
            match all.entry(row.id) {
                Entry::Occupied(_) => failed += 1,
                Entry::Vacant(first) => {
                    failed += u32::from(row.bad);
                    first.insert(Some(row).filter(|row| !row.bad));
                }
            }
        }
        (all, nameless, failed)
    }

    fn page(
        &mut self,
        (generation, page): (u64, u32),
        last: Option<(u32, bool)>,
        rows: &[ModelRow],
    ) -> Result<Expected, Reason> {
        let (checked, nameless, failed) = Self::checked(rows);
        // All last pages of the property say the same content.
        if let (Some(done), true, true) =
            (self.completed, generation == self.generation, last.is_some())
        {
            let (arrived, complete, _) = done.rest;
            return Ok(Expected { rest: (arrived, complete, failed), ..done });
        }
        let current = self.staged.as_ref().map_or(0, |staged| staged.generation);
        if generation <= self.generation || generation < current {
            return Err(Reason::WrongState);
        }
        let mut staged = self.staged.take().filter(|staged| staged.generation == generation);
        let staged = staged.get_or_insert_with(|| ModelStaged { generation, ..Default::default() });
        let mut came = nameless;
        for (id, row) in checked {
            let known = staged.contacts.get(&id).copied();
            let other = known.map(|known| known.page).filter(|of| *of != 0 && *of != page);
            came += u32::from(other.is_none());
            let before = known.or(self.shown.get(&id).copied());
            let page = other.unwrap_or(page);
            let contact = match row {
                Some(row) => {
                    let said = over(before.and_then(|before| before.said), row.said);
                    Some(ModelContact { name: row.name, said, page })
                }
                None => before.map(|before| ModelContact { page, ..before }),
            };
            if let Some(contact) = contact {
                staged.contacts.insert(id, contact);
            }
        }
        staged.pages.insert(page, came);
        let arrived: u32 = staged.pages.values().sum();
        let rest = (arrived, last.is_some(), failed);
        let Some((total, allow)) = last else {
            self.staged = Some(staged.clone());
            return Ok(Expected { rest, ..Default::default() });
        };
        let all_there = (1..=page).all(|page| staged.pages.contains_key(&page));
        if !all_there || staged.pages.keys().max() != Some(&page) || arrived != total {
            return Err(Reason::WrongState);
        }
        let gone = self.shown.keys().filter(|id| !staged.contacts.contains_key(id)).count();
        if gone > 100 && !allow {
            return Err(Reason::SyncDeletesTooMany);
        }
        let new = staged.contacts.keys().filter(|id| !self.shown.contains_key(id)).count();
        let changed = staged
            .contacts
            .iter()
            .filter(|(id, contact)| self.shown.get(id).is_some_and(|shown| !shown.same(**contact)));
        let numbers = (count(new), count(changed.count()), count(gone));
        self.shown = std::mem::take(&mut staged.contacts);
        self.generation = generation;
        self.completed = Some(Expected { numbers, rest });
        Ok(Expected { numbers, rest })
    }

    fn change(&mut self, rows: &[ModelRow], deleted: &[u32]) -> Expected {
        let (checked, _, mut failed) = Self::checked(rows);
        let (mut created, mut updated, mut gone) = (0, 0, 0);
        let mut seen = Vec::new();
        for id in deleted {
            if checked.contains_key(id) || seen.contains(id) {
                failed += 1;
                continue;
            }
            seen.push(*id);
            gone += u32::from(self.shown.remove(id).is_some());
            if let Some(staged) = &mut self.staged {
                staged.contacts.remove(id);
            }
        }
        for row in checked.into_values().flatten() {
            let shown = self.shown.get(&row.id).copied();
            let staged = self.staged.as_ref().and_then(|staged| staged.contacts.get(&row.id));
            let staged = staged.copied();
            let new = |own: Option<ModelContact>, other: Option<ModelContact>| ModelContact {
                name: row.name,
                said: over(own.or(other).and_then(|known| known.said), row.said),
                page: own.map_or(0, |own| own.page),
            };
            let now = new(shown, staged);
            created += u32::from(shown.is_none());
            updated += u32::from(shown.is_some_and(|shown| !shown.same(now)));
            self.shown.insert(row.id, now);
            if let Some(sync) = &mut self.staged {
                sync.contacts.insert(row.id, new(staged, shown));
            }
        }
        Expected { numbers: (created, updated, gone), rest: (0, false, failed) }
    }

    fn report(&mut self, reports: &[(u32, Said)]) -> Expected {
        let (mut accepted, mut outdated, mut failed) = (0, 0, 0);
        let mut seen = Vec::new();
        for (id, said) in reports {
            if seen.contains(id) {
                failed += 1;
                continue;
            }
            seen.push(*id);
            let staged = self.staged.as_mut().and_then(|staged| staged.contacts.get_mut(id));
            let mut known = self.shown.get_mut(id).into_iter().chain(staged).peekable();
            let Some(first) = known.peek() else {
                failed += 1;
                continue;
            };
            accepted += 1;
            outdated += u32::from(first.said.is_some_and(|(_, at)| said.1 < at));
            for contact in known {
                contact.said = over(contact.said, Some(*said));
            }
        }
        Expected { numbers: (accepted, outdated, failed), rest: (0, false, 0) }
    }
}
