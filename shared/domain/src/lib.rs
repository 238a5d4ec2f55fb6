//! The words, decisions and plans of Lifeboat.
//!
//! This crate is pure: no async runtime, no environment, no clock, no AWS types or calls. Time comes in as an argument;
//! what AWS calls things (event ids, statuses) is data here, parsed once into closed types.

pub mod acting;
pub mod alarms;
pub mod approval;
pub mod bisection;
pub mod caches;
pub mod cause;
pub mod cut_over;
pub mod error;
pub mod events;
pub mod exports;
pub mod global_table;
pub mod ids;
pub mod incident;
pub mod items;
pub mod keyspace;
pub mod lease;
pub mod ledger;
pub mod life;
pub mod moments;
pub mod observed;
pub mod pause;
pub mod plan;
pub mod point;
pub mod policy;
pub mod ports;
pub mod prices;
pub mod probe;
pub mod proof;
pub mod recovery_input;
pub mod register;
pub mod replica;
pub mod salvage;
#[cfg(test)]
mod samples;
pub mod span;
pub mod status;
pub mod targets;
pub mod validation;
pub mod verdict;
pub mod warm_up;
pub mod webhook;
pub mod words;

pub use error::{CallClass, CallError, DrError, ErrorName};
pub use span::Span;
pub use words::{Timestamp, show_time};
