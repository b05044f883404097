//! Connections to the other servers, one each, made when they are first needed, over TLS if this server speaks it to its
//! clients. Away means: no connection, or one that died under a call. A slow call or a refusal is an answer.

use std::collections::HashMap;
use std::error::Error as _;
use std::future::{poll_fn, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Collected, Full};
use tokio::sync::watch;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{Bytes, Service as _};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use crate::journal::{Member, ServerId};

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_millis(300);
/// With calls on their way: how long a connection may be quiet before it is probed, and how long the answer may
/// take.
const PROBE: (Duration, Duration) = (Duration::from_millis(150), Duration::from_millis(300));
/// For so long a server that was away isn't asked again, so that not every call has to find out for itself.
const AWAY_FOR: Duration = Duration::from_millis(500);
/// What may be under way of one answer: a page of a list.
const WINDOW: u32 = 1024 * 1024;

/// What is logged about a server that can't be called.
const BLIND: &str = "another server can't be called over TLS: is its certificate for the host that it advertises, and \
                     signed by the CA in --tls-peer-ca?";

/// A server didn't answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// Whether it may have got the call all the same.
    pub tried: bool,
}

/// The connections.
#[derive(Debug)]
pub struct Links(Mutex<Known>);

/// Dropped whole when whom to trust has changed: a connection is used no longer than the CA that it was made with.
#[derive(Debug)]
struct Known {
    /// How TLS is spoken; none: it isn't. Whoever reads the files sets it.
    tls: Option<watch::Receiver<ClientTlsConfig>>,
    links: HashMap<ServerId, Link>,
}

#[derive(Debug)]
struct Link {
    address: String,
    channel: Channel,
    away_until: Option<Instant>,
    /// Whether it was logged why it can't be trusted. Once is enough for one server at one address.
    complained: bool,
}

impl Links {
    /// No connections yet. They speak TLS as `tls` says, now and whenever that changes; none: they don't.
    #[must_use]
    pub fn new(tls: Option<watch::Receiver<ClientTlsConfig>>) -> Self {
        Self(Mutex::new(Known { tls, links: HashMap::new() }))
    }

    /// Has a server answer a call; all of the answer is there when this returns.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn call(&self, to: &Member, request: Request<Body>) -> Result<Response<Body>, Away> {
        let mut channel = self.channel(to).ok_or(Away { tried: false })?;
        let called = async {
            poll_fn(|context| channel.poll_ready(context)).await?;
            channel.call(request).await
        };
        let response = called.await.map_err(|error| {
            self.is_away(to.id, untrusted(&error));
            Away { tried: !was_unconnected(&error) }
        })?;
        let (parts, body) = response.into_parts();
        match body.collect().await {
            Ok(body) => Ok(Response::from_parts(parts, as_it_came(body))),
            Err(_) => {
                self.is_away(to.id, None);
                Err(Away { tried: true })
            }
        }
    }

    fn channel(&self, to: &Member) -> Option<Channel> {
        let mut known = self.known();
        let known_link = known.links.get(&to.id).filter(|link| link.address == to.address);
        if let Some(link) = known_link {
            if link.away_until.is_some_and(|until| until > Instant::now()) {
                return None;
            }
            return Some(link.channel.clone());
        }
        let endpoint = match &known.tls {
            None => Endpoint::from_shared(format!("http://{}", to.address)).ok()?,
            Some(tls) => {
                let endpoint = Endpoint::from_shared(format!("https://{}", to.address)).ok()?;
                let tls = tls.borrow().clone();
                let secured = endpoint.tls_config(tls).map_err(|error| innermost(&error));
                secured
                    .inspect_err(|why| tracing::warn!(server = to.address, why, "{BLIND}"))
                    .ok()?
            }
        };
        let channel = endpoint
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(PROBE.0)
            .keep_alive_timeout(PROBE.1)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(4 * WINDOW)
            .connect_lazy();
        let (address, kept) = (to.address.clone(), channel.clone());
        let link = Link { address, channel: kept, away_until: None, complained: false };
        known.links.insert(to.id, link);
        Some(channel)
    }

    /// What is connected, with the CA of now.
    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // That nobody sets it any more is no change.
        if known.tls.as_ref().is_some_and(|tls| tls.has_changed().unwrap_or(false)) {
            known.links.clear();
            known.tls.as_mut().map(watch::Receiver::mark_unchanged);
        }
        known
    }

    fn is_away(&self, id: ServerId, untrusted: Option<String>) {
        let mut known = self.known();
        if let Some(link) = known.links.get_mut(&id) {
            link.away_until = Some(Instant::now() + AWAY_FOR);
            if let Some(why) = untrusted.filter(|_| !link.complained) {
                link.complained = true;
                tracing::warn!(server = link.address, why, "{BLIND}");
            }
        }
    }

    /// Forgets the connections to servers that are gone.
    pub fn keep(&self, there: impl Fn(ServerId) -> bool) {
        self.known().links.retain(|id, _| there(*id));
    }
}

/// Was there no connection, so that the call can't have reached anybody?
fn was_unconnected(error: &tonic::transport::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Why another server isn't who it is said to be, if that is why there is no connection.
fn untrusted(error: &tonic::transport::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(rustls) = inside.and_then(|inside| inside.downcast_ref::<rustls::Error>()) {
            return Some(rustls.to_string());
        }
        cause = error.source();
    }
    None
}

fn innermost(error: &tonic::transport::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}

/// The body of an answer, held. An answer without one ends with its headers: clients of other libraries
/// take an empty frame after a status in the headers for a broken call.
fn as_it_came(body: Collected<Bytes>) -> Body {
    let trailers = body.trailers().cloned();
    let bytes = body.to_bytes();
    match trailers {
        None if bytes.is_empty() => Body::empty(),
        None => Body::new(Full::new(bytes)),
        Some(trailers) => Body::new(Full::new(bytes).with_trailers(ready(Some(Ok(trailers))))),
    }
}
