//! The request of TestFlow.

use std::collections::{BTreeMap, BTreeSet};

use super::directory::flow;
use super::fields::{Fields, limits};
use crate::domain::decide::stated::Stated;
use crate::domain::entry::Revision;
use crate::domain::flow::{Flow, QueueFacts};
use crate::domain::id::{ChannelId, ExternalReference, QueueId};
use crate::domain::time::{Span, Timestamp};
use crate::grpc::flow::Tried;
use crate::grpc::status::Problem;
use crate::pb;

/// A flow to run, and the facts to run it over.
pub struct TestFlow {
    /// Which.
    pub flow: Tried,
    /// The session's channel.
    pub channel: ChannelId,
    /// The session's name, which no condition sees.
    pub reference: ExternalReference,
    /// The session's attributes.
    pub attributes: BTreeMap<String, String>,
    /// The session's priority.
    pub priority: u32,
    /// When; `None`: now.
    pub time: Option<Timestamp>,
    /// Queues as they are to be taken to be.
    pub queues: Vec<(QueueId, QueueFacts)>,
}

/// A flow to run, as it was asked for.
pub struct AskedTest {
    /// What to run over what, if it is well stated.
    pub test: Option<TestFlow>,
    /// The flow, if a draft is given from which one can be made.
    pub draft: Option<Flow>,
    /// Where the request says what.
    pub stated: Stated,
}

/// Reads which flow is to be run over what.
///
/// # Errors
/// INTERNAL if nothing was wrong and it couldn't be built all the same.
pub fn test_flow(request: &pb::TestFlowRequest) -> Result<(AskedTest, Option<Revision>), Problem> {
    use pb::test_flow_request::Flow as Wire;
    let mut f = Fields::new();
    let at_least = f.revision("at_least_revision", request.at_least_revision);
    let tried = match &request.flow {
        Some(Wire::Id(id)) => f.id("id", id).map(Tried::Saved),
        Some(Wire::Draft(given)) => {
            // A draft may go without an id of its own.
            let id = if given.id.is_empty() { "draft".to_owned() } else { given.id.clone() };
            let draft = flow(&mut f, "draft", &pb::Flow { id, ..given.clone() });
            draft.map(|draft| Tried::Draft(Box::new(draft)))
        }
        None => {
            f.bad("flow", "isn't given; name a saved flow, or give a draft");
            None
        }
    };
    let none = pb::FlowFacts::default();
    let given = request.facts.as_ref().unwrap_or_else(|| {
        f.bad("facts", "isn't given; at least the channel is needed");
        &none
    });
    let channel = f.id("facts.channel", &given.channel);
    f.attributes("facts.attributes", &given.attributes);
    let time = given.time.as_ref().and_then(|time| f.moment("facts.time", time));
    let queues = queues(&mut f, &given.queues);
    let reference = "test".parse::<ExternalReference>().ok();
    let given_draft = match &tried {
        Some(Tried::Draft(draft)) => Some((**draft).clone()),
        _ => None,
    };
    let (test, stated) = f.finish_stated(|| {
        Some(TestFlow {
            flow: tried?,
            channel: channel?,
            reference: reference?,
            attributes: given.attributes.clone(),
            priority: given.priority,
            time,
            queues,
        })
    })?;
    Ok((AskedTest { test, draft: given_draft, stated }, at_least))
}

fn queues(f: &mut Fields, given: &[pb::QueueFacts]) -> Vec<(QueueId, QueueFacts)> {
    f.at_most("facts.queues", given.len(), limits::FILTER_IDS);
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (i, queue) in given.iter().enumerate().take(limits::FILTER_IDS) {
        let at = format!("facts.queues[{i}]");
        let Some(id) = f.id::<QueueId>(&format!("{at}.queue"), &queue.queue) else { continue };
        let day = (Span::from_ms(0), Span::from_secs(86_400));
        let wait = queue.estimated_wait.as_ref().and_then(|wait| {
            f.span(&format!("{at}.estimated_wait"), Some(wait), day, Span::from_ms(0))
        });
        if !seen.insert(id.clone()) {
            f.bad(format!("{at}.queue"), format!("is {id} again; give each once"));
        }
        let facts = QueueFacts {
            length: queue.length,
            available_reps: queue.available_reps,
            signed_in_reps: queue.available_reps,
            estimated_wait_seconds: wait.map(|wait| wait.as_ms().unsigned_abs() / 1_000),
            oldest_wait_seconds: 0,
        };
        all.push((id, facts));
    }
    all
}
