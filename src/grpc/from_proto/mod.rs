//! From the wire's types to the domain's. With `to_proto` and the handlers the only place that sees
//! generated types. Every malformed field becomes a named one, all of them at once (D1, D4).

mod audit;
mod contacts;
mod directory;
mod fields;
mod flow;
mod partner;
mod partner_reads;
mod presence;
mod reads;
mod session;
mod transfer;
mod watch;

pub use audit::*;
pub use contacts::*;
pub use directory::*;
pub use fields::Asked;
pub use flow::*;
pub use partner::*;
pub use partner_reads::*;
pub use presence::*;
pub use reads::*;
pub use session::*;
pub use transfer::*;
pub use watch::*;

use crate::domain::directory::ChannelType;
use crate::domain::id::PresenceId;
use crate::pb;

/// A change that a rep makes on a presence of its own: the presence, if one is named (P5).
pub type ActingOn = Option<PresenceId>;

/// A channel's type; `None` if it isn't given.
#[must_use]
pub const fn channel_type(wire: pb::ChannelType) -> Option<ChannelType> {
    Some(match wire {
        pb::ChannelType::Unspecified => return None,
        pb::ChannelType::InAppChat => ChannelType::InAppChat,
        pb::ChannelType::WebChatV1 => ChannelType::WebChatV1,
        pb::ChannelType::WebChatV2 => ChannelType::WebChatV2,
        pb::ChannelType::Whatsapp => ChannelType::Whatsapp,
        pb::ChannelType::FacebookMessenger => ChannelType::FacebookMessenger,
        pb::ChannelType::Sms => ChannelType::Sms,
        pb::ChannelType::AppleMessagesForBusiness => ChannelType::AppleMessagesForBusiness,
        pb::ChannelType::Line => ChannelType::Line,
        pb::ChannelType::Byoc => ChannelType::Byoc,
        pb::ChannelType::ByocForCcaas => ChannelType::ByocForCcaas,
        pb::ChannelType::StandardFacebookMessenger => ChannelType::StandardFacebookMessenger,
        pb::ChannelType::StandardSms => ChannelType::StandardSms,
    })
}

/// A field inside another.
fn under(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_types_are_called_as_in_the_api() {
        let known = (1..100).map_while(|number| pb::ChannelType::try_from(number).ok());
        let names: Vec<_> = known
            .map(|wire| {
                let name = channel_type(wire).map(ChannelType::name);
                assert_eq!(name, wire.as_str_name().strip_prefix("CHANNEL_TYPE_"));
                name
            })
            .collect();
        assert_eq!(names.len(), 12, "each of them");
    }
}
