use std::time::Duration;

use super::{duration, keys, say};

#[test]
fn the_file_can_be_read_and_has_no_markup() {
    assert!(keys().count() > 100);
    for key in keys() {
        let sentence = say(key, &[]);
        assert!(!sentence.contains(['<', '>', '&']), "{key}: {sentence}");
        assert!(!sentence.trim().is_empty() && sentence.trim() == sentence, "{key}");
        // U26: a sentence with one form has the other, and all places of one stand in the other.
        if let Some(stem) = key.strip_suffix(".one") {
            assert!(keys().any(|other| other.strip_suffix(".other") == Some(stem)), "{key}");
        }
    }
}

#[test]
fn lengths_of_time_are_rounded_up_to_words() {
    for (seconds, words) in [
        (0, "0 seconds"),
        (1, "1 second"),
        (30, "30 seconds"),
        (89, "89 seconds"),
        (90, "2 minutes"),
        (300, "5 minutes"),
        (301, "6 minutes"),
        (5400, "2 hours"),
        (86_400, "24 hours"),
        (172_800, "2 days"),
    ] {
        assert_eq!(duration(Duration::from_secs(seconds)), words);
    }
    assert_eq!(duration(Duration::from_millis(29_001)), "30 seconds");
}

#[test]
fn places_are_filled_and_unknown_ones_stay() {
    assert_eq!(say("code.use", &[("what", "to open {path}")]), "Type the code here to open {path}.");
    assert_eq!(say("code.use", &[]), "Type the code here {what}.");
    assert_eq!(say("no.such.key", &[]), "no.such.key");
}
