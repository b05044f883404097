//! The items of a call, each looked at by itself: what is wrong with one of them doesn't keep the others out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::contacts::{ItemFailure, ItemFailures, encoded};
use crate::domain::draft::Draft;
use crate::domain::id::{ChannelId, ContactId, PartnerId};
use crate::domain::live::{Actor, Role};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::scope::is_partner;

use super::given::{GivenContact, GivenContacts, GivenItem, GivenObservation, too_far_ahead};

/// A partner supplies its own, and doesn't know of others (N3).
pub(super) fn check_whose(
    records: &impl RecordLookup,
    actor: &Actor,
    partner: &PartnerId,
) -> Result<(), Rejection> {
    match actor.role {
        Role::Partner if is_partner(actor, partner) => {}
        Role::Partner => return Err(Rejection::not_found("partner", partner)),
        Role::Admin | Role::Server => {}
        Role::Supervisor | Role::Rep | Role::Adapter | Role::Dashboard => {
            let text = format!("only {partner} itself, or an admin, supplies its contacts");
            return Err(Rejection::new(Reason::PermissionDenied, "partner", partner, text));
        }
    }
    records.expect_partner(partner).map(drop)
}

/// A contact that can be taken: its encoded details, and what is said of it.
pub(super) struct NewContact {
    pub details: Arc<[u8]>,
    pub observed: GivenObservation,
}

/// The contacts of a call, each once; of those that can't be taken that they came.
#[derive(Default)]
pub(super) struct CheckedContacts {
    pub contacts: BTreeMap<ContactId, Option<NewContact>>,
    /// Those that have no id by which they could be told from others.
    pub nameless: u32,
    pub failures: ItemFailures,
}

pub(super) fn failure<K: ToString, T>(
    list: &'static str,
    index: usize,
    item: &GivenItem<K, T>,
    (reason, text): (Reason, String),
) -> ItemFailure {
    let id = item.id.as_ref().map_or_else(Clone::clone, ToString::to_string);
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    ItemFailure { list: list.into(), index, id, reason, text }
}

/// Looks at each contact by itself: what is wrong with one doesn't keep the others out.
pub(super) fn checked(draft: &Draft<'_>, given: &GivenContacts) -> CheckedContacts {
    let mut all = CheckedContacts::default();
    let mut routed = BTreeMap::new();
    for (index, item) in given.contacts.iter().enumerate() {
        let mut failed = |why| {
            let why = (Reason::InvalidField, why);
            all.failures.push(failure("contacts", index, item, why));
        };
        let Ok(id) = &item.id else {
            failed(item.said.as_ref().err().cloned().unwrap_or_default());
            all.nameless += 1;
            continue;
        };
        if all.contacts.contains_key(id) {
            failed(format!("id is {id} again; give each once"));
            continue;
        }
        let taken = item.said.clone().and_then(|said| {
            let wrong = too_far_ahead(said.observed.at, draft.now());
            let wrong = wrong.or_else(|| foreign(draft, &given.partner, &said, &mut routed));
            match wrong {
                Some(why) => Err(why),
                None => Ok(new_contact(&said)),
            }
        });
        all.contacts.insert(id.clone(), taken.map_err(failed).ok());
    }
    all
}

fn new_contact(said: &GivenContact) -> NewContact {
    NewContact { details: encoded(&said.details), observed: said.observed }
}

/// The first of a contact's channels that its partner doesn't route, in words.
fn foreign(
    records: &impl RecordLookup,
    partner: &PartnerId,
    said: &GivenContact,
    routed: &mut BTreeMap<ChannelId, bool>,
) -> Option<String> {
    let mut routes = |id: &ChannelId| {
        let known =
            || records.channel(id).is_some_and(|channel| channel.partner() == Some(partner));
        *routed.entry(id.clone()).or_insert_with(known)
    };
    let channel = said.details.channels.iter().find(|id| !routes(id))?;
    Some(format!("channels names {channel}, which isn't a channel that {partner} routes"))
}

/// The contacts to delete, each once, and none that the same call brings.
pub(super) fn to_delete(
    checked: &mut CheckedContacts,
    deleted: &[GivenItem<ContactId, ()>],
) -> BTreeSet<ContactId> {
    let mut gone = BTreeSet::new();
    for (index, item) in deleted.iter().enumerate() {
        let why = match (&item.id, &item.said) {
            (Ok(id), _) if checked.contacts.contains_key(id) => {
                format!("{id} is among contacts, too; give it in one of the lists")
            }
            (Ok(id), _) if gone.contains(id) => format!("is {id} again; give each once"),
            (Ok(id), _) => {
                gone.insert(id.clone());
                continue;
            }
            (Err(_), said) => said.as_ref().err().cloned().unwrap_or_default(),
        };
        checked.failures.push(failure("deleted", index, item, (Reason::InvalidField, why)));
    }
    gone
}
