//! Flows as text: whatever stands in them, they are checked, run, and come to an end soon.
//!
//! Flows are parted by a NUL, their rules by a line feed; the first letter of a rule says where it leads, the rest is its
//! condition, in which U+0001 stands for a line feed. The last rule of a flow is its fallback, whose condition nobody asks for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use baton::domain::directory::ChannelType;
use baton::domain::flow::{
    Condition, FLOWS_MAX, Facts, Flow, FlowDecision, FlowRule, FlowTarget, Lookups, OrgClock,
    QueueFacts, RULES_MAX, SkillsTarget, TRACE_STEPS, WishedSkill, World, check, check_chains, run,
};
use baton::domain::id::{BadId, FlowId, PartnerId, QueueId};
use baton::domain::time::{Span, Timestamp};

/// In which anything that was checked is through, on the slowest of machines.
const SOON: Duration = Duration::from_secs(2);

fn id<T: std::str::FromStr<Err = BadId>>(text: &str) -> T {
    text.parse().expect("a good id")
}

/// Where this letter leads.
fn decision(letter: Option<char>, number: u32) -> FlowDecision {
    let skills = || SkillsTarget {
        required: [(id("es"), number)].into(),
        additional: [(id("vip"), WishedSkill { level: 1, timeout: Span::from_secs(9) })].into(),
        queue: None,
    };
    let target = match letter {
        Some(digit @ '0'..='9') => FlowTarget::Flow(id(&format!("f{digit}"))),
        Some('r') => FlowTarget::Rep(id("ana")),
        Some('s') => FlowTarget::Skills(skills()),
        Some('c') => FlowTarget::Contact(id("acme"), id("desk")),
        Some('u') => FlowTarget::Contact(id("unknown"), id("desk")),
        _ => FlowTarget::Queue(id("billing")),
    };
    let set_attributes = match letter {
        Some('a') => [("tier".to_owned(), "x".repeat(number as usize))].into(),
        _ => BTreeMap::new(),
    };
    FlowDecision { target, set_attributes, set_priority: (letter == Some('p')).then_some(number) }
}

fn flow(name: &str, text: &str) -> Flow {
    let mut rules: Vec<FlowRule> = (0..)
        .zip(text.split('\n'))
        .map(|(number, line)| {
            let mut letters = line.chars();
            let decision = decision(letters.next(), number);
            let condition = Condition::new(&letters.as_str().replace('\u{1}', "\n"));
            FlowRule { name: String::new(), condition, decision }
        })
        .collect();
    let fallback = rules.pop().map_or_else(|| decision(None, 0), |rule| rule.decision);
    Flow { id: id(name), name: name.to_owned(), rules, fallback }
}

fn facts() -> Facts {
    let attributes = [("tier", "gold"), ("amount", "120"), ("rate", "2.5"), ("full name", "Zoë")];
    let clock = OrgClock { zone: "Europe/Berlin".to_owned(), hours: Vec::new() };
    Facts {
        channel: "wa-main".to_owned(),
        channel_type: ChannelType::Whatsapp,
        attributes: Arc::new(attributes.map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
        priority: 5,
        age_seconds: 90,
        transfers: 1,
        transferred: true,
        time: clock.at(Timestamp::from_ms(1_768_383_000_000)),
    }
}

/// An org with these flows, which notes what it is asked.
struct Org {
    flows: BTreeMap<FlowId, Arc<Flow>>,
    asked: RefCell<Vec<QueueId>>,
}

impl Lookups for Org {
    fn queue(&self, id: &QueueId) -> Option<QueueFacts> {
        self.asked.borrow_mut().push(id.clone());
        let estimated_wait_seconds = Some(75);
        let busy = QueueFacts { length: 4, estimated_wait_seconds, ..QueueFacts::default() };
        (id.as_str() == "billing").then_some(busy)
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

/// Any flow is checked and run, soon; one that passes the check leads somewhere, and says why within its bounds.
pub fn body(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let named = (0..10).zip(text.split('\0')).map(|(n, text)| flow(&format!("f{n}"), text));
    let flows = named.map(|flow| (flow.id.clone(), Arc::new(flow))).collect();
    let org = Org { flows, asked: RefCell::default() };
    let sound: Vec<bool> = org.flows.values().map(|flow| is_sound(flow, &org)).collect();
    // Whether the flows that are named are there is looked at by whoever saves one.
    let whole =
        org.flows.values().flat_map(|flow| leads_to(flow)).all(|id| org.flows.contains_key(id));
    for (flow, is_sound) in org.flows.values().zip(&sound) {
        // What was never checked may be of any size.
        let small = org.flows.values().all(|flow| flow.rules.len() <= RULES_MAX);
        let (started, facts) = (Instant::now(), facts());
        org.asked.borrow_mut().clear();
        let came_of_it = run(flow, &facts, &org);
        assert!(!small || started.elapsed() < SOON, "{flow:?} took {:?}", started.elapsed());
        let mut asked = org.asked.take();
        let times = asked.len();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), times, "a queue is asked for once");
        let trace = &came_of_it.trace;
        assert!(trace.steps.len() <= TRACE_STEPS, "{} steps", trace.steps.len());
        assert!(trace.steps.iter().all(|step| step.why.len() <= 200), "{trace:?}");
        let matched = trace.steps.iter().filter(|step| step.matched).count();
        assert!(matched <= FLOWS_MAX + 1, "{matched} rules matched: {trace:?}");
        let target = came_of_it.outcome.decision.as_ref().map(|decision| &decision.target);
        assert!(!matches!(target, Some(FlowTarget::Flow(_))), "{target:?}");
        assert!(
            !(*is_sound && whole) || target.is_some(),
            "{flow:?} was checked and leads nowhere: {trace:?}"
        );
        assert_eq!(came_of_it, run(flow, &facts, &org), "the same once more");
    }
}

/// The flows that it names.
fn leads_to(flow: &Flow) -> impl Iterator<Item = &FlowId> {
    let decisions = flow.rules.iter().map(|rule| &rule.decision).chain([&flow.fallback]);
    decisions.filter_map(|decision| match &decision.target {
        FlowTarget::Flow(id) => Some(id),
        _ => None,
    })
}

/// Is it found to be good? What is said of it otherwise has a path, and a place in its condition.
fn is_sound(flow: &Flow, org: &Org) -> bool {
    let started = Instant::now();
    let faults = check(flow, org);
    assert!(started.elapsed() < SOON, "{flow:?} took {:?}", started.elapsed());
    for fault in faults.iter().chain(&check_chains(flow, org)) {
        assert!(!fault.path.is_empty() && !fault.why.is_empty(), "{fault}");
        assert!(fault.why.len() < 1_000, "{} bytes: {fault}", fault.why.len());
        if let Some((line, column)) = fault.at {
            let rule = fault.path.strip_prefix("rules[").and_then(|rest| rest.split_once(']'));
            let rule = rule.and_then(|(number, _)| number.parse::<usize>().ok());
            let condition = &flow.rules[rule.expect("it is a rule's")].condition;
            let written = condition.source().split('\n').nth(line as usize - 1);
            let letters = written.expect("the line is there").chars().count();
            assert!((1..=letters + 1).contains(&(column as usize)), "{fault}: {written:?}");
        }
    }
    faults.is_empty()
}

/// Conditions of every form, flows that lead to others, and circles.
pub fn samples() -> Vec<Vec<u8>> {
    [
        "qsession.attributes.topic == \"billing\"\nssession.attributes[\"full name\"] in ['a', r'\\d', '\\u00e9']\nq",
        "1session.priority < 5 && !has(queues.billing)\nq\x00aqueues.billing.length >= 3 || time.open\n2\x00ptrue\nr",
        "1true\nq\x000true\nq",
        "c[1, 2, 3].exists(x, x % 2 == 0 && x > session.priority)\nutime.now - timestamp('2026-01-14T10:30:00+01:00') > duration('1h30m')\nq",
        "qsession.attributes.all(k, size(session.attributes[k]) > 0)\nqsize([1, 2].map(x, x * x)) == 2\nq",
        "qint(session.attributes.amount) / 0 == 1 ? true : double(session.attributes.rate) > 2.5e0\nq",
        "qsession.channel.startsWith('wa') && channel.type == 'WHATSAPP' && string(session.age_seconds).contains('9')\nq",
        "qqueues['billing'].estimated_wait_seconds > 60 && time.hour in [8, 9] && time.weekday != 7\nq",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
