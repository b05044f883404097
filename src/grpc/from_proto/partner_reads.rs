//! Questions of the PartnerService: about hand-offs, routing requests and how a partner does.

use std::collections::BTreeSet;

use super::fields::Fields;
use crate::domain::entry::Revision;
use crate::domain::id::{PartnerId, SessionId};
use crate::grpc::status::Problem;
use crate::pb;

/// Which hand-offs or routing requests are listed.
pub struct AskFilter<S> {
    /// Of which partner.
    pub partner: Option<PartnerId>,
    /// In which states; never empty.
    pub states: BTreeSet<S>,
    /// Of which session.
    pub session: Option<SessionId>,
}

/// Reads which hand-offs are listed.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_handoffs(
    request: &pb::ListHandoffsRequest,
) -> Result<AskFilter<pb::HandoffState>, Problem> {
    use pb::HandoffState::{Acknowledged, Asked, Unspecified};
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    let known = |wire| (wire != Unspecified).then_some(wire);
    let states = f.values("states", &request.states, known);
    asks(f, &request.partner, &request.session, states, [Asked, Acknowledged])
}

/// Reads which routing requests are listed.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_routing_requests(
    request: &pb::ListRoutingRequestsRequest,
) -> Result<AskFilter<pb::RoutingRequestState>, Problem> {
    use pb::RoutingRequestState::{Acknowledged, Asked, Unspecified};
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    let known = |wire| (wire != Unspecified).then_some(wire);
    let states = f.values("states", &request.states, known);
    asks(f, &request.partner, &request.session, states, [Asked, Acknowledged])
}

fn asks<S: Ord>(
    mut f: Fields,
    partner: &str,
    session: &str,
    states: Vec<S>,
    open: [S; 2],
) -> Result<AskFilter<S>, Problem> {
    let partner = f.optional_id("partner", partner);
    let session = f.optional_id("session", session);
    f.finish(|| {
        let states: BTreeSet<S> =
            if states.is_empty() { open.into() } else { states.into_iter().collect() };
        Some(AskFilter { partner: partner?, states, session: session? })
    })
}

/// Reads whose state is asked for.
///
/// # Errors
/// INVALID_FIELD.
pub fn get_partner_state(
    request: &pb::GetPartnerStateRequest,
) -> Result<(Option<PartnerId>, Option<Revision>), Problem> {
    let mut f = Fields::new();
    let partner = f.optional_id("partner", &request.partner);
    let at_least = f.revision("at_least_revision", request.at_least_revision);
    f.finish(|| Some((partner?, at_least)))
}
