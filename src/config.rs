//! What a server is told: where to listen, where to keep things, what is secret. Checked as a whole,
//! so that every fault is reported at once. It reads no files and no environment: whoever starts a
//! server (the command line, a test) fills it in.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// Where a server listens unless it is told otherwise: on this machine only.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:50051";

/// Where an admin listener usually is: on this machine only. No server has one unless it is told to.
pub const USUAL_ADMIN: &str = "127.0.0.1:9464";

/// How long a server goes on after it has begun to say that it isn't ready, unless it is told
/// otherwise: time for a balancer that asks twice a second to ask twice, and some to spare.
pub const DEFAULT_NOTICE: Duration = Duration::from_secs(2);

/// How long streams and calls have to end, unless it is told otherwise.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(5);

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
}

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
        let token_key = match self.token_key.as_deref().map(key) {
            None => TokenKey::Development,
            Some(Some(bytes)) => TokenKey::Secret(bytes),
            Some(None) => {
                faults.push("token_key isn't 64 hexadecimal digits".to_owned());
                TokenKey::Development
            }
        };
        if self.advertise.as_deref().is_some_and(|address| !is_host_and_port(address)) {
            faults.push("advertise isn't a host and port such as 10.0.0.7:50051".to_owned());
        }
        for (name, span) in [("notice", self.notice), ("drain", self.drain)] {
            if span > Duration::from_secs(300) {
                faults.push(format!("{name} is {} s; at most 300 are allowed", span.as_secs()));
            }
        }
        match listen {
            Some(listen) if faults.is_empty() => Ok(Checked {
                listen,
                admin,
                redis: self.redis.clone(),
                default_org: self.default_org.clone(),
                token_key,
                notice: self.notice,
                drain: self.drain,
                advertise: self.advertise.clone(),
            }),
            _ => Err(BadConfig(faults)),
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

fn key(text: &str) -> Option<[u8; 32]> {
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
    Some(bytes)
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
        };
        assert_eq!(config.check().map(|_| ()).map_err(|bad| bad.0.len()), Err(8));
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
