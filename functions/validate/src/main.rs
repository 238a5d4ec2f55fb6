//! Wires `validate`.
fn main() {}
