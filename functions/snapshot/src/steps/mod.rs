//! One module for each step.

pub(crate) mod check;
pub(crate) mod discover;
pub(crate) mod finish;
pub(crate) mod start;
