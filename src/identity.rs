//! Identity sources: who the application says the visitor is.
//!
//! May use: `words`, `seal`, `request`, `config`. Pure but for the caches of [`Sessions`] and [`Answers`], and for the keys
//! of a token's issuer, which [`jwt`] looks for itself; the store and the application behind the caches are asked by the
//! conductor. Start at [`Source`].

mod answers;
mod application;
pub mod basic;
mod certificate;
mod field;
pub mod jwt;
mod login;
mod sessions;
pub mod settings;
mod source;
mod spelling;
mod whoami;

pub use answers::{About, Answers, Keep, Named};
pub use application::{Answer, Application, MOST, Question, Unanswered};
pub use basic::{Basic, Presented};
pub use certificate::{CertificateNames, ClientCertificate, NameKind};
pub use field::{FieldName, Said};
pub use jwt::Jwt;
pub use login::{Attempt, Change, Login, Request as LoginRequest, Success, Watched};
pub use sessions::{Epoch, Owner, Sessions};
pub use source::{Ask, HeaderSource, Source};
pub use spelling::one_spelling;
pub use whoami::{BadReading, Reading, Whoami};
