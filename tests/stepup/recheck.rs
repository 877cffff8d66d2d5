//! `contact: {recheck: 30d}`: nobody is asked while the directory says that a contact was verified lately.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine as _;
use otpgate::audit::Kind;
use otpgate::directory::{Keep, Listed};
use otpgate::stepup::{SiteSpec, Telling};
use otpgate::words::{Channel, Clock as _, ContactRule, Policy, SendWhen, StepUp, Subject, Timestamp};
use serde_json::Value;

use crate::conductor::{self, Answer, BEGINNING, Rules, SHOP, World, by_header, route, step_up};
use crate::crm::{Crm, plain, verified};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ALICE: &str = "alice@example.com";

fn recheck(name: &str, channels: &[Channel], observe: bool) -> Policy {
    let Policy::StepUp(policy) = step_up(name, channels, 900, SendWhen::OnArrival) else { unreachable!() };
    Policy::StepUp(Arc::new(StepUp { contact: ContactRule::Recheck(30 * DAY), observe, ..StepUp::clone(&policy) }))
}

fn shop(crm: &Arc<Crm>, keep: Option<Keep>) -> SiteSpec {
    let routes = vec![
        route("/mail/**", recheck("mail", &[Channel::Email], false)),
        route("/phone/**", recheck("phone", &[Channel::Sms], false)),
        route("/watched/**", recheck("watched", &[Channel::Email], true)),
        route("/each/**", step_up("each", &[Channel::Email], 0, SendWhen::OnArrival)),
        route("/plain/**", step_up("plain", &[Channel::Email], 900, SendWhen::OnArrival)),
    ];
    let site = conductor::site(SHOP, "Example Shop", routes, vec![by_header()]);
    SiteSpec { directories: crm.listed(keep), ..site }
}

fn world(keep: Option<Keep>) -> (World, Arc<Crm>) {
    let crm = Arc::new(Crm::default());
    crm.takes_marks.store(true, Ordering::SeqCst);
    let sites = Some(vec![shop(&crm, keep)]);
    (World::with(Rules { sites, ..Rules::default() }), crm)
}

fn ago(time: Duration) -> Timestamp {
    Timestamp::from_millis(BEGINNING.as_millis() - u64::try_from(time.as_millis()).unwrap())
}

/// What the application was told of a header; nothing when the request did not go on.
fn told(answer: &Answer, name: &str) -> Option<String> {
    let add = &answer.forward.as_ref()?.add;
    add.iter().find(|(known, _)| known == name).map(|(_, value)| value.to_str().unwrap().to_owned())
}

fn goes_on(answer: &Answer) -> bool {
    answer.forward.is_some()
}

/// The claims of an assertion.
fn claims(answer: &Answer) -> Value {
    let token = told(answer, "x-otpgate-assertion").unwrap();
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Passes a challenge by the code that goes out with the page.
async fn pass(world: &World, browser: &mut conductor::Client<'_>, target: &str) {
    let page = browser.open(target).await;
    assert_eq!(page.status, 200, "{page:?}");
    let answer = browser.type_code(&page, &world.code()).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let target = answer.location().unwrap();
    assert!(goes_on(&browser.get(&target).await));
}

async fn until(what: &str, check: impl Fn() -> bool) {
    for _ in 0..400 {
        if check() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} took too long");
}

#[tokio::test]
async fn a_contact_that_was_verified_within_the_time_passes_without_a_code() {
    let (world, crm) = world(None);
    crm.set("alice", vec![verified(Channel::Email, ALICE, ago(30 * DAY))]);
    let mut browser = world.signed_in("alice");
    let answer = browser.get("/mail/1").await;
    assert!(goes_on(&answer), "{answer:?}");
    assert_eq!(told(&answer, "x-otpgate-subject").as_deref(), Some("alice"));
    assert_eq!(told(&answer, "x-otpgate-channel").as_deref(), Some("email"));
    assert_eq!(told(&answer, "x-otpgate-verified-at").as_deref(), Some("2026-12-16T08:00:00Z"));
    let claims = claims(&answer);
    assert_eq!((&claims["sub"], &claims["channel"]), (&"alice".into(), &"email".into()));
    assert_eq!(claims["auth_time"], ago(30 * DAY).as_secs());
    assert_eq!(claims.get("amr"), None, "this visitor answered no code");
    assert!(!browser.jar.keys().any(|name| name.contains("grant")), "nothing is put in the grant: {:?}", browser.jar);
    assert_eq!(world.messages(), 0);

    // A page with many parts is one event.
    browser.get("/mail/2").await;
    assert_eq!(world.events(Kind::Vouched), 1);

    world.clock.advance(Duration::from_millis(1));
    let answer = browser.get("/mail/1").await;
    assert!(answer.location().unwrap().starts_with("/.otpgate/challenge"), "a moment too long ago: {answer:?}");
}

#[tokio::test]
async fn the_latest_of_several_contacts_is_told() {
    let (world, crm) = world(None);
    let old = verified(Channel::Email, "old@example.com", ago(3 * DAY));
    crm.set(
        "alice",
        vec![old, verified(Channel::Email, ALICE, ago(DAY)), verified(Channel::Sms, "+14155550101", ago(DAY / 2))],
    );
    let answer = world.signed_in("alice").get("/mail/1").await;
    assert_eq!(told(&answer, "x-otpgate-verified-at").as_deref(), Some("2027-01-14T08:00:00Z"));
}

#[tokio::test]
async fn what_the_directory_says_of_anything_else_does_not_count() {
    let (world, crm) = world(None);
    let minute = Duration::from_secs(60);
    let cases: [(&str, Vec<Listed>, bool); 5] = [
        (
            "on another channel",
            vec![verified(Channel::Email, ALICE, ago(DAY)), plain(Channel::Sms, "+14155550101")],
            false,
        ),
        ("on this one", vec![verified(Channel::Sms, "+14155550101", ago(DAY))], true),
        ("in a minute, as clocks differ", vec![verified(Channel::Sms, "+14155550101", BEGINNING.after(minute))], true),
        (
            "in more than a minute",
            vec![verified(Channel::Sms, "+14155550101", BEGINNING.after(minute + Duration::from_millis(1)))],
            false,
        ),
        ("never", vec![plain(Channel::Sms, "+14155550101")], false),
    ];
    for (what, contacts, passes) in cases {
        crm.set("alice", contacts);
        assert_eq!(goes_on(&world.signed_in("alice").get("/phone/1").await), passes, "verified {what}");
    }
    crm.set("bob", vec![verified(Channel::Sms, "+14155550102", ago(DAY))]);
    assert!(goes_on(&world.signed_in("bob").get("/phone/1").await));
    assert!(!goes_on(&world.signed_in("alice").get("/phone/1").await), "another subject's contact");
    assert!(!goes_on(&world.signed_in("stranger").get("/phone/1").await), "nobody whom the directory knows");
    assert!(!goes_on(&world.visitor(SHOP).get("/phone/1").await), "nobody at all");
    // Policies that want a code want one.
    crm.set("alice", vec![verified(Channel::Email, ALICE, ago(DAY))]);
    assert!(!goes_on(&world.signed_in("alice").get("/plain/1").await));
    assert!(!goes_on(&world.signed_in("alice").get("/each/1").await));
}

/// A code is asked for, the directory is told, and from then on its word is enough, in any browser; until it is too old.
#[tokio::test]
async fn a_passed_challenge_makes_the_directory_say_so() {
    let (world, crm) = world(Some(Keep::REMOTE));
    let _telling = Telling::start(Arc::new(ArcSwap::new(Arc::clone(&world.gateway))));
    crm.set("alice", vec![plain(Channel::Email, ALICE)]);
    let mut browser = world.signed_in("alice");
    pass(&world, &mut browser, "/mail/1").await;
    until("the mark", || crm.told.load(Ordering::SeqCst) == 1).await;
    // What was kept of its answers from before the mark is not believed.
    let elsewhere = world.signed_in("alice").get("/mail/1").await;
    assert_eq!(told(&elsewhere, "x-otpgate-verified-at").as_deref(), Some("2027-01-15T08:00:00Z"), "{elsewhere:?}");
    assert!(claims(&browser.get("/mail/1").await).get("amr").is_some(), "here it is a proof");
    world.clock.advance(Duration::from_secs(901));
    assert!(claims(&browser.get("/mail/1").await).get("amr").is_none(), "the proof is too old, and the word is good");
    world.clock.advance(30 * DAY);
    assert!(!goes_on(&browser.get("/mail/1").await));
}

#[tokio::test]
async fn with_a_directory_that_takes_no_marks_a_proof_lives_for_its_max_age() {
    let (world, crm) = world(None);
    crm.takes_marks.store(false, Ordering::SeqCst);
    crm.set("alice", vec![plain(Channel::Email, ALICE)]);
    let mut browser = world.signed_in("alice");
    pass(&world, &mut browser, "/mail/1").await;
    world.clock.advance(Duration::from_secs(900));
    assert!(goes_on(&browser.get("/mail/1").await));
    world.clock.advance(Duration::from_secs(1));
    assert!(!goes_on(&browser.get("/mail/1").await));
}

/// I2: nobody passes by the word of a directory that cannot be asked; a good proof asks nobody.
#[tokio::test]
async fn i2_a_directory_that_is_down_opens_nothing() {
    let (world, crm) = world(None);
    crm.set("alice", vec![verified(Channel::Email, ALICE, ago(DAY))]);
    crm.set("bob", vec![plain(Channel::Email, "bob@example.com")]);
    let mut bob = world.signed_in("bob");
    pass(&world, &mut bob, "/mail/1").await;
    let before = crm.asked();
    crm.down(true);
    assert!(goes_on(&bob.get("/mail/1").await));
    assert_eq!(crm.asked(), before, "a good proof asks nobody");
    let answer = world.signed_in("alice").get("/mail/1").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    let script = world.signed_in("alice").call("GET", "/mail/1", Value::Null).await;
    assert_eq!((script.status, script.problem().as_str()), (503, "unavailable"));
    assert!(goes_on(&world.signed_in("alice").get("/open").await), "what is not protected works");
    crm.down(false);
    assert!(goes_on(&world.signed_in("alice").get("/mail/1").await));
}

#[tokio::test]
async fn a_policy_that_observes_says_what_it_would_do() {
    let (world, crm) = world(None);
    crm.set("alice", vec![verified(Channel::Email, ALICE, ago(DAY))]);
    crm.set("bob", vec![verified(Channel::Email, "bob@example.com", ago(31 * DAY))]);
    let alice = world.signed_in("alice").get("/watched/1").await;
    assert!(told(&alice, "x-otpgate-verified-at").is_some());
    assert_eq!((world.events(Kind::Vouched), world.events(Kind::Observed)), (1, 0));
    let bob = world.signed_in("bob").get("/watched/1").await;
    assert!(goes_on(&bob) && told(&bob, "x-otpgate-verified-at").is_none());
    assert_eq!((world.events(Kind::Vouched), world.events(Kind::Observed)), (1, 1));
    crm.down(true);
    let alice = world.signed_in("alice").get("/watched/1").await;
    assert!(goes_on(&alice) && told(&alice, "x-otpgate-verified-at").is_none());
    assert_eq!((world.events(Kind::Observed), world.events(Kind::Unavailable)), (2, 0));
}

/// What an operator revokes is void, whoever vouches for it.
#[tokio::test]
async fn a_revocation_voids_the_word_of_the_directory() {
    let (world, crm) = world(None);
    crm.set_account("alice", "4711", "en", vec![verified(Channel::Email, ALICE, ago(DAY))]);
    crm.set_account("alice@example.com", "4711", "en", vec![verified(Channel::Email, ALICE, ago(DAY))]);
    for subject in ["alice", "alice@example.com"] {
        assert!(goes_on(&world.signed_in(subject).get("/mail/1").await));
    }
    world.gateway.revoke(None, &Subject::parse("alice").unwrap()).await.unwrap();
    for subject in ["alice", "alice@example.com"] {
        assert!(!goes_on(&world.signed_in(subject).get("/mail/1").await), "{subject}, the same account");
    }
    // It outlasts the policy's `max_age`: as long as the word could count.
    world.clock.advance(20 * DAY);
    assert!(!goes_on(&world.signed_in("alice").get("/mail/1").await));
    world.clock.advance(Duration::from_secs(1));
    crm.set("alice", vec![verified(Channel::Email, ALICE, world.clock.now())]);
    assert!(goes_on(&world.signed_in("alice").get("/mail/1").await));
}
