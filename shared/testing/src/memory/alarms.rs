//! CloudWatch's alarms: they stand under their names, and `PutMetricAlarm` writes over whatever stands there.

use super::Cloud;
use lifeboat_domain::alarms::{Alarm, MetricAlarm};
use lifeboat_domain::ports::{Answer, ReadAlarms, WriteAlarms};

impl ReadAlarms for Cloud {
    async fn alarms(&self) -> Answer<Vec<Alarm>> {
        self.serve("cloudwatch:DescribeAlarms", "", |world| Ok(world.alarms.values().cloned().collect()))
    }

    async fn alarm(&self, name: &str) -> Answer<Option<Alarm>> {
        self.serve("cloudwatch:DescribeAlarms", name, |world| Ok(world.alarms.get(name).cloned()))
    }
}

impl WriteAlarms for Cloud {
    async fn put_alarm(&self, alarm: &MetricAlarm) -> Answer<()> {
        self.serve("cloudwatch:PutMetricAlarm", &alarm.name, |world| {
            world.alarms.insert(alarm.name.clone(), Alarm::Metric(Box::new(alarm.clone())));
            Ok(())
        })
    }
}
