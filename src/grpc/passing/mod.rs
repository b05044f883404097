//! Passing calls on to the org's home: a layer around the services that sees a call before it is read. It
//! opens no frames. What it passes on it seals (`seal`), and what arrives sealed it never passes on again.
//!
//! | the call | here |
//! |---|---|
//! | is sealed by another server | done here, under the request id that it brings |
//! | has a seal that isn't right | refused: UNAUTHENTICATED, nothing done |
//! | is sealed, and this server is leaving | refused, so that the next one is asked |
//! | stays where it arrives, or only reads and the org is loaded here (`table`) | done here |
//! | is of an org whose home this server is | done here |
//! | anything else | asked of the home, else of the second in order, else done here |
//!
//! All tries of one call are one request: the passer gives it an id if it has none. A try whose fate isn't known
//! is told to whoever is asked next, and a refusal is committed then, too: so nothing is refused here and done
//! there. Every answer says in `baton-decided-by` which member gave it, and in `baton-passed-to` where that
//! is, if it isn't the one that was called.

pub mod links;
mod seal;
mod vouched;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Full;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response, Version, request};
use tonic::codegen::{Bytes, Service};
use tower::Layer;

use self::links::Links;
pub use self::seal::PASSED;
use self::seal::{BODY, PassingSeal, REQUEST_ID, TRIED, digest};
use self::vouched::CALLER;
use super::call_id::{self, CALL_ID};
use super::caller::Caller;
use super::passed::Passed;
use super::status::Problem;
use super::table::{self, Handling};
use super::uploads::{FRAME_HEAD, whole};
use crate::domain::entry::Revision;
use crate::domain::id::OrgId;
use crate::engine::Engine;
use crate::home::Home;
use crate::journal::{Member, MemberState, ServerId};

/// Which member gave the answer.
pub const DECIDED_BY: &str = "baton-decided-by";
/// Where the member is reached that a call was passed on to: so a balancer learns whom to ask.
pub const PASSED_TO: &str = "baton-passed-to";
/// Between servers: at which revision the answer is, or later.
const REVISION: &str = "baton-revision";
/// Between servers: nothing was done, since the seal wasn't believed, or since the server is [`LEAVING`].
const REFUSED: &str = "baton-passed-refused";
const LEAVING: &str = "leaving";
/// How often a call is tried in all while servers get in each other's way.
const ROUNDS: u32 = 3;
/// How long the next list of servers is waited for meanwhile.
const LIST_PATIENCE: Duration = Duration::from_millis(500);
/// The headers of a call that go along; all others stay at the server that was called.
const PASSED_ON: [&str; 6] =
    ["content-type", "te", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "user-agent"];
/// How much may be said of a caller: all headers of a call have 16 KiB. Who is narrowed to more is served where it calls.
const VOUCHED_MAX: usize = 8 * 1024;

/// Knows where calls go.
#[derive(Debug)]
pub struct Passer {
    home: Home,
    engine: Engine,
    seal: PassingSeal,
    links: Links,
    decided_by: HeaderValue,
}

/// Puts a [`Passing`] around the services.
#[derive(Debug, Clone)]
pub struct PassingLayer(pub Arc<Passer>);

impl<S> Layer<S> for PassingLayer {
    type Service = Passing<S>;

    fn layer(&self, inner: S) -> Passing<S> {
        Passing { inner, passer: Arc::clone(&self.0) }
    }
}

/// The services, with a [`Passer`] before them.
#[derive(Debug, Clone)]
pub struct Passing<S> {
    inner: S,
    passer: Arc<Passer>,
}

type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Passing<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering<Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that was asked whether it is ready is the one to be called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let passer = Arc::clone(&self.passer);
        Box::pin(async move {
            match passer.take(request).await {
                Next::Answered(response) => Ok(response),
                Next::Untouched(request) => inner.call(request).await,
                Next::Here(request) => {
                    let passed = request.extensions().get::<Passed>().cloned();
                    let response = inner.call(request).await?;
                    Ok(passer.decided(response, passed.as_ref()))
                }
                Next::AnyServer(held) => answer(&passer, inner, held).await,
            }
        })
    }
}

/// Has a call answered by whoever is there, this server in the end. When others get ahead again and again,
/// servers take each other for the home: soon they know better, and it is tried anew, as the same request.
async fn answer<S>(
    passer: &Passer,
    mut inner: S,
    mut held: HeldCall,
) -> Result<Response<Body>, Infallible>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
    S::Future: Send,
{
    let mut round = 1;
    loop {
        let response = match passer.ask_others(&mut held).await {
            Some(response) => response,
            None => {
                poll_fn(|context| inner.poll_ready(context)).await?;
                let response = inner.call(held.for_this_server()).await?;
                passer.decided(response, None)
            }
        };
        if round == ROUNDS || !is_contended(&response) {
            return Ok(response);
        }
        passer.next_list().await;
        round += 1;
    }
}

/// What becomes of a call.
enum Next {
    /// Somebody has answered it.
    Answered(Response<Body>),
    /// It is none of ours.
    Untouched(Request<Body>),
    /// It is done here.
    Here(Request<Body>),
    /// It may be done anywhere.
    AnyServer(HeldCall),
}

/// A call that may be made more than once, all of it.
struct HeldCall {
    parts: request::Parts,
    body: Bytes,
    caller: Caller,
    /// The request id that it has if the client gave none.
    id: Option<Arc<str>>,
    /// A server may have got it, and nobody knows what became of that.
    tried: bool,
}

impl HeldCall {
    fn for_this_server(&self) -> Request<Body> {
        let mut request = Request::new(Body::new(Full::new(self.body.clone())));
        request.method_mut().clone_from(&self.parts.method);
        request.uri_mut().clone_from(&self.parts.uri);
        *request.version_mut() = self.parts.version;
        request.headers_mut().clone_from(&self.parts.headers);
        request.extensions_mut().clone_from(&self.parts.extensions);
        // Where nobody else may have done it, nothing need be kept of a call without an id.
        let request_id = self.id.clone().filter(|_| self.tried);
        let passed = Passed { request_id, tried: self.tried, revision: Arc::default() };
        request.extensions_mut().insert(passed);
        request
    }
}

impl Passer {
    /// Passes on what isn't this server's over these links, sealed with this key.
    #[must_use]
    pub fn new(home: Home, engine: Engine, key: [u8; 32], links: Links) -> Self {
        let decided_by = HeaderValue::try_from(name_of(home.id())).expect("digits are printable");
        let seal = PassingSeal::new(key);
        Self { home, engine, seal, links, decided_by }
    }

    /// Forgets the connections to servers that aren't there any more.
    pub fn forget_absent(&self) {
        let there = self.home.members();
        self.links.keep(|id| there.list.members.iter().any(|member| member.id == id));
    }

    async fn take(&self, mut request: Request<Body>) -> Next {
        let row = table::row(request.uri().path());
        let caller = request.extensions().get::<Caller>().cloned();
        let (Some(rpc), Some(caller)) = (row, caller) else {
            return Next::Untouched(request);
        };
        if let Some(passed) = caller.passed {
            // Whoever is asked next decides it, and not two at once.
            if self.home.state() == MemberState::Leaving {
                return Next::Answered(leaving());
            }
            let (parts, body) = request.into_parts();
            let Ok(body) = whole(body, usize::MAX - FRAME_HEAD).await else {
                return Next::Answered(broken_off());
            };
            if parts.headers.get(BODY).is_none_or(|said| *said != *digest(&body)) {
                return Next::Answered(refused("was made for another message"));
            }
            request = Request::from_parts(parts, Body::new(Full::new(body)));
            self.engine.stats().done_for_others.add(1);
            request.extensions_mut().insert(passed);
            return Next::Here(request);
        }
        if !self.concerns_others(&caller.org, rpc.handling) {
            return Next::Here(request);
        }
        let (parts, body) = request.into_parts();
        // It is whole already, and no larger than it may be.
        let Ok(body) = whole(body, usize::MAX - FRAME_HEAD).await else {
            return Next::Answered(broken_off());
        };
        let id = (rpc.handling == Handling::Mutation)
            .then(|| format!("passed-{:032x}", rand::random::<u128>()).into());
        Next::AnyServer(HeldCall { parts, body, caller, id, tried: false })
    }

    /// The caller of a call that another server has let in and sealed. `None`: it isn't sealed.
    ///
    /// # Errors
    /// The answer to one whose seal isn't right.
    pub fn sealed_caller(
        &self,
        request: &Request<Body>,
    ) -> Result<Option<Caller>, Box<Response<Body>>> {
        let headers = request.headers();
        let Some(seal) = headers.get(PASSED) else { return Ok(None) };
        let now = self.home.members().store_time();
        let seal = seal.to_str().unwrap_or_default();
        self.seal
            .open(request.uri().path(), headers, seal, now)
            .map_err(|why| Box::new(refused(why)))?;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let caller = text(CALLER).and_then(vouched::read);
        let caller =
            caller.ok_or_else(|| Box::new(refused("comes with a caller that can't be read")))?;
        let passed = Passed {
            request_id: text(REQUEST_ID).map(Arc::from),
            tried: text(TRIED).is_some(),
            revision: Arc::default(),
        };
        Ok(Some(Caller { passed: Some(passed), ..caller }))
    }

    /// Whether there are other servers that have to do with such a call.
    fn concerns_others(&self, org: &OrgId, handling: Handling) -> bool {
        match handling {
            Handling::Local => false,
            Handling::Read => !self.engine.is_loaded(org) && !self.targets(org).is_empty(),
            // Also at the home: it may turn out not to be the only one.
            Handling::Mutation => {
                self.home.order(org).iter().any(|member| member.id != self.home.id())
            }
        }
    }

    /// Whom to ask before this server does it, in order.
    fn targets(&self, org: &OrgId) -> Vec<Arc<Member>> {
        let me = self.home.id();
        self.home.order(org).into_iter().take(2).take_while(|member| member.id != me).collect()
    }

    /// Asks one server after the other. `None`: nobody is there, or it is this server's.
    async fn ask_others(&self, held: &mut HeldCall) -> Option<Response<Body>> {
        let stats = self.engine.stats();
        for target in self.targets(&held.caller.org) {
            let request = self.sealed(held)?;
            match self.links.call(&target, request).await {
                Ok(response) => match response.headers().get(REFUSED) {
                    None => {
                        stats.passed_on.add(1);
                        return Some(self.answered(&held.caller.org, &target, response));
                    }
                    Some(why) if why == LEAVING => {}
                    Some(_) => tracing::warn!(
                        server = target.address,
                        "another server doesn't believe this one: have all of them the same token key?"
                    ),
                },
                Err(away) => held.tried |= away.tried,
            }
            stats.passed_in_vain.add(1);
        }
        None
    }

    /// Waits until the list of servers was read again, for a while.
    async fn next_list(&self) {
        let mut readings = self.home.readings();
        readings.mark_unchanged();
        // Either way it is tried again.
        let _ = tokio::time::timeout(LIST_PATIENCE, readings.changed()).await;
    }

    /// The call as it goes to another server.
    fn sealed(&self, held: &HeldCall) -> Option<Request<Body>> {
        let HeldCall { parts, body, caller, id, tried } = held;
        let mut headers = HeaderMap::new();
        // What the caller has shown isn't shown to others, and nothing else that needn't be.
        for name in PASSED_ON {
            if let Some(value) = parts.headers.get(name) {
                headers.insert(name, value.clone());
            }
        }
        let vouched = vouched::written(caller).filter(|text| text.len() <= VOUCHED_MAX)?;
        headers.insert(BODY, HeaderValue::from_str(&digest(body)).ok()?);
        headers.insert(CALLER, HeaderValue::from_str(&vouched).ok()?);
        if let Some(id) = id {
            headers.insert(REQUEST_ID, HeaderValue::from_str(id).ok()?);
        }
        if let Some(call) = call_id::current() {
            headers.insert(CALL_ID, HeaderValue::from_str(&call).ok()?);
        }
        if *tried {
            headers.insert(TRIED, HeaderValue::from_static("1"));
        }
        let path = parts.uri.path();
        let now = self.home.members().store_time()?;
        let seal = self.seal.close(path, &headers, self.home.id(), now);
        headers.insert(PASSED, HeaderValue::from_str(&seal).ok()?);
        let mut request = Request::new(Body::new(Full::new(body.clone())));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = path.parse().ok()?;
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = headers;
        Some(request)
    }

    /// The answer of another server, as this one's client gets it.
    fn answered(&self, org: &OrgId, by: &Member, mut response: Response<Body>) -> Response<Body> {
        let revision = response.headers_mut().remove(REVISION);
        let revision = revision.and_then(|value| value.to_str().ok()?.parse().ok());
        if let Ok(address) = HeaderValue::from_str(&by.address) {
            response.headers_mut().insert(PASSED_TO, address);
        }
        if let Some(revision) = revision {
            self.engine.answered_elsewhere(org, Revision::new(revision));
        }
        response
    }

    /// The answer of this server.
    fn decided(&self, mut response: Response<Body>, passed: Option<&Passed>) -> Response<Body> {
        let headers = response.headers_mut();
        headers.insert(DECIDED_BY, self.decided_by.clone());
        let revision = passed.map_or(0, |passed| passed.revision.load(Ordering::Relaxed));
        if revision > 0 {
            headers.insert(REVISION, HeaderValue::from(revision));
        }
        response
    }
}

/// A member's name in the API and in `baton-decided-by`.
#[must_use]
pub fn name_of(id: ServerId) -> String {
    format!("{:032x}", id.0)
}

fn refused(why: &str) -> Response<Body> {
    let why = format!("metadata {PASSED} {why}; it is for servers alone: leave it out");
    let mut response = tonic::Status::from(Problem::Unauthenticated(why)).into_http();
    response.headers_mut().insert(REFUSED, HeaderValue::from_static("1"));
    response
}

fn leaving() -> Response<Body> {
    let mut response = tonic::Status::unavailable("the server is going away").into_http();
    response.headers_mut().insert(REFUSED, HeaderValue::from_static(LEAVING));
    response
}

/// Did others get ahead again and again, so that nothing was done?
fn is_contended(response: &Response<Body>) -> bool {
    let code = response.headers().get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()));
    code == Some(Code::Aborted)
}

fn broken_off() -> Response<Body> {
    tonic::Status::cancelled("the call was broken off").into_http()
}
