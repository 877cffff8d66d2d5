//! The config's `identity` of a site.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, Network, Period, Place, Placed, Surroundings};
use crate::identity::basic::settings::BasicSourceSettings;
use crate::identity::jwt::settings::JwtSettings;
use crate::identity::{Ask, ClientCertificate, FieldName, HeaderSource, Keep, Login, Reading, Source, Success, Whoami};
use crate::request::{CanonicalPath, Networks, PathRules, fold};
use crate::words::EmailAddress;

/// An identity source: how the subject is learned.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum IdentitySettings {
    /// The application's own login form, watched.
    Login(LoginSettings),
    /// A header that named peers set themselves.
    Header(HeaderSettings),
    /// The visitor types an e-mail address that the operator has allowed.
    Ask(AskSettings),
    /// A JSON Web Token of an identity provider.
    Jwt(Box<JwtSettings>),
    /// The application itself, asked with the visitor's session.
    Whoami(WhoamiSettings),
    /// Name and password in `Authorization: Basic`, once the application has accepted them.
    Basic(BasicSourceSettings),
    /// The certificate that the visitor's connection was made with; a listener must take some.
    #[serde(rename = "client_certificate")]
    ClientCertificate(ClientCertificate),
}

/// The application's own login form.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginSettings {
    /// Paths to which the form posts, exactly.
    pub path: Many<Placed<String>>,
    /// The form's field that names the subject; in a JSON body the key, or a JSON pointer such as `/user/email`.
    pub field: Placed<String>,
    /// The name of the application's session cookie.
    pub session_cookie: Placed<String>,
    /// What tells that a login went well.
    #[serde(default)]
    pub success: SuccessSettings,
    /// Paths that log out, exactly.
    #[serde(default)]
    pub logout: Many<Placed<String>>,
    /// Whether the subject goes along when the application changes its cookie outside a login: for applications that
    /// issue it anew with every answer. Every way to sign in must then be among the paths. Default: false.
    pub follow_rotation: Option<Placed<bool>>,
}

/// What tells that a login went well: all that is given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuccessSettings {
    /// The answer's status. Default: 302 and 303; with `cookie` or `header`, any below 400.
    #[serde(default)]
    pub status: Many<Placed<u16>>,
    /// Paths that the answer does not redirect to. Default: those of the login form.
    #[serde(default)]
    pub location_not: Many<Placed<String>>,
    /// Paths that the answer redirects to.
    #[serde(default)]
    pub location: Many<Placed<String>>,
    /// A cookie that the answer sets to something.
    pub cookie: Option<Placed<String>>,
    /// A header that the answer has.
    pub header: Option<SuccessHeader>,
}

/// A header of the answer to a good login.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuccessHeader {
    /// Its name.
    pub name: Placed<String>,
    /// Its value. Default: any.
    pub value: Option<String>,
}

/// A header that named peers set themselves; nobody else's is believed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderSettings {
    /// Its name.
    pub name: Placed<String>,
    /// The peers.
    pub from: Many<Placed<Network>>,
}

/// The visitor types an e-mail address. One that is not allowed is answered like one that is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskSettings {
    /// Domains of which every address is allowed.
    #[serde(default)]
    pub domains: Many<Placed<String>>,
    /// Addresses that are allowed.
    #[serde(default)]
    pub addresses: Many<Placed<String>>,
}

/// The application itself, asked with the visitor's session: one of `pointer`, `selector` and `regex` reads its answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoamiSettings {
    /// What is asked for: a path of the application, with a query perhaps.
    pub path: Placed<String>,
    /// A JSON pointer to what names the visitor.
    pub pointer: Option<Placed<String>>,
    /// A CSS selector of the element that names the visitor.
    pub selector: Option<Placed<String>>,
    /// With `selector`: the attribute that names the visitor. Default: the element's text.
    pub attribute: Option<Placed<String>>,
    /// A regular expression with one group, around what names the visitor.
    pub regex: Option<Placed<String>>,
    /// The name of the application's session cookie. Without it nobody is asked.
    pub session_cookie: Placed<String>,
    /// Further cookies that the application needs to tell who it is. Nothing but these, the session,
    /// and the visitor's address and scheme is sent.
    #[serde(default)]
    pub cookies: Many<Placed<String>>,
    /// How long an answer is remembered, 5m at most; nobody for 5s at most. Default 30s; with `changes_at`, 5m.
    pub cache: Option<Placed<Period>>,
    /// How long the application may take, 30s at most. Default 2s.
    pub timeout: Option<Placed<Period>>,
    /// Paths at which another user may sign in on the same session, exactly, whatever the method. Default: every request
    /// with another method than GET, HEAD and OPTIONS.
    #[serde(default)]
    pub changes_at: Many<Placed<String>>,
}

// === impl IdentitySettings ===

impl Placed<IdentitySettings> {
    /// The source that is meant.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn source(&self, around: &Surroundings<'_>) -> Result<Source, Fault> {
        match &self.value {
            IdentitySettings::Login(login) => login.source().map(Source::Login),
            IdentitySettings::Header(header) => header.source().map(Source::Header),
            IdentitySettings::Ask(ask) => ask.source().map(Source::Ask).map_err(|fault| fault.at(self.place)),
            IdentitySettings::Jwt(jwt) => {
                let source = jwt.source(around).map_err(|fault| fault.at(self.place))?;
                Ok(Source::Jwt(Arc::new(source)))
            }
            IdentitySettings::Whoami(whoami) => {
                whoami.source(self.place).map(|whoami| Source::Whoami(Arc::new(whoami)))
            }
            IdentitySettings::ClientCertificate(certificate) => Ok(Source::ClientCertificate(certificate.clone())),
            IdentitySettings::Basic(basic) => basic.source().map(|basic| Source::Basic(Arc::new(basic))),
        }
    }
}

// === impl LoginSettings ===

impl LoginSettings {
    fn source(&self) -> Result<Login, Fault> {
        let paths = exact_paths(&self.path)?;
        let location_not = exact_paths(&self.success.location_not)?;
        Ok(Login {
            field: FieldName::new(&word(&self.field, "a form field")?),
            session_cookie: cookie_name(&self.session_cookie)?,
            success: Success {
                // An application that shows its form again answers 200: that is no login, unless the config says so.
                status: match &self.success {
                    success if !success.status.is_empty() => success.statuses()?,
                    SuccessSettings { cookie: None, header: None, .. } => vec![302, 303],
                    _ => Vec::new(),
                },
                location_not: if location_not.is_empty() { paths.clone() } else { location_not },
                location: exact_paths(&self.success.location)?,
                cookie: self.success.cookie.as_ref().map(cookie_name).transpose()?,
                header: match &self.success.header {
                    Some(header) => Some((header_name(&header.name)?, header.value.clone())),
                    None => None,
                },
            },
            follow_rotation: self.follow_rotation.is_some_and(|follow| follow.value),
            logout: exact_paths(&self.logout)?,
            paths,
        })
    }
}

impl SuccessSettings {
    fn statuses(&self) -> Result<Vec<u16>, Fault> {
        let status = |status: &Placed<u16>| match status.value {
            code @ 200..=399 => Ok(code),
            _ => Err(status.fault("expected a status from 200 to 399")),
        };
        self.status.iter().map(status).collect()
    }
}

fn exact_paths(paths: &[Placed<String>]) -> Result<Vec<String>, Fault> {
    paths.iter().map(exact_path).collect()
}

/// A decoded path that is compared exactly.
fn exact_path(path: &Placed<String>) -> Result<String, Fault> {
    let text = path.value.as_str();
    if text.contains(['*', '?', '#', '%']) {
        return Err(path.fault("write the path exactly and decoded, such as `/login`: no `*`, query or escape"));
    }
    let escaped: String = text.bytes().map(escape).collect();
    let canonical = path.parse(|_| CanonicalPath::parse(escaped.as_bytes(), PathRules::default()))?;
    if canonical.decoded() == text {
        Ok(text.to_owned())
    } else {
        Err(path.fault(format!("this path is never asked for as it is written: write `{}`", canonical.decoded())))
    }
}

/// What a canonical path cannot hold raw goes into it as an escape.
fn escape(byte: u8) -> String {
    match byte {
        0x21..=0x7e => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

fn word(text: &Placed<String>, what: &str) -> Result<String, Fault> {
    if text.value.trim().is_empty() { Err(text.fault(format!("expected {what}"))) } else { Ok(text.value.clone()) }
}

/// A cookie's name is a token (RFC 6265, section 4.1.1).
pub(super) fn cookie_name(name: &Placed<String>) -> Result<String, Fault> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.value.is_empty() || !name.value.bytes().all(token) {
        return Err(name.fault("expected the name of a cookie, such as `PHPSESSID`"));
    }
    if name.value.contains("otpgate_") {
        return Err(name.fault("this is a cookie of the gateway: name the application's own"));
    }
    Ok(name.value.clone())
}

// === impl WhoamiSettings ===

impl WhoamiSettings {
    fn source(&self, place: Place) -> Result<Whoami, Fault> {
        let changes_at = self.changes_at.iter().map(|path| exact_path(path).map(|path| fold(&path).into_owned()));
        let changes_at: Vec<String> = changes_at.collect::<Result<_, _>>()?;
        let cookies: Vec<String> = self.cookies.iter().map(cookie_name).collect::<Result<_, _>>()?;
        let session_cookie = cookie_name(&self.session_cookie)?;
        if let Some(twice) = self.cookies.iter().find(|name| name.value == session_cookie) {
            return Err(twice.fault("this is the session cookie, which is sent already: leave it out"));
        }
        // Where every place is known at which somebody else may sign in, an answer holds until then.
        let remembered = if changes_at.is_empty() { Keep::BLIND } else { Keep::LONGEST };
        let id = [&self.pointer, &self.selector, &self.attribute, &self.regex];
        let id = id.map(|text| text.as_ref().map(|text| text.value.as_str()));
        Ok(Whoami {
            id: format!("{:?} {id:?}", self.path.value),
            target: local_target(&self.path)?,
            reading: self.reading(place)?,
            session_cookie,
            cookies,
            keep: Keep::of(within(self.cache, remembered, Keep::LONGEST)?),
            timeout: within(self.timeout, Duration::from_secs(2), Duration::from_secs(30))?,
            changes_at: if changes_at.is_empty() { None } else { Some(changes_at) },
        })
    }

    fn reading(&self, place: Place) -> Result<Reading, Fault> {
        if let (Some(attribute), None) = (&self.attribute, &self.selector) {
            return Err(attribute.fault("`attribute` needs `selector`"));
        }
        let attribute = self.attribute.as_ref().map(|attribute| attribute.value.as_str());
        match (&self.pointer, &self.selector, &self.regex) {
            (Some(pointer), None, None) => pointer.parse(|text| Reading::pointer(text)),
            (None, Some(selector), None) => selector.parse(|text| Reading::selector(text, attribute)),
            (None, None, Some(regex)) => regex.parse(|text| Reading::regex(text)),
            _ => {
                Err(Fault::new("expected one of `pointer`, `selector` and `regex`: how is the answer read?").at(place))
            }
        }
    }
}

/// A time above zero, and not above `most`.
pub(super) fn within(written: Option<Placed<Period>>, default: Duration, most: Duration) -> Result<Duration, Fault> {
    match written {
        None => Ok(default),
        Some(time) if time.value.0.is_zero() || time.value.0 > most => {
            Err(time.fault(format!("expected a time above zero, {} at most", humantime::format_duration(most))))
        }
        Some(time) => Ok(time.value.0),
    }
}

/// A path of the application as it goes over the wire, with a query perhaps.
pub(super) fn local_target(target: &Placed<String>) -> Result<String, Fault> {
    let text = target.value.as_str();
    let path = text.split('?').next().unwrap_or_default();
    if !path.starts_with('/') || !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains('#') {
        return Err(target.fault("expected a path of the application, such as `/api/me`"));
    }
    let canonical = target.parse(|_| CanonicalPath::parse(path.as_bytes(), PathRules::default()))?;
    if canonical.wire() == path {
        Ok(text.to_owned())
    } else {
        Err(target.fault(format!("write the path as `{}`", canonical.wire())))
    }
}

fn header_name(name: &Placed<String>) -> Result<HeaderName, Fault> {
    name.parse(|text| {
        HeaderName::try_from(text.as_str()).map_err(|_| "expected the name of a header, such as `X-Remote-User`")
    })
}

// === impl HeaderSettings ===

impl HeaderSettings {
    fn source(&self) -> Result<HeaderSource, Fault> {
        let name = header_name(&self.name)?;
        let taken = matches!(
            name.as_str(),
            "authorization"
                | "connection"
                | "content-length"
                | "cookie"
                | "host"
                | "te"
                | "transfer-encoding"
                | "upgrade"
        );
        if taken || name.as_str().starts_with("x-otpgate-") || name.as_str().contains("forwarded") {
            return Err(self
                .name
                .fault("this header has another meaning: use one of its own, such as `X-Remote-User`"));
        }
        Ok(HeaderSource { name, from: Networks::new(self.from.iter().map(|network| network.value.0)) })
    }
}

// === impl AskSettings ===

impl AskSettings {
    fn source(&self) -> Result<Ask, Fault> {
        if self.domains.is_empty() && self.addresses.is_empty() {
            return Err(Fault::new("nobody is allowed: name `domains` or `addresses`"));
        }
        let address = |text: &Placed<String>| text.parse(|text| EmailAddress::parse(text));
        let domain = |text: &Placed<String>| match EmailAddress::parse(&format!("a@{}", text.value)) {
            Ok(address) if address.domain() == text.value => Ok(text.value.to_ascii_lowercase()),
            _ => Err(text.fault("expected a domain, such as `example.com`")),
        };
        Ok(Ask {
            domains: self.domains.iter().map(domain).collect::<Result<_, _>>()?,
            addresses: self
                .addresses
                .iter()
                .map(|text| address(text).map(|address| address.reveal().to_ascii_lowercase()))
                .collect::<Result<_, _>>()?,
        })
    }
}
