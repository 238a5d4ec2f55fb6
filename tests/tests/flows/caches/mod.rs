//! Stories about an ElastiCache replication group.

mod disturbed;
pub mod emptied;
pub mod filled;
mod scenes;
mod tale;

pub use tale::Tale as CacheTale;
