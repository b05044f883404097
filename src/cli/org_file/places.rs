//! Where in a file a field of the API is written, for what only the server finds wrong with it.

use super::fields::Fault;
use super::yaml::{At, Node, Value};

/// A part of a path: a name, or a number in a list.
enum Part<'p> {
    Name(&'p str),
    Number(usize),
}

fn parts(path: &str) -> impl Iterator<Item = Part<'_>> {
    path.split(['.', '[', ']']).filter(|part| !part.is_empty()).map(|part| match part.parse() {
        Ok(number) => Part::Number(number),
        Err(_) => Part::Name(part),
    })
}

/// What a field of the API is called in a file.
fn in_a_file(name: &str) -> &str {
    match name {
        "condition" => "when",
        "queue" | "rep" | "flow" | "target" => "to",
        "set_attributes" => "set",
        "set_priority" => "priority",
        name => name.trim_end_matches("_centi_units"),
    }
}

/// The place of a field, or of the nearest that it is in, and its path in the file.
pub(super) fn place(root: &Node, field: &str) -> (At, String) {
    let (mut node, mut at, mut path) = (root, root.at, String::new());
    for part in parts(field) {
        let entries: &[_] = if let Value::Map(entries) = &node.value { entries } else { &[] };
        let named = |name: &str| entries.iter().find(|(key, _)| key.text == name);
        let by_number = matches!(part, Part::Number(_));
        let found = match (part, &node.value) {
            (Part::Name(name), _) => named(name).or_else(|| named(in_a_file(name))),
            (Part::Number(index), Value::List(items)) => {
                let Some(item) = items.get(index) else { break };
                (node, at) = (item, item.at);
                path += &format!("[{index}]");
                continue;
            }
            // A list of the API that a file writes as a mapping.
            (Part::Number(index), _) => entries.get(index),
        };
        // What isn't written in the file by this name is inside what is.
        let Some((key, value)) = found else { continue };
        let is_value = matches!(value.value, Value::Scalar(_)) && !by_number;
        at = if is_value { value.at } else { key.at };
        node = value;
        path += if path.is_empty() { "" } else { "." };
        path += &key.text;
    }
    (at, path)
}

/// What the server finds wrong with a field, as a fault of the file.
pub(super) fn fault(root: &Node, field: &str, why: &str) -> Fault {
    let (at, path) = place(root, field);
    Fault { at, path, text: why.to_owned() }
}
