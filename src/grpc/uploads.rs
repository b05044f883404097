//! Messages are whole before anything else is done with them, and only so many large ones are held at the same time. Until
//! it is whole a message takes what has come of it, whatever its head promises: the decoder would make room for that at
//! once. An upload of the directory may have 4 MiB: as many as a connection has streams would be half a gigabyte. The calls
//! themselves are bounded elsewhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{Body as HttpBody, Bytes};
use tower::{Layer, Service};

use super::passing::PASSED;
use super::table::{self, MESSAGE};

/// How many uploads, of 4 MiB at most, are held at the same time. The next waits, within its deadline.
const UPLOADS: usize = 16;
/// The same of renewals, which have 1 MiB at most. Counted apart, so that no upload makes a presence lapse.
const RENEWALS: usize = 64;

/// Bounds the large messages of all calls. A clone bounds them together with the original.
#[derive(Debug, Clone, Default)]
pub struct Uploads {
    from_clients: Permits,
    /// Those that other servers pass on. Counted apart: two servers that have passed all they may to each other would
    /// otherwise wait for each other.
    from_servers: Permits,
}

#[derive(Debug, Clone)]
struct Permits {
    uploads: Arc<Semaphore>,
    renewals: Arc<Semaphore>,
}

impl Default for Permits {
    fn default() -> Self {
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self { uploads: semaphore(UPLOADS), renewals: semaphore(RENEWALS) }
    }
}

impl Uploads {
    /// What a call's message needs a permit of, should it be large.
    fn of(&self, request: &Request<Body>) -> Arc<Semaphore> {
        let passed = request.headers().contains_key(PASSED);
        let permits = if passed { &self.from_servers } else { &self.from_clients };
        let renews = request.uri().path().starts_with("/baton.v1.PresenceService/");
        Arc::clone(if renews { &permits.renewals } else { &permits.uploads })
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
type Kept = Arc<OnceLock<OwnedSemaphorePermit>>;

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
        let (semaphore, kept) = (self.uploads.of(&request), Kept::default());
        let for_body = Arc::clone(&kept);
        let measured =
            |body| Measured { body, length: 0, semaphore, waiting: None, kept: for_body };
        // The one that was asked whether it is ready is the one to be called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            // Everything of ours has one message; what is streamed here (reflection) isn't ours.
            let Some(rpc) = table::row(request.uri().path()) else {
                return inner.call(request).await;
            };
            let (parts, body) = request.into_parts();
            let Some(message) = whole(Body::new(measured(body)), rpc.largest()).await else {
                return Ok(Status::cancelled("the call was broken off").into_http());
            };
            let body = Body::new(Full::new(message));
            let answer = inner.call(Request::from_parts(parts, body)).await;
            drop(kept);
            answer
        })
    }
}

/// The bytes before a message: whether it is compressed, and its length.
pub const FRAME_HEAD: usize = 5;

/// All of a body that has one message, or more than the largest message may have. `None`: it was broken off. What comes in
/// one piece, as most do, isn't copied.
pub async fn whole(mut body: Body, largest: usize) -> Option<Bytes> {
    let mut first: Option<Bytes> = None;
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        match (&first, all.is_empty()) {
            (None, _) => first = Some(data),
            (Some(first), true) => {
                all.extend_from_slice(first);
                all.extend_from_slice(&data);
            }
            (Some(_), false) => all.extend_from_slice(&data),
        }
        if all.len() > largest + FRAME_HEAD {
            break;
        }
    }
    Some(if all.is_empty() { first.unwrap_or_default() } else { Bytes::from(all) })
}

/// A body that goes on beyond the size of a usual message only with a permit.
struct Measured {
    body: Body,
    length: usize,
    semaphore: Arc<Semaphore>,
    waiting: Option<Waiting>,
    kept: Kept,
}

type Waiting = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

impl HttpBody for Measured {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.length > MESSAGE && this.kept.get().is_none() {
            let semaphore = &this.semaphore;
            let waiting = this.waiting.get_or_insert_with(|| {
                let semaphore = Arc::clone(semaphore);
                Box::pin(async move { semaphore.acquire_owned().await.ok() })
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
    fn request(path: &str, length: usize, passed: bool) -> Request<Body> {
        let half = Bytes::from(vec![0; length / 2]);
        let pieces = [half.clone(), half].map(|half| Ok::<_, Status>(Frame::data(half)));
        let mut request = Request::new(Body::new(StreamBody::new(tokio_stream::iter(pieces))));
        *request.uri_mut() = path.parse().unwrap();
        if passed {
            request.headers_mut().insert(PASSED, "x".parse().unwrap());
        }
        request
    }

    #[tokio::test]
    async fn d4_so_many_large_messages_are_held_and_the_next_waits() {
        let (read, mut reads) = tokio::sync::mpsc::channel(100);
        let answer = Arc::new(Semaphore::new(0));
        let mut bounded = Uploads::default().layer(Reading(read, Arc::clone(&answer)));
        let large = 2 * MESSAGE;
        let mut calls = tokio::task::JoinSet::new();
        let mut begin = |service: &str, length, passed| {
            let path = format!("/baton.v1.{service}");
            calls.spawn(bounded.call(request(&path, length, passed)));
        };
        for _ in 0..=UPLOADS {
            begin("DirectoryService/ApplyDirectory", large, false);
        }
        for _ in 0..UPLOADS {
            reads.recv().await.unwrap();
        }
        let mut next = async || timeout(Duration::from_millis(50), reads.recv()).await.is_ok();
        assert!(!next().await, "one has to wait");
        begin("DirectoryService/ApplyDirectory", MESSAGE, false);
        assert!(next().await, "small ones don't");
        begin("PresenceService/OpenPresences", large, false);
        assert!(next().await, "nor renewals");
        begin("DirectoryService/ApplyDirectory", large, true);
        assert!(next().await, "nor what servers pass on");
        answer.add_permits(1);
        assert!(next().await, "when one is answered it is the next one's turn");
    }
}
