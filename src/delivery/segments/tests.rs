use proptest::prelude::*;

use super::*;

/// 3GPP TS 23.038, 6.2.1: the letters of the codes 0 to 127; 0x1B is the escape.
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                        ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// 6.2.1.1: what follows an escape.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// The parts of a text, as units that are put into them one letter after the other.
fn model(text: &str) -> (bool, Vec<Vec<u16>>) {
    let code = |letter| ALPHABET.chars().position(|known| known == letter).filter(|&code| code != 0x1b);
    let in_septets = |letter| match (code(letter), EXTENSION.contains(letter)) {
        (Some(code), _) => Some(vec![u16::try_from(code).unwrap()]),
        (None, true) => Some(vec![0x1b, letter as u16]),
        (None, false) => None,
    };
    let gsm: Option<Vec<Vec<u16>>> = text.chars().map(in_septets).collect();
    let unicode = gsm.is_none();
    let letters = gsm.unwrap_or_else(|| text.chars().map(|c| c.encode_utf16(&mut [0; 2]).to_vec()).collect());
    let (single, several) = if unicode { (70, 67) } else { (160, 153) };
    let all: Vec<u16> = letters.concat();
    if all.len() <= single {
        return (unicode, vec![all]);
    }
    let mut parts: Vec<Vec<u16>> = vec![Vec::new()];
    for letter in letters {
        if parts.last().unwrap().len() + letter.len() > several {
            parts.push(Vec::new());
        }
        parts.last_mut().unwrap().extend(letter);
    }
    (unicode, parts)
}

#[test]
fn the_alphabet_is_the_one_of_the_standard() {
    assert_eq!(ALPHABET.chars().count(), 128);
    for letter in '\0'..=char::MAX {
        let wanted = match letter {
            '\u{1b}' => None,
            _ if ALPHABET.contains(letter) => Some(1),
            _ if EXTENSION.contains(letter) => Some(2),
            _ => None,
        };
        assert_eq!(septets(letter), wanted, "{letter:?}");
    }
}

#[test]
fn u20_parts_are_counted_as_they_are_billed() {
    for (text, wanted) in [
        (String::new(), (false, 0, 1)),
        ("a".repeat(160), (false, 160, 1)),
        ("a".repeat(161), (false, 161, 2)),
        ("a".repeat(306), (false, 306, 2)),
        ("a".repeat(307), (false, 307, 3)),
        // An extension character counts two, and is not split.
        (format!("{}€", "a".repeat(158)), (false, 160, 1)),
        (format!("{}€", "a".repeat(159)), (false, 161, 2)),
        (format!("{}€{}", "a".repeat(152), "a".repeat(152)), (false, 306, 3)),
        (format!("{}€{}", "a".repeat(151), "a".repeat(153)), (false, 306, 2)),
        // One letter outside the alphabet costs more than half of the room.
        ("c\u{f3}digo".to_owned(), (true, 6, 1)),
        (format!("ó{}", "a".repeat(69)), (true, 70, 1)),
        (format!("ó{}", "a".repeat(70)), (true, 71, 2)),
        ("コ".repeat(134), (true, 134, 2)),
        ("コ".repeat(135), (true, 135, 3)),
        // A letter of two units is not split.
        ("🦀".repeat(35), (true, 70, 1)),
        ("🦀".repeat(36), (true, 72, 2)),
        ("🦀".repeat(67), (true, 134, 3)),
    ] {
        let (unicode, units, parts) = wanted;
        assert_eq!(measure(&text), Segments { unicode, units, parts }, "{text}");
    }
}

fn letters() -> impl Strategy<Value = String> {
    let any_of = |all: &'static str| prop::sample::select(all.chars().collect::<Vec<_>>());
    let gsm = prop_oneof![20 => any_of(ALPHABET), 3 => any_of(EXTENSION)];
    let any = prop_oneof![20 => any_of(ALPHABET), 2 => any_of(EXTENSION), 1 => any::<char>(), 1 => Just('🦀')];
    let text = |letters: BoxedStrategy<char>| prop::collection::vec(letters, 0..500);
    prop_oneof![text(gsm.boxed()), text(any.boxed())].prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn a_text_is_measured_as_if_it_were_cut_up(text in letters()) {
        let (unicode, parts) = model(&text);
        let units = parts.iter().map(Vec::len).sum();
        prop_assert_eq!(measure(&text), Segments { unicode, units, parts: parts.len() });
    }
}
