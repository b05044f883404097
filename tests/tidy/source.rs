//! A source as the rules of `tests/tidy.rs` read it: its lines with comments and literals blanked,
//! its words and its paths. This is reading by eye, not a parser: it knows what the rules need.

use std::fmt;

/// A file, by its path in the repository.
pub struct Source {
    pub path: String,
    pub text: String,
    /// The text with comments and literals blanked, line for line.
    code: String,
}

/// Something that a rule says about a line.
#[derive(Debug, PartialEq)]
pub struct Finding {
    pub file: String,
    pub line: usize,
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.why)
    }
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { blank(text) } else { text.to_owned() };
        Self { path: path.to_owned(), text: text.to_owned(), code }
    }

    /// The part of the crate that it belongs to: `engine` of `src/engine/hub.rs`. Tests have none.
    pub fn part(&self) -> Option<&str> {
        let rest = self.path.strip_prefix("src/")?;
        let first = rest.split('/').next()?;
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether its modules' `super` is the crate.
    pub fn is_root_of_part(&self) -> bool {
        self.path.matches('/').count() == 1
            || self.path.ends_with("/mod.rs") && self.path.matches('/').count() == 2
    }

    /// The code's lines with their numbers, without the unit tests at the end, of which some files
    /// consist.
    pub fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        let end = self.code.find("\n#[cfg(test)]\nmod tests {").filter(|_| !tests);
        let product = if tests { "" } else { &self.code[..end.unwrap_or(self.code.len())] };
        (1..).zip(product.lines())
    }

    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines())
    }

    pub fn finding(&self, line: usize, why: impl Into<String>) -> Finding {
        Finding { file: self.path.clone(), line, why: why.into() }
    }
}

/// Blanks comments and the insides of literals, and leaves everything else where it is.
fn blank(text: &str) -> String {
    let all: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < all.len() {
        let end = skip(&all, at);
        if end == at {
            out.push(all[at]);
            at += 1;
        } else {
            out.extend(all[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment or literal that starts here ends; `at` itself if none does.
fn skip(all: &[char], at: usize) -> usize {
    let next = |offset: usize| all.get(at + offset).copied().unwrap_or('\n');
    let find = |from: usize, what: &str| {
        let what: Vec<char> = what.chars().collect();
        (from..all.len()).find(|i| all[*i..].starts_with(&what)).unwrap_or(all.len())
    };
    let before = at.checked_sub(1).map_or(' ', |i| all[i]);
    match all[at] {
        '/' if next(1) == '/' => find(at, "\n"),
        '/' if next(1) == '*' => (find(at, "*/") + 2).min(all.len()),
        '"' => quoted(all, at),
        '\'' if next(1) == '\\' => (find(at + 3, "'") + 1).min(all.len()),
        '\'' if next(2) == '\'' => at + 3,
        'r' if !before.is_alphanumeric() && before != '_' || before == 'b' => {
            let hashes = all[at + 1..].iter().take_while(|c| **c == '#').count();
            if next(1 + hashes) != '"' {
                return at;
            }
            let end = format!("\"{}", "#".repeat(hashes));
            (find(at + 2 + hashes, &end) + 1 + hashes).min(all.len())
        }
        _ => at,
    }
}

fn quoted(all: &[char], at: usize) -> usize {
    let mut end = at + 1;
    while end < all.len() && all[end] != '"' {
        end += if all[end] == '\\' { 2 } else { 1 };
    }
    (end + 1).min(all.len())
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `word` stands in the line by itself, not as part of another word.
pub fn word_at(line: &str, word: &str) -> Option<usize> {
    line.match_indices(word)
        .map(|(at, _)| at)
        .find(|at| !line[..*at].ends_with(is_word) && !line[at + word.len()..].starts_with(is_word))
}

/// The paths that follow each `PREFIX::` in the text, groups in braces taken apart: of
/// `crate::{a::B, c}` it gives `a::B` and `c`. With each, where it stands.
pub fn paths_after(text: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        if !text[..at].ends_with(|c: char| is_word(c) || c == ':') {
            expand(&text[at + prefix.len()..], "", &mut |path| found.push((at, path)));
        }
    }
    found
}

/// Reads one path, or a group of them, and reports each; gives back how much it read.
fn expand(text: &str, before: &str, report: &mut dyn FnMut(String)) -> usize {
    let name = text.len() - text.trim_start_matches(|c: char| is_word(c) || c == ':').len();
    let path = format!("{before}{}", &text[..name]);
    if !text[name..].starts_with('{') {
        report(path);
        return name;
    }
    let mut at = name + 1;
    loop {
        at += text[at..].len() - text[at..].trim_start_matches([' ', '\n', ',']).len();
        if at >= text.len() || text[at..].starts_with('}') {
            return (at + 1).min(text.len());
        }
        let read = expand(&text[at..], &path, report);
        // Past what it doesn't know, such as `as name`.
        at += read.max(text[at..].chars().next().map_or(1, char::len_utf8));
    }
}
