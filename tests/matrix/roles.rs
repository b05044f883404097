//! Method × role × scope × own and other org, and what is denied without a credential.

use baton::access::Scope;
use baton::access::asked_key::AskedKey;
use baton::grpc::table::{self, Rpc};
use baton::pb;
use prost::Message as _;
use prost_reflect::MethodDescriptor;
use tonic::Code;

use crate::access::{AccessFiles, key_for};
use crate::raw::{RawCaller, is_denied, methods, name_of, reason};

const ROLES: [&str; 6] = ["admin", "supervisor", "rep", "adapter", "partner", "dashboard"];

/// The scopes that credentials are tried with: all areas, each by itself, and reading alone.
fn scopes() -> Vec<Vec<Scope>> {
    let areas = Scope::ALL.into_iter().filter(|s| !matches!(s, Scope::Content | Scope::ReadOnly));
    let mut all: Vec<Vec<Scope>> = areas.map(|area| vec![area]).collect();
    all.push(Vec::new());
    all.push(vec![Scope::ReadOnly]);
    all
}

fn allowed(rpc: &Rpc, role: &str, scopes: &[Scope]) -> bool {
    let role = baton::grpc::caller::role_of(role).expect("a role");
    let only_reads = scopes.contains(&Scope::ReadOnly);
    let areas: Vec<_> = scopes.iter().filter(|scope| **scope != Scope::ReadOnly).collect();
    let in_scope = rpc.scope.is_none_or(|needed| areas.is_empty() || areas.contains(&&needed));
    rpc.allows(role) && in_scope && !(only_reads && rpc.changes)
}

/// A request that asks for nothing in particular; of a watch, a kind that the scopes don't decide.
fn empty(method: &MethodDescriptor, kind: pb::WatchKind) -> Vec<u8> {
    match method.name() {
        "Watch" => {
            pb::WatchRequest { kinds: vec![kind.into()], ..Default::default() }.encode_to_vec()
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn s1_s4_every_method_role_and_scope_in_ones_own_org_and_in_another() {
    let files = AccessFiles::new("");
    let mut holders = Vec::new();
    for role in ROLES {
        for scopes in scopes() {
            let mut asked = key_for(role, "x", "acme");
            asked.scopes = scopes.iter().map(|scope| scope.name().to_owned()).collect();
            holders.push((role, scopes, files.key(&asked)));
        }
    }
    let server = files.serve().await;
    let anybody = RawCaller::new(server.address, "");
    let (mut cells, mut refused) = (0, 0);
    for method in methods() {
        let name = name_of(&method);
        let rpc = table::named(&name).unwrap_or_else(|| panic!("{name} has no row"));
        let nobody = anybody.call(&method, Vec::new()).await.expect_err("nobody is let in");
        assert_eq!(
            (nobody.code(), &*reason(&nobody)),
            (Code::Unauthenticated, "UNAUTHENTICATED"),
            "{name}"
        );
        for (role, scopes, key) in &holders {
            let holder = anybody.showing(key);
            // A watch is allowed as a call; its kinds are the next test's.
            let kind = pb::WatchKind::Session;
            let may = allowed(rpc, role, scopes)
                && (method.name() != "Watch"
                    || scopes.is_empty()
                    || scopes.contains(&Scope::Sessions)
                    || scopes == &[Scope::ReadOnly]);
            let answer = holder.call(&method, empty(&method, kind)).await;
            assert_eq!(!is_denied(&answer), may, "{name} by {role} with {scopes:?}: {answer:?}");
            if let Err(status) = &answer
                && !may
            {
                assert_eq!(
                    (status.code(), &*reason(status)),
                    (Code::PermissionDenied, "PERMISSION_DENIED"),
                    "{name}"
                );
                refused += 1;
            }
            let elsewhere = holder.naming("zeta").call(&method, empty(&method, kind)).await;
            let elsewhere = elsewhere.expect_err("another org isn't its own");
            assert_eq!(elsewhere.code(), Code::Unauthenticated, "{name} by {role} in another org");
            assert!(!elsewhere.message().contains("zeta"), "{elsewhere:?}");
            cells += 2;
        }
    }
    assert!(cells > 10_000 && refused > 2_000, "{cells} cells, {refused} refused");
    let loaded = server.counters.figures().into_iter().find(|(name, _)| *name == "orgs_loaded");
    assert_eq!(
        loaded.map(|(_, count)| count),
        Some(1),
        "no org is loaded that no credential names"
    );
    server.stop().await.expect("it stops");
}

#[tokio::test]
async fn s4_each_kind_of_a_watch_needs_its_scope() {
    use pb::WatchKind::{Handoff, Partner, Queue, Rep, RoutingRequest, Session, Transfer, Work};
    let kinds = [
        (Rep, Scope::Presence),
        (Queue, Scope::Queues),
        (Session, Scope::Sessions),
        (Transfer, Scope::Transfers),
        (Work, Scope::Work),
        (Handoff, Scope::Handoffs),
        (RoutingRequest, Scope::Routing),
        (Partner, Scope::Routing),
    ];
    let files = AccessFiles::new("");
    let keys: Vec<(Scope, String)> = Scope::ALL
        .into_iter()
        .filter(|scope| !matches!(scope, Scope::Content | Scope::ReadOnly))
        .map(|scope| {
            let scopes = vec![scope.name().to_owned()];
            let asked = AskedKey { scopes, ..key_for("dashboard", "wall", "acme") };
            (scope, files.key(&asked))
        })
        .collect();
    let server = files.serve().await;
    let watch = methods().into_iter().find(|method| method.name() == "Watch").expect("it exists");
    for (kind, needed) in kinds {
        for (scope, key) in &keys {
            let holder = RawCaller::new(server.address, key);
            let answer = holder.call(&watch, empty(&watch, kind)).await;
            assert_eq!(answer.is_ok(), *scope == needed, "{kind:?} with {scope:?}: {answer:?}");
        }
    }
    server.stop().await.expect("it stops");
}
