//! The state of an org: its records and where they are found, how they are read, and decisions in the
//! making, which change them and can take it back.

pub mod draft;
mod org_state;
pub mod record_lookup;

pub use org_state::{BrokenChain, HeldRecord, State};
