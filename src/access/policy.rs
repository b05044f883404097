//! The access file and everything that it names, read and checked as a whole: either all of it is in force or nothing of it.
//! How files are read is an argument; what is in force when is `gate`'s and `upkeep`'s business.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::certificate::{Proxies, spiffe};
use super::credential::{Credential, Origin};
use super::document::{BadAccess, Document, Fields, FileFault, Placed};
use super::grant::{Grant, absent};
use super::issuer::{Issuer, KeySource};
use super::jwks::{self, SigningKey};
use super::key_file::{self, ApiKey};
use super::limits::{Limit, Limits};
use super::revoked::Revoked;

/// How files are read.
pub type ReadFile<'r> = &'r dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// Which files were read, and what was in each.
pub type Seen = BTreeMap<PathBuf, Sight>;

/// What was in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// A digest, of the error if it couldn't be read.
    digest: [u8; 32],
    /// Whether there was nothing but white space and comments.
    blank: bool,
}

/// An API key in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldKey {
    /// The key.
    pub key: ApiKey,
    /// What it gives.
    pub credential: Arc<Credential>,
}

/// Where the keys of an issuer are fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The URL.
    pub url: String,
    /// The CAs that vouch for whoever answers there, in PEM; `None`: the system's.
    pub ca: Option<Arc<[u8]>>,
}

/// What the access file says.
#[derive(Debug, Default)]
pub struct Policy {
    /// How much is taken from whom.
    pub limits: Limits,
    /// API keys, by id.
    pub keys: HashMap<Arc<str>, HeldKey>,
    /// Issuers, by name.
    pub issuers: HashMap<Arc<str>, Arc<Issuer>>,
    /// The key sets of issuers that have them in a file.
    pub sets: HashMap<Arc<str>, Vec<Arc<SigningKey>>>,
    /// Where those of the others are.
    pub remotes: HashMap<Arc<str>, Remote>,
    /// What certificates give, by their URI.
    pub certificates: HashMap<Arc<str>, Arc<Credential>>,
    /// Who may forward certificates.
    pub proxies: Proxies,
    /// What was revoked.
    pub revoked: Revoked,
}

impl Policy {
    /// Takes keys and rules over from what was in force where they are the same, so that whoever was believed by one can be
    /// told that it stands without comparing all that it says.
    #[must_use]
    pub fn following(mut self, before: &Self) -> Self {
        for (id, held) in &mut self.keys {
            if let Some(same) = before.keys.get(id).filter(|before| *before == held) {
                *held = same.clone();
            }
        }
        for (uri, rule) in &mut self.certificates {
            if let Some(same) = before.certificates.get(uri).filter(|before| *before == rule) {
                *rule = Arc::clone(same);
            }
        }
        self
    }
}

/// Reads the access file and what it names. Also says what was read, so that a change is noticed whether it was good or bad.
///
/// # Errors
/// Everything that is wrong.
pub fn load(path: &Path, read: ReadFile<'_>) -> (Result<Policy, BadAccess>, Seen) {
    let mut loading = Loading {
        read,
        folder: path.parent().unwrap_or(Path::new("")),
        seen: Seen::new(),
        faults: Vec::new(),
    };
    let policy = loading.access_file(path);
    let faults = loading.faults;
    let result = match policy {
        Some(policy) if faults.is_empty() => Ok(policy),
        _ => Err(BadAccess(faults)),
    };
    (result, loading.seen)
}

/// What is in the files now, to be held against what was seen.
#[must_use]
pub fn look(seen: &Seen, read: ReadFile<'_>) -> Seen {
    seen.keys().map(|path| (path.clone(), sight(&read(path)))).collect()
}

fn sight(read: &io::Result<Vec<u8>>) -> Sight {
    match read {
        Ok(bytes) => Sight { digest: Sha256::digest(bytes).into(), blank: is_blank(bytes) },
        Err(why) => {
            Sight { digest: Sha256::digest(format!("\0{:?}", why.kind())).into(), blank: false }
        }
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.all(|line| line.is_empty() || line.starts_with(b"#"))
}

/// Files that are empty now and had something in them when `before` was read: more likely somebody is just writing them than
/// that all of it is to go.
///
/// # Errors
/// Each of them.
pub fn none_emptied(before: &Seen, now: &Seen) -> Result<(), BadAccess> {
    let emptied = now.iter().filter(|(path, sight)| {
        sight.blank && before.get(*path).is_some_and(|before| !before.blank)
    });
    let fault = |path: &PathBuf| {
        FileFault {
        file: path.clone(),
        place: None,
        why: "is empty, and there was something in it; if nothing is meant, write an empty list, such as `key = []`"
            .to_owned(),
    }
    };
    let faults: Vec<FileFault> = emptied.map(|(path, _)| fault(path)).collect();
    if faults.is_empty() { Ok(()) } else { Err(BadAccess(faults)) }
}

struct Loading<'l> {
    read: ReadFile<'l>,
    folder: &'l Path,
    seen: Seen,
    faults: Vec<FileFault>,
}

impl Loading<'_> {
    fn file(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let read = (self.read)(path);
        self.seen.insert(path.to_owned(), sight(&read));
        read.map_err(|why| format!("can't be read: {why}"))
    }

    fn text(&mut self, path: &Path) -> Result<String, String> {
        self.file(path)
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "isn't UTF-8".to_owned()))
    }

    fn fault(&mut self, path: &Path, why: String) {
        self.faults.push(FileFault { file: path.to_owned(), place: None, why });
    }

    fn access_file(&mut self, path: &Path) -> Option<Policy> {
        let text = match self.text(path) {
            Ok(text) => text,
            Err(why) => {
                self.fault(path, why);
                return None;
            }
        };
        let document = Document::new(path, &text);
        let policy = document.parse().map(|root| {
            let fields = Fields::new(&document, root.get_ref(), root.span());
            self.policy(fields)
        });
        self.faults.splice(0..0, document.into_faults());
        policy
    }

    fn policy(&mut self, fields: Fields<'_>) -> Policy {
        let mut policy = Policy { proxies: Proxies::read(&fields), ..Policy::default() };
        if let Some(limits) = fields.table("limits") {
            policy.limits = read_limits(&limits);
        }
        if let Some(Placed { value, .. }) =
            fields.text("api_keys", |text| Ok(self.folder.join(text)))
        {
            policy.keys = self.api_keys(&value);
        }
        for entry in fields.tables("issuer") {
            let span = entry.span.clone();
            let Some(issuer) = Issuer::read(entry, self.folder) else { continue };
            match &issuer.source {
                KeySource::File(file) => {
                    let set = self.key_set(file);
                    policy.sets.insert(Arc::clone(&issuer.name), set);
                }
                KeySource::Url { url, ca } => {
                    let ca = ca.as_ref().and_then(|ca| self.authorities(ca));
                    let remote = Remote { url: url.clone(), ca };
                    policy.remotes.insert(Arc::clone(&issuer.name), remote);
                }
            }
            let name = Arc::clone(&issuer.name);
            if policy.issuers.insert(name, Arc::new(issuer)).is_some() {
                fields.note(&span, "there is an [[issuer]] of this name already");
            }
        }
        for entry in fields.tables("certificate") {
            read_certificate(entry, &mut policy);
        }
        if let Some(revoked) = fields.table("revoked") {
            let known = named(&fields);
            policy.revoked =
                Revoked::read(revoked, &|name| known.iter().any(|known| known == name));
        }
        fields.end();
        policy
    }

    fn api_keys(&mut self, file: &Path) -> HashMap<Arc<str>, HeldKey> {
        let text = match self.text(file) {
            Ok(text) => text,
            Err(why) => {
                self.fault(file, why);
                return HashMap::new();
            }
        };
        match key_file::read(Document::new(file, &text)) {
            Ok(keys) => {
                let held = |key: ApiKey| HeldKey { credential: Arc::new(key.credential()), key };
                keys.into_iter().map(|key| (Arc::clone(&key.id), held(key))).collect()
            }
            Err(faults) => {
                self.faults.extend(faults);
                HashMap::new()
            }
        }
    }

    fn key_set(&mut self, file: &Path) -> Vec<Arc<SigningKey>> {
        let set = match self.file(file).and_then(|bytes| jwks::read(&bytes)) {
            Ok(set) => set,
            Err(why) => {
                self.fault(file, why);
                return Vec::new();
            }
        };
        if set.keys.is_empty() && set.refused.is_empty() {
            let why = format!("has no key that can be used {:?}", set.skipped);
            self.fault(file, why);
        }
        for why in set.refused {
            self.fault(file, why);
        }
        set.keys
    }

    fn authorities(&mut self, file: &Path) -> Option<Arc<[u8]>> {
        let pem = self.file(file).and_then(|pem| {
            let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
            match certificates {
                Ok(certificates) if !certificates.is_empty() => Ok(pem),
                _ => Err("has no certificate in PEM".to_owned()),
            }
        });
        match pem {
            Ok(pem) => Some(pem.into()),
            Err(why) => {
                self.fault(file, why);
                None
            }
        }
    }
}

/// The names of all issuers, also of those with which something else is wrong.
fn named(fields: &Fields<'_>) -> Vec<String> {
    let Some(issuers) = fields.take("issuer").and_then(|value| value.get_ref().as_array()) else {
        return Vec::new();
    };
    let names = issuers.iter().filter_map(|issuer| issuer.get_ref().get("issuer"));
    names.filter_map(|name| name.get_ref().as_str().map(str::to_owned)).collect()
}

fn read_limits(fields: &Fields<'_>) -> Limits {
    let mut limits = Limits::default();
    for (name, value) in fields.all() {
        let Some(limit) = Limits::ALL.iter().find(|limit| limit.name == name) else {
            fields.note(&value.span(), format!("`{name}` is no limit"));
            continue;
        };
        let Limit { range: (least, most), .. } = *limit;
        let number = fields.number_of(name, value, u64::from(least)..=u64::from(most));
        if let Some(number) = number.and_then(|number| u32::try_from(number).ok()) {
            limits.set(name, number);
        }
    }
    limits
}

fn read_certificate(fields: Fields<'_>, policy: &mut Policy) {
    let uri = fields.text("uri", spiffe).or_else(|| absent(&fields, "uri"));
    let grant = Grant::read(&fields);
    if let Some(uri) = &uri {
        if policy.proxies.has_uri(&uri.value) {
            fields.note(&uri.span, "`uri` is a trusted proxy's, which speaks for others alone");
        }
        if policy.certificates.contains_key(uri.value.as_str()) {
            fields.note(&uri.span, "there is a [[certificate]] with this `uri` already");
        }
    }
    if let (Some(uri), Some(grant)) = (uri, grant) {
        let uri: Arc<str> = uri.value.into();
        let name = format!("certificate:{uri}");
        let credential = grant.credential(&name, None, Origin::Certificate(Arc::clone(&uri)));
        policy.certificates.insert(uri, Arc::new(credential));
    }
    fields.end();
}
