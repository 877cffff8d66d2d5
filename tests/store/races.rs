//! Races: whatever comes at once, one wins.

use otpgate::store::{
    Answered, Charged, FailureLimits, Grain, Limits, Lock, MoneyBudget, NewMessage, Opened, Parking, Permit,
    PumpingRules, Report, Reported, Resend, SendLimits, What,
};
use otpgate::words::{Amount, FailureClass, Progress};

use crate::bench::{
    Answering, Bench, LONG, Opening, RIGHT, Sending, TICK, Visitor, WRONG, hash, no_failures, no_limits, parked_id,
    window,
};
use crate::measures::{measure, somebody, sum};
use crate::messages::{Carried, message_id, report};
use crate::money::{charge, units};
use crate::pumping::{RULES, range, sending};
use crate::tallies::Counting;

/// Does the same thing many times at once, and gives every outcome.
pub async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    count: usize,
    make: impl Fn() -> F,
) -> Vec<T> {
    let running: Vec<_> = (0..count).map(|_| tokio::spawn(make())).collect();
    let mut outcomes = Vec::new();
    for task in running {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

fn count<T>(outcomes: &[T], is: impl Fn(&T) -> bool) -> usize {
    outcomes.iter().filter(|outcome| is(outcome)).count()
}

/// X01.
pub async fn the_right_code_passes_once(t: Bench) {
    let visitor = Visitor::new();
    let id = t.sent_to(visitor, &Opening::new()).await;
    let outcomes = at_once(200, || {
        let t = t.clone();
        async move { t.answer(visitor, id, RIGHT, &no_failures()).await }
    })
    .await;
    assert_eq!(count(&outcomes, |answered| matches!(answered, Answered::Passed { .. })), 1);
    // The others come from a browser that has another name by now.
    assert_eq!(count(&outcomes, |answered| *answered == Answered::Missing), 199, "{outcomes:?}");
}

/// X02, X03: wrong guesses, and the right one at the end, as one burst.
pub async fn wrong_codes_are_counted_to_the_limit(t: Bench) {
    let visitor = Visitor::new();
    let limits = FailureLimits { per_subject: vec![window(6, 3000)], ..no_failures() };
    let id = t.sent_to(visitor, &Opening { tries: 5, ..Opening::new() }).await;
    let outcomes = at_once(200, || {
        let (t, limits) = (t.clone(), limits.clone());
        async move { t.answer(visitor, id, WRONG, &limits).await }
    })
    .await;
    for tries_left in 1..=4 {
        assert_eq!(count(&outcomes, |answered| *answered == Answered::Wrong { tries_left }), 1);
    }
    assert_eq!(count(&outcomes, |answered| *answered == Answered::Locked(Lock::Challenge)), 196);
    // Five were counted for the subject too: the sixth locks it.
    let id = t.sent_to(visitor, &Opening::new()).await;
    assert!(matches!(t.answer(visitor, id, WRONG, &limits).await, Answered::Locked(Lock::For(_))));
}

/// The same over many challenges of one subject.
pub async fn a_subject_locks_at_its_limit(t: Bench) {
    let visitor = Visitor::new();
    let limits = FailureLimits { per_subject: vec![window(7, 3000)], ..no_failures() };
    let mut challenges = Vec::new();
    for _ in 0..60 {
        let visitor = visitor.elsewhere();
        challenges.push((visitor, t.sent_to(visitor, &Opening::new()).await));
    }
    let challenges = std::sync::Mutex::new(challenges);
    let outcomes = at_once(60, || {
        let (t, limits, (visitor, id)) = (t.clone(), limits.clone(), challenges.lock().unwrap().pop().unwrap());
        async move { t.answer(visitor, id, WRONG, &limits).await }
    })
    .await;
    assert_eq!(count(&outcomes, |answered| matches!(answered, Answered::Wrong { .. })), 6);
    assert_eq!(count(&outcomes, |answered| matches!(answered, Answered::Locked(Lock::For(_)))), 54);
}

/// X04.
pub async fn resends_are_permitted_once(t: Bench) {
    let visitor = Visitor::new();
    let sending = Sending { resend: Resend { max: 3, wait: vec![TICK, LONG] }, ..Sending::new() };
    let id = t.open(visitor, &Opening::new()).await;
    let burst = || {
        at_once(100, || {
            let (t, sending) = (t.clone(), sending.clone());
            async move { t.send(visitor, id, &sending).await }
        })
    };
    for _ in 0..2 {
        let outcomes = burst().await;
        assert_eq!(count(&outcomes, |permit| matches!(permit, Permit::Send { .. })), 1);
        assert_eq!(count(&outcomes, |permit| matches!(permit, Permit::Wait { .. })), 99);
        t.wait(TICK).await;
    }

    // Without a wait it is the limit that holds.
    let limits =
        Limits { sends: SendLimits { per_subject: vec![window(5, 3000)], ..no_limits().sends }, ..no_limits() };
    let visitor = Visitor::new();
    let outcomes = at_once(100, || {
        let (t, visitor) = (t.clone(), Visitor { browser: hash(), ..visitor });
        let sending = Sending { limits: limits.clone(), ..Sending::new() };
        async move {
            let id = t.open(visitor, &Opening::new()).await;
            t.send(visitor, id, &sending).await
        }
    })
    .await;
    assert_eq!(count(&outcomes, |permit| matches!(permit, Permit::Send { .. })), 5);
    assert_eq!(count(&outcomes, |permit| matches!(permit, Permit::TooMany { limit: "per_subject", .. })), 95);
}

/// X08, I8.
pub async fn a_parked_request_is_taken_once(t: Bench) {
    let (visitor, token) = (Visitor::new(), hash());
    let id = t.sent_to(visitor, &Opening { parked: Parking::New(parked_id(), b"body"), ..Opening::new() }).await;
    t.pass(visitor, id, &Answering { resume: Some((token, LONG)), ..Answering::new() }).await;
    let outcomes = at_once(100, || {
        let t = t.clone();
        async move { t.store.take(&t.site, token).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |&taken| taken), 1);
}

pub async fn a_confirmation_is_spent_by_one(t: Bench) {
    let (visitor, binding) = (Visitor::new(), hash());
    let id = t.sent_to(visitor, &Opening::new()).await;
    t.pass(visitor, id, &Answering { confirm: Some((binding, LONG)), ..Answering::new() }).await;
    let outcomes = at_once(100, || {
        let t = t.clone();
        async move { t.store.spend(&t.site, binding).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
}

/// X07.
pub async fn one_request_opens_one_challenge(t: Bench) {
    let (visitor, likeness) = (Visitor::new(), hash());
    let outcomes = at_once(50, || {
        let t = t.clone();
        async move { t.try_open(visitor, &Opening { likeness, ..Opening::new() }).await.1 }
    })
    .await;
    assert_eq!(count(&outcomes, |opened| *opened == Opened::New), 1);
    assert_eq!(count(&outcomes, |opened| matches!(opened, Opened::Same(_))), 49);
}

/// D01, I4: the pause begins once, and nothing slips through.
pub async fn a_pumped_prefix_stops_at_once(t: Bench) {
    let rules = PumpingRules { at_least: 10, ..RULES };
    let outcomes = at_once(100, || {
        let (t, visitor, sending) = (t.clone(), Visitor::new(), sending(&rules, vec![range("6012345", &rules)]));
        async move {
            let id = t.open(visitor, &Opening::new()).await;
            t.send(visitor, id, &sending).await
        }
    })
    .await;
    assert_eq!(count(&outcomes, |permit| matches!(permit, Permit::Send { .. })), 10);
    assert_eq!(count(&outcomes, |permit| matches!(permit, Permit::Paused { begins: true, .. })), 1);
    assert_eq!(count(&outcomes, |permit| matches!(permit, Permit::Paused { begins: false, .. })), 89);
}

/// D01, I4: of what comes at once no more is paid than the budget has.
pub async fn a_budget_is_spent_once(t: Bench) {
    let budget = MoneyBudget { per_hour: Some(units(40)), per_day: Some(units(35)) };
    let outcomes = at_once(100, || {
        let t = t.clone();
        async move { charge(&t, units(1), budget).await }
    })
    .await;
    assert_eq!(count(&outcomes, |charged| matches!(charged, Charged::Yes(_))), 35);
    assert_eq!(count(&outcomes, |charged| matches!(charged, Charged::Exhausted { budget: "per_day", .. })), 65);
    assert_eq!(t.store.spent(&t.site).await.unwrap().hour, units(35));
}

/// D03: of all the receipts that come at once each move is told once, and a price once.
pub async fn receipts_move_a_message_on_once(t: Bench) {
    let carried = Carried::new(&t).await;
    let id = carried.carry(&t, "tw").await;
    let says = [Progress::Sent, Progress::Failed(FailureClass::Unknown), Progress::Delivered];
    let number = std::sync::atomic::AtomicUsize::new(0);
    let outcomes = at_once(100, || {
        let t = t.clone();
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let price = Some(Amount::from_millionths(u64::try_from(number).unwrap()));
        let report = Report { price, ..report(id, says[number % 3]) };
        async move { t.store.report(&report).await.unwrap() }
    })
    .await;
    let priced = |reported: &Reported| match reported {
        Reported::Stands(_, repriced) | Reported::Moved(_, _, repriced) => repriced.is_some(),
        Reported::Unknown | Reported::Replayed => panic!("{reported:?}"),
    };
    assert_eq!(count(&outcomes, priced), 1);
    for progress in says {
        let to = |reported: &Reported| matches!(reported, Reported::Moved(message, ..) if message.progress == progress);
        assert!(count(&outcomes, to) <= 1, "{progress:?}");
    }
    let arrived = |reported: &Reported| matches!(reported, Reported::Moved(message, ..) if message.progress == Progress::Delivered);
    assert_eq!(count(&outcomes, arrived), 1);
    assert_eq!(carried.sent(&t).await.progress, Progress::Delivered);

    let nonce = Some((hash(), LONG));
    let outcomes = at_once(50, || {
        let (t, report) = (t.clone(), Report { nonce, ..report(id, Progress::Delivered) });
        async move { t.store.report(&report).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, |reported| *reported == Reported::Replayed), 49);
}

/// D03: however the provider's answer and its receipt cross, the send tells what the message tells.
pub async fn an_answer_and_its_receipt_come_at_once(t: Bench) {
    for _ in 0..40 {
        let (carried, id) = (Carried::new(&t).await, message_id());
        t.store.track(&carried.message(&t, id, "tw")).await.unwrap();
        let (answering, reporting) = (t.clone(), t.clone());
        let answer = tokio::spawn(async move { answering.store.taken(&carried.answer(&answering, id, "tw")).await });
        let receipt = tokio::spawn(async move { reporting.store.report(&report(id, Progress::Delivered)).await });
        answer.await.unwrap().unwrap();
        receipt.await.unwrap().unwrap();
        let sent = carried.sent(&t).await;
        assert_eq!((sent.carried, sent.progress), (Some(("tw".to_owned(), id)), Progress::Delivered));
    }
}

/// O17.
pub async fn words_are_taken_by_one(t: Bench) {
    let (carried, id) = (Carried::new(&t).await, message_id());
    t.store.track(&NewMessage { words: b"sealed", ..carried.message(&t, id, "pl") }).await.unwrap();
    let outcomes = at_once(100, || {
        let t = t.clone();
        async move { t.store.take_words(id).await.unwrap() }
    })
    .await;
    assert_eq!(count(&outcomes, Option::is_some), 1);
}

pub async fn counts_are_not_lost(t: Bench) {
    let of = somebody();
    at_once(100, || {
        let (t, measures) = (t.clone(), [measure(&of, What::Sent, 1), measure(&of, What::Price, 70)]);
        async move { t.store.measure(&measures).await.unwrap() }
    })
    .await;
    for grain in [Grain::Fine, Grain::Coarse] {
        let counts = sum(&t, grain, &of).await;
        assert_eq!((counts[What::Sent.index()], counts[What::Price.index()]), (100, 7000));
    }
}

/// 100 wrong codes of one address at once: every one is counted, and one gateway tells of the ban.
pub async fn one_of_many_is_told_of_a_ban(t: Bench) {
    let counting = Counting::new(window(100, 3000));
    let raised = at_once(150, || {
        let (t, counting) = (t.clone(), counting.clone());
        async move { t.tally(&counting, hash()).await }
    })
    .await;
    let raised: Vec<_> = raised.into_iter().flatten().collect();
    assert_eq!(count(&raised, |raised| raised.is_new), 1, "{raised:?}");
    assert_eq!(t.flags().await.len(), 1);
}
