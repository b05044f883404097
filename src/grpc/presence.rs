//! PresenceService: signing in and out, staying there, and what reps' records look like. Many at once are in `batches`.

mod batches;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;
use tonic::{Request, Response, Status};

use super::api::{Api, AskedCall, Mutation, number, unread};
use super::caller::Caller;
use super::pages::contains;
use super::status::Problem;
use super::to_proto::{Content, ObjectContext};
use super::{from_proto, scope, to_proto};
use crate::domain::command::{Command, PresenceRef};
use crate::domain::decide::acts_for;
use crate::domain::id::{PresenceId, RepId};
use crate::domain::live::{PresenceCause, RepPresence, Role, Work};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::scope::{Viewer, may_see_queue, may_see_rep, may_see_session_of};
use crate::domain::time::Span;
use crate::engine::{Remember, View};
use crate::pb;
use crate::pb::presence_service_server::PresenceService;

/// The service.
pub struct Presences(pub Arc<Api>);

/// How many reconnections are committed at a time.
const RECONNECTIONS: usize = 32;

/// What holds for a presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LeaseStanding {
    Connected,
    Disconnected,
    Ended(PresenceCause),
    Unknown,
}

/// What holds for a presence, as far as the caller may know: a rep knows its own, a partner those of whom it drives (N3).
fn standing(view: &View, caller: &Caller, id: PresenceId) -> LeaseStanding {
    let Some(rep) = view.state.rep_of_presence(id) else { return LeaseStanding::Unknown };
    let theirs = matches!(caller.actor.role, Role::Rep | Role::Partner);
    if theirs && !acts_for(&view.state, &caller.actor, rep) {
        return LeaseStanding::Unknown;
    }
    if !Viewer::from(caller).keeps_rep(&view.state, rep) {
        return LeaseStanding::Unknown;
    }
    let image = view.state.rep_presence(rep);
    match &image.presence {
        Some(current) if current.id == id && image.is_connected() => LeaseStanding::Connected,
        Some(current) if current.id == id => LeaseStanding::Disconnected,
        _ => image.why_ended(id).map_or(LeaseStanding::Unknown, LeaseStanding::Ended),
    }
}

/// A rep names itself only (S1). That a presence is its own is decided in the domain.
fn check_whose(caller: &Caller, whose: &PresenceRef) -> Result<(), Problem> {
    match whose {
        PresenceRef::Rep(rep) => caller.acting_for("rep", Some(rep.clone())).map(drop),
        PresenceRef::Presence(_) => Ok(()),
    }
}

fn image(done: &Mutation) -> Result<&Arc<RepPresence>, Problem> {
    match done.record()? {
        Record::RepPresence(image) => Ok(image),
        _ => Err(Problem::Internal("the answer is of another kind")),
    }
}

fn shown(done: &Mutation) -> Result<pb::RepPresence, Problem> {
    Ok(to_proto::rep_presence(done.context(), image(done)?, done.revision))
}

fn renew_every(lease: Span) -> prost_types::Duration {
    to_proto::span(Span::from_ms(lease.as_ms() / 3))
}

impl Presences {
    /// Brings disconnected presences back (P4), some at a time.
    async fn reconnect(&self, caller: &Caller, ids: &[PresenceId]) -> Result<(), Problem> {
        const RPC: &str = "PresenceService/KeepAlive";
        for some in ids.chunks(RECONNECTIONS) {
            let mut running = JoinSet::new();
            for id in some {
                let asked = AskedCall::without_id(RPC);
                let (request, _) = self.0.request_of(caller, asked, Command::Reconnect(*id).into());
                let (engine, org) = (self.0.engine.clone(), caller.org.clone());
                let patience = self.0.patience();
                running.spawn(async move {
                    engine.submit_within(&org, request, Remember::Nothing, patience).await
                });
            }
            while let Some(finished) = running.join_next().await {
                match finished {
                    // One that is refused is over by now: the view read afterwards says so.
                    Ok(Ok(_) | Err(crate::engine::Refusal::Rejected(_))) => {}
                    Ok(Err(refusal)) => return Err(unread(refusal)),
                    Err(_) => return Err(Problem::Internal("a reconnection was lost")),
                }
            }
        }
        Ok(())
    }

    async fn renew(
        &self,
        caller: &Caller,
        ids: &BTreeSet<PresenceId>,
    ) -> Result<(BTreeMap<PresenceId, LeaseStanding>, Arc<View>, BTreeSet<PresenceId>), Problem>
    {
        let engine = &self.0.engine;
        let records = |view: &View| -> BTreeMap<PresenceId, LeaseStanding> {
            ids.iter().map(|id| (*id, standing(view, caller, *id))).collect()
        };
        let mut view = self.0.view(&caller.org, None).await.map_err(unread)?;
        let mut standings = records(&view);
        let over =
            |s: &LeaseStanding| matches!(s, LeaseStanding::Ended(_) | LeaseStanding::Unknown);
        if standings.values().any(over) {
            view = self.0.barrier(&caller.org).await.map_err(unread)?;
            standings = records(&view);
        }
        // Leases first: a presence that is brought back without one would be lost again at once.
        let lease = view.state.settings().presence_lease;
        let leases: Vec<_> = standings
            .iter()
            .filter(|(_, s)| matches!(s, LeaseStanding::Connected | LeaseStanding::Disconnected))
            .map(|(id, _)| (*id, lease))
            .collect();
        if !leases.is_empty() {
            let started = engine.keep_alive(&caller.org, &leases).await.map_err(unread)?;
            // One without a lease was disconnected by another server, and this one hasn't heard.
            if started.iter().any(|id| standings.get(id) == Some(&LeaseStanding::Connected)) {
                view = self.0.barrier(&caller.org).await.map_err(unread)?;
                standings = records(&view);
            }
        }
        let away: Vec<_> = standings
            .iter()
            .filter(|(_, s)| matches!(s, LeaseStanding::Disconnected))
            .map(|(id, _)| *id)
            .collect();
        if !away.is_empty() {
            self.reconnect(caller, &away).await?;
            view = self.0.barrier(&caller.org).await.map_err(unread)?;
            standings = records(&view);
        }
        Ok((standings, view, away.into_iter().collect()))
    }
}

fn verdict(
    text: &str,
    id: Option<PresenceId>,
    standings: &BTreeMap<PresenceId, LeaseStanding>,
    away: &BTreeSet<PresenceId>,
) -> pb::KeepAliveResult {
    use pb::{ErrorReason as R, KeepAliveVerdict as V};
    let (verdict, reason, cause) = match id.map(|id| (id, standings.get(&id))) {
        None => (V::Invalid, R::InvalidField, None),
        Some((id, Some(LeaseStanding::Connected | LeaseStanding::Disconnected))) => {
            let back = if away.contains(&id) { V::Reconnected } else { V::Renewed };
            (back, R::Unspecified, None)
        }
        Some((_, Some(LeaseStanding::Ended(cause @ PresenceCause::DuplicateLogin)))) => {
            (V::Superseded, R::PresenceSuperseded, Some(*cause))
        }
        Some((_, Some(LeaseStanding::Ended(cause)))) => {
            (V::Closed, R::PresenceClosed, Some(*cause))
        }
        Some((_, Some(LeaseStanding::Unknown) | None)) => (V::NotFound, R::NotFound, None),
    };
    pb::KeepAliveResult {
        presence: text.to_owned(),
        verdict: verdict.into(),
        reason: reason.into(),
        cause: cause.map(to_proto::cause).unwrap_or_default().into(),
    }
}

fn known(view: &View, caller: &Caller, named: &RepId) -> Result<Arc<RepPresence>, Problem> {
    let rep = scope::rep(view, caller, named)?;
    Ok(view.state.rep_presence(&rep))
}

#[tonic::async_trait]
impl PresenceService for Presences {
    async fn open_presence(
        &self,
        request: Request<pb::OpenPresenceRequest>,
    ) -> Result<Response<pb::OpenPresenceResponse>, Status> {
        const RPC: &str = "PresenceService/OpenPresence";
        let (caller, message) = self.0.admit(RPC, request)?;
        let asked = from_proto::open_presence(&message)?;
        let command = Command::OpenPresence {
            rep: caller.acting_for("rep", asked.rep)?,
            status: asked.status,
            device: asked.device,
        };
        let done = self.0.mutate(&caller, AskedCall::of(RPC, message), command).await?;
        let opened = image(&done)?.presence.as_ref().map(|p| p.id);
        let opened = opened.ok_or(Problem::Internal("a presence was opened and isn't there"))?;
        let lease = done.view.state.settings().presence_lease;
        if standing(&done.view, &caller, opened) == LeaseStanding::Connected {
            let leases = [(opened, lease)];
            self.0.engine.keep_alive(&caller.org, &leases).await.map_err(unread)?;
        }
        Ok(Response::new(pb::OpenPresenceResponse {
            rep_presence: Some(shown(&done)?),
            presence: opened.to_string(),
            lease: Some(to_proto::span(lease)),
            renew_every: Some(renew_every(lease)),
            revision: done.number(),
        }))
    }

    async fn keep_alive(
        &self,
        request: Request<pb::KeepAliveRequest>,
    ) -> Result<Response<pb::KeepAliveResponse>, Status> {
        let (caller, message) = self.0.admit("PresenceService/KeepAlive", request)?;
        from_proto::keep_alive(&message)?;
        let ids: Vec<Option<PresenceId>> =
            message.presences.iter().map(|text| text.parse().ok()).collect();
        let distinct = ids.iter().flatten().copied().collect();
        let (standings, view, away) = self.renew(&caller, &distinct).await?;
        let lease = view.state.settings().presence_lease;
        let results = message
            .presences
            .iter()
            .zip(ids)
            .map(|(text, id)| verdict(text, id, &standings, &away))
            .collect();
        Ok(Response::new(pb::KeepAliveResponse {
            results,
            lease: Some(to_proto::span(lease)),
            renew_every: Some(renew_every(lease)),
            revision: number(view.state.head().revision),
        }))
    }

    async fn set_status(
        &self,
        request: Request<pb::SetStatusRequest>,
    ) -> Result<Response<pb::SetStatusResponse>, Status> {
        const RPC: &str = "PresenceService/SetStatus";
        let (caller, message) = self.0.admit(RPC, request)?;
        let (presence, status) = from_proto::set_status(&message, caller.rep().as_ref())?;
        check_whose(&caller, &presence)?;
        let when_done = message.when_current_work_is_done;
        let command = Command::SetStatus { presence, status, when_done };
        let done = self.0.mutate(&caller, AskedCall::of(RPC, message), command).await?;
        Ok(Response::new(pb::SetStatusResponse {
            rep_presence: Some(shown(&done)?),
            revision: done.number(),
        }))
    }

    async fn close_presence(
        &self,
        request: Request<pb::ClosePresenceRequest>,
    ) -> Result<Response<pb::ClosePresenceResponse>, Status> {
        const RPC: &str = "PresenceService/ClosePresence";
        let (caller, message) = self.0.admit(RPC, request)?;
        let presence = from_proto::close_presence(&message, caller.rep().as_ref())?;
        check_whose(&caller, &presence)?;
        let when_done = message.when_current_work_is_done;
        let command = Command::ClosePresence { presence, when_done };
        let done = self.0.mutate(&caller, AskedCall::of(RPC, message), command).await?;
        if let (None, Some(last)) = (&image(&done)?.presence, &image(&done)?.last) {
            // A lease that is left behind runs out and finds its presence closed: no harm.
            drop(self.0.engine.release(&caller.org, &[last.id]).await);
        }
        Ok(Response::new(pb::ClosePresenceResponse {
            rep_presence: Some(shown(&done)?),
            revision: done.number(),
        }))
    }

    async fn get_rep_presence(
        &self,
        request: Request<pb::GetRepPresenceRequest>,
    ) -> Result<Response<pb::GetRepPresenceResponse>, Status> {
        let (caller, message) = self.0.admit("PresenceService/GetRepPresence", request)?;
        let asked = from_proto::about_rep(&message.rep, message.at_least_revision)?;
        let rep = about(&caller, asked.rep)?;
        let answer = self.0.read(&caller, asked.at_least, |view| {
            let image = known(view, &caller, &rep)?;
            let changed = view.state.revision_of(&RecordKey::RepPresence(image.rep.clone()));
            Ok(pb::GetRepPresenceResponse {
                rep_presence: Some(to_proto::rep_presence(
                    ObjectContext::of(view, caller.content()),
                    &image,
                    changed,
                )),
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn list_rep_presences(
        &self,
        request: Request<pb::ListRepPresencesRequest>,
    ) -> Result<Response<pb::ListRepPresencesResponse>, Status> {
        const RPC: &str = "PresenceService/ListRepPresences";
        let (caller, message) = self.0.admit(RPC, request)?;
        let filter = from_proto::list_presences(&message)?;
        let window = self.0.window(&caller, RPC, message)?;
        let answer = self.0.read(&caller, window.at_least, |view| {
            let queue = scope::queue_meant(view, &caller, filter.queue.as_ref());
            let queue = queue.map(|id| {
                let seen = may_see_queue(&view.state, &caller, &id);
                view.state.queue(&id).filter(|_| seen)
            });
            let is_member = |rep: &RepId| match &queue {
                Some(queue) => queue.as_ref().is_some_and(|queue| queue.reps.contains(rep)),
                None => true,
            };
            let all = view
                .state
                .range(RecordKey::Rep(RepId::least())..)
                .map_while(|record| match record {
                    Record::Rep(rep) => Some(rep),
                    _ => None,
                })
                .filter(|r| {
                    contains(r.id.as_str(), &filter.query) || contains(&r.name, &filter.query)
                })
                .filter(|r| is_member(&r.id))
                .filter(|r| may_see_rep(&view.state, &caller, &r.id))
                .filter_map(|r| listed(view, &r.id, &filter));
            let page = self.0.page(&caller, &window, view, all, |r| r.rep.clone());
            Ok(pb::ListRepPresencesResponse {
                rep_presences: page.items,
                next_page_token: page.next,
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn explain_capacity(
        &self,
        request: Request<pb::ExplainCapacityRequest>,
    ) -> Result<Response<pb::ExplainCapacityResponse>, Status> {
        let (caller, message) = self.0.admit("PresenceService/ExplainCapacity", request)?;
        let asked = from_proto::about_rep(&message.rep, message.at_least_revision)?;
        let rep = about(&caller, asked.rep)?;
        let answer = self.0.read(&caller, asked.at_least, |view| {
            let image = known(view, &caller, &rep)?;
            let sees = |work: &Work| may_see_session_of(&view.state, &caller, work.session);
            Ok(pb::ExplainCapacityResponse {
                explanation: Some(to_proto::capacity(
                    ObjectContext::of(view, caller.content()),
                    &image,
                    sees,
                )),
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn open_presences(
        &self,
        request: Request<pb::OpenPresencesRequest>,
    ) -> Result<Response<pb::OpenPresencesResponse>, Status> {
        Ok(Response::new(self.open_many(request).await?))
    }

    async fn set_statuses(
        &self,
        request: Request<pb::SetStatusesRequest>,
    ) -> Result<Response<pb::SetStatusesResponse>, Status> {
        Ok(Response::new(self.set_many(request).await?))
    }
}

/// The rep that a question is about: reps may ask about each other, but need not name themselves.
fn about(caller: &Caller, named: Option<RepId>) -> Result<RepId, Problem> {
    match named {
        Some(rep) => Ok(rep),
        None => caller.acting_for("rep", None),
    }
}

fn listed(
    view: &View,
    rep: &RepId,
    filter: &from_proto::PresenceFilter,
) -> Option<pb::RepPresence> {
    // Nobody types anything into a live state.
    let context = ObjectContext::of(view, Content::Hidden);
    let image = view.state.rep_presence(rep);
    let available = to_proto::available_for(context, &image);
    let wanted = &filter.available_for;
    if !wanted.is_empty() && !available.iter().any(|t| wanted.contains(t)) {
        return None;
    }
    let changed = view.state.revision_of(&RecordKey::RepPresence(rep.clone()));
    let shown = to_proto::rep_presence(context, &image, changed);
    let types = &filter.status_types;
    (types.is_empty() || types.contains(&shown.status_type)).then_some(shown)
}
