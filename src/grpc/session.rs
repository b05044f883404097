//! SessionService: opened by channels, ended by them, the owner or a supervisor.

use std::sync::Arc;

use prost::Message;
use tonic::{Request, Response, Status};

use super::api::{Api, Ask, Mutation, number};
use super::caller::Caller;
use super::from_proto::{SessionFilter, Which};
use super::status::Problem;
use super::to_proto::{Revisions, Scene};
use super::{from_proto, to_proto};
use crate::domain::command::Command;
use crate::domain::id::{RepId, SessionId};
use crate::domain::live::{Line, Session, SessionState};
use crate::domain::look::Look;
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::Rejection;
use crate::engine::View;
use crate::pb;
use crate::pb::session_service_server::SessionService;

/// The service.
pub struct Sessions(pub Arc<Api>);

fn shown(done: &Mutation) -> Result<pb::Session, Problem> {
    match done.record()? {
        Record::Session(s) => Ok(to_proto::session(Scene::of(&done.view), s, done.revision)),
        _ => Err(Problem::Internal("the answer is of another kind")),
    }
}

/// A call about one session: what it has in common with the others of its kind.
struct OnSession<'a, M> {
    rpc: &'static str,
    message: &'a M,
    session: &'a str,
    presence: &'a str,
    request_id: &'a str,
}

impl Sessions {
    async fn act<M: Message>(
        &self,
        caller: &Caller,
        call: OnSession<'_, M>,
        command: impl FnOnce(SessionId) -> Command,
    ) -> Result<(Option<pb::Session>, i64), Problem> {
        let (session, presence) =
            from_proto::on_session(call.session, call.presence, call.request_id)?;
        let ask = Ask { rpc: call.rpc, message: call.message, request_id: call.request_id };
        let done = self.0.mutate_on(caller, presence, ask, command(session)).await?;
        Ok((Some(shown(&done)?), done.number()))
    }
}

fn find(view: &View, which: &Which) -> Result<Arc<Session>, Problem> {
    match which {
        Which::Session(id) => Ok(view.state.expect_session(*id)?),
        Which::Reference(channel, reference) => {
            let id = view.state.reference(channel, reference);
            let id = id.ok_or_else(|| Rejection::not_found("session", reference))?;
            Ok(view.state.expect_session(id)?)
        }
    }
}

/// Does a session concern a rep: owned by them, offered to them, or waiting for them?
pub fn concerns(view: &dyn Look, s: &Session, rep: &RepId) -> bool {
    let transfer = s.transfer.and_then(|id| view.transfer(&id));
    let asked = to_proto::offered_work(s, transfer.as_deref()).and_then(|id| view.work(&id));
    s.owner().is_some_and(|(owner, _)| owner == rep)
        || waits_in(s, &Line::Rep(rep.clone()))
        || asked.is_some_and(|work| work.rep == *rep)
}

/// Does a session stand in this line?
pub fn waits_in(s: &Session, line: &Line) -> bool {
    matches!(s.state, SessionState::Waiting { .. }) && s.line == *line
}

fn is_listed(view: &View, s: &Session, filter: &SessionFilter) -> bool {
    let state = to_proto::session_state(&s.state);
    let stranded = || {
        let transfer = s.transfer.and_then(|id| view.state.transfer(&id));
        to_proto::waits_in_vain(s) || transfer.is_some_and(|t| to_proto::is_stranded(&t))
    };
    let wanted = if filter.states.is_empty() {
        state != pb::SessionState::Ended
    } else {
        filter.states.contains(&state)
    };
    wanted
        && (filter.channels.is_empty() || filter.channels.contains(&s.channel))
        && filter.rep.as_ref().is_none_or(|rep| concerns(&view.state, s, rep))
        && filter.queue.as_ref().is_none_or(|queue| waits_in(s, &Line::Queue(queue.clone())))
        && (!filter.stranded || stranded())
}

macro_rules! on_session {
    ($self:ident, $request:ident, $rpc:literal, $response:ident, $command:path) => {{
        let (caller, mut message) = $self.0.admit($rpc, $request)?;
        let id = std::mem::take(&mut message.request_id);
        let call = OnSession {
            rpc: $rpc,
            message: &message,
            session: &message.session,
            presence: &message.presence,
            request_id: &id,
        };
        let (session, revision) = $self.act(&caller, call, $command).await?;
        Ok(Response::new(pb::$response { session, revision }))
    }};
}

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn open_session(
        &self,
        request: Request<pb::OpenSessionRequest>,
    ) -> Result<Response<pb::OpenSessionResponse>, Status> {
        const RPC: &str = "SessionService/OpenSession";
        let (caller, mut message) = self.0.admit(RPC, request)?;
        let command = from_proto::open_session(&message)?;
        let id = std::mem::take(&mut message.request_id);
        let ask = Ask { rpc: RPC, message: &message, request_id: &id };
        let done = self.0.mutate(&caller, ask, command).await?;
        Ok(Response::new(pb::OpenSessionResponse {
            session: Some(shown(&done)?),
            revision: done.number(),
        }))
    }

    async fn get_session(
        &self,
        request: Request<pb::GetSessionRequest>,
    ) -> Result<Response<pb::GetSessionResponse>, Status> {
        let (caller, message) = self.0.admit("SessionService/GetSession", request)?;
        let (which, at_least) = from_proto::get_session(&message)?;
        let answer = self.0.read(&caller, at_least, |view| {
            let session = find(view, &which)?;
            let changed = to_proto::changed(view, &RecordKey::Session(session.id));
            Ok(pb::GetSessionResponse {
                session: Some(to_proto::session(Scene::of(view), &session, changed)),
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        const RPC: &str = "SessionService/ListSessions";
        let (caller, message) = self.0.admit(RPC, request)?;
        let filter = from_proto::list_sessions(&message)?;
        let window = self.0.window(&caller, RPC, message)?;
        let answer = self.0.read(&caller, window.at_least, |view| {
            let all = view
                .state
                .range(RecordKey::Session(SessionId::MIN)..)
                .map_while(|record| match record {
                    Record::Session(session) => Some(session),
                    _ => None,
                })
                .filter(|s| is_listed(view, s, &filter));
            let page = self.0.page(&caller, &window, view, all, |s| s.id.to_string());
            let revisions = Revisions::of(view);
            let show = |s: &&Arc<Session>| {
                let changed = revisions.changed(&RecordKey::Session(s.id));
                to_proto::session(Scene::of(view), s, changed)
            };
            Ok(pb::ListSessionsResponse {
                sessions: page.items.iter().map(show).collect(),
                next_page_token: page.next,
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn update_session(
        &self,
        request: Request<pb::UpdateSessionRequest>,
    ) -> Result<Response<pb::UpdateSessionResponse>, Status> {
        const RPC: &str = "SessionService/UpdateSession";
        let (caller, mut message) = self.0.admit(RPC, request)?;
        let (command, presence) = from_proto::update_session(&message)?;
        let id = std::mem::take(&mut message.request_id);
        let ask = Ask { rpc: RPC, message: &message, request_id: &id };
        let done = self.0.mutate_on(&caller, presence, ask, command).await?;
        Ok(Response::new(pb::UpdateSessionResponse {
            session: Some(shown(&done)?),
            revision: done.number(),
        }))
    }

    async fn pause_session(
        &self,
        request: Request<pb::PauseSessionRequest>,
    ) -> Result<Response<pb::PauseSessionResponse>, Status> {
        on_session!(
            self,
            request,
            "SessionService/PauseSession",
            PauseSessionResponse,
            Command::PauseSession
        )
    }

    async fn resume_session(
        &self,
        request: Request<pb::ResumeSessionRequest>,
    ) -> Result<Response<pb::ResumeSessionResponse>, Status> {
        on_session!(
            self,
            request,
            "SessionService/ResumeSession",
            ResumeSessionResponse,
            Command::ResumeSession
        )
    }

    async fn inactivate_session(
        &self,
        request: Request<pb::InactivateSessionRequest>,
    ) -> Result<Response<pb::InactivateSessionResponse>, Status> {
        on_session!(
            self,
            request,
            "SessionService/InactivateSession",
            InactivateSessionResponse,
            Command::InactivateSession
        )
    }

    async fn end_session(
        &self,
        request: Request<pb::EndSessionRequest>,
    ) -> Result<Response<pb::EndSessionResponse>, Status> {
        on_session!(
            self,
            request,
            "SessionService/EndSession",
            EndSessionResponse,
            Command::EndSession
        )
    }

    async fn get_session_history(
        &self,
        request: Request<pb::GetSessionHistoryRequest>,
    ) -> Result<Response<pb::GetSessionHistoryResponse>, Status> {
        const RPC: &str = "SessionService/GetSessionHistory";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (id, at_least) =
            from_proto::get::<SessionId>("session", &message.session, message.at_least_revision)?;
        let answer = self.0.read(&caller, at_least, |view| {
            let session = view.state.expect_session(id)?;
            let (scene, revisions) = (Scene::of(view), Revisions::of(view));
            let changed = revisions.changed(&RecordKey::Session(id));
            let transfers = view
                .state
                .transfers_of_session(id)
                .map(|t| {
                    let changed = revisions.changed(&RecordKey::Transfer(t.id));
                    to_proto::transfer(scene, t, changed)
                })
                .collect();
            let mut events = to_proto::story(scene, &session);
            let truncated = events.len() > 1_000;
            events.drain(..events.len().saturating_sub(1_000));
            Ok(pb::GetSessionHistoryResponse {
                session: Some(to_proto::session(scene, &session, changed)),
                transfers,
                events,
                revision: number(view.state.head().revision),
                truncated,
            })
        });
        Ok(Response::new(answer.await?))
    }
}
