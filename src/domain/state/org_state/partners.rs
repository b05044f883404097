//! What belongs to partners, by the index: their own ids (N8), and what they are being asked (N7).

use super::State;
use crate::domain::id::{HandoffId, PartnerId, PartnersId, RepId};
use crate::domain::live::{OpenAskKind, PartnerAsk};
use crate::domain::record::{AliasOf, IndexKey};
use crate::domain::time::Timestamp;

impl State {
    /// What a partner's own id names: at most one of each kind, unless a change that names another is being checked.
    pub fn aliases<'s>(
        &'s self,
        partner: &PartnerId,
        own: &PartnersId,
    ) -> impl Iterator<Item = &'s AliasOf> + use<'s> {
        let (partner, own) = (partner.clone(), own.clone());
        let least = AliasOf::Rep(RepId::least());
        let from = IndexKey::Alias(partner.clone(), own.clone(), least);
        self.index.range(from..).map_while(move |key| match key {
            IndexKey::Alias(p, o, of) if *p == partner && *o == own => Some(of),
            _ => None,
        })
    }

    /// All that a partner is being asked: the oldest of each kind first.
    pub fn asks_open_with<'s>(
        &'s self,
        partner: &PartnerId,
    ) -> impl Iterator<Item = PartnerAsk> + use<'s> {
        let partner = partner.clone();
        let least = PartnerAsk::Handoff(HandoffId::MIN);
        let from = IndexKey::OpenAsk(partner.clone(), OpenAskKind::Handoff, Timestamp::MIN, least);
        self.index.range(from..).map_while(move |key| match key {
            IndexKey::OpenAsk(p, _, _, ask) if *p == partner => Some(*ask),
            _ => None,
        })
    }
}
