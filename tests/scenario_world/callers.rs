//! Who acts in a line of a scenario: `ana`, `sup`, or, with a credential that is narrowed to queues and channels,
//! `sup@queue:care` or `sup@queue:care,channel:web`; and how much the org may have: `0s admin limit sessions 2`.

use std::sync::Arc;

use baton::domain::id::ActorId;
use baton::domain::live::{Actor, Role};
use baton::domain::scope::Narrowing;

use super::house::id;
use super::{Result, World};

/// The actor of this name.
pub fn actor(name: &str) -> Actor {
    let role = match name {
        "sup" => Role::Supervisor,
        "admin" => Role::Admin,
        "channel" => Role::Adapter,
        "server" => Role::Server,
        "board" => Role::Dashboard,
        "vendor" | "umbra" | "rival" => Role::Partner,
        _ => Role::Rep,
    };
    Actor { role, id: ActorId::new(name).expect("names in scenarios are ids") }
}

/// Who acts, and what their credential is narrowed to.
pub(super) fn caller(word: &str) -> Result<(Actor, Option<Arc<Narrowing>>)> {
    let Some((name, parts)) = word.split_once('@') else { return Ok((actor(word), None)) };
    let mut narrowing = Narrowing::default();
    for part in parts.split(',') {
        match part.split_once(':') {
            Some(("queue", queue)) => drop(narrowing.queues.insert(id(queue))),
            Some(("channel", channel)) => drop(narrowing.channels.insert(id(channel))),
            _ => return Err(format!("{part} is neither queue:NAME nor channel:NAME")),
        }
    }
    Ok((actor(name), Some(Arc::new(narrowing))))
}

impl World {
    /// From now on the org may have so many.
    pub(super) fn limit(&mut self, what: &str, most: &str) -> Result<()> {
        let most = most.parse().map_err(|_| "limit WHAT NUMBER")?;
        let limit = match what {
            "sessions" => &mut self.limits.sessions,
            "reps" => &mut self.limits.reps,
            "queues" => &mut self.limits.queues,
            "contacts" => &mut self.limits.contacts_per_partner,
            _ => return Err(format!("{what} aren't limited")),
        };
        *limit = most;
        Ok(())
    }
}
