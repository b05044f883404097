//! From CEL's syntax to a typed tree: what each name means, which types meet. Finds every mistake in
//! one pass. The syntax itself is the `cel` crate's; operators are in `operators`, functions and
//! macros in `calls`. `condition` calls it for each outermost part.

mod calls;
mod operators;

use cel::Env;
use cel::common::ast::{Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo};
use cel::parser::ParseError;

use crate::domain::directory::ChannelType;
use crate::domain::id::QueueId;

use super::cost::{LIST_MAX, can_be_collected};
use super::mistake::Mistake;
use super::spelling::hint;
use super::tree::{Literal, Node};
use super::words::Reading;
use super::words::Type;
use super::words::{Fact, QUEUE, VARIABLES, Variable};

/// How deep an expression may go, so that no walk over it runs out of stack.
const DEPTH_MAX: usize = 96;

/// An expression and its type.
type Typed = (Node, Type);

/// The pass over one part.
struct Typist<'s> {
    text: &'s str,
    /// Where the part stands in the condition.
    base: usize,
    places: SourceInfo,
    queues: &'s mut Vec<(QueueId, usize)>,
    mistakes: &'s mut Vec<Mistake>,
    readings: Vec<Reading>,
    /// The name and type of the element that a macro looks at.
    element: Option<(String, Type)>,
    depth: usize,
}

/// Compiles one outermost part, which stands at `base`. Queues that it names and mistakes in it are
/// added to those found so far.
pub(super) fn part(
    text: &str,
    base: usize,
    queues: &mut Vec<(QueueId, usize)>,
    mistakes: &mut Vec<Mistake>,
) -> (Node, Vec<Reading>) {
    // Without macros: calls of them stay calls, which are easier to read and to bound.
    let (root, places) = match Env::default().parser().parse_with_source_info(text) {
        Ok(parsed) => parsed,
        Err(errors) => {
            mistakes.push(syntax_mistake(text, base, errors.errors.first()));
            return (Node::NoValue, Vec::new());
        }
    };
    let readings = Vec::new();
    let mut typist =
        Typist { text, base, places, queues, mistakes, readings, element: None, depth: 0 };
    let (node, kind) = typist.expression(&root);
    if kind != Type::Bool && kind != Type::Bad {
        let mend = if kind == Type::Text { "; compare it, as in `== \"…\"`" } else { "" };
        typist.mistake_at(0, format!("must be true or false, but is {kind}{mend}"));
    }
    (node, typist.readings)
}

/// The parser's first complaint in our words; its own lists every token that there is.
fn syntax_mistake(text: &str, base: usize, error: Option<&ParseError>) -> Mistake {
    let Some(error) = error else {
        return Mistake::new(base, "can't be read");
    };
    let (line, column) = (error.pos.0.max(1).unsigned_abs(), error.pos.1.max(1).unsigned_abs());
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let mut at = (before + column - 1).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let said = error.msg.trim_start_matches("Syntax error: ");
    let quoted = || said.split_once('\'').and_then(|(_, rest)| rest.split("' expecting").next());
    let why = match quoted() {
        Some(found) if found.starts_with("<EOF>") => "ends too early: something is missing".into(),
        Some(found) if said.contains(" input ") => {
            format!("unexpected `{}`", found.trim_end_matches('\'').trim())
        }
        _ => said.chars().take(120).collect(),
    };
    Mistake::new(base + at, why)
}

impl Typist<'_> {
    /// Where people look for an expression in its part: a field or function by its name, where the
    /// parser notes the dot or the bracket, an operator by its sign.
    fn place_of(&self, from: &IdedExpr) -> usize {
        let at = self.places.offset_for(from.id).map_or(0, |(start, _)| start as usize);
        let before = self.text.get(..at).unwrap_or("");
        match self.text.as_bytes().get(at) {
            Some(b'.') => at + 1,
            Some(b'(') => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                before.trim_end().trim_end_matches(is_name).len()
            }
            _ => at.min(self.text.len()),
        }
    }

    fn mistake_at(&mut self, at: usize, why: impl Into<String>) {
        self.mistakes.push(Mistake::new(self.base + at, why));
    }

    fn wrong(&mut self, at: usize, why: impl Into<String>) -> Typed {
        self.mistake_at(at, why);
        (Node::NoValue, Type::Bad)
    }

    /// Says so once: both operands of what is too deep are.
    fn too_deep(&mut self, at: usize) -> Typed {
        let why = format!("is nested more than {DEPTH_MAX} deep; split the rule");
        if self.mistakes.last().is_none_or(|last| last.why != why) {
            self.mistake_at(at, why);
        }
        (Node::NoValue, Type::Bad)
    }

    fn reads(&mut self, reading: Reading) {
        if !self.readings.contains(&reading) {
            self.readings.push(reading);
        }
    }

    fn expression(&mut self, from: &IdedExpr) -> Typed {
        let at = self.place_of(from);
        if self.depth == DEPTH_MAX {
            return self.too_deep(at);
        }
        self.depth += 1;
        let typed = match &from.expr {
            Expr::Literal(literal) => self.literal(at, literal),
            Expr::Ident(name) => self.name(at, name),
            Expr::Select(select) => self.select(at, select),
            Expr::Call(call) => self.call(at, call),
            Expr::List(list) if list.optional_indices.is_empty() => self.list(at, &list.elements),
            Expr::List(_) => self.wrong(at, "optional elements (`[?…]`) aren't available"),
            Expr::Map(_) => self.wrong(at, "maps (`{…}`) can't be written here; use rules instead"),
            Expr::Struct(_) => self.wrong(at, "messages (`Type{…}`) can't be written here"),
            Expr::Comprehension(_) | Expr::Unspecified => self.wrong(at, "can't be read"),
        };
        self.depth -= 1;
        typed
    }

    /// An expression that must have a value of its own.
    fn value(&mut self, from: &IdedExpr) -> Typed {
        let (node, kind) = self.expression(from);
        if kind.is_value() {
            return (node, kind);
        }
        let mend = match &kind {
            Type::Attributes => "name one, as in session.attributes.NAME".to_owned(),
            Type::Fields(variable) => {
                let (field, ..) = variable.fields()[0];
                format!("name a field, as in {}.{field}", variable.name())
            }
            _ => "name a figure, as in `.length`".to_owned(),
        };
        self.wrong(self.place_of(from), format!("this is {kind}, not a value; {mend}"))
    }

    fn literal(&mut self, at: usize, literal: &LiteralValue) -> Typed {
        match literal {
            LiteralValue::Boolean(value) => (Node::Literal(Literal::Bool(**value)), Type::Bool),
            LiteralValue::Int(value) => (Node::Literal(Literal::Int(**value)), Type::Int),
            LiteralValue::Double(value) => (Node::Literal(Literal::Double(**value)), Type::Double),
            LiteralValue::String(value) => {
                (Node::Literal(Literal::Text(value.inner().to_owned())), Type::Text)
            }
            LiteralValue::UInt(value) => {
                let value = **value;
                self.wrong(at, format!("unsigned numbers aren't available; write {value}"))
            }
            LiteralValue::Bytes(_) => self.wrong(at, "bytes aren't available; write text"),
            LiteralValue::Null => {
                self.wrong(at, "there is no null; ask whether something is there with has(…)")
            }
        }
    }

    fn name(&mut self, at: usize, name: &str) -> Typed {
        if let Some((_, kind)) = self.element.as_ref().filter(|(element, _)| element == name) {
            return (Node::Element, kind.clone());
        }
        if let Some(variable) = Variable::named(name) {
            return (Node::NoValue, Type::Fields(variable));
        }
        if name == "queues" {
            return self.wrong(at, "name the queue, as in queues[\"billing\"].length");
        }
        let mend = hint(name, VARIABLES);
        self.wrong(
            at,
            format!("there is no variable `{name}`, only session, channel, queues and time{mend}"),
        )
    }

    /// `operand.field`.
    fn select(&mut self, at: usize, select: &SelectExpr) -> Typed {
        let field = select.field.as_str();
        if self.is_queues(&select.operand) {
            return self.queue(at, field);
        }
        let (operand, kind) = self.expression(&select.operand);
        match kind {
            Type::Bad => (Node::NoValue, Type::Bad),
            Type::Attributes => self.attribute(field.to_owned()),
            Type::Fields(variable) => self.field(at, variable, field),
            Type::Queue(queue) => {
                let Some((_, found, kind)) = QUEUE.iter().find(|(name, ..)| *name == field) else {
                    let mend = hint(field, QUEUE.iter().map(|(name, ..)| *name));
                    return self.wrong(at, format!("a queue has no `{field}`{mend}"));
                };
                self.reads(Reading::Queue(queue, *found));
                (Node::Queue(queue, *found), kind.clone())
            }
            other => {
                drop(operand);
                self.wrong(at, format!("there is no `{field}` in {other}"))
            }
        }
    }

    fn field(&mut self, at: usize, variable: Variable, field: &str) -> Typed {
        if variable == Variable::Session && field == "attributes" {
            return (Node::Attributes, Type::Attributes);
        }
        let fields = variable.fields();
        if let Some((_, fact, kind)) = fields.iter().find(|(name, ..)| *name == field) {
            self.reads(Reading::Fact(*fact));
            return (Node::Fact(*fact), kind.clone());
        }
        let known = fields.iter().map(|(name, ..)| *name);
        let attributes = (variable == Variable::Session).then_some("attributes");
        let mend = hint(field, known.chain(attributes));
        let name = variable.name();
        let attribute = match variable {
            Variable::Session if mend.is_empty() => {
                format!("; an attribute is session.attributes.{field}")
            }
            _ => String::new(),
        };
        self.wrong(at, format!("`{name}` has no `{field}`{mend}{attribute}"))
    }

    fn attribute(&mut self, key: String) -> Typed {
        self.reads(Reading::Attribute(key.clone()));
        let key = Node::Literal(Literal::Text(key));
        (Node::Attribute(Box::new(key)), Type::Text)
    }

    /// Is it the variable `queues`, and not a macro's element of that name?
    fn is_queues(&self, from: &IdedExpr) -> bool {
        let named = matches!(&from.expr, Expr::Ident(name) if name == "queues");
        named && self.element.as_ref().is_none_or(|(element, _)| element != "queues")
    }

    /// The queue of this id, wherever it is named.
    fn queue(&mut self, at: usize, id: &str) -> Typed {
        let id = match QueueId::new(id) {
            Ok(id) => id,
            Err(bad) => return self.wrong(at, format!("the id of the queue {bad}")),
        };
        let known = self.queues.iter().position(|(queue, _)| *queue == id);
        let index = known.unwrap_or_else(|| {
            self.queues.push((id, self.base + at));
            self.queues.len() - 1
        });
        (Node::HasQueue(index), Type::Queue(index))
    }

    /// `operand[key]`.
    fn index(&mut self, operand: &IdedExpr, key: &IdedExpr) -> Typed {
        let at = self.place_of(key);
        if self.is_queues(operand) {
            return match &key.expr {
                Expr::Literal(LiteralValue::String(id)) => self.queue(at, id.inner()),
                _ => self.wrong(
                    at,
                    "a queue must be named by its id in quotes, as in queues[\"billing\"]; \
                     write a rule for each queue",
                ),
            };
        }
        let (list, kind) = self.expression(operand);
        if let (Type::Attributes, Expr::Literal(LiteralValue::String(key))) = (&kind, &key.expr) {
            return self.attribute(key.inner().to_owned());
        }
        let (key, key_kind) = self.value(key);
        match (kind, key_kind) {
            (Type::Bad, _) | (_, Type::Bad) => (Node::NoValue, Type::Bad),
            (Type::Attributes, Type::Text) => (Node::Attribute(Box::new(key)), Type::Text),
            (Type::Attributes, other) => {
                self.wrong(at, format!("attributes are found by text, not by {other}"))
            }
            (Type::List(element), Type::Int) => (Node::Index(Box::new([list, key])), *element),
            (Type::List(_), other) => {
                self.wrong(at, format!("elements are found by a whole number, not by {other}"))
            }
            (other, _) => self.wrong(at, format!("`[…]` finds nothing in {other}")),
        }
    }

    fn list(&mut self, at: usize, from: &[IdedExpr]) -> Typed {
        if from.is_empty() {
            return self.wrong(at, "this list is empty");
        }
        if from.len() > LIST_MAX {
            let elements = from.len();
            let why = format!("has {elements} elements; a list has at most {LIST_MAX}");
            return self.wrong(at, why);
        }
        let mut kind = Type::Bad;
        let mut nodes = Vec::with_capacity(from.len());
        for element in from {
            let (node, found) = self.value(element);
            let at = self.place_of(element);
            if found != Type::Bad && !can_be_collected(&found) {
                return self.wrong(at, format!("a list holds plain values, not {found}"));
            }
            if kind == Type::Bad {
                kind = found;
            } else if found != Type::Bad && found != kind {
                return self.wrong(at, format!("this is {found}, the elements before it {kind}"));
            }
            nodes.push(node);
        }
        match kind {
            Type::Bad => (Node::NoValue, Type::Bad),
            kind => (Node::List(nodes), Type::List(Box::new(kind))),
        }
    }
}

/// Is the type of the channel compared with a word that is no type of channel?
fn unknown_channel_type<'n>(of: &Node, compared: &'n Node) -> Option<&'n str> {
    let known = |word: &str| ChannelType::ALL.into_iter().any(|kind| kind.name() == word);
    match (of, compared) {
        (Node::Fact(Fact::ChannelType), Node::Literal(Literal::Text(word))) if !known(word) => {
            Some(word)
        }
        (Node::Fact(Fact::ChannelType), Node::List(words)) => {
            words.iter().find_map(|word| unknown_channel_type(of, word))
        }
        _ => None,
    }
}
