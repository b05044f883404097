//! Some contacts of a partner, of one generation, kept as their encoded bytes. Beside them lies what lists ask of all
//! contacts, derived from the bytes whenever a block is made or read: a lowercase text for searching, and what kinds of
//! contacts there are for which channels. A contact itself is decoded only when it is shown.

use std::sync::Arc;

use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

use super::details::{Contact, ContactDetails};
use super::observed::ContactObservation;
use crate::domain::id::{ChannelId, ContactId, PartnerId};

/// One contact in a block.
#[derive(Debug, Clone)]
pub struct ContactRow {
    /// Its encoded details.
    pub details: Arc<[u8]>,
    /// What was observed of it.
    pub observed: ContactObservation,
    /// The page of a full sync that brought it; 0: an incremental sync did.
    pub page: u32,
}

/// Contacts that are of the same type and serve the same channels.
#[derive(Debug, PartialEq, Eq)]
pub struct ContactClass {
    /// The type.
    pub kind: Box<str>,
    /// The channels; empty: all that the partner routes.
    pub channels: Box<[ChannelId]>,
}

impl ContactClass {
    /// Do they take sessions of this channel?
    #[must_use]
    pub fn serves(&self, channel: &ChannelId) -> bool {
        self.channels.is_empty() || self.channels.contains(channel)
    }
}

/// The contacts of a block, in the order of their ids: their details, one behind the other, and what is derived from them.
#[derive(Debug)]
pub struct PackedContacts {
    bytes: Box<[u8]>,
    /// Per contact a line: id, name, type and description, in lower case.
    text: Box<str>,
    /// Where each contact begins in `bytes`, and its line in `text`.
    starts: Box<[(u16, u16)]>,
    classes: Box<[ContactClass]>,
    /// Per contact which of the classes it is of.
    class_of: Box<[u8]>,
}

// The others follow from the bytes.
impl PartialEq for PackedContacts {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for PackedContacts {}

/// `text` in lower case, letter by letter, so that a part of a word is written as it is within the word.
#[must_use]
pub fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

impl PackedContacts {
    /// The contacts whose details lie one behind the other in `bytes`.
    ///
    /// # Errors
    /// They aren't details, aren't in the order of their ids, or are too many for a block.
    fn new(bytes: Box<[u8]>) -> Result<Self, decode::Error> {
        let too_many = |_| decode::Error::message("more contacts than a block has room for");
        let (mut text, mut starts) = (String::new(), Vec::new());
        let (mut classes, mut class_of) = (Vec::<ContactClass>::new(), Vec::new());
        let mut last: Option<ContactId> = None;
        let mut decoder = Decoder::new(&bytes);
        while decoder.position() < bytes.len() {
            let start = u16::try_from(decoder.position()).map_err(too_many)?;
            let contact: ContactDetails = decoder.decode()?;
            if last.as_ref().is_some_and(|last| *last >= contact.id) {
                return Err(decode::Error::message("contacts aren't in the order of their ids"));
            }
            starts.push((start, u16::try_from(text.len()).map_err(too_many)?));
            put_line(&mut text, &contact);
            let channels: Box<[ChannelId]> = contact.channels.into_iter().collect();
            let of = ContactClass { kind: contact.kind.into_boxed_str(), channels };
            let known = classes.iter().position(|class| *class == of);
            let class = known.unwrap_or_else(|| {
                classes.push(of);
                classes.len() - 1
            });
            class_of.push(u8::try_from(class).map_err(too_many)?);
            last = Some(contact.id);
        }
        u16::try_from(text.len()).map_err(too_many)?;
        Ok(Self {
            bytes,
            text: text.into_boxed_str(),
            starts: starts.into_boxed_slice(),
            classes: classes.into_boxed_slice(),
            class_of: class_of.into_boxed_slice(),
        })
    }
}

fn put_line(text: &mut String, contact: &ContactDetails) {
    let parts = [contact.id.as_str(), &contact.name, &contact.kind, &contact.description];
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        text.extend(part.chars().flat_map(char::to_lowercase));
    }
    text.push('\n');
}

/// Some contacts of a partner, of one generation, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactBlock {
    /// Whose.
    pub partner: PartnerId,
    /// Of which full sync.
    pub generation: u64,
    /// No contact of it comes before this one, and none of the block before it after.
    pub first: ContactId,
    contacts: Arc<PackedContacts>,
    observed: Box<[ContactObservation]>,
    pages: Box<[u32]>,
}

impl ContactBlock {
    /// The most contacts of a block.
    pub const MOST: usize = 64;
    /// The most bytes of them all, unless it is one alone.
    pub const MOST_BYTES: usize = 24 * 1_024;

    /// A block of these contacts, which come in the order of their ids.
    ///
    /// # Errors
    /// They don't, or are more than [`ContactBlock::MOST`] or [`ContactBlock::MOST_BYTES`].
    pub fn new(
        (partner, generation, first): (PartnerId, u64, ContactId),
        rows: &[ContactRow],
    ) -> Result<Self, decode::Error> {
        let bytes: Vec<u8> = rows.iter().flat_map(|row| row.details.iter().copied()).collect();
        Ok(Self {
            partner,
            generation,
            first,
            contacts: Arc::new(PackedContacts::new(bytes.into_boxed_slice())?),
            observed: rows.iter().map(|row| row.observed).collect(),
            pages: rows.iter().map(|row| row.page).collect(),
        })
    }

    /// How many contacts it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.observed.len()
    }

    /// Has it none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.observed.is_empty()
    }

    /// The place of a contact, or where it would be.
    ///
    /// # Errors
    /// It isn't here; then the place where it would be.
    pub fn find(&self, contact: &ContactId) -> Result<usize, usize> {
        self.contacts.starts.binary_search_by(|(start, _)| {
            id_at(&self.contacts.bytes[usize::from(*start)..]).cmp(contact.as_str())
        })
    }

    /// The encoded details of the contact at this place.
    #[must_use]
    pub fn details(&self, at: usize) -> &[u8] {
        let starts = &self.contacts.starts;
        let from = starts.get(at).map_or(self.contacts.bytes.len(), |(start, _)| (*start).into());
        let to = starts.get(at + 1).map(|(start, _)| usize::from(*start));
        &self.contacts.bytes[from..to.unwrap_or(self.contacts.bytes.len())]
    }

    /// The contact at this place, decoded.
    #[must_use]
    pub fn contact(&self, at: usize) -> Option<Contact> {
        let details: ContactDetails = minicbor::decode(self.details(at)).ok()?;
        Some(Contact::of(details, *self.observed.get(at)?))
    }

    /// The id of the contact at this place.
    #[must_use]
    pub fn id(&self, at: usize) -> &str {
        id_at(self.details(at))
    }

    /// What was observed of the contacts, by place.
    #[must_use]
    pub fn observed(&self) -> &[ContactObservation] {
        &self.observed
    }

    /// The page that brought the contact at this place; 0: an incremental sync did.
    #[must_use]
    pub fn page(&self, at: usize) -> u32 {
        self.pages.get(at).copied().unwrap_or_default()
    }

    /// The contact at this place as a row of another block.
    #[must_use]
    pub fn row(&self, at: usize) -> ContactRow {
        ContactRow {
            details: Arc::from(self.details(at)),
            observed: self.observed.get(at).copied().unwrap_or_default(),
            page: self.page(at),
        }
    }

    /// The same contacts, of which something else was observed.
    #[must_use]
    pub fn with_observed(&self, observed: Box<[ContactObservation]>) -> Self {
        Self { observed, ..self.clone() }
    }

    /// What contacts there are: of which types, for which channels.
    #[must_use]
    pub fn classes(&self) -> &[ContactClass] {
        &self.contacts.classes
    }

    /// Per contact which of [`Self::classes`] it is of.
    #[must_use]
    pub fn class_of(&self) -> &[u8] {
        &self.contacts.class_of
    }

    /// What is searched: per contact a line of id, name, type and description, in lower case ([`folded`]).
    #[must_use]
    pub fn text(&self) -> &str {
        &self.contacts.text
    }

    /// The line of the contact at this place, and where it begins in the text.
    #[must_use]
    pub fn line(&self, at: usize) -> (usize, &str) {
        let starts = &self.contacts.starts;
        let from = starts.get(at).map_or(self.text().len(), |(_, start)| (*start).into());
        let to = starts.get(at + 1).map(|(_, start)| usize::from(*start));
        (from, &self.text()[from..to.unwrap_or(self.text().len())])
    }

    /// The place of the contact in whose line this byte of the text is.
    #[must_use]
    pub fn place_in_text(&self, byte: usize) -> usize {
        self.contacts.starts.partition_point(|(_, start)| usize::from(*start) <= byte) - 1
    }

    /// About how many bytes of memory it takes, its key included.
    #[must_use]
    pub fn memory(&self) -> usize {
        let packed = &*self.contacts;
        let of_class = |class: &ContactClass| {
            class.kind.len() + class.channels.iter().map(|c| 32 + c.as_str().len()).sum::<usize>()
        };
        let classes: usize = packed.classes.iter().map(of_class).sum();
        size_of::<Self>()
            + size_of::<PackedContacts>()
            + packed.bytes.len()
            + packed.text.len()
            + size_of_val(&*packed.starts)
            + size_of_val(&*packed.classes)
            + classes
            + packed.class_of.len()
            + size_of_val(&*self.observed)
            + size_of_val(&*self.pages)
    }
}

/// The id with which a contact's details begin.
fn id_at(details: &[u8]) -> &str {
    let mut decoder = Decoder::new(details);
    let id = decoder.array().and_then(|_| decoder.str());
    id.unwrap_or_default()
}

/// The encoded details of a contact.
#[must_use]
pub fn encoded(contact: &ContactDetails) -> Arc<[u8]> {
    minicbor::to_vec(contact).expect("a Vec takes everything").into()
}

// The details lie in a byte string of their own, since they are kept as bytes.
impl<C> Encode<C> for ContactBlock {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(6)?.encode_with(&self.partner, ctx)?.u64(self.generation)?;
        e.str(self.first.as_str())?.bytes(&self.contacts.bytes)?;
        e.encode_with(&*self.observed, ctx)?.encode_with(&*self.pages, ctx)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ContactBlock {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        let parts = d.array()?.unwrap_or_default();
        if parts < 6 {
            return Err(decode::Error::message("a block of contacts has six parts").at(at));
        }
        let (partner, generation) = (d.decode_with(ctx)?, d.u64()?);
        let first = match d.str()? {
            "" => ContactId::least(),
            id => ContactId::new(id).map_err(|why| decode::Error::message(why).at(at))?,
        };
        let contacts = PackedContacts::new(d.bytes()?.into())?;
        let observed: Vec<ContactObservation> = d.decode_with(ctx)?;
        let pages: Vec<u32> = d.decode_with(ctx)?;
        for _ in 6..parts {
            d.skip()?;
        }
        let count = contacts.starts.len();
        if observed.len() != count || pages.len() != count {
            let what = "a block of contacts says something of each of them";
            return Err(decode::Error::message(what).at(at));
        }
        let (observed, pages) = (observed.into_boxed_slice(), pages.into_boxed_slice());
        Ok(Self { partner, generation, first, contacts: Arc::new(contacts), observed, pages })
    }
}
