//! The admin listener: plain HTTP/1 for whoever runs a server (a balancer, an orchestrator, `curl`), on a port of its
//! own, so that clients never reach it. Three paths so far, two of them answered with a word:
//!
//! | path | 200 | 503 |
//! |---|---|---|
//! | `/livez` | `alive`, while the process' event loop runs | never |
//! | `/readyz` | `ready` | `draining`, or `journal`: it takes no writes |
//! | `/stats` | a line for each figure of the server: its name, a space, the number | never |
//!
//! It only reads what the server already knows, and asks nobody. Started by `server`, beside the services; it answers
//! until the drain is over.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What decides whether a server is ready for new calls.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// Whether the journal takes writes. Set by the engine.
    pub journal: watch::Receiver<bool>,
    /// Whether the server is going away. Set once, a while before the first stream is told so.
    pub draining: watch::Receiver<bool>,
}

impl Readiness {
    /// What `/readyz` says now. Draining comes first: it is for good, an outage isn't.
    fn answer(&self) -> (StatusCode, &'static str) {
        if *self.draining.borrow() {
            (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        } else if *self.journal.borrow() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "journal\n")
        }
    }
}

/// What the server has counted, and how things are now.
pub type Figures = Arc<dyn Fn() -> Vec<(String, i64)> + Send + Sync>;

/// Answers until it is dropped.
pub async fn serve(listener: TcpListener, readiness: Readiness, figures: Figures) {
    let lines = move || -> String {
        figures().into_iter().map(|(name, number)| format!("{name} {number}\n")).collect()
    };
    let router = Router::new()
        .route("/stats", get(move || std::future::ready(lines())))
        .route("/livez", get(|| std::future::ready("alive\n")))
        .route("/readyz", get(move || std::future::ready(readiness.answer())));
    // It never ends by itself: what fails to be accepted is tried again.
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the admin listener broke down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_is_told_before_an_outage() {
        let (journal, draining) = (watch::Sender::new(true), watch::Sender::new(false));
        let readiness = Readiness { journal: journal.subscribe(), draining: draining.subscribe() };
        assert_eq!(readiness.answer(), (StatusCode::OK, "ready\n"));
        journal.send_replace(false);
        assert_eq!(readiness.answer(), (StatusCode::SERVICE_UNAVAILABLE, "journal\n"));
        draining.send_replace(true);
        assert_eq!(readiness.answer(), (StatusCode::SERVICE_UNAVAILABLE, "draining\n"));
        journal.send_replace(true);
        assert_eq!(readiness.answer(), (StatusCode::SERVICE_UNAVAILABLE, "draining\n"));
    }
}
