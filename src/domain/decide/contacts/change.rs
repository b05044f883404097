//! An incremental sync (N2): what changed, at once.

use std::collections::BTreeMap;

use crate::domain::contacts::{ContactBook, ContactSync};
use crate::domain::draft::Draft;
use crate::domain::id::ContactId;

use super::book::put_book;
use super::given::{GivenContacts, GivenItem};
use super::items::{NewContact, checked, to_delete};
use super::pending::{PendingEdits, SyncTally};

/// Does an incremental sync: what is shown changes, and what will be, if a full sync is under way.
pub(super) fn change(
    draft: &mut Draft<'_>,
    mut book: ContactBook,
    given: &GivenContacts,
    deleted: &[GivenItem<ContactId, ()>],
) -> ContactSync {
    let partner = given.partner.clone();
    let mut checked = checked(draft, given);
    let gone = to_delete(&mut checked, deleted);
    let mut tally = SyncTally::default();
    let mut pending = PendingEdits::of(&partner, &book);
    let mut ids: BTreeMap<ContactId, Option<NewContact>> = std::mem::take(&mut checked.contacts)
        .into_iter()
        .filter(|(_, new)| new.is_some())
        .collect();
    ids.extend(gone.into_iter().map(|id| (id, None)));
    for (id, new) in ids {
        pending.change(draft, &mut book, &id, new, &mut tally);
    }
    pending.write(draft);
    put_book(draft, book.clone());
    ContactSync {
        partner: book.partner,
        contacts: book.contacts,
        created: tally.created,
        updated: tally.updated,
        deleted: tally.deleted,
        failures: checked.failures,
        arrived: 0,
        complete: false,
    }
}
