//! A file of contacts that a partner supplies (N2): a line of JSON for each, or YAML with a list of them. What
//! `contacts list -o jsonl` prints can be read again, so names may be written as the API's JSON does (`estimatedWait`).
//!
//! It looks at what each field is, not at what the server alone decides: ids that are given twice, and how much is too
//! much, are told for each contact by its verdict (N10).

use serde_json::Value as Json;

use super::fields::Fields;
use super::yaml::{self, At, Key, Node, Value};
use super::{Fault, Faults};
use crate::pb;

/// A contact, and the line of the file that it begins in.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// From 1.
    pub line: usize,
    /// The contact.
    pub contact: pb::Contact,
}

/// Reads a file of contacts, or says everything that is wrong with it.
pub fn read_contacts(text: &str) -> Result<Vec<Placed>, Vec<Fault>> {
    let faults = Faults::default();
    let found = if text.trim_start().starts_with('{') {
        of_lines(text, &faults)
    } else {
        of_yaml(text, &faults)
    };
    let contacts: Vec<Placed> = found.iter().filter_map(|node| contact(node, &faults)).collect();
    let (faults, _) = faults.into_sorted();
    if faults.is_empty() { Ok(contacts) } else { Err(faults) }
}

/// Of each line that isn't blank, its value.
fn of_lines(text: &str, faults: &Faults) -> Vec<Node> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let node = |(index, line): (usize, &str)| {
        let at = At { line: index + 1, column: 1 };
        match serde_json::from_str::<Json>(line) {
            Ok(value) => Some(node_of(value, at)),
            Err(error) => {
                // The parser counts bytes, people count characters.
                let starts = line.char_indices().map(|(start, _)| start + 1);
                let before = starts.take_while(|start| *start < error.column()).count();
                let at = At { column: before + 1, ..at };
                faults.add(at, "", "not JSON: each line is one contact, such as {\"id\": \"42\", \"name\": \"Front desk\"}");
                None
            }
        }
    };
    lines.filter_map(node).collect()
}

/// What JSON says, as YAML would say it: names of the API's JSON (`estimatedWait`) as those of its protos.
fn node_of(value: Json, at: At) -> Node {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Scalar(flag.to_string()),
        Json::Number(number) => Value::Scalar(number.to_string()),
        Json::String(text) => Value::Scalar(text),
        Json::Array(items) => {
            Value::List(items.into_iter().map(|item| node_of(item, at)).collect())
        }
        Json::Object(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(text, value)| (Key { text, at }, node_of(value, at)))
                .collect(),
        ),
    };
    Node { at, value, cut: false }
}

/// The items of a list, or of the list under `contacts`.
fn of_yaml(text: &str, faults: &Faults) -> Vec<Node> {
    let (root, syntax) = yaml::parse(text);
    if let Some((at, why)) = syntax {
        faults.add(at, "", format!("not YAML: {why}"));
        return Vec::new();
    }
    const WANTED: &str = "must be a list of contacts, or have one under `contacts`";
    match root {
        Some(Node { value: Value::List(items), .. }) => items,
        Some(root) => {
            let at = root.at;
            let Value::Map(entries) = root.value else {
                faults.add(at, "", WANTED);
                return Vec::new();
            };
            match <[(Key, Node); 1]>::try_from(entries) {
                Ok([(key, Node { value: Value::List(items), .. })]) if key.text == "contacts" => {
                    items
                }
                _ => {
                    faults.add(at, "", WANTED);
                    Vec::new()
                }
            }
        }
        // Nobody is a contact: of a full sync that is a statement, and the guard's to doubt (N10).
        None => Vec::new(),
    }
}

fn contact(node: &Node, faults: &Faults) -> Option<Placed> {
    let node = named_as_in_protos(node);
    let mut fields = Fields::of(&node, "", faults)?;
    let line = fields.at.line;
    let id = fields.id("id");
    if id.is_none() {
        fields.missing("id", "the partner's own id of the contact");
    }
    let name = fields.text("name");
    if name.is_empty() {
        fields.missing("name", "what people see");
    }
    let contact = pb::Contact {
        id: id.map(|id| id.text).unwrap_or_default(),
        name,
        description: fields.text("description"),
        r#type: fields.text("type"),
        channels: fields.ids("channels").into_iter().map(|channel| channel.text).collect(),
        fields: fields.attributes("fields").into_iter().collect(),
        availability: fields.name::<pb::ContactAvailability>("availability"),
        estimated_wait: fields.duration("estimated_wait", 0..=LONGEST_WAIT),
        observed_at: fields.time("observed_at"),
        valid_for: fields.duration("valid_for", 1..=86_400),
        valid_until: None,
    };
    // What only the server writes may stand in a file that came from it.
    fields.node("valid_until");
    fields.finish();
    Some(Placed { line, contact })
}

/// A hundred days: whatever a partner estimates is less.
const LONGEST_WAIT: u64 = 100 * 86_400;

fn named_as_in_protos(node: &Node) -> Node {
    const JSON_NAMES: [(&str, &str); 4] = [
        ("estimatedWait", "estimated_wait"),
        ("observedAt", "observed_at"),
        ("validFor", "valid_for"),
        ("validUntil", "valid_until"),
    ];
    let mut node = node.clone();
    if let Value::Map(entries) = &mut node.value {
        for (key, _) in entries {
            let found = JSON_NAMES.iter().find(|(json, _)| *json == key.text);
            if let Some((_, name)) = found {
                key.text = (*name).to_owned();
            }
        }
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        read_contacts(text).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn n2_lines_of_json_and_yaml_say_the_same() {
        let lines = r#"{"id": "42", "name": "Front desk", "type": "team", "channels": ["acme-chat"], "fields": {"city": "Łódź 👋"}, "availability": "AVAILABLE", "estimatedWait": "20.500s", "validUntil": "2026-03-02T09:30:00Z"}

{"id": "43", "name": "Night desk"}
"#;
        let read = read_contacts(lines).unwrap();
        assert_eq!(read.iter().map(|placed| placed.line).collect::<Vec<_>>(), [1, 3]);
        let front = &read[0].contact;
        assert_eq!(front.availability(), pb::ContactAvailability::Available);
        assert_eq!(
            front.estimated_wait,
            Some(prost_types::Duration { seconds: 20, nanos: 500_000_000 })
        );
        assert_eq!(front.fields["city"], "Łódź 👋");
        let yaml = "
contacts:
  - id: 42
    name: Front desk
    type: team
    channels: [acme-chat]
    fields: {city: Łódź 👋}
    availability: available
    estimated_wait: 20.5s
  - {id: 43, name: Night desk}
";
        let of_yaml = read_contacts(yaml).unwrap();
        assert_eq!(of_yaml.iter().map(|placed| placed.line).collect::<Vec<_>>(), [3, 10]);
        let contacts = |all: &[Placed]| all.iter().map(|p| p.contact.clone()).collect::<Vec<_>>();
        assert_eq!(contacts(&of_yaml), contacts(&read));
        assert_eq!(read_contacts("").unwrap(), []);
        assert_eq!(read_contacts("- {id: 43, name: Night desk}").unwrap().len(), 1);
    }

    #[test]
    fn d1_everything_wrong_with_the_file_is_said_with_its_line() {
        let told = faults("{\"id\": \"a b\", \"name\": \"x\"}\n{\"id\": \"1\"}\n{nonsense\n");
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("1:1: id: `a b` isn't an id"), "{told:?}");
        assert!(told[1].starts_with("2:1: name: is required"), "{told:?}");
        assert!(told[2].starts_with("3:2: not JSON"), "{told:?}");
        let told = faults("{\"name\": \"Zo\u{eb} \u{4e2d}\" x}");
        assert!(told[0].starts_with("1:18: not JSON"), "columns count characters: {told:?}");
        let told =
            faults("- {id: 1, name: x, tipe: team, availability: here, estimated_wait: soon}");
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().any(|fault| fault.contains("did you mean `type`?")), "{told:?}");
        for text in ["contacts: 3", "people: []", "42", "- just a name"] {
            assert_eq!(faults(text).len(), 1, "{text}");
        }
    }
}
