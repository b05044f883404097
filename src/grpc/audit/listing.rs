//! Pages of the audit, from either end. Each looks at a bounded part of the history: a filter that lets little pass costs
//! more pages, not a longer call.

use std::sync::Arc;

use super::reading::{AuditReader, READ, gap};
use crate::domain::entry::{Entry, Revision};
use crate::grpc::from_proto::AuditList;
use crate::grpc::status::Problem;
use crate::grpc::to_proto;
use crate::journal::History;
use crate::pb;

/// Entries that a page looks at.
const LOOKED_AT: u64 = 4_096;
/// Changes and facts of a page, so that it stays a message that any client takes.
const WEIGHT: usize = 10_000;

/// What is listed, and how much of it.
pub struct Listing<'a> {
    reader: AuditReader<'a>,
    asked: AuditList,
    size: usize,
    head: Revision,
}

/// A page in the making.
#[derive(Default)]
pub struct AuditPage {
    /// Its records.
    pub records: Vec<pb::AuditRecord>,
    /// The last revision that was looked at, if another page follows.
    pub next: Option<String>,
    /// What is missing before it.
    pub gap: Option<pb::AuditGap>,
    weight: usize,
    looked_at: u64,
}

impl<'a> Listing<'a> {
    /// Of the history up to `head`.
    pub fn new(reader: AuditReader<'a>, asked: AuditList, size: usize, head: Revision) -> Self {
        Self { reader, asked, size, head }
    }

    /// The page after that which ended at `after`.
    ///
    /// # Errors
    /// STORE_UNAVAILABLE.
    pub async fn page(&self, after: Option<&str>) -> Result<AuditPage, Problem> {
        let after = after.and_then(|after| after.parse().ok()).map(Revision::new);
        if self.asked.newest_first {
            self.backwards(after).await
        } else {
            self.forwards(after).await
        }
    }

    async fn forwards(&self, after: Option<Revision>) -> Result<AuditPage, Problem> {
        let mut page = AuditPage::default();
        let mut at = match after {
            Some(after) => after,
            None => {
                let first = self.reader.before_first(self.head, self.asked.from).await?;
                page.gap = self.reader.gap_before(first).await?;
                first
            }
        };
        while at < self.head {
            let entries = match self.reader.after(at, READ).await? {
                History::Entries(entries) => entries,
                History::Trimmed => {
                    let kept = self.reader.before_first(self.head, None).await?;
                    page.gap = Some(gap(at, kept));
                    at = kept;
                    continue;
                }
            };
            let known = |entry: &&Arc<Entry>| entry.revision <= self.head;
            let Some(last) = entries.iter().take_while(known).last().map(|e| e.revision) else {
                break;
            };
            for entry in entries.iter().take_while(known) {
                if self.asked.to.is_some_and(|to| entry.time >= to) {
                    return Ok(page);
                }
                if self.add(&mut page, entry) {
                    let more = entry.revision < self.head;
                    page.next = more.then(|| entry.revision.to_string());
                    return Ok(page);
                }
            }
            at = last;
        }
        Ok(page)
    }

    async fn backwards(&self, after: Option<Revision>) -> Result<AuditPage, Problem> {
        let mut page = AuditPage::default();
        let mut at = match (after, self.asked.to) {
            (Some(after), _) => Revision::new(after.get().saturating_sub(1)),
            (None, Some(to)) => self.reader.before_first(self.head, Some(to)).await?,
            (None, None) => self.head,
        };
        let mut before_kept = Revision::ZERO;
        while at > before_kept {
            let from = Revision::new(at.get().saturating_sub(READ)).max(before_kept);
            let entries = match self.reader.after(from, at.get() - from.get()).await? {
                History::Entries(entries) => entries,
                History::Trimmed => {
                    before_kept = self.reader.before_first(self.head, None).await?;
                    page.gap = Some(gap(Revision::ZERO, before_kept));
                    continue;
                }
            };
            for entry in entries.iter().rev() {
                if self.asked.from.is_some_and(|from| entry.time < from) {
                    page.gap = None;
                    return Ok(page);
                }
                if self.add(&mut page, entry) {
                    let more = entry.revision > before_kept.next();
                    page.next = more.then(|| entry.revision.to_string());
                    page.gap = page.gap.filter(|_| !more);
                    return Ok(page);
                }
            }
            at = from;
        }
        Ok(page)
    }

    /// Adds the entry's record if it passes. `true`: the page is done.
    fn add(&self, page: &mut AuditPage, entry: &Entry) -> bool {
        page.looked_at += 1;
        if self.asked.filter.passes(entry) {
            let record = to_proto::audit_record(entry);
            page.weight += record.changes.len() + record.facts.len();
            page.records.push(record);
        }
        page.records.len() >= self.size || page.weight >= WEIGHT || page.looked_at >= LOOKED_AT
    }
}
