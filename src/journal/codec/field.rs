//! Single fields ↔ domain values: ids, names, times, amounts. Used by the codec alone.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::super::JournalError;
use super::corrupt;
use crate::domain::id::{PresenceId, SessionId, TransferId, TxnId, WorkId};
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::Units;

/// An id that the server makes, as a number.
pub trait Made: Copy {
    /// From the number.
    fn from_number(number: u128) -> Self;
    /// To the number.
    fn number(self) -> u128;
}

macro_rules! made {
    ($($id:ident),*) => {$(
        impl Made for $id {
            fn from_number(number: u128) -> Self {
                Self::from_u128(number)
            }
            fn number(self) -> u128 {
                self.to_u128()
            }
        }
    )*};
}

made!(PresenceId, SessionId, TransferId, TxnId, WorkId);

/// The 16 bytes of an id.
pub fn id_to_bytes(id: impl Made) -> [u8; 16] {
    id.number().to_be_bytes()
}

/// The id of these 16 bytes.
///
/// # Errors
/// [`JournalError::Corrupt`] for any other number of bytes.
pub fn id_from_bytes<T: Made>(bytes: &[u8]) -> Result<T, JournalError> {
    number(bytes).map(T::from_number)
}

pub(super) fn number(bytes: &[u8]) -> Result<u128, JournalError> {
    let bytes = <[u8; 16]>::try_from(bytes)
        .map_err(|_| corrupt(format!("{} bytes where an id has 16", bytes.len())))?;
    Ok(u128::from_be_bytes(bytes))
}

pub(super) fn made(id: impl Made) -> Vec<u8> {
    id_to_bytes(id).to_vec()
}

pub(super) fn made_or_empty<T: Made>(id: Option<T>) -> Vec<u8> {
    id.map_or_else(Vec::new, made)
}

pub(super) fn to_made_or_none<T: Made>(bytes: &[u8]) -> Result<Option<T>, JournalError> {
    if bytes.is_empty() { Ok(None) } else { id_from_bytes(bytes).map(Some) }
}

/// A caller's own id from its text.
pub(super) fn name<T: FromStr>(text: &str) -> Result<T, JournalError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| corrupt(format!("an id {error}")))
}

pub(super) fn name_or_none<T: FromStr>(text: &str) -> Result<Option<T>, JournalError>
where
    T::Err: std::fmt::Display,
{
    if text.is_empty() { Ok(None) } else { name(text).map(Some) }
}

pub(super) fn names<T: FromStr, C: FromIterator<T>>(texts: &[String]) -> Result<C, JournalError>
where
    T::Err: std::fmt::Display,
{
    texts.iter().map(|text| name(text)).collect()
}

pub(super) fn text(id: Option<&impl ToString>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}

pub(super) fn texts<'a, T: ToString + 'a>(ids: impl IntoIterator<Item = &'a T>) -> Vec<String> {
    ids.into_iter().map(ToString::to_string).collect()
}

/// Values by a caller's own ids.
pub(super) fn by_text<T: ToString, V: Copy>(values: &BTreeMap<T, V>) -> BTreeMap<String, V> {
    values.iter().map(|(id, value)| (id.to_string(), *value)).collect()
}

pub(super) fn by_name<T: FromStr + Ord, V: Copy>(
    values: &BTreeMap<String, V>,
) -> Result<BTreeMap<T, V>, JournalError>
where
    T::Err: std::fmt::Display,
{
    values.iter().map(|(id, value)| Ok((name(id)?, *value))).collect()
}

pub(super) fn span_ms(span: Option<Span>) -> Option<i64> {
    span.map(Span::as_ms)
}

pub(super) fn span(ms: Option<i64>) -> Option<Span> {
    ms.map(Span::from_ms)
}

pub(super) fn units(hundredths: u64) -> Result<Units, JournalError> {
    Units::from_centi(hundredths)
        .ok_or_else(|| corrupt(format!("{hundredths} hundredths of a unit are too many")))
}

pub(super) fn ms(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_ms)
}

pub(super) fn time(ms: Option<i64>) -> Option<Timestamp> {
    ms.map(Timestamp::from_ms)
}

/// What must be there.
pub(super) fn there<T>(part: Option<T>, what: &str) -> Result<T, JournalError> {
    part.ok_or_else(|| corrupt(format!("{what} is missing")))
}
