//! A name for each call, so that whoever asks about one can quote it: drawn by the server that is called, kept when the
//! call is passed on, in the answer's metadata and in the details of a refusal, and logged with it. Being outermost it sees
//! every answer, and has those explained that no handler made (`unread`).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::Code;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response};
use tower::{Layer, Service};

use super::{table, unread};

/// The metadata key of the name.
pub const CALL_ID: &str = "baton-call-id";
/// What the log calls a path that isn't one of the public API's.
const ANOTHER: &str = "another";
/// The digits of a name.
const DIGITS: usize = 32;

tokio::task_local! {
    static CURRENT: Arc<str>;
}

/// The name of the call that is being handled, if it is one.
#[must_use]
pub fn current() -> Option<Arc<str>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Gives every call a name. Calls that carry `kept` keep the name that they have.
#[derive(Debug, Clone, Copy)]
pub struct CallIds {
    /// The metadata key of calls that another server has named.
    pub kept: &'static str,
}

impl<S> Layer<S> for CallIds {
    type Service = Named<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Named { inner, kept: self.kept }
    }
}

/// A service whose calls have names.
#[derive(Debug, Clone)]
pub struct Named<S> {
    inner: S,
    kept: &'static str,
}

impl<S, B> Service<Request<B>> for Named<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let given = given(request.headers()).filter(|_| request.headers().contains_key(self.kept));
        let id = given.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()).into());
        // Whatever else a caller asks for is its own text, and no path of ours.
        let path = request.uri().path();
        let path = table::row(path).map_or(ANOTHER, |rpc| rpc.name);
        let call = CURRENT.sync_scope(Arc::clone(&id), || self.inner.call(request));
        let call = CURRENT.scope(Arc::clone(&id), call);
        Box::pin(async move {
            let response = call.await?;
            let mut response =
                CURRENT.sync_scope(Arc::clone(&id), || unread::with_reason(response));
            log(&id, path, response.headers());
            if let Ok(value) = HeaderValue::from_str(&id) {
                response.headers_mut().insert(CALL_ID, value);
            }
            Ok(response)
        })
    }
}

/// The name that another server has given.
fn given(headers: &HeaderMap) -> Option<Arc<str>> {
    let id = headers.get(CALL_ID)?.to_str().ok()?;
    let is_one = id.len() == DIGITS && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_one.then(|| id.into())
}

/// A refusal is logged: for whoever runs the server, where it is the server's doing.
fn log(id: &str, path: &str, headers: &HeaderMap) {
    let Some(code) = headers.get("grpc-status").map(|status| Code::from_bytes(status.as_bytes()))
    else {
        return;
    };
    match code {
        Code::Ok => {}
        Code::Internal | Code::Unknown | Code::DataLoss if path != ANOTHER => {
            tracing::warn!(call = id, path, ?code, "a call failed");
        }
        _ => tracing::debug!(call = id, path, ?code, "a call was refused"),
    }
}
