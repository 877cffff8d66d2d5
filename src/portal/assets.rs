//! The stylesheet and the script, at addresses that change with what is in them.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderValue, Response, header};

const STYLE: &str = include_str!("assets/style.css");
const PAGE: &str = include_str!("assets/page.js");

/// The folder of the assets.
pub(super) const FOLDER: &str = "/.otpgate/assets/";

/// Something that a page loads.
pub(super) struct Asset {
    /// Its name without folder: `style-0123456789ab.css`.
    pub name: String,
    kind: &'static str,
    text: &'static str,
}

/// The stylesheet.
pub(super) static STYLESHEET: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", "text/css; charset=utf-8", STYLE));
/// The script, without which every page works.
pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("page", "js", "text/javascript; charset=utf-8", PAGE));

// === impl Asset ===

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, text: &'static str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        let short: String = digest.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { name: format!("{stem}-{short}.{extension}"), kind, text }
    }

    /// Its address on every site.
    pub(super) fn address(&self) -> String {
        format!("{FOLDER}{}", self.name)
    }

    /// The asset of a name. While gateways of two versions stand side by side, a page of one may ask the other: it gets
    /// what there is, but does not keep it.
    pub(super) fn find(name: &str) -> Option<Response<Bytes>> {
        let known = [&*STYLESHEET, &*SCRIPT];
        let stem = |name: &str| name.split_once('-').map(|(stem, _)| stem.to_owned());
        let exact = known.iter().find(|asset| asset.name == name);
        let asset = exact.or_else(|| known.iter().find(|asset| stem(&asset.name) == stem(name)))?;
        let keep = if exact.is_some() { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut response = Response::new(Bytes::from_static(asset.text.as_bytes()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Some(response)
    }
}
