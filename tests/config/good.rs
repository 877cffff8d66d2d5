//! What good configs mean.

use std::time::Duration;

use otpgate::delivery::ProviderKind;
use otpgate::identity::Source;
use otpgate::server::{LogFormat, Plan};
use otpgate::store::settings::StoreAddress;
use otpgate::words::{Channel, Policy, StepUp};

use crate::{SMALL, Written, changed};

fn plan(config: &str) -> Plan {
    Written::new(config.as_bytes()).plan().unwrap_or_else(|error| panic!("{error}"))
}

fn step_up(plan: &Plan, route: usize) -> &StepUp {
    let Policy::StepUp(policy) = &plan.sites[0].routes[route].policy else { panic!("no step-up") };
    policy
}

#[test]
fn what_is_left_out_has_its_default() {
    let plan = plan(&SMALL.replace("max_age: 15m", "observe: false"));
    assert_eq!(plan.listeners[0].max_header, 32 * 1024);
    assert!(plan.listeners[0].tls.is_empty() && plan.trusted.is_empty() && plan.admin.is_none());
    assert_eq!(plan.store, StoreAddress::Memory);
    assert_eq!((plan.log.format, plan.log.level.as_str()), (LogFormat::Json, "info"));
    let rules = &plan.rules;
    assert_eq!((rules.shape.digits(), rules.ttl, rules.tries), (6, Duration::from_secs(300), 5));
    assert_eq!((rules.resend.max, rules.resend.wait.len()), (3, 3));
    assert_eq!((rules.max_body, rules.park_ttl), (1024 * 1024, Duration::from_secs(3600)));
    assert_eq!((rules.budget.per_subject, rules.budget.total), (4 << 20, 256 << 20));
    assert_eq!(rules.limits, otpgate::store::Limits::default());
    let policy = step_up(&plan, 0);
    assert_eq!((policy.max_age, policy.challenge_at, policy.deny_at), (Duration::from_secs(900), 0, 90));
    let site = &plan.sites[0];
    assert_eq!((&*site.spec.name, site.spec.key.as_str()), ("shop.example.com", "shop.example.com"));
    assert!(site.spec.support.is_none());
    assert_eq!(site.default, Policy::Bypass);
    assert_eq!(site.upstream.connect_timeout, Duration::from_secs(5));
    let Source::Login(login) = &site.spec.sources[0] else { panic!("no login") };
    // A form that is shown again with 200, or redirected to, is no login.
    assert_eq!(
        (login.success.status.as_slice(), login.success.location_not.as_slice()),
        (&[302, 303][..], &["/login".to_owned()][..])
    );
}

#[test]
fn a_partial_limits_keeps_the_other_defaults() {
    let plan = plan(&changed("store: memory", "limits: {sends: {per_ip: [1/1m, 5/1h]}, failures: {consecutive: 20}}"));
    let (limits, default) = (plan.rules.limits, otpgate::store::Limits::default());
    assert_eq!(limits.sends.per_ip.len(), 2);
    assert_eq!(limits.sends.per_subject, default.sends.per_subject);
    assert_eq!(limits.typed, default.typed);
    assert_eq!((limits.failures.consecutive, &limits.failures.per_ip), (20, &default.failures.per_ip));
}

#[test]
fn otp_is_built_in_with_every_channel_that_is_served() {
    let config = changed("policy: account}", "policy: otp}")
        .replace("email: {providers: dev}", "voice: {providers: dev}\n  email: {providers: dev}");
    let plan = plan(&config);
    let otp = step_up(&plan, 0);
    assert_eq!(&*otp.name, "otp");
    assert_eq!(otp.channels.iter().collect::<Vec<_>>(), [Channel::Email, Channel::Voice]);
    assert_eq!(otp.max_age, Duration::from_secs(900));
}

#[test]
fn the_config_may_define_otp_itself() {
    let config = changed("policy: account}", "policy: otp}")
        .replace("account: {channels: email, max_age: 15m}", "otp: {max_age: 1h}");
    let plan = plan(&config);
    assert_eq!(step_up(&plan, 0).max_age, Duration::from_secs(3600));
}

#[test]
fn credentials_may_stand_in_the_environment() {
    let written = Written::new(
        changed(
            "store: memory",
            "store: \"redis://:${PASSWORD}@127.0.0.1:6379\"\nadmin: {address: 127.0.0.1:9180, token: file:token}",
        )
        .replace(
            "{type: outbox}",
            "{type: smtp, url: \"smtps://bob:${PASSWORD}@mail.example.com\", from: Shop <a@example.com>}",
        )
        .as_bytes(),
    );
    let plan = written.file("token", "0123456789abcdef\n").plan().unwrap();
    assert_eq!(plan.store, StoreAddress::Redis("redis://:hunter2@127.0.0.1:6379".to_owned()));
    assert!(plan.admin.as_ref().unwrap().token.is_some());
    let ProviderKind::Smtp(smtp) = &plan.delivery.providers[0].kind else { panic!("no smtp") };
    let shown = format!("{:?}{:?}{smtp:?}", plan.store, plan.admin);
    assert!(!shown.contains("hunter2") && !shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn relative_paths_start_from_the_config() {
    let key = rcgen::generate_simple_self_signed(vec!["shop.example.com".to_owned()]).unwrap();
    let config = changed("8080}", "8080, tls: {certificate: cert.pem, key: key.pem}}");
    let written = Written::new(config.as_bytes())
        .file("cert.pem", &key.cert.pem())
        .file("key.pem", &key.signing_key.serialize_pem());
    let plan = written.plan().unwrap();
    assert_eq!(plan.listeners[0].tls[0].certificate, written.folder.path().join("cert.pem"));
    let swapped = changed("8080}", "8080, tls: {certificate: cert.pem, key: cert.pem}}");
    let fault = Written::new(swapped.as_bytes()).file("cert.pem", &key.cert.pem()).fault();
    assert_eq!(fault, "1:72: `cert.pem` has no private key in PEM");
}

#[test]
fn what_is_said_of_clients_certificates_is_looked_into() {
    let key = rcgen::generate_simple_self_signed(vec!["shop.example.com".to_owned()]).unwrap();
    let (certificate, secret) = (key.cert.pem(), key.signing_key.serialize_pem());
    let written = |clients: &str| {
        let tls = format!("8080, tls: {{certificate: cert.pem, key: key.pem}}, client_certificates: {clients}}}");
        let config = changed("8080}", &tls);
        let with =
            [("cert.pem", certificate.as_str()), ("key.pem", &secret), ("empty.pem", "\n"), ("bad.pem", BAD_CRL)];
        with.iter().fold(Written::new(config.as_bytes()), |written, (name, text)| written.file(name, text))
    };
    let plan = written("{ca: cert.pem, required: true}").plan().unwrap();
    let clients = plan.listeners[0].clients.as_ref().unwrap();
    assert!(clients.required && clients.revoked.is_empty());
    let odd = "1:103: visitors are asked for certificates that nothing comes of: no `identity` of a site is \
               `client_certificate`, and none is `required`";
    assert_eq!(written("{ca: cert.pem}").oddities(), [odd]);
    assert!(written("{ca: cert.pem, required: true}").oddities().is_empty());
    assert!(clients.authorities[0].ends_with("cert.pem") && clients.authorities[0].is_absolute());
    for (clients, wrong) in [
        ("{ca: nowhere.pem}", "1:108: `nowhere.pem` cannot be read: No such file or directory (os error 2)"),
        ("{ca: empty.pem}", "1:108: `empty.pem` has no certificate in PEM"),
        ("{ca: key.pem}", "1:108: `key.pem` has no certificate in PEM"),
        ("{ca: cert.pem, crl: cert.pem}", "1:123: `cert.pem` has no revocation list in PEM"),
        ("{crl: cert.pem}", "1:103: the key `ca` is missing"),
    ] {
        assert_eq!(written(clients).fault(), wrong);
    }
    let fault = written("{ca: cert.pem, crl: bad.pem}").fault();
    assert!(fault.starts_with("1:103: ") && fault.contains("bad.pem: it cannot be used"), "{fault}");
}

/// What looks like a list of revoked certificates from outside.
const BAD_CRL: &str = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";

#[test]
fn a_header_source_owns_its_header() {
    let config = changed(
        "login: {path: /login, field: email, session_cookie: SID, logout: /logout}",
        "header: {name: X-Employee, from: [10.0.0.5, 10.1.0.0/16]}",
    );
    let plan = plan(&config);
    let headers = &plan.sites[0].spec.identity_headers;
    assert!(!headers.is_forged("X-Employee", "10.1.2.3".parse().unwrap()));
    assert!(headers.is_forged("X-Employee", "10.2.2.3".parse().unwrap()));
    assert!(headers.is_forged("x_employee", "10.0.0.5".parse().unwrap()));
}

#[test]
fn tls_to_an_upstream_always_has_a_name() {
    let named = plan(&changed("{servers: 127.0.0.1:9000}", "{servers: [App.example:443, app.example:444], tls: true}"));
    assert_eq!(named.sites[0].upstream.tls.as_ref().unwrap().sni, "app.example");
    let given = plan(&changed("{servers: 127.0.0.1:9000}", "{servers: 10.0.0.9:443, tls: true, sni: app.example}"));
    let tls = given.sites[0].upstream.tls.as_ref().unwrap();
    assert_eq!((tls.sni.as_str(), tls.verify), ("app.example", true));
}

#[test]
fn query_criteria_may_be_names_alone() {
    for query in ["debug", "[debug]", "{debug: [1, 2]}"] {
        let plan = plan(&changed("path: /account/**", &format!("query: {query}")));
        assert!(plan.sites[0].routes[0].criteria.starts_with("query debug"), "{query}");
    }
}

#[test]
fn routes_that_only_seem_covered_are_good() {
    for (early, late) in [
        ("path: /a/**, methods: GET", "path: /a/**"),
        ("path: /a/**, methods: [GET, POST]", "path: /a/**, methods: PUT"),
        ("path: /a/*", "path: /a/**"),
        ("path: /a/**, query: {x: 1}", "path: /a/**, query: {x: [1, 2]}"),
        ("path: /a/**, query: {x: 1}", "path: /a/**, query: {y: 1}"),
        ("path: /a/**, networks: 10.0.0.0/16", "path: /a/**, networks: 10.0.0.0/8"),
        ("path: /a/**, host: shop.example.com", "path: /a/**"),
        ("path_regex: /a/.*", "path: /a/b"),
        ("path: /a/**", "path_regex: /a/.*"),
    ] {
        let two = format!("{{{early}, policy: account}}\n      - {{{late}, policy: deny}}");
        let fault = Written::new(changed("{path: /account/**, policy: account}", &two).as_bytes()).fault();
        assert_eq!(fault, "nothing is wrong", "{early} / {late}");
    }
}

/// The example of the design, without what later work brings.
#[test]
fn the_example_of_the_design() {
    let config = r#"
listeners:
  - address: 127.0.0.1:8443
    proxy_protocol: false
trusted_proxies: [10.0.0.0/8]
store: redis://127.0.0.1:6379
secrets: ["${OTPGATE_SECRET}"]
definitions:
  networks: {office: [203.0.113.0/24, "2001:db8::/32"]}
policies:
  account:  {channels: [sms, email], max_age: 15m}
  payments: {channels: voice, max_age: 0s}
sites:
  - hosts: [shop.example.com, "*.shop.example.com"]
    upstream:
      servers: [127.0.0.1:9000, 127.0.0.1:9001]
    identity:
      - login: {path: /login, field: email, session_cookie: PHPSESSID, success: {status: [302, 303], location_not: /login}, logout: /logout}
    sign_in: /login
    directory:
      - file: contacts.yaml
    default_policy: bypass
    routes:
      - {path: /account/**, policy: account}
      - {path: /index.php/**, query: {page: [billing, refund]}, policy: account}
      - {path: /transfer, methods: POST, policy: payments}
      - {path: /staff/**, networks: office, policy: bypass}
      - {path: /staff/**, policy: deny}
delivery:
  providers:
    post: {type: smtp, url: "smtps://user:${PASSWORD}@mail.example.com", from: "Shop <no-reply@example.com>"}
    dev:  {type: outbox}
  email: {providers: post}
  sms: {providers: dev}
  voice: {providers: dev}
challenge: {digits: 6, ttl: 5m, tries: 5, resend: {max: 3, wait: [30s, 60s, 120s]}, park: {max_body: 1MiB, ttl: 1h, per_subject: 4MiB, total: 256MiB}}
limits:
  sends:    {per_subject: [5/10m, 10/1d], per_contact: [5/10m, 10/1d], per_ip: 200/1h, per_network: 600/1h, per_country: 1000/1h}
  typed:    {per_ip: 10/1h, per_network: 30/1h}
  failures: {per_subject: [10/1h, 30/1d], consecutive: 100, per_ip: 300/1h}
portal: {name: Example Shop}
admin: {address: 127.0.0.1:9180}
log: {format: json, level: info}
"#;
    let written = Written::new(config.as_bytes());
    assert_eq!(written.oddities(), Vec::<String>::new());
    let plan = written.plan().unwrap();
    assert_eq!(plan.sites[0].routes.len(), 5);
    assert_eq!(&*plan.sites[0].spec.name, "Example Shop");
    assert!(step_up(&plan, 2).confirms_each_request());
    assert_eq!(plan.rules.limits, otpgate::store::Limits::default());
}

/// Twenty lines are enough for a shop.
#[test]
fn twenty_lines_are_enough() {
    let config = r#"
listeners: {address: 127.0.0.1:8080}
trusted_proxies: 127.0.0.1
store: redis://127.0.0.1:6379
secrets: "${SECRET}"
sites:
  - hosts: shop.example.com
    upstream: {servers: 127.0.0.1:9000}
    identity: {login: {path: /login, field: email, session_cookie: PHPSESSID, logout: /logout}}
    sign_in: /login
    directory: {file: contacts.yaml}
    routes:
      - {path: /account/**, policy: otp}
delivery:
  providers:
    post: {type: smtp, url: smtp://127.0.0.1:25, from: Shop <no-reply@example.com>}
  email: {providers: post}
"#;
    assert_eq!(Written::new(config.as_bytes()).oddities(), Vec::<String>::new());
    assert!(config.trim().lines().count() <= 20);
}
