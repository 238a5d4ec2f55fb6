//! CloudWatch's alarms.

use super::Answer;
use crate::alarms::{Alarm, MetricAlarm};

/// `cloudwatch:DescribeAlarms`.
pub trait ReadAlarms {
    /// Every alarm of the Region, every page.
    async fn alarms(&self) -> Answer<Vec<Alarm>>;
    /// The alarm of this name; none if it does not exist.
    async fn alarm(&self, name: &str) -> Answer<Option<Alarm>>;
}

/// `cloudwatch:PutMetricAlarm`.
pub trait WriteAlarms {
    /// Makes the alarm, or makes the one of its name like it: whoever calls has looked whose that is.
    async fn put_alarm(&self, alarm: &MetricAlarm) -> Answer<()>;
}
