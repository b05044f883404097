//! Any message of the API as JSON, by the compiled protos: proto3's JSON names, enums without their prefix.
//!
//! Generated types have no reflection of their own, so a message is encoded and read back against its descriptor.
//! Numbers are numbers (none here passes 2^53), times RFC 3339, durations seconds with an `s`. What isn't set is left
//! out, but for numbers, booleans and lists, which scripts like to rely on.

use std::collections::HashMap;
use std::sync::OnceLock;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use serde_json::{Map, Value};

use crate::pb;

/// The compiled protos by full name, with the leading dot that descriptors use.
struct Schema {
    messages: HashMap<String, DescriptorProto>,
    enums: HashMap<String, EnumDescriptorProto>,
}

static SCHEMA: OnceLock<Schema> = OnceLock::new();

/// The message, whose name in `baton.v1` is given, as JSON.
pub fn of<M: Message>(name: &str, message: &M) -> Value {
    let schema = SCHEMA.get_or_init(Schema::load);
    schema
        .message(&format!(".baton.v1.{name}"), &message.encode_to_vec())
        .expect("a message just encoded agrees with the descriptors it was generated from")
}

/// One field as it stands on the wire.
enum Wire<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

impl Schema {
    fn load() -> Self {
        let files = FileDescriptorSet::decode(pb::DESCRIPTORS).expect("compiled by the build");
        let mut schema = Self { messages: HashMap::new(), enums: HashMap::new() };
        for file in files.file {
            let package = format!(".{}", file.package());
            for message in file.message_type {
                schema.add(&package, message);
            }
            for values in file.enum_type {
                schema.enums.insert(format!("{package}.{}", values.name()), values);
            }
        }
        schema
    }

    fn add(&mut self, parent: &str, message: DescriptorProto) {
        let name = format!("{parent}.{}", message.name());
        for nested in &message.nested_type {
            self.add(&name, nested.clone());
        }
        self.messages.insert(name, message);
    }

    fn message(&self, name: &str, bytes: &[u8]) -> Option<Value> {
        match name {
            ".google.protobuf.Timestamp" => {
                return Some(Value::String(
                    prost_types::Timestamp::decode(bytes).ok()?.to_string(),
                ));
            }
            ".google.protobuf.Duration" => {
                return Some(Value::String(prost_types::Duration::decode(bytes).ok()?.to_string()));
            }
            _ => {}
        }
        let descriptor = self.messages.get(name)?;
        let mut seen: HashMap<i32, Vec<Wire<'_>>> = HashMap::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (number, wire) = field(&mut rest)?;
            seen.entry(number).or_default().push(wire);
        }
        let mut object = Map::new();
        for field in &descriptor.field {
            let wires = seen.remove(&field.number()).unwrap_or_default();
            if let Some(value) = self.field(field, &wires)? {
                object.insert(field.json_name().to_owned(), value);
            }
        }
        Some(Value::Object(object))
    }

    /// The value of a field; inner None: left out.
    fn field(&self, field: &FieldDescriptorProto, wires: &[Wire<'_>]) -> Option<Option<Value>> {
        if field.label() == Label::Repeated {
            let entry = self.messages.get(field.type_name());
            if entry.is_some_and(|m| m.options.as_ref().is_some_and(|o| o.map_entry())) {
                return self.map(field.type_name(), wires).map(Some);
            }
            let mut items = Vec::new();
            for wire in wires {
                match wire {
                    Wire::Bytes(packed) if !is_bytes(field.r#type()) => {
                        let mut packed = *packed;
                        while !packed.is_empty() {
                            items.push(self.value(field, &Wire::Varint(varint(&mut packed)?))?);
                        }
                    }
                    wire => items.push(self.value(field, wire)?),
                }
            }
            return Some(Some(Value::Array(items)));
        }
        match wires.last() {
            Some(wire) => self.value(field, wire).map(Some),
            None if field.oneof_index.is_some() => Some(None),
            None => Some(match field.r#type() {
                Type::Bool => Some(Value::Bool(false)),
                Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => Some(Value::from(0)),
                _ => None,
            }),
        }
    }

    fn map(&self, entry: &str, wires: &[Wire<'_>]) -> Option<Value> {
        let mut object = Map::new();
        for wire in wires {
            let Wire::Bytes(bytes) = wire else {
                return None;
            };
            let pair = self.message(entry, bytes)?;
            let key = pair.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
            object.insert(
                key,
                pair.get("value").cloned().unwrap_or_else(|| Value::String(String::new())),
            );
        }
        Some(Value::Object(object))
    }

    fn value(&self, field: &FieldDescriptorProto, wire: &Wire<'_>) -> Option<Value> {
        Some(match (field.r#type(), wire) {
            (Type::String, Wire::Bytes(bytes)) => {
                Value::String(String::from_utf8_lossy(bytes).into_owned())
            }
            (Type::Message, Wire::Bytes(bytes)) => self.message(field.type_name(), bytes)?,
            (Type::Bool, Wire::Varint(number)) => Value::Bool(*number != 0),
            (Type::Enum, Wire::Varint(number)) => self.enum_name(field.type_name(), *number),
            (Type::Int64, Wire::Varint(number)) => Value::from(number.cast_signed()),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "an int32 is sign-extended on the wire"
            )]
            (Type::Int32, Wire::Varint(number)) => Value::from(*number as u32 as i32),
            (Type::Uint32 | Type::Uint64, Wire::Varint(number)) => Value::from(*number),
            _ => return None,
        })
    }

    fn enum_name(&self, name: &str, number: u64) -> Value {
        let Some(values) = self.enums.get(name) else {
            return Value::from(number);
        };
        let named = values.value.iter().find(|v| u64::try_from(v.number()) == Ok(number));
        let Some(full) = named.map(|v| v.name()) else {
            return Value::from(number);
        };
        let zero = values.value.first().map_or("", |v| v.name());
        let prefix = zero.strip_suffix("UNSPECIFIED").unwrap_or("");
        Value::String(full.strip_prefix(prefix).unwrap_or(full).to_owned())
    }
}

fn is_bytes(kind: Type) -> bool {
    matches!(kind, Type::String | Type::Message | Type::Bytes)
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(i32, Wire<'a>)> {
    let key = varint(rest)?;
    let number = i32::try_from(key >> 3).ok()?;
    match key & 7 {
        0 => Some((number, Wire::Varint(varint(rest)?))),
        2 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            let (bytes, after) = rest.split_at_checked(length)?;
            *rest = after;
            Some((number, Wire::Bytes(bytes)))
        }
        // The API has no fixed-width fields.
        _ => None,
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    prost::encoding::decode_varint(rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_reads_as_proto3_json_with_short_enum_names() {
        let session = pb::Session {
            id: "s1".into(),
            channel: "web".into(),
            channel_type: pb::ChannelType::WebChatV2 as i32,
            state: pb::SessionState::Active as i32,
            attributes: [("lang".to_owned(), "es".to_owned()), ("empty".to_owned(), String::new())]
                .into(),
            required_skills: vec![pb::SkillLevel { skill: "es".into(), level: 3 }],
            opened_at: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
            revision: -1,
            ..Default::default()
        };
        let value = of("Session", &session);
        assert_eq!(value["channelType"], "WEB_CHAT_V2");
        assert_eq!(value["state"], "ACTIVE");
        assert_eq!(value["attributes"], json!({"lang": "es", "empty": ""}));
        assert_eq!(value["requiredSkills"], json!([{"skill": "es", "level": 3}]));
        assert_eq!(value["openedAt"], "2023-11-14T22:13:20Z");
        assert_eq!(value["revision"], -1);
        assert_eq!(value["stranded"], false);
        assert!(value.get("owner").is_none() && value.get("endedAt").is_none());
    }

    #[test]
    fn packed_enums_and_oneofs_are_read() {
        let rep = pb::RepPresence {
            available_channel_types: vec![
                pb::ChannelType::Sms as i32,
                pb::ChannelType::Line as i32,
            ],
            ..Default::default()
        };
        assert_eq!(of("RepPresence", &rep)["availableChannelTypes"], json!(["SMS", "LINE"]));
        let recipient =
            pb::Recipient { recipient: Some(pb::recipient::Recipient::Queue("q".into())) };
        assert_eq!(of("Recipient", &recipient), json!({"queue": "q"}));
    }
}
