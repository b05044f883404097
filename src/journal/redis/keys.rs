//! The catalogue of every key and channel that Baton uses in Redis. All keys of an org share the
//! hash tag `{org}`, so an org lies in one slot and a commit never crosses two.
//!
//! | key | type | written by | holds | lifetime |
//! |---|---|---|---|---|
//! | `baton:{org}:meta` | hash | commit, bump, complete, rebase, forget_org | `format`, `level` and `release` of who wrote last, `epoch`; the head: `revision`, `entry`, steady `time`, `store_time` (Redis'), number of `records`; the newest request `bucket` and `bucket_since` | the org's |
//! | `baton:{org}:records` | hash | commit, complete | record key → revision, a space, the image | the record's |
//! | `baton:{org}:journal` | stream | commit | `0-<revision>` → `i` entry id, `p` the one before, `ms` steady time, `e` entry, `r` its request: id, fingerprint, key of the answer | trimmed to the newest by number |
//! | `baton:{org}:requests:<bucket>` | hash | commit, complete | request → revision, a space, outcome | dropped whole when the third bucket after it is begun: 24 h at least, by the time of what was decided |
//! | `baton:{org}:leases` | sorted set | renew, forget_leases, release | presence, by when its lease runs out (ms, Redis' clock) | until forgotten |
//! | `baton:{org}:claims` | sorted set | lapsed, forget_leases, release | presence whose lease has run out, by until when a server looks after it (ms, Redis' clock) | seconds |
//! | `baton:{org}:servers` | sorted set | lapsed, leave | server that watches over the leases, by when it last did (ms, Redis' clock) | until it leaves or is lost |
//! | `baton:members` | hash | members | server → ms of its heartbeat and of its start (Redis' clock), state, address, counts | until it leaves, or 60 s after its last heartbeat |
//! | `baton:awake` | sorted set | stay_awake, take_on, rest | org that is awake, by when somebody is to look after it if nobody does (ms, Redis' clock) | until it rests |
//! | `baton:probe` | hash | probe | when somebody last tried whether this Redis takes writes | for ever |
//! | `baton:{selftest-<number>}:…` | each of these | selftest | nothing | the start of a server |
//!
//! forget_org drops all of an org's, and begins its head anew.
//!
//! | channel | published by | says |
//! |---|---|---|
//! | `baton:{org}:wake` | commit, selftest | the new head's revision; a hint only |
//!
//! No key has a TTL. Record keys, images, entries and outcomes are the codec's.

use crate::domain::id::OrgId;

/// Where servers show themselves to each other, of whatever org.
pub const MEMBERS_KEY: &str = "baton:members";

/// The stored form's level: raised with each field or value that older releases would drop or couldn't
/// read. Whoever knows less than what wrote last is held back.
pub(super) const STORED_LEVEL: u32 = 6;

/// What [`wake_org`] understands.
pub(super) const WAKE_PATTERN: &str = "baton:{*}:wake";

/// Which orgs are awake.
pub(super) const AWAKE: &str = "baton:awake";

/// What is written to see whether that can be done.
pub(super) const PROBE: &str = "baton:probe";

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

    /// A pattern for everything that an org has. No org id contains what a pattern takes for its own.
    pub(super) fn all(&self) -> String {
        self.key("*")
    }

    pub(super) fn leases(&self) -> String {
        self.key("leases")
    }

    pub(super) fn claims(&self) -> String {
        self.key("claims")
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
