use super::*;

#[test]
fn c04_only_the_one_spelling_of_an_identifier_is_taken() {
    let id = ChallengeId::from_random([7; 16]);
    let text = id.to_string();
    assert_eq!(ChallengeId::parse(&text), Ok(id));
    for bad in ["", "short", &text[1..], &format!("{text}="), &format!("{text}A"), &text.replace('B', "+")] {
        if bad != text {
            assert_eq!(ChallengeId::parse(bad), Err(BadId), "{bad}");
        }
    }
    // The last character carries two spare bits; only zero bits are canonical.
    let mut tampered = text;
    tampered.pop();
    tampered.push('x');
    assert_eq!(ChallengeId::parse(&tampered), Err(BadId));
}

#[test]
fn a_reference_survives_being_read_out() {
    let reference = Reference::from_random([0x12, 0x34, 0x56, 0x78, 0x9a]);
    let spoken = reference.to_string().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
    assert_eq!(Reference::parse(&spoken), Ok(reference));
    assert_eq!(reference.to_string().len(), 9);
    for bad in ["", "K7QF", "K7QF-2M9X-A", "K7QF-2M9U", "K7QF-2M9ü"] {
        assert_eq!(Reference::parse(bad), Err(BadId), "{bad}");
    }
}

#[test]
fn a_keyed_hash_reads_back() {
    let hash = KeyedHash::new([0xab; 16]);
    assert_eq!(KeyedHash::parse(&hash.to_string()), Ok(hash));
    assert_eq!(KeyedHash::parse("+bababababababababababababababab"), Err(BadId));
}

#[test]
fn c19_every_identifier_has_128_bits() {
    assert_eq!(ChallengeId::from_random([0xff; 16]).as_bytes().len() * 8, 128);
    assert_eq!(BrowserId::from_random([0xff; 16]).as_bytes().len() * 8, 128);
    assert_eq!(ParkedId::from_random([0xff; 16]).as_bytes().len() * 8, 128);
    assert_eq!(GrantId::from_random([0xff; 16]).as_bytes().len() * 8, 128);
    assert_eq!(ResumeToken::from_random([0xff; 16]).as_bytes().len() * 8, 128);
}
