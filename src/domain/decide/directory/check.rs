//! What is wrong with resources that are to be saved: in themselves, or because they name something
//! that wouldn't be there. All of it at once (D1). Looks at the directory as the draft has it.

use std::collections::BTreeSet;

use super::naming::{named, resources};
use super::partners;
use super::references::{references, skills_queues};
use crate::domain::decide::stated::{Stated, names_nothing};
use crate::domain::directory::{Channel, DefaultTarget, Queue};
use crate::domain::draft::Draft;
use crate::domain::eligibility::queue_takes;
use crate::domain::flow::{self, Flow, check_zone};
use crate::domain::flow_world::Named;
use crate::domain::id::QueueId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::BadField;
use crate::domain::state::State;

/// Every fault of what is stated, and of the records written.
///
/// `going` is what the change deletes, and is still there.
pub(super) fn faults(
    draft: &Draft<'_>,
    written: &[Record],
    stated: &Stated,
    going: &BTreeSet<RecordKey>,
) -> Vec<BadField> {
    let mut all = stated.wrong(draft);
    all.extend(partners::alias_faults(draft, written, stated, going));
    let known: BTreeSet<String> = all.iter().map(|bad| bad.field.clone()).collect();
    // What is brought and badly stated isn't written, or not as it was meant: it says nothing of others.
    let bad: BTreeSet<&str> = stated.faults.iter().filter_map(|bad| resource(&bad.field)).collect();
    let unsure =
        |key: &RecordKey| stated.brought.get(key).is_some_and(|at| bad.contains(at.as_str()));
    let own = written.iter().flat_map(|record| faults_of(draft, record, stated, &unsure));
    all.extend(own.filter(|bad| !known.contains(&bad.field)));
    all
}

/// The field of the resource that a field is in: `queue` of `queue.reps[2]`, `directory.queues[0]` of what is in there.
fn resource(field: &str) -> Option<&str> {
    match field.strip_prefix("directory.") {
        Some(inside) => {
            let end = inside.find('.').unwrap_or(inside.len());
            field.get(.."directory.".len() + end)
        }
        None => field.split('.').next(),
    }
}

/// Whether a record may be otherwise than it is.
type Unsure<'u> = &'u dyn Fn(&RecordKey) -> bool;

fn faults_of(
    draft: &Draft<'_>,
    record: &Record,
    stated: &Stated,
    unsure: Unsure<'_>,
) -> Vec<BadField> {
    let key = record.key();
    let at = stated.brought.get(&key);
    let fault = |(field, why): (String, String)| {
        let at = at.map_or_else(|| named(&key).0, String::as_str);
        BadField { field: format!("{at}.{field}"), why }
    };
    // What the request says itself it names, and what conditions name the flow engine looks at.
    let named_here = if at.is_some() { Vec::new() } else { references(record) };
    let missing =
        named_here.into_iter().filter(|r| !r.in_condition && draft.record(&r.key).is_none());
    let missing = missing.map(|r| (r.field, names_nothing(&r.key)));
    own_faults(draft, record, stated, unsure).into_iter().chain(missing).map(fault).collect()
}

/// What is wrong with a record itself: the fields and why.
fn own_faults(
    draft: &Draft<'_>,
    record: &Record,
    stated: &Stated,
    unsure: Unsure<'_>,
) -> Vec<(String, String)> {
    match record {
        Record::Configuration(c) if c.allow_decline && c.auto_accept => {
            let why = "excludes allow_decline (R7); choose one of them";
            vec![("auto_accept".to_owned(), why.to_owned())]
        }
        Record::Queue(queue) => {
            let overflow = overflow_fault(draft, queue, unsure);
            let overflow = overflow.map(|why| ("overflow.queue".to_owned(), why));
            partners::queue_faults(queue).into_iter().chain(overflow).collect()
        }
        Record::Flow(flow) => flow_faults(draft, flow, stated)
            .into_iter()
            .chain(skills_faults(draft, flow, unsure))
            .collect(),
        Record::Channel(channel) => {
            let fallback = unserved_fallback(draft, channel, unsure);
            fallback.into_iter().chain(untaken_target(draft, channel, unsure)).collect()
        }
        Record::Settings(settings) => check_zone(&settings.time_zone)
            .err()
            .map(|why| ("time_zone".to_owned(), why))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

/// A queue to fall back to that doesn't serve the channel's type (R11), or is a partner's.
fn unserved_fallback(
    records: &impl RecordLookup,
    channel: &Channel,
    unsure: Unsure<'_>,
) -> Option<(String, String)> {
    let queue = records.queue(channel.fallback_queue.as_ref()?)?;
    if unsure(&RecordKey::Queue(queue.id.clone())) {
        return None;
    }
    let why = partners::names_partners(&queue).or_else(|| unserved(&queue, channel));
    why.map(|why| ("fallback_queue".to_owned(), why))
}

fn unserved(queue: &Queue, channel: &Channel) -> Option<String> {
    let kind = channel.channel_type.name();
    let why =
        || format!("names {}, which doesn't serve {kind}, the type of this channel", queue.id);
    (!queue.serves(channel.channel_type)).then(why)
}

/// A queue for sessions without a target that doesn't take them (O7, N1).
fn untaken_target(
    records: &impl RecordLookup,
    channel: &Channel,
    unsure: Unsure<'_>,
) -> Option<(String, String)> {
    let Some(DefaultTarget::Queue(id)) = &channel.default_target else { return None };
    let queue = records.queue(id).filter(|_| !unsure(&RecordKey::Queue(id.clone())))?;
    if queue_takes(&queue, channel) {
        return None;
    }
    let others = || {
        let of = queue.partner.as_ref().map_or("", |of| of.partner.as_str());
        format!(
            "names {id}, a queue of partner {of}'s, which doesn't route this channel; name another queue"
        )
    };
    let why = unserved(&queue, channel).unwrap_or_else(others);
    Some(("default_target.queue".to_owned(), why))
}

/// Skills that are asked for in a partner's queue: the partner looks at them itself (N1).
fn skills_faults(
    records: &impl RecordLookup,
    flow: &Flow,
    unsure: Unsure<'_>,
) -> Vec<(String, String)> {
    skills_queues(flow)
        .filter(|(_, id)| !unsure(&RecordKey::Queue((*id).clone())))
        .filter_map(|(field, id)| Some((field, partners::names_partners(&*records.queue(id)?)?)))
        .collect()
}

/// Every mistake in a flow, and in the way on of those that lead to it (R8).
fn flow_faults(draft: &Draft<'_>, flow: &Flow, stated: &Stated) -> Vec<(String, String)> {
    let world = Named { records: draft, brought: &stated.brought };
    let own = flow::check(flow, &world).into_iter().map(|fault| {
        let place = fault.at.map(|(line, column)| format!("at {line}:{column}: "));
        (fault.path, format!("{}{}", place.unwrap_or_default(), fault.why))
    });
    let others = flows(draft).filter(|other| other.id != flow.id);
    let led_there = others.flat_map(|other| {
        let faults = flow::check_chains(other, &world).into_iter();
        faults.map(|fault| ("rules".to_owned(), format!("flow {}: {}", other.id, fault.why)))
    });
    let own: Vec<_> = own.collect();
    if own.is_empty() { led_there.collect() } else { own }
}

fn flows(state: &State) -> impl Iterator<Item = &Flow> {
    resources(state).filter_map(|record| match record {
        Record::Flow(flow) => Some(&**flow),
        _ => None,
    })
}

/// A queue to overflow to that is a partner's, or leads back (R9).
fn overflow_fault(
    records: &impl RecordLookup,
    queue: &Queue,
    unsure: Unsure<'_>,
) -> Option<String> {
    let next = records.queue(&queue.overflow.as_ref()?.queue);
    let next = next.filter(|next| !unsure(&RecordKey::Queue(next.id.clone())));
    next.and_then(|next| partners::names_partners(&next)).or_else(|| {
        let path = overflow_loop(records, queue, unsure)?;
        Some(format!("leads back to this queue: {path}; let one of them overflow nowhere"))
    })
}

/// The way from a queue through overflows back to itself, if there is one (R9).
fn overflow_loop(records: &impl RecordLookup, queue: &Queue, unsure: Unsure<'_>) -> Option<String> {
    let mut path = queue.id.to_string();
    let mut seen: BTreeSet<QueueId> = BTreeSet::new();
    let mut next = queue.overflow.as_ref().map(|o| o.queue.clone());
    while let Some(id) = next {
        path = format!("{path} → {id}");
        if id == queue.id {
            return Some(path);
        }
        if !seen.insert(id.clone()) || unsure(&RecordKey::Queue(id.clone())) {
            return None;
        }
        next = records.queue(&id).and_then(|q| q.overflow.as_ref().map(|o| o.queue.clone()));
    }
    None
}
