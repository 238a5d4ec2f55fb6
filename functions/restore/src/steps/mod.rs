//! One module for each step, or for a few that belong together.

pub(crate) mod caches;
pub(crate) mod clean_up;
pub(crate) mod compensate;
pub(crate) mod configure;
pub(crate) mod cut_over;
pub(crate) mod exports;
pub(crate) mod facts;
pub(crate) mod fail_over;
pub(crate) mod fence;
pub(crate) mod grow;
pub(crate) mod identity;
pub(crate) mod lease;
pub(crate) mod open_again;
pub(crate) mod plan;
pub(crate) mod promote;
pub(crate) mod quarantine;
pub(crate) mod release_kept;
pub(crate) mod reopen;
pub(crate) mod restart;
pub(crate) mod restore;
pub(crate) mod search;
pub(crate) mod sessions;
pub(crate) mod standby;
pub(crate) mod take_over;
