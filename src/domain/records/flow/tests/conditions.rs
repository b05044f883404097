//! What conditions come to over the facts of a session.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::super::eval::{Scope, Verdict, verdict};
use super::super::{Condition, Facts};
use super::{Org, facts};

/// Whether it holds, or why that can't be told.
pub(super) fn outcome(condition: &Condition, facts: &Facts, org: &Org) -> Result<bool, String> {
    let compiled = condition.compiled().as_ref().map_err(|mistakes| format!("{mistakes:?}"))?;
    let seen = RefCell::new(BTreeMap::new());
    let scope = Scope {
        facts,
        attributes: &facts.attributes,
        priority: facts.priority,
        lookups: org,
        seen: &seen,
        queues: &compiled.queues,
    };
    let Verdict { holds, .. } = verdict(compiled, scope);
    holds.map_err(|failure| failure.to_string())
}

fn of(source: &str) -> Result<bool, String> {
    let facts = facts(&[("tier", "gold"), ("amount", "120"), ("rate", "2.5"), ("city", "Zürich")]);
    outcome(&Condition::new(source), &facts, &Org::default())
}

#[test]
fn r8_conditions_hold_or_dont() {
    let hold = [
        "true",
        "session.priority == 5 && session.age_seconds < 91 && session.transfers == 1",
        "session.transferred && session.channel == channel.id",
        "channel.type == \"WHATSAPP\" && channel.id == 'wa-main'",
        "session.attributes.tier == \"gold\"",
        "session.attributes[\"tier\"] in [\"gold\", \"platinum\"]",
        "has(session.attributes.tier) && !has(session.attributes.colour)",
        "\"tier\" in session.attributes",
        "!(\"colour\" in session.attributes)",
        "int(session.attributes.amount) > 100",
        "double(session.attributes.rate) * 2.0 == 5.0",
        "string(session.priority) + \"x\" == \"5x\"",
        "session.attributes.city.startsWith(\"Zü\") && session.attributes.city.size() == 6",
        "session.attributes.tier.contains('ol') && session.attributes.tier.endsWith(\"d\")",
        "session.attributes.exists(k, session.attributes[k] == \"gold\")",
        "session.attributes.all(k, k.size() >= 4)",
        "[\"a\", \"gold\"].exists_one(x, x == session.attributes.tier)",
        "[1, 2, 3].map(x, x * 2)[2] == 6",
        "[1, 2, 3].filter(x, x > 1) == [2, 3]",
        "size([1, 2, 3].map(x, x > 1, x)) == 2 && size(session.attributes) == 4",
        "queues.billing.length == 4 && queues[\"billing\"].available_reps == 2",
        "queues.billing.has_estimate && queues.billing.estimated_wait_seconds > 60",
        "!queues.general.has_estimate && !has(queues.general.estimated_wait_seconds)",
        "has(queues.billing) && \"general\" in queues && !(\"gone\" in queues)",
        "queues.billing.signed_in_reps - queues.billing.available_reps == 1",
        "queues.billing.oldest_wait_seconds == 120",
        "time.year == 2026 && time.month == 1 && time.day == 14 && time.weekday == 3",
        "time.hour == 10 && time.minute == 30 && time.minute_of_day == 630 && time.open",
        "time.now > timestamp(\"2026-01-14T09:00:00Z\")",
        "time.now - timestamp(\"2026-01-14T09:00:00Z\") == duration(\"30m\")",
        "time.now + duration(\"1h30m\") == timestamp(\"2026-01-14T12:00:00+01:00\")",
        "(session.priority > 3 ? \"low\" : \"high\") == \"low\"",
        "7 / 2 == 3 && -7 / 2 == -3 && 7 % 3 == 1 && -7 % 3 == -1",
        "session.attributes.colour == \"red\" || session.priority == 5",
        "true || 1 / 0 == 1",
        "(1 / 0 == 1) || true",
        "!(1 / 0 == 1 && false)",
        "session.priority // how urgent\n == 5",
    ];
    for source in hold {
        assert_eq!(of(source), Ok(true), "{source}");
    }
    for source in ["false", "session.priority < 5", "time.hour < 9 || time.hour >= 17"] {
        assert_eq!(of(source), Ok(false), "{source}");
    }
}

#[test]
fn r8_what_cant_be_told_says_why() {
    let cases = [
        ("session.attributes.colour == \"red\"", "the session has no attribute `colour`"),
        ("session.attributes[\"a\" + \"b\"] == \"\"", "the session has no attribute `ab`"),
        ("queues.general.estimated_wait_seconds < 60", "no wait is estimated for queue `general`"),
        ("queues.gone.length == 0", "there is no queue `gone`"),
        ("int(session.attributes.tier) > 1", "`gold` is not a number"),
        ("double(session.attributes.tier) > 1.0", "`gold` is not a number"),
        ("session.priority + 9223372036854775807 > 0", "the result is too large"),
        ("session.priority / (session.priority - 5) > 0", "division by zero"),
        ("[1, 2][session.priority] == 1", "the list has no element 5"),
        ("int(1.0e300) > 0", "the result is too large"),
        (
            "time.now + duration(\"4000000h\") < time.now + duration(\"80000000h\")",
            "the result is too large",
        ),
        ("1 / 0 == 1 && true", "division by zero"),
    ];
    for (source, why) in cases {
        assert_eq!(of(source), Err(why.to_owned()), "{source}");
    }
}

#[test]
fn r8_only_the_queues_that_are_needed_are_looked_up_and_once() {
    let org = Org::default();
    let asked = |source: &str| {
        let holds = outcome(&Condition::new(source), &facts(&[]), &org);
        (holds, org.asked.take().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(asked("session.priority == 5"), (Ok(true), String::new()));
    let twice = "queues.billing.length > 1 && queues.billing.length < 9";
    assert_eq!(asked(twice), (Ok(true), "billing".to_owned()));
    let settled = "queues.general.length == 0 || queues.billing.length == 0";
    assert_eq!(asked(settled), (Ok(true), "general".to_owned()));
}

#[test]
fn r8_conditions_are_compared_and_shown_by_their_source() {
    let one = Condition::new("true");
    let clone = one.clone();
    assert!(clone.compiled().is_ok());
    assert!(std::ptr::eq(one.compiled(), clone.compiled()), "compiled once for both");
    assert_eq!(one, Condition::new("true"));
    assert_ne!(one, Condition::new("(true)"));
    let names = Condition::new("queues.b.length > queues['a'].length || queues.b.has_estimate");
    assert_eq!(names.queues().map(ToString::to_string).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(format!("{one:?}"), "Condition(\"true\")");
}
