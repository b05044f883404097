//! Lets calls in: a layer around the services that sees every call before it is passed on or read. It finds out who calls,
//! asks the one table whether they may (`table`), counts the call against their limits (`quotas`), and leaves the
//! [`Caller`] in the request's extensions. Whatever it refuses has touched no org.
//!
//! | the call | who calls |
//! |---|---|
//! | is sealed by another server (`passing`) | whom that server has let in |
//! | shows a credential | whom `access` says, or nobody |
//! | shows none, on a server that trusts its callers | whom it says in its metadata |
//! | is none of the public API's (health, reflection) | nobody asks, but it is counted |

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Frame, SizeHint};
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::codegen::{Body as HttpBody, Bytes, Service};
use tower::Layer;

use super::caller::{Caller, ORG, TrustedClaims, text};
use super::passing::Passer;
use super::quotas::{CallSlot, Quotas};
use super::status::Problem;
use super::table::{self, Rpc, role_name};
use super::uploads::whole;
use crate::access::gate::{Access, Presented};
use crate::access::{Fault, Peer, Scope, Told};

/// How long, and how much, is read of a message whose call is refused.
const SHORTLY: Duration = Duration::from_millis(50);
const UNREAD: usize = 64 * 1024;

/// The header in which a proxy that ends TLS says which certificate it was shown.
pub const FORWARDED_CERTIFICATE: &str = "x-forwarded-client-cert";

/// How a server finds out who calls: by credentials, by callers' own words, or by these where there is no credential.
#[derive(Clone, Default)]
pub struct Gate {
    /// Checks credentials. `None`: this server knows none.
    pub access: Option<Arc<Access>>,
    /// Callers are believed. `None`: they aren't.
    pub claims: Option<TrustedClaims>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("access", &self.access.is_some())
            .field("claims", &self.claims)
            .finish()
    }
}

impl Gate {
    /// Believes whatever callers say. For tests and tries.
    #[must_use]
    pub fn trusting() -> Self {
        let claims = TrustedClaims { default_org: None, role_may_be_missing: true };
        Self { access: None, claims: Some(claims) }
    }

    fn caller(&self, headers: &HeaderMap, peer: &Peer) -> Result<Caller, Problem> {
        let shown = headers.contains_key(AUTHORIZATION);
        let forwarded = text(headers, FORWARDED_CERTIFICATE)?;
        if headers.get_all(FORWARDED_CERTIFICATE).iter().count() > 1 {
            // Which of them the nearest proxy has written nobody can say.
            return Err(refused(Fault::Ambiguous));
        }
        match (&self.access, &self.claims) {
            (Some(access), claims) => {
                let authorization = headers.get_all(AUTHORIZATION).iter().map(|v| v.to_str());
                let authorization: Result<Vec<&str>, _> = authorization.collect();
                let authorization = authorization.map_err(|_| refused(Fault::Malformed))?;
                let org = text(headers, ORG)?;
                let presented = Presented { authorization: &authorization, org, forwarded, peer };
                match (access.authenticate(&presented), claims) {
                    (Ok((org, credential)), _) => Ok(Caller::known(org, credential)),
                    (Err(Fault::Missing), Some(trusted)) => Caller::from_claims(headers, trusted),
                    (Err(fault), _) => Err(refused(fault)),
                }
            }
            (None, _) if shown => Err(Problem::Unauthenticated(
                "this server knows no credentials (it was started without --access): leave it out"
                    .to_owned(),
            )),
            (None, Some(trusted)) => Caller::from_claims(headers, trusted),
            (None, None) => Err(refused(Fault::Missing)),
        }
    }
}

/// What a caller is told whose credential isn't believed.
fn refused(fault: Fault) -> Problem {
    tracing::debug!(fault = fault.name(), "a credential isn't believed");
    match fault.told() {
        Told::NoCredential => Problem::Unauthenticated(
            "no credential: give an API key or a token as `authorization: Bearer …`, or a client certificate".to_owned(),
        ),
        Told::NotAccepted => Problem::NotAccepted,
        Told::Expired => Problem::CredentialExpired,
        Told::Org => Problem::Unauthenticated(format!(
            "the credential isn't good for one org alone, or not for the one named: give one of its own as `{ORG}`"
        )),
    }
}

/// Whether the caller's role and scopes allow a call.
///
/// # Errors
/// PERMISSION_DENIED.
pub fn check(caller: &Caller, rpc: &Rpc) -> Result<(), Problem> {
    let (role, scopes) = (caller.actor.role, caller.credential.scopes);
    if !rpc.allows(role) {
        let (role, call) = (role_name(role), rpc.name);
        return Err(Problem::Denied(format!("the role {role} may not call {call}")));
    }
    if let Some(scope) = rpc.scope {
        has_scope(caller, scope)?;
    }
    if rpc.scope == Some(Scope::Audit) && caller.credential.narrowing.is_some() {
        let why = "the audit tells of all of the org: a credential that is narrowed can't read it";
        return Err(Problem::Denied(why.to_owned()));
    }
    if rpc.changes && scopes.has(Scope::ReadOnly) {
        return Err(Problem::Denied(format!(
            "the credential only reads: it may not call {}",
            rpc.name
        )));
    }
    Ok(())
}

/// Whether the caller's credential has a scope.
///
/// # Errors
/// PERMISSION_DENIED, naming the scope.
pub fn has_scope(caller: &Caller, scope: Scope) -> Result<(), Problem> {
    if caller.credential.scopes.has(scope) { Ok(()) } else { Err(Problem::MissingScope(scope)) }
}

/// Lets calls in.
pub struct Admission {
    /// Finds out who calls.
    pub gate: Gate,
    /// Knows the seals of other servers.
    pub passer: Arc<Passer>,
    /// Counts calls.
    pub quotas: Arc<Quotas>,
}

impl Admission {
    /// Lets a call in, or answers it. With it its place among the calls that are being answered; of a stream until it begins.
    fn admit(&self, request: &mut Request<Body>) -> Result<Admitted, Box<Response<Body>>> {
        let answered = |problem: Problem| Box::new(Status::from(problem).into_http());
        let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
        let path = request.uri().path();
        if !table::is_ours(path) {
            let slot = self.quotas.standard_call(peer.address).map_err(answered)?;
            return Ok(Admitted { slot: Some(slot), streams: false });
        }
        let Some(rpc) = table::row(path) else {
            let path = path.chars().take(200).collect::<String>();
            let unknown = Status::unimplemented(format!("there is no call {path}"));
            return Err(Box::new(unknown.into_http()));
        };
        let (caller, slot) = match self.passer.sealed_caller(request)? {
            // The server that was called has counted it.
            Some(caller) => (caller, None),
            None => {
                let caller = self.shown(request.headers(), &peer).map_err(answered)?;
                // What is refused after this has been counted, too.
                let slot = self.quotas.call(&caller, rpc).map_err(answered)?;
                (caller, Some(slot))
            }
        };
        check(&caller, rpc).map_err(answered)?;
        request.extensions_mut().insert(caller);
        Ok(Admitted { slot, streams: rpc.streams() })
    }

    /// Whoever a call from there shows itself to be.
    fn shown(&self, headers: &HeaderMap, peer: &Peer) -> Result<Caller, Problem> {
        self.quotas.may_show(peer.address)?;
        let caller = self.gate.caller(headers, peer);
        if matches!(caller, Err(Problem::NotAccepted)) {
            self.quotas.not_accepted(peer.address);
        }
        caller
    }
}

/// A call that was let in.
struct Admitted {
    slot: Option<CallSlot>,
    streams: bool,
}

/// The body of an answer, which has its place until it was sent, or given up.
struct Placed {
    body: Body,
    _slot: CallSlot,
}

impl HttpBody for Placed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Puts an [`Admitting`] around the services.
#[derive(Clone)]
pub struct AdmissionLayer(pub Arc<Admission>);

impl<S> Layer<S> for AdmissionLayer {
    type Service = Admitting<S>;

    fn layer(&self, inner: S) -> Admitting<S> {
        Admitting { inner, admission: Arc::clone(&self.0) }
    }
}

/// The services, with an [`Admission`] before them.
#[derive(Clone)]
pub struct Admitting<S> {
    inner: S,
    admission: Arc<Admission>,
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<S> Service<Request<Body>> for Admitting<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Answering {
        match self.admission.admit(&mut request) {
            Ok(Admitted { slot, streams }) => {
                let answer = self.inner.call(request);
                Box::pin(async move {
                    let response = answer.await?;
                    Ok(match slot {
                        // A stream has a place of another kind.
                        Some(slot) if !streams => {
                            response.map(|body| Body::new(Placed { body, _slot: slot }))
                        }
                        _ => response,
                    })
                })
            }
            Err(response) => Box::pin(async move {
                // An answer that overtakes its request leaves the stream half open: a client that goes on at once would
                // meet the connection's limit of streams, and be refused without a reason.
                drop(timeout(SHORTLY, whole(request.into_body(), UNREAD)).await);
                Ok(*response)
            }),
        }
    }
}
