//! Records: what an org configures, what happens in it, and the entries that change them. Values only,
//! and what can be told from one record alone.

pub mod contacts;
pub mod directory;
pub mod entry;
pub mod flow;
pub mod line;
pub mod live;
pub mod load;
mod numbers;
pub mod record;
