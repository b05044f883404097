//! Looking for contacts of a partner (N2, L4): by words or parts of them, by type, by availability, by channel. Whatever is
//! asked, contacts are only decoded to be shown: words are looked for in the text of each block, types and channels are
//! looked up once per block.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use memchr::memmem::Finder;

use crate::domain::contacts::{
    Contact, ContactAvailability, ContactBlock, ContactObservation, folded,
};
use crate::domain::id::{ChannelId, ContactId, PartnerId};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// Which contacts are looked for. All that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct ContactFilter {
    /// Words, or parts of them, in lower case ([`ContactFilter::words`]).
    pub words: Vec<String>,
    /// Types; empty: all.
    pub kinds: BTreeSet<String>,
    /// Availabilities; `None`: not known. Empty: all.
    pub availabilities: BTreeSet<Option<ContactAvailability>>,
    /// The channel that they serve.
    pub channel: Option<ChannelId>,
}

impl ContactFilter {
    /// The words of what people type.
    #[must_use]
    pub fn words(query: &str) -> Vec<String> {
        query.split_whitespace().map(folded).collect()
    }
}

/// A contact that was found.
#[derive(Debug, Clone, Copy)]
pub struct FoundContact<'s> {
    block: &'s Arc<ContactBlock>,
    at: usize,
}

impl FoundContact<'_> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.block.id(self.at)
    }

    /// What was observed of it.
    #[must_use]
    pub fn observed(&self) -> ContactObservation {
        self.block.observed().get(self.at).copied().unwrap_or_default()
    }

    /// It, decoded.
    #[must_use]
    pub fn contact(&self) -> Option<Contact> {
        self.block.contact(self.at)
    }
}

/// What is looked for, prepared to be looked for in many blocks.
pub(super) struct ContactSearch<'f> {
    filter: &'f ContactFilter,
    now: Timestamp,
    /// The longest word, which the fewest contacts have, and the others.
    longest: Option<Finder<'f>>,
    others: Vec<Finder<'f>>,
}

impl<'f> ContactSearch<'f> {
    pub fn new(filter: &'f ContactFilter, now: Timestamp) -> Self {
        let mut words: Vec<&String> = filter.words.iter().collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let mut finders = words.into_iter().map(|word| Finder::new(word.as_bytes()));
        let longest = finders.next();
        Self { filter, now, longest, others: finders.collect() }
    }

    /// The places of those in `block` that are looked for, in order.
    pub fn places(&self, block: &ContactBlock) -> Vec<usize> {
        let classes = self.classes(block);
        if !classes.contains(&true) {
            return Vec::new();
        }
        let wanted = |at: &usize| {
            let class = block.class_of().get(*at).map(|class| usize::from(*class));
            class.is_some_and(|class| classes[class]) && self.is_available(block, *at)
        };
        match &self.longest {
            None => (0..block.len()).filter(wanted).collect(),
            Some(longest) => self.with_words(block, longest).filter(wanted).collect(),
        }
    }

    /// Per class of the block whether its contacts may be looked for.
    fn classes(&self, block: &ContactBlock) -> Vec<bool> {
        let ContactFilter { kinds, channel, .. } = self.filter;
        let classes = block.classes().iter().map(|class| {
            (kinds.is_empty() || kinds.contains(&*class.kind))
                && channel.as_ref().is_none_or(|channel| class.serves(channel))
        });
        classes.collect()
    }

    fn is_available(&self, block: &ContactBlock, at: usize) -> bool {
        let wanted = &self.filter.availabilities;
        wanted.is_empty()
            || block
                .observed()
                .get(at)
                .is_some_and(|observed| wanted.contains(&observed.availability_at(self.now)))
    }

    fn with_words<'b>(
        &'b self,
        block: &'b ContactBlock,
        longest: &'b Finder<'f>,
    ) -> impl Iterator<Item = usize> + use<'b, 'f> {
        let text = block.text().as_bytes();
        let mut from = 0;
        let hits = std::iter::from_fn(move || {
            let hit = from + longest.find(text.get(from..)?)?;
            let at = block.place_in_text(hit);
            let (start, line) = block.line(at);
            from = start + line.len();
            Some((at, line))
        });
        let has_others =
            |line: &str| self.others.iter().all(|word| word.find(line.as_bytes()).is_some());
        hits.filter(move |(_, line)| has_others(line)).map(|(at, _)| at)
    }
}

/// The contacts of a partner that are looked for, in the order of their ids, from the one after `after` on.
pub fn contacts_after<'s>(
    state: &'s State,
    partner: &PartnerId,
    filter: &'s ContactFilter,
    after: Option<&ContactId>,
    now: Timestamp,
) -> impl Iterator<Item = FoundContact<'s>> + use<'s> {
    let generation = state.contact_book(partner).map_or(0, |book| book.generation);
    let from = after.cloned().unwrap_or_else(ContactId::least);
    let search = ContactSearch::new(filter, now);
    let blocks = state.contact_blocks(partner, generation, &from);
    blocks
        .flat_map(move |block| {
            let places = search.places(block);
            places.into_iter().map(move |at| FoundContact { block, at })
        })
        .skip_while(move |found| found.id() <= from.as_str())
}
