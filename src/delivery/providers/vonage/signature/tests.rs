use super::*;

const SECRET: &str = "sigsecret0001";

/// Parameters of a receipt; the text was `a&b=c`.
fn pairs() -> Vec<Pair> {
    let pairs = [
        ("to", "AcmeInc"),
        ("msisdn", "447700900000"),
        ("messageId", "0A0000001234567B"),
        ("status", "delivered"),
        ("err-code", "0"),
        ("text", "a&b=c"),
        ("timestamp", "1700000000"),
        ("nonce", "n1"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Made with the vendor's own SDK.
const SIGNED: &[(SignatureMode, &str)] = &[
    (SignatureMode::Md5Hash, "f9cba4bb3606b92a76a0f339e54f6895"),
    (SignatureMode::Md5, "0068ccaf158198d77ac1fa1de046ece4"),
    (SignatureMode::Sha1, "66c3eba64565e328bf405612b57f87af4e7646bb"),
    (SignatureMode::Sha256, "3b6466cb338870f5c8052c49ce832fd27cee127a50cb68f8e71f0e4f11f9860e"),
    (
        SignatureMode::Sha512,
        "599be54e3cbeee712a22cf9ebac8231260eef5fd8e14592236fb2b0f8c03b039e58709018532f81ab08904263e4b642fecdeeaef48cdf8a8\
         196d5726e806e42f",
    ),
];

#[test]
fn every_mode_signs_as_vonage_does() {
    for (mode, signature) in SIGNED {
        assert_eq!(mode.sign(&pairs(), SECRET).unwrap(), *signature, "{mode:?}");
        assert!(mode.is_signature(signature, &pairs(), SECRET), "{mode:?}");
        assert!(mode.is_signature(&signature.to_ascii_uppercase(), &pairs(), SECRET), "digits of either case");
        assert!(!mode.is_signature(signature, &pairs(), "sigsecret0002"));
        assert!(!mode.is_signature("", &pairs(), SECRET));
        for (other, _) in SIGNED.iter().filter(|(other, _)| other != mode) {
            assert!(!other.is_signature(signature, &pairs(), SECRET), "{mode:?} is not {other:?}");
        }
    }
}

#[test]
fn the_signature_covers_all_but_itself_in_any_order() {
    let mut other = pairs();
    other.reverse();
    other.push(("sig".to_owned(), "whatever".to_owned()));
    for (mode, signature) in SIGNED {
        assert!(mode.is_signature(signature, &other, SECRET));
    }
}

#[test]
fn no_bit_of_signature_names_or_values_can_change() {
    for (mode, signature) in SIGNED {
        for position in 0..signature.len() {
            for bit in 0..7 {
                let mut bytes = signature.as_bytes().to_vec();
                bytes[position] ^= 1 << bit;
                let changed = String::from_utf8(bytes).unwrap();
                let same = changed.eq_ignore_ascii_case(signature);
                assert_eq!(mode.is_signature(&changed, &pairs(), SECRET), same, "{mode:?} {position} {bit}");
            }
        }
        for which in 0..pairs().len() {
            for in_name in [true, false] {
                let text = if in_name { pairs()[which].0.clone() } else { pairs()[which].1.clone() };
                for position in 0..text.len() {
                    for bit in 0..7 {
                        let mut changed = pairs();
                        let mut bytes = text.clone().into_bytes();
                        bytes[position] ^= 1 << bit;
                        let text = String::from_utf8(bytes).unwrap();
                        *(if in_name { &mut changed[which].0 } else { &mut changed[which].1 }) = text;
                        assert!(!mode.is_signature(signature, &changed, SECRET), "{mode:?} {changed:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_not_signed() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mode = SignatureMode::Sha256;
    let signature = mode.sign(&[pair("a", "1"), pair("b", "2")], SECRET).unwrap();
    // The same text is signed, but one parameter has swallowed the other.
    assert!(!mode.is_signature(&signature, &[pair("a=1&b", "2")], SECRET));
    assert_eq!(mode.sign(&[pair("a", "1"), pair("a", "2")], SECRET), None, "a name twice");
}
