//! Evaluates a typed condition over the facts of a run. It walks a tree whose size and cost were
//! bounded when it was compiled, so it always ends. An error in one operand of `&&` and `||` gives way
//! to an operand that decides, as CEL has it. `run` and `explain` call it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use crate::domain::id::QueueId;

use super::clock::within_reach;
use super::condition::Compiled;
use super::facts::{Facts, Lookups, QueueFacts};
use super::scan::Join;
use super::tree::{Arithmetic, Comparison, Each, Function, Literal, Macro, Node};
use super::words::Reading;
use super::words::{Fact, QueueField};

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'v> {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'v, str>),
    Moment(i64),
    Span(i64),
    List(Vec<Self>),
}

/// Why an expression comes to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    NoAttribute(String),
    NoQueue(QueueId),
    NoEstimate(QueueId),
    NotANumber(String),
    Overflow,
    DivisionByZero,
    NoElement(i64),
    /// Can't happen in a condition that was compiled.
    Unfit,
}

type Result<T> = std::result::Result<T, Failure>;

/// Whether a condition holds, and which of its parts settled that; `None`: all of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub holds: Result<bool>,
    pub part: Option<usize>,
}

/// The queues that a run has asked about.
pub(super) type QueuesSeen = RefCell<BTreeMap<QueueId, Option<QueueFacts>>>;

/// What an evaluation looks at.
#[derive(Clone, Copy)]
pub(super) struct Scope<'v> {
    pub facts: &'v Facts,
    /// The session's attributes and priority, as the run has left them so far.
    pub attributes: &'v BTreeMap<String, String>,
    pub priority: u32,
    pub lookups: &'v dyn Lookups,
    pub seen: &'v QueuesSeen,
    /// The queues that the condition names.
    pub queues: &'v [(QueueId, usize)],
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAttribute(key) => write!(f, "the session has no attribute `{key}`"),
            Self::NoQueue(queue) => write!(f, "there is no queue `{queue}`"),
            Self::NoEstimate(queue) => write!(f, "no wait is estimated for queue `{queue}`"),
            Self::NotANumber(text) => write!(f, "`{text}` is not a number"),
            Self::Overflow => f.write_str("the result is too large"),
            Self::DivisionByZero => f.write_str("division by zero"),
            Self::NoElement(index) => write!(f, "the list has no element {index}"),
            Self::Unfit => f.write_str("the types don't fit"),
        }
    }
}

/// Evaluates a condition, part by part, until it is settled.
pub(super) fn verdict(condition: &Compiled, scope: Scope<'_>) -> Verdict {
    let settles = condition.join == Join::Any;
    let mut failed = None;
    for (index, part) in condition.parts.iter().enumerate() {
        match scope.truth(&part.node, None) {
            Ok(holds) if holds == settles => {
                return Verdict { holds: Ok(settles), part: Some(index) };
            }
            Ok(_) => {}
            Err(failure) => {
                failed.get_or_insert((failure, index));
            }
        }
    }
    match failed {
        Some((failure, index)) => Verdict { holds: Err(failure), part: Some(index) },
        None => Verdict { holds: Ok(!settles), part: None },
    }
}

impl<'v> Scope<'v> {
    /// The value of a fact that a condition names, for people.
    pub(super) fn read(self, reading: &'v Reading) -> Result<Value<'v>> {
        match reading {
            Reading::Fact(fact) => Ok(self.fact(*fact)),
            Reading::Attribute(key) => self.attribute(key),
            Reading::Queue(queue, field) => self.queue_field(*queue, *field),
        }
    }

    fn truth(self, node: &'v Node, element: Option<&Value<'v>>) -> Result<bool> {
        match self.value(node, element)? {
            Value::Bool(value) => Ok(value),
            _ => Err(Failure::Unfit),
        }
    }

    fn value(self, node: &'v Node, element: Option<&Value<'v>>) -> Result<Value<'v>> {
        Ok(match node {
            Node::Literal(literal) => literal_value(literal),
            Node::Fact(fact) => self.fact(*fact),
            Node::Attribute(key) => {
                let key = self.text(key, element)?;
                return self.attribute(&key);
            }
            Node::HasAttribute(key) => {
                let key = self.text(key, element)?;
                Value::Bool(self.attributes.contains_key(&*key))
            }
            Node::Queue(queue, field) => return self.queue_field(*queue, *field),
            Node::HasQueue(queue) => Value::Bool(self.queue(*queue).is_ok()),
            Node::HasQueueField(queue, field) => {
                let wait = self.queue(*queue)?.estimated_wait_seconds;
                Value::Bool(*field != QueueField::EstimatedWait || wait.is_some())
            }
            Node::Element => element.cloned().ok_or(Failure::Unfit)?,
            Node::List(nodes) => {
                let values: Result<Vec<_>> =
                    nodes.iter().map(|node| self.value(node, element)).collect();
                Value::List(values?)
            }
            Node::Index(two) => return self.index(two, element),
            Node::Not(one) => Value::Bool(!self.truth(one, element)?),
            Node::Negative(one) => return negative(self.value(one, element)?),
            Node::And(two) => Value::Bool(self.either(two, false, element)?),
            Node::Or(two) => Value::Bool(self.either(two, true, element)?),
            Node::Choice(three) => {
                let [asked, one, other] = &**three;
                let chosen = if self.truth(asked, element)? { one } else { other };
                return self.value(chosen, element);
            }
            Node::Compare(how, two) => {
                let [one, other] = &**two;
                let (one, other) = (self.value(one, element)?, self.value(other, element)?);
                Value::Bool(compare(*how, &one, &other)?)
            }
            Node::Calculate(how, two) => {
                let [one, other] = &**two;
                return calculate(*how, self.value(one, element)?, self.value(other, element)?);
            }
            Node::In(two) => {
                let [one, list] = &**two;
                let one = self.value(one, element)?;
                match self.value(list, element)? {
                    Value::List(values) => Value::Bool(values.contains(&one)),
                    _ => return Err(Failure::Unfit),
                }
            }
            Node::Call(what, arguments) => return self.call(*what, arguments, element),
            Node::Each(each) => return self.each(each),
            Node::Attributes | Node::NoValue => return Err(Failure::Unfit),
        })
    }

    fn text(self, node: &'v Node, element: Option<&Value<'v>>) -> Result<Cow<'v, str>> {
        match self.value(node, element)? {
            Value::Text(text) => Ok(text),
            _ => Err(Failure::Unfit),
        }
    }

    fn fact(self, fact: Fact) -> Value<'v> {
        let facts = self.facts;
        let seconds = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
        match fact {
            Fact::SessionChannel | Fact::ChannelId => Value::Text(Cow::Borrowed(&facts.channel)),
            Fact::Priority => Value::Int(self.priority.into()),
            Fact::AgeSeconds => seconds(facts.age_seconds),
            Fact::Transfers => Value::Int(facts.transfers.into()),
            Fact::Transferred => Value::Bool(facts.transferred),
            Fact::ChannelType => Value::Text(Cow::Borrowed(facts.channel_type.name())),
            Fact::Now => Value::Moment(facts.time.now.as_ms()),
            Fact::Year => Value::Int(facts.time.year.into()),
            Fact::Month => Value::Int(facts.time.month.into()),
            Fact::Day => Value::Int(facts.time.day.into()),
            Fact::Weekday => Value::Int(facts.time.weekday.into()),
            Fact::Hour => Value::Int(facts.time.hour.into()),
            Fact::Minute => Value::Int(facts.time.minute.into()),
            Fact::MinuteOfDay => Value::Int(facts.time.minute_of_day.into()),
            Fact::Open => Value::Bool(facts.time.open),
        }
    }

    fn attribute(self, key: &str) -> Result<Value<'v>> {
        match self.attributes.get(key) {
            Some(value) => Ok(Value::Text(Cow::Borrowed(value))),
            None => Err(Failure::NoAttribute(key.chars().take(64).collect())),
        }
    }

    fn queue(self, index: usize) -> Result<QueueFacts> {
        let (id, _) = self.queues.get(index).ok_or(Failure::Unfit)?;
        let known = self.seen.borrow().get(id).copied();
        let facts = known.unwrap_or_else(|| {
            let asked = self.lookups.queue(id);
            self.seen.borrow_mut().insert(id.clone(), asked);
            asked
        });
        facts.ok_or_else(|| Failure::NoQueue(id.clone()))
    }

    fn queue_field(self, index: usize, field: QueueField) -> Result<Value<'v>> {
        let facts = self.queue(index)?;
        let seconds = |count: u64| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
        Ok(match field {
            QueueField::Length => Value::Int(facts.length.into()),
            QueueField::AvailableReps => Value::Int(facts.available_reps.into()),
            QueueField::SignedInReps => Value::Int(facts.signed_in_reps.into()),
            QueueField::HasEstimate => Value::Bool(facts.estimated_wait_seconds.is_some()),
            QueueField::OldestWait => seconds(facts.oldest_wait_seconds),
            QueueField::EstimatedWait => match facts.estimated_wait_seconds {
                Some(wait) => seconds(wait),
                None => return Err(Failure::NoEstimate(self.queues[index].0.clone())),
            },
        })
    }

    fn index(self, two: &'v [Node; 2], element: Option<&Value<'v>>) -> Result<Value<'v>> {
        let [list, index] = two;
        match (self.value(list, element)?, self.value(index, element)?) {
            (Value::List(mut values), Value::Int(index)) => {
                let place = usize::try_from(index).ok().filter(|place| *place < values.len());
                Ok(values.swap_remove(place.ok_or(Failure::NoElement(index))?))
            }
            _ => Err(Failure::Unfit),
        }
    }

    /// `&&` and `||`: whichever operand comes to `settles` decides, whatever became of the other.
    fn either(
        self,
        two: &'v [Node; 2],
        settles: bool,
        element: Option<&Value<'v>>,
    ) -> Result<bool> {
        let [one, other] = two;
        match self.truth(one, element) {
            Ok(holds) if holds == settles => Ok(settles),
            Ok(_) => self.truth(other, element),
            Err(failure) => match self.truth(other, element) {
                Ok(holds) if holds == settles => Ok(settles),
                _ => Err(failure),
            },
        }
    }

    fn call(
        self,
        what: Function,
        arguments: &'v [Node],
        element: Option<&Value<'v>>,
    ) -> Result<Value<'v>> {
        let count = |count: usize| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
        if let (Function::Size, [Node::Attributes]) = (what, arguments) {
            return Ok(count(self.attributes.len()));
        }
        let [first, rest @ ..] = arguments else { return Err(Failure::Unfit) };
        let first = self.value(first, element)?;
        let part = match rest {
            [part] => self.text(part, element)?,
            _ => Cow::Borrowed(""),
        };
        Ok(match (what, first) {
            (Function::Size, Value::Text(text)) => count(text.chars().count()),
            (Function::Size, Value::List(values)) => count(values.len()),
            (Function::Contains, Value::Text(text)) => Value::Bool(text.contains(&*part)),
            (Function::StartsWith, Value::Text(text)) => Value::Bool(text.starts_with(&*part)),
            (Function::EndsWith, Value::Text(text)) => Value::Bool(text.ends_with(&*part)),
            (what, value) => return convert(what, value),
        })
    }

    fn each(self, each: &'v Each) -> Result<Value<'v>> {
        let elements = match &each.range {
            Node::Attributes => {
                let key = |key: &'v String| Value::Text(Cow::Borrowed(key.as_str()));
                self.attributes.keys().map(key).collect()
            }
            range => match self.value(range, None)? {
                Value::List(values) => values,
                _ => return Err(Failure::Unfit),
            },
        };
        let tested = |element: &Value<'v>| match &each.test {
            Some(test) => self.truth(test, Some(element)),
            None => Ok(true),
        };
        match each.what {
            Macro::All => settled(elements.iter().map(tested), false).map(Value::Bool),
            Macro::Exists => settled(elements.iter().map(tested), true).map(Value::Bool),
            Macro::ExistsOne => {
                let mut found = 0_usize;
                for element in &elements {
                    found += usize::from(tested(element)?);
                }
                Ok(Value::Bool(found == 1))
            }
            Macro::Filter | Macro::Map => {
                let mut kept = Vec::new();
                for element in elements {
                    if tested(&element)? {
                        kept.push(match &each.value {
                            Some(value) => self.value(value, Some(&element))?,
                            None => element,
                        });
                    }
                }
                Ok(Value::List(kept))
            }
        }
    }
}

/// What came first: something that settles it, else a failure, else the opposite.
fn settled(tested: impl Iterator<Item = Result<bool>>, settles: bool) -> Result<bool> {
    let mut failed = None;
    for holds in tested {
        match holds {
            Ok(holds) if holds == settles => return Ok(settles),
            Ok(_) => {}
            Err(failure) => {
                failed.get_or_insert(failure);
            }
        }
    }
    failed.map_or(Ok(!settles), Err)
}

fn literal_value(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::Text(value) => Value::Text(Cow::Borrowed(value)),
        Literal::Moment(ms) => Value::Moment(*ms),
        Literal::Span(ms) => Value::Span(*ms),
    }
}

fn negative(value: Value<'_>) -> Result<Value<'_>> {
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or(Failure::Overflow),
        Value::Double(value) => Ok(Value::Double(-value)),
        _ => Err(Failure::Unfit),
    }
}

fn compare(how: Comparison, one: &Value<'_>, other: &Value<'_>) -> Result<bool> {
    match how {
        Comparison::Equal => return Ok(one == other),
        Comparison::NotEqual => return Ok(one != other),
        _ => {}
    }
    let order = match (one, other) {
        (Value::Int(one), Value::Int(other)) => Some(one.cmp(other)),
        (Value::Moment(one), Value::Moment(other)) | (Value::Span(one), Value::Span(other)) => {
            Some(one.cmp(other))
        }
        (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
        (Value::Double(one), Value::Double(other)) => one.partial_cmp(other),
        _ => return Err(Failure::Unfit),
    };
    let order = order.ok_or_else(|| Failure::NotANumber("NaN".to_owned()))?;
    Ok(match how {
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}

fn calculate<'v>(how: Arithmetic, one: Value<'v>, other: Value<'v>) -> Result<Value<'v>> {
    use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
    use Value::{Double, Int, Moment, Span, Text};
    let moment = |ms: Option<i64>| ms.and_then(within_reach).map(Moment);
    let result = match (how, one, other) {
        (Divide | Remainder, Int(_), Int(0)) => return Err(Failure::DivisionByZero),
        (Add, Int(one), Int(other)) => one.checked_add(other).map(Int),
        (Subtract, Int(one), Int(other)) => one.checked_sub(other).map(Int),
        (Multiply, Int(one), Int(other)) => one.checked_mul(other).map(Int),
        (Divide, Int(one), Int(other)) => one.checked_div(other).map(Int),
        (Remainder, Int(one), Int(other)) => one.checked_rem(other).map(Int),
        (Add, Double(one), Double(other)) => Some(Double(one + other)),
        (Subtract, Double(one), Double(other)) => Some(Double(one - other)),
        (Multiply, Double(one), Double(other)) => Some(Double(one * other)),
        (Divide, Double(one), Double(other)) => Some(Double(one / other)),
        (Add, Text(one), Text(other)) => Some(Text(one + other)),
        (Add, Moment(at), Span(span)) | (Add, Span(span), Moment(at)) => {
            moment(at.checked_add(span))
        }
        (Subtract, Moment(at), Span(span)) => moment(at.checked_sub(span)),
        (Subtract, Moment(one), Moment(other)) => one.checked_sub(other).map(Span),
        (Add, Span(one), Span(other)) => one.checked_add(other).map(Span),
        (Subtract, Span(one), Span(other)) => one.checked_sub(other).map(Span),
        _ => return Err(Failure::Unfit),
    };
    result.ok_or(Failure::Overflow)
}

fn convert(what: Function, value: Value<'_>) -> Result<Value<'_>> {
    let not_a_number = |text: &str| Failure::NotANumber(text.chars().take(64).collect());
    Ok(match (what, value) {
        (Function::ToInt, Value::Int(value)) => Value::Int(value),
        (Function::ToInt, Value::Text(text)) => {
            Value::Int(text.parse().map_err(|_| not_a_number(&text))?)
        }
        (Function::ToInt, Value::Double(value)) => Value::Int(whole(value)?),
        (Function::ToDouble, Value::Double(value)) => Value::Double(value),
        (Function::ToDouble, Value::Text(text)) => {
            Value::Double(text.parse().map_err(|_| not_a_number(&text))?)
        }
        (Function::ToDouble, Value::Int(value)) => Value::Double(value as f64),
        (Function::ToText, Value::Text(text)) => Value::Text(text),
        (Function::ToText, Value::Int(value)) => Value::Text(Cow::Owned(value.to_string())),
        (Function::ToText, Value::Bool(value)) => Value::Text(Cow::Owned(value.to_string())),
        _ => return Err(Failure::Unfit),
    })
}

/// Without what is behind the point, if it fits.
fn whole(value: f64) -> Result<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if value > -LIMIT && value < LIMIT {
        return Ok(value as i64);
    }
    Err(Failure::Overflow)
}
