use super::*;

fn speech(language: &str, said: Vec<Utterance>) -> Speech {
    Speech { language: language.parse().unwrap(), question: String::new(), said }
}

#[test]
fn o33_digits_are_said_one_by_one_with_silence_between_them() {
    let said = || vec![Utterance::Pause(0), Utterance::Sentence("Your code:".into()), Utterance::Digits("407".into())];
    let markup = tell(TWILIO_SAYS, &speech("de", said()), &["en-US", "de-DE"]);
    assert_eq!(
        markup,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Pause length=\"1\"/>\
         <Say language=\"de-DE\">Your code:</Say>\
         <Say language=\"de-DE\">4</Say><Pause length=\"1\"/><Say language=\"de-DE\">0</Say><Pause length=\"1\"/>\
         <Say language=\"de-DE\">7</Say><Pause length=\"1\"/><Hangup/></Response>"
    );
    let markup = tell(PLIVO_SAYS, &speech("ja", said()), &["en-US"]);
    assert_eq!(
        markup,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Wait length=\"1\"/><Speak>Your code:</Speak>\
         <Speak>4</Speak><Wait length=\"1\"/><Speak>0</Speak><Wait length=\"1\"/><Speak>7</Speak><Wait length=\"1\"/>\
         <Hangup/></Response>"
    );
}

#[test]
fn o35_what_is_said_adds_no_element() {
    let hostile = "</Say><Play>https://evil.example/a.mp3</Play> & \"x\" 'y' ]]>";
    for template in [TWILIO_SAYS, PLIVO_SAYS] {
        let markup = tell(template, &speech("en", vec![Utterance::Sentence(hostile.into())]), &[]);
        assert_eq!(markup.matches('<').count(), 6, "{markup}");
        assert!(!markup.contains("<Play") && markup.contains("&lt;Play&gt;"), "{markup}");
    }
    let answer = "https://otp.example.test/w?m=1&t=\"><Hangup/>";
    let asks = Speech { question: hostile.to_owned(), ..speech("en", Vec::new()) };
    let markup = ask(TWILIO_ASKS, &asks, &["en-US"], answer);
    assert_eq!(markup.matches("<Hangup/>").count(), 1, "{markup}");
    assert_eq!(markup.matches("<Say language=\"en-US\">").count(), 2, "{markup}");
    assert!(markup.contains("m=1&amp;t=&quot;&gt;") && !markup.contains("<Play"), "{markup}");
}
