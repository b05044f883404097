//! A watch stream as a client reads it, frame by frame, each within a deadline.

use baton::pb;
use pb::watch_response::Frame;
use tonic::{Status, Streaming};

use super::world::{Caller, DEADLINE};

/// What can be watched today.
pub const ALL: [pb::WatchKind; 4] =
    [pb::WatchKind::Rep, pb::WatchKind::Session, pb::WatchKind::Transfer, pb::WatchKind::Work];

/// A request for everything of these kinds.
pub fn request(kinds: &[pb::WatchKind]) -> pb::WatchRequest {
    pb::WatchRequest {
        kinds: kinds.iter().map(|kind| i32::from(*kind)).collect(),
        ..Default::default()
    }
}

/// An open stream.
pub struct Stream {
    frames: Streaming<pb::WatchResponse>,
    /// The last resume token seen.
    pub token: String,
}

impl Stream {
    /// Opens a stream.
    pub async fn open(caller: &mut Caller, request: pb::WatchRequest) -> Result<Self, Status> {
        let frames = caller.watches.watch(request).await?.into_inner();
        Ok(Self { frames, token: String::new() })
    }

    /// Opens a stream and reads its snapshot: the objects, and the revision they are of.
    pub async fn synced(
        caller: &mut Caller,
        request: pb::WatchRequest,
    ) -> (Self, Vec<pb::WatchObject>, i64) {
        let mut stream = Self::open(caller, request).await.expect("it may be watched");
        let (objects, revision) = stream.snapshot().await;
        (stream, objects, revision)
    }

    /// The next frame; `None` at the end of the stream.
    pub async fn frame(&mut self) -> Result<Option<Frame>, Status> {
        let next = tokio::time::timeout(DEADLINE, self.frames.message());
        let Some(response) = next.await.expect("a frame comes in time")? else {
            return Ok(None);
        };
        if !response.resume_token.is_empty() {
            self.token = response.resume_token;
        }
        Ok(Some(response.frame.expect("a frame says something")))
    }

    /// The next frame that isn't a heartbeat.
    pub async fn news(&mut self) -> Frame {
        loop {
            match self.frame().await.expect("the stream goes on").expect("the stream goes on") {
                Frame::Heartbeat(_) => {}
                other => return other,
            }
        }
    }

    /// Reads frames up to the end of a snapshot.
    pub async fn snapshot(&mut self) -> (Vec<pb::WatchObject>, i64) {
        let mut objects = Vec::new();
        loop {
            match self.news().await {
                Frame::Started(_) | Frame::Reset(_) => {}
                Frame::Snapshot(some) => objects.extend(some.objects),
                Frame::Synced(synced) => return (objects, synced.revision),
                other => panic!("no snapshot: {other:?}"),
            }
        }
    }

    /// Reads changes up to and including the first revision that `wanted` holds for.
    pub async fn until(
        &mut self,
        wanted: impl Fn(&pb::RevisionChanges) -> bool,
    ) -> Vec<pb::RevisionChanges> {
        let mut seen = Vec::new();
        loop {
            match self.news().await {
                Frame::Changes(changes) => {
                    seen.extend(changes.revisions);
                    if seen.iter().any(&wanted) {
                        return seen;
                    }
                }
                Frame::Started(_) => {}
                other => panic!("no changes: {other:?}"),
            }
        }
    }

    /// Reads changes up to a revision.
    pub async fn up_to(&mut self, revision: i64) -> Vec<pb::RevisionChanges> {
        self.until(|changes| changes.revision >= revision).await
    }
}

/// The names of the facts of a revision.
pub fn facts(changes: &pb::RevisionChanges) -> Vec<&str> {
    changes.changes.iter().flat_map(|c| &c.facts).map(String::as_str).collect()
}

/// The objects that a revision changed: kind and id.
pub fn touched(changes: &pb::RevisionChanges) -> Vec<(&'static str, String)> {
    changes.changes.iter().filter_map(|c| c.change.as_ref()).map(name).collect()
}

fn name(change: &pb::change::Change) -> (&'static str, String) {
    use pb::watch_object::Object;
    match change {
        pb::change::Change::Upserted(object) => match object.object.as_ref() {
            Some(Object::RepPresence(rep)) => ("rep", rep.rep.clone()),
            Some(Object::Session(session)) => ("session", session.id.clone()),
            Some(Object::Transfer(transfer)) => ("transfer", transfer.id.clone()),
            Some(Object::Work(work)) => ("work", work.id.clone()),
            Some(Object::Queue(queue)) => ("queue", queue.queue.clone()),
            Some(Object::Handoff(handoff)) => ("handoff", handoff.id.clone()),
            Some(Object::RoutingRequest(asked)) => ("routing_request", asked.id.clone()),
            Some(Object::Partner(partner)) => ("partner", partner.partner.clone()),
            other => panic!("not watched: {other:?}"),
        },
        pb::change::Change::Removed(removed) => {
            ("removed", removed.object.as_ref().map(|o| o.id.clone()).unwrap_or_default())
        }
    }
}
