//! Asking a site's application on behalf of its identity sources: the same servers, in the same choice and with the same
//! TLS as for a visitor's own requests.
//!
//! Each question has a connection of its own. On a kept one that the server has just closed it would be lost, and nobody
//! could tell whether it was heard.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, COOKIE, HOST, USER_AGENT};
use http::{HeaderName, Method};
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;

use crate::identity::{Answer, Application, MOST, Question, Unanswered};
use crate::proxy::{Servers, outbound};

const AGENT: &str = concat!("otpgate/", env!("CARGO_PKG_VERSION"));
/// How many heads of the kind `100 Continue` may come before the answer.
const INFORMATIONAL: usize = 8;

#[async_trait]
impl Application for Servers {
    async fn get(&self, question: &Question) -> Result<Answer, Unanswered> {
        let head = self.head(question).map_err(|_| Unanswered::Unreadable("the question cannot be written"))?;
        let mut tried = Vec::new();
        loop {
            let peer = self.peer(question.client, &tried, false).ok_or(Unanswered::Unreachable)?;
            match self.connector().get_http_session(&*peer).await {
                Ok((session, _)) => return exchange(session, head).await,
                // Nothing was sent yet.
                Err(error) => {
                    tracing::debug!(%error, "a server cannot be asked who somebody is");
                    tried.push(Self::address(&peer).ok_or(Unanswered::Unreachable)?);
                }
            }
        }
    }
}

impl Servers {
    fn head(&self, question: &Question) -> pingora::Result<RequestHeader> {
        let mut head = RequestHeader::build(Method::GET, question.target.as_bytes(), Some(6))?;
        head.insert_header(HOST, self.spec().host_header.as_deref().unwrap_or(&question.host))?;
        head.insert_header(USER_AGENT, AGENT)?;
        head.insert_header(ACCEPT, question.accept)?;
        head.insert_header(CONNECTION, "close")?;
        outbound::client(&mut head, question.client, question.scheme)?;
        let own: [(HeaderName, _); 2] = [(COOKIE, &question.cookie), (AUTHORIZATION, &question.authorization)];
        for (name, value) in own {
            if let Some(value) = value {
                head.insert_header(name, value)?;
            }
        }
        Ok(head)
    }
}

async fn exchange(mut session: HttpSession<()>, head: RequestHeader) -> Result<Answer, Unanswered> {
    read(&mut session, head).await.unwrap_or_else(|error| {
        tracing::debug!(%error, "the application's answer about who somebody is broke off");
        Err(Unanswered::Broken)
    })
}

async fn read(session: &mut HttpSession<()>, head: RequestHeader) -> pingora::Result<Result<Answer, Unanswered>> {
    session.write_request_header(Box::new(head)).await?;
    session.finish_request_body().await?;
    let mut heads = 0;
    let (status, headers) = loop {
        session.read_response_header().await?;
        match session.response_header() {
            Some(head) if !head.status.is_informational() => break (head.status, head.headers.clone()),
            Some(_) if heads < INFORMATIONAL => heads += 1,
            _ => return Ok(Err(Unanswered::Broken)),
        }
    };
    let mut body = BytesMut::new();
    while let Some(piece) = session.read_response_body().await? {
        if body.len() + piece.len() > MOST {
            return Ok(Err(Unanswered::TooLarge));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Ok(Answer { status, headers, body: Bytes::from(body) }))
}
