//! What the shop remembers: customers, who is signed in, and the money that moved. In memory, and bounded.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use super::money::{AmountError, Cents};

#[cfg(test)]
mod tests;

/// Sessions kept; the oldest goes first.
const MAX_SESSIONS: usize = 1_000;
/// Transfers kept for each customer; the oldest goes first.
const MAX_TRANSFERS: usize = 100;
/// Longest payee and longest note, in characters.
const MAX_PAYEE: usize = 100;
const MAX_NOTE: usize = 10_000;

/// The people who can sign in. Their passwords are printed on the login page: this is a demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Customer {
    /// Keeps the chandlery's books.
    Alice,
    /// Runs the boatyard next door.
    Bob,
}

impl Customer {
    /// Everyone.
    pub const ALL: [Self; 2] = [Self::Alice, Self::Bob];

    /// The address that this customer signs in with.
    pub fn email(self) -> &'static str {
        match self {
            Self::Alice => "alice@example.com",
            Self::Bob => "bob@example.com",
        }
    }

    /// The password, which is no secret.
    pub fn password(self) -> &'static str {
        match self {
            Self::Alice => "tide-and-anchor",
            Self::Bob => "rope-and-tar",
        }
    }

    /// The name to greet with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alice => "Alice Marsh",
            Self::Bob => "Bob Keel",
        }
    }

    pub(super) fn orders(self) -> &'static [Order] {
        match self {
            Self::Alice => &ALICES_ORDERS,
            Self::Bob => &BOBS_ORDERS,
        }
    }
}

/// A line of the order book.
#[derive(Debug, serde::Serialize)]
pub(super) struct Order {
    number: &'static str,
    goods: &'static str,
    state: &'static str,
}

const ALICES_ORDERS: [Order; 3] = [
    Order { number: "HS-2041", goods: "Mooring rope, 14 mm, 200 m", state: "On its way" },
    Order { number: "HS-2038", goods: "Marine diesel, 400 l", state: "Delivered" },
    Order { number: "HS-1987", goods: "Brass cleats, 24 pieces", state: "Delivered" },
];

const BOBS_ORDERS: [Order; 2] = [
    Order { number: "HS-2044", goods: "Stockholm tar, 20 l", state: "Being packed" },
    Order { number: "HS-1990", goods: "Sailcloth, 60 m²", state: "Delivered" },
];

/// A signed-in customer.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) customer: Customer,
    /// What the session's own forms carry, so that no other site can post them.
    form_token: String,
}

impl Session {
    pub(super) fn form_token(&self) -> &str {
        &self.form_token
    }

    /// Whether a posted form came from a page of this session.
    pub(super) fn sent(&self, form_token: &str) -> bool {
        self.form_token.as_bytes().ct_eq(form_token.as_bytes()).into()
    }
}

/// A wish to send money, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(super) struct TransferOrder {
    pub(super) to: String,
    pub(super) amount: String,
    pub(super) note: String,
}

/// A transfer that was carried out.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Transfer {
    pub(super) id: u64,
    /// Which one of this customer's it was: 1 for the first. A form that arrives twice counts twice.
    pub(super) count: u64,
    /// Exactly as it arrived.
    #[serde(flatten)]
    pub(super) order: TransferOrder,
}

/// Why a transfer was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum TransferError {
    #[error("Say who gets the money, in at most {MAX_PAYEE} characters.")]
    Payee,
    #[error(transparent)]
    Amount(#[from] AmountError),
    #[error("The note must be at most {MAX_NOTE} characters long.")]
    Note,
    #[error("Your balance is too low for this amount.")]
    Funds,
}

/// What the account page shows.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) balance: Cents,
    /// How many transfers have arrived.
    pub(super) count: u64,
    /// Newest first, as many as are kept.
    pub(super) transfers: Vec<Transfer>,
}

/// The shop's memory.
pub(super) struct Shop {
    books: Mutex<Books>,
    opened: Instant,
    closing: watch::Sender<bool>,
}

struct Books {
    alice: Account,
    bob: Account,
    last_transfer: u64,
    sessions: HashMap<String, Session>,
    /// The ids of `sessions`, oldest first.
    arrivals: VecDeque<String>,
}

struct Account {
    balance: Cents,
    count: u64,
    transfers: VecDeque<Transfer>,
}

impl Shop {
    pub(super) fn open() -> Self {
        Self {
            books: Mutex::new(Books {
                alice: Account::with(Cents(1_248_000)),
                bob: Account::with(Cents(96_550)),
                last_transfer: 0,
                sessions: HashMap::new(),
                arrivals: VecDeque::new(),
            }),
            opened: Instant::now(),
            closing: watch::Sender::new(false),
        }
    }

    /// Ends every live feed.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Ready once the shop closes.
    pub(super) fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.closing.subscribe();
        // An error means that the shop is gone, which is as closed as can be.
        async move { drop(closing.wait_for(|closing| *closing).await) }
    }

    /// Whole seconds since the shop opened.
    pub(super) fn seconds_open(&self) -> u64 {
        self.opened.elapsed().as_secs()
    }

    /// The id of a new session, if the password is right.
    pub(super) fn sign_in(&self, email: &str, password: &str) -> Option<String> {
        let customer = Customer::ALL.into_iter().find(|c| c.email() == email.trim() && c.password() == password)?;
        let id = random_text();
        self.books().admit(id.clone(), Session { customer, form_token: random_text() });
        Some(id)
    }

    pub(super) fn sign_out(&self, id: &str) {
        let mut books = self.books();
        if books.sessions.remove(id).is_some() {
            books.arrivals.retain(|kept| kept != id);
        }
    }

    pub(super) fn session(&self, id: &str) -> Option<Session> {
        self.books().sessions.get(id).cloned()
    }

    pub(super) fn statement(&self, customer: Customer) -> Statement {
        let mut books = self.books();
        let account = books.account(customer);
        Statement {
            balance: account.balance,
            count: account.count,
            transfers: account.transfers.iter().rev().cloned().collect(),
        }
    }

    /// Carries out a transfer, every time that it is asked to.
    pub(super) fn transfer(&self, from: Customer, order: TransferOrder) -> Result<Transfer, TransferError> {
        if order.to.trim().is_empty() || order.to.chars().count() > MAX_PAYEE {
            return Err(TransferError::Payee);
        }
        if order.note.chars().count() > MAX_NOTE {
            return Err(TransferError::Note);
        }
        let amount: Cents = order.amount.parse()?;
        let mut books = self.books();
        let id = books.last_transfer + 1;
        let account = books.account(from);
        account.balance = account.balance.checked_sub(amount).ok_or(TransferError::Funds)?;
        account.count += 1;
        let transfer = Transfer { id, count: account.count, order };
        account.transfers.push_back(transfer.clone());
        if account.transfers.len() > MAX_TRANSFERS {
            account.transfers.pop_front();
        }
        books.last_transfer = id;
        Ok(transfer)
    }

    /// A transfer of this customer, if it is still kept.
    pub(super) fn find_transfer(&self, from: Customer, id: u64) -> Option<Transfer> {
        let mut books = self.books();
        let account = books.account(from);
        account.transfers.iter().find(|t| t.id == id).cloned()
    }

    /// No code path leaves the books half written, so a panic elsewhere does not spoil them.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn account(&mut self, customer: Customer) -> &mut Account {
        match customer {
            Customer::Alice => &mut self.alice,
            Customer::Bob => &mut self.bob,
        }
    }

    fn admit(&mut self, id: String, session: Session) {
        self.arrivals.push_back(id.clone());
        self.sessions.insert(id, session);
        if self.arrivals.len() > MAX_SESSIONS
            && let Some(oldest) = self.arrivals.pop_front()
        {
            self.sessions.remove(&oldest);
        }
    }
}

impl Account {
    fn with(balance: Cents) -> Self {
        Self { balance, count: 0, transfers: VecDeque::new() }
    }
}

/// 256 random bits as text that fits a cookie.
fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
