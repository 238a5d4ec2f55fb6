//! The steps, one module each.

pub(crate) mod ask_copy;
pub(crate) mod checks;
pub(crate) mod difference;
pub(crate) mod fingerprint;
pub(crate) mod flush_caches;
pub(crate) mod look_for_moment;
pub(crate) mod probe;
pub(crate) mod probe_group;
pub(crate) mod probe_replicas;
pub(crate) mod prove_fence;
pub(crate) mod salvage;
pub(crate) mod verify_client;
pub(crate) mod warm_up;
