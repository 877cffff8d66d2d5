use http::HeaderValue;

use super::*;

const CLIENT: &str = "198.51.100.7";
const FRONT: &str = "10.0.0.5";

fn forged(identity: &IdentityHeaders, name: &str, peer: &str) -> bool {
    identity.is_forged(name, peer.parse().unwrap())
}

#[test]
fn h01_h10_h12_headers_that_an_upstream_trusts_are_removed() {
    let identity = IdentityHeaders::new();
    for name in [
        "X-Otpgate-Subject",
        "X-Otpgate-Assertion",
        "X-Otpgate-Whatever",
        "X-Otp-User",
        "Remote-User",
        "Remote-Groups",
        "Remote-Email",
        "Remote-Name",
        "X-Remote-User",
        "X-Remote-Group",
        "X-Remote-Groups",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Auth-Request-User",
        "X-Authenticated-User",
        "X-WebAuth-User",
        "X-authentik-username",
        "X-Pomerium-Claim-Email",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Uri",
        "X-Forwarded-Prefix",
        "X-Forwarded-Port",
        "X-Forwarded-Method",
        "X-Forwarded-Server",
        "X-Forwarded-Proto",
        "Forwarded",
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
        "Client-IP",
        "X-Cluster-Client-IP",
        "Fastly-Client-IP",
        "X-ProxyUser-Ip",
        "X-Original-URL",
        "X-Original-URI",
        "X-Original-Host",
        "X-Original-Method",
        "X-Rewrite-URL",
        "X-Host",
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "Proxy",
    ] {
        for spelling in [
            name.to_owned(),
            name.to_ascii_lowercase(),
            name.to_ascii_uppercase(),
            name.replace('-', "_"),
            name.replace('-', "."),
            name.replacen('-', "_", 1),
        ] {
            assert!(forged(&identity, &spelling, CLIENT), "H02: {spelling}");
            assert!(forged(&identity, &spelling, FRONT), "H02: {spelling}");
        }
    }
}

#[test]
fn headers_of_browsers_and_applications_stay() {
    let identity = IdentityHeaders::new();
    for name in [
        "Host",
        "Accept",
        "Accept-Language",
        "Cookie",
        "Authorization",
        "User-Agent",
        "Referer",
        "Origin",
        "Content-Type",
        "Content-Length",
        "Connection",
        "Upgrade",
        "Cache-Control",
        "If-None-Match",
        "Range",
        "TE",
        "Sec-Fetch-Site",
        "Sec-WebSocket-Key",
        "X-Requested-With",
        "X-CSRF-Token",
        "X-Request-Id",
        "X-Api-Key",
        "Traceparent",
        "Prefer",
        "Priority",
        "Proxy-Authorization",
        "Forwarded-Mail",
        "X",
        "R",
    ] {
        assert!(!forged(&identity, name, CLIENT), "{name}");
    }
}

#[test]
fn i5_a_header_of_an_identity_source_survives_from_its_own_peers_only() {
    let from = Networks::new(["10.0.0.5/32".parse().unwrap()]);
    let identity = IdentityHeaders::new()
        .owned_by(HeaderName::from_static("x-remote-user"), from.clone())
        .owned_by(HeaderName::from_static("shop-user"), from.clone())
        .owned_by(HeaderName::from_static("x-otpgate-subject"), from)
        .stripped(HeaderName::from_static("x-staff"));
    for name in ["X-Remote-User", "Shop-User"] {
        assert!(forged(&identity, name, CLIENT), "{name}");
        assert!(!forged(&identity, name, FRONT), "{name}");
        assert!(!forged(&identity, name, "::ffff:10.0.0.5"), "{name}");
        let odd = name.replace('-', "_");
        assert!(forged(&identity, &odd, FRONT), "H02: {odd} may be the client's");
    }
    assert!(forged(&identity, "X_STAFF", FRONT));
    assert!(forged(&identity, "X-Otpgate-Subject", FRONT), "nobody sets the gateway's own");
}

#[test]
fn the_adapter_gets_the_names_to_remove() {
    let mut map = HeaderMap::new();
    for name in ["accept", "x_otpgate_subject", "remote.user", "x-api-key"] {
        map.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
    }
    let identity = IdentityHeaders::new();
    let mut names: Vec<&str> = identity.forged(&map, CLIENT.parse().unwrap()).map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["remote.user", "x_otpgate_subject"]);
}

#[test]
fn h24_an_upstream_cannot_answer_in_the_gateways_name() {
    assert!(is_forged_in_response("X-Otpgate-Score"));
    assert!(is_forged_in_response("x_otpgate_score"));
    assert!(!is_forged_in_response("X-Powered-By"));
    assert!(!is_forged_in_response("X-Forwarded-For"));
}
