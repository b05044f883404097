//! What marks a call that one server passes on to another: who calls, under which request id, whether it may
//! have been tried elsewhere, by whom and when, authenticated with the key that all servers share. With the
//! development key anybody can make such a mark; a server without a key of its own says so when it starts.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tonic::codegen::http::HeaderMap;

use super::super::token::from_hex;
use super::vouched::CALLER;
use crate::domain::time::{Span, Timestamp};
use crate::journal::ServerId;

/// The seal. Only servers can make it; a call with one that isn't right is refused as UNAUTHENTICATED.
pub const PASSED: &str = "baton-passed";
/// The request id that the passer gives a call that has none. Ignored without a seal.
pub const REQUEST_ID: &str = "baton-request-id";
/// What the message is, in a digest: a seal that was overheard is good for no other. Ignored without a seal.
pub const BODY: &str = "baton-body";
/// Another server may have tried the call. Ignored without a seal.
pub const TRIED: &str = "baton-tried";

/// For how long a seal is good, by the store's clock, so that one that was overheard isn't good for ever.
const GOOD_FOR: Span = Span::from_secs(30);
const MAC: usize = 16;

/// The digest of a message.
pub fn digest(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes and checks seals.
#[derive(Clone)]
pub struct PassingSeal {
    key: [u8; 32],
}

impl std::fmt::Debug for PassingSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PassingSeal")
    }
}

impl PassingSeal {
    /// With the key that all servers share.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The seal of a call to `path` with these headers, which hold everything else that it covers.
    pub fn close(&self, path: &str, headers: &HeaderMap, by: ServerId, now: Timestamp) -> String {
        let mac = self.mac(path, headers, by, now.as_ms()).finalize().into_bytes();
        let mac: String = mac[..MAC].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{:032x}.{}.{mac}", by.0, now.as_ms())
    }

    /// Who passed the call on. `now` is the store's time; without it no seal is believed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(
        &self,
        path: &str,
        headers: &HeaderMap,
        seal: &str,
        now: Option<Timestamp>,
    ) -> Result<ServerId, &'static str> {
        let mut parts = seal.splitn(3, '.');
        let mut part = || parts.next().unwrap_or_default();
        let (by, at, mac) = (part(), part(), part());
        let by = u128::from_str_radix(by, 16).map(ServerId).map_err(|_| "names no server")?;
        let at: i64 = at.parse().map_err(|_| "says no time")?;
        let mac = from_hex(mac).filter(|mac| mac.len() == MAC).ok_or("is cut short")?;
        self.mac(path, headers, by, at)
            .verify_truncated_left(&mac)
            .map_err(|_| "was not made by a server with this key, for this call")?;
        let now =
            now.ok_or("can't be judged: this server doesn't know the time of the others yet")?;
        let old = now.as_ms().abs_diff(at) > GOOD_FOR.as_ms().unsigned_abs();
        if old { Err("is too old") } else { Ok(by) }
    }

    fn mac(&self, path: &str, headers: &HeaderMap, by: ServerId, at: i64) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of any length will do");
        let mut part = |bytes: &[u8]| {
            mac.update(&(bytes.len() as u64).to_be_bytes());
            mac.update(bytes);
        };
        part(b"a call passed on by a server");
        part(path.as_bytes());
        for name in [CALLER, BODY, REQUEST_ID, TRIED] {
            let mut values = headers.get_all(name).iter();
            part(values.next().map(|value| value.as_bytes()).unwrap_or_default());
            // A second value of the same name would be read by nobody; that there is one is covered.
            part(&[u8::from(values.next().is_some())]);
        }
        part(&by.0.to_be_bytes());
        part(&at.to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/baton.v1.WorkService/AcceptWork";
    const NOW: Timestamp = Timestamp::from_ms(1_000_000);

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a good value"));
        }
        headers
    }

    #[test]
    fn a_seal_is_good_for_the_call_that_it_was_made_for_and_for_a_while() {
        let seal = PassingSeal::new([7; 32]);
        let call = [(CALLER, "ana of acme"), (REQUEST_ID, "r"), (BODY, "0f")];
        let closed = seal.close(PATH, &headers(&call), ServerId(9), NOW);
        let open = |path, call: &[_], now| seal.open(path, &headers(call), &closed, now);
        assert_eq!(open(PATH, &call, Some(NOW + Span::from_secs(30))), Ok(ServerId(9)));
        assert!(open(PATH, &call, None).is_err(), "without the time nobody is believed");
        assert!(open(PATH, &call, Some(NOW + Span::from_secs(31))).is_err());
        assert!(open("/baton.v1.WorkService/CloseWork", &call, Some(NOW)).is_err());
        for (at, other) in [(0, (CALLER, "ben of acme")), (1, (REQUEST_ID, "s")), (2, (BODY, "10"))]
        {
            let mut changed = call;
            changed[at] = other;
            assert!(open(PATH, &changed, Some(NOW)).is_err(), "{other:?}");
        }
        let tried = [&call[..], &[(TRIED, "1")]].concat();
        assert!(open(PATH, &tried, Some(NOW)).is_err());
        let twice = [&call[..], &[(CALLER, "ben of acme")]].concat();
        assert!(open(PATH, &twice, Some(NOW)).is_err());
        let other_key = PassingSeal::new([8; 32]);
        assert!(other_key.open(PATH, &headers(&call), &closed, Some(NOW)).is_err());
        for nonsense in ["", "1", "..", "x.1.00", "1.1.", "1.1.zz"] {
            assert!(seal.open(PATH, &headers(&call), nonsense, Some(NOW)).is_err(), "{nonsense}");
        }
    }
}
