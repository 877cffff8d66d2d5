//! One field of a request's form: for the login form, and for a contact that a visitor types.
//!
//! An application may read a body in another way than this does. So whatever could be read in two ways names nobody: the
//! field twice, in any spelling that an application folds into one, or in the query too.

use std::sync::Arc;

use http::{HeaderMap, header};
use zeroize::Zeroizing;

/// Which field: a name, or a JSON pointer (RFC 6901), which starts with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName(Arc<str>);

/// What a request says in a field.
#[derive(Clone, PartialEq, Eq)]
pub enum Said {
    /// The request surely has no such field: it is another form.
    Nothing,
    /// This.
    Text(Zeroizing<String>),
    /// It cannot be told what an application reads in it.
    Unclear,
}

// === impl FieldName ===

impl FieldName {
    /// The field of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a request with this query (as it goes over the wire) and this whole body says in the field.
    #[must_use]
    pub fn read(&self, query: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Said {
        let _ = query;
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Said::Unclear;
        }
        let mut values = url::form_urlencoded::parse(body).filter(|(name, _)| name == self.as_str());
        match (values.next(), values.next()) {
            (None, _) => Said::Nothing,
            (Some((_, value)), None) => Said::Text(Zeroizing::new(value.into_owned())),
            (Some(_), Some(_)) => Said::Unclear,
        }
    }
}

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Text(_) => "Text(…)",
            Self::Unclear => "Unclear",
        })
    }
}
