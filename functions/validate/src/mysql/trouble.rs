//! What MySQL's and MariaDB's errors prove. The numbers are of <https://mariadb.com/kb/en/mariadb-error-code-reference/> and of
//! <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>; both servers share those below 1900.

use crate::sql::place::Place;
use crate::sql::trouble::{Trouble, chain, lost, told};
use lifeboat_domain::probe::ProbeOutcome;
use mysql_async::{DriverError, Error, IoError};
use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};

/// Reads what the driver says happened at `place`.
pub(super) fn of(place: &str, error: &Error) -> Trouble {
    match error {
        Error::Server(said) => {
            let text = format!("{place} answered {} ({}): {}", said.code, said.state, told(&said.state, &said.message));
            Trouble::new(proves(said.code), &said.code.to_string(), text)
        }
        Error::Driver(DriverError::ConnectionClosed) => closed(place, error),
        other if lost(other) => closed(place, error),
        _ => Trouble::could_not("driver", format!("{place}: {}", chain(error))),
    }
}

/// Reads what the driver says of an attempt to connect.
pub(super) fn of_connect(place: &Place<'_>, error: &Error) -> Trouble {
    match error {
        Error::Io(IoError::Io(cause))
            if matches!(cause.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable | TimedOut)
                || cause.raw_os_error().is_some_and(|_| !lost(error)) =>
        {
            place.not_connected(cause)
        }
        _ => of(&place.shown, error),
    }
}

fn closed(place: &str, error: &Error) -> Trouble {
    Trouble::new(ProbeOutcome::NoAnswer, "closed", format!("{place} closed the connection without an answer ({})", chain(error)))
}

/// What an error number proves about the server that sent it.
const fn proves(code: u16) -> ProbeOutcome {
    match code {
        // Access denied (for a user, with no password, to a database, to a table, to a column, for want of a privilege), no such
        // database, no way in for this host, an unknown or refused authentication method, an expired password, a locked account
        // (MySQL 3118, MariaDB 4151), TLS required: it lives.
        1045 | 1698 | 1044 | 1142 | 1143 | 1227 | 1049 | 1129 | 1130 | 1251 | 1275 | 1820 | 1862 | 3118 | 4151 | 3159 => {
            ProbeOutcome::LoginRefused
        }
        // Of the server, of the user at one time, of the user in one hour.
        1040 | 1203 | 1226 => ProbeOutcome::TooManyConnections,
        // Shutdown in progress, shutdown, connection killed (MariaDB), offline mode (MySQL).
        1053 | 1079 | 1927 | 3032 => ProbeOutcome::StartingUp,
        _ => ProbeOutcome::CouldNotRun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_domain::Span;
    use lifeboat_domain::error::CallClass;
    use lifeboat_domain::ports::VisitLimits;
    use mysql_async::ServerError;
    use std::io;

    fn said(code: u16) -> Error {
        Error::Server(ServerError { code, message: "a message".to_owned(), state: "HY000".to_owned() })
    }

    fn io(error: io::Error) -> Error {
        Error::Io(IoError::Io(error))
    }

    #[test]
    fn only_silence_is_ever_evidence_of_an_outage() {
        use ProbeOutcome::{CouldNotRun, LoginRefused, StartingUp, TooManyConnections};
        let table = [
            (1045, LoginRefused),
            (1698, LoginRefused),
            (1044, LoginRefused),
            (1049, LoginRefused),
            (1130, LoginRefused),
            (1142, LoginRefused),
            (3159, LoginRefused),
            (1040, TooManyConnections),
            (1203, TooManyConnections),
            (1226, TooManyConnections),
            (1053, StartingUp),
            (3032, StartingUp),
            (1064, CouldNotRun),
            (1146, CouldNotRun),
            (1969, CouldNotRun),
            (1034, CouldNotRun),
        ];
        for (code, outcome) in table {
            let trouble = of("db:3306", &said(code));
            assert_eq!((trouble.outcome, trouble.code), (outcome, code.to_string()));
            assert!(!outcome.is_down(), "{code} was sent by a server that lives");
            assert_eq!(trouble.text, format!("db:3306 answered {code} (HY000): a message"));
        }
    }

    #[test]
    fn what_may_be_repeated_is_told_from_what_may_not() {
        let class = |code: u16| of("db:3306", &said(code)).during("mysql:fingerprint").class;
        assert_eq!(class(1045), CallClass::Denied);
        assert_eq!(class(1040), CallClass::Unknown);
        assert_eq!(class(1205), CallClass::Unknown);
        assert_eq!(class(1969), CallClass::Unknown);
        assert_eq!(class(3024), CallClass::Unknown);
        assert_eq!(class(1146), CallClass::NotFound);
        assert_eq!(class(1064), CallClass::Invalid);
    }

    #[test]
    fn a_refused_connect_is_theirs_and_a_want_of_descriptors_is_ours() {
        let limits = VisitLimits { connect: Span::seconds(2), statement: Span::seconds(2) };
        let connecting = |error: io::Error| of_connect(&Place::new("db", 3306, limits), &io(error)).outcome;
        for kind in [ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut] {
            assert_eq!(connecting(kind.into()), ProbeOutcome::Unreachable, "{kind}");
        }
        assert_eq!(connecting(io::Error::from_raw_os_error(24)), ProbeOutcome::CouldNotRun);
        assert_eq!(connecting(io::ErrorKind::ConnectionReset.into()), ProbeOutcome::NoAnswer);
        assert_eq!(connecting(io::Error::from_raw_os_error(104)), ProbeOutcome::NoAnswer);
        assert_eq!(of("db:3306", &io(io::ErrorKind::UnexpectedEof.into())).outcome, ProbeOutcome::NoAnswer);
        assert_eq!(of("db:3306", &Error::Driver(DriverError::ConnectionClosed)).outcome, ProbeOutcome::NoAnswer);
        assert_eq!(of("db:3306", &io(io::Error::new(io::ErrorKind::InvalidData, "certificate"))).outcome, ProbeOutcome::CouldNotRun);
        assert_eq!(of("db:3306", &Error::Driver(DriverError::NoClientSslFlagFromServer)).outcome, ProbeOutcome::CouldNotRun);
    }
}
