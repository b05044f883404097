//! Changes of contacts in the making: of what is shown, and of what will be while a full sync is under way; and the numbers
//! of that sync, which follow from both.

use std::sync::Arc;

use crate::domain::contacts::{ContactBook, ContactRow, StagedSync};
use crate::domain::draft::Draft;
use crate::domain::id::{ContactId, PartnerId};

use super::generation::{ContactEdit, ContactEdits, ContactFinder, FoundContact, Generation};
use super::given::{GivenObservation, Taken};
use super::items::NewContact;

/// What a contact adds to the numbers of a staged sync.
#[derive(Clone, Copy, Default)]
pub(super) struct Counted {
    contacts: u32,
    known: u32,
    changed: u32,
}

impl Counted {
    /// Of a contact as it is staged and as it is shown.
    pub fn of(staged: Option<ContactRow>, shown: Option<ContactRow>) -> Self {
        let (contacts, known) = (u32::from(staged.is_some()), staged.is_some() && shown.is_some());
        let same =
            |a: &ContactRow, b: &ContactRow| (&a.details, a.observed) == (&b.details, b.observed);
        let changed = staged.zip(shown).is_some_and(|(staged, shown)| !same(&staged, &shown));
        Self { contacts, known: known.into(), changed: changed.into() }
    }

    /// Is a contact otherwise than it was?
    pub fn differ(before: &FoundContact, after: &ContactRow) -> bool {
        before.details() != &*after.details || before.observed() != after.observed
    }

    /// A contact counts as `after` from now on.
    pub const fn move_on(sync: &mut StagedSync, before: Self, after: Self) {
        sync.contacts = sync.contacts + after.contacts - before.contacts;
        sync.known = sync.known + after.known - before.known;
        sync.changed = sync.changed + after.changed - before.changed;
    }
}

/// What a call changed of what is shown.
#[derive(Default)]
pub(super) struct SyncTally {
    pub created: u32,
    pub updated: u32,
    pub deleted: u32,
}

/// Changes of what is shown, and of the generation that is staged, in the order of the ids.
pub(super) struct PendingEdits<'p> {
    shown: Generation<'p>,
    staged: Option<Generation<'p>>,
    in_shown: ContactFinder<'p>,
    in_staged: Option<ContactFinder<'p>>,
    for_shown: ContactEdits,
    for_staged: ContactEdits,
}

impl<'p> PendingEdits<'p> {
    pub fn of(partner: &'p PartnerId, book: &ContactBook) -> Self {
        let shown = Generation { partner, number: book.generation };
        let number = book.staged.as_ref().map(|staged| staged.generation);
        let staged = number.map(|number| Generation { partner, number });
        Self {
            shown,
            staged,
            in_shown: ContactFinder::of(shown),
            in_staged: staged.map(ContactFinder::of),
            for_shown: ContactEdits::new(),
            for_staged: ContactEdits::new(),
        }
    }

    /// A contact is this from now on, or goes.
    pub fn change(
        &mut self,
        draft: &Draft<'_>,
        book: &mut ContactBook,
        id: &ContactId,
        new: Option<NewContact>,
        tally: &mut SyncTally,
    ) {
        let shown = self.in_shown.find(draft, id);
        let staged = self.in_staged.as_mut().and_then(|finder| finder.find(draft, id));
        let put = |own: &Option<FoundContact>, other: &Option<FoundContact>| {
            let new = new.as_ref()?;
            let known = own.as_ref().or(other.as_ref()).map(FoundContact::observed);
            let (observed, _) = new.observed.over(known.unwrap_or_default(), draft.now());
            let page = own.as_ref().map_or(0, FoundContact::page);
            Some(ContactRow { details: Arc::clone(&new.details), observed, page })
        };
        let (new_shown, new_staged) = (put(&shown, &staged), put(&staged, &shown));
        match (&shown, &new_shown) {
            (None, Some(_)) => {
                tally.created += 1;
                book.contacts += 1;
            }
            (Some(_), None) => {
                tally.deleted += 1;
                book.contacts -= 1;
            }
            (Some(before), Some(after)) if Counted::differ(before, after) => tally.updated += 1,
            _ => {}
        }
        if let Some(sync) = &mut book.staged {
            let before =
                Counted::of(staged.as_ref().map(|f| f.row()), shown.as_ref().map(|f| f.row()));
            let after = Counted::of(new_staged.clone(), new_shown.clone());
            Counted::move_on(sync, before, after);
            let edit = new_staged.map_or(ContactEdit::Remove, ContactEdit::Put);
            if staged.is_some() || matches!(edit, ContactEdit::Put(_)) {
                self.for_staged.insert(id.clone(), edit);
            }
        }
        let edit = new_shown.map_or(ContactEdit::Remove, ContactEdit::Put);
        if shown.is_some() || matches!(edit, ContactEdit::Put(_)) {
            self.for_shown.insert(id.clone(), edit);
        }
    }

    /// Something was observed of a contact, as it is shown and as it will be. `None`: there is no such contact.
    pub fn observe(
        &mut self,
        draft: &Draft<'_>,
        book: &mut ContactBook,
        id: &ContactId,
        said: &GivenObservation,
    ) -> Option<Taken> {
        let shown = self.in_shown.find(draft, id);
        let staged = self.in_staged.as_mut().and_then(|finder| finder.find(draft, id));
        let over = |found: &FoundContact| said.over(found.observed(), draft.now());
        let (in_shown, in_staged) = (shown.as_ref().map(over), staged.as_ref().map(over));
        let (_, taken) = in_shown.or(in_staged)?;
        if let Some(sync) = &mut book.staged {
            let row = |found: &Option<FoundContact>| found.as_ref().map(FoundContact::row);
            let after = |found: &Option<FoundContact>, observed: Option<(_, Taken)>| {
                Some(ContactRow { observed: observed?.0, ..row(found)? })
            };
            let before = Counted::of(row(&staged), row(&shown));
            let after = Counted::of(after(&staged, in_staged), after(&shown, in_shown));
            Counted::move_on(sync, before, after);
        }
        let edit = |(observed, _)| ContactEdit::Observe(observed);
        self.for_shown.extend(in_shown.map(|seen| (id.clone(), edit(seen))));
        self.for_staged.extend(in_staged.map(|seen| (id.clone(), edit(seen))));
        Some(taken)
    }

    pub fn write(self, draft: &mut Draft<'_>) {
        self.shown.write(draft, self.for_shown);
        if let Some(staged) = self.staged {
            staged.write(draft, self.for_staged);
        }
    }
}
