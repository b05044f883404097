//! What a caller proves with: an API key or a token, given itself or in a file. A file is read again when what was in it isn't
//! good any more, so that whoever renews it there needs to tell nobody.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tonic::metadata::{Ascii, MetadataValue};

use super::{Failure, Identity};

/// An API key or a token, sent as `authorization: Bearer …`.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// This one.
    Text(String),
    /// The one in the first line of this file.
    File(PathBuf),
}

impl Credential {
    /// The credential itself.
    ///
    /// # Errors
    /// If its file can't be read, or has none in it.
    pub fn text(&self) -> Result<String, Failure> {
        let path = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(path) => path,
        };
        let text = std::fs::read_to_string(path).map_err(|why| {
            let message = format!("can't read the credential in {}: {why}", path.display());
            Failure::local(
                message,
                "see --credential-file, BATON_CREDENTIAL_FILE and `baton context`",
            )
        })?;
        let line = text.lines().next().unwrap_or_default().trim();
        if line.is_empty() {
            let message = format!("{} holds no credential", path.display());
            return Err(Failure::local(message, "put an API key or a token into its first line"));
        }
        Ok(line.to_owned())
    }
}

impl From<String> for Credential {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Debug for Credential {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("…"),
            Self::File(path) => write!(f, "the one in {}", path.display()),
        }
    }
}

/// The identity as it goes on the wire, checked once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Headers(pub Vec<(&'static str, MetadataValue<Ascii>)>);

impl Headers {
    fn of(identity: &Identity) -> Result<Self, Failure> {
        let mut headers = Vec::new();
        for (key, value) in [
            ("baton-org", &identity.org),
            ("baton-role", &identity.role),
            ("baton-actor", &identity.actor),
        ] {
            if value.is_empty() {
                continue;
            }
            let value = value.parse().map_err(|_| {
                Failure::local(
                    format!("{key} `{}` isn't printable ASCII", value.escape_default()),
                    "correct it",
                )
            })?;
            headers.push((key, value));
        }
        if let Some(credential) = &identity.credential {
            let value = format!("Bearer {}", credential.text()?).parse();
            let mut value: MetadataValue<Ascii> = value.map_err(|_| {
                // What it is isn't repeated: it may be a secret with a line break too many.
                Failure::local("the credential isn't printable ASCII", "give it as it was issued")
            })?;
            value.set_sensitive(true);
            headers.push(("authorization", value));
        }
        Ok(Self(headers))
    }
}

/// Who is asking, as it is sent now.
#[derive(Debug)]
pub(super) struct Shown {
    identity: Identity,
    headers: RwLock<Arc<Headers>>,
}

impl Shown {
    pub(super) fn of(identity: &Identity) -> Result<Self, Failure> {
        let headers = RwLock::new(Arc::new(Headers::of(identity)?));
        Ok(Self { identity: identity.clone(), headers })
    }

    /// What is sent now.
    pub(super) fn headers(&self) -> Arc<Headers> {
        Arc::clone(&self.headers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a credential is sent at all.
    pub(super) fn credential(&self) -> bool {
        self.identity.credential.is_some()
    }

    /// Whether there is another credential by now than the one that was `sent`: that of a file is read again. A file that
    /// can't be read, or holds none, changes nothing.
    pub(super) fn renewed_since(&self, sent: &Headers) -> bool {
        if !matches!(self.identity.credential, Some(Credential::File(_))) {
            return false;
        }
        if let Ok(now) = Headers::of(&self.identity) {
            *self.headers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(now);
        }
        *self.headers() != *sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_sent_and_never_shown() {
        let credential = Some("secret-key".to_owned().into());
        let identity = Identity { credential, ..Identity::default() };
        let shown = Shown::of(&identity).unwrap();
        assert_eq!(shown.headers().0[0].1.as_encoded_bytes(), b"Bearer secret-key");
        let text = format!("{identity:?} {shown:?}");
        assert!(!text.contains("secret"), "{text}");
        let credential = Some("secret\n".to_owned().into());
        let broken = Identity { credential, ..Identity::default() };
        let failure = Shown::of(&broken).unwrap_err().to_string();
        assert!(failure.contains("credential") && !failure.contains("secret"), "{failure}");
    }

    #[test]
    fn a_credential_in_a_file_is_its_first_line_and_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "\n").unwrap();
        let credential = Credential::File(path.clone());
        assert!(credential.text().unwrap_err().to_string().contains("holds no credential"));
        std::fs::write(&path, " baton_1_2 \nmore\n").unwrap();
        assert_eq!(credential.text().unwrap(), "baton_1_2");

        let identity = Identity { credential: Some(credential), ..Identity::default() };
        let shown = Shown::of(&identity).unwrap();
        let sent = shown.headers();
        assert!(!shown.renewed_since(&sent));
        std::fs::write(&path, "").unwrap();
        assert!(!shown.renewed_since(&sent), "what is known stays");
        std::fs::write(&path, "baton_1_3\n").unwrap();
        assert!(shown.renewed_since(&sent));
        assert_eq!(shown.headers().0[0].1.as_encoded_bytes(), b"Bearer baton_1_3");
        assert!(shown.renewed_since(&sent), "also for whoever comes later with the old one");
        assert!(!shown.renewed_since(&shown.headers()));
    }
}
