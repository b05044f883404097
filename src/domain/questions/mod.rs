//! Questions that change nothing: who can be chosen, why, why not, and what a transfer would meet.

pub mod contact_search;
pub mod recipients;
