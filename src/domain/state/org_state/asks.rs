//! What partners are being asked, and which sessions stand in their lines without being asked about (N6, N7).

use super::State;
use crate::domain::id::{HandoffId, PartnerId, SessionId};
use crate::domain::live::PartnerAsk;
use crate::domain::record::IndexKey;

impl State {
    /// All that partners were asked about a session, hand-offs first, each in the order asked.
    pub fn asks_of_session(&self, session: SessionId) -> impl Iterator<Item = PartnerAsk> {
        let first = PartnerAsk::Handoff(HandoffId::MIN);
        self.index.range(IndexKey::AskOfSession(session, first)..).map_while(move |key| match key {
            IndexKey::AskOfSession(of, ask) if *of == session => Some(*ask),
            _ => None,
        })
    }

    /// The sessions that stand in a partner's lines and aren't asked about until it is back (N7), in the order of opening.
    pub fn unasked<'s>(&'s self, partner: &PartnerId) -> impl Iterator<Item = SessionId> + use<'s> {
        let partner = partner.clone();
        let from = IndexKey::Unasked(partner.clone(), SessionId::MIN);
        self.index.range(from..).map_while(move |key| match key {
            IndexKey::Unasked(of, session) if *of == partner => Some(*session),
            _ => None,
        })
    }
}

impl State {
    /// TEMPORARY
    #[must_use]
    pub fn contact(
        &self,
        _of: &crate::domain::live::ContactRef,
    ) -> Option<crate::domain::contacts::Contact> {
        None
    }
}
