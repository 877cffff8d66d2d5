//! GetOTP, against servers that answer as api.otp.dev does.

use std::time::Duration;

use otpgate::delivery::{BadCallback, Failure};
use otpgate::seal::Code;
use otpgate::words::{Channel, FailureClass};
use serde_json::json;

use super::world::{Mock, Says, World, message};

fn world(mock: &Mock) -> World {
    World::new(&format!(
        "providers: {{otp: {{type: getotp, api_key: k3y-of-mine, sender: Shop, template: 19793c18-d417, timeout: 1s, \
         base_url: '{}'}}}}\nsms: {{providers: otp}}\nvoice: {{providers: otp}}\n",
        mock.url
    ))
}

const TAKEN: &str =
    r#"{"account_id": "a-1", "message_id": "m-1", "phone": "60123456789", "expire_date": "2026-01-01"}"#;

#[tokio::test]
async fn our_own_code_goes_out() {
    let mock = Mock::saying(201, TAKEN).await;
    let world = world(&mock);
    for channel in [Channel::Sms, Channel::Voice] {
        world.send(&message(channel)).await.unwrap();
        let asked = mock.last();
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v1/verifications"));
        assert_eq!((asked.header("x-otp-key"), asked.header("content-type")), ("k3y-of-mine", "application/json"));
        let data = json!({"channel": channel.as_str(), "sender": "Shop", "phone": "60123456789",
            "template": "19793c18-d417", "code": "123456"});
        assert_eq!(asked.json(), json!({ "data": data }));
    }
    mock.says([Says::Answer(200, Vec::new(), format!(r#"{{"data": {TAKEN}}}"#))]);
    assert!(world.send(&message(Channel::Sms)).await.is_ok());
    assert!(!format!("{:?}", world.delivery).contains("k3y"), "I9");
}

#[tokio::test]
async fn its_errors_are_told_by_their_shape() {
    use FailureClass as C;
    let mock = Mock::saying(200, "{}").await;
    let world = world(&mock);
    let error = |status: u16, message: &str| {
        json!({"errors": [{"timestamp": "t", "path": "/v1/verifications", "method": "POST", "status": status,
            "message": message}]})
        .to_string()
    };
    for (status, body, class, code) in [
        (401, error(401, "Unauthorized"), C::AuthConfig, "401"),
        (200, error(403, "API key is not active"), C::AuthConfig, "403"),
        (402, error(402, "x"), C::InsufficientBalance, "402"),
        (400, error(400, "Insufficient balance"), C::InsufficientBalance, "400"),
        (400, error(400, "Sender is not found"), C::SenderConfig, "400"),
        (404, error(404, "Template does not exist"), C::SenderConfig, "404"),
        (400, error(400, "Invalid phone number +60123456789"), C::InvalidNumber, "400"),
        (400, error(400, "phone is blocked"), C::Unknown, "400"),
        (429, error(429, "Too many requests"), C::RateLimited, "429"),
        (500, error(500, "x"), C::ProviderDown, "500"),
        (502, "<html>".to_owned(), C::ProviderDown, "502"),
        (400, "{}".to_owned(), C::Unknown, "400"),
        (400, r#"{"errors": "odd"}"#.to_owned(), C::Unknown, "400"),
        (422, r#"{"errors": [7, {"status": -1}]}"#.to_owned(), C::Unknown, "422"),
        (400, r#"{"errors": [{"status": "40x", "message": ["a"]}]}"#.to_owned(), C::Unknown, "400"),
        (307, String::new(), C::Unknown, "307"),
    ] {
        mock.says([Says::Answer(status, vec![("location", "http://127.0.0.1:1/".to_owned())], body.clone())]);
        let failure = world.failure(&message(Channel::Sms)).await;
        let Failure::Declined { class: found, code: number, .. } = &failure else { panic!("{failure}") };
        assert_eq!((*found, number.as_str()), (class, code), "{status} {body}");
    }
    mock.says([Says::Answer(429, vec![("retry-after", "30".to_owned())], String::new())]);
    let Failure::Declined { retry_after, .. } = world.failure(&message(Channel::Sms)).await else { panic!() };
    assert_eq!(retry_after, Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn d03_what_may_have_gone_out_is_told_as_such() {
    let mock = Mock::start([Says::Nothing, Says::Breaks]).await;
    let world = world(&mock);
    assert!(matches!(world.failure(&message(Channel::Sms)).await, Failure::TimedOut { written: true }));
    assert!(matches!(world.failure(&message(Channel::Voice)).await, Failure::Broken { written: true }));
}

/// Nine digits are more than GetOTP says: another provider has to carry them.
#[tokio::test]
async fn a_code_that_is_too_long_for_it_is_not_cut() {
    let mock = Mock::saying(201, TAKEN).await;
    let mut message = message(Channel::Sms);
    message.code = Code::unsealed(b"123456789").unwrap();
    let failure = world(&mock).failure(&message).await;
    assert!(matches!(failure, Failure::Unsendable(_)) && failure.surely_not_sent(), "{failure}");
    assert!(failure.remedy().fails_over && mock.seen().is_empty());
}

#[tokio::test]
async fn nothing_that_it_reports_is_believed() {
    let mock = Mock::saying(201, TAKEN).await;
    let read = world(&mock).read("otp", &http::Method::POST, "", &http::HeaderMap::new(), b"{}");
    assert_eq!(read, Err(BadCallback::NoReceipts));
}

#[test]
fn its_keys_are_needed() {
    let fault = |keys: &str| World::fault(&format!("providers: {{otp: {{type: getotp, {keys}}}}}"));
    assert_eq!(fault("sender: a, template: b"), "the key `api_key` is missing");
    assert_eq!(fault("api_key: k, sender: a, template: ' '"), "expected a text that is not empty");
    assert_eq!(
        fault("api_key: \"a\\nb\", sender: a, template: b"),
        "expected a key that goes into a header: no line breaks"
    );
}
