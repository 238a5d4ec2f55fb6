//! The crate's tests, on ports of a few lines each.

mod broken;
mod close;
mod fixture;
mod golden;
mod hostile;
mod once;
mod others;
mod ports;
mod rules;
mod stories;
mod usable;
mod way_back;
mod wording;
mod world;
