//! A small contact-centre vendor: supplies contacts, signs its reps in, takes hand-offs and routes sessions, by switch late,
//! twice, wrongly or never. What it does is in `src/client/vendor`, to copy from; docs/partners.md tells it in words.
//!
//! ```sh
//! baton dev                                             # in one terminal
//! baton apply -f examples/partner.yaml                  # in another
//! cargo run --example partner -- --late 70
//! ```

use std::process::ExitCode;
use std::time::Duration;

use baton::client::vendor::{Temper, Vendor, VendorPlan};
use baton::client::{Client, Identity, RetryPolicy};
use baton::{output, pb};
use clap::Parser;

/// A small vendor, to see what Baton does with one.
#[derive(Debug, Parser)]
struct Arguments {
    /// The server
    #[arg(long, env = "BATON_SERVER", default_value = "http://127.0.0.1:50051")]
    server: String,
    /// The org
    #[arg(long, env = "BATON_ORG", default_value = "demo")]
    org: String,
    /// Its API key or token; without it the server has to believe its callers, as `baton dev` does
    #[arg(long, env = "BATON_CREDENTIAL", hide_env_values = true)]
    credential: Option<String>,
    /// Id of the partner that it is
    #[arg(long, default_value = "acme")]
    partner: String,
    /// Its name among the vendor's workers: what one has claimed, no other answers
    #[arg(long, default_value = "worker-1")]
    worker: String,
    /// Its reps, whom it signs in and routes to
    #[arg(long, value_delimiter = ',', default_value = "rita,sam")]
    reps: Vec<String>,
    /// The status that they sign in with, Baton's id or the vendor's own
    #[arg(long, default_value = "READY")]
    status: String,
    /// Contacts to supply beside the four of the example
    #[arg(long, default_value_t = 0)]
    more_contacts: u32,
    /// Answer so many seconds after being asked
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    late: u64,
    /// Give each answer twice
    #[arg(long)]
    twice: bool,
    /// Answer for another worker and for what isn't there, and route to reps who aren't
    #[arg(long)]
    wrong: bool,
    /// Read what is asked, and never answer
    #[arg(long)]
    never: bool,
    /// Fail everything: BUSY, NO_ANSWER, CLOSED, UNKNOWN_CONTACT, REFUSED, OVERLOADED or ERROR
    #[arg(long, value_name = "REASON", value_parser = reason)]
    fail: Option<pb::HandoffFailure>,
    /// Acknowledge, and do nothing more
    #[arg(long)]
    ack_only: bool,
    /// Route to this queue of Baton's instead of to reps
    #[arg(long, value_name = "QUEUE")]
    to_queue: Option<String>,
}

fn reason(text: &str) -> Result<pb::HandoffFailure, String> {
    let name = text.to_ascii_uppercase().replace('-', "_");
    let found = pb::HandoffFailure::from_str_name(&format!("HANDOFF_FAILURE_{name}"));
    use pb::HandoffFailure::{Expired, Unspecified};
    found
        .filter(|reason| !matches!(reason, Expired | Unspecified))
        .ok_or_else(|| format!("`{text}` is no reason to fail: try BUSY"))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::note(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    // A server that believes its callers takes their word; any other goes by the credential alone.
    let identity = Identity {
        org: arguments.org,
        role: "partner".to_owned(),
        actor: arguments.partner,
        credential: arguments.credential.map(Into::into),
    };
    let client = Client::new(&arguments.server, &identity, RetryPolicy::default())?;
    let status = arguments.status;
    let plan = VendorPlan {
        reps: arguments.reps.into_iter().map(|rep| (rep, status.clone())).collect(),
        temper: Temper {
            late: Duration::from_secs(arguments.late),
            twice: arguments.twice,
            wrong: arguments.wrong,
            never: arguments.never,
            fail: arguments.fail,
            ack_only: arguments.ack_only,
            to_queue: arguments.to_queue,
        },
        ..VendorPlan::example(&arguments.worker, arguments.more_contacts)
    };
    let vendor = Vendor::start(client, plan, output::note).await?;
    output::note("the vendor is there; Ctrl-C ends it");
    tokio::select! {
        refused = vendor.serve() => Ok(refused?),
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
    }
}
