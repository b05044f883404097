//! Who calls, and in which role (S1).

use minicbor::{Decode, Encode};

use crate::domain::id::ActorId;

/// In which role somebody calls (S1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// May do everything in the org.
    Admin,
    /// May act for reps and sees everything.
    Supervisor,
    /// Acts as the rep that it is.
    Rep,
    /// A channel's adapter.
    Adapter,
    /// A partner vendor.
    Partner,
    /// Reads.
    Dashboard,
    /// Baton itself: timers and settling.
    Server,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Actor {
    /// The role of the credential.
    #[n(0)]
    pub role: Role,
    /// The name in the credential; a rep's id for [`Role::Rep`].
    #[n(1)]
    pub id: ActorId,
}

impl Actor {
    /// Baton itself.
    ///
    /// # Panics
    /// Never: the name keeps the rules for ids.
    #[must_use]
    pub fn baton() -> Self {
        let id = ActorId::new("baton").expect("the name keeps the rules for ids");
        Self { role: Role::Server, id }
    }
}
