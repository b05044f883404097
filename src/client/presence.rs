//! Signing reps in and keeping them so: what a rep's own program does, for whoever plays one (`online`, `dev`, the
//! benches). It prints nothing; who signed in is told what became of it.

use std::time::Duration;

use tokio::time::sleep;

use super::{Client, Failure};
use crate::pb;

/// Presences that are open, and how often to renew them.
#[derive(Debug)]
pub struct SignedIn {
    /// Ids of the presences.
    pub presences: Vec<String>,
    /// How often to renew, as the server wants it; at least 100 ms.
    pub renew_every: Duration,
}

/// Signs a rep in at a presence status, on a device.
///
/// # Errors
/// The [`Failure`] of the call.
pub async fn sign_in(
    client: &Client,
    rep: &str,
    status: &str,
    device: &str,
) -> Result<SignedIn, Failure> {
    let request = pb::OpenPresenceRequest {
        rep: rep.to_owned(),
        status: status.to_owned(),
        device: device.to_owned(),
        ..Default::default()
    };
    let opened = client.open_presence(request).await?;
    Ok(SignedIn { presences: vec![opened.presence], renew_every: every(opened.renew_every) })
}

pub(super) fn every(duration: Option<prost_types::Duration>) -> Duration {
    duration
        .and_then(|d| Duration::try_from(d).ok())
        .unwrap_or(Duration::from_secs(10))
        .max(Duration::from_millis(100))
}

/// Renews presences until none is left, and tells `news` of each that ended and of trouble. A failure is no reason to
/// stop: the server may be back before the grace is over (P4).
pub async fn keep_signed_in(client: &Client, mut signed_in: SignedIn, mut news: impl FnMut(&str)) {
    let mut renew_in = signed_in.renew_every;
    while !signed_in.presences.is_empty() {
        sleep(renew_in).await;
        let request = pb::KeepAliveRequest { presences: signed_in.presences.clone() };
        match client.keep_alive(request).await {
            Ok(response) => {
                renew_in = every(response.renew_every);
                for result in &response.results {
                    if let Some(over) = ended(result) {
                        signed_in.presences.retain(|id| *id != result.presence);
                        news(&over);
                    }
                }
            }
            Err(failure) => {
                news(&format!("couldn't renew, trying on: {failure}"));
                renew_in = Duration::from_secs(1);
            }
        }
    }
}

/// What to say of a presence that won't be renewed any more.
fn ended(result: &pb::KeepAliveResult) -> Option<String> {
    let cause = cause(result.cause);
    match result.verdict() {
        pb::KeepAliveVerdict::Renewed
        | pb::KeepAliveVerdict::Reconnected
        | pb::KeepAliveVerdict::Unspecified => None,
        pb::KeepAliveVerdict::Superseded => {
            Some("signed in elsewhere: this sign-in is over".to_owned())
        }
        pb::KeepAliveVerdict::Closed => Some(format!("signed out ({cause})")),
        pb::KeepAliveVerdict::NotFound => {
            Some("the server doesn't know this sign-in any more".to_owned())
        }
        pb::KeepAliveVerdict::Invalid => {
            Some(format!("the server refuses the presence id {}", result.presence))
        }
    }
}

/// A cause as people write it; its number if it is newer than this program, nothing if there is none.
fn cause(number: i32) -> String {
    if number == 0 {
        return String::new();
    }
    pb::PresenceCause::try_from(number).map_or_else(
        |_| number.to_string(),
        |cause| cause.as_str_name().trim_start_matches("PRESENCE_CAUSE_").to_owned(),
    )
}
