//! Messages made by their descriptions, from bytes that choose: which fields are there, and what is in them. What is known
//! of the org is chosen often, so that much of it means something.

use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

/// How deep messages lie in messages.
const DEEP: usize = 6;
/// Elements of a list that is to be too long.
const MANY: usize = 300;
/// The field of reads that says which revision they wait for.
const AWAITED: &str = "at_least_revision";
/// Numbers at which something may be otherwise.
const EDGES: [i64; 20] = [
    -1,
    1,
    2,
    5,
    50,
    99,
    100,
    101,
    999_999_999,
    1_000_000_000,
    1_768_383_000,
    -62_135_596_801,
    253_402_300_800,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    i64::MAX / 1_000,
    i64::MAX / 1_000 + 1,
    i64::MAX,
    i64::MIN,
];

/// Bytes that choose; at their end all are 0.
pub struct Source<'b>(&'b [u8]);

impl<'b> Source<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// A number below this one.
    pub fn below(&mut self, most: usize) -> usize {
        usize::from(self.byte()) % most.max(1)
    }

    /// So many bytes, or as many as there are.
    fn take(&mut self, count: usize) -> &'b [u8] {
        let (taken, left) = self.0.split_at(count.min(self.0.len()));
        self.0 = left;
        taken
    }
}

/// The bytes of a message.
pub fn of(kind: &MessageDescriptor, source: &mut Source<'_>, known: &[String]) -> Vec<u8> {
    if source.byte() != 0 {
        return made(kind, source, known, DEEP).encode_to_vec();
    }
    let count = usize::from(source.byte()) << 8 | usize::from(source.byte());
    let bytes = source.take(count);
    match DynamicMessage::decode(kind.clone(), bytes) {
        Ok(mut message) => {
            fill_in(&mut message, known);
            message.encode_to_vec()
        }
        // No message, which is for the server to find out.
        Err(_) => bytes.to_vec(),
    }
}

/// Puts what is known in the place of `$0`, `$1` and so on.
fn fill_in(message: &mut DynamicMessage, known: &[String]) {
    let fields: Vec<FieldDescriptor> = message.fields().map(|(field, _)| field).collect();
    for field in fields {
        let value = message.get_field_mut(&field);
        filled_in(value, known);
    }
}

fn filled_in(value: &mut Value, known: &[String]) {
    match value {
        Value::String(text) => {
            let number = text.strip_prefix('$').and_then(|number| number.parse::<usize>().ok());
            if let Some(number) = number {
                text.clone_from(&known[number % known.len()]);
            }
        }
        Value::Message(inner) => fill_in(inner, known),
        Value::List(items) => items.iter_mut().for_each(|item| filled_in(item, known)),
        Value::Map(entries) => entries.values_mut().for_each(|item| filled_in(item, known)),
        _ => {}
    }
}

fn made(
    kind: &MessageDescriptor,
    source: &mut Source<'_>,
    known: &[String],
    deep: usize,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(kind.clone());
    for field in kind.fields() {
        let chosen = source.byte();
        if chosen & 3 == 0 || deep == 0 {
            continue;
        }
        let count = match chosen {
            0xff => MANY,
            _ => usize::from(chosen >> 2) % 4,
        };
        let value = if field.is_map() {
            let Kind::Message(entry) = field.kind() else { continue };
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            let pair = |_| {
                let key = map_key(one(&key.kind(), source, known, deep));
                (key, one(&value.kind(), source, known, deep))
            };
            Value::Map((0..count.min(80)).map(pair).collect())
        } else if field.is_list() {
            Value::List((0..count).map(|_| one(&field.kind(), source, known, deep)).collect())
        } else if field.name() == AWAITED {
            // What isn't there yet is waited for, which takes its time and is tested elsewhere.
            Value::I64(i64::from(source.byte() & 7))
        } else {
            one(&field.kind(), source, known, deep)
        };
        message.set_field(&field, value);
    }
    message
}

fn map_key(value: Value) -> MapKey {
    match value {
        Value::Bool(value) => MapKey::Bool(value),
        Value::I32(value) => MapKey::I32(value),
        Value::I64(value) => MapKey::I64(value),
        Value::U32(value) => MapKey::U32(value),
        Value::U64(value) => MapKey::U64(value),
        Value::String(value) => MapKey::String(value),
        other => panic!("no map has {other:?} for a key"),
    }
}

fn one(kind: &Kind, source: &mut Source<'_>, known: &[String], deep: usize) -> Value {
    match kind {
        Kind::Double => Value::F64(number(source) as f64),
        Kind::Float => Value::F32(number(source) as f32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(number(source) as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number(source)),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(number(source) as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(number(source) as u64),
        Kind::Bool => Value::Bool(source.byte() & 1 == 1),
        Kind::Bytes => Value::Bytes(text(source, known).into_bytes().into()),
        Kind::String => Value::String(text(source, known)),
        Kind::Message(inner) => Value::Message(made(inner, source, known, deep - 1)),
        Kind::Enum(names) => Value::EnumNumber(match source.byte() {
            255 => number(source) as i32,
            chosen => {
                let all: Vec<i32> = names.values().map(|value| value.number()).collect();
                all[usize::from(chosen) % all.len()]
            }
        }),
    }
}

fn number(source: &mut Source<'_>) -> i64 {
    match usize::from(source.byte()) {
        chosen if chosen < EDGES.len() => EDGES[chosen],
        254 => source.take(8).iter().fold(0, |number, byte| number << 8 | i64::from(*byte)),
        chosen => (chosen - EDGES.len()) as i64,
    }
}

fn text(source: &mut Source<'_>, known: &[String]) -> String {
    match source.byte() {
        chosen @ 0..200 => known[usize::from(chosen) % known.len()].clone(),
        200..250 => {
            let count = source.below(40);
            String::from_utf8_lossy(source.take(count)).into_owned()
        }
        chosen @ 250..253 => "é".repeat(64 << (chosen - 250)),
        _ => "x".repeat(usize::from(source.byte()) << 6),
    }
}
