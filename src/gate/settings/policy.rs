//! The config's `policies`.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Many, Named, Period, Placed, unknown};
use crate::words::{Binding, Channel, ChannelSet, ContactRule, Escalation, Policy, SendWhen, StepUp};

/// A policy: what must have been proved to pass.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySettings {
    /// Any one of these channels must have been answered on. Default: every channel that a provider serves.
    #[serde(default)]
    pub channels: Many<Placed<Channel>>,
    /// How old a proof may be; `0s` confirms every single request. Default 15m.
    pub max_age: Option<Placed<Period>>,
    /// The score, 0 to 100, from which a challenge is put; 0 is always. Default 0.
    pub challenge_at: Option<Placed<u8>>,
    /// The score, 1 to 100, from which the request is refused. Default 90.
    pub deny_at: Option<Placed<u8>>,
    /// Other channels, from a higher score on. Default: none.
    pub escalate: Option<EscalateSettings>,
    /// What a proof is bound to besides the subject. Default: subject.
    #[serde(default)]
    pub bind: Many<Binding>,
    /// Decide and log, but forward. Default false.
    #[serde(default)]
    pub observe: bool,
    /// When the first code goes out: with the page if there is just one usable contact, or when asked for. Default
    /// on_arrival.
    #[serde(default)]
    pub send: SendWhen,
    /// Whose contact is to be proved. Default: one that the directory has for the subject.
    pub contact: Option<Placed<ContactSettings>>,
}

/// Other channels, from a higher score on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalateSettings {
    /// The score, from which only these channels count: above `challenge_at` and below `deny_at`.
    pub at: Placed<u8>,
    /// Any one of these must have been answered on then.
    pub channels: Many<Placed<Channel>>,
}

/// Whose contact is to be proved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactSettings {
    /// The one that stands in this field of the request's own form, as in a sign-up: the field's name, or a JSON pointer.
    pub form: Option<Placed<String>>,
    /// One that the directory has for the subject; nobody is asked while it says by `verified_at` that one on the policy's
    /// channels was proved within this time.
    pub recheck: Option<Placed<Period>>,
}

/// Every policy that a route can name.
#[derive(Debug)]
pub struct Policies {
    /// Those of the config, in its order, and `otp`.
    step_ups: Vec<Arc<StepUp>>,
    /// Whether any channel can be answered on.
    served: bool,
}

/// How old a proof may be when the policy does not say.
const MAX_AGE: Duration = Duration::from_secs(15 * 60);
/// The score from which a request is refused when the policy does not say.
const DENY_AT: u8 = 90;
/// The name of the built-in policy that the config may define anew.
const OTP: &str = "otp";

// === impl PolicySettings ===

impl PolicySettings {
    fn step_up(&self, name: &str, served: &[Channel]) -> Result<StepUp, Fault> {
        let channels: ChannelSet =
            if self.channels.is_empty() { served.iter().copied().collect() } else { named(&self.channels, served)? };
        let (challenge_at, deny_at) = self.scores()?;
        let mut policy = StepUp {
            name: name.into(),
            channels,
            max_age: self.max_age.map_or(MAX_AGE, |age| age.value.0),
            challenge_at,
            deny_at,
            escalation: None,
            bind: if self.bind.is_empty() { vec![Binding::Subject] } else { self.bind.to_vec() },
            observe: self.observe,
            send: self.send,
            contact: self.contact.as_ref().map_or(Ok(ContactRule::Directory), |contact| self.contact_rule(contact))?,
        };
        if let Some(escalate) = &self.escalate {
            let at = escalate.at;
            if at.value <= challenge_at || at.value >= deny_at {
                let wrong = format!(
                    "expected a score above `challenge_at`, {challenge_at}, and below `deny_at`, {deny_at}: what is \
                     below the one is not asked, and what reaches the other is refused"
                );
                return Err(at.fault(wrong));
            }
            let to = StepUp { channels: named(&escalate.channels, served)?, ..policy.clone() };
            policy.escalation = Some(Escalation { at: at.value, to: Arc::new(to) });
        }
        Ok(policy)
    }

    fn scores(&self) -> Result<(u8, u8), Fault> {
        let deny_at = match self.deny_at {
            Some(at) if !(1..=100).contains(&at.value) => return Err(at.fault("expected a score from 1 to 100")),
            at => at.map_or(DENY_AT, |at| at.value),
        };
        match self.challenge_at {
            Some(at) if at.value > 100 => Err(at.fault("expected a score from 0 to 100")),
            Some(at) if at.value >= deny_at => {
                Err(at
                    .fault(format!("a score of {deny_at} is refused already: `challenge_at` must be below `deny_at`")))
            }
            at => Ok((at.map_or(0, |at| at.value), deny_at)),
        }
    }

    fn contact_rule(&self, settings: &Placed<ContactSettings>) -> Result<ContactRule, Fault> {
        match (&settings.value.form, &settings.value.recheck) {
            (Some(_), Some(recheck)) => Err(recheck.fault(
                "`form` is a contact that the request brings along, and `recheck` one of the directory: write one of them",
            )),
            (Some(field), None) if field.value.trim().is_empty() => {
                Err(field.fault("expected the name of a form field"))
            }
            (Some(field), None) => Ok(ContactRule::Form(field.value.as_str().into())),
            (None, Some(recheck)) => self.recheck(recheck),
            (None, None) => Err(settings.fault(
                "expected `form`, the field with the contact that is to be proved, or `recheck`, how often one of the \
                 directory is",
            )),
        }
    }

    /// What a directory says is bound to nothing but the subject, and is said of no single request.
    fn recheck(&self, recheck: &Placed<Period>) -> Result<ContactRule, Fault> {
        if recheck.value.0.is_zero() {
            return Err(recheck.fault("expected a time above 0s, such as `30d`: leave the key out to ask every time"));
        }
        if self.max_age.is_some_and(|age| age.value.0.is_zero()) {
            return Err(recheck.fault("`max_age: 0s` confirms every single request: leave one of the two out"));
        }
        if self.bind.iter().any(|&bind| bind != Binding::Subject) {
            return Err(recheck.fault(
                "what the directory says is bound to the subject alone: leave out `recheck`, or `app_session` and \
                 `network` in `bind`",
            ));
        }
        Ok(ContactRule::Recheck(recheck.value.0))
    }
}

/// Channels of the config, each of which a provider must serve.
fn named(channels: &[Placed<Channel>], served: &[Channel]) -> Result<ChannelSet, Fault> {
    match channels.iter().find(|channel| !served.contains(&channel.value)) {
        Some(channel) => {
            let name = channel.value;
            Err(channel
                .fault(format!("no provider serves `{name}`: name one under `delivery`, `{name}: {{providers: …}}`")))
        }
        None => Ok(channels.iter().map(|channel| channel.value).collect()),
    }
}

// === impl Policies ===

impl Policies {
    /// The policies of the config and the built-in ones. `served` are the channels that delivery serves.
    ///
    /// # Errors
    /// When one cannot be.
    pub fn new(settings: &Named<PolicySettings>, served: &[Channel]) -> Result<Self, Fault> {
        let mut step_ups = Vec::new();
        for (name, policy) in settings.iter() {
            match name.value.as_str() {
                "bypass" | "deny" => return Err(name.fault(format!("`{}` is built in: use another name", name.value))),
                "" => return Err(name.fault("a policy needs a name")),
                _ => step_ups.push(Arc::new(policy.step_up(&name.value, served)?)),
            }
        }
        if settings.get(OTP).is_none() {
            step_ups.push(Arc::new(PolicySettings::default().step_up(OTP, served)?));
        }
        Ok(Self { step_ups, served: !served.is_empty() })
    }

    /// The same, all of which only observe.
    #[must_use]
    pub fn observing(&self) -> Self {
        let step_ups = self.step_ups.iter().map(|policy| Arc::new(policy.observing(true))).collect();
        Self { step_ups, served: self.served }
    }

    /// The policy `name`.
    ///
    /// # Errors
    /// When there is none, or no code could ever be sent for it.
    pub fn find(&self, name: &Placed<String>) -> Result<Policy, Fault> {
        match name.value.as_str() {
            "bypass" => Ok(Policy::Bypass),
            "deny" => Ok(Policy::Deny),
            wanted => {
                let Some(policy) = self.step_ups.iter().find(|policy| &*policy.name == wanted) else {
                    let known = self.step_ups.iter().map(|policy| &*policy.name).chain(["bypass", "deny"]);
                    return Err(name.fault(unknown("policy", wanted, known)));
                };
                if self.served {
                    Ok(Policy::StepUp(Arc::clone(policy)))
                } else {
                    Err(name.fault("no provider serves any channel, so no code could be sent: add `delivery`"))
                }
            }
        }
    }
}
