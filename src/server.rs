//! Assembles a running gateway.
//!
//! [`plan`] reads a config file and compiles what it means, with nothing started; start there.

mod plan;
mod settings;

pub use plan::{
    AdminPlan, CertificateFiles, ListenerPlan, LogFormat, LogPlan, Plan, RoutePlan, SitePlan, plan, plan_with,
};
pub use settings::{Settings, schema};

pub use crate::config::{ConfigError, Warning};
