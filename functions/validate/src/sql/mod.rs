//! What is the same for every SQL engine: how a failure is told, how a check is judged, how two sides are compared.

pub(crate) mod answer;
pub(crate) mod checks;
pub(crate) mod compare;
pub(crate) mod identifier;
pub(crate) mod place;
pub(crate) mod predicate;
pub(crate) mod trouble;
pub(crate) mod warm_up;
