//! A request's body, read before the upstream gets any of it.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, EXPECT};
use pingora::proxy::Session;

use crate::stepup::{BodyError, RequestBody};

/// The body of a request that pingora holds.
pub(super) struct SessionBody<'a> {
    session: &'a mut Session,
    declared: Option<u64>,
    /// The request itself is sent on after it was read, rather than parked.
    forwarded: bool,
}

/// pingora hands a body that was read already on to the upstream only from its retry buffer, which takes 64 KiB. What is
/// in the buffer is replaced by the whole body; it need only not be empty and not overflow.
const RETRY_BUFFER: u64 = 64 * 1024;

impl<'a> SessionBody<'a> {
    /// The body of this session's request. `forwarded` tells that a body that was read may have to be sent on as that
    /// of this very request.
    pub(super) fn new(session: &'a mut Session, forwarded: bool) -> Self {
        let declared = if session.is_body_empty() { Some(0) } else { content_length(session) };
        Self { session, declared, forwarded }
    }
}

fn content_length(session: &Session) -> Option<u64> {
    session.get_header(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

#[async_trait]
impl RequestBody for SessionBody<'_> {
    fn declared(&self) -> Option<u64> {
        self.declared
    }

    async fn read(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        // Without a length nobody knows which piece is the last before it came.
        let limit = match self.declared {
            None if self.forwarded => limit.min(RETRY_BUFFER as usize),
            _ => limit,
        };
        if self.session.get_header(EXPECT).is_some() {
            self.session.write_continue_response().await.map_err(|_| BodyError::Broken)?;
        }
        let mut body = BytesMut::new();
        loop {
            let left = self.declared.map_or(0, |declared| declared.saturating_sub(body.len() as u64));
            if self.forwarded && left <= RETRY_BUFFER {
                self.session.enable_retry_buffering();
            }
            match self.session.read_request_body().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(BodyError::TooLarge),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(_) => return Err(BodyError::Broken),
            }
        }
        Ok(body.freeze())
    }

    fn keep(&mut self) {
        self.forwarded = true;
    }
}
