//! How much is taken from whom: every limit with its default and its range, as the access file's `[limits]` sets it.
//! `docs/limits.md` publishes the same numbers; a test holds the two together. Enforced where each is met: connections in
//! `server`, calls and streams in `grpc`, orgs in the engine.

use crate::domain::limits::OrgLimits;

/// A limit, by its name in the access file, in refusals and in the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// Its name.
    pub name: &'static str,
    /// What it bounds, in a sentence for `docs/limits.md`.
    pub what: &'static str,
    /// What it is unless it is set.
    pub default: u32,
    /// The least and the most that it can be set to.
    pub range: (u32, u32),
}

macro_rules! limits {
    ($($(#[doc = $what:literal])* $name:ident = $default:literal in $least:literal..=$most:literal;)*) => {
        /// The limits in force.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $what])* pub $name: u32,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// Every limit there is.
            pub const ALL: &'static [Limit] = &[$(Limit {
                name: stringify!($name),
                what: concat!($($what),*),
                default: $default,
                range: ($least, $most),
            },)*];

            /// Sets the limit of this name, if there is one. Its range is looked at by [`Self::faults`].
            pub fn set(&mut self, name: &str, value: u32) {
                match name {
                    $(stringify!($name) => self.$name = value,)*
                    _ => {}
                }
            }

            /// What is wrong with them, if anything is.
            #[must_use]
            pub fn faults(&self) -> Vec<String> {
                let mut faults = Vec::new();
                $(if !($least..=$most).contains(&self.$name) {
                    faults.push(format!(
                        "limits.{} is {}; {} to {} are allowed",
                        stringify!($name), self.$name, $least, $most
                    ));
                })*
                faults
            }
        }
    };
}

limits! {
    /// Calls a second of one credential; twice as many at once.
    calls_per_credential = 2_000 in 1..=1_000_000;
    /// Calls a second in one org; twice as many at once.
    calls_per_org = 10_000 in 1..=1_000_000;
    /// Calls of one credential that are being answered at the same time, streams apart.
    concurrent_calls_per_credential = 512 in 1..=100_000;
    /// Calls that a server answers at the same time, streams, KeepAlive and health apart.
    concurrent_calls = 4_096 in 16..=1_000_000;
    /// Calls of one org that are being answered at the same time, streams apart.
    concurrent_calls_per_org = 2_048 in 1..=1_000_000;
    /// Calls to health and reflection, which need no credential, that are being answered at the same time.
    standard_calls = 1_000 in 16..=1_000_000;
    /// The same from one address.
    standard_calls_per_address = 64 in 1..=1_000_000;
    /// Credentials a second that aren't accepted from one address; then none is looked at there until the next second.
    refused_per_address = 1_000 in 1..=1_000_000;
    /// Watch streams of one credential at one server.
    streams_per_credential = 2_000 in 1..=1_000_000;
    /// Watch streams in one org at one server.
    streams_per_org = 20_000 in 1..=1_000_000;
    /// Watch streams at one server.
    streams = 50_000 in 1..=1_000_000;
    /// Connections to one server.
    connections = 10_000 in 16..=1_000_000;
    /// Connections to one server from one address.
    connections_per_address = 1_000 in 1..=1_000_000;
    /// Seconds that a TLS handshake, or the beginning of HTTP/2, may take.
    handshake_seconds = 5 in 1..=60;
    /// KiB of a message.
    message_kib = 256 in 16..=4_096;
    /// KiB of a message of PresenceService: ten thousand renewals.
    renewal_kib = 1_024 in 64..=16_384;
    /// KiB of a message of DirectoryService or PartnerService: a directory, a page of contacts.
    upload_kib = 4_096 in 256..=65_536;
    /// KiB of all headers of a call. Needs a restart.
    headers_kib = 16 in 8..=64;
    /// Seconds that a call may take, its message included; less if the caller says so (`grpc-timeout`).
    call_seconds = 10 in 1..=60;
    /// Orgs that one server has loaded at the same time. Needs a restart.
    orgs = 1_024 in 1..=100_000;
    /// Sessions of one org that haven't ended.
    sessions_per_org = 200_000 in 1..=10_000_000;
    /// Reps of one org.
    reps_per_org = 100_000 in 1..=1_000_000;
    /// Queues of one org.
    queues_per_org = 10_000 in 1..=100_000;
    /// Contacts of one partner.
    contacts_per_partner = 200_000 in 1..=10_000_000;
}

impl Limits {
    /// Where no access file says anything: callers are believed there, so that they come from one machine, and many of them
    /// may go by one name.
    #[must_use]
    pub fn for_tries() -> Self {
        let usual = Self::default();
        Self {
            connections_per_address: usual.connections,
            streams_per_credential: usual.streams,
            concurrent_calls_per_credential: usual.concurrent_calls,
            concurrent_calls_per_org: usual.concurrent_calls,
            standard_calls_per_address: usual.standard_calls,
            ..usual
        }
    }

    /// Those that bound what one org may have.
    #[must_use]
    pub const fn of_an_org(&self) -> OrgLimits {
        OrgLimits {
            sessions: self.sessions_per_org,
            reps: self.reps_per_org,
            queues: self.queues_per_org,
            contacts_per_partner: self.contacts_per_partner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_org_may_have_is_the_same_by_default_in_the_file_and_in_the_domain() {
        assert_eq!(Limits::default().of_an_org(), OrgLimits::default());
    }

    #[test]
    fn every_default_is_in_its_range_and_a_limit_out_of_it_is_named() {
        assert_eq!(Limits::default().faults(), Vec::<String>::new());
        let wrong = Limits { streams: 0, handshake_seconds: 61, ..Limits::default() };
        let faults = wrong.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("limits.streams is 0; 1 to 1000000"), "{faults:?}");
    }
}
