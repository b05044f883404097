//! Record keys ↔ text that a person can read in the store: three letters for the kind, then the id. A
//! reference is `ref:channel/reference`; no channel's id has a slash.

use std::fmt::{self, Write};
use std::str::FromStr;

use super::super::JournalError;
use super::corrupt::corrupt;
use crate::domain::id::ContactId;
use crate::domain::record::{MarkKey, RecordKey};

/// The bytes under which a record is kept.
#[must_use]
pub fn encode_key(key: &RecordKey) -> Vec<u8> {
    let mut text = String::with_capacity(40);
    let written = match key {
        RecordKey::Settings => text.write_str("set:"),
        RecordKey::Configuration(id) => write!(text, "cfg:{id}"),
        RecordKey::Status(id) => write!(text, "sta:{id}"),
        RecordKey::Profile(id) => write!(text, "pro:{id}"),
        RecordKey::Partner(id) => write!(text, "par:{id}"),
        RecordKey::Channel(id) => write!(text, "chn:{id}"),
        RecordKey::Skill(id) => write!(text, "skl:{id}"),
        RecordKey::Queue(id) => write!(text, "que:{id}"),
        RecordKey::Flow(id) => write!(text, "flo:{id}"),
        RecordKey::Rep(id) => write!(text, "rep:{id}"),
        RecordKey::RepPresence(id) => write!(text, "pre:{id}"),
        RecordKey::Session(id) => write!(text, "ses:{id}"),
        RecordKey::Reference(channel, reference) => write!(text, "ref:{channel}/{reference}"),
        RecordKey::Work(id) => write!(text, "wrk:{id}"),
        RecordKey::Transfer(id) => write!(text, "trf:{id}"),
        RecordKey::Handoff(id) => write!(text, "hnd:{id}"),
        RecordKey::RoutingRequest(id) => write!(text, "rou:{id}"),
        RecordKey::PartnerHealth(id) => write!(text, "hea:{id}"),
        RecordKey::ContactBook(id) => write!(text, "bok:{id}"),
        // The first block of a generation begins before every id.
        RecordKey::ContactBlock(partner, generation, first) => {
            write!(text, "con:{partner}/{generation}/{first}")
        }
        RecordKey::QueueReport(id) => write!(text, "rpt:{id}"),
        RecordKey::Mark(MarkKey::Contacts(partner, generation)) => {
            write!(text, "mrk:contacts/{partner}/{generation}")
        }
        RecordKey::Mark(MarkKey::Partner(id)) => write!(text, "mrk:partner/{id}"),
        RecordKey::Mark(MarkKey::Directory) => text.write_str("mrk:directory"),
        RecordKey::Mark(MarkKey::Rep(id)) => write!(text, "mrk:rep/{id}"),
        RecordKey::Mark(MarkKey::Session(id)) => write!(text, "mrk:session/{id}"),
        RecordKey::Mark(MarkKey::Queue(id)) => write!(text, "mrk:queue/{id}"),
    };
    written.expect("a String takes everything");
    text.into_bytes()
}

/// The key of these bytes.
///
/// # Errors
/// [`JournalError::Corrupt`].
pub fn decode_key(bytes: &[u8]) -> Result<RecordKey, JournalError> {
    let unknown = || corrupt(format_args!("{} is no record key", kind_of(bytes)));
    let text = std::str::from_utf8(bytes).map_err(|_| unknown())?;
    let (tag, id) = text.split_once(':').ok_or_else(unknown)?;
    Ok(match tag {
        "set" if id.is_empty() => RecordKey::Settings,
        "cfg" => RecordKey::Configuration(parse(id)?),
        "sta" => RecordKey::Status(parse(id)?),
        "pro" => RecordKey::Profile(parse(id)?),
        "par" => RecordKey::Partner(parse(id)?),
        "chn" => RecordKey::Channel(parse(id)?),
        "skl" => RecordKey::Skill(parse(id)?),
        "que" => RecordKey::Queue(parse(id)?),
        "flo" => RecordKey::Flow(parse(id)?),
        "rep" => RecordKey::Rep(parse(id)?),
        "pre" => RecordKey::RepPresence(parse(id)?),
        "ses" => RecordKey::Session(parse(id)?),
        "ref" => {
            let (channel, reference) = id.split_once('/').ok_or_else(unknown)?;
            RecordKey::Reference(parse(channel)?, parse(reference)?)
        }
        "wrk" => RecordKey::Work(parse(id)?),
        "trf" => RecordKey::Transfer(parse(id)?),
        "hnd" => RecordKey::Handoff(parse(id)?),
        "rou" => RecordKey::RoutingRequest(parse(id)?),
        "hea" => RecordKey::PartnerHealth(parse(id)?),
        "bok" => RecordKey::ContactBook(parse(id)?),
        "con" => {
            let (partner, rest) = id.split_once('/').ok_or_else(unknown)?;
            let (generation, first) = rest.split_once('/').ok_or_else(unknown)?;
            let first = if first.is_empty() { ContactId::least() } else { parse(first)? };
            RecordKey::ContactBlock(parse(partner)?, number(generation)?, first)
        }
        "rpt" => RecordKey::QueueReport(parse(id)?),
        "mrk" => RecordKey::Mark(match id.split_once('/') {
            Some(("rep", rep)) => MarkKey::Rep(parse(rep)?),
            Some(("session", session)) => MarkKey::Session(parse(session)?),
            Some(("queue", queue)) => MarkKey::Queue(parse(queue)?),
            Some(("partner", partner)) => MarkKey::Partner(parse(partner)?),
            Some(("contacts", of)) => {
                let (partner, generation) = of.split_once('/').ok_or_else(unknown)?;
                MarkKey::Contacts(parse(partner)?, number(generation)?)
            }
            _ if id == "directory" => MarkKey::Directory,
            _ => return Err(unknown()),
        }),
        _ => return Err(unknown()),
    })
}

/// What is said of a key that can't be read: what comes after the kind may be a customer's number, and is said to a log.
pub(super) fn kind_of(bytes: &[u8]) -> String {
    let shown = bytes.get(..4).unwrap_or(bytes).escape_ascii();
    let rest = bytes.len().saturating_sub(4);
    format!("{shown}… ({rest} bytes more)")
}

fn number(text: &str) -> Result<u64, JournalError> {
    text.parse().map_err(|_| corrupt("a key's generation is no number"))
}

fn parse<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, JournalError> {
    text.parse().map_err(|why| corrupt(format_args!("a key's id {why}")))
}
