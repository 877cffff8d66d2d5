//! The gateway's own pages and JSON endpoints, under `/.otpgate/` on the site's own host.
//!
//! May use: `stepup` and the rooms below it. [`Portal::handle`] takes every request of a site: what the conductor rules
//! is turned into bytes by `turn.rs`, what is meant for the portal itself goes to the pages (`html.rs`) or the JSON
//! endpoints (`json.rs`). What providers send (`receipts.rs`) belongs to no site. Whatever is told instead of what was
//! asked for is a notice (`notice.rs`), a page to a person and a problem to a program. Requests that reach no site are
//! answered by an [`Asker`]. Every sentence a visitor reads stands in `sentences/en.yaml`, every page in `templates/`.

mod assets;
mod door;
mod handle;
mod html;
mod json;
mod notice;
mod page;
mod receipts;
mod sentences;
pub mod settings;
mod trouble;
mod turn;
mod view;

pub use door::Asker;
pub use handle::{Handled, Portal};
pub use receipts::hear;

#[cfg(test)]
mod tests;
