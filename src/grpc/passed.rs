//! What servers tell each other beside a call. Written by `passing`, read by `api`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// What a call brings along that another server passed on, or that others were asked to do before.
#[derive(Debug, Clone, Default)]
pub struct Passed {
    /// The id that it has if the client gave none.
    pub request_id: Option<Arc<str>>,
    /// Another server may have tried it.
    pub tried: bool,
    /// Written by who does it: at which revision the answer is.
    pub revision: Arc<AtomicU64>,
}
