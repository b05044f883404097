//! The public API over gRPC: one file of handlers per service over what they share (`api`). The
//! wire's types are seen here and nowhere else; the domain decides, the engine commits.

pub mod api;
pub mod call_id;
pub mod caller;
pub mod deadline;
mod directory;
mod flow;
mod from_proto;
mod pages;
mod partner;
pub mod passed;
pub mod passing;
mod presence;
mod request_id;
mod roles;
mod scope;
mod servers;
mod session;
mod status;
pub mod streams;
mod to_proto;
pub mod token;
mod transfer;
pub mod uploads;
mod watch;
mod work;

use std::sync::Arc;

pub use directory::Directory;
pub use partner::Partners;
pub use presence::Presences;
pub use servers::Servers;
pub use session::Sessions;
pub use status::{DOMAIN, Problem, Repeat};
pub use transfer::Transfers;
pub use watch::Watches;
pub use work::Works;

/// What all services of a server share.
pub type Shared = Arc<api::Api>;
