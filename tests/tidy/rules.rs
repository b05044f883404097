//! The rules of structure that `tests/tidy.rs` holds the sources to, with their tables. Each takes one
//! source and gives back what it finds. What is about the numbers of `docs/rules.md` is in `rulebook`.

use std::path::Path;

use super::source::{Finding, Source, is_word, paths_after, word_at};

/// Modules that each part of the crate may import besides itself. `*` is all of them.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("journal", &["domain"]),
    ("access", &["domain"]),
    ("home", &["domain", "journal"]),
    ("engine", &["domain", "journal", "home"]),
    ("grpc", &["domain", "access", "engine", "journal", "home", "pb"]),
    ("client", &["pb", "pem"]),
    ("output", &[]),
    ("pem", &[]),
    ("launch", &["config"]),
    ("cli", &["pb", "client", "output", "launch", "access"]),
    ("bench", &["pb", "client", "output", "launch", "cli"]),
    ("admin", &[]),
    ("config", &["access"]),
    ("telemetry", &[]),
    ("server", &["*"]),
    ("lib", &["*"]),
    ("main", &["*"]),
];

/// Where only a part of a module may be imported: importer, imported, the names allowed in it
/// (none: all but those in [`JOURNALS`]).
const NARROWED: &[(&str, &str, &[&str])] = &[
    ("home", "journal", &[]),
    ("engine", "journal", &[]),
    ("engine", "home", &["Home", "Place"]),
    ("grpc", "journal", &["Epoch", "History", "Member", "MemberState", "ServerId"]),
    ("cli", "access", &["keys", "asked_key"]),
    ("bench", "cli", &["args"]),
];

/// The journals behind the trait, known to whoever puts the server together and to nobody else.
const JOURNALS: &[&str] = &["memory", "redis"];

/// Who may name the generated types of the public API.
const SPEAKS_PB: &[&str] = &["grpc", "client", "cli", "bench", "server", "main", "lib"];

/// What would make the domain depend on more than its arguments.
const IMPURE: &[&str] = &[
    "SystemTime",
    "Instant",
    "rand",
    "tokio",
    "async",
    "await",
    "tracing",
    "tonic",
    "prost",
    "redis",
    "println",
    "eprintln",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::thread",
];

/// Names that say nothing.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"];

/// Lines that a file may have.
pub const FILE_LINES: usize = 500;
/// Lines that a function may have.
pub const FUNCTION_LINES: usize = 60;
/// Lines that a function of the tests may have: a scenario or a table is read from top to bottom.
pub const TEST_FUNCTION_LINES: usize = 100;
/// Lines that a header may have.
const HEADER_LINES: usize = 24;

pub fn imports(source: &Source) -> Vec<Finding> {
    let Some(part) = source.part().filter(|_| source.is_rust()) else {
        return Vec::new();
    };
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == part) else {
        return vec![
            source.finding(
                1,
                format!("`{part}` has no line in MAY_IMPORT: decide who it may import"),
            ),
        ];
    };
    let text: String = source.product().map(|(_, line)| format!("{line}\n")).collect();
    let mut found = Vec::new();
    let mut prefixes = vec!["crate::", "baton::", "super::super::"];
    if source.is_root_of_part() {
        prefixes.push("super::");
    }
    for (at, path) in prefixes.iter().flat_map(|prefix| paths_after(&text, prefix)) {
        let mut names = path.split("::");
        let (module, item) = (names.next().unwrap_or(""), names.next().unwrap_or(""));
        let known = MAY_IMPORT.iter().any(|(name, _)| *name == module) || module == "pb";
        if !known || module == part || allowed.contains(&"*") {
            continue;
        }
        let narrowed = NARROWED.iter().find(|(from, to, _)| *from == part && *to == module);
        let fits = narrowed.is_none_or(|(_, _, only)| match only {
            [] => !JOURNALS.contains(&item),
            only => only.contains(&item),
        });
        if !allowed.contains(&module) || !fits {
            let line = text[..at].matches('\n').count() + 1;
            found.push(
                source.finding(
                    line,
                    format!("`{part}` may not import `{path}` (who may import whom)"),
                ),
            );
        }
    }
    found
}

pub fn domain_is_pure(source: &Source) -> Vec<Finding> {
    if source.part() != Some("domain") {
        return Vec::new();
    }
    let hit = |(number, line): (usize, &str)| {
        let word = IMPURE.iter().find(|word| word_at(line, word).is_some())?;
        Some(source.finding(
            number,
            format!("the domain is a pure function of its arguments: no `{word}`"),
        ))
    };
    source.product().filter_map(hit).collect()
}

pub fn generated_types_stay_out(source: &Source) -> Vec<Finding> {
    let Some(part) = source.part().filter(|part| !SPEAKS_PB.contains(part)) else {
        return Vec::new();
    };
    let hit = |(number, line): (usize, &str)| {
        word_at(line, "pb").filter(|at| line[*at..].starts_with("pb::"))?;
        Some(source.finding(
            number,
            format!("`{part}` doesn't know the generated types (`pb::`): the wire stops at grpc"),
        ))
    };
    source.lines().filter_map(hit).collect()
}

pub fn opens_with_its_purpose(source: &Source) -> Vec<Finding> {
    if !source.is_rust() {
        return Vec::new();
    }
    match source.text.lines().take_while(|line| line.starts_with("//!")).count() {
        0 => vec![
            source
                .finding(1, "a file opens with `//!`: what it owns, what it doesn't, who calls it"),
        ],
        n if n > HEADER_LINES => {
            vec![source.finding(n, format!("the header has more than {HEADER_LINES} lines"))]
        }
        _ => Vec::new(),
    }
}

pub fn files_are_short(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    if !source.is_rust() || lines <= FILE_LINES {
        return Vec::new();
    }
    vec![
        source.finding(
            lines,
            format!("{lines} lines; a file has at most {FILE_LINES}, on one subject"),
        ),
    ]
}

pub fn functions_are_short(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    // Of each function that is open: the line it started at, and the depth outside its body.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let (mut depth, mut pending) = (0_usize, None);
    let (tests, until) = (source.path.starts_with("tests/"), source.product().count());
    for (number, line) in source.lines().filter(|_| source.is_rust()) {
        let starts =
            word_at(line, "fn").filter(|at| line[at + 2..].trim_start().starts_with(is_word));
        for (at, c) in line.char_indices() {
            if starts == Some(at) {
                pending = Some(number);
            }
            match c {
                '{' => {
                    open.extend(pending.take().map(|from| (from, depth)));
                    depth += 1;
                }
                '}' => {
                    depth = depth.saturating_sub(1);
                    if let Some((from, _)) = open.pop_if(|(_, outside)| *outside == depth) {
                        let lines = number - from + 1;
                        let test = tests || from > until;
                        let most = if test { TEST_FUNCTION_LINES } else { FUNCTION_LINES };
                        if lines > most {
                            let why = format!("{lines} lines; a function here has at most {most}");
                            found.push(source.finding(from, why));
                        }
                    }
                }
                // A declaration without a body; `[u8; 4]` in a signature comes with a bracket.
                ';' if !line[..at].contains('[') => pending = None,
                _ => {}
            }
        }
    }
    found
}

pub fn names_say_something(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let stems = source.path.split('/').map(|name| name.split('.').next().unwrap_or(name));
    for stem in stems.filter(|stem| EMPTY_NAMES.contains(stem)) {
        found.push(source.finding(1, format!("`{stem}` says nothing about what is in it")));
    }
    for (number, line) in source.lines().filter(|_| source.is_rust()) {
        for keyword in ["mod", "struct", "enum", "trait"] {
            let Some(at) = word_at(line, keyword) else {
                continue;
            };
            let rest = line[at + keyword.len()..].trim_start();
            let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
            let lower = name.to_lowercase();
            let empty = EMPTY_NAMES.contains(&lower.as_str())
                || ["Manager", "Helper", "Helpers", "Util", "Utils"]
                    .iter()
                    .any(|end| name.ends_with(end));
            if empty {
                found.push(
                    source.finding(number, format!("`{name}` says nothing about what it is")),
                );
            }
        }
    }
    found
}

pub fn macros_write_no_handlers(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    // How deep in the brackets of a macro, of which the first may be still to come.
    let (mut depth, mut inside) = (0_usize, false);
    for (number, line) in source.lines().filter(|_| source.part() == Some("grpc")) {
        let from = line.find("macro_rules!").filter(|_| !inside);
        inside |= from.is_some();
        let mut rest = &line[from.unwrap_or(0)..];
        while inside && !rest.is_empty() {
            let until = rest.find(['{', '(', '[', '}', ')', ']']).map_or(rest.len(), |at| at + 1);
            let (text, after) = rest.split_at(until);
            let writes = word_at(text, "async")
                .is_some_and(|at| text[at + "async".len()..].trim_start().starts_with("fn "));
            if writes {
                found.push(source.finding(
                    number,
                    "a macro writes no handler: grep finds an `async fn` of `grpc` by its name",
                ));
            }
            match text.chars().next_back() {
                Some('{' | '(' | '[') => depth += 1,
                Some('}' | ')' | ']') => {
                    depth = depth.saturating_sub(1);
                    inside = depth > 0;
                }
                _ => {}
            }
            rest = after;
        }
    }
    found
}

pub fn tests_wait_for_events(source: &Source) -> Vec<Finding> {
    let named = ["clock", "backoff", "support"].iter().any(|name| source.path.contains(name));
    let tests = source.path.starts_with("tests/");
    let until = source.product().count();
    let hit = |(number, line): (usize, &str)| {
        let sleeps = word_at(line, "sleep").is_some_and(|at| line[at..].starts_with("sleep("));
        (sleeps && (tests || number > until)).then(|| {
            source.finding(number, "a test waits for the event, with a deadline, and doesn't sleep")
        })
    };
    source.lines().filter(|_| !named).filter_map(hit).collect()
}

pub fn nothing_is_left_undone(source: &Source) -> Vec<Finding> {
    let hit = |(number, line): (usize, &str)| {
        let what =
            ["#[ignore", "todo!", "unimplemented!"].into_iter().find(|what| line.contains(what))?;
        Some(source.finding(number, format!("`{what}`: finish it or take it out")))
    };
    source.lines().filter(|_| source.is_rust()).filter_map(hit).collect()
}

/// Dead relative links; `exists` says what is there, by its path from the repository's root.
pub fn links_lead_somewhere(source: &Source, exists: &dyn Fn(&Path) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let folder = Path::new(&source.path).parent().unwrap_or(Path::new(""));
    let mut fenced = false;
    for (number, line) in source.lines().filter(|_| source.path.ends_with(".md")) {
        fenced ^= line.trim_start().starts_with("```");
        for (at, _) in line.match_indices("](").filter(|_| !fenced) {
            let target = line[at + 2..].split([')', ' ', '#']).next().unwrap_or("");
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                let path = folder.join(target);
                if !exists(&path) {
                    found.push(source.finding(number, format!("the link to {target} is dead")));
                }
            }
        }
    }
    found
}
