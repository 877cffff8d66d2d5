//! Real processes: started for a test, killed when it ends.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A port that nobody listens on, and that nobody gets by chance until it is used: it lies below those that the operating
/// system hands out, and is given once in this process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    // Test binaries that run side by side start at different places.
    let start = std::process::id().wrapping_mul(641);
    loop {
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + offset).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits until `ready` says yes.
///
/// # Panics
/// When it does not within `limit`.
pub fn wait_for(what: &str, limit: Duration, mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < limit, "{what} took longer than {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn listens(port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_millis(200)).is_ok()
}

/// The gateway's binary: the release one that `make test` names, else the one that cargo built with the tests.
pub fn binary() -> PathBuf {
    std::env::var_os("OTPGATE_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_otpgate")), PathBuf::from)
}

/// A secret for tests: 32 bytes that are no secret.
pub const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A running gateway.
pub struct Gateway {
    child: Child,
    dir: TempDir,
    pub port: u16,
    pub admin: u16,
}

impl Gateway {
    /// Starts a gateway. `config` is YAML in which `{port}`, `{admin}` and `{secret}` are filled in; `files` are written
    /// beside it.
    pub fn start(config: &str, files: &[(&str, &str)]) -> Self {
        let (dir, port, admin) = (TempDir::new().unwrap(), free_port(), free_port());
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        Self::write(&dir, config, port, admin);
        let mut gateway = Self { child: Self::spawn(&dir), dir, port, admin };
        gateway.wait();
        gateway
    }

    fn write(dir: &TempDir, config: &str, port: u16, admin: u16) {
        let text = config
            .replace("{port}", &port.to_string())
            .replace("{admin}", &admin.to_string())
            .replace("{secret}", SECRET);
        fs::write(dir.path().join("otpgate.yaml"), text).unwrap();
    }

    fn spawn(dir: &TempDir) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(dir.path().join("log")).unwrap();
        Command::new(binary())
            .args(["run", "-c"])
            .arg(dir.path().join("otpgate.yaml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    fn wait(&mut self) {
        let (port, admin) = (self.port, self.admin);
        let started = Instant::now();
        while !(listens(port) && listens(admin)) {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the gateway ended with {status}:\n{}", self.log());
            }
            assert!(started.elapsed() < Duration::from_secs(20), "the gateway does not listen:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything that it printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The folder of its config.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Replaces its config and sends it `SIGHUP`.
    pub fn reload(&self, config: &str) {
        Self::write(&self.dir, config, self.port, self.admin);
        self.signal("HUP");
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Stops it and starts it anew with the same config (O12).
    pub fn restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = Self::spawn(&self.dir);
        self.wait();
    }

    /// Waits for its end.
    pub fn ended(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < limit {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Runs another command of the binary with this gateway's config.
    pub fn command(&self, args: &[&str]) -> std::process::Output {
        Command::new(binary()).args(args).arg("-c").arg(self.dir.path().join("otpgate.yaml")).output().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the gateway's log ---\n{}", self.log());
        }
    }
}

/// A real Redis.
pub struct Redis {
    child: Child,
    dir: TempDir,
    pub port: u16,
}

impl Redis {
    /// Starts one that keeps nothing on disk.
    pub fn start() -> Self {
        let (dir, port) = (TempDir::new().unwrap(), free_port());
        let redis = Self { child: Self::spawn(&dir, port), dir, port };
        redis.wait();
        redis
    }

    fn spawn(dir: &TempDir, port: u16) -> Child {
        Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string(), "--dir"])
            .arg(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is needed: `make test` installs it")
    }

    fn wait(&self) {
        wait_for("redis-server", Duration::from_secs(10), || listens(self.port));
    }

    /// Kills it, as a power cut would.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, empty.
    pub fn restart(&mut self) {
        self.child = Self::spawn(&self.dir, self.port);
        self.wait();
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its address for a config.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}
