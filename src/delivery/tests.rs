use std::time::Duration;

use super::*;
use crate::seal::Code;
use crate::store::{MoneyBudget, SiteKey};
use crate::words::{ChallengeId, Contact, Reference};

/// A provider that does as it is told.
#[derive(Debug)]
struct Told(Result<(), Failure>);

#[async_trait::async_trait]
impl Provider for Told {
    fn serves(&self, _channel: Channel) -> bool {
        true
    }

    async fn carry(&self, _parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        self.0.clone().map(|()| Taken::accepted(None))
    }
}

fn message() -> Message {
    Message {
        to: Contact::parse(Channel::Email, "alice@example.com").unwrap(),
        code: Code::unsealed(b"123456"),
        site: SiteName::new("Example Shop", "shop.example.com"),
        aim: Aim::Open,
        expires_in: Duration::from_secs(300),
        reference: Reference::from_random([7; 5]),
        language: None,
        client: None,
    }
}

/// What becomes of a message with providers `a`, `b`, … that do as they are told: who took it or failed, in order.
fn send(told: &[Result<(), Failure>], avoid: Option<&str>) -> (Result<String, SendError>, String) {
    let carriers = told.iter().zip('a'..).map(|(outcome, name)| {
        let provider = Box::new(Told(outcome.clone()));
        Arc::new(Carrier::new(name.to_string().into(), Common::default(), provider))
    });
    let carriers: Vec<_> = carriers.collect();
    let channel = ChannelSpec::new(Channel::Email, carriers.iter().map(|carrier| Arc::clone(&carrier.name)));
    let delivery = Delivery::of(carriers, &[channel], Tools::alone(Arc::default())).unwrap();
    let (message, site) = (message(), SiteKey::new("shop.example.com"));
    let budget = MoneyBudget::default();
    let challenge = ChallengeId::from_random([9; 16]);
    let order = Order { message: &message, site: &site, challenge, send: 1, budget: &budget, avoid };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(delivery.send(&order)) {
        Ok(delivered) => {
            let tried: String = delivered.failed.iter().map(|attempt| &*attempt.provider).collect();
            (Ok(delivered.provider.clone()), tried + &delivered.provider)
        }
        Err(error) => {
            let tried = error.attempts().iter().map(|attempt| &*attempt.provider).collect();
            (Err(error), tried)
        }
    }
}

fn down() -> Result<(), Failure> {
    Err(Failure::Unreachable("connection refused".to_owned()))
}

fn maybe() -> Result<(), Failure> {
    Err(Failure::TimedOut { written: true })
}

#[test]
fn d03_the_first_provider_that_takes_a_message_carries_it() {
    let tried = |told: &[_]| send(told, None).1;
    assert_eq!(tried(&[Ok(()), Ok(())]), "a");
    assert_eq!(tried(&[down(), Ok(()), Ok(())]), "ab");
    assert_eq!(tried(&[down(), down(), down()]), "abc");
    assert_eq!(tried(&[Err(Failure::TimedOut { written: false }), Err(Failure::NoStartTls), Ok(())]), "abc");
}

#[test]
fn a_resend_prefers_another_provider() {
    assert_eq!(send(&[Ok(()), Ok(())], Some("a")).1, "b");
    assert_eq!(send(&[Ok(()), Ok(())], Some("b")).1, "a");
    assert_eq!(send(&[Ok(()), down()], Some("a")).1, "ba", "but has that one rather than none");
    assert_eq!(send(&[Ok(())], Some("a")).1, "a");
    assert_eq!(send(&[down(), down(), Ok(())], Some("a")).1, "bc");
}

#[test]
fn d03_a_message_that_may_have_been_sent_is_failed_over_once() {
    let (outcome, tried) = send(&[maybe(), Ok(()), Ok(())], None);
    assert_eq!((outcome.unwrap(), &*tried), ("b".to_owned(), "ab"));
    for told in [&[maybe(), down(), Ok(())][..], &[maybe(), maybe(), Ok(())], &[maybe(), maybe()]] {
        let (outcome, tried) = send(told, None);
        assert_eq!(tried, "ab");
        assert!(!outcome.unwrap_err().surely_not_sent());
    }
    let (outcome, tried) = send(&[down(), maybe(), down(), Ok(())], None);
    assert_eq!(tried, "abc");
    assert!(!outcome.unwrap_err().surely_not_sent());
    assert!(send(&[down(), down()], None).0.unwrap_err().surely_not_sent());
    assert!(send(&[], None).0.unwrap_err().surely_not_sent());
}

#[test]
fn an_error_says_what_each_provider_said() {
    let refused = || Err(Failure::Recipient(Reply::new(550, "5.1.1 <alice@example.com>: no such user")));
    let error = send(&[refused(), refused()], None).0.unwrap_err();
    assert!(error.recipient_refused() && error.surely_not_sent());
    assert_eq!(error.to_string(), "a: the server refused the recipient (550 5.1.1)", "no provider would do better");
    assert!(!format!("{error:?}").contains("alice"), "I9");
    let error = send(&[down(), refused()], None).0.unwrap_err();
    assert!(!error.recipient_refused(), "the other might have taken it");
    assert_eq!(send(&[], None).0.unwrap_err().to_string(), "no provider carries email");
}

#[test]
fn i9_of_an_answer_the_numbers_are_kept() {
    for (text, wanted) in [
        ("5.7.1 relay denied", "550 5.7.1"),
        ("4.2.2", "550 4.2.2"),
        ("alice@example.com unknown", "550"),
        ("5.1.1.1 x", "550"),
        ("5.1 x", "550"),
        ("1234.1.1", "550"),
        ("", "550"),
    ] {
        assert_eq!(Reply::new(550, text).to_string(), wanted);
    }
}

#[test]
fn a_channel_has_providers_that_exist_and_can_serve_it() {
    let smtp = || ProviderSpec {
        name: "post".into(),
        kind: ProviderKind::Smtp(SmtpSpec::parse("smtp://127.0.0.1", "a@b.example", None, true).unwrap()),
        common: Common::default(),
    };
    let dev = || ProviderSpec { name: "dev".into(), kind: ProviderKind::Outbox, common: Common::default() };
    let delivery = |channels: Vec<(Channel, Vec<Arc<str>>)>| {
        let channels = channels.into_iter().map(|(channel, names)| ChannelSpec::new(channel, names)).collect();
        let spec = DeliverySpec { providers: vec![smtp(), dev()], channels, ..DeliverySpec::default() };
        Delivery::new(spec, Tools::alone(Arc::default()))
    };
    let good = delivery(vec![(Channel::Email, vec!["post".into(), "dev".into()]), (Channel::Sms, vec!["dev".into()])]);
    let good = good.unwrap();
    assert!(good.can(Channel::Email) && good.can(Channel::Sms) && !good.can(Channel::Voice));
    let error = delivery(vec![(Channel::Email, vec!["mail".into()])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "email names the provider `mail`, and there is none of this name: add it under `providers`"
    );
    let error = delivery(vec![(Channel::Sms, vec!["post".into()])]).unwrap_err();
    assert_eq!(error.to_string(), "the provider `post` cannot carry sms: name another");
    assert!(!Delivery::new(DeliverySpec::default(), Tools::alone(Arc::default())).unwrap().can(Channel::Email));
}
