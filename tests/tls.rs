//! TLS on every side, seen from outside: what servers show and whom they take, certificates that are exchanged while
//! everything runs, servers that pass calls on to each other, and what clients are told when something is wrong.

#[path = "tls/callers.rs"]
mod callers;
#[path = "tls/certified.rs"]
mod certified;
#[path = "tls/clients.rs"]
mod clients;
#[path = "tls/files.rs"]
mod files;
#[path = "tls/peers.rs"]
mod peers;
#[path = "tls/rotation.rs"]
mod rotation;

#[path = "blackbox/stream.rs"]
#[allow(dead_code, reason = "the other tests that see whole servers use the rest")]
mod stream;
#[path = "blackbox/world.rs"]
#[allow(dead_code, reason = "the other tests that see whole servers use the rest")]
mod world;

mod support;
