//! Contacts of partners (N2): where a contact lies, and the blocks of a generation in order.

use std::ops::Bound;
use std::sync::Arc;

use super::State;
use crate::domain::contacts::{Contact, ContactBlock};
use crate::domain::id::{ContactId, PartnerId};
use crate::domain::live::ContactRef;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;

impl State {
    /// A contact as it is shown: of the last complete full sync, and with what was changed since.
    #[must_use]
    pub fn contact(&self, of: &ContactRef) -> Option<Contact> {
        let book = self.contact_book(&of.partner)?;
        let block = self.contact_block(&of.partner, book.generation, &of.contact)?;
        block.contact(block.find(&of.contact).ok()?)
    }

    /// The block of a generation in which a contact lies, if it is there.
    #[must_use]
    pub fn contact_block(
        &self,
        partner: &PartnerId,
        generation: u64,
        contact: &ContactId,
    ) -> Option<&Arc<ContactBlock>> {
        let key = |first| RecordKey::ContactBlock(partner.clone(), generation, first);
        let range = key(ContactId::least())..=key(contact.clone());
        let (_, held) = self.records.range(range).next_back()?;
        match &held.record {
            Record::ContactBlock(block) => Some(block),
            _ => None,
        }
    }

    /// The first block of a generation that begins after `contact`.
    #[must_use]
    pub fn contact_block_after(
        &self,
        partner: &PartnerId,
        generation: u64,
        contact: &ContactId,
    ) -> Option<&Arc<ContactBlock>> {
        let from = RecordKey::ContactBlock(partner.clone(), generation, contact.clone());
        let (_, held) = self.records.range((Bound::Excluded(from), Bound::Unbounded)).next()?;
        match &held.record {
            Record::ContactBlock(block)
                if block.partner == *partner && block.generation == generation =>
            {
                Some(block)
            }
            _ => None,
        }
    }

    /// The blocks of a generation from the one on in which `from` lies, or would lie.
    pub fn contact_blocks<'s>(
        &'s self,
        partner: &PartnerId,
        generation: u64,
        from: &ContactId,
    ) -> impl Iterator<Item = &'s Arc<ContactBlock>> + use<'s> {
        let first = self.contact_block(partner, generation, from).map(|block| block.first.clone());
        let first = first.unwrap_or_else(|| from.clone());
        let partner = partner.clone();
        let from = RecordKey::ContactBlock(partner.clone(), generation, first);
        self.records.range(from..).map_while(move |(_, held)| match &held.record {
            Record::ContactBlock(block)
                if block.partner == partner && block.generation == generation =>
            {
                Some(block)
            }
            _ => None,
        })
    }
}
