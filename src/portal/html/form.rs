//! Forms, and where a query names a challenge.

use http::{HeaderValue, header};
use url::form_urlencoded;

use crate::portal::handle::Call;
use crate::portal::notice::Notice;
use crate::request::OwnOrigin;
use crate::stepup::{Choice, Visit};
use crate::words::{BadId, ChallengeId, Channel};

/// A form of a challenge's page, of the site's own origin and with its token.
pub(super) struct Form {
    pub id: ChallengeId,
    pub fields: Fields,
}

/// The fields of a form, each at most once.
pub(super) struct Fields(Vec<(String, String)>);

// === impl Call ===

impl Call {
    /// The challenge that the query names, if it names one.
    pub(in crate::portal) fn named(&self) -> Result<Option<ChallengeId>, BadId> {
        let raw = self.visit.request.query.raw().unwrap_or_default();
        let id = form_urlencoded::parse(raw).find(|(name, _)| name == "id");
        id.map(|(_, id)| ChallengeId::parse(&id)).transpose()
    }

    /// Reads a form and makes sure that a page of this site sent it (C12, U24).
    ///
    /// # Errors
    /// What to tell instead; nothing was done.
    pub(super) fn form(&self, body: &[u8]) -> Result<Form, Notice> {
        if self.visit.origin() == OwnOrigin::Foreign {
            return Err(Notice::FOREIGN_ORIGIN);
        }
        if !is_media_type(&self.visit, "application/x-www-form-urlencoded") {
            return Err(Notice::UNSUPPORTED_MEDIA_TYPE);
        }
        let fields = Fields::read(body).ok_or(Notice::BAD_FORM)?;
        let id = fields.get("id").and_then(|id| ChallengeId::parse(id).ok());
        let token = fields.get("token").unwrap_or_default();
        match id.filter(|id| self.gateway.is_form_token(id, token)) {
            Some(id) => Ok(Form { id, fields }),
            None => Err(Notice::STALE_FORM),
        }
    }
}

// === impl Form ===

impl Form {
    /// Where the code should go; `None` when the form does not say.
    pub(super) fn choice(&self) -> Result<Option<Choice>, ()> {
        let Some(channel) = self.fields.get("channel") else { return Ok(None) };
        let channel: Channel = channel.parse()?;
        let contact = self.fields.get("contact").unwrap_or("0").parse().map_err(|_| ())?;
        Ok(Some(Choice { channel, contact }))
    }
}

// === impl Fields ===

impl Fields {
    /// Reads a form; `None` when a field comes twice, since nobody can tell which is meant.
    fn read(body: &[u8]) -> Option<Self> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            if fields.iter().any(|(known, _)| *known == name) {
                return None;
            }
            fields.push((name.into_owned(), value.into_owned()));
        }
        Some(Self(fields))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Whether the body is of this media type and no other; parameters such as a character set do not matter.
pub(in crate::portal) fn is_media_type(visit: &Visit, wanted: &str) -> bool {
    let mut types = visit.headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next().map(HeaderValue::as_bytes), types.next()) else { return false };
    let essence = only.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(wanted.as_bytes())
}
