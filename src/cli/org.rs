//! `org`: what only whoever runs Baton does with an org, straight in the store, since no server can read it.

use anyhow::bail;

use super::args::Org;
use crate::launch::ForgetOrg;
use crate::output;

/// `baton org`.
pub async fn run(what: Org, forget: ForgetOrg) -> anyhow::Result<()> {
    let Org::Forget { org, redis, yes } = what;
    if !yes {
        bail!(
            "this drops everything that is stored of {org}, for good: say --yes if that is meant"
        );
    }
    forget(redis, org.clone()).await?;
    output::note(&format!("nothing is left of {org}: it begins anew"));
    Ok(())
}
