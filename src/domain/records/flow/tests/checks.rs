//! What is refused when a flow is saved, each with its place and its message.

use std::collections::BTreeMap;

use crate::domain::id::SkillId;
use crate::domain::time::Span;

use super::super::{FlowTarget, SkillsTarget, WishedSkill, check, check_chains};
use super::{Org, decision, flow, id, rule, to_flow, to_queue};

fn faults_of(condition: &str) -> Vec<String> {
    let flow = flow("f", vec![rule(condition, to_queue("billing"))], to_queue("general"));
    let path = "rules[0].condition:";
    let told = check(&flow, &Org::default()).into_iter().map(|fault| fault.to_string());
    told.map(|fault| fault.strip_prefix(path).unwrap_or(&fault).to_owned()).collect()
}

fn assert_refused(cases: &[(&str, &str)]) {
    for (source, fault) in cases {
        assert_eq!(faults_of(source), [*fault], "{source}");
    }
}

#[test]
fn r8_a_flow_without_a_mistake_has_no_fault() {
    assert_eq!(faults_of("session.priority < 3 && queues.billing.length > 2"), [""; 0]);
    assert_eq!(faults_of("has(queues.billing) && \"general\" in queues"), [""; 0]);
}

#[test]
fn r8_syntax_is_checked() {
    assert_refused(&[
        ("", "1:1: is empty; write `true` for a rule that always matches"),
        ("session.priority ==", "1:20: ends too early: something is missing"),
        ("true false", "1:6: unexpected `false`"),
        ("true && session.priority = 3", "1:26: a single `=` compares nothing; write `==`"),
        ("true &&\n (1 + ) == 2", "2:7: unexpected `)`"),
        ("99999999999999999999 > 1", "1:1: invalid int literal"),
        (
            "\"é\" == \"e\" && session.x == 1",
            "1:23: `session` has no `x`; an attribute is \
          session.attributes.x",
        ),
    ]);
}

#[test]
fn r8_names_are_checked() {
    assert_refused(&[
        (
            "sesion.priority < 3",
            "1:1: there is no variable `sesion`, only session, channel, \
          queues and time; did you mean `session`?",
        ),
        ("session.priorty < 3", "1:9: `session` has no `priorty`; did you mean `priority`?"),
        (
            "session.tier == \"gold\"",
            "1:9: `session` has no `tier`; an attribute is \
          session.attributes.tier",
        ),
        ("channel.kind == \"SMS\"", "1:9: `channel` has no `kind`"),
        ("time.hours < 9", "1:6: `time` has no `hours`; did you mean `hour`?"),
        ("queues.billing.lenght > 1", "1:16: a queue has no `lenght`; did you mean `length`?"),
        ("queues.biling.length > 1", "1:8: there is no queue `biling`"),
        ("queues[\"biling\"].length > 1", "1:8: there is no queue `biling`"),
        (
            "queues[\"a b\"].length > 1",
            "1:8: the id of the queue contains ' '; allowed are A-Z \
          a-z 0-9 . _ : @ -",
        ),
        ("\"biling\" in queues", "1:1: there is no queue `biling`"),
        (
            "queues[session.channel].length > 1",
            "1:16: a queue must be named by its id in quotes, \
          as in queues[\"billing\"]; write a rule for each queue",
        ),
        ("queues.exists(q, q == \"a\")", "1:1: name the queue, as in queues[\"billing\"].length"),
        ("session.priority.low", "1:18: there is no `low` in a whole number"),
        (
            "channel.type == \"WHATSAP\"",
            "1:14: there is no channel type `WHATSAP`; did you mean \
          `WHATSAPP`?",
        ),
        ("channel.type in [\"SMS\", \"FAX\"]", "1:14: there is no channel type `FAX`"),
        (
            "session.channel.lower() == \"a\"",
            "1:17: there is no function `lower`; there are size, \
          contains, startsWith, endsWith, int, double, string, timestamp, duration, has, all, \
          exists, exists_one, map, filter",
        ),
        (
            "session.channel.startswith(\"a\")",
            "1:17: there is no function `startswith`; did you \
          mean `startsWith`?",
        ),
        (
            "session.channel.matches(\"a.*\")",
            "1:17: patterns (`matches`) aren't available; use \
          contains, startsWith, endsWith or `in`",
        ),
        (
            "contains(session.channel, \"a\")",
            "1:1: `contains` is called on nothing with 2 \
          arguments; write text.contains(\"part\")",
        ),
    ]);
}

#[test]
fn r8_types_are_checked() {
    assert_refused(&[
        ("session.priority", "1:1: must be true or false, but is a whole number"),
        (
            "session.attributes.vip",
            "1:1: must be true or false, but is text; compare it, as in \
          `== \"…\"`",
        ),
        (
            "session.attributes.n > 3",
            "1:22: `>` compares text with a whole number; make a number \
          of the text: int(…)",
        ),
        (
            "session.attributes.vip == true",
            "1:24: `==` compares text with true or false; write \
          the text in quotes",
        ),
        (
            "session.priority < 2.5",
            "1:18: `<` compares a whole number with a decimal number; \
          write the whole number as in 3.0, or double(…)",
        ),
        (
            "time.now > \"2026-01-01\"",
            "1:10: `>` compares a point in time with text; write the \
          time as timestamp(\"…\")",
        ),
        ("true < false", "1:6: `<` can't put true or false in order"),
        (
            "session == 1",
            "1:1: this is all of `session`, not a value; name a field, as in \
          session.channel",
        ),
        (
            "session.attributes == 1",
            "1:9: this is all attributes, not a value; name one, as in \
          session.attributes.NAME",
        ),
        (
            "queues.billing > 1",
            "1:8: this is a queue, not a value; name a figure, as in \
          `.length`",
        ),
        ("!session.priority", "1:10: `!` takes true or false, not a whole number"),
        ("session.priority && true", "1:1: must be true or false, but is a whole number"),
        ("(session.priority && true)", "1:10: `&&` takes true or false, not a whole number"),
        ("-session.channel == \"a\"", "1:10: `-` takes a number, not text"),
        (
            "session.priority + \"1\" == \"51\"",
            "1:18: `+` can't take a whole number and text; make \
          a number of the text: int(…)",
        ),
        ("true ? 1 == 1 : \"a\"", "1:6: `? :` chooses between true or false and text"),
        (
            "session.priority in [\"a\"]",
            "1:18: `in` looks for a whole number among text; make a \
          number of the text: int(…)",
        ),
        (
            "1 in session.priority",
            "1:3: `in` looks into a list, session.attributes or queues, not \
          into a whole number",
        ),
        ("1 in session.attributes", "1:3: attributes are found by text, not by a whole number"),
        ("session.channel.contains(1)", "1:17: this takes text, not a whole number"),
        ("int(true) == 1", "1:1: true or false can't be turned into a whole number"),
        ("size(1) == 1", "1:1: `size` takes text, a list or attributes, not a whole number"),
        ("has(session)", "1:1: has(…) takes a field, as in has(session.attributes.NAME)"),
        ("[1, \"a\"] == [1]", "1:5: this is text, the elements before it a whole number"),
        ("1 in []", "1:6: this list is empty"),
        (
            "timestamp(\"soon\") < time.now",
            "1:1: write the time as in \
          timestamp(\"2026-01-31T09:00:00Z\"), to the millisecond",
        ),
        ("duration(session.channel) < duration(\"1s\")", "1:1: `duration` takes text in quotes"),
        (
            "duration(\"5 min\") < duration(\"1s\")",
            "1:1: write the duration as in \
          duration(\"1h30m\"), to the millisecond",
        ),
        ("1u == 1", "1:1: unsigned numbers aren't available; write 1"),
        (
            "session.channel == null",
            "1:20: there is no null; ask whether something is there with \
          has(…)",
        ),
        ("{\"a\": 1}[\"a\"] == 1", "1:1: maps (`{…}`) can't be written here; use rules instead"),
        (
            "session.?channel == \"a\"",
            "1:9: optional fields (`.?`, `[?…]`) aren't available; use \
          has(…)",
        ),
    ]);
}

#[test]
fn r8_cost_is_bounded() {
    let many = format!("1 in [{}]", vec!["1"; 65].join(", "));
    let concat = ["session.attributes.a"; 12].join(" + ");
    let costly = format!("session.attributes.exists(k, {concat} == k)");
    let deep = format!("1{} == 1", " + 1".repeat(100));
    assert_refused(&[
        (&many, "1:6: has 65 elements; a list has at most 64"),
        (&deep, "1:19: is nested more than 96 deep; split the rule"),
        (&costly, "1:1: costs up to 320449 steps to evaluate; at most 4096 are allowed"),
        (
            "[1].exists(x, [2].exists(y, y == x))",
            "1:19: one macro can't look into another; split \
          the rule",
        ),
        (
            "[1].map(x, x).exists(x, x == 1)",
            "1:15: looks only into session.attributes or a list \
          that is written there",
        ),
        ("[1].exists(session, true)", "1:12: `session` is taken; give the element another name"),
        ("[1].exists(x, x)", "1:15: must be true or false for each element, but is a whole number"),
    ]);
    let rules = (0..256).map(|_| {
        let condition = "session.attributes.exists(k, session.attributes[k] == \"a\")";
        rule(condition, to_queue("billing"))
    });
    let flow = flow("f", rules.collect(), to_queue("general"));
    let faults: Vec<_> = check(&flow, &Org::default()).iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "rules: the conditions cost up to 213248 steps together; at most 65536 are allowed; split \
          the flow"
        ]
    );
}

#[test]
fn r8_every_mistake_is_told_at_once() {
    assert_eq!(
        faults_of("sesion.a == 1 && queues.billing.size > \"a\"\n || session.b == queues.x.length"),
        [
            "1:1: there is no variable `sesion`, only session, channel, queues and time; did you \
             mean `session`?",
            "1:33: a queue has no `size`",
            "2:13: `session` has no `b`; an attribute is session.attributes.b",
        ]
    );
    let mut broken = flow(
        "f",
        vec![
            rule("tru", decision(FlowTarget::Rep(id("ben")))),
            rule("true", decision(FlowTarget::Contact(id("umbra"), id("x")))),
        ],
        to_flow("nowhere"),
    );
    broken.name = "n".repeat(257);
    broken.rules[1].name = "n".repeat(300);
    let faults: Vec<_> = check(&broken, &Org::default()).iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "name: is 257 bytes long; at most 256 are allowed",
            "rules[0].condition:1:1: there is no variable `tru`, only session, channel, queues and \
             time",
            "rules[1].name: is 300 bytes long; at most 256 are allowed",
            "rules[1].decision.external_contact.partner: there is no partner `umbra`",
        ]
    );
}

#[test]
fn d4_sizes_of_a_flow_are_checked() {
    let mut large = flow("f", Vec::new(), to_queue("nowhere"));
    large.fallback.set_attributes = (0..65).map(|n| (format!("k{n}"), "v".repeat(100))).collect();
    large.fallback.set_attributes.insert(String::new(), String::new());
    let told = |flow: &super::Flow| {
        check(flow, &Org::default()).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&large),
        [
            "fallback.set_attributes: has 66 entries; at most 64 are allowed",
            "fallback.set_attributes: is 6685 bytes in all; at most 4096 are allowed",
            "fallback.set_attributes: has a key of 0 bytes; give 1 to 128",
        ]
    );
    let rules = vec![rule("true", to_queue("billing")); 257];
    let long = flow("f", rules, to_queue("billing"));
    assert_eq!(told(&long), ["rules: has 257 rules; at most 256 are allowed"]);
}

#[test]
fn r4_skills_of_a_decision_are_checked() {
    let wish = |level, seconds| WishedSkill { level, timeout: Span::from_secs(seconds) };
    let skills = SkillsTarget {
        required: BTreeMap::from([(id("skill-a"), 101), (id("latin"), 1)]),
        additional: BTreeMap::from([
            (id("skill-b"), wish(1, 4)),
            (id("skill-c"), wish(1, 86_401)),
            (id("skill-d"), wish(100, 5)),
        ]),
        queue: Some(id("nowhere")),
    };
    let told = |skills: SkillsTarget| {
        let flow = flow("f", Vec::new(), decision(FlowTarget::Skills(skills)));
        check(&flow, &Org::default()).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        told(skills),
        [
            "fallback.skills.required: `skill-a` has level 101; give 0 to 100",
            "fallback.skills.additional: `skill-b` is wished for 4000 ms long; give 5 s to 24 h",
            "fallback.skills.additional: `skill-c` is wished for 86401000 ms long; give 5 s to 24 \
             h",
        ]
    );
    let many = |count: usize| (0..count).map(|n| id::<SkillId>(&format!("skill-{n}")));
    let full = SkillsTarget {
        required: many(17).map(|skill| (skill, 0)).collect(),
        additional: many(17).map(|skill| (skill, wish(0, 5))).collect(),
        queue: None,
    };
    assert_eq!(
        told(full),
        [
            "fallback.skills.required: has 17 skills; at most 16 are allowed",
            "fallback.skills.additional: has 17 skills; at most 16 are allowed",
        ]
    );
    assert_eq!(
        told(SkillsTarget::default()),
        ["fallback.skills.required: is empty; require at least one skill"]
    );
}

#[test]
fn r8_loops_and_long_chains_of_flows_are_found() {
    let leading =
        |name: &str, next: &str| flow(name, vec![rule("true", to_flow(next))], to_queue("billing"));
    let told = |flow: &super::Flow, org: &Org| {
        check(flow, org).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let own = leading("a", "a");
    assert_eq!(
        told(&own, &Org::default()),
        ["rules[0].decision.flow: leads round in a circle: a → a"]
    );
    // The saved `a` led nowhere; the one to be saved closes the circle.
    let saved = flow("a", Vec::new(), to_queue("billing"));
    let org = Org::with([saved, leading("b", "c"), leading("c", "a"), leading("d", "b")]);
    assert_eq!(
        told(&leading("a", "b"), &org),
        ["rules[0].decision.flow: leads round in a circle: a → b → c → a"]
    );
    let mut chain: Vec<_> =
        (2..8).map(|n| leading(&format!("f{n}"), &format!("f{}", n + 1))).collect();
    chain.push(flow("f8", Vec::new(), to_queue("billing")));
    chain.push(leading("f0", "f1"));
    let org = Org::with(chain);
    assert_eq!(told(&leading("f1", "f2"), &org), [""; 0], "eight in a row");
    let mut nine = leading("f0", "f2");
    nine.fallback = to_flow("g");
    let mut org = org;
    org.flows.insert(id("g"), std::sync::Arc::new(leading("g", "f2")));
    assert_eq!(
        told(&nine, &org),
        ["fallback.flow: more than 8 flows follow one another: f0 → g → f2 → …"]
    );
    org.flows.insert(id("f1"), std::sync::Arc::new(leading("f1", "f2")));
    let grown = check_chains(&org.flows[&id("f0")], &org);
    assert_eq!(grown.len(), 1, "what leads to a flow that has grown: {grown:?}");
    assert_eq!(
        told(&leading("f0", "f1"), &org),
        ["rules[0].decision.flow: more than 8 flows follow one another: f0 → f1 → f2 → f3 → f4 → \
          f5 → f6 → f7 → f8"]
    );
}
