//! Stories about what follows another Region's resource, and takes over from it when a person says so.

mod disturbed;
mod scenes;
mod tale;

pub use tale::{HOME_HOST, Tale as MemberTale};
