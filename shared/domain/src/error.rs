//! Errors are few, and named by what the workflow does next.

use crate::words::closed_enum;
use std::{error::Error, fmt};

closed_enum! {
    /// The names that a state machine can catch.
    ErrorName {
        /// Throttled, timed out, 5xx: try again.
        TransientFailure = "Dr.TransientFailure",
        /// Lease held or wrong state for now: try again shortly, then report.
        Conflict = "Dr.Conflict",
        /// Class, AZ or IOPS not to be had now: try the next of the policy.
        NoCapacity = "Dr.NoCapacity",
        /// The resource or recovery point does not exist.
        NotFound = "Dr.NotFound",
        /// Input or settings are wrong.
        InvalidInput = "Dr.InvalidInput",
        /// A safety rule said no.
        Refused = "Dr.Refused",
        /// Permission, quota, terminal status, bug: a person is needed.
        Unrecoverable = "Dr.Unrecoverable",
    }
}

impl ErrorName {
    /// Whether repeating the same step can help.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::TransientFailure | Self::Conflict => true,
            Self::NoCapacity | Self::NotFound | Self::InvalidInput | Self::Refused | Self::Unrecoverable => false,
        }
    }
}

/// An error with the name that Step Functions will see and a sentence for a person.
#[derive(Debug)]
pub struct DrError {
    name: ErrorName,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

macro_rules! constructors {
    ($($(#[$meta:meta])* $function:ident => $variant:ident),+ $(,)?) => {
        $($(#[$meta])* pub fn $function(message: impl Into<String>) -> Self { Self::new(ErrorName::$variant, message) })+
    };
}

impl DrError {
    /// An error called `name`.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), source: None }
    }

    constructors! {
        /// Try again later.
        transient => TransientFailure,
        /// Somebody else is at it, or the state is wrong for now.
        conflict => Conflict,
        /// Nothing of this class or zone to be had.
        no_capacity => NoCapacity,
        /// It does not exist.
        not_found => NotFound,
        /// A safety rule said no.
        refused => Refused,
        /// Only a person can go on.
        unrecoverable => Unrecoverable,
    }

    /// Wrong input: names the field, the value and what is accepted.
    pub fn invalid(field: &str, value: impl fmt::Display, accepted: impl fmt::Display) -> Self {
        Self::new(ErrorName::InvalidInput, format!("{field}: {value} is not accepted; accepted is {accepted}"))
    }

    /// Missing input: names the field and what is accepted.
    pub fn missing(field: &str, accepted: impl fmt::Display) -> Self {
        Self::new(ErrorName::InvalidInput, format!("{field} is missing; accepted is {accepted}"))
    }

    /// Keeps what caused it, for the log.
    #[must_use]
    pub fn because(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// The name that the state machine catches.
    pub const fn name(&self) -> ErrorName {
        self.name
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for DrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for DrError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

closed_enum! {
    /// What an AWS call answered, by what can be done about it.
    CallClass {
        /// The name is taken: perhaps by ourselves.
        AlreadyExists = "already_exists",
        /// What was named does not exist.
        NotFound = "not_found",
        /// The resource is in a state that forbids the call now.
        WrongState = "wrong_state",
        /// Throttled: it was refused before anything happened.
        Throttled = "throttled",
        /// Class, AZ, storage or IOPS not available.
        NoCapacity = "no_capacity",
        /// A quota is used up.
        Quota = "quota",
        /// Permission or credentials.
        Denied = "denied",
        /// A parameter is wrong.
        Invalid = "invalid",
        /// Time-out, lost connection or 5xx: **it may have acted**.
        Unknown = "unknown",
    }
}

/// The failure of one call to AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// What can be done about it.
    pub class: CallClass,
    /// The call, in IAM's spelling, for example `rds:RebootDBInstance`.
    pub action: String,
    /// AWS's error code, or a word of ours such as `timeout`.
    pub code: String,
    /// AWS's message, with the request id where there is one.
    pub message: String,
}

impl CallError {
    /// A failure of `action`.
    pub fn new(class: CallClass, action: impl Into<String>, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class, action: action.into(), code: code.into(), message: message.into() }
    }

    /// Whether the call certainly changed nothing.
    pub const fn certainly_did_nothing(&self) -> bool {
        !matches!(self.class, CallClass::Unknown)
    }

    /// The error that the workflow sees, saying what was being done.
    pub fn while_doing(self, doing: impl fmt::Display) -> DrError {
        let name = match self.class {
            CallClass::Throttled | CallClass::Unknown => ErrorName::TransientFailure,
            CallClass::WrongState => ErrorName::Conflict,
            CallClass::NoCapacity => ErrorName::NoCapacity,
            CallClass::NotFound => ErrorName::NotFound,
            CallClass::AlreadyExists | CallClass::Quota | CallClass::Denied | CallClass::Invalid => ErrorName::Unrecoverable,
        };
        DrError::new(name, format!("while {doing}: {self}"))
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}: {}", self.action, self.code, self.message)
    }
}

impl Error for CallError {}
