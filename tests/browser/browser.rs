//! A real Chromium, driven over WebDriver: what a visitor does, in a visitor's words.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::free_port;
use crate::support::process::wait_for;

/// Far longer than anything here takes: what is not there by then will not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Flags that keep Chromium to itself: no sandbox for root, no services of its maker.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
];

/// One Chromium with a profile of its own. It ends with this value, whatever became of the test.
pub struct Browser {
    client: Client,
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser that a person has just installed.
    pub async fn start() -> Self {
        Self::with_preferences(json!({})).await
    }

    /// Starts a browser whose owner has switched JavaScript off.
    pub async fn without_javascript() -> Self {
        Self::with_preferences(json!({"profile.managed_default_content_settings.javascript": 2})).await
    }

    async fn with_preferences(preferences: Value) -> Self {
        let (profile, port) = (TempDir::new().unwrap(), free_port());
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed: `make test` installs it");
        wait_for("chromedriver", PATIENCE, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let mut arguments: Vec<String> = FLAGS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        arguments.push("--window-size=1280,900".to_owned());
        let mut options = json!({"args": arguments, "prefs": preferences});
        if let Some(binary) = chromium() {
            options["binary"] = json!(binary);
        }
        let wanted = json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        let session = client.session_id().await.unwrap().unwrap();
        Self { client, driver, port, session, _profile: profile }
    }

    /// Types an address.
    pub async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    pub async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    pub async fn back(&self) {
        self.client.back().await.unwrap();
    }

    /// The path and query of the address line.
    pub async fn place(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
    }

    pub async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    /// The element that `css` names, as soon as it is there.
    pub async fn find(&self, css: &str) -> Element {
        let started = Instant::now();
        loop {
            match self.client.find(Locator::Css(css)).await {
                Ok(element) => return element,
                Err(error) if started.elapsed() > PATIENCE => {
                    panic!("no `{css}` at {}: {error}\n{}", self.place().await, self.everything().await)
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// How many elements `css` names just now.
    pub async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.unwrap().len()
    }

    /// The text of an element, as it is seen.
    pub async fn text(&self, css: &str) -> String {
        let started = Instant::now();
        loop {
            // An element can go away with its page between finding and reading it.
            match self.find(css).await.text().await {
                Ok(text) => return text,
                Err(error) => assert!(started.elapsed() < PATIENCE, "`{css}` has no text: {error}"),
            }
        }
    }

    /// An attribute of an element.
    pub async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        self.find(css).await.attr(name).await.unwrap()
    }

    /// A property of an element as text.
    pub async fn property(&self, css: &str, name: &str) -> String {
        self.find(css).await.prop(name).await.unwrap().unwrap_or_default()
    }

    /// Waits until the text of an element contains `text`.
    pub async fn see(&self, css: &str, text: &str) {
        self.until(&format!("`{text}` in `{css}`"), async |browser| browser.text(css).await.contains(text)).await;
    }

    /// Waits until the address line shows `place`, or an address that starts so when it ends with `*`.
    pub async fn at(&self, place: &str) {
        self.until(&format!("the address {place}"), async |browser| {
            let now = browser.place().await;
            place.strip_suffix('*').map_or(now == place, |start| now.starts_with(start))
        })
        .await;
    }

    /// Waits until `true` comes.
    ///
    /// # Panics
    /// When it does not come: with the page as it is.
    pub async fn until(&self, what: &str, ready: impl AsyncFn(&Self) -> bool) {
        let started = Instant::now();
        while !ready(self).await {
            if started.elapsed() > PATIENCE {
                panic!("waited in vain for {what} at {}:\n{}", self.place().await, self.everything().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The page's text.
    pub async fn everything(&self) -> String {
        match self.client.find(Locator::Css("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    /// Types into a field, after what is in it is removed.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Puts a text into a field as pasting does: WebDriver cannot type every character.
    pub async fn paste(&self, css: &str, text: &str) {
        self.script(&format!("document.querySelector({}).value = {}", json!(css), json!(text))).await;
    }

    /// Chooses a file.
    pub async fn attach(&self, css: &str, file: &Path) {
        self.find(css).await.send_keys(&file.display().to_string()).await.unwrap();
    }

    /// Clicks.
    pub async fn press(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Clicks what leads to another page, and waits until that is there: what is found right after a mere click may be of the
    /// page before.
    pub async fn press_on(&self, css: &str) {
        let before = self.find("html").await;
        self.press(css).await;
        self.until("another page", async |_| before.tag_name().await.is_err()).await;
    }

    /// Clicks twice, as fast as nervous people do.
    pub async fn press_twice(&self, css: &str) {
        let element = self.find(css).await;
        let click = |mouse: MouseActions| {
            mouse
                .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
                .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT })
        };
        let mouse = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveToElement {
            element,
            duration: None,
            x: 0.0,
            y: 0.0,
        });
        self.client.perform_actions(click(click(mouse))).await.unwrap();
    }

    /// Runs a script in the page.
    pub async fn script(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// Opens a second tab and goes there.
    pub async fn new_tab(&self) {
        let tab = self.client.new_window(true).await.unwrap();
        self.client.switch_to_window(tab.handle).await.unwrap();
    }

    /// Goes to the tab that was opened as the `index`th.
    pub async fn tab(&self, index: usize) {
        let tab = self.client.windows().await.unwrap().swap_remove(index);
        self.client.switch_to_window(tab).await.unwrap();
    }

    /// What the pages wrote to the console since the last call, as `LEVEL message`: also breaches of the content security
    /// policy. Answers with an error status are left out: they are no fault of a page.
    pub async fn console(&self) -> Vec<String> {
        let lines = self.command("se/log", json!({"type": "browser"})).await.unwrap();
        let line = |line: &Value| format!("{} {}", line["level"].as_str().unwrap(), line["message"].as_str().unwrap());
        let all = lines.as_array().unwrap().iter().map(line);
        all.filter(|line| !line.contains("Failed to load resource")).collect()
    }

    /// Sends a command of the DevTools protocol.
    pub async fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.command("goog/cdp/execute", json!({"cmd": name, "params": parameters})).await.unwrap()
    }

    async fn command(&self, path: &'static str, body: Value) -> Result<Value, CmdError> {
        self.client.issue_cmd(Extension { path, body }).await
    }

    /// Looks at the page on a phone and on a desk, by day and by night, and keeps pictures of it in
    /// `target/screenshots`. Nothing may need to be scrolled sideways (WCAG 1.4.10).
    pub async fn look(&self, name: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        fs::create_dir_all(&folder).unwrap();
        let mut grounds = BTreeSet::new();
        for (device, width, height) in [("phone", 320, 640), ("desktop", 1280, 800)] {
            for scheme in ["light", "dark"] {
                let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
                self.devtools("Emulation.setDeviceMetricsOverride", size).await;
                // Without motion the colours are there at once.
                let features = json!({"features": [
                    {"name": "prefers-color-scheme", "value": scheme},
                    {"name": "prefers-reduced-motion", "value": "reduce"},
                ]});
                self.devtools("Emulation.setEmulatedMedia", features).await;
                let needed = self.script("return document.documentElement.scrollWidth").await.as_u64().unwrap();
                assert!(needed <= width, "{name} needs {needed} px where there are {width}");
                let ground = self.script("return getComputedStyle(document.body).backgroundColor").await;
                grounds.insert(ground.to_string());
                let pale = self.script(PALE).await;
                assert_eq!(pale, json!([]), "{name}, {scheme}: text below a contrast of 4.5 to 1 (WCAG 1.4.3)");
                let shot = self.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
                let png = STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
                fs::write(folder.join(format!("{name}-{device}-{scheme}.png")), png).unwrap();
            }
        }
        assert!(grounds.len() > 1, "{name} looks the same by day and by night: {grounds:?}");
        self.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
        self.devtools("Emulation.setEmulatedMedia", json!({"features": []})).await;
    }
}

/// The texts of a page whose contrast against their ground is below 4.5 to 1, with the ratio.
const PALE: &str = r#"
const channels = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => {
  const linear = [r, g, b].map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};
const ground = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
};
const pale = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  if (!texts.currentNode.textContent.trim() || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName)) continue;
  if (!element.checkVisibility()) continue;
  const [a, b] = [light(channels(getComputedStyle(element).color)), light(ground(element))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) pale.push(texts.currentNode.textContent.trim() + ": " + ratio.toFixed(2));
}
return pale;
"#;

/// The name of Chromium here; `None` leaves it to chromedriver.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .find_map(|name| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()))
}

/// A command that only Chromium knows.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

impl Drop for Browser {
    /// Chromium outlives a chromedriver that is killed, so it is asked to end first.
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let ask = format!(
                "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
                self.session, self.port
            );
            let _ = stream.write_all(ask.as_bytes());
            let _ = stream.read(&mut [0; 1024]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
