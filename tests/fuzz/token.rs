//! What callers show to be let in, and what files say of it.
#![no_main]

mod seeds;
#[path = "../hostile/token.rs"]
mod token;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(token::samples()),
    |bytes: &[u8]| token::body(bytes)
);
