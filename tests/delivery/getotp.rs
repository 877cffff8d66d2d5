//! GetOTP, against servers that answer as api.otp.dev does.

use std::time::Duration;

use http::{HeaderMap, Method};
use otpgate::delivery::{BadCallback, Callback, Delivered, Failure, Order, Page, SendError};
use otpgate::seal::Code;
use otpgate::words::{ChallengeId, Channel, Clock as _, Contact, FailureClass, SystemClock};
use serde_json::json;

use super::world::{Mock, PUBLIC_URL, Says, World, message, message_to};

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
    message.code = Code::unsealed(b"123456789");
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
    let either = "expected `api_key`, `sender` and `template`, or `account_key` and `account_token`, or all of them";
    assert_eq!(fault("timeout: 1s"), either);
    assert_eq!(fault("sender: a, template: b"), "`api_key` is needed with it");
    assert_eq!(fault("api_key: k, sender: a"), "`sender` and `template` are needed with it");
    assert_eq!(fault("account_key: k"), "`account_key` and `account_token` belong together");
    assert!(fault("api_key: k, sender: a, template: b, poll: true").starts_with("this is for its page"));
    assert_eq!(fault("api_key: k, sender: a, template: ' '"), "expected a text that is not empty");
    let broken = "expected a key that goes into a header: no line breaks";
    assert_eq!(fault("api_key: \"a\\nb\", sender: a, template: b"), broken);
    let used = |keys: &str, channel: &str| {
        World::fault(&format!("providers: {{otp: {{type: getotp, {keys}}}}}\n{channel}: {{providers: otp}}"))
    };
    assert_eq!(
        used("api_key: k, sender: a, template: b", "hosted"),
        "`otp` cannot carry hosted: it needs `account_key` and `account_token`"
    );
    assert_eq!(
        used("account_key: k, account_token: t", "sms"),
        "`otp` cannot carry sms: it needs `api_key`, `sender` and `template`"
    );
    assert_eq!(used("account_key: k, account_token: t", "email"), "`otp` cannot carry email");
}

const BACK: &str = "https://shop.example.com/.otpgate/back/CQkJCQkJCQkJCQkJCQkJCQ";
const OPENED: &str =
    r#"{"otp_id": "kpb9c0a3", "link": "https://otp.dev/api/ui/verify/kpb9c0a3/sms/", "otp_secret": "dxn07vdzqy7w"}"#;

fn hosting(mock: &Mock, more: &str) -> World {
    World::new(&format!(
        "providers: {{otp: {{type: getotp, account_key: k3y, account_token: t0ken, timeout: 1s, base_url: '{}'{more}}}}}\n\
         hosted: {{providers: otp}}\n",
        mock.url
    ))
}

async fn open(world: &World, to: &str) -> Result<Delivered, SendError> {
    let message = message_to(Contact::parse(Channel::Hosted, to).unwrap());
    let challenge = ChallengeId::from_random([9; 16]);
    let (site, budget) = (&world.site, &world.budget);
    let order = Order { message: &message, site, challenge, send: 1, budget, avoid: None };
    world.delivery.open_page(&order, BACK.to_owned()).await
}

async fn page_of(world: &World, delivered: &Delivered) -> Page {
    let sealed = world.tools.store.words(delivered.message).await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("dxn07"), "it is sealed");
    world.delivery.page(delivered.message, &sealed).unwrap()
}

#[tokio::test]
async fn a_page_is_opened_for_one_address() {
    let mock = Mock::saying(201, OPENED).await;
    let world = hosting(&mock, "");
    for (to, channel, field) in [
        ("+60123456789", "sms", "phone_sms"),
        ("+60322222222", "voice", "phone_voice"),
        ("alice@example.com", "email", "email"),
    ] {
        let delivered = open(&world, to).await.unwrap();
        let asked = mock.last();
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/api/verify/"));
        assert_eq!(asked.header("authorization"), "Basic azN5OnQwa2Vu");
        let receipts = format!("{PUBLIC_URL}/.otpgate/receipts/otp?m={}", delivered.message);
        let message = delivered.message.to_string();
        let wanted = [
            ("channel", channel),
            (field, to),
            ("success_redirect_url", BACK),
            ("fail_redirect_url", BACK),
            ("metadata", &message),
            ("hide", "true"),
            ("callback_url", &receipts),
        ];
        let wanted: Vec<_> = wanted.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(asked.form(), wanted, "nobody is told a code of ours");
        assert_eq!(page_of(&world, &delivered).await.link(), "https://otp.dev/api/ui/verify/kpb9c0a3/sms/");
    }
    assert!(!format!("{:?}", world.delivery).contains("t0ken"), "I9");
}

#[tokio::test]
async fn a_page_that_cannot_be_opened_is_told_as_such() {
    use FailureClass as C;
    let mock = Mock::saying(201, "{}").await;
    let world = hosting(&mock, "");
    let link = |link: &str| OPENED.replace("https://otp.dev/api/ui/verify/kpb9c0a3/sms/", link);
    for (status, body, class) in [
        (400, r#"{"phone_sms": ["Enter a valid phone number."]}"#.to_owned(), C::InvalidNumber),
        (400, r#"{"channel": ["x"]}"#.to_owned(), C::Unknown),
        (401, r#"{"detail": "Invalid"}"#.to_owned(), C::AuthConfig),
        (403, String::new(), C::AuthConfig),
        (429, String::new(), C::RateLimited),
        (500, "<html>".to_owned(), C::ProviderDown),
        (201, String::new(), C::Unknown),
        (201, link("javascript:alert(1)"), C::Unknown),
        (201, OPENED.replace("kpb9c0a3\",", "a/../b\","), C::Unknown),
        (201, OPENED.replace("dxn07vdzqy7w", ""), C::Unknown),
    ] {
        // The breaker looks at many failures: each gets a provider of its own.
        mock.says([Says::Answer(status, Vec::new(), body.clone())]);
        let error = open(&hosting(&mock, ""), "+60123456789").await.unwrap_err();
        assert_eq!(error.attempts()[0].failure.class(), class, "{status} {body}: {error}");
    }
    mock.says([Says::Nothing]);
    assert!(open(&world, "+60123456789").await.is_err());
}

#[tokio::test]
async fn what_it_reports_of_a_page_is_read_and_not_yet_believed() {
    let mock = Mock::saying(201, OPENED).await;
    let world = hosting(&mock, "");
    let delivered = open(&world, "+60123456789").await.unwrap();
    let page = page_of(&world, &delivered).await;
    let url = format!("{PUBLIC_URL}/.otpgate/receipts/otp");
    let read = |query: &str, body: &str| {
        let (method, headers, now) = (&Method::POST, &HeaderMap::new(), SystemClock.now());
        let callback = Callback { method, url: &url, query, headers, body: body.as_bytes(), now };
        world.delivery.read_page("otp", &callback).unwrap()
    };
    let query = format!("m={}", delivered.message);
    let body = |status: &str, secret: &str, phone: &str| {
        json!({"otp_id": "kpb9c0a3", "auth_status": status, "channel": "sms", "otp_secret": secret,
            "phone_sms": phone, "ip_address": "10.9.8.7", "metadata": ""})
        .to_string()
    };
    let good = read(&query, &body("verified", "dxn07vdzqy7w", "60123456789")).unwrap();
    assert!(good.is_proved && good.message == delivered.message && page.is_told_by(&good) && page.is_of(&good));
    let forged = read(&query, &body("verified", "dxn07vdzqy7x", "60123456789")).unwrap();
    assert!(!page.is_told_by(&forged));
    let other = read(&query, &body("verified", "dxn07vdzqy7w", "60123456780")).unwrap();
    assert!(page.is_told_by(&other) && !page.is_of(&other));
    let failed = read(&query, &body("not_verified", "dxn07vdzqy7w", "60123456789")).unwrap();
    assert!(page.is_told_by(&failed) && !failed.is_proved);
    let nothing = read(&query, "{}").unwrap();
    assert!(!page.is_told_by(&nothing) && !nothing.is_proved);
    assert_eq!(read(&query, "otp_id=x").unwrap_err(), BadCallback::Malformed("no JSON"));
    assert_eq!(read("", "{}").unwrap_err(), BadCallback::Malformed("its address names no message"));
}

/// Only for operators who say so, and not too often.
#[tokio::test]
async fn it_can_be_asked_what_became_of_a_page() {
    let mock = Mock::saying(201, OPENED).await;
    let told = |id: &str, status: &str, more: &str| {
        Says::Answer(
            200,
            Vec::new(),
            format!(r#"{{"otp_id": "{id}", "status": [{{"channel": "sms", "auth_status": "{status}"}}]{more}}}"#),
        )
    };
    let silent = hosting(&mock, "");
    let page = page_of(&silent, &open(&silent, "+60123456789").await.unwrap()).await;
    assert_eq!(silent.delivery.ask_page("otp", &page).await, None, "nobody said that it may be asked");
    assert_eq!(mock.seen().len(), 1);
    for (says, wanted) in [
        (told("kpb9c0a3", "verified", ""), Some(true)),
        (told("kpb9c0a3", "not_verified", ""), Some(false)),
        (told("kpb9c0a4", "verified", ""), Some(false)),
        (told("kpb9c0a3", "verified", r#", "phone_sms": "+60123456780""#), Some(false)),
        (told("kpb9c0a3", "verified", r#", "phone_sms": "+60123456789""#), Some(true)),
        (Says::Answer(200, Vec::new(), r#"{"otp_id": "kpb9c0a3", "status": []}"#.to_owned()), Some(false)),
        (Says::Answer(404, Vec::new(), String::new()), None),
        (Says::Breaks, None),
    ] {
        let world = hosting(&mock, ", poll: true");
        mock.says([Says::Answer(201, Vec::new(), OPENED.to_owned()), says]);
        let page = page_of(&world, &open(&world, "+60123456789").await.unwrap()).await;
        assert_eq!(world.delivery.ask_page("otp", &page).await, wanted);
        let asked = mock.last();
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("GET", "/api/verify/kpb9c0a3/"));
        assert_eq!(asked.header("authorization"), "Basic azN5OnQwa2Vu");
        let count = mock.seen().len();
        assert_eq!(world.delivery.ask_page("otp", &page).await, None, "not again at once");
        assert_eq!(mock.seen().len(), count);
    }
}
