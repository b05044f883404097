//! The stored format: golden bytes, so that a change of what is stored fails loudly, and properties:
//! what is written is read back, and nothing that is read makes the codec guess or panic.

mod golden;
mod presence_sample;
mod routing_sample;
mod sample;

use std::sync::Arc;

use proptest::prelude::*;

use super::super::JournalError;
use super::{
    Envelope, decode_entry, decode_key, decode_outcome, decode_record, encode_entry, encode_key,
    encode_outcome, encode_record,
};
use crate::domain::directory::Settings;
use crate::domain::entry::{Answer, Entry, Head, Outcome, Revision};
use crate::domain::id::{SessionId, TxnId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::time::Timestamp;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16));
    digits.collect::<Result<_, _>>().expect("golden bytes are hexadecimal")
}

fn image(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_record(record, &mut bytes);
    bytes
}

#[test]
fn records_are_stored_as_they_always_were() {
    let found: Vec<_> = sample::one_of_each()
        .iter()
        .map(|record| (hex(&encode_key(&record.key())), hex(&image(record))))
        .collect();
    let found: Vec<_> = found.iter().map(|(k, r)| (k.as_str(), r.as_str())).collect();
    assert_eq!(found, golden::RECORDS);
}

#[test]
fn what_came_with_queues_is_stored_as_it_always_was() {
    let found: Vec<_> = sample::of_queues().iter().map(|record| hex(&image(record))).collect();
    assert_eq!(found, golden::OF_QUEUES);
}

#[test]
fn what_came_with_routing_is_stored_as_it_always_was() {
    let found: Vec<_> = routing_sample::records()
        .iter()
        .map(|record| (hex(&encode_key(&record.key())), hex(&image(record))))
        .collect();
    let found: Vec<_> = found.iter().map(|(k, r)| (k.as_str(), r.as_str())).collect();
    assert_eq!(found, golden::ROUTING_RECORDS);
}

#[test]
fn what_came_with_presence_is_stored_as_it_always_was() {
    let found: Vec<_> =
        presence_sample::records().iter().map(|record| hex(&image(record))).collect();
    assert_eq!(found, golden::PRESENCE_RECORDS);
}

#[test]
fn images_from_before_routing_have_the_defaults() {
    let settings = unhex(golden::RECORDS[0].1);
    let read = decode_record(&RecordKey::Settings, &settings);
    let default = Settings { direct_to_rep_routing: true, ..Settings::default() };
    assert_eq!(read, Ok(Record::Settings(Arc::new(default))));
    for (record, golden) in sample::one_of_each().into_iter().zip(golden::RECORDS) {
        assert_eq!(decode_record(&record.key(), &unhex(golden.1)), Ok(record));
    }
}

#[test]
fn entries_are_stored_as_they_always_were() {
    assert_eq!(hex(&encode_entry(&sample::transaction()).bytes), golden::ENTRY);
}

#[test]
fn outcomes_are_stored_as_they_always_were() {
    let found = sample::answers().map(|answer| hex(&encode_outcome(&sample::answered(answer))));
    assert_eq!(found, golden::OUTCOMES);
}

#[test]
fn every_record_is_read_back() {
    let began = sample::one_of_each().into_iter().chain(sample::other_states());
    let queues = sample::of_queues();
    let routing = routing_sample::records().into_iter().chain(routing_sample::bare());
    for record in began.chain(queues).chain(routing).chain(presence_sample::records()) {
        assert_eq!(decode_record(&record.key(), &image(&record)), Ok(record));
    }
}

#[test]
fn an_entry_is_read_back_and_its_images_are_where_it_says() {
    let transaction = sample::transaction();
    let head = Head { revision: Revision::new(41), txn: TxnId::from_u128(4), ..Head::default() };
    let entry = Entry::after(head, &transaction);
    let encoded = encode_entry(&transaction);
    let envelope = Envelope {
        revision: entry.revision,
        txn: entry.txn,
        previous: entry.previous,
        time: entry.time,
    };
    for (range, (_, record)) in encoded.images.iter().zip(&entry.changes) {
        let there = range.clone().map(|range| encoded.bytes[range].to_vec());
        assert_eq!(there, record.as_ref().map(image));
    }
    assert_eq!(encoded.images.len(), entry.changes.len());
    assert_eq!(decode_entry(envelope, &encoded.bytes), Ok(entry));
}

#[test]
fn every_outcome_is_read_back() {
    for answer in sample::answers() {
        let transaction = sample::answered(answer.clone());
        let revision = Revision::new(7);
        let outcome = Outcome { revision, fingerprint: transaction.fingerprint, answer };
        assert_eq!(decode_outcome(revision, &encode_outcome(&transaction)), Ok(outcome));
    }
}

#[test]
fn every_fact_is_read_back() {
    let transaction = crate::domain::entry::Transaction {
        facts: sample::every_fact(),
        ..sample::answered(Answer::Nothing)
    };
    let entry = Entry::after(Head::default(), &transaction);
    let envelope = Envelope {
        revision: entry.revision,
        txn: entry.txn,
        previous: entry.previous,
        time: entry.time,
    };
    let read = decode_entry(envelope, &encode_entry(&transaction).bytes);
    assert_eq!(read.map(|e| e.facts), Ok(transaction.facts));
}

#[test]
fn an_unknown_number_is_corrupt() {
    // A status that is ONLINE for a channel type of a later release.
    let key = sample::one_of_each()[2].key();
    let read = decode_record(&key, &[0x12, 0x01, 0x63]);
    assert!(matches!(read, Err(JournalError::Corrupt(_))), "{read:?}");
    // A session in a state of a later release: none that is known is there.
    let key = RecordKey::Session(SessionId::MIN);
    let read = decode_record(&key, &[0x0a, 0x01, b'c', 0x12, 0x01, b'r']);
    assert!(matches!(read, Err(JournalError::Corrupt(_))), "{read:?}");
}

proptest! {
    #[test]
    fn keys_are_read_back(kind in 0_usize..14, text in "[A-Za-z0-9._:@-]{1,128}", other in "[!-~]([ -~]{0,254}[!-~])?", number: u128) {
        let key = sample::key(kind, &text, &other, number);
        prop_assert_eq!(decode_key(&encode_key(&key)), Ok(key));
    }

    #[test]
    fn different_keys_have_different_bytes(
        one in (0_usize..14, "[a:]{1,3}", "[a:]{1,3}", 0_u128..3),
        two in (0_usize..14, "[a:]{1,3}", "[a:]{1,3}", 0_u128..3),
    ) {
        let one = sample::key(one.0, &one.1, &one.2, one.3);
        let two = sample::key(two.0, &two.1, &two.2, two.3);
        prop_assert_eq!(encode_key(&one) == encode_key(&two), one == two);
    }

    #[test]
    fn hostile_bytes_are_an_error_or_a_value(kind in 0_usize..14, bytes: Vec<u8>) {
        let envelope = Envelope {
            revision: Revision::ZERO,
            txn: TxnId::MIN,
            previous: TxnId::MIN,
            time: Timestamp::MIN,
        };
        let _ = decode_key(&bytes);
        let _ = decode_record(&sample::key(kind, "a", "b", 1), &bytes);
        let _ = decode_entry(envelope, &bytes);
        let _ = decode_outcome(Revision::ZERO, &bytes);
    }
}

#[test]
fn o2_a_reference_may_be_a_url() {
    let key = sample::key(8, "web", "https://chat.example/+49 170/?a=b", 0);
    let bytes = encode_key(&key);
    assert_eq!(bytes, b"ref:web/https://chat.example/+49 170/?a=b");
    assert_eq!(decode_key(&bytes), Ok(key));
}

#[test]
fn half_an_image_is_corrupt_or_another_value_but_no_panic() {
    for record in sample::one_of_each().into_iter().chain(routing_sample::records()) {
        let bytes = image(&record);
        for end in 0..bytes.len() {
            if let Ok(read) = decode_record(&record.key(), &bytes[..end]) {
                assert_ne!(read, record);
            }
        }
    }
}
