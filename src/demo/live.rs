//! Prices of the day, over WebSocket and as server-sent events.
//!
//! A WebSocket client may send the code of one kind of goods (`ROPE`) to hear of that alone, or `*` for all again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::money::Cents;
use super::pages;
use super::session::Visitor;
use super::shop::Shop;

#[cfg(test)]
mod tests;

/// The time between two prices.
const BEAT: Duration = Duration::from_secs(1);
/// The longest message that a client may send, in bytes.
const MAX_HEARD: usize = 1024;

/// One kind of goods.
#[derive(Debug)]
struct Goods {
    code: &'static str,
    name: &'static str,
    unit: &'static str,
    lowest: Cents,
    /// What the price moves in a second, and for how many seconds before it turns.
    step: u64,
    swing: u64,
}

const GOODS: [Goods; 4] = [
    Goods { code: "ROPE", name: "Mooring rope", unit: "metre", lowest: Cents(310), step: 2, swing: 7 },
    Goods { code: "DIESEL", name: "Marine diesel", unit: "litre", lowest: Cents(142), step: 1, swing: 11 },
    Goods { code: "TAR", name: "Stockholm tar", unit: "litre", lowest: Cents(1_180), step: 5, swing: 5 },
    Goods { code: "SAIL", name: "Sailcloth", unit: "m²", lowest: Cents(2_450), step: 10, swing: 9 },
];

/// A price as it goes out.
#[derive(Debug, Serialize)]
struct Quote {
    code: &'static str,
    name: &'static str,
    unit: &'static str,
    price: String,
}

/// What a WebSocket client wants to hear of.
#[derive(Clone, Copy)]
enum Watch {
    All,
    One(&'static Goods),
}

impl Goods {
    /// The price at a second: up by `step` for `swing` seconds, then down again.
    fn price(&self, second: u64) -> Cents {
        let phase = second % (2 * self.swing);
        Cents(self.lowest.0 + self.step * phase.min(2 * self.swing - phase))
    }

    fn quote(&self, second: u64) -> Quote {
        Quote { code: self.code, name: self.name, unit: self.unit, price: self.price(second).to_string() }
    }
}

impl Watch {
    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "*" => Some(Self::All),
            code => GOODS.iter().find(|g| g.code == code).map(Self::One),
        }
    }

    fn quotes(self, second: u64) -> String {
        let quotes: Vec<Quote> = match self {
            Self::All => GOODS.iter().map(|goods| goods.quote(second)).collect(),
            Self::One(goods) => vec![goods.quote(second)],
        };
        json!({"second": second, "quotes": quotes}).to_string()
    }
}

pub(super) async fn page(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Response {
    let second = shop.seconds_open();
    let goods: Vec<Quote> = GOODS.iter().map(|goods| goods.quote(second)).collect();
    pages::page(StatusCode::OK, "live.html", visitor.0.as_ref(), json!({"goods": goods}))
}

pub(super) async fn socket(State(shop): State<Arc<Shop>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(MAX_HEARD).on_upgrade(move |socket| talk(socket, shop))
}

/// Sends prices until the client leaves or the shop closes.
async fn talk(mut socket: WebSocket, shop: Arc<Shop>) {
    let closed = shop.closed();
    tokio::pin!(closed);
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::All;
    loop {
        let answer = tokio::select! {
            () = &mut closed => {
                let goodbye = CloseFrame { code: close_code::AWAY, reason: "the shop closes".into() };
                // The client may have gone first, and then there is nobody to tell.
                drop(socket.send(Message::Close(Some(goodbye))).await);
                return;
            }
            _ = beat.tick() => watch.quotes(shop.seconds_open()),
            heard = socket.recv() => match heard {
                Some(Ok(Message::Text(text))) => match Watch::parse(&text) {
                    Some(wanted) => {
                        watch = wanted;
                        watch.quotes(shop.seconds_open())
                    }
                    None => json!({"error": "There are no such goods."}).to_string(),
                },
                Some(Ok(Message::Binary(_))) => json!({"error": "Send text."}).to_string(),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
        };
        if socket.send(Message::Text(answer.into())).await.is_err() {
            return;
        }
    }
}

pub(super) async fn events(State(shop): State<Arc<Shop>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let closed = shop.closed();
    let prices = stream::unfold(interval(BEAT), move |mut beat| {
        let shop = Arc::clone(&shop);
        async move {
            beat.tick().await;
            let second = shop.seconds_open();
            let event = Event::default().event("quotes").id(second.to_string()).data(Watch::All.quotes(second));
            Some((Ok(event), beat))
        }
    });
    Sse::new(prices.take_until(closed)).keep_alive(KeepAlive::default())
}
