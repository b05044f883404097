//! The words that a condition may use: the variables with their fields and types. One table each, read
//! by the type pass, the evaluation and the explanation. Values are `eval`'s.

/// A plain fact of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    SessionChannel,
    Priority,
    AgeSeconds,
    Transfers,
    Transferred,
    ChannelId,
    ChannelType,
    Now,
    Year,
    Month,
    Day,
    Weekday,
    Hour,
    Minute,
    MinuteOfDay,
    Open,
}

/// A figure of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueField {
    Length,
    AvailableReps,
    SignedInReps,
    HasEstimate,
    EstimatedWait,
    OldestWait,
}

/// A variable that has fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    Session,
    Channel,
    Time,
}

/// `session`, without its attributes.
const SESSION: &[(&str, Fact, Type)] = &[
    ("channel", Fact::SessionChannel, Type::Text),
    ("priority", Fact::Priority, Type::Int),
    ("age_seconds", Fact::AgeSeconds, Type::Int),
    ("transfers", Fact::Transfers, Type::Int),
    ("transferred", Fact::Transferred, Type::Bool),
];

const CHANNEL: &[(&str, Fact, Type)] =
    &[("id", Fact::ChannelId, Type::Text), ("type", Fact::ChannelType, Type::Text)];

const TIME: &[(&str, Fact, Type)] = &[
    ("now", Fact::Now, Type::Moment),
    ("year", Fact::Year, Type::Int),
    ("month", Fact::Month, Type::Int),
    ("day", Fact::Day, Type::Int),
    ("weekday", Fact::Weekday, Type::Int),
    ("hour", Fact::Hour, Type::Int),
    ("minute", Fact::Minute, Type::Int),
    ("minute_of_day", Fact::MinuteOfDay, Type::Int),
    ("open", Fact::Open, Type::Bool),
];

/// The figures of a queue.
pub(super) const QUEUE: &[(&str, QueueField, Type)] = &[
    ("length", QueueField::Length, Type::Int),
    ("available_reps", QueueField::AvailableReps, Type::Int),
    ("signed_in_reps", QueueField::SignedInReps, Type::Int),
    ("has_estimate", QueueField::HasEstimate, Type::Bool),
    ("estimated_wait_seconds", QueueField::EstimatedWait, Type::Int),
    ("oldest_wait_seconds", QueueField::OldestWait, Type::Int),
];

/// Every variable, by the word that conditions use.
pub(super) const VARIABLES: [&str; 4] = ["session", "channel", "queues", "time"];

/// Every function and macro, by the word that conditions use.
pub(super) const FUNCTIONS: [&str; 15] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "int",
    "double",
    "string",
    "timestamp",
    "duration",
    "has",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
];

impl Variable {
    /// The variable of this name; `queues` has no fields of its own.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "session" => Some(Self::Session),
            "channel" => Some(Self::Channel),
            "time" => Some(Self::Time),
            _ => None,
        }
    }

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Channel => "channel",
            Self::Time => "time",
        }
    }

    /// Its fields; the attributes of a session aside.
    pub(super) const fn fields(self) -> &'static [(&'static str, Fact, Type)] {
        match self {
            Self::Session => SESSION,
            Self::Channel => CHANNEL,
            Self::Time => TIME,
        }
    }
}

impl Fact {
    /// What explanations call it: as in the condition, but without `session.`.
    pub(super) fn label(self) -> String {
        let variables = [Variable::Session, Variable::Channel, Variable::Time];
        let found = variables.iter().find_map(|variable| {
            let (name, ..) = variable.fields().iter().find(|(_, fact, _)| *fact == self)?;
            Some(match variable {
                Variable::Session => (*name).to_owned(),
                other => format!("{}.{name}", other.name()),
            })
        });
        found.unwrap_or_default()
    }
}

impl QueueField {
    /// Its name in conditions.
    pub(super) fn name(self) -> &'static str {
        QUEUE.iter().find(|(_, field, _)| *field == self).map_or("", |(name, ..)| name)
    }
}

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Double,
    Text,
    /// CEL's timestamp.
    Moment,
    /// CEL's duration.
    Span,
    List(Box<Type>),
    /// `session.attributes`: a map from text to text.
    Attributes,
    /// A variable that has fields.
    Fields(Variable),
    /// The queue at this place among those that the condition names.
    Queue(usize),
    /// Of something that was already found to be wrong.
    Bad,
}

/// A fact that a condition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    Fact(Fact),
    Attribute(String),
    Queue(usize, QueueField),
}
