//! Where sessions come from and where they wait: channels, queues, and the skills that are asked for.

use super::super::fields::{Fields, limits};
use super::super::{channel_type, under};
use super::partners::{adapters, default_target, partner_queue, recipient_types, routing_model};
use super::{name, weight};
use crate::domain::directory::{
    CapacityModel, Channel, Overflow, Queue, RoutingOwner, Skill, WrapUp,
};
use crate::domain::id::QueueId;
use crate::domain::record::AliasOf;
use crate::domain::time::Span;
use crate::domain::units::{Units, Weight};
use crate::pb;

pub(super) fn channel(f: &mut Fields, at: &str, given: &pb::Channel) -> Option<Channel> {
    let id = f.own_id(at, &given.id);
    let name = name(f, at, &given.name, &given.id);
    let channel_type = f.value(&under(at, "type"), given.r#type, channel_type);
    let model = f.value(&under(at, "capacity_model"), given.capacity_model, |wire| {
        Some(match wire {
            pb::CapacityModel::Unspecified | pb::CapacityModel::TabBased => CapacityModel::TabBased,
            pb::CapacityModel::StatusBased => CapacityModel::StatusBased,
        })
    });
    let full = given
        .weight
        .map_or(Some(Weight::Units(Units::whole(1))), |w| weight(f, &under(at, "weight"), w));
    let paused_at = under(at, "paused_weight");
    let paused = match given.paused_weight {
        None => Some(None),
        Some(w) => weight(f, &paused_at, w).map(Some),
    };
    if model == Some(CapacityModel::TabBased) && given.paused_weight.is_some() {
        f.bad(paused_at, "can't go with TAB_BASED; leave it out or choose STATUS_BASED");
    }
    let wrap_up = match &given.wrap_up {
        None => Some(None),
        Some(after) => wrap_up(f, &under(at, "wrap_up"), after).map(Some),
    };
    let fallback = f.optional_reference(&under(at, "fallback_queue"), &given.fallback_queue);
    let partner = f.optional_reference(&under(at, "routing_partner"), &given.routing_partner);
    let recipients = recipient_types(f, &under(at, "recipient_types"), &given.recipient_types);
    let target = default_target(f, &under(at, "default_target"), given.default_target.as_ref());
    let adapters = adapters(f, &under(at, "adapters"), &given.adapters);
    if given.partner_routes_reps && given.routing_partner.is_empty() {
        let why = "can't go without routing_partner; name the partner, or leave it out";
        f.bad(under(at, "partner_routes_reps"), why);
    }
    Some(Channel {
        id: id?,
        name: name?,
        channel_type: channel_type?,
        routing_owner: partner?.map_or(RoutingOwner::Baton, RoutingOwner::Partner),
        capacity_model: model?,
        weight: full?,
        paused_weight: paused?,
        fallback_queue: fallback?,
        wrap_up: wrap_up?,
        interruptible: given.interruptible,
        recipient_types: recipients,
        default_target: target?,
        partner_routes_reps: given.partner_routes_reps,
        adapters,
    })
}

/// After-conversation work (C6).
fn wrap_up(f: &mut Fields, at: &str, given: &pb::WrapUp) -> Option<WrapUp> {
    let duration_at = under(at, "duration");
    let duration = f.optional_span(&duration_at, given.duration.as_ref(), limits::WRAP_UP);
    if duration == Some(None) {
        f.bad(duration_at, "is required: 10 to 3600 s");
    }
    if given.max_extensions > limits::WRAP_UP_EXTENSIONS {
        let (n, most) = (given.max_extensions, limits::WRAP_UP_EXTENSIONS);
        f.bad(under(at, "max_extensions"), format!("is {n}; give 0 to {most}"));
    }
    let each = under(at, "extension");
    let extension = f.optional_span(&each, given.extension.as_ref(), limits::WRAP_UP);
    let (duration, max_extensions) = (duration??, given.max_extensions);
    Some(WrapUp { duration, max_extensions, extension: extension?.unwrap_or(duration) })
}

/// A skill (R4).
pub(super) fn skill(f: &mut Fields, at: &str, given: &pb::Skill) -> Option<Skill> {
    let id = f.own_id(at, &given.id);
    let name = name(f, at, &given.name, &given.id);
    Some(Skill { id: id?, name: name? })
}

/// A queue.
pub(super) fn queue(f: &mut Fields, at: &str, given: &pb::Queue) -> Option<Queue> {
    let id = f.own_id(at, &given.id);
    let name = name(f, at, &given.name, &given.id);
    let reps = f.distinct_references(&under(at, "reps"), &given.reps);
    let types_at = under(at, "channel_types");
    let types = f.values(&types_at, &given.channel_types, channel_type);
    let model = routing_model(f, at, given);
    let of = id.clone().map(AliasOf::Queue);
    let partner = partner_queue(f, at, given, of.as_ref());
    let weight = match given.weight {
        None => Some(None),
        Some(w) => weight(f, &under(at, "weight"), w).map(Some),
    };
    let push = f.optional_span(
        &under(at, "push_timeout"),
        given.push_timeout.as_ref(),
        limits::PUSH_TIMEOUT,
    );
    let overflow = match &given.overflow {
        None => Some(None),
        Some(o) => overflow(f, &under(at, "overflow"), o, &given.id).map(Some),
    };
    Some(Queue {
        id: id?,
        name: name?,
        reps,
        channel_types: types.into_iter().collect(),
        model: model?,
        weight: weight?,
        push_timeout: push?,
        overflow: overflow?,
        max_length: (given.max_length > 0).then_some(given.max_length),
        default_priority: given.default_priority,
        partner: partner?,
    })
}

fn overflow(f: &mut Fields, at: &str, given: &pb::Overflow, own: &str) -> Option<Overflow> {
    let queue_at = under(at, "queue");
    let queue: Option<QueueId> = f.reference(&queue_at, &given.queue);
    if queue.is_some() && given.queue == own {
        f.bad(queue_at, "is the queue itself; name another");
    }
    if given.max_length == 0 && given.max_wait.is_none() {
        f.bad(at, "has no limit; give max_length, max_wait or both");
    }
    let bounds = (Span::from_secs(1), Span::from_secs(86_400));
    let wait = f.optional_span(&under(at, "max_wait"), given.max_wait.as_ref(), bounds);
    Some(Overflow {
        max_length: (given.max_length > 0).then_some(given.max_length),
        max_wait: wait?,
        queue: queue?,
    })
}
