//! A challenge as templates and JSON show it.

use std::time::{Duration, SystemTime};

use minijinja::{Value, context};
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::challenge::Asked;
use crate::portal::handle::Call;
use crate::portal::sentences;
use crate::portal::trouble::Trouble;
use crate::stepup::{Reached, Standing};
use crate::store::{Lock, State};
use crate::words::{ChallengeId, Progress, Timestamp};

/// The longest path that a page shows, in characters; what is longer is cut with an ellipsis.
const LONGEST_PATH: usize = 80;

/// What templates call `challenge`.
pub(super) fn challenge(call: &Call, standing: &Standing) -> Value {
    let now = call.gateway.shared().clock.now();
    let mut channels: Vec<&str> = Vec::new();
    for reached in &standing.reached {
        if !channels.contains(&reached.channel.as_str()) {
            channels.push(reached.channel.as_str());
        }
    }
    context! {
        id => standing.id.to_string(),
        token => call.gateway.form_token(&standing.id),
        what => what(standing),
        proves => proves(standing),
        back => standing.form.as_ref().and_then(|form| form.back.as_deref()),
        method => standing.method.as_str(),
        path => path(&standing.path),
        is_parked => standing.is_parked,
        is_typed => matches!(standing.asked, Asked::Typed | Asked::Decoy),
        is_sent => standing.state == State::Sent,
        can_send => standing.state == State::Open || standing.sends_left > 0,
        expires => moment(now, standing.expires_in),
        resend => moment(now, standing.resend_in),
        channels,
        is_earlier => standing.is_earlier,
        usable => standing.usable_in.map(|left| moment(now, left)),
        ways => ways(standing),
    }
}

/// What templates call `last`: where the code went.
pub(super) fn last(standing: &Standing) -> Option<Value> {
    let last = standing.last.as_ref().or_else(|| standing.reached.first())?;
    Some(context! { channel => last.channel.as_str(), to => last.to.as_str() })
}

/// A moment in words that need no time zone, and exactly, for programs.
pub(super) fn moment(now: Timestamp, left: Duration) -> Value {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(now.after(left).as_secs());
    context! {
        at => humantime::format_rfc3339_seconds(at).to_string(),
        seconds => sentences::seconds(left),
        text => sentences::duration(left),
    }
}

/// Every way in which a code can go; where it went last comes first.
fn ways(standing: &Standing) -> Vec<Value> {
    let is_last = |reached: &&Reached| Some(*reached) == standing.last.as_ref();
    let last = standing.reached.iter().filter(is_last);
    let others = standing.reached.iter().filter(|reached| !is_last(reached));
    last.chain(others).map(|reached| way(standing, reached)).collect()
}

/// A way in which a code can go.
pub(super) fn way(standing: &Standing, reached: &Reached) -> Value {
    context! {
        channel => reached.channel.as_str(),
        contact => reached.contact,
        to => reached.to.as_str(),
        label => if standing.is_earlier { Some(sentences::say("way.earlier", &[])) } else { reached.label.clone() },
        again => Some(reached) == standing.last.as_ref(),
    }
}

/// What templates call `news`: what is known of the last message, if its provider tells anything of it. `follow` is where
/// more may be heard.
pub(super) fn news(standing: &Standing) -> Option<Value> {
    let last = standing.last.as_ref().filter(|_| standing.state == State::Sent)?;
    let waits = standing.reports && !matches!(standing.progress, Some(Progress::Delivered | Progress::Failed(_)));
    match standing.progress? {
        Progress::Delivered => Some(context! { key => format!("news.delivered.{}", last.channel), is_good => true }),
        _ if waits => {
            let follow = format!("/.otpgate/api/challenge?id={}", standing.id);
            Some(context! { key => "news.waiting", follow })
        }
        _ => None,
    }
}

/// What templates call `page`: the provider's page on which an address is proved.
pub(super) fn page(standing: &Standing) -> Option<Value> {
    let page = standing.page.as_ref()?;
    Some(context! { link => page.link.as_str(), host => page_host(standing), is_proved => page.is_proved })
}

/// The host of the provider's page.
pub(super) fn page_host(standing: &Standing) -> String {
    let url = standing.page.as_ref().and_then(|page| url::Url::parse(&page.link).ok());
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// The provider's page, for programs.
pub(super) fn hosted(standing: &Standing) -> Option<serde_json::Value> {
    let page = standing.page.as_ref()?;
    Some(json!({ "link": page.link, "proved": page.is_proved, "finish": "/.otpgate/api/finish" }))
}

/// Which kind of contact, typed into a form, is proved: the one that the sentences name.
fn proves(standing: &Standing) -> Option<&'static str> {
    let first = standing.reached.first().filter(|_| standing.form.is_some())?;
    Some(if first.to.contains('@') { "email" } else { "phone" })
}

fn what(standing: &Standing) -> &'static str {
    if let Some(kind) = proves(standing) {
        if kind == "email" { "prove.email" } else { "prove.phone" }
    } else if standing.confirms {
        "confirm"
    } else if matches!(standing.method.as_str(), "GET" | "HEAD") {
        "open"
    } else {
        "send"
    }
}

/// The path as a person reads it. What could turn or hide the text around it stays escaped.
fn path(wire: &str) -> String {
    let decoded = percent_decode_str(wire).decode_utf8().ok();
    let is_readable = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ');
    let text = decoded.filter(|text| is_readable(text)).unwrap_or_else(|| wire.into());
    match text.char_indices().nth(LONGEST_PATH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.into_owned(),
    }
}

/// The address of a challenge's page.
pub(super) fn page_address(id: &ChallengeId) -> String {
    format!("/.otpgate/challenge?id={id}")
}

/// The `challenge` of a 401, as DESIGN's table has it.
pub(super) fn json(standing: &Standing) -> serde_json::Map<String, serde_json::Value> {
    let channels: Vec<_> = standing.reached.iter().map(json_channel).collect();
    let sent = matches!(standing.state, State::Sent) || standing.last.is_some();
    let serde_json::Value::Object(mut members) = json!({
        "id": standing.id.to_string(),
        "page": page_address(&standing.id),
        "send": "/.otpgate/api/send",
        "verify": "/.otpgate/api/verify",
        "channels": channels,
        "expires_in": sentences::seconds(standing.expires_in),
        "sent": sent,
    }) else {
        return serde_json::Map::new();
    };
    if standing.is_earlier {
        members.insert("earlier".to_owned(), true.into());
    }
    members.extend(standing.usable_in.map(|left| ("usable_in".to_owned(), sentences::seconds(left).into())));
    members
}

pub(super) fn json_channel(reached: &Reached) -> serde_json::Value {
    let mut channel = json!({ "channel": reached.channel.as_str(), "contact": reached.contact, "to": reached.to });
    if let Some(label) = &reached.label {
        channel["label"] = label.as_str().into();
    }
    channel
}

/// What became of the last message, for programs; `None` where that is nobody's business.
pub(super) fn delivery(standing: &Standing) -> Option<serde_json::Value> {
    let progress = standing.progress.filter(|_| standing.last.is_some())?;
    let mut told = json!({ "state": progress.as_str() });
    if let Some(trouble) = Trouble::of(standing) {
        told["reason"] = trouble.reason().into();
        told["try"] = trouble.json_ways(standing);
    }
    Some(told)
}

/// The word of a state.
pub(super) const fn state(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Sent => "sent",
        State::Passed => "passed",
        State::Locked(_) => "locked",
        State::Expired => "expired",
    }
}

/// How long a lock lasts, as far as waiting helps.
pub(super) fn wait(lock: Lock) -> Duration {
    Duration::from_secs(lock.retry_after())
}
