//! What `docs/access.md` tells operators to write is taken as it stands, and every reason that they can meet is in it.

use baton::access::{Fault, Presented};

use crate::mint::{ED, PARTNER, jwks};
use crate::place::{Hands, of_files, peer};

const GUIDE: &str = include_str!("../../docs/access.md");

#[test]
fn the_files_of_the_guide_are_taken_as_they_stand() {
    let mut blocks = GUIDE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let (access_file, keys) = (blocks.next().expect("a file"), blocks.next().expect("a file"));
    let files = [
        ("access.toml", access_file.to_owned()),
        ("keys.toml", keys.replace("0f1e…", &"0f".repeat(32))),
        ("partner.jwks.json", jwks(&[&PARTNER, &ED])),
    ];
    let access = of_files(&files, Hands::default().clock()).unwrap_or_else(|bad| panic!("{bad}"));
    assert_eq!(access.limits().streams, 20_000);
    let web = peer("203.0.113.9", Some(&["spiffe://corp.example/baton/web"]));
    let presented = Presented { authorization: &[], org: None, forwarded: None, peer: &web };
    let believed = access.authenticate(&presented).map(|(org, _)| org.to_string());
    assert_eq!(believed, Ok("acme".to_owned()));
}

#[test]
fn every_reason_is_in_the_guide() {
    let reasons = GUIDE.split("## When somebody isn't let in").nth(1).expect("the last part");
    for fault in Fault::ALL {
        assert!(reasons.contains(&format!("`{}`", fault.name())), "{}", fault.name());
    }
}
