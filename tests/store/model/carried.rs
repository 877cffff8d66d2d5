//! The steps of messages and money.

use otpgate::store::{Charge, Charged, MoneyBudget, NewMessage, Report, Reported, TakenMessage, TrackedMessage, Which};
use otpgate::words::{Amount, Channel, FailureClass, KeyedHash, MessageId, Progress, Reference, Timestamp};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{HOUR, Who, World};
use crate::bench::Bench;
use crate::messages::message_id;
use crate::money::units;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Track { challenge: Index, send: u32, provider: usize, words: bool },
    Taken { message: Index, provider: usize, theirs: bool, progress: usize, price: Option<u64> },
    Report { message: Index, theirs: bool, provider: usize, progress: usize, price: Option<u64>, nonce: Option<u8> },
    Words(Index),
    KeepWords(Index, bool),
    Code { who: Who, challenge: Index },
    Charge(u64, usize),
    Correct(u64, u64),
}

const PROVIDERS: [&str; 2] = ["tw", "pl: {x}"];

const PROGRESS: [Progress; 6] = [
    Progress::Handed,
    Progress::Accepted,
    Progress::Sent,
    Progress::Failed(FailureClass::OptedOut),
    Progress::Failed(FailureClass::Unknown),
    Progress::Delivered,
];

const fn budget(which: usize) -> MoneyBudget {
    match which {
        0 => MoneyBudget { per_hour: None, per_day: None },
        1 => MoneyBudget { per_hour: Some(units(12)), per_day: None },
        _ => MoneyBudget { per_hour: Some(units(20)), per_day: Some(units(15)) },
    }
}

pub(super) fn steps(who: impl Strategy<Value = Who>) -> impl Strategy<Value = Step> {
    let index = || any::<Index>();
    prop_oneof![
        4 => (index(), 1..4_u32, 0..2_usize, any::<bool>())
            .prop_map(|(challenge, send, provider, words)| Step::Track { challenge, send, provider, words }),
        4 => (index(), 0..2_usize, any::<bool>(), 1..PROGRESS.len(), of(0..9_u64)).prop_map(
            |(message, provider, theirs, progress, price)| Step::Taken { message, provider, theirs, progress, price }
        ),
        5 => (index(), any::<bool>(), 0..2_usize, 0..PROGRESS.len(), of(0..9_u64), of(0..4_u8)).prop_map(
            |(message, theirs, provider, progress, price, nonce)| {
                Step::Report { message, theirs, provider, progress, price, nonce }
            }
        ),
        1 => index().prop_map(Step::Words),
        1 => (index(), any::<bool>()).prop_map(|(message, some)| Step::KeepWords(message, some)),
        1 => (who, index()).prop_map(|(who, challenge)| Step::Code { who, challenge }),
        2 => (0..8_u64, 0..3_usize).prop_map(|(amount, budget)| Step::Charge(amount, budget)),
        1 => (0..8_u64, 0..8_u64).prop_map(|(from, to)| Step::Correct(from, to)),
    ]
}

/// The message without its times: in one store time stands still.
fn timeless(message: TrackedMessage) -> TrackedMessage {
    TrackedMessage { at: Timestamp::default(), age: HOUR, ..message }
}

fn timeless_report(reported: Reported) -> Reported {
    match reported {
        Reported::Stands(message, price) => Reported::Stands(Box::new(timeless(*message)), price),
        Reported::Moved(message, from, price) => Reported::Moved(Box::new(timeless(*message)), from, price),
        other => other,
    }
}

/// What the provider calls a message.
const fn theirs_of(id: MessageId) -> KeyedHash {
    KeyedHash::new(*id.as_bytes())
}

impl World {
    /// A message, or one that nobody knows.
    fn message(&self, index: Index) -> MessageId {
        if self.messages.is_empty() { MessageId::from_random([0; 16]) } else { index.get(&self.messages).0 }
    }

    /// Takes a step in both stores; gives nothing that differs.
    pub(super) async fn step_carried(&mut self, stores: [&Bench; 2], step: &Step) -> Result<(), TestCaseError> {
        if let Step::Track { challenge, send, .. } = step {
            let (challenge, _) = self.challenge(*challenge, (0, 0, 0));
            self.messages.push((message_id(), challenge, *send));
        }
        let mut answers = Vec::new();
        for t in stores {
            answers.push(self.answer_carried(t, step).await);
        }
        prop_assert_eq!(&answers[0], &answers[1]);
        for (challenge, owner) in &self.challenges {
            self.compare_find(stores, *owner, Some(*challenge)).await?;
        }
        Ok(())
    }

    async fn answer_carried(&self, t: &Bench, step: &Step) -> String {
        let (store, site) = (&t.store, &t.site);
        match *step {
            Step::Track { provider, words, .. } => {
                let (id, challenge, send) = self.messages[self.messages.len() - 1];
                let new = NewMessage {
                    id,
                    site,
                    challenge,
                    reference: Reference::from_random([7; 5]),
                    send,
                    provider: PROVIDERS[provider],
                    channel: Channel::Voice,
                    country: words.then(|| "MY".parse().unwrap()),
                    charged: units(3),
                    words: if words { b"sealed\0\xff" } else { b"" },
                    ttl: HOUR,
                };
                format!("{:?}", store.track(&new).await)
            }
            Step::Taken { message, provider, theirs, progress, price } => {
                let Some(&(id, challenge, send)) = (!self.messages.is_empty()).then(|| message.get(&self.messages))
                else {
                    return String::new();
                };
                let theirs = theirs.then(|| theirs_of(id));
                let (provider, progress) = (PROVIDERS[provider], PROGRESS[progress]);
                let price = price.map(units);
                let taken = TakenMessage { id, site, challenge, send, provider, theirs, progress, price };
                format!("{:?}", store.taken(&taken).await)
            }
            Step::Report { message, theirs, provider, progress, price, nonce } => {
                let id = self.message(message);
                let nonce = nonce.map(|nonce| {
                    let mut bytes = *self.messages.first().map_or(id, |first| first.0).as_bytes();
                    bytes[15] = nonce;
                    (KeyedHash::new(bytes), HOUR)
                });
                let report = Report {
                    which: if theirs { Which::Theirs(theirs_of(id)) } else { Which::Ours(id) },
                    provider: PROVIDERS[provider],
                    progress: PROGRESS[progress],
                    price: price.map(units),
                    nonce,
                };
                let reported = timeless_report(store.report(&report).await.unwrap());
                format!("{reported:?} {:?}", store.message(id).await.unwrap().map(timeless))
            }
            Step::Words(message) => format!("{:?}", store.take_words(self.message(message)).await),
            Step::KeepWords(message, some) => {
                let id = self.message(message);
                let kept = store.keep_words(id, if some { b"page\0" } else { b"" }).await;
                format!("{kept:?} {:?}", store.words(id).await)
            }
            Step::Code { who, challenge } => {
                let (id, visitor) = self.challenge(challenge, who);
                format!("{:?}", store.sealed_code(site, visitor.browser, id).await)
            }
            Step::Charge(amount, which) => {
                let charge = Charge { site, amount: units(amount), budget: &budget(which) };
                match store.charge(&charge).await.unwrap() {
                    Charged::Yes(spent) => format!("{spent:?}"),
                    Charged::Exhausted { budget, .. } => budget.to_owned(),
                }
            }
            Step::Correct(from, to) => {
                let [from, to]: [Amount; 2] = [from, to].map(units);
                format!("{:?} {:?}", store.correct(site, from, to).await, store.spent(site).await)
            }
        }
    }
}
