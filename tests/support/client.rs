//! A browser of a few lines: cookies, navigations, forms, and an API client's requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use serde_json::Value;

/// One browser, or one API client, with its own cookies.
pub struct Client {
    http: reqwest::Client,
    pub base: String,
    pub jar: BTreeMap<String, String>,
    /// Sent with every request.
    pub always: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Client {
    /// A browser that reaches `host` at a port of the loopback address.
    pub fn new(host: &str, port: u16) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .user_agent("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0")
            .resolve(host, SocketAddr::from(([127, 0, 0, 1], port)))
            .timeout(std::time::Duration::from_secs(30))
            .build()
            .unwrap();
        Self { http, base: format!("http://{host}:{port}"), jar: BTreeMap::new(), always: Vec::new() }
    }

    /// Goes on with another HTTP client, such as one that trusts a certificate of the test's own making.
    pub fn use_http(&mut self, http: reqwest::Client) {
        self.http = http;
    }

    /// The same address with no cookies: another browser.
    pub fn other(&self) -> Self {
        Self { jar: BTreeMap::new(), ..self.copy() }
    }

    /// The same browser's cookies, to try what a thief could.
    pub fn copy(&self) -> Self {
        Self { http: self.http.clone(), base: self.base.clone(), jar: self.jar.clone(), always: self.always.clone() }
    }

    /// The same browser behind a proxy that names this client address.
    pub fn behind(mut self, address: &str) -> Self {
        self.always = vec![("x-forwarded-for".to_owned(), address.to_owned())];
        self
    }

    fn cookie_header(&self) -> Option<HeaderValue> {
        let line: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if line.is_empty() { None } else { Some(HeaderValue::try_from(line.join("; ")).unwrap()) }
    }

    /// Sends anything.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = self.http.request(method.parse().unwrap(), url).body(body);
        if let Some(cookies) = self.cookie_header() {
            request = request.header("cookie", cookies);
        }
        let mut map = HeaderMap::new();
        let always = self.always.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in headers.iter().copied().chain(always) {
            map.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        let response = request.headers(map).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for line in headers.get_all("set-cookie") {
            self.keep(line.to_str().unwrap());
        }
        Answer { status, headers, body: String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned() }
    }

    fn keep(&mut self, line: &str) {
        let (name, rest) = line.split_once('=').unwrap();
        let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
        let value = value.trim();
        // Of the attributes only: a random value may well have `1970` in it.
        let gone = attributes.to_ascii_lowercase().contains("max-age=0") || attributes.contains("1970");
        if gone {
            self.jar.remove(name)
        } else {
            self.jar.insert(name.to_owned(), value.to_owned())
        };
    }

    /// Opens a page, as a browser's address line does.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, NAVIGATION, "").await
    }

    /// Opens a page and follows redirects.
    pub async fn open(&mut self, path: &str) -> Answer {
        let answer = self.get(path).await;
        self.follow(answer).await
    }

    /// Follows redirects, as a browser does: with GET.
    pub async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            let Some(location) = answer.location() else { return answer };
            answer = self.get(&location).await;
        }
        panic!("a redirect loop: {answer:?}");
    }

    /// Posts a form of the site itself.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form(fields);
        let origin = self.base.clone();
        let mut headers = NAVIGATION.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        headers.push(("origin", &origin));
        self.send("POST", path, &headers, body).await
    }

    /// Calls an endpoint as the site's own script does.
    pub async fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let origin = self.base.clone();
        let mut headers = vec![
            ("accept", "application/json"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "cors"),
            ("sec-fetch-dest", "empty"),
            ("origin", origin.as_str()),
        ];
        let text = body.map(|body| body.to_string()).unwrap_or_default();
        if !text.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.send(method, path, &headers, text).await
    }

    /// Submits the form of a page whose action starts with `action`: its hidden fields, and these.
    pub async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let (action, hidden) = page.form(action).unwrap_or_else(|| panic!("no form to {action} in {}", page.body));
        let mut all: Vec<(&str, &str)> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.retain(|(name, _)| !fields.iter().any(|(given, _)| given == name));
        all.extend(fields);
        self.post(&action, &all).await
    }
}

/// What Chromium sends with a navigation.
pub const NAVIGATION: &[(&str, &str)] = &[
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "same-origin"),
];

/// URL-encodes a form.
pub fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

impl Answer {
    pub fn location(&self) -> Option<String> {
        let redirect = (300..400).contains(&self.status);
        self.headers.get("location").filter(|_| redirect).map(|value| value.to_str().unwrap().to_owned())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The problem's type without its prefix.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        self.json()["type"].as_str().unwrap().trim_start_matches("urn:otpgate:").to_owned()
    }

    /// The value of a cookie that the answer sets.
    pub fn set_cookie(&self, name: &str) -> Option<String> {
        self.headers.get_all("set-cookie").iter().find_map(|line| {
            let (found, rest) = line.to_str().unwrap().split_once('=')?;
            (found == name).then(|| rest.split(';').next().unwrap().to_owned())
        })
    }

    /// The action and the hidden fields of the first form whose action starts with `action`.
    pub fn form(&self, action: &str) -> Option<(String, Vec<(String, String)>)> {
        for form in self.body.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            let target = unescape(&attribute(form, "action")?);
            if !target.starts_with(action) {
                continue;
            }
            let hidden = form
                .split("<input")
                .skip(1)
                .map(|input| input.split('>').next().unwrap())
                .filter(|input| input.contains("hidden"))
                .filter_map(|input| Some((attribute(input, "name")?, unescape(&attribute(input, "value")?))))
                .collect();
            return Some((target, hidden));
        }
        None
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split(&format!("{name}=\"")).nth(1)?;
    Some(rest.split('"').next()?.to_owned())
}

fn unescape(text: &str) -> String {
    text.replace("&#x2f;", "/")
        .replace("&#x27;", "'")
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// Sends bytes as they are on a connection of their own, and reads until it is closed.
pub async fn raw(port: u16, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(std::time::Duration::from_secs(10), stream.read_to_end(&mut answer));
    // A connection that is reset after the answer still gave the answer.
    let _ = reading.await.expect("the connection stays open");
    String::from_utf8_lossy(&answer).into_owned()
}
