//! Who may call what, tried on a running server, every cell: each method that the descriptors know × each role × each scope
//! × one's own org and another's, streams included (S1, S2, S4). The expectations come from the one table, and from nothing
//! else that a server is made of.

#[allow(dead_code, reason = "each test binary uses a part")]
#[path = "support/access.rs"]
mod access;
#[path = "matrix/ending.rs"]
mod ending;
#[path = "matrix/others.rs"]
mod others;
#[path = "matrix/raw.rs"]
mod raw;
#[path = "matrix/roles.rs"]
mod roles;
