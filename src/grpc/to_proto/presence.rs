//! Reps' live state, and what fills them.

use std::sync::Arc;

use super::directory::status_type;
use super::{ObjectContext, actor, centi, channel_type, reason, span, time, work_state};
use crate::domain::capacity::capacity_of;
use crate::domain::directory::ChannelType;
use crate::domain::entry::{PresenceVerdict, Revision};
use crate::domain::id::RepId;
use crate::domain::live::{
    ClosedPresence, Connection, PlannedChange, Presence, PresenceCause, RepPresence, SessionState,
    Work, WorkState,
};

use crate::grpc::api::number;
use crate::pb;

/// The live state of a rep, last changed at `revision`.
#[must_use]
pub fn rep_presence(
    context: ObjectContext<'_>,
    r: &RepPresence,
    revision: Revision,
) -> pb::RepPresence {
    let capacity = capacity_of(context.state, &r.rep);
    let status = r.presence.as_ref().and_then(|p| context.records.status(&p.status));
    let means = match (&r.presence, &status) {
        (None, _) => pb::PresenceStatusType::Offline,
        (Some(_), Some(status)) => status_type(status),
        (Some(_), None) => pb::PresenceStatusType::Busy,
    };
    pb::RepPresence {
        rep: r.rep.to_string(),
        name: context.records.rep(&r.rep).map(|rep| rep.name.clone()).unwrap_or_default(),
        connected: r.is_connected(),
        presence: r.presence.as_ref().map(|p| presence(&r.rep, p)),
        status: r.presence.as_ref().map(|p| p.status.to_string()).unwrap_or_default(),
        status_type: means.into(),
        available_channel_types: available_for(context, r)
            .into_iter()
            .map(|t| channel_type(t).into())
            .collect(),
        used_centi_units: centi(r.used),
        capacity_centi_units: centi(capacity),
        used_centi_percent: i64::from(r.used.percent_of(capacity).get()),
        interruptible_used_centi_units: centi(r.interruptible_used),
        open_work: r.work_count,
        last_closed: r.last.as_ref().map(closed),
        revision: number(revision),
        sessions_kept_until: r.kept_until.map(time),
    }
}

/// The channel types that a rep is available for (P3).
#[must_use]
pub fn available_for(context: ObjectContext<'_>, r: &RepPresence) -> Vec<ChannelType> {
    let room = !context.records.load_of(&r.rep).is_full();
    let finishing = |p: &Presence| p.next.is_some();
    match r.presence.as_ref().filter(|p| room && r.is_connected() && !finishing(p)) {
        Some(presence) => context
            .records
            .status(&presence.status)
            .map(|status| status.online_for.iter().copied().collect())
            .unwrap_or_default(),
        None => Vec::new(),
    }
}

fn presence(rep: &RepId, p: &Presence) -> pb::Presence {
    pb::Presence {
        id: p.id.to_string(),
        rep: rep.to_string(),
        status: p.status.to_string(),
        device: p.device.clone(),
        opened_at: Some(time(p.opened_at)),
        status_since: Some(time(p.status_since)),
        lease: Some(span(p.lease)),
        disconnected_since: match p.connection {
            Connection::Connected => None,
            Connection::Disconnected { since, .. } => Some(time(since)),
        },
        cause: cause(p.cause).into(),
        changed_by: p.by.as_ref().map(actor),
        next_status: match p.next.as_ref().map(|next| &next.then) {
            Some(PlannedChange::Status(status)) => status.to_string(),
            Some(PlannedChange::SignOut) | None => String::new(),
        },
        close_when_done: p.next.as_ref().is_some_and(|next| next.then == PlannedChange::SignOut),
    }
}

fn closed(c: &ClosedPresence) -> pb::ClosedPresence {
    pb::ClosedPresence {
        id: c.id.to_string(),
        closed_at: Some(time(c.at)),
        cause: cause(c.cause).into(),
        closed_by: c.by.as_ref().map(actor),
    }
}

/// Why a presence changed.
#[must_use]
pub const fn cause(cause: PresenceCause) -> pb::PresenceCause {
    match cause {
        PresenceCause::Rep => pb::PresenceCause::Rep,
        PresenceCause::Supervisor => pb::PresenceCause::Supervisor,
        PresenceCause::LeaseExpired => pb::PresenceCause::LeaseExpired,
        PresenceCause::ConnectionLost => pb::PresenceCause::ConnectionLost,
        PresenceCause::DuplicateLogin => pb::PresenceCause::DuplicateLogin,
        PresenceCause::PushTimeout => pb::PresenceCause::PushTimeout,
        PresenceCause::Declined => pb::PresenceCause::Declined,
        PresenceCause::Server => pb::PresenceCause::Server,
    }
}

/// What fills a rep (C7). Work that the reader may not see is a line of weight and reason alone.
#[must_use]
pub fn capacity(
    context: ObjectContext<'_>,
    r: &RepPresence,
    sees: impl Fn(&Work) -> bool,
) -> pb::CapacityExplanation {
    let configuration =
        context.records.rep(&r.rep).and_then(|rep| context.records.configuration_of(&rep));
    let (total, pool) =
        configuration.map(|c| (c.capacity, c.interruptible_capacity)).unwrap_or_default();
    let lines = context
        .state
        .work_of_rep(&r.rep)
        .filter(|work| work.holds.as_centi() > 0)
        .map(|work| {
            let line = capacity_line(context, work);
            if sees(work) { line } else { weight_alone(line) }
        })
        .collect();
    pb::CapacityExplanation {
        rep: r.rep.to_string(),
        used_centi_units: centi(r.used),
        capacity_centi_units: centi(total),
        used_centi_percent: i64::from(r.used.percent_of(total).get()),
        interruptible_used_centi_units: centi(r.interruptible_used),
        interruptible_capacity_centi_units: centi(pool),
        lines,
    }
}

fn weight_alone(line: pb::CapacityLine) -> pb::CapacityLine {
    pb::CapacityLine {
        holds_centi_units: line.holds_centi_units,
        reason: line.reason,
        why: line.why,
        interruptible: line.interruptible,
        ..Default::default()
    }
}

fn capacity_line(context: ObjectContext<'_>, work: &Arc<Work>) -> pb::CapacityLine {
    let session = context.records.session(&work.session);
    let channel = session.as_ref().map(|s| s.channel.to_string()).unwrap_or_default();
    let (reason, why) = hold_reason(work, session.as_deref().map(|s| &s.state));
    pb::CapacityLine {
        work: work.id.to_string(),
        session: work.session.to_string(),
        channel,
        state: work_state(work.state).into(),
        holds_centi_units: centi(work.holds),
        since: Some(time(work.holds_since)),
        reason: reason.into(),
        why: why.to_owned(),
        interruptible: work.interruptible,
    }
}

fn hold_reason(work: &Work, session: Option<&SessionState>) -> (pb::HoldReason, &'static str) {
    match (work.state, session) {
        (WorkState::Offered, _) => {
            (pb::HoldReason::Offered, "reserved by an offer that isn't accepted yet")
        }
        (WorkState::WrappingUp { .. }, _) => {
            (pb::HoldReason::WrappingUp, "after-conversation work: the session has ended")
        }
        (WorkState::Open | WorkState::Paused, Some(SessionState::Ended { .. }) | None) => {
            (pb::HoldReason::TabOpen, "the session is over, but its tab is still open")
        }
        (WorkState::Paused, Some(SessionState::Inactive { .. })) => {
            (pb::HoldReason::Inactive, "the customer is silent; held until the session ends")
        }
        (WorkState::Open, _) if !work.tab_open => {
            (pb::HoldReason::NotComplete, "the tab is closed, but the session isn't complete")
        }
        (WorkState::Paused, _) => (pb::HoldReason::Paused, "the session is paused"),
        (WorkState::Open, _) => (pb::HoldReason::Open, "the rep has the session"),
        (WorkState::Ended { .. }, _) => (pb::HoldReason::Unspecified, "ended work holds nothing"),
    }
}

/// What became of one of many presences, beside what was asked (N4).
#[must_use]
pub fn presence_verdict(asked: String, verdict: &PresenceVerdict) -> pb::PresenceVerdict {
    let refused = verdict.refused.as_ref();
    pb::PresenceVerdict {
        asked,
        rep: verdict.rep.as_ref().map(ToString::to_string).unwrap_or_default(),
        presence: verdict.presence.as_ref().map(ToString::to_string).unwrap_or_default(),
        reason: refused.map(|why| reason(why.reason)).unwrap_or_default().into(),
        text: refused.map(|why| why.message.clone()).unwrap_or_default(),
    }
}
