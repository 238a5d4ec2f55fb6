//! A test double of AWS's database control planes: **one** behaviour model, in memory.
//!
//! * [`model`] knows how the RDS control plane *behaves*: preconditions, statuses that move with time, what a restore loses, what AWS
//!   heals by itself, which events it publishes. It is pure: no clock (every call is told `now`), no tokio, no I/O.
//! * [`data`] is the other half: what the database servers hold. [`data::MemoryData`] is a few lines of rows with commit times; the
//!   estate (`infra/local/estate`) puts real database servers in its place.
//! * [`InMemory`] joins the two, for tests that need no server.
//!
//! The model never touches data. It queues [`model::Effect`]s ("restore this server from that image"), its host carries them out and
//! reports each with [`model::Model::effect_done`]; an instance becomes `available` only when its duration has passed **and** its
//! effects are done.
//!
//! ```
//! use chrono::{DateTime, Duration, Utc};
//! use lifeboat_testing::{InMemory, model::{CreateDbInstance, DescribeDbInstances, Settings}};
//!
//! let start = DateTime::<Utc>::UNIX_EPOCH;
//! let mut cloud = InMemory::new(Settings::short(), start);
//! cloud.call(&CreateDbInstance::example("orders"))?;
//! cloud.advance(Duration::minutes(10));
//! let page = cloud.call(&DescribeDbInstances::of("orders"))?;
//! assert!(page.db_instances.iter().all(|instance| instance.db_instance_status == "available"));
//! # Ok::<(), lifeboat_testing::model::CallError>(())
//! ```

pub mod data;
mod in_memory;
pub mod memory;
pub mod model;

pub use in_memory::InMemory;
