use std::sync::{Arc, LazyLock};

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::*;
use crate::delivery::{Aim, Message, Outbox, SiteName, Templates, Tools};
use crate::seal::Code;
use crate::words::{Contact, MessageId, Reference, Timestamp};

const TOKEN: &str = "plivo_token_0001";
const NONCE: &str = "12345678901234567890";
const URL: &str = "https://otp.example.test/cb/plivo";
const QUERY: &str = "?b=2&a=1%20x";
const UUID: &str = "5b40a428-bfc7-4daf-9d06-726c558bf3b8";
const FORM: &str = "From=14155550101&MessageUUID=5b40a428-bfc7-4daf-9d06-726c558bf3b8&Status=delivered&To=14155550100";
/// Made with the Python SDK 4.63.0.
const POST: &str = "hDGc6zsjaxljo3SG9TfFRPVDYhJ4zB325Gwzchm1+y0=";
const POST_QUERY: &str = "b2WDaFpk5j6RkbdzixB8BDQ5dYvhTwvMIvs4RpbYskQ=";
const GET: &str = "7YPh8yyYmOzloZQN17w+F+VhXOJuRUeqCI04IhK5ntY=";
const GET_QUERY: &str = "vn9xAuj0iHl5bCeEtJ/CNJXxb7Nq09AMof4hNLINQXw=";
const V2: &str = "T053kJuW9FzwZENQLb/+v9qT6Ojh2nSXrWS2fcsErYk=";
const FORM_KIND: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn set_up(from: &str, signature_v2: bool) -> Plivo {
    let spec = PlivoSpec {
        auth_id: "MAXXXXXXXXXXXXXXXXXX".to_owned(),
        auth_token: TOKEN.to_owned().into(),
        origin: Origin::Sender(from.parse().unwrap()),
        signature_v2,
    };
    let tools = Tools::alone(Arc::new(Outbox::default()));
    let web = Web::new().unwrap();
    let bench = Bench { outbox: &tools.outbox, web: &web, clock: &tools.clock, random: &tools.random };
    Plivo::new(spec, Common::default(), &bench)
}

static STRICT: LazyLock<Plivo> = LazyLock::new(|| set_up("+14155550101", false));
static LENIENT: LazyLock<Plivo> = LazyLock::new(|| set_up("+14155550101", true));

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn read(v2: bool, method: &Method, url: &str, body: &str, head: &[(&str, &str)]) -> Result<Heard, BadCallback> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let (headers, now) = (headers(head), Timestamp::from_millis(0));
    let callback = Callback { method, url, query, headers: &headers, body: body.as_bytes(), now };
    if v2 { LENIENT.read(&callback) } else { STRICT.read(&callback) }
}

const fn v3(signature: &str) -> [(&str, &str); 3] {
    [FORM_KIND, ("x-plivo-signature-v3", signature), ("x-plivo-signature-v3-nonce", NONCE)]
}

fn sign(method: &Method, url: &str, form: &[(String, String)]) -> String {
    use base64::Engine as _;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, TOKEN.as_bytes());
    let text = format!("{}.{NONCE}", signature::signed_text(method, url, form));
    base64::engine::general_purpose::STANDARD.encode(ring::hmac::sign(&key, text.as_bytes()))
}

/// What a form means, signed as Plivo signs it.
fn heard(url: &str, form: &[(&str, &str)]) -> Result<Heard, BadCallback> {
    let pairs: Vec<_> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    read(false, &Method::POST, url, &body, &v3(&sign(&Method::POST, url, &pairs)))
}

fn progress(form: &[(&str, &str)]) -> Option<Progress> {
    heard(URL, form).unwrap().receipts.first().map(|receipt| receipt.progress)
}

#[test]
fn d04_a_receipt_is_believed_as_the_sdk_signs_it() {
    let heard = read(false, &Method::POST, URL, FORM, &v3(POST)).unwrap();
    let whose = Whose::Theirs(UUID.to_owned());
    assert_eq!(heard.receipts, [Receipt { whose, progress: Progress::Delivered, price: None, parts: None }]);
    assert_eq!(heard.nonce.as_deref(), Some(NONCE), "the same again is a replay");
    let with_query = format!("{URL}{QUERY}");
    assert!(read(false, &Method::POST, &with_query, FORM, &v3(POST_QUERY)).is_ok());
    assert!(read(false, &Method::GET, URL, "", &v3(GET)).is_ok());
    assert!(read(false, &Method::GET, &with_query, "", &v3(GET_QUERY)).is_ok());
    assert_eq!(
        signature::signed_text(&Method::POST, &with_query, &[("From".into(), "1".into()), ("A".into(), "2".into())]),
        "https://otp.example.test/cb/plivo?a=1 x&b=2.A2From1"
    );
}

#[test]
fn d04_any_signature_of_a_list_will_do() {
    let nonce = ("x-plivo-signature-v3-nonce", NONCE);
    let listed = format!("{GET}, {POST}");
    for head in [
        vec![FORM_KIND, nonce, ("x-plivo-signature-ma-v3", POST)],
        vec![FORM_KIND, nonce, ("x-plivo-signature-ma-v3", &listed)],
        vec![FORM_KIND, nonce, ("x-plivo-signature-v3", GET), ("x-plivo-signature-ma-v3", POST)],
        vec![FORM_KIND, nonce, ("x-plivo-signature-v3", "!"), ("x-plivo-signature-v3", &listed)],
    ] {
        assert!(read(false, &Method::POST, URL, FORM, &head).is_ok(), "{head:?}");
    }
    let signature = ("x-plivo-signature-v3", POST);
    let long = "1".repeat(65);
    for head in [
        vec![FORM_KIND, nonce],
        vec![FORM_KIND, signature],
        vec![FORM_KIND, signature, nonce, nonce],
        vec![FORM_KIND, signature, ("x-plivo-signature-v3-nonce", "")],
        vec![FORM_KIND, signature, ("x-plivo-signature-v3-nonce", &long)],
        vec![FORM_KIND, ("x-plivo-signature-v3", ""), nonce],
        vec![FORM_KIND, ("x-plivo-signature-v3", ",,"), nonce],
    ] {
        assert!(matches!(read(false, &Method::POST, URL, FORM, &head), Err(BadCallback::Forged(_))), "{head:?}");
    }
    // A body that no signature covers says nothing.
    let json = [("content-type", "application/json"), v3(GET)[1], v3(GET)[2]];
    assert!(matches!(read(false, &Method::POST, URL, "{}", &json), Err(BadCallback::Malformed(_))));
    assert!(matches!(read(false, &Method::PUT, URL, FORM, &v3(POST)), Err(BadCallback::Malformed(_))));
}

#[test]
fn d04_version_2_is_believed_only_where_the_config_says_so() {
    let v2 = [FORM_KIND, ("x-plivo-signature-v2", V2), ("x-plivo-signature-v2-nonce", NONCE)];
    assert!(read(true, &Method::POST, URL, FORM, &v2).is_ok());
    assert!(matches!(read(false, &Method::POST, URL, FORM, &v2), Err(BadCallback::Forged(_))));
    // Whatever speaks of version 3 is held to it.
    for more in [("x-plivo-signature-v3", GET), ("x-plivo-signature-v3-nonce", NONCE)] {
        let head = [&v2[..], &[more]].concat();
        assert!(matches!(read(true, &Method::POST, URL, FORM, &head), Err(BadCallback::Forged(_))), "{more:?}");
    }
    let other = [FORM_KIND, ("x-plivo-signature-v2", V2), ("x-plivo-signature-v2-nonce", "2")];
    assert!(read(true, &Method::POST, URL, FORM, &other).is_err());
    // A code goes to nobody on the strength of it.
    let (headers, now) = (headers(&v2), Timestamp::from_millis(0));
    let callback =
        Callback { method: &Method::POST, url: URL, query: "", headers: &headers, body: FORM.as_bytes(), now };
    assert!(LENIENT.asks_for_words(&callback).is_err());
}

#[test]
fn d04_one_bit_changed_is_one_too_many() {
    let flips = |text: &str| -> Vec<String> {
        let flip = |at: usize| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at / 8] ^= 1 << (at % 8);
            String::from_utf8(bytes).ok()
        };
        (0..text.len() * 8).filter_map(flip).collect()
    };
    let url = format!("{URL}{QUERY}");
    let is_header = |text: &String| HeaderValue::from_str(text).is_ok();
    let post = |url: &str, form: &str, head: &[(&str, &str)]| read(false, &Method::POST, url, form, head);
    for signature in flips(POST_QUERY).into_iter().filter(is_header) {
        assert!(post(&url, FORM, &v3(&signature)).is_err(), "{signature}");
    }
    for nonce in flips(NONCE).into_iter().filter(is_header) {
        let [kind, signature, (name, _)] = v3(POST_QUERY);
        assert!(post(&url, FORM, &[kind, signature, (name, &nonce)]).is_err(), "{nonce}");
    }
    // What is signed is what an address says, whose query can be written in more than one way.
    let meant = |url: &str| signature::signed_text(&Method::GET, url, &[]);
    for changed in flips(&url).into_iter().filter(|changed| meant(changed) != meant(&url)) {
        assert!(post(&changed, FORM, &v3(POST_QUERY)).is_err(), "{changed}");
    }
    let means = |form: &str| url::form_urlencoded::parse(form.as_bytes()).into_owned().collect::<Vec<_>>();
    for form in flips(FORM).into_iter().filter(|form| means(form) != means(FORM)) {
        assert!(post(&url, &form, &v3(POST_QUERY)).is_err(), "{form}");
    }
    assert!(post(URL, FORM, &v3(GET)).is_err() && read(false, &Method::GET, URL, "", &v3(POST)).is_err());
}

#[test]
fn a_receipt_names_its_message() {
    let status = ("Status", "delivered");
    let whose = |url: &str, form: &[(&str, &str)]| heard(url, form).unwrap().receipts[0].whose.clone();
    assert_eq!(whose(URL, &[status, ("MessageUUID", "a")]), Whose::Theirs("a".into()));
    let of_parts = [status, ("MessageUUID", "a"), ("ParentMessageUUID", "b")];
    assert_eq!(whose(URL, &of_parts), Whose::Theirs("b".into()), "under which name the whole was taken");
    let call = [("CallStatus", "completed"), ("CallUUID", "c"), ("RequestUUID", "r")];
    assert_eq!(whose(URL, &call), Whose::Theirs("r".into()));
    assert_eq!(whose(URL, &call[..2]), Whose::Theirs("c".into()));
    let id = MessageId::from_random([5; 16]);
    assert_eq!(whose(&format!("{URL}?m={id}"), &of_parts), Whose::Ours(id));
    assert_eq!(heard(URL, &[status]), Err(BadCallback::Malformed("it names no message")));
    assert_eq!(heard(URL, &[("Digits", "1")]).unwrap().receipts, []);
    let twice = Err(BadCallback::Malformed("a field is there twice"));
    assert_eq!(heard(URL, &[status, ("MessageUUID", "a"), ("Status", "failed")]), twice);

    let paid = [status, ("MessageUUID", "a"), ("Units", "2"), ("TotalAmount", "0.01100")];
    let receipt = heard(URL, &paid).unwrap().receipts.remove(0);
    assert_eq!((receipt.price.unwrap().amount.to_string(), receipt.parts), ("0.011".to_owned(), Some(2)));
    let early = heard(URL, &[("Status", "queued"), paid[1], ("TotalAmount", "0.00000")]).unwrap().receipts.remove(0);
    assert_eq!(early.price, None, "nobody has counted yet");
}

#[test]
fn words_for_states_are_understood() {
    use FailureClass as C;
    let message = |status: &str, code: &str| progress(&[("MessageUUID", "a"), ("Status", status), ("ErrorCode", code)]);
    for (status, wanted) in [
        ("queued", Some(Progress::Accepted)),
        ("sent", Some(Progress::Sent)),
        ("delivered", Some(Progress::Delivered)),
        ("read", Some(Progress::Delivered)),
        ("failed", Some(Progress::Failed(C::Unknown))),
        ("undelivered", Some(Progress::Failed(C::Unknown))),
        ("rejected", Some(Progress::Failed(C::Unknown))),
        ("teleported", None),
    ] {
        assert_eq!(message(status, "000"), wanted, "{status}");
    }
    for (wanted, numbers) in [
        (C::InvalidNumber, &["50", "050"][..]),
        (C::UnreachableTemporarily, &["20", "80"]),
        (C::UnreachablePermanently, &["70", "90"]),
        (C::OptedOut, &["200"]),
        (C::CarrierFiltered, &["30", "100"]),
        (C::FraudBlocked, &["451", "452"]),
        (C::InsufficientBalance, &["900", "910"]),
        (C::SenderConfig, &["40"]),
        (C::ProviderDown, &["300"]),
        (C::Expired, &["420"]),
        (C::Unknown, &["10", "60", "110", "201", "450", "1000", "", "-1", "x", "99999999999"]),
    ] {
        for number in numbers {
            assert_eq!(message("undelivered", number), Some(Progress::Failed(wanted)), "{number}");
        }
    }

    let call = |status: &str, more: (&str, &str)| progress(&[("RequestUUID", "r"), ("CallStatus", status), more]);
    let unreachable = Progress::Failed(C::UnreachableTemporarily);
    for (status, more, wanted) in [
        ("ringing", ("x", ""), Progress::Sent),
        ("in-progress", ("x", ""), Progress::Sent),
        ("in-progress", ("Machine", "true"), unreachable),
        ("completed", ("HangupCauseName", "Normal Hangup"), Progress::Delivered),
        ("completed", ("Machine", "false"), Progress::Delivered),
        ("completed", ("Machine", "True"), unreachable),
        ("completed", ("HangupCauseName", "Machine Detected"), unreachable),
        ("busy", ("x", ""), unreachable),
        ("no-answer", ("x", ""), unreachable),
        ("timeout", ("x", ""), unreachable),
        ("cancel", ("x", ""), Progress::Failed(C::Unknown)),
        ("failed", ("HangupCauseCode", "2000"), Progress::Failed(C::InvalidNumber)),
        ("failed", ("HangupCauseCode", "2030"), Progress::Failed(C::RegionBlocked)),
        ("failed", ("HangupCauseCode", "1010"), Progress::Failed(C::InsufficientBalance)),
        ("failed", ("HangupCauseCode", "12345"), Progress::Failed(C::Unknown)),
    ] {
        assert_eq!(call(status, more), Some(wanted), "{status} {more:?}");
    }
}

#[test]
fn a_call_fetches_its_words_and_without_an_address_there_is_none() {
    let message = Message {
        to: Contact::parse(Channel::Voice, "+60123456789").unwrap(),
        code: Code::unsealed(b"407193"),
        site: SiteName::new("Fish & <Chips>", "shop.example.com"),
        aim: Aim::Open,
        expires_in: Duration::from_secs(300),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: None,
    };
    let said = Templates::default().say(&message).unwrap();
    let answer = "https://otp.example.test/.otpgate/words/pl?m=AAAAAAAAAAAAAAAAAAAAAA&t=x";
    let id = MessageId::from_random([0; 16]);
    let parcel = Parcel { message: &message, said: &said, id, receipts: None, answer: Some(answer) };
    let plivo = set_up("+14155550101", false);
    let body = plivo.call(&parcel).unwrap();
    assert_eq!((&body["answer_url"], &body["machine_detection"]), (&json!(answer), &json!("hangup")));
    assert!(!body.to_string().contains("407193"));
    let words = plivo.words(&parcel);
    for digit in "407193".chars() {
        assert_eq!(words.matches(&format!(">{digit}</Speak><Wait length=\"1\"/>")).count(), 2, "twice: {words}");
    }
    assert!(words.contains("Fish &amp; &lt;Chips&gt;"), "{words}");
    assert!(matches!(plivo.call(&Parcel { answer: None, ..parcel }), Err(Failure::Unsendable(_))));
    let parcel = Parcel { answer: Some(answer), message: &message, said: &said, id, receipts: None };
    let named = set_up("Shop", false);
    assert!(!named.serves(Channel::Voice) && matches!(named.call(&parcel), Err(Failure::Unsendable(_))));
}

#[test]
fn o33_words_are_not_for_machines() {
    let plivo = set_up("+14155550101", false);
    let asks = |form: &[(&str, &str)]| {
        let pairs: Vec<_> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let headers = headers(&v3(&sign(&Method::POST, URL, &pairs)));
        let (method, now) = (&Method::POST, Timestamp::from_millis(0));
        plivo.asks_for_words(&Callback { method, url: URL, query: "", headers: &headers, body: body.as_bytes(), now })
    };
    assert_eq!(asks(&[("CallUUID", "c"), ("CallStatus", "in-progress")]), Ok(()));
    assert_eq!(asks(&[("CallUUID", "c"), ("Machine", "true")]), Err(BadCallback::Malformed("a machine answered")));
}

#[test]
fn i9_no_secret_shows() {
    let shown = format!("{:?}", set_up("+14155550101", false));
    assert!(!shown.contains(TOKEN), "{shown}");
}
