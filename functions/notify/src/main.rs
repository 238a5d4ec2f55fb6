//! Wires `notify`.
fn main() {}
