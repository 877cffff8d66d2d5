//! The demo's application alone, over real HTTP: what a visitor of Harbour Supplies can rely on with no gateway about.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use otpgate::demo::{self, Customer, SESSION_COOKIE};
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Far longer than anything here takes: what waits so long is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// A shop on a port of its own, open until it is dropped or closed.
struct Shop {
    base: String,
    client: Client,
    close: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Shop {
    async fn open() -> Self {
        // Another test of this process may have been first; either way there is one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (close, closed) = oneshot::channel();
        let serving = tokio::spawn(demo::serve(listener, async { drop(closed.await) }));
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        Self { base, client, close, serving }
    }

    async fn get(&self, path: &str, cookie: &str) -> Response {
        self.client.get(format!("{}{path}", self.base)).header(COOKIE, cookie).send().await.unwrap()
    }

    async fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.client
            .post(format!("{}{path}", self.base))
            .header(COOKIE, cookie)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap()
    }

    async fn sign_in(&self, customer: Customer) -> String {
        let fields = [("email", customer.email()), ("password", customer.password())];
        session_cookie(&self.post("/login", "", &fields).await)
    }

    async fn form_token(&self, cookie: &str) -> String {
        let page = self.get("/transfer", cookie).await.text().await.unwrap();
        let (_, rest) = page.split_once("name=\"form_token\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

fn session_cookie(response: &Response) -> String {
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with(&format!("{SESSION_COOKIE}=")), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn location(response: &Response) -> &str {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[LOCATION].to_str().unwrap()
}

/// The text of the element with an id, as written in the page.
fn element<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("id=\"{id}\">")).unwrap();
    rest.split_once("</").unwrap().0
}

#[tokio::test]
async fn public_pages_open_without_a_login() {
    let shop = Shop::open().await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/login", "text/html; charset=utf-8"),
        ("/live", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/live.js", "text/javascript; charset=utf-8"),
        ("/healthz", "text/plain; charset=utf-8"),
    ] {
        let answer = shop.get(path, "").await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()[CONTENT_TYPE], kind, "{path}");
        assert!(answer.headers().get(SET_COOKIE).is_none(), "{path}");
    }
    let home = shop.get("/", "").await.text().await.unwrap();
    for customer in Customer::ALL {
        assert!(home.contains(customer.email()) && home.contains(customer.password()));
    }
    assert_eq!(shop.get("/nothing", "").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_right_password_opens_the_account() {
    let shop = Shop::open().await;
    for customer in Customer::ALL {
        let fields = [("email", customer.email()), ("password", customer.password())];
        let answer = shop.post("/login", "", &fields).await;
        assert_eq!(location(&answer), "/account");
        let account = shop.get("/account", &session_cookie(&answer)).await;
        assert_eq!(account.status(), StatusCode::OK);
        assert_eq!(account.headers()[CACHE_CONTROL], "no-store");
        let page = account.text().await.unwrap();
        assert_eq!(element(&page, "email"), customer.email());
        assert_eq!(element(&page, "name"), customer.name());
        assert_eq!(element(&page, "count"), "0");
    }
}

#[tokio::test]
async fn a_wrong_password_gets_a_401_page_and_no_cookie() {
    let shop = Shop::open().await;
    let alice = Customer::Alice;
    for (email, password) in [
        (alice.email(), "guess"),
        (alice.email(), Customer::Bob.password()),
        ("<script>@example.com", alice.password()),
        ("", ""),
    ] {
        let fields = [("email", email), ("password", password)];
        let answer = shop.post("/login", "", &fields).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{email:?}");
        assert!(answer.headers().get(SET_COOKIE).is_none());
        let page = answer.text().await.unwrap();
        assert!(page.contains("The e-mail address or the password is wrong."));
        assert!(!page.contains("<script>"), "{page}");
    }
    let empty = shop.post("/login", "", &[]).await;
    assert_eq!(empty.status(), StatusCode::UNAUTHORIZED);
    let no_form = shop.client.post(format!("{}/login", shop.base)).body("email").send().await.unwrap();
    assert_eq!(no_form.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_new_login_ends_the_session_that_the_browser_had() {
    let shop = Shop::open().await;
    let old = shop.sign_in(Customer::Alice).await;
    let fields = [("email", Customer::Bob.email()), ("password", Customer::Bob.password())];
    let new = session_cookie(&shop.post("/login", &old, &fields).await);
    assert_ne!(old, new);
    assert_eq!(location(&shop.get("/account", &old).await), "/login");
    assert_eq!(shop.get("/account", &new).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn without_a_session_pages_lead_to_the_login_and_json_says_401() {
    let shop = Shop::open().await;
    for cookie in ["", "SHOPSESSION=", "SHOPSESSION=guess", "shopsession=x; SHOPSESSION=\"\""] {
        for path in ["/account", "/transfer", "/transfer/done?id=1"] {
            let answer = shop.get(path, cookie).await;
            assert_eq!(location(&answer), "/login", "{path}");
        }
        for path in ["/transfer", "/logout"] {
            let answer = shop.post(path, cookie, &[("to", "x")]).await;
            assert_eq!(location(&answer), "/login", "{path}");
        }
        let balance = shop.get("/api/balance", cookie).await;
        assert_eq!(balance.status(), StatusCode::UNAUTHORIZED);
        let problem: Value = balance.json().await.unwrap();
        assert_eq!(problem["error"], "sign_in_required");
        let transfer = shop.post("/api/transfer", cookie, &[]).await;
        assert_eq!(transfer.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_transfer_shows_what_arrived_and_a_second_one_is_counted() {
    let shop = Shop::open().await;
    let cookie = shop.sign_in(Customer::Alice).await;
    let form_token = shop.form_token(&cookie).await;
    let fields = [
        ("form_token", form_token.as_str()),
        ("to", "Müller & Söhne <Kai 7>"),
        ("amount", "25.5"),
        ("note", "\r\nfirst\r\n  second \"+%26\""),
    ];
    let mut pages = Vec::new();
    for _ in 0..2 {
        let sent = shop.post("/transfer", &cookie, &fields).await;
        let done = shop.get(location(&sent), &cookie).await;
        assert_eq!(done.status(), StatusCode::OK);
        pages.push(done.text().await.unwrap());
    }
    for (page, count) in pages.iter().zip(["1", "2"]) {
        assert_eq!(element(page, "to"), "Müller &amp; Söhne &lt;Kai 7&gt;");
        assert_eq!(element(page, "amount"), "25.5");
        assert_eq!(element(page, "note"), "\n\r\nfirst\r\n  second &quot;+%26&quot;");
        assert_eq!(element(page, "count"), count);
        assert_eq!(element(page, "total"), count);
    }
    let account = shop.get("/account", &cookie).await.text().await.unwrap();
    assert_eq!(element(&account, "balance"), "12429.00");
    assert_eq!(element(&account, "count"), "2");
}

#[tokio::test]
async fn the_account_shows_the_beginning_of_a_long_note() {
    let shop = Shop::open().await;
    let cookie = shop.sign_in(Customer::Alice).await;
    let form_token = shop.form_token(&cookie).await;
    let fields = [("form_token", form_token.as_str()), ("to", "Pier 7"), ("amount", "1"), ("note", &"é".repeat(61))];
    let sent = shop.post("/transfer", &cookie, &fields).await;
    assert_eq!(location(&sent), "/transfer/done?id=1");
    let account = shop.get("/account", &cookie).await;
    assert_eq!(account.status(), StatusCode::OK);
    let page = account.text().await.unwrap();
    assert!(page.contains(&format!("<td>{}…</td>", "é".repeat(60))), "{page}");
}

#[tokio::test]
async fn a_form_without_the_token_of_its_session_moves_nothing() {
    let shop = Shop::open().await;
    let alice = shop.sign_in(Customer::Alice).await;
    let elsewhere = shop.sign_in(Customer::Alice).await;
    let foreign = shop.form_token(&elsewhere).await;
    for form_token in ["", "guess", foreign.as_str()] {
        let fields = [("form_token", form_token), ("to", "Eve"), ("amount", "1")];
        let answer = shop.post("/transfer", &alice, &fields).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        let answer = shop.post("/logout", &alice, &fields[..1]).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
    let missing = shop.post("/transfer", &alice, &[("to", "Eve"), ("amount", "1")]).await;
    assert_eq!(missing.status(), StatusCode::FORBIDDEN);
    let account = shop.get("/account", &alice).await.text().await.unwrap();
    assert_eq!(element(&account, "count"), "0");
}

#[tokio::test]
async fn a_transfer_that_cannot_be_sent_keeps_what_was_typed() {
    let shop = Shop::open().await;
    let cookie = shop.sign_in(Customer::Bob).await;
    let form_token = shop.form_token(&cookie).await;
    for (amount, why) in [
        ("ten", "Write the amount as digits"),
        ("0", "more than zero"),
        ("5000", "balance is too low"),
        ("10000000000", "less than 10 million"),
    ] {
        let fields =
            [("form_token", form_token.as_str()), ("to", "Pier \"7\""), ("amount", amount), ("note", "\nkeep me")];
        let answer = shop.post("/transfer", &cookie, &fields).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = answer.text().await.unwrap();
        assert!(page.contains(why), "{page}");
        assert!(page.contains("value=\"Pier &quot;7&quot;\""), "{page}");
        assert!(page.contains(&format!("value=\"{amount}\"")), "{page}");
        assert!(page.contains(">\n\nkeep me</textarea>"), "{page}");
    }
    for path in ["/transfer/done?id=1", "/transfer/done?id=x", "/transfer/done"] {
        let answer = shop.get(path, &cookie).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_json_interface_sends_money_too() {
    let shop = Shop::open().await;
    let cookie = shop.sign_in(Customer::Bob).await;
    let send = |content_type: &'static str, body: String| {
        shop.client
            .post(format!("{}/api/transfer", shop.base))
            .header(COOKIE, &cookie)
            .header(CONTENT_TYPE, content_type)
            .body(body)
            .send()
    };
    for (amount, count) in [(json!("10.50"), 1), (json!(5), 2), (json!(0.25), 3)] {
        let body = json!({"to": "Pier 7", "amount": amount, "note": "tar"});
        let answer = send("application/json", body.to_string()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["transfer"]["to"], "Pier 7");
        assert_eq!(answer["transfer"]["note"], "tar");
        assert_eq!(answer["transfer"]["count"], count);
    }
    let balance: Value = shop.get("/api/balance", &cookie).await.json().await.unwrap();
    assert_eq!(balance["email"], Customer::Bob.email());
    assert_eq!(balance["balance"], "949.75");
    assert_eq!(balance["transfers"], 3);

    let fine = json!({"to": "x", "amount": "1"}).to_string();
    for (content_type, body, status) in [
        ("text/plain", fine.clone(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/x-www-form-urlencoded", fine, StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/json", "{".into(), StatusCode::BAD_REQUEST),
        ("application/json", "{}".into(), StatusCode::UNPROCESSABLE_ENTITY),
        ("application/json", json!({"to": "x", "amount": [1]}).to_string(), StatusCode::UNPROCESSABLE_ENTITY),
        ("application/json", json!({"to": "x", "amount": -1}).to_string(), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let answer = send(content_type, body.clone()).await.unwrap();
        assert_eq!(answer.status(), status, "{content_type} {body}");
        let problem: Value = answer.json().await.unwrap();
        assert!(problem["detail"].is_string(), "{problem}");
    }
}

#[tokio::test]
async fn a_logout_ends_the_session_and_clears_the_cookie() {
    let shop = Shop::open().await;
    let cookie = shop.sign_in(Customer::Alice).await;
    let form_token = shop.form_token(&cookie).await;
    let answer = shop.post("/logout", &cookie, &[("form_token", &form_token)]).await;
    assert_eq!(location(&answer), "/");
    let cleared = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cleared.starts_with("SHOPSESSION=;") && cleared.contains("Max-Age=0"), "{cleared}");
    assert_eq!(location(&shop.get("/account", &cookie).await), "/login");
}

#[tokio::test]
async fn the_echo_shows_the_request_byte_for_byte() {
    let shop = Shop::open().await;
    let body: Vec<u8> = (0..=255).collect();
    let answer: Value = shop
        .client
        .request(Method::from_bytes(b"PROPFIND").unwrap(), format!("{}/echo/a%2Fb?x=%20&x=+", shop.base))
        .header("x-twice", "one")
        .header("x-twice", "two")
        .body(body.clone())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["method"], "PROPFIND");
    assert_eq!(answer["target"], "/echo/a%2Fb?x=%20&x=+");
    assert_eq!(answer["path"], "/echo/a%2Fb");
    assert_eq!(answer["query"], "x=%20&x=+");
    assert_eq!(answer["body"]["length"], 256);
    assert_eq!(answer["body"]["base64"], STANDARD.encode(&body));
    assert_eq!(answer["body"]["sha256"], "40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880");
    let headers = answer["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["x-twice", "one"])));
    assert!(headers.contains(&json!(["x-twice", "two"])));
}

#[tokio::test]
async fn the_echo_counts_a_body_that_is_too_long_to_show() {
    let shop = Shop::open().await;
    let length = 5 * 1024 * 1024;
    let answer: Value = shop
        .client
        .put(format!("{}/echo", shop.base))
        .body(vec![b'x'; length])
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["body"]["length"], length);
    assert_eq!(answer["body"]["base64"], Value::Null);
}

#[tokio::test]
async fn prices_arrive_over_the_websocket_and_follow_a_wish() {
    let shop = Shop::open().await;
    let address = format!("{}/live/ws", shop.base.replacen("http", "ws", 1));
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    let hear = async |socket: &mut tokio_tungstenite::WebSocketStream<_>| -> Value {
        let message = timeout(PATIENCE, socket.next()).await.unwrap();
        serde_json::from_str(message.unwrap().unwrap().to_text().unwrap()).unwrap()
    };
    let first = hear(&mut socket).await;
    assert_eq!(first["quotes"].as_array().unwrap().len(), 4);
    assert!(first["quotes"][0]["price"].is_string());

    socket.send(Message::text("ROPE")).await.unwrap();
    loop {
        // A price of all goods may have been on its way already.
        let next = hear(&mut socket).await;
        if next["quotes"].as_array().unwrap().len() == 1 {
            assert_eq!(next["quotes"][0]["code"], "ROPE");
            break;
        }
    }
    socket.send(Message::text("GOLD")).await.unwrap();
    loop {
        let next = hear(&mut socket).await;
        if next["error"] == "There are no such goods." {
            break;
        }
        assert_eq!(next["quotes"][0]["code"], "ROPE");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_none_is_refused() {
    let shop = Shop::open().await;
    let answer = shop.get("/live/ws", "").await;
    assert!(answer.status().is_client_error(), "{}", answer.status());
}

#[tokio::test]
async fn prices_arrive_as_server_sent_events() {
    let shop = Shop::open().await;
    let mut answer = shop.get("/live/events", "").await;
    assert_eq!(answer.headers()[CONTENT_TYPE], "text/event-stream");
    let mut heard = String::new();
    while heard.matches("\n\n").count() < 2 {
        let chunk = timeout(PATIENCE, answer.chunk()).await.unwrap();
        heard.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
    }
    let event = heard.split("\n\n").next().unwrap();
    assert!(event.contains("event: quotes"), "{event}");
    let data = event.lines().find_map(|l| l.strip_prefix("data: ")).unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["quotes"][1]["code"], "DIESEL");
}

#[tokio::test]
async fn closing_the_shop_ends_its_live_feeds() {
    let shop = Shop::open().await;
    let address = format!("{}/live/ws", shop.base.replacen("http", "ws", 1));
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    let mut events = shop.get("/live/events", "").await;
    assert!(timeout(PATIENCE, events.chunk()).await.unwrap().is_ok());

    shop.close.send(()).unwrap();
    let farewell = timeout(PATIENCE, async {
        loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Close(frame) => return frame.unwrap(),
                _ => continue,
            }
        }
    });
    assert_eq!(farewell.await.unwrap().code, CloseCode::Away);
    while timeout(PATIENCE, events.chunk()).await.unwrap().unwrap().is_some() {}
    let served = timeout(PATIENCE, shop.serving).await.unwrap();
    assert!(served.unwrap().is_ok());
}
