//! What flows cost on the pure domain: a run of 50 rules of which the last matches, compiling and
//! checking such a flow, and, to compare with, the same 50 conditions in the CEL crate's own
//! interpreter. `cargo bench --bench flows`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use baton::domain::directory::{ChannelType, OpeningHours};
use baton::domain::flow::{
    Condition, Facts, Flow, FlowDecision, FlowRule, FlowTarget, Lookups, OrgClock, QueueFacts,
    World, check, run,
};
use baton::domain::id::{BadId, FlowId, PartnerId, QueueId};
use baton::domain::time::Timestamp;
use divan::{Bencher, black_box};

const RULES: usize = 50;

fn id<T: std::str::FromStr<Err = BadId>>(text: &str) -> T {
    text.parse().expect("names of the benchmark are ids")
}

/// Conditions as people write them, none of which holds.
fn conditions() -> Vec<String> {
    (0..RULES)
        .map(|n| match n % 5 {
            0 => format!("session.attributes.product == \"p{n}\" && session.priority < 3"),
            1 => format!("queues[\"queue-{}\"].length > 10 || session.age_seconds > 3600", n % 10),
            2 => "channel.type == \"SMS\" && time.weekday < 6 && time.hour >= 9".to_owned(),
            3 => format!("session.attributes.tier in [\"silver\", \"bronze\", \"t{n}\"]"),
            _ => format!("has(session.attributes.order) && int(session.attributes.order) == {n}"),
        })
        .collect()
}

fn decision() -> FlowDecision {
    let target = FlowTarget::Queue(id("queue-1"));
    FlowDecision { target, set_attributes: BTreeMap::new(), set_priority: None }
}

fn flow() -> Flow {
    let mut sources = conditions();
    sources[RULES - 1] = "session.attributes.tier == \"gold\" && time.open".to_owned();
    let rule = |source: &String| FlowRule {
        name: String::new(),
        condition: Condition::new(source),
        decision: decision(),
    };
    let rules = sources.iter().map(rule).collect();
    Flow { id: id("triage"), name: "Triage".to_owned(), rules, fallback: decision() }
}

fn facts() -> Facts {
    let attributes =
        [("tier", "gold"), ("product", "router"), ("order", "4711"), ("country", "DE")];
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let weekdays =
        (1..=5).map(|weekday| OpeningHours { weekday, from_minute: 0, to_minute: 1_440 });
    let clock = OrgClock { zone: "Europe/Berlin".to_owned(), hours: weekdays.collect() };
    Facts {
        channel: "wa-main".to_owned(),
        channel_type: ChannelType::Whatsapp,
        attributes: Arc::new(attributes.into_iter().map(owned).collect()),
        priority: 5,
        age_seconds: 90,
        transfers: 0,
        transferred: false,
        time: clock.at(Timestamp::from_ms(1_768_383_000_000)),
    }
}

struct Org;

impl Lookups for Org {
    fn queue(&self, _: &QueueId) -> Option<QueueFacts> {
        Some(QueueFacts { length: 4, available_reps: 2, ..QueueFacts::default() })
    }

    fn flow(&self, _: &FlowId) -> Option<Arc<Flow>> {
        None
    }
}

impl World for Org {
    fn has_queue(&self, _: &QueueId) -> bool {
        true
    }

    fn has_partner(&self, _: &PartnerId) -> bool {
        true
    }

    fn flow(&self, _: &FlowId) -> Option<Arc<Flow>> {
        None
    }
}

fn main() {
    let flow = flow();
    assert!(check(&flow, &Org).is_empty(), "the benchmark's flow is right");
    let run = run(&flow, &facts(), &Org);
    assert!(run.trace.steps.last().is_some_and(|step| step.rule == Some(49)), "the last decides");
    divan::main();
}

/// A run over a flow that is compiled; the goal is 50 µs.
#[divan::bench]
fn run_of_50_rules(bencher: Bencher) {
    let (flow, facts) = (flow(), facts());
    let _ = check(&flow, &Org);
    bencher.bench_local(|| run(black_box(&flow), &facts, &Org));
}

/// A run of about the dearest flow that passes the check, over as many attributes as there can be.
#[divan::bench]
fn run_of_the_dearest_flow(bencher: Bencher) {
    let condition = Condition::new("session.attributes.exists(k, session.attributes[k] == \"no\")");
    let rule = FlowRule { name: String::new(), condition, decision: decision() };
    let mut flow = Flow { rules: vec![rule; 78], ..flow() };
    assert!(check(&flow, &Org).is_empty(), "78 of these may be");
    flow.rules.push(flow.rules[0].clone());
    assert!(!check(&flow, &Org).is_empty(), "79 may not");
    let attributes = (0..64).map(|n| (format!("attribute-{n}"), "v".repeat(40))).collect();
    let facts = Facts { attributes: Arc::new(attributes), ..facts() };
    bencher.bench_local(|| run(black_box(&flow), &facts, &Org));
}

/// What saving costs, and the first run after a start.
#[divan::bench]
fn compile_and_check_50_rules(bencher: Bencher) {
    bencher.with_inputs(flow).bench_local_values(|flow| check(black_box(&flow), &Org));
}

/// What a run adds to look at the clock.
#[divan::bench]
fn local_time(bencher: Bencher) {
    let clock = OrgClock { zone: "Europe/Berlin".to_owned(), hours: Vec::new() };
    bencher.bench_local(|| clock.at(black_box(Timestamp::from_ms(1_768_383_000_000))));
}

/// The same conditions in the crate's interpreter, without a trace and with the facts set up once.
#[divan::bench]
fn cel_interpreter_50_conditions(bencher: Bencher) {
    let programs: Vec<cel::Program> = conditions()
        .iter()
        .map(|source| cel::Program::compile(source).expect("the conditions are CEL"))
        .collect();
    let table = |fields: Vec<(String, cel::Value)>| -> cel::Value {
        fields.into_iter().collect::<HashMap<_, _>>().into()
    };
    let facts = facts();
    let text = |(key, value): (&String, &String)| (key.clone(), value.clone().into());
    let mut context = cel::Context::default();
    let attributes = table(facts.attributes.iter().map(text).collect());
    context.add_variable_from_value(
        "session",
        table(vec![
            ("attributes".into(), attributes),
            ("priority".into(), 5_i64.into()),
            ("age_seconds".into(), 90_i64.into()),
        ]),
    );
    context.add_variable_from_value("channel", table(vec![("type".into(), "WHATSAPP".into())]));
    let queue = |n: usize| (format!("queue-{n}"), table(vec![("length".into(), 4_i64.into())]));
    context.add_variable_from_value("queues", table((0..10).map(queue).collect()));
    let time = vec![("weekday".into(), 3_i64.into()), ("hour".into(), 10_i64.into())];
    context.add_variable_from_value("time", table(time));
    bencher.bench_local(|| {
        programs.iter().filter(|program| black_box(program.execute(&context)).is_ok()).count()
    });
}
