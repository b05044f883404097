//! Making, listing and revoking API keys in a key file, for whoever administers them. A server reads the same file
//! (`key_file`) and notices a change within a second.
//!
//! What is written is the new file in full, `<file>.new` beside it, which then takes its place. That second file is the
//! lock, too: who finds it there doesn't write. So two writers never lose each other's keys, and a reader sees the file
//! before or after. What isn't touched keeps its order, its comments and its form.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Datelike, Timelike, Utc};
use rand::RngExt;
use toml::Value;
use toml::value::{Date, Datetime, Offset, Time};

use super::credential::Orgs;
use super::document::{BadAccess, Document};
use super::grant::{Grant, role_name};
pub use super::key_file::ApiKey as ListedKey;
use super::key_file::{self, ApiKey, ID_LENGTH, PREFIX, digest_of};
use super::scopes::Scope;

/// Who may read a key file that is made here: its owner.
const MODE: u32 = 0o600;
/// How long a secret is: 52 characters of 5 bits each, 260 bits.
const SECRET_LENGTH: usize = 52;
/// What ids and secrets are made of: no capitals, and no digit that looks like a letter.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// How a new file begins.
const HEADING: &str =
    "# API keys of Baton: digests, no secrets. Written by `baton keys`; times are UTC.\n";

/// Why nothing was done to a key file.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It can't be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// What is in it is wrong.
    #[error("{0}")]
    Bad(#[from] BadAccess),
    /// Somebody else is writing it.
    #[error(
        "{0} is there: somebody else is writing keys, or was ended while doing so; then remove it"
    )]
    Locked(PathBuf),
    /// It belongs to somebody else, and what is put into its place can't be made theirs.
    #[error(
        "{0} belongs to another user or group, who couldn't read what is put into its place: do this as its owner or as root"
    )]
    OthersFile(PathBuf),
    /// No key has this id or name.
    #[error("no key has the id or the name {0:?}")]
    Unknown(String),
    /// Several keys that aren't revoked have this name; their ids.
    #[error("several keys have that name; give one of their ids: {}", .0.join(", "))]
    SeveralNamed(Vec<String>),
    /// It was revoked already.
    #[error("the key {0} was revoked already")]
    AlreadyRevoked(Arc<str>),
    /// A key can't be written as it was asked for; nothing was.
    #[error("the key can't be written: {0}")]
    Unwritable(String),
}

/// A key that is to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What it is called: 1 to 128 characters of `[A-Za-z0-9._:@-]`.
    pub name: String,
    /// What it is good for.
    pub grant: Grant,
    /// Until when; `None`: until it is revoked.
    pub expires: Option<SystemTime>,
}

/// A key that was made.
pub struct MadeKey {
    /// What is kept of it.
    pub key: ApiKey,
    /// Its text. It is nowhere else: who loses it makes another key.
    pub text: String,
}

impl std::fmt::Debug for MadeKey {
    /// Without its text, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MadeKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Makes a key. A file that isn't there is made.
///
/// # Errors
/// [`KeysError`]; then the file is as it was.
pub fn create(file: &Path, new: &NewKey, now: SystemTime) -> Result<MadeKey, KeysError> {
    let (id, secret) = (drawn(ID_LENGTH), drawn(SECRET_LENGTH));
    let text = format!("{PREFIX}{id}_{secret}");
    let table = written(&id, new, digest_of(&text), now)?;
    let key = change(file, |before, _| {
        let mut after = if before.is_empty() { HEADING.to_owned() } else { before.to_owned() };
        if !after.ends_with('\n') {
            after.push('\n');
        }
        Ok((after + "\n" + &table, id.clone()))
    })?;
    Ok(MadeKey { key, text })
}

/// Every key of a file, also revoked ones, in its order.
///
/// # Errors
/// [`KeysError`].
pub fn list(file: &Path) -> Result<Vec<ApiKey>, KeysError> {
    let text = fs::read_to_string(file).map_err(|why| KeysError::File(file.to_owned(), why))?;
    parse(file, &text)
}

/// Revokes a key by its id, or by its name if only one key that isn't revoked has it.
///
/// # Errors
/// [`KeysError`]; then the file is as it was.
pub fn revoke(file: &Path, which: &str, now: SystemTime) -> Result<ApiKey, KeysError> {
    change(file, |before, keys| {
        let key = chosen(keys, which)?;
        let mut lines: Vec<&str> = before.split_inclusive('\n').collect();
        let at = line_of_id(&lines, &key.id).ok_or_else(|| {
            KeysError::Unwritable("its `id` has no line of its own in the file".to_owned())
        })?;
        let revoked = format!("revoked = {}\n", toml_time(now)?);
        lines.insert(at + 1, &revoked);
        Ok((lines.concat(), key.id.to_string()))
    })
}

fn chosen<'k>(keys: &'k [ApiKey], which: &str) -> Result<&'k ApiKey, KeysError> {
    if let Some(key) = keys.iter().find(|key| &*key.id == which) {
        let revoked = key.revoked.is_some();
        return if revoked { Err(KeysError::AlreadyRevoked(Arc::clone(&key.id))) } else { Ok(key) };
    }
    let named: Vec<&ApiKey> = keys.iter().filter(|key| key.name == which).collect();
    let good: Vec<&ApiKey> = named.iter().copied().filter(|key| key.revoked.is_none()).collect();
    match (good.as_slice(), named.first()) {
        ([key], _) => Ok(key),
        ([], None) => Err(KeysError::Unknown(which.to_owned())),
        ([], Some(key)) => Err(KeysError::AlreadyRevoked(Arc::clone(&key.id))),
        (several, _) => {
            Err(KeysError::SeveralNamed(several.iter().map(|key| key.id.to_string()).collect()))
        }
    }
}

/// The line that says which key a table is: `id = "…"`, as this file writes it, and whoever edits it by hand.
fn line_of_id(lines: &[&str], id: &str) -> Option<usize> {
    let quoted = [format!("\"{id}\""), format!("'{id}'")];
    lines.iter().position(|line| {
        let value = line.trim_start().strip_prefix("id").map(str::trim_start);
        let value = value.and_then(|rest| rest.strip_prefix('=')).map(str::trim_start);
        value.is_some_and(|value| quoted.iter().any(|quoted| value.starts_with(quoted.as_str())))
            && line.ends_with('\n')
    })
}

/// Changes a file under its lock: `edit` gets the text and the keys in it, and gives the new text and the id of the key that
/// it is about, which is what comes back.
fn change(
    file: &Path,
    edit: impl FnOnce(&str, &[ApiKey]) -> Result<(String, String), KeysError>,
) -> Result<ApiKey, KeysError> {
    // Behind a link lies the file that is meant: to replace the link would leave that one as it was.
    let file = &fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let mut lock = Lock::take(file)?;
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => String::new(),
        Err(why) => return Err(KeysError::File(file.clone(), why)),
    };
    let keys = parse(file, &before)?;
    let (after, id) = edit(&before, &keys)?;
    // The text was edited as text. What it now means is looked at before it takes the other's place.
    let changed = parse(file, &after)?;
    let found = changed.iter().find(|key| *key.id == *id).cloned();
    let key = found.ok_or_else(|| KeysError::Unwritable("it isn't there".to_owned()))?;
    let others =
        |keys: &[ApiKey]| keys.iter().filter(|key| *key.id != *id).cloned().collect::<Vec<_>>();
    if others(&keys) != others(&changed) {
        return Err(KeysError::Unwritable("other keys would change".to_owned()));
    }
    lock.replace(file, after.as_bytes())?;
    Ok(key)
}

fn parse(file: &Path, text: &str) -> Result<Vec<ApiKey>, KeysError> {
    key_file::read(Document::new(file, text)).map_err(|faults| BadAccess(faults).into())
}

/// The file that will take the other's place. While it is there nobody else writes.
struct Lock {
    path: PathBuf,
    file: File,
    done: bool,
}

impl Lock {
    fn take(of: &Path) -> Result<Self, KeysError> {
        let mut name = of.as_os_str().to_owned();
        name.push(".new");
        let path = PathBuf::from(name);
        let opened = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path);
        match opened {
            Ok(file) => Ok(Self { path, file, done: false }),
            Err(why) if why.kind() == ErrorKind::AlreadyExists => Err(KeysError::Locked(path)),
            Err(why) => Err(KeysError::File(path, why)),
        }
    }

    fn replace(&mut self, target: &Path, text: &[u8]) -> Result<(), KeysError> {
        if let Ok(before) = fs::metadata(target) {
            // Whoever could read it still can.
            let own = self.file.metadata();
            let own = own.map_err(|why| KeysError::File(self.path.clone(), why))?;
            let (uid, gid) = (before.uid(), before.gid());
            if (own.uid(), own.gid()) != (uid, gid) {
                std::os::unix::fs::fchown(&self.file, Some(uid), Some(gid))
                    .map_err(|_| KeysError::OthersFile(target.to_owned()))?;
            }
            let kept = self.file.set_permissions(before.permissions());
            kept.map_err(|why| KeysError::File(self.path.clone(), why))?;
        }
        let written = self.file.write_all(text).and_then(|()| self.file.sync_all());
        written
            .and_then(|()| fs::rename(&self.path, target))
            .map_err(|why| KeysError::File(self.path.clone(), why))?;
        self.done = true;
        // So that a key that was revoked stays so after a crash of the machine.
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|why| KeysError::File(folder.to_owned(), why))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.done {
            // If it can't be removed, the next writer is told that it is there.
            _ = fs::remove_file(&self.path);
        }
    }
}

/// Characters drawn from the operating system's randomness, by way of this thread's generator.
fn drawn(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(ALPHABET[usize::from(rng.random::<u8>() & 31)])).collect()
}

/// A key as a table of the file.
fn written(id: &str, new: &NewKey, digest: [u8; 32], now: SystemTime) -> Result<String, KeysError> {
    let orgs = match &new.grant.orgs {
        Orgs::These(orgs) => list_of(orgs.iter().map(ToString::to_string)),
        Orgs::Any => list_of(["*".to_owned()]),
    };
    let grant = &new.grant;
    let mut lines = vec![
        ("id", Value::from(id)),
        ("name", Value::from(new.name.as_str())),
        ("sha256", Value::from(digest.map(|byte| format!("{byte:02x}")).concat())),
        ("orgs", orgs),
        ("role", Value::from(role_name(grant.actor.role))),
        ("actor", Value::from(grant.actor.id.as_str())),
        ("scopes", list_of(grant.scopes.iter().copied().map(Scope::name).map(str::to_owned))),
        ("queues", list_of(grant.narrowing.queues.iter().map(ToString::to_string))),
        ("channels", list_of(grant.narrowing.channels.iter().map(ToString::to_string))),
        ("created", toml_time(now)?.into()),
    ];
    if let Some(expires) = new.expires {
        lines.push(("expires", toml_time(expires)?.into()));
    }
    let lines: Vec<String> =
        lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    Ok(format!("[[key]]\n{}", lines.concat()))
}

fn list_of(items: impl IntoIterator<Item = String>) -> Value {
    Value::Array(items.into_iter().map(Value::String).collect())
}

/// A moment as TOML writes it, to the second.
fn toml_time(moment: SystemTime) -> Result<Datetime, KeysError> {
    let unwritable = || KeysError::Unwritable("a time is before 1970 or after 9999".to_owned());
    let since: Duration =
        moment.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| unwritable())?;
    let seconds = i64::try_from(since.as_secs()).map_err(|_| unwritable())?;
    let moment: DateTime<Utc> = DateTime::from_timestamp(seconds, 0).ok_or_else(unwritable)?;
    let year = u16::try_from(moment.year()).ok().filter(|year| *year <= 9_999);
    let small = |number: u32| u8::try_from(number).map_err(|_| unwritable());
    Ok(Datetime {
        date: Some(Date {
            year: year.ok_or_else(unwritable)?,
            month: small(moment.month())?,
            day: small(moment.day())?,
        }),
        time: Some(Time {
            hour: small(moment.hour())?,
            minute: small(moment.minute())?,
            second: Some(small(moment.second())?),
            nanosecond: None,
        }),
        offset: Some(Offset::Z),
    })
}
