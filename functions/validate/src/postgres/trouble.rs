//! What went wrong at a database, and what that proves.

use lifeboat_domain::error::{CallClass, CallError};
use lifeboat_domain::probe::ProbeOutcome;
use std::error::Error;
use std::io;

/// The longest piece of a server's message that is kept.
const LONGEST: usize = 300;

/// Why a visit, or one statement of it, did not work.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// What it proves about the database.
    pub outcome: ProbeOutcome,
    /// SQLSTATE, or a word of ours.
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

    /// Reads what the driver says happened at `place`.
    pub fn of(place: &str, error: &tokio_postgres::Error) -> Self {
        if let Some(said) = error.as_db_error() {
            let code = said.code().code();
            return Self::new(proves(code), code, format!("{place} answered {} {code}: {}", said.severity(), short(said.message())));
        }
        if error.is_closed() || lost(error) {
            return Self::new(
                ProbeOutcome::NoAnswer,
                "closed",
                format!("{place} closed the connection without an answer ({})", chain(error)),
            );
        }
        Self::could_not("driver", format!("{place}: {}", chain(error)))
    }

    /// Whether the statement's own time-out ended it.
    pub fn is_time_out(&self) -> bool {
        matches!(self.code.as_str(), "57014" | "55P03" | "timeout")
    }

    /// Whether no further statement can be answered on this connection.
    pub fn ends_the_visit(&self) -> bool {
        matches!(self.outcome, ProbeOutcome::NoAnswer | ProbeOutcome::Unreachable | ProbeOutcome::StartingUp)
    }

    /// The same, as the failure of `action`. Everything here only reads, so that repeating is always harmless.
    pub fn during(self, action: &str) -> CallError {
        let class = match self.outcome {
            ProbeOutcome::LoginRefused => CallClass::Denied,
            ProbeOutcome::Unreachable | ProbeOutcome::NoAnswer | ProbeOutcome::TooManyConnections | ProbeOutcome::StartingUp => {
                CallClass::Unknown
            }
            ProbeOutcome::CouldNotRun | ProbeOutcome::Answers => match self.code.as_str() {
                "42P01" | "42703" | "3F000" => CallClass::NotFound,
                "unsettled" => CallClass::WrongState,
                _ if self.is_time_out() => CallClass::Unknown,
                _ => CallClass::Invalid,
            },
        };
        CallError::new(class, action, self.code, self.text)
    }
}

/// What a SQLSTATE proves about the server that sent it.
fn proves(code: &str) -> ProbeOutcome {
    match code {
        // A wrong password, no rule for this host, no such database, no right to connect: it lives.
        "28P01" | "28000" | "3D000" | "42501" => ProbeOutcome::LoginRefused,
        "53300" => ProbeOutcome::TooManyConnections,
        "57P01" | "57P02" | "57P03" => ProbeOutcome::StartingUp,
        _ => ProbeOutcome::CouldNotRun,
    }
}

/// Whether the other side went away (in contrast to saying something that we refuse, such as a wrong certificate).
fn lost(error: &tokio_postgres::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut, UnexpectedEof};
    causes(error).into_iter().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|error| {
        matches!(
            error.kind(),
            BrokenPipe | ConnectionAborted | ConnectionReset | HostUnreachable | NetworkUnreachable | TimedOut | UnexpectedEof
        )
    })
}

/// An error with its causes, each said once.
fn chain(error: &tokio_postgres::Error) -> String {
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
fn causes(error: &tokio_postgres::Error) -> Vec<&(dyn Error + 'static)> {
    let mut causes = Vec::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    causes
}

/// The first line, cut to a bearable length.
pub(super) fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= LONGEST { line.to_owned() } else { line.chars().take(LONGEST).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_silence_is_ever_evidence_of_an_outage() {
        let table = [
            ("28P01", ProbeOutcome::LoginRefused),
            ("28000", ProbeOutcome::LoginRefused),
            ("3D000", ProbeOutcome::LoginRefused),
            ("53300", ProbeOutcome::TooManyConnections),
            ("57P01", ProbeOutcome::StartingUp),
            ("57P03", ProbeOutcome::StartingUp),
            ("53200", ProbeOutcome::CouldNotRun),
            ("XX001", ProbeOutcome::CouldNotRun),
        ];
        for (code, outcome) in table {
            assert_eq!(proves(code), outcome, "{code}");
            assert!(!proves(code).is_down(), "{code} was sent by a server that lives");
        }
    }

    #[test]
    fn a_statement_that_timed_out_may_be_repeated_and_a_missing_table_may_not() {
        let class = |code: &str| Trouble::could_not(code, "").during("postgres:fingerprint").class;
        assert_eq!(class("57014"), CallClass::Unknown);
        assert_eq!(class("55P03"), CallClass::Unknown);
        assert_eq!(class("42P01"), CallClass::NotFound);
        assert_eq!(class("XX000"), CallClass::Invalid);
    }
}
