//! A session's attributes (O3): their bounds, and how a change of some of them meets those that are
//! there. Asked by `decide::session`, which decides on the attributes of that moment, and by the
//! wire, which refuses what can't fit anyway. It doesn't know whose they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::rejection::BadField;

/// Facts about a session, from its channel or its rep.
pub type Attributes = BTreeMap<String, String>;

/// The most attributes of a session.
pub const MOST: usize = 64;
/// The most bytes of all its keys and values together.
pub const MOST_BYTES: usize = 4_096;
/// The most bytes of one key; the least is 1.
pub const MOST_KEY_BYTES: usize = 128;

/// How a session's attributes are to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributesChange {
    /// These are to be all.
    Replace(Arc<Attributes>),
    /// Single ones get a value, or go where there is none; the others stay.
    Single(BTreeMap<String, Option<String>>),
}

impl AttributesChange {
    /// `current` with this change. Whether it is within the bounds is asked of [`faults`].
    #[must_use]
    pub fn over(&self, current: &Attributes) -> Arc<Attributes> {
        let single = match self {
            Self::Replace(all) => return Arc::clone(all),
            Self::Single(single) => single,
        };
        let mut merged = current.clone();
        for (name, value) in single {
            match value {
                Some(value) => merged.insert(name.clone(), value.clone()),
                None => merged.remove(name),
            };
        }
        Arc::new(merged)
    }
}

/// Why a text isn't one that can be shown to people (D5): it has a control character other than tab and newline.
#[must_use]
pub fn control_character(text: &str) -> Option<String> {
    let bad = text.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\t' | '\n'));
    let (at, c) = bad?;
    let code = u32::from(c);
    Some(format!(
        "has a control character, U+{code:04X}, at byte {at}; of these only tab and newline are allowed"
    ))
}

/// What is wrong with `given`, each fault under the name `field`.
#[must_use]
pub fn faults(field: &str, given: &Attributes) -> Vec<BadField> {
    let mut faults = Vec::new();
    let mut fault = |why: String| faults.push(BadField { field: field.to_owned(), why });
    if given.len() > MOST {
        fault(format!("has {} entries; at most {MOST} are allowed", given.len()));
    }
    let bytes: usize = given.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MOST_BYTES {
        fault(format!("is {bytes} bytes in all; at most {MOST_BYTES} are allowed"));
    }
    let texts = given.iter().flat_map(|(key, value)| [key, value]);
    if let Some(why) = texts.into_iter().find_map(|text| control_character(text)) {
        fault(why);
    }
    let wrong = |key: &&String| key.is_empty() || key.len() > MOST_KEY_BYTES;
    if let Some(key) = given.keys().find(wrong) {
        fault(format!("has a key of {} bytes; give 1 to {MOST_KEY_BYTES}", key.len()));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d5_text_has_no_control_characters_but_tab_and_newline() {
        for bad in ["a\u{1b}[2J", "\u{7}", "\r", "x\0", "\u{7f}", "\u{9b}31m"] {
            assert!(control_character(bad).is_some(), "{bad:?}");
            for (key, value) in [("k", bad), (bad, "v")] {
                let given = Attributes::from([(key.to_owned(), value.to_owned())]);
                assert_eq!(faults("attributes", &given).len(), 1, "{given:?}");
            }
        }
        for good in ["", "two\nlines\tand a tab", "žofie 👋 שלום"] {
            assert_eq!(control_character(good), None, "{good:?}");
        }
        let told = control_character("a\u{1b}").expect("it has one");
        assert!(told.starts_with("has a control character, U+001B, at byte 1;"), "{told}");
    }
}
