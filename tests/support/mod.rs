//! What several test binaries start or build: servers, samples. No assertions about behaviour.

pub mod certificates;
pub mod haproxy;
pub mod proxy;
pub mod redis;
pub mod sample;
