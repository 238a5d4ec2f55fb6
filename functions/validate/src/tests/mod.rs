//! The steps over small ports in memory.

mod batches;
mod checks;
mod single;
mod world;
