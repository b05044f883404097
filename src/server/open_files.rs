//! How many files this process may open: each connection is one. The usual soft limit of 1,024 would let a single address
//! take all of them, so the program raises it as far as it may and says if that isn't far enough.

use crate::access::limits::Limits;

/// Files that are no connections of clients: to Redis and to other servers, listeners, certificates.
#[cfg(unix)]
const OTHERS: u64 = 128;

/// Raises the limit for this process, which is the program's to do: a library leaves its process as it is.
pub fn raise(limits: &Limits) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let wanted = u64::from(limits.connections) + OTHERS;
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        // `None` is no limit.
        let Some(current) = current.filter(|current| *current < wanted) else { return };
        let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum });
        let may_open = if raised.is_ok() { most } else { current };
        if may_open < wanted {
            tracing::warn!(
                may_open,
                wanted,
                "this process may open too few files for the connections that it takes: raise the hard limit"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = limits;
}
