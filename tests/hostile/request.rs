//! Any calls of any methods by anybody, on a server of their own with an org in which things go on. Whatever is asked is
//! answered, or refused with a reason; never by a fault of the server, which goes on.
//!
//! A call is three bytes, the method, the caller and the form, and what the form needs: of form 0 the message's
//! length and its bytes, of any other choices from which a message is made by its description.

#[path = "request/calls.rs"]
mod calls;
#[path = "request/messages.rs"]
mod messages;
#[path = "request/place.rs"]
mod place;
#[path = "../matrix/raw.rs"]
#[allow(dead_code, reason = "shared with the matrix")]
mod raw;
#[path = "../blackbox/world.rs"]
#[allow(dead_code, reason = "shared with the black-box tests")]
mod world;

use std::sync::{LazyLock, Mutex, PoisonError};

use baton::pb;
use prost_reflect::MethodDescriptor;
use tokio::runtime::Runtime;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use messages::Source;
use place::Place;

pub use calls::samples;

/// Calls that are made of one piece of bytes.
const CALLS: usize = 8;
/// Pieces that are played in one place.
const PIECES: usize = 32;
/// What the details of a status stay below (D1).
const DETAILS_BYTES: usize = 4_096;

static METHODS: LazyLock<Vec<MethodDescriptor>> = LazyLock::new(raw::methods);

/// A place where pieces were played, and how many.
static HELD: Mutex<Option<(Place, usize)>> = Mutex::new(None);

/// Makes the calls that these bytes say, one after another. A place is good for some pieces: to set one up takes ten times as
/// long as to call there. So what comes of a piece can depend on those before it, and a failure tells which call it was.
pub fn body(bytes: &[u8]) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    let held = || HELD.lock().unwrap_or_else(PoisonError::into_inner);
    let before = held().take();
    let after = RUNTIME.block_on(async {
        let (mut place, played) = match before {
            Some((place, played)) if played < PIECES => (place, played),
            Some((place, _)) => {
                place.leave().await;
                (Place::new().await, 0)
            }
            None => (Place::new().await, 0),
        };
        play(Source::new(bytes), &mut place).await;
        place.is_well().await;
        (place, played + 1)
    });
    *held() = Some(after);
}

async fn play(mut source: Source<'_>, place: &mut Place) {
    place.forget();
    for _ in 0..CALLS {
        if source.is_empty() {
            break;
        }
        let method = &METHODS[source.below(METHODS.len())];
        let caller = source.byte();
        let message = messages::of(&method.input(), &mut source, &place.known);
        let answer = place.call(method, caller, message.clone()).await;
        match answer {
            Ok(answer) => place.learn(&method.output(), &answer),
            Err(status) => {
                if let Err(why) = is_good(&status) {
                    let who = place.caller(caller);
                    panic!(
                        "{} by {who:?} with {message:02x?}: {why}: {status:?}",
                        method.full_name()
                    );
                }
            }
        }
    }
}

/// Is it a refusal that a caller can do something with (D1)?
fn is_good(status: &Status) -> Result<(), String> {
    if matches!(status.code(), Code::Internal | Code::Unknown | Code::DataLoss) {
        return Err("a fault of the server".to_owned());
    }
    let info = status.get_details_error_info().ok_or("it has no reason")?;
    let name = format!("ERROR_REASON_{}", info.reason);
    if pb::ErrorReason::from_str_name(&name).is_none_or(|reason| i32::from(reason) == 0) {
        return Err(format!("{name} is no reason"));
    }
    if info.domain != "baton" {
        return Err(format!("it is of {}", info.domain));
    }
    match status.details().len() {
        bytes if bytes < DETAILS_BYTES => Ok(()),
        bytes => Err(format!("{bytes} bytes of details")),
    }
}
