//! The `client_certificate` source: who connects with a good certificate is whom it names, and nobody else is.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use otpgate::identity::{CertificateNames, ClientCertificate, NameKind};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SignatureScheme};

use crate::pki::{Pair, pair, trusting};
use crate::setup::{HOST, bare, step_up};
use crate::support::raw::Raw;
use crate::support::recorder::Recorder;
use crate::support::{Client, Gateway};

/// Who signs certificates of clients.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate of a client, and its key.
#[derive(Clone)]
struct Card {
    certificate: String,
    key: String,
    serial: u64,
}

/// Shows a certificate, whether or not the key fits.
#[derive(Debug)]
struct Holder(Arc<CertifiedKey>);

impl ResolvesClientCert for Holder {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A gateway that takes certificates.
struct Setup {
    gateway: Gateway,
    upstream: Recorder,
    server: Pair,
}

// === impl Authority ===

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn card(&self, serial: u64, change: impl FnOnce(&mut CertificateParams)) -> Card {
        let key = KeyPair::generate().unwrap();
        let certificate = params(serial, change).signed_by(&key, &self.issuer).unwrap().pem();
        Card { certificate, key: key.serialize_pem(), serial }
    }

    fn email(&self, serial: u64, address: &str) -> Card {
        self.card(serial, |params| params.subject_alt_names = vec![email(address)])
    }

    /// A list of revoked certificates that runs out in this year.
    fn revokes(&self, cards: &[&Card], until: i32) -> String {
        let revoked = |card: &&Card| RevokedCertParams {
            serial_number: SerialNumber::from(card.serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: cards.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

fn params(serial: u64, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.serial_number = Some(SerialNumber::from(serial));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    params
}

fn email(address: &str) -> SanType {
    SanType::Rfc822Name(address.try_into().unwrap())
}

// === impl Setup ===

impl Setup {
    /// `takes` is the listener's `client_certificates`, `name` that of the source.
    fn start(takes: &str, name: &str, files: &[(&str, &str)]) -> Self {
        let (upstream, server) = (Recorder::start(), pair(&[HOST]));
        let config = format!(
            r#"
listeners: {{address: "127.0.0.1:{{port}}", tls: {{certificate: a.pem, key: a.key}}, client_certificates: {takes}}}
store: memory
secrets: ["{{secret}}"]
policies:
  mail: {{channels: email, max_age: 15m}}
  watch: {{channels: email, max_age: 15m, observe: true}}
sites:
  - hosts: {HOST}
    upstream: {{servers: "{}"}}
    identity: {{client_certificate: {{name: {name}}}}}
    directory: {{file: people.yaml}}
    routes: [{{path: /admin/**, policy: mail}}, {{path: /watch/**, policy: watch}}]
delivery: {{providers: {{dev: {{type: outbox}}}}, email: {{providers: dev}}}}
admin: {{address: "127.0.0.1:{{admin}}"}}
log: {{level: debug}}
"#,
            upstream.address()
        );
        let people = "alice@example.com: {email: alice@example.com}\nbob@example.com: {email: bob@example.com}\n";
        let mut all =
            vec![("people.yaml", people), ("a.pem", server.certificate.as_str()), ("a.key", server.key.as_str())];
        all.extend(files);
        Self { gateway: Gateway::start(&config, &all), upstream, server }
    }

    /// A client with a certificate, or without.
    fn client(&self, card: Option<&Card>) -> Arc<ClientConfig> {
        match card {
            None => trusting(&[&self.server], &[]),
            Some(card) => self.holder(card, card, rustls::ALL_VERSIONS),
        }
    }

    /// A client that shows the certificate of `card` and signs with the key of `signs`.
    fn holder(
        &self,
        card: &Card,
        signs: &Card,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let _ = trusting(&[], &[]);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.server.der.clone())).unwrap();
        let chain = CertificateDer::pem_slice_iter(card.certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(signs.key.as_bytes()).unwrap();
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        let holder = Holder(Arc::new(CertifiedKey::new(chain, key)));
        let builder = ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots);
        Arc::new(builder.with_client_cert_resolver(Arc::new(holder)))
    }

    fn connect(&self, client: &Arc<ClientConfig>) -> Option<Raw> {
        Raw::connect(self.gateway.port).tls(HOST, client).ok()
    }

    /// What becomes of a request for a protected page on a connection of its own.
    fn meets(&self, card: Option<&Card>) -> String {
        self.connect(&self.client(card)).map_or_else(no_connection, |mut raw| asks(&mut raw, "/admin"))
    }

    /// Whom the application is told.
    fn told(&self, card: &Card) -> String {
        self.upstream.forget();
        let met = self.connect(&self.client(Some(card))).map_or_else(no_connection, |mut raw| asks(&mut raw, "/watch"));
        assert_eq!(met, "200");
        self.upstream.only().value("x-otpgate-subject").unwrap_or("nobody").to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        // In one step, as a careful operator does: nobody reads half a file.
        let path = self.gateway.dir().join(name);
        std::fs::write(path.with_extension("new"), text).unwrap();
        std::fs::rename(path.with_extension("new"), path).unwrap();
    }

    fn https(&self, card: Option<&Card>, http1_only: bool) -> Client {
        let mut builder = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_der(&self.server.der).unwrap()])
            .resolve(HOST, ([127, 0, 0, 1], self.gateway.port).into())
            .redirect(reqwest::redirect::Policy::none());
        if let Some(card) = card {
            let both = format!("{}{}", card.certificate, card.key);
            builder = builder.identity(reqwest::Identity::from_pem(both.as_bytes()).unwrap());
        }
        if http1_only {
            builder = builder.http1_only();
        }
        let mut client = Client::new(HOST, self.gateway.port);
        client.base = format!("https://{HOST}:{}", self.gateway.port);
        client.use_http(builder.build().unwrap());
        client
    }
}

fn no_connection() -> String {
    "no connection".to_owned()
}

/// The problem that a request meets, or its status.
fn asks(raw: &mut Raw, target: &str) -> String {
    if raw.try_send(bare("GET", target, &["Accept: application/json"])).is_err() {
        return no_connection();
    }
    match raw.reply() {
        None => no_connection(),
        Some(reply) if reply.status < 400 => reply.status.to_string(),
        Some(reply) => reply.json()["type"].as_str().unwrap().trim_start_matches("urn:otpgate:").to_owned(),
    }
}

/// Waits until `check` holds.
fn soon(what: &str, limit: Duration, check: impl Fn() -> bool) {
    let started = Instant::now();
    while !check() {
        assert!(started.elapsed() < limit, "{what} took longer than {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// I1, CVE-2026-27586: a certificate that does not hold ends the handshake, and is never taken for none.
#[test]
fn i1_a_certificate_that_does_not_hold_gets_no_connection() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("ours"));
    let setup = Setup::start("{ca: clients.pem}", "email", &[("clients.pem", &ours.pem)]);
    let alice = ours.email(1, "alice@example.com");
    assert_eq!(setup.meets(Some(&alice)), "step-up-required");
    assert_eq!(setup.told(&alice), "alice@example.com");
    assert_eq!(setup.meets(None), "sign-in-required");

    let named = |change: fn(&mut CertificateParams)| {
        ours.card(2, |params| {
            params.subject_alt_names = vec![email("alice@example.com")];
            change(params);
        })
    };
    let key = KeyPair::generate().unwrap();
    let own = params(3, |params| params.subject_alt_names = vec![email("alice@example.com")]);
    let own = own.self_signed(&key).unwrap().pem();
    let below = {
        // A certificate of a client is no authority, whatever it signs.
        let key = KeyPair::generate().unwrap();
        let issuer = params(4, |params| params.distinguished_name.push(DnType::CommonName, "mallory"));
        let middle = issuer.signed_by(&key, &ours.issuer).unwrap().pem();
        let card = Authority { pem: String::new(), issuer: Issuer::new(issuer, key) }.email(5, "alice@example.com");
        Card { certificate: format!("{}{middle}", card.certificate), ..card }
    };
    let bad = [
        ("self-signed", Card { certificate: own, key: key.serialize_pem(), serial: 3 }),
        ("of another authority of the same name", theirs.email(1, "alice@example.com")),
        ("expired", named(|params| params.not_after = date_time_ymd(2020, 1, 1))),
        ("of the future", named(|params| params.not_before = date_time_ymd(2099, 1, 1))),
        ("for servers", named(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])),
        ("an authority", named(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
        ("below a client", below),
    ];
    setup.upstream.forget();
    let bytes = setup.upstream.bytes();
    // A certificate is no secret: whoever has no key to it has nothing.
    let mallory = ours.email(6, "mallory@example.com");
    for version in [&TLS12, &TLS13] {
        let ask = |card: &Card, signs: &Card| {
            let client = setup.holder(card, signs, &[version]);
            setup.connect(&client).map_or_else(no_connection, |mut raw| asks(&mut raw, "/admin"))
        };
        assert_eq!(ask(&alice, &alice), "step-up-required", "{version:?}");
        assert_eq!(ask(&alice, &mallory), "no connection", "{version:?}");
        assert_eq!(ask(&bad[2].1, &bad[2].1), "no connection", "{version:?}");
    }
    for (name, card) in &bad {
        assert_eq!(setup.meets(Some(card)), "no connection", "{name}");
        let open =
            setup.connect(&setup.client(Some(card))).map_or_else(no_connection, |mut raw| asks(&mut raw, "/open"));
        assert_eq!(open, "no connection", "{name}");
    }
    assert_eq!(setup.upstream.bytes(), bytes);
    assert!(setup.gateway.log().contains("invalid peer certificate: UnknownIssuer"), "an operator is told why");

    // Without one, what needs nobody works; unless the listener wants one of everybody.
    let open = |setup: &Setup, card: Option<&Card>| {
        setup.connect(&setup.client(card)).map_or_else(no_connection, |mut raw| asks(&mut raw, "/open"))
    };
    assert_eq!(open(&setup, None), "200");
    let strict = Setup::start("{ca: clients.pem, required: true}", "email", &[("clients.pem", &ours.pem)]);
    assert_eq!(open(&strict, None), "no connection");
    assert_eq!(open(&strict, Some(&alice)), "200");
}

/// H05, H18, H19: just one name of the kind, in one spelling, or nobody's.
#[test]
fn h05_h18_h19_a_certificate_names_one_or_nobody() {
    let ours = Authority::new("ours");
    let gateways = ["email", "dns", "uri", "common_name"]
        .map(|name| (name, Setup::start("{ca: clients.pem}", name, &[("clients.pem", &ours.pem)])));
    let at = |name: &str| &gateways.iter().find(|(known, _)| *known == name).unwrap().1;
    let sans = |names: Vec<SanType>| ours.card(1, |params| params.subject_alt_names = names);
    let common = |names: &[&str]| {
        let key = KeyPair::generate().unwrap();
        let made = params(1, |params| {
            // One type stands once in a name of rcgen's: the others are the same by number.
            for (index, name) in names.iter().enumerate() {
                let kind = if index == 0 { DnType::CommonName } else { DnType::CustomDnType(vec![2, 5, 4, 3]) };
                params.distinguished_name.push(kind, *name);
            }
        });
        Card { certificate: made.signed_by(&key, &ours.issuer).unwrap().pem(), key: key.serialize_pem(), serial: 1 }
    };
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let uri = |name: &str| SanType::URI(name.try_into().unwrap());
    let mallory = "mallory@example.com";
    let alice = "alice@example.com";

    let good = [
        ("email", sans(vec![email(alice), dns("alice.example"), uri("urn:alice")]), alice),
        ("email", sans(vec![email("Alice@Example.com")]), "Alice@Example.com"),
        ("dns", sans(vec![dns("host.example"), email(alice)]), "host.example"),
        ("uri", sans(vec![uri("spiffe://example/ns/a")]), "spiffe://example/ns/a"),
        ("common_name", common(&["alice"]), "alice"),
        // NFC, one character per byte.
        ("common_name", common(&["zoe\u{301}"]), "zo\u{c3}\u{a9}"),
    ];
    for (name, card, subject) in &good {
        assert_eq!(at(name).meets(Some(card)), "step-up-required", "{subject}");
        assert_eq!(at(name).told(card), *subject);
    }
    let refused = [
        ("email", sans(vec![email(alice), email(mallory)])),
        ("email", sans(vec![email(alice), email(alice)])),
        ("email", sans(vec![email("alice@example.com\0@mallory.example")])),
        ("email", sans(vec![email("alice@example.com@mallory.example")])),
        ("email", sans(vec![email(" alice@example.com")])),
        ("email", sans(vec![email("alice")])),
        ("dns", sans(vec![dns("a.example"), dns("b.example")])),
        ("dns", sans(vec![dns("*.example")])),
        ("dns", sans(vec![dns("a.example\0.b.example")])),
        ("uri", sans(vec![uri("urn:a"), uri("urn:b")])),
        ("common_name", common(&["alice", "mallory"])),
        ("common_name", common(&["alice\0mallory"])),
        ("common_name", common(&["alice "])),
        ("common_name", common(&["al\u{200b}ice"])),
        ("common_name", common(&[""])),
    ];
    for (index, (name, card)) in refused.iter().enumerate() {
        // In the handshake already, or by the gateway.
        let met = at(name).meets(Some(card));
        assert!(met == "refused" || met == "no connection", "{name} {index}: {met}");
    }
    // A name of another kind is nobody's: a common name is no e-mail address, however it looks.
    for (name, card) in [("email", common(&[alice])), ("common_name", sans(vec![email(alice)])), ("dns", sans(vec![]))]
    {
        assert_eq!(at(name).meets(Some(&card)), "sign-in-required", "{name}");
    }
}

/// C05, H01: a grant counts for its certificate's subject alone, over either version of HTTP; headers name nobody.
#[tokio::test]
async fn c05_h01_a_grant_is_worth_nothing_with_another_certificate() {
    let ours = Authority::new("ours");
    let setup = Setup::start("{ca: clients.pem}", "email", &[("clients.pem", &ours.pem)]);
    let (alice, bob) = (ours.email(1, "alice@example.com"), ours.email(2, "bob@example.com"));
    let renewed = ours.email(3, "alice@example.com");
    for http1_only in [true, false] {
        let mut client = setup.https(Some(&alice), http1_only);
        step_up(&setup.gateway, &mut client, &[], "alice", "/admin").await;
        setup.upstream.forget();
        let forged = [("x-ssl-client-s-dn", "CN=bob"), ("ssl-client-cert", "bob"), ("x-otpgate-subject", "bob")];
        assert_eq!(client.send("GET", "/admin", &forged, "").await.status, 200);
        let heard = setup.upstream.only();
        assert_eq!(heard.all("x-otpgate-subject"), ["alice@example.com"]);
        assert!(!heard.has("x-ssl-client-s-dn") && !heard.has("ssl-client-cert"), "{}", heard.head);

        let api = [("accept", "application/json"), forged[0], forged[1], forged[2]];
        for (card, expected) in [(Some(&bob), "step-up-required"), (None, "sign-in-required")] {
            let mut thief = setup.https(card, http1_only);
            thief.jar.clone_from(&client.jar);
            assert_eq!(thief.send("GET", "/admin", &api, "").await.problem(), expected);
        }
        let mut later = setup.https(Some(&renewed), http1_only);
        later.jar.clone_from(&client.jar);
        assert_eq!(later.send("GET", "/admin", &api, "").await.status, 200, "it is alice still");
    }
    assert!(!setup.gateway.log().contains("alice@example.com\""), "I9");
}

/// A revoked certificate gets no connection; nor does one of which no list tells.
#[test]
fn a_revoked_certificate_is_refused_on_open_connections_too() {
    let ours = Authority::new("ours");
    let (alice, bob) = (ours.email(1, "alice@example.com"), ours.email(2, "bob@example.com"));
    let (none, both) = (ours.revokes(&[], 2090), ours.revokes(&[&alice], 2090));
    let files = [("clients.pem", ours.pem.as_str()), ("revoked.pem", none.as_str())];
    let setup = Setup::start("{ca: clients.pem, crl: revoked.pem}", "email", &files);
    // One client for all connections: what it could resume, it would.
    let client = setup.client(Some(&alice));
    let mut open = setup.connect(&client).unwrap();
    assert_eq!(asks(&mut open, "/admin"), "step-up-required");
    let mut second = setup.connect(&client).unwrap();
    assert_eq!((asks(&mut second, "/admin").as_str(), second.is_resumed()), ("step-up-required", false));

    // Read again when it changes, without being told to.
    setup.write("revoked.pem", &both);
    let fresh = || setup.connect(&client).map_or_else(no_connection, |mut raw| asks(&mut raw, "/admin"));
    soon("reading the list again", Duration::from_secs(15), || fresh() == "no connection");
    assert_eq!(asks(&mut open, "/admin"), "sign-in-required");
    assert_eq!(asks(&mut open, "/open"), "200");
    assert_eq!(setup.meets(Some(&bob)), "step-up-required");

    // A file that is bad changes nothing.
    setup.write("revoked.pem", "no list");
    setup.gateway.signal("HUP");
    let log = || setup.gateway.log();
    soon("the reload", Duration::from_secs(5), || log().contains("the new config is bad"));
    assert_eq!((fresh(), setup.meets(Some(&bob))), (no_connection(), "step-up-required".to_owned()));

    // One that has run out tells of nobody.
    setup.write("revoked.pem", &ours.revokes(&[], 2021));
    setup.gateway.signal("HUP");
    soon("the reload", Duration::from_secs(5), || setup.meets(Some(&bob)) == "no connection");
    setup.write("revoked.pem", &Authority::new("others").revokes(&[], 2090));
    setup.gateway.signal("HUP");
    soon("the reload", Duration::from_secs(5), || log().matches("the config was reloaded").count() == 2);
    assert_eq!(setup.meets(Some(&bob)), "no connection");
    setup.write("revoked.pem", &none);
    setup.gateway.signal("HUP");
    soon("the reload", Duration::from_secs(5), || fresh() == "step-up-required");
}

/// Who signs can be replaced; connections that were made before are their owners' only if their certificates still hold.
#[test]
fn another_authority_takes_over_without_losing_a_connection() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let setup = Setup::start("{ca: clients.pem}", "email", &[("clients.pem", &old.pem)]);
    let (before, after) = (old.email(1, "alice@example.com"), new.email(1, "alice@example.com"));
    let mut open = setup.connect(&setup.client(Some(&before))).unwrap();
    assert_eq!(asks(&mut open, "/admin"), "step-up-required");
    assert_eq!(setup.meets(Some(&after)), "no connection");

    setup.write("clients.pem", &format!("{}{}", old.pem, new.pem));
    setup.gateway.signal("HUP");
    soon("the reload", Duration::from_secs(5), || setup.meets(Some(&after)) == "step-up-required");
    assert_eq!(setup.meets(Some(&before)), "step-up-required");
    assert_eq!(asks(&mut open, "/admin"), "step-up-required");

    setup.write("clients.pem", &new.pem);
    setup.gateway.signal("HUP");
    soon("the reload", Duration::from_secs(5), || setup.meets(Some(&before)) == "no connection");
    assert_eq!(asks(&mut open, "/admin"), "sign-in-required");
    assert_eq!(setup.meets(Some(&after)), "step-up-required");
}

proptest! {
    /// Whatever an authority signs is read or not, and never ends the process.
    #[test]
    fn a_damaged_certificate_is_read_or_not(at in 0_usize..400, other in any::<u8>(), length in 0_usize..500) {
        static DER: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let card = Authority::new("ours").card(1, |params| {
                params.distinguished_name.push(DnType::CommonName, "alice");
                params.subject_alt_names = vec![email("alice@example.com"), email("bob@example.com")];
            });
            CertificateDer::from_pem_slice(card.certificate.as_bytes()).unwrap().to_vec()
        });
        let mut der = DER.clone();
        if let Some(byte) = der.get_mut(at) {
            *byte = other;
        }
        der.truncate(length.max(at));
        for name in [NameKind::Email, NameKind::Dns, NameKind::Uri, NameKind::CommonName] {
            let _ = CertificateNames::parse(&der).map(|names| ClientCertificate { name }.subject(&names));
        }
    }
}
