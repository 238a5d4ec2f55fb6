//! What must hold of the state machines, the template, the documents and the architecture, each as a sentence.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a contract that cannot even be read is broken")]

mod architecture;
mod by_hand;
mod documents;
mod events;
mod failures;
mod iam;
mod machines;
mod mistakes;
mod proofs;
mod repo;
mod retries;
mod template;
mod variables;
mod words;
