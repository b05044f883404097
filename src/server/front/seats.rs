//! How many connections are open, in all and from each address, and whether there is room for one more. A connection holds
//! a [`Seat`] from the moment it is accepted, handshake and all, until it is closed. It reads and closes nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::access::limits::Limits;

/// Who counts as one address. Whoever has one IPv6 address usually has its whole /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Source(IpAddr);

impl Source {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// `connections`.
    InAll,
    /// `connections_per_address`.
    FromThere,
}

/// The seats of all connections. A clone is the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Seats(Arc<Mutex<Taken>>);

/// The lock is held for a look-up and an addition, never while anything is awaited.
#[derive(Debug, Default)]
struct Taken {
    all: u32,
    /// Only who has a connection is in here.
    by_source: HashMap<Source, u32>,
}

/// A connection's seat, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Seats,
    source: Source,
}

impl Seats {
    /// A seat for a connection from there, if the limits leave one.
    pub(super) fn take(&self, address: IpAddr, limits: &Limits) -> Result<Seat, Full> {
        let source = Source::of(address);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= limits.connections {
            return Err(Full::InAll);
        }
        let from_there = taken.by_source.get(&source).copied().unwrap_or(0);
        if from_there >= limits.connections_per_address {
            return Err(Full::FromThere);
        }
        taken.all += 1;
        taken.by_source.insert(source, from_there + 1);
        Ok(Seat { seats: self.clone(), source })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> u32 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        match taken.by_source.get_mut(&self.source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.by_source.remove(&self.source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_is_one_of_all_and_one_of_its_address_until_it_is_dropped() {
        let seats = Seats::default();
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let one = seats.take(ip("10.0.0.1"), &limits).unwrap();
        let two = seats.take(ip("::ffff:10.0.0.1"), &limits).unwrap();
        assert_eq!(seats.take(ip("10.0.0.1"), &limits).unwrap_err(), Full::FromThere);
        let three = seats.take(ip("10.0.0.2"), &limits).unwrap();
        assert_eq!(seats.take(ip("10.0.0.3"), &limits).unwrap_err(), Full::InAll);
        drop((one, three));
        assert!(seats.take(ip("10.0.0.1"), &limits).is_ok());
        drop(two);
        assert_eq!(seats.taken(), 0);
        assert!(seats.0.lock().unwrap().by_source.is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn the_addresses_of_one_network_are_one() {
        let seats = Seats::default();
        let limits = Limits { connections_per_address: 1, ..Limits::default() };
        let _one = seats.take(ip("2001:db8::1"), &limits).unwrap();
        assert_eq!(seats.take(ip("2001:db8::ffff:1"), &limits).unwrap_err(), Full::FromThere);
        assert!(seats.take(ip("2001:db8:0:1::1"), &limits).is_ok());
    }
}
