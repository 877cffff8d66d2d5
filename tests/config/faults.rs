//! What is wrong with a config: the place of the offending value, and a sentence that says what to write.

use crate::{SMALL, Written, changed};

const ROUTE: &str = "{path: /account/**, policy: account}";
const UPSTREAM: &str = "{servers: 127.0.0.1:9000}";
const LOGIN: &str = "login: {path: /login, field: email, session_cookie: SID, logout: /logout}";

const PUBLIC_URL: &str = "2:13: expected an address such as https://otp.example.com, without a path";

/// Each case changes one text of the small config.
const TABLE: &[(&str, &str, &str)] = &[
    // Keys (F05).
    ("policy: account}", "polcy: account}", "14:29: unknown key `polcy`: did you mean `policy`?"),
    ("store: memory", "strore: memory", "2:1: unknown key `strore`: did you mean `store`?"),
    ("store: memory", "store: memory\nstore: memory", "3:1: the key `store` stands here twice"),
    ("    sign_in: /login\n", "    hosts: a.example.com\n", "11:5: the key `hosts` stands here twice"),
    ("hosts: shop.example.com", "# no host", "8:5: the key `hosts` is missing"),
    (
        "listeners: {address: 127.0.0.1:8080}",
        "listeners: {adress: 127.0.0.1:8080}",
        "1:13: unknown key `adress`: did you mean `address`?",
    ),
    ("max_age: 15m", "max_age: 15", "5:39: expected a duration: a number and its unit, such as `30s`, `5m` or `12h`"),
    ("channels: email", "channels: emial", "5:23: unknown word `emial`: did you mean `email`?"),
    ("channels: email", "channels: []", "5:23: the list is empty: leave the key out"),
    ("channels: email", "observe: no, channels: email", "5:22: expected true or false"),
    // Scores, and what goes by them.
    (
        "channels: email",
        "channels: email, escalate: {at: 0, channels: email}",
        "5:45: expected a score above `challenge_at`, 0, and below `deny_at`, 90: what is below the one is not asked, and what \
         reaches the other is refused",
    ),
    (
        "channels: email",
        "channels: email, escalate: {at: 60, channels: voice}",
        "5:59: no provider serves `voice`: name one under `delivery`, `voice: {providers: …}`",
    ),
    (
        ROUTE,
        "{path: /account/**, countries: MY, policy: account}",
        "14:40: nothing says which country an address is in: add `risk: {geoip: {country: …}}`",
    ),
    (
        ROUTE,
        "{path: /account/**, countries: Malaysia, policy: account}",
        "14:40: not a country: write its two letters, such as MY (ISO 3166-1)",
    ),
    (
        "store: memory",
        "risk: {rules: {when: {country: MY}, points: 5, reason: far}}",
        "2:32: nothing says which country an address is in: add `geoip: {country: …}`",
    ),
    (
        "store: memory",
        "risk: {rules: {when: {asn: AS1}, points: 5, reason: far}}",
        "2:28: nothing says which autonomous system an address is in: add `geoip: {asn: …}`",
    ),
    (
        "store: memory",
        "risk: {rules: {when: {}, points: 5, reason: all}}",
        "2:22: what does it look for? add `country`, `asn`, `header`, `no_header` or `path`",
    ),
    (
        "store: memory",
        "risk: {rules: {when: {path: /**}, points: 5, reason: anonymiser}}",
        "2:54: `anonymiser` is the name of something else already",
    ),
    (
        "store: memory",
        "risk: {rules: {when: {path: /**}, points: 0, reason: all}}",
        "2:43: a rule that is worth nothing says nothing: expected 1 to 100",
    ),
    // What later work brings is refused, never ignored.
    ("store: memory", "risk: {geoip: {country: no.mmdb}}", "2:25: `no.mmdb`: No such file or directory (os error 2)"),
    (
        "store: memory",
        "risk: {expect_countries: [MY]}",
        "2:27: nothing says which country an address is in: add `geoip: {country: …}`",
    ),
    (
        "store: memory",
        "risk: {geoip: {country: otpgate.yaml}}",
        "2:25: `otpgate.yaml`: it is no database in MaxMind's format, or damaged: invalid database: could not find MaxMind DB metadata in file",
    ),
    (
        "store: memory",
        "risk: {devices: {remember: forever}}",
        "2:28: expected a duration: a number and its unit, such as `30s`, `5m` or `12h`",
    ),
    ("store: memory", "risk: {devices: {remember: 2y}}", "2:28: expected a duration of a year at most"),
    ("store: memory", "risk: {points: {impossible_travel: 101}}", "2:36: expected points from 0 to 100"),
    ("store: memory", "risk: {points: {weather: 1}}", "2:17: unknown key `weather`"),
    ("store: memory", "risk: {points: {voip_number: 101}}", "2:30: expected points from 0 to 100"),
    ("store: memory", "risk: {behaviour: {failures: {per_address: 10001/1h}}}", "2:44: expected a count up to 10000"),
    (
        "store: memory",
        "risk: {behaviour: {sends: {per_network: 5}}}",
        "2:41: `5` is no limit: write a count and a time, such as `5/10m`",
    ),
    (
        "store: memory",
        "risk: {behaviour: {requests: 300/1d}}",
        "2:30: expected up to 50000 requests in up to 1h, such as `300/1m`",
    ),
    ("store: memory", "risk: {bans: {subjects: 10001/1h}}", "2:25: expected a count up to 10000"),
    (
        "store: memory",
        "risk: {bans: {failures: never}}",
        "2:25: `never` is no limit: write a count and a time, such as `5/10m`, or `off`",
    ),
    ("store: memory", "risk: {bans: {lasts: 0s}}", "2:22: expected a time from 1s to 31d"),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: phone, source: 'http://example.com/x', points: 1}}",
        "2:48: expected a file, or an address that begins with `https://` (`http://` on this machine alone)",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: phone, source: 'ftp://127.0.0.1/x', points: 1}}",
        "2:48: expected a file, or an address that begins with `https://` (`http://` on this machine alone)",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: phone, source: 'https://example.com/x', points: 1, refresh: 59s}}",
        "2:93: expected `1m` or more: nobody publishes more often, and publishers bar who asks too often",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: phone, source: otpgate.yaml, points: 1, refresh: 1h}}",
        "2:82: a file is read again when it changes: leave `refresh` out",
    ),
    ("store: memory", "risk: {cache: ' '}", "2:15: expected a folder"),
    (
        "store: memory",
        "risk: {dns_lists: {name: bad, zone: zone, points: 1}}",
        "2:37: expected a zone of DNS, such as zen.spamhaus.org",
    ),
    (
        "store: memory",
        "risk: {dns_lists: {name: bad, zone: bad.example, points: 101}}",
        "2:58: expected points from 0 to 100",
    ),
    (
        "store: memory",
        "risk: {dns_lists: {name: bad, zone: bad.example, points: 1, answers: [127.0.0.2, 10.0.0.1]}}",
        "2:82: a DNS list answers within 127.0.0.0/8, such as 127.0.0.2",
    ),
    (
        "store: memory",
        "risk: {nameserver: dns.example.com}",
        "2:20: expected the address of a name server, such as 127.0.0.1 or 127.0.0.1:53",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: phone, source: nowhere.txt, points: 1}}",
        "2:48: `nowhere.txt`: No such file or directory (os error 2)",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: network, source: otpgate.yaml, points: 1}}",
        "2:50: `otpgate.yaml`: line 1 is no network or address, such as 203.0.113.0/24",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: network, source: otpgate.yaml}}",
        "2:22: what does being on it do? add `points`, or `action: allow` or `deny`",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: network, source: otpgate.yaml, points: 1, action: deny}}",
        "2:83: give `points` or an `action`, not both",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: phone, source: otpgate.yaml, action: allow}}",
        "2:70: an action is for lists of networks: give `points`",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: phone, source: otpgate.yaml}}",
        "2:22: what is being on it worth? add `points`",
    ),
    (
        "store: memory",
        "risk: {lists: {name: bad, kind: asn, source: otpgate.yaml, points: 1}}",
        "2:22: nothing says which autonomous system an address is in: add `geoip: {asn: …}`",
    ),
    ("    sign_in: /login", "    sign_in: /login\n    contact_cooldown: 59s", "12:23: expected 1m to 30d"),
    ("    sign_in: /login", "    sign_in: /login\n    contact_cooldown: 31d", "12:23: expected 1m to 30d"),
    ("max_age: 15m", "contact: {form: ' '}", "5:46: expected the name of a form field"),
    (
        "max_age: 15m",
        "contact: {}",
        "5:39: expected `form`, the field with the contact that is to be proved, or `recheck`, how often one of the directory is",
    ),
    (
        "max_age: 15m",
        "contact: {recheck: 0s}",
        "5:49: expected a time above 0s, such as `30d`: leave the key out to ask every time",
    ),
    (
        "max_age: 15m",
        "max_age: 0s, contact: {recheck: 30d}",
        "5:62: `max_age: 0s` confirms every single request: leave one of the two out",
    ),
    (
        "max_age: 15m",
        "contact: {recheck: 30d, form: phone}",
        "5:49: `form` is a contact that the request brings along, and `recheck` one of the directory: write one of them",
    ),
    (
        "max_age: 15m",
        "bind: [subject, network], contact: {recheck: 30d}",
        "5:75: what the directory says is bound to the subject alone: leave out `recheck`, or `app_session` and `network` in `bind`",
    ),
    (LOGIN, "basic: {}", "10:16: the key `path` is missing"),
    (LOGIN, "basic: {path: 'https://evil.example/'}", "10:23: expected a path of the application, such as `/api/me`"),
    (LOGIN, "basic: {path: /me, cache: 1h}", "10:35: expected a time above zero, 5m at most"),
    (LOGIN, "basic: {path: /me, timeout: 0s}", "10:37: expected a time above zero, 30s at most"),
    (
        LOGIN,
        "basic: {path: /me, realm: 'a\"b'}",
        "10:35: expected at most 100 letters, digits and signs of ASCII, without quotes or backslashes",
    ),
    (
        LOGIN,
        "jwt: {cookie: t, keys: {secret: short}, issuer: a, audience: b}",
        "10:41: the secret is shorter than 32 bytes",
    ),
    (
        LOGIN,
        "jwt: {cookie: t, keys: {}, issuer: a, audience: b}",
        "10:32: expected one of `jwks`, `public_key` and `secret`",
    ),
    (
        LOGIN,
        "jwt: {keys: {jwks: \"https://a.example/k\"}, issuer: a, audience: b}",
        "10:21: a token is in a cookie or in a header: name one, `cookie` or `header`",
    ),
    (
        LOGIN,
        "jwt: {cookie: t, keys: {jwks: \"http://a.example/k\"}, issuer: a, audience: b}",
        "10:39: keys are fetched over https://",
    ),
    (
        LOGIN,
        "jwt: {cookie: t, keys: {jwks: \"https://a.example/k\"}, issuer: a, audience: b, algorithms: HS256}",
        "10:99: the keys cannot be of this algorithm",
    ),
    (
        LOGIN,
        "jwt: {cookie: t, keys: {jwks: \"https://a.example/k\"}, issuer: a, audience: b, algorithms: none}",
        "10:99: expected an algorithm: RS256, RS384, RS512, PS256, ES256, ES384, EdDSA, or HS256 with a secret",
    ),
    (
        LOGIN,
        "jwt: {cookie: t, keys: {jwks: \"https://a.example/k\"}, issuer: [], audience: b}",
        "10:71: the list is empty: leave the key out",
    ),
    (
        LOGIN,
        "jwt: {cookie: t, keys: {public_key: otpgate.yaml}, issuer: a, audience: b}",
        "10:45: `otpgate.yaml` has no public key in PEM: RSA, ECDSA or Ed25519",
    ),
    (
        LOGIN,
        "login: {path: /login, field: a, session_cookie: S, success: {cookie: a b}}",
        "10:78: expected the name of a cookie, such as `PHPSESSID`",
    ),
    (
        LOGIN,
        "login: {path: /login, field: a, session_cookie: S, success: {header: {name: a b}}}",
        "10:85: expected the name of a header, such as `X-Remote-User`",
    ),
    ("{file: contacts.yaml}", "{sql: x}", "12:22: expected keys and values, found a single value"),
    (
        "{file: contacts.yaml}",
        "{sql: {url: \"oracle://h/d\", query: x}}",
        "12:28: expected the address of a database: postgres://user:password@host/name, mysql://… or sqlite:path",
    ),
    (
        "{file: contacts.yaml}",
        "{sql: {url: \"mysql://u:p@h/d\", query: \"SELECT 1 FROM u WHERE a = '{subject}'\"}}",
        "12:54: a placeholder inside quotes or a comment is none: write `{subject}` without quotes, it is bound as a value",
    ),
    (
        "{file: contacts.yaml}",
        "{sql: {url: \"mysql://u:p@h/d\", query: \"SELECT 1 FROM u\"}}",
        "12:54: the statement names nobody: compare with `{subject}`",
    ),
    (
        "{file: contacts.yaml}",
        "{sql: {url: \"mysql://u:p@h/d\", query: \"SELECT 1 WHERE a = {user}\"}}",
        "12:54: `{user}` stands for nothing here: known is {subject}",
    ),
    (
        "{file: contacts.yaml}",
        "{sql: {url: \"mysql://u:p@h/d\", query: \"SELECT {subject}\", pool: 0}}",
        "12:80: expected 1 to 100 connections",
    ),
    (
        "{file: contacts.yaml}",
        "{sql: {url: \"mysql://u:p@h/d\", query: \"SELECT {subject}\", timeout: 1m}}",
        "12:83: expected 100ms to 30s",
    ),
    (
        "{file: contacts.yaml}",
        "{ldap: {url: \"http://h\", base: b, filter: \"(uid={subject})\", attributes: {email: mail}}}",
        "12:29: expected `ldaps://host` or `ldap://host`, without a path",
    ),
    (
        "{file: contacts.yaml}",
        "{ldap: {url: \"ldaps://h\", base: b, filter: \"(uid=x)\", attributes: {email: mail}}}",
        "12:59: the filter names nobody: write `{subject}` where the name goes",
    ),
    (
        "{file: contacts.yaml}",
        "{ldap: {url: \"ldaps://h\", base: b, filter: \"(uid={subject}\", attributes: {email: mail}}}",
        "12:59: expected a filter (RFC 4515) such as (&(objectClass=person)(uid={subject}))",
    ),
    (
        "{file: contacts.yaml}",
        "{ldap: {url: \"ldaps://h\", bind: {dn: x, password: \"\"}, base: b, filter: \"(uid={subject})\", attributes: {email: mail}}}",
        "12:66: expected a text that is not empty",
    ),
    ("    sign_in: /login", "    paths: php", "11:12: `php` is not available yet"),
    ("8080}", "8080, proxy_protocol: true}", "1:54: `proxy_protocol: true` is not available yet"),
    ("store: memory", "portal: {logo: x}", "2:10: `logo` is not available yet"),
    // Where providers send receipts: scheme, host and port.
    ("store: memory", "public_url: otp.example.com", PUBLIC_URL),
    ("store: memory", "public_url: ftp://otp.example.com", PUBLIC_URL),
    ("store: memory", "public_url: https://otp.example.com/otp", PUBLIC_URL),
    ("store: memory", "public_url: https://otp.example.com?a=b", PUBLIC_URL),
    ("store: memory", "public_url: https://user:password@otp.example.com", PUBLIC_URL),
    ("store: memory", "public_url: 'https://'", PUBLIC_URL),
    // Names that the config defines nowhere.
    ("policy: account}", "policy: acount}", "14:37: unknown policy `acount`: did you mean `account`?"),
    (
        "policy: account}",
        "policy: zebra}",
        "14:37: unknown policy `zebra`: there is `account`, `otp`, `bypass`, `deny`",
    ),
    ("policy: account}", "policy: bypas}", "14:37: unknown policy `bypas`: did you mean `bypass`?"),
    (
        "    routes:",
        "    default_policy: denied\n    routes:",
        "13:21: unknown policy `denied`: there is `account`, `otp`, `bypass`, `deny`",
    ),
    (
        "  email: {providers: dev}",
        "  email: {providers: [dev, post]}",
        "18:28: unknown provider `post`: there is `dev`",
    ),
    ("path: /account/**,", "networks: office,", "14:20: unknown network `office`: the config defines none"),
    (
        "store: memory",
        "definitions: {networks: {office: 10.0.0.1/8}}",
        "2:34: `10.0.0.1/8` has bits behind its prefix: write `10.0.0.0/8`, or `10.0.0.1` for that host",
    ),
    ("account: {channels", "deny: {channels", "5:3: `deny` is built in: use another name"),
    // Channels without a provider.
    (
        "channels: email",
        "channels: [email, sms]",
        "5:31: no provider serves `sms`: name one under `delivery`, `sms: {providers: …}`",
    ),
    // Policies.
    ("max_age: 15m", "deny_at: 0", "5:39: expected a score from 1 to 100"),
    ("max_age: 15m", "challenge_at: 101", "5:44: expected a score from 0 to 100"),
    (
        "max_age: 15m",
        "challenge_at: 90",
        "5:44: a score of 90 is refused already: `challenge_at` must be below `deny_at`",
    ),
    ("max_age: 15m", "max_age: 500d", "5:39: expected a duration of a year at most"),
    // Routes: P25, P24, globs, expressions, methods.
    (ROUTE, "{policy: account}", "14:9: a route without criteria: write `path: /**` if it is to match everything"),
    (ROUTE, "{path: [], policy: account}", "14:16: the list is empty: leave the key out"),
    (ROUTE, "{query: {page: []}, policy: account}", "14:24: the list is empty: leave the key out"),
    (ROUTE, "{query: {}, policy: account}", "14:17: no parameter is named: leave the key out"),
    (ROUTE, "{methods:, policy: account}", "14:10: expected a value or a list, found nothing"),
    ("path: /account/**", "path: account/**", "14:16: a path glob starts with `/`, such as `/admin/**`"),
    ("path: /account/**", "path: [/a, /b**]", "14:21: `**` stands for whole segments: write `/a/**`, not `/a**`"),
    (
        "path: /account/**",
        "path: /a?b=c",
        "14:16: a path glob has no `?` or `#`: the query is never part of a path; use the criterion `query`",
    ),
    (
        "path: /account/**",
        "path_regex: [/a, '/b(']",
        "14:27: `/b(` is no regular expression for paths: error: unclosed group",
    ),
    ("path: /account/**", "methods: [GET, 'P T']", "14:25: expected a method, such as `GET` or `POST`"),
    ("path: /account/**", "methods: trace", "14:19: `TRACE` is never served: it needs no route"),
    ("path: /account/**", "host: other.example.com", "14:16: the site has no host `other.example.com`"),
    (
        ROUTE,
        "{path: /account/**, policy: account}\n      - {path: /account/orders, methods: POST, policy: bypass}",
        "15:9: this route is never reached: the one in line 14 (path /account/**) matches all that it does",
    ),
    (
        ROUTE,
        "{path: /a/**, networks: 10.0.0.0/8, policy: account}\n      - {path: /a/b, networks: 10.1.0.0/16, policy: deny}",
        "15:9: this route is never reached: the one in line 14 (path /a/**, networks 10.0.0.0/8) matches all that it does",
    ),
    // Sites.
    (
        "hosts: shop.example.com",
        "hosts: [shop.example.com, SHOP.example.com]",
        "7:31: the host `SHOP.example.com` stands in line 7 already",
    ),
    (
        "hosts: shop.example.com",
        "hosts: https://shop.example.com",
        "7:12: write the host name alone, without scheme and port",
    ),
    (
        "hosts: shop.example.com",
        "hosts: shop.example.com:8080",
        "7:12: write the host name alone, without scheme and port",
    ),
    (
        "hosts: shop.example.com",
        "hosts: shop.*.com",
        "7:12: `*` stands for whole labels at the start: write `*.example.com`",
    ),
    (
        "hosts: shop.example.com",
        "hosts: straße.example",
        "7:12: write the host name as it goes over the wire, in ASCII: `xn--…`",
    ),
    ("hosts: shop.example.com", "hosts: a_b-.example", "7:12: the host is not a valid host name or address"),
    (
        UPSTREAM,
        "{servers: http://127.0.0.1:9000}",
        "8:25: write `host:port` without a scheme or path; `tls: true` beside it speaks TLS",
    ),
    (UPSTREAM, "{servers: app}", "8:25: the port is missing: write `app:80` or another"),
    (
        UPSTREAM,
        "{servers: 127.0.0.1:9000, tls: true}",
        "8:25: TLS to an address needs `sni`, the name in the server's certificate",
    ),
    (
        UPSTREAM,
        "{servers: [a.example:443, b.example:443], tls: true}",
        "8:41: the servers have different names: set `sni` to the one in all certificates",
    ),
    (UPSTREAM, "{servers: a.example:443, tls: true, sni: ''}", "8:56: expected a host name, such as `app.example.com`"),
    (UPSTREAM, "{servers: 127.0.0.1:9000, verify: false}", "8:49: `verify` needs `tls: true`"),
    (UPSTREAM, "{servers: 127.0.0.1:9000, read_timeout: 0s}", "8:55: expected a time above zero"),
    (
        UPSTREAM,
        "{servers: 127.0.0.1:9000, balance: robin}",
        "8:50: unknown word `robin`: expected one of round_robin, random, client_address",
    ),
    ("    sign_in: /login", "    sign_in: //evil.example", "11:14: expected a path of the site, such as `/login`"),
    (
        "    sign_in: /login",
        "    sign_in: https://evil.example",
        "11:14: expected a path of the site, such as `/login`",
    ),
    ("    sign_in: /login", "    sign_in: /a/../login", "11:14: write the path as `/login`"),
    ("{file: contacts.yaml}", "{fil: contacts.yaml}", "12:17: unknown word `fil`: did you mean `file`?"),
    // Identity sources.
    (
        LOGIN,
        "login: {path: /login*, field: a, session_cookie: S}",
        "10:23: write the path exactly and decoded, such as `/login`: no `*`, query or escape",
    ),
    (
        LOGIN,
        "login: {path: /login, field: a, session_cookie: 'S D'}",
        "10:57: expected the name of a cookie, such as `PHPSESSID`",
    ),
    (
        LOGIN,
        "login: {path: /login, field: a, session_cookie: S, success: {status: 401}}",
        "10:78: expected a status from 200 to 399",
    ),
    (LOGIN, "login", "10:9: expected keys and values, found a single value"),
    (
        LOGIN,
        "login: {path: /login, field: a, session_cookie: S}\n        header: {}",
        "10:9: expected just one key, one of login, header, ask, jwt, whoami, basic, client_certificate",
    ),
    (
        LOGIN,
        "header: {name: Cookie, from: 10.0.0.1}",
        "10:24: this header has another meaning: use one of its own, such as `X-Remote-User`",
    ),
    (LOGIN, "header: {name: X-User}", "10:17: the key `from` is missing"),
    (
        LOGIN,
        "whoami: {path: /me, session_cookie: S}",
        "10:9: expected one of `pointer`, `selector` and `regex`: how is the answer read?",
    ),
    (
        LOGIN,
        "whoami: {path: /me, session_cookie: S, pointer: /a, regex: (a)}",
        "10:9: expected one of `pointer`, `selector` and `regex`: how is the answer read?",
    ),
    (
        LOGIN,
        "whoami: {path: 'https://evil.example/', session_cookie: S, pointer: /a}",
        "10:24: expected a path of the application, such as `/api/me`",
    ),
    (
        LOGIN,
        "whoami: {path: /me, session_cookie: S, pointer: a}",
        "10:57: expected a JSON pointer, such as `/user/email`",
    ),
    (
        LOGIN,
        "whoami: {path: /me, session_cookie: S, selector: '['}",
        "10:58: expected a CSS selector, such as `#user .name`",
    ),
    (
        LOGIN,
        "whoami: {path: /me, session_cookie: S, regex: abc}",
        "10:55: expected one group, around what names the visitor, such as `signed in as ([^<]+)`",
    ),
    (LOGIN, "whoami: {path: /me, session_cookie: S, pointer: /a, attribute: b}", "10:72: `attribute` needs `selector`"),
    (
        LOGIN,
        "whoami: {path: /me, session_cookie: S, pointer: /a, cache: 1h}",
        "10:68: expected a time above zero, 5m at most",
    ),
    (
        LOGIN,
        "whoami: {path: /me, session_cookie: S, pointer: /a, cookies: S}",
        "10:70: this is the session cookie, which is sent already: leave it out",
    ),
    (LOGIN, "ask: {}", "10:9: nobody is allowed: name `domains` or `addresses`"),
    (LOGIN, "ask: {domains: '@example.com'}", "10:24: expected a domain, such as `example.com`"),
    (
        LOGIN,
        "ask: {addresses: [bob]}",
        "10:27: not an e-mail address: write it as name@example.com, without quotes, comments or spaces",
    ),
    ("max_age: 15m", "bind: network}\n  other: {channels: email, bind: app_session", "nothing is wrong"),
    // Secrets (F07).
    ("\"${SECRET}\"", "\"${GONE}\"", "3:10: the environment variable `GONE` is not set"),
    ("\"${SECRET}\"", "\"${EMPTY}\"", "3:10: the environment variable `EMPTY` is empty"),
    ("\"${SECRET}\"", "[\"${SECRET}\", \"file:empty\"]", "3:24: the file `empty` is empty"),
    (
        "\"${SECRET}\"",
        "aHVudGVyMg==",
        "3:10: too weak: a secret is 32 random bytes or more; make one with `otpgate keygen`",
    ),
    ("\"${SECRET}\"", "hunter2!", "3:10: not base64: make a secret with `otpgate keygen`"),
    ("secrets: \"${SECRET}\"\n", "\n", "1:1: at least one secret is needed: make one with `otpgate keygen`"),
    // Listeners, admin, log.
    (
        "127.0.0.1:8080}",
        "localhost:8080}",
        "1:22: expected an IP address and a port, such as `127.0.0.1:8080`, `0.0.0.0:443` or `[::]:443`",
    ),
    (
        "{address: 127.0.0.1:8080}",
        "[{address: 127.0.0.1:8080}, {address: 127.0.0.1:8080}]",
        "1:50: `127.0.0.1:8080` is listened on twice",
    ),
    ("8080}", "8080, max_header_size: 1KiB}", "1:55: expected a size from 4KiB to 256KiB"),
    (
        "8080}",
        "8080, client_certificates: {ca: empty}}",
        "1:59: certificates are shown in TLS alone: add `tls` to this listener",
    ),
    (
        LOGIN,
        "client_certificate: {name: email}",
        "10:9: no listener takes certificates of clients: add `client_certificates` to one with `tls`",
    ),
    (
        LOGIN,
        "client_certificate: {name: serial}",
        "10:36: unknown word `serial`: expected one of email, dns, uri, common_name",
    ),
    (LOGIN, "client_certificate: {}", "10:29: the key `name` is missing"),
    ("8080}", "8080, tls: {certificate: empty, key: empty}}", "1:57: `empty` has no certificate in PEM"),
    (
        "store: memory",
        "admin: {address: 0.0.0.0:9180}",
        "2:18: an admin listener that others can reach needs a `token`",
    ),
    (
        "store: memory",
        "admin: {address: 0.0.0.0:9180, token: short}",
        "2:39: the admin token is too short: at least 16 characters; `otpgate keygen` makes a good one",
    ),
    (
        "store: memory",
        "admin: {address: 127.0.0.1:8080}",
        "2:18: visitors are listened for here: the admin listener needs its own address",
    ),
    ("store: memory", "log: {level: loud}", "2:14: expected a level: `error`, `warn`, `info`, `debug` or `trace`"),
    ("store: memory", "log: {format: xml}", "2:15: unknown word `xml`: expected one of json, text"),
    ("store: memory", "portal: {support: \"a\\nb\"}", "2:19: expected one line of at most 300 characters"),
    // Challenge and limits.
    ("store: memory", "challenge: {digits: 5}", "2:21: expected 6 to 10 digits"),
    ("store: memory", "challenge: {ttl: 15m}", "2:18: expected a time from 1s to 10m"),
    ("store: memory", "challenge: {tries: 0}", "2:20: expected 1 to 10 tries"),
    (
        "store: memory",
        "challenge: {resend: {wait: [30s, 0s]}}",
        "2:34: expected a time from 1s to 1h: an impatient visitor sends again",
    ),
    ("store: memory", "challenge: {park: {ttl: 0s}}", "2:25: expected a time from 1s to 24h"),
    ("store: memory", "challenge: {park: {per_subject: 1KiB}}", "2:33: expected a size from 32KiB to 1GiB"),
    ("store: memory", "limits: {failures: {consecutive: 101}}", "2:34: expected 1 to 100 failures in a row"),
    (
        "store: memory",
        "limits: {sends: {per_ip: 5 per hour}}",
        "2:26: `5 per hour` is no limit: write a count and a time, such as `5/10m`",
    ),
    // Delivery.
    ("{type: outbox}", "{type: smtp, from: a@example.com}", "17:10: the key `url` is missing"),
    (
        "{type: outbox}",
        "{type: smtp, url: smtp://127.0.0.1, from: a@example.com, timeout: 5m}",
        "17:76: expected a time from 1s to 60s: a visitor waits for it",
    ),
    ("  email: {providers: dev}", "  email: {providers: [dev, dev]}", "18:28: `dev` stands here twice"),
    (
        "dev: {type: outbox}\n  email: {providers: dev}",
        "dev: {type: smtp, url: smtp://127.0.0.1, from: a@example.com}\n  email: {providers: dev}\n  sms: {providers: dev}",
        "19:20: `dev` cannot carry sms",
    ),
    (
        "dev: {type: outbox}\n  email: {providers: dev}",
        "dev: {type: outbox, base_url: 'https://mail.example.com'}\n  email: {providers: dev}",
        "17:35: `outbox` has no base_url: it sends nothing",
    ),
    // O33: what a call says is fetched.
    (
        "dev: {type: outbox}",
        "dev: {type: outbox}\n    pl: {type: plivo, auth_id: MAXXXXXXXXXXXXXXXXXX, auth_token: t, from: '+14155550100'}\n  voice: {providers: pl}",
        "19:22: `pl` fetches at `public_url` what a call says: add `public_url`",
    ),
    (
        "dev: {type: outbox}",
        "dev: {type: outbox}\n    pl: {type: plivo, auth_id: MAXXXXXXXXXXXXXXXXXX, auth_token: t, from: Shop}\n  voice: {providers: pl}",
        "19:22: `pl` cannot carry voice",
    ),
];

#[test]
fn every_fault_has_its_place_and_a_sentence() {
    let mut wrong = Vec::new();
    for (from, to, expected) in TABLE {
        let fault = Written::new(changed(from, to).as_bytes()).file("empty", "").fault();
        if fault != *expected {
            wrong.push(format!("{to:?}\n  is       {fault}\n  expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_small_config_is_good_and_not_odd() {
    let written = Written::new(SMALL.as_bytes());
    assert_eq!(written.fault(), "nothing is wrong");
    assert_eq!(written.oddities(), Vec::<String>::new());
}

#[test]
fn a_policy_bound_to_a_session_needs_a_login() {
    let bound = changed("max_age: 15m", "bind: [subject, app_session]")
        .replace(LOGIN, "header: {name: X-User, from: 10.0.0.1}");
    let expected = "14:37: `account` binds to the application's session, but no `login` or `whoami` of this site names its cookie: nobody could pass";
    assert_eq!(Written::new(bound.as_bytes()).fault(), expected);
}

#[test]
fn a_host_belongs_to_one_site() {
    let second = "  - {hosts: [b.example.com, shop.example.com], upstream: {servers: 127.0.0.1:1}}\ndelivery:";
    let two = changed("delivery:", second);
    assert_eq!(Written::new(two.as_bytes()).fault(), "15:29: the host `shop.example.com` stands in line 7 already");
}

#[test]
fn a_site_without_delivery_cannot_step_up() {
    let (without, _) = SMALL.split_once("delivery:").unwrap();
    let without = without.replace("  account: {channels: email, max_age: 15m}", "  account: {}");
    let expected = "14:37: no provider serves any channel, so no code could be sent: add `delivery`";
    assert_eq!(Written::new(without.as_bytes()).fault(), expected);
}

/// F05: files that are no config.
#[test]
fn files_that_are_no_config() {
    let fault = |bytes: &[u8]| Written::new(bytes).fault();
    assert_eq!(
        fault(b"listeners: {address: 127.0.0.1:8080}\n\tstore: memory\n"),
        "2:1: this is a tab: indent with spaces"
    );
    assert_eq!(fault(b"a: b\nc: \xff\n"), "2:4: this is no UTF-8: save the file as UTF-8");
    assert_eq!(fault(&vec![b'#'; 11 * 1024 * 1024]), "is larger than 10 MiB: that is no config");
    assert!(fault(b"sites: [{hosts: a\n").starts_with("1:"), "{}", fault(b"sites: [{hosts: a\n"));
    assert!(fault(b"secrets: [${SECRET}]\n").contains("quoted within `[]`"), "{}", fault(b"secrets: [${SECRET}]\n"));
    let missing = otpgate::server::plan(std::path::Path::new("/nonexistent/otpgate.yaml")).unwrap_err().to_string();
    assert!(missing.starts_with("/nonexistent/otpgate.yaml: cannot be read: "), "{missing}");
}

/// I9: no fault repeats a secret, nor a line beside it.
#[test]
fn no_fault_shows_a_secret() {
    let secrets = ["secrets: [hunter2, hunter2]", "secrets: {hunter2: x}", "secrets: [[hunter2]]"];
    for text in secrets {
        let config = changed("secrets: \"${SECRET}\"", text).replace("hunter2: x", "x: hunter2");
        assert!(!Written::new(config.as_bytes()).fault().contains("hunter2"), "{text}");
    }
    for (from, to) in [
        ("store: memory", "store: postgres://bob:hunter2@h"),
        ("{type: outbox}", "{type: smtp, url: \"http://bob:${PASSWORD}@h\", from: a@example.com}"),
        ("{type: outbox}", "{type: smtp, url: [smtp://bob:hunter2@h], from: a@example.com}"),
        ("store: memory", "store: &a redis://bob:hunter2@h\nstroe: *a"),
        ("store: memory", "store: \"redis://bob:hunter2@h"),
    ] {
        let fault = Written::new(changed(from, to).as_bytes()).fault();
        assert!(!fault.contains("hunter2"), "{fault}");
        assert_ne!(fault, "nothing is wrong", "{to}");
    }
}

#[test]
fn a_directory_file_that_cannot_be_read_is_named() {
    let gone = changed("contacts.yaml", "gone.yaml");
    let fault = Written::new(gone.as_bytes()).fault();
    assert!(fault.starts_with("12:23: `gone.yaml`: "), "{fault}");
}

#[test]
fn a_directory_file_that_is_malformed_is_named_with_its_line() {
    let fault =
        Written::new(SMALL.as_bytes()).file("contacts.yaml", "alice: {email: a@example.com}\nbob: {fax: 1}\n").fault();
    assert!(fault.starts_with("12:23: `contacts.yaml`: ") && fault.contains('2'), "{fault}");
}

#[test]
fn a_directory_is_of_one_kind_and_its_keys_stand_beside_it() {
    for (written, wanted) in [
        ("{fiel: contacts.yaml}", "12:17: unknown word `fiel`: did you mean `file`?"),
        ("file", "12:16: expected a kind of directory with its settings"),
        ("{}", "12:16: expected a kind of directory with its settings"),
        ("{cache: 1m}", "12:16: expected a kind of directory with its settings"),
        ("{file: contacts.yaml, identity: {}}", "12:16: a directory is of one kind"),
        ("{file: contacts.yaml, cahce: 1m}", "12:38: unknown word `cahce`: did you mean `cache`?"),
        ("{file: contacts.yaml, cache: 1m}", "12:45: this directory answers out of memory"),
        ("{identity: {}, stale: 1h}", "12:38: this directory answers out of memory"),
        ("{identity: {field: x}}", "12:28: unknown key `field`"),
        ("{file: [contacts.yaml]}", "12:23: expected"),
    ] {
        let fault = Written::new(changed("{file: contacts.yaml}", written).as_bytes()).fault();
        assert!(fault.starts_with(wanted), "{written}: {fault}");
    }
    let http = |keys: &str| {
        let more = if keys.starts_with("url") { "" } else { "url: 'https://crm.internal/{subject}', " };
        let pointers = if keys.starts_with("pointers") { "" } else { "pointers: {email: /email}, " };
        format!("{{http: {{{more}{pointers}{keys}}}}}")
    };
    for (keys, wanted) in [
        ("url: 'https://crm.internal/'", "`{subject}` is missing"),
        ("url: 'https://{subject}.internal/'", "`{subject}` stands in the path or in the query"),
        ("url: 'https://crm.internal/{id}/{subject}'", "only `{subject}` can be filled in"),
        ("url: 'http://crm.internal/{subject}'", "contacts would be read on the way"),
        ("url: 'https://otp:${PASSWORD}@crm.internal/{subject}'", "a user name in an address"),
        ("url: 'https://crm.internal/{subject}?key=${NOT_SET}'", "the environment variable `NOT_SET` is not set"),
        ("pointers: {mail: /email}", "nothing is called `mail` here: did you mean `email`?"),
        ("pointers: {email: email}", "expected a JSON pointer"),
        ("pointers: {id: /id}", "`pointers` finds no contact"),
        ("pointers: {}", "`pointers` finds no contact"),
        ("headers: {Cookie: a=b}", "`cookie` is not to be set here"),
        ("headers: {Host: other.internal}", "`host` is not to be set here"),
        ("headers: {'a b': c}", "this is no name of a header"),
        ("headers: {X-Key: \"a\\nb\"}", "no header holds this"),
        ("headers: {Authorization: x}, basic: {user: u, password: p}", "`headers` has an `Authorization` already"),
        ("basic: {user: 'a:b', password: p}", "a user name has no `:`"),
        ("timeout: 1h", "expected 100ms to 30s"),
        ("timeout: 0s", "expected 100ms to 30s"),
        ("ca: gone.pem", "the file `gone.pem` cannot be read"),
        ("ca: contacts.yaml", "the file `contacts.yaml` has no certificate in PEM"),
        ("mark: {method: GET, url: 'https://crm.internal/{subject}'}", "expected PATCH, PUT or POST"),
        ("mark: {url: 'https://crm.internal/'}", "`{subject}` is missing"),
        ("mark: {url: 'https://crm.internal/{subject}', body: 'contact={contact}'}", "expected a JSON text"),
        ("redirect: true", "unknown key `redirect`"),
    ] {
        let fault = Written::new(changed("{file: contacts.yaml}", &http(keys)).as_bytes()).fault();
        assert!(fault.starts_with("12:") && fault.contains(wanted), "{keys}: {fault}");
        assert!(!fault.contains("hunter2"), "I9: {fault}");
    }
    let kept = |keys: &str| format!("{}, {keys}}}", http("timeout: 1s").strip_suffix('}').unwrap());
    let short = Written::new(changed("{file: contacts.yaml}", &kept("cache: 1h, stale: 1m")).as_bytes()).fault();
    assert!(short.contains("`stale` is shorter than `cache`"), "{short}");
    for good in [
        http("basic: {user: u, password: '${PASSWORD}'}"),
        http("mark: {method: put, url: 'https://crm.internal/{subject}', body: '{\"phone\": \"{contact}\"}'}"),
        kept("cache: 0s"),
        kept("cache: 1m, stale: 1h"),
    ] {
        assert_eq!(
            Written::new(changed("{file: contacts.yaml}", &good).as_bytes()).fault(),
            "nothing is wrong",
            "{good}"
        );
    }
    for good in ["identity", "[identity]", "{identity: {}}", "[{file: contacts.yaml}, identity]"] {
        assert_eq!(
            Written::new(changed("{file: contacts.yaml}", good).as_bytes()).fault(),
            "nothing is wrong",
            "{good}"
        );
    }
}

/// Who is told of proved contacts: by nobody else's leave, and so that it can tell who says so.
#[test]
fn a_webhook_is_spoken_to_safely_and_signs_with_a_strong_secret() {
    let with =
        |keys: &str| changed("    sign_in: /login\n", &format!("    sign_in: /login\n    verified: {{{keys}}}\n"));
    let strong = "secret: '${SECRET}'";
    let hook = "webhook: 'https://crm.internal/otpgate'";
    for (keys, wanted) in [
        (hook.to_owned(), "12:15: the key `secret` is missing"),
        (strong.to_owned(), "12:15: the key `webhook` is missing"),
        (format!("webhook: 'http://crm.internal/otpgate', {strong}"), "12:25: contacts would be read on the way"),
        (format!("webhook: 'ftp://crm.internal/otpgate', {strong}"), "12:25: contacts would be read on the way"),
        (format!("webhook: 'crm.internal', {strong}"), "12:25: expected an address such as https://"),
        (
            format!("webhook: 'https://otp:${{PASSWORD}}@crm.internal/', {strong}"),
            "12:25: expected an address without a user",
        ),
        (format!("webhook: 'https://crm.internal/#x', {strong}"), "12:25: expected an address without a user"),
        (format!("{hook}, secret: '${{PASSWORD}}'"), "12:65: too short, whoever guesses it forges marks"),
        (format!("{hook}, secret: '${{NOT_SET}}'"), "12:65: the environment variable `NOT_SET` is not set"),
        (format!("{hook}, secret: whsec_aHVudGVyMg=="), "12:65: too short, whoever guesses it forges marks"),
        (format!("{hook}, secret: 'whsec_hunter2 hunter2 hunter2'"), "12:65: what follows `whsec_` is no base64"),
        (format!("{hook}, {strong}, timeout: 1m"), "expected 100ms to 30s"),
        (format!("{hook}, {strong}, ca: gone.pem"), "the file `gone.pem` cannot be read"),
        (format!("{hook}, {strong}, retries: 3"), "unknown key `retries`"),
    ] {
        let fault = Written::new(with(&keys).as_bytes()).fault();
        assert!(fault.contains(wanted), "{keys}: {fault}");
        assert!(!fault.contains("hunter2") && !fault.contains("aHVudGVyMg"), "I9: {fault}");
    }
    for good in [
        format!("{hook}, {strong}"),
        format!("webhook: 'http://127.0.0.1:9001/hook?key=${{PASSWORD}}', {strong}, timeout: 500ms"),
        format!("{hook}, secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ] {
        let written = Written::new(with(&good).as_bytes());
        assert_eq!(written.fault(), "nothing is wrong", "{good}");
        let shown = format!("{:?}", written.plan().unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains("MfKQ9r8G"), "I9");
    }
}
