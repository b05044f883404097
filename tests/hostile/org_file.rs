//! Files that are given to the command line: org files, flows, contacts. Whatever stands in them, each fault has its place
//! in the text.

use baton::cli::hostile::faults;

/// Each fault has a line and a column that are in the text, or just after it.
pub fn body(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    // YAML ends lines also with what `lines` takes for a character.
    let lines = text.matches(['\n', '\r']).count() + 1;
    let longest = text.split('\n').map(|line| line.chars().count()).max().unwrap_or_default();
    let readings = faults(text);
    for (line, column, said) in readings.iter().flatten() {
        let placed = format!("{line}:{column}: ");
        let why = said.strip_prefix(&placed).unwrap_or_else(|| panic!("{said} has no place"));
        assert!(!why.trim().is_empty(), "{said}");
        assert!((1..=lines + 1).contains(line), "line {line} of {lines}: {said}\n{text}");
        assert!((1..=longest + 1).contains(column), "column {column} of {longest}: {said}\n{text}");
    }
    assert_eq!(readings, faults(text), "read once more");
}

/// The files that are given as examples.
pub fn samples() -> Vec<Vec<u8>> {
    [
        include_str!("../../examples/org.yaml"),
        include_str!("../../examples/partner.yaml"),
        include_str!("../../examples/contacts.jsonl"),
        "id: f\nrules:\n- {name: a, when: session.priority < 5, to: 'rep:ana', set: {a: b}, priority: 1}\n\
         fallback: {skills: {required: {es: 50}, additional: {vip: {level: 1, timeout: 5s}}, queue: q}}\n",
        "channels:\n- id: c\n  type: SMS\n  weight: 0.05\n  wrap_up: {duration: 1m, max_extensions: 2, extension: 10s}\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
