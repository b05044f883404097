//! Searching and ranking against the slow way: each contact decoded, looked at by itself, and all of them sorted.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::{ContactFilter, contacts_after};
use crate::domain::contacts::{
    Contact, ContactAvailability, ContactBlock, ContactBook, ContactDetails, ContactObservation,
    ContactRow, Observed, Wait, encoded, folded,
};
use crate::domain::directory::{CapacityModel, Channel, ChannelType, RoutingOwner};
use crate::domain::entry::Revision;
use crate::domain::id::{ActorId, ContactId, PartnerId};
use crate::domain::live::{Actor, Role};
use crate::domain::recipients::RecipientQuestion;
use crate::domain::recipients::contacts::{ContactPlace, list_contacts};
use crate::domain::record::Record;
use crate::domain::rejection::Reason;
use crate::domain::state::{HeldRecord, State};
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::{Units, Weight};

const NOW: Timestamp = Timestamp::from_ms(100_000);

fn acme() -> PartnerId {
    PartnerId::new("acme").expect("an id")
}

fn availability() -> impl Strategy<Value = Option<ContactAvailability>> {
    use ContactAvailability::{Available, Busy, Unavailable};
    prop::option::of(prop::sample::select(vec![Available, Busy, Unavailable]))
}

prop_compose! {
    fn contact()(
        words in prop::collection::vec(
            prop::sample::select(vec!["Anna", "ÄRZTE", "Straße", "İzmir", "ann\tex", "Σας", "d-1"]),
            1..4,
        ),
        kind in prop::sample::select(vec!["team", "Team", ""]),
        channel in prop::option::of(prop::sample::select(vec!["desk", "other"])),
        availability in availability(),
        wait in prop::option::of(0_i64..4),
        seconds in prop::option::of(90_i64..110),
    ) -> Contact {
        let until = seconds.map(Span::from_secs);
        let at = Timestamp::from_ms(0);
        let details = ContactDetails {
            id: ContactId::new("x").expect("an id"),
            kind: kind.into(),
            channels: channel.into_iter().map(|id| id.parse().expect("an id")).collect(),
            name: words.join(" "),
            description: "Ground floor\nleft".into(),
            fields: [].into(),
        };
        let wait = wait.map(|seconds| Wait::new(Span::from_secs(seconds)));
        Contact::of(details, ContactObservation {
            availability: Observed::new(availability, at, until),
            wait: Observed::new(wait, at, None),
        })
    }
}

fn contacts() -> impl Strategy<Value = Vec<Contact>> {
    prop::collection::btree_map("[a-e-]{1,3}", contact(), 0..40).prop_map(|all| {
        let named = |(id, contact): (String, Contact)| Contact {
            id: ContactId::new(&id).expect("an id"),
            ..contact
        };
        all.into_iter().map(named).collect()
    })
}

fn filter() -> impl Strategy<Value = ContactFilter> {
    let query = prop::sample::select(vec![
        "",
        "ann",
        "ÄRZ",
        "strasse",
        "STRASSE",
        "ße",
        "i̇z",
        "floor",
        "floor left an",
        "Σ",
        "d-1 t",
    ]);
    let kinds = prop::collection::btree_set("team|Team|none", 0..2);
    (query, kinds, prop::collection::btree_set(availability(), 0..3)).prop_map(
        |(query, kinds, availabilities)| ContactFilter {
            words: ContactFilter::words(query),
            kinds,
            availabilities,
            channel: None,
        },
    )
}

/// An org with these contacts, a few to a block, and a channel that their partner routes.
fn state(contacts: &[Contact]) -> State {
    let row = |contact: &Contact| {
        let Contact { id, name, description, kind, channels, fields, observed } = contact.clone();
        let details = ContactDetails { id, kind, channels, name, description, fields };
        ContactRow { details: encoded(&details), observed, page: 1 }
    };
    let mut records: Vec<Record> = contacts
        .chunks(7)
        .enumerate()
        .map(|(number, some)| {
            let first = if number == 0 { ContactId::least() } else { some[0].id.clone() };
            let rows: Vec<ContactRow> = some.iter().map(row).collect();
            let block = ContactBlock::new((acme(), 3, first), &rows).expect("in order");
            Record::ContactBlock(Arc::new(block))
        })
        .collect();
    let book = ContactBook { generation: 3, ..ContactBook::new(acme()) };
    records.push(Record::ContactBook(Arc::new(book)));
    records.push(Record::Channel(Arc::new(channel())));
    let revision = Revision::ZERO;
    let held = |record: Record| (record.key(), HeldRecord { revision, record });
    State::restore(State::default().head(), records.into_iter().map(held))
}

fn channel() -> Channel {
    Channel {
        id: "desk".parse().expect("an id"),
        name: "Desk".into(),
        channel_type: ChannelType::ByocForCcaas,
        routing_owner: RoutingOwner::Partner(acme()),
        capacity_model: CapacityModel::TabBased,
        weight: Weight::Units(Units::whole(1)),
        paused_weight: None,
        fallback_queue: None,
        wrap_up: None,
        interruptible: false,
        recipient_types: [].into(),
        default_target: None,
        partner_routes_reps: false,
        adapters: [].into(),
    }
}

fn is_wanted(contact: &Contact, filter: &ContactFilter) -> bool {
    let texts = [contact.id.as_str(), &contact.name, &contact.kind, &contact.description];
    let texts = texts.map(folded);
    filter.words.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
        && (filter.kinds.is_empty() || filter.kinds.contains(&contact.kind))
        && (filter.availabilities.is_empty()
            || filter.availabilities.contains(&contact.observed.availability_at(NOW)))
        && filter.channel.as_ref().is_none_or(|channel| contact.serves(channel))
}

fn slowly(contacts: &[Contact], filter: &ContactFilter) -> Vec<ContactId> {
    contacts.iter().filter(|c| is_wanted(c, filter)).map(|c| c.id.clone()).collect()
}

proptest! {
    #[test]
    fn l4_whoever_has_each_word_is_found_and_nobody_else(
        contacts in contacts(),
        filter in filter(),
        after in prop::option::of("[a-e-]{1,3}"),
    ) {
        let state = state(&contacts);
        let after = after.map(|id| ContactId::new(&id).expect("an id"));
        let found: Vec<ContactId> = contacts_after(&state, &acme(), &filter, after.as_ref(), NOW)
            .filter_map(|found| found.contact())
            .map(|contact| contact.id)
            .collect();
        let mut expected = slowly(&contacts, &filter);
        expected.retain(|id| after.as_ref().is_none_or(|after| id > after));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn l4_l5_page_by_page_the_most_available_come_first_and_each_once(
        contacts in contacts(),
        filter in filter(),
        most in 1_usize..9,
    ) {
        let state = state(&contacts);
        let actor = Actor { role: Role::Admin, id: ActorId::new("root").expect("an id") };
        let about = RecipientQuestion::Channel(channel().id);
        let (mut found, mut after): (Vec<ContactId>, Option<ContactPlace>) = (Vec::new(), None);
        loop {
            let page = (after.as_ref(), most);
            let page = list_contacts(&state, &actor, &about, &filter, page, NOW);
            let page = page.expect("the channel has contacts");
            let Some(last) = page.last() else { break };
            after = ContactPlace::from_text(&last.place.to_text());
            prop_assert_eq!(after.as_ref(), Some(&last.place));
            found.extend(page.into_iter().map(|entry| entry.of.contact));
        }
        let filter = ContactFilter { channel: Some(channel().id), ..filter };
        let wanted: BTreeSet<ContactId> = slowly(&contacts, &filter).into_iter().collect();
        let mut all: Vec<&Contact> = contacts.iter().filter(|c| wanted.contains(&c.id)).collect();
        all.sort_by_key(|contact| {
            use ContactAvailability::{Available, Busy, Unavailable};
            let order = [Some(Available), None, Some(Busy), Some(Unavailable)];
            let known = contact.observed.availability_at(NOW);
            let wait = contact.observed.wait_at(NOW);
            let rank = order.iter().position(|availability| *availability == known);
            (rank, wait.is_none(), wait, contact.id.clone())
        });
        let expected: Vec<ContactId> = all.into_iter().map(|contact| contact.id.clone()).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn t12_a_channel_that_no_partner_routes_has_no_external_contacts() {
    let baton = Channel { routing_owner: RoutingOwner::Baton, ..channel() };
    let other = Channel { channel_type: ChannelType::Byoc, ..channel() };
    for channel in [baton, other] {
        let record = Record::Channel(Arc::new(channel.clone()));
        let held = HeldRecord { revision: Revision::ZERO, record };
        let state = State::restore(State::default().head(), [(held.record.key(), held)]);
        let actor = Actor { role: Role::Admin, id: ActorId::new("root").expect("an id") };
        let about = RecipientQuestion::Channel(channel.id);
        let filter = ContactFilter::default();
        let refused = list_contacts(&state, &actor, &about, &filter, (None, 50), NOW);
        let reason = refused.map_err(|refused| refused.reason);
        assert_eq!(reason, Err(Reason::ExternalContactNotAvailable));
    }
}
