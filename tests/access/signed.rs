//! Tokens that weren't signed as they say, by whom they say, or at all. None is believed, and each is refused for its own
//! reason; beside each family stands a good token of the same kind.

use aws_lc_rs::hmac;
use baton::access::{Credential, Fault};
use serde_json::{Value, json};

use crate::mint::{
    EC, ED, ED_2, IDP, Key, NAMELESS, P384, PARTNER, PARTNER_EC, RSA, STRANGER, STRANGER_RSA,
    Signer, Token, base64url, jwks, message, signed, with_signature,
};
use crate::place::{Hands, access, authorization, bearer};

type Bad = (&'static str, String, Fault);

/// Tries a family: the good ones are believed, the bad ones aren't, each for its reason, also a second time.
#[track_caller]
pub fn family(good: &[String], bad: Vec<Bad>) {
    let access = access(&Hands::default());
    for token in good {
        assert_eq!(bearer(&access, token).err(), None, "good: {token}");
    }
    for (what, token, fault) in bad {
        for _ in 0..2 {
            assert_eq!(bearer(&access, &token).err(), Some(fault), "{what}: {token}");
        }
    }
}

fn hmac_of(secret: &[u8], message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    with_signature(message, hmac::sign(&key, message.as_bytes()).as_ref())
}

#[test]
fn s1_a_token_is_signed_with_an_algorithm_that_its_key_is_for() {
    let good = [
        Token::of_idp(&RSA).sign(&RSA),
        Token::of_idp(&EC).sign(&EC),
        Token::of_idp(&ED).sign(&ED),
    ];
    let says = |algorithm: Value| Token::of_idp(&RSA).header("alg", algorithm);
    let as_hs256 = says("HS256".into()).message();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, RSA.public_der())
    );
    let none = |name: &str| format!("{}.", says(name.into()).message());
    let rs512 = says("RS512".into()).message();
    let ps256 = says("PS256".into()).message();
    let as_rs256 = says("RS256".into()).message();
    let es384 = Token::of_idp(&EC).header("alg", "ES384").message();
    let wrong = Fault::WrongAlgorithm;
    family(
        &good,
        vec![
            ("none", none("none"), wrong),
            ("None", none("None"), wrong),
            ("nOnE", none("nOnE"), wrong),
            ("none, with a signature", says("none".into()).sign(&RSA), wrong),
            ("no alg", Token::of_idp(&RSA).no_header("alg").sign(&RSA), wrong),
            ("alg empty", says("".into()).sign(&RSA), wrong),
            ("alg null", says(Value::Null).sign(&RSA), wrong),
            ("alg a list", says(json!(["RS256"])).sign(&RSA), wrong),
            ("alg in another case", says("rs256".into()).sign(&RSA), wrong),
            ("alg with a space", says("RS256 ".into()).sign(&RSA), wrong),
            ("HS256 with the public key in DER", hmac_of(&RSA.public_der(), &as_hs256), wrong),
            ("HS256 with the public key in PEM", hmac_of(pem.as_bytes(), &as_hs256), wrong),
            ("HS256 with the JWK", hmac_of(RSA.jwk().to_string().as_bytes(), &as_hs256), wrong),
            ("HS256 with the JWKS", hmac_of(jwks(&[&RSA]).as_bytes(), &as_hs256), wrong),
            ("HS256 with nothing", hmac_of(b"", &as_hs256), wrong),
            (
                "an HMAC that says RS256",
                hmac_of(&RSA.public_der(), &as_rs256),
                Fault::WrongSignature,
            ),
            ("RS512", with_signature(&rs512, &RSA.sign_rs512(rs512.as_bytes())), wrong),
            ("PS256", with_signature(&ps256, &RSA.sign_ps256(ps256.as_bytes())), wrong),
            (
                "PS256 that says RS256",
                with_signature(&as_rs256, &RSA.sign_ps256(as_rs256.as_bytes())),
                Fault::WrongSignature,
            ),
            (
                "RS512 that says RS256",
                with_signature(&as_rs256, &RSA.sign_rs512(as_rs256.as_bytes())),
                Fault::WrongSignature,
            ),
            ("ES384 with a key on P-384", signed(&P384, &es384), wrong),
            ("ES256 with a key on P-384", Token::of_idp(&EC).sign(&P384), Fault::WrongSignature),
            ("EC's key named, EdDSA said", Token::of_idp(&ED).header("kid", "ec").sign(&ED), wrong),
            (
                "RSA's key named, ES256 said",
                Token::of_idp(&EC).header("kid", "rsa").sign(&EC),
                wrong,
            ),
            (
                "an algorithm that this issuer may not use",
                Token::of_partner().header("alg", "RS256").sign(&RSA),
                wrong,
            ),
        ],
    );
}

#[test]
fn s1_a_token_names_a_key_of_its_own_issuer() {
    let kid = |kid: Value| Token::of_idp(&ED).header("kid", kid);
    let good = [
        Token::of_idp(&ED_2).sign(&ED_2),
        Token::of_idp(&RSA).no_header("kid").sign(&RSA),
        Token::plain().sign(&NAMELESS),
        Token::of_partner().header("alg", "ES256").header("kid", "ec").sign(&PARTNER_EC),
    ];
    let unknown = Fault::UnknownSigningKey;
    family(
        &good,
        vec![
            (
                "no kid, and two keys of the algorithm",
                Token::of_idp(&ED).no_header("kid").sign(&ED),
                unknown,
            ),
            ("kid empty", kid("".into()).sign(&ED), unknown),
            ("kid in another case", kid("ED".into()).sign(&ED), unknown),
            ("kid a path", kid("../../../../dev/null".into()).sign(&ED), unknown),
            ("kid a path to the set", kid("idp.json".into()).sign(&ED), unknown),
            ("kid SQL", kid("x' UNION SELECT 'key'; --".into()).sign(&ED), unknown),
            ("kid a URL", kid("https://evil.example/jwks.json".into()).sign(&ED), unknown),
            ("kid with a NUL", kid("ed\0".into()).sign(&ED), unknown),
            ("kid huge", kid("e".repeat(4_000).into()).sign(&ED), unknown),
            ("kid of another issuer", kid("partner".into()).sign(&PARTNER), unknown),
            ("kid a number", kid(1.into()).sign(&ED), Fault::Malformed),
            ("kid null", kid(Value::Null).sign(&ED), Fault::Malformed),
            ("kid a list", kid(json!(["ed"])).sign(&ED), Fault::Malformed),
            (
                "a kid that both issuers have, the other's key",
                Token::of_idp(&EC).sign(&PARTNER_EC),
                Fault::WrongSignature,
            ),
            ("another key of the same issuer", kid("ed-2".into()).sign(&ED), Fault::WrongSignature),
            (
                "a kid where the key has none",
                Token::plain().header("kid", "x").sign(&NAMELESS),
                unknown,
            ),
            (
                "a stranger's key of the same name",
                Token::of_idp(&ED).sign(&STRANGER),
                Fault::WrongSignature,
            ),
            (
                "a stranger's RSA key",
                Token::of_idp(&RSA).sign(&STRANGER_RSA),
                Fault::WrongSignature,
            ),
        ],
    );
}

#[test]
fn s1_a_header_brings_no_key_and_asks_for_nothing() {
    let ed = || Token::of_idp(&ED);
    let critical = Fault::CriticalExtension;
    let kinds = ["JWT", "jwt", "application/jwt", "at+jwt", "application/at+JWT", "AT+JWT"];
    let mut good: Vec<String> = kinds.map(|kind| ed().header("typ", kind).sign(&ED)).into();
    good.push(ed().no_header("typ").sign(&ED));
    // A key in the header is passed over: the one of the set counts, so a good token stays good.
    good.push(ed().header("jwk", STRANGER.jwk()).sign(&ED));
    good.push(ed().header("cty", "json").sign(&ED));
    let bad_type = |kind: &str| ed().header("typ", kind).sign(&ED);
    family(
        &good,
        vec![
            (
                "its own jwk",
                ed().header("jwk", STRANGER.jwk()).sign(&STRANGER),
                Fault::WrongSignature,
            ),
            (
                "its own jwk, unknown",
                ed().header("jwk", STRANGER.jwk()).header("kid", "x").sign(&STRANGER),
                Fault::UnknownSigningKey,
            ),
            (
                "jku",
                ed().header("jku", "http://127.0.0.1:1/keys").sign(&STRANGER),
                Fault::WrongSignature,
            ),
            (
                "x5u",
                ed().header("x5u", "http://127.0.0.1:1/cert").sign(&STRANGER),
                Fault::WrongSignature,
            ),
            (
                "x5c",
                ed().header("x5c", json!([base64url(STRANGER.public_der())])).sign(&STRANGER),
                Fault::WrongSignature,
            ),
            ("crit", ed().header("crit", json!(["exp"])).sign(&ED), critical),
            ("crit, empty", ed().header("crit", json!([])).sign(&ED), critical),
            ("crit, null", ed().header("crit", Value::Null).sign(&ED), critical),
            (
                "crit b64",
                ed().header("crit", json!(["b64"])).header("b64", false).sign(&ED),
                critical,
            ),
            ("a token in a token", ed().header("cty", "JWT").sign(&ED), Fault::WrongType),
            ("the same in full", ed().header("cty", "application/jwt").sign(&ED), Fault::WrongType),
            ("typ dpop+jwt", bad_type("dpop+jwt"), Fault::WrongType),
            ("typ secevent+jwt", bad_type("secevent+jwt"), Fault::WrongType),
            ("typ logout+jwt", bad_type("application/logout+jwt"), Fault::WrongType),
            ("typ JWE", bad_type("JWE"), Fault::WrongType),
            ("typ empty", bad_type(""), Fault::WrongType),
            ("typ of another issuer", bad_type("baton+jwt"), Fault::WrongType),
            ("typ a number", ed().header("typ", 1).sign(&ED), Fault::Malformed),
        ],
    );
}

#[test]
fn s1_what_was_signed_is_what_is_read() {
    let good = Token::of_idp(&EC).sign(&EC);
    let token = Token::of_idp(&EC);
    let message = token.message();
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let (header, claims) = head.split_once('.').expect("three parts");
    let raw = EC.sign(message.as_bytes());
    let half = |from: usize| [&[0; 32][..], &raw[from..from + 32]].concat();
    let other = Token::of_idp(&EC).with("baton_role", "supervisor").message();
    let (rsa, ed) = (Token::of_idp(&RSA).sign(&RSA), Token::of_idp(&ED).sign(&ED));
    let (wrong, malformed) = (Fault::WrongSignature, Fault::Malformed);
    family(
        &[good.clone(), rsa.clone(), ed.clone()],
        vec![
            ("other claims, same signature", format!("{other}.{signature}"), wrong),
            ("no signature", format!("{head}."), wrong),
            ("zero r and s", with_signature(&message, &[0; 64]), wrong),
            ("zero r", with_signature(&message, &half(32)), wrong),
            ("zero s", with_signature(&message, &[&raw[..32], &[0; 32]].concat()), wrong),
            (
                "r and s exchanged",
                with_signature(&message, &[&raw[32..], &raw[..32]].concat()),
                wrong,
            ),
            (
                "a signature in DER",
                with_signature(&message, &EC.sign_der(message.as_bytes())),
                wrong,
            ),
            ("a signature cut", with_signature(&message, &raw[..63]), wrong),
            ("a signature with more", with_signature(&message, &[&raw[..], &[0]].concat()), wrong),
            (
                "an RSA signature cut",
                with_signature(&Token::of_idp(&RSA).message(), &[1; 255]),
                wrong,
            ),
            (
                "an RSA signature of zeros",
                with_signature(&Token::of_idp(&RSA).message(), &[0; 256]),
                wrong,
            ),
            (
                "an RSA signature that is one",
                with_signature(&Token::of_idp(&RSA).message(), &[&[0; 255][..], &[1]].concat()),
                wrong,
            ),
            (
                "an Ed25519 signature of zeros",
                with_signature(&Token::of_idp(&ED).message(), &[0; 64]),
                wrong,
            ),
            (
                "the signature of another token",
                format!(
                    "{}.{}",
                    Token::of_idp(&ED).with("sub", "ben").message(),
                    ed.rsplit_once('.').expect("parts").1
                ),
                wrong,
            ),
            ("two parts", head.to_owned(), malformed),
            ("one part", header.to_owned(), malformed),
            ("four parts", format!("{good}.{signature}"), malformed),
            (
                "five parts, as if encrypted",
                format!("{header}.{claims}.{claims}.{claims}.{signature}"),
                malformed,
            ),
            ("no header", format!(".{claims}.{signature}"), malformed),
            ("no claims", format!("{header}..{signature}"), malformed),
            ("dots alone", "..".to_owned(), malformed),
            ("padded", format!("{head}.{signature}=="), malformed),
            ("padded in the middle", format!("{header}=.{claims}.{signature}"), malformed),
            ("base64 that isn't url-safe", format!("{head}.{}", "+/".repeat(43)), malformed),
            ("one more character", format!("{good}A"), wrong),
            ("three more characters", format!("{good}AAA"), malformed),
            ("another last character of the same bytes", with_last_bits(&good), malformed),
        ],
    );
}

/// The same bytes in base64 with the spare bits of the last character set, which a careless decoder passes over.
fn with_last_bits(token: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = token.chars().next_back().and_then(|last| ALPHABET.find(last)).expect("base64url");
    assert_eq!(last % 16, 0, "64 bytes leave four spare bits");
    format!("{}{}", &token[..token.len() - 1], &ALPHABET[last + 1..last + 2])
}

#[test]
fn d4_what_isnt_a_token_isnt_taken_for_one() {
    let raw = |header: &str, claims: &str| signed(&ED, &message(header, claims));
    let header = r#"{"alg":"EdDSA","kid":"ed"}"#;
    let claims = Token::of_idp(&ED).claims.to_string();
    let open = claims.trim_end_matches('}');
    let deep = format!("{open},\"x\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    let malformed = Fault::Malformed;
    family(
        &[
            raw(header, &claims),
            raw(header, &format!("{open},\"x\":{}1{}}}", "[".repeat(100), "]".repeat(100))),
        ],
        vec![
            ("claims nested deeply", raw(header, &deep), malformed),
            (
                "a header nested deeply",
                raw(&format!("{{\"alg\":\"EdDSA\",\"x\":{}", "{\"a\":".repeat(300)), &claims),
                malformed,
            ),
            (
                "oversized",
                Token::of_idp(&ED).with("x", "x".repeat(8_192)).sign(&ED),
                Fault::TooLarge,
            ),
            ("oversized, and nothing else", "x".repeat(8_193), Fault::TooLarge),
            ("alg twice", raw(r#"{"alg":"none","alg":"EdDSA","kid":"ed"}"#, &claims), malformed),
            ("iss twice", raw(header, &format!("{{\"iss\":\"evil\",{}", &claims[1..])), malformed),
            (
                "role twice, escaped",
                raw(header, &format!("{open},\"baton_rol\\u0065\":\"supervisor\"}}")),
                malformed,
            ),
            (
                "twice somewhere inside",
                raw(header, &format!("{open},\"act\":{{\"sub\":\"a\",\"sub\":\"b\"}}}}")),
                malformed,
            ),
            ("claims a list", raw(header, "[]"), malformed),
            ("claims null", raw(header, "null"), malformed),
            ("claims a text", raw(header, "\"a\""), malformed),
            ("claims no JSON", raw(header, "iss=a"), malformed),
            ("claims with more behind", raw(header, &format!("{claims}{claims}")), malformed),
            ("claims with a comment", raw(header, &format!("{open}/* */}}")), malformed),
            ("a header without an object", raw("\"EdDSA\"", &claims), malformed),
            ("NaN", raw(header, &format!("{open},\"x\":NaN}}")), malformed),
        ],
    );
    let access = access(&Hands::default());
    let bytes = ed_message_with(b"{\"iss\":\"\xff\"}");
    assert_eq!(bearer(&access, &bytes).err(), Some(malformed), "not UTF-8");
}

fn ed_message_with(claims: &[u8]) -> String {
    signed(&ED, &format!("{}.{}", base64url(r#"{"alg":"EdDSA","kid":"ed"}"#), base64url(claims)))
}

#[test]
fn s1_one_credential_is_shown_and_as_a_bearers() {
    let access = access(&Hands::default());
    let token = Token::of_idp(&ED).sign(&ED);
    let show = |headers: &[&str]| authorization(&access, headers, None).err();
    let is = |scheme: &str| format!("{scheme}{token}");
    for good in [is("Bearer "), is("bearer "), is("BEARER "), is("Bearer   ")] {
        assert_eq!(show(&[&good]), None, "{good}");
    }
    let good = is("Bearer ");
    assert_eq!(show(&[&good, &good]), Some(Fault::Ambiguous));
    assert_eq!(show(&[&good, "Basic YTpi"]), Some(Fault::Ambiguous));
    assert_eq!(show(&[]), Some(Fault::Missing));
    for bad in [
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        &token,
        &is("Basic "),
        &is("DPoP "),
        &is("Bearer"),
        &is(" Bearer "),
        &is("Bearer\t"),
        &is("Bearer \t"),
        &format!("{good} "),
        &format!("{good}\n"),
        &format!("{good}, {good}"),
        &format!("Bearer \"{token}\""),
        &good.replace('.', " ."),
        "Bearer t\u{f6}ken",
        "Bearer a\0b",
    ] {
        assert_eq!(show(&[bad]), Some(Fault::Malformed), "{bad:?}");
    }
}

#[test]
fn a_signature_with_the_other_s_is_the_same_token() {
    // Of every ECDSA signature (r, s) there is a twin (r, n - s). Issuers make either, so neither can be refused; nothing
    // knows a token by its bytes, so the twin is worth nothing: it says the same, and is revoked with the other.
    let access = access(&Hands::default());
    let twin = |token: Token| {
        let message = token.message();
        let mut signature = EC.sign(message.as_bytes());
        let negated = minus_mod_order(&signature[32..]);
        signature[32..].copy_from_slice(&negated);
        (token.sign(&EC), with_signature(&message, &signature))
    };
    let said =
        |token: &str| bearer(&access, token).map(|(_, credential)| Credential::clone(&credential));
    let (one, other) = twin(Token::of_idp(&EC).with("jti", "mine"));
    assert!(said(&one).is_ok());
    assert_eq!(said(&one), said(&other));
    let (one, other) = twin(Token::of_idp(&EC).with("jti", "stolen"));
    assert_eq!(said(&one), Err(Fault::RevokedToken));
    assert_eq!(said(&other), Err(Fault::RevokedToken));
}

/// The order of P-256 less this number.
fn minus_mod_order(number: &[u8]) -> [u8; 32] {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (mut difference, mut borrow) = ([0; 32], 0);
    for at in (0..32).rev() {
        let digit = i16::from(ORDER[at]) - i16::from(number[at]) - borrow;
        borrow = i16::from(digit < 0);
        difference[at] = u8::try_from(digit.rem_euclid(256)).expect("a byte");
    }
    difference
}

#[test]
fn the_issuers_that_are_played_are_different() {
    let keys: Vec<&Signer> =
        vec![&RSA, &EC, &ED, &ED_2, &PARTNER, &PARTNER_EC, &NAMELESS, &STRANGER];
    let publics: std::collections::BTreeSet<_> = keys.iter().map(|key| key.public_der()).collect();
    assert_eq!(publics.len(), keys.len());
    assert!(matches!(RSA.key, Key::Rsa(_)) && IDP.starts_with("https://"));
}
