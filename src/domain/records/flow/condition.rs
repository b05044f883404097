//! A rule's condition: its source, and what it compiles to, worked out once and kept. Compiling needs
//! no world: whether the queues that it names exist is `check`'s question.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::domain::id::QueueId;

use super::cost;
use super::mistake::Mistake;
use super::scan::{self, Join};
use super::tree::Node;
use super::typing;
use super::words::Reading;

/// A CEL expression of type bool, at most 2 KiB. Equal if the sources are.
#[derive(Clone)]
pub struct Condition(Arc<Kept>);

struct Kept {
    source: Box<str>,
    compiled: OnceLock<Result<Compiled, Vec<Mistake>>>,
}

/// A condition ready to be evaluated.
#[derive(Debug)]
pub(super) struct Compiled {
    pub join: Join,
    pub parts: Vec<Part>,
    /// The queues that it names, each with the place where it does so first.
    pub queues: Vec<(QueueId, usize)>,
    /// What it costs at most, in the units of `cost`.
    pub cost: u32,
}

/// One of the outermost parts.
#[derive(Debug)]
pub(super) struct Part {
    /// As it was written, on one line.
    pub text: String,
    pub node: Node,
    /// The facts that it names, for explanations.
    pub readings: Vec<Reading>,
}

impl Condition {
    /// Takes an expression as it was written; whether it holds water is checked when it is saved.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self(Arc::new(Kept { source: source.into(), compiled: OnceLock::new() }))
    }

    /// The expression as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// The queues that it names; none if it can't be compiled (D3).
    pub fn queues(&self) -> impl Iterator<Item = &QueueId> {
        self.compiled().iter().flat_map(|compiled| compiled.queues.iter().map(|(id, _)| id))
    }

    /// What it compiles to, or every mistake in it.
    pub(super) fn compiled(&self) -> &Result<Compiled, Vec<Mistake>> {
        self.0.compiled.get_or_init(|| compile(&self.0.source))
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source()).finish()
    }
}

fn compile(source: &str) -> Result<Compiled, Vec<Mistake>> {
    let split = scan::split(source).map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let mut queues = Vec::new();
    let mut parts = Vec::with_capacity(split.parts.len());
    for range in split.parts {
        let text = &source[range.clone()];
        let (node, readings) = typing::part(text, range.start, &mut queues, &mut mistakes);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        parts.push(Part { text, node, readings });
    }
    let cost = parts.iter().fold(0_u32, |sum, part| sum.saturating_add(cost::of(&part.node)));
    if mistakes.is_empty() && cost > cost::CONDITION_MAX {
        let most = cost::CONDITION_MAX;
        let why = format!("costs up to {cost} steps to evaluate; at most {most} are allowed");
        mistakes.push(Mistake::new(0, why));
    }
    if mistakes.is_empty() {
        Ok(Compiled { join: split.join, parts, queues, cost })
    } else {
        mistakes.sort();
        Err(mistakes)
    }
}
