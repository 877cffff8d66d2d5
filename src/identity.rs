//! Identity sources: who the application says the visitor is.
//!
//! May use: `words`, `seal`, `request`. Pure but for the cache of [`Sessions`]; the store behind that cache is asked
//! by the conductor. Start at [`Source`].

mod field;
pub mod jwt;
mod login;
mod sessions;
pub mod settings;
mod source;
mod spelling;

pub use field::{FieldName, Said};
pub use jwt::Jwt;
pub use login::{Attempt, Change, Login, Request as LoginRequest, Success, Watched};
pub use sessions::{Epoch, Owner, Sessions};
pub use source::{Ask, HeaderSource, Source};
pub use spelling::one_spelling;
