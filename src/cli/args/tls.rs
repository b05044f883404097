//! The files that TLS is spoken with, as the command line names them: of a server, and of whoever calls one.

use std::path::PathBuf;

use clap::Args;

use crate::client::ClientTls;
use crate::launch::TlsFiles;

/// What `baton serve` speaks TLS with.
#[derive(Clone, Debug, Args)]
pub struct ServeTls {
    /// Speak TLS with this certificate (PEM, with what is between it and the CA). New files are taken without a restart
    #[arg(long, env = "BATON_TLS_CERT", value_name = "PEM", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate
    #[arg(long, env = "BATON_TLS_KEY", value_name = "PEM", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// The CA of client certificates: clients may then show one that names them in a URI
    #[arg(long, env = "BATON_TLS_CLIENT_CA", value_name = "PEM", requires = "tls_cert")]
    pub tls_client_ca: Option<PathBuf>,
    /// The CA of the other servers' certificates [default: the system's roots]
    #[arg(long, env = "BATON_TLS_PEER_CA", value_name = "PEM", requires = "tls_cert")]
    pub tls_peer_ca: Option<PathBuf>,
}

impl ServeTls {
    /// The files, if there are any.
    #[must_use]
    pub fn files(&self) -> Option<TlsFiles> {
        let (client_ca, peer_ca) = (self.tls_client_ca.clone(), self.tls_peer_ca.clone());
        Some(TlsFiles {
            cert: self.tls_cert.clone()?,
            key: self.tls_key.clone()?,
            client_ca,
            peer_ca,
        })
    }
}

/// What a caller speaks TLS with.
#[derive(Clone, Debug, Default, Args)]
pub struct CallTls {
    /// The CA of https servers [default: the system's roots]
    #[arg(long, global = true, env = "BATON_CA", value_name = "PEM")]
    pub ca: Option<PathBuf>,
    /// A client certificate to show, with --key
    #[arg(long, global = true, env = "BATON_CERT", value_name = "PEM")]
    pub cert: Option<PathBuf>,
    /// The private key of the client certificate
    #[arg(long, global = true, env = "BATON_KEY", value_name = "PEM")]
    pub key: Option<PathBuf>,
}

impl CallTls {
    /// As the client takes it.
    #[must_use]
    pub fn files(&self) -> ClientTls {
        ClientTls { ca: self.ca.clone(), cert: self.cert.clone(), key: self.key.clone() }
    }
}
