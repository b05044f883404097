//! Baton hands live messaging sessions from one service rep to the next without dropping them.
//!
//! Deciding is pure (`domain`), committing is atomic (`journal`), everything else follows the
//! journal (`engine`, then `grpc`). ARCHITECTURE.md is the map.

/// The release that this is, as it is written beside what it commits.
pub(crate) const RELEASE: &str = env!("CARGO_PKG_VERSION");

pub mod access;
pub mod admin;
pub mod bench;
pub mod cli;
pub mod client;
pub mod config;
pub mod domain;
pub mod engine;
pub mod grpc;
pub mod home;
pub mod journal;
pub mod launch;
pub mod output;
pub mod pem;
pub mod server;
pub mod telemetry;

/// The public API's generated types, package `baton.v1`.
pub mod pb {
    #![allow(
        missing_docs,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        reason = "generated"
    )]
    tonic::include_proto!("baton.v1");

    /// The compiled protos, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/baton.bin"));
}
