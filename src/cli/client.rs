//! Asking the admin listener of a running gateway.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::AdminToken;
use crate::audit::printable;
use crate::cli::{Failure, print};
use crate::server;

/// Which gateway to ask.
#[derive(Debug, clap::Args)]
pub(super) struct Listener {
    /// The gateway's config, whose `admin` says where to ask and with which token
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Or: the address of its admin listener [default: http://127.0.0.1:9180]
    #[arg(long, value_name = "URL", conflicts_with = "config", value_parser = address)]
    admin: Option<Url>,
    /// and its token; better in OTPGATE_ADMIN_TOKEN, where others on this machine cannot see it
    #[arg(long, value_name = "TOKEN", conflicts_with = "config")]
    token: Option<Hidden>,
}

/// An argument that appears in no output.
#[derive(Clone)]
struct Hidden(String);

/// Whom `revoke` is about.
#[derive(Debug, clap::Args)]
pub(super) struct Whom {
    /// The subject, exactly as the application names it; letter case counts
    #[arg(long, value_name = "SUBJECT")]
    subject: String,
    /// Only on the site with this host name
    #[arg(long, value_name = "HOST")]
    pub(super) site: Option<String>,
}

/// What an order did on one site.
#[derive(Debug, Deserialize)]
pub(super) struct Done {
    pub(super) site: String,
    pub(super) changed: bool,
    pub(super) reference: String,
}

/// A way to the admin listener.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Option<AdminToken>,
}

/// The environment variable of the admin token.
const TOKEN_VARIABLE: &str = "OTPGATE_ADMIN_TOKEN";
/// Where a gateway's admin listener is, by the documentation's examples.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9180);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take: an order waits a second at most for each operation of the store.
const ANSWER: Duration = Duration::from_secs(30);

// === impl Listener ===

impl Listener {
    /// A way to the listener that the arguments name.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let (base, token) = match &self.config {
            Some(path) => {
                let plan = server::plan(path).map_err(Failure::usage)?;
                let Some(admin) = plan.admin else {
                    return Err(Failure::Usage(format!(
                        "{} has no `admin`, so its gateway cannot be asked: add `admin: {{address: {USUAL}}}` to it and \
                         restart the gateway",
                        path.display()
                    )));
                };
                (base(admin.address)?, admin.token)
            }
            None => (self.admin.clone().map_or_else(|| base(USUAL), Ok)?, self.given_token()?),
        };
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if base.scheme() == "http" {
            // Else a machine without any trusted certificates, as small containers are, could not ask at all.
            http = http.tls_certs_only([]);
        }
        let http = http.build().map_err(|error| {
            Failure::Run(format!(
                "cannot ask {}: {}\nFor https this machine needs trusted certificates: install ca-certificates, or name \
                 a file of them in SSL_CERT_FILE",
                shown(&base),
                root(&error)
            ))
        })?;
        Ok(Client { http, base, token })
    }

    fn given_token(&self) -> Result<Option<AdminToken>, Failure> {
        let (given, from) = match &self.token {
            Some(Hidden(token)) => (Some(token.clone()), "--token"),
            None => (std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()), TOKEN_VARIABLE),
        };
        let parse = |token: String| AdminToken::parse(&token).map_err(|bad| Failure::Usage(format!("{from}: {bad}")));
        given.map(parse).transpose()
    }
}

/// The URL of a listener. One that listens everywhere is asked over the loopback.
fn base(address: SocketAddr) -> Result<Url, Failure> {
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    Url::parse(&format!("http://{}", SocketAddr::new(ip, address.port()))).map_err(Failure::run)
}

// === impl Whom ===

impl Whom {
    /// The order about it.
    pub(super) fn order(&self) -> Value {
        json!({"subject": self.subject})
    }
}

// === impl Client ===

impl Client {
    /// Gives the order at `path`, on one site or on all, and prints what it did: a line for each site, made by `say`.
    pub(super) async fn order(
        &self,
        path: &str,
        mut body: Value,
        site: Option<&str>,
        say: fn(&Done) -> String,
    ) -> Result<Vec<Done>, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            done: Vec<Done>,
        }
        if let (Some(site), Some(body)) = (site, body.as_object_mut()) {
            body.insert("site".to_owned(), Value::String(site.to_owned()));
        }
        let text = self.ask(self.http.post(self.at(path)?).json(&body)).await?;
        let Answer { done } = serde_json::from_str(&text).map_err(|_| self.stranger("something else"))?;
        let lines: String = done.iter().map(|done| format!("{}\n", printable(&say(done), 500))).collect();
        print(&lines)?;
        Ok(done)
    }

    /// What the address `path` says, as the media type `accept`.
    pub(super) async fn read(&self, path: &str, accept: &str) -> Result<String, Failure> {
        self.ask(self.http.get(self.at(path)?).header(http::header::ACCEPT, accept)).await
    }

    fn at(&self, path: &str) -> Result<Url, Failure> {
        self.base.join(path).map_err(Failure::run)
    }

    async fn ask(&self, request: RequestBuilder) -> Result<String, Failure> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() { Ok(text) } else { Err(self.refused(status, &text)) }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_timeout() { "no answer in time".to_owned() } else { root(error) };
        Failure::Run(format!(
            "no admin listener answers at {}: {why}\nThe gateway must be running, with `admin` in its config; name its \
             address with -c FILE or --admin URL",
            shown(&self.base)
        ))
    }

    fn refused(&self, status: StatusCode, text: &str) -> Failure {
        #[derive(Deserialize)]
        struct Problem {
            detail: String,
        }
        let at = shown(&self.base);
        if status == StatusCode::UNAUTHORIZED {
            return Failure::Run(match self.token {
                Some(_) => format!(
                    "the admin listener at {at} does not take this token: it must be the `admin.token` that the \
                     gateway was started with"
                ),
                None => format!(
                    "the admin listener at {at} wants a token: set {TOKEN_VARIABLE}, or give --token or -c FILE"
                ),
            });
        }
        match serde_json::from_str::<Problem>(text) {
            Ok(problem) => Failure::Run(printable(&problem.detail, 1000)),
            Err(_) => self.stranger(&status.to_string()),
        }
    }

    pub(super) fn stranger(&self, answer: &str) -> Failure {
        Failure::Run(format!(
            "what answers at {} is no admin listener of otpgate ({answer}): see `admin.address` in the gateway's config",
            shown(&self.base)
        ))
    }
}

/// Waits for `future` on a runtime of its own.
pub(super) fn wait<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::run)?.block_on(future)
}

/// The address of an admin listener, as an operator writes it.
fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| format!("write an address such as http://{USUAL}"))
}

/// The address without what may be secret in it.
fn shown(base: &Url) -> String {
    base.origin().ascii_serialization()
}

/// What is at the bottom of an error: `Connection refused (os error 111)` rather than three sentences around it.
pub(super) fn root(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    match deepest.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        _ => deepest.to_string(),
    }
}

// === impl Hidden ===

impl std::str::FromStr for Hidden {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}
