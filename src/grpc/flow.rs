//! TestFlow: a flow run over made-up facts, with its trace (R8). Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::caller::Caller;
use super::from_proto::{AskedTest, TestFlow};
use super::status::Problem;
use super::to_proto;
use super::to_proto::Content;
use crate::domain::flow::{self, Flow};
use crate::domain::flow_world::{Named, Org, facts};
use crate::domain::id::{FlowId, RepId, SessionId};
use crate::domain::live::{Line, Session, SessionSteps};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::rejection::{BadField, Rejection};
use crate::engine::View;
use crate::pb;

/// The flow to run: a saved one, or a draft.
pub enum Tried {
    /// This one.
    Saved(FlowId),
    /// One that isn't saved.
    Draft(Box<Flow>),
}

/// A flow looks at the figures of all queues, and could be written to tell them: whoever sees some alone tries none (S2, S4).
///
/// # Errors
/// PERMISSION_DENIED.
pub fn check_sight(caller: &Caller) -> Result<(), Problem> {
    match caller.credential.narrowing {
        None => Ok(()),
        Some(_) => Err(Problem::Denied(
            "a credential that is narrowed to queues or channels tries no flows".to_owned(),
        )),
    }
}

/// Runs the flow over the org as `view` has it.
///
/// # Errors
/// NOT_FOUND for the flow or the channel; INVALID_FIELD for a draft that couldn't be saved.
pub fn test(view: &View, asked: &AskedTest) -> Result<pb::FlowTrace, Problem> {
    let AskedTest { test, draft, stated } = asked;
    let state = &view.state;
    let mut wrong = stated.wrong(state);
    if let Some(flow) = draft {
        let world = Named { records: state, brought: &stated.brought };
        let known: BTreeSet<String> = wrong.iter().map(|bad| bad.field.clone()).collect();
        let own = flow::check(flow, &world).into_iter().map(bad_field);
        wrong.extend(own.filter(|bad| !known.contains(&bad.field)));
    }
    let Some(asked) = test.as_ref().filter(|_| wrong.is_empty()) else {
        return Err(Rejection::invalid(wrong).into());
    };
    let flow = match &asked.flow {
        Tried::Saved(id) => state.expect_flow(id)?,
        Tried::Draft(flow) => Arc::new((**flow).clone()),
    };
    let channel = state.expect_channel(&asked.channel)?;
    let now = asked.time.unwrap_or(to_proto::now(view));
    let session = made_up(asked, now);
    let facts = facts(&state.settings(), &channel, &session, false, now);
    let instead: BTreeMap<_, _> = asked.queues.iter().cloned().collect();
    let org = Org { state, now, channel_type: channel.channel_type, instead };
    let run = flow::run(&flow, &facts, &org);
    Ok(pb::FlowTrace {
        decision: run.outcome.decision.as_ref().map(to_proto::decision),
        attributes: (*run.outcome.attributes).clone(),
        // What it was run over is the caller's own.
        ..to_proto::flow_trace(&run.trace, Content::Shown)
    })
}

fn bad_field(fault: flow::Fault) -> BadField {
    let place = fault.at.map(|(line, column)| format!("at {line}:{column}: ")).unwrap_or_default();
    BadField { field: format!("draft.{}", fault.path), why: format!("{place}{}", fault.why) }
}

/// A session that was opened just now, with the facts given.
fn made_up(asked: &TestFlow, now: crate::domain::time::Timestamp) -> Session {
    Session {
        id: SessionId::MIN,
        channel: asked.channel.clone(),
        external_reference: asked.reference.clone(),
        priority: asked.priority,
        priority_given: true,
        opened_at: now,
        state: Session::WAITING,
        line: Line::Rep(RepId::least()),
        line_since: now,
        estimated: None,
        required: BTreeMap::new(),
        wished: BTreeMap::new(),
        passed_by: [].into(),
        trace: None,
        transfer: None,
        transfers: 0,
        attributes: Arc::new(asked.attributes.clone()),
        previous: None,
        opened_in: None,
        opened_by: None,
        steps: SessionSteps::default(),
        stay: None,
        end_reason: None,
        returns: Vec::new(),
    }
}
