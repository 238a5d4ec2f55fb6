//! What a restored table comes without: read of the source, set on the copy.

use super::Tables;
use crate::classify::{call_error, invalid};
use aws_sdk_applicationautoscaling::types::{
    MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ScalableTarget, ScalingPolicy, ServiceNamespace,
    TargetTrackingScalingPolicyConfiguration,
};
use aws_sdk_dynamodb::types::{
    ContributorInsightsAction, ContributorInsightsStatus, DestinationStatus, PointInTimeRecoverySpecification, StreamSpecification,
    StreamViewType, TableClass, TimeToLiveSpecification, TimeToLiveStatus,
};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::observed::{Autoscaling, ObservedDatabase, Own, TableConfiguration, table_door};
use lifeboat_domain::plan::TableSetting;
use lifeboat_domain::ports::{Answer, SetTables};
use lifeboat_domain::{CallClass, CallError};

const UPDATE: &str = "dynamodb:UpdateTable";
/// The name of the policy that Application Auto Scaling is given.
const SCALING_POLICY: &str = "lifeboat-restored";

/// What could not be read for the want of a permission is told, and keeps nobody from a recovery.
fn readable<T: Default>(what: &str, answer: Answer<T>, unread: &mut Vec<String>) -> Answer<T> {
    match answer {
        Err(error) if error.class == CallClass::Denied => {
            unread.push(format!("{what} ({} was refused)", error.action));
            Ok(T::default())
        }
        answer => answer,
    }
}

impl Tables {
    /// Reads what DescribeTable does not show.
    pub(super) async fn read_settings(&self, table: &mut ObservedDatabase) -> Answer<()> {
        let name = table.id.as_str().to_owned();
        let mut unread = Vec::new();
        let ttl = readable("its time to live", self.time_to_live(&name).await, &mut unread)?;
        let kinesis = readable("its Kinesis destinations", self.destinations(&name).await, &mut unread)?;
        let insights = readable("its contributor insights", self.insights(&name).await, &mut unread)?;
        let autoscaling = readable("its auto scaling", self.autoscaling(&name).await, &mut unread)?;
        let door = self.door(table.arn.as_str()).await?;
        table.groups = table_door(door.denies);
        table.configuration.security_groups = table.groups.iter().map(|group| group.id.clone()).collect();
        if let Some(Own::Table(own)) = &mut table.configuration.own {
            **own = TableConfiguration { ttl, kinesis, insights, autoscaling, policy: door.owners(), unread, ..(**own).clone() };
        }
        Ok(())
    }

    async fn time_to_live(&self, table: &str) -> Answer<Option<String>> {
        let output = self.client.describe_time_to_live().table_name(table).send().await;
        let shown = output.map_err(|error| call_error("dynamodb:DescribeTimeToLive", &error))?.time_to_live_description;
        let is_on = |status: Option<&TimeToLiveStatus>| matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
        Ok(shown.filter(|shown| is_on(shown.time_to_live_status())).and_then(|shown| shown.attribute_name))
    }

    async fn destinations(&self, table: &str) -> Answer<Vec<String>> {
        let output = self.client.describe_kinesis_streaming_destination().table_name(table).send().await;
        let output = output.map_err(|error| call_error("dynamodb:DescribeKinesisStreamingDestination", &error))?;
        let is_on = |status: Option<&DestinationStatus>| matches!(status, Some(DestinationStatus::Active | DestinationStatus::Enabling));
        let shown = output.kinesis_data_stream_destinations().iter().filter(|shown| is_on(shown.destination_status()));
        let mut streams: Vec<String> = shown.filter_map(|shown| shown.stream_arn.clone()).collect();
        streams.sort();
        Ok(streams)
    }

    async fn insights(&self, table: &str) -> Answer<Vec<String>> {
        let mut pages = self.client.list_contributor_insights().table_name(table).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| call_error("dynamodb:ListContributorInsights", &error))?;
            let is_on = |status: Option<&ContributorInsightsStatus>| {
                matches!(status, Some(ContributorInsightsStatus::Enabled | ContributorInsightsStatus::Enabling))
            };
            let on = page.contributor_insights_summaries().iter().filter(|shown| is_on(shown.contributor_insights_status()));
            found.extend(on.map(|shown| shown.index_name.clone().unwrap_or_default()));
        }
        found.sort();
        Ok(found)
    }

    /// The scalable targets of the table and its indexes, whose names begin with the table's.
    async fn autoscaling(&self, table: &str) -> Answer<Vec<Autoscaling>> {
        let resource = format!("table/{table}");
        let is_of_it = |id: &str| id == resource || id.starts_with(&format!("{resource}/index/"));
        let mut targets: Vec<ScalableTarget> = Vec::new();
        let request = self.scaling.describe_scalable_targets().service_namespace(ServiceNamespace::Dynamodb);
        let mut items = request.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| call_error("application-autoscaling:DescribeScalableTargets", &error))?;
            targets.extend(Some(item).filter(|item| is_of_it(item.resource_id())));
        }
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let mut policies: Vec<ScalingPolicy> = Vec::new();
        let request = self.scaling.describe_scaling_policies().service_namespace(ServiceNamespace::Dynamodb);
        let mut items = request.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| call_error("application-autoscaling:DescribeScalingPolicies", &error))?;
            policies.extend(Some(item).filter(|item| is_of_it(item.resource_id())));
        }
        let mut found: Vec<Autoscaling> = targets.iter().map(|target| scaled(target, &policies)).collect();
        found.sort();
        Ok(found)
    }

    async fn scale(&self, table: &DatabaseId, target: &Autoscaling) -> Answer<()> {
        let (resource, dimension) = (target.resource(table.as_str()), ScalableDimension::from(target.dimension()));
        let request = self.scaling.register_scalable_target().service_namespace(ServiceNamespace::Dynamodb).resource_id(&resource);
        let request = request.scalable_dimension(dimension.clone()).min_capacity(target.least).max_capacity(target.most);
        request.send().await.map_err(|error| call_error("application-autoscaling:RegisterScalableTarget", &error))?;
        let Some(percent) = target.target_percent else { return Ok(()) };
        let action = "application-autoscaling:PutScalingPolicy";
        let metric = if target.reads { MetricType::DynamoDbReadCapacityUtilization } else { MetricType::DynamoDbWriteCapacityUtilization };
        let built = |error: aws_smithy_types::error::operation::BuildError| {
            invalid(action, "TargetTrackingScalingPolicyConfiguration", error.to_string())
        };
        let metric = PredefinedMetricSpecification::builder().predefined_metric_type(metric).build().map_err(built)?;
        let tracking =
            TargetTrackingScalingPolicyConfiguration::builder().target_value(f64::from(percent)).predefined_metric_specification(metric);
        let tracking = tracking.build().map_err(built)?;
        let suffix = if target.reads { "reads" } else { "writes" };
        let request = self
            .scaling
            .put_scaling_policy()
            .policy_name(format!("{SCALING_POLICY}-{suffix}"))
            .service_namespace(ServiceNamespace::Dynamodb);
        let request = request.resource_id(&resource).scalable_dimension(dimension).policy_type(PolicyType::TargetTrackingScaling);
        let output = request.target_tracking_scaling_policy_configuration(tracking).send().await;
        output.map(|_| ()).map_err(|error| call_error(action, &error))
    }
}

fn scaled(target: &ScalableTarget, policies: &[ScalingPolicy]) -> Autoscaling {
    let dimension = target.scalable_dimension();
    let of_it = policies.iter().find(|policy| policy.resource_id() == target.resource_id() && policy.scalable_dimension() == dimension);
    let tracking = of_it.and_then(|policy| policy.target_tracking_scaling_policy_configuration());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share in per cent is from 20 to 90")]
    let percent = |value: f64| value.clamp(0.0, 100.0).round() as u8;
    Autoscaling {
        index: target.resource_id().split_once("/index/").map(|(_, index)| index.to_owned()),
        reads: dimension.as_str().ends_with("ReadCapacityUnits"),
        least: target.min_capacity(),
        most: target.max_capacity(),
        target_percent: tracking.map(|tracking| percent(tracking.target_value())),
    }
}

/// DynamoDB complains of a setting that is there already with a code that says nothing.
fn unless_set(answer: Answer<()>) -> Answer<()> {
    let is_set = |error: &CallError| {
        let text = error.message.to_ascii_lowercase();
        error.code == "ValidationException" && text.contains("already") && text.contains("enabled")
    };
    match answer {
        Err(error) if is_set(&error) => Ok(()),
        answer => answer,
    }
}

impl SetTables for Tables {
    async fn set_table(&self, table: &DatabaseId, setting: &TableSetting) -> Answer<()> {
        let name = table.as_str();
        let action = setting.action();
        let built = |error: aws_smithy_types::error::operation::BuildError| invalid(action, "request", error.to_string());
        match setting {
            TableSetting::PointInTime { days } => {
                let told = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).recovery_period_in_days(*days);
                let request = self.client.update_continuous_backups().table_name(name);
                let output = request.point_in_time_recovery_specification(told.build().map_err(built)?).send().await;
                // They are being switched on for a new table.
                output.map(|_| ()).map_err(|error| call_error(action, &error)).map_err(|error| match error.code.as_str() {
                    "ContinuousBackupsUnavailableException" => CallError { class: CallClass::WrongState, ..error },
                    _ => error,
                })
            }
            TableSetting::TimeToLive { attribute } => {
                let told = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build().map_err(built)?;
                let output = self.client.update_time_to_live().table_name(name).time_to_live_specification(told).send().await;
                unless_set(output.map(|_| ()).map_err(|error| call_error(action, &error)))
            }
            TableSetting::Stream { view } => {
                let told = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::from(view.as_str()));
                let output = self.client.update_table().table_name(name).stream_specification(told.build().map_err(built)?).send().await;
                unless_set(output.map(|_| ()).map_err(|error| call_error(UPDATE, &error)))
            }
            TableSetting::TableClass { class } => {
                let output = self.client.update_table().table_name(name).table_class(TableClass::from(class.as_str())).send().await;
                output.map(|_| ()).map_err(|error| call_error(UPDATE, &error))
            }
            TableSetting::DeletionProtection => {
                let output = self.client.update_table().table_name(name).deletion_protection_enabled(true).send().await;
                output.map(|_| ()).map_err(|error| call_error(UPDATE, &error))
            }
            TableSetting::Kinesis { stream } => {
                let output = self.client.enable_kinesis_streaming_destination().table_name(name).stream_arn(stream).send().await;
                unless_set(output.map(|_| ()).map_err(|error| call_error(action, &error)))
            }
            TableSetting::Insights { index } => {
                let request = self
                    .client
                    .update_contributor_insights()
                    .table_name(name)
                    .set_index_name(Some(index.clone()).filter(|index| !index.is_empty()));
                let output = request.contributor_insights_action(ContributorInsightsAction::Enable).send().await;
                output.map(|_| ()).map_err(|error| call_error(action, &error))
            }
            TableSetting::Autoscaling { target } => self.scale(table, target).await,
            TableSetting::Policy { document } => {
                let Some(shown) = self.describe(name).await? else {
                    return Err(CallError::new(
                        CallClass::NotFound,
                        action,
                        "ResourceNotFoundException",
                        format!("{table} does not exist"),
                    ));
                };
                self.put_policy(&shown.table_arn.unwrap_or_default(), document, None).await
            }
        }
    }
}
