//! A real mail server for a test, and certificates for it.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A mail server (`smtpd.py`), killed when the test ends.
pub(crate) struct Server {
    child: Child,
    said: Receiver<Value>,
    pub(crate) port: u16,
}

/// A mail as it came in.
#[derive(Debug)]
pub(crate) struct Mail(pub(crate) Value);

/// A folder with a test CA and what it has signed.
pub(crate) struct Certificates {
    folder: TempDir,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Server {
    /// Starts one that does as `told`.
    pub(crate) fn start(told: &Value) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(root.join("target/venv/bin/python"))
            .arg(root.join("tests/delivery/smtpd.py"))
            .arg(told.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("target/venv is needed: `make test` makes it");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, said) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        let first: Value = said.recv_timeout(Duration::from_secs(20)).expect("the mail server does not start");
        let port = u16::try_from(first["port"].as_u64().unwrap()).unwrap();
        Self { child, said, port }
    }

    /// Starts one with TLS: `how` is `starttls` or `implicit`.
    pub(crate) fn with_tls(how: &str, (certificate, key): &(PathBuf, PathBuf), mut told: Value) -> Self {
        for (name, value) in [("tls", json!(how)), ("cert", json!(certificate)), ("key", json!(key))] {
            told[name] = value;
        }
        Self::start(&told)
    }

    /// What it printed next.
    pub(crate) fn next(&self) -> Value {
        self.said.recv_timeout(Duration::from_secs(10)).expect("the mail server saw nothing")
    }

    /// The next mail.
    pub(crate) fn mail(&self) -> Mail {
        let said = self.next();
        assert!(said["raw"].is_string(), "{said}");
        Mail(said)
    }

    /// Whether it saw neither a sign-in nor a mail.
    pub(crate) fn saw_nothing(&self) -> bool {
        matches!(self.said.recv_timeout(Duration::from_millis(200)), Err(RecvTimeoutError::Timeout))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Mail {
    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let headers = self.0["headers"].as_array().unwrap();
        let named = headers.iter().filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name));
        named.map(|header| header[1].as_str().unwrap()).collect()
    }

    /// The content of the part of this type.
    pub(crate) fn part(&self, content_type: &str) -> &str {
        let parts = self.0["parts"].as_array().unwrap();
        parts.iter().find(|part| part[0] == content_type).unwrap()[1].as_str().unwrap()
    }

    /// The code: the line of the text part that is all digits.
    pub(crate) fn code(&self) -> String {
        let is_code = |line: &&str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
        self.part("text/plain").lines().find(is_code).unwrap().to_owned()
    }

    /// The client's port: the same for mails that came over one connection.
    pub(crate) fn connection(&self) -> u64 {
        self.0["peer"].as_u64().unwrap()
    }
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        Self { folder, ca }
    }

    /// The file of the CA's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for these names and addresses, and its key.
    pub(crate) fn sign(&self, names: &[&str]) -> (PathBuf, PathBuf) {
        self.signed(names, 2099)
    }

    /// One whose time is over.
    pub(crate) fn sign_expired(&self, names: &[&str]) -> (PathBuf, PathBuf) {
        self.signed(names, 2021)
    }

    fn signed(&self, names: &[&str], until: i32) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.ca).unwrap();
        let paths = (self.folder.path().join("cert.pem"), self.folder.path().join("key.pem"));
        std::fs::write(&paths.0, certificate.pem()).unwrap();
        std::fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }
}
