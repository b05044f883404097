//! Who calls, and what they may do: credentials, who may issue which, and how much is taken from whom (S1, S4).
//!
//! It turns what a caller shows (an API key, a signed token, a client certificate) into a [`Credential`], or says why it
//! doesn't. It knows neither calls nor orgs' states: which call needs what stands in `grpc`'s table.

pub mod credential;
pub mod fault;
pub mod gate;
pub mod limits;
pub mod peer;
pub mod scopes;

pub use credential::{Credential, Orgs, Origin};
pub use fault::{Fault, Told};
pub use limits::Limits;
pub use peer::{Peer, PeerCertificate};
pub use scopes::{Scope, Scopes};
