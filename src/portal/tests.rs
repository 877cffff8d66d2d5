//! Every page that there is, made from challenges by hand, and what must be true of each. Where challenges come from is
//! tested over the whole portal in `tests/portal.rs`.

mod down;
mod gallery;

use http::{Response, StatusCode};

use super::notice::Notice;
use super::{assets, sentences};
use crate::words::{FailureClass, Progress};
use bytes::Bytes;
use gallery::{Stage, every_page};

/// The text of a page without its tags, white space as one space.
fn text(page: &Response<Bytes>) -> String {
    let html = html(page);
    let mut text = String::new();
    let mut inside = false;
    for character in html.chars() {
        match character {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            other if !inside => text.push(other),
            _ => {}
        }
    }
    let text = text.replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".")
}

fn html(page: &Response<Bytes>) -> String {
    String::from_utf8(page.body().to_vec()).unwrap()
}

fn header<'a>(page: &'a Response<Bytes>, name: &str) -> &'a str {
    page.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The tag of the code field.
fn code_field(html: &str) -> &str {
    let start = html.find("<input class=\"code\"").unwrap();
    &html[start..start + html[start..].find('>').unwrap()]
}

#[test]
fn every_page_is_whole_small_and_safe() {
    for (name, page) in every_page() {
        let html = html(&page);
        assert!(html.trim_start().starts_with("<!doctype html>"), "{name}: {html}");
        assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8", "{name}");
        // U25, and what loads with it.
        let styled = html.len() + include_str!("assets/style.css").len() + include_str!("assets/page.js").len();
        assert!(styled < 30_000, "{name} weighs {styled} bytes");
        // U16: one heading, and the language.
        assert_eq!(html.matches("<h1>").count(), 1, "{name}");
        assert!(html.contains("<html lang=\"en\" dir=\"ltr\">"), "{name}");
        // The reference is on every page.
        assert!(text(&page).contains("Reference: "), "{name}: {}", text(&page));
        // U23.
        assert_eq!(header(&page, "cache-control"), "no-store", "{name}");
        assert_eq!(header(&page, "x-content-type-options"), "nosniff", "{name}");
        assert_eq!(header(&page, "x-frame-options"), "DENY", "{name}");
        assert_eq!(header(&page, "cross-origin-opener-policy"), "same-origin", "{name}");
        assert_eq!(header(&page, "referrer-policy"), "no-referrer", "{name}");
        assert!(html.contains("<meta name=\"referrer\" content=\"same-origin\">"), "{name}");
        let policy = header(&page, "content-security-policy");
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{name}: {policy}");
        }
        assert!(!html.contains("style=") && !html.contains("<style") && !html.contains(" onclick"), "{name}");
        assert_eq!(html.matches("<script").count(), html.matches("<script src=\"").count(), "{name}");
        // Nothing is left to fill in, and no key is shown in place of its sentence.
        assert!(!html.contains('{') && !html.contains('}'), "{name}: {html}");
        for key in ["notice.", "code.", "trouble.", "news.", "way.", "what.", "error.", "again.", "help.", "footer."] {
            let shown = text(&page);
            assert!(!shown.split(' ').any(|word| word.starts_with(key) && word.len() > key.len()), "{name}: {shown}");
        }
        // C12: every form but the one that ends the grant has the token.
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains("method=\"post\""), "{name}");
            assert!(form.contains("/.otpgate/logout") || form.contains("name=\"token\""), "{name}: {form}");
        }
        // A label for every field that is seen.
        for field in html.split("<input").skip(1).filter(|field| !field.contains("type=\"hidden\"")) {
            let id = field.split("id=\"").nth(1).unwrap().split('"').next().unwrap();
            assert!(html.contains(&format!("<label for=\"{id}\">")), "{name}: {field}");
        }
    }
}

#[test]
fn every_notice_has_its_sentences_and_every_sentence_its_use() {
    let source: String = [
        include_str!("view.rs"),
        include_str!("turn.rs"),
        include_str!("notice.rs"),
        include_str!("json.rs"),
        include_str!("page.rs"),
        include_str!("html.rs"),
        include_str!("html/show.rs"),
        include_str!("sentences.rs"),
        include_str!("trouble.rs"),
        include_str!("templates/ask.html"),
        include_str!("templates/choose.html"),
        include_str!("templates/code.html"),
        include_str!("templates/help.html"),
        include_str!("templates/layout.html"),
        include_str!("templates/macros.html"),
        include_str!("templates/notice.html"),
    ]
    .concat();
    let notices: Vec<&str> = Notice::ALL.iter().map(|notice| notice.key).collect();
    for key in &notices {
        assert!(sentences::is_there(&format!("notice.{key}.heading")), "{key}");
        assert!(sentences::is_there(&format!("notice.{key}.text")), "{key}");
    }
    let channels = ["email", "sms", "voice", "hosted", "phone"];
    for key in sentences::keys() {
        let built = key.strip_prefix("notice.").and_then(|rest| rest.split('.').next());
        let is_used = source.contains(&format!("\"{key}\""))
            || built.is_some_and(|notice| notices.contains(&notice))
            || key.starts_with("time.")
            || key.starts_with("what.")
            || source.contains(&format!("t(\"{}.\" ~ channel", key.split('.').next().unwrap_or_default()))
            || channels.iter().any(|channel| key.contains(channel))
            || source.contains(&format!("\"{}\"", key.trim_end_matches(".one").trim_end_matches(".other")));
        assert!(is_used, "nothing says `{key}`");
    }
}

#[test]
fn the_code_page_asks_in_one_plain_field() {
    let stage = Stage::new();
    let page = stage.sent();
    let html = html(&page);
    let field = code_field(&html);
    // U01–U06.
    for wanted in [
        "type=\"text\"",
        "inputmode=\"numeric\"",
        "autocomplete=\"one-time-code\"",
        "name=\"code\"",
        "spellcheck=\"false\"",
        "autocapitalize=\"off\"",
        "autofocus",
        "aria-describedby=\"hint\"",
    ] {
        assert!(field.contains(wanted), "{wanted} in {field}");
    }
    for unwanted in ["maxlength", "pattern", "aria-invalid", "value="] {
        assert!(!field.contains(unwanted), "{unwanted} in {field}");
    }
    assert_eq!(html.matches("type=\"text\"").count(), 1);
    assert!(html.contains("<button>Continue</button>"));
    // U07.
    let text = text(&page);
    assert!(html.contains("<title>Check your e-mail · Example Shop</title>"), "{html}");
    assert!(text.contains("We sent an e-mail with a 6-digit code to a***@e***.com"), "{text}");
    assert!(text.contains("to open /account"), "{text}");
    assert!(text.contains("The code expires in 5 minutes"), "{text}");
    // U11: always there, server-set, in words without a time zone and exactly for programs.
    assert!(text.contains("Not received it? You can ask for it again in 30 seconds"), "{text}");
    assert!(html.contains("<time datetime=\"2027-01-15T08:00:30Z\" data-left=\"30\""), "{html}");
    assert!(text.contains("Send it again to a***@e***.com"), "{text}");
    // U12, U13, U19.
    assert!(text.contains("Call +** *** **89"), "{text}");
    assert!(text.contains("Send a text message to +** *** **89 (work)"), "{text}");
    assert!(html.contains("<a class=\"link\" href=\"/\">Cancel</a>"), "{html}");
    assert!(html.contains("<a href=\"mailto:help@example.com\">help@example.com</a>"), "{html}");
    // U10: five tries are not worth a word.
    assert!(!text.contains("more tr"), "{text}");
}

#[test]
fn a_form_that_leads_on_to_the_application_may_lead_on_from_there() {
    let stage = Stage::new();
    let policy = |page: &Response<Bytes>| header(page, "content-security-policy").to_owned();
    assert!(policy(&stage.sent()).contains("form-action 'self' https: http:;"));
    assert!(policy(&stage.open()).contains("form-action 'self';"));
}

#[test]
fn an_error_is_said_at_the_top_and_at_the_field() {
    let stage = Stage::new();
    for (tries, told) in [(1, "You have 1 more try."), (2, "You have 2 more tries."), (3, "")] {
        let page = stage.wrong(tries);
        assert_eq!(page.status(), StatusCode::FORBIDDEN);
        let html = html(&page);
        // U08.
        assert!(html.contains("<title>Error: Check your e-mail · Example Shop</title>"), "{html}");
        assert!(html.contains("role=\"alert\"") && html.contains("<a href=\"#code\">"), "{html}");
        let field = code_field(&html);
        assert!(
            field.contains("aria-describedby=\"hint fault\"") && field.contains("aria-invalid=\"true\""),
            "{field}"
        );
        assert!(html.find("role=\"alert\"").unwrap() < html.find("<h1>").unwrap());
        // U10.
        let text = text(&page);
        assert_eq!(text.contains("more tr"), !told.is_empty(), "{text}");
        assert!(text.contains(told), "{text}");
    }
}

/// What the provider reports is told on the page, without a script (U15): a plain link asks again and sends nothing (O21).
#[test]
fn the_code_page_tells_what_became_of_the_message() {
    let stage = Stage::new();
    let look =
        "<a class=\"link\" href=\"/.otpgate/challenge?id=CQkJCQkJCQkJCQkJCQkJCQ\">See whether it has arrived</a>";
    for progress in [Progress::Handed, Progress::Accepted, Progress::Sent] {
        let page = stage.after_sms(progress);
        assert!(text(&page).contains("Sent. We have not heard yet whether it arrived."), "{}", text(&page));
        assert!(html(&page).contains(look) && html(&page).contains("data-follow=\"/.otpgate/api/challenge?id="));
        assert!(header(&page, "content-security-policy").contains("connect-src 'self';"));
    }
    let page = stage.after_sms(Progress::Delivered);
    assert!(text(&page).contains("It has arrived on your phone."), "{}", text(&page));
    assert!(!html(&page).contains(look) && !html(&page).contains("data-follow"), "nothing more can come");
    // Said politely, and the field keeps the focus (U16).
    assert!(html(&page).contains("<p class=\"news\" id=\"news\" role=\"status\"") && !html(&page).contains("alert"));
    assert!(code_field(&html(&page)).contains("autofocus"));
    // Whose provider tells nothing, or who typed an address, is promised nothing (O25).
    for page in [stage.sent(), stage.typed(true), stage.typed(false)] {
        assert!(!html(&page).contains("news") && !html(&page).contains("data-follow"), "{}", html(&page));
    }
}

/// The buttons of a page, in their order.
fn buttons(page: &Response<Bytes>) -> Vec<String> {
    let html = html(page);
    let buttons = html.split("<button>").skip(1).map(|button| button.split("</button>").next().unwrap());
    let plain = |button: &str| {
        let words = button.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        words.collect::<String>()
    };
    buttons.map(plain).collect()
}

const MAIL: &str = "Send an e-mail to a***@e***.com";
const TEXT: &str = "Send a text message to +** *** **89 (work)";
const TEXT_AGAIN: &str = "Send it again to +** *** **89 (work)";
const CALL: &str = "Call +** *** **89";

/// What did not arrive is said at once, and the next best way comes first; the same way once more only if it can help.
#[test]
fn a_message_that_failed_offers_the_next_best_way() {
    use FailureClass as C;
    let stage = Stage::new();
    for (class, told, ways) in [
        (C::Landline, "+** *** **89 cannot receive text messages. Use another way.", &[CALL, MAIL][..]),
        (C::InvalidNumber, "+** *** **89 cannot receive text messages. Use another way.", &[MAIL, CALL]),
        (C::OptedOut, "+** *** **89 cannot receive text messages. Use another way.", &[MAIL, CALL]),
        (
            C::UnreachableTemporarily,
            "Our text message did not reach +** *** **89. The phone may be off, or without a signal. \
             Use another way, or try again.",
            &[MAIL, CALL, TEXT_AGAIN],
        ),
        (
            C::InsufficientBalance,
            "We could not send the text message to +** *** **89. The fault is on our side. \
             Use another way, or try again.",
            &[MAIL, CALL, TEXT_AGAIN],
        ),
    ] {
        let page = stage.after_sms(Progress::Failed(class));
        assert_eq!(page.status(), StatusCode::OK, "{class}");
        let (html, shown) = (html(&page), text(&page));
        assert!(shown.contains(told), "{class}: {shown}");
        assert!(html.contains("<title>Error: Get the code another way · Example Shop</title>"), "{class}: {html}");
        assert_eq!(html.matches("role=\"alert\"").count(), 1, "{class}");
        let (first, rest) = (buttons(&page), [ways, &["Continue"]].concat());
        assert_eq!(first, rest, "{class}: each way once, before the field");
        // A late message still works, but the field is not what the visitor is sent to.
        assert!(shown.contains("Should it come after all, type the code here to open /account."), "{class}");
        assert!(!code_field(&html).contains("autofocus"), "{class}");
        assert!(!html.contains("data-follow"), "{class}: nothing more is waited for");
    }
}

#[test]
fn what_no_provider_took_is_told_with_the_ways_that_are_left() {
    use FailureClass as C;
    let stage = Stage::new();
    let page = stage.not_taken(C::Landline);
    assert_eq!((page.status(), header(&page, "retry-after")), (StatusCode::UNPROCESSABLE_ENTITY, ""));
    assert_eq!(buttons(&page), [CALL, MAIL]);
    let page = stage.not_taken(C::ProviderDown);
    assert_eq!((page.status(), header(&page, "retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert_eq!(buttons(&page), [MAIL, CALL, TEXT]);
    assert!(!text(&page).contains("The code that we sent before"), "none was sent: {}", text(&page));
    let page = stage.not_taken_and_nothing_else(C::OptedOut);
    assert_eq!(buttons(&page), [""; 0]);
    assert!(text(&page).contains("We cannot send you a code"), "{}", text(&page));
    assert!(
        text(&page).contains("No other way is on file for you. Ask help@example.com to add one"),
        "{}",
        text(&page)
    );
}

#[test]
fn without_money_what_costs_nothing_is_offered_and_a_paused_number_gets_neither_texts_nor_calls() {
    let stage = Stage::new();
    let page = stage.out_of_money();
    assert_eq!((page.status(), header(&page, "retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1200"));
    assert_eq!(buttons(&page), [MAIL]);
    let told = "No text messages can be sent at present. You can ask again in 20 minutes. Use another way.";
    assert!(text(&page).contains(told), "{}", text(&page));
    let page = stage.paused();
    assert_eq!((page.status(), header(&page, "retry-after")), (StatusCode::TOO_MANY_REQUESTS, "3600"));
    assert_eq!(buttons(&page), [MAIL]);
    let told = "No codes can be sent to +** *** **89 at present. You can ask again in 60 minutes. Use another way.";
    assert!(text(&page).contains(told), "{}", text(&page));
}

#[test]
fn what_a_visitor_is_shown_cannot_be_markup_nor_turn_the_text_around_it() {
    let stage = Stage::new();
    let page = stage.of_path("/a/<script>alert(1)</script>");
    assert!(!html(&page).contains("<script>alert"));
    let page = stage.of_path("/caf%C3%A9/%D8%A7%D9%84%D8%B9%D8%B1%D8%A8%D9%8A%D8%A9");
    assert!(text(&page).contains("/café/العربية"), "{}", text(&page));
    // A right-to-left override stays escaped.
    let page = stage.of_path("/%E2%80%AEevil");
    assert!(text(&page).contains("/%E2%80%AEevil"), "{}", text(&page));
    let page = stage.of_path(&format!("/{}", "x".repeat(500)));
    assert!(text(&page).contains(&format!("/{}…", "x".repeat(79))), "{}", text(&page));
}

#[test]
fn an_address_that_is_allowed_and_one_that_is_not_see_the_same_page() {
    // O25, I7.
    let stage = Stage::new();
    assert_eq!(html(&stage.typed(true)), html(&stage.typed(false)));
    assert!(text(&stage.typed(true)).contains("If a***@e***.com may be used here"));
}

#[test]
fn assets_are_kept_for_good_under_their_own_name_only() {
    let style = assets::Asset::find(&assets::STYLESHEET.name).unwrap();
    assert_eq!(header(&style, "cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(header(&style, "content-type"), "text/css; charset=utf-8");
    let other = assets::Asset::find("style-000000000000.css").unwrap();
    assert_eq!(header(&other, "cache-control"), "no-cache");
    assert!(assets::Asset::find("secret-000000000000.css").is_none());
}

/// I2: a store that does not answer opens nothing and closes no bypass route; each asker is told in its own form.
#[tokio::test]
async fn a_store_that_does_not_answer_is_a_503_everywhere() {
    let stage = Stage::new();
    let id = "CQkJCQkJCQkJCQkJCQkJCQ";
    let form = format!("id={id}&token={}&code=123456&channel=email&contact=0&address=a@b.example", stage.token());
    let (forms, json) = ("application/x-www-form-urlencoded", "application/json");
    for (method, target, kind, body) in [
        ("GET", "/.otpgate/challenge", "", ""),
        ("GET", "/.otpgate/help?id=CQkJCQkJCQkJCQkJCQkJCQ", "", ""),
        ("POST", "/.otpgate/verify", forms, form.as_str()),
        ("POST", "/.otpgate/send", forms, &form),
        ("POST", "/.otpgate/ask", forms, &form),
        ("GET", "/.otpgate/api/challenge", "", ""),
        ("POST", "/.otpgate/api/verify", json, "{\"code\":\"123456\"}"),
        ("POST", "/.otpgate/api/send", json, "{}"),
    ] {
        let answer = stage.ask(method, target, kind, body).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{target}");
        assert_eq!(header(&answer, "retry-after"), "5", "{target}");
        let is_api = target.contains("/api/");
        let wanted = if is_api { "application/problem+json" } else { "text/html; charset=utf-8" };
        assert_eq!(header(&answer, "content-type"), wanted, "{target}");
        assert!(is_api || text(&answer).contains("This does not work just now"), "{}", text(&answer));
        assert!(!is_api || html(&answer).contains("urn:otpgate:unavailable"), "{}", html(&answer));
    }
    // The route is a bypass.
    assert!(stage.ask("GET", "/", "", "").await.is_none());
    assert_eq!(stage.ask("GET", "/.otpgate/", "", "").await.unwrap().status(), StatusCode::OK);
}
