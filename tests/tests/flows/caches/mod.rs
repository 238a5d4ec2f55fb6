//! Stories about an ElastiCache replication group.

mod disturbed;
mod scenes;
mod tale;

pub use tale::Tale as CacheTale;
