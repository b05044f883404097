//! The audit as a stream: a cursor over the history. Catching up and following are one path: everything after the cursor,
//! from the recent entries, else from the journal. What can't be told is said: a gap where the journal was trimmed, another
//! history where the store lost some.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tonic::Status;

use super::reading::{AuditReader, READ, gap};
use crate::access::gate::Standing;
use crate::domain::entry::{Entry, Revision};
use crate::domain::time::Timestamp;
use crate::engine::View;
use crate::grpc::api::{Api, number, unread};
use crate::grpc::caller::Caller;
use crate::grpc::credentials::{Cut, LAST_WORD, closing_for, credential_end};
use crate::grpc::from_proto::AuditWatch;
use crate::grpc::status::Problem;
use crate::grpc::to_proto;
use crate::grpc::token::{Owed, Position, StreamMark};
use crate::grpc::watch::{entries_after, going_away, position};
use crate::journal::History;
use crate::pb;
use pb::watch_audit_response::Frame;

/// Records in a frame.
const RECORDS: usize = 500;
/// Changes and facts after which a frame is closed.
const WEIGHT: usize = 2_000;

type Out = mpsc::Sender<Result<pb::WatchAuditResponse, Status>>;

/// From where a reader wants to read.
pub enum Beginning {
    /// From the oldest that is kept and isn't from before then.
    From(Option<Timestamp>),
    /// From now.
    Now,
    /// After a token.
    At(Position),
}

/// How a stream starts.
pub struct Start {
    view: Arc<View>,
    at: Position,
    /// Said first, if something has to be.
    first: Option<Frame>,
}

/// One stream.
pub struct AuditStream {
    api: Arc<Api>,
    caller: Caller,
    asked: AuditWatch,
    of: StreamMark,
    views: watch::Receiver<Arc<View>>,
    out: Out,
    /// Cuts it off from its reader.
    cut: Cut<pb::WatchAuditResponse>,
    /// The token of what was written last.
    last_token: Mutex<String>,
}

/// Why a stream ends.
enum End {
    /// The reader is gone, or has everything that it asked for.
    Done,
    /// The server is going away (W7).
    Closing,
    /// The credential isn't what it was (W10).
    Credential(Standing),
    /// The stream can't go on.
    Failed(Problem),
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl AuditStream {
    pub fn new(
        api: Arc<Api>,
        caller: Caller,
        asked: AuditWatch,
        of: StreamMark,
        views: watch::Receiver<Arc<View>>,
        (out, cut): (Out, Cut<pb::WatchAuditResponse>),
    ) -> Self {
        Self { api, caller, asked, of, views, out, cut, last_token: Mutex::default() }
    }

    /// Where it starts, found out before it does, so that a refusal is the call's. It is judged with everything that was
    /// committed before, anywhere: a server that lags neither ends too early nor doubts a token.
    ///
    /// # Errors
    /// STORE_UNAVAILABLE.
    pub async fn start(&self, beginning: Beginning) -> Result<Start, Problem> {
        let view = self.api.barrier(&self.caller.org).await.map_err(unread)?;
        let head = view.state.head().revision;
        let (at, first) = match beginning {
            Beginning::Now => (position(&view), None),
            Beginning::At(at) if at.epoch == view.epoch && at.revision <= head => (at, None),
            Beginning::At(_) => {
                let (at, changed) = self.anew(&view).await?;
                (at, Some(changed))
            }
            Beginning::From(from) => {
                let first = self.reader().before_first(head, from).await?;
                let gap = self.reader().gap_before(first).await?;
                (self.position_at(&view, first).await?, gap.map(Frame::Gap))
            }
        };
        Ok(Start { view, at, first })
    }

    /// Runs the stream until somebody ends it.
    pub async fn run(mut self, start: Start) {
        let credential = Arc::clone(&self.caller.credential);
        let ended = credential_end(self.api.access.clone(), credential);
        // Whatever the stream is doing, also while its reader takes nothing.
        let end = tokio::select! {
            biased;
            standing = ended => End::Credential(standing),
            live = self.live(start) => match live {
                Ok(never) => match never {},
                Err(end) => end,
            },
        };
        match end {
            End::Done => {}
            End::Closing => drop(self.say(Frame::Closing(going_away()), None).await),
            End::Credential(standing) => self.say_credential(standing).await,
            End::Failed(problem) => drop(self.out.send(Err(problem.into())).await),
        }
    }

    async fn live(&mut self, start: Start) -> Result<std::convert::Infallible, End> {
        let Start { view, mut at, first } = start;
        let mut closing = self.api.closing.clone();
        let heartbeat = self.asked.heartbeat;
        let started = pb::AuditStarted {
            after_revision: number(at.revision),
            heartbeat_interval: prost_types::Duration::try_from(heartbeat).ok(),
        };
        self.say(Frame::Started(started), Some(at)).await?;
        if let Some(first) = first {
            self.say(first, Some(at)).await?;
        }
        at = self.deliver(&view, at).await?;
        drop(view);
        let caught_up = pb::AuditCaughtUp { revision: number(at.revision) };
        self.say(Frame::CaughtUp(caught_up), Some(at)).await?;
        if !self.asked.follow {
            return Err(End::Done);
        }
        let mut quiet = Instant::now() + heartbeat;
        // What was committed since is in the newest view, which may have been there before this loop.
        self.views.mark_changed();
        loop {
            tokio::select! {
                biased;
                // The guard that comes with the value must not live across the next await.
                () = async { drop(closing.wait_for(|closing| *closing).await) } => {
                    return Err(End::Closing);
                }
                () = self.out.closed() => return Err(End::Done),
                // Before the news: records that the filter leaves out come without end, and must not put off the token
                // that says so.
                () = tokio::time::sleep_until(quiet) => {
                    let beat = pb::Heartbeat { revision: number(at.revision) };
                    self.say(Frame::Heartbeat(beat), Some(at)).await?;
                    quiet = Instant::now() + heartbeat;
                }
                changed = self.views.changed() => {
                    changed.map_err(|_| End::Closing)?;
                    let view = Arc::clone(&self.views.borrow_and_update());
                    at = self.deliver(&view, at).await?;
                }
            };
        }
    }

    /// Everything between `at` and the head of `view`.
    async fn deliver(&self, view: &Arc<View>, mut at: Position) -> Result<Position, End> {
        let head = view.state.head();
        loop {
            let changed =
                at.epoch != view.epoch || (at.revision == head.revision && at.entry != head.entry);
            if changed {
                at = self.begin_anew(view).await?;
            } else if at.revision >= head.revision {
                // A view that is behind the reader says nothing yet.
                return Ok(at);
            }
            let Some(entries) = self.entries(view, at).await? else {
                let kept = self.reader().before_first(head.revision, None).await?;
                let missing = gap(at.revision, kept);
                at = self.position_at(view, kept).await?;
                self.say(Frame::Gap(missing), Some(at)).await?;
                continue;
            };
            match entries.first() {
                Some(next) if next.previous == at.entry => {
                    at = self.deliver_entries(&entries, head.revision, at).await?;
                }
                Some(_) => at = self.begin_anew(view).await?,
                None => return Ok(at),
            }
        }
    }

    /// The entries after `at`, some of them at least if there are any; `None`: they were trimmed.
    async fn entries(&self, view: &View, at: Position) -> Result<Option<Vec<Arc<Entry>>>, Problem> {
        if let Some(recent) = entries_after(view, at.revision) {
            let entries = recent.iter().map(|applied| Arc::clone(&applied.entry));
            return Ok(Some(entries.collect()));
        }
        Ok(match self.reader().after(at.revision, READ).await? {
            History::Entries(entries) => Some(entries),
            History::Trimmed => None,
        })
    }

    async fn deliver_entries(
        &self,
        entries: &[Arc<Entry>],
        head: Revision,
        mut at: Position,
    ) -> Result<Position, End> {
        let (mut records, mut weight) = (Vec::new(), 0);
        for entry in entries.iter().take_while(|entry| entry.revision <= head) {
            at = Position { revision: entry.revision, entry: entry.id, ..at };
            if !self.asked.filter.passes(entry) {
                continue;
            }
            let record = to_proto::audit_record(entry);
            weight += record.changes.len() + record.facts.len();
            records.push(pb::AuditRecord { resume_token: self.token(at), ..record });
            if records.len() >= RECORDS || weight >= WEIGHT {
                let full = std::mem::take(&mut records);
                self.say(Frame::Records(pb::AuditRecords { records: full }), Some(at)).await?;
                weight = 0;
            }
        }
        if !records.is_empty() {
            self.say(Frame::Records(pb::AuditRecords { records }), Some(at)).await?;
        }
        Ok(at)
    }

    /// Another history holds: says so, and goes on from its beginning, as far as it is kept.
    async fn begin_anew(&self, view: &View) -> Result<Position, End> {
        let (at, changed) = self.anew(view).await?;
        self.say(changed, Some(at)).await?;
        Ok(at)
    }

    async fn anew(&self, view: &View) -> Result<(Position, Frame), Problem> {
        let before = self.reader().before_first(view.state.head().revision, None).await?;
        let changed = pb::AuditHistoryChanged { first_revision: number(before.next()) };
        Ok((self.position_at(view, before).await?, Frame::HistoryChanged(changed)))
    }

    /// The place after `revision`, up to which nothing has been read; what comes after it is kept.
    async fn position_at(&self, view: &View, revision: Revision) -> Result<Position, Problem> {
        let head = view.state.head();
        let entry = match self.reader().after(revision, 1).await? {
            History::Entries(entries) => entries.first().map(|next| next.previous),
            History::Trimmed => None,
        };
        // Trimmed meanwhile: the next read says so, whatever the entry.
        let entry = entry.unwrap_or(head.entry);
        Ok(Position { epoch: view.epoch, revision, entry, owed: Owed::default() })
    }

    fn reader(&self) -> AuditReader<'_> {
        AuditReader { api: &self.api, org: &self.caller.org }
    }

    fn token(&self, at: Position) -> String {
        self.api.seal.resume(&self.caller.org, self.of, at)
    }

    async fn say(&self, frame: Frame, at: Option<Position>) -> Result<(), End> {
        let resume_token = at.map(|at| self.token(at)).unwrap_or_default();
        let response = pb::WatchAuditResponse { resume_token, frame: Some(frame) };
        let token = response.resume_token.clone();
        self.out.send(Ok(response)).await.map_err(|_| End::Done)?;
        if !token.is_empty() {
            *self.last_token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        }
        Ok(())
    }

    /// As of a watch: who may go on does so where this one stopped, and who may not gets nothing more (W10).
    async fn say_credential(&self, standing: Standing) {
        let last_token = self.last_token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let revoked = standing == Standing::Revoked;
        let response = pb::WatchAuditResponse {
            resume_token: if revoked { String::new() } else { last_token },
            frame: Some(Frame::Closing(closing_for(standing))),
        };
        if revoked {
            self.cut.cut(response);
        } else {
            drop(timeout(LAST_WORD, self.out.send(Ok(response))).await);
        }
    }
}
