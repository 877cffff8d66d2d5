//! The whole road with a real browser: Chromium in front of the gateway's own binary, behind it an application of ours
//! and one that none of us wrote, and a real mail server that brings the codes.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod backoffice;
mod basic;
mod browser;
mod code_page;
mod forms;
mod looks;
mod receipts;
mod visit;
mod world;

use browser::Browser;
use world::Mail;

/// The page's one input.
const CODE: &str = "input[name=code]";
/// The button beside it.
const CONTINUE: &str = "form[action^='/.otpgate/verify'] button";
/// A button that asks for a code.
const SEND: &str = "form[action^='/.otpgate/send'] button";

impl Browser {
    /// Types the code of a mail and goes on.
    async fn answer(&self, mail: &Mail) {
        self.fill(CODE, &mail.code()).await;
        self.press(CONTINUE).await;
    }
}
