//! What PostgreSQL's errors prove.

use crate::sql::trouble::{Trouble, chain, lost, told};
use lifeboat_domain::probe::ProbeOutcome;

/// Reads what the driver says happened at `place`.
pub(super) fn of(place: &str, error: &tokio_postgres::Error) -> Trouble {
    if let Some(said) = error.as_db_error() {
        let code = said.code().code();
        return Trouble::new(proves(code), code, format!("{place} answered {} {code}: {}", said.severity(), told(code, said.message())));
    }
    if error.is_closed() || lost(error) {
        return Trouble::new(
            ProbeOutcome::NoAnswer,
            "closed",
            format!("{place} closed the connection without an answer ({})", chain(error)),
        );
    }
    Trouble::could_not("driver", format!("{place}: {}", chain(error)))
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
}
