//! What a policy asks for, and what it says of a visitor who has proved nothing yet.

use std::fmt::Write as _;

use crate::audit::rfc3339;
use crate::gate::{Facts, Passage, Verdict, Vouched, Why, judge};
use crate::request::CanonicalRequest;
use crate::server::SitePlan;
use crate::words::{Clock as _, ContactRule, Escalation, KeyedHash, Policy, StepUp, SystemClock};

/// A policy and its settings.
pub(super) fn described(policy: &Policy) -> String {
    let policy = match policy {
        Policy::Bypass => return "bypass: nothing is asked".to_owned(),
        Policy::Deny => return "deny: nobody passes".to_owned(),
        Policy::StepUp(policy) => policy,
    };
    let StepUp { name, max_age, challenge_at, deny_at, escalation, bind, observe, .. } = &**policy;
    let channels: Vec<&str> = policy.channels.iter().map(|channel| channel.as_str()).collect();
    let mut text = format!("{name}: a code by {}, ", channels.join(" or "));
    if policy.confirms_each_request() {
        text.push_str("for every single request (max_age 0s)");
    } else {
        let _ = write!(text, "answered within the last {}", humantime::format_duration(*max_age));
    }
    if *challenge_at > 0 {
        let _ = write!(text, "\nonly from a score of {challenge_at}");
    }
    if let Some(Escalation { at, to }) = escalation {
        let channels: Vec<&str> = to.channels.iter().map(|channel| channel.as_str()).collect();
        let _ = write!(text, "\nfrom a score of {at} by {}", channels.join(" or "));
    }
    let _ = write!(text, "\nrefused from a score of {deny_at}");
    if bind.len() > 1 || policy.binds(crate::words::Binding::AppSession) || policy.binds(crate::words::Binding::Network)
    {
        let names: Vec<String> =
            bind.iter().filter_map(|bind| Some(serde_json::to_value(bind).ok()?.as_str()?.to_owned())).collect();
        let _ = write!(text, "\na code counts for this {} only", names.join(", "));
    }
    if let Some(within) = policy.recheck() {
        let within = humantime::format_duration(within);
        let _ = write!(text, "\nnone while the directory says that such a contact was proved within the last {within}");
    }
    if let ContactRule::Form(field) = &policy.contact {
        let _ = write!(text, "\nat the contact that stands in the request's own field `{field}`");
    }
    if *observe {
        text.push_str("\nobserves only: what it would decide is logged, and the request goes on");
    }
    text
}

/// Whether it is the contact in a form that is to be proved.
pub(super) fn is_form(policy: &Policy) -> bool {
    matches!(policy, Policy::StepUp(policy) if matches!(policy.contact, ContactRule::Form(_)))
}

/// The verdict for a visitor who has proved nothing yet, and of whom the directory says this.
pub(super) fn verdict(
    site: &SitePlan,
    request: &CanonicalRequest,
    policy: &Policy,
    has_subject: bool,
    vouched: &[Vouched],
    score: u8,
) -> String {
    let field = match policy {
        Policy::StepUp(policy) => match &policy.contact {
            ContactRule::Form(field) => Some(field),
            ContactRule::Directory | ContactRule::Recheck(_) => None,
        },
        Policy::Bypass | Policy::Deny => None,
    };
    let facts = Facts {
        policy,
        // Whoever types a contact into a form need not be known.
        has_subject: has_subject || field.is_some(),
        proofs: &[],
        vouched,
        wanted: None,
        confirmed: false,
        score,
        is_whole: true,
        app_session: None,
        network: KeyedHash::new([0; 16]),
        now: SystemClock.now(),
    };
    match judge(&facts) {
        Verdict::Forward(Passage::Bypass) => "forward: the route asks for nothing".to_owned(),
        Verdict::Forward(Passage::LowScore) => "forward: the score is below `challenge_at`".to_owned(),
        Verdict::Forward(Passage::Vouched(Vouched { channel, at })) => {
            format!("forward: the directory says that a contact by {channel} was proved {}", rfc3339(at))
        }
        Verdict::Forward(Passage::Observed(why)) => {
            format!("forward, since the policy only observes; it would not pass otherwise ({})", why.as_str())
        }
        Verdict::Forward(_) => "forward".to_owned(),
        Verdict::Challenge(Why::NoSubject) if site.spec.may_sign_in(request) => {
            "forward: signing in needs no subject".to_owned()
        }
        Verdict::Challenge(Why::NoSubject) => {
            "challenge (no_subject): the visitor must sign in first, then answer a code".to_owned()
        }
        Verdict::Challenge(why) if field.is_some() => format!(
            "challenge ({}): a code goes to the contact in the form, and without one that can be read the answer is 422; \
             a GET without query and body passes, since it only opens the page with the form",
            why.as_str()
        ),
        Verdict::Challenge(why) => format!(
            "challenge ({}): a visitor who has proved nothing yet gets a page that asks for a code, \
             an API client a 401",
            why.as_str()
        ),
        Verdict::Refuse(why) if site.spec.observe => {
            format!("forward, since the site only observes; it would be refused otherwise ({})", why.as_str())
        }
        Verdict::Refuse(why) => format!("refuse ({}): 403", why.as_str()),
    }
}
