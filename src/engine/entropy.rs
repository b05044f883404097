//! Random bits for ids and jitter: from the operating system, or repeatable from a seed. Deciding
//! takes them as an argument; this is where they come from.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::domain::draft::Entropy;
use crate::domain::id::TxnId;

/// A generator of random bits.
#[derive(Debug)]
pub struct Randomness(StdRng);

impl Randomness {
    /// Seeded by the operating system.
    #[must_use]
    pub fn from_system() -> Self {
        Self(rand::make_rng())
    }

    /// The same bits for the same seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The id of a transaction that nobody gave a request id for.
    pub fn transaction(&mut self) -> TxnId {
        // Nil stands for "no transaction".
        TxnId::from_u128(self.bits() | 1)
    }
}

impl Entropy for Randomness {
    fn bits(&mut self) -> u128 {
        (u128::from(self.0.next_u64()) << 64) | u128::from(self.0.next_u64())
    }
}
