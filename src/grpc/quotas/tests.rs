//! Each limit by itself, and what is given back.

use super::*;
use crate::access::{Credential, Orgs, Scopes};
use crate::domain::live::{Actor, Role};
use crate::grpc::table::row;

fn caller(name: &str) -> Caller {
    let org: OrgId = "acme".parse().unwrap();
    let credential = Credential {
        name: Arc::from(name),
        orgs: Orgs::Any,
        actor: Actor { role: Role::Admin, id: "a".parse().unwrap() },
        delegate: None,
        scopes: Scopes::EVERYTHING,
        narrowing: None,
        expires: None,
        origin: Origin::ApiKey(Arc::from(name)),
    };
    Caller::known(org, Arc::new(credential))
}

fn limit_of<T>(result: Result<T, Problem>) -> &'static str {
    match result.map(drop) {
        Err(Problem::Limit { limit, wait, .. }) if wait > Duration::ZERO => limit,
        other => panic!("{other:?}"),
    }
}

fn quotas(limits: Limits) -> Arc<Quotas> {
    Quotas::new(watch::Sender::new(limits).subscribe())
}

fn get() -> &'static Rpc {
    row("/baton.v1.SessionService/GetSession").expect("a row")
}

#[test]
fn d1_each_limit_refuses_by_its_name_and_takes_again_what_was_given_back() {
    let few = quotas(Limits { concurrent_calls_per_credential: 2, ..Limits::default() });
    let held: Vec<_> = (0..2).map(|_| few.call(&caller("a"), get()).unwrap()).collect();
    let refused = few.call(&caller("a"), get());
    assert_eq!(limit_of(refused), "concurrent_calls_per_credential");
    assert!(few.call(&caller("b"), get()).is_ok(), "another credential has its own");
    drop(held);
    assert!(few.call(&caller("a"), get()).is_ok());

    let slow = quotas(Limits { calls_per_credential: 2, ..Limits::default() });
    assert!((0..4).all(|_| slow.call(&caller("a"), get()).is_ok()), "two seconds' worth at once");
    assert_eq!(limit_of(slow.call(&caller("a"), get())), "calls_per_credential");
    let slow = quotas(Limits { calls_per_org: 2, ..Limits::default() });
    assert!((0..4).all(|n| slow.call(&caller(&n.to_string()), get()).is_ok()));
    assert_eq!(limit_of(slow.call(&caller("e"), get())), "calls_per_org");

    let limits = Limits { streams_per_credential: 1, streams_per_org: 2, ..Limits::default() };
    let streams = quotas(limits);
    let first = streams.stream(&caller("a")).unwrap();
    assert_eq!(limit_of(streams.stream(&caller("a"))), "streams_per_credential");
    let _second = streams.stream(&caller("b")).unwrap();
    assert_eq!(limit_of(streams.stream(&caller("c"))), "streams_per_org");
    drop(first);
    assert!(streams.stream(&caller("a")).is_ok());
    let figures = streams.figures();
    assert!(figures.contains(&("limit_streams_per_org_refused".to_owned(), 1)), "{figures:?}");
}

#[test]
fn renewals_health_and_other_calls_are_counted_by_themselves() {
    let limits = Limits { concurrent_calls: 16, concurrent_calls_per_org: 16, ..Limits::default() };
    let renew = row("/baton.v1.PresenceService/KeepAlive").expect("a row");
    for (many, few) in [(get(), renew), (renew, get())] {
        let busy = quotas(limits);
        let _held: Vec<_> = (0..16).map(|_| busy.call(&caller("a"), many).unwrap()).collect();
        assert_eq!(limit_of(busy.call(&caller("b"), many)), "concurrent_calls_per_org");
        assert!(busy.call(&caller("b"), few).is_ok());
        assert!(busy.standard_call(None).is_ok());
    }
    let limits = Limits { standard_calls_per_address: 1, ..limits };
    let (health, from) = (quotas(limits), "192.0.2.1".parse().ok());
    let held = health.standard_call(from).unwrap();
    assert_eq!(limit_of(health.standard_call(from)), "standard_calls_per_address");
    assert!(health.standard_call("192.0.2.2".parse().ok()).is_ok());
    drop(held);
    assert!(health.standard_call(from).is_ok());
}

#[test]
fn s1_a_credential_has_one_share_whichever_of_its_orgs_it_names() {
    let few = quotas(Limits { calls_per_credential: 1, ..Limits::default() });
    let named = |org: &str| Caller { org: org.parse().unwrap(), ..caller("a") };
    assert!(few.call(&named("one"), get()).is_ok() && few.call(&named("two"), get()).is_ok());
    assert_eq!(limit_of(few.call(&named("three"), get())), "calls_per_credential");
}

#[test]
fn s1_whoever_guesses_is_heard_so_often_a_second() {
    let few = quotas(Limits { refused_per_address: 3, ..Limits::default() });
    let (from, elsewhere) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
    for _ in 0..3 {
        assert!(few.may_show(from).is_ok());
        few.not_accepted(from);
    }
    assert_eq!(limit_of(few.may_show(from)), "refused_per_address");
    assert!(few.may_show(elsewhere).is_ok());
}

#[test]
fn limits_that_change_hold_from_then_on() {
    let limits = |most| Limits { calls_per_credential: most, ..Limits::default() };
    let told = watch::Sender::new(limits(1));
    let quotas = Quotas::new(told.subscribe());
    assert!((0..2).all(|_| quotas.call(&caller("a"), get()).is_ok()));
    assert_eq!(limit_of(quotas.call(&caller("a"), get())), "calls_per_credential");
    told.send_replace(limits(1_000));
    assert!((0..100).all(|_| quotas.call(&caller("a"), get()).is_ok()));
}
