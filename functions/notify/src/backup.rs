//! The step `backup`: says so if a backup run did not cover everything.

use crate::Deps;
use crate::commands::Execution;
use crate::message::{About, Advice, Letter, Numbers, Severity};
use crate::text::{count, one_line};
use crate::told::{self, Told};
use lifeboat_domain::DrError;
use lifeboat_domain::point::PointState;
use lifeboat_domain::ports::{Clock, Documents, Key, Ledger, Publish};
use lifeboat_domain::{Timestamp, show_time};
use serde::{Deserialize, Serialize};

/// Which run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TellBackup {
    /// Where its summary lies in the bucket.
    run: String,
    #[serde(default)]
    execution: String,
}

/// Whether there was something to tell.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    told: bool,
}

/// The summary of a run, as `snapshot` writes it; fields that it gains are none of our business.
#[derive(Debug, Deserialize)]
struct Summary {
    run: String,
    started_at: Timestamp,
    #[serde(default)]
    points: Vec<Point>,
    #[serde(default)]
    skipped: Vec<Skipped>,
}

#[derive(Debug, Deserialize)]
struct Point {
    resource: String,
    #[serde(default)]
    snapshot: Option<String>,
    state: String,
    #[serde(default)]
    note: Option<String>,
}

impl Point {
    /// Anything but a restorable point is no backup.
    fn is_good(&self) -> bool {
        matches!(PointState::parse(&self.state), Some(PointState::Available | PointState::Verified))
    }

    fn line(&self) -> String {
        let snapshot = self.snapshot.as_deref().unwrap_or("no snapshot");
        let note = self.note.as_deref().map_or_else(|| "no reason was given".to_owned(), one_line);
        format!("{}: {snapshot} is {}: {note}", self.resource, self.state)
    }
}

#[derive(Debug, Deserialize)]
struct Skipped {
    resource: String,
    reason: String,
    #[serde(default)]
    leased: Option<bool>,
}

impl Skipped {
    /// A leased resource is being recovered: that is told elsewhere. A summary that does not say so says it in its reason.
    fn is_leased(&self) -> bool {
        self.leased.unwrap_or_else(|| self.reason_names_a_lease())
    }

    fn reason_names_a_lease(&self) -> bool {
        self.reason.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| matches!(word.to_ascii_lowercase().as_str(), "lease" | "leased"))
    }
}

/// Tells it, once for each run.
pub(crate) async fn tell_backup(
    deps: &Deps<impl Ledger, impl Documents, impl Publish, impl Clock>,
    input: TellBackup,
) -> Result<Answer, DrError> {
    let now = deps.clock.now();
    let found =
        deps.documents.get_json(&input.run).await.map_err(|error| error.while_doing(format!("reading the summary {}", input.run)))?;
    let document = found.ok_or_else(|| DrError::not_found(format!("the bucket has no summary {}", input.run)))?;
    let summary: Summary = serde_json::from_value(document)
        .map_err(|error| DrError::unrecoverable(format!("the summary {} does not decode: {error}", input.run)))?;
    let failed: Vec<&Point> = summary.points.iter().filter(|point| !point.is_good()).collect();
    let skipped: Vec<&Skipped> = summary.skipped.iter().filter(|skipped| !skipped.is_leased()).collect();
    if failed.is_empty() && skipped.is_empty() {
        return Ok(Answer { told: false });
    }
    let letter = letter(&summary, &failed, &skipped, &input, deps.documents.location(&input.run));
    let key = Key { partition: format!("backup#{}", input.run), sort: "message".to_owned() };
    let kept = told::write_down(&deps.ledger, &key, Told::new(now, &input.execution, letter.into_message(now)?, None)).await?;
    told::send(&deps.ledger, &deps.topic, &key, &kept.value, now).await?;
    Ok(Answer { told: true })
}

fn letter(summary: &Summary, failed: &[&Point], skipped: &[&Skipped], input: &TellBackup, location: String) -> Letter {
    let first = failed.iter().map(|point| point.resource.as_str()).chain(skipped.iter().map(|skipped| skipped.resource.as_str()));
    let names: Vec<&str> = first.collect();
    let (covered, all) = (summary.points.len() - failed.len(), summary.points.len() + summary.skipped.len());
    let mut happened =
        vec![format!("Backup run {} of {} covered {covered} of {}", summary.run, show_time(summary.started_at), count(all, "resource"))];
    happened.extend(failed.iter().map(|point| point.line()));
    happened.extend(skipped.iter().map(|skipped| format!("{} was skipped: {}", skipped.resource, one_line(&skipped.reason))));
    Letter {
        what: "backup".to_owned(),
        outcome: None,
        severity: Severity::Warning,
        headline: format!("BACKUP incomplete, {covered} of {all} covered: {}", names.join(", ")),
        hint: "The email says why, and how to run it again.".to_owned(),
        happened,
        done: vec![if covered == 1 { "1 resource was backed up".to_owned() } else { format!("{covered} resources were backed up") }],
        to_do: vec![
            Advice::new(
                "Mend the cause, then run the backup again",
                Execution::parse(&input.execution).map(|execution| execution.start("{}")).into_iter().collect(),
            ),
            Advice::say("Until then a recovery of these resources may have to go back further than their policy promises"),
        ],
        approve_with: None,
        numbers: Numbers::default(),
        about: About { execution: Some(input.execution.clone()).filter(|arn| !arn.is_empty()), report: Some(location), ..About::default() },
    }
}
