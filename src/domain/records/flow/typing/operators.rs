//! The types that operators take and give. Part of the type pass (`typing`).

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators as op};

use crate::domain::directory::ChannelType;

use super::super::spelling::hint;
use super::super::tree::{Arithmetic, Comparison, Node};
use super::super::words::Type;
use super::{Typed, Typist, unknown_channel_type};

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        op::EQUALS => Comparison::Equal,
        op::NOT_EQUALS => Comparison::NotEqual,
        op::LESS => Comparison::Less,
        op::LESS_EQUALS => Comparison::LessOrEqual,
        op::GREATER => Comparison::Greater,
        op::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn arithmetic(name: &str) -> Option<Arithmetic> {
    Some(match name {
        op::ADD => Arithmetic::Add,
        op::SUBSTRACT => Arithmetic::Subtract,
        op::MULTIPLY => Arithmetic::Multiply,
        op::DIVIDE => Arithmetic::Divide,
        op::MODULO => Arithmetic::Remainder,
        _ => return None,
    })
}

/// What would make two types comparable.
fn mend(one: &Type, other: &Type) -> &'static str {
    match (one, other) {
        (Type::Text, Type::Int) | (Type::Int, Type::Text) => "; make a number of the text: int(…)",
        (Type::Text, Type::Double) | (Type::Double, Type::Text) => {
            "; make a number of the text: double(…)"
        }
        (Type::Int, Type::Double) | (Type::Double, Type::Int) => {
            "; write the whole number as in 3.0, or double(…)"
        }
        (Type::Text, Type::Bool) | (Type::Bool, Type::Text) => "; write the text in quotes",
        (Type::Text, Type::Moment) | (Type::Moment, Type::Text) => {
            "; write the time as timestamp(\"…\")"
        }
        (Type::Span, _) | (_, Type::Span) => "; write the duration as in duration(\"5m\")",
        _ => "",
    }
}

impl Typist<'_> {
    pub(super) fn call(&mut self, at: usize, call: &CallExpr) -> Typed {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            (name @ (op::LOGICAL_AND | op::LOGICAL_OR), None, [one, other]) => {
                let sign = name.trim_matches('_');
                let one = self.truth(one, sign);
                let other = self.truth(other, sign);
                let both = Box::new([one, other]);
                let node = if name == op::LOGICAL_AND { Node::And(both) } else { Node::Or(both) };
                (node, Type::Bool)
            }
            (op::LOGICAL_NOT, None, [one]) => {
                (Node::Not(Box::new(self.truth(one, "!"))), Type::Bool)
            }
            (op::NEGATE, None, [one]) => self.negative(one),
            (op::CONDITIONAL, None, [asked, one, other]) => self.choice(at, asked, one, other),
            (op::IN, None, [one, other]) => self.within(at, one, other),
            (op::INDEX, None, [operand, key]) => self.index(operand, key),
            (op::OPT_INDEX | op::OPT_SELECT, ..) => {
                self.wrong(at, "optional fields (`.?`, `[?…]`) aren't available; use has(…)")
            }
            (name, None, [one, other]) if comparison(name).is_some() => {
                let comparison = comparison(name).unwrap_or(Comparison::Equal);
                self.compare(at, comparison, one, other)
            }
            (name, None, [one, other]) if arithmetic(name).is_some() => {
                let arithmetic = arithmetic(name).unwrap_or(Arithmetic::Add);
                self.calculate(at, arithmetic, one, other)
            }
            (name, target, args) => self.function(at, name, target, args),
        }
    }

    /// An operand that must be true or false.
    fn truth(&mut self, from: &IdedExpr, sign: &str) -> Node {
        let (node, kind) = self.value(from);
        if !matches!(kind, Type::Bool | Type::Bad) {
            let at = self.place_of(from);
            self.mistake_at(at, format!("`{sign}` takes true or false, not {kind}"));
        }
        node
    }

    fn negative(&mut self, from: &IdedExpr) -> Typed {
        let (node, kind) = self.value(from);
        match kind {
            Type::Int | Type::Double => (Node::Negative(Box::new(node)), kind),
            Type::Bad => (Node::NoValue, Type::Bad),
            other => self.wrong(self.place_of(from), format!("`-` takes a number, not {other}")),
        }
    }

    fn choice(&mut self, at: usize, asked: &IdedExpr, one: &IdedExpr, other: &IdedExpr) -> Typed {
        let asked = self.truth(asked, "?");
        let ((one, kind), (other, other_kind)) = (self.value(one), self.value(other));
        match (kind, other_kind) {
            (Type::Bad, _) | (_, Type::Bad) => (Node::NoValue, Type::Bad),
            (kind, other_kind) if kind == other_kind => {
                (Node::Choice(Box::new([asked, one, other])), kind)
            }
            (kind, other_kind) => {
                self.wrong(at, format!("`? :` chooses between {kind} and {other_kind}"))
            }
        }
    }

    fn compare(&mut self, at: usize, how: Comparison, one: &IdedExpr, other: &IdedExpr) -> Typed {
        let ((one, kind), (other, other_kind)) = (self.value(one), self.value(other));
        if kind == Type::Bad || other_kind == Type::Bad {
            return (Node::NoValue, Type::Bool);
        }
        let sign = how.sign();
        if kind != other_kind {
            let mend = mend(&kind, &other_kind);
            return self.wrong(at, format!("`{sign}` compares {kind} with {other_kind}{mend}"));
        }
        let equality = matches!(how, Comparison::Equal | Comparison::NotEqual);
        if !equality && !kind.has_order() {
            return self.wrong(at, format!("`{sign}` can't put {kind} in order"));
        }
        self.known_channel_type(at, &one, &other);
        self.known_channel_type(at, &other, &one);
        (Node::Compare(how, Box::new([one, other])), Type::Bool)
    }

    fn known_channel_type(&mut self, at: usize, of: &Node, compared: &Node) {
        if let Some(word) = unknown_channel_type(of, compared) {
            let mend = hint(word, ChannelType::ALL.into_iter().map(ChannelType::name));
            let word: String = word.chars().take(64).collect();
            self.mistake_at(at, format!("there is no channel type `{word}`{mend}"));
        }
    }

    fn calculate(&mut self, at: usize, how: Arithmetic, one: &IdedExpr, other: &IdedExpr) -> Typed {
        use Arithmetic::{Add, Remainder, Subtract};
        use Type::{Double, Int, Moment, Span, Text};
        let ((one, kind), (other, other_kind)) = (self.value(one), self.value(other));
        let result = match (how, &kind, &other_kind) {
            (_, Type::Bad, _) | (_, _, Type::Bad) => return (Node::NoValue, Type::Bad),
            (_, Int, Int) => Int,
            (Add, Text, Text) => Text,
            (Add, Moment, Span) | (Add, Span, Moment) | (Subtract, Moment, Span) => Moment,
            (Subtract, Moment, Moment) | (Add | Subtract, Span, Span) => Span,
            (how, Double, Double) if how != Remainder => Double,
            _ => {
                let (sign, mend) = (how.sign(), mend(&kind, &other_kind));
                return self
                    .wrong(at, format!("`{sign}` can't take {kind} and {other_kind}{mend}"));
            }
        };
        (Node::Calculate(how, Box::new([one, other])), result)
    }

    /// `one in other`.
    fn within(&mut self, at: usize, one: &IdedExpr, other: &IdedExpr) -> Typed {
        if self.is_queues(other) {
            let named = match &one.expr {
                Expr::Literal(LiteralValue::String(id)) => {
                    self.queue(self.place_of(one), id.inner())
                }
                _ => self.wrong(self.place_of(one), "a queue must be named by its id in quotes"),
            };
            return (named.0, Type::Bool);
        }
        let ((one, kind), (other, range)) = (self.value(one), self.expression(other));
        match (kind, range) {
            (Type::Bad, _) | (_, Type::Bad) => (Node::NoValue, Type::Bool),
            (Type::Text, Type::Attributes) => {
                if let Node::Literal(super::Literal::Text(key)) = &one {
                    self.reads(super::Reading::Attribute(key.clone()));
                }
                (Node::HasAttribute(Box::new(one)), Type::Bool)
            }
            (kind, Type::List(element)) if kind == *element => {
                self.known_channel_type(at, &one, &other);
                (Node::In(Box::new([one, other])), Type::Bool)
            }
            (kind, Type::List(element)) => {
                let mend = mend(&kind, &element);
                self.wrong(at, format!("`in` looks for {kind} among {element}{mend}"))
            }
            (kind, Type::Attributes) => {
                self.wrong(at, format!("attributes are found by text, not by {kind}"))
            }
            (_, other) => self.wrong(
                at,
                format!("`in` looks into a list, session.attributes or queues, not into {other}"),
            ),
        }
    }
}
