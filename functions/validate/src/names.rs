//! The resolver of the databases' network, as clients there use it.

use crate::databases::Databases;
use lifeboat_domain::ports::{Answer, Clock, ResolveNames};
use lifeboat_domain::{CallClass, CallError};
use std::collections::BTreeSet;
use std::time::Duration;

/// For one name; a resolver that is asked in vain says so after several seconds.
const RESOLVE: Duration = Duration::from_secs(5);
const ACTION: &str = "dns:resolve";

impl<C: Clock> ResolveNames for Databases<C> {
    async fn addresses(&self, host: &str) -> Answer<Vec<String>> {
        resolve(host).await
    }
}

async fn resolve(host: &str) -> Answer<Vec<String>> {
    let failed = |code: &str, why: String| CallError::new(CallClass::Unknown, ACTION, code, format!("{host}: {why}"));
    let found = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host, 0))).await;
    let found = found.map_err(|_| failed("timeout", format!("not resolved within {} s", RESOLVE.as_secs())))?;
    let found = found.map_err(|error| failed("not_resolved", error.to_string()))?;
    let found: BTreeSet<String> = found.map(|address| address.ip().to_string()).collect();
    Ok(found.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_its_own_name_and_a_name_that_nobody_knows_may_be_asked_for_again() {
        assert_eq!(resolve("127.0.0.1").await.unwrap(), ["127.0.0.1"]);
        let error = resolve("nobody-knows-this.invalid").await.unwrap_err();
        assert_eq!(error.class, CallClass::Unknown);
        assert!(error.message.contains("nobody-knows-this.invalid"), "{error}");
    }
}
