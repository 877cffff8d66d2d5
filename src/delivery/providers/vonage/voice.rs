//! Vonage's Voice API: a call whose words go with the request, as an NCCO.

use serde_json::{Value, json};

use crate::delivery::providers::markup::{self, VONAGE_SAYS};
use crate::delivery::providers::vonage::{API, Vonage, digits, price, whose};
use crate::delivery::sentences::Speech;
use crate::delivery::web::Answer;
use crate::delivery::{BadCallback, Callback, Failure, Parcel, Receipt, Taken};
use crate::words::{FailureClass, Progress};

/// The longest text of one `talk`, in characters.
const TEXT: usize = 1500;
/// How long a call may last, in seconds: three times what a code takes.
const LENGTH: u64 = 120;
/// How long a telephone rings at most, in seconds: Vonage's own default. Never longer than the code lives.
const RINGING: u64 = 60;

impl Vonage {
    pub(super) async fn call(&self, parcel: &Parcel<'_>, speech: &Speech) -> Result<Taken, Failure> {
        let token = self.token.as_ref().ok_or(Failure::Unsendable("there are no credentials"))?;
        let text = markup::tell(VONAGE_SAYS, speech, &[]);
        if text.chars().count() > TEXT {
            return Err(Failure::Unsendable("its text is too long for a call"));
        }
        let mut body = json!({
            "to": [{"type": "phone", "number": digits(parcel)?}],
            "ncco": [{"action": "talk", "text": text, "language": language(speech)}],
            // A code must not lie in a mailbox that others can listen to.
            "machine_detection": "hangup",
            "length_timer": LENGTH,
            "ringing_timer": parcel.message.expires_in.as_secs().clamp(1, RINGING),
        });
        match self.spec.from.caller() {
            Some(number) => body["from"] = json!({"type": "phone", "number": number}),
            None => body["random_from_number"] = true.into(),
        }
        if let Some(receipts) = self.receipts(parcel) {
            body["event_url"] = json!([receipts]);
            body["event_method"] = "POST".into();
        }
        let request = self.post(API, "/v1/calls").bearer_auth(token.at(self.clock.now())?).json(&body);
        taken(&self.web.send(request, self.limit).await?)
    }
}

fn taken(answer: &Answer) -> Result<Taken, Failure> {
    if !answer.status.is_success() {
        return Err(answer.refusal(answer.class_of_status(), None));
    }
    let json = answer.json();
    let theirs = json.get("uuid").and_then(Value::as_str);
    // It answered, and what became of the call nobody knows.
    theirs.map(|name| Taken::accepted(Some(name.to_owned()))).ok_or(Failure::Broken { written: true })
}

/// The language as Vonage writes it. It speaks no Malay: an Indonesian voice is understood by everybody who does.
fn language(speech: &Speech) -> &'static str {
    match speech.locale() {
        "ms-MY" => "id-ID",
        other => other,
    }
}

/// What an event of a call says, its token checked. `None` when it says nothing that matters.
///
/// Only `human` says that somebody hears the code: behind `answered` may come `machine`, and nothing takes back what was
/// delivered.
pub(super) fn receipt(said: &Value, callback: &Callback<'_>) -> Result<Option<Receipt>, BadCallback> {
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let detail = text("detail").unwrap_or_default();
    let progress = match text("status") {
        Some("started") => Progress::Accepted,
        Some("ringing" | "answered" | "completed") => Progress::Sent,
        Some("human") => Progress::Delivered,
        Some(failed) => match class(failed, detail) {
            Some(class) => Progress::Failed(class),
            None => return Ok(None),
        },
        None => return Ok(None),
    };
    Ok(Some(Receipt {
        whose: whose(None, callback, text("uuid").or_else(|| text("call_uuid")))?,
        progress,
        price: price(text("price"), None),
        parts: None,
    }))
}

/// Why a call reached nobody; `None` for a status that does not say so.
fn class(status: &str, detail: &str) -> Option<FailureClass> {
    Some(match (status, detail) {
        ("rejected", "invalid_number") => FailureClass::InvalidNumber,
        ("rejected", "restricted") => FailureClass::RegionBlocked,
        ("failed", "cannot_route" | "number_out_of_service") => FailureClass::UnreachablePermanently,
        ("failed", "internal_error") => FailureClass::ProviderDown,
        ("machine" | "busy" | "timeout" | "unanswered", _) | ("rejected", "declined") => {
            FailureClass::UnreachableTemporarily
        }
        ("failed" | "rejected" | "cancelled", _) => FailureClass::Unknown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
