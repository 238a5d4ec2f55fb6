//! What CloudTrail tells: who did what to the database, as far as it was a person.
//!
//! CloudTrail keeps management events for 90 days and shows an event up to about 15 minutes late. It sees no SQL.

use super::{Finding, Origin, Sureness};
use crate::span::Span;
use crate::words::{Timestamp, show_time};
use serde_json::Value;

/// How late CloudTrail may show an event.
pub const LAG: Span = Span::minutes(15);

/// What was looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// What was done, newest first.
    pub actions: Vec<Action>,
    /// Whether that is all; else only the newest pages were read.
    pub is_complete: bool,
}

/// One call that somebody made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// When.
    pub at: Timestamp,
    /// `rds:ModifyDBInstance`.
    pub call: String,
    /// Who, as CloudTrail names them.
    pub who: String,
    /// Whether it was a person, as far as an identity tells.
    pub by_person: bool,
    /// Whether it could change something, or let somebody in.
    pub matters: bool,
}

impl Action {
    /// Reads CloudTrail's record of a call; none if it is no such record.
    pub fn of(record: &Value) -> Option<Self> {
        let service = record["eventSource"].as_str()?.trim_end_matches(".amazonaws.com");
        let name = record["eventName"].as_str()?;
        let at = record["eventTime"].as_str()?.parse().ok()?;
        let identity = &record["userIdentity"];
        // Whoever reads the password may go on with SQL, which CloudTrail does not see.
        let matters = record["readOnly"] != true || name == "GetSecretValue";
        Some(Self {
            at,
            call: format!("{service}:{name}"),
            who: who(identity),
            by_person: is_person(identity),
            matters: matters && record["errorCode"].is_null(),
        })
    }
}

fn who(identity: &Value) -> String {
    let session = identity["arn"].as_str().and_then(|arn| arn.rsplit(':').next());
    identity["userName"].as_str().or(session).or(identity["type"].as_str()).unwrap_or("somebody").to_owned()
}

/// Users and the account's root are people; of roles, those of IAM Identity Center, those entered with a second factor, and those
/// whose session is named after an address, as consoles and CLIs do.
fn is_person(identity: &Value) -> bool {
    let text = |pointer: &str| identity.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match identity["type"].as_str() {
        Some("Root" | "IAMUser" | "IdentityCenterUser" | "SAMLUser" | "WebIdentityUser") => identity["invokedBy"].is_null(),
        Some("AssumedRole") => {
            text("/sessionContext/sessionIssuer/userName").starts_with("AWSReservedSSO_")
                || text("/sessionContext/attributes/mfaAuthenticated") == "true"
                || text("/arn").contains('@')
        }
        _ => false,
    }
}

/// Findings that are told of one trail.
const MOST: usize = 8;

/// What people did, as hints: none of it proves anything of the data.
pub fn findings(trail: &Trail) -> Vec<Finding> {
    let hint = |action: &Action| {
        let text = format!("{} called {} at {}", action.who, action.call, show_time(action.at));
        Finding::at(Origin::CloudTrail, Sureness::Possible, action.at, text)
    };
    trail.actions.iter().filter(|action| action.by_person && action.matters).take(MOST).map(hint).collect()
}
