//! Tokens that clients hand back: where a stream goes on, and where a list goes on. Opaque to them,
//! authenticated with a key that all replicas share, and bound to the org and to the question they
//! were made for. An altered or foreign one is told apart from a good one, never believed. A stream's says, too, what
//! its reader could see, so that one who sees otherwise now is told to begin anew (W10).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::status::Problem;
use crate::domain::entry::{Fingerprint, Revision};
use crate::domain::id::{EntryId, OrgId};
use crate::journal::Epoch;

const VERSION: u8 = 2;
const MAC: usize = 16;
/// The longest token that is looked at, in characters.
const LONGEST: usize = 2_048;

/// Where a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// In which history.
    pub epoch: Epoch,
    /// Everything up to here has been seen.
    pub revision: Revision,
    /// The transaction of that revision, to notice another history with the same numbers.
    pub entry: EntryId,
    /// What follows from what has been seen, and hasn't been told: it is told with the newest.
    pub owed: Owed,
}

/// What a stream's token is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamMark {
    /// What was asked: kinds and filter. A token is good for no other question.
    pub question: Fingerprint,
    /// What whoever asked could see of it.
    pub sight: Fingerprint,
}

/// What a reader is still to be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Owed {
    /// States of queues, and places in lines.
    pub lines: bool,
    /// What other records say of objects.
    pub objects: bool,
}

impl Owed {
    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { lines: self.lines || other.lines, objects: self.objects || other.objects }
    }

    /// Is there anything?
    #[must_use]
    pub const fn any(self) -> bool {
        self.lines || self.objects
    }
}

/// Where a list is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The key of the last entry shown.
    pub after: String,
    /// How many were shown before.
    pub shown: u64,
    /// The revision the page was read at.
    pub revision: Revision,
}

/// Makes tokens and reads them back.
#[derive(Clone)]
pub struct Seal {
    key: [u8; 32],
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// A seal with this key. Replicas with the same key read each other's tokens (W8).
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The resume token of a stream.
    #[must_use]
    pub fn resume(&self, org: &OrgId, of: StreamMark, at: Position) -> String {
        let mut body = vec![VERSION, b'r'];
        body.extend(at.epoch.0.to_be_bytes());
        body.extend(at.revision.get().to_be_bytes());
        body.extend(at.entry.to_u128().to_be_bytes());
        body.push(u8::from(at.owed.lines) | u8::from(at.owed.objects) << 1);
        body.extend(of.sight.0.to_be_bytes());
        self.close(org, of.question, body)
    }

    /// Reads a resume token: where it is, and what could be seen.
    ///
    /// # Errors
    /// INVALID_TOKEN.
    pub fn read_resume(
        &self,
        org: &OrgId,
        question: Fingerprint,
        token: &str,
    ) -> Result<(Position, Fingerprint), Problem> {
        let bad = |why| Problem::BadToken { field: "resume_token", why };
        let body = self.open(org, question, token).map_err(bad)?;
        let rest = body.strip_prefix(&[VERSION, b'r']).ok_or_else(|| bad("is of another kind"))?;
        let (epoch, rest) = rest.split_first_chunk().ok_or_else(|| bad("is cut short"))?;
        let (revision, rest) = rest.split_first_chunk().ok_or_else(|| bad("is cut short"))?;
        let (entry, rest) = rest.split_first_chunk().ok_or_else(|| bad("is cut short"))?;
        let (owed, rest) = rest.split_first().ok_or_else(|| bad("is cut short"))?;
        let (sight, _) = rest.split_first_chunk().ok_or_else(|| bad("is cut short"))?;
        let position = Position {
            epoch: Epoch(u64::from_be_bytes(*epoch)),
            revision: Revision::new(u64::from_be_bytes(*revision)),
            entry: EntryId::from_u128(u128::from_be_bytes(*entry)),
            owed: Owed { lines: owed & 1 != 0, objects: owed & 2 != 0 },
        };
        Ok((position, Fingerprint(u128::from_be_bytes(*sight))))
    }

    /// The token of a list's next page.
    #[must_use]
    pub fn page(&self, org: &OrgId, filter: Fingerprint, page: &Page) -> String {
        let mut body = vec![VERSION, b'p'];
        body.extend(page.revision.get().to_be_bytes());
        body.extend(page.shown.to_be_bytes());
        body.extend(page.after.as_bytes());
        self.close(org, filter, body)
    }

    /// Reads a page token.
    ///
    /// # Errors
    /// INVALID_TOKEN.
    pub fn read_page(
        &self,
        org: &OrgId,
        filter: Fingerprint,
        token: &str,
    ) -> Result<Page, Problem> {
        let bad = |why| Problem::BadToken { field: "page_token", why };
        let body = self.open(org, filter, token).map_err(bad)?;
        let rest = body.strip_prefix(&[VERSION, b'p']).ok_or_else(|| bad("is of another kind"))?;
        let (revision, rest) = rest.split_first_chunk().ok_or_else(|| bad("is cut short"))?;
        let (shown, rest) = rest.split_first_chunk().ok_or_else(|| bad("is cut short"))?;
        let after = std::str::from_utf8(rest).map_err(|_| bad("is malformed"))?;
        Ok(Page {
            after: after.to_owned(),
            shown: u64::from_be_bytes(*shown),
            revision: Revision::new(u64::from_be_bytes(*revision)),
        })
    }

    fn mac(&self, org: &OrgId, filter: Fingerprint, body: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of any length will do");
        mac.update(&(org.as_str().len() as u64).to_be_bytes());
        mac.update(org.as_str().as_bytes());
        mac.update(&filter.0.to_be_bytes());
        mac.update(body);
        mac
    }

    fn close(&self, org: &OrgId, filter: Fingerprint, mut body: Vec<u8>) -> String {
        let mac = self.mac(org, filter, &body).finalize().into_bytes();
        body.extend(&mac[..MAC]);
        to_hex(&body)
    }

    fn open(&self, org: &OrgId, filter: Fingerprint, token: &str) -> Result<Vec<u8>, &'static str> {
        if token.len() > LONGEST {
            return Err("is too long");
        }
        let mut body = from_hex(token).ok_or("isn't a token that Baton made")?;
        if body.len() < MAC + 2 {
            return Err("is cut short");
        }
        let given = body.split_off(body.len() - MAC);
        self.mac(org, filter, &body)
            .verify_truncated_left(&given)
            .map_err(|_| "was altered, or made for another org, request or server key")?;
        Ok(body)
    }
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 0xf)]).collect()
}

/// The bytes that these digits write; `None` if they aren't pairs of lower-case hex digits.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(name: &str) -> OrgId {
        OrgId::new(name).expect("an id")
    }

    #[test]
    fn w8_a_token_is_read_by_every_server_with_the_key() {
        let at = Position {
            epoch: Epoch(3),
            revision: Revision::new(77),
            entry: EntryId::from_u128(0xabc),
            owed: Owed { lines: false, objects: true },
        };
        let of = StreamMark { question: Fingerprint(5), sight: Fingerprint(6) };
        let token = Seal::new([7; 32]).resume(&org("acme"), of, at);
        let read = Seal::new([7; 32]).read_resume(&org("acme"), of.question, &token);
        assert_eq!(read, Ok((at, of.sight)));
        let other = Seal::new([7; 32]).read_resume(&org("acme"), of.sight, &token);
        assert!(matches!(other, Err(Problem::BadToken { .. })));
    }

    #[test]
    fn d4_foreign_and_altered_tokens_are_refused() {
        let seal = Seal::new([7; 32]);
        let filter = Fingerprint(5);
        let page = Page { after: "ana".into(), shown: 50, revision: Revision::new(1) };
        let token = seal.page(&org("acme"), filter, &page);
        assert_eq!(seal.read_page(&org("acme"), filter, &token), Ok(page));
        let mut altered = token.clone();
        let last = if altered.ends_with('0') { "1" } else { "0" };
        altered.replace_range(altered.len() - 1.., last);
        let other_key = Seal::new([8; 32]);
        let refused = [
            seal.read_page(&org("other"), filter, &token),
            seal.read_page(&org("acme"), Fingerprint(6), &token),
            seal.read_page(&org("acme"), filter, &altered),
            seal.read_page(&org("acme"), filter, "x"),
            seal.read_page(&org("acme"), filter, "00"),
            seal.read_page(&org("acme"), filter, &"0".repeat(10_000)),
            other_key.read_page(&org("acme"), filter, &token),
        ];
        for (i, result) in refused.iter().enumerate() {
            assert!(matches!(result, Err(Problem::BadToken { .. })), "{i}");
        }
        assert!(seal.read_resume(&org("acme"), filter, &token).is_err());
    }
}
