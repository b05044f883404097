//! Where in a file a field of the API is written, for what only the server finds wrong with it.

use std::collections::BTreeSet;

use super::faults::Fault;
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
        "queue" | "rep" | "flow" | "external_contact" | "target" => "to",
        "set_attributes" => "set",
        "set_priority" => "priority",
        name => name.trim_end_matches("_centi_units"),
    }
}

/// The nearest to a field that is written in a file.
struct Place<'p> {
    at: At,
    /// Its path in the file.
    path: String,
    /// What of the field isn't written there by its name.
    rest: Vec<&'p str>,
    /// Whether it is the list that the field is somewhere in.
    somewhere: bool,
}

/// Finds a field. `lacks`: of a list that isn't all read, the numbers aren't the file's.
fn place<'p>(root: &Node, field: &'p str, lacks: impl Fn(&str) -> bool) -> Place<'p> {
    let mut node = root;
    let (path, rest) = (String::new(), Vec::new());
    let mut found = Place { at: root.at, path, rest, somewhere: false };
    for part in parts(field) {
        let entries: &[_] = if let Value::Map(entries) = &node.value { entries } else { &[] };
        let named = |name: &str| entries.iter().find(|(key, _)| key.text == name);
        let by_number = matches!(part, Part::Number(_));
        if by_number && lacks(&found.path) {
            found.somewhere = true;
            break;
        }
        let entry = match (part, &node.value) {
            (Part::Name(name), _) => {
                let entry = named(name).or_else(|| named(in_a_file(name)));
                if entry.is_none() {
                    found.rest.push(name);
                }
                entry
            }
            (Part::Number(index), Value::List(items)) => {
                let Some(item) = items.get(index) else { break };
                (node, found.at) = (item, item.at);
                found.path += &format!("[{index}]");
                continue;
            }
            // A list of the API that a file writes as a mapping.
            (Part::Number(index), _) => entries.get(index),
        };
        // What isn't written in the file by this name is inside what is.
        let Some((key, value)) = entry else { continue };
        let is_value = matches!(value.value, Value::Scalar(_)) && !by_number;
        found.at = if is_value { value.at } else { key.at };
        node = value;
        found.path += if found.path.is_empty() { "" } else { "." };
        found.path += &key.text;
        found.rest.clear();
    }
    found
}

/// What the server finds wrong with a field, as a fault of the file; `None`: it follows from what was found wrong with the
/// file already.
pub(super) fn fault(
    root: &Node,
    field: &str,
    why: &str,
    (known, incomplete): (&[Fault], &BTreeSet<String>),
) -> Option<Fault> {
    // One of them in a file may be several in a request: one for each of its days.
    let spells = |list: &str| list == "settings.business_hours";
    let lacks = |list: &str| incomplete.contains(list) || spells(list);
    let Place { at, path, rest, somewhere } = place(root, field, lacks);
    let within = |path: &str, other: &str| {
        let inside = path.strip_prefix(other).filter(|_| !other.is_empty());
        inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let follows = |fault: &Fault| {
        let of_it = within(&fault.path, &path) && (!somewhere || spells(&path));
        fault.at == at || within(&path, &fault.path) || of_it
    };
    if known.iter().any(follows) {
        return None;
    }
    // The skill of a level goes by its own name in a file, and so do a partner and what it calls something.
    let by_its_name = |name: &str| match name {
        "skill" => true,
        "partner" | "id" => path.contains(".partners.") || path.contains(".partner_ids."),
        "queue" | "flow" => path.ends_with(".default_target"),
        _ => false,
    };
    let rest: Vec<&str> = rest.into_iter().filter(|name| !by_its_name(name)).collect();
    let text = if rest.is_empty() { why.to_owned() } else { format!("{} {why}", rest.join(".")) };
    Some(Fault { at, path, text })
}
