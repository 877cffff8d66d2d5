use super::*;
use crate::delivery::sentences::Utterance;

fn speech(language: &str, said: Vec<Utterance>) -> Speech {
    Speech { language: language.parse().unwrap(), question: String::new(), said }
}

#[test]
fn u22_a_call_reads_the_digits_slowly_and_nothing_is_markup() {
    let said = vec![
        Utterance::Pause(1),
        Utterance::Sentence("Hello. This is <break time='9s'/> & \"Sons', with your code:".to_owned()),
        Utterance::Digits("120456".to_owned()),
    ];
    assert_eq!(
        markup::tell(VONAGE_SAYS, &speech("en", said), &[]),
        "<speak><break time=\"1s\"/><s>Hello. This is &lt;break time=&#x27;9s&#x27;&#x2f;&gt; &amp; &quot;Sons&#x27;, with \
         your code:</s><prosody rate=\"slow\"><say-as interpret-as=\"digits\">120456</say-as></prosody><break \
         time=\"1s\"/></speak>"
    );
}

#[test]
fn a_voice_is_found_for_every_language_of_messages() {
    let languages = ["en", "de", "fr", "es", "ms", "ja", "xx"].map(|tag| language(&speech(tag, Vec::new())));
    assert_eq!(languages, ["en-US", "de-DE", "fr-FR", "es-ES", "id-ID", "ja-JP", "en-US"]);
}

#[test]
fn every_end_of_a_call_has_its_class() {
    use FailureClass as C;
    for (status, detail, wanted) in [
        ("busy", "", Some(C::UnreachableTemporarily)),
        ("machine", "", Some(C::UnreachableTemporarily)),
        ("timeout", "", Some(C::UnreachableTemporarily)),
        ("unanswered", "unavailable", Some(C::UnreachableTemporarily)),
        ("unanswered", "timeout", Some(C::UnreachableTemporarily)),
        ("rejected", "declined", Some(C::UnreachableTemporarily)),
        ("rejected", "invalid_number", Some(C::InvalidNumber)),
        ("rejected", "restricted", Some(C::RegionBlocked)),
        ("rejected", "", Some(C::Unknown)),
        ("failed", "cannot_route", Some(C::UnreachablePermanently)),
        ("failed", "number_out_of_service", Some(C::UnreachablePermanently)),
        ("failed", "internal_error", Some(C::ProviderDown)),
        ("failed", "surprising", Some(C::Unknown)),
        ("cancelled", "", Some(C::Unknown)),
        ("disconnected", "", None),
        ("surprising", "", None),
    ] {
        assert_eq!(class(status, detail), wanted, "{status} {detail}");
    }
}
