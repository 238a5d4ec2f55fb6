//! The real machines and the real handlers on the behaviour model, in virtual time: what happens, and what happens when it goes wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests: a flow that cannot even be set up is broken"
)]

mod account;
mod approval;
mod bisect;
mod caches;
mod clusters;
mod controls;
mod events;
mod faults;
mod find;
mod gates;
mod inputs;
mod letters;
mod listing;
mod members;
mod mishaps;
mod promotion;
mod quarantine;
mod release;
mod rename;
mod scenarios;
mod steps;
mod story;
mod tables;
mod targets;
mod undo;
mod warm_up;
