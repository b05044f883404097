//! Flows and their conditions.
#![no_main]

#[path = "../hostile/flow.rs"]
mod flow;
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(flow::samples()),
    |bytes: &[u8]| flow::body(bytes)
);
