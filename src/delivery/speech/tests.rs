use super::*;

#[test]
fn u22_digits_are_heard_one_by_one() {
    let said = vec![
        Utterance::Pause(1),
        Utterance::Sentence("Your code is:".to_owned()),
        Utterance::Digits("120456".to_owned()),
        Utterance::Sentence("Once more:".to_owned()),
        Utterance::Digits("120456".to_owned()),
    ];
    let speech = Speech { language: Language::english(), question: String::new(), said };
    assert_eq!(speech.to_string(), "Your code is: 1, 2, 0, 4, 5, 6. Once more: 1, 2, 0, 4, 5, 6.");
}

#[test]
fn a_speech_has_the_locale_that_services_want() {
    for (tag, wanted) in [
        ("en", "en-US"),
        ("en-gb", "en-US"),
        ("de", "de-DE"),
        ("fr", "fr-FR"),
        ("es", "es-ES"),
        ("ms", "ms-MY"),
        ("ja", "ja-JP"),
        ("tlh", "en-US"),
    ] {
        let speech = Speech { language: tag.parse().unwrap(), question: String::new(), said: Vec::new() };
        assert_eq!(speech.locale(), wanted);
    }
}
