//! The contexts that people keep: for each a server, an org, and where the credential is. One file, `contexts.toml`, in
//! `$BATON_HOME`, else in `baton` below `$XDG_CONFIG_HOME`, else below `~/.config`. It holds no secrets: those stay in files
//! of their own, which only their owner can read.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::args::Global;
use crate::client::{ClientTls, Credential};

/// What is kept of a context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedContext {
    /// The server to ask.
    pub server: String,
    /// The org; none: the credential's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// The file in which the credential is: an API key or a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_file: Option<PathBuf>,
    /// The CA that signed the server's certificate; none: the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The certificate to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert: Option<PathBuf>,
    /// And its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

impl SavedContext {
    /// Forgets what is shown to the server, and by what it is believed. Was there anything?
    pub fn drop_secrets(&mut self) -> bool {
        let files = [&mut self.credential_file, &mut self.ca, &mut self.cert, &mut self.key];
        files.into_iter().filter_map(Option::take).count() > 0
    }
}

/// All contexts, and which of them is the current one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The current one's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    #[serde(default, rename = "context", skip_serializing_if = "BTreeMap::is_empty")]
    pub all: BTreeMap<String, SavedContext>,
}

/// Where a command goes, and with what: what was given first, then what the context keeps, then what is usual.
#[derive(Clone, Default)]
pub struct Target {
    /// The servers to ask.
    pub servers: Vec<String>,
    /// The org, if one is named.
    pub org: Option<String>,
    /// The credential, if there is one.
    pub credential: Option<Credential>,
    /// What to speak TLS with.
    pub tls: ClientTls,
}

/// The server of those who name none.
pub const USUAL_SERVER: &str = "http://127.0.0.1:50051";

impl Target {
    /// What is given, completed from the context that it names, or from the current one.
    ///
    /// # Errors
    /// If there is no such context, or its credential can't be read.
    pub fn of(given: &Global) -> anyhow::Result<Self> {
        let in_environment = std::env::var("BATON_CREDENTIAL").ok().filter(|text| !text.is_empty());
        Self::completed(given, saved_context(given)?.unwrap_or_default(), in_environment)
    }

    fn completed(
        given: &Global,
        saved: SavedContext,
        in_environment: Option<String>,
    ) -> anyhow::Result<Self> {
        let elsewhere = given.server.iter().any(|server| *server != saved.server);
        let servers = match (given.server.as_slice(), saved.server.as_str()) {
            ([], "") => vec![USUAL_SERVER.to_owned()],
            ([], server) => vec![server.to_owned()],
            (servers, _) => servers.to_vec(),
        };
        // A credential is shown to the server that it was kept for, and to no other.
        let kept = if elsewhere { SavedContext::default() } else { saved };
        let credential = match (&given.credential_file, in_environment, &kept.credential_file) {
            (Some(path), _, _) => Some(Credential::File(path.clone())),
            (None, Some(text), _) => Some(Credential::Text(text.trim().to_owned())),
            (None, None, Some(path)) => Some(Credential::File(path.clone())),
            (None, None, None) => None,
        };
        // So that a file without one is told of before anything else.
        credential.as_ref().map(Credential::text).transpose()?;
        let tls = given.tls.files();
        let (cert, key) = match (tls.cert, tls.key) {
            (None, None) => (kept.cert, kept.key),
            given => given,
        };
        let tls = ClientTls { ca: tls.ca.or(kept.ca), cert, key };
        Ok(Self { servers, org: given.org.clone().or(kept.org), credential, tls })
    }

    /// The servers to which the credential goes in the clear, beyond this machine.
    pub fn shown_unencrypted(&self) -> impl Iterator<Item = &str> {
        let shown = self.credential.is_some();
        self.servers.iter().map(String::as_str).filter(move |server| shown && in_the_clear(server))
    }
}

/// Does what is sent to this server go unencrypted, and beyond this machine?
fn in_the_clear(server: &str) -> bool {
    let Ok(uri) = server.parse::<hyper::Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<IpAddr>();
    let local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("http") && !local
}

/// The context that is named, or else the current one, if there is one.
fn saved_context(given: &Global) -> anyhow::Result<Option<SavedContext>> {
    let folder = match (folder(), &given.context) {
        (Ok(folder), _) => folder,
        (Err(error), Some(_)) => return Err(error),
        (Err(_), None) => return Ok(None),
    };
    let contexts = Contexts::read(&folder)?;
    let name = given.context.as_ref().or(contexts.current.as_ref());
    name.map(|name| contexts.named(name).cloned()).transpose()
}

/// The folder in which contexts and credentials are kept.
///
/// # Errors
/// If the environment names none.
pub fn folder() -> anyhow::Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(home) = set("BATON_HOME") {
        return Ok(home.into());
    }
    let config = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")));
    let config = config.context("there is nowhere to keep contexts: set BATON_HOME to a folder")?;
    Ok(config.join("baton"))
}

impl Contexts {
    /// Those that are kept in `folder`; none if there is no file.
    ///
    /// # Errors
    /// If the file can't be read, or isn't one.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("contexts.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => bail!("can't read {}: {error}", path.display()),
        };
        let parsed: Result<Self, _> = toml::from_str(&text);
        parsed.map_err(|error| {
            let why = error.to_string();
            anyhow::anyhow!("{} isn't a file of contexts: {}", path.display(), why.trim_end())
        })
    }

    /// Keeps them in `folder`.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = toml::to_string(self).context("contexts can't be written as TOML")?;
        write_private(&folder.join("contexts.toml"), text.as_bytes())
    }

    /// The one of this name.
    ///
    /// # Errors
    /// If there is none; it says which there are.
    pub fn named(&self, name: &str) -> anyhow::Result<&SavedContext> {
        self.all.get(name).with_context(|| {
            let known: Vec<&str> = self.all.keys().map(String::as_str).collect();
            match known.as_slice() {
                [] => format!(
                    "there is no context {name}, and no other: `baton context set` makes one"
                ),
                known => format!("there is no context {name}; there are: {}", known.join(", ")),
            }
        })
    }
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// If it can't be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let what = || format!("can't write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(what)?;
    }
    let beside = path.with_extension(format!("{:08x}.new", rand::random::<u32>()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Nothing is left of it but the error.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_private() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Contexts::read(folder.path()).unwrap(), Contexts::default());
        let mut contexts = Contexts::default();
        let saved = SavedContext {
            server: "https://baton.example".to_owned(),
            org: Some("acme".to_owned()),
            credential_file: Some("/secrets/key".into()),
            ..SavedContext::default()
        };
        contexts.all.insert("prod".to_owned(), saved.clone());
        contexts.current = Some("prod".to_owned());
        contexts.write(folder.path()).unwrap();
        let again = Contexts::read(folder.path()).unwrap();
        assert_eq!(again, contexts);
        assert_eq!(again.named("prod").unwrap(), &saved);
        let refused = again.named("dev").unwrap_err().to_string();
        assert!(refused.contains("there are: prod"), "{refused}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                fs::metadata(folder.path().join("contexts.toml")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_none_is_refused_with_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("contexts.toml"), "[context.a]\nserver = 1\n").unwrap();
        let refused = Contexts::read(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("isn't a file of contexts"), "{refused}");
    }

    fn given(line: &str) -> Global {
        use clap::Parser as _;
        let words = line.split_whitespace();
        crate::cli::args::Cli::try_parse_from(["baton", "whoami"].into_iter().chain(words))
            .unwrap()
            .global
    }

    #[test]
    fn s1_a_context_s_credential_goes_to_its_server_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "baton_1_2\n").unwrap();
        let saved = SavedContext {
            server: "http://127.0.0.1:1".to_owned(),
            org: Some("acme".to_owned()),
            credential_file: Some(path),
            ..SavedContext::default()
        };
        let shown = |line: &str| {
            let target = Target::completed(&given(line), saved.clone(), None).unwrap();
            (target.credential.is_some(), target.org.is_some())
        };
        assert_eq!(shown(""), (true, true));
        assert_eq!(shown("--server http://127.0.0.1:1"), (true, true));
        assert_eq!(shown("--server http://127.0.0.1:2"), (false, false));
        assert_eq!(shown("--server http://127.0.0.1:1,http://127.0.0.1:2"), (false, false));
        fs::write(folder.path().join("key"), "\n").unwrap();
        assert!(Target::completed(&given(""), saved, None).is_err(), "there is none in it");
    }

    #[test]
    fn a_credential_that_goes_in_the_clear_is_told_of() {
        let told = |server: &str, credential: Option<&str>| {
            let line = format!("--server {server}");
            let credential = credential.map(str::to_owned);
            let target = Target::completed(&given(&line), SavedContext::default(), credential);
            target.unwrap().shown_unencrypted().count()
        };
        assert_eq!(told("http://baton.example:50051", Some("k")), 1);
        assert_eq!(told("http://10.0.0.7:50051,http://[::1]:1", Some("k")), 1);
        assert_eq!(told("http://10.0.0.7:50051", None), 0);
        for safe in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://a.b"] {
            assert_eq!(told(safe, Some("k")), 0, "{safe}");
        }
    }
}
