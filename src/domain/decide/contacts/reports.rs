//! Reports of availability and wait: of contacts (N2, N10), and of the partner's queues (E6). What isn't mentioned stays,
//! an older report changes nothing, and what is wrong with one doesn't keep the others out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::contacts::{AvailabilityReport, QueueReport};
use crate::domain::draft::Draft;
use crate::domain::entry::{Answer, Fact, FactKind};
use crate::domain::id::{ContactId, PartnerId, PartnersId, QueueId};
use crate::domain::record::{AliasOf, Record};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::scope::{Viewer, may_see_queue};

use super::book::{book_of, put_book};
use super::given::{GivenObservation, GivenQueueWait, GivenReports, Taken, too_far_ahead};
use super::items::{check_whose, failure};
use super::pending::PendingEdits;
use crate::domain::decide::subject::AnswerSubject;

/// Why a report isn't taken.
type Refused = (Reason, String);

/// Supplies availability and waits.
pub(crate) fn report(
    draft: &mut Draft<'_>,
    viewer: Viewer<'_>,
    given: &GivenReports,
) -> Result<AnswerSubject, Rejection> {
    check_whose(draft, viewer.actor, &given.partner)?;
    let mut answer = AvailabilityReport {
        partner: given.partner.clone(),
        accepted: 0,
        outdated: 0,
        failures: Default::default(),
    };
    of_contacts(draft, given, &mut answer)?;
    of_queues(draft, viewer, given, &mut answer);
    if !draft.is_unchanged() {
        draft.fact(Fact::of(FactKind::AvailabilityReported));
    }
    Ok(AnswerSubject::Answer(Answer::AvailabilityReported(Arc::new(answer))))
}

fn count(answer: &mut AvailabilityReport, taken: Taken) {
    answer.accepted += 1;
    answer.outdated += u32::from(taken == Taken::Outdated);
}

fn invalid(why: impl Into<String>) -> Refused {
    (Reason::InvalidField, why.into())
}

fn of_contacts(
    draft: &mut Draft<'_>,
    given: &GivenReports,
    answer: &mut AvailabilityReport,
) -> Result<(), Rejection> {
    let mut book = book_of(draft, &given.partner)?;
    let mut pending = PendingEdits::of(&given.partner, &book);
    let mut first: BTreeMap<&ContactId, (usize, GivenObservation)> = BTreeMap::new();
    let mut refused: BTreeMap<usize, Refused> = BTreeMap::new();
    for (index, item) in given.contacts.iter().enumerate() {
        let said = match (&item.id, &item.said) {
            (Ok(id), _) if first.contains_key(id) => {
                Err(invalid(format!("contact is {id} again; give each once")))
            }
            (_, Err(why)) => Err(invalid(why.clone())),
            (Ok(_), Ok(said)) => match too_far_ahead(said.at, draft.now()) {
                Some(why) => Err(invalid(why)),
                None => Ok(*said),
            },
            (Err(_), Ok(_)) => Err(invalid("contact isn't an id")),
        };
        // Also of one that can't be taken the others count as repetitions.
        let kept = said.as_ref().copied().unwrap_or_default();
        if let Err(why) = said {
            refused.insert(index, why);
        }
        if let Ok(id) = &item.id {
            first.entry(id).or_insert((index, kept));
        }
    }
    for (id, (index, said)) in first {
        if refused.contains_key(&index) {
            continue;
        }
        match pending.observe(draft, &mut book, id, &said) {
            Some(taken) => count(answer, taken),
            None => {
                let text = format!("there is no contact {id} of {}", given.partner);
                refused.insert(index, (Reason::NotFound, text));
            }
        }
    }
    for (index, why) in refused {
        answer.failures.push(failure("contacts", index, &given.contacts[index], why));
    }
    pending.write(draft);
    if book.staged.is_some() {
        put_book(draft, book);
    }
    Ok(())
}

fn of_queues(
    draft: &mut Draft<'_>,
    viewer: Viewer<'_>,
    given: &GivenReports,
    answer: &mut AvailabilityReport,
) {
    let mut seen = BTreeSet::new();
    for (index, item) in given.queues.iter().enumerate() {
        let taken = match (&item.id, &item.said) {
            (Ok(id), said) => match queue_of(draft, viewer, &given.partner, id) {
                None => {
                    let text = format!("there is no queue {id} of {}", given.partner);
                    Err((Reason::NotFound, text))
                }
                Some(queue) if !seen.insert(queue.clone()) => {
                    Err(invalid(format!("queue is {queue} again; give each once")))
                }
                Some(queue) => match said {
                    Ok(said) => of_queue(draft, &given.partner, queue, *said),
                    Err(why) => Err(invalid(why.clone())),
                },
            },
            (Err(_), said) => Err(invalid(said.as_ref().err().cloned().unwrap_or_default())),
        };
        match taken {
            Ok(taken) => count(answer, taken),
            Err(why) => answer.failures.push(failure("queues", index, item, why)),
        }
    }
}

/// The partner's queue that it means, by its own id or by Baton's (N8).
fn queue_of(
    draft: &Draft<'_>,
    viewer: Viewer<'_>,
    partner: &PartnerId,
    named: &PartnersId,
) -> Option<QueueId> {
    let own = draft.aliases(partner, named).find_map(|of| match of {
        AliasOf::Queue(queue) => Some(queue.clone()),
        _ => None,
    });
    let id = own.or_else(|| QueueId::new(named.as_str()).ok())?;
    let queue = draft.queue(&id).filter(|queue| may_see_queue(draft, viewer, &queue.id))?;
    queue.partner.as_ref().is_some_and(|of| of.partner == *partner).then_some(id)
}

fn of_queue(
    draft: &mut Draft<'_>,
    partner: &PartnerId,
    queue: QueueId,
    said: GivenQueueWait,
) -> Result<Taken, Refused> {
    if let Some(why) = too_far_ahead(said.at, draft.now()) {
        return Err(invalid(why));
    }
    let observed_at = said.at.unwrap_or(draft.now());
    let known = draft.queue_report(&queue).filter(|known| known.partner == *partner);
    if known.as_ref().is_some_and(|known| known.observed_at > observed_at) {
        return Ok(Taken::Outdated);
    }
    let report = QueueReport {
        queue,
        partner: partner.clone(),
        wait: said.wait,
        samples: said.samples,
        observed_at,
        until: said.valid_for.map(|span| observed_at + span),
    };
    if known.is_none_or(|known| *known != report) {
        draft.put(Record::QueueReport(Arc::new(report)));
    }
    Ok(Taken::Yes)
}
