//! Between AWS's time type and ours.

use aws_smithy_types::DateTime;
use lifeboat_domain::Timestamp;

/// Our timestamp; none where chrono cannot hold it.
pub(crate) fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::from_timestamp(at.secs(), at.subsec_nanos())
}

/// AWS's time, in whole seconds: earlier rather than later, so that a restore never passes the asked moment.
#[cfg(any(feature = "rds", feature = "tables"))]
pub(crate) fn date_time(at: Timestamp) -> DateTime {
    DateTime::from_secs(at.timestamp())
}
