//! Messages are whole before anything else is done with them, and only so many large ones are held at the same time. Until
//! it is whole a message takes what has come of it, whatever its head promises: the decoder would make room for that at
//! once. An upload of the directory may have 4 MiB: as many as a connection has streams would be half a gigabyte. The calls
//! themselves are bounded elsewhere.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{Body as HttpBody, Bytes};
use tower::{Layer, Service};

use super::caller::Caller;
use super::deadline;
use super::status::{Problem, Repeat};
use super::table;
use crate::access::Limits;
use crate::domain::id::OrgId;
use crate::engine::Refusal;
use crate::engine::clock::duration;

/// How many uploads, of 4 MiB at most, are held at the same time. The next waits, within its deadline.
const UPLOADS: usize = 16;
/// The same of renewals, which have 1 MiB at most. Counted apart, so that no upload makes a presence lapse.
const RENEWALS: usize = 64;
/// Of both so many of one org, so that no org keeps the others waiting.
const OF_AN_ORG: (usize, usize) = (4, 16);

/// Bounds the large messages of all calls. A clone bounds them together with the original.
#[derive(Debug, Clone)]
pub struct Uploads {
    limits: watch::Receiver<Limits>,
    from_clients: Permits,
    /// Those that other servers pass on. Counted apart: two servers that have passed all they may to each other would
    /// otherwise wait for each other.
    from_servers: Permits,
}

#[derive(Debug, Clone)]
struct Permits {
    all: Shares,
    /// Those of orgs that have, or want, some.
    orgs: Arc<Mutex<HashMap<OrgId, Shares>>>,
}

#[derive(Debug, Clone)]
struct Shares {
    uploads: Arc<Semaphore>,
    renewals: Arc<Semaphore>,
}

impl Shares {
    fn new((uploads, renewals): (usize, usize)) -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { uploads: semaphore(uploads), renewals: semaphore(renewals) }
    }

    fn of(&self, renews: bool) -> Arc<Semaphore> {
        Arc::clone(if renews { &self.renewals } else { &self.uploads })
    }

    fn is_used(&self) -> bool {
        Arc::strong_count(&self.uploads) > 1 || Arc::strong_count(&self.renewals) > 1
    }
}

impl Default for Permits {
    fn default() -> Self {
        Self { all: Shares::new((UPLOADS, RENEWALS)), orgs: Arc::default() }
    }
}

impl Permits {
    /// What a call of this org needs, in this order.
    fn of(&self, org: &OrgId, renews: bool) -> [Arc<Semaphore>; 2] {
        let mut orgs = self.orgs.lock().unwrap_or_else(PoisonError::into_inner);
        if orgs.len() > ORGS_KEPT {
            orgs.retain(|_, shares| shares.is_used());
        }
        let own = orgs.entry(org.clone()).or_insert_with(|| Shares::new(OF_AN_ORG));
        [own.of(renews), self.all.of(renews)]
    }
}

/// Orgs that are kept before those are forgotten that have nothing here.
const ORGS_KEPT: usize = 1_024;

impl Uploads {
    /// Bounds messages by these limits.
    #[must_use]
    pub fn new(limits: watch::Receiver<Limits>) -> Self {
        Self { limits, from_clients: Permits::default(), from_servers: Permits::default() }
    }

    /// What a call's message needs permits of, should it be large. `None`: nobody is known to call.
    fn of(&self, request: &Request<Body>) -> Option<[Arc<Semaphore>; 2]> {
        let caller = request.extensions().get::<Caller>()?;
        let permits = if caller.passed.is_some() { &self.from_servers } else { &self.from_clients };
        let renews = request.uri().path().starts_with("/baton.v1.PresenceService/");
        Some(permits.of(&caller.org, renews))
    }
}

impl<S> Layer<S> for Uploads {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bounded { inner, uploads: self.clone() }
    }
}

/// A service whose large messages are bounded.
#[derive(Debug, Clone)]
pub struct Bounded<S> {
    inner: S,
    uploads: Uploads,
}

/// Where a call keeps its permit, once it needs one: until it is answered, since its message is held so long.
type Kept = Arc<OnceLock<[OwnedSemaphorePermit; 2]>>;

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that was asked whether it is ready is the one to be called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let (permits, limits) = (self.uploads.of(&request), *self.uploads.limits.borrow());
        Box::pin(async move {
            // Everything of ours has one message; what is streamed here (reflection) isn't ours.
            let (Some(rpc), Some(permits)) = (table::row(request.uri().path()), permits) else {
                return inner.call(request).await;
            };
            let kept = Kept::default();
            let (parts, body) = request.into_parts();
            let usual = kib(limits.message_kib);
            let kept_by_body = Arc::clone(&kept);
            let measured =
                Measured { body, length: 0, usual, permits, waiting: None, kept: kept_by_body };
            let patience = deadline::left().map_or(PATIENCE, duration);
            let (limit, most) = rpc.largest(&limits);
            let message = match timeout(patience, whole(Body::new(measured), kib(most))).await {
                Ok(Ok(message)) => message,
                Ok(Err(NotWhole::BrokenOff)) => {
                    return Ok(Status::cancelled("the call was broken off").into_http());
                }
                Ok(Err(NotWhole::TooLarge)) => return Ok(too_large(limit, most)),
                Err(_) => return Ok(never_whole()),
            };
            let body = Body::new(Full::new(message));
            let answer = inner.call(Request::from_parts(parts, body)).await;
            drop(kept);
            answer
        })
    }
}

/// How long a message is waited for where no call's deadline is known.
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer to a call whose message didn't come in time: nothing was done.
fn never_whole() -> Response<Body> {
    let late = Refusal::TimedOut { retry_after: Duration::from_secs(1) };
    Status::from(Problem::Refused(late, Repeat::Safe)).into_http()
}

/// The answer to a call whose message is larger than may be.
fn too_large(limit: &'static str, most: u32) -> Response<Body> {
    Status::from(Problem::TooLarge { limit, most }).into_http()
}

const fn kib(number: u32) -> usize {
    number as usize * 1024
}

/// The bytes before a message: whether it is compressed, and its length.
pub const FRAME_HEAD: usize = 5;

/// Why a message isn't whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotWhole {
    /// The caller has gone.
    BrokenOff,
    /// It is, or says that it will be, larger than it may be.
    TooLarge,
}

/// All of a body that has one message. What comes in one piece, as most do, isn't copied.
///
/// # Errors
/// [`NotWhole`].
pub async fn whole(mut body: Body, largest: usize) -> Result<Bytes, NotWhole> {
    let mut first: Option<Bytes> = None;
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| NotWhole::BrokenOff)?;
        let Ok(data) = frame.into_data() else { continue };
        match (&first, all.is_empty()) {
            (None, _) => first = Some(data),
            (Some(first), true) => {
                all.extend_from_slice(first);
                all.extend_from_slice(&data);
            }
            (Some(_), false) => all.extend_from_slice(&data),
        }
        let so_far = if all.is_empty() { first.as_deref().unwrap_or_default() } else { &all };
        if so_far.len() > largest + FRAME_HEAD || promised(so_far) > largest {
            return Err(NotWhole::TooLarge);
        }
    }
    Ok(if all.is_empty() { first.unwrap_or_default() } else { Bytes::from(all) })
}

/// How long the message will be, by its head; nothing while that isn't there.
fn promised(so_far: &[u8]) -> usize {
    let head: Option<[u8; 4]> = so_far.get(1..FRAME_HEAD).and_then(|head| head.try_into().ok());
    head.map_or(0, |head| u32::from_be_bytes(head) as usize)
}

/// A body that goes on beyond the size of a usual message only with a permit.
struct Measured {
    body: Body,
    length: usize,
    /// How large a usual message is.
    usual: usize,
    permits: [Arc<Semaphore>; 2],
    waiting: Option<Waiting>,
    kept: Kept,
}

type Waiting = Pin<Box<dyn Future<Output = Option<[OwnedSemaphorePermit; 2]>> + Send>>;

impl HttpBody for Measured {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.length > this.usual && this.kept.get().is_none() {
            let permits = &this.permits;
            let waiting = this.waiting.get_or_insert_with(|| {
                let [own, all] = permits.clone();
                // First among those of the org, then among all: who waits for its own org's turn keeps nobody else waiting.
                Box::pin(async move {
                    let own = own.acquire_owned().await.ok()?;
                    Some([own, all.acquire_owned().await.ok()?])
                })
            });
            let permit = ready!(waiting.as_mut().poll(context));
            this.waiting = None;
            // Nobody closes the semaphore, and nobody else keeps a permit here.
            drop(permit.map(|permit| this.kept.set(permit)));
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame {
            this.length += frame.data_ref().map_or(0, Bytes::len);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use http_body_util::StreamBody;
    use tokio::time::timeout;

    use super::*;
    use crate::domain::live::{Actor, Role};
    use crate::grpc::passed::Passed;

    /// Reads a call's message, and keeps it until it is told to answer.
    #[derive(Clone)]
    struct Reading(tokio::sync::mpsc::Sender<()>, Arc<Semaphore>);

    impl Service<Request<Body>> for Reading {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Self::Future {
            let Self(read, answer) = self.clone();
            Box::pin(async move {
                let _message = request.into_body().collect().await.unwrap();
                read.send(()).await.unwrap();
                answer.acquire().await.unwrap().forget();
                Ok(Response::new(Body::empty()))
            })
        }
    }

    /// A message that comes in two pieces.
    fn request(path: &str, length: usize, (org, passed): (&str, bool)) -> Request<Body> {
        let half = Bytes::from(vec![0; length / 2]);
        let pieces = [half.clone(), half].map(|half| Ok::<_, Status>(Frame::data(half)));
        let mut request = Request::new(Body::new(StreamBody::new(tokio_stream::iter(pieces))));
        *request.uri_mut() = path.parse().unwrap();
        let actor = Actor { role: Role::Admin, id: "a".parse().unwrap() };
        let caller = Caller::claimed(org.parse().unwrap(), actor);
        let passed = passed.then(Passed::default);
        request.extensions_mut().insert(Caller { passed, ..caller });
        request
    }

    #[tokio::test]
    async fn d4_so_many_large_messages_are_held_and_the_next_waits() {
        let (read, mut reads) = tokio::sync::mpsc::channel(100);
        let answer = Arc::new(Semaphore::new(0));
        let mut bounded = Uploads::new(watch::Sender::new(Limits::default()).subscribe())
            .layer(Reading(read, Arc::clone(&answer)));
        let usual = kib(Limits::default().message_kib);
        let large = 2 * usual;
        let mut calls = tokio::task::JoinSet::new();
        let mut begin = |path: &str, length, whose: (&str, bool)| {
            let path = format!("/baton.v1.{path}");
            calls.spawn(bounded.call(request(&path, length, whose)));
        };
        let upload = "DirectoryService/ApplyDirectory";
        // Each org has its own, until all are taken.
        for _ in 0..=OF_AN_ORG.0 {
            begin(upload, large, ("one", false));
        }
        for org in 1..UPLOADS / OF_AN_ORG.0 {
            for _ in 0..OF_AN_ORG.0 {
                begin(upload, large, (&format!("o{org}"), false));
            }
        }
        for _ in 0..UPLOADS {
            reads.recv().await.unwrap();
        }
        let mut next = async || timeout(Duration::from_millis(50), reads.recv()).await.is_ok();
        assert!(!next().await, "one has to wait");
        begin(upload, usual, ("one", false));
        assert!(next().await, "small ones don't");
        begin("PresenceService/OpenPresences", large, ("one", false));
        assert!(next().await, "nor renewals");
        begin(upload, large, ("one", true));
        assert!(next().await, "nor what servers pass on");
        answer.add_permits(1);
        assert!(next().await, "when one is answered it is the next one's turn");
    }
}
