//! Functions and macros: what they take and give. Part of the type pass (`typing`).

use cel::common::ast::{Expr, IdedExpr};

use super::super::clock::parse_moment;
use super::super::cost::can_be_collected;
use super::super::spelling::hint;
use super::super::tree::{Each, Function, Literal, Macro, Node};
use super::super::words::Type;
use super::super::words::{FUNCTIONS, VARIABLES};
use super::{Typed, Typist};

impl Typist<'_> {
    pub(super) fn function(
        &mut self,
        at: usize,
        name: &str,
        target: Option<&IdedExpr>,
        args: &[IdedExpr],
    ) -> Typed {
        match (name, target, args) {
            ("has", None, [asked]) => self.presence(at, asked),
            ("size", None, [one]) | ("size", Some(one), []) => self.size(at, one),
            ("contains", Some(text), [part]) => self.texts(at, Function::Contains, text, part),
            ("startsWith", Some(text), [part]) => self.texts(at, Function::StartsWith, text, part),
            ("endsWith", Some(text), [part]) => self.texts(at, Function::EndsWith, text, part),
            ("int", None, [one]) => self.conversion(at, Function::ToInt, Type::Int, one),
            ("double", None, [one]) => self.conversion(at, Function::ToDouble, Type::Double, one),
            ("string", None, [one]) => self.conversion(at, Function::ToText, Type::Text, one),
            ("timestamp" | "duration", None, [one]) => self.constant_time(at, name, one),
            ("all", Some(range), [element, test]) => {
                self.each(at, Macro::All, range, element, Some(test), None)
            }
            ("exists", Some(range), [element, test]) => {
                self.each(at, Macro::Exists, range, element, Some(test), None)
            }
            ("exists_one" | "existsOne", Some(range), [element, test]) => {
                self.each(at, Macro::ExistsOne, range, element, Some(test), None)
            }
            ("filter", Some(range), [element, test]) => {
                self.each(at, Macro::Filter, range, element, Some(test), None)
            }
            ("map", Some(range), [element, value]) => {
                self.each(at, Macro::Map, range, element, None, Some(value))
            }
            ("map", Some(range), [element, test, value]) => {
                self.each(at, Macro::Map, range, element, Some(test), Some(value))
            }
            ("matches", ..) => self.wrong(
                at,
                "patterns (`matches`) aren't available; use contains, startsWith, endsWith or `in`",
            ),
            _ => self.unknown_call(at, name, target.is_some(), args.len()),
        }
    }

    fn unknown_call(&mut self, at: usize, name: &str, member: bool, args: usize) -> Typed {
        if !FUNCTIONS.contains(&name) {
            let mend = match hint(name, FUNCTIONS) {
                mend if mend.is_empty() => format!("; there are {}", FUNCTIONS.join(", ")),
                mend => mend,
            };
            return self.wrong(at, format!("there is no function `{name}`{mend}"));
        }
        let usage = match name {
            "size" => "size(x)",
            "contains" => "text.contains(\"part\")",
            "startsWith" => "text.startsWith(\"part\")",
            "endsWith" => "text.endsWith(\"part\")",
            "int" => "int(x)",
            "double" => "double(x)",
            "string" => "string(x)",
            "timestamp" => "timestamp(\"2026-01-31T09:00:00Z\")",
            "duration" => "duration(\"5m\")",
            "has" => "has(session.attributes.NAME)",
            "map" => "list.map(x, value)",
            "filter" => "list.filter(x, condition)",
            "exists_one" => "list.exists_one(x, condition)",
            "all" => "list.all(x, condition)",
            _ => "list.exists(x, condition)",
        };
        let how = if member { "on something" } else { "on nothing" };
        self.wrong(at, format!("`{name}` is called {how} with {args} arguments; write {usage}"))
    }

    /// `has(operand.field)`.
    fn presence(&mut self, at: usize, asked: &IdedExpr) -> Typed {
        if !matches!(asked.expr, Expr::Select(_)) {
            return self.wrong(at, "has(…) takes a field, as in has(session.attributes.NAME)");
        }
        let (node, kind) = self.expression(asked);
        let node = match (node, kind) {
            (_, Type::Bad) => Node::NoValue,
            (Node::Attribute(key), _) => Node::HasAttribute(key),
            (Node::Queue(queue, field), _) => Node::HasQueueField(queue, field),
            (node @ Node::HasQueue(_), _) => node,
            _ => Node::Literal(Literal::Bool(true)),
        };
        (node, Type::Bool)
    }

    fn size(&mut self, at: usize, one: &IdedExpr) -> Typed {
        let (node, kind) = self.expression(one);
        match kind {
            Type::Bad => (Node::NoValue, Type::Int),
            Type::Text | Type::List(_) | Type::Attributes => {
                (Node::Call(Function::Size, vec![node]), Type::Int)
            }
            other => {
                self.wrong(at, format!("`size` takes text, a list or attributes, not {other}"))
            }
        }
    }

    fn texts(&mut self, at: usize, what: Function, text: &IdedExpr, part: &IdedExpr) -> Typed {
        let ((text, kind), (part, part_kind)) = (self.value(text), self.value(part));
        for kind in [kind, part_kind] {
            if kind == Type::Bad {
                return (Node::NoValue, Type::Bool);
            }
            if kind != Type::Text {
                return self.wrong(at, format!("this takes text, not {kind}"));
            }
        }
        (Node::Call(what, vec![text, part]), Type::Bool)
    }

    fn conversion(&mut self, at: usize, what: Function, to: Type, one: &IdedExpr) -> Typed {
        let (node, kind) = self.value(one);
        let fits = match what {
            Function::ToText => matches!(kind, Type::Text | Type::Int | Type::Bool),
            _ => matches!(kind, Type::Text | Type::Int | Type::Double),
        };
        if kind == Type::Bad {
            return (Node::NoValue, to);
        }
        if !fits {
            return self.wrong(at, format!("{kind} can't be turned into {to}"));
        }
        (Node::Call(what, vec![node]), to)
    }

    /// `timestamp("…")` and `duration("…")`, of what is written there only.
    fn constant_time(&mut self, at: usize, name: &str, one: &IdedExpr) -> Typed {
        let (node, _) = self.value(one);
        let Node::Literal(Literal::Text(text)) = node else {
            return self.wrong(at, format!("`{name}` takes text in quotes"));
        };
        if name == "timestamp" {
            return match parse_moment(&text) {
                Some(ms) => (Node::Literal(Literal::Moment(ms)), Type::Moment),
                None => self.wrong(
                    at,
                    "write the time as in timestamp(\"2026-01-31T09:00:00Z\"), to the millisecond",
                ),
            };
        }
        match parse_span(&text) {
            Some(ms) => (Node::Literal(Literal::Span(ms)), Type::Span),
            None => {
                self.wrong(at, "write the duration as in duration(\"1h30m\"), to the millisecond")
            }
        }
    }

    fn each(
        &mut self,
        at: usize,
        what: Macro,
        range: &IdedExpr,
        element: &IdedExpr,
        test: Option<&IdedExpr>,
        value: Option<&IdedExpr>,
    ) -> Typed {
        if self.element.is_some() {
            return self.wrong(at, "one macro can't look into another; split the rule");
        }
        let Expr::Ident(name) = &element.expr else {
            return self
                .wrong(self.place_of(element), "give the element a name, as in (x, x == 1)");
        };
        if VARIABLES.contains(&name.as_str()) {
            let why = format!("`{name}` is taken; give the element another name");
            return self.wrong(self.place_of(element), why);
        }
        let (range_node, range_kind) = self.expression(range);
        let kind = match (range_kind, &range_node) {
            (Type::Bad, _) => return (Node::NoValue, Type::Bad),
            (Type::Attributes, _) => Type::Text,
            (Type::List(kind), Node::List(_)) => *kind,
            _ => {
                let why = "looks only into session.attributes or a list that is written there";
                return self.wrong(at, why);
            }
        };
        self.element = Some((name.clone(), kind.clone()));
        let test = test.map(|test| self.test(test));
        let value = value.map(|value| (self.place_of(value), self.value(value)));
        self.element = None;
        let (value, made) = match value {
            Some((at, (_, made))) if made != Type::Bad && !can_be_collected(&made) => {
                return self.wrong(at, format!("a list holds plain values, not {made}"));
            }
            Some((_, (node, made))) => (Some(node), made),
            None => (None, kind),
        };
        let result = match what {
            Macro::All | Macro::Exists | Macro::ExistsOne => Type::Bool,
            Macro::Filter | Macro::Map if made == Type::Bad => Type::Bad,
            Macro::Filter | Macro::Map => Type::List(Box::new(made)),
        };
        let each = Each { what, range: range_node, test, value };
        (Node::Each(Box::new(each)), result)
    }

    fn test(&mut self, from: &IdedExpr) -> Node {
        let (node, kind) = self.value(from);
        if !matches!(kind, Type::Bool | Type::Bad) {
            let at = self.place_of(from);
            self.mistake_at(at, format!("must be true or false for each element, but is {kind}"));
        }
        node
    }
}

/// `1h30m`, `-2.5s`: whole milliseconds, or nothing.
fn parse_span(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number = &rest[..rest.find(|c: char| !c.is_ascii_digit() && c != '.')?];
        rest = &rest[number.len()..];
        let unit = &rest[..rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len())];
        rest = &rest[unit.len()..];
        let nanos: i128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = u32::try_from(part.len()).ok().filter(|digits| (1..=9).contains(digits))?;
        let part = part.parse::<u32>().ok()?;
        total += i128::from(whole.parse::<u32>().ok()?) * nanos;
        total += i128::from(part) * nanos / 10_i128.pow(digits);
    }
    let ms = i64::try_from(total / 1_000_000).ok()?;
    let whole = total % 1_000_000 == 0 && !text.is_empty() && text != "-";
    whole.then_some(if negative { -ms } else { ms })
}
