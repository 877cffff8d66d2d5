//! `otpgate demo`: a small application, the gateway in front of it, and what to try.

use std::fs;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::cli::Failure;
use crate::cli::run::{block_on, log_panics};
use crate::demo::{self, Customer};
use crate::seal::{Secret, SystemRandom};
use crate::server::Server;

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The port to open in a browser; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// The port where the messages can be read; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 9180)]
    pub admin_port: u16,
}

/// The demo's config: what an operator would write, with the ports filled in.
const CONFIG: &str = include_str!("demo/otpgate.yaml");
/// The contacts of the demo's customers.
const CONTACTS: &str = include_str!("demo/contacts.yaml");

/// The demo's folder: its config, for whoever wants to look. Removed with the demo.
struct Folder(PathBuf);

/// Runs the demo until Ctrl-C.
///
/// # Errors
/// When a port cannot be listened on.
pub fn run(args: &Args) -> Result<(), Failure> {
    log_panics();
    block_on(async {
        let application = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let folder = Folder::new(args, application.local_addr()?)?;
        let (close, closed) = oneshot::channel::<()>();
        let serving = tokio::spawn(demo::serve(application, async move { drop(closed.await) }));
        let server = Server::start(folder.config()).await?;
        let (site, admin) = (server.addresses().next(), server.admin_address());
        if let (Some(site), Some(admin)) = (site, admin) {
            introduce(site, admin, &folder.config())?;
        }
        server.run().await;
        drop(close);
        if let Ok(ended) = serving.await {
            ended?;
        }
        let _ = writeln!(io::stdout(), "\nThe demo has ended; nothing of it is left.");
        Ok(())
    })
}

fn introduce(site: SocketAddr, admin: SocketAddr, config: &Path) -> io::Result<()> {
    let [alice, bob] = Customer::ALL;
    let port = site.port();
    writeln!(
        io::stdout().lock(),
        "
  Harbour Supplies, a small application that knows nothing of otpgate, is at

      http://localhost:{port}/

  Sign in as {alice} with the password {alice_password},
  or as {bob} with {bob_password}. Then try:

    - Your account: asks for a code by e-mail, and then not again for 15 minutes.
    - Send money: fill in the form and send it. You are asked for a code, and the form
      goes on by itself afterwards, once, with every character that you typed.
      Every transfer is confirmed on its own.
    - Live prices: a WebSocket through the gateway, asked for nothing.
    - A private window: another browser has to prove itself, too.

  No message leaves this machine. The codes are printed here, and the messages can be read at

      http://{admin}/outbox

  The gateway's config is {config}.
  Ctrl-C ends the demo.
",
        alice = alice.email(),
        alice_password = alice.password(),
        bob = bob.email(),
        bob_password = bob.password(),
        config = config.display(),
    )
}

// === impl Folder ===

impl Folder {
    fn new(args: &Args, application: SocketAddr) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("otpgate-demo-{}", std::process::id()));
        // Fails when somebody made it before us; nobody else may read the secret in it.
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        let folder = Self(path);
        let config = CONFIG
            .replace("{port}", &args.port.to_string())
            .replace("{admin_port}", &args.admin_port.to_string())
            .replace("{application}", &application.to_string())
            .replace("{secret}", &Secret::generate(&SystemRandom::new()));
        fs::write(folder.config(), config)?;
        fs::write(folder.0.join("contacts.yaml"), CONTACTS)?;
        Ok(folder)
    }

    fn config(&self) -> PathBuf {
        self.0.join("otpgate.yaml")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
