//! What evaluating a condition costs at most, known before it runs: a step for each node, more for
//! text by its length, and all of it again for each element that a macro looks at. `condition` and
//! `check` hold conditions and flows to it.

use super::tree::{Each, Function, Literal, Macro, Node};
use super::words::Type;
use crate::domain::attributes;

/// Steps that one condition may cost.
pub(super) const CONDITION_MAX: u32 = 4_096;
/// Steps that the conditions of one flow may cost together.
pub(super) const FLOW_MAX: u32 = 65_536;
/// Elements of a list.
pub(super) const LIST_MAX: usize = 64;

/// Bytes of text that count as a step.
const STEP_BYTES: u32 = 64;

/// Steps, and how many bytes of text or elements of a list come out.
#[derive(Clone, Copy)]
struct Bound {
    steps: u32,
    bytes: u32,
    elements: u32,
}

/// The steps that an expression costs at most.
pub(super) fn of(node: &Node) -> u32 {
    bound(node, 0).steps
}

/// Is this type cheap enough to be copied about? Text that a macro collects is bounded by its cost.
pub(super) const fn can_be_collected(kind: &Type) -> bool {
    matches!(kind, Type::Bool | Type::Int | Type::Double | Type::Text | Type::Moment | Type::Span)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// `element` is the length of the text that a macro looks at.
fn bound(node: &Node, element: u32) -> Bound {
    if let Node::Each(each) = node {
        return each_bound(each);
    }
    let parts: Vec<Bound> = node.children().into_iter().map(|part| bound(part, element)).collect();
    let sum = |of: fn(&Bound) -> u32| parts.iter().map(of).fold(0, u32::saturating_add);
    let most = |of: fn(&Bound) -> u32| parts.iter().map(of).max().unwrap_or(0);
    let (steps, bytes) = (sum(|part| part.steps).saturating_add(1), sum(|part| part.bytes));
    let read = bytes / STEP_BYTES;
    let plain =
        |more: u32, bytes: u32| Bound { steps: steps.saturating_add(more), bytes, elements: 0 };
    match node {
        Node::Literal(Literal::Text(text)) => plain(0, number(text.len())),
        Node::Fact(_) => plain(0, 128),
        Node::Element => plain(0, element),
        Node::Attribute(_) => plain(3 + read, number(attributes::MOST_BYTES)),
        Node::HasAttribute(_) => plain(3 + read, 0),
        Node::Queue(..) | Node::HasQueue(_) | Node::HasQueueField(..) => plain(4, 0),
        Node::List(_) => {
            Bound { steps, bytes: most(|part| part.bytes), elements: number(parts.len()) }
        }
        Node::Index(_) | Node::Choice(_) => Bound {
            steps: steps.saturating_add(read),
            bytes: most(|part| part.bytes),
            elements: most(|part| part.elements),
        },
        Node::Calculate(..) => plain(read, bytes),
        Node::In(_) => plain(read.saturating_add(sum(|part| part.elements)), 0),
        Node::Compare(..) => {
            // The shorter text settles it; lists are compared element by element.
            let least = parts.iter().map(|part| part.bytes).min().unwrap_or(0) / STEP_BYTES;
            plain(least.saturating_mul(most(|part| part.elements).max(1)), 0)
        }
        Node::Call(Function::ToText, _) => plain(read, bytes.saturating_add(20)),
        Node::Call(..) => plain(read, 0),
        _ => plain(0, 0),
    }
}

fn each_bound(each: &Each) -> Bound {
    let range = bound(&each.range, 0);
    let (times, element) = match each.range {
        Node::Attributes => (number(attributes::MOST), number(attributes::MOST_KEY_BYTES)),
        _ => (range.elements, range.bytes),
    };
    let inner = |node: &Option<Node>| node.as_ref().map(|node| bound(node, element));
    let (test, value) = (inner(&each.test), inner(&each.value));
    let once = [test, value].iter().flatten().map(|part| part.steps).fold(2, u32::saturating_add);
    let kept = match each.what {
        Macro::Map => value.map_or(0, |value| value.bytes),
        _ => element,
    };
    let copied = times.saturating_mul(kept / STEP_BYTES);
    let steps = range.steps.saturating_add(times.saturating_mul(once)).saturating_add(copied);
    Bound { steps, bytes: kept, elements: times }
}
