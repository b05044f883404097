//! When a stream says what. One loop with a closed list of causes: new entries, a quiet interval,
//! the server going away, the reader gone. Catching up and following are one path: everything after
//! the cursor, from the recent entries, else from the journal, else from a new snapshot.

mod batch;
mod endings;
mod planning;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tonic::Status;

use super::filter::StreamFilter;
use super::frames::{self, FRAME};
use super::records::{EarlierRecords, RecordsWith, ReplayedRecords, RevisionContext};
use super::told::ToldQueues;
use crate::access::gate::Standing;
use crate::domain::entry::{Entry, Revision};
use crate::domain::record::{Record, RecordKey};
use crate::engine::{Applied, View};
use crate::grpc::api::{Api, number, unread};
use crate::grpc::caller::Caller;
use crate::grpc::credentials::Cut;
use crate::grpc::from_proto::WatchQuery;
use crate::grpc::quotas::StreamSlot;
use crate::grpc::scope;
use crate::grpc::status::Problem;
use crate::grpc::streams::{OpenStream, StreamCount};
use crate::grpc::to_proto::{self, ObjectContext};
use crate::grpc::token::{Owed, Position, StreamMark};
use crate::journal::History;
use crate::pb;
use batch::Batch;
use pb::watch_response::Frame;
pub use planning::{Beginning, Plan};

/// Entries read from the journal at a time.
const READ: usize = 256;

type Out = mpsc::Sender<Result<pb::WatchResponse, Status>>;

/// One stream.
pub struct Watcher {
    api: Arc<Api>,
    caller: Caller,
    filter: StreamFilter,
    heartbeat: Duration,
    live_only: bool,
    strict: bool,
    of: StreamMark,
    views: watch::Receiver<Arc<View>>,
    out: Out,
    /// Whether anything was written since the loop last looked.
    said: AtomicBool,
    /// What the reader was last told of queues, of partners, and of places in lines.
    told: Mutex<ToldQueues>,
    streams: StreamCount,
    /// It counts as one of its partner's, while it is open.
    _counted: Option<OpenStream>,
    /// And as one of its credential's and its org's.
    _slot: StreamSlot,
    /// Cuts it off from its reader.
    cut: Cut<pb::WatchResponse>,
    /// The token of what was written last.
    last_token: Mutex<String>,
}

/// Why a stream ends.
enum End {
    /// The reader is gone; nobody is to be told.
    Reader,
    /// The server is going away (W7).
    Closing,
    /// The credential isn't what it was (W10).
    Credential(Standing),
    /// The stream can't go on.
    Failed(Problem),
}

/// Everything after a position can't be told any more.
enum Lost {
    /// For this reason.
    Reset(pb::ResetReason),
    /// The stream ends.
    End(End),
}

/// What the stream may show has become another.
const OTHERWISE: Lost = Lost::Reset(pb::ResetReason::ScopeChanged);

impl From<End> for Lost {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl Watcher {
    pub fn new(
        api: Arc<Api>,
        caller: Caller,
        asked: WatchQuery,
        of: StreamMark,
        views: watch::Receiver<Arc<View>>,
        (out, cut): (Out, Cut<pb::WatchResponse>),
        slot: StreamSlot,
    ) -> Self {
        let (heartbeat, live_only, strict) = (asked.heartbeat, asked.live_only, asked.strict);
        let filter = StreamFilter(asked);
        let whose = scope::partner(&caller, filter.0.partner.clone()).ok().flatten();
        let counted = whose.map(|partner| api.streams.open(&caller.org, &partner));
        let streams = StreamCount::in_org(&api.streams, &caller.org);
        Self {
            api,
            caller,
            filter,
            heartbeat,
            live_only,
            strict,
            of,
            views,
            out,
            said: AtomicBool::new(false),
            told: Mutex::new(ToldQueues::new(streams.clone())),
            streams,
            _counted: counted,
            _slot: slot,
            cut,
            last_token: Mutex::default(),
        }
    }

    async fn live(&mut self, plan: Plan) -> Result<std::convert::Infallible, End> {
        let mut closing = self.api.closing.clone();
        let mut at = self.start(plan).await?;
        let mut quiet = Instant::now() + self.heartbeat;
        loop {
            at = tokio::select! {
                biased;
                // The guard that comes with the value must not live across the next await.
                () = async { drop(closing.wait_for(|closing| *closing).await) } => {
                    return Err(End::Closing);
                }
                () = self.out.closed() => return Err(End::Reader),
                // Before the news: entries without anything for this stream come without end, and
                // must not put off what says so.
                () = tokio::time::sleep_until(quiet) => self.beat(at).await?,
                changed = self.views.changed() => {
                    changed.map_err(|_| End::Closing)?;
                    self.catch_up(at).await?
                }
            };
            if self.said.swap(false, Ordering::Relaxed) {
                quiet = Instant::now() + self.heartbeat;
            }
        }
    }

    async fn start(&mut self, plan: Plan) -> Result<Position, End> {
        let view = Arc::clone(&self.views.borrow_and_update());
        let here = position(&view);
        match plan {
            Plan::Snapshot => {
                self.say_started(pb::StartMode::Snapshot, here, None).await?;
                self.snapshot(&view).await
            }
            Plan::Resnapshot(reason) => {
                self.say_started(pb::StartMode::Resnapshot, here, None).await?;
                self.reset(reason).await
            }
            Plan::Live => {
                self.told().start(&view, &self.filter);
                self.say_started(pb::StartMode::Live, here, Some(here)).await?;
                Ok(here)
            }
            Plan::Resume(at) => {
                let owed = at.owed;
                if owed.any() {
                    self.told().owe(owed);
                }
                let at = Position { owed: Owed::default(), ..at };
                self.say_started(pb::StartMode::Resumed, at, Some(at)).await?;
                let at = self.follow(&view, at, pb::ResetReason::TokenTooOld).await?;
                if at == here && owed.any() {
                    self.tell_owed(&view, at).await?;
                } else if at == here {
                    self.told().learn(&view, &self.filter);
                }
                Ok(at)
            }
        }
    }

    /// Delivers what is new.
    async fn catch_up(&mut self, at: Position) -> Result<Position, End> {
        let view = Arc::clone(&self.views.borrow_and_update());
        self.follow(&view, at, pb::ResetReason::ReaderTooSlow).await
    }

    async fn follow(
        &mut self,
        view: &Arc<View>,
        at: Position,
        too_old: pb::ResetReason,
    ) -> Result<Position, End> {
        let reason = match self.deliver(view, at, too_old).await {
            Ok(at) => return Ok(at),
            Err(Lost::End(end)) => return Err(end),
            Err(Lost::Reset(reason)) => reason,
        };
        if self.strict {
            return Err(End::Failed(Problem::ResumeNotPossible));
        }
        self.reset(reason).await
    }

    /// Everything between `at` and the head of `view`.
    async fn deliver(
        &self,
        view: &Arc<View>,
        mut at: Position,
        too_old: pb::ResetReason,
    ) -> Result<Position, Lost> {
        const CHANGED: Lost = Lost::Reset(pb::ResetReason::HistoryChanged);
        let head = view.state.head();
        if at.epoch != view.epoch {
            return Err(CHANGED);
        }
        if at.revision >= head.revision {
            // A view that is behind the token says nothing yet; at the same place it must agree.
            let agrees = at.revision > head.revision || at.entry == head.entry;
            return if agrees { Ok(at) } else { Err(CHANGED) };
        }
        let mut written = HashMap::new();
        while at.revision < head.revision {
            if let Some(pending) = entries_after(view, at.revision) {
                return match pending.first() {
                    Some(next) if next.entry.previous != at.entry => Err(CHANGED),
                    _ => self.deliver_recent(view, at, &pending).await,
                };
            }
            let read = self.api.engine.history(&self.caller.org, at.revision, READ).await;
            match read.map_err(|refusal| End::Failed(unread(refusal)))? {
                History::Trimmed => return Err(Lost::Reset(too_old)),
                History::Entries(entries) => match entries.first() {
                    Some(next) if next.previous == at.entry => {
                        at = self.deliver_read(view, at, &entries, &mut written).await?;
                    }
                    _ => return Err(CHANGED),
                },
            }
        }
        Ok(at)
    }

    async fn deliver_recent(
        &self,
        view: &View,
        at: Position,
        pending: &[Arc<Applied>],
    ) -> Result<Position, Lost> {
        let mut batch = Batch::new(at);
        let now = to_proto::now(view);
        for (i, applied) in pending.iter().enumerate() {
            if batch.is_full() {
                self.flush(&mut batch).await?;
            }
            let state = &view.state;
            let before = EarlierRecords { state, later: &pending[i..] };
            let after = EarlierRecords { state, later: &pending[i + 1..] };
            let moment = RevisionContext {
                entry: &applied.entry,
                before: &before,
                after: &after,
                state,
                later: &pending[i + 1..],
                knows: &|_| true,
                now,
                content: self.filter.0.content,
            };
            if self.filter.sees_otherwise(&moment) {
                return Err(OTHERWISE);
            }
            let changes = frames::changes(&moment, &self.filter, &self.caller.actor);
            batch.add(&applied.entry, changes);
            self.told().touch(&self.filter, applied);
        }
        if let Some(last) = pending.last() {
            let news = self.told().news(view, &self.filter);
            self.add_news(&mut batch, &last.entry, news).await?;
        }
        self.flush(&mut batch).await?;
        Ok(batch.at)
    }

    fn told(&self) -> MutexGuard<'_, ToldQueues> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Entries from the journal, as far as `view` goes: what follows from many of them is told with
    /// the last.
    async fn deliver_read(
        &self,
        view: &View,
        at: Position,
        entries: &[Arc<Entry>],
        written: &mut HashMap<RecordKey, Option<Record>>,
    ) -> Result<Position, Lost> {
        let mut batch = Batch::new(at);
        let head = view.state.head().revision;
        for entry in entries.iter().take_while(|entry| entry.revision <= head) {
            if batch.is_full() {
                self.flush(&mut batch).await?;
            }
            let changes = {
                let before = ReplayedRecords { state: &view.state, written };
                let after = RecordsWith { entry, base: &before };
                let moment = RevisionContext {
                    entry,
                    before: &before,
                    after: &after,
                    state: &view.state,
                    knows: &|key| before.written.contains_key(key),
                    later: &[],
                    now: to_proto::now(view),
                    content: self.filter.0.content,
                };
                if self.filter.sees_otherwise(&moment) {
                    return Err(OTHERWISE);
                }
                frames::changes(&moment, &self.filter, &self.caller.actor)
            };
            batch.add(entry, changes);
            self.told().touch_any(&self.filter, entry);
            written.extend(entry.changes.iter().cloned());
            if entry.revision == head {
                let news = self.told().news(view, &self.filter);
                self.add_news(&mut batch, entry, news).await?;
            }
        }
        self.flush(&mut batch).await?;
        Ok(batch.at)
    }

    async fn flush(&self, batch: &mut Batch) -> Result<(), End> {
        if batch.revisions.is_empty() {
            return Ok(());
        }
        let revisions = std::mem::take(&mut batch.revisions);
        batch.changes = 0;
        self.say(Frame::Changes(pb::Changes { revisions }), Some(batch.at)).await
    }

    /// What follows from all of a batch, in frames of a size that any client takes: whoever leaves between them is told
    /// all of it once more.
    async fn add_news(
        &self,
        batch: &mut Batch,
        entry: &Entry,
        mut news: Vec<pb::Change>,
    ) -> Result<(), End> {
        batch.at.owed = Owed { lines: true, objects: true };
        while news.len() > FRAME {
            let rest = news.split_off(FRAME);
            batch.add_to_last(entry, &self.caller.actor, news);
            self.flush(batch).await?;
            news = rest;
        }
        batch.at.owed = Owed::default();
        batch.add_to_last(entry, &self.caller.actor, news);
        Ok(())
    }

    /// Tells a reader who is up to date what follows from changes that it saw before.
    async fn tell_owed(&self, view: &View, mut at: Position) -> Result<(), End> {
        let mut news = self.told().news(view, &self.filter);
        let head = view.state.head();
        let (revision, time) = (number(head.revision), Some(to_proto::time(head.time)));
        while !news.is_empty() {
            let rest = news.split_off(news.len().min(FRAME));
            let more = !rest.is_empty();
            at.owed = Owed { lines: more, objects: more };
            let changes = std::mem::replace(&mut news, rest);
            let revisions = vec![pb::RevisionChanges { revision, time, cause: None, changes }];
            self.say(Frame::Changes(pb::Changes { revisions }), Some(at)).await?;
        }
        Ok(())
    }

    async fn reset(&mut self, reason: pb::ResetReason) -> Result<Position, End> {
        self.say(Frame::Reset(pb::Reset { reason: reason.into() }), None).await?;
        let view = Arc::clone(&self.views.borrow_and_update());
        self.snapshot(&view).await
    }

    async fn snapshot(&self, view: &View) -> Result<Position, End> {
        let at = position(view);
        self.told().start(view, &self.filter);
        let mut all = frames::snapshot(view, &self.filter, &self.streams);
        loop {
            let objects: Vec<_> = all.by_ref().take(FRAME).collect();
            if objects.is_empty() {
                break;
            }
            self.say(Frame::Snapshot(pb::Snapshot { objects }), None).await?;
        }
        let revision = number(at.revision);
        self.say(Frame::Synced(pb::Synced { revision }), Some(at)).await?;
        Ok(at)
    }

    async fn beat(&self, at: Position) -> Result<Position, End> {
        let view = Arc::clone(&self.views.borrow());
        let here = view.state.head().revision == at.revision;
        let context = ObjectContext::of(&view, self.filter.0.content);
        let aged = if here { self.told().by_the_clock(context, &self.filter) } else { None };
        if let Some(aged) = aged {
            self.say(Frame::Changes(pb::Changes { revisions: vec![aged] }), Some(at)).await?;
        }
        let revision = number(at.revision);
        self.say(Frame::Heartbeat(pb::Heartbeat { revision }), Some(at)).await?;
        Ok(at)
    }

    async fn say_started(
        &self,
        mode: pb::StartMode,
        from: Position,
        token: Option<Position>,
    ) -> Result<(), End> {
        let started = pb::Started {
            mode: mode.into(),
            heartbeat_interval: prost_types::Duration::try_from(self.heartbeat).ok(),
            revision: number(from.revision),
        };
        self.say(Frame::Started(started), token).await
    }

    async fn say(&self, frame: Frame, token: Option<Position>) -> Result<(), End> {
        let owed = self.told().owed();
        let resume_token = token
            .map(|at| Position { owed: at.owed.and(owed), ..at })
            .map(|at| self.api.seal.resume(&self.caller.org, self.of, at))
            .unwrap_or_default();
        let response = pb::WatchResponse {
            resume_token,
            server_time: Some(SystemTime::now().into()),
            frame: Some(frame),
        };
        self.said.store(true, Ordering::Relaxed);
        let is_reset = matches!(response.frame, Some(Frame::Reset(_)));
        let token = response.resume_token.clone();
        self.out.send(Ok(response)).await.map_err(|_| End::Reader)?;
        if is_reset || !token.is_empty() {
            *self.last_token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        }
        Ok(())
    }
}

/// The place of a view's head.
pub(in crate::grpc) fn position(view: &View) -> Position {
    let head = view.state.head();
    Position {
        epoch: view.epoch,
        revision: head.revision,
        entry: head.entry,
        owed: Owed::default(),
    }
}

/// Every entry of the view after `revision`; `None` if it doesn't reach back that far.
pub(in crate::grpc) fn entries_after(view: &View, revision: Revision) -> Option<Vec<Arc<Applied>>> {
    let first = view.recent.front()?.entry.revision;
    let known = (revision.get() + 1).checked_sub(first.get())?;
    let known = usize::try_from(known).ok()?;
    Some(view.recent.skip(known.min(view.recent.len())).into_iter().collect())
}
