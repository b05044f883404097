//! The partner that `dev --partner` plays: what it needs of the org, the vendor itself, and a session that its rep has.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::timeout;

use super::{ORG, Stage, opening};
use crate::cli::{directory, work};
use crate::client::Identity;
use crate::client::vendor::{Vendor, VendorPlan};
use crate::{output, pb};

/// The partner of `examples/partner.yaml`, its channel, and the rep who gets the first session.
const PARTNER: &str = "acme";
const CHANNEL: &str = "acme-chat";
const REP: &str = "rita";
/// How long the vendor may take to route the first session.
const ROUTED_WITHIN: Duration = Duration::from_secs(10);

/// Adds the partner to the org, lets the vendor work, and gives its rep a session; the session's id.
pub(super) async fn play(stage: &Stage) -> anyhow::Result<String> {
    directory::apply_partner(stage.admin()).await?;
    let client = stage.admin().acting_as(&Identity {
        org: ORG.to_owned(),
        role: "partner".to_owned(),
        actor: PARTNER.to_owned(),
        credential: None,
    })?;
    let say = |news: &str| output::note(&format!("{PARTNER}: {news}"));
    let vendor = Vendor::start(client, VendorPlan::example("baton dev", 0), say).await?;
    tokio::spawn(async move {
        if let Err(failure) = vendor.serve().await {
            output::note(&format!("{PARTNER} has stopped: {failure}"));
        }
    });
    // Without a target: the vendor is asked where it goes.
    let session = stage.open(opening("hello", CHANNEL, None)).await?.id;
    let rep = stage.rep(REP)?;
    let offer = timeout(ROUTED_WITHIN, work::watch_for_offer(&rep, REP)).await;
    let offer = offer.context("the vendor didn't route the first session")??;
    let accept = pb::AcceptWorkRequest { work: offer.id, ..Default::default() };
    rep.accept_work(accept).await?;
    Ok(session)
}

/// What to paste to see a hand-off and a return.
pub(super) fn welcome(baton: &str, session: &str) -> String {
    format!(
        "
A partner, {PARTNER}, is played here as well: a vendor with contacts, the channel {CHANNEL}, and the reps rita and sam, whom it
routes to. rita has a session of that channel. Hand it to one of the vendor's contacts, and bring it back:

  {baton} recipients {session} --type contact
  {baton} transfer {session} --to contact:{PARTNER}/42 --note \"wants a refund\"
  {baton} handoffs list --session {session}
  {baton} session return {session} --to rep:{REP} --note \"is refunded\" --reason done
  {baton} accept --next --as {REP}

Then open another one, which the vendor routes, and see what it was asked, and how it does:

  {baton} session open --channel {CHANNEL} --reference c-2
  {baton} routing list --state routed
  {baton} partners get {PARTNER}
  {baton} watch handoff routing-request partner
"
    )
}
