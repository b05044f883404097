//! Finding what partners were asked, hand-offs and routing requests alike.

use crate::domain::live::PartnerAsk;
use crate::engine::View;
use crate::grpc::from_proto::AskFilter;

/// The ids of one kind that may match, by the narrowest index there is, in their order, from one on. Nothing if no index
/// narrows it: then all records are to be looked through.
pub fn narrowed<State, Id: Ord>(
    view: &View,
    filter: &AskFilter<State>,
    open_only: bool,
    (from, id_of): (Id, impl Fn(PartnerAsk) -> Option<Id>),
) -> Option<Vec<Id>> {
    let asks: Vec<PartnerAsk> = match (filter.session, &filter.partner) {
        (Some(session), _) => view.state.asks_of_session(session).collect(),
        (None, Some(partner)) if open_only => view.state.asks_open_with(partner).collect(),
        (None, None) if open_only => view.state.open_asks_of_all().collect(),
        (None, _) => return None,
    };
    let mut ids: Vec<Id> = asks.into_iter().filter_map(id_of).filter(|id| *id >= from).collect();
    ids.sort_unstable();
    Some(ids)
}
