//! Every place where clients learn where their database is, and every consumer, behind one type: each port goes to its adapter.

use lifeboat_aws::Clients;
use lifeboat_aws::ecs::Services;
use lifeboat_aws::functions::Functions;
use lifeboat_aws::route53::HostedZones;
use lifeboat_aws::secrets::SecretsManager;
use lifeboat_aws::ssm::Parameters;
use lifeboat_aws::webhook::Webhooks;
use lifeboat_domain::Timestamp;
use lifeboat_domain::observed::{DnsRecord, Endpoint, Parameter};
use lifeboat_domain::ports::{
    Answer, CallWebhooks, Credentials, ReadKeys, ReadParameters, ReadRecords, ReadSecretOwners, ReadSecretVersions, ReadSecrets,
    RestartServices, Secret, SecretVersion, TouchFunctions, WriteParameters, WriteRecords, WriteSecrets,
};

/// The adapters.
pub struct Everywhere<S, Z, P, V, F, W> {
    /// Secrets and their versions.
    pub secrets: S,
    /// Hosted zones.
    pub records: Z,
    /// Parameters.
    pub parameters: P,
    /// Container services.
    pub services: V,
    /// Functions.
    pub functions: F,
    /// Webhooks.
    pub webhooks: W,
}

/// All of them on AWS.
pub fn everywhere(aws: &Clients) -> Everywhere<SecretsManager, HostedZones, Parameters, Services, Functions, Webhooks> {
    Everywhere {
        secrets: aws.secrets(),
        records: aws.hosted_zones(),
        parameters: aws.parameters(),
        services: aws.services(),
        functions: aws.functions(),
        webhooks: aws.webhooks(),
    }
}

impl<S: ReadSecretVersions, Z, P, V, F, W> ReadSecretVersions for Everywhere<S, Z, P, V, F, W> {
    async fn secret_versions(&self, secret: &str) -> Answer<Vec<SecretVersion>> {
        self.secrets.secret_versions(secret).await
    }
}

impl<S: ReadSecretOwners, Z, P, V, F, W> ReadSecretOwners for Everywhere<S, Z, P, V, F, W> {
    async fn owning_service(&self, secret: &str) -> Answer<Option<String>> {
        self.secrets.owning_service(secret).await
    }
}

impl<S: ReadSecrets, Z, P, V, F, W> ReadSecrets for Everywhere<S, Z, P, V, F, W> {
    async fn credentials(&self, secret: &str, version: Option<&str>) -> Answer<Credentials> {
        self.secrets.credentials(secret, version).await
    }
}

impl<S: ReadKeys, Z, P, V, F, W> ReadKeys for Everywhere<S, Z, P, V, F, W> {
    async fn signing_key(&self, secret: &str) -> Answer<Secret> {
        self.secrets.signing_key(secret).await
    }
}

impl<S: WriteSecrets, Z, P, V, F, W> WriteSecrets for Everywhere<S, Z, P, V, F, W> {
    async fn point_secret(&self, secret: &str, endpoint: &Endpoint, token: &str) -> Answer<String> {
        self.secrets.point_secret(secret, endpoint, token).await
    }
}

impl<S, Z: ReadRecords, P, V, F, W> ReadRecords for Everywhere<S, Z, P, V, F, W> {
    async fn read_records(&self, zone: &str, record: &str) -> Answer<Vec<DnsRecord>> {
        self.records.read_records(zone, record).await
    }

    async fn is_in_sync(&self, change: &str) -> Answer<bool> {
        self.records.is_in_sync(change).await
    }
}

impl<S, Z: WriteRecords, P, V, F, W> WriteRecords for Everywhere<S, Z, P, V, F, W> {
    async fn upsert_record(&self, zone: &str, record: &str, ttl: u32, value: &str) -> Answer<String> {
        self.records.upsert_record(zone, record, ttl, value).await
    }
}

impl<S, Z, P: ReadParameters, V, F, W> ReadParameters for Everywhere<S, Z, P, V, F, W> {
    async fn read_parameter(&self, name: &str) -> Answer<Option<Parameter>> {
        self.parameters.read_parameter(name).await
    }
}

impl<S, Z, P: WriteParameters, V, F, W> WriteParameters for Everywhere<S, Z, P, V, F, W> {
    async fn overwrite_parameter(&self, name: &str, value: &str) -> Answer<()> {
        self.parameters.overwrite_parameter(name, value).await
    }
}

impl<S, Z, P, V: RestartServices, F, W> RestartServices for Everywhere<S, Z, P, V, F, W> {
    async fn deployed_at(&self, cluster: &str, service: &str) -> Answer<Option<Timestamp>> {
        self.services.deployed_at(cluster, service).await
    }

    async fn force_deployment(&self, cluster: &str, service: &str) -> Answer<()> {
        self.services.force_deployment(cluster, service).await
    }
}

impl<S, Z, P, V, F: TouchFunctions, W> TouchFunctions for Everywhere<S, Z, P, V, F, W> {
    async fn function_variable(&self, function: &str, variable: &str) -> Answer<Option<String>> {
        self.functions.function_variable(function, variable).await
    }

    async fn set_function_variable(&self, function: &str, variable: &str, value: &str) -> Answer<()> {
        self.functions.set_function_variable(function, variable, value).await
    }
}

impl<S, Z, P, V, F, W: CallWebhooks> CallWebhooks for Everywhere<S, Z, P, V, F, W> {
    async fn post_webhook(&self, url: &str, headers: &[(String, String)], body: &str) -> Answer<()> {
        self.webhooks.post_webhook(url, headers, body).await
    }
}
