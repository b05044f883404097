//! SessionService: opened by channels, ended by them, the owner or a supervisor.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::api::{Api, AskedCall, Mutation, number};
use super::caller::Caller;
use super::from_proto::{ActingOn, Asked, SessionFilter, Which};
use super::status::Problem;
use super::to_proto::ObjectContext;
use super::{from_proto, scope, to_proto};
use crate::domain::command::Command;
use crate::domain::id::{RepId, SessionId};
use crate::domain::live::{Line, Role, Session, SessionState};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::Rejection;
use crate::domain::scope::{may_see_channel, may_see_session};
use crate::engine::View;
use crate::pb;
use crate::pb::session_service_server::SessionService;

/// The service.
pub struct Sessions(pub Arc<Api>);

fn shown(done: &Mutation) -> Result<pb::Session, Problem> {
    match done.record()? {
        Record::Session(s) => Ok(to_proto::session(done.context(), s, done.revision)),
        _ => Err(Problem::Internal("the answer is of another kind")),
    }
}

impl Sessions {
    /// Does what is asked on the caller's presence; the session as it is then, and the revision.
    async fn change(
        &self,
        caller: &Caller,
        presence: ActingOn,
        asked: AskedCall,
        what: impl Into<Asked>,
    ) -> Result<(Option<pb::Session>, i64), Problem> {
        let done = self.0.mutate_on(caller, presence, asked, what).await?;
        Ok((Some(shown(&done)?), done.number()))
    }
}

fn find(view: &View, caller: &Caller, which: &Which) -> Result<Arc<Session>, Problem> {
    match which {
        Which::Session(id) => scope::session(view, caller, *id),
        Which::Reference(channel, reference) => {
            let id = view.state.reference(channel, reference);
            let id = id.filter(|_| may_see_channel(&view.state, caller, channel));
            let id = id.ok_or_else(|| Rejection::not_found("session", reference))?;
            scope::session(view, caller, id)
        }
    }
}

/// Does a session concern a rep: owned by them, offered to them, or waiting for them?
pub fn concerns(view: &dyn RecordLookup, s: &Session, rep: &RepId) -> bool {
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
    let wanted = if filter.states.is_empty() {
        state != pb::SessionState::Ended
    } else {
        filter.states.contains(&state)
    };
    wanted
        && (filter.channels.is_empty() || filter.channels.contains(&s.channel))
        && filter.rep.as_ref().is_none_or(|rep| concerns(&view.state, s, rep))
        && filter.queue.as_ref().is_none_or(|queue| waits_in(s, &Line::Queue(queue.clone())))
        && (!filter.stranded || s.state.is_stranded())
}

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn open_session(
        &self,
        request: Request<pb::OpenSessionRequest>,
    ) -> Result<Response<pb::OpenSessionResponse>, Status> {
        const RPC: &str = "SessionService/OpenSession";
        let (caller, message) = self.0.admit(RPC, request)?;
        let command = from_proto::open_session(&message)?;
        let done = self.0.mutate(&caller, AskedCall::of(RPC, message), command).await?;
        let created = matches!(done.record()?, Record::Session(s) if s.opened_in == Some(done.txn));
        Ok(Response::new(pb::OpenSessionResponse {
            session: Some(shown(&done)?),
            revision: done.number(),
            created,
        }))
    }

    async fn get_session(
        &self,
        request: Request<pb::GetSessionRequest>,
    ) -> Result<Response<pb::GetSessionResponse>, Status> {
        let (caller, message) = self.0.admit("SessionService/GetSession", request)?;
        let (which, at_least) = from_proto::get_session(&message)?;
        let answer = self.0.read(&caller, at_least, |view| {
            let session = find(view, &caller, &which)?;
            let changed = view.state.revision_of(&RecordKey::Session(session.id));
            Ok(pb::GetSessionResponse {
                session: Some(to_proto::session(
                    ObjectContext::of(view, caller.content()),
                    &session,
                    changed,
                )),
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
            let filter = SessionFilter {
                rep: scope::rep_meant(view, &caller, filter.rep.as_ref()),
                queue: scope::queue_meant(view, &caller, filter.queue.as_ref()),
                ..filter.clone()
            };
            let all = view
                .state
                .range(RecordKey::Session(SessionId::MIN)..)
                .map_while(|record| match record {
                    Record::Session(session) => Some(session),
                    _ => None,
                })
                .filter(|s| is_listed(view, s, &filter))
                .filter(|s| may_see_session(&view.state, &caller, s));
            let page = self.0.page(&caller, &window, view, all, |s| s.id.to_string());
            let show = |s: &&Arc<Session>| {
                let changed = view.state.revision_of(&RecordKey::Session(s.id));
                to_proto::session(ObjectContext::of(view, caller.content()), s, changed)
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
        let (caller, message) = self.0.admit(RPC, request)?;
        let (command, presence) = from_proto::update_session(&message)?;
        let asked = AskedCall::of(RPC, message);
        let (session, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::UpdateSessionResponse { session, revision }))
    }

    async fn pause_session(
        &self,
        request: Request<pb::PauseSessionRequest>,
    ) -> Result<Response<pb::PauseSessionResponse>, Status> {
        const RPC: &str = "SessionService/PauseSession";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (session, presence) =
            from_proto::on_session(&message.session, &message.presence, &message.request_id)?;
        let command = Command::PauseSession(session);
        let asked = AskedCall::of(RPC, message);
        let (session, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::PauseSessionResponse { session, revision }))
    }

    async fn resume_session(
        &self,
        request: Request<pb::ResumeSessionRequest>,
    ) -> Result<Response<pb::ResumeSessionResponse>, Status> {
        const RPC: &str = "SessionService/ResumeSession";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (session, presence) =
            from_proto::on_session(&message.session, &message.presence, &message.request_id)?;
        let command = Command::ResumeSession(session);
        let asked = AskedCall::of(RPC, message);
        let (session, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::ResumeSessionResponse { session, revision }))
    }

    async fn inactivate_session(
        &self,
        request: Request<pb::InactivateSessionRequest>,
    ) -> Result<Response<pb::InactivateSessionResponse>, Status> {
        const RPC: &str = "SessionService/InactivateSession";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (session, presence) =
            from_proto::on_session(&message.session, &message.presence, &message.request_id)?;
        let command = Command::InactivateSession(session);
        let asked = AskedCall::of(RPC, message);
        let (session, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::InactivateSessionResponse { session, revision }))
    }

    async fn end_session(
        &self,
        request: Request<pb::EndSessionRequest>,
    ) -> Result<Response<pb::EndSessionResponse>, Status> {
        const RPC: &str = "SessionService/EndSession";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (command, presence) = from_proto::end_session(&message)?;
        let asked = AskedCall::of(RPC, message);
        let (session, revision) = self.change(&caller, presence, asked, command).await?;
        Ok(Response::new(pb::EndSessionResponse { session, revision }))
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
            let session = scope::session(view, &caller, id)?;
            let context = ObjectContext::of(view, caller.content());
            let changed = view.state.revision_of(&RecordKey::Session(id));
            let transfers = view
                .state
                .transfers_of_session(id)
                .map(|t| {
                    let changed = view.state.revision_of(&RecordKey::Transfer(t.id));
                    to_proto::transfer(context, t, changed)
                })
                .collect();
            let may_audit = matches!(caller.actor.role, Role::Admin | Role::Supervisor);
            let mut events = to_proto::story(context, &session, may_audit);
            let truncated = events.len() > 1_000;
            events.drain(..events.len().saturating_sub(1_000));
            Ok(pb::GetSessionHistoryResponse {
                session: Some(to_proto::session(context, &session, changed)),
                transfers,
                events,
                revision: number(view.state.head().revision),
                truncated,
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn return_session(
        &self,
        request: Request<pb::ReturnSessionRequest>,
    ) -> Result<Response<pb::ReturnSessionResponse>, Status> {
        const RPC: &str = "SessionService/ReturnSession";
        let (caller, message) = self.0.admit(RPC, request)?;
        let command = from_proto::return_session(&message)?;
        let asked = AskedCall::of(RPC, message);
        let (session, revision) = self.change(&caller, None, asked, command).await?;
        Ok(Response::new(pb::ReturnSessionResponse { session, revision }))
    }
}
