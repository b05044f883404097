//! Whatever may stand in a file that is given to the command line, given to everything that reads one: the body of property
//! tests and fuzz targets. Nothing may panic, and each fault has its place.

use super::org_file::{self, Fault};

/// A fault of a file: its line and column, each from 1, and what is said of it, which begins with them.
pub type PlacedFault = (usize, usize, String);

/// Reads this text as an org file, with and without `--prune`, as a flow and as contacts; also as if a server found each
/// of its fields wrong that the first reading did. What is wrong with it, reading by reading; empty: it is such a file.
#[must_use]
pub fn faults(text: &str) -> Vec<Vec<PlacedFault>> {
    let mut org = org_file::read(text, false);
    let found = org.faults.clone();
    let told: Vec<(String, String)> = found
        .iter()
        .map(|fault| (format!("directory.{}", fault.path), "is wrong".into()))
        .collect();
    _ = org.add("directory.", &told);
    [
        found,
        org.faults,
        org_file::read(text, true).faults,
        org_file::read_flow(text, None).faults,
        org_file::read_contacts(text).err().unwrap_or_default(),
    ]
    .map(|faults| faults.into_iter().map(placed).collect())
    .into()
}

fn placed(fault: Fault) -> PlacedFault {
    (fault.at.line, fault.at.column, fault.to_string())
}
