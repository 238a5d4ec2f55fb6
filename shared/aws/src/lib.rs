//! Adapters from the domain's ports to AWS; the only crate that names an AWS SDK.
//!
//! One module and one cargo feature per service; a function links what it uses. [`load`] reads the configuration once,
//! and [`Clients`] makes the adapters:
//!
//! ```no_run
//! # #[cfg(all(feature = "rds", feature = "dynamodb"))]
//! # async fn wire() -> Result<(), lifeboat_domain::DrError> {
//! let clients = lifeboat_aws::load().await?;
//! let databases = clients.rds();
//! let ledger = clients.ledger("lifeboat", "eu-central-1");
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "alarms")]
pub mod alarms;
#[cfg(feature = "caches")]
pub mod caches;
#[cfg(any(
    feature = "caches",
    feature = "cloudtrail",
    feature = "dynamodb",
    feature = "ecs",
    feature = "lambda",
    feature = "rds",
    feature = "route53",
    feature = "s3",
    feature = "secrets",
    feature = "sfn",
    feature = "sns",
    feature = "ssm",
    feature = "tagging",
    feature = "webhook"
))]
mod classify;
mod clients;
#[cfg(feature = "cloudtrail")]
pub mod cloudtrail;
#[cfg(all(feature = "caches", feature = "rds", feature = "tables"))]
pub mod databases;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(feature = "ecs")]
pub mod ecs;
#[cfg(feature = "lambda")]
pub mod functions;
#[cfg(feature = "rds")]
pub mod rds;
#[cfg(feature = "route53")]
pub mod route53;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "secrets")]
pub mod secrets;
#[cfg(feature = "sfn")]
pub mod sfn;
#[cfg(feature = "sns")]
pub mod sns;
#[cfg(feature = "ssm")]
pub mod ssm;
#[cfg(feature = "tables")]
pub mod tables;
#[cfg(feature = "tagging")]
pub mod tagging;
#[cfg(any(feature = "caches", feature = "ecs", feature = "rds", feature = "secrets", feature = "tables"))]
mod time;
#[cfg(feature = "webhook")]
pub mod webhook;
#[cfg(test)]
mod wire;

pub use clients::{Clients, load};
