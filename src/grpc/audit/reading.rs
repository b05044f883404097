//! Finding places in an org's history, as far as the journal still has it.

use crate::domain::entry::Revision;
use crate::domain::id::OrgId;
use crate::domain::time::Timestamp;
use crate::grpc::api::{Api, number, unread};
use crate::grpc::status::Problem;
use crate::journal::History;
use crate::pb;

/// Entries read from the journal at a time.
pub const READ: u64 = 256;

/// Reads the history of an org.
#[derive(Clone, Copy)]
pub struct AuditReader<'a> {
    /// What it is read through.
    pub api: &'a Api,
    /// Whose.
    pub org: &'a OrgId,
}

impl AuditReader<'_> {
    /// At most so many entries after a revision.
    ///
    /// # Errors
    /// STORE_UNAVAILABLE.
    pub async fn after(&self, revision: Revision, limit: u64) -> Result<History, Problem> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.api.engine.history(self.org, revision, limit).await.map_err(unread)
    }

    /// The last revision, up to `head`, before what is kept and isn't from before `from`. Halving finds it, since what is
    /// trimmed is the oldest, and time never runs backwards (R12).
    ///
    /// # Errors
    /// STORE_UNAVAILABLE.
    pub async fn before_first(
        &self,
        head: Revision,
        from: Option<Timestamp>,
    ) -> Result<Revision, Problem> {
        let (mut least, mut most) = (0, head.get());
        while least < most {
            let middle = least.midpoint(most);
            let is_there = match self.after(Revision::new(middle), 1).await? {
                History::Trimmed => false,
                History::Entries(entries) => {
                    let next = entries.first();
                    next.is_none_or(|next| from.is_none_or(|from| next.time >= from))
                }
            };
            if is_there {
                most = middle;
            } else {
                least = middle + 1;
            }
        }
        Ok(Revision::new(least))
    }

    /// What is missing before the records after `revision`, at which a reader begins: nothing, unless it was trimmed.
    ///
    /// # Errors
    /// STORE_UNAVAILABLE.
    pub async fn gap_before(&self, revision: Revision) -> Result<Option<pb::AuditGap>, Problem> {
        let Some(last) = revision.get().checked_sub(1).map(Revision::new) else {
            return Ok(None);
        };
        let trimmed = matches!(self.after(last, 1).await?, History::Trimmed);
        Ok(trimmed.then(|| gap(Revision::ZERO, revision)))
    }
}

/// What lies between what was read and what is kept.
#[must_use]
pub fn gap(read: Revision, before_kept: Revision) -> pb::AuditGap {
    pb::AuditGap { after_revision: number(read), before_revision: number(before_kept.next()) }
}
