//! Copies of alarms: which ones there are to copy, and making one.

use crate::observe::Observation;
use crate::{Databases, Deps};
use lifeboat_domain::acting::CallRecord;
use lifeboat_domain::alarms::{Alarm, MetricAlarm, on};
use lifeboat_domain::plan::Act;
use lifeboat_domain::point::Manifest;
use lifeboat_domain::ports::{Answer, Documents, ReadAlarms, WriteAlarms};
use lifeboat_domain::register::{ResourceRecord, kept_manifest};
use lifeboat_domain::{CallClass, CallError, DrError};

/// Adds the alarms on a database to its manifest: as they stand now or, where they cannot be read or went with it, as they stood at its
/// last backup. Not knowing them stops no recovery.
pub(crate) async fn with_alarms<R: Databases, L, D: Documents, S, E, C>(
    deps: &Deps<R, L, D, S, E, C>,
    record: &ResourceRecord,
    manifest: Manifest,
    is_gone: bool,
) -> Result<Manifest, DrError> {
    let now = match deps.databases.alarms().await {
        Ok(all) => Some(on(&all, &manifest.id)),
        Err(error) => {
            tracing::warn!(id = %manifest.id, "its alarms could not be read: {error}");
            None
        }
    };
    let alarms = match now.filter(|now| !is_gone || !now.is_empty()) {
        Some(now) => Some(now),
        None => kept_manifest(&deps.documents, record).await?.filter(|kept| kept.id == manifest.id).and_then(|kept| kept.alarms),
    };
    Ok(Manifest { alarms, ..manifest })
}

/// What stands under a copy's name.
enum Stands {
    Nothing,
    /// The copy; somebody may have changed its threshold since, which is left as it is.
    Ours,
    Another(String),
}

async fn stands<R: ReadAlarms>(databases: &R, copy: &MetricAlarm) -> Answer<Stands> {
    Ok(match databases.alarm(&copy.name).await? {
        None => Stands::Nothing,
        Some(Alarm::Metric(found)) if found.watches_the_same(copy) => Stands::Ours,
        Some(Alarm::Metric(found)) => Stands::Another(format!("watches {} of {:?}", found.metric, found.dimensions)),
        Some(Alarm::Other(found)) => Stands::Another(found.why),
    })
}

/// Makes a copy, unless it stands; never over another alarm.
pub(crate) async fn send<R: ReadAlarms + WriteAlarms>(databases: &R, copy: &MetricAlarm) -> Answer<()> {
    match stands(databases, copy).await? {
        Stands::Nothing => databases.put_alarm(copy).await,
        Stands::Ours => Ok(()),
        Stands::Another(what) => {
            let text = format!("an alarm {} exists already and is no copy of Lifeboat's: {what}; it is not touched", copy.name);
            Err(CallError::new(CallClass::Invalid, "cloudwatch:PutMetricAlarm", "AlarmName", text))
        }
    }
}

/// Looks whether a copy was made.
pub(crate) async fn observe<R: ReadAlarms>(databases: &R, record: &CallRecord) -> Result<Observation, DrError> {
    let Act::CopyAlarm { alarm, .. } = &record.act else { return Ok(Observation::CannotTell) };
    let found = stands(databases, alarm).await.map_err(|error| error.while_doing(format!("reading alarm {}", alarm.name)))?;
    Ok(Observation::done_if(matches!(found, Stands::Ours), "CloudWatch shows the copy"))
}
