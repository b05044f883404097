//! A full sync, page by page (N2, N10): its pages are merged into a generation that nobody is shown, in whatever order and
//! however often they come; the last one shows it in place of the one before, in one write, if nothing is missing.

use minicbor::bytes::ByteArray;

use crate::domain::contacts::{
    CompletedSync, ContactBook, ContactRow, ContactSync, ItemFailures, StagedSync,
};
use crate::domain::directory::Partner;
use crate::domain::draft::Draft;
use crate::domain::id::PartnerId;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};

use super::book::{check_not_going, put_book};
use super::generation::{ContactEdit, ContactEdits, ContactFinder, FoundContact, Generation};
use super::given::{GivenContacts, LastPage};
use super::items::{CheckedContacts, checked};
use super::pending::Counted;

/// Contacts that a full sync may delete whatever the share (N10).
const DELETIONS_ALLOWED: u32 = 100;
/// Missing pages that a refusal names, as ranges.
const RANGES_NAMED: usize = 10;

fn wrong_state(partner: &PartnerId, current: u64, text: String) -> Rejection {
    let refused = Rejection::new(Reason::WrongState, "partner", partner, text);
    refused.with("generation", current)
}

/// Takes a page.
pub(super) fn page(
    draft: &mut Draft<'_>,
    mut book: ContactBook,
    given: &GivenContacts,
    (number, page, last): (u64, u32, Option<LastPage>),
) -> Result<ContactSync, Rejection> {
    let checked = checked(draft, given);
    if let Some(done) = repeated(&book, given, number, last) {
        return Ok(answer(&book, checked.failures, Some(&done), done.arrived));
    }
    let mut staged = staged(draft, &mut book, &given.partner, number)?;
    let came = merge(draft, &book, &mut staged, (&checked, page));
    staged.page_came(page, came);
    let arrived = u32::try_from(staged.arrived()).unwrap_or(u32::MAX);
    let Some(last) = last else {
        book.staged = Some(staged);
        put_book(draft, book.clone());
        return Ok(answer(&book, checked.failures, None, arrived));
    };
    check_complete(&given.partner, &staged, page, last)?;
    let partner = draft.expect_partner(&given.partner)?;
    check_guard(&partner, &book, &staged, last)?;
    let done = CompletedSync {
        at: draft.now(),
        content: ByteArray::from(given.content.0.to_be_bytes()),
        arrived,
        created: staged.contacts - staged.known,
        updated: staged.changed,
        deleted: book.contacts.saturating_sub(staged.known),
    };
    Generation { partner: &given.partner, number: book.generation }.let_go(draft);
    book.generation = number;
    book.contacts = staged.contacts;
    book.completed = Some(done);
    put_book(draft, book.clone());
    Ok(answer(&book, checked.failures, Some(&done), arrived))
}

/// The sync that this call completed already, if it is a repetition of its last page.
fn repeated(
    book: &ContactBook,
    given: &GivenContacts,
    number: u64,
    last: Option<LastPage>,
) -> Option<CompletedSync> {
    let done = book.completed.filter(|_| number == book.generation && last.is_some())?;
    let content = ByteArray::from(given.content.0.to_be_bytes());
    (done.content == content).then_some(done)
}

/// The sync that the page belongs to: the one under way, or another that begins with it.
fn staged(
    draft: &mut Draft<'_>,
    book: &mut ContactBook,
    partner: &PartnerId,
    number: u64,
) -> Result<StagedSync, Rejection> {
    if number <= book.generation {
        let current = book.generation;
        let text = format!(
            "generation {number} isn't higher than {current}, which {partner} has completed; begin one that is"
        );
        return Err(wrong_state(partner, current, text));
    }
    match book.staged.take() {
        Some(staged) if staged.generation == number => Ok(staged),
        Some(staged) if staged.generation > number => {
            let current = staged.generation;
            let text = format!(
                "generation {number} was superseded by {current}, which is under way; go on with that, or begin a \
                 higher one"
            );
            Err(wrong_state(partner, current, text))
        }
        superseded => {
            let generation = Generation { partner, number };
            check_not_going(draft, generation)?;
            if let Some(superseded) = superseded {
                Generation { partner, number: superseded.generation }.let_go(draft);
            }
            Ok(StagedSync::new(number))
        }
    }
}

/// Merges the contacts of a page, and gives how many of them came by it: those without an id each, and the others once,
/// whichever page they come in.
fn merge(
    draft: &mut Draft<'_>,
    book: &ContactBook,
    staged: &mut StagedSync,
    (checked, page): (&CheckedContacts, u32),
) -> u32 {
    let partner = &book.partner;
    let shown = Generation { partner, number: book.generation };
    let generation = Generation { partner, number: staged.generation };
    let (mut in_shown, mut in_staged) = (ContactFinder::of(shown), ContactFinder::of(generation));
    let (mut edits, mut came) = (ContactEdits::new(), checked.nameless);
    for (id, new) in &checked.contacts {
        let shown = in_shown.find(draft, id);
        let known = in_staged.find(draft, id);
        let other = known.as_ref().map(FoundContact::page).filter(|of| *of != 0 && *of != page);
        came += u32::from(other.is_none());
        let page = other.unwrap_or(page);
        let before = known.as_ref().or(shown.as_ref());
        let row = match new {
            Some(new) => {
                let observed = before.map(FoundContact::observed).unwrap_or_default();
                let (observed, _) = new.observed.over(observed, draft.now());
                Some(ContactRow { details: new.details.clone(), observed, page })
            }
            // One that can't be taken stays as it is known.
            None => before.map(|before| ContactRow { page, ..before.row() }),
        };
        let Some(row) = row else { continue };
        let shown = shown.map(|found| found.row());
        let was = Counted::of(known.map(|found| found.row()), shown.clone());
        Counted::move_on(staged, was, Counted::of(Some(row.clone()), shown));
        edits.insert(id.clone(), ContactEdit::Put(row));
    }
    generation.write(draft, edits);
    came
}

fn check_complete(
    partner: &PartnerId,
    staged: &StagedSync,
    page: u32,
    last: LastPage,
) -> Result<(), Rejection> {
    let number = staged.generation;
    let refused = |text| Err(wrong_state(partner, number, text));
    let missing = staged.missing(page);
    if !missing.is_empty() {
        let named = missing.iter().take(RANGES_NAMED).map(|(from, to)| match from == to {
            true => from.to_string(),
            false => format!("{from}–{to}"),
        });
        let mut ranges: Vec<String> = named.collect();
        if missing.len() > RANGES_NAMED {
            ranges.push("…".to_owned());
        }
        let ranges = ranges.join(", ");
        return refused(format!(
            "of generation {number} these pages are missing: {ranges}; send them, and then the last one once more"
        ));
    }
    let highest = staged.highest();
    if highest > page {
        return refused(format!(
            "page {page} of generation {number} says that it is the last, but page {highest} has come"
        ));
    }
    let (arrived, total) = (staged.arrived(), last.total);
    if arrived != u64::from(total) {
        return refused(format!(
            "{arrived} contacts of generation {number} have come, each counted once, and total says {total}; send the \
             missing ones, or begin a higher generation"
        ));
    }
    Ok(())
}

/// N10: a full sync that would delete many has to say that it may.
fn check_guard(
    partner: &Partner,
    book: &ContactBook,
    staged: &StagedSync,
    last: LastPage,
) -> Result<(), Rejection> {
    let deletes = book.contacts.saturating_sub(staged.known);
    let share = u64::from(book.contacts) * u64::from(partner.deletion_guard_percent) / 100;
    let allowed = u32::try_from(share).unwrap_or(u32::MAX).max(DELETIONS_ALLOWED);
    if deletes <= allowed || last.allow_mass_deletion {
        return Ok(());
    }
    let text = format!(
        "the full sync would delete {deletes} of {} contacts, and {allowed} are allowed; send the missing ones, or \
         repeat the last page with allow_mass_deletion",
        book.contacts
    );
    let refused = Rejection::new(Reason::SyncDeletesTooMany, "partner", &partner.id, text);
    Err(refused.with("deletes", deletes).with("allowed", allowed))
}

fn answer(
    book: &ContactBook,
    failures: ItemFailures,
    done: Option<&CompletedSync>,
    arrived: u32,
) -> ContactSync {
    ContactSync {
        partner: book.partner.clone(),
        contacts: book.contacts,
        created: done.map_or(0, |done| done.created),
        updated: done.map_or(0, |done| done.updated),
        deleted: done.map_or(0, |done| done.deleted),
        failures,
        arrived,
        complete: done.is_some(),
    }
}
