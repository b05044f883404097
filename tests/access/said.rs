//! Tokens whose signature is right and that say what they shouldn't: times, audiences, orgs, roles, ids, scopes. And what a
//! good one comes to.

use baton::access::{Credential, Fault, Orgs, Scope};
use baton::domain::live::Role;
use serde_json::{Value, json};

use crate::mint::{ED, IDP, NAMELESS, NOW, PARTNER, PARTNERS_IDP, Token};
use crate::place::{Hands, access, access_file, access_of, at, authorization, bearer};
use crate::signed::family;

fn ed(claim: &str, value: impl Into<Value>) -> String {
    Token::of_idp(&ED).with(claim, value).sign(&ED)
}

fn without(claim: &str) -> String {
    Token::of_idp(&ED).without(claim).sign(&ED)
}

#[test]
fn s1_a_token_is_good_for_its_time_and_30_s() {
    let (expired, early, bad) = (Fault::Expired, Fault::NotYetValid, Fault::BadClaim);
    let long = Fault::LivesTooLong;
    let lived = |exp: u64, iat: u64| Token::of_idp(&ED).with("exp", exp).with("iat", iat).sign(&ED);
    let since = |nbf: u64| Token::of_partner().without("iat").with("nbf", nbf).sign(&PARTNER);
    let silent = |exp: u64| Token::plain().with("exp", exp).sign(&NAMELESS);
    family(
        &[
            ed("exp", NOW - 29),
            ed("nbf", NOW + 29),
            ed("nbf", NOW + 30),
            ed("iat", NOW + 29),
            without("iat"),
            lived(NOW + 1, NOW + 1 - 86_400),
            since(NOW - 3_000),
            silent(NOW + 86_400),
        ],
        vec![
            ("exp and leeway over", ed("exp", NOW - 30), expired),
            ("exp and leeway + 1 s", ed("exp", NOW - 31), expired),
            ("exp long over", lived(1_500_000_000, 1_500_000_000 - 60), expired),
            ("nbf and leeway + 1 s", ed("nbf", NOW + 31), early),
            ("iat in the future", ed("iat", NOW + 31), early),
            ("no exp", without("exp"), Fault::MissingClaim),
            ("exp a text", ed("exp", (NOW + 600).to_string()), bad),
            ("exp with a fraction", ed("exp", 1_800_000_600.5), bad),
            ("exp a float", ed("exp", 1.8e9), bad),
            ("exp negative", ed("exp", -1), bad),
            ("exp zero", ed("exp", 0), bad),
            ("exp huge", ed("exp", u64::MAX), bad),
            ("exp after the year 9999", ed("exp", 253_402_300_800_u64), bad),
            ("exp infinite", ed("exp", 1e300), bad),
            ("exp null", ed("exp", Value::Null), bad),
            ("exp true", ed("exp", true), bad),
            ("exp a list", ed("exp", json!([NOW + 600])), bad),
            ("nbf a text", ed("nbf", "0"), bad),
            ("nbf negative", ed("nbf", -5), bad),
            ("iat a text", ed("iat", "now"), bad),
            ("iat null", ed("iat", Value::Null), bad),
            ("lives too long", lived(NOW + 600, NOW + 599 - 86_400), long),
            ("lives for ever", ed("exp", 253_402_300_799_u64), long),
            ("lives too long, without iat", silent(NOW + 86_401), long),
            ("lives too long since nbf", since(NOW - 3_001), long),
        ],
    );
}

#[test]
fn s4_a_token_is_for_this_audience_and_by_this_issuer() {
    let audience = |aud: Value| Token::of_idp(&ED).with("aud", aud).sign(&ED);
    let (wrong, bad, missing) = (Fault::WrongAudience, Fault::BadClaim, Fault::MissingClaim);
    family(
        &[
            audience("baton-eu".into()),
            audience(json!(["x", "baton"])),
            Token::of_partner().sign(&PARTNER),
        ],
        vec![
            ("no aud", without("aud"), missing),
            ("another aud", audience("other".into()), wrong),
            ("aud in another case", audience("Baton".into()), wrong),
            ("a part of aud", audience("baton-".into()), wrong),
            ("aud empty", audience("".into()), wrong),
            ("aud a list without ours", audience(json!(["a", "b"])), wrong),
            ("aud an empty list", audience(json!([])), wrong),
            (
                "aud of the other issuer's binding",
                Token::of_partner().with("aud", "baton-eu").sign(&PARTNER),
                wrong,
            ),
            ("aud a number", audience(1.into()), bad),
            ("aud null", audience(Value::Null), bad),
            ("aud a list with a number", audience(json!(["baton", 1])), bad),
            ("aud a list of lists", audience(json!([["baton"]])), bad),
            ("aud an object", audience(json!({"baton": true})), bad),
            ("no iss", without("iss"), missing),
            ("iss a number", ed("iss", 1), bad),
            ("iss a list", ed("iss", json!([IDP])), bad),
            ("iss unknown", ed("iss", "https://evil.example/"), Fault::UnknownIssuer),
            ("iss without its slash", ed("iss", IDP.trim_end_matches('/')), Fault::UnknownIssuer),
            ("iss in another case", ed("iss", IDP.to_uppercase()), Fault::UnknownIssuer),
            ("iss empty", ed("iss", ""), Fault::UnknownIssuer),
            ("iss of another issuer", ed("iss", PARTNERS_IDP), Fault::UnknownSigningKey),
            (
                "expired, and for others",
                Token::of_idp(&ED).with("exp", NOW - 60).with("aud", "other").sign(&ED),
                wrong,
            ),
        ],
    );
}

#[test]
fn s4_an_issuer_says_no_more_than_it_is_bound_to() {
    let partner = |claim: &str, value: Value| Token::of_partner().with(claim, value).sign(&PARTNER);
    let adapter =
        |id: &str| Token::of_idp(&ED).with("baton_role", "adapter").with("sub", id).sign(&ED);
    let (bad, missing) = (Fault::BadClaim, Fault::MissingClaim);
    let (role, org, actor) = (Fault::RoleNotAllowed, Fault::OrgNotAllowed, Fault::ActorNotAllowed);
    family(
        &[ed("baton_role", "supervisor"), adapter("web"), ed("baton_org", json!(["globex"]))],
        vec![
            ("an admin by a partner's issuer", partner("baton_role", "admin".into()), role),
            ("a rep by a partner's issuer", partner("baton_role", "rep".into()), role),
            ("another partner", partner("sub", "zeta-bot".into()), actor),
            ("any partner", partner("sub", "*".into()), bad),
            ("another issuer's org", partner("baton_org", "globex".into()), org),
            ("one org too many", partner("baton_org", json!(["acme", "globex"])), org),
            ("any org", partner("baton_org", "*".into()), bad),
            ("a role that isn't allowed", ed("baton_role", "admin"), role),
            ("a partner, which isn't allowed", ed("baton_role", "partner"), role),
            ("another adapter", adapter("mail"), actor),
            ("the server's role", ed("baton_role", "server"), bad),
            ("an unknown role", ed("baton_role", "root"), bad),
            ("a role in another case", ed("baton_role", "Rep"), bad),
            ("role a list", ed("baton_role", json!(["rep"])), bad),
            ("role null", ed("baton_role", Value::Null), bad),
            ("no role", without("baton_role"), missing),
            ("an org that isn't allowed", ed("baton_org", "initech"), org),
            ("no org", without("baton_org"), missing),
            ("org an empty list", ed("baton_org", json!([])), bad),
            ("org empty", ed("baton_org", ""), bad),
            ("org no id", ed("baton_org", "ac me"), bad),
            ("org a number", ed("baton_org", 7), bad),
            ("orgs with a number", ed("baton_org", json!(["acme", 7])), bad),
            ("orgs in one text", ed("baton_org", "acme,globex"), bad),
            ("no sub", without("sub"), missing),
            ("sub empty", ed("sub", ""), bad),
            ("sub a number", ed("sub", 7), bad),
            ("sub no id", ed("sub", "auth0|5f7c"), bad),
            ("sub with a new line", ed("sub", "ana\nadmin"), bad),
            ("sub with control characters", ed("sub", "ana\u{1b}[2J\0"), bad),
            ("sub with a letter that looks like one", ed("sub", "\u{430}na"), bad),
            ("sub too long", ed("sub", "a".repeat(129)), bad),
        ],
    );
}

#[test]
fn s4_scopes_and_parts_of_an_org_that_a_token_names() {
    let scope = |value: Value| ed("scope", value);
    let (bad, beyond) = (Fault::BadClaim, Fault::ScopeNotAllowed);
    let queues = |number: usize| (0..number).map(|n| format!("q{n}")).collect::<Vec<_>>();
    family(
        &[
            ed("baton_queues", queues(64)),
            scope("openid profile baton:work".into()),
            scope(json!(["baton:work", "content"])),
            scope("read-only".into()),
        ],
        vec![
            ("a scope beyond the binding", scope("baton:routing".into()), beyond),
            ("the same without the prefix", scope("routing".into()), beyond),
            ("the same in a list", scope(json!(["work", "routing"])), beyond),
            ("an unknown one with the prefix", scope("baton:everything".into()), bad),
            ("the prefix alone", scope("baton:".into()), bad),
            ("an unknown one in a list", scope(json!(["openid"])), bad),
            ("a list with a number", scope(json!(["work", 1])), bad),
            ("a number", scope(1.into()), bad),
            ("null", scope(Value::Null), bad),
            ("an object", scope(json!({"work": true})), bad),
            ("queues an empty list", ed("baton_queues", json!([])), bad),
            ("queues 65", ed("baton_queues", queues(65)), bad),
            ("queues no ids", ed("baton_queues", json!(["a b"])), bad),
            ("queues a number", ed("baton_queues", 1), bad),
            ("queues null", ed("baton_queues", Value::Null), bad),
            ("channels with a list", ed("baton_channels", json!([["web"]])), bad),
            ("act a text", ed("act", "ben"), bad),
            ("act without sub", ed("act", json!({"iss": IDP})), bad),
            ("act with an empty sub", ed("act", json!({"sub": ""})), bad),
            ("jti a number", ed("jti", 1), bad),
            ("jti empty", ed("jti", ""), bad),
            ("jti huge", ed("jti", "x".repeat(257)), bad),
        ],
    );
}

#[test]
fn s4_a_token_that_was_revoked_isnt_good() {
    // Revoked are all of the partner's from before 2026-12-01.
    let before = 1_796_083_200;
    let access = |now: u64| {
        let hands = Hands::default();
        hands.set(now);
        access(&hands)
    };
    let issued =
        |iat: u64| Token::of_partner().with("iat", iat).with("exp", before + 600).sign(&PARTNER);
    let fault = |now: u64, token: &str| bearer(&access(now), token).err();
    assert_eq!(fault(before, &issued(before)), None);
    assert_eq!(fault(before, &issued(before - 1)), Some(Fault::RevokedToken));
    // One that doesn't say when it was issued may be from before.
    let silent = Token::of_partner().without("iat").with("exp", before + 600);
    assert_eq!(fault(before, &silent.clone().sign(&PARTNER)), Some(Fault::RevokedToken));
    assert_eq!(fault(before, &silent.with("nbf", before).sign(&PARTNER)), None);

    let stolen = |token: Token| token.with("jti", "stolen");
    assert_eq!(fault(NOW, &stolen(Token::of_idp(&ED)).sign(&ED)), Some(Fault::RevokedToken));
    assert_eq!(fault(NOW, &stolen(Token::plain()).sign(&NAMELESS)), None, "another issuer's");
    // Revoked is said of it also when it has expired: who stole it isn't told that it was good.
    let old = stolen(Token::of_idp(&ED)).with("exp", NOW - 60);
    assert_eq!(fault(NOW, &old.sign(&ED)), Some(Fault::RevokedToken));
}

fn credential(token: &str) -> Credential {
    let believed = bearer(&access(&Hands::default()), token);
    Credential::clone(&believed.unwrap_or_else(|fault| panic!("{fault:?}: {token}")).1)
}

#[test]
fn s1_s4_what_a_token_comes_to() {
    let whole = Token::of_idp(&ED)
        .with("baton_role", "supervisor")
        .with("baton_org", json!(["acme", "globex"]))
        .with("scope", "openid baton:work content")
        .with("baton_queues", json!(["sales", "care"]))
        .with("baton_channels", "web")
        .with("act", json!({"sub": "b\u{fc}ro", "act": {"sub": "earlier"}}))
        .with("jti", "1");
    let access = access(&Hands::default());
    let shown = format!("Bearer {}", whole.sign(&ED));
    let of =
        |org: Option<&str>| authorization(&access, &[&shown], org).map(|(org, _)| org.to_string());
    assert_eq!(of(Some("globex")), Ok("globex".to_owned()));
    assert_eq!(of(None), Err(Fault::OrgNotNamed));
    for wrong in ["initech", "", "a b", "*", "acme,globex"] {
        assert_eq!(of(Some(wrong)), Err(Fault::OrgMismatch), "{wrong}");
    }

    let found = credential(&Token::with(whole, "baton_org", "acme").sign(&ED));
    assert_eq!(&*found.name, "token:https://idp.example.com/#ana");
    assert_eq!((found.actor.role, found.actor.id.as_str()), (Role::Supervisor, "ana"));
    assert_eq!(found.orgs, Orgs::These(["acme".parse().expect("an id")].into()));
    assert_eq!(found.delegate.as_deref(), Some("b?ro"));
    assert_eq!(found.scopes.iter().collect::<Vec<_>>(), [Scope::Work, Scope::Content]);
    let narrowing = found.narrowing.expect("it is narrowed");
    assert_eq!((narrowing.queues.len(), narrowing.channels.len()), (2, 1));
    assert_eq!(found.expires, Some(at(NOW + 630)), "the leeway counts");

    let bare = credential(&Token::of_idp(&ED).sign(&ED));
    assert_eq!(
        bare.scopes.iter().collect::<Vec<_>>(),
        [Scope::Sessions, Scope::Work],
        "no more than its issuer may give, and content isn't named"
    );
    assert_eq!((bare.narrowing, bare.delegate), (None, None));
    let others = credential(&ed("scope", "openid email"));
    assert_eq!(others.scopes, bare.scopes, "others' words say nothing");
    let reads = credential(&ed("scope", "baton:read-only"));
    assert!(reads.scopes.has(Scope::ReadOnly) && reads.scopes.has(Scope::Work));
}

#[test]
fn s4_names_of_claims_and_fixed_values_are_the_access_files() {
    let plain = credential(&Token::plain().sign(&NAMELESS));
    assert_eq!(plain.orgs, Orgs::These(["initech".parse().expect("an id")].into()));
    assert_eq!(plain.actor.role, Role::Rep);
    let named = Token::plain()
        .with("tenant", "acme")
        .with("baton_role", "admin")
        .with("permissions", json!(["audit"]))
        .with("baton_org", "passed over")
        .with("scope", 7);
    let named = credential(&named.sign(&NAMELESS));
    assert_eq!(named.orgs, Orgs::These(["acme".parse().expect("an id")].into()));
    assert_eq!(named.actor.role, Role::Admin);
    assert_eq!(named.scopes.iter().collect::<Vec<_>>(), [Scope::Audit]);
}

#[test]
fn s4_an_issuers_most_holds_for_whoever_names_nothing() {
    let most = |scopes: &str| {
        let file = access_file().replace(r#"scopes = ["sessions", "work", "content"]"#, scopes);
        assert_ne!(file, access_file());
        let access = access_of(file, &Hands::default());
        move |scope: &str| {
            let token = Token::of_idp(&ED).with("scope", scope).sign(&ED);
            bearer(&access, &token)
                .map(|(_, credential)| credential.scopes.iter().collect::<Vec<_>>())
        }
    };
    let all = most("");
    assert_eq!(all("").map(|scopes| scopes.len()), Ok(10), "all areas");
    assert_eq!(
        all("content"),
        Err(Fault::ScopeNotAllowed),
        "content isn't given unless it is named"
    );
    assert_eq!(all("routing"), Ok(vec![Scope::Routing]));
    let reads = most(r#"scopes = ["audit", "read-only"]"#);
    assert_eq!(reads(""), Ok(vec![Scope::Audit, Scope::ReadOnly]));
    assert_eq!(reads("audit"), Ok(vec![Scope::Audit, Scope::ReadOnly]));
}

#[test]
fn s1_a_verified_token_is_remembered_until_it_has_expired() {
    let hands = Hands::default();
    let access = access(&hands);
    let token = Token::of_idp(&ED).sign(&ED);
    let hits = || crate::place::figure(&access, "access_cache_hits");
    for expected in 0..3 {
        assert!(bearer(&access, &token).is_ok());
        assert_eq!(hits(), expected);
    }
    hands.set(NOW + 629);
    assert!(bearer(&access, &token).is_ok());
    hands.set(NOW + 630);
    assert_eq!(bearer(&access, &token).err(), Some(Fault::Expired));
    assert_eq!(hits(), 4, "it was still remembered, and looked at");
}
