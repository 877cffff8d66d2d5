//! Money: a budget is never exceeded, and is told to hold for as long as it does.

use std::time::Duration;

use otpgate::store::memory::MemoryStore;
use otpgate::store::{Charge, Charged, MoneyBudget, SiteKey, Spent, Store as _};
use otpgate::words::{Amount, Clock as _, TestClock, Timestamp};
use proptest::prelude::*;

use crate::bench::Bench;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub const fn units(count: u64) -> Amount {
    Amount::from_millionths(count * Amount::UNIT)
}

/// No budget at all.
pub const ENDLESS: MoneyBudget = MoneyBudget { per_hour: None, per_day: None };

pub async fn charge(t: &Bench, amount: Amount, budget: MoneyBudget) -> Charged {
    t.store.charge(&Charge { site: &t.site, amount, budget: &budget }).await.unwrap()
}

async fn spent(t: &Bench) -> Spent {
    t.store.spent(&t.site).await.unwrap()
}

async fn correct(t: &Bench, from: Amount, to: Amount) {
    t.store.correct(&t.site, from, to).await.unwrap();
}

const fn both(amount: Amount) -> Spent {
    Spent { hour: amount, day: amount }
}

fn exhausted(charged: &Charged) -> (&'static str, Duration) {
    match charged {
        Charged::Exhausted { budget, retry_after } => (budget, *retry_after),
        Charged::Yes(spent) => panic!("{spent:?}"),
    }
}

/// D01: to the millionth, and what is refused is not counted.
pub async fn a_budget_holds_at_its_edge(t: Bench) {
    assert_eq!(spent(&t).await, Spent::default());
    let budget = MoneyBudget { per_hour: Some(units(10)), per_day: Some(units(50)) };
    let (price, least) = (Amount::from_millionths(8_300), Amount::from_millionths(1));
    assert_eq!(charge(&t, price, budget).await, Charged::Yes(both(price)));
    let rest = Amount::from_millionths(10_000_000 - 8_300);
    assert_eq!(charge(&t, rest, budget).await, Charged::Yes(both(units(10))));
    let (which, retry_after) = exhausted(&charge(&t, least, budget).await);
    assert_eq!(which, "per_hour");
    assert!(retry_after > 58 * MINUTE && retry_after <= 61 * MINUTE, "{retry_after:?}");
    // What costs nothing always fits.
    assert_eq!(charge(&t, Amount::ZERO, budget).await, Charged::Yes(both(units(10))));
    assert_eq!(spent(&t).await, both(units(10)));
    // A budget holds as soon as it is there, also below what was spent already.
    let (which, retry_after) = exhausted(&charge(&t, least, MoneyBudget { per_day: Some(units(5)), ..budget }).await);
    assert_eq!(which, "per_day", "the one that holds longer");
    assert!(retry_after > 23 * HOUR && retry_after <= 25 * HOUR, "{retry_after:?}");
    assert_eq!(
        charge(&t, Amount::ZERO, MoneyBudget { per_hour: Some(Amount::ZERO), ..ENDLESS }).await,
        Charged::Yes(both(units(10)))
    );
    assert_eq!(charge(&t, units(90), ENDLESS).await, Charged::Yes(both(units(100))));
}

/// More than the whole budget never fits; it is told the whole time.
pub async fn more_than_the_budget_never_fits(t: Bench) {
    let hour = MoneyBudget { per_hour: Some(units(1)), ..ENDLESS };
    assert_eq!(exhausted(&charge(&t, units(2), hour).await), ("per_hour", HOUR));
    let day = MoneyBudget { per_day: Some(units(1)), ..hour };
    assert_eq!(exhausted(&charge(&t, units(2), day).await), ("per_day", DAY));
    assert_eq!(spent(&t).await, Spent::default());
}

/// D03: a message that did not go out costs nothing, and a receipt knows the price better.
pub async fn what_was_charged_is_put_right(t: Bench) {
    let budget = MoneyBudget { per_hour: Some(units(10)), ..ENDLESS };
    charge(&t, units(10), budget).await;
    correct(&t, units(4), units(1)).await;
    assert_eq!(spent(&t).await, both(units(7)));
    correct(&t, units(1), units(1)).await;
    correct(&t, Amount::ZERO, units(2)).await;
    assert_eq!(spent(&t).await, both(units(9)));
    exhausted(&charge(&t, units(2), budget).await);
    assert_eq!(charge(&t, units(1), budget).await, Charged::Yes(both(units(10))));
    // Receipts may tell more than the budget.
    correct(&t, units(1), units(21)).await;
    assert_eq!(spent(&t).await, both(units(30)));
    exhausted(&charge(&t, Amount::from_millionths(1), budget).await);
    // There is no less than nothing, and nothing is saved up.
    correct(&t, units(1000), Amount::ZERO).await;
    assert_eq!(spent(&t).await, Spent::default());
    assert_eq!(charge(&t, units(10), budget).await, Charged::Yes(both(units(10))));
    exhausted(&charge(&t, units(1), budget).await);
}

pub async fn sites_have_purses_of_their_own(t: Bench) {
    let other = Bench { site: SiteKey::new(&format!("other.{}", t.site)), ..t.clone() };
    let budget = MoneyBudget { per_hour: Some(units(1)), ..ENDLESS };
    for t in [&t, &other] {
        assert_eq!(charge(t, units(1), budget).await, Charged::Yes(both(units(1))));
        exhausted(&charge(t, units(1), budget).await);
    }
}

/// Each charge leaves by itself, and what was put right with it.
pub async fn budgets_slide(t: Bench) {
    let budget = MoneyBudget { per_hour: Some(units(10)), ..ENDLESS };
    charge(&t, units(6), budget).await;
    if !t.is_exact() {
        return;
    }
    t.wait(10 * MINUTE).await;
    charge(&t, units(3), budget).await;
    t.wait(10 * MINUTE).await;
    correct(&t, units(2), units(1)).await;
    assert_eq!(spent(&t).await.hour, units(8));
    for (amount, minutes) in [(units(3), 41), (units(8), 41), (units(10), 51)] {
        let (_, retry_after) = exhausted(&charge(&t, amount, budget).await);
        assert!(retry_after <= minutes * MINUTE && retry_after > (minutes - 1) * MINUTE, "{retry_after:?}");
        let before = t.moment();
        t.wait(retry_after - Duration::from_millis(1)).await;
        let (_, one) = exhausted(&charge(&t, amount, budget).await);
        assert_eq!(one, Duration::from_millis(1));
        t.clock.as_ref().unwrap().set(before);
    }
    t.wait(41 * MINUTE).await;
    // The six have left; the one that was put right later takes from what is left.
    assert_eq!(spent(&t).await, Spent { hour: units(2), day: units(8) });
    t.wait(10 * MINUTE).await;
    assert_eq!(charge(&t, units(10), budget).await, Charged::Yes(Spent { hour: units(10), day: units(18) }));
    t.wait(25 * HOUR).await;
    assert_eq!(spent(&t).await, Spent::default());
    // What is put right takes nothing from what is charged after its own charge has left.
    charge(&t, units(9), budget).await;
    t.wait(30 * MINUTE).await;
    correct(&t, units(9), Amount::ZERO).await;
    t.wait(31 * MINUTE).await;
    assert_eq!(charge(&t, units(10), budget).await, Charged::Yes(both(units(10))));
    exhausted(&charge(&t, units(1), budget).await);
}

proptest! {
    /// D01, I4: whatever is charged and whenever, within any hour and any day no more than the budget, and what is told
    /// to fit later fits then.
    #[test]
    fn no_budget_is_ever_exceeded(
        steps in proptest::collection::vec((0..40 * 60 * 1000_u64, 0..9_u64, any::<bool>()), 1..150),
        start in 0..DAY.as_millis() as u64,
    ) {
        let clock = std::sync::Arc::new(TestClock::at(Timestamp::from_millis(1_700_000_000_000 + start)));
        let store = MemoryStore::new(std::sync::Arc::<TestClock>::clone(&clock));
        let site = SiteKey::new("shop.example.com");
        let budget = MoneyBudget { per_hour: Some(units(10)), per_day: Some(units(60)) };
        let mut charged = Vec::<(Timestamp, Amount)>::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (wait, amount, patient) in steps {
            clock.advance(Duration::from_millis(wait));
            let charge = Charge { site: &site, amount: units(amount), budget: &budget };
            let mut outcome = runtime.block_on(store.charge(&charge)).unwrap();
            if let (Charged::Exhausted { retry_after, .. }, true) = (outcome, patient) {
                clock.advance(retry_after);
                outcome = runtime.block_on(store.charge(&charge)).unwrap();
                prop_assert!(matches!(outcome, Charged::Yes(_)), "{outcome:?} after {retry_after:?}");
            }
            let now = clock.now();
            let within = |charged: &[(Timestamp, Amount)], span: Duration| {
                charged.iter().filter(|(at, _)| at.after(span) > now).map(|(_, amount)| *amount).sum::<Amount>()
            };
            match outcome {
                Charged::Yes(told) => {
                    charged.push((now, units(amount)));
                    let (hour, day) = (within(&charged, HOUR), within(&charged, DAY));
                    prop_assert!(hour <= units(10) && day <= units(60), "{hour} {day}");
                    prop_assert!(told.hour >= hour && told.day >= day);
                }
                // Not without need: a step is looked at until all of it is old enough.
                Charged::Exhausted { .. } => {
                    let with = |span| [within(&charged, span), units(amount)].into_iter().sum::<Amount>();
                    prop_assert!(with(HOUR + MINUTE) > units(10) || with(DAY + HOUR) > units(60));
                }
            }
        }
    }
}
