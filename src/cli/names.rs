//! Names of the API's enums as people write and read them: `whatsapp`, `OFFERED`; and near misses.
//!
//! The names come from the generated types, so that a value added to the API is known here at once.

use crate::pb;

/// An enum of the API.
pub trait Named: Copy + TryFrom<i32> {
    /// What all its names in the proto begin with.
    const PREFIX: &'static str;

    /// The name in the proto.
    fn proto_name(self) -> &'static str;

    /// The name without the prefix, such as `WEB_CHAT_V2`.
    fn name(self) -> &'static str {
        let full = self.proto_name();
        full.strip_prefix(Self::PREFIX).unwrap_or(full)
    }

    /// All values but UNSPECIFIED, in order.
    fn all() -> Vec<Self> {
        (1..64).map_while(|number| Self::try_from(number).ok()).collect()
    }

    /// The value called so, whatever the case, with `-` for `_` if one likes.
    fn parse(text: &str) -> Result<Self, String> {
        let wanted = text.trim().replace('-', "_").to_ascii_uppercase();
        let all = Self::all();
        if let Some(found) = all.iter().find(|value| value.name() == wanted) {
            return Ok(*found);
        }
        let names: Vec<&str> = all.iter().map(|value| value.name()).collect();
        Err(match nearest(&wanted, names.iter().copied()) {
            Some(near) => format!("`{text}` isn't known: did you mean {near}?"),
            None => format!("`{text}` isn't known: use one of {}", names.join(", ")),
        })
    }
}

macro_rules! named {
    ($($name:ident $prefix:literal),* $(,)?) => {
        $(impl Named for pb::$name {
            const PREFIX: &'static str = $prefix;

            fn proto_name(self) -> &'static str {
                self.as_str_name()
            }
        })*
    };
}

named! {
    AuditAction "AUDIT_ACTION_",
    AuditKind "AUDIT_KIND_",
    CapacityModel "CAPACITY_MODEL_",
    ChannelType "CHANNEL_TYPE_",
    ContactAvailability "CONTACT_AVAILABILITY_",
    CredentialKind "CREDENTIAL_KIND_",
    DirectoryAction "DIRECTORY_ACTION_",
    DirectoryKind "DIRECTORY_KIND_",
    ErrorReason "ERROR_REASON_",
    HandoffFailure "HANDOFF_FAILURE_",
    HandoffState "HANDOFF_STATE_",
    HoldReason "HOLD_REASON_",
    Licence "LICENCE_",
    Permission "PERMISSION_",
    PresenceStatusType "PRESENCE_STATUS_TYPE_",
    RecipientType "RECIPIENT_TYPE_",
    RemovalReason "REMOVAL_REASON_",
    ResetReason "RESET_REASON_",
    Role "ROLE_",
    RoutingCause "ROUTING_CAUSE_",
    RoutingModel "ROUTING_MODEL_",
    RoutingRequestState "ROUTING_REQUEST_STATE_",
    ServerPlace "SERVER_PLACE_",
    ServerState "SERVER_STATE_",
    SessionEndReason "SESSION_END_REASON_",
    SessionReturnReason "SESSION_RETURN_REASON_",
    SessionState "SESSION_STATE_",
    StartMode "START_MODE_",
    TransferState "TRANSFER_STATE_",
    TransferEndReason "TRANSFER_END_REASON_",
    WatchKind "WATCH_KIND_",
    WorkEndReason "WORK_END_REASON_",
    WorkState "WORK_STATE_",
}

/// The name of a value as it came over the wire; its number if it is newer than this program.
pub fn of<E: Named>(number: i32) -> String {
    E::try_from(number).map_or_else(|_| number.to_string(), |value| value.name().to_owned())
}

/// The candidate that was probably meant: at most a third of its letters differ.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance * 3 <= candidate.chars().count().max(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete or replace.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_without_their_prefix() {
        assert_eq!(pb::ChannelType::parse("web-chat-v2"), Ok(pb::ChannelType::WebChatV2));
        assert_eq!(of::<pb::TransferState>(pb::TransferState::Offered as i32), "OFFERED");
        assert_eq!(of::<pb::TransferState>(99), "99");
        assert_eq!(pb::WorkState::all().len(), 5);
    }

    #[test]
    fn a_near_miss_is_recognised_and_nonsense_lists_what_there_is() {
        let near = pb::ChannelType::parse("whatsap").unwrap_err();
        assert!(near.contains("did you mean WHATSAPP?"), "{near}");
        let far = pb::WorkState::parse("zzz").unwrap_err();
        assert!(far.contains("OFFERED, OPEN"), "{far}");
        assert!(pb::WorkState::parse("UNSPECIFIED").is_err());
    }
}
