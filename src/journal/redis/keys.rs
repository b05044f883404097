//! The catalogue of every key and channel that Baton uses in Redis. All keys of an org share the
//! hash tag `{org}`, so an org lies in one slot and a commit never crosses two.
//!
//! | key | type | written by | holds | lifetime |
//! |---|---|---|---|---|
//! | `baton:{org}:meta` | hash | commit, bump | `format`, `epoch`; the head: `revision`, `txn`, `time`; the newest request `bucket` and `bucket_since` | the org's |
//! | `baton:{org}:records` | hash | commit | record key → 16 bytes of version, then the image | the record's |
//! | `baton:{org}:journal` | stream | commit | `0-<revision>` → `t` transaction, `p` the one before, `ms` time, `e` entry | trimmed to the newest by number |
//! | `baton:{org}:requests:<bucket>` | hash | commit | transaction → revision, a space, outcome | dropped whole when the third bucket after it is begun: 24 h at least, by the time of what was decided |
//! | `baton:{org}:leases` | sorted set | renew, lapsed, forget, release | presence, by when its lease, or the claim on one that ran out, does (ms, Redis' clock) | until forgotten |
//! | `baton:{org}:servers` | sorted set | lapsed, leave | server that watches over the leases, by when it last did (ms, Redis' clock) | until it leaves or is lost |
//!
//! | channel | published by | says |
//! |---|---|---|
//! | `baton:{org}:wake` | commit | the new head's revision; a hint only |
//!
//! No key has a TTL. Record keys, images, entries and outcomes are the codec's.

use crate::domain::id::OrgId;

/// What [`wake_org`] understands.
pub(super) const WAKE_PATTERN: &str = "baton:{*}:wake";

/// The keys of one org.
pub(super) struct Keys<'a>(pub(super) &'a OrgId);

impl Keys<'_> {
    pub(super) fn meta(&self) -> String {
        self.key("meta")
    }

    pub(super) fn records(&self) -> String {
        self.key("records")
    }

    pub(super) fn journal(&self) -> String {
        self.key("journal")
    }

    /// Followed by the bucket's number.
    pub(super) fn requests(&self) -> String {
        self.key("requests:")
    }

    pub(super) fn leases(&self) -> String {
        self.key("leases")
    }

    pub(super) fn servers(&self) -> String {
        self.key("servers")
    }

    pub(super) fn wake(&self) -> String {
        self.key("wake")
    }

    fn key(&self, part: &str) -> String {
        format!("baton:{{{}}}:{part}", self.0)
    }
}

/// The org whose wake-up channel this is. No org id contains a brace.
pub(super) fn wake_org(channel: &str) -> Option<OrgId> {
    OrgId::new(channel.strip_prefix("baton:{")?.strip_suffix("}:wake")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_names_its_org() {
        let org = OrgId::new("acme:eu.1").expect("a good id");
        assert_eq!(Keys(&org).wake(), "baton:{acme:eu.1}:wake");
        assert_eq!(wake_org(&Keys(&org).wake()), Some(org));
        assert_eq!(wake_org("baton:{}:wake"), None);
        assert_eq!(wake_org("baton:acme:wake"), None);
    }
}
