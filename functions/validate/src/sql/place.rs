//! Where a database listens: its address, and what a failed connection says.

use super::trouble::Trouble;
use crate::databases::Engine;
use lifeboat_domain::observed::Endpoint;
use lifeboat_domain::ports::{Target, VisitLimits};
use lifeboat_domain::probe::ProbeOutcome;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

/// The endpoint of a target that runs `engine`.
pub(crate) fn endpoint_of(target: &Target, engine: Engine) -> Result<&Endpoint, Trouble> {
    let Target { resource, instance, endpoint, .. } = target;
    if Engine::of(&target.engine) != Some(engine) {
        return Err(Engine::cannot_be_opened(target));
    }
    endpoint.as_ref().ok_or_else(|| {
        Trouble::could_not("no_endpoint", format!("{resource}: {instance} has no endpoint, so there is nothing to connect to"))
    })
}

/// One place, to be visited within its limits.
pub(crate) struct Place<'a> {
    host: &'a str,
    port: u16,
    /// Host and port, for sentences.
    pub shown: String,
    /// When the connection must stand, with a first answer.
    pub deadline: Instant,
    limits: VisitLimits,
}

impl<'a> Place<'a> {
    /// Its time begins now.
    pub fn new(host: &'a str, port: u16, limits: VisitLimits) -> Self {
        let deadline = Instant::now() + Duration::from_secs(limits.connect.as_secs());
        Self { host, port, shown: format!("{host}:{port}"), deadline, limits }
    }

    /// Its addresses; a resolver that does not answer is our own failure and not the database's.
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, Trouble> {
        let place = &self.shown;
        let found = timeout_at(self.deadline, lookup_host((self.host, self.port)))
            .await
            .map_err(|_| Trouble::could_not("dns", format!("the name of {place} was not resolved within {}", self.limits.connect)))?;
        match found {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) if resolver_is_ill(&error) => {
                Err(Trouble::could_not("dns", format!("the resolver cannot say where {place} is: {error}")))
            }
            Err(error) => Err(unreachable(format!("{place} has no address: {error}"))),
        }
    }

    /// Connects, and tells our own failures from the database's.
    pub async fn connect(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Trouble> {
        match timeout_at(self.deadline, TcpStream::connect(addresses)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(|error| Trouble::could_not("socket", format!("{}: {error}", self.shown)))?;
                Ok(stream)
            }
            Ok(Err(error)) => Err(self.not_connected(&error)),
            Err(_) => Err(self.nobody_there()),
        }
    }

    /// A connect that failed.
    pub fn not_connected(&self, error: &io::Error) -> Trouble {
        let place = &self.shown;
        if is_theirs(error.kind()) {
            return unreachable(format!("nothing accepts connections at {place}: {error}"));
        }
        Trouble::could_not("socket", format!("no connection to {place} could be attempted: {error}"))
    }

    /// A connect that was not answered in time.
    pub fn nobody_there(&self) -> Trouble {
        unreachable(format!("{} accepted no connection within {}", self.shown, self.limits.connect))
    }

    /// A connection that was accepted, and then nothing.
    pub fn silent(&self) -> Trouble {
        let text = format!("{} accepted the connection, but gave no answer within {}", self.shown, self.limits.connect);
        Trouble::new(ProbeOutcome::NoAnswer, "timeout", text)
    }
}

fn unreachable(text: String) -> Trouble {
    Trouble::new(ProbeOutcome::Unreachable, "connect", text)
}

/// Whether a failed connect says something of the other side, and not of this prober (no descriptors, no ports, not allowed).
fn is_theirs(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(kind, ConnectionAborted | ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable | TimedOut)
}

/// Whether a look-up failed because no resolver answered (glibc's and musl's words for `EAI_AGAIN`), and not because the name is gone.
fn resolver_is_ill(error: &io::Error) -> bool {
    let text = error.to_string();
    text.contains("Temporary failure in name resolution") || text.contains("Try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sick_resolver_is_our_own_failure_and_a_name_that_is_gone_is_not() {
        let says = |text: &str| resolver_is_ill(&io::Error::other(format!("failed to lookup address information: {text}")));
        assert!(says("Temporary failure in name resolution") && says("Try again"));
        assert!(!says("Name or service not known") && !says("Name does not resolve"));
    }

    #[test]
    fn running_out_of_descriptors_says_nothing_of_the_database() {
        assert!(is_theirs(io::ErrorKind::ConnectionRefused) && is_theirs(io::ErrorKind::HostUnreachable));
        assert!(!is_theirs(io::Error::from_raw_os_error(24).kind()) && !is_theirs(io::ErrorKind::PermissionDenied));
    }
}
