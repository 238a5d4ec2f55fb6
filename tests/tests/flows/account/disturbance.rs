//! What may happen around one invocation of a function.

/// How an invocation is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is made twice in a row; the second answer counts.
    Twice,
    /// It does its work, and its reply is lost at once.
    ReplyLost,
    /// It does its work, and is cut off by the Task's time-out.
    TimesOut,
    /// It does its work and answers, then the execution dies; EventBridge says so.
    ThenDies,
    /// The same, and nobody is told: the sweep must find it.
    ThenDiesUnheard,
}

impl How {
    /// Whether the execution ends by it.
    pub const fn kills(self) -> bool {
        matches!(self, Self::ThenDies | Self::ThenDiesUnheard)
    }
}

/// A disturbance of one visit to one Task.
#[derive(Debug, Clone)]
pub struct Disturbance {
    how: How,
    task: String,
    visits_before: usize,
    struck: bool,
}

impl Disturbance {
    /// Strikes the n-th visit (from 1) to a Task, named `machine/state`.
    pub fn new(how: How, task: &str, visit: usize) -> Self {
        Self { how, task: task.to_owned(), visits_before: visit - 1, struck: false }
    }

    /// Whether it has struck.
    pub const fn struck(&self) -> bool {
        self.struck
    }

    /// How it is done.
    pub const fn how(&self) -> How {
        self.how
    }

    /// Counts a visit; answers how it is disturbed, if it is.
    pub fn strikes(&mut self, task: &str) -> Option<How> {
        if self.struck || self.task != task {
            return None;
        }
        if self.visits_before > 0 {
            self.visits_before -= 1;
            return None;
        }
        self.struck = true;
        Some(self.how)
    }
}
