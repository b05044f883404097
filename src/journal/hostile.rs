//! Whatever may lie in a store, given to everything that reads it: the body of property tests and fuzz targets. Nothing may
//! panic, and what can be read at all must be written and read back as the same.

use super::codec::{
    decode_entry, decode_key, decode_outcome, decode_record, encode_entry, encode_key,
    encode_outcome, encode_record,
};
use crate::domain::record::Record;

/// Reads these bytes as a record key, as a record's image, as an entry and as an outcome, and what they can be read as also
/// after it was written again. In how many of these four ways can they be read?
///
/// # Errors
/// What was another when it was read back.
pub fn read_back(bytes: &[u8]) -> Result<usize, String> {
    let mut ways = 0;
    if let Ok(key) = decode_key(bytes) {
        let again = decode_key(&encode_key(&key));
        same("a key", &again, &Ok(key))?;
        ways += 1;
    }
    // Under which key it lies is known to whoever reads it; here only it says so itself.
    let record = minicbor::decode::<Record>(bytes).map(|record| record.key());
    if let Ok(key) = record
        && let Ok(record) = decode_record(&key, bytes)
    {
        let mut image = Vec::new();
        encode_record(&record, &mut image);
        same("a record", &decode_record(&key, &image), &Ok(record))?;
        same("a record's key", &decode_key(&encode_key(&key)), &Ok(key))?;
        ways += 1;
    }
    if let Ok(entry) = decode_entry(bytes) {
        let written = encode_entry(&entry.cause, &entry.facts, &entry.changes, &entry.created);
        same("an entry", &decode_entry(&written.bytes), &Ok(entry))?;
        ways += 1;
    }
    if let Ok((fingerprint, answer)) = decode_outcome(bytes) {
        let written = encode_outcome(fingerprint, &answer);
        same("an outcome", &decode_outcome(&written), &Ok((fingerprint, answer)))?;
        ways += 1;
    }
    Ok(ways)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, again: &T, first: &T) -> Result<(), String> {
    if again == first {
        return Ok(());
    }
    Err(format!("{what} was read back as another:\n{first:?}\n{again:?}"))
}
