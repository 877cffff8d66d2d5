//! `otpgate geoip`: databases that say where addresses are, without an account anywhere.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::bufread::MultiGzDecoder;
use reqwest::Url;

use crate::cli::{Failure, client, print};
use crate::risk::{Database, Iptoasn};
use crate::words::{Clock as _, SystemClock};

/// What `geoip` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Build country.mmdb and asn.mmdb from the public table of iptoasn.com
    #[command(after_help = UPDATE)]
    Update(Update),
}

/// What `geoip update` takes.
#[derive(Debug, clap::Args)]
struct Update {
    /// The folder to write to
    #[arg(short, long, value_name = "FOLDER", default_value = "geoip")]
    folder: PathBuf,
    /// The table: an address, or a file that was fetched before, compressed by gzip or not
    #[arg(long, value_name = "URL or FILE", default_value = TABLE)]
    from: String,
}

const UPDATE: &str = "\
The table is in the public domain and is made anew every hour; once a day is often enough. The old files
are replaced when the new ones are whole, and a running gateway reads them by itself.

Examples:
  otpgate geoip update --folder /etc/otpgate/geoip
  otpgate geoip update --from ip2asn-combined.tsv.gz";

/// Addresses of both kinds, with the number, country and name of their system.
const TABLE: &str = "https://iptoasn.com/data/ip2asn-combined.tsv.gz";
/// How long fetching may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// The largest table, compressed and not: several times what it is today (9 MB and 35 MB).
const MOST: (u64, u64) = (128 * 1024 * 1024, 1024 * 1024 * 1024);

/// Does what the arguments say.
///
/// # Errors
/// When the table cannot be fetched or read, or a file cannot be written.
pub fn run(args: &Args) -> Result<(), Failure> {
    let Command::Update(update) = &args.command;
    let bytes = if update.from.contains("://") { client::wait(fetch(&update.from))? } else { read(&update.from)? };
    let bad = |why: &dyn std::fmt::Display| Failure::Run(format!("{}: {why}", update.from));
    let built = Iptoasn::read(opened(&bytes).take(MOST.1), SystemClock.now()).map_err(|error| bad(&error))?;
    let files = [("country.mmdb", &built.country), ("asn.mmdb", &built.asn)];
    for (_, bytes) in files {
        // Nothing is replaced by what the gateway would then refuse.
        Database::parse(bytes.clone()).map_err(|error| bad(&error))?;
    }
    std::fs::create_dir_all(&update.folder).map_err(|error| unwritten(&update.folder, &error))?;
    for (name, bytes) in files {
        let path = update.folder.join(name);
        replace(&path, bytes).map_err(|error| unwritten(&path, &error))?;
    }
    let folder = update.folder.display();
    let Iptoasn { ranges, countries, systems, .. } = built;
    print(&format!(
        "{folder}/country.mmdb and {folder}/asn.mmdb: {ranges} ranges, {countries} countries, {systems} autonomous systems\n"
    ))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::Run(format!("{} cannot be written: {error}", path.display()))
}

async fn fetch(from: &str) -> Result<Vec<u8>, Failure> {
    let failed = |why: &dyn std::fmt::Display| Failure::Run(format!("{from} cannot be fetched: {why}"));
    let url = Url::parse(from).map_err(|error| Failure::Usage(format!("{from}: {error}")))?;
    let http = reqwest::Client::builder().timeout(PATIENCE).https_only(url.scheme() == "https").build();
    let http = http.map_err(|error| failed(&client::root(&error)))?;
    let mut answer = http.get(url).send().await.map_err(|error| failed(&client::root(&error)))?;
    if !answer.status().is_success() {
        return Err(failed(&answer.status()));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|error| failed(&client::root(&error)))? {
        if (bytes.len() + piece.len()) as u64 > MOST.0 {
            return Err(failed(&format_args!("it is larger than {} bytes", MOST.0)));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn read(path: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Run(format!("{path} cannot be read: {error}")))
}

/// The text, whether it is compressed or not (RFC 1952, section 2.3.1).
fn opened(bytes: &[u8]) -> Box<dyn BufRead + '_> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(MultiGzDecoder::new(bytes)))
    } else {
        Box::new(bytes)
    }
}

/// Puts a file in place whole: who reads it meanwhile gets the old one or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let written = std::fs::File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| std::fs::rename(&beside, path));
    if moved.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    moved
}
