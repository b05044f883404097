//! Who is believed: tokens, keys and certificates against an access file, good ones and all the bad ones that somebody could
//! think of; files that change, keys that rotate, and what is revoked.

#[path = "access/mint.rs"]
mod mint;
#[path = "access/place.rs"]
mod place;

#[path = "access/arbitrary.rs"]
mod arbitrary;
#[path = "access/certificates.rs"]
mod certificates;
#[path = "access/guide.rs"]
mod guide;
#[path = "access/key_sets.rs"]
mod key_sets;
#[path = "access/keys.rs"]
mod keys;
#[path = "access/reloads.rs"]
mod reloads;
#[path = "access/renewed.rs"]
mod renewed;
#[path = "access/said.rs"]
mod said;
#[path = "access/signed.rs"]
mod signed;
