//! Certificates and keys as files: reading them, and saying in one line what is wrong with one. It decides nothing about
//! whom to trust. Used by `server` for its own and by `client` for its own, so that both complain alike.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// What is wrong with a file, and what to do: one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPem(String);

/// A file in PEM, as it was when it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct PemFile {
    path: PathBuf,
    content: Result<Vec<u8>, String>,
}

impl std::fmt::Debug for PemFile {
    /// Without the content, which may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PemFile").field(&self.path).finish()
    }
}

impl PemFile {
    /// Reads it. That it can't be read is said when something is wanted of it.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let content = std::fs::read(path).map_err(|error| error.to_string());
        Self { path: path.to_owned(), content }
    }

    /// What is in it.
    ///
    /// # Errors
    /// If it couldn't be read.
    pub fn bytes(&self) -> Result<&[u8], BadPem> {
        self.content.as_deref().map_err(|why| self.bad(&format!("can't be read ({why})")))
    }

    /// The certificates in it, at least one.
    ///
    /// # Errors
    /// If there is none, or one is damaged.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, BadPem> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.bytes()?).collect();
        match read {
            Ok(none) if none.is_empty() => {
                Err(self
                    .bad("has no certificate in it: give a file with -----BEGIN CERTIFICATE-----"))
            }
            Ok(certificates) => Ok(certificates),
            Err(error) => Err(self.bad(&format!("is damaged ({error}): write it anew"))),
        }
    }

    /// The CAs in it, at least one.
    ///
    /// # Errors
    /// If there is none, or one is damaged.
    pub fn roots(&self) -> Result<RootCertStore, BadPem> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| {
                self.bad(&format!("has a certificate that can't be a CA's ({error})"))
            })?;
        }
        Ok(roots)
    }

    /// These certificates, the first of them its holder's, with the private key in `key`.
    ///
    /// # Errors
    /// If there is no usable certificate or key, or they don't belong together.
    pub fn with_key(&self, key: &Self, by: &CryptoProvider) -> Result<Arc<CertifiedKey>, BadPem> {
        let certificates = self.certificates()?;
        let private = PrivateKeyDer::from_pem_slice(key.bytes()?).map_err(|_| {
            key.bad("has no private key in it: give a file with -----BEGIN PRIVATE KEY-----")
        })?;
        let certified = CertifiedKey::from_der(certificates, private, by);
        certified.map(Arc::new).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => key.bad(&format!(
                "isn't the key of the first certificate in {}: give the two that belong together",
                self.path.display()
            )),
            error => key.bad(&format!(
                "can't be used with the certificate in {} ({error})",
                self.path.display()
            )),
        })
    }

    fn bad(&self, why: &str) -> BadPem {
        BadPem(format!("{} {why}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_one_line_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.pem");
        let said = |content: Option<&str>| {
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            PemFile::read(&path).certificates().unwrap_err().to_string()
        };
        let missing = said(None);
        assert!(missing.contains("server.pem can't be read"), "{missing}");
        let empty = said(Some("nothing"));
        assert!(empty.contains("server.pem has no certificate"), "{empty}");
        let half = said(Some("-----BEGIN CERTIFICATE-----\nMIIB"));
        assert!(half.contains("server.pem is damaged"), "{half}");
        assert!(!format!("{missing}{empty}{half}").contains('\n'));
    }
}
