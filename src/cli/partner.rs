//! `partners`, `handoffs` and `routing`: how partners do, what they are asked, and their answers, so that a person can
//! play one from a shell. `contact` has the contacts.

use std::time::Duration;

use super::args::{AnswerHandoff, FailHandoff, FailRouting, Handoffs, Partners, Route, Routing};
use super::names::Named;
use super::pages::pages;
use super::{Context, asked, json};
use crate::pb;

/// `baton partners`.
pub async fn partners(context: &Context, what: Partners) -> anyhow::Result<()> {
    let client = context.client()?;
    match what {
        Partners::List { query, limit } => {
            let partners = pages!(limit, token, size => client.list_partners(pb::ListPartnersRequest {
                page_size: size,
                page_token: token.clone(),
                query: query.clone(),
                ..Default::default()
            }).await?, partners);
            let mut states = Vec::new();
            for partner in partners {
                let request =
                    pb::GetPartnerStateRequest { partner: partner.id, ..Default::default() };
                states.extend(client.get_partner_state(request).await?.partner_state);
            }
            context.out.list(&states, |state| json::of("PartnerState", state), asked::partners);
        }
        Partners::Get { id } => {
            let request = pb::GetPartnerStateRequest { partner: id.clone(), ..Default::default() };
            let state = client.get_partner_state(request).await?.partner_state.unwrap_or_default();
            let request = pb::GetPartnerRequest { id, ..Default::default() };
            let partner = client.get_partner(request).await?.partner.unwrap_or_default();
            context.out.one(
                || {
                    let (partner, state) =
                        (json::of("Partner", &partner), json::of("PartnerState", &state));
                    serde_json::json!({"partner": partner, "state": state})
                },
                || asked::partner(&partner, &state),
            );
        }
    }
    Ok(())
}

/// `baton handoffs`.
pub async fn handoffs(context: &Context, what: Handoffs) -> anyhow::Result<()> {
    let client = context.client()?;
    let handoff = match what {
        Handoffs::List { partner, state, session, limit } => {
            let states = states(&state, &session);
            let handoffs = pages!(limit, token, size => client.list_handoffs(pb::ListHandoffsRequest {
                page_size: size,
                page_token: token.clone(),
                partner: partner.clone(),
                states: states.clone(),
                session: session.clone(),
                ..Default::default()
            }).await?, handoffs);
            context.out.list(&handoffs, |h| json::of("Handoff", h), asked::handoffs);
            return Ok(());
        }
        Handoffs::Get { id } => {
            let request = pb::GetHandoffRequest { handoff: id, ..Default::default() };
            let handoff = client.get_handoff(request).await?.handoff.unwrap_or_default();
            context.out.one(|| json::of("Handoff", &handoff), || asked::handoff(&handoff));
            return Ok(());
        }
        Handoffs::Ack(AnswerHandoff { id, reference }) => {
            let request = pb::AcknowledgeHandoffRequest {
                handoff: id,
                partner_reference: reference,
                ..Default::default()
            };
            client.acknowledge_handoff(request).await?.handoff
        }
        Handoffs::Complete(AnswerHandoff { id, reference }) => {
            let request = pb::CompleteHandoffRequest {
                handoff: id,
                partner_reference: reference,
                ..Default::default()
            };
            client.complete_handoff(request).await?.handoff
        }
        Handoffs::Fail(args) => client.fail_handoff(failed_handoff(args)?).await?.handoff,
    }
    .unwrap_or_default();
    context.out.one(
        || json::of("Handoff", &handoff),
        || format!("hand-off {}", asked::handoff_line(&handoff)),
    );
    Ok(())
}

/// The states asked for; of one session all, since it is its story that is of interest.
fn states<E: Named + Into<i32>>(wanted: &[E], session: &str) -> Vec<i32> {
    let all = if wanted.is_empty() && !session.is_empty() { E::all() } else { Vec::new() };
    wanted.iter().copied().chain(all).map(Into::into).collect()
}

fn failed_handoff(args: FailHandoff) -> anyhow::Result<pb::FailHandoffRequest> {
    Ok(pb::FailHandoffRequest {
        handoff: args.id,
        reason: args.reason as i32,
        failure: args.text,
        retryable: args.retryable,
        retry_after: span(args.retry_after)?,
        partner_reference: args.reference,
        ..Default::default()
    })
}

/// `baton routing`.
pub async fn routing(context: &Context, what: Routing) -> anyhow::Result<()> {
    let client = context.client()?;
    let request = match what {
        Routing::List { partner, state, session, limit } => {
            let states = states(&state, &session);
            let requests = pages!(limit, token, size => client.list_routing_requests(pb::ListRoutingRequestsRequest {
                page_size: size,
                page_token: token.clone(),
                partner: partner.clone(),
                states: states.clone(),
                session: session.clone(),
                ..Default::default()
            }).await?, routing_requests);
            let json = |request: &_| json::of("RoutingRequest", request);
            context.out.list(&requests, json, asked::routing_requests);
            return Ok(());
        }
        Routing::Get { id } => {
            let request = pb::GetRoutingRequestRequest { routing_request: id, ..Default::default() };
            let found = client.get_routing_request(request).await?.routing_request.unwrap_or_default();
            context
                .out
                .one(|| json::of("RoutingRequest", &found), || asked::routing_request(&found));
            return Ok(());
        }
        Routing::Ack { id, lease, reference } => {
            let request = pb::AcknowledgeRoutingRequest {
                routing_request: id,
                partner_reference: reference,
                lease: span(lease)?,
                ..Default::default()
            };
            client.acknowledge_routing(request).await?.routing_request
        }
        Routing::Route(args) => client.route_session(routed(args)).await?.routing_request,
        Routing::Fail(args) => client.fail_routing(failed_routing(args)).await?.routing_request,
    }
    .unwrap_or_default();
    context.out.one(
        || json::of("RoutingRequest", &request),
        || format!("routing request {}", asked::routing_line(&request)),
    );
    Ok(())
}

fn routed(args: Route) -> pb::RouteSessionRequest {
    let restrictions = pb::RepRestrictions {
        no_decline: args.no_decline,
        no_transfer: args.no_transfer,
        no_end: args.no_end,
    };
    pb::RouteSessionRequest {
        routing_request: args.id,
        target: Some(args.to),
        skip_capacity_check: args.skip_capacity_check,
        weight: args.weight.map(|weight| pb::Weight { weight: Some(weight) }),
        // What is left out isn't stated: of targets that are no reps there is nothing to restrict.
        restrictions: Some(restrictions).filter(|stated| *stated != pb::RepRestrictions::default()),
        partner_reference: args.reference,
        ..Default::default()
    }
}

fn failed_routing(args: FailRouting) -> pb::FailRoutingRequest {
    pb::FailRoutingRequest {
        routing_request: args.id,
        failure: args.text,
        reason: args.reason as i32,
        partner_reference: args.reference,
        ..Default::default()
    }
}

fn span(span: Option<Duration>) -> anyhow::Result<Option<prost_types::Duration>> {
    Ok(span.map(prost_types::Duration::try_from).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    fn route(words: &[&str]) -> pb::RouteSessionRequest {
        let words = ["baton", "routing", "route", "r1"].iter().chain(words);
        let parsed = super::super::args::Cli::try_parse_from(words).expect("it is one");
        let super::super::args::Command::Routing { what: Routing::Route(args) } = parsed.command
        else {
            panic!("it is another command");
        };
        routed(args)
    }

    #[test]
    fn n1_what_isnt_said_of_a_route_isnt_sent() {
        use pb::route_session_request::Target;
        let plain = route(&["--to", "queue:general"]);
        assert_eq!(plain.target, Some(Target::Queue("general".into())));
        assert_eq!((plain.weight, plain.restrictions), (None, None));
        let full = route(&[
            "--to",
            "rep:ana",
            "--skip-capacity-check",
            "--weight",
            "50%",
            "--no-transfer",
            "--no-end",
            "--reference",
            "w1",
        ]);
        assert!(full.skip_capacity_check);
        assert_eq!(full.partner_reference, "w1");
        assert_eq!(
            full.weight.and_then(|w| w.weight),
            Some(pb::weight::Weight::CentiPercent(5_000))
        );
        let restrictions =
            pb::RepRestrictions { no_decline: false, no_transfer: true, no_end: true };
        assert_eq!(full.restrictions, Some(restrictions));
    }
}
