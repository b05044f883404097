//! The org that a bench runs in: its own, with reps who are signed in until the bench is over.

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::client::{Client, Failure, SignedIn, keep_signed_in, sign_in};
use crate::output;
use crate::pb;

/// The channel that a bench's sessions are of.
pub const CHANNEL: &str = "web";
/// How many sign in, or out, at once.
const AT_ONCE: usize = 32;

/// Reps who are signed in, and stay so until this is dropped.
#[derive(Debug)]
pub struct SignedReps {
    presences: Vec<String>,
    keeper: JoinSet<()>,
}

/// Applies a directory and signs all its reps in.
pub async fn prepare(client: &Client, directory: pb::Directory) -> anyhow::Result<SignedReps> {
    let names: Vec<String> = directory.reps.iter().map(|rep| rep.id.clone()).collect();
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    client.apply_directory(request).await.context("can't apply the bench's directory")?;
    let mut presences = Vec::new();
    let mut renew_every = None;
    for chunk in names.chunks(AT_ONCE) {
        let mut opening: JoinSet<Result<SignedIn, Failure>> = JoinSet::new();
        for rep in chunk {
            let (client, rep) = (client.clone(), rep.clone());
            opening.spawn(async move { sign_in(&client, &rep, "available", "baton bench").await });
        }
        while let Some(opened) = opening.join_next().await {
            let opened = opened?.context("can't sign the bench's reps in")?;
            renew_every = Some(opened.renew_every);
            presences.extend(opened.presences);
        }
    }
    let signed_in = SignedIn {
        presences: presences.clone(),
        renew_every: renew_every.context("a bench without reps")?,
    };
    let client = client.clone();
    let mut keeper = JoinSet::new();
    keeper.spawn(async move {
        keep_signed_in(&client, signed_in, |news| {
            output::note(&format!("a rep of the bench: {news}"))
        })
        .await;
    });
    Ok(SignedReps { presences, keeper })
}

impl SignedReps {
    /// Signs them out.
    pub async fn sign_out(mut self, client: &Client) -> anyhow::Result<()> {
        self.keeper.abort_all();
        for chunk in std::mem::take(&mut self.presences).chunks(AT_ONCE) {
            let mut closing = JoinSet::new();
            for presence in chunk {
                let (client, presence) = (client.clone(), presence.clone());
                closing.spawn(async move {
                    let whose = Some(pb::close_presence_request::Whose::Presence(presence));
                    client
                        .close_presence(pb::ClosePresenceRequest { whose, ..Default::default() })
                        .await
                });
            }
            while let Some(closed) = closing.join_next().await {
                closed?.context("can't sign the bench's reps out")?;
            }
        }
        Ok(())
    }
}

/// A rep of a bench.
pub fn rep(number: usize) -> pb::Rep {
    pb::Rep {
        id: format!("rep-{number:04}"),
        profile: "bench".to_owned(),
        licences: vec![pb::Licence::EnhancedChatUser as i32],
        permissions: vec![pb::Permission::EnhancedChatRep as i32],
        ..Default::default()
    }
}

/// A directory whose reps each have room for so many sessions, without queues.
pub fn directory(reps: Vec<pb::Rep>, capacity: u32) -> pb::Directory {
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
            id: "bench".to_owned(),
            capacity_centi_units: i64::from(capacity) * 100,
            ..Default::default()
        }],
        profiles: vec![pb::Profile {
            id: "bench".to_owned(),
            presence_statuses: vec!["available".to_owned()],
            presence_configuration: "bench".to_owned(),
            ..Default::default()
        }],
        reps,
        channels: vec![pb::Channel {
            id: CHANNEL.to_owned(),
            r#type: pb::ChannelType::WebChatV2 as i32,
            ..Default::default()
        }],
        ..Default::default()
    }
}
