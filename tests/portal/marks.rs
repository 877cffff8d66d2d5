//! Telling a webhook of contacts that were proved, as time passes: it is away, it is gone, it wants no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use otpgate::audit::Kind;
use otpgate::seal::{KeyRing, SystemRandom};
use otpgate::stepup::{Gateway, Teller};
use otpgate::words::Clock as _;

use crate::support::recorder::{Heard, Recorder};
use crate::world::{Rules, World};

/// A gateway whose shop has a webhook, and the task that tells it.
struct Told {
    world: World,
    server: Recorder,
    status: Arc<AtomicU16>,
    running: Arc<ArcSwap<Gateway>>,
    teller: Teller,
}

impl Told {
    /// A webhook that answers with this status.
    fn with(status: u16) -> Self {
        let status = Arc::new(AtomicU16::new(status));
        let answers = Arc::clone(&status);
        let server = Recorder::answering(move |exchange| {
            let status = answers.load(Ordering::SeqCst);
            exchange.answer(format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n"))
        });
        let world = World::with(Rules { webhook: Some(server.port), ..Rules::default() });
        let running = Arc::new(ArcSwap::new(Arc::clone(&world.gateway)));
        let teller = Teller::new(Arc::clone(&running));
        Self { world, server, status, running, teller }
    }

    async fn pass(&self, subject: &'static str) {
        let mut browser = self.world.signed_in(subject);
        let page = browser.open("/account").await;
        let page = match page.has_form("/.otpgate/verify") {
            true => page,
            false => {
                let sent = browser.submit(&page, "/.otpgate/send", &[]).await;
                browser.follow(sent).await
            }
        };
        assert_eq!(browser.type_code(&page, &self.world.code()).await.status, 303);
    }

    /// Takes what is due, and tells it.
    async fn round(&mut self) {
        self.teller.round().await;
        self.teller.settle().await;
    }

    /// What the webhook heard, once these are as many.
    async fn heard(&mut self, count: usize) -> Vec<Heard> {
        let started = std::time::Instant::now();
        while self.server.heard().len() < count {
            assert!(started.elapsed() < Duration::from_secs(10), "{:?}", self.server.heard());
            self.round().await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.server.heard()
    }

    /// How often something became of a mark.
    fn count(&self, outcome: &str) -> u64 {
        let line = format!("otpgate_marks_total{{site=\"shop.example.com\",to=\"webhook\",outcome=\"{outcome}\"}} ");
        let metrics = self.world.gateway.shared().audit.metrics.encode();
        metrics.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
    }

    fn not_told(&self) -> bool {
        self.world.events(Kind::NotTold) == 1
    }
}

#[tokio::test]
async fn a_webhook_that_is_away_is_told_when_it_is_back() {
    let mut told = Told::with(503);
    told.pass("alice").await;
    told.heard(1).await;
    told.round().await;
    told.world.clock.advance(Duration::from_millis(900));
    told.round().await;
    assert_eq!(told.server.heard().len(), 1, "it waits for a second at least");
    told.world.pass_time(2);
    told.round().await;
    assert_eq!(told.server.heard().len(), 2);
    told.status.store(204, Ordering::SeqCst);
    told.world.pass_time(4);
    told.round().await;
    let heard = told.heard(3).await;
    told.world.pass_time(30 * 24 * 3600);
    told.round().await;
    assert_eq!(told.server.heard().len(), 3, "it was taken");

    let each = |name: &str| heard.iter().map(|heard| heard.value(name).unwrap().to_owned()).collect::<Vec<_>>();
    let (ids, times) = (each("webhook-id"), each("webhook-timestamp"));
    assert!(ids.iter().all(|id| *id == ids[0] && id.len() == 22), "the same each time: {ids:?}");
    assert!(times.is_sorted() && times[0] != times[2], "a fresh one each time: {times:?}");
    assert!(heard.iter().all(|each| each.body == heard[0].body));
    assert_eq!((told.count("later"), told.count("taken"), told.count("dropped")), (2, 1, 0));
}

/// One that is away is not tried for every mark: others would wait for it.
#[tokio::test]
async fn a_webhook_that_just_failed_is_let_alone_for_a_moment() {
    let mut told = Told::with(500);
    told.pass("alice").await;
    told.heard(1).await;
    told.pass("bob").await;
    let started = std::time::Instant::now();
    while told.count("later") < 2 {
        assert!(started.elapsed() < Duration::from_secs(10));
        told.round().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(told.server.heard().len(), 1);
    told.status.store(200, Ordering::SeqCst);
    told.world.pass_time(2);
    assert_eq!(told.heard(3).await.len(), 3);
    assert_eq!(told.count("taken"), 2);
}

/// Gateways are reloaded one after another: what one does not know another one may.
#[tokio::test]
async fn a_mark_that_a_gateway_does_not_know_waits_for_one_that_does() {
    let mut told = Told::with(503);
    told.pass("alice").await;
    told.heard(1).await;
    told.status.store(204, Ordering::SeqCst);
    let stranger = Arc::new(KeyRing::fresh(&SystemRandom::new()));
    for other in [told.world.under(&told.world.keys, None), told.world.under(&stranger, Some(told.server.port))] {
        told.running.store(other);
        told.world.pass_time(20);
        told.round().await;
        assert_eq!((told.server.heard().len(), told.count("dropped")), (1, 0));
    }
    told.running.store(told.world.under(&told.world.keys, Some(told.server.port)));
    told.world.pass_time(60);
    told.round().await;
    assert_eq!((told.server.heard().len(), told.count("taken")), (2, 1));
}

#[tokio::test]
async fn a_mark_whose_webhook_is_gone_is_dropped_after_a_while() {
    let mut told = Told::with(503);
    told.pass("alice").await;
    told.heard(1).await;
    told.running.store(told.world.under(&told.world.keys, None));
    told.world.pass_time(9 * 60);
    told.round().await;
    assert!(told.count("dropped") == 0 && !told.not_told());
    told.world.pass_time(60 * 60);
    told.round().await;
    assert!(told.count("dropped") == 1 && told.not_told());
    told.running.store(told.world.under(&told.world.keys, Some(told.server.port)));
    told.world.pass_time(60 * 60);
    told.round().await;
    assert_eq!(told.server.heard().len(), 1, "and for good");
}

#[tokio::test]
async fn a_mark_that_nobody_takes_is_dropped_after_seven_days() {
    let mut told = Told::with(401);
    told.pass("alice").await;
    told.heard(1).await;
    let began = told.world.clock.now();
    while told.count("dropped") == 0 {
        told.world.pass_time(10 * 60);
        told.round().await;
        assert!(told.server.heard().len() < 400);
    }
    let days = told.world.clock.now().since(began).unwrap().as_secs_f64() / 86400.0;
    assert!((6.9..7.0).contains(&days), "{days}");
    assert!(told.not_told());
    let heard = told.server.heard().len();
    told.world.pass_time(60 * 60);
    told.round().await;
    assert_eq!(told.server.heard().len(), heard);
}

/// Standard Webhooks: 410 says that it wants no more of it.
#[tokio::test]
async fn a_webhook_that_is_gone_for_good_is_told_no_more() {
    let mut told = Told::with(410);
    told.pass("alice").await;
    told.heard(1).await;
    assert!(told.count("dropped") == 1 && told.not_told());
    told.world.pass_time(60 * 60);
    told.round().await;
    assert_eq!(told.server.heard().len(), 1);
}

/// What a webhook answers with is no way to anywhere else.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Recorder::start();
    let mut told = Told::with(307);
    let location =
        format!("HTTP/1.1 307 There\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", elsewhere.address());
    let server = Recorder::saying(&location);
    told.running.store(told.world.under(&told.world.keys, Some(server.port)));
    told.pass("alice").await;
    let started = std::time::Instant::now();
    while told.count("later") == 0 {
        assert!(started.elapsed() < Duration::from_secs(10));
        told.round().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((server.heard().len(), elsewhere.heard().len()), (1, 0));
}
