//! Connections to the other servers, one each, made when they are first needed. Away means: no connection,
//! or one that died under a call. A slow call or a refusal is an answer.

use std::collections::HashMap;
use std::error::Error as _;
use std::future::{poll_fn, ready};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Collected, Full};
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::codegen::{Bytes, Service as _};
use tonic::transport::{Channel, Endpoint};

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

/// A server didn't answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away {
    /// Whether it may have got the call all the same.
    pub tried: bool,
}

/// The connections.
#[derive(Debug, Default)]
pub struct Links(Mutex<HashMap<ServerId, Link>>);

#[derive(Debug)]
struct Link {
    address: String,
    channel: Channel,
    away_until: Option<Instant>,
}

impl Links {
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
            self.is_away(to.id);
            Away { tried: !was_unconnected(&error) }
        })?;
        let (parts, body) = response.into_parts();
        match body.collect().await {
            Ok(body) => Ok(Response::from_parts(parts, as_it_came(body))),
            Err(_) => {
                self.is_away(to.id);
                Err(Away { tried: true })
            }
        }
    }

    fn channel(&self, to: &Member) -> Option<Channel> {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get_mut(&to.id).filter(|link| link.address == to.address) {
            if link.away_until.is_some_and(|until| until > Instant::now()) {
                return None;
            }
            return Some(link.channel.clone());
        }
        let endpoint = Endpoint::from_shared(format!("http://{}", to.address)).ok()?;
        let channel = endpoint
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(PROBE.0)
            .keep_alive_timeout(PROBE.1)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(4 * WINDOW)
            .connect_lazy();
        let link = Link { address: to.address.clone(), channel: channel.clone(), away_until: None };
        links.insert(to.id, link);
        Some(channel)
    }

    fn is_away(&self, id: ServerId) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get_mut(&id) {
            link.away_until = Some(Instant::now() + AWAY_FOR);
        }
    }

    /// Forgets the connections to servers that are gone.
    pub fn keep(&self, there: impl Fn(ServerId) -> bool) {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|id, _| there(*id));
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
