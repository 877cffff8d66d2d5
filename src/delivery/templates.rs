//! How sentences make a message: one template a channel, which an operator may override.
//!
//! What messages say is in `sentences/<language>.yaml`, how they are laid out in `templates/`: `sms.txt`, `voice.txt`,
//! `email.subject`, `email.txt` and `email.html`, each for all languages. That way a new sentence is one line in every
//! language, and the markup of an e-mail stands in one place.
//!
//! `delivery.templates` names a folder of files that take the place of ours, as many as there are:
//!
//! - `sms.de.txt`, `voice.de.txt`, `email.de.subject`, `email.de.txt`, `email.de.html`: a template for one language,
//! - the same without the language: for all others,
//! - `de.yaml`: sentences, those that are to be other ones.
//!
//! A template knows [`VARIABLES`]: `name` and `host` of the site, `code` (not in a subject, which shows on a locked screen),
//! `time` (how long the code lives, in words), `aim` (`open`, `confirm` or `prove`), `client` (the client address or none),
//! `support` (where to turn for help, or none), `reference`, `language`, `say` (the sentences: `say.intro`) and, for calls, `pause` (a second of silence). Of a call,
//! `code` is read digit by digit. `{% extends "otpgate/email.html" %}` keeps our e-mail and fills its blocks `top` and
//! `bottom`.
//!
//! The last line of a text message, `@host #code`, is no part of a template, so that none can break it. Nothing in a
//! message is anybody's choice but the operator's: not the name of a visitor, not a path (O35).

mod files;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior};

pub use self::files::BadTemplate;
use crate::delivery::segments::measure;
use crate::delivery::sentences::{EmailText, Places, Sentences, Speech, Utterance};
use crate::delivery::sms::{self, LongSms};
use crate::delivery::tongue::Tongue;
use crate::delivery::{Aim, Message, Said, SiteName};
use crate::words::Channel;

/// What messages say and how they are laid out: ours, and what the operator put in its place.
pub struct Templates {
    /// Ours under [`OURS`], the operator's by their file names.
    environment: Environment<'static>,
    /// In the order of [`Tongue::ALL`].
    sentences: [Sentences; 6],
    /// The files of the operator.
    own: Vec<String>,
}

/// What one template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Sms,
    Voice,
    Subject,
    Text,
    Html,
}

/// What a message says, before it is laid out.
#[derive(Clone, Copy)]
struct Content<'a> {
    aim: Aim,
    name: &'a str,
    host: &'a str,
    code: &'a str,
    expires_in: Duration,
    reference: &'a str,
    client: Option<&'a str>,
    support: Option<&'a str>,
}

/// The variables of a template.
const VARIABLES: [&str; 11] =
    ["name", "host", "code", "time", "aim", "client", "reference", "support", "language", "say", "pause"];
/// Before the names of our own templates.
const OURS: &str = "otpgate/";
/// What a notice is laid out by, besides our templates for a subject and for a text message.
const NOTICE_TEXT: &str = "notice.txt";
const NOTICE_HTML: &str = "notice.html";
const NOTICE_VOICE: &str = "notice.voice.txt";
/// What stands for silence and for the digits in a call until it is cut into pieces: control characters, which neither a
/// name nor a template has.
const PAUSE: &str = "\u{1}";
const DIGITS: &str = "\u{2}";
const MARKS: [char; 2] = ['\u{1}', '\u{2}'];
/// The longest silence in a call, in seconds.
const LONGEST_PAUSE: u8 = 5;

// === impl Templates ===

impl Templates {
    /// Ours, with those in `folder` in their place.
    ///
    /// # Errors
    /// When the folder cannot be read, has a file of another name, or a file in it is no template that gives a message
    /// with its code.
    pub fn load(folder: &Path) -> Result<Self, BadTemplate> {
        files::load(folder)
    }

    /// What a message says on its channel, in its language. `None` when even our own template fails.
    pub(super) fn say(&self, message: &Message) -> Option<Said> {
        let tongue = Tongue::of(message.language.as_ref());
        let Some(code) = &message.code else { return self.notice(message, tongue) };
        let (site, code) = (&message.site, code.reveal());
        let client = message.client.map(|ip| ip.to_canonical().to_string());
        let content = Content {
            aim: message.aim,
            name: site.name(),
            host: site.host(),
            code,
            expires_in: message.expires_in,
            reference: &message.reference.to_string(),
            client: client.as_deref(),
            support: site.support(),
        };
        Some(match message.to.channel() {
            Channel::Email => Said::Email(EmailText {
                language: tongue.tag(),
                subject: self.render(Layout::Subject, tongue, content)?,
                text: self.render(Layout::Text, tongue, content)?,
                html: self.render(Layout::Html, tongue, content)?,
            }),
            Channel::Sms => {
                let says = |name: &str| self.render(Layout::Sms, tongue, Content { name, ..content });
                Said::Sms(sms::compose(site, code, says)?)
            }
            // The provider's page says what there is to say.
            Channel::Hosted => return None,
            Channel::Voice => {
                let text = self.render(Layout::Voice, tongue, Content { code: DIGITS, ..content })?;
                let question = self.question(tongue, content);
                Said::Voice(Speech { language: tongue.language(), question, said: pieces(&text, code) })
            }
        })
    }

    /// What a notice says: without a code, so that an operator's template, which has a place for one, is none for it. The
    /// sentences may be the operator's.
    fn notice(&self, message: &Message, tongue: Tongue) -> Option<Said> {
        let site = &message.site;
        let reference = &message.reference.to_string();
        let content = Content { aim: message.aim, reference, ..Content::of(site) };
        Some(match message.to.channel() {
            Channel::Email => Said::Email(EmailText {
                language: tongue.tag(),
                subject: self.ours(Layout::Subject, "email.subject", tongue, content)?,
                text: self.ours(Layout::Text, NOTICE_TEXT, tongue, content)?,
                html: self.ours(Layout::Html, NOTICE_HTML, tongue, content)?,
            }),
            Channel::Sms => {
                let says = |name: &str| self.ours(Layout::Sms, "sms.txt", tongue, Content { name, ..content });
                Said::Sms(sms::compose(site, "", says)?)
            }
            Channel::Hosted => return None,
            Channel::Voice => {
                let text = self.ours(Layout::Voice, NOTICE_VOICE, tongue, content)?;
                let question = self.question(tongue, content);
                Said::Voice(Speech { language: tongue.language(), question, said: pieces(&text, "") })
            }
        })
    }

    fn ours(&self, layout: Layout, file: &str, tongue: Tongue, content: Content<'_>) -> Option<String> {
        let text = self.rendered(&format!("{OURS}{file}"), &self.values(layout, tongue, content));
        text.ok().map(|text| layout.tidied(&text))
    }

    /// The text messages of a site that take more than one part at their longest, with codes of so many digits that live
    /// so long: at most one a language.
    #[must_use]
    pub fn long_sms(&self, site: &SiteName, digits: u8, ttl: Duration) -> Vec<LongSms> {
        // A code that is asked for later lives shorter, which can take more characters to say.
        let times = [ttl, ttl.min(Duration::from_secs(59)), ttl.min(Duration::from_secs(119 * 60))];
        let code = "0".repeat(digits.into());
        let longest = |tongue: Tongue| {
            let all = Aim::ALL.into_iter().flat_map(|aim| times.map(|time| (aim, time)));
            let all = all.filter_map(|(aim, expires_in)| {
                let content = Content { aim, code: &code, expires_in, ..Content::of(site) };
                sms::compose(site, &code, |name| self.render(Layout::Sms, tongue, Content { name, ..content }))
            });
            let longest = all.max_by_key(|sms| measure(&sms.text).units)?;
            LongSms::of(&longest, tongue.tag(), self.own(Layout::Sms, tongue).map(str::to_owned).next())
        };
        Tongue::ALL.into_iter().filter_map(longest).collect()
    }

    /// What a layout makes of a message. An operator's template that fails all the same gives way to ours.
    fn render(&self, layout: Layout, tongue: Tongue, content: Content<'_>) -> Option<String> {
        let values = self.values(layout, tongue, content);
        let ours = format!("{OURS}{}", layout.file(None));
        let names = self.own(layout, tongue).chain([&*ours]);
        names.into_iter().find_map(|name| match self.rendered(name, &values) {
            Ok(text) => Some(layout.tidied(&text)),
            Err(error) => {
                // Its kind only: the text of such an error can hold values.
                tracing::error!(name, kind = ?error.kind(), line = error.line(), "a template of messages failed");
                None
            }
        })
    }

    fn rendered(&self, name: &str, values: &Value) -> Result<String, minijinja::Error> {
        self.environment.get_template(name)?.render(values)
    }

    /// The operator's templates for a layout in a language, the nearest first.
    fn own(&self, layout: Layout, tongue: Tongue) -> impl Iterator<Item = &str> {
        let names = [layout.file(Some(tongue)), layout.file(None)];
        names.into_iter().filter_map(|name| self.own.iter().find(|own| **own == name).map(String::as_str))
    }

    /// The variables of a template.
    fn values(&self, layout: Layout, tongue: Tongue, content: Content<'_>) -> Value {
        let Content { aim, name, host, code, expires_in, reference, client, support } = content;
        let sentences = self.sentences(tongue);
        let time = sentences.time(expires_in);
        let client_or_not = client.unwrap_or_default();
        let support_or_not = support.unwrap_or_default();
        let places =
            Places { name, host, code, time: &time, reference, client: client_or_not, support: support_or_not };
        let said = sentences.said(aim, &places);
        let mut values = BTreeMap::from([
            ("name", Value::from(name)),
            ("host", Value::from(host)),
            ("time", Value::from(&*time)),
            ("aim", Value::from(aim.as_str())),
            ("client", Value::from(client)),
            ("support", Value::from(support)),
            ("reference", Value::from(reference)),
            ("language", Value::from(tongue.tag())),
            ("say", Value::from_pairs(said)),
        ]);
        match layout {
            Layout::Subject => {}
            Layout::Voice => values.extend([("code", Value::from(code)), ("pause", Value::from(PAUSE))]),
            Layout::Sms | Layout::Text | Layout::Html => values.extend([("code", Value::from(code))]),
        }
        Value::from_pairs(values)
    }

    /// What is asked before a code is told. Whatever an operator writes, there is no code in it.
    fn question(&self, tongue: Tongue, content: Content<'_>) -> String {
        let Content { aim, name, host, expires_in, reference, client, .. } = content;
        let sentences = self.sentences(tongue);
        let time = sentences.time(expires_in);
        let client = client.unwrap_or_default();
        let places = Places { name, host, time: &time, reference, client, ..Places::default() };
        let key = if aim == Aim::Changed { "call_key_notice" } else { "call_key" };
        sentences.said(aim, &places).remove(key).unwrap_or_default()
    }

    fn sentences(&self, tongue: Tongue) -> &Sentences {
        &self.sentences[tongue as usize]
    }
}

impl Default for Templates {
    /// Ours alone.
    fn default() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let layouts = Layout::ALL.map(|layout| (layout.file(None), layout.ours()));
        let notices = [
            (NOTICE_TEXT.to_owned(), include_str!("templates/notice.txt")),
            (NOTICE_HTML.to_owned(), include_str!("templates/notice.html")),
            (NOTICE_VOICE.to_owned(), include_str!("templates/notice.voice.txt")),
        ];
        for (name, text) in layouts.into_iter().chain(notices) {
            // A part of the program: one that does not parse is a bug that every test finds.
            if let Err(error) = environment.add_template_owned(format!("{OURS}{name}"), text) {
                tracing::error!(%error, "a template of messages does not parse");
            }
        }
        Self { environment, sentences: Tongue::ALL.map(Sentences::built_in), own: Vec::new() }
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Templates({})", self.own.join(", "))
    }
}

// === impl Layout ===

impl Layout {
    const ALL: [Self; 5] = [Self::Sms, Self::Voice, Self::Subject, Self::Text, Self::Html];

    /// Its file: for one language, or for all.
    fn file(self, tongue: Option<Tongue>) -> String {
        let (channel, ending) = match self {
            Self::Sms => ("sms", "txt"),
            Self::Voice => ("voice", "txt"),
            Self::Subject => ("email", "subject"),
            Self::Text => ("email", "txt"),
            Self::Html => ("email", "html"),
        };
        match tongue {
            Some(tongue) => format!("{channel}.{}.{ending}", tongue.tag()),
            None => format!("{channel}.{ending}"),
        }
    }

    const fn ours(self) -> &'static str {
        match self {
            Self::Sms => include_str!("templates/sms.txt"),
            Self::Voice => include_str!("templates/voice.txt"),
            Self::Subject => include_str!("templates/email.subject"),
            Self::Text => include_str!("templates/email.txt"),
            Self::Html => include_str!("templates/email.html"),
        }
    }

    /// What conditions and blocks of a template leave over is taken away: a subject is one line, and a text has no two
    /// empty lines in a row.
    fn tidied(self, text: &str) -> String {
        match self {
            Self::Html => text.to_owned(),
            Self::Subject => on_one_line(text),
            Self::Sms | Self::Voice | Self::Text => {
                let mut tidied = String::with_capacity(text.len());
                for line in text.trim().lines().map(str::trim_end) {
                    if !(line.is_empty() && tidied.ends_with("\n\n")) {
                        tidied.push_str(line);
                        tidied.push('\n');
                    }
                }
                tidied.truncate(tidied.trim_end().len());
                tidied
            }
        }
    }
}

// === impl Content ===

impl<'a> Content<'a> {
    /// Anything that is said of a site, for trying out.
    fn of(site: &'a SiteName) -> Self {
        Self {
            aim: Aim::Open,
            name: site.name(),
            host: site.host(),
            code: "",
            expires_in: Duration::ZERO,
            reference: "",
            client: None,
            support: site.support(),
        }
    }
}

/// What a call says, cut at its marks.
fn pieces(text: &str, code: &str) -> Vec<Utterance> {
    let mut pieces: Vec<Utterance> = Vec::new();
    for piece in text.split_inclusive(MARKS) {
        let words = on_one_line(piece.trim_end_matches(MARKS));
        if !words.is_empty() {
            pieces.push(Utterance::Sentence(words));
        }
        if piece.ends_with(DIGITS) {
            pieces.push(Utterance::Digits(code.to_owned()));
        } else if piece.ends_with(PAUSE) {
            match pieces.last_mut() {
                Some(Utterance::Pause(seconds)) => *seconds = LONGEST_PAUSE.min(*seconds + 1),
                _ => pieces.push(Utterance::Pause(1)),
            }
        }
    }
    pieces
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
