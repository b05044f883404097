//! Tests of flows: what conditions come to (`conditions`), what is refused (`checks`), how runs go
//! (`runs`), and what holds of any flow (`properties`). Here is the little world that they share.

mod checks;
mod conditions;
mod properties;
mod runs;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use crate::domain::directory::ChannelType;
use crate::domain::id::{BadId, FlowId, PartnerId, QueueId};
use crate::domain::time::Timestamp;

use super::{
    Condition, Facts, Flow, FlowDecision, FlowRule, FlowTarget, Lookups, OrgClock, QueueFacts,
    World,
};

fn id<T: FromStr<Err = BadId>>(text: &str) -> T {
    text.parse().expect("names of the tests are ids")
}

fn decision(target: FlowTarget) -> FlowDecision {
    FlowDecision { target, set_attributes: BTreeMap::new(), set_priority: None }
}

fn to_queue(queue: &str) -> FlowDecision {
    decision(FlowTarget::Queue(id(queue)))
}

fn to_flow(flow: &str) -> FlowDecision {
    decision(FlowTarget::Flow(id(flow)))
}

fn rule(condition: &str, decision: FlowDecision) -> FlowRule {
    FlowRule { name: String::new(), condition: Condition::new(condition), decision }
}

fn flow(name: &str, rules: Vec<FlowRule>, fallback: FlowDecision) -> Flow {
    Flow { id: id(name), name: name.to_owned(), rules, fallback }
}

/// Wednesday, 14 January 2026, 10:30 in Berlin; a WhatsApp session.
fn facts(attributes: &[(&str, &str)]) -> Facts {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let clock = OrgClock { zone: "Europe/Berlin".to_owned(), hours: Vec::new() };
    Facts {
        channel: "wa-main".to_owned(),
        channel_type: ChannelType::Whatsapp,
        attributes: Arc::new(attributes.iter().map(owned).collect()),
        priority: 5,
        age_seconds: 90,
        transfers: 1,
        transferred: true,
        time: clock.at(Timestamp::from_ms(1_768_383_000_000)),
    }
}

/// Two queues, one of each other thing, and whatever flows a test puts in.
#[derive(Default)]
struct Org {
    flows: BTreeMap<FlowId, Arc<Flow>>,
    asked: RefCell<Vec<QueueId>>,
}

impl Org {
    fn with(flows: impl IntoIterator<Item = Flow>) -> Self {
        let flows = flows.into_iter().map(|flow| (flow.id.clone(), Arc::new(flow))).collect();
        Self { flows, asked: RefCell::default() }
    }
}

impl Lookups for Org {
    fn queue(&self, id: &QueueId) -> Option<QueueFacts> {
        self.asked.borrow_mut().push(id.clone());
        match id.as_str() {
            "billing" => Some(QueueFacts {
                length: 4,
                available_reps: 2,
                signed_in_reps: 3,
                estimated_wait_seconds: Some(75),
                oldest_wait_seconds: 120,
            }),
            "general" => Some(QueueFacts::default()),
            _ => None,
        }
    }

    fn flow(&self, id: &FlowId) -> Option<Arc<Flow>> {
        self.flows.get(id).cloned()
    }
}

impl World for Org {
    fn has_queue(&self, id: &QueueId) -> bool {
        matches!(id.as_str(), "billing" | "general")
    }

    fn has_partner(&self, id: &PartnerId) -> bool {
        id.as_str() == "acme"
    }

    fn flow(&self, id: &FlowId) -> Option<Arc<Flow>> {
        self.flows.get(id).cloned()
    }
}
