//! Reads the sources and holds them to the rules that no compiler knows: who may import whom, what
//! the domain never touches, how large things get, what names and tests must not be.
//!
//! A rule is a function from one source to findings (`tidy/rules.rs`). It says why in its finding,
//! and has a planted violation (`tidy/planted.rs`). Two rules are about the rules of the product:
//! those that are cited exist, and those that are built have a test (`tidy/rulebook.rs`).

use std::fs;
use std::path::{Path, PathBuf};

#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/planted.rs"]
mod planted;
#[path = "tidy/rulebook.rs"]
mod rulebook;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use planted::{PLANTED, PLANTED_RULES, PLANTED_TESTS};
use rulebook::{DOCUMENT, Rulebook, UNTESTED};
use rules::{FILE_LINES, FUNCTION_LINES};
use source::{Finding, Source};

fn check(source: &Source, book: &Rulebook, exists: &dyn Fn(&Path) -> bool) -> Vec<Finding> {
    let all: [fn(&Source) -> Vec<Finding>; 10] = [
        rules::imports,
        rules::domain_is_pure,
        rules::generated_types_stay_out,
        rules::opens_with_its_purpose,
        rules::files_are_short,
        rules::functions_are_short,
        rules::names_say_something,
        rules::macros_write_no_handlers,
        rules::tests_wait_for_events,
        rules::nothing_is_left_undone,
    ];
    let mut found: Vec<Finding> = all.iter().flat_map(|rule| rule(source)).collect();
    found.extend(book.cited_rules_exist(source));
    found.extend(rules::links_lead_somewhere(source, exists));
    found
}

/// What is read: code, documents, the API, scenarios and examples.
const READ: [&str; 7] = [".rs", ".md", ".py", ".js", ".proto", ".txt", ".yaml"];

fn collect(root: &Path, folder: &Path, into: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(root.join(folder)).expect("the repository can be read");
    for entry in entries {
        let entry = entry.expect("the repository can be read");
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let path = folder.join(&name);
        let kind = entry.file_type().expect("the repository can be read");
        if name.starts_with('.') || name == "node_modules" || name == "target" {
            continue;
        } else if kind.is_dir() {
            collect(root, &path, into);
        } else if READ.iter().any(|end| name.ends_with(end)) {
            into.push(path);
        }
    }
}

#[test]
fn the_sources_keep_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(root, Path::new(""), &mut paths);
    paths.sort();
    assert!(paths.len() > 20, "the sources weren't found");
    let sources: Vec<Source> = paths
        .iter()
        .filter(|path| !path.ends_with("tests/tidy/planted.rs"))
        .map(|path| {
            let text = fs::read_to_string(root.join(path)).expect("sources are UTF-8");
            Source::new(&path.to_string_lossy(), &text)
        })
        .collect();
    let document = sources.iter().find(|source| source.path == DOCUMENT);
    let book = Rulebook::read(&document.expect("the rules are written down").text);
    let exists = |path: &Path| root.join(path).exists();
    let each = sources.iter().flat_map(|source| check(source, &book, &exists));
    let found: Vec<String> = each
        .chain(book.every_rule_is_tested(&sources, UNTESTED))
        .chain(layers::findings(&sources))
        .map(|finding| finding.to_string())
        .collect();
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_planted_violation_is_found_where_it_is() {
    let exists = |path: &Path| path == Path::new("docs/b.md");
    let book = Rulebook::read(PLANTED_RULES);
    for (path, text, line, why) in PLANTED {
        let found = check(&Source::new(path, text), &book, &exists);
        let told = format!("{path}: {text}\n{found:?}");
        assert_eq!(found.len(), usize::from(!why.is_empty()), "{told}");
        for finding in found {
            assert_eq!((finding.line, finding.file.as_str()), (*line, *path), "{told}");
            assert!(finding.why.contains(why), "{told}");
        }
    }
}

#[test]
fn long_files_and_functions_are_found() {
    let exists = |_: &Path| true;
    let book = Rulebook::read(PLANTED_RULES);
    let of = |before: &str, lines: usize| {
        let text = format!(
            "//! A.\n{before}fn long(a: [u8; 4]) {{\n{}}}\n",
            "    a('{', \"}\");\n".repeat(lines)
        );
        check(&Source::new("src/engine/a.rs", &text), &book, &exists)
    };
    assert_eq!(of("", FUNCTION_LINES - 2), []);
    let found = of("trait B { fn b(); }\n", FUNCTION_LINES - 1);
    assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [3], "{found:?}");
    let long = Source::new("src/engine/a.rs", &"//! A.\n".repeat(FILE_LINES + 1));
    let found = check(&long, &book, &exists);
    assert!(found.iter().any(|f| f.why.contains("501 lines")), "{found:?}");
    assert!(found.iter().any(|f| f.why.contains("header")), "{found:?}");
}

#[test]
fn rules_without_a_test_are_found() {
    let book = Rulebook::read(PLANTED_RULES);
    let told = |tests: &[(&str, &str)], untested: &[(&str, &str)]| -> Vec<(usize, String)> {
        let sources: Vec<Source> =
            tests.iter().map(|(path, text)| Source::new(path, text)).collect();
        let found = book.every_rule_is_tested(&sources, untested);
        found.into_iter().map(|finding| (finding.line, finding.why)).collect()
    };
    assert_eq!(told(PLANTED_TESTS, &[]), []);
    for (left_out, (path, _)) in PLANTED_TESTS.iter().enumerate() {
        let mut tests = PLANTED_TESTS.to_vec();
        tests.remove(left_out);
        let found = told(&tests, &[]);
        assert!(
            matches!(&*found, [(_, why)] if why.contains("no test names")),
            "{path}: {found:?}"
        );
    }
    let t1 = [&PLANTED_TESTS[1..], &[("tests/a.rs", "fn t1_a() {}\n/// T1\n#[test]\nfn b() {}\n")]];
    assert_eq!(told(&t1.concat(), &[]), [(3, "no test names T1: `fn t1_…`".to_owned())]);
    assert_eq!(told(&PLANTED_TESTS[1..], &[("T1", "why")]), []);
    for (excused, why) in [("T1", "a test names T1"), ("T3", "isn't built"), ("T5", "no rule T5")] {
        let found = told(PLANTED_TESTS, &[(excused, "why")]);
        assert!(matches!(&*found, [(_, told)] if told.contains(why)), "{excused}: {found:?}");
    }
    let early = [PLANTED_TESTS, &[("tests/a.rs", "#[tokio::test]\nasync fn a_t3() {}\n")]].concat();
    assert_eq!(told(&early, &[]), [(13, "a test names T3: is it not built?".to_owned())]);
}

#[test]
fn rules_that_are_written_down_wrongly_are_found() {
    for (text, line, why) in [
        ("### T1\n\nA.\n\n### T3\n", 5, "`T3` isn't the next rule"),
        ("### T1\n\nA.\n\n### T1\n", 5, "`T1` isn't the next rule"),
        ("### T1 Asking\n", 1, "isn't the next rule"),
        ("# A\n*Not built yet.*\n", 2, "belongs to no rule"),
        ("### T1\n*Not built yet*\n", 2, "a mark is"),
        ("### T1\n*Built in part.* All.\n", 2, "a mark is"),
    ] {
        let tests = [Source::new("tests/clients/a.py", "T1 T3\n")];
        let found = Rulebook::read(text).every_rule_is_tested(&tests, &[]);
        let hit = found.iter().any(|f| f.line == line && f.why.contains(why));
        assert!(hit, "{text}: {found:?}");
    }
}

#[test]
fn circles_and_imports_from_above_are_found() {
    let of = |files: &[(&str, &str)]| -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(path, text)).collect();
        layers::findings(&sources).iter().map(ToString::to_string).collect()
    };
    let (one, two) = ("src/engine/one.rs", "src/engine/two.rs");
    assert!(of(&[(one, "use super::two::B;\n"), (two, "pub struct B;\n")]).is_empty());
    let circle =
        of(&[(one, "\nuse super::two::B;\n"), (two, "fn a() { crate::engine::one::c() }\n")]);
    assert!(
        matches!(&circle[..], [why] if why.starts_with("src/engine/one.rs:2: a circle")),
        "{circle:?}"
    );
    // By way of a parent that shows its child.
    let parent = ("src/engine/mod.rs", "mod one;\npub use one::A;\npub struct P;\n");
    let child = of(&[parent, (one, "use super::P;\n")]);
    assert_eq!(child.len(), 1, "{child:?}");
    assert!(
        of(&[("src/engine/mod.rs", "mod one;\npub struct P;\n"), (one, "use super::P;\n")])
            .is_empty()
    );
    let (value, record) = ("src/domain/values/id.rs", "src/domain/records/live.rs");
    let low = of(&[(value, "use crate::domain::live::A;\n"), (record, "pub struct A;\n")]);
    assert!(matches!(&low[..], [why] if why.contains("values is below")), "{low:?}");
}
