//! What a server shows and whom it believes: its certificate and key, the CA of its clients, the CA of its peers. The
//! files are looked at again and again, by content; new ones hold for new connections, and what has become wrong leaves
//! the last good ones in force. It accepts nothing itself: `front` asks for what holds now.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use tokio::sync::watch;
use tonic::transport::{Certificate, ClientTlsConfig};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::identified::IdentifiedClients;
use crate::config::TlsFiles;
use crate::pem::{BadPem, PemFile};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a handshake with another server may take.
const PEER_HANDSHAKE: Duration = Duration::from_secs(1);

/// The certificates in force. A clone is the same.
#[derive(Clone)]
pub(in crate::server) struct Certificates(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    /// What was read last, good or not: only what differs from it is looked at more closely.
    seen: Mutex<Contents>,
    /// How connections are accepted from now on.
    accepting: watch::Sender<Arc<rustls::ServerConfig>>,
    /// How other servers are called from now on.
    calling: watch::Sender<ClientTlsConfig>,
    /// When the certificate that is shown expires, in seconds of the Unix epoch.
    expires: AtomicI64,
    exchanged: AtomicU64,
    refused: AtomicU64,
}

/// What the files hold.
#[derive(Clone, PartialEq, Eq)]
struct Contents {
    certificate: PemFile,
    key: PemFile,
    client_ca: Option<PemFile>,
    peer_ca: Option<PemFile>,
}

/// What comes of good files.
struct Good {
    accepting: Arc<rustls::ServerConfig>,
    calling: ClientTlsConfig,
    expires: i64,
}

impl Certificates {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// What is wrong with the first bad one, in one line.
    pub(in crate::server) fn load(files: &TlsFiles) -> Result<Self, BadPem> {
        let seen = Contents::of(files);
        let good = seen.check()?;
        Ok(Self(Arc::new(Inner {
            files: files.clone(),
            seen: Mutex::new(seen),
            accepting: watch::Sender::new(good.accepting),
            calling: watch::Sender::new(good.calling),
            expires: AtomicI64::new(good.expires),
            exchanged: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })))
    }

    /// How a connection is to be accepted now.
    pub(super) fn accepting(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.0.accepting.borrow())
    }

    /// How other servers are to be called, now and whenever that changes.
    pub(in crate::server) fn calling(&self) -> watch::Receiver<ClientTlsConfig> {
        self.0.calling.subscribe()
    }

    /// Looks at the files until it is dropped.
    pub(in crate::server) async fn follow(self) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let certificates = self.clone();
            // A file system that hangs holds up this look, and no connection.
            if tokio::task::spawn_blocking(move || certificates.look()).await.is_err() {
                return;
            }
        }
    }

    /// Exchanges what is in force if the files have changed and are good.
    fn look(&self) {
        let Inner { files, seen, accepting, calling, expires, exchanged, refused } = &*self.0;
        let now = Contents::of(files);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return;
        }
        match now.check() {
            Ok(good) => {
                accepting.send_replace(good.accepting);
                calling.send_replace(good.calling);
                expires.store(good.expires, Ordering::Relaxed);
                exchanged.fetch_add(1, Ordering::Relaxed);
                tracing::info!("the TLS files have changed: new connections use the new ones");
            }
            Err(error) => {
                refused.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(%error, "the TLS files have changed and can't be used: the last good ones stay");
            }
        }
        *seen = now;
    }

    /// How often they were exchanged, how often bad ones were refused, and how long the one that is shown is good.
    pub(super) fn figures(&self) -> Vec<(&'static str, i64)> {
        let count = |counter: &AtomicU64| {
            i64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
        };
        vec![
            ("certificates_exchanged", count(&self.0.exchanged)),
            ("certificates_refused", count(&self.0.refused)),
            ("certificate_seconds_left", self.0.expires.load(Ordering::Relaxed) - unix_now()),
        ]
    }
}

impl Contents {
    fn of(files: &TlsFiles) -> Self {
        Self {
            certificate: PemFile::read(&files.cert),
            key: PemFile::read(&files.key),
            client_ca: files.client_ca.as_deref().map(PemFile::read),
            peer_ca: files.peer_ca.as_deref().map(PemFile::read),
        }
    }

    fn check(&self) -> Result<Good, BadPem> {
        // Named rather than installed for the whole process: a library must not depend on who came first.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certified = self.certificate.with_key(&self.key, &provider)?;
        let clients = match &self.client_ca {
            Some(ca) => believing(ca, &provider)?,
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let mut calling = ClientTlsConfig::new().timeout(PEER_HANDSHAKE);
        calling = match &self.peer_ca {
            Some(ca) => {
                ca.roots()?;
                calling.ca_certificate(Certificate::from_pem(ca.bytes()?))
            }
            None => calling.with_native_roots(),
        };
        let expires = expiry(&certified);
        if expires < unix_now() {
            tracing::warn!(
                "the TLS certificate has expired, and clients will refuse it: renew it, it is exchanged without a restart"
            );
        }
        Ok(Good { accepting: accepting(certified, clients, provider), calling, expires })
    }
}

/// Client certificates are optional, since keys and tokens are used on the same port. One that is shown must be good.
fn believing(
    ca: &PemFile,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, BadPem> {
    let roots = Arc::new(ca.roots()?);
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
        .allow_unauthenticated()
        .build()
        .expect("there are roots, and no revocation lists that could be wrong");
    Ok(Arc::new(IdentifiedClients(verifier)))
}

fn accepting(
    certified: Arc<CertifiedKey>,
    clients: Arc<dyn ClientCertVerifier>,
    provider: Arc<CryptoProvider>,
) -> Arc<rustls::ServerConfig> {
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("the provider has suites for both")
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session takes over the client's certificate without looking at it again, even if the CA or the hour
    // has changed since. Connections last for hours here, so that resuming would save next to nothing.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Arc::new(config)
}

/// When the certificate expires, in seconds of the Unix epoch; one that can't be read never does.
fn expiry(certified: &CertifiedKey) -> i64 {
    let first = certified.cert.first().and_then(|der| X509Certificate::from_der(der).ok());
    first.map_or(i64::MAX / 2, |(_, certificate)| certificate.validity().not_after.timestamp())
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
