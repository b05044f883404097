//! Client certificates: what may be shown, and that nothing bad is taken.

use rcgen::{ExtendedKeyUsagePurpose, SanType};

use super::certified::{Certified, call, client};
use super::support::certificates::{Authority, expired, of_client, of_server, of_the_future};

const URI: &str = "spiffe://acme/baton/web";

#[tokio::test]
async fn a_client_certificate_may_be_shown_and_need_not() {
    let house = Certified::start().await;
    call(&house.client()).await.expect("keys and tokens are for the same port");
    let shown = house.showing(&house.clients.client(URI));
    call(&client(&house.url(), &shown)).await.expect("it is signed by the client CA");
    assert_eq!(house.figure("handshakes_failed"), 0);
}

#[tokio::test]
async fn no_bad_client_certificate_is_taken() {
    let house = Certified::start().await;
    let strangers = Authority::new("clients");
    let mut for_servers = of_client(Some(URI));
    for_servers.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut by_name = of_client(None);
    by_name.subject_alt_names = vec![SanType::DnsName("web.acme.test".try_into().expect("ASCII"))];
    let bad = [
        ("another CA of the same name", strangers.client(URI)),
        ("the CA of servers", house.authority.client(URI)),
        ("expired", house.clients.sign(&expired(of_client(Some(URI))))),
        ("not valid yet", house.clients.sign(&of_the_future(of_client(Some(URI))))),
        ("no name at all", house.clients.sign(&of_client(None))),
        ("a host's name alone", house.clients.sign(&by_name)),
        ("for servers alone", house.clients.sign(&for_servers)),
        ("a server's own", house.authority.sign(&of_server(&["127.0.0.1"]))),
    ];
    for (what, pair) in bad {
        let failed = house.figure("handshakes_failed");
        let shown = house.showing(&pair);
        let said = call(&client(&house.url(), &shown)).await.expect_err(what);
        assert!(said.contains("doesn't take this client's certificate"), "{what}: {said}");
        assert!(house.figure("handshakes_failed") > failed, "{what}");
    }
    call(&house.client()).await.expect("whoever shows none is served");
}
