//! Callers who are known by their certificate: the connection's own, or one that a trusted proxy forwards.

use baton::access::{Access, Fault, Origin, Peer, Presented, Standing};
use baton::domain::live::Role;

use crate::mint::{ED, NOW, Token};
use crate::place::{Believed, Hands, access, at, figure, peer};

const WEB: &str = "spiffe://corp.example/baton/web";
const OPS: &str = "spiffe://corp.example/baton/ops";
const EDGE: &str = "spiffe://corp.example/edge";

fn show(access: &Access, peer: &Peer, forwarded: Option<&str>, org: Option<&str>) -> Believed {
    access.authenticate(&Presented { authorization: &[], org, forwarded, peer })
}

/// Who is believed to show this, by the actor's name.
fn of(access: &Access, peer: &Peer, forwarded: Option<&str>) -> Result<String, Fault> {
    let believed = show(access, peer, forwarded, Some("acme"));
    believed.map(|(_, credential)| credential.actor.id.to_string())
}

#[test]
fn s1_a_certificate_is_known_by_its_only_uri_exactly() {
    let access = access(&Hands::default());
    let direct = |uris: &[&str]| of(&access, &peer("203.0.113.9", Some(uris)), None);
    assert_eq!(direct(&[WEB]), Ok("web".to_owned()));
    assert_eq!(direct(&[OPS]), Ok("ops".to_owned()));
    let unknown = Fault::UnknownCertificate;
    for (uris, fault) in [
        (&[][..], unknown),
        (&[WEB, OPS], Fault::Ambiguous),
        (&[WEB, WEB], Fault::Ambiguous),
        (&[WEB, "https://corp.example/"], Fault::Ambiguous),
        (&["spiffe://corp.example/baton/mail"], unknown),
        (&["spiffe://corp.example/baton/WEB"], unknown),
        (&["spiffe://Corp.example/baton/web"], unknown),
        (&["SPIFFE://corp.example/baton/web"], unknown),
        (&["https://corp.example/baton/web"], unknown),
        (&["spiffe://corp.example/baton/web/"], unknown),
        (&["spiffe://corp.example/baton//web"], unknown),
        (&["spiffe://corp.example/baton/web?x"], unknown),
        (&["spiffe://corp.example/baton/%77eb"], unknown),
        (&["spiffe://corp.example.evil/baton/web"], unknown),
        (&["spiffe://corp.example/baton/web\0"], unknown),
        (&[" spiffe://corp.example/baton/web"], unknown),
        (&[""], unknown),
        (&["*"], unknown),
        (&["spiffe://corp.example/baton/old"], Fault::RevokedCertificate),
    ] {
        assert_eq!(direct(uris), Err(fault), "{uris:?}");
    }
    assert_eq!(of(&access, &peer("203.0.113.9", None), None), Err(Fault::Missing));
}

#[test]
fn s4_a_certificates_rule_says_what_it_is_good_for() {
    let hands = Hands::default();
    let access = access(&hands);
    let web = peer("203.0.113.9", Some(&[WEB]));
    let (org, credential) = show(&access, &web, None, None).expect("it is good");
    assert_eq!((org.as_str(), credential.actor.role), ("acme", Role::Adapter));
    assert_eq!(&*credential.name, "certificate:spiffe://corp.example/baton/web");
    assert_eq!(credential.origin, Origin::Certificate(WEB.into()));
    assert_eq!(credential.expires, Some(at(NOW + 3_600)));
    assert_eq!(access.standing(&credential), Standing::Good);

    let ops = peer("203.0.113.9", Some(&[OPS]));
    let ops = |org| show(&access, &ops, None, org).map(|(org, _)| org.to_string());
    assert_eq!(ops(None), Err(Fault::OrgNotNamed), "it is good for any");
    assert_eq!(ops(Some("anything")), Ok("anything".to_owned()));
    assert_eq!(show(&access, &web, None, Some("globex")).err(), Some(Fault::OrgMismatch));

    hands.set(NOW + 3_600);
    assert_eq!(show(&access, &web, None, None).err(), Some(Fault::Expired));
    assert_eq!(access.standing(&credential), Standing::Expired);
}

#[test]
fn s1_a_forwarded_certificate_counts_from_a_trusted_proxy_alone() {
    let access = access(&Hands::default());
    let header = format!("By=spiffe://corp.example/baton;Hash=00ff;Subject=\"\";URI={WEB}");
    let proxies = [
        peer("10.9.8.7", None),
        peer("192.0.2.7", None),
        peer("::ffff:10.1.2.3", None),
        peer("203.0.113.9", Some(&[EDGE])),
    ];
    for proxy in &proxies {
        assert_eq!(of(&access, proxy, Some(&header)), Ok("web".to_owned()), "{proxy:?}");
        assert_eq!(of(&access, proxy, None), Err(Fault::Missing), "it speaks for others alone");
    }
    let unnamed = Peer::default();
    let others = [
        peer("203.0.113.9", None),
        peer("11.0.0.1", None),
        peer("192.0.2.8", None),
        peer("::10.1.2.3", None),
        unnamed,
    ];
    for other in &others {
        assert_eq!(of(&access, other, Some(&header)), Err(Fault::Missing), "{other:?}");
        assert_eq!(of(&access, other, Some("{}")), Err(Fault::Missing), "it isn't even read");
    }
    assert_eq!(figure(&access, "access_forwarded_ignored"), 10);
    // Whoever isn't trusted is who its own certificate says, whatever it forwards.
    let ops = of(&access, &peer("203.0.113.9", Some(&[WEB])), Some(&format!("URI={OPS}")));
    assert_eq!(ops, Ok("web".to_owned()));
    let two = peer("203.0.113.9", Some(&[EDGE, WEB]));
    assert_eq!(of(&access, &two, Some(&header)), Err(Fault::Ambiguous));
    // A proxy's own certificate isn't a caller's, though it comes from a trusted address.
    assert_eq!(of(&access, &peer("10.1.2.3", Some(&[OPS])), None), Err(Fault::Missing));
}

#[test]
fn d4_of_a_forwarded_header_the_last_element_counts_if_it_is_one() {
    let access = access(&Hands::default());
    let forwarded = |header: &str| of(&access, &peer("10.0.0.1", None), Some(header));
    for good in [
        format!("URI={WEB}"),
        format!("uri=\"{WEB}\""),
        format!("URI={OPS},By=x;URI={WEB}"),
        format!("URI={OPS}, URI={WEB}"),
        format!("Subject=\"CN=a,URI={OPS};O=\\\"b\\\"\";URI={WEB}"),
        format!("Hash=1;URI={WEB};DNS=a.example;DNS=b.example"),
    ] {
        assert_eq!(forwarded(&good), Ok("web".to_owned()), "{good}");
    }
    let (malformed, unknown) = (Fault::Malformed, Fault::UnknownCertificate);
    for (bad, fault) in [
        (String::new(), malformed),
        (" ".to_owned(), malformed),
        (WEB.to_owned(), malformed),
        (format!("URI=\"{WEB}"), malformed),
        (format!("URI={WEB}\""), malformed),
        (format!("URI=\"{WEB}\"x"), malformed),
        (format!("URI=\"{WEB}\\\""), malformed),
        (format!("URI={WEB},"), malformed),
        (format!("URI={WEB};"), malformed),
        (format!(",URI={WEB}"), malformed),
        (format!("URI={WEB};;Hash=1"), malformed),
        (format!("URI={OPS};Subject=\"a,URI={WEB}"), malformed),
        (format!("=x;URI={WEB}"), malformed),
        (format!("URI={WEB},Hash=1"), unknown),
        (format!("URI={WEB},URI="), unknown),
        ("URI=".to_owned(), unknown),
        ("Hash=1".to_owned(), unknown),
        (format!("Subject=\"URI={WEB}\""), unknown),
        (format!("URI=\"{WEB} \""), unknown),
        ("URI=\"spiffe://corp.example/baton/mail\"".to_owned(), unknown),
        (format!("URI={WEB};URI={WEB}"), Fault::Ambiguous),
        (format!("URI={WEB};uri={OPS}"), Fault::Ambiguous),
        ("URI=spiffe://corp.example/baton/old".to_owned(), Fault::RevokedCertificate),
        (format!("Hash={};URI={WEB}", "0".repeat(8_192)), Fault::TooLarge),
    ] {
        assert_eq!(forwarded(&bad), Err(fault), "{bad:?}");
    }
}

#[test]
fn s1_a_bearers_credential_decides_and_a_certificate_is_then_transport() {
    let access = access(&Hands::default());
    let token = Token::of_idp(&ED).sign(&ED);
    let as_bearer = |text: &str, peer: &Peer, forwarded: Option<&str>| {
        let authorization = [text];
        let presented =
            Presented { authorization: &authorization, org: Some("acme"), forwarded, peer };
        access.authenticate(&presented).map(|(_, credential)| credential.actor.id.to_string())
    };
    let good = format!("Bearer {token}");
    let ops = peer("203.0.113.9", Some(&[OPS]));
    let several = peer("203.0.113.9", Some(&[OPS, WEB]));
    let proxy = peer("10.0.0.1", None);
    assert_eq!(as_bearer(&good, &ops, None), Ok("ana".to_owned()));
    assert_eq!(as_bearer(&good, &several, None), Ok("ana".to_owned()));
    assert_eq!(as_bearer(&good, &proxy, Some("URI=\"")), Ok("ana".to_owned()));
    // A bad one isn't made good by a certificate.
    assert_eq!(as_bearer("Bearer x", &ops, None), Err(Fault::Malformed));
    assert_eq!(as_bearer("Basic eA==", &ops, None), Err(Fault::Malformed));
    assert_eq!(as_bearer("Bearer x", &proxy, Some(&format!("URI={OPS}"))), Err(Fault::Malformed));
}
