//! What Baton decides, and nothing else. Pure and deterministic: no clock, no randomness, no I/O,
//! no async, no wire types. It imports nothing of ours.

pub mod attributes;
pub mod capacity;
pub mod command;
pub mod decide;
pub mod directory;
pub mod draft;
pub mod eligibility;
pub mod entry;
pub mod id;
pub mod invariants;
pub mod live;
pub mod look;
pub mod recipients;
pub mod record;
pub mod rejection;
pub mod state;
pub mod time;
pub mod units;
