//! The partner of the random days of `choosing`, and its only contact. Its queue and its channel stand there with the
//! others.

use std::collections::{BTreeMap, BTreeSet};

use baton::domain::command::Command;
use baton::domain::contacts::ContactDetails;
use baton::domain::decide::contacts::given::{
    GivenContact, GivenContacts, GivenItem, GivenObservation, SyncMode,
};
use baton::domain::directory::Partner;
use baton::domain::entry::Fingerprint;
use baton::domain::live::{ContactRef, Recipient};
use baton::domain::time::Span;

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("names here are ids")
}

/// What a rep of the partner's channel may hand a session to, besides reps and Baton's queues.
pub fn recipient(queue: bool) -> Recipient {
    match queue {
        true => Recipient::Queue(id("line")),
        false => Recipient::Contact(ContactRef { partner: id("vendor"), contact: id("desk") }),
    }
}

/// A partner that has little time, and is soon away.
pub fn partner() -> Partner {
    let soon = Some(Span::from_secs(15));
    Partner {
        id: id("vendor"),
        name: String::new(),
        handoff_deadline: soon,
        routing_deadline: soon,
        routing_lease: Span::from_secs(15),
        away_after: 2,
        deletion_guard_percent: 100,
    }
}

/// The contact of the partner's.
pub fn contacts() -> Command {
    let details = ContactDetails {
        id: id("desk"),
        kind: String::new(),
        channels: BTreeSet::new(),
        name: "Desk".into(),
        description: String::new(),
        fields: BTreeMap::new(),
    };
    let said = Ok(GivenContact { details, observed: GivenObservation::default() });
    let (partner, mode) = (id("vendor"), SyncMode::Incremental { deleted: Vec::new() });
    let (contacts, content) =
        (vec![GivenItem { id: Ok(id("desk")), said }], Fingerprint::default());
    Command::SyncContacts(Box::new(GivenContacts { partner, mode, contacts, content }))
}
