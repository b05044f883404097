//! Says why a condition held or didn't, in one short line for people: the parts that settled it, with
//! the values of the facts that they name. `run` writes it into its trace.

use std::fmt::Write;

use super::clock::write_moment;
use super::condition::{Compiled, Part};
use super::eval::{Failure, Scope, Value, Verdict};
use super::words::Reading;

/// Bytes of an explanation.
pub(super) const WHY_BYTES: usize = 200;
/// Bytes of a part as it is quoted, and of a value.
const PART_BYTES: usize = 90;
const VALUE_BYTES: usize = 40;
/// Facts that are told of a part.
const READINGS_MAX: usize = 3;

/// Why a condition came to its verdict.
pub(super) fn why<'v>(condition: &'v Compiled, scope: Scope<'v>, verdict: &Verdict) -> String {
    let mut line = String::with_capacity(64);
    let parts = match verdict.part {
        Some(index) => &condition.parts[index..=index],
        None => &condition.parts[..],
    };
    for (index, part) in parts.iter().enumerate() {
        if line.len() > WHY_BYTES {
            break;
        }
        if index > 0 {
            line.push_str("; ");
        }
        tell(&mut line, part, scope, verdict);
    }
    shorten(&mut line, WHY_BYTES);
    line
}

fn tell<'v>(line: &mut String, part: &'v Part, scope: Scope<'v>, verdict: &Verdict) {
    let start = line.len();
    line.push_str(&part.text);
    shorten_from(line, start, PART_BYTES);
    if let Err(failure) = &verdict.holds {
        // A string can be written to without an error.
        let _ = write!(line, ": can't be told: {failure}");
        return;
    }
    for (index, reading) in part.readings.iter().take(READINGS_MAX).enumerate() {
        line.push_str(if index == 0 { ": " } else { ", " });
        name(line, reading, scope);
        value(line, scope.read(reading));
    }
}

fn name(line: &mut String, reading: &Reading, scope: Scope<'_>) {
    let start = line.len();
    match reading {
        Reading::Fact(fact) => line.push_str(&fact.label()),
        Reading::Attribute(key) => {
            line.push_str("attributes.");
            line.push_str(key);
        }
        Reading::Queue(queue, field) => {
            line.push_str("queues.");
            line.push_str(scope.queues.get(*queue).map_or("", |(id, _)| id.as_str()));
            line.push('.');
            line.push_str(field.name());
        }
    }
    shorten_from(line, start, PART_BYTES);
}

fn value(line: &mut String, value: Result<Value<'_>, Failure>) {
    line.push_str(" is ");
    let start = line.len();
    let _ = match value {
        Ok(Value::Bool(value)) => write!(line, "{value}"),
        Ok(Value::Int(value)) => write!(line, "{value}"),
        Ok(Value::Double(value)) => write!(line, "{value}"),
        Ok(Value::Text(text)) => write!(line, "{text:?}"),
        Ok(Value::Moment(ms)) => line.write_str(&write_moment(ms)),
        Ok(Value::Span(ms)) => write!(line, "{ms} ms"),
        Ok(Value::List(_)) => line.write_str("a list"),
        Err(_) => line.write_str("absent"),
    };
    shorten_from(line, start, VALUE_BYTES);
}

/// Cuts a line to so many bytes, `…` included.
pub(super) fn shorten(line: &mut String, most: usize) {
    shorten_from(line, 0, most);
}

fn shorten_from(line: &mut String, start: usize, most: usize) {
    if line.len() <= start + most {
        return;
    }
    let mut end = start + most - '…'.len_utf8();
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line.push('…');
}
