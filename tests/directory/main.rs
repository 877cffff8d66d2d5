//! Directories over their public interface: real servers, real files, real TLS.
//!
//! One file per kind, and what stands around every one of them. Tests name the invariant or the attack case (D09, H19, …)
//! that they hold.
// A test may unwrap: its panic is its report.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod crm;
mod file;
mod gateway;
mod http;
mod kept;
mod ldap;
mod servers;
mod sql;

/// The config of a gateway whose site has this `directory`, in front of an application on this port.
fn config(directory: &str, upstream: u16) -> String {
    format!(
        r#"
listeners: {{address: "127.0.0.1:{{port}}"}}
store: memory
secrets: ["{{secret}}"]
sites:
  - hosts: shop.test
    upstream: {{servers: "127.0.0.1:{upstream}"}}
    identity: {{header: {{name: X-User, from: 127.0.0.1}}}}
    country: MY
    directory:
{directory}
    routes: [{{path: /account/**, policy: otp}}]
delivery:
  providers: {{dev: {{type: outbox}}}}
  email: {{providers: dev}}
  sms: {{providers: dev}}
admin: {{address: "127.0.0.1:{{admin}}"}}
"#
    )
}
