//! One module for each step.

pub(crate) mod approve;
pub(crate) mod bisect;
pub(crate) mod event;
pub(crate) mod find;
pub(crate) mod judge;
mod notice;
pub(crate) mod open;
pub(crate) mod pause;
pub(crate) mod salvage;
mod searches;
pub(crate) mod sweep_judge;
pub(crate) mod sweep_list;
mod table;
