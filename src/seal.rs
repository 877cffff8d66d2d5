//! Key ring, sealing, keyed hashes, random codes.
//!
//! May use: `words`. Everything that leaves the process as a secret, or stands for one, is made here: sealed cookies
//! and parked requests ([`KeyRing::seal`]), the keyed hashes under which subjects and contacts are known to the store
//! ([`KeyRing::hash`]), codes ([`Code`]), and the keys
//! by which an application can tell what this gateway said ([`SigningKey`]). Start at [`KeyRing`].

mod code;
mod random;
mod ring;
mod signing;

pub use code::{Code, CodeShape, Typed};
pub use random::{Random, SystemRandom};
pub use ring::{BadSecret, KeyRing, Purpose, Secret};
pub use signing::{PublicKey, SigningKey};
