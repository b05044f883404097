//! A condition as it is evaluated: typed, with every name resolved. `typing` builds it, `cost` bounds
//! it, `eval` walks it. It knows nothing of the parser.

use std::fmt;

use super::words::{Fact, QueueField, Type};

/// A value that is written in the condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    /// Milliseconds since the epoch.
    Moment(i64),
    /// Milliseconds, also below zero.
    Span(i64),
}

/// `<`, `==` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// `+`, `-` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    ToInt,
    ToDouble,
    ToText,
}

/// What is asked of every element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// A macro over a list or the keys of the attributes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Each {
    pub what: Macro,
    pub range: Node,
    /// The condition on an element; for [`Macro::Map`] the elements to keep, if not all.
    pub test: Option<Node>,
    /// What [`Macro::Map`] makes of an element.
    pub value: Option<Node>,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Literal(Literal),
    Fact(Fact),
    Attributes,
    Attribute(Box<Node>),
    HasAttribute(Box<Node>),
    Queue(usize, QueueField),
    HasQueue(usize),
    HasQueueField(usize, QueueField),
    /// The element that a macro looks at. There is one at a time: macros don't nest.
    Element,
    List(Vec<Node>),
    Index(Box<[Node; 2]>),
    Not(Box<Node>),
    Negative(Box<Node>),
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Choice(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    Calculate(Arithmetic, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Call(Function, Vec<Node>),
    Each(Box<Each>),
    /// Something that has fields and is no value itself, or that was found to be wrong.
    NoValue,
}

impl Node {
    /// What it is built of; the test and value of a macro are evaluated once per element.
    pub(super) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Literal(_)
            | Self::Fact(_)
            | Self::Attributes
            | Self::Queue(..)
            | Self::HasQueue(_)
            | Self::HasQueueField(..)
            | Self::Element
            | Self::NoValue => Vec::new(),
            Self::Attribute(one)
            | Self::HasAttribute(one)
            | Self::Not(one)
            | Self::Negative(one) => vec![&**one],
            Self::List(many) | Self::Call(_, many) => many.iter().collect(),
            Self::Index(two)
            | Self::And(two)
            | Self::Or(two)
            | Self::Compare(_, two)
            | Self::Calculate(_, two)
            | Self::In(two) => two.iter().collect(),
            Self::Choice(three) => three.iter().collect(),
            Self::Each(each) => [Some(&each.range), each.test.as_ref(), each.value.as_ref()]
                .into_iter()
                .flatten()
                .collect(),
        }
    }
}

impl Type {
    /// Can it be ordered with `<`?
    pub(super) const fn has_order(&self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Text | Self::Moment | Self::Span)
    }

    /// Is it a value, not something that only has fields?
    pub(super) const fn is_value(&self) -> bool {
        !matches!(self, Self::Attributes | Self::Fields(_) | Self::Queue(_))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Int => f.write_str("a whole number"),
            Self::Double => f.write_str("a decimal number"),
            Self::Text => f.write_str("text"),
            Self::Moment => f.write_str("a point in time"),
            Self::Span => f.write_str("a duration"),
            Self::List(_) => f.write_str("a list"),
            Self::Attributes => f.write_str("all attributes"),
            Self::Fields(variable) => write!(f, "all of `{}`", variable.name()),
            Self::Queue(_) => f.write_str("a queue"),
            Self::Bad => f.write_str("something unknown"),
        }
    }
}

impl Comparison {
    /// As it is written.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Arithmetic {
    /// As it is written.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}
