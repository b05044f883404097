//! Values: ids, units, times, attributes, reasons, and how they are stored. They know of nothing but
//! each other.

pub mod attributes;
pub mod id;
pub mod limits;
pub mod rejection;
pub(in crate::domain) mod stored;
pub mod time;
pub mod units;
