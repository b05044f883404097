//! The stored form: golden bytes, so that a change of what is stored fails loudly; what is written is
//! read back; and nothing that is read makes the codec guess or panic.

mod sample;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::JournalError;
use super::{
    StoredEntry, decode_entry, decode_key, decode_outcome, decode_record, encode_entry, encode_key,
    encode_outcome, encode_outcome_head, encode_record, read,
};
use crate::domain::directory::{Channel, PresenceStatus, Queue, Recipients, Rep, Settings};
use crate::domain::entry::{Answer, Fact, FactKind, Fingerprint};
use crate::domain::live::{
    Absence, RepPresence, Session, SessionState, SessionSteps, Transfer, TransferSteps, Work,
    WorkRestrictions, WorkSteps,
};
use crate::domain::record::Record;
use crate::domain::units::Units;

const FINGERPRINT: Fingerprint = Fingerprint(0xfeed_beef);

/// What released versions have written of [`sample`]'s examples: lines may be added, none may change.
const GOLDEN: &str = include_str!("golden.txt");
/// A presence and a session as level 2 stored them.
const LEVEL_2: &str = include_str!("level_2.txt");
/// A session, a piece of work and a transfer as level 3 stored them.
const LEVEL_3: &str = include_str!("level_3.txt");
/// What level 4 stored of everything that has more fields since.
const LEVEL_4: &str = include_str!("level_4.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn image(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_record(record, &mut bytes);
    bytes
}

fn entry() -> Vec<u8> {
    let (cause, facts, changes) = sample::entry();
    encode_entry(&cause, &facts, &changes, &[]).bytes
}

/// The same since level 6: with by what right it was done, and with a new record.
fn authorised_entry() -> Vec<u8> {
    let (_, facts, changes) = sample::entry();
    encode_entry(&sample::authorised(), &facts, &changes, &[0]).bytes
}

fn every_record() -> Vec<Record> {
    let authorised = std::iter::once(sample::opened_by_right());
    sample::full().into_iter().chain(sample::others()).chain(authorised).collect()
}

#[test]
fn everything_is_stored_as_it_always_was() {
    let line = |key: &[u8], bytes: &[u8]| format!("{} {}\n", key.escape_ascii(), hex(bytes));
    let full = sample::full();
    let mut found: String =
        full.iter().map(|record| line(&encode_key(&record.key()), &image(record))).collect();
    found += &line(b"entry", &entry());
    found += &line(b"outcome", &encode_outcome(FINGERPRINT, &sample::answers()[0]));
    found += &line(b"refused outcome", &encode_outcome(FINGERPRINT, &sample::answers()[1]));
    found += &line(b"verdicts outcome", &encode_outcome(FINGERPRINT, &sample::answers()[2]));
    for (index, name) in [(5, "sync"), (6, "report"), (7, "renewals")] {
        let outcome = encode_outcome(FINGERPRINT, &sample::answers()[index]);
        found += &line(format!("{name} outcome").as_bytes(), &outcome);
    }
    found += &line(b"authorised entry", &authorised_entry());
    found += &line(b"authorised session", &image(&sample::opened_by_right()));
    assert!(found == GOLDEN, "what is stored has changed; it would be:\n{found}");
}

/// What level 4 knew of a record that has more fields since; `None`: it is as it was, or wasn't there.
fn as_level_4(record: &Record) -> Option<Record> {
    Some(match record.clone() {
        Record::Settings(image) => {
            Record::Settings(Arc::new(Settings { routing_deadline: None, ..(*image).clone() }))
        }
        Record::Configuration(image) => {
            let mut known = (*image).clone();
            if let Recipients::Listed { contacts, .. } = &mut known.recipients {
                *contacts = false;
            }
            Record::Configuration(Arc::new(known))
        }
        Record::Status(image) => {
            let partner_ids = BTreeMap::new();
            Record::Status(Arc::new(PresenceStatus { partner_ids, ..(*image).clone() }))
        }
        Record::Channel(image) => Record::Channel(Arc::new(Channel {
            recipient_types: BTreeSet::new(),
            default_target: None,
            partner_routes_reps: false,
            adapters: BTreeSet::new(),
            ..(*image).clone()
        })),
        Record::Queue(image) => {
            Record::Queue(Arc::new(Queue { partner: None, ..(*image).clone() }))
        }
        Record::Rep(image) => {
            let partners = BTreeMap::new();
            Record::Rep(Arc::new(Rep { partners, ..(*image).clone() }))
        }
        Record::Session(image) => Record::Session(Arc::new(Session {
            stay: None,
            end_reason: None,
            returns: Vec::new(),
            ..(*image).clone()
        })),
        Record::Work(image) => Record::Work(Arc::new(Work {
            routed_by: None,
            restrictions: WorkRestrictions::default(),
            ..(*image).clone()
        })),
        Record::Transfer(image) => Record::Transfer(Arc::new(Transfer {
            from_line: None,
            owner_left: false,
            asked: None,
            ..(*image).clone()
        })),
        _ => return None,
    })
}

#[test]
fn what_an_earlier_level_stored_is_read_without_what_it_did_not_know() {
    let bytes = |line: &str| -> Vec<u8> {
        let digits = |at| u8::from_str_radix(&line[at..at + 2], 16).expect("two digits");
        (0..line.len()).step_by(2).map(digits).collect()
    };
    let (mut level_2, mut level_3) = (Vec::new(), Vec::new());
    let level_4: Vec<Record> = sample::full().iter().filter_map(as_level_4).collect();
    let unchanged = sample::full().into_iter().filter(|record| as_level_4(record).is_none());
    for record in unchanged.chain(level_4.iter().cloned()) {
        match record {
            Record::RepPresence(image) => {
                let presence = RepPresence { earlier: Vec::new(), ..(*image).clone() };
                level_2.push(Record::RepPresence(Arc::new(presence)));
            }
            Record::Session(image) => {
                let mut session = Session { steps: SessionSteps::default(), ..(*image).clone() };
                if let SessionState::Waiting { absence: Some(Absence::Until(_, since)), .. } =
                    &mut session.state
                {
                    *since = None;
                }
                level_3.push(Record::Session(Arc::new(session.clone())));
                let session =
                    Session { previous: None, opened_in: None, opened_by: None, ..session };
                level_2.push(Record::Session(Arc::new(session)));
            }
            Record::Work(image) => {
                let work = Work { steps: WorkSteps::default(), ..(*image).clone() };
                level_3.push(Record::Work(Arc::new(work)));
            }
            Record::Transfer(image) => {
                let transfer = Transfer { steps: TransferSteps::default(), ..(*image).clone() };
                level_3.push(Record::Transfer(Arc::new(transfer)));
            }
            _ => {}
        }
    }
    for (stored, known) in [(LEVEL_2, level_2), (LEVEL_3, level_3), (LEVEL_4, level_4)] {
        assert_eq!(stored.lines().count(), known.len());
        for (bytes, record) in stored.lines().map(bytes).zip(known) {
            assert_eq!(decode_record(&record.key(), &bytes), Ok(record));
        }
    }
}

#[test]
fn every_record_is_read_back() {
    for record in every_record() {
        assert_eq!(decode_record(&record.key(), &image(&record)), Ok(record));
    }
}

#[test]
fn an_outcome_ends_with_the_image_of_its_record() {
    for record in every_record() {
        let whole = [encode_outcome_head(FINGERPRINT), image(&record)].concat();
        assert_eq!(whole, encode_outcome(FINGERPRINT, &Answer::Record(record)));
    }
}

/// What a partner assigns past the check comes on top of what can be configured.
#[test]
fn c3_who_carries_more_than_can_be_configured_is_read_back() {
    for used in [Units::MAX + Units::whole(1), Units::MAX + Units::MAX] {
        let live = RepPresence { used, ..RepPresence::absent("ana".parse().expect("an id")) };
        let record = Record::RepPresence(Arc::new(live));
        assert_eq!(decode_record(&record.key(), &image(&record)), Ok(record));
    }
}

#[test]
fn an_entry_is_read_back_and_its_images_are_where_it_says() {
    let (cause, facts, changes) = sample::entry();
    for (cause, created) in [(cause, vec![]), (sample::authorised(), vec![0, 2])] {
        let encoded = encode_entry(&cause, &facts, &changes, &created);
        for (range, (_, record)) in encoded.images.iter().zip(&changes) {
            let there = range.clone().map(|range| encoded.bytes[range].to_vec());
            assert_eq!(there, record.as_ref().map(image));
        }
        assert_eq!(encoded.images.len(), changes.len());
        let (facts, changes) = (facts.clone(), changes.clone());
        let whole = StoredEntry { cause, facts, changes, created };
        assert_eq!(decode_entry(&encoded.bytes), Ok(whole));
    }
}

#[test]
fn every_outcome_is_read_back() {
    for answer in sample::answers() {
        let bytes = encode_outcome(FINGERPRINT, &answer);
        assert_eq!(decode_outcome(&bytes), Ok((FINGERPRINT, answer)));
    }
}

#[test]
fn what_lies_under_another_key_is_corrupt() {
    let [one, two] = [1, 4].map(|n| sample::full().swap_remove(n));
    assert!(matches!(decode_record(&one.key(), &image(&two)), Err(JournalError::Corrupt(_))));
}

/// What can't be read is said to whoever runs the server, by way of the log; a reference may be a customer's number.
#[test]
fn s3_what_is_said_of_corrupt_bytes_has_no_text_of_a_customer() {
    let said = |error: JournalError| {
        let text = error.to_string();
        assert!(!text.contains("canary"), "{text}");
    };
    for key in ["ref:web:canary", "ref:canary", "ses:canary", "canary", "mrk:contacts/a/canary"] {
        said(decode_key(key.as_bytes()).expect_err("no key"));
    }
    let reference = sample::key(8, "web", "canary", 7);
    let record = Record::Reference(
        "web".parse().expect("an id"),
        "canary 2".parse().expect("a reference"),
        crate::domain::id::SessionId::MIN,
    );
    said(decode_record(&reference, &image(&record)).expect_err("it lies elsewhere"));
    let session = image(&sample::opened_by_right());
    said(decode_record(&reference, &session[..session.len() - 1]).expect_err("cut short"));
}

#[test]
fn a_field_of_a_later_release_is_skipped() {
    // `[kind, [[id, name]]]`, and the same with a third field.
    let skill = sample::full().swap_remove(5);
    let bytes = image(&skill);
    assert_eq!(bytes[..4], [0x82, 5, 0x81, 0x82]);
    let later = [&[0x82, 5, 0x81, 0x83], &bytes[4..], &[0x82, 1, 0xf5]].concat();
    assert_eq!(decode_record(&skill.key(), &later), Ok(skill));
}

#[test]
fn every_kind_of_fact_keeps_its_number() {
    for number in 0..100 {
        let bytes = [0x81, 0x18, number];
        let bytes = if number < 24 { vec![0x81, number] } else { bytes.to_vec() };
        let fact: Fact = read("a fact", &bytes).expect("whatever its number");
        assert_eq!(matches!(fact.kind, FactKind::Other(_)), number > 55, "{fact:?}");
        assert_eq!(minicbor::to_vec(&fact).expect("a Vec takes everything"), bytes);
    }
}

/// A number that is unknown where it stands must not be taken for another value, or for none: what
/// can be read at all says all that the bytes say.
#[test]
fn an_unknown_number_is_never_guessed_at() {
    for record in every_record() {
        let bytes = image(&record);
        let small = (0..bytes.len()).filter(|at| bytes[*at] < 24);
        for (at, number) in small.flat_map(|at| (13..24).map(move |n| (at, n))) {
            let mut other = bytes.clone();
            other[at] = number;
            // As another kind of record it would lie under another key.
            if let Ok(read) = decode_record(&record.key(), &other) {
                assert_eq!(hex(&image(&read)), hex(&other), "byte {at} of {record:?}");
            }
        }
    }
}

#[test]
fn half_of_it_is_corrupt() {
    for record in every_record() {
        let bytes = image(&record);
        for end in 0..bytes.len() {
            let read = decode_record(&record.key(), &bytes[..end]);
            assert!(matches!(read, Err(JournalError::Corrupt(_))), "{read:?}");
        }
    }
    for bytes in [entry(), authorised_entry()] {
        assert!((0..bytes.len()).all(|end| decode_entry(&bytes[..end]).is_err()));
    }
}

#[test]
fn o2_a_reference_may_be_a_url() {
    let key = sample::key(8, "web", "https://chat.example/+49 170/?a=b", 0);
    let bytes = encode_key(&key);
    assert_eq!(bytes, b"ref:web/https://chat.example/+49 170/?a=b");
    assert_eq!(decode_key(&bytes), Ok(key));
}

proptest! {
    #[test]
    fn keys_are_read_back(
        kind in 0_usize..sample::KEYS,
        text in "[A-Za-z0-9._:@-]{1,128}",
        other in "[!-~]([ -~]{0,254}[!-~])?",
        number: u128,
    ) {
        let key = sample::key(kind, &text, &other, number);
        prop_assert_eq!(decode_key(&encode_key(&key)), Ok(key));
    }

    #[test]
    fn different_keys_have_different_bytes(
        one in (0_usize..sample::KEYS, "[a:]{1,3}", "[a:]{1,3}", 0_u128..3),
        two in (0_usize..sample::KEYS, "[a:]{1,3}", "[a:]{1,3}", 0_u128..3),
    ) {
        let one = sample::key(one.0, &one.1, &one.2, one.3);
        let two = sample::key(two.0, &two.1, &two.2, two.3);
        prop_assert_eq!(encode_key(&one) == encode_key(&two), one == two);
    }

    #[test]
    fn hostile_bytes_are_an_error_or_a_value(
        bytes: Vec<u8>,
        which: Index,
        changed in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut stored: Vec<_> = every_record().iter().map(image).collect();
        stored.extend([entry(), authorised_entry()]);
        stored.push(encode_outcome(FINGERPRINT, &sample::answers()[0]));
        let mut mutant = which.get(&stored).clone();
        for (at, byte) in changed {
            let at = at.index(mutant.len());
            mutant[at] = byte;
        }
        for bytes in [bytes, mutant] {
            let _ = decode_key(&bytes);
            let _ = read::<Record>("a record", &bytes);
            let _ = decode_entry(&bytes);
            let _ = decode_outcome(&bytes);
        }
    }
}
