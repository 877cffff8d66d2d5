use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use proptest::prelude::*;

use super::*;
use crate::gate::{HostPattern, QueryCriterion};
use crate::request::{Networks, PathRules, RawRequest};
use crate::words::{Channel, ContactRule, SendWhen, StepUp};

fn request(method: &Method, target: &str, client: &str) -> Option<CanonicalRequest> {
    let mut headers = HeaderMap::new();
    headers.insert("host", "shop.example.com".parse().unwrap());
    let raw = RawRequest {
        method,
        target: target.as_bytes(),
        headers: &headers,
        authority: None,
        peer: client.parse::<IpAddr>().unwrap(),
        tls: true,
    };
    CanonicalRequest::new(raw, &Networks::default(), PathRules::default()).ok()
}

fn get(target: &str) -> CanonicalRequest {
    request(&Method::GET, target, "192.0.2.1").unwrap_or_else(|| panic!("{target} is ambiguous"))
}

fn named(name: &str) -> Policy {
    Policy::StepUp(Arc::new(StepUp {
        name: name.into(),
        channels: [Channel::Email].into_iter().collect(),
        max_age: Duration::from_secs(900),
        challenge_at: 0,
        deny_at: 90,
        escalation: None,
        bind: vec![],
        observe: false,
        send: SendWhen::OnArrival,
        contact: ContactRule::Directory,
    }))
}

fn route(path: &str, policy: Policy) -> Route {
    Route { paths: vec![Glob::parse(path).unwrap()], path_regex: vec![], criteria: Criteria::default(), policy }
}

fn routes(list: Vec<Route>) -> Routes {
    Routes::new(list, Policy::Bypass).unwrap()
}

/// The setting of `attacks.md`: `/admin` and `/pay/**` protected, `/public/**` free.
fn example() -> Routes {
    routes(vec![route("/public/**", Policy::Bypass), route("/admin/**", named("otp")), route("/pay/**", named("otp"))])
}

fn protects(routes: &Routes, request: &CanonicalRequest) -> bool {
    *routes.find(request).1 != Policy::Bypass
}

#[test]
fn p01_p02_p05_p06_no_detour_leads_past_a_protecting_route() {
    for target in [
        "/admin",
        "/admin/",
        "/admin/x",
        "/admin?x=1",
        "/public/../admin",
        "/public/%2e%2e/admin",
        "/public/.%2e/admin",
        "/public/%2E%2e/admin/x",
        "//admin",
        "/.//admin",
        "/./admin",
        "/admin//",
        "/admin/.",
        "/a/../admin/b/..",
        "/%61dmin",
        "/ADMIN",
        "/Admin/X",
        "/%41dmin",
    ] {
        let canonical = request(&Method::GET, target, "192.0.2.1");
        assert!(canonical.is_some_and(|request| protects(&example(), &request)), "{target}");
    }
}

#[test]
fn p03_p05_p07_p08_p12_p13_p14_ambiguous_paths_never_reach_a_route() {
    for target in [
        "/public/..%2fadmin",
        "/public/..%2Fadmin",
        "/public/..;/admin",
        "/public;x/../admin",
        "/admin;jsessionid=1",
        "/admin%00.css",
        "/admin%0a",
        "/admin%0d%0a",
        "/admin#/public",
        "/public/legit%2f..%2f..%2fadmin",
        "/public/%5cadmin",
        "/public/..\\admin",
        "/%c0%ae%c0%ae/admin",
        "/%c0%af",
        "/%zz",
        "/%",
        "/%1",
        "/%u002e",
        "/admin%20",
        "/../admin",
    ] {
        assert!(request(&Method::GET, target, "192.0.2.1").is_none(), "{target}");
    }
}

#[test]
fn p04_double_encoding_is_literal() {
    let request = get("/public/%252e%252e/admin");
    assert_eq!(request.path.decoded(), "/public/%2e%2e/admin");
    assert_eq!(request.path.wire(), "/public/%252e%252e/admin");
    assert!(!protects(&example(), &request));
}

#[test]
fn p09_the_query_is_no_part_of_the_path() {
    assert!(protects(&example(), &get("/admin?x=/public/")));
    assert!(protects(&example(), &get("/admin?/public/ok")));
    assert!(!protects(&example(), &get("/public/ok?/admin")));
}

#[test]
fn p10_a_bypass_route_is_exact_about_case() {
    let routes = Routes::new(vec![route("/public/**", Policy::Bypass)], named("otp")).unwrap();
    assert!(!protects(&routes, &get("/public/x")));
    assert!(protects(&routes, &get("/Public/x")));
}

#[test]
fn p11_a_glob_ends_at_a_segment() {
    for free in ["/administrator", "/admin.php", "/adminx/", "/x/admin"] {
        assert!(!protects(&example(), &get(free)), "{free}");
    }
    let exact = routes(vec![route("/account", named("otp"))]);
    assert!(protects(&exact, &get("/account/")), "upstreams take both for the same page");
    assert!(!protects(&exact, &get("/account/x")));
}

#[test]
fn p13_a_kelvin_sign_is_no_k() {
    let routes = routes(vec![route("/kiosk", named("otp"))]);
    assert!(!protects(&routes, &get("/%E2%84%AAiosk")));
    assert!(protects(&routes, &get("/KIOSK")));
}

#[test]
fn p17_a_method_cannot_dodge_its_rule() {
    let mut transfer = route("/transfer", named("otp"));
    transfer.criteria.methods = vec![Method::GET];
    let mut open = route("/open", Policy::Bypass);
    open.criteria.methods = vec![Method::GET];
    let routes = Routes::new(vec![transfer, open], named("rest")).unwrap();
    let index = |method: &Method, target: &str| routes.find(&request(method, target, "192.0.2.1").unwrap()).0;
    assert_eq!(index(&Method::GET, "/transfer"), Some(0));
    assert_eq!(index(&Method::HEAD, "/transfer"), Some(0), "HEAD is GET without the body");
    assert_eq!(index(&Method::GET, "/open"), Some(1));
    assert_eq!(index(&Method::POST, "/open"), None, "a bypass for GET is none for POST");
    assert_eq!(index(&Method::HEAD, "/open"), None);
    for odd in ["get", "Post", "gEt"] {
        let method = Method::from_bytes(odd.as_bytes()).unwrap();
        assert!(request(&method, "/transfer", "192.0.2.1").is_none(), "{odd}");
    }
}

#[test]
fn p23_query_criteria_fail_closed() {
    let query = |policy| {
        let mut route = route("/**", policy);
        route.criteria.query = vec![QueryCriterion { name: "page".into(), values: vec!["billing".into()] }];
        route
    };
    let protecting = routes(vec![query(named("otp"))]);
    for target in [
        "/?page=billing",
        "/?page=x&page=billing",
        "/?page[]=billing",
        "/?a=1;page=billing",
        "/?page=b%69lling",
        "/?x&page=billing#".trim_end_matches('#'),
    ] {
        assert!(protects(&protecting, &get(target)), "{target}");
    }
    assert!(!protects(&protecting, &get("/?page=bill")));
    let bypassing = Routes::new(vec![query(Policy::Bypass)], named("otp")).unwrap();
    assert!(!protects(&bypassing, &get("/?page=billing")));
    for target in ["/?page=billing&page=x", "/?page[]=billing", "/?page=x;page=billing", "/", "/?page="] {
        assert!(protects(&bypassing, &get(target)), "{target}");
    }
}

#[test]
fn p24_an_expression_matches_the_whole_path() {
    let mut whole = route("/x", Policy::Bypass);
    whole.paths.clear();
    whole.path_regex = vec!["/public|/open".into()];
    let routes = Routes::new(vec![whole], named("otp")).unwrap();
    assert!(!protects(&routes, &get("/public")));
    for target in ["/x/public", "/public/x", "/openx", "/Public"] {
        assert!(protects(&routes, &get(target)), "{target}");
    }
}

#[test]
fn p22_a_huge_expression_is_an_error() {
    let mut huge = route("/x", named("otp"));
    huge.path_regex = vec![r"(\w{1000}){1000}".into()];
    assert!(matches!(Routes::new(vec![huge], Policy::Bypass), Err(BadRoute::Regex { .. })));
    let mut wrong = route("/x", named("otp"));
    wrong.path_regex = vec!["(".into()];
    assert!(matches!(Routes::new(vec![wrong], Policy::Bypass), Err(BadRoute::Regex { .. })));
}

#[test]
fn p26_the_first_route_wins_whatever_its_kind() {
    let mut office = route("/staff/**", Policy::Bypass);
    office.criteria.networks = Some(Networks::new(["203.0.113.0/24".parse().unwrap()]));
    let routes = routes(vec![office, route("/staff/**", Policy::Deny), route("/**", named("otp"))]);
    let index = |client: &str, target: &str| routes.find(&request(&Method::GET, target, client).unwrap()).0;
    assert_eq!(index("203.0.113.9", "/staff/x"), Some(0));
    assert_eq!(index("::ffff:203.0.113.9", "/staff/x"), Some(0), "H09: a mapped address is the plain one");
    assert_eq!(index("192.0.2.1", "/staff/x"), Some(1));
    assert_eq!(index("192.0.2.1", "/else"), Some(2));
    assert!(routes.matches(1, &request(&Method::GET, "/staff/x", "203.0.113.9").unwrap()), "explain sees every hit");
}

#[test]
fn p18_a_host_criterion_means_the_canonical_host() {
    assert!(HostPattern::new("Shop.Example.com").matches("shop.example.com"));
    assert!(HostPattern::new("*.example.com").matches("a.b.example.com"));
    for other in ["example.com", ".example.com", "evilexample.com", "shop.example.com.evil.org"] {
        assert!(!HostPattern::new("*.example.com").matches(other), "{other}");
    }
}

#[test]
fn p22_many_deep_globs_and_a_long_path_take_little_time() {
    let list = (0..50).map(|n| route(&format!("/**/a/**/b{n}/**/c/**"), named("otp"))).collect();
    let routes = routes(list);
    let path = "/a/b0".repeat(490);
    let started = std::time::Instant::now();
    let _ = routes.find(&get(&path));
    assert!(started.elapsed() < Duration::from_secs(2), "backtracking would take longer than the universe");
}

/// What a glob means, said in the simplest way.
fn means(glob: &[&str], path: &[&str]) -> bool {
    match (glob, path) {
        ([], []) => true,
        (["**", rest @ ..], _) if means(rest, path) => true,
        (["**", ..], [_, rest @ ..]) => means(glob, rest),
        (["*", glob @ ..], [_, path @ ..]) => means(glob, path),
        ([first, glob @ ..], [segment, path @ ..]) => first.eq_ignore_ascii_case(segment) && means(glob, path),
        _ => false,
    }
}

proptest! {
    /// The trie says what the definition says, for every set of globs and every path.
    #[test]
    fn the_trie_means_what_globs_mean(
        globs in prop::collection::vec(prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "**"]), 0..5), 1..8),
        path in prop::collection::vec(prop::sample::select(vec!["a", "b", "A", "c"]), 0..6),
    ) {
        let list = globs.iter().map(|glob| route(&format!("/{}", glob.join("/")), named("otp"))).collect();
        let expected = globs.iter().position(|glob| means(glob, &path));
        let found = routes(list).find(&get(&format!("/{}", path.join("/")))).0;
        prop_assert_eq!(found, expected);
    }
}
