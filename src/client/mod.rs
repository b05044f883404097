//! A typed client of the public API, for the command line and for whoever embeds Baton in Rust.
//!
//! It owns what every caller needs and nobody should write twice: who is asking, time-outs, a random request id per
//! change that its retries share, retries with full jitter, and streams that come back by themselves (`watch`). It
//! knows nothing of the server's inside: only the generated API. The command line is its first user.

mod audit;
mod calls;
mod credential;
mod failure;
mod presence;
mod retry;
mod tls;
pub mod vendor;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};

pub use audit::{AuditEvent, AuditFeed};
pub use credential::Credential;
use credential::{Headers, Shown};
pub use failure::Failure;
pub use presence::{SignedIn, keep_signed_in, sign_in};
pub use retry::{BadRetryPolicy, RetryPolicy};
pub use tls::ClientTls;
pub use watch::{Watch, WatchEvent};

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a quiet connection is probed, and how long the answer may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// Who is asking: sent with each call as `baton-org`, `baton-role` and `baton-actor`, and what proves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The org. Empty: left to the server.
    pub org: String,
    /// The role: `admin`, `supervisor`, `rep`, `adapter`, `partner` or `dashboard`. Empty: left to the server.
    pub role: String,
    /// Id of the rep, partner or other holder. Empty: left to the server.
    pub actor: String,
    /// What it is proven with. `None`: nothing is proven so.
    pub credential: Option<Credential>,
}

/// A client of one server. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    server: Arc<str>,
    shown: Arc<Shown>,
    policy: RetryPolicy,
    retries: Arc<AtomicU64>,
    contentions: Arc<AtomicU64>,
}

impl Client {
    /// A client of the server at `server`, such as `http://127.0.0.1:50051`. It connects when first used, and again
    /// whenever the connection is lost. An `https://` server is believed if the system's roots say so. Fails only if the
    /// address or the identity is malformed.
    pub fn new(server: &str, identity: &Identity, policy: RetryPolicy) -> Result<Self, Failure> {
        Self::over(server, identity, policy, &ClientTls::default())
    }

    /// The same with these files for `https://` servers, which are read now.
    pub fn over(
        server: &str,
        identity: &Identity,
        policy: RetryPolicy,
        tls: &ClientTls,
    ) -> Result<Self, Failure> {
        let endpoint = endpoint(server, tls)?;
        Ok(Self {
            channel: endpoint.connect_lazy(),
            server: server.into(),
            shown: Arc::new(Shown::of(identity)?),
            policy,
            retries: Arc::default(),
            contentions: Arc::default(),
        })
    }

    /// The same connection for another identity.
    pub fn acting_as(&self, identity: &Identity) -> Result<Self, Failure> {
        Ok(Self { shown: Arc::new(Shown::of(identity)?), ..self.clone() })
    }

    /// How many calls of this client and its clones were tried again.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// How many of these were tried again because others got ahead on the server (CONTENDED).
    #[must_use]
    pub fn contentions(&self) -> u64 {
        self.contentions.load(Ordering::Relaxed)
    }

    /// The server's address, as given.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A request that is sent with these headers.
    fn request<T>(message: T, headers: &Headers) -> Request<T> {
        let mut request = Request::new(message);
        for (key, value) in &headers.0 {
            request.metadata_mut().insert(*key, value.clone());
        }
        request
    }

    /// What a status means to whoever uses this client.
    fn failure(&self, status: &Status) -> Failure {
        Failure::of(status, &self.server).for_one_who_showed(self.shown.credential())
    }

    /// Whether a call that was `sent` so and failed may go well with the credential that there is by now.
    fn may_show_another(&self, failure: &Failure, sent: &Headers) -> bool {
        matches!(failure.reason(), "UNAUTHENTICATED" | "CREDENTIAL_EXPIRED")
            && self.shown.renewed_since(sent)
    }

    /// Shows from now on what the credential's file holds now, if it is in one.
    fn renew(&self) {
        self.shown.renewed_since(&self.shown.headers());
    }

    /// Makes a unary call, again and again with the very same message until it is settled or the deadline is over.
    async fn call<M, R, F>(
        &self,
        message: M,
        mut send: impl FnMut(Channel, Request<M>) -> F,
    ) -> Result<R, Failure>
    where
        M: Clone,
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let deadline = Instant::now() + self.policy.deadline();
        let (mut attempt, mut shown_another) = (0, false);
        loop {
            let sent = self.shown.headers();
            let mut request = Self::request(message.clone(), &sent);
            let left =
                deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            request.set_timeout(left.min(self.policy.attempt_timeout()));
            let status = match send(self.channel.clone(), request).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            };
            let failure = self.failure(&status);
            if !shown_another && self.may_show_another(&failure, &sent) {
                shown_another = true;
                continue;
            }
            let pause =
                failure.retry_after().unwrap_or_else(|| self.policy.pause(attempt, rand::random()));
            if !failure.may_retry() || Instant::now() + pause >= deadline {
                return Err(failure);
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            if failure.reason() == "CONTENDED" {
                self.contentions.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }
}

/// A new random request id: a UUID of version 4.
#[must_use]
pub fn request_id() -> String {
    let bits = (rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn endpoint(server: &str, tls: &ClientTls) -> Result<Endpoint, Failure> {
    let bad = |why: &str| {
        Failure::local(
            format!("`{server}` isn't a server's address: {why}"),
            "give one such as http://127.0.0.1:50051, with --server or BATON_SERVER",
        )
    };
    let encrypted = server.starts_with("https://");
    if !encrypted && !server.starts_with("http://") {
        return Err(bad("it must begin with http:// or https://"));
    }
    let mut endpoint =
        Endpoint::from_shared(server.to_owned()).map_err(|error| bad(&error.to_string()))?;
    if encrypted {
        let with_tls = endpoint.tls_config(tls.config()?.timeout(CONNECT_TIMEOUT));
        endpoint = with_tls.map_err(|error| {
            let message = format!("TLS can't be spoken: {}", failure::innermost(&error));
            Failure::local(message, "give the server's CA with --ca or BATON_CA")
        })?;
    }
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1)
        .keep_alive_while_idle(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_distinct_uuids_of_version_4() {
        let (one, other) = (request_id(), request_id());
        assert_ne!(one, other);
        assert_eq!(one.len(), 36);
        assert_eq!(&one[14..15], "4");
        assert!("89ab".contains(&one[19..20]), "{one}");
    }

    #[tokio::test]
    async fn a_malformed_address_is_refused_before_any_call() {
        for server in ["127.0.0.1:50051", "ftp://x", "http://", "http://a b"] {
            let failure =
                Client::new(server, &Identity::default(), RetryPolicy::default()).unwrap_err();
            assert!(failure.to_string().contains("isn't a server's address"), "{failure}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_one_clear_line_within_the_deadline() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let policy = RetryPolicy::default().within(Duration::from_millis(200)).unwrap();
        let client =
            Client::new(&format!("http://127.0.0.1:{port}"), &Identity::default(), policy).unwrap();
        let line = client.get_session(Default::default()).await.unwrap_err().to_string();
        assert!(
            line.contains("can't reach http://127.0.0.1") && line.contains("refused"),
            "{line}"
        );
        assert!(!line.contains('\n'));
        assert!(client.retries() > 0);
    }
}
