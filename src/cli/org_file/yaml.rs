//! YAML as a tree in which everything knows its line and column, and scalars keep the text that was written.
//!
//! It stops at the first error of syntax, as there is no telling what follows, and hands over what came before it, so
//! that the errors in there are found too. Aliases are refused: an org file needs none, and they can explode.

use std::fmt;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

/// A place in the file, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl From<Marker> for At {
    fn from(marker: Marker) -> Self {
        Self { line: marker.line().max(1), column: marker.col() + 1 }
    }
}

impl At {
    /// A place in this text. In what it passes over, such as a directive, the parser counts bytes for characters.
    fn within(self, text: &str) -> Self {
        let longest = text.split('\n').map(|line| line.chars().count()).max().unwrap_or_default();
        Self { column: self.column.min(longest + 1), ..self }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it begins.
    pub at: At,
    /// What it is.
    pub value: Value,
    /// Whether an error of syntax cut it off: what seems missing may come after.
    pub cut: bool,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar as written, without its quotes.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in order, repeated keys included.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug)]
pub struct Key {
    /// As written.
    pub text: String,
    /// Where.
    pub at: At,
}

/// What is wrong with the syntax, and where.
pub type SyntaxFault = (At, String);

/// Deeper than any org file.
const DEEPEST: usize = 32;

/// The first document, and the error of syntax that ended it, if there is one.
pub fn parse(text: &str) -> (Option<Node>, Option<SyntaxFault>) {
    let mut builder = Builder::default();
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, at) = match event {
            Ok((event, span)) => (event, At::from(span.start)),
            Err(error) => {
                let at = At::from(*error.marker()).within(text);
                return builder.cut((at, error.info().to_owned()));
            }
        };
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                return (
                    builder.root,
                    Some((at, "a second document: put everything into one".to_owned())),
                );
            }
        }
        if let Err(fault) = builder.take(event, at) {
            return builder.cut((at, fault.to_owned()));
        }
    }
    (builder.root, None)
}

/// A container under construction; for a mapping the key whose value comes next.
struct Open {
    node: Node,
    key: Option<Key>,
}

#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, at: At) -> Result<(), &'static str> {
        match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                let null = plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar(text.into_owned()) };
                self.put(Node { at, value, cut: false })
            }
            Event::SequenceStart(..) => self.open(at, Value::List(Vec::new())),
            Event::MappingStart(..) => self.open(at, Value::Map(Vec::new())),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(_) => Err("aliases (*name) aren't supported: write it out"),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, at: At, value: Value) -> Result<(), &'static str> {
        if self.stack.len() >= DEEPEST {
            return Err("nested too deeply");
        }
        self.stack.push(Open { node: Node { at, value, cut: false }, key: None });
        Ok(())
    }

    fn close(&mut self) -> Result<(), &'static str> {
        match self.stack.pop() {
            Some(open) => self.put(open.node),
            None => Ok(()),
        }
    }

    fn put(&mut self, node: Node) -> Result<(), &'static str> {
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match open.key.take() {
                Some(key) => entries.push((key, node)),
                None => match node.value {
                    Value::Scalar(text) => open.key = Some(Key { text, at: node.at }),
                    _ => return Err("a key must be a name"),
                },
            },
            Value::Null | Value::Scalar(..) => {}
        }
        Ok(())
    }

    /// Closes whatever is open and marks it as cut off.
    fn cut(mut self, fault: SyntaxFault) -> (Option<Node>, Option<SyntaxFault>) {
        while let Some(mut open) = self.stack.pop() {
            open.node.cut = true;
            // Half a mapping as a key has no place to go; the fault is reported anyway.
            let _ = self.put(open.node);
        }
        (self.root, Some(fault))
    }
}
