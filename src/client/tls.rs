//! TLS as a caller sees it: whom to believe, what to show, and what a handshake that failed says to a person. How a server
//! speaks it is none of its business.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};

use rustls::crypto::aws_lc_rs;
use rustls::{AlertDescription, CertificateError};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};
use tonic::{Code, Status};

use super::Failure;
use crate::pem::{BadPem, PemFile};

/// The files that `https://` servers are called with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// The CA that servers' certificates are signed by. `None`: the system's roots.
    pub ca: Option<PathBuf>,
    /// A client certificate to show. `None`: none is shown.
    pub cert: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
}

impl ClientTls {
    /// As tonic takes it; the files are read now.
    pub(super) fn config(&self) -> Result<ClientTlsConfig, Failure> {
        let config = match &self.ca {
            Some(ca) => ClientTlsConfig::new().ca_certificate(authority(ca).map_err(bad)?),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Ok(config.identity(identity(cert, key).map_err(bad)?)),
            (None, None) => Ok(config),
            _ => Err(Failure::local(
                "a client certificate and its key go together",
                "give both --cert and --key, or neither",
            )),
        }
    }
}

fn bad(error: BadPem) -> Failure {
    Failure::local(error.to_string(), "see --ca, --cert and --key")
}

fn authority(path: &Path) -> Result<Certificate, BadPem> {
    let file = PemFile::read(path);
    file.roots()?;
    Ok(Certificate::from_pem(file.bytes()?))
}

fn identity(cert: &Path, key: &Path) -> Result<Identity, BadPem> {
    let (cert, key) = (PemFile::read(cert), PemFile::read(key));
    cert.with_key(&key, &aws_lc_rs::default_provider())?;
    Ok(Identity::from_pem(cert.bytes()?, key.bytes()?))
}

/// What to say if TLS is why a server wasn't reached: a message, what to do, and whether trying again may help.
pub(super) fn explained(status: &Status, server: &str) -> Option<(String, &'static str, bool)> {
    // The library's word for INADEQUATE_SECURITY, with which a server that speaks TLS ends a plain connection.
    if status.code() == Code::PermissionDenied && status.message().starts_with("h2 protocol error")
    {
        let todo = "begin its address with https://, and give its CA with --ca or BATON_CA if it needs one";
        return Some((format!("{server} speaks TLS"), todo, false));
    }
    // A status that came from a server has no source.
    let mut next = status.source();
    let mut innermost = String::new();
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        let inside = io.and_then(io::Error::get_ref);
        if let Some(rustls) = inside.and_then(|inside| inside.downcast_ref::<rustls::Error>()) {
            return Some(said(rustls, server));
        }
        if let Some(io) = io.filter(|io| broke_off(io) && server.starts_with("https://")) {
            let todo = "does it speak TLS at all? If not, its address begins with http://";
            return Some((format!("{server} broke the connection off: {io}"), todo, true));
        }
        innermost = error.to_string();
        next = error.source();
    }
    // What comes after the handshake has lost its type on its way through HTTP/2.
    innermost.split("received fatal alert: ").nth(1).map(|alert| not_taken(server, alert))
}

fn broke_off(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

fn said(error: &rustls::Error, server: &str) -> (String, &'static str, bool) {
    use CertificateError as Bad;
    let (what, advice) = match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            // The second: another CA of the same name.
            Bad::UnknownIssuer | Bad::BadSignature => (
                "shows a certificate of a CA that isn't trusted here".to_owned(),
                "give its CA with --ca or BATON_CA",
            ),
            Bad::Expired | Bad::ExpiredContext { .. } => (
                "shows a certificate that has expired".to_owned(),
                "have it renewed at the server, and look at this machine's clock",
            ),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => (
                "shows a certificate that isn't valid yet".to_owned(),
                "look at this machine's clock and at the server's certificate",
            ),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => (
                "shows a certificate for another name".to_owned(),
                "give a name that is in it with --server, or have this one put into it",
            ),
            bad => (
                format!("shows a certificate that can't be used ({bad})"),
                "have it renewed at the server",
            ),
        },
        rustls::Error::AlertReceived(alert) => {
            return match alert {
                AlertDescription::ProtocolVersion | AlertDescription::NoApplicationProtocol => (
                    format!("{server} speaks another TLS ({alert:?})"),
                    "Baton's servers speak TLS 1.2 and 1.3 with HTTP/2: is it one?",
                    false,
                ),
                alert => not_taken(server, &format!("{alert:?}")),
            };
        }
        rustls::Error::InvalidMessage(_) => {
            ("doesn't speak TLS".to_owned(), "begin its address with http://, or give another port")
        }
        error => {
            (format!("can't be spoken to over TLS ({error})"), "does it speak TLS 1.2 or 1.3?")
        }
    };
    (format!("{server} {what}"), advice, false)
}

fn not_taken(server: &str, alert: &str) -> (String, &'static str, bool) {
    (
        format!("{server} doesn't take this client's certificate ({alert})"),
        "give another with --cert and --key: in date, for clients, of the server's client CA, with a URI in it",
        false,
    )
}
