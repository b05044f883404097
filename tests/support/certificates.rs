//! Certificates for tests: authorities, and what they sign, good and bad.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType, date_time_ymd,
};

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Pair {
    pub cert: String,
    pub key: String,
}

impl Pair {
    /// Writes both into a folder, each whole at once; where they are.
    pub fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let cert = write(folder, &format!("{name}.pem"), &self.cert);
        (cert, write(folder, &format!("{name}.key"), &self.key))
    }
}

/// Writes a file as an operator should: beside it, then over it.
pub fn write(folder: &Path, name: &str, content: &str) -> PathBuf {
    let (path, beside) = (folder.join(name), folder.join(format!("{name}.new")));
    std::fs::write(&beside, content).expect("the folder can be written");
    std::fs::rename(beside, &path).expect("the folder can be written");
    path
}

/// Somebody who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("it signs itself"))
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs what is in `params`.
    pub fn sign(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.0).expect("it can be signed");
        Pair { cert: cert.pem(), key: key.serialize_pem() }
    }

    /// A server's, for these hosts and addresses.
    pub fn server(&self, hosts: &[&str]) -> Pair {
        self.sign(&of_server(hosts))
    }

    /// A client's, with this URI.
    pub fn client(&self, uri: &str) -> Pair {
        self.sign(&of_client(Some(uri)))
    }
}

/// What a server's certificate says.
pub fn of_server(hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).expect("names and addresses");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// What a client's certificate says.
pub fn of_client(uri: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    let uris = uri.into_iter().map(|uri| SanType::URI(uri.try_into().expect("ASCII")));
    params.subject_alt_names = uris.collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// The same, out of date.
pub fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
    params
}

/// The same, not valid yet.
pub fn of_the_future(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(3001, 1, 1);
    params
}
