//! AuditService: every change of an org, one record for each revision, read from the journal (S3). Admins alone may; what
//! others' orgs changed is in other journals. `reading` finds places in the history, `listing` makes pages of it, `stream`
//! catches up and follows, `filter` says which records pass.

mod filter;
mod listing;
mod reading;
mod stream;

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::api::{Api, fingerprint, number, unread};
use super::credentials::{Cut, CutStream};
use super::from_proto;
use super::token::StreamMark;
use crate::domain::entry::Fingerprint;
use crate::pb;
use crate::pb::audit_service_server::AuditService;
use listing::Listing;
use reading::AuditReader;
use stream::{AuditStream, Beginning};

/// Frames that wait for a slow reader; then its cursor waits.
const FRAMES: usize = 4;

/// The service.
pub struct Audits(pub Arc<Api>);

#[tonic::async_trait]
impl AuditService for Audits {
    type WatchAuditStream =
        Pin<Box<dyn Stream<Item = Result<pb::WatchAuditResponse, Status>> + Send>>;

    async fn list_audit_records(
        &self,
        request: Request<pb::ListAuditRecordsRequest>,
    ) -> Result<Response<pb::ListAuditRecordsResponse>, Status> {
        const RPC: &str = "AuditService/ListAuditRecords";
        let (caller, message) = self.0.admit(RPC, request)?;
        let asked = from_proto::list_audit_records(&message)?;
        let window = self.0.window(&caller, RPC, message)?;
        let head = self.0.read(&caller, window.at_least, |view| Ok(view.state.head().revision));
        let head = head.await?;
        let reader = AuditReader { api: &self.0, org: &caller.org };
        let listing = Listing::new(reader, asked, window.size(), head);
        let page = listing.page(window.after()).await?;
        let next = page.next.map(|after| self.0.token_after(&caller, &window, head, after));
        Ok(Response::new(pb::ListAuditRecordsResponse {
            records: page.records,
            next_page_token: next.unwrap_or_default(),
            revision: number(head),
            gap: page.gap,
        }))
    }

    async fn watch_audit(
        &self,
        request: Request<pb::WatchAuditRequest>,
    ) -> Result<Response<Self::WatchAuditStream>, Status> {
        const RPC: &str = "AuditService/WatchAudit";
        let (caller, message) = self.0.admit(RPC, request)?;
        let asked = from_proto::watch_audit(&message)?;
        let slot = self.0.quotas.stream(&caller)?;
        // From when, whether to follow and how often a heartbeat comes is no part of what a token goes on with.
        let question = fingerprint(RPC, &asked.filter.canonical(message.filter.as_ref()));
        // Who may read it at all sees all of it.
        let of = StreamMark { question, sight: Fingerprint::default() };
        let beginning = match (message.resume_token.as_str(), asked.live_only) {
            ("", true) => Beginning::Now,
            ("", false) => Beginning::From(asked.from),
            (token, _) => Beginning::At(self.0.seal.read_resume(&caller.org, question, token)?.0),
        };
        let views = self.0.engine.subscribe(&caller.org).await.map_err(unread)?;
        let ((out, frames), cut) = (mpsc::channel(FRAMES), Cut::default());
        let stream =
            AuditStream::new(Arc::clone(&self.0), caller, asked, of, views, (out, cut.clone()));
        let start = stream.start(beginning).await?;
        tokio::spawn(async move {
            let _slot = slot;
            stream.run(start).await;
        });
        let frames = ReceiverStream::new(frames);
        Ok(Response::new(Box::pin(CutStream { frames, cut, over: false })))
    }
}
