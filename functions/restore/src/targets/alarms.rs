//! Making a copy of an alarm, never over another one.

use crate::observe::Observation;
use lifeboat_domain::acting::CallRecord;
use lifeboat_domain::alarms::{Alarm, MetricAlarm};
use lifeboat_domain::plan::Act;
use lifeboat_domain::ports::{Answer, ReadAlarms, WriteAlarms};
use lifeboat_domain::{CallClass, CallError, DrError};

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
