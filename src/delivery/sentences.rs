//! What messages say, in English.
//!
//! SMS and voice are sentences here; e-mail has templates, since it comes as text and as HTML.

use std::sync::LazyLock;
use std::time::Duration;

use minijinja::{Environment, UndefinedBehavior, context};
use unicode_normalization::UnicodeNormalization as _;

pub(in crate::delivery) use crate::delivery::speech::{Speech, Utterance, spaced};
use crate::delivery::{Aim, Message, Said, segments};
use crate::words::{Channel, Language};

/// An e-mail as it is read.
pub(super) struct EmailText {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A text message as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SmsText {
    /// The text.
    pub text: String,
    /// Whether it has letters outside the GSM 7-bit alphabet, so that it goes as UCS-2.
    pub unicode: bool,
    /// How many parts it takes.
    pub parts: u8,
}

const TEXT: &str = "code.txt";
const HTML: &str = "code.html";

/// The templates. They are part of the program, so one that does not parse is a bug that every test finds.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in [(TEXT, include_str!("templates/code.txt")), (HTML, include_str!("templates/code.html"))] {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(name, %error, "a template of messages does not parse");
        }
    }
    environment
});

/// The most characters of one SMS in the GSM 7-bit alphabet (3GPP TS 23.038, 6.1.2.1.1: 140 octets).
const ONE_SMS: usize = 160;
/// The longest name of a site in an SMS, in characters.
const NAME_IN_SMS: usize = 30;

/// What a message says on its channel. `None` when a template fails.
pub(super) fn say(message: &Message) -> Option<Said> {
    Some(match message.to.channel() {
        Channel::Email => Said::Email(email(message)?),
        Channel::Sms => Said::Sms(SmsText::of(sms(message))),
        Channel::Voice => Said::Voice(speech(message)),
        // The provider's page says what there is to say.
        Channel::Hosted => return None,
    })
}

impl SmsText {
    fn of(text: String) -> Self {
        let size = segments::measure(&text);
        Self { text, unicode: size.unicode, parts: u8::try_from(size.parts).unwrap_or(u8::MAX) }
    }
}

/// The e-mail of a message. The subject holds no code, so that none shows on a locked screen; in the text the code stands
/// alone on a line (U21). `None` when a template fails.
pub(super) fn email(message: &Message) -> Option<EmailText> {
    let values = context! {
        name => message.site.name(),
        host => message.site.host(),
        code => message.code.reveal(),
        aim => match message.aim {
            Aim::Open => "open",
            Aim::Confirm => "confirm",
            Aim::Prove => "prove",
        },
        time => in_words(message.expires_in),
        reference => message.reference.to_string(),
        client => message.client.map(|ip| ip.to_canonical().to_string()),
    };
    let render = |name| match TEMPLATES.get_template(name).and_then(|template| template.render(&values)) {
        Ok(text) => Some(text),
        Err(error) => {
            // Its kind only: the text of such an error can hold values.
            tracing::error!(name, kind = ?error.kind(), "a template of messages failed");
            None
        }
    };
    let subject = match message.aim {
        Aim::Open => format!("Your code for {}", message.site.name()),
        Aim::Confirm => format!("Confirm your request at {}", message.site.name()),
        Aim::Prove => format!("Confirm your address for {}", message.site.name()),
    };
    Some(EmailText { subject, text: render(TEXT)?, html: render(HTML)? })
}

/// The SMS of a message: who and what for, the warning, the code late, and a last line that binds it to the host so that
/// a browser fills it in there and nowhere else (U20). At most 160 characters of the GSM 7-bit alphabet: the name gives
/// way first, then the last line.
pub(super) fn sms(message: &Message) -> String {
    let code = message.code.reveal();
    let what = match message.aim {
        Aim::Open => "code to open a protected page",
        Aim::Confirm => "code to confirm a request",
        Aim::Prove => "code to confirm this number",
    };
    let host = message.site.host();
    let name = gsm(message.site.name()).or_else(|| gsm(host)).unwrap_or_default();
    let time = in_words(message.expires_in);
    let body = format!(": {what}. Never share it. It works for {time}: {code}");
    // The binding is for names: https://wicg.github.io/sms-one-time-codes/
    let is_name = host.contains(|c: char| c.is_ascii_alphabetic()) && !host.contains(':');
    let bound = if is_name { format!("\n\n@{host} #{code}") } else { String::new() };
    for last in [&*bound, ""] {
        let left = ONE_SMS.saturating_sub(body.chars().count() + last.chars().count());
        if left >= name.chars().count().min(SHORT_NAME) {
            return format!("{}{body}{last}", shortened(&name, left.min(NAME_IN_SMS)));
        }
    }
    body
}

/// The fewest characters to which a name is cut before the last line is left out.
const SHORT_NAME: usize = 12;

/// What a voice call says: the digits one by one, and twice (U22).
fn speech(message: &Message) -> Speech {
    let name = message.site.name();
    let what = match message.aim {
        Aim::Open => "open a protected page",
        Aim::Confirm => "confirm a request",
        Aim::Prove => "confirm this number",
    };
    let code = message.code.reveal();
    let said = vec![
        Utterance::Pause(1),
        Utterance::Sentence(format!("Hello. This is {name}, with your code to {what}. Your code is:")),
        Utterance::Digits(code.to_owned()),
        Utterance::Sentence("Once more:".to_owned()),
        Utterance::Digits(code.to_owned()),
        Utterance::Sentence("Never tell it to anybody. If you did not ask for it, hang up.".to_owned()),
    ];
    Speech { language: message.language.clone().unwrap_or_else(Language::english), said }
}

/// A duration for people, never longer than it is: `5 minutes`, `45 seconds`. What is missing to a full second is added
/// first, so that a code that was made just now has its whole time.
pub(super) fn in_words(duration: Duration) -> String {
    let seconds = duration.as_millis().div_ceil(1000);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..7200 => (seconds / 60, "minute"),
        _ => (seconds / 3600, "hour"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `text` in the letters that an SMS has one septet for, accents dropped where they must be; `None` when it cannot be
/// written so.
fn gsm(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for character in text.nfc() {
        match character {
            'à' | 'é' | 'ù' | 'ì' | 'ò' | 'è' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' | 'Æ' | 'æ' | 'ß' | 'É' | 'Ä' | 'Ö'
            | 'Ñ' | 'Ü' | 'ä' | 'ö' | 'ñ' | 'ü' | '£' | '¥' | '§' => out.push(character),
            '[' | '{' => out.push('('),
            ']' | '}' => out.push(')'),
            '\u{2019}' | '`' => out.push('\''),
            '\u{2010}'..='\u{2015}' => out.push('-'),
            '…' => out.push_str("..."),
            '^' | '\\' | '~' | '|' => out.push(' '),
            ' '..='~' => out.push(character),
            _ => {
                let base = character.nfd().next().filter(char::is_ascii_alphanumeric)?;
                out.push(base);
            }
        }
    }
    Some(out)
}

fn shortened(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        text.to_owned()
    } else {
        let kept: String = text.chars().take(max.saturating_sub(2)).collect();
        format!("{}..", kept.trim_end())
    }
}

#[cfg(test)]
mod tests;
