//! Cut-over targets: what is found of them when a plan is made, their undo, their calls, whether they lead to the new side,
//! and their way back.

pub(crate) mod alarms;
pub(crate) mod back;
pub(crate) mod calls;
pub(crate) mod consumers;
pub(crate) mod filled;
pub(crate) mod find;
pub(crate) mod names;
pub(crate) mod note;
pub(crate) mod rename;
pub(crate) mod settle;
pub(crate) mod watch;
