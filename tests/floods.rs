//! Floods over loopback, each bounded and stopping by itself: the server's memory stays bounded, others' calls go on
//! meanwhile, and all is as before within seconds. One at a time, so that each is measured alone; the figures are
//! printed (`cargo test --test floods -- --nocapture`).

#![allow(clippy::print_stdout, reason = "what was measured belongs in the test's output")]

#[path = "support/access.rs"]
#[allow(dead_code, reason = "each test binary uses a part")]
mod access;
#[path = "floods/bodies.rs"]
mod bodies;
#[path = "floods/bystander.rs"]
mod bystander;
#[path = "tls/certified.rs"]
#[allow(dead_code, reason = "the tests of TLS use the rest")]
mod certified;
#[path = "floods/connections.rs"]
mod connections;
#[path = "floods/credentials.rs"]
mod credentials;
#[path = "floods/frames.rs"]
mod frames;
#[path = "floods/process.rs"]
mod process;
#[path = "blackbox/stream.rs"]
#[allow(dead_code, reason = "the other tests that see whole servers use the rest")]
mod stream;
#[path = "floods/streams.rs"]
mod streams;
#[path = "blackbox/world.rs"]
#[allow(dead_code, reason = "the other tests that see whole servers use the rest")]
mod world;

mod support;
