//! The first look at a condition, before any parser sees it: size, nesting, what can't be a word of
//! it, and where its outermost `&&` or `||` are. The parser recurses, so its input is bounded here.
//! `condition` calls it.

use std::ops::Range;

use super::mistake::Mistake;

/// Bytes of a condition.
pub const CONDITION_BYTES: usize = 2_048;

/// Brackets that may be open at once.
const NESTING_MAX: usize = 32;
/// Words and signs that a condition may have.
const TOKENS_MAX: usize = 512;

/// How the outermost parts of a condition belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// All must hold; also of a single part.
    All,
    /// One must hold.
    Any,
}

/// A condition taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    pub join: Join,
    /// Where each part stands in the source, without the blanks around it.
    pub parts: Vec<Range<usize>>,
}

/// What stands outside all brackets.
#[derive(Default)]
struct Outermost {
    ands: Vec<usize>,
    ors: Vec<usize>,
    choice: bool,
}

struct Scanner<'s> {
    source: &'s str,
    at: usize,
    open: Vec<(usize, u8)>,
    tokens: usize,
    outermost: Outermost,
}

/// Takes a condition apart.
///
/// # Errors
/// Whatever keeps it from being parsed at all; one mistake, as those after it would be guesses.
pub(super) fn split(source: &str) -> Result<Split, Mistake> {
    if source.trim().is_empty() {
        return Err(Mistake::new(0, "is empty; write `true` for a rule that always matches"));
    }
    if source.len() > CONDITION_BYTES {
        let bytes = source.len();
        let why = format!("is {bytes} bytes long; at most {CONDITION_BYTES} are allowed");
        return Err(Mistake::new(0, why));
    }
    let mut scanner =
        Scanner { source, at: 0, open: Vec::new(), tokens: 0, outermost: Outermost::default() };
    while scanner.at < source.len() {
        scanner.step()?;
    }
    if let Some((at, bracket)) = scanner.open.pop() {
        let bracket = char::from(bracket);
        return Err(Mistake::new(at, format!("this `{bracket}` isn't closed")));
    }
    scanner.parts()
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.source.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn step(&mut self) -> Result<(), Mistake> {
        match self.peek(0) {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c => self.at += 1,
            b'/' if self.peek(1) == b'/' => {
                let rest = &self.source[self.at..];
                self.at += rest.find('\n').unwrap_or(rest.len());
            }
            _ => {
                self.tokens += 1;
                if self.tokens > TOKENS_MAX {
                    let why = format!("has more than {TOKENS_MAX} words and signs; split the rule");
                    return Err(Mistake::new(self.at, why));
                }
                self.token()?;
            }
        }
        Ok(())
    }

    fn token(&mut self) -> Result<(), Mistake> {
        match self.peek(0) {
            b'"' | b'\'' => self.text(false),
            c if c.is_ascii_alphanumeric() || c == b'_' => self.word(),
            c @ (b'(' | b'[' | b'{') => self.opening(c),
            c @ (b')' | b']' | b'}') => self.closing(c),
            c @ (b'&' | b'|') => self.joint(c),
            b'=' if self.peek(1) != b'=' => {
                Err(Mistake::new(self.at, "a single `=` compares nothing; write `==`"))
            }
            b'=' | b'<' | b'>' | b'!' => {
                self.at += 1 + usize::from(self.peek(1) == b'=');
                Ok(())
            }
            b'?' => {
                self.outermost.choice |= self.open.is_empty();
                self.at += 1;
                Ok(())
            }
            b'.' | b',' | b':' | b'+' | b'-' | b'*' | b'/' | b'%' => {
                self.at += 1;
                Ok(())
            }
            _ => {
                let c = self.source[self.at..].chars().next().unwrap_or(' ');
                Err(Mistake::new(self.at, format!("unexpected {c:?}; text goes in quotes")))
            }
        }
    }

    /// A name, a number, or the prefix of a text.
    fn word(&mut self) -> Result<(), Mistake> {
        let rest = &self.source[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        let quoted = matches!(self.peek(0), b'"' | b'\'');
        if !quoted {
            return Ok(());
        }
        let start = self.at - word.len();
        match word {
            "r" | "R" => self.text(true),
            "b" | "B" | "br" | "bR" | "Br" | "BR" | "rb" | "rB" | "Rb" | "RB" => Err(Mistake::new(
                start,
                "bytes (`b\"…\"`) aren't available; write text without `b`",
            )),
            _ => Err(Mistake::new(self.at, format!("unexpected text right after `{word}`"))),
        }
    }

    fn text(&mut self, raw: bool) -> Result<(), Mistake> {
        let start = self.at;
        let quote = if self.peek(0) == b'"' { "\"" } else { "'" };
        let long = quote.repeat(3);
        let spans_lines = self.source[start..].starts_with(&long);
        let end = if spans_lines { long.as_str() } else { quote };
        self.at += end.len();
        let unclosed =
            || Mistake::new(start, format!("the text that starts here has no closing {end}"));
        loop {
            let rest = &self.source[self.at..];
            if rest.starts_with(end) {
                self.at += end.len();
                return Ok(());
            }
            match rest.chars().next() {
                None => return Err(unclosed()),
                Some('\n' | '\r') if !spans_lines => return Err(unclosed()),
                Some('\\') if !raw => {
                    let escaped = rest[1..].chars().next().ok_or_else(unclosed)?;
                    self.at += 1 + escaped.len_utf8();
                }
                Some(c) => self.at += c.len_utf8(),
            }
        }
    }

    fn opening(&mut self, bracket: u8) -> Result<(), Mistake> {
        if self.open.len() == NESTING_MAX {
            let why = format!("more than {NESTING_MAX} brackets are open here; split the rule");
            return Err(Mistake::new(self.at, why));
        }
        self.open.push((self.at, bracket));
        self.at += 1;
        Ok(())
    }

    fn closing(&mut self, bracket: u8) -> Result<(), Mistake> {
        let opened = match bracket {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        if self.open.pop().is_none_or(|(_, found)| found != opened) {
            let (bracket, opened) = (char::from(bracket), char::from(opened));
            return Err(Mistake::new(self.at, format!("this `{bracket}` closes no `{opened}`")));
        }
        self.at += 1;
        Ok(())
    }

    fn joint(&mut self, sign: u8) -> Result<(), Mistake> {
        if self.peek(1) != sign {
            let sign = char::from(sign);
            return Err(Mistake::new(self.at, format!("a single `{sign}`; write `{sign}{sign}`")));
        }
        if self.open.is_empty() {
            let list =
                if sign == b'&' { &mut self.outermost.ands } else { &mut self.outermost.ors };
            list.push(self.at);
        }
        self.at += 2;
        Ok(())
    }

    fn parts(self) -> Result<Split, Mistake> {
        let Outermost { ands, ors, choice } = self.outermost;
        let (join, joints) = match (choice, ors.is_empty()) {
            // Of `? :` nothing binds more loosely: the whole is one part.
            (true, _) => (Join::All, Vec::new()),
            (false, true) => (Join::All, ands),
            (false, false) => (Join::Any, ors),
        };
        let mut parts = Vec::with_capacity(joints.len() + 1);
        let mut from = 0;
        for (end, joint) in
            joints.iter().map(|at| (*at, Some(*at))).chain([(self.source.len(), None)])
        {
            let piece = &self.source[from..end];
            let before = piece.len() - piece.trim_start().len();
            let part = from + before..from + before + piece.trim().len();
            if part.is_empty() {
                let at = joint.unwrap_or(from.saturating_sub(2));
                let sign = &self.source[at..at + 2];
                return Err(Mistake::new(at, format!("`{sign}` needs a condition on both sides")));
            }
            parts.push(part);
            from = end + 2;
        }
        Ok(Split { join, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(source: &str) -> (Join, Vec<&str>) {
        let split = split(source).expect("the test's conditions can be split");
        (split.join, split.parts.into_iter().map(|part| &source[part]).collect())
    }

    #[test]
    fn r8_conditions_come_apart_at_their_outermost_signs() {
        assert_eq!(parts("a && (b || c) && d"), (Join::All, vec!["a", "(b || c)", "d"]));
        assert_eq!(parts("a && b || c"), (Join::Any, vec!["a && b", "c"]));
        assert_eq!(parts("a && b ? c : d || e"), (Join::All, vec!["a && b ? c : d || e"]));
        assert_eq!(parts("'&&' == \"a'||'\" && x"), (Join::All, vec!["'&&' == \"a'||'\"", "x"]));
        assert_eq!(parts("r'\\' == '''a\n' && ''' && x").1.len(), 2);
        assert_eq!(parts("a // && b\n && c"), (Join::All, vec!["a // && b", "c"]));
    }

    #[test]
    fn d4_what_no_parser_should_see_is_refused_with_its_place() {
        let said = |source: &str| {
            let mistake = split(source).expect_err("the test's conditions are refused");
            (mistake.at, mistake.why)
        };
        let cases = [
            (" ", 0, "is empty; write `true` for a rule that always matches"),
            ("a = 1", 2, "a single `=` compares nothing; write `==`"),
            ("a & b", 2, "a single `&`; write `&&`"),
            ("a | b", 2, "a single `|`; write `||`"),
            ("a && && b", 5, "`&&` needs a condition on both sides"),
            ("a ||", 2, "`||` needs a condition on both sides"),
            ("&& a", 0, "`&&` needs a condition on both sides"),
            ("(a", 0, "this `(` isn't closed"),
            ("a]", 1, "this `]` closes no `[`"),
            ("(a]", 2, "this `]` closes no `[`"),
            ("a == \"b", 5, "the text that starts here has no closing \""),
            ("a == 'b\n'", 5, "the text that starts here has no closing '"),
            ("a == '''b'", 5, "the text that starts here has no closing '''"),
            ("a == “b”", 5, "unexpected '“'; text goes in quotes"),
            ("a\0", 1, "unexpected '\\0'; text goes in quotes"),
            ("a == b'c'", 5, "bytes (`b\"…\"`) aren't available; write text without `b`"),
            ("a == c'c'", 6, "unexpected text right after `c`"),
        ];
        for (source, at, why) in cases {
            assert_eq!(said(source), (at, why.to_owned()), "{source}");
        }
        assert_eq!(said(&"(".repeat(33)).1, "more than 32 brackets are open here; split the rule");
        assert_eq!(said(&"1+".repeat(257)).1, "has more than 512 words and signs; split the rule");
        assert_eq!(said(&"a".repeat(2_049)).1, "is 2049 bytes long; at most 2048 are allowed");
    }
}
