//! TransferService: choosing a recipient, asking what would happen, transferring, accepting. There
//! is no call to cancel (T3).

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::api::{Api, AskedCall, Mutation, number};
use super::caller::Caller;
use super::from_proto::{ListRecipients, Listed, TransferFilter};
use super::pages::Window;
use super::status::Problem;
use super::to_proto::ObjectContext;
use super::{from_proto, scope, to_proto};
use crate::domain::command::Command;
use crate::domain::id::{RepId, TransferId};
use crate::domain::live::{Line, Transfer, TransferState};
use crate::domain::recipients::contacts::{ContactEntry, ContactPlace, list_contacts};
use crate::domain::recipients::explain::explain;
use crate::domain::recipients::lines::{FlowEntry, QueueEntry, list_flows, list_queues};
use crate::domain::recipients::quote::quote;
use crate::domain::recipients::{self, RepEntry, RepVerdicts};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::scope::{
    Viewer, may_see_queue, may_see_rep, may_see_session_of, may_take_transfer,
};
use crate::domain::time::Timestamp;
use crate::domain::verdict::RuleVerdict;
use crate::engine::View;
use crate::pb;
use crate::pb::transfer_service_server::TransferService;

/// The service.
pub struct Transfers(pub Arc<Api>);

fn shown(done: &Mutation) -> Result<pb::Transfer, Problem> {
    match done.record()? {
        Record::Transfer(t) => Ok(to_proto::transfer(done.context(), t, done.revision)),
        _ => Err(Problem::Internal("the answer is of another kind")),
    }
}

/// Does a transfer concern a rep: from them, offered to them, or waiting for them?
pub fn concerns(t: &Transfer, rep: &RepId) -> bool {
    let with = match &t.state {
        TransferState::Offered { rep: asked, .. } => Some(asked),
        TransferState::Completed { rep: taker, .. } => Some(taker),
        TransferState::Waiting { .. }
        | TransferState::Asked(_)
        | TransferState::HandedOver { .. }
        | TransferState::Failed { .. }
        | TransferState::SessionEnded { .. } => None,
    };
    let for_them = matches!(&t.line, Line::Rep(to) if to == rep);
    t.from_rep == *rep || for_them || with == Some(rep)
}

/// Does it wait for nobody who is there (T17, R11)?
fn is_stranded(view: &View, t: &Transfer) -> bool {
    matches!(t.state, TransferState::Waiting { .. })
        && view.state.session(&t.session).is_some_and(|session| session.state.is_stranded())
}

fn is_listed(view: &View, t: &Transfer, filter: &TransferFilter) -> bool {
    let state = to_proto::transfer_state(&t.state);
    filter.states.as_ref().is_none_or(|states| states.contains(&state))
        && filter.rep.as_ref().is_none_or(|rep| concerns(t, rep))
        && filter.queue.as_ref().is_none_or(|queue| t.line.queue() == Some(queue))
        && (!filter.stranded || is_stranded(view, t))
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

fn entry(
    transferable: bool,
    against: &[RuleVerdict],
    entry: pb::recipient_entry::Entry,
) -> pb::RecipientEntry {
    let reasons = against.iter().map(to_proto::against).collect();
    pb::RecipientEntry { transferable, reasons, entry: Some(entry) }
}

fn rep_entry(e: &RepEntry) -> pb::RecipientEntry {
    let rep = pb::RepEntry {
        rep: e.rep.to_string(),
        name: e.name.clone(),
        used_centi_percent: i64::from(e.used.get()),
        available_now: e.available_now,
        channel_types: e.online_for.iter().map(|t| to_proto::channel_type(*t).into()).collect(),
    };
    entry(e.transferable, &e.against, pb::recipient_entry::Entry::Rep(rep))
}

fn queue_entry(e: &QueueEntry) -> pb::RecipientEntry {
    let queue = pb::recipient_entry::Entry::Queue(to_proto::queue_entry(e));
    entry(e.transferable, &e.against, queue)
}

fn contact_entry(e: &ContactEntry, now: Timestamp) -> pb::RecipientEntry {
    let contact = pb::recipient_entry::Entry::ExternalContact(to_proto::contact_entry(e, now));
    entry(e.transferable, &e.against, contact)
}

fn flow_entry(e: &FlowEntry) -> pb::RecipientEntry {
    let flow = pb::FlowEntry { flow: e.flow.to_string(), name: e.name.clone() };
    entry(e.transferable, &e.against, pb::recipient_entry::Entry::Flow(flow))
}

/// Everyone of the type asked for who can be chosen, with what pages go by; of contacts, of which there may be very many,
/// only those of the page and the next one.
fn listed(
    view: &View,
    caller: &Caller,
    asked: &ListRecipients,
    window: &Window,
) -> Result<Vec<(String, pb::RecipientEntry)>, Problem> {
    let (state, actor, about) = (&view.state, &caller.actor, &asked.about);
    Ok(match asked.kind {
        Listed::Reps => recipients::list_reps(state, actor, about, &asked.query)?
            .iter()
            .filter(|e| may_see_rep(state, caller, &e.rep))
            .map(|e| (e.rep.to_string(), rep_entry(e)))
            .collect(),
        Listed::Queues => {
            let now = to_proto::now(view);
            list_queues(state, actor, about, &asked.query, now)?
                .iter()
                .filter(|e| may_see_queue(state, caller, &e.queue))
                .map(|e| (e.queue.to_string(), queue_entry(e)))
                .collect()
        }
        Listed::Contacts => {
            let now = to_proto::now(view);
            let after = window.after().and_then(ContactPlace::from_text);
            let page = (after.as_ref(), window.one_more());
            list_contacts(state, actor, about, &asked.contacts, page, now)?
                .iter()
                .map(|e| (e.place.to_text(), contact_entry(e, now)))
                .collect()
        }
        Listed::Flows => list_flows(state, actor, about, &asked.query)?
            .iter()
            .map(|e| (e.flow.to_string(), flow_entry(e)))
            .collect(),
    })
}

fn rep_verdicts(r: &RepVerdicts) -> pb::RepVerdicts {
    pb::RepVerdicts {
        rep: r.rep.to_string(),
        could_take: r.could_take,
        verdicts: r.against.iter().map(to_proto::verdict).collect(),
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
                if !Viewer::from(caller).keeps_session(&view.state, transfer.session) {
                    // Accepting it says that it isn't there; or, if this is a repetition, what it said then (T21).
                    return Ok(());
                }
                if !may_take_transfer(&view.state, &caller.actor, &transfer) {
                    return Err(Rejection::not_found("transfer", transfer.id).into());
                }
                let to = match &transfer.state {
                    TransferState::Offered { rep, .. } | TransferState::Completed { rep, .. } => {
                        rep
                    }
                    TransferState::Waiting { .. }
                    | TransferState::Asked(_)
                    | TransferState::HandedOver { .. }
                    | TransferState::Failed { .. }
                    | TransferState::SessionEnded { .. } => {
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
        let window = self.0.window(&caller, RPC, message)?;
        let answer = self.0.read(&caller, window.at_least, |view| {
            scope::about(view, &caller, &asked.about)?;
            let key = |(key, _): &(String, pb::RecipientEntry)| key.clone();
            let all = listed(view, &caller, &asked, &window)?;
            let page = match asked.kind {
                Listed::Contacts => self.0.next_page(&caller, &window, view, all, key),
                _ => self.0.ranked_page(&caller, &window, view, all, key),
            };
            Ok(pb::ListRecipientsResponse {
                entries: page.items.into_iter().map(|(_, entry)| entry).collect(),
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
        let (to, about, at_least) = from_proto::explain_recipient(&message)?;
        let answer = self.0.read(&caller, at_least, |view| {
            scope::about(view, &caller, &about)?;
            scope::recipient(view, &caller, &to)?;
            let now = to_proto::now(view);
            let told = explain(&view.state, &caller.actor, &about, &to, now)?;
            Ok(pb::ExplainRecipientResponse {
                listed: told.listed,
                transferable: told.transferable,
                would_wait: told.would_wait,
                verdicts: told.verdicts.iter().map(to_proto::verdict).collect(),
                revision: number(view.state.head().revision),
                reps: told.reps.iter().map(rep_verdicts).collect(),
                would_be_stranded: told.stranded,
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
            scope::session(view, &caller, session)?;
            scope::recipient(view, &caller, &recipient)?;
            let now = to_proto::now(view);
            let quote = quote(&view.state, &caller.actor, session, &recipient, now)?;
            let text = |id: Option<String>| id.unwrap_or_default();
            Ok(pb::QuoteTransferResponse {
                allowed: quote.allowed,
                offered_now: quote.offered_now,
                would_wait: quote.position.is_some(),
                position: quote.position.unwrap_or_default(),
                estimated_wait: quote.wait.map(to_proto::span),
                rep: text(quote.rep.filter(|_| quote.offered_now).map(|rep| rep.to_string())),
                queue: text(quote.queue.map(|queue| queue.to_string())),
                reasons: quote.against.iter().map(to_proto::against).collect(),
                revision: number(view.state.head().revision),
                original_rep_removed_at_once: quote.removed_at_once,
                would_be_stranded: quote.stranded,
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn transfer_session(
        &self,
        request: Request<pb::TransferSessionRequest>,
    ) -> Result<Response<pb::TransferSessionResponse>, Status> {
        const RPC: &str = "TransferService/TransferSession";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (command, presence) = from_proto::transfer_session(&message)?;
        let done =
            self.0.mutate_on(&caller, presence, AskedCall::of(RPC, message), command).await?;
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
        let (caller, message) = self.0.admit(RPC, request)?;
        let (transfer, rep, presence) = from_proto::accept_transfer(&message)?;
        self.check_accepting(&caller, transfer, rep).await?;
        let command = Command::AcceptTransfer(transfer);
        let done =
            self.0.mutate_on(&caller, presence, AskedCall::of(RPC, message), command).await?;
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
            let transfer = scope::transfer(view, &caller, id)?;
            let changed = view.state.revision_of(&RecordKey::Transfer(id));
            Ok(pb::GetTransferResponse {
                transfer: Some(to_proto::transfer(
                    ObjectContext::of(view, caller.content()),
                    &transfer,
                    changed,
                )),
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
            let filter = TransferFilter {
                rep: scope::rep_meant(view, &caller, filter.rep.as_ref()),
                queue: scope::queue_meant(view, &caller, filter.queue.as_ref()),
                ..filter.clone()
            };
            let all = candidates(view, &filter)
                .filter(|t| is_listed(view, t, &filter))
                .filter(|t| may_see_session_of(&view.state, &caller, t.session));
            let page = self.0.page(&caller, &window, view, all, |t| t.id.to_string());
            let show = |t: &&Arc<Transfer>| {
                let changed = view.state.revision_of(&RecordKey::Transfer(t.id));
                to_proto::transfer(ObjectContext::of(view, caller.content()), t, changed)
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
