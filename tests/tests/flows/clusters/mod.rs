//! Stories about a DB cluster: Aurora, and Multi-AZ.

mod disturbed;
mod scenes;
mod tale;

pub use tale::Tale;
