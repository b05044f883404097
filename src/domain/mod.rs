//! What Baton decides, and nothing else. Pure and deterministic: no clock, no randomness, no I/O,
//! no async, no wire types. It imports nothing of ours.
//!
//! In layers, each above what it uses: *values* → *records* → *state* → *rules* → *decide* →
//! *questions*. `tests/tidy.rs` holds them to it.

pub mod decide;
pub mod questions;
pub mod records;
pub mod rules;
pub mod state;
pub mod values;

pub use decide::command;
pub use questions::{contact_search, recipients};
pub use records::{contacts, directory, entry, flow, line, live, load, record};
pub use rules::{
    admission, aliases, capacity, choose, eligibility, external, flow_world, invariants,
    partner_lines, prospects, reasons, scope, verdict, wait,
};
pub use state::{draft, record_lookup};
pub(in crate::domain) use values::stored;
pub use values::{attributes, id, limits, rejection, time, units};
