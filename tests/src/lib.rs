//! Support for the tests that cross crates.
//!
//! [`asl`] runs our state machines in virtual time against functions that a test provides, and answers questions about their shape.

pub mod asl;
