//! Stories about an ElastiCache replication group.

mod disturbed;
mod emptied;
mod filled;
mod scenes;
mod tale;

pub use tale::Tale as CacheTale;
