//! Placeholder until verification is there.

use std::path::Path;
use std::sync::Arc;

use super::{Credential, Fault, Limits, Peer};
use crate::domain::id::OrgId;

/// What a caller shows.
pub struct Presented<'a> {
    /// Values.
    pub authorization: &'a [&'a str],
    /// Org.
    pub org: Option<&'a str>,
    /// Forwarded.
    pub forwarded: Option<&'a str>,
    /// Peer.
    pub peer: &'a Peer,
}

/// Standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Good.
    Good,
    /// Expired.
    Expired,
    /// Changed.
    Changed,
    /// Revoked.
    Revoked,
}

/// Bad.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct BadAccess(pub Vec<String>);

/// Access.
pub struct Access {
    changes: tokio::sync::watch::Sender<u64>,
}

impl Access {
    /// Open.
    pub async fn open(_: &Path) -> Result<Arc<Self>, BadAccess> {
        Ok(Arc::new(Self { changes: tokio::sync::watch::Sender::new(0) }))
    }
    /// Authenticate.
    pub fn authenticate(&self, _: &Presented<'_>) -> Result<(OrgId, Arc<Credential>), Fault> {
        Err(Fault::Missing)
    }
    /// Standing.
    pub fn standing(&self, _: &Credential) -> Standing {
        Standing::Good
    }
    /// Changes.
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.changes.subscribe()
    }
    /// Limits.
    pub fn limits(&self) -> Limits {
        Limits::default()
    }
    /// Keep.
    pub async fn keep_current(self: Arc<Self>) {
        std::future::pending().await
    }
    /// Figures.
    pub fn figures(&self) -> Vec<(String, i64)> {
        Vec::new()
    }
}
