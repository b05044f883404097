//! What partners are, and were, asked, as it is found and counted: of a session, of a partner, of all (N6, N7).

use super::State;
use crate::domain::id::{HandoffId, PartnerId, SessionId};
use crate::domain::line::IndexCount;
use crate::domain::live::{OpenAskKind, PartnerAsk};
use crate::domain::record::IndexKey;
use crate::domain::time::Timestamp;

/// Before every ask.
const FIRST: PartnerAsk = PartnerAsk::Handoff(HandoffId::MIN);

impl State {
    /// All that partners were asked about a session: hand-offs, then routing requests, each in the order asked.
    pub fn asks_of_session(&self, session: SessionId) -> impl Iterator<Item = PartnerAsk> {
        self.index.range(IndexKey::AskOfSession(session, FIRST)..).map_while(move |key| match key {
            IndexKey::AskOfSession(of, ask) if *of == session => Some(*ask),
            _ => None,
        })
    }

    /// All that any partner is being asked.
    pub fn open_asks_of_all(&self) -> impl Iterator<Item = PartnerAsk> {
        let first = first_open(&PartnerId::least(), OpenAskKind::Handoff);
        self.index.range(first..).map_while(|key| match key {
            IndexKey::OpenAsk(_, _, _, ask) => Some(*ask),
            _ => None,
        })
    }

    /// How much of this kind a partner is being asked.
    #[must_use]
    pub fn open_asks(&self, partner: &PartnerId, kind: OpenAskKind) -> u32 {
        self.count(&IndexCount::OpenAsks(partner.clone(), kind))
    }

    /// When the oldest of what a partner is being asked was asked.
    #[must_use]
    pub fn oldest_open_ask(&self, partner: &PartnerId) -> Option<Timestamp> {
        let kinds = [OpenAskKind::Handoff, OpenAskKind::Asked, OpenAskKind::Acknowledged];
        let oldest = |kind: OpenAskKind| match self.index.range(first_open(partner, kind)..).next()
        {
            Some(IndexKey::OpenAsk(of, found, at, _)) if of == partner && *found == kind => {
                Some(*at)
            }
            _ => None,
        };
        kinds.into_iter().filter_map(oldest).min()
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

fn first_open(partner: &PartnerId, kind: OpenAskKind) -> IndexKey {
    IndexKey::OpenAsk(partner.clone(), kind, Timestamp::MIN, FIRST)
}
