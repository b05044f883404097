//! What strangers can send and what can lie in files and stores, given to whatever reads it: nothing panics, and what must
//! hold holds (D4). Each body is also a target of `cargo fuzz` (`tests/fuzz`); here random bytes and good samples with
//! something changed are given to it.

#[path = "hostile/flow.rs"]
mod flow;
#[path = "hostile/org_file.rs"]
mod org_file;
#[path = "hostile/record.rs"]
mod record;
#[path = "hostile/request.rs"]
mod request;
#[path = "hostile/token.rs"]
mod token;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::{Index, select};

/// A change of a sample: where, what, and with which byte.
type Edit = (Index, u8, u8);

/// The sample with these changes: a byte is another, one is put in, some are left out, some come twice.
fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for (at, what, byte) in edits {
        let at = at.index(bytes.len() + 1);
        let until = (at + usize::from(*byte) / 8).min(bytes.len());
        match what {
            0 if at < bytes.len() => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            2 => _ = bytes.drain(at..until),
            3 => {
                let twice = bytes[at..until].to_vec();
                _ = bytes.splice(at..at, twice);
            }
            4 => bytes.truncate(at),
            _ if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
            _ => {}
        }
    }
    bytes
}

/// Random bytes, a changed sample, or the beginning of one with the end of another.
fn bytes(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let edits = || vec((any::<Index>(), 0..6_u8, any::<u8>()), 0..6);
    let one = || select(samples.clone());
    let changed = (one(), edits()).prop_map(|(sample, edits)| edited(sample, &edits));
    let crossed = (one(), any::<Index>(), one(), any::<Index>(), edits());
    let crossed = crossed.prop_map(|(one, until, other, from, edits)| {
        let (until, from) = (until.index(one.len() + 1), from.index(other.len() + 1));
        edited([&one[..until], &other[from..]].concat(), &edits)
    });
    prop_oneof![1 => vec(any::<u8>(), 0..600), 4 => changed, 2 => crossed]
}

/// As many cases as others have, divided by this: a case of some bodies costs more.
fn cases(by: u32) -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: (usual.cases / by).max(1), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn d4_nothing_that_is_shown_lets_a_stranger_in(bytes in bytes(token::samples())) {
        token::body(&bytes);
    }

    #[test]
    fn d4_whatever_is_stored_is_an_error_or_a_value(bytes in bytes(record::samples())) {
        record::body(&bytes);
    }

    #[test]
    fn d4_r8_any_flow_is_checked_and_comes_to_an_end(bytes in bytes(flow::samples())) {
        flow::body(&bytes);
    }

    #[test]
    fn d4_each_fault_of_a_file_has_its_place(bytes in bytes(org_file::samples())) {
        org_file::body(&bytes);
    }
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn d1_d4_any_call_is_answered_or_refused_with_a_reason(bytes in bytes(request::samples())) {
        request::body(&bytes);
    }
}

/// What the fuzzer begins with is what it says, so that it doesn't search in the dark.
#[test]
fn samples_are_read_for_what_they_are() {
    use baton::{cli, journal};
    let stored = record::samples();
    let read = |bytes: &&Vec<u8>| journal::hostile::read_back(bytes).is_ok_and(|ways| ways > 0);
    assert!(stored.iter().filter(read).count() * 3 > stored.len() * 2);
    for file in org_file::samples() {
        let text = String::from_utf8(file).expect("it is text");
        let readings = cli::hostile::faults(&text);
        assert!(readings.iter().any(Vec::is_empty), "{text}: {readings:?}");
    }
    for sample in [token::samples(), flow::samples(), request::samples()].concat() {
        assert!(!sample.is_empty());
    }
    token::samples().iter().for_each(|sample| token::body(sample));
    flow::samples().iter().for_each(|sample| flow::body(sample));
    request::samples().iter().for_each(|sample| request::body(sample));
}
