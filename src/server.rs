//! Assembles a running gateway: settings, listeners, TLS, reload, shutdown.
//!
//! May use every room below. [`plan`] reads a config file and compiles what it means, with nothing started;
//! [`Server::start`] starts it, [`Server::run`] serves until a signal ends it. Start at [`Server`].

mod admin;
mod listener;
mod log;
mod plan;
mod renewal;
mod run;
mod settings;
pub mod tls;

pub use plan::{
    AdminPlan, CertificateFiles, ClientFiles, ListenerPlan, LogFormat, LogPlan, Plan, RoutePlan, SitePlan, plan,
    plan_with,
};
pub use run::{Server, ServerError};
pub use settings::{Settings, schema};

pub use crate::config::{ConfigError, Warning};
