//! Real servers of other people's making, started for this process in folders of their own: PostgreSQL, MariaDB, OpenLDAP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::support::process::{free_port, wait_for};

/// A server that is killed with this value.
pub struct Server {
    child: Child,
    pub dir: TempDir,
    pub port: u16,
}

/// The password of every database here.
pub const PASSWORD: &str = "s3cret";

impl Server {
    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Stops or goes on, by a signal's name.
    pub fn signal(&self, name: &str) {
        run(Command::new("kill").arg(format!("-{name}")).arg(self.pid()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_root() -> bool {
    String::from_utf8_lossy(&Command::new("id").arg("-u").output().unwrap().stdout).trim() == "0"
}

/// What must succeed.
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `make test` installs it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A command of the user that the server must not be root as.
fn as_user(user: &str, program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn spawn(command: &mut Command) -> Child {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; `make test` installs it"))
}

/// The newest of the folders that Debian installs PostgreSQL's programs into, or wherever `initdb` is found.
fn postgres_bin() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists());
    folders.max().unwrap_or_default()
}

/// A PostgreSQL with these statements.
pub fn postgres(statements: &str) -> Server {
    let (dir, port, bin) = (TempDir::new().unwrap(), free_port(), postgres_bin());
    let (data, secret) = (dir.path().join("data"), dir.path().join("secret"));
    fs::write(&secret, PASSWORD).unwrap();
    if is_root() {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(dir.path()));
    }
    run(as_user("postgres", &bin.join("initdb"))
        .args(["--no-sync", "-U", "otpgate", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--pwfile"])
        .arg(&secret)
        .arg("-D")
        .arg(&data)
        .current_dir(dir.path()));
    let child = spawn(
        as_user("postgres", &bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", dir.path().display()))
            .args(["-p", &port.to_string()])
            .current_dir(dir.path()),
    );
    let server = Server { child, dir, port };
    wait_for("PostgreSQL", Duration::from_secs(60), || {
        psql(&server).args(["-c", "SELECT 1"]).output().is_ok_and(|output| output.status.success())
    });
    run(psql(&server).args(["-v", "ON_ERROR_STOP=1", "-c", statements]));
    server
}

pub fn psql(server: &Server) -> Command {
    let mut psql = Command::new("psql");
    psql.env("PGPASSWORD", PASSWORD).args(["-h", "127.0.0.1", "-U", "otpgate", "-d", "postgres", "-tA", "-p"]);
    psql.arg(server.port.to_string());
    psql
}

/// What a query gives, as text.
pub fn asked(mut client: Command, query: &str) -> String {
    let option = if client.get_program() == "psql" { "-c" } else { "-e" };
    String::from_utf8(run(client.args([option, query])).stdout).unwrap().trim().to_owned()
}

/// A MariaDB with these statements in the database `shop`.
pub fn mariadb(statements: &str) -> Server {
    let (dir, port) = (TempDir::new().unwrap(), free_port());
    let (data, socket) = (dir.path().join("data"), dir.path().join("socket"));
    let user = if is_root() { "--user=root" } else { "--skip-name-resolve" };
    run(Command::new("mariadb-install-db")
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", user])
        .arg(format!("--datadir={}", data.display())));
    let child = spawn(
        Command::new("mariadbd")
            .args(["--no-defaults", "--bind-address=127.0.0.1", "--character-set-server=utf8mb4", user])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", socket.display()))
            .arg(format!("--port={port}"))
            .arg(format!("--pid-file={}", dir.path().join("pid").display())),
    );
    let server = Server { child, dir, port };
    wait_for("MariaDB", Duration::from_secs(60), || {
        mysql(&server).args(["-e", "SELECT 1"]).output().is_ok_and(|output| output.status.success())
    });
    let user = format!("CREATE USER otpgate@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON shop.* TO otpgate@'%';");
    run(mysql(&server).arg("-e").arg(format!("CREATE DATABASE shop; {user} USE shop; {statements}")));
    server
}

pub fn mysql(server: &Server) -> Command {
    let mut mysql = Command::new("mariadb");
    mysql.args(["--no-defaults", "-u", "root", "-N", "-B", "--default-character-set=utf8mb4", "-S"]);
    mysql.arg(server.dir.path().join("socket"));
    mysql
}

/// An OpenLDAP with these entries, over `ldap://` on its port and `ldaps://` on the other; the file of its authority, and
/// that of one that did not vouch for it.
pub struct Ldap {
    pub server: Server,
    pub tls_port: u16,
    pub ca: PathBuf,
    pub other_ca: PathBuf,
}

pub fn slapd(entries: &str) -> Ldap {
    let (dir, port, tls_port) = (TempDir::new().unwrap(), free_port(), free_port());
    let file = |name: &str| dir.path().join(name);
    let issuer = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ours, other) = (issuer("Test"), issuer("Other"));
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &ours).unwrap();
    fs::write(file("ca.pem"), ours.pem()).unwrap();
    fs::write(file("other.pem"), other.pem()).unwrap();
    fs::write(file("cert.pem"), certificate.pem()).unwrap();
    fs::write(file("key.pem"), key.serialize_pem()).unwrap();
    fs::create_dir(file("data")).unwrap();
    let schemas = ["/etc/ldap/schema", "/etc/openldap/schema"].into_iter().find(|path| Path::new(path).exists());
    let schemas = schemas.expect("OpenLDAP's schemas: `make test` installs them");
    let here = dir.path().display();
    let config = format!(
        "include {schemas}/core.schema\ninclude {schemas}/cosine.schema\ninclude {schemas}/inetorgperson.schema\n\
         modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {here}/pid\n\
         TLSCACertificateFile {here}/ca.pem\nTLSCertificateFile {here}/cert.pem\nTLSCertificateKeyFile {here}/key.pem\n\
         database mdb\nsuffix dc=example,dc=com\nrootdn cn=admin,dc=example,dc=com\nrootpw {PASSWORD}\ndirectory {here}/data\n\
         access to attrs=userPassword by anonymous auth by * none\naccess to * by users read by * none\n"
    );
    fs::write(file("slapd.conf"), config).unwrap();
    fs::write(file("entries.ldif"), entries).unwrap();
    let program = |name: &str| ["/usr/sbin", "/usr/libexec"].map(|folder| Path::new(folder).join(name));
    let [slapadd, slapd] = ["slapadd", "slapd"]
        .map(|name| program(name).into_iter().find(|path| path.exists()).unwrap_or_else(|| PathBuf::from(name)));
    run(Command::new(slapadd).arg("-f").arg(file("slapd.conf")).arg("-l").arg(file("entries.ldif")));
    let urls = format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}");
    let child = spawn(Command::new(slapd).arg("-f").arg(file("slapd.conf")).args(["-h", &urls, "-d", "0"]));
    let (ca, other_ca) = (file("ca.pem"), file("other.pem"));
    wait_for("slapd", Duration::from_secs(30), || std::net::TcpStream::connect(("127.0.0.1", tls_port)).is_ok());
    Ldap { server: Server { child, dir, port }, tls_port, ca, other_ca }
}
