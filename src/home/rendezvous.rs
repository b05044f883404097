//! The order of servers for an org, by rendezvous hashing: each server has a score for each org, and the
//! highest comes first. Pure, and the same on every server and in every release: a server that goes moves
//! its own orgs only, to whoever was second for each.

use crate::domain::id::OrgId;
use crate::journal::ServerId;

/// Sorts servers into the order of an org.
pub fn sort_by_org<T>(org: &OrgId, servers: &mut [T], id: impl Fn(&T) -> ServerId) {
    servers.sort_by_cached_key(|server| {
        let id = id(server);
        std::cmp::Reverse((score(org, id), id))
    });
}

/// How many of these servers come before `me` in the order of an org, whether `me` is among them or not.
pub fn before(org: &OrgId, me: ServerId, servers: impl Iterator<Item = ServerId>) -> usize {
    let mine = (score(org, me), me);
    servers.filter(|id| (score(org, *id), *id) > mine).count()
}

/// FNV-1a over the org's name and the server's number, and then a finisher that spreads what FNV leaves in
/// the low bits. It may never change: servers of different releases have to agree.
fn score(org: &OrgId, server: ServerId) -> u64 {
    let bytes = org.as_str().bytes().chain(server.0.to_be_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn org(number: usize) -> OrgId {
        OrgId::new(&format!("org-{number}")).expect("a good id")
    }

    fn order(org: &OrgId, servers: &[ServerId]) -> Vec<ServerId> {
        let mut servers = servers.to_vec();
        sort_by_org(org, &mut servers, |id| *id);
        servers
    }

    #[test]
    fn the_order_never_changes_from_release_to_release() {
        let scores = [1, 2, u128::MAX].map(|id| score(&org(7), ServerId(id)));
        assert_eq!(scores, GOLDEN);
    }

    const GOLDEN: [u64; 3] =
        [17_061_721_558_221_148_418, 8_710_973_732_958_278_019, 12_700_533_833_221_835_831];

    #[test]
    fn a_thousand_orgs_are_spread_evenly_over_three_servers() {
        // As servers draw them, and as a test would number them.
        let drawn = [
            0x9f3c_11d2_77ab_0e45_5d10_88f4_c2a7_3b19,
            0x1b6e_f0a9_04d8_53c7_e2f9_6a41_0b7d_95ce,
            7,
        ];
        for servers in [drawn, [1, 2, 3]] {
            let servers = servers.map(ServerId);
            let (mut homes, mut seconds) = (BTreeMap::new(), BTreeMap::new());
            for number in 0..1_000 {
                let order = order(&org(number), &servers);
                *homes.entry(order[0]).or_insert(0) += 1;
                *seconds.entry(order[1]).or_insert(0) += 1;
            }
            for count in homes.values().chain(seconds.values()) {
                assert!((267..=400).contains(count), "{homes:?}, {seconds:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_server_that_goes_moves_its_own_orgs_only(
            servers in prop::collection::btree_set(any::<u128>().prop_map(ServerId), 2..8),
            orgs in prop::collection::vec(0_usize..100_000, 1..50),
            gone in any::<prop::sample::Index>(),
        ) {
            let all: Vec<ServerId> = servers.into_iter().collect();
            let gone = all[gone.index(all.len())];
            let left: Vec<ServerId> = all.iter().copied().filter(|id| *id != gone).collect();
            for number in orgs {
                let mut before = order(&org(number), &all);
                before.retain(|id| *id != gone);
                prop_assert_eq!(order(&org(number), &left), before);
            }
        }

        #[test]
        fn a_place_is_where_the_order_has_it(
            servers in prop::collection::btree_set(any::<u128>().prop_map(ServerId), 1..8),
            number in 0_usize..100_000,
        ) {
            let all: Vec<ServerId> = servers.into_iter().collect();
            for (place, id) in order(&org(number), &all).into_iter().enumerate() {
                prop_assert_eq!(before(&org(number), id, all.iter().copied()), place);
            }
        }
    }
}
