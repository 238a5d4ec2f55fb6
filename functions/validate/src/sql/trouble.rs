//! What went wrong at a database, and what that proves.

use lifeboat_domain::error::{CallClass, CallError};
use lifeboat_domain::probe::ProbeOutcome;
use std::error::Error;
use std::io;

/// The longest piece of a server's message that is kept.
const LONGEST: usize = 300;

/// Why a visit, or one statement of it, did not work.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    /// What it proves about the database.
    pub outcome: ProbeOutcome,
    /// The server's error code (PostgreSQL: SQLSTATE; MySQL: the error number), or a word of ours.
    pub code: String,
    /// A sentence with host and port; never a secret.
    pub text: String,
}

impl Trouble {
    /// Trouble that proves `outcome`.
    pub fn new(outcome: ProbeOutcome, code: &str, text: impl Into<String>) -> Self {
        Self { outcome, code: code.to_owned(), text: text.into() }
    }

    /// The probe itself could not do its work: nothing is proven.
    pub fn could_not(code: &str, text: impl Into<String>) -> Self {
        Self::new(ProbeOutcome::CouldNotRun, code, text)
    }

    /// Whether the statement's own time-out ended it.
    pub fn is_time_out(&self) -> bool {
        matches!(
            self.code.as_str(),
            // PostgreSQL: statement_timeout, lock_timeout. MariaDB: max_statement_time. MySQL: max_execution_time. Both: lock waits.
            "57014" | "55P03" | "1969" | "3024" | "1205" | "timeout"
        )
    }

    /// Whether no further statement can be answered on this connection.
    pub fn ends_the_visit(&self) -> bool {
        matches!(self.outcome, ProbeOutcome::NoAnswer | ProbeOutcome::Unreachable | ProbeOutcome::StartingUp)
    }

    /// The same, as the failure of `action`. Everything here only reads, so that repeating is always harmless.
    pub fn during(self, action: &str) -> CallError {
        let class = match self.outcome {
            ProbeOutcome::LoginRefused | ProbeOutcome::WriteDenied => CallClass::Denied,
            ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer | ProbeOutcome::TooManyConnections | ProbeOutcome::StartingUp => {
                CallClass::Unknown
            }
            ProbeOutcome::CouldNotRun | ProbeOutcome::Answers => match self.code.as_str() {
                "42P01" | "42703" | "3F000" | "1146" | "1054" => CallClass::NotFound,
                "unsettled" => CallClass::WrongState,
                _ if self.is_time_out() => CallClass::Unknown,
                _ => CallClass::Invalid,
            },
        };
        CallError::new(class, action, self.code, self.text)
    }
}

/// Whether an error says that the other side went away (in contrast to saying something that we refuse, such as a wrong
/// certificate).
pub(crate) fn lost(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut, UnexpectedEof};
    causes(error).into_iter().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|error| {
        matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | HostUnreachable | NetworkUnreachable | TimedOut | UnexpectedEof
        )
    })
}

/// An error with its causes, each said once.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in causes(error) {
        let part = cause.to_string();
        if !parts.iter().any(|said| said.contains(&part)) {
            parts.push(part);
        }
    }
    short(&parts.join(": "))
}

/// The error, what caused it, what caused that, ...
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    causes
}

/// The first line, cut to a bearable length.
pub(crate) fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST { line.to_owned() } else { line.chars().take(LONGEST).chain("...".chars()).collect() }
}

/// The server's message, shortened. Those of data exceptions and broken constraints (SQLSTATE classes 22 and 23) quote values.
pub(crate) fn told(sqlstate: &str, message: &str) -> String {
    if sqlstate.starts_with("22") || sqlstate.starts_with("23") {
        return "its message may quote data, and is not shown".to_owned();
    }
    short(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_may_quote_a_value_is_not_shown() {
        assert!(!told("22P02", "invalid input syntax for type integer: \"4111 1111\"").contains("4111"));
        assert!(!told("23505", "Key (email)=(ann@example.com) already exists.").contains("ann"));
        assert!(told("42P01", "relation \"ordrs\" does not exist").contains("ordrs"));
    }

    #[test]
    fn a_statement_that_timed_out_may_be_repeated_and_a_missing_table_may_not() {
        let class = |code: &str| Trouble::could_not(code, "").during("postgres:fingerprint").class;
        for code in ["57014", "55P03", "1969", "3024", "1205", "timeout"] {
            assert_eq!(class(code), CallClass::Unknown, "{code}");
        }
        for code in ["42P01", "42703", "1146", "1054"] {
            assert_eq!(class(code), CallClass::NotFound, "{code}");
        }
        for code in ["XX000", "1064", "1064000"] {
            assert_eq!(class(code), CallClass::Invalid, "{code}");
        }
    }
}
