//! What partners of every temper do on the simulation's random days: they claim, answer, refuse, answer late, twice or
//! another's, or never. The draws decide; what may come of it is the product's to see to.

use baton::domain::command::{Command, Returning, RouteAnswer, RouteTarget};
use baton::domain::live::{
    Actor, AskFailure, FailureReason, PartnerAsk, Role, SessionState, WorkRestrictions,
};
use baton::domain::record::Record;
use baton::domain::state::State;
use baton::domain::time::Span;
use baton::domain::units::{Units, Weight};

use baton::engine::entropy::Randomness;

use super::{actor, below, chance, one_of, queue, rep};

/// Asks that are open, or were.
fn asks(state: &State, open_only: bool) -> Vec<PartnerAsk> {
    let all = state.records().filter_map(|(_, held)| match &held.record {
        Record::Handoff(h) if h.is_open() || !open_only => Some(PartnerAsk::Handoff(h.id)),
        Record::RoutingRequest(r) if r.is_open() || !open_only => Some(PartnerAsk::Routing(r.id)),
        _ => None,
    });
    all.collect()
}

/// One step of a partner's day.
pub fn command(bits: &mut Randomness, state: &State) -> Option<(Actor, Command)> {
    let name = if chance(bits, 97) { "vendor" } else { "umbra" };
    let partner = actor(Role::Partner, name);
    if chance(bits, 12) {
        return Some((partner, come_back(bits, state)?));
    }
    let open_only = chance(bits, 90);
    let all = asks(state, open_only);
    let ask = *one_of(bits, &all)?;
    // Now and then another worker of the partner's answers.
    let reference = if chance(bits, 93) { "w1" } else { "w2" }.to_owned();
    let command = match ask {
        PartnerAsk::Handoff(handoff) => match below(bits, 10) {
            0..3 => Command::AcknowledgeHandoff { handoff, reference },
            3..7 => Command::CompleteHandoff { handoff, reference },
            _ => Command::FailHandoff { handoff, failure: failure(bits), reference },
        },
        PartnerAsk::Routing(request) => match below(bits, 12) {
            0..3 => {
                let lease = chance(bits, 30).then(|| Span::from_secs(5));
                Command::AcknowledgeRouting { request, reference, lease }
            }
            3 => {
                let requests = vec![request];
                Command::RenewRoutings { partner: None, requests, reference, lease: None }
            }
            4..6 => Command::FailRouting { request, failure: failure(bits), reference },
            _ => Command::RouteSession(Box::new(RouteAnswer {
                request,
                to: target(bits),
                skip_capacity_check: chance(bits, 30),
                weight: chance(bits, 30).then(|| Weight::Units(Units::whole(2))),
                restrictions: WorkRestrictions {
                    decline: chance(bits, 10),
                    transfer: chance(bits, 10),
                    end: chance(bits, 10),
                },
                reference,
            })),
        },
    };
    Some((partner, command))
}

fn failure(bits: &mut Randomness) -> AskFailure {
    let reason = if chance(bits, 50) { FailureReason::Busy } else { FailureReason::Error };
    AskFailure { reason, text: String::new(), retryable: chance(bits, 50), retry_after: None }
}

fn target(bits: &mut Randomness) -> RouteTarget {
    match below(bits, 10) {
        0..7 => RouteTarget::Rep(rep(below(bits, 6))),
        7..9 => RouteTarget::Queue(queue(bits)),
        _ => RouteTarget::Contact("desk-1".parse().expect("a valid id")),
    }
}

/// A contact gives a session back (O6).
fn come_back(bits: &mut Randomness, state: &State) -> Option<Command> {
    let external = |record: &Record| match record {
        Record::Session(s) if matches!(s.state, SessionState::External { .. }) => Some(s.id),
        _ => None,
    };
    let away: Vec<_> = state.records().filter_map(|(_, held)| external(&held.record)).collect();
    let session = *one_of(bits, &away)?;
    let (note, reason) = (String::new(), None);
    let to = chance(bits, 70).then(|| {
        use baton::domain::command::Target;
        match chance(bits, 50) {
            true => Target::Rep(rep(below(bits, 6))),
            false => Target::Queue(queue(bits)),
        }
    });
    Some(Command::ReturnSession(Box::new(Returning { session, to, note, reason })))
}
