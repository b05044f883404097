//! Where a target begins: its good samples, written into its corpus as if they had been found.

use std::path::Path;
use std::process;

/// Puts these into the folder that the fuzzer was given, each under a name of its own, unless it was given none.
pub fn plant(samples: Vec<Vec<u8>>) {
    let Some(corpus) = std::env::args().skip(1).find(|argument| Path::new(argument).is_dir())
    else {
        return;
    };
    for (number, sample) in samples.iter().enumerate() {
        let path = Path::new(&corpus).join(format!("sample-{number}"));
        if let Err(why) = std::fs::write(&path, sample) {
            eprintln!("{}: {why}", path.display());
            process::exit(1);
        }
    }
}
