//! What is stored since level 6: by what right something was done (S3), with a cause and with the steps of a session.
//! Called by the tests of the codec.

use std::sync::Arc;

use super::{actor, id, session};
use crate::domain::entry::Cause;
use crate::domain::live::{Provenance, Session, SessionSteps};
use crate::domain::record::Record;

/// The cause of what somebody did for a rep, with another's credential, since level 6.
pub fn authorised() -> Cause {
    Cause {
        credential: Some(Arc::from("token:https://idp.example/#sue")),
        delegate: Some(Arc::from("service-desk")),
        on_behalf_of: Some(id("ana")),
        call: Some(Arc::from("00112233445566778899aabbccddeeff")),
        ..Cause::new(actor(), "PresenceService/SetStatus")
    }
}

/// A session whose steps say by what right they were done.
pub fn opened_by_right() -> Record {
    let step = |revision| {
        let Cause { actor: by, rpc, .. } = authorised();
        let authority = authorised().authority().map(Arc::new);
        Some(Arc::new(Provenance { revision, by, rpc, authority }))
    };
    let mut session = session(Session::WAITING);
    session.steps = SessionSteps { opened: step(8), ended: step(9) };
    Record::Session(Arc::new(session))
}
