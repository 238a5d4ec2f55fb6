//! Stories about a DB cluster: Aurora, and Multi-AZ.

mod clones;
mod disturbed;
mod quiet;
mod release;
mod scenes;
mod tale;

pub use tale::Tale;
