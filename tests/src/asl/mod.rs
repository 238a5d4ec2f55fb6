//! A small, strict interpreter of the Amazon States Language as our machines use it: JSONata only, Lambda Tasks only.
//!
//! [`Machine::load`] reads a definition and refuses every field that we do not use, JSONPath fields among them.
//! [`run`] executes it against a [`World`], which answers for the functions and keeps the clock: a Wait and the pause before a
//! retry only move that clock. [`shape`] looks at a machine without running it, [`duration`] bounds its time, [`picture`] draws it.
//!
//! It keeps to what AWS does where emulators do not: a machine's and a Task's time-outs, `States.ALL` that does not catch
//! everything, an undefined result as an error, variables that are assigned only after the whole state, a history of 25,000 events.
//! It is stricter where a contract of ours is: nothing that travels may pass [`MAX_BYTES`], a variable without a value is an error.

pub mod duration;
mod expression;
mod machine;
pub mod picture;
mod run;
pub mod shape;
mod task;
#[cfg(test)]
mod tests;
mod variables;
mod world;

pub use expression::variables_in;
pub use machine::{
    Catcher, Choice, Fail, Fields, Flow, ItemProcessor, Machine, Map, Pass, Retrier, Rule, State, States, Succeed, Task, Wait,
};
pub use run::{Ending, MAX_BYTES, MAX_HISTORY_EVENTS, Outcome, Step, run};
pub use world::{TaskError, World};
