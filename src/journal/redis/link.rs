//! The connection to Redis: one, shared, made when it is needed and given up when it fails. It never
//! sends anything twice, and it tells "never sent" from "sent, and no answer came".

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, ScriptInvocation, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

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
            .set_response_timeout(Some(response));
        Self { client, config, state: Mutex::default() }
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

    async fn answer(
        &self,
        number: u64,
        result: Result<Value, RedisError>,
    ) -> Result<Value, Trouble> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => {
                // After a time-out too: a connection that swallows answers doesn't get better.
                // And a server that has become read-only may have a successor at its address.
                if !is_refusal(&error) || error.code() == Some("READONLY") {
                    self.give_up(number).await;
                }
                Err(classify(&error))
            }
        }
    }

    /// Sends one command.
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, Trouble> {
        let (number, mut connection) = self.connection().await?;
        self.answer(number, command.query_async(&mut connection).await).await
    }

    /// Runs a script. If the server doesn't know it, it hasn't run: it is loaded and run again.
    pub(super) async fn run(&self, script: &ScriptInvocation<'_>) -> Result<Value, Trouble> {
        let (number, mut connection) = self.connection().await?;
        self.answer(number, script.invoke_async(&mut connection).await).await
    }
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
        // Said before a script's first write or not at all.
        Some(
            "READONLY" | "LOADING" | "MISCONF" | "NOAUTH" | "NOPERM" | "OOM" | "BUSY"
            | "NOREPLICAS" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK"
            | "NOSCRIPT",
        ) => Trouble::NotDone(text),
        _ => Trouble::Broken(text),
    }
}
