//! What may lie in a store.
#![no_main]

#[path = "../hostile/record.rs"]
mod record;
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(record::samples()),
    |bytes: &[u8]| record::body(bytes)
);
