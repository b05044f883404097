//! Why the time of an org stands still (R12). What it does is in `core/standstill.rs`.

use crate::domain::time::Timestamp;

/// Why the time stands, and when to look whether it still has to.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    /// The store takes no writes.
    pub(super) store: bool,
    /// The last batch of this org failed.
    pub(super) own: bool,
    /// How many have failed in a row.
    pub(super) failures: u32,
    /// When to look, by the monotonic clock.
    pub(super) look_at: Option<Timestamp>,
}
