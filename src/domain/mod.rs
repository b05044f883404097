//! What Baton decides, and nothing else. Pure and deterministic: no clock, no randomness, no I/O,
//! no async, no wire types. It imports nothing of ours.

pub mod attributes;
pub mod capacity;
pub mod choose;
pub mod command;
pub mod decide;
pub mod directory;
pub mod draft;
pub mod eligibility;
pub mod entry;
pub mod flow;
pub mod flow_world;
pub mod id;
pub mod invariants;
pub mod line;
pub mod live;
pub mod look;
pub mod recipients;
pub mod record;
pub mod rejection;
pub mod sight;
pub mod state;
pub mod time;
pub mod units;
pub mod wait;
