//! Telling the directory that knew a contact that it was proved.
//!
//! Stands beside the road: the visitor's success waits for nothing of it, and never fails by it. A directory that does not
//! take the mark is told again for some minutes; a gateway that ends meanwhile tells nobody.

use std::sync::Arc;
use std::time::Duration;

use crate::challenge::Particulars;
use crate::directory::{Directory as _, Kept, Mark, MarkError};
use crate::stepup::{Gateway, Site};
use crate::words::Contact;

/// How long to wait after each time that a mark was not taken.
const WAITS: &[Duration] =
    &[Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(300)];

impl Gateway {
    /// The subject of a challenge has proved `contact`: the directory that knew it is told, if it wants to be. Nobody has
    /// vouched for a typed contact, and an earlier one is the subject's no longer, so of such a one nobody is told.
    pub(super) fn mark(&self, site: &Site, particulars: &Particulars, contact: &Contact) {
        let directory = particulars.directory.and_then(|place| site.spec.directories.get(place));
        let (Some(directory), Some(subject)) = (directory, particulars.subject()) else { return };
        if !directory.takes_marks() || particulars.is_typed() || particulars.is_earlier {
            return;
        }
        let mark = Mark { subject, contact: contact.clone(), at: self.shared.clock.now() };
        tokio::spawn(tell(Arc::clone(directory), mark));
    }
}

async fn tell(directory: Arc<Kept>, mark: Mark) {
    let mut waits = WAITS.iter();
    while let Err(error) = directory.mark(&mark).await {
        let wait = waits.next().filter(|_| matches!(error, MarkError::Later(_)));
        let Some(wait) = wait else {
            tracing::error!(%error, directory = directory.name(), "a directory was not told of a proved contact");
            return;
        };
        tracing::warn!(%error, directory = directory.name(), "a directory was not told of a proved contact yet");
        tokio::time::sleep(*wait).await;
    }
}
