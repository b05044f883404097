//! What was observed of a contact, and when: its availability and its wait, each by itself, since a report may mention
//! only one (N10). An older observation never wins, and past its time it is unknown.

use minicbor::decode::{self, Decode, Decoder};
use minicbor::encode::{self, Encode, Encoder, Write};

use crate::domain::time::{Span, Timestamp};

/// What a partner says of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactAvailability {
    /// Can take a session now.
    Available,
    /// Takes sessions, but not now.
    Busy,
    /// Takes none.
    Unavailable,
}

/// A wait of at most 49 days, in as little room as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wait(u32);

impl Wait {
    /// The longest wait that a partner can say.
    pub const MOST: Span = Span::from_secs(7 * 86_400);

    /// This wait; a longer one than [`Wait::MOST`] counts as that.
    #[must_use]
    pub fn new(span: Span) -> Self {
        Self(u32::try_from(span.min(Self::MOST).as_ms()).unwrap_or(u32::MAX))
    }

    /// How long it is.
    #[must_use]
    pub fn span(self) -> Span {
        Span::from_ms(self.0.into())
    }
}

/// One thing that was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed<T> {
    /// It; `None`: it isn't known, or the partner said that it isn't.
    value: Option<T>,
    /// When; [`Timestamp::MIN`]: never.
    at: Timestamp,
    /// Until when it holds; [`Timestamp::MAX`]: until the next one.
    until: Timestamp,
}

impl<T> Default for Observed<T> {
    fn default() -> Self {
        Self { value: None, at: Timestamp::MIN, until: Timestamp::MAX }
    }
}

impl<T: Copy + PartialEq> Observed<T> {
    /// Something observed then, which holds so long.
    #[must_use]
    pub fn new(value: Option<T>, at: Timestamp, valid_for: Option<Span>) -> Self {
        Self { value, at, until: valid_for.map_or(Timestamp::MAX, |span| at + span) }
    }

    /// What is known of it at `now`.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Option<T> {
        self.value.filter(|_| now < self.until)
    }

    /// Takes a newer observation, or one of the same moment; an older one is left out. Was it taken?
    pub fn take(&mut self, newer: Self) -> bool {
        let taken = newer.at >= self.at;
        if taken {
            *self = newer;
        }
        taken
    }

    fn is_never(&self) -> bool {
        self.at == Timestamp::MIN
    }
}

impl<C, T: Encode<C>> Encode<C> for Observed<T> {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let until = (self.until != Timestamp::MAX).then_some(self.until);
        e.array(3)?.encode_with(&self.value, ctx)?;
        e.encode_with(self.at, ctx)?.encode_with(until, ctx)?.ok()
    }
}

impl<'b, C, T: Decode<'b, C>> Decode<'b, C> for Observed<T> {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(3) {
            return Err(decode::Error::message("an observation has three parts"));
        }
        let value = crate::domain::stored::strict(d, ctx)?;
        let at = d.decode_with(ctx)?;
        let until: Option<Timestamp> = d.decode_with(ctx)?;
        Ok(Self { value, at, until: until.unwrap_or(Timestamp::MAX) })
    }
}

crate::domain::stored::stored_as!(Wait: u32, |wait| wait.0, |ms| {
    Ok::<_, std::convert::Infallible>(Self(ms))
});

/// What was observed of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContactObservation {
    /// Whether it takes sessions.
    pub availability: Observed<ContactAvailability>,
    /// The partner's own estimated wait.
    pub wait: Observed<Wait>,
}

impl ContactObservation {
    /// What is known of its availability at `now`.
    #[must_use]
    pub fn availability_at(&self, now: Timestamp) -> Option<ContactAvailability> {
        self.availability.at(now)
    }

    /// What is known of its wait at `now`.
    #[must_use]
    pub fn wait_at(&self, now: Timestamp) -> Option<Span> {
        self.wait.at(now).map(Wait::span)
    }

    /// When what is known at `now` was observed: the newest of it.
    #[must_use]
    pub fn observed_at(&self, now: Timestamp) -> Option<Timestamp> {
        let availability = self.availability.at(now).map(|_| self.availability.at);
        availability.max(self.wait.at(now).map(|_| self.wait.at))
    }

    /// Until when all of what is known at `now` holds; `None`: until the next report.
    #[must_use]
    pub fn valid_until(&self, now: Timestamp) -> Option<Timestamp> {
        let availability = self.availability.at(now).map(|_| self.availability.until);
        let wait = self.wait.at(now).map(|_| self.wait.until);
        let until = availability.into_iter().chain(wait).min();
        until.filter(|until| *until != Timestamp::MAX)
    }
}

// Most contacts were never observed: of those there is nothing to store.
impl<C> Encode<C> for ContactObservation {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        if self.availability.is_never() && self.wait.is_never() {
            return e.null()?.ok();
        }
        let availability = (!self.availability.is_never()).then_some(self.availability);
        let wait = (!self.wait.is_never()).then_some(self.wait);
        e.array(2)?.encode_with(availability, ctx)?.encode_with(wait, ctx)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ContactObservation {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        if d.datatype()? == minicbor::data::Type::Null {
            d.null()?;
            return Ok(Self::default());
        }
        if d.array()? != Some(2) {
            return Err(decode::Error::message("what was observed of a contact has two parts"));
        }
        let availability: Option<Observed<ContactAvailability>> =
            crate::domain::stored::strict(d, ctx)?;
        let wait: Option<Observed<Wait>> = crate::domain::stored::strict(d, ctx)?;
        Ok(Self { availability: availability.unwrap_or_default(), wait: wait.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ms(seconds * 1_000)
    }

    #[test]
    fn n10_an_older_observation_never_wins_and_what_ran_out_is_unknown() {
        let mut known = Observed::new(Some(1), at(10), Some(Span::from_secs(5)));
        assert!(!known.take(Observed::new(Some(2), at(9), None)));
        assert_eq!((known.at(at(14)), known.at(at(15))), (Some(1), None));
        assert!(known.take(Observed::new(Some(3), at(10), None)), "of the same moment the later");
        assert!(known.take(Observed::new(None, at(11), None)));
        assert!(!known.take(Observed::new(Some(4), at(10), None)), "what was erased stays so");
        assert_eq!(known.at(at(11)), None);
    }

    #[test]
    fn n10_availability_and_wait_hold_by_themselves() {
        let known = ContactObservation {
            availability: Observed::new(
                Some(ContactAvailability::Busy),
                at(1),
                Some(Span::from_secs(9)),
            ),
            wait: Observed::new(Some(Wait::new(Span::from_secs(30))), at(2), None),
        };
        assert_eq!(known.observed_at(at(3)), Some(at(2)));
        assert_eq!(known.valid_until(at(3)), Some(at(10)));
        assert_eq!(known.availability_at(at(10)), None);
        assert_eq!(known.wait_at(at(10)), Some(Span::from_secs(30)));
        assert_eq!(known.valid_until(at(10)), None, "the wait holds until the next report");
    }
}
