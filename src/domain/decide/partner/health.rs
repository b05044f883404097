//! How a partner does (N7): noticed by what it answers, not by its connection. After so many expiries in a row it counts as
//! away; then one ask every 30 s is a probe, and what else comes to its lines is asked about when it is back.

use std::sync::Arc;

use crate::domain::directory::Partner;
use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{PartnerId, SessionId};
use crate::domain::live::PartnerHealth;
use crate::domain::record::{Mark, MarkKey, Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;

/// Sessions that a partner that is back is asked about by one decision.
const AT_ONCE: usize = 32;

/// A partner is asked something.
pub(super) fn note_asked(draft: &mut Draft<'_>, partner: &PartnerId) {
    let mut health = draft.partner_health(partner);
    health.last_asked = Some(draft.now());
    if health.away_since.is_some() {
        health.probe_at = health.next_probe();
    }
    write(draft, health);
}

/// Something that a partner was asked isn't needed any more. That says nothing of the partner, but whoever watches it is told.
pub(super) fn note_closed(draft: &mut Draft<'_>, partner: &PartnerId) {
    let health = draft.partner_health(partner);
    write(draft, health);
}

/// A partner answered, or renewed: it is there.
pub(super) fn note_progress(draft: &mut Draft<'_>, partner: &PartnerId, ended: bool) {
    let mut health = draft.partner_health(partner);
    health.last_progress = Some(draft.now());
    health.expired_in_a_row = 0;
    health.probe_at = None;
    if ended {
        health.note_end(false);
    }
    if health.away_since.take().is_some() {
        draft.fact(Fact::of(FactKind::PartnerBack));
        if draft.unasked(partner).next().is_some() {
            let key = MarkKey::Partner(partner.clone());
            draft.put(Record::Mark(Mark { key, after: None }));
        }
    }
    write(draft, health);
}

/// A partner let a deadline or a lease pass.
pub(super) fn note_expiry(draft: &mut Draft<'_>, partner: &PartnerId) {
    let most = draft.partner(partner).map_or(Partner::AWAY_AFTER, |partner| partner.away_after);
    let mut health = draft.partner_health(partner);
    health.expired_in_a_row = health.expired_in_a_row.saturating_add(1);
    health.note_end(true);
    if health.away_since.is_none() && health.expired_in_a_row >= most {
        health.away_since = Some(draft.now());
        draft.fact(Fact::of(FactKind::PartnerAway));
    }
    write(draft, health);
}

/// A session waits for a partner that is away: it is probed when its time comes.
pub(super) fn await_return(draft: &mut Draft<'_>, partner: &PartnerId) {
    let mut health = draft.partner_health(partner);
    if health.probe_at.is_none() {
        health.probe_at = health.next_probe();
        write(draft, health);
    }
}

/// It is time to ask a partner that is away about one session.
pub(crate) fn probe(draft: &mut Draft<'_>, partner: &PartnerId) {
    let mut health = draft.partner_health(partner);
    if health.probe_at.is_none_or(|at| at > draft.now()) {
        return;
    }
    let first = draft.unasked(partner).next();
    health.probe_at = first.map(|_| draft.now() + PartnerHealth::PROBE_EVERY);
    write(draft, health);
    if let Some(session) = first.and_then(|id| draft.session(&id)) {
        draft.put_arrival(Arc::unwrap_or_clone(session));
    }
}

/// Asks a partner that is back about some of the sessions that wait for it; the mark stays while there are more.
pub(crate) fn resume(draft: &mut Draft<'_>, partner: &PartnerId) {
    let mut some: Vec<SessionId> = draft.unasked(partner).take(AT_ONCE + 1).collect();
    let more = some.len() > AT_ONCE;
    some.truncate(AT_ONCE);
    for session in some.into_iter().filter_map(|id| draft.session(&id)).collect::<Vec<_>>() {
        draft.put_arrival(Arc::unwrap_or_clone(session));
    }
    let away = draft.partner_health(partner).away_since.is_some();
    if !more || away {
        draft.remove(RecordKey::Mark(MarkKey::Partner(partner.clone())));
    }
    if more && away {
        await_return(draft, partner);
    }
}

fn write(draft: &mut Draft<'_>, health: PartnerHealth) {
    draft.put(Record::PartnerHealth(Arc::new(health)));
}
