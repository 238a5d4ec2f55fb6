//! How a call fails: AWS says no with a wire code, or no answer comes at all.

use std::fmt;

/// AWS's own refusal: the code as it stands on the wire (with or without `Fault`), the message, the HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// For example `DBInstanceNotFound`.
    pub code: String,
    /// For people.
    pub message: String,
    /// 404 for what is not found, 400 for most others, 5xx for AWS's own faults.
    pub status: u16,
}

/// Why there is no answer. A real caller cannot tell the two apart; a host needs to know what to do with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// Nobody answers until the caller gives up.
    TimedOut,
    /// The connection is cut.
    ConnectionReset,
}

/// Why a call brought no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// AWS answered with an error; the call had no effect.
    Refused(ApiError),
    /// No answer. **Whether the call took effect is not known.**
    NoReply(Silence),
}

impl ApiError {
    /// An error with HTTP status 400.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), status: 400 }
    }

    fn not_found(code: &str, message: impl Into<String>) -> Self {
        Self { status: 404, ..Self::new(code, message) }
    }

    pub(crate) fn no_instance(identifier: &str) -> Self {
        Self::not_found("DBInstanceNotFound", format!("DBInstance {identifier} not found."))
    }

    pub(crate) fn no_snapshot(identifier: &str) -> Self {
        Self::not_found("DBSnapshotNotFound", format!("DBSnapshot {identifier} not found."))
    }

    pub(crate) fn no_automated_backup(name: &str) -> Self {
        Self::not_found("DBInstanceAutomatedBackupNotFound", format!("Automated backup {name} not found."))
    }

    pub(crate) fn no_parameter_group(name: &str) -> Self {
        Self::not_found("DBParameterGroupNotFound", format!("DBParameterGroup not found: {name}"))
    }

    pub(crate) fn no_subnet_group(name: &str) -> Self {
        Self::not_found("DBSubnetGroupNotFoundFault", format!("DB subnet group '{name}' does not exist."))
    }

    pub(crate) fn instance_state(message: impl Into<String>) -> Self {
        Self::new("InvalidDBInstanceState", message)
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    pub(crate) fn throttled() -> Self {
        Self::new("Throttling", "Rate exceeded")
    }

    pub(crate) fn internal() -> Self {
        Self { status: 500, ..Self::new("InternalFailure", "An internal error has occurred. Please try your query again at a later time.") }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::NoReply(Silence::TimedOut) => f.write_str("no reply: timed out"),
            Self::NoReply(Silence::ConnectionReset) => f.write_str("no reply: connection reset"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<ApiError> for CallError {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}
