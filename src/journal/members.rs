//! The servers of one store, as they show themselves to each other: values only. Each journal keeps them
//! beside the orgs; `home` reads them. Nothing that is decided rests on them.

use crate::domain::time::{Span, Timestamp};

/// A server, by a number that it has drawn: as it shows itself to the others, and as it watches over leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u128);

/// A server whose last heartbeat is older than this isn't counted on: five heartbeats of the usual pace.
pub const HEARTBEAT_AWAY: Span = Span::from_ms(1_800);

/// A server that wasn't heard of for so long is dropped from the list.
pub const SWEPT_AFTER: Span = Span::from_secs(60);

/// What a server is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberState {
    /// It has started, and loads what it will be home of.
    Joining,
    /// It can be the home of orgs.
    Serving,
    /// It is going away: it passes on what still arrives.
    Leaving,
}

impl MemberState {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Joining, "joining"), (Self::Serving, "serving"), (Self::Leaving, "leaving")];

    /// Its name, as it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Serving => "serving",
            Self::Leaving => "leaving",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(state, _)| *state)
    }
}

/// What a server has counted of calls between servers, since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemberCounts {
    /// Calls that it passed on to another server, which answered.
    pub passed_on: u64,
    /// Tries to pass a call on that came to nothing.
    pub passed_in_vain: u64,
    /// Calls that other servers passed on to it.
    pub done_for_others: u64,
    /// Times that others had committed to an org whose home it is.
    pub two_homes: u64,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Which server: a number that it drew when it started.
    pub member: ServerId,
    /// Where other servers reach it: host and port, without spaces.
    pub address: String,
    /// What it is doing.
    pub state: MemberState,
    /// When it started, by the store's clock; `None`: with this heartbeat.
    pub started_at: Option<Timestamp>,
    /// What it has counted.
    pub counts: MemberCounts,
}

/// A server as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub id: ServerId,
    /// Where other servers reach it.
    pub address: String,
    /// What it is doing.
    pub state: MemberState,
    /// When it started, by the store's clock.
    pub started_at: Timestamp,
    /// When it was last heard of, by the store's clock.
    pub heartbeat_at: Timestamp,
    /// What it has counted.
    pub counts: MemberCounts,
}

/// All servers at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberList {
    /// In the order of their ids.
    pub members: Vec<Member>,
    /// What the store's clock said.
    pub store_time: Timestamp,
}

impl MemberList {
    /// How long ago a server was last heard of. A heartbeat that lies ahead, since the store's clock was
    /// set back, is as old as it lies ahead.
    #[must_use]
    pub fn age(&self, member: &Member) -> Span {
        let ms = self.store_time.as_ms().saturating_sub(member.heartbeat_at.as_ms());
        Span::from_ms(ms.saturating_abs())
    }

    /// Those that are there.
    pub fn alive(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| self.age(member) < HEARTBEAT_AWAY)
    }
}

/// What a member's line says after the time of its heartbeat: when it started, its state, its address, its
/// counts. A later release may write more at the end, which is skipped.
pub(super) fn to_line(heartbeat: &Heartbeat) -> String {
    let MemberCounts { passed_on, passed_in_vain, done_for_others, two_homes } = heartbeat.counts;
    format!(
        "{} {} {passed_on} {passed_in_vain} {done_for_others} {two_homes}",
        heartbeat.state.name(),
        heartbeat.address
    )
}

/// The member of this line: the time of the heartbeat, when it started, and what [`to_line`] writes.
/// `None`: this release can't read it.
pub(super) fn from_line(id: ServerId, line: &str) -> Option<Member> {
    let mut words = line.split(' ');
    let mut time = || words.next()?.parse().ok().map(Timestamp::from_ms);
    let (heartbeat_at, started_at) = (time()?, time()?);
    let state = MemberState::named(words.next()?)?;
    let address = words.next()?.to_owned();
    let mut count = || words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let counts = MemberCounts {
        passed_on: count(),
        passed_in_vain: count(),
        done_for_others: count(),
        two_homes: count(),
    };
    Some(Member { id, address, state, started_at, heartbeat_at, counts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_and_what_a_later_release_adds_is_skipped() {
        let counts =
            MemberCounts { passed_on: 1, passed_in_vain: 2, done_for_others: 3, two_homes: 4 };
        let heartbeat = Heartbeat {
            member: ServerId(7),
            address: "10.0.0.1:50051".to_owned(),
            state: MemberState::Leaving,
            started_at: None,
            counts,
        };
        let line = to_line(&heartbeat);
        assert_eq!(line, "leaving 10.0.0.1:50051 1 2 3 4");
        let member = from_line(ServerId(7), &format!("2000 1000 {line} 5 x")).expect("it is read");
        assert_eq!((member.counts, member.state), (counts, MemberState::Leaving));
        assert_eq!(
            (member.heartbeat_at, member.started_at),
            (Timestamp::from_ms(2_000), Timestamp::from_ms(1_000))
        );
        assert_eq!(from_line(ServerId(7), "2000 1000 asleep x 1 2 3 4"), None);
        assert_eq!(from_line(ServerId(7), ""), None);
    }

    #[test]
    fn who_was_not_heard_of_for_a_while_is_not_there() {
        let member =
            |at| from_line(ServerId(1), &format!("{at} 0 serving a:1 0 0 0 0")).expect("read");
        let store_time = Timestamp::from_ms(100_000);
        let list = MemberList {
            members: [98_201, 98_200, 101_799, 101_800].map(member).to_vec(),
            store_time,
        };
        let alive: Vec<i64> = list.alive().map(|member| member.heartbeat_at.as_ms()).collect();
        assert_eq!(alive, [98_201, 101_799]);
    }
}
