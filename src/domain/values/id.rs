//! Identifiers. Directory ids are the caller's own words, checked once at construction; ids of
//! sessions, transfers, work and presences are made by the server: UUIDv7, so they sort by time
//! and can't be guessed. Nothing here knows where randomness comes from: it is an argument.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use minicbor::bytes::ByteArray;

use crate::domain::stored::stored_as;
use crate::domain::time::Timestamp;

/// The longest directory id, in bytes.
pub const NAME_MAX: usize = 128;

/// The longest external reference, in bytes.
pub const REFERENCE_MAX: usize = 256;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Nothing between the quotes.
    #[error("is empty; give 1 to 128 characters of A-Z a-z 0-9 . _ : @ -")]
    Empty,
    /// Longer than [`NAME_MAX`].
    #[error("is {0} bytes long; at most 128 are allowed")]
    TooLong(usize),
    /// A character outside the set.
    #[error("contains {0:?}; allowed are A-Z a-z 0-9 . _ : @ -")]
    Character(char),
    /// Not a channel's name for a conversation.
    #[error("isn't 1 to 256 printable ASCII characters without a space at either end")]
    NotReference,
    /// Not the text of a server-made id.
    #[error("is not an id that Baton made (a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057)")]
    NotUuid,
}

fn check_name(text: &str) -> Result<(), BadId> {
    if text.is_empty() {
        return Err(BadId::Empty);
    }
    if text.len() > NAME_MAX {
        return Err(BadId::TooLong(text.len()));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '@' | '-');
    match text.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(BadId::Character(c)),
        None => Ok(()),
    }
}

/// A telephone number, an address or a URL of somebody else's making: whatever can be printed.
fn check_reference(text: &str) -> Result<(), BadId> {
    let printable = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    let edged = text.starts_with(' ') || text.ends_with(' ');
    if text.is_empty() || text.len() > REFERENCE_MAX || !printable || edged {
        return Err(BadId::NotReference);
    }
    Ok(())
}

macro_rules! named_ids {
    ($check:ident: $($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes a caller's own words: 1–128 characters of `[A-Za-z0-9._:@-]`, or,
            /// for an external reference, 1–256 printable ASCII characters without a space at
            /// either end.
            ///
            /// # Errors
            /// [`BadId`] says which of these it breaks.
            pub fn new(text: &str) -> Result<Self, BadId> {
                $check(text)?;
                Ok(Self(Arc::from(text)))
            }

            /// Below every id: where ranges start.
            #[must_use]
            pub fn least() -> Self {
                Self(Arc::from(""))
            }

            /// The id as the caller wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        stored_as!($name: &str, |id| &id.0, Self::new);
    )*};
}

named_ids! {
    check_name:
    /// A tenant. Nothing crosses orgs.
    OrgId;
    /// A service rep.
    RepId;
    /// A profile: what reps of one kind share.
    ProfileId;
    /// A channel.
    ChannelId;
    /// A presence status.
    StatusId;
    /// A presence configuration.
    ConfigurationId;
    /// A queue.
    QueueId;
    /// A routing flow.
    FlowId;
    /// A skill.
    SkillId;
    /// A partner vendor.
    PartnerId;
    /// An external contact, as its partner names it.
    ContactId;
    /// A partner's own id for something of the directory's (N8).
    PartnersId;
    /// Who called: a rep's id, or whatever the credential names.
    ActorId;
}

named_ids! {
    check_reference:
    /// The channel's own name for a conversation (O2): 1–256 printable ASCII characters without a
    /// space at either end.
    ExternalReference;
}

macro_rules! made_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u128);

        impl $name {
            /// Lowest possible id: the start of every range.
            pub const MIN: Self = Self(0);
            /// Highest possible id: the end of every range.
            pub const MAX: Self = Self(u128::MAX);

            /// A UUIDv7 of this time and these random bits.
            #[must_use]
            pub fn at(time: Timestamp, random: u128) -> Self {
                Self(uuid_v7(time, random))
            }

            /// As [`Self::at`], but in the order of `ordinal` (0–4095) among ids of one millisecond.
            #[must_use]
            pub fn nth_at(time: Timestamp, ordinal: u32, random: u128) -> Self {
                let ordinal = u128::from(ordinal.min(0xfff)) << 64;
                Self::at(time, ordinal | random & u128::from(u64::MAX))
            }

            /// Its place among ids of one millisecond, if it was made by [`Self::nth_at`].
            #[must_use]
            pub const fn ordinal(self) -> u32 {
                (self.0 >> 64) as u32 & 0xfff
            }

            /// The id as the number that is stored.
            #[must_use]
            pub const fn to_u128(self) -> u128 {
                self.0
            }

            /// The id from the number that was stored.
            #[must_use]
            pub const fn from_u128(number: u128) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_uuid(self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                parse_uuid(text).map(Self)
            }
        }

        impl From<u128> for $name {
            fn from(number: u128) -> Self {
                Self(number)
            }
        }

        impl From<$name> for u128 {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        stored_as!($name: ByteArray<16>, |id| id.0.to_be_bytes().into(), |bytes| {
            Ok::<_, Infallible>(Self(u128::from_be_bytes(bytes.into())))
        });
    )*};
}

made_ids! {
    /// A messaging session.
    SessionId;
    /// A transfer.
    TransferId;
    /// A piece of work.
    WorkId;
    /// A presence: one signed-in spell of a rep.
    PresenceId;
    /// A hand-off, which a partner is asked for (T23).
    HandoffId;
    /// A routing request, which a partner is asked (N6).
    RoutingRequestId;
    /// A request, to whoever repeats it: derived from its request id, or drawn. Its outcome is
    /// kept under it (T21).
    TxnId;
    /// A journal entry. Each decision draws a new one, also where it decides the same request
    /// anew, so that an entry id never names two contents. `MIN` (nil) comes before the first.
    EntryId;
}

fn uuid_v7(time: Timestamp, random: u128) -> u128 {
    let ms = u128::from(time.as_ms().max(0).unsigned_abs() & 0xffff_ffff_ffff);
    let rand_a = (random >> 64) & 0xfff;
    let rand_b = random & 0x3fff_ffff_ffff_ffff;
    (ms << 80) | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b
}

fn write_uuid(id: u128, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in id.to_be_bytes().into_iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 0xf)];
        at += 2;
    }
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn parse_uuid(text: &str) -> Result<u128, BadId> {
    if text.is_empty() {
        return Err(BadId::Empty);
    }
    if text.len() != 36 {
        return Err(BadId::NotUuid);
    }
    let mut id = 0u128;
    for (i, c) in text.bytes().enumerate() {
        if matches!(i, 8 | 13 | 18 | 23) {
            if c != b'-' {
                return Err(BadId::NotUuid);
            }
            continue;
        }
        let digit = char::from(c).to_digit(16).filter(|_| !c.is_ascii_uppercase());
        id = (id << 4) | u128::from(digit.ok_or(BadId::NotUuid)?);
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_ids_sort_by_time_and_read_back() {
        let early = SessionId::at(Timestamp::from_ms(1_000), u128::MAX);
        let late = SessionId::at(Timestamp::from_ms(1_001), 0);
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!(&early.to_string()[14..15], "7");
        let (one, two) = (
            TransferId::nth_at(Timestamp::from_ms(5), 1, u128::MAX),
            TransferId::nth_at(Timestamp::from_ms(5), 2, 0),
        );
        assert!(one < two);
        assert_eq!((one.ordinal(), two.ordinal()), (1, 2));
    }

    #[test]
    fn o2_references_are_whatever_a_channel_may_call_a_conversation() {
        for good in ["+49 170 1234567", "https://chat.example/c/1?x=a%20b#z", "~", &"x".repeat(256)]
        {
            assert_eq!(ExternalReference::new(good).map(|r| r.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", " ", " a", "a ", "a\tb", "a\u{7f}", "ä", &"x".repeat(257)] {
            assert_eq!(ExternalReference::new(bad), Err(BadId::NotReference), "{bad:?}");
        }
    }

    #[test]
    fn hostile_ids_are_refused_with_what_is_wrong() {
        assert_eq!(RepId::new(""), Err(BadId::Empty));
        assert_eq!(RepId::new(&"x".repeat(129)), Err(BadId::TooLong(129)));
        assert_eq!(RepId::new("a b"), Err(BadId::Character(' ')));
        assert_eq!(RepId::new("a\0"), Err(BadId::Character('\0')));
        assert!(RepId::new("ana@acme:desk_1.x-2").is_ok());
        for text in
            ["x", "01890a5d-ac96-774b-bcce-b302099a805", "01890a5d-ac96-774b-bcce_b302099a8057"]
        {
            assert_eq!(text.parse::<SessionId>(), Err(BadId::NotUuid), "{text}");
        }
        assert_eq!("01890A5D-ac96-774b-bcce-b302099a8057".parse::<WorkId>(), Err(BadId::NotUuid));
    }
}
