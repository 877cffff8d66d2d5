//! The message that carries a code.

use std::time::Duration;

use crate::challenge::Particulars;
use crate::delivery::Message;
use crate::seal::Code;
use crate::stepup::{Gateway, Site, Visit};
use crate::store::Challenge;
use crate::words::Contact;

impl Gateway {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn message(
        &self,
        _site: &Site,
        _visit: &Visit,
        _challenge: &Challenge,
        _particulars: &Particulars,
        to: Contact,
        code: Code,
        _expires_in: Duration,
    ) -> Message {
        Message { to, code }
    }
}
