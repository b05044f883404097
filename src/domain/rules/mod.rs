//! Rules: who can take what, whom to ask, what capacity is held, how long it takes, where a flow leads,
//! and what is always true. Decisions and questions ask the same ones (L6).

pub mod admission;
pub mod aliases;
pub mod capacity;
pub mod choose;
pub mod eligibility;
pub mod external;
pub mod flow_world;
pub mod invariants;
pub mod partner_lines;
pub mod prospects;
pub mod reasons;
pub mod scope;
pub mod verdict;
pub mod wait;
