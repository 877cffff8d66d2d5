//! The XML that calls are told with, at the providers that use it: templates, whose values are escaped.

use std::sync::LazyLock;

use minijinja::{Environment, UndefinedBehavior, Value, context};

use crate::delivery::sentences::{Speech, Utterance};

/// What is asked before a code is told: [`ask`].
pub(super) const TWILIO_ASKS: &str = "twilio/ask.xml";
/// What a call says: [`tell`].
pub(super) const TWILIO_SAYS: &str = "twilio/say.xml";
/// What a call says: [`tell`].
pub(super) const PLIVO_SAYS: &str = "plivo/say.xml";
/// What a call says: [`tell`].
pub(super) const VONAGE_SAYS: &str = "vonage/say.xml";

/// The templates; `.xml` in a name has their values escaped. They are part of the program, so one that does not parse is
/// a bug that every test finds.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in [
        (TWILIO_ASKS, include_str!("twilio/ask.xml")),
        (TWILIO_SAYS, include_str!("twilio/say.xml")),
        (PLIVO_SAYS, include_str!("plivo/say.xml")),
        (VONAGE_SAYS, include_str!("vonage/say.xml")),
    ] {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(name, %error, "a template of calls does not parse");
        }
    }
    environment
});

/// What hangs up at once, in the markup of all of them.
const NOTHING: &str = "<Response><Hangup/></Response>";

/// What a call says. The digits are pieces of their own with silence between them, since not every voice knows how to
/// speak slowly.
pub(super) fn tell(template: &str, speech: &Speech, spoken: &[&str]) -> String {
    let piece = |utterance: &Utterance| match utterance {
        Utterance::Sentence(text) => context! { sentence => text },
        Utterance::Digits(digits) => context! { digits => digits.chars().map(String::from).collect::<Vec<_>>() },
        Utterance::Pause(seconds) => context! { pause => (*seconds).max(1) },
    };
    let pieces: Vec<Value> = speech.said.iter().map(piece).collect();
    render(template, context! { pieces, language => locale(speech, spoken) })
}

/// What asks for a key, and has the provider fetch what is to be said from `answer` when one is pressed.
pub(super) fn ask(template: &str, speech: &Speech, spoken: &[&str], answer: &str) -> String {
    render(template, context! { question => &*speech.question, answer, language => locale(speech, spoken) })
}

fn render(name: &str, values: Value) -> String {
    match TEMPLATES.get_template(name).and_then(|template| template.render(values)) {
        Ok(text) => text,
        Err(error) => {
            // Its kind only: the text of such an error can hold values.
            tracing::error!(name, kind = ?error.kind(), "a template of calls failed");
            NOTHING.to_owned()
        }
    }
}

/// The language as the provider's voices are told of it, if one of them speaks it.
fn locale(speech: &Speech, spoken: &[&str]) -> Option<&'static str> {
    Some(speech.locale()).filter(|locale| spoken.contains(locale))
}

#[cfg(test)]
mod tests;
