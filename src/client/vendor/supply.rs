//! What a vendor supplies without being asked: its contacts, their availability, its reps' presence.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;

use super::super::presence::{SignedIn, every, keep_signed_in};
use super::Vendor;
use crate::client::Failure;
use crate::pb;

/// Contacts in a call. Up to 10000, and 4 MiB, would be taken.
const PAGE: usize = 1_000;
/// Reps in a call, at most.
const SIGN_INS: usize = 1_000;
/// How often availability is reported.
const REPORT_EVERY: Duration = Duration::from_secs(20);
/// How long a report holds: if the vendor dies, nobody is shown as available for long.
const REPORT_HOLDS: prost_types::Duration = prost_types::Duration { seconds: 60, nanos: 0 };

impl Vendor {
    /// Supplies all contacts, a page at a time. Until the last page is taken the old ones are shown; a sync that breaks off
    /// is simply begun again, with a higher generation.
    pub(super) async fn sync_contacts(&self) -> Result<(), Failure> {
        let contacts = &self.0.plan.contacts;
        let mut pages: Vec<&[pb::Contact]> = contacts.chunks(PAGE).collect();
        if pages.is_empty() {
            pages.push(&[]);
        }
        let generation = generation()?;
        for (index, page) in pages.iter().enumerate() {
            let last = index + 1 == pages.len();
            let request = pb::SyncContactsRequest {
                mode: pb::SyncMode::Full as i32,
                generation,
                page: number(index + 1),
                last,
                total: if last { number(contacts.len()) } else { 0 },
                contacts: page.to_vec(),
                ..Default::default()
            };
            let sync = self.0.client.sync_contacts(request).await?.sync.unwrap_or_default();
            for refused in &sync.failures {
                // One bad contact spoils none of the others; it stays as it was known before.
                self.say(&format!("contact {}: {} {}", refused.id, refused.reason, refused.text));
            }
            if sync.complete {
                self.say(&format!("{} contacts are supplied", sync.contacts));
            }
        }
        Ok(())
    }

    /// Says how its contacts and queues do: here, that they all are available. What isn't mentioned stays as it was.
    pub(super) async fn report_availability(&self) -> Result<(), Failure> {
        let now = Some(prost_types::Timestamp::from(SystemTime::now()));
        let contact = |contact: &pb::Contact| pb::ContactAvailabilityReport {
            contact: contact.id.clone(),
            availability: pb::ContactAvailability::Available as i32,
            estimated_wait: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
            observed_at: now,
            valid_for: Some(REPORT_HOLDS),
            ..Default::default()
        };
        let queue = |queue: &String| pb::QueueWaitReport {
            queue: queue.clone(),
            estimated_wait: Some(prost_types::Duration { seconds: 45, nanos: 0 }),
            observed_at: now,
            valid_for: Some(REPORT_HOLDS),
            ..Default::default()
        };
        let plan = &self.0.plan;
        let contacts: Vec<_> = plan.contacts.iter().map(contact).collect();
        let mut queues: Vec<_> = plan.queues.iter().map(queue).collect();
        let mut pages = contacts.chunks(PAGE).map(<[_]>::to_vec).peekable();
        while !queues.is_empty() || pages.peek().is_some() {
            let request = pb::ReportAvailabilityRequest {
                contacts: pages.next().unwrap_or_default(),
                queues: std::mem::take(&mut queues),
                ..Default::default()
            };
            let answer = self.0.client.report_availability(request).await?;
            for refused in answer.report.unwrap_or_default().failures {
                let pb::ItemFailure { list, id, reason, text, .. } = refused;
                self.say(&format!("report on {id} of {list}: {reason} {text}"));
            }
        }
        Ok(())
    }

    /// Reports again before the last report is over. A failure is no reason to stop: the next one may be taken.
    pub(super) async fn keep_reporting(&self) {
        loop {
            sleep(REPORT_EVERY).await;
            if let Err(failure) = self.report_availability().await {
                self.say(&format!("couldn't report: {failure}"));
            }
        }
    }

    /// Signs all its reps in, and keeps them so until they sign in elsewhere.
    pub(super) async fn sign_in_reps(&self) -> Result<(), Failure> {
        for reps in self.0.plan.reps.chunks(SIGN_INS) {
            let sign_in = |(rep, status): &(String, String)| pb::SignIn {
                rep: rep.clone(),
                status: status.clone(),
                device: self.0.plan.worker.clone(),
            };
            let sign_ins = reps.iter().map(sign_in).collect();
            let request = pb::OpenPresencesRequest { sign_ins, ..Default::default() };
            let opened = self.0.client.open_presences(request).await?;
            let mut signed_in =
                SignedIn { presences: Vec::new(), renew_every: every(opened.renew_every) };
            for verdict in opened.verdicts {
                if verdict.presence.is_empty() {
                    self.say(&format!("{} can't sign in: {}", verdict.asked, verdict.text));
                } else {
                    signed_in.presences.push(verdict.presence);
                }
            }
            let vendor = self.clone();
            tokio::spawn(async move {
                keep_signed_in(&vendor.0.client, signed_in, |news| vendor.say(news)).await;
            });
        }
        Ok(())
    }
}

/// Higher than that of every sync before: the time, in milliseconds.
fn generation() -> Result<i64, Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let ms = since.and_then(|since| i64::try_from(since.as_millis()).ok());
    ms.ok_or_else(|| Failure::local("the clock stands before 1970", "set it"))
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
