//! The thread that shows this server to the others, and reads who else is there. It has a runtime of its own,
//! and so a connection of its own. What can't be read leaves everything as it was last known.

use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::Rng as _;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Home, ReadList, Serving, serving};
use crate::journal::{
    HEARTBEAT_AWAY, Heartbeat, Journal, MemberCounts, MemberList, MemberState, ServerId,
};

/// How often a server shows itself, and by how much that is spread.
const EVERY: Duration = Duration::from_millis(250);
const SPREAD_MS: u64 = 100;

/// So many ms after its last heartbeat a server is missed.
const AWAY_MS: u128 = HEARTBEAT_AWAY.as_ms().unsigned_abs() as u128;

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a server says of itself.
pub struct Presence {
    /// Where other servers reach it.
    pub address: String,
    /// Tells what it has counted so far.
    pub counts: Box<dyn Fn() -> MemberCounts + Send>,
}

/// What the thread is told.
enum Order {
    /// Be this from now on, and show it at once; answered when the others can read it, or couldn't be told.
    Be(MemberState, oneshot::Sender<()>),
    /// Go off the list, and end.
    Go(oneshot::Sender<()>),
}

/// Keeps a server shown to the others: the thread ends with it, without a word, as in a crash.
#[derive(Debug)]
pub struct Heart {
    orders: mpsc::UnboundedSender<Order>,
    /// It ends by itself when `orders` is gone.
    _thread: JoinHandle<()>,
}

impl Heart {
    /// Starts to show this server, JOINING, with an id that it draws.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(journal: Arc<dyn Journal>, presence: Presence) -> std::io::Result<(Self, Home)> {
        let mut bytes = [0; 16];
        rand::rng().fill_bytes(&mut bytes);
        let id = ServerId(u128::from_be_bytes(bytes));
        let (orders, ordered) = mpsc::unbounded_channel();
        let (list, lists) = watch::channel(Arc::new(ReadList::default()));
        let (state, wanted) = watch::channel(MemberState::Joining);
        let order = Arc::new(RwLock::new(Arc::new(Serving::default())));
        let home = Home { id, order: Arc::clone(&order), list: lists, wanted };
        let beating =
            Beating { id, journal, presence, order, list, state, started_at: None, failed: 0 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name("baton-heart".to_owned())
            .spawn(move || runtime.block_on(beating.beat(ordered)))?;
        Ok((Self { orders, _thread: thread }, home))
    }

    /// Is this from now on. Returns when the others can read it, or when they couldn't be told.
    pub async fn be(&self, state: MemberState) {
        let (done, told) = oneshot::channel();
        if self.orders.send(Order::Be(state, done)).is_ok() {
            // It is dropped if the thread has ended: then there is nobody left to tell.
            let _ = told.await;
        }
    }

    /// Takes the server off the list, and ends.
    pub async fn stop(&self) {
        let (done, gone) = oneshot::channel();
        if self.orders.send(Order::Go(done)).is_ok() {
            let _ = gone.await;
        }
    }
}

struct Beating {
    id: ServerId,
    journal: Arc<dyn Journal>,
    presence: Presence,
    order: Arc<RwLock<Arc<Serving>>>,
    list: watch::Sender<Arc<ReadList>>,
    state: watch::Sender<MemberState>,
    started_at: Option<crate::domain::time::Timestamp>,
    /// How many tries in a row came to nothing.
    failed: u32,
}

impl Beating {
    async fn beat(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut told: Option<oneshot::Sender<()>> = None;
        loop {
            self.show().await;
            if let Some(told) = told.take() {
                // Whoever asked may have gone.
                let _ = told.send(());
            }
            let pause = EVERY + Duration::from_millis(rand::rng().next_u64() % SPREAD_MS);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                order = orders.recv() => match order {
                    Some(Order::Be(state, done)) => {
                        self.state.send_replace(state);
                        // Before the others know it.
                        let read = Arc::clone(&self.list.borrow());
                        self.put_in_order(&read.list);
                        told = Some(done);
                    }
                    Some(Order::Go(done)) => {
                        let hidden = tokio::time::timeout(PATIENCE, self.journal.hide(self.id)).await;
                        if !matches!(hidden, Ok(Ok(()))) {
                            tracing::info!("the other servers will have to miss this one");
                        }
                        let _ = done.send(());
                        return;
                    }
                    None => return,
                },
            }
        }
    }

    async fn show(&mut self) {
        let heartbeat = Heartbeat {
            member: self.id,
            address: self.presence.address.clone(),
            state: *self.state.borrow(),
            started_at: self.started_at,
            counts: (self.presence.counts)(),
        };
        match tokio::time::timeout(PATIENCE, self.journal.show(&heartbeat)).await {
            Ok(Ok(list)) => {
                let me = list.members.iter().find(|member| member.id == self.id);
                self.started_at = self.started_at.or(me.map(|member| member.started_at));
                // The order first: whoever sees the list finds that in force.
                self.put_in_order(&list);
                let read = ReadList { list, read_at: Some(Instant::now()) };
                self.list.send_replace(Arc::new(read));
                if self.failed > 0 {
                    tracing::info!("the list of servers can be read again");
                }
                self.failed = 0;
            }
            failed => {
                self.miss_myself();
                self.failed = self.failed.saturating_add(1);
                if self.failed == 2 {
                    let why = match failed {
                        Ok(Err(error)) => error.to_string(),
                        _ => "no answer in time".to_owned(),
                    };
                    tracing::warn!(why, "the list of servers can't be read; the last one is kept");
                }
            }
        }
    }

    /// The others don't count on a server that can't show itself: then it isn't the home of anything here
    /// either, if there are others.
    fn miss_myself(&self) {
        let read = Arc::clone(&self.list.borrow());
        let missed = read.read_at.is_none_or(|at| at.elapsed().as_millis() >= AWAY_MS);
        let order = serving(&read.list, self.id, MemberState::Joining);
        if missed && !order.0.is_empty() {
            *self.order.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(order);
        }
    }

    fn put_in_order(&self, list: &MemberList) {
        let order = Arc::new(serving(list, self.id, *self.state.borrow()));
        *self.order.write().unwrap_or_else(PoisonError::into_inner) = order;
    }
}
