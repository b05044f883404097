//! Partners, and what belongs to whom: reps, statuses and queues of theirs with their own ids, where a channel's sessions
//! go, and who brings them (N8, O7).

use std::collections::{BTreeMap, BTreeSet};

use super::super::fields::{Fields, limits};
use super::super::under;
use super::name;
use crate::domain::directory::{DefaultTarget, Partner, PartnerQueue, RecipientType, RoutingModel};
use crate::domain::id::{ActorId, PartnerId, PartnersId};
use crate::domain::record::AliasOf;
use crate::domain::time::Span;
use crate::pb;

/// A partner (N1, N2).
pub(super) fn partner(f: &mut Fields, at: &str, given: &pb::Partner) -> Option<Partner> {
    const DEADLINE: (Span, Span) = (Span::from_secs(1), Span::from_secs(600));
    const LEASE: (Span, Span) = (Span::from_secs(5), Span::from_secs(300));
    let id = f.own_id(at, &given.id);
    let name = name(f, at, &given.name, &given.id);
    let handoff = given.handoff_deadline.as_ref();
    let handoff = f.optional_span(&under(at, "handoff_deadline"), handoff, DEADLINE);
    let routing = given.routing_deadline.as_ref();
    let routing = f.optional_span(&under(at, "routing_deadline"), routing, DEADLINE);
    let lease = given.routing_lease.as_ref();
    let lease = f.span(&under(at, "routing_lease"), lease, LEASE, Partner::ROUTING_LEASE);
    let away_after = Some(given.away_after).filter(|count| *count > 0);
    let away_after = f.count(&under(at, "away_after"), away_after, (1, 100), Partner::AWAY_AFTER);
    let guard = f.count(
        &under(at, "sync_deletion_guard_percent"),
        given.sync_deletion_guard_percent,
        (0, 100),
        Partner::DELETION_GUARD_PERCENT,
    );
    Some(Partner {
        id: id?,
        name: name?,
        handoff_deadline: handoff?,
        routing_deadline: routing?,
        routing_lease: lease?,
        away_after: away_after?,
        deletion_guard_percent: guard?,
    })
}

/// Partners with their own ids for what `of` is, if it has an id itself; each partner at most once.
pub(super) fn partners(
    f: &mut Fields,
    at: &str,
    given: &[pb::PartnerAlias],
    of: Option<&AliasOf>,
) -> BTreeMap<PartnerId, Option<PartnersId>> {
    f.at_most(at, given.len(), limits::PARTNERS);
    let mut partners = BTreeMap::new();
    for (i, given) in given.iter().enumerate().take(limits::PARTNERS) {
        let partner_at = format!("{at}[{i}].partner");
        let partner: Option<PartnerId> = f.reference(&partner_at, &given.partner);
        let own = partners_id(f, &format!("{at}[{i}].id"), &given.id, partner.as_ref(), of);
        let Some((partner, own)) = partner.zip(own) else { continue };
        if partners.insert(partner, own).is_some() {
            let why = format!("is {} again; give each partner once", given.partner);
            f.bad(partner_at, why);
        }
    }
    partners
}

/// A partner's own id for what `of` is: bad → `None`, left out → `Some(None)`.
fn partners_id(
    f: &mut Fields,
    at: &str,
    given: &str,
    partner: Option<&PartnerId>,
    of: Option<&AliasOf>,
) -> Option<Option<PartnersId>> {
    let own: Option<PartnersId> = f.optional_id(at, given)?;
    if let (Some(partner), Some(own), Some(of)) = (partner, &own, of) {
        f.aliases(at, partner, own, of);
    }
    Some(own)
}

/// Whose queue it is, if it is a partner's; then it has nothing that only Baton's routing looks at.
pub(super) fn partner_queue(
    f: &mut Fields,
    at: &str,
    given: &pb::Queue,
    of: Option<&AliasOf>,
) -> Option<Option<PartnerQueue>> {
    let own_at = under(at, "partner_queue");
    if given.partner.is_empty() {
        if !given.partner_queue.is_empty() {
            f.bad(own_at, "can't go without partner; name the partner, or leave it out");
        }
        return Some(None);
    }
    let partner: Option<PartnerId> = f.reference(&under(at, "partner"), &given.partner);
    if !given.reps.is_empty() {
        let why = "isn't empty; the partner names the reps of its queue: leave it out";
        f.bad(under(at, "reps"), why);
    }
    if given.overflow.is_some() {
        let why = "can't go with partner; the partner routes what waits in its queue: leave it out";
        f.bad(under(at, "overflow"), why);
    }
    let own_id = partners_id(f, &own_at, &given.partner_queue, partner.as_ref(), of);
    Some(Some(PartnerQueue { partner: partner?, own_id: own_id? }))
}

/// How a queue picks: by the partner exactly when it has one (N1).
pub(super) fn routing_model(f: &mut Fields, at: &str, given: &pb::Queue) -> Option<RoutingModel> {
    let at = under(at, "routing_model");
    let of_partner = !given.partner.is_empty();
    let model = f.value(&at, given.routing_model, |wire: pb::RoutingModel| Some(wire))?;
    let found = match model {
        pb::RoutingModel::Unspecified => return Some(RoutingModel::default()),
        pb::RoutingModel::External if of_partner => return Some(RoutingModel::default()),
        pb::RoutingModel::External => {
            let why = "is EXTERNAL, and there is no partner; name the partner, or choose another";
            f.bad(at, why);
            return None;
        }
        pb::RoutingModel::LeastActive => RoutingModel::LeastActive,
        pb::RoutingModel::MostAvailable => RoutingModel::MostAvailable,
    };
    if of_partner {
        let why = "isn't EXTERNAL, and the queue is a partner's; choose EXTERNAL, or leave it out";
        f.bad(at, why);
        return None;
    }
    Some(found)
}

/// Where a channel's sessions go without a target (O7): bad → `None`, left out → `Some(None)`.
pub(super) fn default_target(
    f: &mut Fields,
    at: &str,
    given: Option<&pb::DefaultTarget>,
) -> Option<Option<DefaultTarget>> {
    use pb::default_target::Target;
    let Some(given) = given else { return Some(None) };
    let found = match &given.target {
        Some(Target::Queue(id)) => f.reference(&under(at, "queue"), id).map(DefaultTarget::Queue),
        Some(Target::Flow(id)) => f.reference(&under(at, "flow"), id).map(DefaultTarget::Flow),
        None => {
            f.bad(under(at, "target"), "isn't given; name a queue or a flow");
            None
        }
    };
    found.map(Some)
}

/// Types of recipients, each at most once.
pub(super) fn recipient_types(f: &mut Fields, at: &str, given: &[i32]) -> BTreeSet<RecipientType> {
    let mut types = BTreeSet::new();
    for (i, number) in given.iter().enumerate() {
        let at = format!("{at}[{i}]");
        let Some(known) = f.value(&at, *number, recipient_type) else { continue };
        if !types.insert(known) {
            f.bad(at, format!("is {} again; give each once", known.name()));
        }
    }
    types
}

const fn recipient_type(wire: pb::RecipientType) -> Option<RecipientType> {
    match wire {
        pb::RecipientType::Unspecified => None,
        pb::RecipientType::Rep => Some(RecipientType::Rep),
        pb::RecipientType::Queue => Some(RecipientType::Queue),
        pb::RecipientType::Flow => Some(RecipientType::Flow),
        pb::RecipientType::ExternalContact => Some(RecipientType::ExternalContact),
    }
}

/// The adapters of a channel, each at most once.
pub(super) fn adapters(f: &mut Fields, at: &str, given: &[String]) -> BTreeSet<ActorId> {
    f.at_most(at, given.len(), limits::ADAPTERS);
    let mut adapters = BTreeSet::new();
    for (i, text) in given.iter().enumerate().take(limits::ADAPTERS) {
        let at = format!("{at}[{i}]");
        let Some(id) = f.id::<ActorId>(&at, text) else { continue };
        if !adapters.insert(id) {
            f.bad(at, format!("is {text} again; give each once"));
        }
    }
    adapters
}
