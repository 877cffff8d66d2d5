use super::*;

fn order(amount: &str) -> TransferOrder {
    TransferOrder { to: "Pier 7".into(), amount: amount.into(), note: String::new() }
}

#[test]
fn sessions_are_bounded_and_the_oldest_goes_first() {
    let shop = Shop::open();
    let alice = Customer::Alice;
    let mut ids = Vec::new();
    for _ in 0..=MAX_SESSIONS {
        ids.push(shop.sign_in(alice.email(), alice.password()).unwrap());
    }
    assert!(shop.session(&ids[0]).is_none());
    assert!(shop.session(&ids[1]).is_some());
    assert_eq!(shop.books().sessions.len(), MAX_SESSIONS);
    for id in &ids {
        shop.sign_out(id);
    }
    assert!(shop.books().sessions.is_empty() && shop.books().arrivals.is_empty());
}

#[test]
fn transfers_are_bounded_but_the_count_goes_on() {
    let shop = Shop::open();
    let sent = MAX_TRANSFERS as u64 + 5;
    for _ in 0..sent {
        shop.transfer(Customer::Bob, order("0.01")).unwrap();
    }
    let statement = shop.statement(Customer::Bob);
    assert_eq!(statement.count, sent);
    assert_eq!(statement.transfers.len(), MAX_TRANSFERS);
    assert_eq!(statement.transfers[0].count, sent);
}

#[test]
fn a_transfer_that_is_refused_moves_nothing() {
    let shop = Shop::open();
    let before = shop.statement(Customer::Bob).balance;
    let no_payee = TransferOrder { to: " ".into(), ..order("1") };
    let long_payee = TransferOrder { to: "x".repeat(MAX_PAYEE + 1), ..order("1") };
    let long_note = TransferOrder { note: "x".repeat(MAX_NOTE + 1), ..order("1") };
    for (asked, why) in [
        (no_payee, TransferError::Payee),
        (long_payee, TransferError::Payee),
        (long_note, TransferError::Note),
        (order("965.51"), TransferError::Funds),
        (order("ten"), TransferError::Amount(AmountError::Malformed)),
    ] {
        assert_eq!(shop.transfer(Customer::Bob, asked).unwrap_err(), why);
    }
    let after = shop.statement(Customer::Bob);
    assert_eq!((after.balance, after.count), (before, 0));
    shop.transfer(Customer::Bob, order("965.50")).unwrap();
    assert_eq!(shop.statement(Customer::Bob).balance, Cents(0));
}

#[test]
fn nobody_sees_the_transfers_of_another() {
    let shop = Shop::open();
    let sent = shop.transfer(Customer::Alice, order("1")).unwrap();
    assert!(shop.find_transfer(Customer::Bob, sent.id).is_none());
    assert!(shop.find_transfer(Customer::Alice, sent.id).is_some());
}
