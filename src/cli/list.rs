//! `reps`, `skills`, `flows`, `sessions`, `transfers` and `work`: list and get. `queue` has the queues.

use anyhow::bail;

use super::args::{Flows, Reps, Sessions, Skills, Transfers, WorkQuery};
use super::pages::pages;
use super::{Context, flow, json, rep, table};
use crate::{output, pb};

/// `baton reps`.
pub async fn reps(context: &Context, what: Reps) -> anyhow::Result<()> {
    let client = context.client()?;
    match what {
        Reps::List { query, status, queue, limit } => {
            let status_types: Vec<i32> = status.iter().map(|s| *s as i32).collect();
            let reps = pages!(limit, token, size => client.list_rep_presences(pb::ListRepPresencesRequest {
                page_size: size,
                page_token: token.clone(),
                query: query.clone(),
                status_types: status_types.clone(),
                queue: queue.clone(),
                ..Default::default()
            }).await?, rep_presences);
            context.out.list(&reps, |rep| json::of("RepPresence", rep), table::reps);
        }
        Reps::Get { id } => rep::get(context, id).await?,
    }
    Ok(())
}

/// `baton skills`.
pub async fn skills(context: &Context, what: Skills) -> anyhow::Result<()> {
    let client = context.client()?;
    let Skills::List(args) = what;
    let skills = pages!(args.limit, token, size => client.list_skills(pb::ListSkillsRequest {
        page_size: size,
        page_token: token.clone(),
        query: args.query.clone(),
        ..Default::default()
    }).await?, skills);
    context.out.list(&skills, |skill| json::of("Skill", skill), flow::skills_table);
    Ok(())
}

/// `baton flows`.
pub async fn flows(context: &Context, what: Flows) -> anyhow::Result<()> {
    let client = context.client()?;
    match what {
        Flows::List(args) => {
            let flows = pages!(args.limit, token, size => client.list_flows(pb::ListFlowsRequest {
                page_size: size,
                page_token: token.clone(),
                query: args.query.clone(),
                ..Default::default()
            }).await?, flows);
            context.out.list(&flows, |flow| json::of("Flow", flow), flow::flows_table);
        }
        Flows::Get { id } => {
            let request = pb::GetFlowRequest { id, ..Default::default() };
            let found = client.get_flow(request).await?.flow.unwrap_or_default();
            context.out.one(|| json::of("Flow", &found), || flow::text(&found));
        }
        Flows::Test(args) => flow::test(context, args).await?,
    }
    Ok(())
}

/// `baton sessions`.
pub async fn sessions(context: &Context, what: Sessions) -> anyhow::Result<()> {
    let client = context.client()?;
    match what {
        Sessions::List { state, channel, rep, queue, stranded, limit } => {
            let states: Vec<i32> = state.iter().map(|s| *s as i32).collect();
            let sessions = pages!(limit, token, size => client.list_sessions(pb::ListSessionsRequest {
                page_size: size,
                page_token: token.clone(),
                states: states.clone(),
                channels: channel.clone(),
                rep: rep.clone(),
                queue: queue.clone(),
                stranded,
                ..Default::default()
            }).await?, sessions);
            context.out.list(&sessions, |session| json::of("Session", session), table::sessions);
        }
        Sessions::Get { id } => {
            let which = Some(pb::get_session_request::Which::Session(id));
            let request = pb::GetSessionRequest { which, ..Default::default() };
            let session = client.get_session(request).await?.session.unwrap_or_default();
            context.out.one(|| json::of("Session", &session), || table::session(&session));
        }
    }
    Ok(())
}

/// `baton transfers`.
pub async fn transfers(context: &Context, what: Transfers) -> anyhow::Result<()> {
    let client = context.client()?;
    match what {
        Transfers::List { state, session, rep, queue, stranded, limit } => {
            let states: Vec<i32> = state.iter().map(|s| *s as i32).collect();
            let transfers = pages!(limit, token, size => client.list_transfers(pb::ListTransfersRequest {
                page_size: size,
                page_token: token.clone(),
                states: states.clone(),
                session: session.clone(),
                rep: rep.clone(),
                queue: queue.clone(),
                stranded,
                ..Default::default()
            }).await?, transfers);
            context.out.list(
                &transfers,
                |transfer| json::of("Transfer", transfer),
                table::transfers,
            );
        }
        Transfers::Get { id } => {
            let request = pb::GetTransferRequest { transfer: id, ..Default::default() };
            let transfer = client.get_transfer(request).await?.transfer.unwrap_or_default();
            context.out.one(|| json::of("Transfer", &transfer), || table::transfer(&transfer));
        }
    }
    Ok(())
}

/// `baton work`. The API reads work by rep or session, so `get` looks through what the caller may see.
pub async fn work(context: &Context, what: WorkQuery) -> anyhow::Result<()> {
    use super::names::Named as _;
    let client = context.client()?;
    let (states, rep, session, limit, wanted) = match what {
        WorkQuery::List { state, rep, session, limit } => (state, rep, session, limit, None),
        WorkQuery::Get { id } => {
            (pb::WorkState::all(), String::new(), String::new(), usize::MAX, Some(id))
        }
    };
    let states: Vec<i32> = states.iter().map(|s| *s as i32).collect();
    let work = pages!(limit, token, size => client.list_work(pb::ListWorkRequest {
        page_size: size,
        page_token: token.clone(),
        rep: rep.clone(),
        session: session.clone(),
        states: states.clone(),
        ..Default::default()
    }).await?, work);
    let Some(id) = wanted else {
        context.out.list(&work, |work| json::of("Work", work), table::work);
        return Ok(());
    };
    match work.iter().find(|work| work.id == id) {
        Some(work) => show(context, &json::of("Work", work)),
        None => bail!("NOT_FOUND: there is no work `{id}` (`work list` shows what there is)"),
    }
    Ok(())
}

/// Shows one object with all its fields.
pub fn show(context: &Context, value: &serde_json::Value) {
    context.out.one(|| value.clone(), || output::fields(value));
}
