//! External contacts as recipients (L4, T12): the most available first, a page at a time, and what the rules say of each
//! that is shown. A list of a hundred thousand is ranked without decoding or sorting more than the page.

use std::sync::Arc;

use super::{RecipientCase, RecipientQuestion, against, case, forbidden};
use crate::domain::contacts::{Contact, ContactAvailability, ContactBlock, ContactObservation};
use crate::domain::eligibility::Check;
use crate::domain::external::{
    describe_away, describe_external, external_checks, has_external_contacts, unavailable,
};
use crate::domain::id::{ContactId, PartnerId};
use crate::domain::live::{Actor, ContactRef};
use crate::domain::questions::contact_search::{ContactFilter, ContactSearch};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::verdict::RuleVerdict;

/// An external contact in the list of recipients (L4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactEntry {
    /// Which.
    pub of: ContactRef,
    /// It.
    pub contact: Contact,
    /// Where it stands in the list.
    pub place: ContactPlace,
    /// May the session be transferred to it?
    pub transferable: bool,
    /// Every rule that isn't passed.
    pub against: Vec<RuleVerdict>,
}

/// Where a contact stands in the list, among those of its availability and wait by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactPlace {
    rank: u64,
    contact: ContactId,
}

impl ContactPlace {
    /// As text, to go on behind it.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}/{}", self.rank, self.contact)
    }

    /// The place of this text; `None`: it is none.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (rank, contact) = text.split_once('/')?;
        Some(Self { rank: rank.parse().ok()?, contact: contact.parse().ok()? })
    }
}

/// What contacts are ordered by: those available first, then those of whom it isn't known, then busy ones; of each the
/// ones with the shortest wait that is known.
fn rank(observed: &ContactObservation, now: Timestamp) -> u64 {
    let availability: u64 = match observed.availability_at(now) {
        Some(ContactAvailability::Available) => 0,
        None => 1,
        Some(ContactAvailability::Busy) => 2,
        Some(ContactAvailability::Unavailable) => 3,
    };
    let wait = observed.wait_at(now).and_then(|wait| u32::try_from(wait.as_ms()).ok());
    (availability << 32) | u64::from(wait.unwrap_or(u32::MAX))
}

/// The blocks of a partner's contacts, and places in them as numbers in the order of the ids.
struct Blocks<'s>(Vec<&'s Arc<ContactBlock>>);

impl Blocks<'_> {
    /// The number of a place; between two of them there is room for one that isn't there.
    const fn number(block: usize, at: usize) -> u64 {
        ((block as u64) << 17) | ((at as u64) << 1) | 1
    }

    /// The number of a contact; if it isn't there, the one that it would have, just before the next.
    fn number_of(&self, contact: &ContactId) -> u64 {
        let block = self.0.partition_point(|block| block.first <= *contact).saturating_sub(1);
        match self.0.get(block).map(|found| found.find(contact)) {
            Some(Ok(at)) => Self::number(block, at),
            Some(Err(at)) => Self::number(block, at) - 1,
            None => 0,
        }
    }

    fn contact(&self, number: u64) -> Option<Contact> {
        let block = usize::try_from(number >> 17).ok()?;
        let at = usize::try_from((number >> 1) & 0xffff).ok()?;
        self.0.get(block)?.contact(at)
    }

    /// The first `most` contacts behind `after` that are looked for, by rank and then by id.
    fn ranked(
        &self,
        filter: &ContactFilter,
        after: Option<&ContactPlace>,
        most: usize,
        now: Timestamp,
    ) -> Vec<(u64, u64)> {
        let after = after.map(|place| (place.rank, self.number_of(&place.contact)));
        let search = ContactSearch::new(filter, now);
        let mut found: Vec<(u64, u64)> = Vec::new();
        for (number, block) in self.0.iter().enumerate() {
            let observed = block.observed();
            let ranked = search
                .places(block)
                .into_iter()
                .map(|at| (rank(&observed[at], now), Self::number(number, at)));
            found.extend(ranked.filter(|place| after.is_none_or(|after| *place > after)));
        }
        if most < found.len() {
            found.select_nth_unstable(most);
            found.truncate(most);
        }
        found.sort_unstable();
        found
    }
}

/// The external contacts that serve the channel in question and that are looked for, the most available first, from the
/// one behind `after` on; at most `most`.
///
/// # Errors
/// NOT_FOUND for the session or channel; EXTERNAL_CONTACT_NOT_AVAILABLE if the channel has none (T12).
pub fn list_contacts(
    state: &State,
    actor: &Actor,
    about: &RecipientQuestion,
    filter: &ContactFilter,
    (after, most): (Option<&ContactPlace>, usize),
    now: Timestamp,
) -> Result<Vec<ContactEntry>, Rejection> {
    let case = case(state, actor, about)?;
    let channel = &case.channel;
    let partner = channel.partner().filter(|_| has_external_contacts(channel));
    let Some(partner) = partner else {
        let (reason, text) = (Reason::ExternalContactNotAvailable, unavailable("", channel));
        return Err(Rejection::new(reason, "channel", &channel.id, text));
    };
    let generation = state.contact_book(partner).map_or(0, |book| book.generation);
    let blocks = Blocks(state.contact_blocks(partner, generation, &ContactId::least()).collect());
    let filter = ContactFilter { channel: Some(channel.id.clone()), ..filter.clone() };
    let ranked = blocks.ranked(&filter, after, most, now);
    let entry = |(rank, number)| {
        let contact = blocks.contact(number)?;
        Some(entry(state, &case, partner, (contact, rank), now))
    };
    Ok(ranked.into_iter().filter_map(entry).collect())
}

impl RecipientCase {
    /// What the rules say of a contact, as its partner has it.
    pub(super) fn contact_verdicts(
        &self,
        state: &State,
        of: &ContactRef,
        contact: Option<&Contact>,
        now: Timestamp,
    ) -> Vec<RuleVerdict> {
        let checks = external_checks(state, self.owner.as_ref(), &self.channel, contact);
        let said = |check| {
            RuleVerdict::new(check, describe_external(check, of.contact.as_str(), &self.channel))
        };
        let own = self.channel.partner() == Some(&of.partner);
        let away = own.then(|| partner_is_asked(state, &of.partner, now));
        let checks = checks.into_iter().map(said);
        checks.chain(away).chain(self.of_session.iter().cloned()).collect()
    }
}

/// Whether a partner is asked now (N7).
pub(super) fn partner_is_asked(state: &State, partner: &PartnerId, now: Timestamp) -> RuleVerdict {
    let passed = state.partner_health(partner).not_asked_for(now).is_none();
    let (rule, reason) = ("N7", Reason::PartnerAway);
    let check = Check { rule, reason, passed, hides: false, forbids: true };
    RuleVerdict::new(check, describe_away(passed, partner))
}

fn entry(
    state: &State,
    case: &RecipientCase,
    partner: &PartnerId,
    (contact, rank): (Contact, u64),
    now: Timestamp,
) -> ContactEntry {
    let of = ContactRef { partner: partner.clone(), contact: contact.id.clone() };
    let verdicts = case.contact_verdicts(state, &of, Some(&contact), now);
    ContactEntry {
        place: ContactPlace { rank, contact: contact.id.clone() },
        of,
        contact,
        transferable: !forbidden(&verdicts),
        against: against(verdicts),
    }
}
