//! Which known word was meant by an unknown one. Used where conditions and zones are checked.

/// The known word closest to `word`, if it is close: at most a third of its letters differ, without
/// regard to upper and lower case.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(64).flat_map(char::to_lowercase).collect();
    let mut best = None;
    for candidate in known {
        let letters: Vec<char> = candidate.to_lowercase().chars().collect();
        let changes = changes(&word, &letters);
        let closer = best.is_none_or(|(least, _)| changes < least);
        if closer && changes * 3 <= letters.len().max(3) {
            best = Some((changes, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// `; did you mean X?`, or nothing.
pub(super) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// Letters to put in, take out or change.
fn changes(from: &[char], to: &[char]) -> usize {
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (done, letter) in from.iter().enumerate() {
        let mut row = vec![done + 1];
        for (at, wanted) in to.iter().enumerate() {
            let changed = above[at] + usize::from(letter != wanted);
            row.push(changed.min(above[at + 1] + 1).min(row[at] + 1));
        }
        above = row;
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_nonsense_is_not() {
        let known = ["priority", "attributes", "age_seconds"];
        assert_eq!(nearest("priorty", known), Some("priority"));
        assert_eq!(nearest("Attributes", known), Some("attributes"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }
}
