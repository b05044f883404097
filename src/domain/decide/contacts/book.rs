//! The book of a partner's contacts, and the generations that it names.

use std::sync::Arc;

use crate::domain::contacts::ContactBook;
use crate::domain::draft::Draft;
use crate::domain::id::PartnerId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::time::Span;

use super::generation::Generation;

/// The book of a partner, or an empty one.
///
/// # Errors
/// WRONG_STATE while contacts of a deleted partner of that name are still going, and could be taken for its own.
pub(super) fn book_of(draft: &Draft<'_>, partner: &PartnerId) -> Result<ContactBook, Rejection> {
    let book = draft.contact_book(partner);
    let book = book.map_or_else(|| ContactBook::new(partner.clone()), Arc::unwrap_or_clone);
    check_not_going(draft, Generation { partner, number: book.generation })?;
    Ok(book)
}

pub(super) fn put_book(draft: &mut Draft<'_>, book: ContactBook) {
    let known = draft.contact_book(&book.partner);
    if known.is_none_or(|known| *known != book) {
        draft.put(Record::ContactBook(Arc::new(book)));
    }
}

/// A generation in which contacts of the same number are still going can't take others: the partner was deleted and is
/// there again.
pub(super) fn check_not_going(
    draft: &Draft<'_>,
    generation: Generation<'_>,
) -> Result<(), Rejection> {
    if !generation.is_going(draft) {
        return Ok(());
    }
    let Generation { partner, number } = generation;
    let text =
        format!("earlier contacts of {partner}, of generation {number}, are still being removed");
    let refused = Rejection::new(Reason::WrongState, "partner", partner, text);
    Err(refused.for_now(Span::from_secs(1)))
}

/// The partner is deleted: its contacts go, some at a time.
pub fn forget(draft: &mut Draft<'_>, partner: &PartnerId) {
    let Some(book) = draft.contact_book(partner) else { return };
    let staged = book.staged.as_ref().map(|staged| staged.generation);
    for number in [Some(book.generation), staged].into_iter().flatten() {
        Generation { partner, number }.let_go(draft);
    }
    draft.remove(RecordKey::ContactBook(partner.clone()));
}
