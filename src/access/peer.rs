//! Who is at the other end of a connection, as far as the connection itself tells: an address, and the client certificate
//! that was verified, if one was given. Made by whoever accepts connections, read by `certificate`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

/// A client certificate that a CA of ours has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The URIs among its subject's alternative names, such as `spiffe://corp/baton/web`.
    pub uris: Vec<String>,
    /// Until when it is good.
    pub expires: SystemTime,
}

/// The other end of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// From where it connects.
    pub address: Option<IpAddr>,
    /// What it has shown.
    pub certificate: Option<Arc<PeerCertificate>>,
    /// Whether the connection is encrypted.
    pub tls: bool,
}
