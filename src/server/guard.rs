//! Putting together what guards a server: who is let in, how much of whom, and what of that is told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Counters;
use super::front::certificates::Certificates;
use crate::access::Limits;
use crate::access::gate::Access;
use crate::admin;
use crate::config::Checked;
use crate::domain::id::OrgId;
use crate::grpc::admission::Gate;
use crate::grpc::caller::TrustedClaims;
use crate::grpc::quotas::Quotas;

/// How a server finds out who calls.
pub async fn gate(config: &Checked, default_org: Option<OrgId>) -> anyhow::Result<Gate> {
    let access = match &config.access {
        Some(path) => Some(Access::open(path).await?),
        None => None,
    };
    let claims = config
        .trusted
        .map(|role_may_be_missing| TrustedClaims { default_org, role_may_be_missing });
    if claims.is_some() {
        tracing::warn!(
            "callers are believed who say themselves who they are: for tests and tries only"
        );
    }
    Ok(Gate { access, claims })
}

/// The limits of the access file, as they change, or else those given.
pub fn limits_in_force(gate: &Gate, given: Limits) -> watch::Receiver<Limits> {
    let Some(access) = gate.access.clone() else {
        return watch::Sender::new(given).subscribe();
    };
    let (told, limits) = watch::channel(access.limits());
    tokio::spawn(async move {
        let mut changes = access.changes();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = told.closed() => return,
            }
            told.send_replace(access.limits());
        }
    });
    limits
}

/// What `/stats` tells.
pub fn figures(
    counters: Counters,
    quotas: Arc<Quotas>,
    access: Option<Arc<Access>>,
) -> admin::Figures {
    Arc::new(move || {
        let counted = counters.figures().into_iter();
        let counted = counted.map(|(name, number)| (name.to_owned(), number));
        let of_access = access.as_ref().map(|access| access.figures()).unwrap_or_default();
        counted.chain(quotas.figures()).chain(of_access).collect()
    })
}

/// Keeps current what files say, and forgets who was quiet, in `tasks`.
pub fn keep_current(
    tasks: &mut JoinSet<()>,
    access: Option<Arc<Access>>,
    quotas: Arc<Quotas>,
    certificates: Option<Certificates>,
) {
    if let Some(access) = access {
        tasks.spawn(access.keep_current());
    }
    if let Some(certificates) = certificates {
        tasks.spawn(certificates.follow());
    }
    tasks.spawn(forget_quiet(quotas));
}

/// Once a minute, who was quiet is forgotten.
async fn forget_quiet(quotas: Arc<Quotas>) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        quotas.forget_quiet();
    }
}
