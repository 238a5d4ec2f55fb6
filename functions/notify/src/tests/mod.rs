//! The crate's tests, on ports of a few lines each.

mod close;
mod fixture;
mod golden;
mod once;
mod others;
mod ports;
mod rules;
mod world;
