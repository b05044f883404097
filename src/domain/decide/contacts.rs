//! What partners supply: contacts, all or what changed (N2, N10), and what they observed of contacts and queues (E6). How
//! a full sync comes together is in `full`, how contacts are written in `generation`.
//!
//! | generation of contacts | by |
//! |---|---|
//! | → staged | the first page of a full sync, of whatever number |
//! | staged → shown | its last page, when all others have come; the one shown before goes |
//! | staged → going | a full sync with a higher generation, or the partner is deleted |
//! | going → gone | marks, some blocks at a time |

mod book;
mod change;
mod full;
mod generation;
pub mod given;
mod items;
mod pending;
mod reports;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::entry::{Answer, Fact, FactKind};
use crate::domain::id::PartnerId;
use crate::domain::live::Actor;
use crate::domain::rejection::Rejection;

use self::generation::{BLOCKS_AT_ONCE, Generation};
use self::given::{GivenContacts, SyncMode};
use super::room::ContactsSize;
use super::subject::AnswerSubject;

pub(super) use self::book::forget;
pub(crate) use self::reports::report;

/// Supplies contacts (N2).
pub(crate) fn sync(
    draft: &mut Draft<'_>,
    actor: &Actor,
    given: &GivenContacts,
) -> Result<AnswerSubject, Rejection> {
    items::check_whose(draft, actor, &given.partner)?;
    let book = book::book_of(draft, &given.partner)?;
    let had = ContactsSize::of(draft, &given.partner);
    let answer = match &given.mode {
        SyncMode::Full { generation, page, last } => {
            full::page(draft, book, given, (*generation, *page, *last))?
        }
        SyncMode::Incremental { deleted } => change::change(draft, book, given, deleted),
    };
    had.check_growth(draft, &given.partner)?;
    if !draft.is_unchanged() {
        draft.fact(Fact::of(FactKind::ContactsSynced));
    }
    Ok(AnswerSubject::Answer(Answer::ContactsSynced(Arc::new(answer))))
}

/// How many blocks one decision removes in all.
pub(super) const fn room() -> usize {
    BLOCKS_AT_ONCE
}

/// Removes some of the contacts of a generation that is going.
pub(super) fn work_off(draft: &mut Draft<'_>, partner: &PartnerId, number: u64, room: &mut usize) {
    if *room > 0 {
        Generation { partner, number }.work_off(draft, room);
    }
}
