//! Whether the org has room for more: sessions, reps, queues, contacts (D1). Judged on what a command leaves behind, and only
//! where that is more than before, so that a limit that was lowered refuses nobody what they have.

use crate::domain::draft::Draft;
use crate::domain::id::PartnerId;
use crate::domain::limits::OrgLimits;
use crate::domain::line::IndexCount;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::Rejection;
use crate::domain::time::Span;

/// When to ask again for a session that the org has no room for: sessions end all the time.
const SESSIONS_RETRY: Span = Span::from_secs(5);

/// One more session needs room.
///
/// # Errors
/// LIMIT_EXCEEDED.
pub(super) fn for_a_session(draft: &Draft<'_>) -> Result<(), Rejection> {
    let allowed = draft.limits().sessions;
    if draft.count(&IndexCount::Sessions) < allowed {
        return Ok(());
    }
    let message = format!(
        "the org has {allowed} sessions that haven't ended, and the limit sessions_per_org allows no more; end some, or \
         have it raised at all servers"
    );
    let refused = OrgLimits::exceeded(("org", ""), ("sessions_per_org", allowed), message);
    Err(refused.for_now(SESSIONS_RETRY))
}

/// How many reps and queues there are.
#[derive(Clone, Copy)]
pub(super) struct DirectorySize {
    reps: u32,
    queues: u32,
}

impl DirectorySize {
    pub(super) fn of(draft: &Draft<'_>) -> Self {
        Self { reps: draft.count(&IndexCount::Reps), queues: draft.count(&IndexCount::Queues) }
    }

    /// From this size on it may not grow past the limits.
    ///
    /// # Errors
    /// LIMIT_EXCEEDED.
    pub(super) fn check_growth(self, draft: &Draft<'_>) -> Result<(), Rejection> {
        let (now, limits) = (Self::of(draft), draft.limits());
        let kinds = [
            ("reps", "reps_per_org", limits.reps, self.reps, now.reps),
            ("queues", "queues_per_org", limits.queues, self.queues, now.queues),
        ];
        for (what, limit, allowed, before, now) in kinds {
            if now > allowed && now > before {
                let message = format!(
                    "the org would have {now} {what}, and the limit {limit} allows {allowed}; delete some in the same \
                     apply, or have it raised at all servers"
                );
                return Err(OrgLimits::exceeded(("org", ""), (limit, allowed), message));
            }
        }
        Ok(())
    }
}

/// How many contacts a partner has, and how many it would have after the full sync that is under way.
#[derive(Clone, Copy)]
pub(super) struct ContactsSize {
    shown: u32,
    staged: u32,
}

impl ContactsSize {
    pub(super) fn of(draft: &Draft<'_>, partner: &PartnerId) -> Self {
        let book = draft.contact_book(partner);
        let staged = book.as_ref().and_then(|book| book.staged.as_ref()).map(|s| s.contacts);
        let shown = book.as_ref().map_or(0, |book| book.contacts);
        Self { shown, staged: staged.unwrap_or_default() }
    }

    /// From this size on they may not grow past the limit. A full sync may bring as many as there are.
    ///
    /// # Errors
    /// LIMIT_EXCEEDED.
    pub(super) fn check_growth(
        self,
        draft: &Draft<'_>,
        partner: &PartnerId,
    ) -> Result<(), Rejection> {
        let (now, allowed) = (Self::of(draft, partner), draft.limits().contacts_per_partner);
        let most = allowed.max(self.shown);
        if now.shown <= most && now.staged <= most {
            return Ok(());
        }
        let message = format!(
            "{partner} would have {} contacts, and the limit contacts_per_partner allows {allowed}; send fewer, or have \
             it raised at all servers",
            now.shown.max(now.staged)
        );
        let limit = ("contacts_per_partner", allowed);
        Err(OrgLimits::exceeded(("partner", partner.as_str()), limit, message))
    }
}
