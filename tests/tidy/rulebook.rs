//! `docs/rules.md` as `tests/tidy.rs` reads it: which rules there are, and which of them are built.
//! Sources may cite only rules that are there, and every rule that is built is named by a test: a
//! test function with the number in its name (`t7_…`), the title of a scenario, or a client's play.

use super::source::{Finding, Source, is_word, word_at};

/// Where the rules stand.
pub const DOCUMENT: &str = "docs/rules.md";

/// The letters that rules begin with.
const CHAPTERS: &str = "TOLPCREWNSD";

/// The line that marks a rule of which nothing can be used.
const NOT_BUILT: &str = "*Not built yet.*";
/// How the line begins that says what is missing of a rule.
const IN_PART: &str = "*Built in part.* Missing: ";
/// What begins like one of them, and then has to be one.
const MARKS: [&str; 2] = ["*Not built", "*Built in part"];

/// Rules that are built and that no test names yet, each with the reason. To be emptied.
pub const UNTESTED: &[(&str, &str)] =
    &[("W6", "no test has a reader yet that stops reading while others go on")];

/// A rule as the document has it.
#[derive(Debug)]
struct Rule {
    number: String,
    line: usize,
    /// Whether anything of it can be used.
    built: bool,
}

/// All rules, and what is wrong with how they are written down.
#[derive(Debug)]
pub struct Rulebook {
    rules: Vec<Rule>,
    faults: Vec<(usize, String)>,
}

impl Rulebook {
    /// Reads the document: a rule is a heading `### T7` and what follows it.
    pub fn read(text: &str) -> Self {
        let mut book = Self { rules: Vec::new(), faults: Vec::new() };
        for (line, text) in (1..).zip(text.lines()) {
            if let Some(number) = text.strip_prefix("### ") {
                book.heading(line, number);
            } else if text == NOT_BUILT {
                match book.rules.last_mut() {
                    Some(rule) => rule.built = false,
                    None => book.faults.push((line, "the mark belongs to no rule".to_owned())),
                }
            } else if MARKS.iter().any(|mark| text.starts_with(mark)) && !text.starts_with(IN_PART)
            {
                let why = format!("a mark is `{NOT_BUILT}` or `{IN_PART}…`");
                book.faults.push((line, why));
            }
        }
        book
    }

    fn heading(&mut self, line: usize, number: &str) {
        match rule_number(number) {
            Some((chapter, n)) if n == self.last(chapter) + 1 => {}
            _ => self.faults.push((line, format!("`{number}` isn't the next rule of a chapter"))),
        }
        self.rules.push(Rule { number: number.to_owned(), line, built: true });
    }

    /// The highest number of a chapter, 0 without one.
    fn last(&self, chapter: char) -> u32 {
        let numbers = self.rules.iter().filter_map(|rule| rule_number(&rule.number));
        numbers.filter(|(of, _)| *of == chapter).map(|(_, n)| n).max().unwrap_or(0)
    }

    fn has(&self, number: &str) -> bool {
        self.rules.iter().any(|rule| rule.number == number)
    }

    /// Numbers that a source cites and the document doesn't have. In code a `T1` may be a type, so
    /// of Rust only comments and literals are read; `P50` and above are percentiles.
    pub fn cited_rules_exist(&self, source: &Source) -> Vec<Finding> {
        let mut found = Vec::new();
        for ((line, code), text) in source.lines().zip(source.text.lines()) {
            for word in text.split(|c: char| !is_word(c)) {
                let Some((chapter, n)) = rule_number(word) else { continue };
                let percentile = chapter == 'P' && n >= 50;
                let in_code = source.is_rust() && word_at(code, word).is_some();
                if !self.has(word) && !percentile && !in_code {
                    let last = self.last(chapter);
                    let why = format!("there is no rule {word}: {chapter} ends at {chapter}{last}");
                    found.push(source.finding(line, why));
                }
            }
        }
        found
    }

    /// What is wrong with the document, and which of its rules no test names. `untested` excuses.
    pub fn every_rule_is_tested(
        &self,
        sources: &[Source],
        untested: &[(&str, &str)],
    ) -> Vec<Finding> {
        let mut named: Vec<String> = sources.iter().flat_map(rules_named).collect();
        named.sort();
        named.dedup();
        let finding = |line, why| Finding { file: DOCUMENT.to_owned(), line, why };
        let mut found: Vec<Finding> =
            self.faults.iter().map(|(line, why)| finding(*line, why.clone())).collect();
        for Rule { number, line, built } in &self.rules {
            let tested = named.contains(number);
            let excused = untested.iter().any(|(rule, _)| rule == number);
            let lower = number.to_lowercase();
            let why = match (built, tested, excused) {
                (true, false, false) => format!("no test names {number}: `fn {lower}_…`"),
                (true, true, true) => format!("a test names {number}: take it out of UNTESTED"),
                (false, _, true) => format!("{number} isn't built: take it out of UNTESTED"),
                (false, true, false) => format!("a test names {number}: is it not built?"),
                (true, true, false) | (true, false, true) | (false, false, false) => continue,
            };
            found.push(finding(*line, why));
        }
        for (rule, _) in untested.iter().filter(|(rule, _)| !self.has(rule)) {
            found.push(finding(1, format!("there is no rule {rule}: take it out of UNTESTED")));
        }
        found
    }
}

/// The chapter and the number, if the word is written like a rule's number.
fn rule_number(word: &str) -> Option<(char, u32)> {
    let mut rest = word.chars();
    let chapter = rest.next().filter(|c| CHAPTERS.contains(*c))?;
    let digits = rest.as_str();
    let plain = !digits.is_empty() && digits.len() <= 2 && !digits.starts_with('0');
    let number = digits.parse().ok().filter(|_| plain && digits.is_ascii());
    number.map(|n| (chapter, n))
}

/// The numbers that the tests in a source carry.
fn rules_named(source: &Source) -> Vec<String> {
    let numbers = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words.filter(|word| rule_number(word).is_some()).map(str::to_owned).collect()
    };
    if source.path.starts_with("tests/tidy") {
        Vec::new()
    } else if source.is_rust() {
        tests_of(source).iter().flat_map(|name| numbers(&name.to_uppercase())).collect()
    } else if source.path.starts_with("tests/scenarios/") {
        let titles = source.text.lines().filter(|line| line.starts_with("# "));
        titles.flat_map(numbers).collect()
    } else if source.path.starts_with("tests/clients/") {
        numbers(&source.text)
    } else {
        Vec::new()
    }
}

/// The names of the test functions in a source.
fn tests_of(source: &Source) -> Vec<&str> {
    let (mut names, mut test) = (Vec::new(), false);
    for (_, line) in source.lines() {
        let start = line.trim_start();
        test |= start.starts_with("#[test") || start.starts_with("#[tokio::test");
        if let Some(at) = word_at(line, "fn").filter(|_| test) {
            let name = line[at + 2..].trim_start();
            names.push(&name[..name.find(|c| !is_word(c)).unwrap_or(name.len())]);
            test = false;
        }
    }
    names
}
