//! O27: a contact that was changed a short while ago gets no code, and those from before are told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use otpgate::audit::{Audit, Kind};
use otpgate::delivery::Kept;
use otpgate::directory::{Keep, Listed};
use otpgate::seal::{KeyRing, SystemRandom};
use otpgate::stepup::SiteSpec;
use otpgate::store::Store;
use otpgate::store::redis::RedisStore;
use otpgate::words::{Channel, Clock as _, ContactRule, Policy, SendWhen, StepUp, Subject, SystemClock, Timestamp};
use serde_json::Value;

use crate::conductor::{self, Answer, Client, Rules, SHOP, WIKI, World, by_header, route, step_up, wiki};
use crate::crm::{Crm, plain, verified};
use crate::support::Redis;
use crate::world::{ALICE, Config, admin, challenge_page, for_both, within};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const A: &str = "a@old.example";
const B: &str = "b@new.example";
const C: &str = "c@newer.example";
const P: &str = "+14155550101";
const Q: &str = "+14155550102";

fn site(crm: &Arc<Crm>) -> SiteSpec {
    let Policy::StepUp(policy) = step_up("verified", &[Channel::Email], 900, SendWhen::OnArrival) else {
        unreachable!()
    };
    let verified = StepUp { contact: ContactRule::Recheck(30 * DAY), ..StepUp::clone(&policy) };
    let all = [Channel::Email, Channel::Sms, Channel::Voice];
    let routes = vec![
        route("/account/**", step_up("account", &all, 900, SendWhen::OnArrival)),
        route("/phone/**", step_up("phone", &[Channel::Sms], 900, SendWhen::OnArrival)),
        route("/call/**", step_up("call", &[Channel::Voice], 900, SendWhen::OnArrival)),
        route("/verified/**", Policy::StepUp(Arc::new(verified))),
    ];
    let site = conductor::site(SHOP, "Example Shop", routes, vec![by_header()]);
    // As a directory elsewhere is: what it said a moment ago must not be taken for what it says now.
    SiteSpec { directories: crm.listed(Some(Keep::REMOTE)), contact_cooldown: Some(DAY), ..site }
}

fn world() -> (World, Arc<Crm>) {
    let crm = Arc::new(Crm::default());
    crm.takes_marks.store(true, Ordering::SeqCst);
    let sites = Some(vec![site(&crm), SiteSpec { contact_cooldown: Some(DAY), ..wiki(None) }]);
    (World::with(Rules { sites, ..Rules::default() }), crm)
}

fn email(address: &str) -> Listed {
    plain(Channel::Email, address)
}

fn sms(address: &str) -> Listed {
    plain(Channel::Sms, address)
}

fn changed(listed: Listed, at: Timestamp) -> Listed {
    Listed { changed_at: Some(at), ..listed }
}

/// A visit to a protected page in a new browser: the page that comes then.
async fn visit<'w>(world: &'w World, target: &str) -> (Client<'w>, Answer) {
    let mut browser = world.signed_in("alice");
    let page = browser.open(target).await;
    (browser, page)
}

/// To whom codes, and to whom notices went so far, oldest first.
fn sent(world: &World) -> (Vec<String>, Vec<String>) {
    let (codes, notices): (Vec<Kept>, Vec<Kept>) =
        world.outbox.recent().into_iter().rev().partition(|kept| !kept.code.is_empty());
    let to = |kept: Vec<Kept>| kept.into_iter().map(|kept| kept.to).collect();
    (to(codes), to(notices))
}

fn codes(world: &World) -> Vec<String> {
    sent(world).0
}

/// Who got a notice, once there are so many, in alphabetical order.
async fn notices(world: &World, count: usize) -> Vec<String> {
    for _ in 0..100 {
        if sent(world).1.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut notices = sent(world).1;
    notices.sort();
    notices
}

fn code_to(world: &World, to: &str) -> String {
    let kept = world.outbox.recent();
    let found = kept.iter().find(|kept| kept.to == to && !kept.code.is_empty());
    found.unwrap_or_else(|| panic!("no code went to {to}")).code.clone()
}

#[tokio::test]
async fn o27_a_new_contact_is_not_offered_while_an_older_one_is_there() {
    let (world, crm) = world();
    crm.set("alice", vec![email(A), sms(P)]);
    let (_, page) = visit(&world, "/account/1").await;
    assert!(page.text().contains("a***@o***.example") && page.text().contains("+** *** **01"), "where it starts");
    assert!(notices(&world, 0).await.is_empty());

    crm.set("alice", vec![email(B), sms(P)]);
    let (mut browser, page) = visit(&world, "/account/1").await;
    assert!(page.text().contains("+** *** **01") && !page.text().contains("b***@n***.example"), "{}", page.text());
    assert!(!page.text().contains("that we had before"), "an older one of now");
    assert_eq!(codes(&world), [P], "the only one: the code goes out with the page");
    assert_eq!(notices(&world, 2).await, [P, A], "both that were there before");
    assert_eq!((world.events(Kind::ContactChanged), world.events(Kind::ContactNotice)), (1, 2));
    // O26: nobody gets it by asking for it by its number either.
    let answer = browser.submit(&page, "/.otpgate/send", &[("channel", "email"), ("contact", "0")]).await;
    assert_eq!(answer.status, 404, "{answer:?}");

    // A right code ends nothing.
    let answer = browser.type_code(&page, &code_to(&world, P)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    world.clock.advance(DAY - Duration::from_secs(1));
    let (_, page) = visit(&world, "/account/2").await;
    assert!(!page.text().contains("b***@n***.example"), "{}", page.text());
    world.clock.advance(Duration::from_secs(1));
    let (_, page) = visit(&world, "/account/3").await;
    assert!(page.text().contains("b***@n***.example") && page.text().contains("+** *** **01"), "{}", page.text());
    assert_eq!(notices(&world, 2).await.len(), 2, "one notice for one change");
}

#[tokio::test]
async fn o27_the_code_goes_to_the_contact_that_was_replaced() {
    let (world, crm) = world();
    crm.set("alice", vec![email(A)]);
    visit(&world, "/account/1").await;
    crm.set("alice", vec![email(B)]);
    let (mut browser, page) = visit(&world, "/account/1").await;
    assert_eq!(codes(&world), [A, A]);
    let text = page.text();
    assert!(text.contains("a***@o***.example") && text.contains("the address that we had before"), "{text}");
    assert!(text.contains("The new one can be used in 24 hours"), "{text}");
    let challenge = world.signed_in("alice").call("GET", "/account/1", Value::Null).await.json()["challenge"].clone();
    assert_eq!((&challenge["earlier"], &challenge["usable_in"]), (&true.into(), &86_400.into()), "{challenge}");
    assert_eq!(challenge["channels"][0]["to"], "a***@o***.example");

    let answer = browser.type_code(&page, &code_to(&world, A)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(browser.get("/account/1").await.forward.is_some(), "it is a proof");
    // The directory is not told: the address is the subject's no longer.
    let told = |world: &World| world.events(Kind::Passed);
    assert_eq!(told(&world), 1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(crm.told.load(Ordering::SeqCst), 0);

    let (_, _) = visit(&world, "/account/2").await;
    assert_eq!(codes(&world), [A, A, A], "passing made nothing older");
    world.clock.advance(DAY);
    let (_, page) = visit(&world, "/account/2").await;
    assert_eq!(codes(&world).last().unwrap(), B);
    assert!(!page.text().contains("that we had before"), "{}", page.text());
    assert_eq!(notices(&world, 1).await, [A]);
}

#[tokio::test]
async fn o27_without_an_older_contact_the_page_says_from_when_on() {
    let (world, crm) = world();
    crm.set("alice", vec![changed(email(A), Timestamp::from_millis(world.clock.now().as_millis() - 3_600_000))]);
    let (mut browser, page) = visit(&world, "/account/1").await;
    assert_eq!(page.status, 403, "{page:?}");
    let text = page.text();
    assert!(text.contains("Your new contact cannot be used yet") && text.contains("in 23 hours"), "{text}");
    assert!(text.contains("https://example.com/help"), "{text}");
    let api = world.signed_in("alice").call("GET", "/account/1", Value::Null).await;
    assert_eq!((api.status, &api.json()["challenge"]["usable_in"]), (401, &(23 * 3600).into()), "{api:?}");
    assert_eq!(api.json()["challenge"]["channels"], serde_json::json!([]));
    assert!(codes(&world).is_empty() && notices(&world, 0).await.is_empty());
    // The same page, once it is over.
    world.clock.advance(23 * HOUR);
    let page = browser.open("/account/1").await;
    assert_eq!((page.status, codes(&world)), (200, vec![A.to_owned()]), "{page:?}");
}

/// What was changed in the row is something else when the gateway has seen the contact for longer.
#[tokio::test]
async fn a_row_that_is_written_often_keeps_its_older_contacts() {
    let (world, crm) = world();
    crm.set("alice", vec![email(A)]);
    visit(&world, "/account/1").await;
    world.clock.advance(DAY);
    crm.set("alice", vec![changed(email(A), world.clock.now())]);
    visit(&world, "/account/2").await;
    assert_eq!(codes(&world), [A, A]);
}

#[tokio::test]
async fn o27_changing_it_twice_gains_nothing() {
    let (world, crm) = world();
    crm.set("alice", vec![email(A)]);
    visit(&world, "/account/1").await;
    for address in [B, C] {
        crm.set("alice", vec![email(address)]);
        visit(&world, "/account/1").await;
    }
    assert_eq!(codes(&world), [A, A, A]);
    assert_eq!(notices(&world, 3).await, [A, A, B], "one for each change to whoever was there before");
    // Back and forth: what was away is new again.
    world.clock.advance(20 * HOUR);
    crm.set("alice", vec![email(B)]);
    visit(&world, "/account/2").await;
    world.clock.advance(20 * HOUR);
    visit(&world, "/account/3").await;
    assert_eq!(codes(&world), [A, A, A, A, A], "first seen forty hours ago, there for twenty");
    world.clock.advance(4 * HOUR);
    visit(&world, "/account/4").await;
    assert_eq!(codes(&world).last().unwrap(), B);
}

#[tokio::test]
async fn o27_another_channel_is_no_way_round() {
    let (world, crm) = world();
    crm.set("alice", vec![email(A)]);
    visit(&world, "/account/1").await;
    // A telephone is added: not even a policy that takes nothing else sends a code there.
    crm.set("alice", vec![email(A), sms(P), plain(Channel::Voice, P)]);
    for target in ["/phone/1", "/call/1"] {
        let (_, page) = visit(&world, target).await;
        assert!(page.status == 403 && page.text().contains("cannot be used yet"), "{}", page.text());
    }
    visit(&world, "/account/2").await;
    assert_eq!(codes(&world), [A, A]);
    assert_eq!(notices(&world, 1).await, [A]);
    world.clock.advance(DAY);
    visit(&world, "/phone/2").await;
    assert_eq!(codes(&world).last().unwrap(), P);
    // The same number for calls instead of text messages is the same telephone.
    crm.set("alice", vec![email("A@Old.Example"), plain(Channel::Voice, P)]);
    visit(&world, "/call/2").await;
    assert_eq!(codes(&world).last().unwrap(), P);
    assert_eq!(notices(&world, 1).await.len(), 1);
}

#[tokio::test]
async fn o27_one_after_the_other_is_no_way_round() {
    let (world, crm) = world();
    crm.set("alice", vec![email(A), sms(P)]);
    visit(&world, "/account/1").await;
    crm.set("alice", vec![email(B), sms(P)]);
    visit(&world, "/account/1").await;
    world.clock.advance(HOUR);
    crm.set("alice", vec![email(B), sms(Q)]);
    let (_, page) = visit(&world, "/account/1").await;
    assert_eq!(codes(&world), [P, P], "the last that was replaced");
    assert!(page.text().contains("the address that we had before"), "{}", page.text());
    assert_eq!(notices(&world, 5).await, [P, P, A, A, B]);
}

/// Who had the account's contact long ago has no say when it is changed again.
#[tokio::test]
async fn a_contact_from_long_ago_gets_no_code() {
    let (world, crm) = world();
    for address in [A, B] {
        crm.set("alice", vec![email(address)]);
        visit(&world, "/account/1").await;
        world.clock.advance(2 * DAY);
    }
    visit(&world, "/account/2").await;
    assert_eq!(codes(&world).last().unwrap(), B);
    crm.set("alice", vec![email(C)]);
    let (_, page) = visit(&world, "/account/3").await;
    assert!(page.text().contains("b***@n***.example"), "{}", page.text());
    assert_eq!(codes(&world).last().unwrap(), B);
    assert_eq!(notices(&world, 2).await, [A, B], "A of the first change alone");
    // Taken away first and added later: nobody is asked instead, and it is new all the same.
    crm.set("alice", vec![]);
    visit(&world, "/account/4").await;
    world.clock.advance(2 * DAY);
    crm.set("alice", vec![email("d@newest.example")]);
    visit(&world, "/account/5").await;
    assert!(!codes(&world).contains(&"d@newest.example".to_owned()), "{:?}", codes(&world));
}

/// The threat model says so: where an account starts is believed, and after 90 days and the cool-down it starts anew.
#[tokio::test]
async fn an_account_that_was_not_seen_for_a_quarter_starts_anew() {
    let (world, crm) = world();
    crm.set("alice", vec![email(A)]);
    visit(&world, "/account/1").await;
    world.clock.advance(91 * DAY - Duration::from_secs(1));
    crm.set("alice", vec![email(B)]);
    visit(&world, "/account/2").await;
    assert_eq!(codes(&world), [A, A], "remembered to the last");
    world.clock.advance(91 * DAY);
    crm.set("alice", vec![email(C)]);
    visit(&world, "/account/3").await;
    assert_eq!(codes(&world).last().unwrap(), C);
    // But for what the directory knows.
    world.clock.advance(91 * DAY);
    crm.set("alice", vec![changed(email(B), world.clock.now())]);
    let (_, page) = visit(&world, "/account/4").await;
    assert_eq!(page.status, 403, "{page:?}");
}

/// Two names of one account are one.
#[tokio::test]
async fn o27_an_account_is_known_by_the_directory_s_own_name() {
    let (world, crm) = world();
    crm.set_account("alice", "4711", "en", vec![email(A)]);
    visit(&world, "/account/1").await;
    crm.set_account("alice@example.com", "4711", "en", vec![email(B)]);
    world.signed_in("alice@example.com").open("/account/1").await;
    assert_eq!(codes(&world), [A, A]);
    assert_eq!(notices(&world, 1).await, [A]);
}

#[tokio::test]
async fn o27_a_contact_under_a_cool_down_does_not_count_as_verified() {
    let (world, crm) = world();
    crm.set("alice", vec![verified(Channel::Email, A, world.clock.now())]);
    let passes = async || world.signed_in("alice").get("/verified/1").await.forward.is_some();
    assert!(passes().await);
    let asked = crm.asked();
    assert!(passes().await);
    assert_eq!(crm.asked(), asked, "neither the directory nor the store is asked for each request");
    // The application itself says that the new one is verified.
    world.clock.advance(HOUR);
    crm.set("alice", vec![verified(Channel::Email, B, world.clock.now())]);
    assert!(!passes().await);
    assert_eq!(notices(&world, 1).await, [A]);
    world.clock.advance(DAY - Duration::from_secs(1));
    assert!(!passes().await);
    world.clock.advance(HOUR);
    assert!(passes().await);
}

#[tokio::test]
async fn i2_what_the_store_does_not_say_opens_nothing() {
    let crm = Arc::new(Crm::default());
    // Port 9 (discard) of the loopback address: nobody listens.
    let audit = Arc::new(Audit::new(Arc::new(SystemClock)));
    let dead: Arc<dyn Store> = Arc::new(RedisStore::new("redis://127.0.0.1:9", audit).unwrap());
    let with = |contact_cooldown| {
        let site = SiteSpec { contact_cooldown, ..site(&crm) };
        World::with(Rules { sites: Some(vec![site]), store: Some(dead.clone()), ..Rules::default() })
    };
    let (without, with) = (with(None), with(Some(DAY)));
    crm.set("alice", vec![verified(Channel::Email, A, with.clock.now())]);
    assert!(without.signed_in("alice").get("/verified/1").await.forward.is_some(), "nothing need be asked");
    let answer = with.signed_in("alice").get("/verified/1").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(with.signed_in("alice").get("/account/1").await.status, 503);
    assert!(with.signed_in("alice").get("/open").await.forward.is_some(), "what is not protected works");
}

/// The notice, as it arrives, in each language; nothing in it is the visitor's choice.
#[tokio::test]
async fn o27_o35_the_notice_is_in_the_language_of_the_subject() {
    for (language, words) in [
        ("en", "was changed"),
        ("de", "wurde geändert"),
        ("fr", "a été modifié"),
        ("es", "se ha cambiado"),
        ("ms", "telah ditukar"),
        ("ja", "変更されました"),
    ] {
        let (world, crm) = world();
        crm.set_account("alice", "4711", language, vec![email(A), sms(P), plain(Channel::Voice, P)]);
        visit(&world, "/account/1").await;
        crm.set_account("alice", "4711", language, vec![email(B)]);
        visit(&world, "/account/your-code-is-123456?evil=1").await;
        assert_eq!(notices(&world, 2).await, [P, A], "{language}: a telephone gets one, and no call");
        let kept = world.outbox.recent();
        for notice in kept.iter().filter(|kept| kept.code.is_empty()) {
            let text = &notice.text;
            assert!(text.to_lowercase().contains(&words.to_lowercase()), "{language}: {text}");
            assert!(text.contains("Example Shop") && notice.channel != Channel::Voice, "{text}");
            let has = |what: &str| text.contains(what);
            assert!(!has("evil") && !has("123456") && !has("127.0.0.1") && !has("alice") && !has(B), "{text}");
            assert_eq!(has("https://example.com/help"), notice.channel == Channel::Email, "{text}");
        }
    }
}

/// Support made sure that it is the right person: what the directory lists now is what the account has.
#[tokio::test]
async fn an_operator_ends_a_cool_down() {
    let (world, crm) = world();
    crm.set_account("alice", "4711", "en", vec![email(A)]);
    visit(&world, "/account/1").await;
    let alice = Subject::parse("alice").unwrap();
    let unlock = async || world.gateway.trust_contacts(None, &alice).await.unwrap();
    assert!(unlock().await.iter().all(|done| !done.changed), "there is nothing to end");
    crm.set_account("alice", "4711", "en", vec![changed(email(B), world.clock.now())]);
    visit(&world, "/account/1").await;
    assert_eq!(codes(&world), [A, A]);
    // A lock that is ended says nothing of contacts.
    world.gateway.unlock(None, &alice).await.unwrap();
    visit(&world, "/account/1").await;
    assert_eq!(codes(&world), [A, A, A]);
    // Nothing of it is ended while the directory cannot be asked.
    crm.down(true);
    assert!(unlock().await.iter().all(|done| !done.changed));
    crm.down(false);
    let done = unlock().await;
    assert!(done.iter().any(|done| done.changed && done.site == SHOP), "{done:?}");
    let (_, page) = visit(&world, "/account/1").await;
    assert_eq!(codes(&world), [A, A, A, B], "whatever the directory says of when it was changed");
    assert!(!page.text().contains("that we had before"), "{}", page.text());
    // The earlier one has nothing to say any more; a next change is one.
    crm.set_account("alice", "4711", "en", vec![email(C)]);
    visit(&world, "/account/1").await;
    assert_eq!(codes(&world), [A, A, A, B, B]);
    assert_eq!(notices(&world, 2).await, [A, B]);
}

/// Addresses that a visitor types are nobody's contacts in a directory.
#[tokio::test]
async fn an_address_that_is_typed_has_no_cool_down() {
    let (world, _) = world();
    for address in ["anna@corp.example", "ben@corp.example"] {
        let mut browser = world.visitor(WIKI);
        let page = browser.open("/edit/1").await;
        let page = browser.submit(&page, "/.otpgate/ask", &[("address", address)]).await;
        browser.follow(page).await;
        // Beside the road, too: an address that is not allowed must take as long.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        code_to(&world, address);
    }
    assert_eq!(world.events(Kind::ContactChanged), 0);
}

/// One notice of one change, whichever gateways see it; and both know what is new.
#[tokio::test]
async fn o27_two_gateways_with_one_redis_send_one_notice() {
    let server = Redis::start();
    let keys = Arc::new(KeyRing::fresh(&SystemRandom::new()));
    let crm = Arc::new(Crm::default());
    let gateway = || {
        let audit = Arc::new(Audit::new(Arc::new(SystemClock)));
        let store: Arc<dyn Store> = Arc::new(RedisStore::new(&server.url(), audit).unwrap());
        let (sites, store, keys) = (Some(vec![site(&crm)]), Some(store), Some(keys.clone()));
        World::with(Rules { sites, store, keys, ..Rules::default() })
    };
    let (one, other) = (gateway(), gateway());
    crm.set("alice", vec![email(A)]);
    // Both keep for a while what the directory said.
    tokio::join!(visit(&one, "/account/1"), visit(&other, "/account/1"));
    crm.set("alice", vec![email(B)]);
    for round in 0..3 {
        let target = format!("/account/{round}");
        tokio::join!(visit(&one, &target), visit(&other, &target));
    }
    let told = |world: &World| (sent(world).1.len(), world.events(Kind::ContactChanged));
    for _ in 0..100 {
        if told(&one).0 + told(&other).0 > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (one_told, other_told) = (told(&one), told(&other));
    assert_eq!((one_told.0 + other_told.0, one_told.1 + other_told.1), (1, 1));
    let all = [codes(&one), codes(&other)].concat();
    assert!(all.len() >= 4 && all.iter().all(|to| to == A), "{all:?}");
}

/// The real binary, with both stores: a file of contacts that is changed, the notice, and the command of support.
#[tokio::test]
async fn o27_a_changed_file_sends_codes_to_the_address_from_before() {
    let site = "identity: {login: {path: /login, field: email, session_cookie: SID, success: {status: [302, 303]}, \
                logout: /logout}}\n    sign_in: /login\n    contact_cooldown: 1h";
    let config = Config { site, top: "portal: {support: help@example.com}", ..Config::default() };
    for_both(config, async |world| {
        let mut browser = world.signed_in("alice").await;
        world.pass(&mut browser, "/account", ALICE).await;
        let contacts = world.gateway.dir().join("contacts.yaml");
        std::fs::write(contacts, "alice: {email: thief@evil.example, language: de}\n").unwrap();
        // The file is looked at when somebody is looked up: Carol, who has to choose, so that no message goes out.
        let carol = world.signed_in("carol").await;
        within(Duration::from_secs(20), "the file to be read again", async || {
            carol.copy().open("/account").await;
            world.gateway.log().contains("the directory file has changed, and was read")
        })
        .await;
        let opened = async || challenge_page(&mut world.signed_in("alice").await, "/account").await;
        let page = opened().await.body;
        assert!(page.contains("the address that we had before"), "{page}");
        let messages = world.messages().await;
        let to = |what: &str| messages.iter().filter(|message| message["to"] == what).count();
        assert_eq!(to("thief@evil.example"), 0, "{messages:?}");
        within(Duration::from_secs(5), "the notice", async || {
            world.messages().await.iter().any(|message| message["code"] == "")
        })
        .await;
        let messages = world.messages().await;
        let notices: Vec<_> = messages.iter().filter(|message| message["code"] == "").collect();
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert_eq!(notices[0]["to"], ALICE);
        let text = notices[0]["text"].as_str().unwrap();
        assert!(text.contains("wurde geändert") && text.contains("help@example.com"), "{text}");
        let metrics = admin(&world.gateway, "GET", "/metrics", None).await.body;
        assert!(metrics.contains("otpgate_events_total{kind=\"contact_changed\"} 1"), "{metrics}");
        let log = world.gateway.log();
        assert!(!log.contains("thief@evil.example") && !log.contains(ALICE), "I9");
        assert!(log.contains("gone email a***@e***.com") && log.contains("new email t***@e***.example"), "{log}");

        let ended =
            admin(&world.gateway, "POST", "/trust-contacts", Some(serde_json::json!({"subject": "alice"}))).await;
        assert_eq!(ended.json()["done"][0]["changed"], true, "{ended:?}");
        opened().await;
        world.code("thief@evil.example").await;
    })
    .await;
}
