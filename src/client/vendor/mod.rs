//! A small contact-centre vendor (CCaaS): all that a partner's program does, to try Baton with and to copy from.
//!
//! It supplies its contacts and their availability, signs its reps in, follows what it is asked on a stream that resumes,
//! and answers (`supply`, `handoffs`, `line`). What it knows of its open requests it has from the stream alone, so that it
//! goes on where it was after a restart. By its `Temper` it answers late, twice, wrongly or never, to see what comes of it.
//! `examples/partner.rs` and `baton dev --partner` run it; docs/partners.md tells the same in words.

mod handoffs;
mod line;
mod supply;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Client, Failure, WatchEvent};
use crate::pb;
use crate::pb::change::Change as ChangeKind;
use crate::pb::watch_object::Object;
use crate::pb::watch_response::Frame;

/// What a vendor has, and how it behaves.
#[derive(Clone, Debug, Default)]
pub struct VendorPlan {
    /// The name of this worker, in all its answers (N9). A worker that comes back under its name has what it had claimed.
    pub worker: String,
    /// All contacts of the vendor (N2).
    pub contacts: Vec<pb::Contact>,
    /// Its reps, by Baton's ids, and the presence status that each signs in with, by Baton's id or its own (N4, N8).
    pub reps: Vec<(String, String)>,
    /// Its queues, for which it says how long one waits (E6).
    pub queues: Vec<String>,
    /// How it answers.
    pub temper: Temper,
}

impl VendorPlan {
    /// The vendor that `examples/partner.yaml` makes room for, with so many contacts beside its four.
    #[must_use]
    pub fn example(worker: &str, more_contacts: u32) -> Self {
        let contact = |id: String, name: String, kind: &str, description: &str| pb::Contact {
            id,
            name,
            r#type: kind.to_owned(),
            description: description.to_owned(),
            ..Default::default()
        };
        let four = [
            ("42", "Front desk", "team", "First answers, also in Spanish"),
            ("43", "Night desk", "team", "From 20:00 to 08:00"),
            ("44", "Refunds", "team", "Money back"),
            ("45", "Joana Reis", "person", "Contracts"),
        ];
        let mut contacts: Vec<pb::Contact> = four
            .into_iter()
            .map(|(id, name, kind, text)| contact(id.to_owned(), name.to_owned(), kind, text))
            .collect();
        let more = 1_000..1_000_u32.saturating_add(more_contacts);
        contacts.extend(more.map(|n| contact(n.to_string(), format!("Agent {n}"), "person", "")));
        let ready = |rep: &str| (rep.to_owned(), "READY".to_owned());
        Self {
            worker: worker.to_owned(),
            contacts,
            reps: vec![ready("rita"), ready("sam")],
            queues: vec!["acme-sales".to_owned()],
            temper: Temper::default(),
        }
    }
}

/// How a vendor answers: as it should by default.
#[derive(Clone, Debug, Default)]
pub struct Temper {
    /// Before each first answer it lets so much time pass.
    pub late: Duration,
    /// It gives each answer twice, as two requests.
    pub twice: bool,
    /// It answers for another worker, for ids that don't exist, and routes to reps who aren't there; never rightly.
    pub wrong: bool,
    /// It reads what it is asked and says nothing.
    pub never: bool,
    /// It fails everything, for this reason.
    pub fail: Option<pb::HandoffFailure>,
    /// It acknowledges and does nothing more: hand-offs run to their deadline, sessions wait in its line.
    pub ack_only: bool,
    /// It routes to this queue of Baton's instead of to its reps.
    pub to_queue: Option<String>,
}

/// A vendor at work. Cheap to clone; clones are the same vendor.
#[derive(Clone)]
pub struct Vendor(Arc<Inside>);

struct Inside {
    /// Of the role PARTNER.
    client: Client,
    plan: VendorPlan,
    /// Told what happens, a line each.
    news: Box<dyn Fn(&str) + Send + Sync>,
    /// Ids of what this process is answering, so that a snapshot doesn't make it begin twice.
    at_work: Mutex<HashSet<String>>,
    /// What waits in the vendor's line: the routing requests that this worker has acknowledged, as the stream told them.
    line: Mutex<BTreeMap<String, pb::RoutingRequest>>,
    /// Wakes whoever serves the line.
    line_moved: Notify,
}

impl fmt::Debug for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vendor").field("plan", &self.0.plan).finish_non_exhaustive()
    }
}

impl Vendor {
    /// Supplies contacts and their availability, and signs the reps in. `client` is of the role PARTNER; `news` is told
    /// what happens, a line each.
    ///
    /// # Errors
    /// The [`Failure`] of the first call that was refused.
    pub async fn start(
        client: Client,
        plan: VendorPlan,
        news: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let vendor = Self(Arc::new(Inside {
            client,
            plan,
            news: Box::new(news),
            at_work: Mutex::default(),
            line: Mutex::default(),
            line_moved: Notify::new(),
        }));
        vendor.sync_contacts().await?;
        vendor.report_availability().await?;
        vendor.sign_in_reps().await?;
        Ok(vendor)
    }

    /// Answers what it is asked, until it is refused.
    ///
    /// # Errors
    /// The [`Failure`] that ended its stream for good.
    pub async fn serve(&self) -> Result<(), Failure> {
        tokio::select! {
            refused = self.follow() => refused,
            () = self.serve_line() => Ok(()),
            () = self.keep_reporting() => Ok(()),
        }
    }

    /// Reads what it is asked. `Watch` comes back by itself with the last token, so nothing is missed; where that isn't
    /// possible the server says so (RESET) and a snapshot tells what is open.
    async fn follow(&self) -> Result<(), Failure> {
        let mut watch = self.0.client.watch(pb::WatchRequest {
            kinds: vec![pb::WatchKind::Handoff as i32, pb::WatchKind::RoutingRequest as i32],
            ..Default::default()
        });
        loop {
            match watch.next().await? {
                WatchEvent::Frame(response) => self.took(response.frame),
                WatchEvent::Lost { why, pause } => {
                    self.say(&format!("{why}; back in {:.1} s", pause.as_secs_f64()));
                }
            }
        }
    }

    fn took(&self, frame: Option<Frame>) {
        match frame {
            // What was known is forgotten; what is still open comes with the snapshot.
            Some(Frame::Reset(_)) => lock(&self.0.line).clear(),
            Some(Frame::Snapshot(snapshot)) => {
                snapshot.objects.into_iter().for_each(|object| self.told(object));
            }
            Some(Frame::Changes(changes)) => {
                let changes = changes.revisions.into_iter().flat_map(|revision| revision.changes);
                for change in changes {
                    if let Some(ChangeKind::Upserted(object)) = change.change {
                        self.told(object);
                    }
                }
            }
            _ => {}
        }
    }

    /// Of one object its newest state.
    fn told(&self, object: pb::WatchObject) {
        match object.object {
            Some(Object::Handoff(handoff)) => self.told_handoff(handoff),
            Some(Object::RoutingRequest(request)) => self.told_routing(request),
            _ => {}
        }
    }

    /// Whether this process is to begin with it: it hasn't yet.
    fn begins(&self, id: &str) -> bool {
        lock(&self.0.at_work).insert(id.to_owned())
    }

    /// It is final, or somebody else's.
    fn is_done(&self, id: &str) {
        lock(&self.0.at_work).remove(id);
    }

    fn say(&self, news: &str) {
        (self.0.news)(news);
    }
}

/// Nothing that is done under these locks can panic half-way, so a poisoned one holds good data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
