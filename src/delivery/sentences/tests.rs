use std::time::Duration;

use super::*;
use crate::delivery::segments::septets;

#[test]
fn every_language_has_every_sentence_with_the_same_places() {
    let english = Sentences::built_in(Tongue::English);
    assert_eq!(english.keys().count(), 40);
    for tongue in Tongue::ALL {
        let sentences = Sentences::built_in(tongue);
        assert!(sentences.keys().eq(english.keys()), "{tongue:?}");
        for key in english.keys() {
            let (text, model) = (sentences.get(key).unwrap(), english.get(key).unwrap());
            let sorted = |sentence| {
                let mut places = places_of(sentence);
                places.sort_unstable();
                places
            };
            assert_eq!(sorted(text), sorted(model), "{tongue:?} {key}");
            assert_eq!(text.trim(), text, "{tongue:?} {key}");
            assert!(!text.is_empty() && !text.contains(char::is_control), "{tongue:?} {key}");
            let same = key.starts_with("minutes");
            assert!(tongue == Tongue::English || text != model || same, "{tongue:?} {key} is not translated");
            assert_eq!(text.matches('{').count(), places_of(text).len(), "{tongue:?} {key}");
            assert!(!text.contains("://") && !text.contains("www."), "U20: no link: {text}");
            assert!(!text.contains(|c: char| c.is_ascii_digit()), "no digits but those of the code: {text}");
        }
    }
}

#[test]
fn u20_only_japanese_needs_more_than_the_gsm_alphabet_in_text_messages() {
    for tongue in Tongue::ALL {
        let sentences = Sentences::built_in(tongue);
        let written: Vec<&str> = sentences
            .keys()
            .filter(|key| ["sms", "seconds", "minutes", "hours"].contains(&key.split('.').next().unwrap()))
            .filter_map(|key| sentences.get(key))
            .collect();
        assert_eq!(written.len(), 10);
        let foreign: String = written.iter().flat_map(|text| text.chars()).filter(|&c| septets(c).is_none()).collect();
        assert_eq!(foreign.is_empty(), tongue != Tongue::Japanese, "{tongue:?} {foreign}");
    }
}

#[test]
fn a_duration_is_never_told_longer_than_it_is() {
    let english = Sentences::built_in(Tongue::English);
    for (millis, wanted) in [
        (299_980, "5 minutes"),
        (300_000, "5 minutes"),
        (298_900, "4 minutes"),
        (60_000, "1 minute"),
        (59_000, "59 seconds"),
        (1, "1 second"),
        (0, "0 seconds"),
        (7_199_000, "119 minutes"),
        (7_200_000, "2 hours"),
    ] {
        assert_eq!(english.time(Duration::from_millis(millis)), wanted);
    }
    let told = |tongue| Sentences::built_in(tongue).time(Duration::from_secs(60));
    assert_eq!(
        Tongue::ALL.map(told),
        ["1 minute", "1 Minute", "1 minute", "1 minuto", "1 minit", "1分"].map(str::to_owned)
    );
}

#[test]
fn o35_what_fills_a_place_is_not_read_again() {
    let mut sentences = Sentences::built_in(Tongue::English);
    sentences.replace("use", "{name} {host} {nothing} {".to_owned());
    let places = Places { name: "{code}{{ code }}", host: "{name}", code: "123456", ..Places::default() };
    let said = sentences.said(Aim::Confirm, &places);
    assert_eq!(said["use"], "{code}{{ code }} {name} {nothing} {");
    assert_eq!(said["subject"], "Confirm your request at {code}{{ code }}");
    assert!(!said.contains_key("subject.confirm"));
}
