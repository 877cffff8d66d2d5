//! Randomness, passed in so that tests can repeat themselves.

use ring::rand::SecureRandom as _;

/// What makes random bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's random source.
#[derive(Debug, Clone)]
pub struct SystemRandom(ring::rand::SystemRandom);

// === impl SystemRandom ===

impl SystemRandom {
    /// The operating system's random source.
    #[must_use]
    pub fn new() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Default for SystemRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for SystemRandom {
    /// # Panics
    /// When the operating system has no randomness to give: nothing safe can be done without it. The panic ends the
    /// one request that wanted it.
    fn fill(&self, bytes: &mut [u8]) {
        assert!(self.0.fill(bytes).is_ok(), "the operating system's random source failed");
    }
}

impl dyn Random {
    /// An array of random bytes, for an identifier.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}
