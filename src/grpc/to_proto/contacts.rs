//! Contacts as they are known, and what became of those that were supplied (N2, L4).

use super::{contact_ref, span, time};
use crate::domain::contacts::{
    AvailabilityReport, Contact, ContactAvailability, ContactSync, ItemFailure,
};
use crate::domain::recipients::contacts::ContactEntry;
use crate::domain::time::Timestamp;
use crate::pb;

const fn availability(known: Option<ContactAvailability>) -> pb::ContactAvailability {
    match known {
        None => pb::ContactAvailability::Unspecified,
        Some(ContactAvailability::Available) => pb::ContactAvailability::Available,
        Some(ContactAvailability::Busy) => pb::ContactAvailability::Busy,
        Some(ContactAvailability::Unavailable) => pb::ContactAvailability::Unavailable,
    }
}

/// A contact, with what is known of it at `now`.
#[must_use]
pub fn contact(c: &Contact, now: Timestamp) -> pb::Contact {
    pb::Contact {
        id: c.id.to_string(),
        name: c.name.clone(),
        description: c.description.clone(),
        r#type: c.kind.clone(),
        channels: c.channels.iter().map(ToString::to_string).collect(),
        fields: c.fields.clone().into_iter().collect(),
        availability: availability(c.observed.availability_at(now)).into(),
        estimated_wait: c.observed.wait_at(now).map(span),
        observed_at: c.observed.observed_at(now).map(time),
        valid_for: None,
        valid_until: c.observed.valid_until(now).map(time),
    }
}

/// A contact in the list of recipients (L4).
#[must_use]
pub fn contact_entry(e: &ContactEntry, now: Timestamp) -> pb::ExternalContactEntry {
    pb::ExternalContactEntry {
        contact: Some(contact_ref(&e.of)),
        name: e.contact.name.clone(),
        description: e.contact.description.clone(),
        availability: availability(e.contact.observed.availability_at(now)).into(),
        estimated_wait: e.contact.observed.wait_at(now).map(span),
        r#type: e.contact.kind.clone(),
        fields: e.contact.fields.clone().into_iter().collect(),
    }
}

fn item_failure(f: &ItemFailure) -> pb::ItemFailure {
    pb::ItemFailure {
        list: f.list.to_string(),
        index: f.index,
        id: f.id.clone(),
        reason: f.reason.name().to_owned(),
        text: f.text.clone(),
    }
}

/// What a sync did.
#[must_use]
pub fn contact_sync(s: &ContactSync) -> pb::ContactSync {
    pb::ContactSync {
        partner: s.partner.to_string(),
        contacts: s.contacts,
        created: s.created,
        updated: s.updated,
        deleted: s.deleted,
        failures: s.failures.told.iter().map(item_failure).collect(),
        failed: s.failures.count,
        arrived: s.arrived,
        complete: s.complete,
    }
}

/// What a report did.
#[must_use]
pub fn availability_report(r: &AvailabilityReport) -> pb::AvailabilityReport {
    pb::AvailabilityReport {
        partner: r.partner.to_string(),
        accepted: r.accepted,
        outdated: r.outdated,
        failures: r.failures.told.iter().map(item_failure).collect(),
        failed: r.failures.count,
    }
}
