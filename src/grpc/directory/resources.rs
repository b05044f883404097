//! What the nine kinds of resources have in common, written once: where their records are, and how
//! one is read, listed and changed. Which method does that with which kind is said by the handlers.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use tonic::Request;

use super::Directory;
use crate::domain::directory::{
    Channel, Partner, PresenceConfiguration, PresenceStatus, Profile, Queue, Rep, Skill,
};
use crate::domain::entry::Revision;
use crate::domain::flow::Flow;
use crate::domain::id::{
    BadId, ChannelId, ConfigurationId, FlowId, PartnerId, ProfileId, QueueId, RepId, SkillId,
    StatusId,
};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::rejection::Rejection;
use crate::domain::scope::{Viewer, may_see};
use crate::engine::View;
use crate::grpc::api::{AskedCall, Mutation, number};
use crate::grpc::caller::Caller;
use crate::grpc::from_proto::Asked;
use crate::grpc::pages::{Window, contains};
use crate::grpc::request_id::WithRequestId;
use crate::grpc::status::Problem;
use crate::grpc::to_proto;
use crate::pb;

/// A kind of resource: where its records are and how one is shown.
pub(super) trait Resource: Sized {
    type Id: FromStr<Err = BadId> + Display + Clone + Send + Sync;
    type Wire;
    const KIND: &'static str;
    fn key(id: Self::Id) -> RecordKey;
    fn least() -> RecordKey;
    fn pick(record: &Record) -> Option<&Arc<Self>>;
    fn id(&self) -> &str;
    fn name(&self) -> &str;
    fn show(&self) -> Self::Wire;
}

// A macro, since each of the nine has the same accessors, 200 lines in full. It writes no handler and
// reads no request.
macro_rules! resources {
    ($($image:ident($kind:ident, $word:literal, $id:ident, $show:ident);)*) => {$(
        impl Resource for $image {
            type Id = $id;
            type Wire = pb::$image;
            const KIND: &'static str = $word;
            fn key(id: $id) -> RecordKey {
                RecordKey::$kind(id)
            }
            fn least() -> RecordKey {
                RecordKey::$kind($id::least())
            }
            fn pick(record: &Record) -> Option<&Arc<Self>> {
                match record {
                    Record::$kind(image) => Some(image),
                    _ => None,
                }
            }
            fn id(&self) -> &str {
                self.id.as_str()
            }
            fn name(&self) -> &str {
                &self.name
            }
            fn show(&self) -> pb::$image {
                to_proto::$show(self)
            }
        }
    )*};
}

resources! {
    Rep(Rep, "rep", RepId, rep);
    Channel(Channel, "channel", ChannelId, channel);
    PresenceStatus(Status, "presence_status", StatusId, status);
    PresenceConfiguration(Configuration, "presence_configuration", ConfigurationId, configuration);
    Profile(Profile, "profile", ProfileId, profile);
    Skill(Skill, "skill", SkillId, skill);
    Queue(Queue, "queue", QueueId, queue);
    Flow(Flow, "flow", FlowId, flow);
    Partner(Partner, "partner", PartnerId, partner);
}

impl Directory {
    /// A resource, and the revision at which it was read.
    pub(super) async fn get<R: Resource>(
        &self,
        caller: &Caller,
        id: R::Id,
        at_least: Option<Revision>,
    ) -> Result<(Option<R::Wire>, i64), Problem> {
        self.0.read(caller, at_least, |view| find::<R>(view, caller, &id)).await
    }

    /// A page of the resources that match, the token of the next page, and the revision.
    pub(super) async fn list<R: Resource>(
        &self,
        caller: &Caller,
        window: &Window,
        query: &str,
    ) -> Result<(Vec<R::Wire>, String, i64), Problem> {
        let answer = self.0.read(caller, window.at_least, |view| {
            let all = matching::<R>(view, caller, query);
            let page = self.0.page(caller, window, view, all, |r| r.id().to_owned());
            let shown = page.items.iter().map(|r| r.show()).collect();
            Ok((shown, page.next, number(view.state.head().revision)))
        });
        answer.await
    }

    /// Upserts or deletes one resource, as `read` finds it in the request.
    pub(super) async fn change<R: Resource, M: WithRequestId>(
        &self,
        rpc: &'static str,
        request: Request<M>,
        read: fn(&M) -> Result<Asked, Problem>,
    ) -> Result<(Option<R::Wire>, i64), Problem> {
        let (caller, message) = self.0.admit(rpc, request)?;
        let what = read(&message)?;
        let done = self.0.mutate(&caller, AskedCall::of(rpc, message), what).await?;
        Ok((Some(shown::<R>(&done)?), done.number()))
    }
}

fn find<R: Resource>(
    view: &View,
    caller: &Caller,
    id: &R::Id,
) -> Result<(Option<R::Wire>, i64), Problem> {
    let record = view.state.record(&R::key(id.clone()));
    let record = record.filter(|record| is_left(view, caller, record));
    let found = record.as_ref().and_then(R::pick);
    let found = found.ok_or_else(|| Rejection::not_found(R::KIND, id))?;
    Ok((Some(found.show()), number(view.state.head().revision)))
}

fn matching<'v, R: Resource + 'v>(
    view: &'v View,
    caller: &'v Caller,
    query: &'v str,
) -> impl Iterator<Item = Arc<R>> + 'v {
    view.state
        .range(R::least()..)
        .map_while(|record| Some((R::pick(record)?, record)))
        .filter(|(_, record)| is_left(view, caller, record))
        .map(|(resource, _)| resource)
        .filter(move |r| contains(r.id(), query) || contains(r.name(), query))
        .map(Arc::clone)
}

/// Is a resource left by what the caller's credential is narrowed to (S4)? What others say of it by its name they say all the
/// same.
pub(super) fn is_left(view: &View, caller: &Caller, record: &Record) -> bool {
    let viewer = Viewer::from(caller);
    match record {
        Record::Rep(rep) => viewer.keeps_rep(&view.state, &rep.id),
        Record::Queue(queue) => viewer.keeps_queue(&queue.id),
        Record::Channel(channel) => may_see(viewer, channel),
        _ => true,
    }
}

fn shown<R: Resource>(done: &Mutation) -> Result<R::Wire, Problem> {
    let found = R::pick(done.record()?);
    found.map(|r| r.show()).ok_or(Problem::Internal("the answer is of another kind"))
}
