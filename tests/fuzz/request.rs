//! Calls of any methods by anybody, on a server in this process.
#![no_main]

#[path = "../hostile/request.rs"]
mod request;
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(request::samples()),
    |bytes: &[u8]| request::body(bytes)
);
