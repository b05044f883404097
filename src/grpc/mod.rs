//! The public API over gRPC: one file of handlers per service over what they share (`api`). The
//! wire's types are seen here and nowhere else; the domain decides, the engine commits.

pub mod admission;
pub mod api;
mod audit;
pub mod call_id;
pub mod caller;
mod credentials;
pub mod deadline;
mod directory;
mod flow;
mod from_proto;
mod identity;
mod pages;
mod partner;
pub mod passed;
pub mod passing;
mod presence;
pub mod quotas;
mod request_id;
mod scope;
mod servers;
mod session;
mod status;
pub mod streams;
pub mod table;
mod to_proto;
pub mod token;
mod transfer;
mod unread;
pub mod uploads;
mod watch;
mod work;

use std::sync::Arc;

pub use audit::Audits;
pub use directory::Directory;
pub use identity::Identities;
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
