//! What several test binaries start or build: servers, samples. No assertions about behaviour.

pub mod redis;
pub mod sample;
