//! TransferService: choosing a recipient, asking what would happen, transferring, accepting. There
//! is no call to cancel (T3).

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::api::{Api, Ask, Mutation, number};
use super::caller::Caller;
use super::from_proto::TransferFilter;
use super::status::Problem;
use super::to_proto::{Revisions, Scene};
use super::{from_proto, to_proto};
use crate::domain::command::Command;
use crate::domain::id::{RepId, TransferId};
use crate::domain::live::{Recipient, Transfer, TransferState};
use crate::domain::look::Look as _;
use crate::domain::recipients::{self, RepEntry};
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::{Reason, Rejection};
use crate::engine::View;
use crate::pb;
use crate::pb::transfer_service_server::TransferService;

/// The service.
pub struct Transfers(pub Arc<Api>);

fn shown(done: &Mutation) -> Result<pb::Transfer, Problem> {
    match done.record()? {
        Record::Transfer(t) => Ok(to_proto::transfer(Scene::of(&done.view), t, done.revision)),
        _ => Err(Problem::Internal("the answer is of another kind")),
    }
}

/// Does a transfer concern a rep: from them, offered to them, or waiting for them?
pub fn concerns(t: &Transfer, rep: &RepId) -> bool {
    let Recipient::Rep(to) = &t.recipient;
    let with = match &t.state {
        TransferState::Offered { rep: asked, .. } => Some(asked),
        TransferState::Completed { rep: taker, .. } => Some(taker),
        TransferState::Waiting { .. } | TransferState::SessionEnded { .. } => None,
    };
    t.from_rep == *rep || to == rep || with == Some(rep)
}

fn is_listed(t: &Transfer, filter: &TransferFilter) -> bool {
    let state = to_proto::transfer_state(&t.state);
    filter.states.as_ref().is_none_or(|states| states.contains(&state))
        && filter.rep.as_ref().is_none_or(|rep| concerns(t, rep))
        && (!filter.stranded || to_proto::is_stranded(t))
}

/// The transfers that may match, by the narrowest index there is, in order of their ids.
fn candidates<'v>(
    view: &'v View,
    filter: &TransferFilter,
) -> Box<dyn Iterator<Item = &'v Arc<Transfer>> + 'v> {
    match filter.session {
        Some(session) => Box::new(view.state.transfers_of_session(session)),
        None => {
            let records = view.state.range(RecordKey::Transfer(TransferId::MIN)..);
            Box::new(records.map_while(|record| match record {
                Record::Transfer(transfer) => Some(transfer),
                _ => None,
            }))
        }
    }
}

fn entry(e: &RepEntry) -> pb::RecipientEntry {
    let rep = pb::RepEntry {
        rep: e.rep.to_string(),
        name: e.name.clone(),
        used_centi_percent: i64::from(e.used.get()),
        available_now: e.available_now,
        channel_types: e.online_for.iter().map(|t| to_proto::channel_type(*t).into()).collect(),
    };
    pb::RecipientEntry {
        transferable: e.transferable,
        reasons: e.against.iter().map(to_proto::against).collect(),
        entry: Some(pb::recipient_entry::Entry::Rep(rep)),
    }
}

impl Transfers {
    /// Whoever accepts for a rep names them; it must be theirs to accept.
    async fn check_accepting(
        &self,
        caller: &Caller,
        transfer: TransferId,
        rep: Option<RepId>,
    ) -> Result<(), Problem> {
        let rep = caller.acting_for("rep", rep)?;
        if caller.rep().is_some() {
            return Ok(());
        }
        self.0
            .read(caller, None, |view| {
                let transfer = view.state.expect_transfer(transfer)?;
                let to = match &transfer.state {
                    TransferState::Offered { rep, .. } | TransferState::Completed { rep, .. } => {
                        rep
                    }
                    TransferState::Waiting { .. } | TransferState::SessionEnded { .. } => {
                        return Ok(());
                    }
                };
                if *to == rep {
                    return Ok(());
                }
                let text = format!("the transfer is offered to {to}, not to {rep}");
                let id = transfer.id;
                Err(Rejection::new(Reason::WorkNotOffered, "transfer", id, text).into())
            })
            .await
    }
}

#[tonic::async_trait]
impl TransferService for Transfers {
    async fn list_recipients(
        &self,
        request: Request<pb::ListRecipientsRequest>,
    ) -> Result<Response<pb::ListRecipientsResponse>, Status> {
        const RPC: &str = "TransferService/ListRecipients";
        let (caller, message) = self.0.admit(RPC, request)?;
        let asked = from_proto::list_recipients(&message)?;
        let about = asked.about.ok_or(Problem::Internal("a list about nothing was let through"))?;
        let window = self.0.window(&caller, RPC, message)?;
        let answer = self.0.read(&caller, window.at_least, |view| {
            let all = recipients::list_reps(&view.state, &caller.actor, &about, &asked.query)?;
            let page = self.0.ranked_page(&caller, &window, view, all, |e| e.rep.to_string());
            Ok(pb::ListRecipientsResponse {
                entries: page.items.iter().map(entry).collect(),
                next_page_token: page.next,
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn explain_recipient(
        &self,
        request: Request<pb::ExplainRecipientRequest>,
    ) -> Result<Response<pb::ExplainRecipientResponse>, Status> {
        let (caller, message) = self.0.admit("TransferService/ExplainRecipient", request)?;
        let (rep, about, at_least) = from_proto::explain_recipient(&message)?;
        let answer = self.0.read(&caller, at_least, |view| {
            let told = recipients::explain(&view.state, &caller.actor, &about, &rep)?;
            Ok(pb::ExplainRecipientResponse {
                listed: told.listed,
                transferable: told.transferable,
                would_wait: told.would_wait,
                verdicts: told.verdicts.iter().map(to_proto::verdict).collect(),
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn quote_transfer(
        &self,
        request: Request<pb::QuoteTransferRequest>,
    ) -> Result<Response<pb::QuoteTransferResponse>, Status> {
        let (caller, message) = self.0.admit("TransferService/QuoteTransfer", request)?;
        let (session, recipient, at_least) = from_proto::quote_transfer(&message)?;
        let answer = self.0.read(&caller, at_least, |view| {
            let quote = recipients::quote(&view.state, &caller.actor, session, &recipient)?;
            let Recipient::Rep(rep) = &recipient;
            let offered = quote.allowed && quote.offered_now;
            Ok(pb::QuoteTransferResponse {
                allowed: quote.allowed,
                offered_now: offered,
                would_wait: quote.allowed && !quote.offered_now,
                position: quote.position.unwrap_or_default(),
                estimated_wait: None,
                rep: if offered { rep.to_string() } else { String::new() },
                queue: String::new(),
                reasons: quote.against.iter().map(to_proto::against).collect(),
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn transfer_session(
        &self,
        request: Request<pb::TransferSessionRequest>,
    ) -> Result<Response<pb::TransferSessionResponse>, Status> {
        const RPC: &str = "TransferService/TransferSession";
        let (caller, mut message) = self.0.admit(RPC, request)?;
        let (command, presence) = from_proto::transfer_session(&message)?;
        let id = std::mem::take(&mut message.request_id);
        let ask = Ask { rpc: RPC, message: &message, request_id: &id };
        let done = self.0.mutate_on(&caller, presence, ask, command).await?;
        Ok(Response::new(pb::TransferSessionResponse {
            transfer: Some(shown(&done)?),
            revision: done.number(),
        }))
    }

    async fn accept_transfer(
        &self,
        request: Request<pb::AcceptTransferRequest>,
    ) -> Result<Response<pb::AcceptTransferResponse>, Status> {
        const RPC: &str = "TransferService/AcceptTransfer";
        let (caller, mut message) = self.0.admit(RPC, request)?;
        let (transfer, rep, presence) = from_proto::accept_transfer(&message)?;
        self.check_accepting(&caller, transfer, rep).await?;
        let id = std::mem::take(&mut message.request_id);
        let ask = Ask { rpc: RPC, message: &message, request_id: &id };
        let command = Command::AcceptTransfer(transfer);
        let done = self.0.mutate_on(&caller, presence, ask, command).await?;
        Ok(Response::new(pb::AcceptTransferResponse {
            transfer: Some(shown(&done)?),
            revision: done.number(),
        }))
    }

    async fn get_transfer(
        &self,
        request: Request<pb::GetTransferRequest>,
    ) -> Result<Response<pb::GetTransferResponse>, Status> {
        let (caller, message) = self.0.admit("TransferService/GetTransfer", request)?;
        let (id, at_least) = from_proto::get::<TransferId>(
            "transfer",
            &message.transfer,
            message.at_least_revision,
        )?;
        let answer = self.0.read(&caller, at_least, |view| {
            let transfer = view.state.expect_transfer(id)?;
            let changed = to_proto::changed(view, &RecordKey::Transfer(id));
            Ok(pb::GetTransferResponse {
                transfer: Some(to_proto::transfer(Scene::of(view), &transfer, changed)),
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn list_transfers(
        &self,
        request: Request<pb::ListTransfersRequest>,
    ) -> Result<Response<pb::ListTransfersResponse>, Status> {
        const RPC: &str = "TransferService/ListTransfers";
        let (caller, message) = self.0.admit(RPC, request)?;
        let filter = from_proto::list_transfers(&message)?;
        let window = self.0.window(&caller, RPC, message)?;
        let answer = self.0.read(&caller, window.at_least, |view| {
            let all = candidates(view, &filter).filter(|t| is_listed(t, &filter));
            let page = self.0.page(&caller, &window, view, all, |t| t.id.to_string());
            let revisions = Revisions::of(view);
            let show = |t: &&Arc<Transfer>| {
                let changed = revisions.changed(&RecordKey::Transfer(t.id));
                to_proto::transfer(Scene::of(view), t, changed)
            };
            Ok(pb::ListTransfersResponse {
                transfers: page.items.iter().map(show).collect(),
                next_page_token: page.next,
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }
}
