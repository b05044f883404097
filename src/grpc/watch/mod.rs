//! WatchService: one stream for everything (W1–W8). A watcher is a cursor over the entries that the
//! engine publishes, not a queue: it takes what is new when its reader has room, so a slow reader
//! costs a bounded amount and slows nobody else (W6). `filter` says what a stream carries, `records`
//! what the records were at each revision, `crossings` what comes into a narrowed reader's sight with its session, `told` what follows from many of them (queues, places in
//! lines), `frames` how it is written, `stream` when.

mod crossings;
mod dependents;
mod facts;
mod filter;
mod frames;
mod inferred;
mod partners;
mod records;
mod stream;
mod told;

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::admission::has_scope;
use super::api::{Api, fingerprint, number, unread};
use super::caller::Caller;
use super::credentials::{Cut, CutStream};
use super::from_proto;
use super::from_proto::{Kind, LimitedViewer};
use super::scope;
use super::status::Problem;
use super::to_proto::{self, ObjectContext};
use super::token::StreamMark;
use crate::access::Scope;
use crate::domain::id::QueueId;
use crate::domain::live::Role;
use crate::domain::record::{Record, RecordKey};
use crate::domain::scope::{Viewer, may_see_queue};
use crate::pb;
use crate::pb::watch_service_server::WatchService;
pub(super) use frames::going_away;
use stream::{Beginning, Watcher};
pub(super) use stream::{entries_after, position};

/// Frames that wait for a slow reader; then its cursor waits.
const FRAMES: usize = 4;

/// The service.
pub struct Watches(pub Arc<Api>);

#[tonic::async_trait]
impl WatchService for Watches {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<pb::WatchResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<pb::WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (caller, message) = self.0.admit("WatchService/Watch", request)?;
        let mut asked = from_proto::watch(&message)?;
        check_kinds(&caller, &asked)?;
        let slot = self.0.quotas.stream(&caller)?;
        scope::partner(&caller, asked.partner.clone())?;
        asked.own_work = caller.rep().filter(|_| asked.kinds.contains(&Kind::Work));
        asked.seen_by = Viewer::from(&caller).is_limited().then(|| LimitedViewer {
            actor: caller.actor.clone(),
            narrowing: caller.credential.narrowing.clone(),
        });
        asked.content = caller.content();
        // The same objects in another order are the same stream; so is another heartbeat.
        let question = fingerprint("WatchService/Watch", &canonical(&asked));
        let of = StreamMark { question, sight: scope::sight(&caller, asked.own_work.as_ref()) };
        let token = &message.resume_token;
        let beginning = match (token.is_empty(), asked.after) {
            (true, None) => Beginning::Anew,
            (true, Some(revision)) => Beginning::After(revision),
            (false, _) => match self.0.seal.read_resume(&caller.org, question, token)? {
                (at, sight) if sight == of.sight => Beginning::At(at),
                _ => Beginning::Otherwise,
            },
        };
        let views = self.0.engine.subscribe(&caller.org).await.map_err(unread)?;
        let (out, frames) = mpsc::channel(FRAMES);
        let cut = Cut::default();
        let out = (out, cut.clone());
        let watcher = Watcher::new(Arc::clone(&self.0), caller, asked, of, views, out, slot);
        let plan = watcher.plan(beginning).await?;
        tokio::spawn(watcher.run(plan));
        let frames = ReceiverStream::new(frames);
        Ok(Response::new(Box::pin(CutStream { frames, cut, over: false })))
    }

    async fn get_queue_state(
        &self,
        request: Request<pb::GetQueueStateRequest>,
    ) -> Result<Response<pb::GetQueueStateResponse>, Status> {
        let (caller, message) = self.0.admit("WatchService/GetQueueState", request)?;
        let (id, at_least) = from_proto::about_queue(&message)?;
        let answer = self.0.read(&caller, at_least, |view| {
            let queue = scope::queue(view, &caller, &id)?;
            let (context, at) =
                (ObjectContext::of(view, caller.content()), view.state.head().revision);
            let state = to_proto::queue_state(context, &queue, at);
            Ok(pb::GetQueueStateResponse {
                queue_state: Some(to_proto::scored(context, state, &queue)),
                revision: number(at),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn list_queue_states(
        &self,
        request: Request<pb::ListQueueStatesRequest>,
    ) -> Result<Response<pb::ListQueueStatesResponse>, Status> {
        const RPC: &str = "WatchService/ListQueueStates";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list_queue_states(&message)?;
        let window = self.0.window(&caller, RPC, message)?;
        let answer = self.0.read(&caller, window.at_least, |view| {
            let contains = |text: &str| text.to_lowercase().contains(&query);
            let all = view
                .state
                .range(RecordKey::Queue(QueueId::least())..)
                .map_while(|record| match record {
                    Record::Queue(queue) => Some(queue),
                    _ => None,
                })
                .filter(|queue| contains(queue.id.as_str()) || contains(&queue.name))
                .filter(|queue| may_see_queue(&view.state, &caller, &queue.id));
            let page = self.0.page(&caller, &window, view, all, |queue| queue.id.to_string());
            let (context, at) =
                (ObjectContext::of(view, caller.content()), view.state.head().revision);
            let states = page.items.iter().map(|queue| to_proto::queue_state(context, queue, at));
            Ok(pb::ListQueueStatesResponse {
                queue_states: states.collect(),
                next_page_token: page.next,
                revision: number(at),
            })
        });
        Ok(Response::new(answer.await?))
    }
}

/// The scope that a kind of objects needs (S4).
const fn scope_of(kind: Kind) -> Scope {
    match kind {
        Kind::Rep => Scope::Presence,
        Kind::Queue => Scope::Queues,
        Kind::Session => Scope::Sessions,
        Kind::Transfer => Scope::Transfers,
        Kind::Work => Scope::Work,
        Kind::Handoff => Scope::Handoffs,
        Kind::RoutingRequest | Kind::Partner => Scope::Routing,
    }
}

/// What partners are asked, and how they do, is theirs and of those who run the org.
fn check_kinds(caller: &Caller, asked: &from_proto::WatchQuery) -> Result<(), Problem> {
    for kind in &asked.kinds {
        has_scope(caller, scope_of(*kind))?;
    }
    let others = matches!(caller.actor.role, Role::Rep | Role::Adapter);
    if others && asked.kinds.iter().any(|kind| kind.is_of_partners()) {
        let why = "hand-offs, routing requests and partners are watched by partners, supervisors, dashboards and admins";
        return Err(Problem::Denied(why.to_owned()));
    }
    Ok(())
}

/// A request that says only which objects are watched, in one order.
fn canonical(asked: &from_proto::WatchQuery) -> pb::WatchRequest {
    pb::WatchRequest {
        kinds: asked.kinds.iter().map(|kind| *kind as i32).collect(),
        filter: Some(pb::WatchFilter {
            reps: asked.reps.iter().map(ToString::to_string).collect(),
            queues: asked.queues.iter().map(ToString::to_string).collect(),
            channels: asked.channels.iter().map(ToString::to_string).collect(),
            sessions: asked.sessions.iter().map(ToString::to_string).collect(),
            transfers: asked.transfers.iter().map(ToString::to_string).collect(),
            partner: asked.partner.as_ref().map(ToString::to_string).unwrap_or_default(),
        }),
        ..Default::default()
    }
}
