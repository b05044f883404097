//! Whatever can be sent: arbitrary bytes, and good credentials with something changed. Nothing panics, and nothing that wasn't
//! issued is believed. The first is also the body of a fuzz target.

use std::sync::{Arc, LazyLock};

use baton::access::{Access, hostile};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::mint::{EC, ED, RSA, Token};
use crate::place::{Hands, access, bearer};

static ACCESS: LazyLock<Arc<Access>> = LazyLock::new(|| access(&Hands::default()));
static GOOD: LazyLock<[String; 3]> =
    LazyLock::new(|| [&RSA, &EC, &ED].map(|signer| Token::of_idp(signer).sign(signer)));

/// Text like what is read: of the characters and words that mean something somewhere.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        ".",
        "..",
        "=",
        ";",
        ",",
        "\"",
        "\\",
        "URI=",
        "spiffe://corp.example/web",
        "\n",
        "[[issuer]]",
        "[[key]]",
        "id = ",
        "{\"keys\":[",
        "{\"kty\":\"RSA\",",
        "]}",
        "eyJhbGciOiJub25lIn0",
        "e30",
        "baton_",
        "2026-11-01T00:00:00Z",
        "issuer = ",
        "'",
        "*",
        "{",
        "}",
        "\0",
        "\u{feff}",
    ];
    let word =
        prop_oneof![select(words.to_vec()).prop_map(str::to_owned), "[ -~]{0,8}", "\\PC{0,4}"];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat().into_bytes())
}

proptest! {
    #[test]
    fn d4_arbitrary_bytes_let_nobody_in(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(!hostile::lets_in(&bytes));
    }

    #[test]
    fn d4_likely_texts_let_nobody_in(bytes in likely()) {
        prop_assert!(!hostile::lets_in(&bytes));
    }

    #[test]
    fn d4_a_good_token_with_something_changed_isnt_good(
        which in 0..3_usize,
        edits in prop::collection::vec((any::<Index>(), 0..3_u8, "[A-Za-z0-9._=-]"), 1..4),
    ) {
        let good = &GOOD[which];
        let mut bytes = good.clone().into_bytes();
        for (at, kind, with) in edits {
            let (at, with) = (at.index(bytes.len()), with.as_bytes()[0]);
            match kind {
                0 => bytes[at] = with,
                1 => bytes.insert(at, with),
                _ => _ = bytes.remove(at),
            }
        }
        let text = String::from_utf8(bytes).expect("it is ASCII");
        prop_assert!(bearer(&ACCESS, good).is_ok());
        prop_assert_eq!(bearer(&ACCESS, &text).is_ok(), text == *good, "{}", text);
    }

    #[test]
    fn d4_parts_of_good_tokens_put_together_arent_good(header in 0..3_usize, claims in 0..3_usize, signature in 0..3_usize) {
        let part = |token: usize, part: usize| GOOD[token].split('.').nth(part).expect("three parts");
        let text = [part(header, 0), part(claims, 1), part(signature, 2)].join(".");
        // The claims are the same in all three.
        prop_assert_eq!(bearer(&ACCESS, &text).is_ok(), header == signature);
    }
}
