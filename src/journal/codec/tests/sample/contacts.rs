//! Examples of what partners supply, and of what is answered to them.

use std::sync::Arc;

use super::{at, attributes, id};
use crate::domain::contacts::{
    AvailabilityReport, CompletedSync, ContactAvailability, ContactBlock, ContactBook,
    ContactDetails, ContactObservation, ContactRow, ContactSync, ItemFailure, ItemFailures,
    Observed, PageRun, QueueReport, StagedSync, Wait, encoded,
};
use crate::domain::entry::Answer;
use crate::domain::id::ContactId;
use crate::domain::rejection::Reason;
use crate::domain::time::Span;

pub fn contact_book() -> ContactBook {
    let pages = vec![PageRun { from: 1, to: 4, each: 1_000 }, PageRun { from: 6, to: 6, each: 7 }];
    ContactBook {
        partner: id("acme"),
        generation: 7,
        contacts: 4_000,
        completed: Some(CompletedSync {
            at: at(60),
            content: [7; 16].into(),
            arrived: 4_000,
            created: 10,
            updated: 20,
            deleted: 30,
        }),
        staged: Some(StagedSync { generation: 9, pages, contacts: 4_007, known: 12, changed: 3 }),
    }
}

fn contact_details(of: &str) -> ContactDetails {
    ContactDetails {
        id: id(of),
        kind: "team".into(),
        channels: [id("byoc")].into(),
        name: "Front Desk".into(),
        description: "Reception".into(),
        fields: attributes(),
    }
}

pub fn contact_block(first: ContactId) -> ContactBlock {
    let (span, wait) = (Span::from_secs(300), Wait::new(Span::from_secs(45)));
    let observed = ContactObservation {
        availability: Observed::new(Some(ContactAvailability::Busy), at(50), Some(span)),
        wait: Observed::new(Some(wait), at(51), None),
    };
    let row =
        |of, observed, page| ContactRow { details: encoded(&contact_details(of)), observed, page };
    let rows = [row("42", observed, 3), row("desk", ContactObservation::default(), 0)];
    ContactBlock::new((id("acme"), 7, first), &rows).expect("two contacts in order")
}

pub fn queue_report() -> QueueReport {
    QueueReport {
        queue: id("billing"),
        partner: id("acme"),
        wait: Some(Span::from_secs(90)),
        samples: Some(12),
        observed_at: at(70),
        until: Some(at(370_000)),
    }
}

fn item_failures() -> ItemFailures {
    let told = vec![ItemFailure {
        list: "contacts".into(),
        index: 3,
        id: "a b".into(),
        reason: Reason::InvalidField,
        text: "id contains ' '".into(),
    }];
    ItemFailures { told, count: 501 }
}

pub fn answers() -> [Answer; 2] {
    [
        Answer::ContactsSynced(Arc::new(ContactSync {
            partner: id("acme"),
            contacts: 4,
            created: 3,
            updated: 2,
            deleted: 1,
            failures: item_failures(),
            arrived: 4,
            complete: true,
        })),
        Answer::AvailabilityReported(Arc::new(AvailabilityReport {
            partner: id("acme"),
            accepted: 2,
            outdated: 1,
            failures: item_failures(),
        })),
    ]
}
