//! The audit as a client reads it: a stream frame by frame, each within a deadline, and all pages of a list. Expects
//! nothing of what is in it.

use baton::pb;
use pb::watch_audit_response::Frame;
use tonic::{Status, Streaming};

use super::world::{Caller, DEADLINE};

/// A request for everything, which goes on at the end.
pub fn following() -> pb::WatchAuditRequest {
    pb::WatchAuditRequest { follow: true, ..Default::default() }
}

/// A request for what comes after this token.
pub fn after(token: &str) -> pb::WatchAuditRequest {
    pb::WatchAuditRequest { resume_token: token.to_owned(), ..Default::default() }
}

/// An open stream of the audit.
pub struct AuditStream {
    frames: Streaming<pb::WatchAuditResponse>,
    /// The last resume token seen.
    pub token: String,
}

impl AuditStream {
    /// Opens a stream.
    pub async fn open(caller: &mut Caller, request: pb::WatchAuditRequest) -> Result<Self, Status> {
        let frames = caller.audits.watch_audit(request).await?.into_inner();
        Ok(Self { frames, token: String::new() })
    }

    /// The next frame; `None` at the end of the stream.
    pub async fn frame(&mut self) -> Option<Frame> {
        let next = tokio::time::timeout(DEADLINE, self.frames.message());
        let response = next.await.expect("a frame comes in time").expect("the stream goes on")?;
        if !response.resume_token.is_empty() {
            self.token = response.resume_token;
        }
        Some(response.frame.expect("a frame says something"))
    }

    /// Records up to and including the first for which `last` holds; whatever else the stream says is left out.
    pub async fn until(&mut self, last: impl Fn(&pb::AuditRecord) -> bool) -> Vec<pb::AuditRecord> {
        let mut seen = Vec::new();
        loop {
            let frame = self.frame().await.expect("the stream goes on");
            let Frame::Records(some) = frame else { continue };
            for record in some.records {
                let is_last = last(&record);
                self.token.clone_from(&record.resume_token);
                seen.push(record);
                if is_last {
                    return seen;
                }
            }
        }
    }
}

/// Every frame of a stream that ends by itself.
pub async fn frames(caller: &mut Caller, request: pb::WatchAuditRequest) -> Vec<Frame> {
    let mut stream = AuditStream::open(caller, request).await.expect("an admin may");
    let mut frames = Vec::new();
    while let Some(frame) = stream.frame().await {
        frames.push(frame);
    }
    frames
}

/// The records of these frames, without their tokens.
pub fn records(frames: &[Frame]) -> Vec<pb::AuditRecord> {
    let records = frames.iter().filter_map(|frame| match frame {
        Frame::Records(some) => Some(&some.records),
        _ => None,
    });
    records.flatten().map(without_token).collect()
}

/// A record as a list has it.
pub fn without_token(record: &pb::AuditRecord) -> pb::AuditRecord {
    pb::AuditRecord { resume_token: String::new(), ..record.clone() }
}

/// All records that a stream has up to now.
pub async fn streamed(caller: &mut Caller) -> Vec<pb::AuditRecord> {
    records(&frames(caller, pb::WatchAuditRequest::default()).await)
}

/// All pages of a list, and what any of them says is missing.
pub async fn listed(
    caller: &mut Caller,
    request: pb::ListAuditRecordsRequest,
) -> (Vec<pb::AuditRecord>, Vec<pb::AuditGap>) {
    let (mut all, mut gaps, mut page_token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = pb::ListAuditRecordsRequest { page_token, ..request.clone() };
        let page = caller.audits.list_audit_records(page).await.expect("an admin may").into_inner();
        all.extend(page.records);
        gaps.extend(page.gap);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return (all, gaps);
        }
    }
}

/// Their revisions.
pub fn revisions(records: &[pb::AuditRecord]) -> Vec<i64> {
    records.iter().map(|record| record.revision).collect()
}
