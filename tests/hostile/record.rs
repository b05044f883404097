//! What may lie in a store. Read, it is an error or a value, and a value that is written is read back as the same.

use baton::journal::hostile::read_back;

/// What this release has written, and releases before it; `key image` or an image alone, in hexadecimal digits.
const STORED: [&str; 4] = [
    include_str!("../../src/journal/codec/tests/golden.txt"),
    include_str!("../../src/journal/codec/tests/level_2.txt"),
    include_str!("../../src/journal/codec/tests/level_3.txt"),
    include_str!("../../src/journal/codec/tests/level_4.txt"),
];

/// Reading these bytes is no guess.
pub fn body(bytes: &[u8]) {
    if let Err(why) = read_back(bytes) {
        panic!("{}: {why}", bytes.escape_ascii());
    }
}

/// Every kind of record, entry, outcome and key.
pub fn samples() -> Vec<Vec<u8>> {
    let stored = STORED.iter().flat_map(|stored| stored.lines());
    stored
        .flat_map(|line| {
            let (key, image) = line.rsplit_once(' ').unwrap_or(("", line));
            let digits = |at| u8::from_str_radix(&image[at..at + 2], 16).expect("two digits");
            [key.as_bytes().to_vec(), (0..image.len()).step_by(2).map(digits).collect()]
        })
        .filter(|bytes: &Vec<u8>| !bytes.is_empty())
        .collect()
}
