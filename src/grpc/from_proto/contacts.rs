//! Contacts and reports as partners supply them (N2, E6), and questions about contacts. What is wrong with one of many is
//! kept beside the others, which are taken; what is wrong with the call itself is refused (D1).

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{Fields, limits};
use crate::domain::contact_search::ContactFilter;
use crate::domain::contacts::{ContactAvailability, ContactDetails, Wait};
use crate::domain::decide::contacts::given::{
    GivenContact, GivenContacts, GivenItem, GivenObservation, GivenQueueWait, GivenReports,
    LastPage, SyncMode,
};
use crate::domain::entry::{Fingerprint, Revision};
use crate::domain::id::{BadId, ChannelId, ContactId, PartnerId, PartnersId};
use crate::domain::time::{Span, Timestamp};
use crate::grpc::status::Problem;
use crate::pb;

/// Contacts, or reports of contacts, in one call.
const ITEMS: usize = 10_000;
/// Reports of queues in one call.
const QUEUES: usize = 1_000;
/// The highest number of a page.
const PAGES: u32 = 10_000;
/// A contact's name.
const NAME: usize = 256;
/// Its description.
const DESCRIPTION: usize = 512;
/// Its type.
const KIND: usize = 64;
/// Its channels.
const CHANNELS: usize = 32;
/// Its fields, the name of one, and all names and values together.
const FIELDS: (usize, usize, usize) = (16, 64, 1_024);
/// How long an observation holds.
const VALID_FOR: (Span, Span) = (Span::from_secs(1), Span::from_secs(86_400));
/// An estimated wait.
const WAIT: (Span, Span) = (Span::from_secs(0), Wait::MOST);
/// Of an id that isn't one, so much is shown again.
const SHOWN_OF_ID: usize = 128;

/// A call of SyncContacts: whose contacts, if that is said, and all but that. `content` is what a last page says, to
/// recognise its repetition.
///
/// # Errors
/// INVALID_FIELD for what is wrong with the call; what is wrong with a contact is kept with it.
pub fn sync_contacts(
    request: &pb::SyncContactsRequest,
    content: Fingerprint,
) -> Result<(Option<PartnerId>, impl FnOnce(PartnerId) -> GivenContacts), Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let partner = f.optional_id("partner", &request.partner);
    f.at_most("contacts", request.contacts.len(), ITEMS);
    f.at_most("deleted", request.deleted.len(), ITEMS);
    let mode = sync_mode(&mut f, request);
    let (partner, mode) = f.finish(|| Some((partner?, mode?)))?;
    let contacts = request.contacts.iter().map(contact).collect();
    Ok((partner, move |partner| GivenContacts { partner, mode, contacts, content }))
}

fn sync_mode(f: &mut Fields, request: &pb::SyncContactsRequest) -> Option<SyncMode> {
    let full = f.value("mode", request.mode, |wire| match wire {
        pb::SyncMode::Unspecified => None,
        pb::SyncMode::Full => Some(true),
        pb::SyncMode::Incremental => Some(false),
    })?;
    if !full {
        for (field, given) in [
            ("generation", request.generation != 0),
            ("page", request.page != 0),
            ("last", request.last),
            ("total", request.total != 0),
            ("allow_mass_deletion", request.allow_mass_deletion),
        ] {
            if given {
                f.bad(field, "is only for the mode FULL; leave it out");
            }
        }
        let deleted = request.deleted.iter().map(|id| item(id, "id", |_| Some(()))).collect();
        return Some(SyncMode::Incremental { deleted });
    }
    if !request.deleted.is_empty() {
        let why = "is only for the mode INCREMENTAL; of a full sync, what isn't in any page goes";
        f.bad("deleted", why);
    }
    if !request.last {
        for (field, given) in
            [("total", request.total != 0), ("allow_mass_deletion", request.allow_mass_deletion)]
        {
            if given {
                f.bad(field, "is only for the last page; give it with last");
            }
        }
    }
    let page = f.count("page", Some(request.page), (1, PAGES), 1);
    let generation = u64::try_from(request.generation).ok().filter(|number| *number > 0);
    if generation.is_none() {
        f.bad("generation", format!("is {}; give 1 or more", request.generation));
    }
    let last = request.last.then_some(LastPage {
        total: request.total,
        allow_mass_deletion: request.allow_mass_deletion,
    });
    Some(SyncMode::Full { generation: generation?, page: page?, last })
}

/// One of many, whose faults stay with it.
fn item<K: std::str::FromStr<Err = BadId>, T>(
    id: &str,
    field: &str,
    said: impl FnOnce(&mut Fields) -> Option<T>,
) -> GivenItem<K, T> {
    let mut f = Fields::new();
    let known = f.id::<K>(field, id);
    let said = said(&mut f);
    let said = f.finish(|| said).map_err(|problem| match problem {
        Problem::Invalid(faults) => {
            let faults: Vec<String> =
                faults.iter().map(|fault| format!("{} {}", fault.field, fault.why)).collect();
            faults.join("; ")
        }
        _ => "it can't be read".to_owned(),
    });
    let shown = || id.chars().take(SHOWN_OF_ID).collect();
    GivenItem { id: known.ok_or_else(shown), said }
}

fn contact(given: &pb::Contact) -> GivenItem<ContactId, GivenContact> {
    item(&given.id, "id", |f| {
        let id = given.id.parse::<ContactId>().ok();
        let name = f.text("name", &given.name, NAME);
        if given.name.is_empty() {
            f.bad("name", format!("is empty; give 1 to {NAME} bytes"));
        }
        let description = f.text("description", &given.description, DESCRIPTION);
        let kind = f.text("type", &given.r#type, KIND);
        let channels = channels(f, &given.channels);
        let fields = free_fields(f, given);
        let observed = observation(
            f,
            (given.availability, given.estimated_wait.as_ref(), false),
            (given.observed_at.as_ref(), given.valid_for.as_ref()),
        );
        let details = ContactDetails {
            id: id?,
            kind: kind?,
            channels,
            name: name?,
            description: description?,
            fields,
        };
        Some(GivenContact { details, observed: observed? })
    })
}

fn channels(f: &mut Fields, given: &[String]) -> BTreeSet<ChannelId> {
    f.at_most("channels", given.len(), CHANNELS);
    let mut channels = BTreeSet::new();
    for (i, text) in given.iter().enumerate().take(CHANNELS) {
        let at = format!("channels[{i}]");
        if let Some(id) = f.id::<ChannelId>(&at, text)
            && let Some(twice) = channels.replace(id)
        {
            f.bad(at, format!("is {twice} again; give each once"));
        }
    }
    channels
}

fn free_fields(f: &mut Fields, given: &pb::Contact) -> BTreeMap<String, String> {
    let (most, name_bytes, all_bytes) = FIELDS;
    f.at_most("fields", given.fields.len(), most);
    let bytes: usize = given.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > all_bytes {
        f.bad("fields", format!("is {bytes} bytes in all; at most {all_bytes} are allowed"));
        return BTreeMap::new();
    }
    let mut fields = BTreeMap::new();
    for (name, value) in given.fields.iter().take(most) {
        if name.is_empty() || name.len() > name_bytes {
            f.bad("fields", format!("has a name of {} bytes; give 1 to {name_bytes}", name.len()));
        }
        let texts = (f.text("fields", name, all_bytes), f.text("fields", value, all_bytes));
        if let (Some(name), Some(value)) = texts {
            fields.insert(name, value);
        }
    }
    fields
}

/// What is said of availability and wait, when it was observed, and how long it holds.
fn observation(
    f: &mut Fields,
    (availability, wait, wait_unknown): (i32, Option<&prost_types::Duration>, bool),
    (at, valid_for): (Option<&prost_types::Timestamp>, Option<&prost_types::Duration>),
) -> Option<GivenObservation> {
    let availability = match availability {
        0 => Some(None),
        number => f.value("availability", number, availability_of).map(Some),
    };
    if wait.is_some() && wait_unknown {
        f.bad("estimated_wait_unknown", "is given beside estimated_wait; give one of them");
    }
    let wait = f.optional_span("estimated_wait", wait, WAIT);
    let (at, valid_for) = observed(f, at, valid_for)?;
    let wait = wait?.map(|span| Some(Wait::new(span)));
    let wait = if wait_unknown { Some(None) } else { wait };
    Some(GivenObservation { availability: availability?, wait, at, valid_for })
}

/// An availability, or `None`: that it isn't known.
fn availability_of(wire: pb::ContactAvailability) -> Option<Option<ContactAvailability>> {
    use pb::ContactAvailability as Wire;
    match wire {
        Wire::Unspecified => None,
        Wire::Available => Some(Some(ContactAvailability::Available)),
        Wire::Busy => Some(Some(ContactAvailability::Busy)),
        Wire::Unavailable => Some(Some(ContactAvailability::Unavailable)),
        Wire::Unknown => Some(None),
    }
}

type ObservedAt = (Option<Timestamp>, Option<Span>);

fn observed(
    f: &mut Fields,
    at: Option<&prost_types::Timestamp>,
    valid_for: Option<&prost_types::Duration>,
) -> Option<ObservedAt> {
    let at = match at {
        None => Some(None),
        Some(at) => f.moment("observed_at", at).map(Some),
    };
    let valid_for = f.optional_span("valid_for", valid_for, VALID_FOR);
    Some((at?, valid_for?))
}

/// A call of ReportAvailability: whose, if that is said, and all but that.
///
/// # Errors
/// INVALID_FIELD for what is wrong with the call; what is wrong with a report is kept with it.
pub fn report_availability(
    request: &pb::ReportAvailabilityRequest,
) -> Result<(Option<PartnerId>, impl FnOnce(PartnerId) -> GivenReports), Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let partner = f.optional_id("partner", &request.partner);
    f.at_most("contacts", request.contacts.len(), ITEMS);
    f.at_most("queues", request.queues.len(), QUEUES);
    let partner = f.finish(|| partner)?;
    let contacts = request.contacts.iter().map(|given| {
        item(&given.contact, "contact", |f| {
            observation(
                f,
                (given.availability, given.estimated_wait.as_ref(), given.estimated_wait_unknown),
                (given.observed_at.as_ref(), given.valid_for.as_ref()),
            )
        })
    });
    let contacts = contacts.collect();
    let queues = request.queues.iter().map(queue_wait).collect();
    Ok((partner, move |partner| GivenReports { partner, contacts, queues }))
}

fn queue_wait(given: &pb::QueueWaitReport) -> GivenItem<PartnersId, GivenQueueWait> {
    item(&given.queue, "queue", |f| {
        let wait = f.optional_span("estimated_wait", given.estimated_wait.as_ref(), WAIT);
        let when = observed(f, given.observed_at.as_ref(), given.valid_for.as_ref());
        let samples = (given.samples > 0).then_some(given.samples);
        let (at, valid_for) = when?;
        Some(GivenQueueWait { wait: wait?, samples, at, valid_for })
    })
}

/// A question for a contact: whose, if that is said, which, and at which revision.
///
/// # Errors
/// INVALID_FIELD.
pub fn get_contact(
    request: &pb::GetContactRequest,
) -> Result<(Option<PartnerId>, ContactId, Option<Revision>), Problem> {
    let mut f = Fields::new();
    let partner = f.optional_id("partner", &request.partner);
    let contact = f.id("contact", &request.contact);
    let at_least = f.revision("at_least_revision", request.at_least_revision);
    f.finish(|| Some((partner?, contact?, at_least)))
}

/// Which contacts are listed: whose, if that is said, and which of them.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_contacts(
    request: &pb::ListContactsRequest,
) -> Result<(Option<PartnerId>, ContactFilter), Problem> {
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    let partner = f.optional_id("partner", &request.partner);
    let words = words(&mut f, &request.query);
    let kinds = kinds(&mut f, "types", &request.types);
    let availabilities = availabilities(&mut f, "availabilities", &request.availabilities);
    let channel = f.optional_id("channel", &request.channel);
    f.finish(|| {
        let filter = ContactFilter { words: words?, kinds, availabilities, channel: channel? };
        Some((partner?, filter))
    })
}

/// Which external contacts are listed as recipients.
pub(super) fn recipient_filter(
    f: &mut Fields,
    request: &pb::ListRecipientsRequest,
) -> Option<ContactFilter> {
    let words = words(f, &request.query)?;
    let kinds = kinds(f, "contact_types", &request.contact_types);
    let availabilities =
        availabilities(f, "contact_availabilities", &request.contact_availabilities);
    Some(ContactFilter { words, kinds, availabilities, channel: None })
}

fn words(f: &mut Fields, query: &str) -> Option<Vec<String>> {
    f.text("query", query, limits::QUERY).map(|query| ContactFilter::words(&query))
}

fn kinds(f: &mut Fields, field: &str, given: &[String]) -> BTreeSet<String> {
    f.at_most(field, given.len(), limits::FILTER_IDS);
    let given = given.iter().enumerate().take(limits::FILTER_IDS);
    given.filter_map(|(i, kind)| f.text(&format!("{field}[{i}]"), kind, KIND)).collect()
}

/// Availabilities that are looked for; those that aren't known count as such, whyever.
fn availabilities(
    f: &mut Fields,
    field: &str,
    given: &[i32],
) -> BTreeSet<Option<ContactAvailability>> {
    let known = |wire: pb::ContactAvailability| Some(availability_of(wire).flatten());
    f.values(field, given, known).into_iter().collect()
}
