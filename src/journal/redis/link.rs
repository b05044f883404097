//! The connection to Redis: one, shared, made when it is needed and given up when it fails. It never
//! sends anything twice, and it tells "never sent" from "sent, and no answer came".
//!
//! One answer that is late doesn't cost the others theirs. Redis answers in order, so who has waited
//! long enough asks on the same connection whether it lives, and goes on waiting meanwhile: what was
//! only slow is answered before that. The connection is given up when that isn't answered either, after
//! 1.5 times the response time-out in all; so no call takes longer.

use std::pin::pin;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, ScriptInvocation, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::super::JournalError;

/// What went wrong with a command.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// It wasn't sent, or the server refused it before doing anything.
    NotDone(String),
    /// It was sent; no answer came.
    Lost(String),
    /// The server answered with an error that no healthy store gives.
    Broken(String),
}

impl Trouble {
    /// What this means for something that may be done twice: a read, a lease.
    pub(super) fn of_read(self) -> JournalError {
        match self {
            Self::NotDone(text) | Self::Lost(text) => JournalError::Unavailable(text),
            Self::Broken(text) => JournalError::Corrupt(text),
        }
    }

    /// What this means for a commit.
    pub(super) fn of_commit(self) -> JournalError {
        match self {
            Self::NotDone(text) => JournalError::Unavailable(text),
            Self::Lost(text) => JournalError::Unknown(text),
            Self::Broken(text) => JournalError::Corrupt(text),
        }
    }
}

/// The connection.
pub(super) struct Link {
    client: Client,
    config: AsyncConnectionConfig,
    /// How long an answer is waited for before the connection is doubted.
    response: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The connection and its number, by which one that failed is told from the next.
    live: Option<(u64, MultiplexedConnection)>,
    made: u64,
    /// When connecting last failed, and how: those who waited meanwhile share the answer.
    failed: Option<(Instant, String)>,
}

impl Link {
    pub(super) fn new(client: Client, connect: Duration, response: Duration) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(None); // that is `patiently`'s
        Self { client, config, response, state: Mutex::default() }
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), Trouble> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(live) = &state.live {
            return Ok(live.clone());
        }
        if let Some((when, text)) = &state.failed
            && *when >= asked
        {
            return Err(Trouble::NotDone(text.clone()));
        }
        match self.client.get_multiplexed_async_connection_with_config(&self.config).await {
            Ok(connection) => {
                state.made += 1;
                let live = (state.made, connection);
                state.live = Some(live.clone());
                Ok(live)
            }
            Err(error) => {
                let text = format!("connecting: {error}");
                state.failed = Some((Instant::now(), text.clone()));
                Err(Trouble::NotDone(text))
            }
        }
    }

    /// Makes the next command connect anew.
    async fn give_up(&self, number: u64) {
        let mut state = self.state.lock().await;
        state.live.take_if(|(live, _)| *live == number);
    }

    /// Waits for the answer to a call on this connection, for as long as it may take; `None` if there is
    /// none.
    async fn patiently(
        &self,
        number: u64,
        connection: MultiplexedConnection,
        call: impl Future<Output = Result<Value, RedisError>>,
    ) -> Option<Result<Value, RedisError>> {
        let mut call = pin!(call);
        if let Ok(result) = timeout(self.response, &mut call).await {
            return Some(result);
        }
        let lives = tokio::select! {
            biased;
            result = &mut call => return Some(result),
            lives = self.lives(connection) => lives,
        };
        if !lives {
            self.give_up(number).await;
            return None;
        }
        // A script that had to be loaded first is still on its way.
        timeout(self.response / 2, call).await.ok()
    }

    /// Is there an answer on this connection, soon?
    async fn lives(&self, mut connection: MultiplexedConnection) -> bool {
        let ping = ::redis::cmd("PING");
        matches!(
            timeout(self.response / 2, ping.query_async::<Value>(&mut connection)).await,
            Ok(Ok(_))
        )
    }

    /// What came of a call; gives the connection up if that says that it is of no use.
    async fn answer(
        &self,
        number: u64,
        result: Option<Result<Value, RedisError>>,
    ) -> Result<Result<Value, RedisError>, Trouble> {
        let result = result.ok_or_else(|| Trouble::Lost("no answer in time".to_owned()))?;
        if let Err(error) = &result
            // A server that has become read-only may have a successor at its address.
            && (!is_refusal(error) || error.code() == Some("READONLY"))
        {
            self.give_up(number).await;
        }
        Ok(result)
    }

    async fn ask(&self, command: &Cmd) -> Result<Result<Value, RedisError>, Trouble> {
        let (number, connection) = self.connection().await?;
        let mut used = connection.clone();
        let result = self.patiently(number, connection, command.query_async(&mut used)).await;
        self.answer(number, result).await
    }

    /// Sends one command.
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, Trouble> {
        self.ask(command).await?.map_err(|error| classify(&error))
    }

    /// Sends one command, if the server has it and lets its user run it: `None` otherwise.
    pub(super) async fn send_if_allowed(&self, command: &Cmd) -> Result<Option<Value>, Trouble> {
        match self.ask(command).await? {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_forbidden(&error) => Ok(None),
            Err(error) => Err(classify(&error)),
        }
    }

    /// Runs a script. If the server doesn't know it, it hasn't run: it is loaded and run again.
    pub(super) async fn run(&self, script: &ScriptInvocation<'_>) -> Result<Value, Trouble> {
        let (number, connection) = self.connection().await?;
        let mut used = connection.clone();
        let result = self.patiently(number, connection, script.invoke_async(&mut used)).await;
        self.answer(number, result).await?.map_err(|error| classify(&error))
    }
}

/// Doesn't the server know the command, or not let its user run it?
pub(super) fn is_forbidden(error: &RedisError) -> bool {
    error.code() == Some("NOPERM")
        || (error.code() == Some("ERR")
            && error.detail().is_some_and(|detail| detail.starts_with("unknown command")))
}

/// Did the server answer, with an error?
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// What an error of a command that was handed to a live connection means.
fn classify(error: &RedisError) -> Trouble {
    let text = error.to_string();
    if !is_refusal(error) {
        return match error.kind() {
            ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
                Trouble::NotDone(text)
            }
            _ => Trouble::Lost(text),
        };
    }
    match error.code() {
        // Whoever took a permission away while a server runs may have stopped a script half-way: what
        // it began is completed when it is loaded again.
        Some("NOPERM") if text.contains("script: ") => Trouble::Lost(text),
        Some("ERR") if text.contains("The user executing the script can't run") => {
            Trouble::Lost(text)
        }
        // Said before a script's first write or not at all.
        Some(
            "READONLY" | "LOADING" | "MISCONF" | "NOAUTH" | "NOPERM" | "OOM" | "BUSY"
            | "NOREPLICAS" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK"
            | "NOSCRIPT",
        ) => Trouble::NotDone(text),
        _ => Trouble::Broken(text),
    }
}
