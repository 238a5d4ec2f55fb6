//! What only a DynamoDB table needs.

use super::Answer;
use crate::ids::DatabaseId;
use crate::plan::TableSetting;

/// `dynamodb:UpdateTable`, `UpdateTimeToLive`, `UpdateContinuousBackups`, `UpdateContributorInsights`, `PutResourcePolicy`,
/// `EnableKinesisStreamingDestination`; `application-autoscaling:RegisterScalableTarget`, `PutScalingPolicy`.
pub trait SetTables {
    /// Sets what a restored table comes without. Setting it again changes nothing; a table that is being updated refuses.
    async fn set_table(&self, table: &DatabaseId, setting: &TableSetting) -> Answer<()>;
}
