//! Reading hand-offs (T23). Answering them is another file's.

use std::sync::Arc;

use tonic::Request;

use super::asks::narrowed;
use crate::domain::id::HandoffId;
use crate::domain::live::{Handoff, PartnerAsk};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::rejection::Rejection;
use crate::domain::scope::may_see_ask;
use crate::engine::View;
use crate::grpc::api::{Api, number};
use crate::grpc::caller::Caller;
use crate::grpc::from_proto::AskFilter;
use crate::grpc::status::Problem;
use crate::grpc::to_proto::ObjectContext;
use crate::grpc::{from_proto, scope, to_proto};
use crate::pb;

fn shown(view: &View, caller: &Caller, h: &Handoff) -> pb::Handoff {
    let changed = view.state.revision_of(&RecordKey::Handoff(h.id));
    to_proto::handoff(ObjectContext::of(view, caller.content()), h, changed)
}

/// Reads a hand-off.
///
/// # Errors
/// INVALID_FIELD, NOT_FOUND, or what the engine refuses with.
pub async fn get(
    api: &Api,
    request: Request<pb::GetHandoffRequest>,
) -> Result<pb::GetHandoffResponse, Problem> {
    let (caller, message) = api.admit("PartnerService/GetHandoff", request)?;
    let (id, at_least) =
        from_proto::get::<HandoffId>("handoff", &message.handoff, message.at_least_revision)?;
    let read = api.read(&caller, at_least, |view| {
        let found = view.state.handoff(&id);
        let own =
            found.filter(|h| may_see_ask(&view.state, &caller, (&h.contact.partner, h.session)));
        let handoff = own.ok_or_else(|| Rejection::not_found("handoff", id))?;
        Ok(pb::GetHandoffResponse {
            handoff: Some(shown(view, &caller, &handoff)),
            revision: number(view.state.head().revision),
        })
    });
    read.await
}

/// Lists hand-offs in the order asked.
///
/// # Errors
/// INVALID_FIELD, INVALID_TOKEN, NOT_FOUND, or what the engine refuses with.
pub async fn list(
    api: &Api,
    request: Request<pb::ListHandoffsRequest>,
) -> Result<pb::ListHandoffsResponse, Problem> {
    const RPC: &str = "PartnerService/ListHandoffs";
    let (caller, message) = api.admit(RPC, request)?;
    let mut filter = from_proto::list_handoffs(&message)?;
    filter.partner = scope::partner(&caller, filter.partner.take())?;
    let window = api.window(&caller, RPC, message)?;
    let read = api.read(&caller, window.at_least, |view| {
        let from = window.after().and_then(|after| after.parse().ok()).unwrap_or(HandoffId::MIN);
        let all = candidates(view, &filter, from).filter(|h| is_listed(h, &filter));
        let all =
            all.filter(|h| may_see_ask(&view.state, &caller, (&h.contact.partner, h.session)));
        let page = api.page(&caller, &window, view, all, |h| h.id.to_string());
        Ok(pb::ListHandoffsResponse {
            handoffs: page.items.iter().map(|h| shown(view, &caller, h)).collect(),
            next_page_token: page.next,
            revision: number(view.state.head().revision),
        })
    });
    read.await
}

fn is_listed(h: &Handoff, filter: &AskFilter<pb::HandoffState>) -> bool {
    filter.states.contains(&to_proto::handoff_state(&h.state))
        && filter.partner.as_ref().is_none_or(|partner| h.contact.partner == *partner)
        && filter.session.is_none_or(|session| h.session == session)
}

/// The hand-offs that may match, by the narrowest index there is, in order of their ids, from one on.
fn candidates<'v>(
    view: &'v View,
    filter: &AskFilter<pb::HandoffState>,
    from: HandoffId,
) -> Box<dyn Iterator<Item = Arc<Handoff>> + 'v> {
    use pb::HandoffState::{Acknowledged, Asked};
    let open_only = filter.states.iter().all(|state| matches!(state, Asked | Acknowledged));
    let id_of = |ask| match ask {
        PartnerAsk::Handoff(id) => Some(id),
        PartnerAsk::Routing(_) => None,
    };
    match narrowed(view, filter, open_only, (from, id_of)) {
        Some(ids) => Box::new(ids.into_iter().filter_map(|id| view.state.handoff(&id))),
        None => {
            let records = view.state.range(RecordKey::Handoff(from)..);
            Box::new(records.map_while(|record| match record {
                Record::Handoff(handoff) => Some(Arc::clone(handoff)),
                _ => None,
            }))
        }
    }
}
