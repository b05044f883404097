//! What a server is told: where to listen, where to keep things, what is secret. Checked as a whole,
//! so that every fault is reported at once. It reads no files and no environment: whoever starts a
//! server (the command line, a test) fills it in.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::access::limits::Limits;

/// Where a server listens unless it is told otherwise: on this machine only.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:50051";

/// Where an admin listener usually is: on this machine only. No server has one unless it is told to.
pub const USUAL_ADMIN: &str = "127.0.0.1:9464";

/// How long a server goes on after it has begun to say that it isn't ready, unless it is told
/// otherwise: time for a balancer that asks twice a second to ask twice, and some to spare.
pub const DEFAULT_NOTICE: Duration = Duration::from_secs(2);

/// How long streams and calls have to end, unless it is told otherwise.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(5);

/// The files that a server speaks TLS with, in PEM. Exchanged without a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Its certificate, and those between it and the CA.
    pub cert: PathBuf,
    /// The private key of that.
    pub key: PathBuf,
    /// The CA of client certificates, which clients may show then. `None`: they are asked for none.
    pub client_ca: Option<PathBuf>,
    /// The CA of the other servers' certificates. `None`: the system's roots.
    pub peer_ca: Option<PathBuf>,
}

/// A server's configuration, as given.
#[derive(Clone)]
pub struct ServerConfig {
    /// Address and port; port 0: any free one.
    pub listen: String,
    /// Address and port of the admin listener (`/livez`, `/readyz`), port 0: any free one. `None`, the
    /// default: there is none, as two servers on one machine can't both have [`USUAL_ADMIN`].
    pub admin: Option<String>,
    /// `redis://…`; `None`: in memory, and all is lost at the end.
    pub redis: Option<String>,
    /// The org of callers who don't name one; `None`: they must.
    pub default_org: Option<String>,
    /// 64 hexadecimal digits, the same for all replicas; `None`: the well-known development key.
    pub token_key: Option<String>,
    /// With an admin listener: how long a server that is to go away still serves after `/readyz` says
    /// so, so that no call meets a closed door. 0–300 s; [`DEFAULT_NOTICE`] unless told otherwise.
    pub notice: Duration,
    /// How long streams and calls in flight have to end when the server goes away. 0–300 s;
    /// [`DEFAULT_DRAIN`] unless told otherwise.
    pub drain: Duration,
    /// Where other servers reach this one: host and port. `None`: where it listens, which is of no use to
    /// them if that is every address of a machine.
    pub advertise: Option<String>,
    /// The access file: who may call, and how much. `None`: this server knows no credentials.
    pub access: Option<PathBuf>,
    /// Whether callers are believed who say themselves who they are.
    pub trust: Trust,
    /// Serve without TLS where others than this machine can listen.
    pub plaintext_anywhere: bool,
    /// What to speak TLS with. `None`: it isn't spoken.
    pub tls: Option<TlsFiles>,
    /// How much is taken from whom, where no access file says it.
    pub limits: Limits,
}

/// Whether callers are believed who show no credential, and say in the request's metadata who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Nothing was said: on loopback and without an access file they are, and it is logged; else they aren't.
    #[default]
    Unsaid,
    /// They are, on loopback.
    OnLoopback,
    /// They are, wherever they call from: whoever reaches the port is whoever they want to be.
    Anywhere,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN.to_owned(),
            admin: None,
            redis: None,
            default_org: None,
            token_key: None,
            notice: DEFAULT_NOTICE,
            drain: DEFAULT_DRAIN,
            advertise: None,
            access: None,
            trust: Trust::Unsaid,
            plaintext_anywhere: false,
            tls: None,
            limits: Limits::for_tries(),
        }
    }
}

/// A configuration that can be started.
#[derive(Clone)]
pub struct Checked {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the admin listener is to be, if there is to be one.
    pub admin: Option<SocketAddr>,
    /// Where things are kept.
    pub redis: Option<String>,
    /// The org of callers who don't name one.
    pub default_org: Option<String>,
    /// What seals tokens.
    pub token_key: TokenKey,
    /// How long to go on after saying that it goes.
    pub notice: Duration,
    /// How long to wait at the end.
    pub drain: Duration,
    /// Where other servers reach it.
    pub advertise: Option<String>,
    /// The access file.
    pub access: Option<PathBuf>,
    /// Whether callers' own words are believed, and whether their role may be missing in them.
    pub trusted: Option<RoleMayBeMissing>,
    /// What to speak TLS with.
    pub tls: Option<TlsFiles>,
    /// How much is taken from whom.
    pub limits: Limits,
}

/// Whether callers who are believed may leave their role out, and are admins then.
pub type RoleMayBeMissing = bool;
// A Redis URL can have a password in it, and a key is one: neither is to get into a log by way of `{:?}`.
impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ServerConfig");
        shown.field("listen", &self.listen).field("admin", &self.admin);
        shown.field("advertise", &self.advertise).field("default_org", &self.default_org);
        shown.field("notice", &self.notice).field("drain", &self.drain).finish_non_exhaustive()
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Checked");
        shown.field("listen", &self.listen).field("admin", &self.admin);
        shown.field("advertise", &self.advertise).field("default_org", &self.default_org);
        shown.field("token_key", &self.token_key).field("notice", &self.notice);
        shown.field("drain", &self.drain).finish_non_exhaustive()
    }
}

/// What seals tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TokenKey {
    /// A secret that all replicas share.
    Secret([u8; 32]),
    /// The one that everybody knows: tokens can be forged. For development.
    Development,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret",
            Self::Development => "Development",
        })
    }
}

impl TokenKey {
    /// The key's bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 32] {
        match self {
            Self::Secret(bytes) => bytes,
            Self::Development => *b"baton's development key: public!",
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration can't be used: {}", .0.join("; "))]
pub struct BadConfig(pub Vec<String>);

impl ServerConfig {
    /// Checks everything.
    ///
    /// # Errors
    /// [`BadConfig`] with every fault.
    pub fn check(&self) -> Result<Checked, BadConfig> {
        let mut faults = Vec::new();
        let mut address = |name: &str, text: &str, such_as: &str| {
            text.parse::<SocketAddr>()
                .map_err(|_| {
                    let fault =
                        format!("{name} {text:?} isn't an address and port such as {such_as}");
                    faults.push(fault);
                })
                .ok()
        };
        let listen = address("listen", &self.listen, DEFAULT_LISTEN);
        let admin = self.admin.as_ref().and_then(|text| address("admin", text, USUAL_ADMIN));
        if let Some(url) = &self.redis
            && !["redis://", "rediss://", "redis+unix://", "unix://"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
        {
            faults.push("redis isn't a URL such as redis://127.0.0.1:6379".to_owned());
        }
        if self.default_org.as_ref().is_some_and(String::is_empty) {
            faults.push("default_org is empty; leave it out or name an org".to_owned());
        }
        let token_key = self.token_key.as_deref().map_or(Some(TokenKey::Development), key);
        if token_key.is_none() {
            faults.push("token_key isn't 64 hexadecimal digits".to_owned());
        }
        if self.advertise.as_deref().is_some_and(|address| !is_host_and_port(address)) {
            faults.push("advertise isn't a host and port such as 10.0.0.7:50051".to_owned());
        }
        if let Some(listen) = listen {
            faults.extend(self.exposures(listen));
        }
        for (name, span) in [("notice", self.notice), ("drain", self.drain)] {
            if span > Duration::from_secs(300) {
                faults.push(format!("{name} is {} s; at most 300 are allowed", span.as_secs()));
            }
        }
        faults.extend(self.limits.faults());
        match (listen, token_key) {
            (Some(listen), Some(token_key)) if faults.is_empty() => Ok(Checked {
                listen,
                admin,
                redis: self.redis.clone(),
                default_org: self.default_org.clone(),
                token_key,
                notice: self.notice,
                drain: self.drain,
                advertise: self.advertise.clone(),
                access: self.access.clone(),
                trusted: self.trusted(listen),
                tls: self.tls.clone(),
                limits: self.limits,
            }),
            _ => Err(BadConfig(faults)),
        }
    }
}

impl ServerConfig {
    /// What would lay the server open to whoever reaches its port.
    fn exposures(&self, listen: SocketAddr) -> Vec<String> {
        let mut faults = Vec::new();
        if self.access.is_some() && self.redis.is_some() && self.token_key.is_none() {
            faults.push(
                "token_key is missing: with credentials, servers on one Redis need a secret of their own to believe each \
                 other; give all of them the same"
                    .to_owned(),
            );
        }
        if listen.ip().is_loopback() {
            return faults;
        }
        if self.trust == Trust::OnLoopback {
            faults.push(format!(
                "listen {listen} isn't loopback: there, callers who say themselves who they are can't be trusted; name an \
                 access file (--access), or listen on 127.0.0.1"
            ));
        }
        if self.trust == Trust::Unsaid && self.access.is_none() {
            faults.push(format!(
                "listen {listen} isn't loopback, and there is no access file (--access), so whoever reaches the port could \
                 say who they are; --insecure-trust-anybody is for those who want that"
            ));
        }
        if !self.plaintext_anywhere && self.tls.is_none() {
            faults.push(format!(
                "listen {listen} isn't loopback, and there is no TLS (--tls-cert and --tls-key), so credentials and \
                 customers' data could be read on the way; --insecure-plaintext is for those whose network is safe, or \
                 whose proxy ends TLS"
            ));
        }
        faults
    }

    /// Whether callers' own words are believed.
    fn trusted(&self, listen: SocketAddr) -> Option<RoleMayBeMissing> {
        match self.trust {
            Trust::Anywhere => Some(listen.ip().is_loopback()),
            Trust::OnLoopback => Some(true),
            Trust::Unsaid => self.access.is_none().then_some(true),
        }
    }
}

/// Could others connect to it?
fn is_host_and_port(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    printable
        && parts.is_some_and(|(host, port)| {
            !host.is_empty() && port.parse().is_ok_and(|port: u16| port > 0)
        })
}

fn key(text: &str) -> Option<TokenKey> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (pair[0] << 4) | pair[1];
    }
    Some(TokenKey::Secret(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_at_once() {
        let config = ServerConfig {
            listen: "nowhere".into(),
            admin: Some("9464".into()),
            redis: Some("http://x".into()),
            default_org: Some(String::new()),
            token_key: Some("short".into()),
            notice: Duration::from_secs(301),
            drain: Duration::from_secs(301),
            advertise: Some("10.0.0.7".into()),
            limits: Limits { connections: 0, ..Limits::default() },
            ..ServerConfig::default()
        };
        assert_eq!(config.check().map(|_| ()).map_err(|bad| bad.0.len()), Err(9));
    }

    #[test]
    fn s1_a_server_that_others_reach_has_credentials_and_tls_or_says_honestly_that_it_hasnt() {
        let at = |listen: &str| ServerConfig { listen: listen.into(), ..ServerConfig::default() };
        let faults = |config: &ServerConfig| config.check().map_or_else(|bad| bad.0.len(), |_| 0);
        let trusted = |config: &ServerConfig| config.check().ok().and_then(|c| c.trusted);
        assert_eq!(trusted(&at("127.0.0.1:0")), Some(true), "for tries");
        assert_eq!(faults(&at("0.0.0.0:0")), 2);
        let trusting = ServerConfig { trust: Trust::OnLoopback, ..at("0.0.0.0:0") };
        assert_eq!(faults(&trusting), 2);
        let anybody = ServerConfig { trust: Trust::Anywhere, ..at("0.0.0.0:0") };
        assert_eq!(faults(&anybody), 1);
        let anybody = ServerConfig { plaintext_anywhere: true, ..anybody };
        assert_eq!(trusted(&anybody), Some(false), "nobody is an admin by saying nothing");
        let known = ServerConfig { access: Some("access.toml".into()), ..at("127.0.0.1:0") };
        assert_eq!((faults(&known), trusted(&known)), (0, None));
        let shared = ServerConfig { redis: Some("redis://127.0.0.1".into()), ..known };
        assert_eq!(faults(&shared), 1, "servers that believe each other need a secret");
    }

    #[test]
    fn s3_neither_a_password_nor_a_key_is_shown_or_said_to_be_wrong() {
        let config = ServerConfig {
            redis: Some("redis://user:canary@127.0.0.1/".into()),
            token_key: Some("0f".repeat(32)),
            ..ServerConfig::default()
        };
        let checked = config.check().expect("it is right");
        let wrong = ServerConfig {
            redis: Some("http://user:canary@127.0.0.1/".into()),
            token_key: Some("canary".into()),
            ..ServerConfig::default()
        };
        let faults = wrong.check().expect_err("both are wrong");
        for shown in [format!("{config:?} {wrong:?}"), format!("{checked:?}"), faults.to_string()] {
            assert!(!shown.contains("canary") && !shown.contains("0f0f"), "{shown}");
        }
    }

    #[test]
    fn a_key_is_64_digits() {
        let config = ServerConfig { token_key: Some("0f".repeat(32)), ..ServerConfig::default() };
        let checked = config.check().expect("it is right");
        assert_eq!(checked.token_key, TokenKey::Secret([0x0f; 32]));
    }
}
