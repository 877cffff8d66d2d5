use std::sync::{Arc, LazyLock};

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::delivery::{Aim, Message, Outbox, SiteName, Templates, Tools};
use crate::seal::Code;
use crate::words::{Contact, MessageId, Reference, Timestamp};

const TOKEN: &str = "test_auth_token_0001";
const ACCOUNT: &str = "AC00000000000000000000000000000001";
const URL: &str = "https://otp.example.test/cb/twilio?sid=abc";
const FORM: &str = "MessageSid=SM00000000000000000000000000000001&MessageStatus=delivered&To=%2B14155550100&\
                    From=%2B14155550101&AccountSid=AC00000000000000000000000000000001&ApiVersion=2010-04-01";
/// Made with the Python SDK 9.13.0 over the form above, over nothing, and over a body in JSON.
const SIGNED: &str = "b2GVu+/IO3ehVrUNYziJQ+txcSM=";
const SIGNED_SHA256: &str = "lVoyL5Fs282UlQZg71lLnuCGp2+iiac3hCbQnC+zuYg=";
const SIGNED_EMPTY: &str = "Yd2DVlr3MW4KJ6CL3BEsv/Oyod8=";
const SIGNED_JSON: &str = "nk/hED9aXYyOQROBBzRIalYdzaw=";
const BODY_SHA256: &str = "&bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
const FORM_KIND: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=UTF-8");

fn spec() -> TwilioSpec {
    TwilioSpec {
        account: ACCOUNT.to_owned(),
        user: ACCOUNT.to_owned(),
        password: TOKEN.to_owned().into(),
        auth_token: Some(TOKEN.to_owned().into()),
        webhook_secret: None,
        origin: Origin::Sender("+14155550101".parse().unwrap()),
    }
}

fn set_up(spec: TwilioSpec) -> Twilio {
    let tools = Tools::alone(Arc::new(Outbox::default()));
    let web = Web::new().unwrap();
    let bench = Bench { outbox: &tools.outbox, web: &web, clock: &tools.clock, random: &tools.random };
    Twilio::new(spec, Common::default(), &bench)
}

static PLAIN: LazyLock<Twilio> = LazyLock::new(|| set_up(spec()));

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// A request with this signature, and what else stands in its head.
fn read(twilio: &Twilio, url: &str, body: &str, signature: &str, more: &[(&str, &str)]) -> Result<Heard, BadCallback> {
    let headers = headers(&[&[("x-twilio-signature", signature)], more].concat());
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let now = Timestamp::from_millis(0);
    twilio.read(&Callback { method: &Method::POST, url, query, headers: &headers, body: body.as_bytes(), now })
}

/// What a form means, signed as Twilio signs it.
fn heard(url: &str, form: &[(&str, &str)]) -> Result<Heard, BadCallback> {
    let form: Vec<_> = [&[("AccountSid", ACCOUNT)], form].concat();
    let pairs: Vec<_> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
    read(&PLAIN, url, &body, &sign(TOKEN, url, &pairs), &[FORM_KIND])
}

fn sign(token: &str, url: &str, form: &[(String, String)]) -> String {
    use base64::Engine as _;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let tag = ring::hmac::sign(&key, &signature::signed_text(url, form));
    base64::engine::general_purpose::STANDARD.encode(tag)
}

fn progress(form: &[(&str, &str)]) -> Option<Progress> {
    heard(URL, form).unwrap().receipts.first().map(|receipt| receipt.progress)
}

#[test]
fn d04_a_receipt_is_believed_as_the_sdk_signs_it() {
    let twilio = &*PLAIN;
    let heard = read(twilio, URL, FORM, SIGNED, &[FORM_KIND]).unwrap();
    let theirs = Whose::Theirs("SM00000000000000000000000000000001".to_owned());
    assert_eq!(heard.receipts, [Receipt { whose: theirs, progress: Progress::Delivered, price: None, parts: None }]);
    assert_eq!(heard.nonce.as_deref(), Some(SIGNED), "the same again is a replay");
    // Nothing but the address is signed here, and nothing is said.
    assert_eq!(read(twilio, URL, "", SIGNED_EMPTY, &[]), Err(BadCallback::Forged("it is of another account")));
}

#[test]
fn d04_a_shared_key_signs_where_the_account_has_one() {
    let settings = ("x-twilio-webhooks-signature-settings", "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256");
    let shared = set_up(TwilioSpec {
        webhook_secret: Some(TOKEN.to_owned().into()),
        auth_token: Some("another".to_owned().into()),
        ..spec()
    });
    assert!(read(&shared, URL, FORM, SIGNED_SHA256, &[FORM_KIND, settings]).is_ok());
    assert!(read(&shared, URL, FORM, SIGNED, &[FORM_KIND, (settings.0, "key=webhooks_sharedkey_1")]).is_ok());
    let forged = Err(BadCallback::Forged("its signature is wrong"));
    assert_eq!(read(&shared, URL, FORM, SIGNED, &[FORM_KIND, settings]), forged);
    assert_eq!(read(&shared, URL, FORM, SIGNED_SHA256, &[FORM_KIND]), forged, "the token signs with SHA-1");
    // The token never stands in for the shared key, nor an algorithm that is not known for one that is.
    let plain = &*PLAIN;
    assert_eq!(read(plain, URL, FORM, SIGNED_SHA256, &[FORM_KIND, settings]), Err(BadCallback::NoReceipts));
    for value in ["algorithm=HMAC_MD5", "algorithm=none"] {
        let refused = read(plain, URL, FORM, SIGNED, &[FORM_KIND, (settings.0, value)]);
        assert!(matches!(refused, Err(BadCallback::Forged(_))), "{value}");
    }
    let twice = [FORM_KIND, settings, settings];
    assert!(matches!(read(&shared, URL, FORM, SIGNED_SHA256, &twice), Err(BadCallback::Forged(_))));
}

#[test]
fn d04_a_body_in_json_is_bound_by_its_digest() {
    let twilio = &*PLAIN;
    let url = format!("{URL}{BODY_SHA256}");
    let kind = ("content-type", "application/json");
    let other = BadCallback::Forged("it is of another account");
    assert_eq!(read(twilio, &url, r#"{"a":1}"#, SIGNED_JSON, &[kind]), Err(other), "as far as its signature goes");
    let another = BadCallback::Forged("its body is another one");
    assert_eq!(read(twilio, &url, r#"{"a":2}"#, SIGNED_JSON, &[kind]), Err(another));
    let unbound = BadCallback::Forged("nothing binds its body");
    assert_eq!(read(twilio, URL, r#"{"a":1}"#, SIGNED_EMPTY, &[kind]), Err(unbound));
}

#[test]
fn d04_one_bit_changed_is_one_too_many() {
    let twilio = &*PLAIN;
    let flips = |text: &str| -> Vec<String> {
        let flip = |at: usize| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at / 8] ^= 1 << (at % 8);
            String::from_utf8(bytes).ok()
        };
        (0..text.len() * 8).filter_map(flip).collect()
    };
    for signature in flips(SIGNED).into_iter().filter(|text| HeaderValue::from_str(text).is_ok()) {
        assert!(read(twilio, URL, FORM, &signature, &[FORM_KIND]).is_err(), "{signature}");
    }
    for url in flips(URL) {
        assert!(read(twilio, &url, FORM, SIGNED, &[FORM_KIND]).is_err(), "{url}");
    }
    let means = |form: &str| url::form_urlencoded::parse(form.as_bytes()).into_owned().collect::<Vec<_>>();
    for body in flips(FORM).into_iter().filter(|body| means(body) != means(FORM)) {
        assert!(read(twilio, URL, &body, SIGNED, &[FORM_KIND]).is_err(), "{body}");
    }
    for signature in ["", "=", "b2GVu+/IO3ehVrUNYziJQ+txcSM", "b2GVu-_IO3ehVrUNYziJQ-txcSM=", SIGNED_SHA256] {
        assert!(read(twilio, URL, FORM, signature, &[FORM_KIND]).is_err(), "{signature}");
    }
    let twice = [FORM_KIND, ("x-twilio-signature", SIGNED)];
    assert!(read(twilio, URL, FORM, SIGNED, &twice).is_err(), "two signatures are none");
}

#[test]
fn an_address_is_the_same_with_its_port_and_without() {
    let twilio = &*PLAIN;
    let pairs: Vec<_> = url::form_urlencoded::parse(FORM.as_bytes()).into_owned().collect();
    let path = "/.otpgate/receipts/tw?m=1";
    for (told, signs, is_same) in [
        ("https://otp.example.test", "https://otp.example.test:443", true),
        ("https://otp.example.test:443", "https://otp.example.test", true),
        ("https://otp.example.test:8443", "https://otp.example.test", true),
        ("http://otp.example.test", "http://otp.example.test:80", true),
        ("https://[2001:db8::1]", "https://[2001:db8::1]:443", true),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]", true),
        ("https://otp.example.test", "https://otp.example.test:8443", false),
        ("https://otp.example.test", "http://otp.example.test", false),
        ("https://otp.example.test", "https://otp.example.test:80", false),
    ] {
        let signature = sign(TOKEN, &format!("{signs}{path}"), &pairs);
        assert_eq!(read(twilio, &format!("{told}{path}"), FORM, &signature, &[FORM_KIND]).is_ok(), is_same, "{signs}");
    }
}

#[test]
fn a_receipt_is_of_this_account_and_says_everything_once() {
    let status = ("MessageStatus", "delivered");
    let sid = ("MessageSid", "SM1");
    let twice = Err(BadCallback::Malformed("a field is there twice"));
    assert_eq!(heard(URL, &[status, sid, ("MessageStatus", "failed")]), twice);
    assert_eq!(heard(URL, &[status, sid, ("AccountSid", "AC2")]), twice);
    assert_eq!(heard(URL, &[status]), Err(BadCallback::Malformed("it names no message")));
    assert_eq!(heard(URL, &[("EventType", "x"), sid]).unwrap().receipts, []);
    assert_eq!(heard(URL, &[("MessageStatus", "teleported"), sid]).unwrap().receipts, []);
    // Ours, when the address names it.
    let id = MessageId::from_random([5; 16]);
    let price = [("Price", "-0.0079"), ("PriceUnit", "usd"), ("NumSegments", "2")];
    let heard =
        heard(&format!("https://otp.example.test/r/tw?m={id}"), &[&[status, sid], &price[..]].concat()).unwrap();
    let [receipt] = &heard.receipts[..] else { panic!("{heard:?}") };
    assert_eq!((&receipt.whose, receipt.parts), (&Whose::Ours(id), Some(2)));
    let price = receipt.price.unwrap();
    assert_eq!((price.amount.to_string(), price.currency.unwrap().as_str()), ("0.0079".to_owned(), "USD"));
}

#[test]
fn words_for_states_are_understood() {
    use FailureClass as C;
    let message =
        |status: &str, code: &str| progress(&[("MessageSid", "SM1"), ("MessageStatus", status), ("ErrorCode", code)]);
    for (status, wanted) in [
        ("accepted", Progress::Accepted),
        ("queued", Progress::Accepted),
        ("sending", Progress::Accepted),
        ("sent", Progress::Sent),
        ("delivered", Progress::Delivered),
        ("read", Progress::Delivered),
        ("undelivered", Progress::Failed(C::Unknown)),
        ("failed", Progress::Failed(C::Unknown)),
        ("canceled", Progress::Failed(C::Unknown)),
    ] {
        assert_eq!(message(status, ""), Some(wanted), "{status}");
    }
    assert_eq!(message("undelivered", "30006"), Some(Progress::Failed(C::Landline)));
    assert_eq!(message("failed", "30036"), Some(Progress::Failed(C::Expired)));
    assert_eq!(message("failed", "99999999999999999999"), Some(Progress::Failed(C::Unknown)));
    assert_eq!(message("delivered", "30006"), Some(Progress::Delivered));

    let call = |status: &str, by: &str| progress(&[("CallSid", "CA1"), ("CallStatus", status), ("AnsweredBy", by)]);
    let unreachable = Progress::Failed(C::UnreachableTemporarily);
    for (status, by, wanted) in [
        ("queued", "", Progress::Accepted),
        ("initiated", "", Progress::Accepted),
        ("ringing", "", Progress::Sent),
        ("in-progress", "", Progress::Sent),
        ("in-progress", "unknown", Progress::Sent),
        ("in-progress", "human", Progress::Delivered),
        ("in-progress", "machine_start", unreachable),
        ("completed", "", Progress::Delivered),
        ("completed", "human", Progress::Delivered),
        ("completed", "machine_start", unreachable),
        ("completed", "machine_end_beep", unreachable),
        ("completed", "fax", unreachable),
        ("busy", "", unreachable),
        ("no-answer", "", unreachable),
        ("failed", "", Progress::Failed(C::Unknown)),
        ("canceled", "", Progress::Failed(C::Unknown)),
    ] {
        assert_eq!(call(status, by), Some(wanted), "{status} {by}");
    }
}

#[test]
fn numbers_of_errors_have_their_class() {
    use FailureClass as C;
    for (wanted, numbers) in [
        (C::InvalidNumber, &[21211, 21214, 21217, 21401, 21421, 30005][..]),
        (C::Landline, &[21614, 21635, 30006]),
        (C::UnreachableTemporarily, &[30003, 30017, 30410]),
        (C::UnreachablePermanently, &[21612]),
        (C::RegionBlocked, &[21408, 21203, 21215, 13227]),
        (C::OptedOut, &[21610]),
        (C::CarrierFiltered, &[30004, 30007, 21216]),
        (C::FraudBlocked, &[30450]),
        (C::RateLimited, &[20429, 14107, 21611, 30001, 30022, 63018, 63038]),
        (C::InsufficientBalance, &[30002]),
        (C::AuthConfig, &[20003]),
        (C::SenderConfig, &[21212, 21603, 21606, 21659, 21608, 21219, 30018, 30032]),
        (C::Expired, &[30036]),
        (C::Unknown, &[0, 1, 30008, 30010, 12345]),
    ] {
        for number in numbers {
            assert_eq!(codes::class_of(Some(&number.to_string())), wanted, "{number}");
        }
    }
    for text in [None, Some(""), Some("-1"), Some("21211x"), Some("٢١٢١١")] {
        assert_eq!(codes::class_of(text), C::Unknown);
    }
}

fn message(name: &str) -> Message {
    Message {
        to: Contact::parse(Channel::Voice, "+60123456789").unwrap(),
        code: Code::unsealed(b"407193"),
        site: SiteName::new(name, "shop.example.com"),
        aim: Aim::Open,
        expires_in: Duration::from_secs(300),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: None,
    }
}

#[test]
fn o33_what_goes_with_a_call_holds_no_code_and_what_is_fetched_does() {
    let twilio = &*PLAIN;
    let message = message("Fish & <Chips>");
    let said = Templates::default().say(&message).unwrap();
    let answer = "https://otp.example.test/.otpgate/words/tw?m=AAAAAAAAAAAAAAAAAAAAAA&t=x";
    let receipts = Some("https://otp.example.test/.otpgate/receipts/tw?m=AAAAAAAAAAAAAAAAAAAAAA");
    let id = MessageId::from_random([0; 16]);
    let parcel = Parcel { message: &message, said: &said, id, receipts, answer: Some(answer) };
    let Said::Voice(speech) = &said else { panic!() };
    let call = |twilio: &Twilio, parcel: &Parcel<'_>| twilio.call(parcel, speech);
    let form = call(twilio, &parcel).unwrap();
    let markup = form.iter().find(|(name, _)| *name == "Twiml").map(|(_, value)| value.as_str()).unwrap();
    assert!(markup.contains("<Gather input=\"dtmf\" numDigits=\"1\" finishOnKey=\"\""), "{markup}");
    assert!(markup.contains("This is Fish &amp; &lt;Chips&gt;."), "{markup}");
    assert!(!markup.contains('4') && !markup.contains("407193"), "{markup}");
    assert!(markup.contains("</Gather><Hangup/></Response>"), "without a key it hangs up: {markup}");
    let words = twilio.words(&parcel);
    for digit in "407193".chars() {
        assert_eq!(words.matches(&format!(">{digit}</Say><Pause length=\"1\"/>")).count(), 2, "twice: {words}");
    }
    assert!(words.contains("Fish &amp; &lt;Chips&gt;"), "{words}");

    // Without an address from which the code can be fetched there is no call.
    let parcel = Parcel { answer: None, receipts: None, ..parcel };
    assert!(matches!(call(twilio, &parcel), Err(Failure::Unsendable(_))));
    let parcel = Parcel { answer: Some(answer), ..parcel };
    let mute = set_up(TwilioSpec { auth_token: None, ..spec() });
    assert!(!mute.serves(Channel::Voice) && matches!(call(&mute, &parcel), Err(Failure::Unsendable(_))));
    let named = set_up(TwilioSpec { origin: Origin::Sender("Shop".parse().unwrap()), ..spec() });
    assert!(!named.serves(Channel::Voice) && matches!(call(&named, &parcel), Err(Failure::Unsendable(_))));
    // Receipts that could not be believed are not asked for.
    let parcel = Parcel { receipts, ..parcel };
    assert_eq!((twilio.receipts(&parcel).as_deref(), mute.receipts(&parcel)), (receipts, None));
}

#[test]
fn o33_words_are_for_who_pressed_a_key() {
    let twilio = &*PLAIN;
    let url = "https://otp.example.test/.otpgate/words/tw?m=AAAAAAAAAAAAAAAAAAAAAA&t=x";
    let asks = |form: &[(&str, &str)], token: &str| {
        let pairs: Vec<_> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let headers = headers(&[FORM_KIND, ("x-twilio-signature", &sign(token, url, &pairs))]);
        let (method, now) = (&Method::POST, Timestamp::from_millis(0));
        twilio.asks_for_words(&Callback { method, url, query: "", headers: &headers, body: body.as_bytes(), now })
    };
    let key = [("AccountSid", ACCOUNT), ("CallSid", "CA1"), ("Digits", "#")];
    assert_eq!(asks(&key, TOKEN), Ok(()));
    assert_eq!(asks(&key, "another"), Err(BadCallback::Forged("its signature is wrong")));
    assert_eq!(asks(&key[..2], TOKEN), Err(BadCallback::Malformed("no key was pressed")));
    assert_eq!(asks(&key[1..], TOKEN), Err(BadCallback::Forged("it is of another account")));
}

#[test]
fn i9_no_secret_shows() {
    let spec = TwilioSpec {
        user: "SK00000000000000000000000000000001".to_owned(),
        password: "the-password".to_owned().into(),
        auth_token: Some("the-token".to_owned().into()),
        webhook_secret: Some("the-secret".to_owned().into()),
        ..spec()
    };
    let shown = format!("{spec:?} {:?}", set_up(spec.clone()));
    for secret in ["the-password", "the-token", "the-secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
