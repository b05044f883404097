//! How runs go: which rule decides, what is handed on, what the trace says.

use std::collections::BTreeMap;

use super::super::{FLOWS_MAX, Flow, FlowTarget, Run, TRACE_STEPS, run};
use super::{Org, facts, flow, id, rule, to_flow, to_queue};

fn told(run: &Run) -> Vec<String> {
    let position = |rule: Option<u32>| rule.map_or("-".to_owned(), |rule| rule.to_string());
    let line = |step: &super::super::TraceStep| {
        let sign = if step.matched { "+" } else { " " };
        format!("{}/{}{sign} {}", step.flow, position(step.rule), step.why)
    };
    run.trace.steps.iter().map(line).collect()
}

fn queue_of(run: &Run) -> Option<String> {
    match &run.outcome.decision.as_ref()?.target {
        FlowTarget::Queue(queue) => Some(queue.to_string()),
        other => Some(format!("{other:?}")),
    }
}

#[test]
fn r8_the_first_rule_that_matches_decides_and_the_trace_says_why() {
    let triage = flow(
        "triage",
        vec![
            rule("session.priority < 3", to_queue("billing")),
            rule("session.attributes.tier == 'gold' && time.hour < 9", to_queue("billing")),
            rule("int(session.attributes.amount) > 5", to_queue("billing")),
            rule(
                "queues.billing.length > 9 || (time.open && session.transferred)",
                to_queue("general"),
            ),
            rule("true", to_queue("billing")),
        ],
        to_queue("billing"),
    );
    let run = run(&triage, &facts(&[("tier", "gold")]), &Org::default());
    assert_eq!(queue_of(&run).as_deref(), Some("general"));
    assert_eq!(
        told(&run),
        [
            "triage/0  session.priority < 3: priority is 5",
            "triage/1  time.hour < 9: time.hour is 10",
            "triage/2  int(session.attributes.amount) > 5: can't be told: the session has no \
             attribute `amount`",
            "triage/3+ (time.open && session.transferred): time.open is true, transferred is true",
        ]
    );
}

#[test]
fn r8_all_parts_are_told_where_all_decided() {
    let both = flow(
        "f",
        vec![
            rule("queues.billing.length > 9 || session.channel == 'x'", to_queue("billing")),
            rule("has(session.attributes.tier) &&  session.priority == 5", to_queue("general")),
        ],
        to_queue("billing"),
    );
    let run = run(&both, &facts(&[("tier", "gold")]), &Org::default());
    assert_eq!(
        told(&run),
        [
            "f/0  queues.billing.length > 9: queues.billing.length is 4; session.channel == 'x': \
             channel is \"wa-main\"",
            "f/1+ has(session.attributes.tier): attributes.tier is \"gold\"; session.priority == \
             5: priority is 5",
        ]
    );
}

#[test]
fn r8_a_run_goes_on_in_other_flows_with_what_was_set() {
    let mut on = to_flow("second");
    on.set_attributes = BTreeMap::from([("stage".to_owned(), "two".to_owned())]);
    on.set_priority = Some(1);
    let first = flow("first", vec![rule("true", on)], to_queue("billing"));
    let mut last = to_queue("general");
    last.set_attributes = BTreeMap::from([("done".to_owned(), "yes".to_owned())]);
    let second = flow(
        "second",
        vec![rule("session.attributes.stage == 'two' && session.priority == 1", last)],
        to_queue("billing"),
    );
    let run = run(&first, &facts(&[("stage", "one")]), &Org::with([second]));
    let decision = run.outcome.decision.expect("the flow leads to a queue");
    assert_eq!(decision.target, FlowTarget::Queue(id("general")));
    assert_eq!(decision.set_priority, Some(1));
    let set = |pairs: &BTreeMap<String, String>| format!("{pairs:?}");
    assert_eq!(set(&decision.set_attributes), r#"{"done": "yes", "stage": "two"}"#);
    assert_eq!(set(&run.outcome.attributes), r#"{"done": "yes", "stage": "two"}"#);
}

#[test]
fn r8_without_a_match_the_fallback_decides() {
    let run = run(
        &flow("f", vec![rule("false", to_queue("billing"))], to_queue("general")),
        &facts(&[]),
        &Org::default(),
    );
    assert_eq!(queue_of(&run).as_deref(), Some("general"));
    assert_eq!(told(&run), ["f/0  false", "f/-+ no rule matched"]);
}

#[test]
fn r8_flows_that_were_never_checked_still_end() {
    let circle = |fallback| flow("f", vec![rule("true", to_flow("f"))], fallback);
    let round = circle(to_queue("general"));
    let ended = run(&round, &facts(&[]), &Org::with([round.clone()]));
    assert_eq!(queue_of(&ended).as_deref(), Some("general"));
    assert_eq!(ended.trace.steps.len(), FLOWS_MAX + 1);
    let last = told(&ended).pop().expect("there are steps");
    assert_eq!(last, "f/-+ more than 8 flows were entered; the fallback of the first flow decides");
    let round = circle(to_flow("f"));
    let ended = run(&round, &facts(&[]), &Org::with([round.clone()]));
    assert_eq!(queue_of(&ended), None);
    let last = told(&ended).pop().expect("there are steps");
    assert_eq!(
        last,
        "f/-  more than 8 flows were entered; the fallback of the first flow leads to a flow too"
    );
    let ended = run(&circle(to_queue("billing")), &facts(&[]), &Org::default());
    let last = told(&ended).pop().expect("there are steps");
    assert_eq!(last, "f/-+ there is no flow `f`; the fallback of the first flow decides");
    let broken = flow("f", vec![rule("tru", to_queue("billing"))], to_queue("general"));
    assert_eq!(
        told(&run(&broken, &facts(&[]), &Org::default()))[0],
        "f/0  the condition can't be read: there is no variable `tru`, only session, channel, \
         queues and time"
    );
}

#[test]
fn r8_the_trace_is_bounded_and_says_what_it_leaves_out() {
    let long = |name: &str, next| {
        let never = "session.attributes.tier == 'a rather long text that nobody has' && true";
        let mut rules = vec![rule(never, to_queue("billing")); 100];
        rules[7].name = "seventh".to_owned();
        flow(name, rules, next)
    };
    let flows: Vec<Flow> = (1..8)
        .map(|n| {
            let next = if n == 7 { to_queue("general") } else { to_flow(&format!("f{}", n + 1)) };
            long(&format!("f{n}"), next)
        })
        .collect();
    let tier = "✓".repeat(300);
    let run = run(&long("f0", to_flow("f1")), &facts(&[("tier", &tier)]), &Org::with(flows));
    assert_eq!(queue_of(&run).as_deref(), Some("general"));
    assert!(run.trace.steps.len() <= TRACE_STEPS, "{}", run.trace.steps.len());
    assert_eq!(run.trace.steps.len() + run.trace.left_out, 8 * 101);
    assert_eq!(run.trace.steps[7].name, "seventh");
    assert!(run.trace.steps.iter().all(|step| step.why.len() <= 200));
    assert_eq!(run.trace.steps.iter().filter(|step| step.rule.is_none()).count(), 8);
    let last = told(&run).pop().expect("there are steps");
    assert_eq!(last, "f7/-+ no rule matched; 752 rules that didn't match are left out");
}

#[test]
fn o3_a_run_sets_no_more_attributes_than_a_session_may_have() {
    let mut set = to_queue("general");
    set.set_attributes = BTreeMap::from([
        ("full".to_owned(), "v".repeat(4_096)),
        ("tier".to_owned(), "silver".to_owned()),
    ]);
    let run = run(&flow("f", Vec::new(), set), &facts(&[("tier", "gold")]), &Org::default());
    assert_eq!(format!("{:?}", run.outcome.attributes), r#"{"tier": "silver"}"#);
    assert_eq!(
        told(&run),
        ["f/-+ no rule matched; attribute `full` is not set: the session has no room for it"]
    );
}
