//! From the domain's types to the wire's. With `from_proto` and the handlers the only place that
//! sees generated types. Everything is shown as of one revision: a [`ObjectContext`].

mod audit;
mod contacts;
mod context;
mod directory;
mod errors;
mod live;
mod partner;
mod presence;
mod queue;
mod routing;
mod story;

pub use audit::*;
pub use contacts::*;
pub use context::{Content, ObjectContext, now};
pub use directory::*;
pub use errors::*;
pub use live::*;
pub use partner::*;
pub use presence::*;
pub use queue::*;
pub use routing::*;
pub use story::story;

use crate::domain::directory::ChannelType;
use crate::domain::live::{Actor, Role};
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::Units;
use crate::pb;

/// A point in time.
#[must_use]
pub const fn time(at: Timestamp) -> prost_types::Timestamp {
    let ms = at.as_ms();
    #[expect(clippy::cast_possible_truncation, reason = "below a thousand million")]
    let nanos = (ms.rem_euclid(1_000) * 1_000_000) as i32;
    prost_types::Timestamp { seconds: ms.div_euclid(1_000), nanos }
}

/// A span.
#[must_use]
pub const fn span(span: Span) -> prost_types::Duration {
    signed(span.as_ms())
}

/// So many milliseconds, which may be less than none.
#[must_use]
pub const fn signed(ms: i64) -> prost_types::Duration {
    #[expect(clippy::cast_possible_truncation, reason = "below a thousand million")]
    let nanos = (ms % 1_000 * 1_000_000) as i32;
    prost_types::Duration { seconds: ms / 1_000, nanos }
}

/// Hundredths of a unit.
#[must_use]
pub fn centi(units: Units) -> i64 {
    i64::try_from(units.as_centi()).unwrap_or(i64::MAX)
}

/// Who did something.
#[must_use]
pub fn actor(actor: &Actor) -> pb::Actor {
    let id = if actor.role == Role::Server { String::new() } else { actor.id.to_string() };
    pb::Actor { role: role(actor.role).into(), id }
}

/// A role.
#[must_use]
pub const fn role(role: Role) -> pb::Role {
    match role {
        Role::Admin => pb::Role::Admin,
        Role::Supervisor => pb::Role::Supervisor,
        Role::Rep => pb::Role::Rep,
        Role::Adapter => pb::Role::Adapter,
        Role::Partner => pb::Role::Partner,
        Role::Dashboard => pb::Role::Dashboard,
        Role::Server => pb::Role::Server,
    }
}

/// A channel's type.
#[must_use]
pub const fn channel_type(domain: ChannelType) -> pb::ChannelType {
    match domain {
        ChannelType::InAppChat => pb::ChannelType::InAppChat,
        ChannelType::WebChatV1 => pb::ChannelType::WebChatV1,
        ChannelType::WebChatV2 => pb::ChannelType::WebChatV2,
        ChannelType::Whatsapp => pb::ChannelType::Whatsapp,
        ChannelType::FacebookMessenger => pb::ChannelType::FacebookMessenger,
        ChannelType::Sms => pb::ChannelType::Sms,
        ChannelType::AppleMessagesForBusiness => pb::ChannelType::AppleMessagesForBusiness,
        ChannelType::Line => pb::ChannelType::Line,
        ChannelType::Byoc => pb::ChannelType::Byoc,
        ChannelType::ByocForCcaas => pb::ChannelType::ByocForCcaas,
        ChannelType::StandardFacebookMessenger => pb::ChannelType::StandardFacebookMessenger,
        ChannelType::StandardSms => pb::ChannelType::StandardSms,
    }
}

/// A method, as clients know it: empty for Baton's own doing.
#[must_use]
pub fn rpc(name: &str) -> String {
    if name.contains('/') { format!("baton.v1.{name}") } else { String::new() }
}
