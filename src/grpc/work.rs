//! WorkService: what a rep's desktop accepts, declines and closes.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::api::{Api, AskedCall, Mutation, number};
use super::caller::Caller;
use super::from_proto::{ActingOn, WorkFilter};
use super::status::Problem;
use super::to_proto::ObjectContext;
use super::{from_proto, scope, to_proto};
use crate::domain::command::Command;
use crate::domain::id::WorkId;
use crate::domain::live::Work;
use crate::domain::record::{Record, RecordKey};
use crate::domain::scope::may_see_session_of;
use crate::engine::View;
use crate::pb;
use crate::pb::work_service_server::WorkService;

/// The service.
pub struct Works(pub Arc<Api>);

fn shown(done: &Mutation) -> Result<pb::Work, Problem> {
    match done.record()? {
        Record::Work(work) => Ok(to_proto::work(done.context(), work, done.revision)),
        _ => Err(Problem::Internal("the answer is of another kind")),
    }
}

impl Works {
    /// Does what is asked on the caller's presence; the work as it is then, and the revision.
    async fn change(
        &self,
        caller: &Caller,
        presence: ActingOn,
        asked: AskedCall,
        command: Command,
    ) -> Result<(Option<pb::Work>, i64), Problem> {
        let done = self.0.mutate_on(caller, presence, asked, command).await?;
        Ok((Some(shown(&done)?), done.number()))
    }
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
        const RPC: &str = "WorkService/AcceptWork";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (work, presence) =
            from_proto::on_work(&message.work, &message.presence, &message.request_id)?;
        let command = Command::AcceptWork(work);
        let asked = AskedCall::of(RPC, message);
        let (work, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::AcceptWorkResponse { work, revision }))
    }

    async fn decline_work(
        &self,
        request: Request<pb::DeclineWorkRequest>,
    ) -> Result<Response<pb::DeclineWorkResponse>, Status> {
        const RPC: &str = "WorkService/DeclineWork";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (work, presence) =
            from_proto::on_work(&message.work, &message.presence, &message.request_id)?;
        let command = Command::DeclineWork(work);
        let asked = AskedCall::of(RPC, message);
        let (work, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::DeclineWorkResponse { work, revision }))
    }

    async fn close_work(
        &self,
        request: Request<pb::CloseWorkRequest>,
    ) -> Result<Response<pb::CloseWorkResponse>, Status> {
        const RPC: &str = "WorkService/CloseWork";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (work, presence) =
            from_proto::on_work(&message.work, &message.presence, &message.request_id)?;
        let command = Command::CloseWork { work, end_session: message.end_session };
        let asked = AskedCall::of(RPC, message);
        let (work, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::CloseWorkResponse { work, revision }))
    }

    async fn extend_wrap_up(
        &self,
        request: Request<pb::ExtendWrapUpRequest>,
    ) -> Result<Response<pb::ExtendWrapUpResponse>, Status> {
        const RPC: &str = "WorkService/ExtendWrapUp";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (work, presence) =
            from_proto::on_work(&message.work, &message.presence, &message.request_id)?;
        let command = Command::ExtendWrapUp(work);
        let asked = AskedCall::of(RPC, message);
        let (work, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::ExtendWrapUpResponse { work, revision }))
    }

    async fn end_wrap_up(
        &self,
        request: Request<pb::EndWrapUpRequest>,
    ) -> Result<Response<pb::EndWrapUpResponse>, Status> {
        const RPC: &str = "WorkService/EndWrapUp";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (work, presence) =
            from_proto::on_work(&message.work, &message.presence, &message.request_id)?;
        let command = Command::EndWrapUp(work);
        let asked = AskedCall::of(RPC, message);
        let (work, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::EndWrapUpResponse { work, revision }))
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
            let rep = scope::rep_meant(view, &caller, filter.rep.as_ref());
            let filter = WorkFilter { rep, ..filter.clone() };
            let all = candidates(view, &filter)
                .filter(|w| is_listed(w, &filter))
                .filter(|w| may_see_session_of(&view.state, &caller, w.session));
            let page = self.0.page(&caller, &window, view, all, |w| w.id.to_string());
            let show = |w: &&Arc<Work>| {
                to_proto::work(
                    ObjectContext::of(view, caller.content()),
                    w,
                    view.state.revision_of(&RecordKey::Work(w.id)),
                )
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
