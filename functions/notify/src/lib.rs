//! The `notify` Lambda: says what happens to people and machines, writes the report, and closes incidents.
//!
//! * `tell`: a message on the way, once for each incident and plan.
//! * `close`: an execution has ended: report, incident, resource record, message.
//! * `news`: what `detect` found and no workflow tells.
//! * `backup`: a backup run that did not cover everything.
//!
//! Every message is written down before it is published (see `told.rs`), so any step may run twice.

mod alarms;
mod backup;
mod caches;
mod calls;
mod close;
mod commands;
mod consumers;
mod copies;
mod ending;
mod iac;
mod measure;
mod message;
mod news;
mod phrases;
mod report;
mod rows;
mod standby;
mod story;
mod tell;
mod text;
mod told;
mod undo;
mod usable;

#[cfg(test)]
mod tests;

use lifeboat_domain::DrError;
use lifeboat_domain::policy::PolicyDocument;
use lifeboat_domain::ports::{Clock, Documents, Ledger, Publish};
use lifeboat_lambda::{decode, encode};
use serde::Deserialize;
use serde_json::Value;

/// What `notify` needs of the world.
#[derive(Debug)]
pub struct Deps<L, D, P, C> {
    /// Incidents, plans, calls, and what was told.
    pub ledger: L,
    /// Where reports go.
    pub documents: D,
    /// Where messages go.
    pub topic: P,
    /// The time.
    pub clock: C,
    /// The promises that are reported against.
    pub policies: PolicyDocument,
}

/// What `notify` does, by the field `step`.
#[derive(Debug, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Step {
    Tell(tell::Tell),
    Close(close::Close),
    News(news::TellNews),
    Backup(backup::TellBackup),
}

/// Takes one step; the input is decoded here, so that bad input fails under a name of ours.
pub async fn handle(deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>, input: Value) -> Result<Value, DrError> {
    match decode::<Step>(input)? {
        Step::Tell(input) => encode(&tell::tell(deps, input).await?),
        Step::Close(input) => encode(&close::close(deps, input).await?),
        Step::News(input) => encode(&news::tell_news(deps, input).await?),
        Step::Backup(input) => encode(&backup::tell_backup(deps, input).await?),
    }
}
