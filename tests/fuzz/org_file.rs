//! Files that are given to the command line.
#![no_main]

#[path = "../hostile/org_file.rs"]
mod org_file;
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(org_file::samples()),
    |bytes: &[u8]| org_file::body(bytes)
);
