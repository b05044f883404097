//! Which server is the home of an org: the one that decides for it in the ordinary case, so that servers
//! don't get in each other's way. A hint and never a lock: all stays right when two servers take themselves
//! for the home, or none does, since the journal's head decides.
//!
//! Each server shows itself to the others by heartbeats, from a thread of its own, so that a busy runtime
//! doesn't look dead. The home of an org is the first of the serving members in an order that every server
//! computes alike (`rendezvous`); the second follows the org, to take over warm. Passing calls on is
//! `grpc::passing`'s.

mod heartbeat;
pub mod rendezvous;

use std::sync::{Arc, RwLock};

use tokio::sync::watch;

use crate::domain::id::OrgId;
use crate::domain::time::{Span, Timestamp};
use crate::journal::{Member, MemberList, MemberState, ServerId};

pub use heartbeat::{Heart, Presence};

/// A server's place in the order of an org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the org's home.
    Home,
    /// It follows the org, and is asked when the home is away.
    Second,
    /// Neither.
    Other,
}

/// The servers as this one knows them. A clone is the same.
#[derive(Debug, Clone)]
pub struct Home {
    id: ServerId,
    /// Read on every call; written with every list that differs, by the heart's thread, and when this
    /// server's own state changes.
    order: Arc<RwLock<Arc<Serving>>>,
    /// The last list that could be read; written by the heart's thread.
    list: watch::Receiver<Arc<ReadList>>,
    /// What this server wants to be, as it was last told to the heart.
    wanted: watch::Receiver<MemberState>,
}

/// The members that can be a home, this one among them if it can.
#[derive(Debug, Default)]
struct Serving(Vec<Arc<Member>>);

/// A list, and when it was read.
#[derive(Debug, Clone, Default)]
pub struct ReadList {
    /// What was read.
    pub list: MemberList,
    /// When, by this machine's monotonic clock. `None`: nothing could be read yet.
    pub read_at: Option<std::time::Instant>,
}

impl ReadList {
    /// What the store's clock says now, as far as this server knows: it needn't be asked for that.
    #[must_use]
    pub fn store_time(&self) -> Option<Timestamp> {
        let passed = self.read_at?.elapsed().as_millis();
        Some(self.list.store_time + Span::from_ms(i64::try_from(passed).unwrap_or(i64::MAX)))
    }
}

impl Home {
    /// This server's id among the members.
    #[must_use]
    pub const fn id(&self) -> ServerId {
        self.id
    }

    /// The members that can be a home, in the order of this org: the first is its home, the second
    /// follows it. None: nothing is known of any, so that each server decides by itself.
    #[must_use]
    pub fn order(&self, org: &OrgId) -> Vec<Arc<Member>> {
        let serving =
            Arc::clone(&self.order.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let mut order = serving.0.clone();
        rendezvous::sort_by_org(org, &mut order, |member| member.id);
        order
    }

    /// This server's place in the order of an org; `None` where nothing is known of any.
    #[must_use]
    pub fn place(&self, org: &OrgId) -> Option<Place> {
        let serving = self.order.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let ids = serving.0.iter().map(|member| member.id);
        let before = rendezvous::before(org, self.id, ids.clone());
        let among = ids.into_iter().any(|id| id == self.id);
        match before {
            0 if serving.0.is_empty() => None,
            0 if among => Some(Place::Home),
            1 if among => Some(Place::Second),
            _ => Some(Place::Other),
        }
    }

    /// Whether this server would be the home of an org if it served.
    #[must_use]
    pub fn would_be_home(&self, org: &OrgId) -> bool {
        let serving = self.order.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        rendezvous::before(org, self.id, serving.0.iter().map(|member| member.id)) == 0
    }

    /// Everybody that was last read of, with when.
    #[must_use]
    pub fn members(&self) -> Arc<ReadList> {
        Arc::clone(&self.list.borrow())
    }

    /// Tells whenever the list was read again.
    #[must_use]
    pub fn readings(&self) -> watch::Receiver<Arc<ReadList>> {
        self.list.clone()
    }

    /// What this server is doing.
    #[must_use]
    pub fn state(&self) -> MemberState {
        *self.wanted.borrow()
    }
}

/// The members of a list that can be a home, as a server sees it that itself is doing `state`: what it has
/// just told of itself needn't be in the list yet.
fn serving(list: &MemberList, me: ServerId, state: MemberState) -> Serving {
    let can = |member: &&Member| match member.id == me {
        true => state == MemberState::Serving,
        false => member.state == MemberState::Serving,
    };
    Serving(list.alive().filter(can).cloned().map(Arc::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::MemberCounts;

    fn member(id: u128, state: MemberState) -> Member {
        let (started_at, heartbeat_at) = (Timestamp::from_ms(0), Timestamp::from_ms(10_000));
        let (address, counts) = (format!("host:{id}"), MemberCounts::default());
        Member { id: ServerId(id), address, state, started_at, heartbeat_at, counts }
    }

    #[test]
    fn only_who_serves_can_be_a_home_and_who_leaves_knows_it_first() {
        use MemberState::{Joining, Leaving, Serving as Serves};
        let members =
            vec![member(1, Serves), member(2, Joining), member(3, Leaving), member(4, Serves)];
        let list = MemberList { members, store_time: Timestamp::from_ms(10_000) };
        let ids = |me, state| -> Vec<u128> {
            serving(&list, ServerId(me), state).0.iter().map(|m| m.id.0).collect()
        };
        assert_eq!(ids(4, Serves), [1, 4]);
        assert_eq!(ids(4, Leaving), [1]);
        assert_eq!(ids(2, Serves), [1, 2, 4]);
    }
}
