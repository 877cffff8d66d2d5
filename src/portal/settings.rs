//! The config's `portal`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{NotYet, Placed};

/// The gateway's own pages.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortalSettings {
    /// What the pages call the site. Default: the site's first host.
    pub name: Option<Placed<String>>,
    /// Where a visitor turns who cannot go on: a line of text, an address or an e-mail address.
    pub support: Option<Placed<String>>,
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub logo: Option<NotYet>,
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub color: Option<NotYet>,
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub languages: Option<NotYet>,
    #[schemars(skip)]
    #[allow(missing_docs)]
    pub templates: Option<NotYet>,
}
