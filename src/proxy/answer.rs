//! Writing an answer of the gateway's own.

use bytes::Bytes;
use http::{Method, Response};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

/// Writes `answer`. Of the body of a request that was not read, the rest is taken in for a while, so that the client
/// gets to read the answer; then the connection is closed.
pub(super) async fn write(session: &mut Session, answer: Response<Bytes>) -> pingora::Result<()> {
    let (head, body) = answer.into_parts();
    let mut header = ResponseHeader::build(head.status, Some(head.headers.len() + 1))?;
    for (name, value) in &head.headers {
        header.append_header(name, value)?;
    }
    header.set_content_length(body.len())?;
    let silent = session.req_header().method == Method::HEAD || body.is_empty();
    session.write_response_header(Box::new(header), silent).await?;
    if !silent {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}
