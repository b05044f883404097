//! JSON in which no object has a key twice. The library takes the last of two; whoever signed or checked the text before
//! may have taken the first, so that one token would say two things.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// An object of which no part has a key twice.
pub type Object = Map<String, Value>;

/// Reads an object; `None` if the text is anything else, or has a key twice anywhere, or is nested deeper than the library
/// goes (128).
#[must_use]
pub fn object(text: &[u8]) -> Option<Object> {
    match serde_json::from_slice::<Unambiguous>(text) {
        Ok(Unambiguous(Value::Object(object))) => Some(object),
        Ok(_) | Err(_) => None,
    }
}

struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a key twice")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::Number(value.into())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::Number(value.into())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Unambiguous, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("no number"))?;
        Ok(Unambiguous(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::String(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unambiguous, A::Error> {
        let mut found = Vec::new();
        while let Some(Unambiguous(item)) = items.next_element()? {
            found.push(item);
        }
        Ok(Unambiguous(Value::Array(found)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unambiguous, A::Error> {
        let mut found = Map::new();
        while let Some((key, Unambiguous(value))) = entries.next_entry::<String, _>()? {
            if found.insert(key, value).is_some() {
                return Err(A::Error::custom("a key is there twice"));
            }
        }
        Ok(Unambiguous(Value::Object(found)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d4_what_says_two_things_isnt_read() {
        assert_eq!(object(br#"{"a":[1,{"b":null}],"c":-1.5}"#).map(|o| o.len()), Some(2));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
            r#"{"a":1} "#.trim_end().trim_end_matches('}'),
            r#"{"a":1}x"#,
            "[]",
            "",
            "\"a\"",
            "{\"a\":\"\u{1}\"}",
            &deep,
        ] {
            assert_eq!(object(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), None);
    }
}
