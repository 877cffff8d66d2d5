//! A directory that is asked over HTTP: one GET for a subject, its JSON answer read by pointers.
//!
//! The address is the operator's and the subject is a part of it (`address.rs`); no redirect is followed, nothing of a
//! visitor's request is sent along (D12), and whatever comes back is bounded in time and size before it is looked at (D09).
//! Start at [`HttpDirectory`].

mod address;
mod client;
mod json;
mod told;

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::{Certificate, Client, Response};
use tokio::time::timeout;

pub(in crate::directory) use address::Address;
pub(in crate::directory) use client::{client, may_pass, reason};
pub(in crate::directory) use json::{Json, Pointer};
pub(in crate::directory) use told::Body;
pub use told::MarkSpec;

use crate::directory::settings::Manner;
use crate::directory::{Directory, DirectoryError, Entry, Field, Mark, MarkError, Reading};
use crate::words::Subject;

/// How a directory is asked over HTTP.
pub struct HttpSpec {
    pub(in crate::directory) address: Address,
    /// What is sent along, such as an authorisation.
    pub(in crate::directory) headers: HeaderMap,
    /// Where an answer says what.
    pub(in crate::directory) pointers: Vec<(String, Field, Pointer)>,
    /// How long a look-up may take, connection and all.
    pub(in crate::directory) timeout: Duration,
    /// Who may vouch for its certificate; empty: whom the system trusts.
    pub(in crate::directory) ca: Vec<Certificate>,
    pub(in crate::directory) mark: Option<MarkSpec>,
    pub(in crate::directory) manner: Manner,
}

/// A directory that is asked over HTTP.
pub struct HttpDirectory {
    spec: HttpSpec,
    name: String,
    client: Client,
}

/// The most that is read of an answer, in bytes.
const MOST: usize = 64 * 1024;
/// The most contacts of one kind in an answer: more is no address book of one person.
const CONTACTS: usize = 20;

// === impl HttpDirectory ===

impl HttpDirectory {
    /// The directory that `spec` describes. Connects to nobody.
    ///
    /// # Errors
    /// When there is no telling whom to trust: neither `ca` nor the system has a certificate.
    pub fn new(spec: HttpSpec) -> Result<Self, reqwest::Error> {
        let client = client(&spec.ca)?;
        let name = format!("http {}", spec.address.host());
        Ok(Self { spec, name, client })
    }

    async fn ask(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let Some(url) = self.spec.address.of(subject) else { return Ok(None) };
        let request =
            self.client.get(url).headers(self.spec.headers.clone()).header(header::ACCEPT, "application/json");
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status if may_pass(status) => return Err(DirectoryError::Unreachable(format!("it answered {status}"))),
            status if status.is_redirection() => return Err(wrong("it redirects, and no redirect is followed")),
            status => return Err(wrong(format!("it answered {status}"))),
        }
        if !is_json(response.headers()) {
            return Err(wrong("its answer is not `application/json`"));
        }
        let body = body(response).await?;
        let json: Json = serde_json::from_slice(&body).map_err(|_| wrong("its answer is no JSON, or no whole one"))?;
        if json == Json::Null { Ok(None) } else { self.read(subject, &json).map(Some) }
    }

    /// What an answer says of `subject`.
    fn read(&self, subject: &Subject, json: &Json) -> Result<Entry, DirectoryError> {
        let (mut fields, mut is_of_somebody) = (Vec::new(), false);
        for (name, field, pointer) in &self.spec.pointers {
            let found =
                pointer.find(json).map_err(|_| wrong(format!("a key on the way to `{name}` stands there twice")))?;
            let Some(found) = found else { continue };
            is_of_somebody = true;
            match (found, field) {
                (Json::List(list), Field::Contact(_) | Field::Phone) if list.len() <= CONTACTS => {
                    for element in list {
                        fields.extend(text(name, element)?.map(|text| (*field, text)));
                    }
                }
                (Json::List(_), Field::Contact(_) | Field::Phone) => {
                    return Err(wrong(format!("`{name}` has more than {CONTACTS} contacts")));
                }
                (found, _) => fields.extend(text(name, found)?.map(|text| (*field, text))),
            }
        }
        // `{"error": "…"}` with the status 200 speaks of nobody.
        if !is_of_somebody {
            return Err(wrong("nothing stands where the pointers look"));
        }
        let mut reading = Reading::new(subject, self.spec.manner.fold, self.spec.manner.country);
        reading.row(&fields)?;
        Ok(reading.told(&self.name).unwrap_or_default())
    }

    async fn tell(&self, spec: &MarkSpec, mark: &Mark) -> Result<(), MarkError> {
        let url = spec.address.of(&mark.subject).ok_or_else(|| MarkError::Never("no address is its own".to_owned()))?;
        let request = self.client.request(spec.method.clone(), url).headers(self.spec.headers.clone());
        let request = request.header(header::CONTENT_TYPE, "application/json").body(spec.body.of(mark));
        let status = request.send().await.map_err(|error| MarkError::Later(reason(&error).to_owned()))?.status();
        match status {
            status if status.is_success() => Ok(()),
            // An operator may put the authorisation right.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(MarkError::Later(format!("it answered {status}"))),
            status if may_pass(status) => Err(MarkError::Later(format!("it answered {status}"))),
            status => Err(MarkError::Never(format!("it answered {status}"))),
        }
    }
}

#[async_trait::async_trait]
impl Directory for HttpDirectory {
    fn name(&self) -> &str {
        &self.name
    }

    async fn find(&self, subject: &Subject) -> Result<Option<Entry>, DirectoryError> {
        let late = || DirectoryError::Unreachable("no whole answer in time".to_owned());
        timeout(self.spec.timeout, self.ask(subject)).await.unwrap_or_else(|_| Err(late()))
    }

    /// The address that is asked, and what goes along; not who asks, since passwords change.
    fn identity(&self) -> String {
        let mut identity = format!("http {}", self.spec.address.template());
        for (name, value) in self.spec.headers.iter().filter(|(name, _)| **name != header::AUTHORIZATION) {
            identity.extend(["\n", name.as_str(), ":", &String::from_utf8_lossy(value.as_bytes())]);
        }
        identity
    }

    fn tells_verified(&self) -> bool {
        self.spec.pointers.iter().any(|(_, field, _)| matches!(field, Field::VerifiedAt(_)))
    }

    fn takes_marks(&self) -> bool {
        self.spec.mark.is_some()
    }

    async fn mark(&self, mark: &Mark) -> Result<(), MarkError> {
        let Some(spec) = &self.spec.mark else { return Err(MarkError::Never("it takes no marks".to_owned())) };
        let late = || MarkError::Later("no answer in time".to_owned());
        timeout(self.spec.timeout, self.tell(spec, mark)).await.unwrap_or_else(|_| Err(late()))
    }
}

impl fmt::Debug for HttpDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpDirectory({:?})", self.spec.address)
    }
}

/// Header values for every request, of which none is shown.
pub(in crate::directory) fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What a request tells a directory is never a method that asks.
pub(in crate::directory) fn tells(method: &str) -> Option<Method> {
    [Method::PATCH, Method::PUT, Method::POST].into_iter().find(|known| known.as_str().eq_ignore_ascii_case(method))
}

fn wrong(what: impl Into<String>) -> DirectoryError {
    DirectoryError::Wrong(what.into())
}

/// Whether an answer says that it is JSON, as it is: packed, a small one can be a very large one.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_plain = headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    is_plain && (kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json"))
}

async fn body(mut response: Response) -> Result<Bytes, DirectoryError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > MOST {
            return Err(wrong("its answer is longer than 64 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// A text, a number without a fraction, or nothing.
fn text<'a>(name: &str, json: &'a Json) -> Result<Option<&'a str>, DirectoryError> {
    match json {
        Json::Null => Ok(None),
        Json::Text(text) | Json::Whole(text) => Ok(Some(text)),
        Json::Other | Json::List(_) | Json::Map(_) => Err(wrong(format!("`{name}` is not a text"))),
    }
}

fn unreachable(error: &reqwest::Error) -> DirectoryError {
    DirectoryError::Unreachable(reason(error).to_owned())
}
