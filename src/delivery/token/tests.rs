use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::json;

use super::*;

const SECRET: &str = "a-secret-of-the-account";
const ALL: &[Algorithm] = &[Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

/// The key of an application, for tests only.
pub(in crate::delivery) const PEM: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/delivery/keys/application.pem"));

/// A token as a vendor makes it, whatever it claims.
pub(in crate::delivery) fn made(header: &Value, claims: &Value, algorithm: hmac::Algorithm, secret: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// A token that is signed with HS256 as it should be.
pub(in crate::delivery) fn hs256(claims: &Value, secret: &str) -> String {
    made(&json!({"alg": "HS256", "typ": "JWT"}), claims, hmac::HMAC_SHA256, secret.as_bytes())
}

#[test]
fn a_token_is_signed_by_one_of_the_allowed_algorithms() {
    let claims = json!({"iss": "Vonage"});
    let with = [
        (Algorithm::Hs256, hmac::HMAC_SHA256),
        (Algorithm::Hs384, hmac::HMAC_SHA384),
        (Algorithm::Hs512, hmac::HMAC_SHA512),
    ];
    for (algorithm, hmac) in with {
        let token = made(&json!({"alg": algorithm.name()}), &claims, hmac, SECRET.as_bytes());
        for allowed in with.map(|(allowed, _)| allowed) {
            let opened = open(&token, SECRET, &[allowed]);
            assert_eq!(opened.is_ok(), allowed == algorithm, "{algorithm:?} where {allowed:?} is asked for");
        }
        assert_eq!(open(&token, SECRET, ALL).unwrap().text("iss"), Some("Vonage"));
        assert!(open(&token, "another secret", ALL).is_err());
    }
}

/// RFC 7515, appendix A.1: a token and its key that we have not made.
#[test]
fn the_example_of_the_rfc_is_read() {
    const TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA\
                         6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let key = URL_SAFE_NO_PAD.decode(KEY).unwrap();
    let (signed, signature) = TOKEN.rsplit_once('.').unwrap();
    let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    assert_eq!(URL_SAFE_NO_PAD.encode(expected.as_ref()), signature, "we sign as the RFC does");
    let again = format!(
        "{signed}.{}",
        URL_SAFE_NO_PAD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes(),))
    );
    let claims = open(&again, SECRET, ALL).unwrap();
    assert_eq!((claims.text("iss"), claims.moment("exp")), (Some("joe"), Some(1_300_819_380)));
}

#[test]
fn what_a_token_says_of_its_algorithm_opens_nothing() {
    let claims = json!({"iss": "Vonage"});
    let make = |header: Value| made(&header, &claims, hmac::HMAC_SHA256, SECRET.as_bytes());
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": ""}),
        json!({"alg": "hs256"}),
        json!({"alg": "RS256"}),
        json!({"alg": "ES256"}),
        json!({"alg": "HS256 "}),
        json!({"alg": ["HS256"]}),
        json!({"alg": null}),
        json!({"typ": "JWT"}),
        json!({"alg": "HS256", "crit": ["exp"]}),
        json!("HS256"),
    ] {
        assert!(open(&make(header.clone()), SECRET, ALL).is_err(), "{header}");
    }
    let [none, claimed] = [json!({"alg": "none"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    for token in [format!("{none}.{claimed}."), format!("{none}.{claimed}")] {
        assert!(open(&token, SECRET, ALL).is_err(), "no signature at all");
    }
    // The RSA key is public to whoever asks the vendor: it must not do as a secret where RS256 is said.
    let public = Signer::parse(PEM).unwrap().0.public_key().as_ref().to_vec();
    let confused = made(&json!({"alg": "RS256"}), &json!({}), hmac::HMAC_SHA256, &public);
    assert!(open(&confused, SECRET, ALL).is_err());
    let twice = r#"{"alg":"none","alg":"HS256"}"#.to_owned();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(twice), URL_SAFE_NO_PAD.encode("{}"));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
    assert!(open(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref())), SECRET, ALL).is_err());
}

#[test]
fn a_token_has_three_parts_in_strict_base64url() {
    let good = hs256(&json!({"iss": "Vonage", "jti": "?>~"}), SECRET);
    assert!(open(&good, SECRET, ALL).is_ok());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        signed.to_owned(),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!(".{good}"),
        format!("{good}="),
        format!("{good} "),
        format!(" {good}"),
        format!("{signed}.{signature}\n"),
        format!("{signed}.{}", signature.replace(['-', '_'], "+")) + "+",
        good.replace('.', ".."),
        "é.é.é".to_owned(),
    ] {
        assert!(open(&bad, SECRET, ALL).is_err(), "{bad:?}");
    }
    // Claims that are no object.
    for claims in [json!([]), json!("x"), json!(1), Value::Null] {
        assert!(open(&hs256(&claims, SECRET), SECRET, ALL).is_err(), "{claims}");
    }
}

#[test]
fn no_bit_of_a_token_can_change() {
    let good = hs256(&json!({"iss": "Vonage", "iat": 1_700_000_000, "jti": "n1"}), SECRET);
    for position in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(open(&changed, SECRET, ALL).is_err(), "bit {bit} of byte {position}");
        }
    }
}

#[test]
fn claims_are_what_they_are() {
    let claims = open(&hs256(&json!({"a": "x", "b": 7, "c": 7.9, "d": -7, "e": null, "f": "7"}), SECRET), SECRET, ALL);
    let claims = claims.unwrap();
    assert_eq!((claims.text("a"), claims.text("b"), claims.text("z")), (Some("x"), None, None));
    let moments = ["b", "c", "d", "e", "f", "z"].map(|name| claims.moment(name));
    assert_eq!(moments, [Some(7), Some(7), None, None, None, None]);
    assert!(claims.has("e") && !claims.has("z"));
}

#[test]
fn a_receipt_is_fresh_for_five_minutes() {
    let now = Timestamp::from_millis(1_700_000_000_999);
    for (signed_at, fresh) in [
        (1_700_000_000, true),
        (1_700_000_000 - 300, true),
        (1_700_000_000 - 301, false),
        (1_700_000_000 + 300, true),
        (1_700_000_000 + 301, false),
        (0, false),
        (u64::MAX, false),
    ] {
        assert_eq!(is_fresh(signed_at, now), fresh, "{signed_at}");
    }
}

#[test]
fn a_request_is_signed_with_the_key_of_the_application() {
    let signer = Signer::parse(PEM).unwrap();
    let token = signer.sign(&json!({"application_id": "app", "iat": 1})).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, signer.0.public_key().as_ref().to_vec());
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(read(header), json!({"alg": "RS256", "typ": "JWT"}));
    assert_eq!(read(claims), json!({"application_id": "app", "iat": 1}));
}

#[test]
fn i9_a_bad_key_says_what_to_write_and_nothing_of_itself() {
    let fault = |pem: &str| Signer::parse(pem).unwrap_err();
    assert_eq!(fault("hunter2"), BadKey::NotPem);
    assert_eq!(fault(""), BadKey::NotPem);
    assert_eq!(fault(&PEM.replace("PRIVATE KEY", "CERTIFICATE")), BadKey::NotPem);
    let elliptic = rcgen::KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(fault(&elliptic), BadKey::NotRsa);
    assert!(Signer::parse(PEM.trim()).is_ok(), "a file is read without the end of its last line");
    assert_eq!(format!("{:?}", Signer::parse(PEM).unwrap()), "Signer(…)");
}
