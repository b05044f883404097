//! Who calls, and what they may do: credentials, who may issue which, and how much is taken from whom (S1, S4).
//!
//! It turns what a caller shows (an API key, a signed token, a client certificate) into a [`Credential`], or says why it
//! doesn't. It knows neither calls nor orgs' states: which call needs what stands in `grpc`'s table.

pub mod asked_key;
mod certificate;
mod claims;
pub mod credential;
pub mod document;
pub mod fault;
mod fetch;
mod figures;
pub mod gate;
pub mod grant;
pub mod hostile;
mod issuer;
mod json;
mod jwks;
pub mod key_file;
pub mod keys;
pub mod limits;
pub mod peer;
mod policy;
mod revoked;
pub mod scopes;
mod token;
mod upkeep;
mod verified;

pub use credential::{Credential, Orgs, Origin};
pub use document::BadAccess;
pub use fault::{Fault, Told};
pub use gate::{Access, Presented, Standing};
pub use limits::Limits;
pub use peer::{Peer, PeerCertificate};
pub use scopes::{Scope, Scopes};
