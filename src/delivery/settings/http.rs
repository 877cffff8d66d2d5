//! The settings of a provider that an operator describes: any that takes a request over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, Method, header};
use minijinja::Value;
use ring::hmac;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Credential, Fault, Many, Named, Piece, Placed, SecretText, Surroundings};
use crate::delivery::HttpSpec;
use crate::delivery::settings::common::provider_settings;
use crate::delivery::spec::http::{ErrorRule, Escape, HttpReceipts, Pointer, Signature, Template, TokenPlace, Values};
use crate::words::{Channel, FailureClass, Progress};

provider_settings! {
    /// Any provider that takes a request over HTTP. `{{ name }}` in `url`, `headers` and `body` is filled in and escaped
    /// as the place wants it: channel, to (E.164, or the e-mail address), digits (without +), text, subject and html (of
    /// an e-mail), code, id (ours), receipts (where to report), from, ttl_seconds, language, site, host.
    HttpSettings {
        /// The channels that it carries.
        channels: Many<Placed<Channel>>,
        /// The method. Default POST.
        method: Option<Placed<String>>,
        /// The address, such as `https://api.example.com/send?to={{ digits }}`. Its host is fixed.
        url: Placed<Credential>,
        /// Headers.
        #[serde(default)]
        headers: Named<Placed<Credential>>,
        /// The body. Default: none.
        body: Option<Placed<Credential>>,
        /// What the body is: application/json (the default), application/x-www-form-urlencoded, application/xml,
        /// text/xml or text/plain.
        content_type: Option<Placed<String>>,
        /// The sender, for `{{ from }}`.
        from: Option<Placed<String>>,
        /// Where an answer names the message: a JSON pointer, such as /messages/0/id.
        id: Option<Placed<String>>,
        /// The statuses that mean "accepted". Default: every 2xx.
        #[serde(default)]
        accepted: Many<Placed<u16>>,
        /// What an answer says that means a failure, whatever its status. The first one that fits holds.
        #[serde(default)]
        errors: Many<Placed<ErrorSettings>>,
        /// Statuses with which it asks to try again, besides 429 and 5xx.
        #[serde(default)]
        retry: Many<Placed<u16>>,
        /// How it reports of messages, to `{{ receipts }}`. Default: not at all.
        receipts: Option<Placed<ReceiptsSettings>>,
    }
}

/// What an answer or a receipt says that means a failure.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorSettings {
    /// The status of the answer.
    pub status: Option<Placed<u16>>,
    /// Where it says so: a JSON pointer, such as /error/code.
    pub pointer: Option<Placed<String>>,
    /// What it says there.
    #[serde(default)]
    pub equals: Many<Placed<String>>,
    /// What it means, such as invalid_number, landline, opted_out, insufficient_balance or unknown.
    pub class: Placed<String>,
}

/// How a provider reports of messages.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptsSettings {
    /// How a receipt shows whose it is.
    pub signature: Placed<SignatureSettings>,
    /// Where a receipt has the provider's name of the message: a JSON pointer; of a form or a query, /name.
    pub id: Option<Placed<String>>,
    /// Where a receipt has our name of the message.
    pub reference: Option<Placed<String>>,
    /// Where it says how far the message came.
    pub status: Placed<String>,
    /// What the words there mean. Others mean nothing.
    pub states: Placed<StatesSettings>,
    /// Why a message failed.
    #[serde(default)]
    pub errors: Many<Placed<ErrorSettings>>,
    /// Where it has the price of the whole message.
    pub price: Option<Placed<String>>,
    /// Where it has the number of parts.
    pub parts: Option<Placed<String>>,
}

/// How a receipt shows whose it is: `standard_webhooks`, or `token`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureSettings {
    /// The key of Standard Webhooks, `whsec_…`.
    pub standard_webhooks: Option<Placed<Credential>>,
    /// A secret that only the provider is told.
    pub token: Option<Placed<Credential>>,
    /// The header that has the token, alone or behind `Bearer`.
    pub header: Option<Placed<String>>,
    /// The parameter of the address that has the token. Default: token. `{{ receipts }}` has it already.
    pub query: Option<Placed<String>>,
}

/// What a provider's words mean.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatesSettings {
    /// It arrived.
    #[serde(default)]
    pub delivered: Many<Placed<String>>,
    /// It did not.
    #[serde(default)]
    pub failed: Many<Placed<String>>,
    /// It is on its way.
    #[serde(default)]
    pub sent: Many<Placed<String>>,
}

/// Headers that the client sets itself, and `Content-Type`, which has a key of its own.
const OWN_HEADERS: [HeaderName; 5] =
    [header::HOST, header::CONTENT_LENGTH, header::CONTENT_TYPE, header::CONNECTION, header::TRANSFER_ENCODING];

// === impl HttpSettings ===

impl HttpSettings {
    pub(super) fn spec(&self, around: &Surroundings<'_>) -> Result<HttpSpec, Fault> {
        if let Some(base_url) = &self.base_url {
            return Err(base_url.fault("`http` has no base_url: its `url` says where the provider is"));
        }
        if let Some(channel) = self.channels.iter().find(|channel| channel.value == Channel::Hosted) {
            return Err(channel.fault("`http` has no page of its own: it carries email, sms and voice"));
        }
        let method = self.method()?;
        let (origin, target) = self.url(around)?;
        let body = self.body(around)?;
        if let (Some(body), true) = (&self.body, method == Method::GET) {
            return Err(body.fault("a GET has no body: write `method: POST`, or put everything into `url`"));
        }
        let spec = HttpSpec {
            channels: self.channels.iter().map(|channel| channel.value).collect(),
            method,
            origin,
            target,
            headers: self.headers(around)?,
            body,
            from: self.from.as_ref().map(|from| from.value.clone()),
            id: pointer(self.id.as_ref())?,
            accepted: statuses(&self.accepted)?,
            errors: rules(&self.errors)?,
            retry: statuses(&self.retry)?,
            receipts: self.receipts.as_ref().map(|receipts| receipts.value.receipts(around)).transpose()?,
        };
        self.try_out(&spec)?;
        Ok(spec)
    }

    fn method(&self) -> Result<Method, Fault> {
        let Some(method) = &self.method else { return Ok(Method::POST) };
        let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH];
        let found = known.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(&method.value));
        found.ok_or_else(|| method.fault("expected GET, POST, PUT or PATCH"))
    }

    fn template(&self, of: &Placed<Credential>, pieces: Vec<Piece>, escape: Escape) -> Result<Template, Fault> {
        let template = Template::new(pieces, escape, HttpSpec::NAMES).map_err(|wrong| of.fault(wrong))?;
        if self.from.is_none() && template.uses("from") {
            return Err(of.fault("`from` is filled in here: add the key `from`"));
        }
        Ok(template)
    }

    /// The origin is fixed, and the rest a template: nothing that is filled in chooses who gets a code.
    fn url(&self, around: &Surroundings<'_>) -> Result<(SecretText, Template), Fault> {
        let written = self.url.value.written();
        let host = written.find("://").map_or(0, |at| at + 3);
        let end = written.get(host..).unwrap_or_default().find(['/', '?', '#']).map_or(written.len(), |at| host + at);
        let (head, tail) = match written.starts_with("file:") {
            true => (written, ""),
            false => written.split_at_checked(end).unwrap_or((written, "")),
        };
        if head.contains("{{") || head.contains("{%") {
            return Err(self.url.fault("the host is fixed: write {{ … }} only behind it"));
        }
        let origin = Placed { value: Credential::from(head), place: self.url.place }.reveal(around)?;
        let target = Placed { value: Credential::from(tail), place: self.url.place }.pieces(around)?;
        let target = self.template(&self.url, target, Escape::Url)?;
        let wrong = || self.url.fault("expected an address such as https://api.example.com/send, without a #");
        let url = url::Url::parse(origin.reveal()).map_err(|_| wrong())?;
        let plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none();
        if plain && !tail.contains('#') { Ok((origin, target)) } else { Err(wrong()) }
    }

    fn headers(&self, around: &Surroundings<'_>) -> Result<Vec<(HeaderName, Template)>, Fault> {
        let mut headers: Vec<(HeaderName, Template)> = Vec::new();
        for (name, value) in self.headers.iter() {
            let known =
                HeaderName::from_bytes(name.value.as_bytes()).map_err(|_| name.fault("expected a header's name"))?;
            if OWN_HEADERS.contains(&known) {
                let hint = if known == header::CONTENT_TYPE { ": write `content_type`" } else { "" };
                return Err(name.fault(format!("`{}` is set by the gateway{hint}", name.value)));
            }
            if headers.iter().any(|(other, _)| *other == known) {
                return Err(name.fault(format!("the header `{}` stands here twice", name.value)));
            }
            headers.push((known, self.template(value, value.pieces(around)?, Escape::Plain)?));
        }
        Ok(headers)
    }

    fn body(&self, around: &Surroundings<'_>) -> Result<Option<(String, Template)>, Fault> {
        let Some(body) = &self.body else {
            return match &self.content_type {
                Some(kind) => Err(kind.fault("there is no body: leave `content_type` out, or add `body`")),
                None => Ok(None),
            };
        };
        let kind = self.content_type.as_ref().map_or("application/json", |kind| kind.value.trim());
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let escape = match essence.as_str() {
            "application/json" => Escape::Json,
            "application/x-www-form-urlencoded" => Escape::Url,
            "application/xml" | "text/xml" => Escape::Xml,
            "text/plain" => Escape::Plain,
            other if other.ends_with("+json") => Escape::Json,
            other if other.ends_with("+xml") => Escape::Xml,
            _ => {
                let place = self.content_type.as_ref().map_or(body.place, |kind| kind.place);
                let wrong = "expected application/json, application/x-www-form-urlencoded, application/xml, text/xml or \
                             text/plain: how values are escaped follows from it";
                return Err(Fault::new(wrong).at(place));
            }
        };
        if HeaderValue::try_from(kind).is_err() {
            return Err(body.fault("expected a media type in `content_type`"));
        }
        // A body in a file is a template, too: only a variable is surely a secret.
        let pieces = match body.value.written().starts_with("file:") {
            true => vec![Piece::Text(body.reveal(around)?.reveal().to_owned())],
            false => body.pieces(around)?,
        };
        Ok(Some((kind.to_owned(), self.template(body, pieces, escape)?)))
    }

    /// Fills everything in once for each channel, with and without receipts: what fails then would fail for a visitor.
    fn try_out(&self, spec: &HttpSpec) -> Result<(), Fault> {
        for (&channel, receipts) in
            spec.channels.iter().flat_map(|channel| ["", "https://a.example/r?m=1"].map(|receipts| (channel, receipts)))
        {
            let values = example(channel, receipts, spec.from.as_deref());
            let target = spec.target.fill(&values).map_err(|wrong| self.url.fault(wrong))?;
            if url::Url::parse(&format!("{}{target}", spec.origin.reveal())).is_err() {
                return Err(self.url.fault("expected an address"));
            }
            for ((_, template), (_, written)) in spec.headers.iter().zip(self.headers.iter()) {
                let value = template.fill(&values).map_err(|wrong| written.fault(wrong))?;
                HeaderValue::try_from(value).map_err(|_| written.fault("a header has no line breaks"))?;
            }
            if let (Some((_, template)), Some(written)) = (&spec.body, &self.body) {
                let filled = template.fill(&values).map_err(|wrong| written.fault(wrong))?;
                if template.is_json() && serde_json::from_str::<serde::de::IgnoredAny>(&filled).is_err() {
                    let wrong = "filled in, this is no JSON: put texts into quotes, such as \"{{ code }}\"";
                    return Err(written.fault(wrong));
                }
            }
        }
        Ok(())
    }
}

/// Values as they are filled in, for trying out.
fn example(channel: Channel, receipts: &str, from: Option<&str>) -> Values {
    let of_email = |text: &'static str| if channel == Channel::Email { text } else { "" };
    let (to, digits) = match channel {
        Channel::Email => ("alice@example.com", ""),
        _ => ("+60123456789", "60123456789"),
    };
    vec![
        ("channel", channel.as_str().into()),
        ("to", to.into()),
        ("digits", digits.into()),
        ("text", "Your code:\n\"012345\"".into()),
        ("subject", of_email("Your code").into()),
        ("html", of_email("<p>Your code</p>").into()),
        ("code", "012345".into()),
        ("id", "AAAAAAAAAAAAAAAAAAAAAA".into()),
        ("receipts", receipts.into()),
        ("from", from.unwrap_or_default().into()),
        ("ttl_seconds", Value::from(300_u64)),
        ("language", "en".into()),
        ("site", "Shop".into()),
        ("host", "shop.example.com".into()),
    ]
}

fn statuses(list: &[Placed<u16>]) -> Result<Vec<u16>, Fault> {
    let status = |status: &Placed<u16>| match status.value {
        200..=599 => Ok(status.value),
        _ => Err(status.fault("expected an HTTP status from 200 to 599")),
    };
    list.iter().map(status).collect()
}

fn pointer(written: Option<&Placed<String>>) -> Result<Option<Pointer>, Fault> {
    written.map(|written| written.parse(|text| Pointer::parse(text))).transpose()
}

fn rules(list: &[Placed<ErrorSettings>]) -> Result<Vec<ErrorRule>, Fault> {
    let rule = |placed: &Placed<ErrorSettings>| {
        let ErrorSettings { status, pointer, equals, class } = &placed.value;
        let says = match pointer {
            Some(pointer) if equals.is_empty() => return Err(pointer.fault("add `equals`: what it says there")),
            Some(pointer) => {
                let words = equals.iter().map(|word| word.value.trim().to_owned()).collect();
                Some((pointer.parse(|text| Pointer::parse(text))?, words))
            }
            None => None,
        };
        let status = status.as_ref().map(|status| statuses(std::slice::from_ref(status))).transpose()?;
        let status = status.and_then(|list| list.first().copied());
        if says.is_none() && status.is_none() {
            return Err(placed.fault("expected `pointer` and `equals`, or `status`: nothing else tells a failure"));
        }
        let class: Result<FailureClass, ()> = class.value.parse();
        let names: Vec<&str> = FailureClass::ALL.iter().map(|class| class.as_str()).collect();
        let class = class.map_err(|()| placed.value.class.fault(format!("expected one of {}", names.join(", "))))?;
        Ok(ErrorRule { status, says, class })
    };
    list.iter().map(rule).collect()
}

// === impl ReceiptsSettings ===

impl ReceiptsSettings {
    fn receipts(&self, around: &Surroundings<'_>) -> Result<HttpReceipts, Fault> {
        let signature = self.signature.value.signature(&self.signature, around)?;
        if self.id.is_none() && self.reference.is_none() && matches!(signature, Signature::StandardWebhooks(_)) {
            return Err(self
                .signature
                .fault("the address is not signed: add `id` or `reference`, which say whose it is"));
        }
        let states = &self.states.value;
        let of = |words: &Many<Placed<String>>, progress| {
            words.iter().map(|word| (word.value.trim().to_owned(), progress)).collect::<Vec<_>>()
        };
        let failed = of(&states.failed, Progress::Failed(FailureClass::Unknown));
        let all: Vec<_> =
            [of(&states.delivered, Progress::Delivered), failed, of(&states.sent, Progress::Sent)].concat();
        if all.is_empty() {
            return Err(self.states.fault("expected words under `delivered`, `failed` or `sent`"));
        }
        Ok(HttpReceipts {
            signature,
            id: pointer(self.id.as_ref())?,
            reference: pointer(self.reference.as_ref())?,
            status: self.status.parse(|text| Pointer::parse(text))?,
            states: all,
            errors: rules(&self.errors)?,
            price: pointer(self.price.as_ref())?,
            parts: pointer(self.parts.as_ref())?,
        })
    }
}

// === impl SignatureSettings ===

impl SignatureSettings {
    fn signature(&self, placed: &Placed<Self>, around: &Surroundings<'_>) -> Result<Signature, Fault> {
        match (&self.standard_webhooks, &self.token) {
            (Some(key), None) => {
                if let Some(place) = self.header.as_ref().or(self.query.as_ref()) {
                    return Err(place.fault("this belongs to `token`"));
                }
                let text = key.reveal(around)?;
                let encoded = text.reveal().trim();
                let bytes = STANDARD.decode(encoded.strip_prefix("whsec_").unwrap_or(encoded));
                match bytes {
                    Ok(bytes) if bytes.len() >= 16 => {
                        Ok(Signature::StandardWebhooks(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
                    }
                    _ => {
                        Err(key.fault("expected the key of Standard Webhooks: whsec_ and base64 of at least 16 bytes"))
                    }
                }
            }
            (None, Some(token)) => {
                let secret = token.reveal(around)?;
                if secret.reveal().len() < 16 {
                    return Err(
                        token.fault("expected a secret of at least 16 characters: whoever guesses it forges receipts")
                    );
                }
                let place = match (&self.header, &self.query) {
                    (Some(name), None) => TokenPlace::Header(
                        HeaderName::from_bytes(name.value.as_bytes())
                            .map_err(|_| name.fault("expected a header's name"))?,
                    ),
                    (None, Some(name)) if name.value == "m" || name.value.is_empty() => {
                        return Err(name.fault("expected another name: `m` names the message"));
                    }
                    (None, name) => TokenPlace::Query(name.as_ref().map_or("token", |name| &name.value).to_owned()),
                    (Some(_), Some(query)) => return Err(query.fault("expected either `header` or `query`")),
                };
                Ok(Signature::Token { secret, place })
            }
            _ => Err(placed.fault("expected either `standard_webhooks` or `token`")),
        }
    }
}
