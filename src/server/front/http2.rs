//! How much one HTTP/2 connection may ask for, whatever it carries. It sets numbers and nothing else; `front` bounds the
//! connections themselves, and the layers around the services bound the calls.

use std::time::Duration;

use tonic::transport::Server;

/// Streams and calls that one connection may have open. A desktop has a handful, an adapter or another server shares one
/// connection among many calls. What comes beyond is refused by the library, and waits at clients that heed it.
const STREAMS: u32 = 128;
/// How much a client may send of one call before it is read: the largest message of all calls but the uploads. What
/// isn't read stays with the client.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The same for a whole connection: so much can a client make this server hold that nobody reads. Large enough that an
/// upload over a way of 20 ms still comes with 25 MB/s.
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// The largest frame: the least that HTTP/2 allows. What a frame holds is kept until it is whole.
const FRAME: u32 = 16 * 1024;
/// How many calls may be taken back before they were looked at; then the connection ends. As many as may be open, since
/// whoever goes takes back all of them in one breath, and servers pass everybody's calls on over one connection: the
/// library's 20 would let one client's haste end it. Who floods has thousands in one read.
const RESETS_BEFORE_ACCEPTED: usize = STREAMS as usize;
/// How many streams the library may refuse or reset for a client's mistakes in a connection's whole life; then it ends.
/// A client that hurries ahead of the first SETTINGS may have up to 100 refused; one that floods gets no further.
const MISTAKES: usize = 256;
/// How often a quiet connection is probed, and how long the answer may take: a client whose machine has vanished holds
/// its seat, its streams and its presence's device no longer than that.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// A server whose connections are bounded.
///
/// The library's limit of calls in progress per connection is left out on purpose. Beyond it calls would wait outside of
/// every deadline and without a reason that could be told (D1), and servers pass everybody's calls on over one connection:
/// it would let slow calls of one org hold up the others'. [`STREAMS`] bounds them as well. The library's load shedding
/// isn't used for the same reason: it refuses without saying which limit, or when to come back.
///
/// `headers_kib`: how large all headers of a call may be. A credential is the largest of them, and is refused beyond 8 KiB.
/// It bounds CONTINUATION frames, too: the library counts them by it, and ends the connection.
pub(in crate::server) fn bounded(server: Server, headers_kib: u32) -> Server {
    server
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .http2_max_header_list_size(headers_kib * 1024)
        .http2_max_pending_accept_reset_streams(Some(RESETS_BEFORE_ACCEPTED))
        .http2_max_local_error_reset_streams(Some(MISTAKES))
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
}
