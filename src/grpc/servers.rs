//! ServerService: who else is there, and who is home of the caller's org.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};

use super::api::Api;
use super::passing::name_of;
use super::to_proto;
use crate::domain::id::OrgId;
use crate::domain::time::Span;
use crate::journal::{Member, MemberState};
use crate::pb;
use crate::pb::server_service_server::ServerService;

/// The service.
pub struct Servers(pub Arc<Api>);

/// The place after `before` others.
fn place(before: usize) -> pb::ServerPlace {
    match before {
        0 => pb::ServerPlace::Home,
        1 => pb::ServerPlace::Second,
        _ => pb::ServerPlace::Further,
    }
}

/// The place in words; `before`: how many come before it among `serving`, if it can be a home.
fn why(org: &OrgId, state: pb::ServerState, before: Option<usize>, serving: usize) -> String {
    match (before, state) {
        (Some(0), _) => format!("home of {org}: first in its order of {serving} serving"),
        (Some(1), _) => format!("second for {org}: follows it, and is asked when its home is away"),
        (Some(n), _) => format!("{} of {serving} in the order of {org}", n + 1),
        (None, pb::ServerState::Joining) => "not yet: it loads what it will be home of".to_owned(),
        (None, pb::ServerState::Leaving) => "no more: it passes on what still arrives".to_owned(),
        (None, pb::ServerState::Away) => "not heard of for more than 1.8 s".to_owned(),
        (None, _) => "not in the order yet".to_owned(),
    }
}

impl Servers {
    fn listed(&self, org: &OrgId) -> pb::ListServersResponse {
        let (home, read) = (&self.0.home, self.0.home.members());
        let order = home.order(org);
        let since = read.read_at.map_or(Duration::ZERO, |read_at| read_at.elapsed());
        let since_reading = Span::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let mut servers: Vec<(usize, pb::Server)> = Vec::new();
        for member in &read.list.members {
            let before = order.iter().position(|other| other.id == member.id);
            let age = read.list.age(member).as_ms().saturating_add(since_reading.as_ms());
            let age = Span::from_ms(age);
            let there = read.list.alive().any(|other| other.id == member.id);
            // What this server has just become needn't be in the list yet.
            let own = (member.id == home.id()).then(|| home.state());
            let state =
                if there { state(own.unwrap_or(member.state)) } else { pb::ServerState::Away };
            let server = pb::Server {
                state: state.into(),
                heartbeat_age: Some(to_proto::span(age)),
                place: before.map_or(pb::ServerPlace::None, place).into(),
                why: why(org, state, before, order.len()),
                answering: member.id == home.id(),
                ..shown(member)
            };
            servers.push((before.unwrap_or(usize::MAX), server));
        }
        servers.sort_by(|one, two| (one.0, &one.1.id).cmp(&(two.0, &two.1.id)));
        let servers = servers.into_iter().map(|(_, server)| server).collect();
        pb::ListServersResponse { servers, age: Some(to_proto::span(since_reading)) }
    }
}

const fn state(state: MemberState) -> pb::ServerState {
    match state {
        MemberState::Joining => pb::ServerState::Joining,
        MemberState::Serving => pb::ServerState::Serving,
        MemberState::Leaving => pb::ServerState::Leaving,
    }
}

fn shown(member: &Member) -> pb::Server {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    pb::Server {
        id: name_of(member.id),
        address: member.address.clone(),
        start_time: Some(to_proto::time(member.started_at)),
        counts: Some(pb::ServerCounts {
            passed_on: number(member.counts.passed_on),
            passed_in_vain: number(member.counts.passed_in_vain),
            done_for_others: number(member.counts.done_for_others),
            two_homes: number(member.counts.two_homes),
        }),
        ..pb::Server::default()
    }
}

#[tonic::async_trait]
impl ServerService for Servers {
    async fn list_servers(
        &self,
        request: Request<pb::ListServersRequest>,
    ) -> Result<Response<pb::ListServersResponse>, Status> {
        let (caller, _) = self.0.admit("ServerService/ListServers", request)?;
        Ok(Response::new(self.listed(&caller.org)))
    }
}
