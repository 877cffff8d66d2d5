//! Messages: what carried a send, how far it came, and what receipts may change.

use otpgate::store::{
    Answered, FailureLimits, NewMessage, Report, Reported, Repriced, SentTo, TakenMessage, TrackedMessage, Which,
};
use otpgate::words::{Amount, ChallengeId, Channel, FailureClass, KeyedHash, MessageId, Progress, Reference};

use crate::bench::{
    Answering, Bench, EMAIL, LONG, Opening, RIGHT, SMS, Sending, TICK, Visitor, WRONG, hash, no_failures, random,
    window,
};

const FAILED: Progress = Progress::Failed(FailureClass::CarrierFiltered);

/// A challenge whose code is about to be carried, and its send.
#[derive(Clone, Copy)]
pub struct Carried {
    pub visitor: Visitor,
    pub challenge: ChallengeId,
    pub send: u32,
}

pub fn message_id() -> MessageId {
    MessageId::from_random(random())
}

fn cents(count: u64) -> Amount {
    Amount::from_millionths(count * 10_000)
}

/// A report of provider `tw` that says nothing but how far a message of ours came.
pub const fn report(id: MessageId, progress: Progress) -> Report<'static> {
    Report { which: Which::Ours(id), provider: "tw", progress, price: None, nonce: None }
}

impl Carried {
    pub async fn new(t: &Bench) -> Self {
        let visitor = Visitor::new();
        let challenge = t.open(visitor, &Opening::new()).await;
        let send = t.sent(visitor, challenge, &Sending { to: SMS, ..Sending::new() }).await;
        Self { visitor, challenge, send }
    }

    pub const fn message<'a>(&self, t: &'a Bench, id: MessageId, provider: &'a str) -> NewMessage<'a> {
        NewMessage {
            id,
            site: &t.site,
            challenge: self.challenge,
            send: self.send,
            reference: Reference::from_random([4; 5]),
            provider,
            channel: Channel::Sms,
            country: None,
            charged: Amount::ZERO,
            words: b"",
            ttl: LONG,
        }
    }

    pub const fn answer<'a>(&self, t: &'a Bench, id: MessageId, provider: &'a str) -> TakenMessage<'a> {
        let progress = Progress::Accepted;
        let (challenge, send) = (self.challenge, self.send);
        TakenMessage { id, site: &t.site, challenge, send, provider, theirs: None, progress, price: None }
    }

    /// Hands a message to a provider, which takes it.
    pub async fn carry(&self, t: &Bench, provider: &str) -> MessageId {
        let id = message_id();
        t.store.track(&self.message(t, id, provider)).await.unwrap();
        t.store.taken(&self.answer(t, id, provider)).await.unwrap();
        id
    }

    /// The last send as the challenge tells it.
    pub async fn sent(&self, t: &Bench) -> SentTo {
        t.challenge(self.visitor, self.challenge).await.sent.pop().unwrap()
    }
}

async fn reported(t: &Bench, report: &Report<'_>) -> Reported {
    t.store.report(report).await.unwrap()
}

async fn message(t: &Bench, id: MessageId) -> Option<TrackedMessage> {
    t.store.message(id).await.unwrap()
}

pub async fn a_message_is_remembered_for_its_time(t: Bench) {
    let (carried, id) = (Carried::new(&t).await, message_id());
    assert_eq!(message(&t, id).await, None);
    let new = NewMessage {
        country: Some("MY".parse().unwrap()),
        charged: cents(5),
        ttl: TICK * 2,
        ..carried.message(&t, id, "tw: \u{fc}ber")
    };
    t.store.track(&new).await.unwrap();
    t.wait(TICK).await;
    let known = message(&t, id).await.unwrap();
    assert!(known.age >= TICK && known.age < TICK * 2, "{:?}", known.age);
    let expected = TrackedMessage {
        id,
        site: t.site.clone(),
        reference: Reference::from_random([4; 5]),
        challenge: carried.challenge,
        send: carried.send,
        provider: "tw: \u{fc}ber".to_owned(),
        channel: Channel::Sms,
        country: new.country,
        charged: cents(5),
        at: known.at,
        progress: Progress::Handed,
        age: known.age,
    };
    assert_eq!(known, expected);
    // A name of the provider's lives as long as the message.
    let theirs = hash();
    let taken = TakenMessage { theirs: Some(theirs), ..carried.answer(&t, id, new.provider) };
    t.store.taken(&taken).await.unwrap();
    assert_eq!(message(&t, id).await.unwrap().progress, Progress::Accepted);
    t.wait(TICK + TICK / 20).await;
    assert_eq!(message(&t, id).await, None);
    for which in [Which::Ours(id), Which::Theirs(theirs)] {
        let late = Report { which, provider: new.provider, ..report(id, Progress::Delivered) };
        assert_eq!(reported(&t, &late).await, Reported::Unknown);
    }
}

/// D03: one code, whoever carries it; every gateway knows who did.
pub async fn a_send_tells_what_carried_it(t: Bench) {
    let carried = Carried::new(&t).await;
    let nobody = SentTo { send: 1, to: SMS, carried: None, progress: Progress::Handed };
    assert_eq!(carried.sent(&t).await, nobody);
    // Handed over and never taken: it carried nothing.
    let slow = message_id();
    t.store.track(&carried.message(&t, slow, "slow")).await.unwrap();
    assert_eq!(carried.sent(&t).await, nobody);
    let first = carried.carry(&t, "tw").await;
    let by_first = SentTo { carried: Some(("tw".to_owned(), first)), progress: Progress::Accepted, ..nobody.clone() };
    assert_eq!(carried.sent(&t).await, by_first);
    reported(&t, &report(first, FAILED)).await;
    assert_eq!(carried.sent(&t).await.progress, FAILED);

    // It fails over: the later message stands for the send, the earlier one for itself.
    let second = carried.carry(&t, "pl:2 {x}").await;
    let by_second = SentTo { carried: Some(("pl:2 {x}".to_owned(), second)), ..by_first };
    assert_eq!(carried.sent(&t).await, by_second);
    let Reported::Moved(..) = reported(&t, &report(first, Progress::Delivered)).await else { panic!("it moved") };
    assert_eq!(carried.sent(&t).await, by_second);

    // A resend has a message of its own, and the first send keeps its.
    let again = t.sent(carried.visitor, carried.challenge, &Sending::new()).await;
    let resent = Carried { send: again, ..carried };
    assert_eq!(resent.sent(&t).await, SentTo { send: again, to: EMAIL, ..nobody.clone() });
    let third = resent.carry(&t, "post").await;
    let sent = t.challenge(carried.visitor, carried.challenge).await.sent;
    assert_eq!(sent[0], by_second);
    assert_eq!(sent[1].carried, Some(("post".to_owned(), third)));
    // Sends after it that nobody carried leave it the last message.
    t.sent(carried.visitor, carried.challenge, &Sending::new()).await;
    let answered = t.answer(carried.visitor, carried.challenge, RIGHT, &no_failures()).await;
    let Answered::Passed { message, .. } = answered else { panic!("{answered:?}") };
    assert_eq!(message, Some(third));
}

pub async fn a_challenge_without_a_message_passes(t: Bench) {
    let carried = Carried::new(&t).await;
    let answered = t.answer(carried.visitor, carried.challenge, RIGHT, &no_failures()).await;
    assert!(matches!(answered, Answered::Passed { message: None, .. }), "{answered:?}");
}

/// D03: receipts come twice and in any order; a message moves on only.
pub async fn receipts_never_move_a_message_back(t: Bench) {
    let carried = Carried::new(&t).await;
    let id = carried.carry(&t, "tw").await;
    let steps = [
        (Progress::Accepted, None),
        (Progress::Sent, Some(Progress::Accepted)),
        (Progress::Accepted, None),
        (Progress::Sent, None),
        (FAILED, Some(Progress::Sent)),
        (Progress::Failed(FailureClass::Unknown), None),
        (Progress::Sent, None),
        // A message that a provider gave up and that arrived all the same has arrived.
        (Progress::Delivered, Some(FAILED)),
        (FAILED, None),
        (Progress::Delivered, None),
    ];
    let mut stands = Progress::Accepted;
    for (says, moves_from) in steps {
        match (reported(&t, &report(id, says)).await, moves_from) {
            (Reported::Moved(message, from, None), Some(expected)) => {
                assert_eq!((message.progress, from), (says, expected));
                stands = says;
            }
            (Reported::Stands(message, None), None) => assert_eq!(message.progress, stands),
            (other, _) => panic!("{says:?}: {other:?}"),
        }
        assert_eq!(carried.sent(&t).await.progress, stands);
        assert_eq!(message(&t, id).await.unwrap().progress, stands);
    }
}

/// D03: a provider may tell of a delivery before it has answered.
pub async fn a_receipt_may_come_before_the_answer(t: Bench) {
    let (carried, id) = (Carried::new(&t).await, message_id());
    t.store.track(&carried.message(&t, id, "tw")).await.unwrap();
    let Reported::Moved(_, Progress::Handed, None) = reported(&t, &report(id, Progress::Delivered)).await else {
        panic!("it moved")
    };
    assert_eq!(carried.sent(&t).await.carried, None);
    t.store.taken(&carried.answer(&t, id, "tw")).await.unwrap();
    let sent = carried.sent(&t).await;
    assert_eq!((sent.carried, sent.progress), (Some(("tw".to_owned(), id)), Progress::Delivered));
    assert_eq!(message(&t, id).await.unwrap().progress, Progress::Delivered);

    // Of two reasons of a failure the first one stands, wherever it is asked for.
    let (carried, id) = (Carried::new(&t).await, message_id());
    t.store.track(&carried.message(&t, id, "tw")).await.unwrap();
    reported(&t, &report(id, FAILED)).await;
    let progress = Progress::Failed(FailureClass::Unknown);
    t.store.taken(&TakenMessage { progress, ..carried.answer(&t, id, "tw") }).await.unwrap();
    assert_eq!((carried.sent(&t).await.progress, message(&t, id).await.unwrap().progress), (FAILED, FAILED));
}

/// D04: a provider speaks of its own messages only, and what is refused leaves nothing behind.
pub async fn a_receipt_of_another_provider_is_unknown(t: Bench) {
    let carried = Carried::new(&t).await;
    let (id, theirs, nonce) = (carried.carry(&t, "tw").await, hash(), Some((hash(), LONG)));
    t.store.taken(&TakenMessage { theirs: Some(theirs), ..carried.answer(&t, id, "tw") }).await.unwrap();
    let price = Some(cents(1));
    for which in [Which::Ours(id), Which::Theirs(theirs)] {
        let forged = Report { which, provider: "pl", price, nonce, ..report(id, Progress::Delivered) };
        assert_eq!(reported(&t, &forged).await, Reported::Unknown);
    }
    for which in [Which::Ours(message_id()), Which::Theirs(hash())] {
        let unknown = Report { which, price, nonce, ..report(id, Progress::Delivered) };
        assert_eq!(reported(&t, &unknown).await, Reported::Unknown);
    }
    let known = message(&t, id).await.unwrap();
    assert_eq!((known.progress, known.charged), (Progress::Accepted, Amount::ZERO));
    // The nonce was not used up by any of them.
    let own = Report { which: Which::Theirs(theirs), nonce, ..report(id, Progress::Delivered) };
    assert!(matches!(reported(&t, &own).await, Reported::Moved(..)));
    assert_eq!(carried.sent(&t).await.progress, Progress::Delivered);
}

/// D04: the same receipt again changes nothing, not even what it may.
pub async fn a_receipt_is_not_replayed(t: Bench) {
    let carried = Carried::new(&t).await;
    let [id, other] = [carried.carry(&t, "tw").await, carried.carry(&t, "tw").await];
    let nonce = hash();
    let of = |id, nonce, progress| Report { nonce: Some((nonce, TICK)), ..report(id, progress) };
    assert!(matches!(reported(&t, &of(id, nonce, Progress::Sent)).await, Reported::Moved(..)));
    let again = Report { price: Some(cents(1)), ..of(id, nonce, Progress::Delivered) };
    assert_eq!(reported(&t, &again).await, Reported::Replayed);
    assert_eq!(reported(&t, &of(other, nonce, Progress::Delivered)).await, Reported::Replayed);
    let known = message(&t, id).await.unwrap();
    assert_eq!((known.progress, known.charged), (Progress::Sent, Amount::ZERO));
    assert!(matches!(reported(&t, &of(id, hash(), Progress::Sent)).await, Reported::Stands(..)));
    // It is remembered for as long as it says.
    t.wait(TICK + TICK / 20).await;
    assert!(matches!(reported(&t, &again).await, Reported::Moved(_, Progress::Sent, Some(_))));
}

pub async fn a_price_is_noted_once(t: Bench) {
    let (carried, id) = (Carried::new(&t).await, message_id());
    t.store.track(&NewMessage { charged: cents(5), ..carried.message(&t, id, "tw") }).await.unwrap();
    let priced = |progress, price| Report { price: Some(price), ..report(id, progress) };
    assert!(matches!(reported(&t, &report(id, Progress::Sent)).await, Reported::Moved(_, _, None)));
    // Also where nothing moves.
    let told = reported(&t, &priced(Progress::Accepted, cents(7))).await;
    let Reported::Stands(message, Some(repriced)) = told else { panic!("{told:?}") };
    assert_eq!((message.charged, repriced), (cents(7), Repriced { from: cents(5), to: cents(7) }));
    let told = reported(&t, &priced(Progress::Delivered, cents(9))).await;
    let Reported::Moved(message, Progress::Sent, None) = told else { panic!("{told:?}") };
    assert_eq!(message.charged, cents(7));
    // A price that the answer brings is noted as one of a receipt is: whichever comes first.
    let answered = |id| TakenMessage { price: Some(cents(3)), ..carried.answer(&t, id, "tw") };
    assert_eq!(t.store.taken(&answered(id)).await.unwrap(), None);
    let id = message_id();
    t.store.track(&NewMessage { charged: cents(5), ..carried.message(&t, id, "tw") }).await.unwrap();
    assert_eq!(t.store.taken(&answered(id)).await.unwrap(), Some(Repriced { from: cents(5), to: cents(3) }));
    assert_eq!(t.store.message(id).await.unwrap().unwrap().charged, cents(3));
    let told = reported(&t, &Report { price: Some(cents(3)), ..report(id, Progress::Delivered) }).await;
    assert!(matches!(told, Reported::Moved(_, _, None)), "nothing is put right twice: {told:?}");
    // The largest amount keeps its last digit, and the same price is a price.
    let (id, large) = (message_id(), Amount::from_millionths(u64::MAX));
    t.store.track(&NewMessage { charged: large, ..carried.message(&t, id, "tw") }).await.unwrap();
    let told = reported(&t, &Report { price: Some(large), ..report(id, Progress::Sent) }).await;
    let Reported::Moved(_, _, repriced) = told else { panic!("{told:?}") };
    assert_eq!(repriced, Some(Repriced { from: large, to: large }));
}

/// A message outlives its challenge, and what was given back is carried by nobody.
pub async fn a_challenge_that_is_gone_is_no_error(t: Bench) {
    let visitor = Visitor::new();
    let challenge = t.open(visitor, &Opening { ttl: TICK, ..Opening::new() }).await;
    let send = t.sent(visitor, challenge, &Sending::new()).await;
    let gone = Carried { visitor, challenge, send };
    let before = gone.carry(&t, "tw").await;
    t.wait(TICK + TICK / 20).await;
    let after = gone.carry(&t, "tw").await;
    for id in [before, after] {
        assert!(matches!(reported(&t, &report(id, Progress::Delivered)).await, Reported::Moved(..)));
        assert_eq!(message(&t, id).await.unwrap().progress, Progress::Delivered);
    }
    let back = Carried::new(&t).await;
    t.store.give_back(&t.site, back.challenge, back.send).await.unwrap();
    let id = back.carry(&t, "tw").await;
    reported(&t, &report(id, Progress::Sent)).await;
    assert!(t.challenge(back.visitor, back.challenge).await.sent.is_empty());
    // Nor is a message that nobody made known: its challenge knows it all the same.
    let (carried, unknown) = (Carried::new(&t).await, message_id());
    t.store.taken(&carried.answer(&t, unknown, "tw")).await.unwrap();
    assert_eq!(message(&t, unknown).await, None);
    assert_eq!(carried.sent(&t).await.carried, Some(("tw".to_owned(), unknown)));
}

/// O17: what a call says is told once, whatever became of the message.
pub async fn words_are_taken_once(t: Bench) {
    let (carried, id) = (Carried::new(&t).await, message_id());
    let take = async |id| t.store.take_words(id).await.unwrap();
    let words = b"sealed\0\xff words";
    t.store.track(&NewMessage { words, ..carried.message(&t, id, "pl") }).await.unwrap();
    t.store.taken(&carried.answer(&t, id, "pl")).await.unwrap();
    assert_eq!(take(message_id()).await, None);
    assert_eq!(take(id).await.as_deref(), Some(&words[..]));
    assert_eq!(take(id).await, None);
    assert!(message(&t, id).await.is_some());
    let silent = carried.carry(&t, "tw").await;
    assert_eq!(take(silent).await, None);
    let brief = message_id();
    t.store.track(&NewMessage { words, ttl: TICK, ..carried.message(&t, brief, "pl") }).await.unwrap();
    t.wait(TICK + TICK / 20).await;
    assert_eq!(take(brief).await, None);
}

/// What is kept with a message after it was handed over stays as long as the message does.
pub async fn words_are_kept_with_a_message(t: Bench) {
    let (carried, id) = (Carried::new(&t).await, message_id());
    let words = async |id| t.store.words(id).await.unwrap();
    t.store.keep_words(id, b"too early").await.unwrap();
    assert_eq!(words(id).await, None, "nobody knows the message");
    t.store.track(&NewMessage { ttl: TICK, ..carried.message(&t, id, "otp") }).await.unwrap();
    assert_eq!(words(id).await, None);
    for kept in [&b"sealed\0\xff page"[..], b"another"] {
        t.store.keep_words(id, kept).await.unwrap();
        t.store.taken(&carried.answer(&t, id, "otp")).await.unwrap();
        assert_eq!(words(id).await.as_deref(), Some(kept));
        assert_eq!(words(id).await.as_deref(), Some(kept), "it stays");
    }
    assert_eq!(words(message_id()).await, None);
    t.wait(TICK + TICK / 20).await;
    assert_eq!(words(id).await, None);
    t.store.keep_words(id, b"too late").await.unwrap();
    assert_eq!(words(id).await, None);
}

/// I3: the code of a challenge that takes no answer any more is told to nobody.
pub async fn a_sealed_code_is_told_while_it_is_good(t: Bench) {
    let of = async |browser: KeyedHash, id| t.store.sealed_code(&t.site, browser, id).await.unwrap();
    let visitor = Visitor::new();
    let id = t.open(visitor, &Opening { tries: 1, ..Opening::new() }).await;
    assert_eq!(of(visitor.browser, id).await, None, "nothing was sent");
    t.sent(visitor, id, &Sending { code_ttl: TICK, sealed: b"se\0aled", ..Sending::new() }).await;
    assert_eq!(of(visitor.browser, id).await.as_deref(), Some(&b"se\0aled"[..]));
    let stranger = Visitor::new();
    assert_eq!(of(stranger.browser, id).await, None);
    t.sent_to(stranger, &Opening::new()).await;
    assert_eq!(of(stranger.browser, id).await, None);
    t.wait(TICK).await;
    assert_eq!(of(visitor.browser, id).await, None, "expired");

    let tried = t.sent_to(visitor, &Opening { tries: 1, ..Opening::new() }).await;
    assert!(of(visitor.browser, tried).await.is_some());
    t.answer(visitor, tried, WRONG, &no_failures()).await;
    assert_eq!(of(visitor.browser, tried).await, None, "no tries left");

    let passed = t.sent_to(visitor, &Opening::new()).await;
    let visitor = t.pass(visitor, passed, &Answering::new()).await;
    assert_eq!(of(visitor.browser, passed).await, None, "passed");

    let [waiting, failing] = [t.sent_to(visitor, &Opening::new()).await, t.sent_to(visitor, &Opening::new()).await];
    let limits = FailureLimits { per_subject: vec![window(1, 3000)], ..no_failures() };
    t.answer(visitor, failing, WRONG, &limits).await;
    assert_eq!(of(visitor.browser, waiting).await, None, "the subject is locked");
}
