//! The org that a bench runs in: its own, with reps who have room for everything.

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::super::output;
use super::super::presence::{self, SignedIn};
use crate::client::{Client, Failure};
use crate::pb;

/// Room for all sessions that a bench can have alive: a million units.
const CAPACITY_CENTI_UNITS: i64 = 100_000_000;

/// Applies the directory and signs the reps in; they stay signed in for as long as the process lives.
pub async fn prepare(client: &Client, reps: u16) -> anyhow::Result<Vec<String>> {
    let names: Vec<String> = (0..reps).map(|number| format!("rep-{number:04}")).collect();
    let request =
        pb::ApplyDirectoryRequest { directory: Some(directory(&names)), ..Default::default() };
    client.apply_directory(request).await.context("can't apply the bench's directory")?;
    let mut presences = Vec::new();
    let mut renew_every = None;
    for chunk in names.chunks(32) {
        let mut opening: JoinSet<Result<SignedIn, Failure>> = JoinSet::new();
        for rep in chunk {
            let (client, rep) = (client.clone(), rep.clone());
            opening.spawn(async move {
                presence::sign_in(&client, &rep, "available", "baton bench").await
            });
        }
        while let Some(opened) = opening.join_next().await {
            let opened = opened?.context("can't sign the bench's reps in")?;
            renew_every = Some(opened.renew_every);
            presences.extend(opened.presences);
        }
    }
    let signed_in =
        SignedIn { presences, renew_every: renew_every.context("a bench without reps")? };
    let client = client.clone();
    tokio::spawn(async move {
        presence::keep_alive(&client, signed_in, |news| {
            output::note(&format!("a rep of the bench: {news}"))
        })
        .await;
    });
    Ok(names)
}

fn directory(reps: &[String]) -> pb::Directory {
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    pb::Directory {
        settings: Some(pb::OrgSettings {
            skills_based_and_direct_to_rep_routing: Some(true),
            history_retention: seconds(60),
            ..Default::default()
        }),
        presence_statuses: vec![pb::PresenceStatus {
            id: "available".to_owned(),
            r#type: pb::PresenceStatusType::Online as i32,
            channel_types: vec![pb::ChannelType::WebChatV2 as i32],
            ..Default::default()
        }],
        presence_configurations: vec![pb::PresenceConfiguration {
            id: "roomy".to_owned(),
            capacity_centi_units: CAPACITY_CENTI_UNITS,
            ..Default::default()
        }],
        profiles: vec![pb::Profile {
            id: "bench".to_owned(),
            presence_statuses: vec!["available".to_owned()],
            presence_configuration: "roomy".to_owned(),
            ..Default::default()
        }],
        reps: reps
            .iter()
            .map(|rep| pb::Rep {
                id: rep.clone(),
                profile: "bench".to_owned(),
                licences: vec![pb::Licence::EnhancedChatUser as i32],
                permissions: vec![pb::Permission::EnhancedChatRep as i32],
                ..Default::default()
            })
            .collect(),
        channels: vec![pb::Channel {
            id: "web".to_owned(),
            r#type: pb::ChannelType::WebChatV2 as i32,
            ..Default::default()
        }],
        ..Default::default()
    }
}
