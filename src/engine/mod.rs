//! The engine: one actor per org that decides, commits and publishes. Handlers talk to it through
//! [`Engine`] alone; the journal is behind it.

mod actor;
mod caught;
pub mod clock;
pub mod core;
mod desk;
pub mod entropy;
mod facade;
mod follower;
mod health;
mod hearing;
mod leases;
mod look_out;
pub mod options;
mod own_request;
pub mod policy;
mod pulse;
mod recent_outcomes;
mod refusal;
mod registry;
mod rest;
mod round;
mod sent;
mod shared;
mod standstill;
pub mod stats;
pub mod steady;
mod store;
mod store_clock;
mod ticket;
mod timers;
mod view;

pub use self::clock::{Clock, ManualClock, SystemClock};
pub use self::facade::Engine;
pub use self::options::EngineOptions;
pub use self::refusal::Refusal;
pub use self::round::Remember;
pub use self::steady::SteadyClock;
pub use self::view::{Applied, Done, View};
