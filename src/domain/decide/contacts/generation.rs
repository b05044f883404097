//! Reading and writing the contacts of one generation, many at a time in the order of their ids. Blocks that grow are
//! split, and those without contacts go; the first one of a generation begins before every id.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::contacts::{ContactBlock, ContactObservation, ContactRow};
use crate::domain::draft::Draft;
use crate::domain::id::{ContactId, PartnerId};
use crate::domain::record::{Mark, MarkKey, Record, RecordKey};
use crate::domain::state::State;

/// Blocks that are removed by one decision.
pub(super) const BLOCKS_AT_ONCE: usize = 256;

/// The contacts of a partner in one generation.
#[derive(Clone, Copy)]
pub(super) struct Generation<'p> {
    pub partner: &'p PartnerId,
    pub number: u64,
}

/// What becomes of a contact.
pub(super) enum ContactEdit {
    /// It is this from now on.
    Put(ContactRow),
    /// This was observed of it, if it is there.
    Observe(ContactObservation),
    /// It goes, if it is there.
    Remove,
}

/// What becomes of contacts, by their ids.
pub(super) type ContactEdits = BTreeMap<ContactId, ContactEdit>;

/// A contact as it lies in its block.
#[derive(Clone)]
pub(super) struct FoundContact {
    block: Arc<ContactBlock>,
    at: usize,
}

impl FoundContact {
    pub fn details(&self) -> &[u8] {
        self.block.details(self.at)
    }

    pub fn observed(&self) -> ContactObservation {
        self.block.observed().get(self.at).copied().unwrap_or_default()
    }

    pub fn page(&self) -> u32 {
        self.block.page(self.at)
    }

    pub fn row(&self) -> ContactRow {
        self.block.row(self.at)
    }
}

/// Finds contacts whose ids are asked for in order: one block after the other, each looked up once.
pub(super) struct ContactFinder<'p> {
    generation: Generation<'p>,
    /// The block that was looked into last, and the first id that isn't in it any more.
    block: Option<(Option<Arc<ContactBlock>>, Option<ContactId>)>,
}

impl<'p> ContactFinder<'p> {
    pub const fn of(generation: Generation<'p>) -> Self {
        Self { generation, block: None }
    }

    pub fn find(&mut self, state: &State, id: &ContactId) -> Option<FoundContact> {
        let Generation { partner, number } = self.generation;
        let beyond = |(_, end): &(_, Option<ContactId>)| end.as_ref().is_some_and(|end| end <= id);
        if self.block.as_ref().is_none_or(beyond) {
            let block = state.contact_block(partner, number, id).cloned();
            let next = state.contact_block_after(partner, number, id);
            self.block = Some((block, next.map(|next| next.first.clone())));
        }
        let block = self.block.as_ref()?.0.as_ref()?;
        let at = block.find(id).ok()?;
        Some(FoundContact { block: Arc::clone(block), at })
    }
}

impl Generation<'_> {
    fn key(self, first: ContactId) -> RecordKey {
        RecordKey::ContactBlock(self.partner.clone(), self.number, first)
    }

    fn mark(self) -> MarkKey {
        MarkKey::Contacts(self.partner.clone(), self.number)
    }

    /// Are contacts of an earlier generation of this number still to go?
    pub fn is_going(self, state: &State) -> bool {
        state.held(&RecordKey::Mark(self.mark())).is_some()
    }

    /// Lets its contacts go, some at a time, by decisions of their own.
    pub fn let_go(self, draft: &mut Draft<'_>) {
        let least = ContactId::least();
        if draft.contact_blocks(self.partner, self.number, &least).next().is_some() {
            draft.put(Record::Mark(Mark { key: self.mark(), after: None }));
        }
    }

    /// Removes as many blocks as there is room for, and the mark with the last of them.
    pub fn work_off(self, draft: &mut Draft<'_>, room: &mut usize) {
        let least = ContactId::least();
        let blocks = draft.contact_blocks(self.partner, self.number, &least);
        let mut firsts: Vec<ContactId> =
            blocks.take(*room + 1).map(|block| block.first.clone()).collect();
        let more = firsts.len() > *room;
        firsts.truncate(*room);
        *room -= firsts.len();
        for first in firsts {
            draft.remove(self.key(first));
        }
        if !more {
            draft.remove(RecordKey::Mark(self.mark()));
        }
    }

    /// Writes what becomes of contacts.
    pub fn write(self, draft: &mut Draft<'_>, mut edits: ContactEdits) {
        while let Some((id, _)) = edits.first_key_value() {
            let block = draft.contact_block(self.partner, self.number, id).cloned();
            let next = draft.contact_block_after(self.partner, self.number, id);
            let later = next.map(|next| edits.split_off(&next.first)).unwrap_or_default();
            self.write_block(draft, block.as_ref(), std::mem::replace(&mut edits, later));
        }
    }

    fn write_block(
        self,
        draft: &mut Draft<'_>,
        block: Option<&Arc<ContactBlock>>,
        edits: ContactEdits,
    ) {
        let observed_only = edits.values().all(|edit| matches!(edit, ContactEdit::Observe(_)));
        match block {
            Some(block) if observed_only => observe(draft, block, &edits),
            _ => {
                let first = block.map_or_else(ContactId::least, |block| block.first.clone());
                let rows = merged(block.map(|block| &**block), edits);
                self.replace(draft, first, &rows);
            }
        }
    }

    /// Puts `rows` in place of the block that begins at `first`.
    fn replace(self, draft: &mut Draft<'_>, first: ContactId, rows: &[(ContactId, ContactRow)]) {
        let key = self.key(first.clone());
        if rows.is_empty() && draft.held(&key).is_some() {
            draft.remove(key);
        }
        let mut first = Some(first);
        for some in cut(rows) {
            // The first block stays where it was; each of the others begins with its first contact.
            let begins = first.take().unwrap_or_else(|| some[0].0.clone());
            let of_block: Vec<ContactRow> = some.iter().map(|(_, row)| row.clone()).collect();
            let place = (self.partner.clone(), self.number, begins);
            let block = ContactBlock::new(place, &of_block)
                .expect("encoded here, in the order of their ids, and cut to what a block holds");
            let record = Record::ContactBlock(Arc::new(block));
            if draft.held(&record.key()).is_none_or(|held| held.record != record) {
                draft.put(record);
            }
        }
    }
}

fn observe(draft: &mut Draft<'_>, block: &Arc<ContactBlock>, edits: &ContactEdits) {
    let mut observed: Box<[ContactObservation]> = block.observed().into();
    for (id, edit) in edits {
        if let (ContactEdit::Observe(newer), Ok(at)) = (edit, block.find(id)) {
            observed[at] = *newer;
        }
    }
    if *observed != *block.observed() {
        draft.put(Record::ContactBlock(Arc::new(block.with_observed(observed))));
    }
}

/// The contacts of a block with what becomes of some of them, in order.
fn merged(block: Option<&ContactBlock>, edits: ContactEdits) -> Vec<(ContactId, ContactRow)> {
    let mut rows: BTreeMap<ContactId, ContactRow> = BTreeMap::new();
    if let Some(block) = block {
        let known = |at| Some((ContactId::new(block.id(at)).ok()?, block.row(at)));
        rows.extend((0..block.len()).filter_map(known));
    }
    for (id, edit) in edits {
        match edit {
            ContactEdit::Put(row) => drop(rows.insert(id, row)),
            ContactEdit::Remove => drop(rows.remove(&id)),
            ContactEdit::Observe(observed) => {
                if let Some(row) = rows.get_mut(&id) {
                    row.observed = observed;
                }
            }
        }
    }
    rows.into_iter().collect()
}

/// Cuts contacts into as many as a block holds, evenly.
fn cut(rows: &[(ContactId, ContactRow)]) -> Vec<&[(ContactId, ContactRow)]> {
    let bytes: usize = rows.iter().map(|(_, row)| row.details.len()).sum();
    let parts = rows.len().div_ceil(ContactBlock::MOST);
    let parts = parts.max(bytes.div_ceil(ContactBlock::MOST_BYTES)).max(1);
    let each = rows.len().div_ceil(parts);
    let (mut cuts, mut rest) = (Vec::new(), rows);
    while !rest.is_empty() {
        let (mut count, mut bytes) = (0, 0);
        while count < each.min(rest.len()) {
            bytes += rest[count].1.details.len();
            if count > 0 && bytes > ContactBlock::MOST_BYTES {
                break;
            }
            count += 1;
        }
        let (some, more) = rest.split_at(count);
        cuts.push(some);
        rest = more;
    }
    cuts
}
