//! Who imports whom, file by file: nobody in a circle, and in the domain nobody from a layer above.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Finding, Source, is_word, paths_after};

/// The parts of the crate in which no files import each other in a circle.
const WITHOUT_CIRCLES: [&str; 3] = ["domain", "engine", "journal"];

/// The domain's layers, the lowest first: each may import itself and those before it.
const LAYERS: [&str; 6] = ["values", "records", "state", "rules", "decide", "questions"];

/// A file's imports within its part: the file, and the line that names it first.
type Imports = BTreeMap<String, usize>;

/// Every finding over all sources.
pub fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for part in WITHOUT_CIRCLES {
        let files: Vec<&Source> = sources.iter().filter(|s| s.part() == Some(part)).collect();
        let known: BTreeMap<String, String> =
            files.iter().map(|s| (module_of(&s.path), s.path.clone())).collect();
        let graph: BTreeMap<&str, Imports> =
            files.iter().map(|s| (s.path.as_str(), imports(s, part, &known))).collect();
        found.extend(circles(&graph));
        found.extend(files.iter().flat_map(|source| above(source, &graph)));
    }
    found
}

/// `domain/live/work` of `src/domain/live/work.rs`, `domain/decide` of `src/domain/decide/mod.rs`.
fn module_of(path: &str) -> String {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    inner.strip_suffix("/mod").unwrap_or(inner).to_owned()
}

fn imports(source: &Source, part: &str, known: &BTreeMap<String, String>) -> Imports {
    let own = module_of(&source.path);
    let text: String = source.product().map(|(_, line)| format!("{line}\n")).collect();
    let mut found = Imports::new();
    let mut note = |at: usize, module: Option<&String>| {
        if let Some(file) = module.and_then(|m| known.get(m)).filter(|f| **f != source.path) {
            found.entry(file.clone()).or_insert(text[..at].matches('\n').count() + 1);
        }
    };
    for (at, path) in paths_after(&text, &format!("crate::{part}::")) {
        note(at, resolve(part, &path, part, known).as_ref());
    }
    for depth in 1..4 {
        let prefix = "super::".repeat(depth);
        let from: Vec<&str> = own.split('/').collect();
        let Some(base) = from.len().checked_sub(depth).filter(|left| *left > 0) else { break };
        let base = from[..base].join("/");
        for (at, path) in paths_after(&text, &prefix) {
            let inner = text[..at].chars().next_back().is_some_and(|c| is_word(c) || c == ':');
            if !inner && !path.starts_with("super") {
                note(at, resolve(&base, &path, part, known).as_ref());
            }
        }
    }
    // What a module shows or uses of its children.
    let inner = format!("{own}/");
    let children = known.keys().filter_map(|m| m.strip_prefix(&inner)).filter(|m| !m.contains('/'));
    for child in children {
        let ways = [format!("{child}::"), format!("self::{child}::")];
        if let Some((at, _)) =
            ways.iter().find_map(|way| paths_after(&text, way).into_iter().next())
        {
            note(at, Some(&format!("{inner}{child}")));
        }
    }
    found
}

/// The module that a path below `base` leads into. What a part shows under a shorter name is found by
/// that name.
fn resolve(base: &str, path: &str, part: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let mut deepest = known.contains_key(base).then(|| base.to_owned());
    let mut at = base.to_owned();
    for (depth, name) in path.split("::").enumerate() {
        let mut next = format!("{at}/{name}");
        if depth == 0 && !known.contains_key(&next) && base == part {
            let short = format!("/{name}");
            let named = known.iter().filter(|(module, _)| module.ends_with(&short));
            let lowest = named.min_by_key(|(m, file)| (m.matches('/').count(), layer(file)));
            next = lowest.map_or(next, |(module, _)| module.clone());
        }
        if !known.contains_key(&next) {
            break;
        }
        deepest = Some(next.clone());
        at = next;
    }
    deepest
}

/// Files that import themselves by way of others, each circle once.
fn circles(graph: &BTreeMap<&str, Imports>) -> Vec<Finding> {
    let reach = |from: &str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = graph[from].keys().map(String::as_str).collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(graph.get(next).into_iter().flatten().map(|(file, _)| file.as_str()));
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = graph.keys().map(|f| (*f, reach(f))).collect();
    let mut found = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (file, reached_from_it) in &reached {
        if !reached_from_it.contains(file) || told.contains(file) {
            continue;
        }
        let circle: Vec<&str> =
            reached_from_it.iter().filter(|f| reached[**f].contains(file)).copied().collect();
        let (next, line) = graph[file]
            .iter()
            .find(|(next, _)| circle.contains(&next.as_str()))
            .map_or((String::new(), 1), |(next, line)| (next.clone(), *line));
        let others = circle.join(", ");
        let why = format!("a circle of imports, here by way of {next}: {others}");
        found.push(Finding { file: (*file).to_owned(), line, why });
        told.extend(circle);
    }
    found
}

/// Imports of the domain from a layer above.
fn above(source: &Source, graph: &BTreeMap<&str, Imports>) -> Vec<Finding> {
    let Some(own) = layer(&source.path) else { return Vec::new() };
    let higher = graph[source.path.as_str()].iter().filter(|(file, _)| layer(file) > Some(own));
    higher
        .map(|(file, line)| {
            source.finding(*line, format!("{} is below {file} (the domain's layers)", LAYERS[own]))
        })
        .collect()
}

fn layer(path: &str) -> Option<usize> {
    let inner = path.strip_prefix("src/domain/")?;
    let folder = inner.split('/').next()?;
    LAYERS.iter().position(|layer| *layer == folder)
}
