//! Vonage's Messages API.

use serde_json::{Value, json};

use crate::delivery::providers::vonage::{API, Vonage, digits, price, whose};
use crate::delivery::sentences::SmsText;
use crate::delivery::web::Answer;
use crate::delivery::{BadCallback, Callback, Failure, Parcel, Receipt, Taken};
use crate::words::{FailureClass, Progress};

/// The shortest time, in seconds, for which Vonage tries to deliver, and the longest.
const TTL: (u64, u64) = (20, 604_800);

impl Vonage {
    pub(super) async fn carry_by_messages(&self, parcel: &Parcel<'_>, text: &SmsText) -> Result<Taken, Failure> {
        let mut body = json!({
            "message_type": "text",
            "channel": "sms",
            "to": digits(parcel)?,
            "from": self.spec.from.as_str(),
            "text": text.text,
            "ttl": parcel.message.expires_in.as_secs().clamp(TTL.0, TTL.1),
            "client_ref": parcel.id.to_string(),
            "sms": {"encoding_type": if text.unicode { "unicode" } else { "text" }},
        });
        if let Some(receipts) = self.receipts(parcel) {
            body["webhook_url"] = receipts.into();
            body["webhook_version"] = "v1".into();
        }
        let request = self.post(API, "/v1/messages").json(&body);
        let request = match (&self.token, self.account()) {
            (Some(token), _) => request.bearer_auth(token.at(self.clock.now())?),
            (None, Some((api_key, secret))) => request.basic_auth(api_key, Some(secret)),
            (None, None) => return Err(Failure::Unsendable("there are no credentials")),
        };
        taken(&self.web.send(request, self.limit).await?)
    }
}

fn taken(answer: &Answer) -> Result<Taken, Failure> {
    let json = answer.json();
    if answer.status.is_success() {
        let theirs = json.get("message_uuid").and_then(Value::as_str);
        // It answered, and what became of the message nobody knows.
        return theirs.map(|name| Taken::accepted(Some(name.to_owned()))).ok_or(Failure::Broken { written: true });
    }
    let code = code(&json);
    let of_code = code.as_deref().map_or(FailureClass::Unknown, class);
    let class = if of_code == FailureClass::Unknown { answer.class_of_status() } else { of_code };
    Err(answer.refusal(class, code.as_deref()))
}

/// The number of an error: its `title` in receipts; in answers the title is a text, and the number ends the `type`.
fn code(error: &Value) -> Option<String> {
    let is_number = |text: &&str| (3..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let number = error.get("title").and_then(Value::as_u64).map(|number| number.to_string());
    let title = || text("title").filter(is_number).map(str::to_owned);
    let kind = || text("type").and_then(|kind| kind.rsplit_once('#')).map(|(_, code)| code).filter(is_number);
    number.or_else(title).or_else(|| kind().map(str::to_owned))
}

/// Why a message was not taken or did not arrive, by the number of the error.
fn class(code: &str) -> FailureClass {
    let Ok(code) = code.parse::<u32>() else { return FailureClass::Unknown };
    match code {
        1020 | 1040 | 1170 | 1430 => FailureClass::InvalidNumber,
        1180 | 1220 | 1230 => FailureClass::UnreachableTemporarily,
        1190 | 1250 | 1251 | 1260 => FailureClass::UnreachablePermanently,
        1480..=1499 => FailureClass::RegionBlocked,
        1240 => FailureClass::OptedOut,
        1210 | 1280 | 1282 => FailureClass::CarrierFiltered,
        1470 | 1472 | 1473 => FailureClass::FraudBlocked,
        1000 | 1460 => FailureClass::RateLimited,
        402 | 1060 | 1070 => FailureClass::InsufficientBalance,
        401 => FailureClass::AuthConfig,
        1120 | 1160 => FailureClass::SenderConfig,
        500 | 1030 => FailureClass::ProviderDown,
        1360 => FailureClass::Expired,
        _ => FailureClass::Unknown,
    }
}

/// What a receipt says, its token checked. `None` when it says nothing that matters.
pub(super) fn receipt(said: &Value, callback: &Callback<'_>) -> Result<Option<Receipt>, BadCallback> {
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let progress = match text("status") {
        Some("submitted") => Progress::Sent,
        Some("delivered" | "read") => Progress::Delivered,
        Some("rejected" | "undeliverable") => {
            let code = said.get("error").and_then(code);
            Progress::Failed(code.as_deref().map_or(FailureClass::Unknown, class))
        }
        _ => return Ok(None),
    };
    let usage = |name: &str| said.get("usage").and_then(|usage| usage.get(name)).and_then(Value::as_str);
    let count = said.get("sms").and_then(|sms| sms.get("count_total"));
    Ok(Some(Receipt {
        whose: whose(text("client_ref"), callback, text("message_uuid"))?,
        progress,
        price: price(usage("price"), usage("currency")),
        parts: count.and_then(|count| count.as_str().map_or_else(|| count.to_string(), str::to_owned).parse().ok()),
    }))
}

#[cfg(test)]
mod tests;
