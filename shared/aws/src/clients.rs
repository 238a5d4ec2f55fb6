//! One configuration for all clients: time-outs always set, behaviour pinned, no call to anything but the service itself.

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::HttpClient;
use lifeboat_domain::{DrError, ErrorName};
use std::time::Duration;

/// For a connection. The SDK itself waits for ever, which a dark Region would make it do.
pub(crate) const CONNECT: Duration = Duration::from_secs(2);
/// For the first byte of an answer, and for a whole attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// For a call with its retries: three attempts and their pauses; shorter than any function's time-out.
const OPERATION: Duration = Duration::from_secs(20);
/// For the answer of a webhook, which may start something before it answers.
#[cfg(feature = "webhook")]
pub(crate) const WEBHOOK: Duration = Duration::from_secs(10);
/// Attempts of a call that may be repeated.
const ATTEMPTS: u32 = 3;

/// Makes adapters of one configuration.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
}

/// Reads Region and credentials from the environment, where Lambda puts them; asks no other service for them.
pub async fn load() -> Result<Clients, DrError> {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let from_environment = common(http).region(EnvironmentVariableRegionProvider::new());
    let config = from_environment.credentials_provider(EnvironmentVariableCredentialsProvider::new()).load().await;
    if config.region().is_none() {
        return Err(DrError::new(
            ErrorName::InvalidInput,
            "these settings are missing: AWS_REGION (the Region whose control planes are called)",
        ));
    }
    Ok(Clients { config })
}

/// What holds for every client: the behaviour that was tested (a newer SDK changes nothing by itself), time-outs, retries.
pub(crate) fn common(http: impl HttpClient + 'static) -> ConfigLoader {
    let time_outs = TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(ATTEMPT);
    let time_outs = time_outs.operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION).build();
    aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).timeout_config(time_outs).retry_config(retries())
}

/// The retries of calls that may be repeated.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

impl Clients {
    /// Clients of a given configuration, for tests.
    #[cfg(test)]
    pub(crate) const fn of(config: SdkConfig) -> Self {
        Self { config }
    }

    /// The same configuration without retries, for calls that are sent at most once per intent.
    #[cfg(any(feature = "caches", feature = "ecs", feature = "rds", feature = "tables"))]
    fn at_most_once(&self) -> SdkConfig {
        self.config.to_builder().retry_config(RetryConfig::disabled()).build()
    }

    /// The control plane of RDS.
    #[cfg(feature = "rds")]
    pub fn rds(&self) -> crate::rds::Rds {
        crate::rds::Rds::new(&self.config, &self.at_most_once())
    }

    /// Every kind of database.
    #[cfg(all(feature = "caches", feature = "rds", feature = "tables"))]
    pub fn databases(&self) -> crate::databases::Databases {
        crate::databases::Databases {
            rds: self.rds(),
            tables: self.tables(),
            caches: self.caches(),
            #[cfg(feature = "alarms")]
            alarms: crate::alarms::Alarms::new(&self.config),
        }
    }

    /// DynamoDB's tables.
    #[cfg(feature = "tables")]
    pub fn tables(&self) -> crate::tables::Tables {
        crate::tables::Tables::new(&self.config, &self.at_most_once())
    }

    /// The items of DynamoDB's tables.
    #[cfg(feature = "tables")]
    pub fn table_items(&self) -> crate::tables::TableItems {
        crate::tables::TableItems::new(&self.config)
    }

    /// The control plane of ElastiCache.
    #[cfg(feature = "caches")]
    pub fn caches(&self) -> crate::caches::Caches {
        crate::caches::Caches::new(&self.config, &self.at_most_once(), self.tagging())
    }

    /// CloudTrail, to look up who did what.
    #[cfg(feature = "cloudtrail")]
    pub fn trail(&self) -> crate::cloudtrail::CloudTrail {
        crate::cloudtrail::CloudTrail::new(&self.config)
    }

    /// The ledger in `table`, for the databases of `home_region`.
    #[cfg(feature = "dynamodb")]
    pub fn ledger(&self, table: &str, home_region: &str) -> crate::dynamodb::DynamoLedger {
        crate::dynamodb::DynamoLedger::new(&self.config, table, home_region)
    }

    /// The bucket called `name`.
    #[cfg(feature = "s3")]
    pub fn bucket(&self, name: &str) -> crate::s3::Bucket {
        let is_local_cloud = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"].iter().any(|name| std::env::var_os(name).is_some());
        crate::s3::Bucket::new(&self.config, name, is_local_cloud)
    }

    /// Secrets Manager.
    #[cfg(feature = "secrets")]
    pub fn secrets(&self) -> crate::secrets::SecretsManager {
        crate::secrets::SecretsManager::new(&self.config)
    }

    /// Step Functions, to look at executions.
    #[cfg(feature = "sfn")]
    pub fn executions(&self) -> crate::sfn::Executions {
        crate::sfn::Executions::new(&self.config)
    }

    /// Step Functions, to start the `recovery` machine with this ARN and look at executions.
    #[cfg(feature = "sfn")]
    pub fn step_functions(&self, recovery_machine: &str) -> crate::sfn::StepFunctions {
        crate::sfn::StepFunctions::new(&self.config, recovery_machine)
    }

    /// Route 53's hosted zones.
    #[cfg(feature = "route53")]
    pub fn hosted_zones(&self) -> crate::route53::HostedZones {
        crate::route53::HostedZones::new(&self.config)
    }

    /// SSM parameters.
    #[cfg(feature = "ssm")]
    pub fn parameters(&self) -> crate::ssm::Parameters {
        crate::ssm::Parameters::new(&self.config)
    }

    /// ECS services; without retries, as each forced deployment replaces every task.
    #[cfg(feature = "ecs")]
    pub fn services(&self) -> crate::ecs::Services {
        crate::ecs::Services::new(&self.at_most_once())
    }

    /// Lambda functions.
    #[cfg(feature = "lambda")]
    pub fn functions(&self) -> crate::functions::Functions {
        crate::functions::Functions::new(&self.config)
    }

    /// What carries a tag.
    #[cfg(feature = "tagging")]
    pub fn tagging(&self) -> crate::tagging::Tagging {
        crate::tagging::Tagging::new(&self.config)
    }

    /// Webhooks.
    #[cfg(feature = "webhook")]
    pub fn webhooks(&self) -> crate::webhook::Webhooks {
        crate::webhook::Webhooks::new(&self.config)
    }

    /// The topic with this ARN.
    #[cfg(feature = "sns")]
    pub fn topic(&self, arn: &str) -> crate::sns::Topic {
        crate::sns::Topic::new(&self.config, arn)
    }
}
