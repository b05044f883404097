//! What holds of any condition and any flow: nothing that can be written makes the check panic, what
//! is compiled comes to what the CEL crate's own interpreter makes of it, and a run of a checked flow
//! ends in a target that is no flow.

use std::collections::HashMap;

use cel::{Context, Program, Value};
use proptest::collection::vec;
use proptest::prelude::{
    BoxedStrategy, Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::sample::select;

use super::super::{Condition, Facts, Flow, FlowTarget, TRACE_STEPS, check, run};
use super::conditions::outcome;
use super::{Org, facts, flow, rule, to_flow, to_queue};

/// Words and signs from which conditions are made, right and wrong.
const TOKENS: &[&str] = &[
    "session",
    ".",
    "priority",
    "attributes",
    "queues",
    "billing",
    "channel",
    "type",
    "time",
    "now",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "&&",
    "||",
    "!",
    "==",
    "!=",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "?",
    ":",
    ",",
    "in",
    "true",
    "false",
    "null",
    "1",
    "2.5",
    "3u",
    "0x1F",
    "1e9",
    "\"a\"",
    "'b'",
    "r'\\'",
    "\"\"\"c\nd\"\"\"",
    "b'e'",
    "'\\u00e9'",
    "\"\\\"",
    "// f\n",
    " ",
    "\n",
    "has",
    "size",
    "exists",
    "map",
    "all",
    "x",
    "é",
    "\0",
    "=",
    "&",
    "`",
    "@in",
    "_",
    "timestamp",
    "duration",
    "\"1h\"",
    "int",
    "string",
    "9223372036854775808",
    "-9223372036854775808",
    "1.",
    ".5",
    "\u{feff}",
];

fn here() -> Facts {
    facts(&[("tier", "gold"), ("amount", "120"), ("rate", "2.5"), ("full name", "Zoë")])
}

/// Whatever it is, it is compiled, checked and run without a panic.
fn survives(source: &str) {
    let flow = flow("f", vec![rule(source, to_queue("billing"))], to_queue("general"));
    for fault in check(&flow, &Org::default()) {
        assert!(!fault.why.is_empty() && fault.why.len() < 600, "{fault}");
    }
    let run = run(&flow, &here(), &Org::default());
    assert!(run.outcome.decision.is_some());
    assert!(run.trace.steps.iter().all(|step| step.why.len() <= 200), "{run:?}");
}

fn binary(
    one: BoxedStrategy<String>,
    signs: &'static [&'static str],
    other: BoxedStrategy<String>,
) -> BoxedStrategy<String> {
    (one, select(signs), other)
        .prop_map(|(one, sign, other)| format!("({one} {sign} {other})"))
        .boxed()
}

fn choice(depth: u32, of: fn(u32) -> BoxedStrategy<String>) -> BoxedStrategy<String> {
    (truth(depth), of(depth), of(depth))
        .prop_map(|(asked, one, other)| format!("({asked} ? {one} : {other})"))
        .boxed()
}

fn whole(depth: u32) -> BoxedStrategy<String> {
    let leaf = select(&[
        "0",
        "1",
        "-3",
        "7",
        "9223372036854775807",
        "session.priority",
        "session.age_seconds",
        "queues.billing.length",
        "queues['general'].available_reps",
        "time.hour",
        "time.weekday",
        "queues.billing.estimated_wait_seconds",
        "queues.general.estimated_wait_seconds",
        "int(session.attributes.amount)",
        "int(session.attributes.tier)",
        "size(session.attributes)",
    ]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(below) = depth.checked_sub(1) else { return leaf };
    prop_oneof![
        3 => leaf,
        2 => binary(whole(below), &["+", "-", "*", "/", "%"], whole(below)),
        1 => choice(below, whole),
        1 => text(below).prop_map(|text| format!("size({text})")),
        1 => decimal(below).prop_map(|decimal| format!("int({decimal})")),
        1 => whole(below).prop_map(|whole| format!("-({whole})")),
        1 => (whole(below), whole(below), whole(below))
            .prop_map(|(one, other, index)| format!("[{one}, {other}][{index}]")),
    ]
    .boxed()
}

fn decimal(depth: u32) -> BoxedStrategy<String> {
    let leaf = select(&["0.0", "-1.5", "2.25e3", "double(session.attributes.rate)"]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(below) = depth.checked_sub(1) else { return leaf };
    prop_oneof![
        2 => leaf,
        2 => binary(decimal(below), &["+", "-", "*", "/"], decimal(below)),
        1 => whole(below).prop_map(|whole| format!("double({whole})")),
    ]
    .boxed()
}

fn text(depth: u32) -> BoxedStrategy<String> {
    let leaf = select(&[
        "'gold'",
        "\"o\"",
        "''",
        "'''Zo\u{eb}'''",
        "r'\\d'",
        "'\\u00eb'",
        "session.attributes.tier",
        "session.attributes.nothing",
        "session.attributes['full name']",
        "channel.id",
        "session.channel",
        "string(session.priority)",
        "string(session.transferred)",
    ]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(below) = depth.checked_sub(1) else { return leaf };
    prop_oneof![
        3 => leaf,
        1 => binary(text(below), &["+"], text(below)),
        1 => choice(below, text),
        1 => text(below).prop_map(|key| format!("session.attributes[{key}]")),
    ]
    .boxed()
}

fn moment(depth: u32) -> BoxedStrategy<String> {
    let leaf = select(&["time.now", "timestamp('2026-01-14T10:30:00+01:00')"]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(below) = depth.checked_sub(1) else { return leaf };
    prop_oneof![1 => leaf, 1 => binary(moment(below), &["+", "-"], span(below))].boxed()
}

fn span(depth: u32) -> BoxedStrategy<String> {
    let leaf = select(&["duration('1h30m')", "duration('-2.5s')", "duration('0s')"]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(below) = depth.checked_sub(1) else { return leaf };
    prop_oneof![
        2 => leaf,
        1 => binary(moment(below), &["-"], moment(below)),
        1 => binary(span(below), &["+", "-"], span(below)),
    ]
    .boxed()
}

const ORDERS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];

fn truth(depth: u32) -> BoxedStrategy<String> {
    let leaf = select(&[
        "true",
        "false",
        "session.transferred",
        "time.open",
        "has(session.attributes.tier)",
        "has(session.attributes.nothing)",
        "'tier' in session.attributes",
        "has(queues.billing)",
        "queues.billing.has_estimate",
        "has(queues.general.estimated_wait_seconds)",
        "channel.type == 'WHATSAPP'",
        "'general' in queues",
    ]);
    let leaf = leaf.prop_map(str::to_owned).boxed();
    let Some(below) = depth.checked_sub(1) else { return leaf };
    let member = select(&["contains", "startsWith", "endsWith"]);
    let joined = (truth(below), select(&["&&", "||"]), truth(below), any::<bool>());
    prop_oneof![
        2 => leaf,
        4 => joined.prop_map(|(one, sign, other, bare)| match bare {
            true => format!("{one} {sign} {other}"),
            false => format!("({one} {sign} {other})"),
        }),
        1 => truth(below).prop_map(|one| format!("!({one})")),
        1 => choice(below, truth),
        2 => binary(whole(below), ORDERS, whole(below)),
        1 => binary(decimal(below), ORDERS, decimal(below)),
        2 => binary(text(below), ORDERS, text(below)),
        1 => binary(moment(below), ORDERS, moment(below)),
        1 => binary(span(below), ORDERS, span(below)),
        1 => (whole(below), vec(whole(below), 1..4))
            .prop_map(|(one, list)| format!("({one} in [{}])", list.join(", "))),
        1 => (text(below), member, text(below))
            .prop_map(|(text, member, part)| format!("{text}.{member}({part})")),
        1 => each(below),
    ]
    .boxed()
}

fn each(below: u32) -> BoxedStrategy<String> {
    let tests = select(&[
        "x > session.priority",
        "x == 1 || x / 0 == 1",
        "10 / x > 2",
        "x % 2 == 0",
        "true",
        "session.attributes.nothing == 'a' || x > 3",
    ]);
    let lists = (vec(whole(below), 1..4), tests, select(&["all", "exists", "exists_one"]))
        .prop_map(|(list, test, what)| format!("[{}].{what}(x, {test})", list.join(", ")));
    let made = (whole(below), whole(below), select(&["filter(x, x > 0)", "map(x, x * x)"]))
        .prop_map(|(one, other, what)| format!("size([{one}, {other}].{what}) == 1"));
    let keys = select(&["all", "exists"])
        .prop_map(|what| format!("session.attributes.{what}(k, session.attributes[k] >= 'a')"));
    prop_oneof![2 => lists, 1 => made, 1 => keys].boxed()
}

fn table(fields: Vec<(&str, Value)>) -> Value {
    let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
    fields.collect::<HashMap<String, Value>>().into()
}

/// The same facts as the CEL crate takes them.
fn oracle(facts: &Facts) -> Context<'static, 'static> {
    let number = |value: u64| Value::Int(i64::try_from(value).expect("the test's figures fit"));
    let text = |value: &str| Value::from(value.to_owned());
    let attributes = facts.attributes.iter().map(|(key, value)| (key.as_str(), text(value)));
    let mut context = Context::default();
    context.add_variable_from_value(
        "session",
        table(vec![
            ("channel", text(&facts.channel)),
            ("attributes", table(attributes.collect())),
            ("priority", number(facts.priority.into())),
            ("age_seconds", number(facts.age_seconds)),
            ("transfers", number(facts.transfers.into())),
            ("transferred", Value::Bool(facts.transferred)),
        ]),
    );
    let kind = text(facts.channel_type.name());
    context.add_variable_from_value(
        "channel",
        table(vec![("id", text(&facts.channel)), ("type", kind)]),
    );
    let queue = |length, available, wait: Option<u64>| {
        let mut fields = vec![
            ("length", number(length)),
            ("available_reps", number(available)),
            ("has_estimate", Value::Bool(wait.is_some())),
        ];
        fields.extend(wait.map(|wait| ("estimated_wait_seconds", number(wait))));
        table(fields)
    };
    let queues = vec![("billing", queue(4, 2, Some(75))), ("general", queue(0, 0, None))];
    context.add_variable_from_value("queues", table(queues));
    let now = chrono::DateTime::from_timestamp_millis(facts.time.now.as_ms());
    let now = now.expect("the test's moment is a date").fixed_offset();
    context.add_variable_from_value(
        "time",
        table(vec![
            ("now", Value::Timestamp(now)),
            ("hour", number(facts.time.hour.into())),
            ("weekday", number(facts.time.weekday.into())),
            ("open", Value::Bool(facts.time.open)),
        ]),
    );
    context
}

/// Compiled, it comes to what the crate's interpreter makes of the source. Says whether it could be.
fn agrees(source: &str) -> bool {
    let condition = Condition::new(source);
    if let Err(mistakes) = condition.compiled() {
        // Only the bounds may refuse what these generators make.
        let bounds = ["costs up to", "bytes long", "words and signs", "brackets are open"];
        let bounded = |mistake: &super::super::mistake::Mistake| {
            bounds.iter().any(|bound| mistake.why.contains(bound))
        };
        assert!(mistakes.iter().all(bounded), "{source}\n{mistakes:?}");
        return false;
    }
    let facts = here();
    let ours = outcome(&condition, &facts, &Org::default());
    let theirs = Program::compile(source).expect("what we compile, the crate does");
    match theirs.execute(&oracle(&facts)) {
        Ok(value) => assert_eq!(ours.clone().map(Value::Bool), Ok(value), "{source}"),
        Err(error) => assert!(ours.is_err(), "{source}\nours: {ours:?}, theirs: {error}"),
    }
    true
}

fn flows() -> BoxedStrategy<Vec<Flow>> {
    let target = prop_oneof![
        1 => select(&["billing", "general"]).prop_map(to_queue),
        2 => (0_usize..6).prop_map(|n| to_flow(&format!("f{n}"))),
    ];
    let conditions = prop_oneof![4 => truth(1), 1 => Just("nonsense".to_owned())];
    let rules = vec((conditions, target.clone()), 0..6);
    let one = (rules, target).prop_map(|(rules, fallback)| {
        let rules = rules.into_iter().map(|(source, decision)| rule(&source, decision));
        flow("f0", rules.collect(), fallback)
    });
    vec(one, 6)
        .prop_map(|mut flows| {
            for (n, flow) in flows.iter_mut().enumerate() {
                flow.id = super::id(&format!("f{n}"));
            }
            flows
        })
        .boxed()
}

proptest! {
    #[test]
    fn d4_no_text_makes_a_condition_panic(source in ".{0,120}") {
        survives(&source);
    }

    #[test]
    fn d4_no_mixture_of_words_and_signs_makes_a_condition_panic(
        tokens in vec(select(TOKENS), 0..40),
        spaced in any::<bool>(),
    ) {
        survives(&tokens.join(if spaced { " " } else { "" }));
    }

    #[test]
    fn d4_no_cut_or_doubled_condition_panics(source in truth(3), from in 0_usize..99, to in 0_usize..99) {
        let letters: Vec<char> = source.chars().collect();
        let (from, to) = (from.min(letters.len()), to.min(letters.len()));
        let (from, to) = (from.min(to), from.max(to));
        let piece = |letters: &[char]| letters.iter().collect::<String>();
        survives(&piece(&letters[from..to]));
        survives(&format!("{}{}", piece(&letters[..from]), piece(&letters[to..])));
        survives(&format!("{source}{source}"));
    }

    #[test]
    fn r8_conditions_come_to_what_cel_says(source in truth(3)) {
        agrees(&source);
    }

    #[test]
    fn r8_any_run_ends_and_a_checked_one_in_a_target(flows in flows()) {
        let org = Org::with(flows.clone());
        for flow in &flows {
            let run = run(flow, &here(), &org);
            prop_assert!(run.trace.steps.len() <= TRACE_STEPS);
            prop_assert!(run.trace.steps.iter().all(|step| step.why.len() <= 200));
            prop_assert_eq!(&run, &super::super::run(flow, &here(), &org), "always the same");
            let target = run.outcome.decision.map(|decision| decision.target);
            prop_assert!(!matches!(target, Some(FlowTarget::Flow(_))));
            if check(flow, &org).is_empty() {
                prop_assert!(target.is_some(), "a checked flow leads somewhere");
            }
        }
    }
}

#[test]
fn d4_deep_and_long_conditions_are_refused_in_little_stack() {
    let deep = |open: &str, close: &str, times: usize| {
        format!("{}1{}", open.repeat(times), close.repeat(times))
    };
    let mut sources = vec![
        "!".repeat(2_000) + "true",
        "-".repeat(2_000) + "1 == 1",
        "true ? 1 == 1 : ".repeat(100) + "false",
        format!("session{}", ".priority".repeat(200)),
        format!("[1]{} == 1", "[0]".repeat(160)),
        "1 < ".repeat(250) + "1",
        "1 + ".repeat(250) + "1 == 1",
        "true && ".repeat(250) + "true",
        format!("({}true)", "true && ".repeat(240)),
    ];
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("{1: ", "}"), ("int(", ")")] {
        sources.extend([30, 32, 33, 600].map(|times| deep(open, close, times)));
        sources.push(open.repeat(500));
        sources.push(close.repeat(500));
    }
    let little = std::thread::Builder::new().stack_size(1 << 20);
    let all = little.spawn(move || sources.iter().for_each(|source| survives(source)));
    all.expect("a thread can be started").join().expect("no condition needs more stack");
}
