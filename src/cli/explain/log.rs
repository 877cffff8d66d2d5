//! Access logs, line by line: the combined format and its relatives, and JSON as nginx, Caddy and Traefik write it.
//!
//! Formats: <https://httpd.apache.org/docs/2.4/logs.html> (common, combined, vhost_combined),
//! <https://nginx.org/en/docs/http/ngx_http_log_module.html>, <https://caddyserver.com/docs/logging>,
//! <https://doc.traefik.io/traefik/observability/access-logs/>.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use crate::words::Timestamp;

/// One request of a log.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// When; `None` when the line does not say so in a way that is known.
    pub at: Option<Timestamp>,
    /// Who connected.
    pub peer: IpAddr,
    /// The host that was asked, where the line has it.
    pub host: Option<String>,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The user that the server knew.
    pub user: Option<String>,
    /// The headers that the line has.
    pub headers: HeaderMap,
}

/// Reads a line; `None` for what is no request.
pub(super) fn read(line: &str) -> Option<Entry> {
    match line.trim_start().starts_with('{') {
        true => json(&serde_json::from_str(line).ok()?),
        false => combined(line),
    }
}

/// `[host[:port] ]address ident user [time] "request" status size["referer" "agent"]`
fn combined(line: &str) -> Option<Entry> {
    let (head, rest) = line.split_once(" [")?;
    let (time, rest) = rest.split_once(']')?;
    let mut words = head.split_whitespace();
    let first = words.next()?;
    let (host, peer) = match address(first) {
        Some(peer) => (None, peer),
        None => (Some(first.to_owned()), address(words.next()?)?),
    };
    let _ident = words.next()?;
    let user = words.collect::<Vec<_>>().join(" ");
    let (request, rest) = quoted(rest)?;
    let (method, target) = request_line(&request)?;
    let mut headers = HeaderMap::new();
    if let Some((referer, rest)) = quoted(rest) {
        put(&mut headers, "referer", &referer);
        if let Some((agent, _)) = quoted(rest) {
            put(&mut headers, "user-agent", &agent);
        }
    }
    Some(Entry { at: common_time(time), peer, host, method, target, user: known(&user), headers })
}

/// An object with a request's parts under the names that servers and guides give them.
fn json(line: &Value) -> Option<Entry> {
    let text = |names: &[&str]| names.iter().find_map(|name| line.pointer(name).and_then(text_of));
    let whole = text(&["/request"]).as_deref().and_then(request_line);
    let (method, target) = match whole {
        Some(whole) => whole,
        None => {
            let method = text(&["/request_method", "/method", "/RequestMethod", "/request/method", "/verb"])?;
            let target = text(&["/request_uri", "/uri", "/RequestPath", "/request/uri", "/path", "/url"])?;
            (Method::from_bytes(method.as_bytes()).ok()?, target)
        }
    };
    let peer = text(&[
        "/remote_addr",
        "/request/remote_ip",
        "/remote_ip",
        "/ClientAddr",
        "/ClientHost",
        "/client_ip",
        "/clientip",
        "/request/client_ip",
    ])?;
    let mut headers = HeaderMap::new();
    for (name, value) in line.as_object().into_iter().flatten() {
        // nginx calls a header `http_…`, Traefik `request_…` where it keeps it.
        let name = name.strip_prefix("http_").or_else(|| name.strip_prefix("request_"));
        if let (Some(name), Some(value)) = (name.filter(|name| !matches!(*name, "method" | "uri")), value.as_str()) {
            put(&mut headers, &name.replace('_', "-"), value);
        }
    }
    for (name, values) in line.pointer("/request/headers").and_then(Value::as_object).into_iter().flatten() {
        for value in values.as_array().into_iter().flatten().filter_map(Value::as_str) {
            put(&mut headers, name, value);
        }
    }
    if let Some(agent) = text(&["/user_agent", "/agent"]) {
        put(&mut headers, "user-agent", &agent);
    }
    let at = ["/time_iso8601", "/time_local", "/time", "/timestamp", "/@timestamp", "/StartUTC", "/ts", "/msec"];
    let user = text(&["/remote_user", "/user", "/ClientUsername", "/user_id"]).and_then(|user| known(&user));
    let host = text(&["/host", "/http_host", "/vhost", "/RequestHost", "/request/host", "/server_name"]);
    let at = at.iter().find_map(|name| line.pointer(name).and_then(moment));
    Some(Entry { at, peer: address(&peer)?, host: host.and_then(|host| known(&host)), method, target, user, headers })
}

/// What stands there for "nothing" is nothing.
fn known(text: &str) -> Option<String> {
    (!matches!(text, "" | "-")).then(|| text.to_owned())
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The method and the target of `GET /path HTTP/1.1`.
fn request_line(line: &str) -> Option<(Method, String)> {
    let mut words = line.split(' ');
    let method = Method::from_bytes(words.next()?.as_bytes()).ok()?;
    let target = words.next().filter(|target| !target.is_empty())?;
    Some((method, target.to_owned()))
}

/// The next text in quotes, and what follows it. Servers write a quote within as `\"` or `\x22`.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (_, rest) = text.split_once('"')?;
    let mut plain = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((plain, rest.get(at + 1..)?)),
            '\\' => match letters.next()? {
                (at, 'x') => {
                    let byte = u8::from_str_radix(rest.get(at + 1..at + 3)?, 16).ok()?;
                    plain.push(char::from(byte));
                    letters.nth(1)?;
                }
                (_, other) => plain.push(other),
            },
            other => plain.push(other),
        }
    }
    None
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    let (name, value) = (HeaderName::try_from(name), known(value).map(HeaderValue::try_from));
    if let (Ok(name), Some(Ok(value))) = (name, value) {
        headers.append(name, value);
    }
}

/// `10/Oct/2000:13:55:36 -0700`
fn common_time(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (date, zone) = text.split_once(' ').unwrap_or((text, "+0000"));
    let (day, time) = date.split_once(':')?;
    let [day, month, year] = *day.split('/').collect::<Vec<_>>() else { return None };
    let month = 1 + MONTHS.iter().position(|known| *known == month)?;
    utc(&format!("{year}-{month:02}-{day}T{time}"), zone)
}

/// RFC 3339, the common format, or seconds since 1970.
fn moment(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.as_f64().or_else(|| value.as_str()?.parse().ok()) {
        let since = Duration::try_from_secs_f64(seconds).ok()?;
        return Some(Timestamp::from_millis(u64::try_from(since.as_millis()).ok()?));
    }
    let text = value.as_str()?.trim();
    let zone = text.get(19..).and_then(|rest| rest.find(['+', '-', 'Z']).map(|at| at + 19));
    match zone {
        Some(at) => utc(text.get(..at)?, text.get(at..)?),
        None => common_time(text).or_else(|| utc(text, "Z")),
    }
    .or_else(|| common_time(text))
}

/// A moment of a local time, and how far it is before that of UTC: `Z`, `+01:00` or `+0100`.
fn utc(local: &str, zone: &str) -> Option<Timestamp> {
    let at = humantime::parse_rfc3339(&format!("{}Z", local.replace(' ', "T"))).ok()?;
    let at = i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()?;
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let ahead = match (digits.get(..2), digits.get(2..4)) {
        (Some(hours), Some(minutes)) => hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?,
        _ => 0,
    };
    let ahead = if zone.starts_with('-') { -ahead } else { ahead };
    u64::try_from(at - ahead * 60_000).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests;
