//! Reads the sources and holds them to the rules that no compiler knows: who may import whom, what
//! the domain never touches, how large things get, what names and tests must not be.
//!
//! A rule is a function from one source to findings (`tidy/rules.rs`). It says why in its finding,
//! and has a planted violation (`tidy/planted.rs`).

use std::fs;
use std::path::{Path, PathBuf};

#[path = "tidy/planted.rs"]
mod planted;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
mod source;

use planted::PLANTED;
use rules::{FILE_LINES, FUNCTION_LINES};
use source::{Finding, Source};

fn check(source: &Source, exists: &dyn Fn(&Path) -> bool) -> Vec<Finding> {
    let all: [fn(&Source) -> Vec<Finding>; 10] = [
        rules::imports,
        rules::domain_is_pure,
        rules::generated_types_stay_out,
        rules::opens_with_its_purpose,
        rules::files_are_short,
        rules::functions_are_short,
        rules::names_say_something,
        rules::tests_wait_for_events,
        rules::nothing_is_left_undone,
        rules::rule_numbers_exist,
    ];
    let mut found: Vec<Finding> = all.iter().flat_map(|rule| rule(source)).collect();
    found.extend(rules::links_lead_somewhere(source, exists));
    found
}

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
        } else if [".rs", ".md", ".py", ".js"].iter().any(|end| name.ends_with(end)) {
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
    let exists = |path: &Path| root.join(path).exists();
    let found: Vec<String> = paths
        .iter()
        .filter(|path| !path.ends_with("tests/tidy/planted.rs"))
        .flat_map(|path| {
            let text = fs::read_to_string(root.join(path)).expect("sources are UTF-8");
            check(&Source::new(&path.to_string_lossy(), &text), &exists)
        })
        .map(|finding| finding.to_string())
        .collect();
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_planted_violation_is_found_where_it_is() {
    let exists = |path: &Path| path == Path::new("docs/b.md");
    for (path, text, line, why) in PLANTED {
        let found = check(&Source::new(path, text), &exists);
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
    let of = |before: &str, lines: usize| {
        let text = format!(
            "//! A.\n{before}fn long(a: [u8; 4]) {{\n{}}}\n",
            "    a('{', \"}\");\n".repeat(lines)
        );
        check(&Source::new("src/engine/a.rs", &text), &exists)
    };
    assert_eq!(of("", FUNCTION_LINES - 2), []);
    let found = of("trait B { fn b(); }\n", FUNCTION_LINES - 1);
    assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [3], "{found:?}");
    let found = check(&Source::new("src/engine/a.rs", &"//! A.\n".repeat(FILE_LINES + 1)), &exists);
    assert!(found.iter().any(|f| f.why.contains("501 lines")), "{found:?}");
    assert!(found.iter().any(|f| f.why.contains("header")), "{found:?}");
}
