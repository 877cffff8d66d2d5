//! Whether every way to sign in to an application is listed: whoever comes in by another one is nobody to the gateway,
//! or still the one who was signed in before.

use crate::config::Placed;
use crate::identity::settings::{IdentitySettings, LoginSettings};
use crate::server::plan::{Notes, SitePlan};
use crate::server::settings::SiteSettings;
use crate::words::Policy;

/// What the addresses of sign-ins are called, in lower case and without an ending such as `.php`: forms, APIs, and what
/// single sign-on and e-mailed links come back to.
const SIGN_INS: [&str; 24] = [
    "login",
    "log-in",
    "log_in",
    "signin",
    "sign-in",
    "sign_in",
    "logon",
    "log-on",
    "auth",
    "authenticate",
    "session",
    "sessions",
    "wp-login",
    "xmlrpc",
    "oauth",
    "oauth2",
    "openid",
    "oidc",
    "saml",
    "saml2",
    "sso",
    "magic",
    "magic-link",
    "j_security_check",
];

/// Notes what is odd about the login forms of a site.
pub(super) fn note(site: &SiteSettings, plan: &SitePlan, notes: &mut Notes) {
    let logins: Vec<&LoginSettings> = site
        .identity
        .iter()
        .filter_map(|source| match &source.value {
            IdentitySettings::Login(login) => Some(login),
            _ => None,
        })
        .collect();
    for login in &logins {
        self::login(login, notes);
    }
    if logins.is_empty() {
        return;
    }
    let listed = |path: &str| {
        let mut known = logins.iter().flat_map(|login| login.path.iter().chain(login.logout.iter()));
        known.any(|known| is_below(&known.value, path))
    };
    // With another source beside it, the page may be that one's.
    if let Some(sign_in) = site.sign_in.as_ref().filter(|_| logins.len() == site.identity.len()) {
        let page = sign_in.value.split('?').next().unwrap_or_default();
        if !listed(page) {
            let text = format!(
                "`{page}` is where visitors sign in, and no `path` of a login is there: see in the browser's network tab \
                 where its form posts to, and list that address"
            );
            notes.add(sign_in.place, text);
        }
    }
    for (route, planned) in site.routes.iter().zip(&plan.routes) {
        if planned.policy == Policy::Deny {
            continue;
        }
        for glob in route.value.path.iter().filter(|glob| is_like_a_sign_in(&glob.value)) {
            if !listed(literal(&glob.value)) {
                let text = format!(
                    "`{}` looks like a way to sign in that no login lists: who comes in by it is not known, or taken for \
                     who was signed in before; list it in `path`, or deny it if nobody signs in there",
                    glob.value
                );
                notes.add(glob.place, text);
            }
        }
    }
}

fn login(login: &LoginSettings, notes: &mut Notes) {
    let success = &login.success;
    let is_vague = success.location.is_empty() && success.cookie.is_none() && success.header.is_none();
    for status in success.status.iter().filter(|status| status.value < 300 && is_vague) {
        let text = format!(
            "an application that answers a wrong password with {} and its form again would count as a login",
            status.value
        );
        notes.add(status.place, text);
    }
    if let Some(follow) = login.follow_rotation.filter(|follow| follow.value) {
        let text =
            "whoever signs in elsewhere keeps the name of the session before: every way to sign in must be a `path`";
        notes.add(follow.place, text);
    }
    if let Some(path) = login.path.first().filter(|_| login.logout.is_empty()) {
        notes.add(path.place, no_logout(path));
    }
}

fn no_logout(path: &Placed<String>) -> String {
    format!(
        "no `logout` goes with `{}`: an application that keeps its cookie at sign-out leaves the visitor known here; list \
         the addresses that sign out",
        path.value
    )
}

/// Whether a listed path is `page` or stands below it.
fn is_below(listed: &str, page: &str) -> bool {
    let page = page.trim_end_matches('/');
    !page.is_empty()
        && listed.get(..page.len()).is_some_and(|start| start.eq_ignore_ascii_case(page))
        && listed.get(page.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What stands before the first wildcard of a glob.
fn literal(glob: &str) -> &str {
    glob.split('*').next().unwrap_or_default()
}

fn is_like_a_sign_in(glob: &str) -> bool {
    glob.to_ascii_lowercase().split('/').any(|segment| {
        let name = segment.split_once('.').map_or(segment, |(name, _)| name);
        SIGN_INS.contains(&name)
    })
}
