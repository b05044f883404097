//! WorkService: what a rep's desktop accepts, declines and closes.

use std::sync::Arc;

use prost::Message;
use tonic::{Request, Response, Status};

use super::api::{Api, Ask, number};
use super::caller::Caller;
use super::from_proto::WorkFilter;
use super::status::Problem;
use super::to_proto::{Revisions, Scene};
use super::{from_proto, to_proto};
use crate::domain::command::Command;
use crate::domain::id::WorkId;
use crate::domain::live::Work;
use crate::domain::record::{Record, RecordKey};
use crate::engine::View;
use crate::pb;
use crate::pb::work_service_server::WorkService;

/// The service.
pub struct Works(pub Arc<Api>);

/// A call about one piece of work: what it has in common with the others of its kind.
struct OnWork<'a, M> {
    rpc: &'static str,
    message: &'a M,
    work: &'a str,
    presence: &'a str,
    request_id: &'a str,
}

impl Works {
    async fn act<M: Message>(
        &self,
        caller: &Caller,
        call: OnWork<'_, M>,
        command: impl FnOnce(WorkId) -> Command,
    ) -> Result<(Option<pb::Work>, i64), Problem> {
        let (work, presence) = from_proto::on_work(call.work, call.presence, call.request_id)?;
        let ask = Ask { rpc: call.rpc, message: call.message, request_id: call.request_id };
        let done = self.0.mutate_on(caller, presence, ask, command(work)).await?;
        match done.record()? {
            Record::Work(work) => {
                let shown = to_proto::work(Scene::of(&done.view), work, done.revision);
                Ok((Some(shown), done.number()))
            }
            _ => Err(Problem::Internal("the answer is of another kind")),
        }
    }
}

macro_rules! on_work {
    ($self:ident, $request:ident, $rpc:literal, $response:ident, $command:expr) => {{
        let (caller, mut message) = $self.0.admit($rpc, $request)?;
        let id = std::mem::take(&mut message.request_id);
        let call = OnWork {
            rpc: $rpc,
            message: &message,
            work: &message.work,
            presence: &message.presence,
            request_id: &id,
        };
        let command = $command(&message);
        let (work, revision) = $self.act(&caller, call, command).await?;
        Ok(Response::new(pb::$response { work, revision }))
    }};
}

fn is_listed(w: &Work, filter: &WorkFilter) -> bool {
    let state = to_proto::work_state(w.state);
    let wanted = if filter.states.is_empty() {
        state != pb::WorkState::Ended
    } else {
        filter.states.contains(&state)
    };
    wanted
        && filter.rep.as_ref().is_none_or(|rep| w.rep == *rep)
        && filter.session.is_none_or(|session| w.session == session)
}

/// The work that may match, by the narrowest index there is, in order of its ids.
fn candidates<'v>(
    view: &'v View,
    filter: &WorkFilter,
) -> Box<dyn Iterator<Item = &'v Arc<Work>> + 'v> {
    let live_only = !filter.states.contains(&pb::WorkState::Ended);
    match (&filter.session, &filter.rep) {
        (Some(session), _) => Box::new(view.state.work_of_session(*session)),
        (None, Some(rep)) if live_only => Box::new(view.state.work_of_rep(rep)),
        (None, _) => {
            let records = view.state.range(RecordKey::Work(WorkId::MIN)..);
            Box::new(records.map_while(|record| match record {
                Record::Work(work) => Some(work),
                _ => None,
            }))
        }
    }
}

#[tonic::async_trait]
impl WorkService for Works {
    async fn accept_work(
        &self,
        request: Request<pb::AcceptWorkRequest>,
    ) -> Result<Response<pb::AcceptWorkResponse>, Status> {
        on_work!(self, request, "WorkService/AcceptWork", AcceptWorkResponse, |_: &_| {
            Command::AcceptWork
        })
    }

    async fn decline_work(
        &self,
        request: Request<pb::DeclineWorkRequest>,
    ) -> Result<Response<pb::DeclineWorkResponse>, Status> {
        on_work!(self, request, "WorkService/DeclineWork", DeclineWorkResponse, |_: &_| {
            Command::DeclineWork
        })
    }

    async fn close_work(
        &self,
        request: Request<pb::CloseWorkRequest>,
    ) -> Result<Response<pb::CloseWorkResponse>, Status> {
        on_work!(
            self,
            request,
            "WorkService/CloseWork",
            CloseWorkResponse,
            |message: &pb::CloseWorkRequest| {
                let end_session = message.end_session;
                move |work| Command::CloseWork { work, end_session }
            }
        )
    }

    async fn extend_wrap_up(
        &self,
        request: Request<pb::ExtendWrapUpRequest>,
    ) -> Result<Response<pb::ExtendWrapUpResponse>, Status> {
        on_work!(self, request, "WorkService/ExtendWrapUp", ExtendWrapUpResponse, |_: &_| {
            Command::ExtendWrapUp
        })
    }

    async fn end_wrap_up(
        &self,
        request: Request<pb::EndWrapUpRequest>,
    ) -> Result<Response<pb::EndWrapUpResponse>, Status> {
        on_work!(self, request, "WorkService/EndWrapUp", EndWrapUpResponse, |_: &_| {
            Command::EndWrapUp
        })
    }

    async fn list_work(
        &self,
        request: Request<pb::ListWorkRequest>,
    ) -> Result<Response<pb::ListWorkResponse>, Status> {
        const RPC: &str = "WorkService/ListWork";
        let (caller, message) = self.0.admit(RPC, request)?;
        let mut filter = from_proto::list_work(&message)?;
        if caller.rep().is_some() {
            filter.rep = Some(caller.acting_for("rep", filter.rep.take())?);
        }
        let window = self.0.window(&caller, RPC, message)?;
        let answer = self.0.read(&caller, window.at_least, |view| {
            let all = candidates(view, &filter).filter(|w| is_listed(w, &filter));
            let page = self.0.page(&caller, &window, view, all, |w| w.id.to_string());
            let revisions = Revisions::of(view);
            let show = |w: &&Arc<Work>| {
                to_proto::work(Scene::of(view), w, revisions.changed(&RecordKey::Work(w.id)))
            };
            Ok(pb::ListWorkResponse {
                work: page.items.iter().map(show).collect(),
                next_page_token: page.next,
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }
}
