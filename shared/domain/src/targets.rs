//! Cut-over targets and consumers: where clients learn where their database is, and who must be told to look again.

use crate::error::DrError;
use crate::observed::Endpoint;
use crate::words::closed_enum;
use serde::{Deserialize, Serialize};

/// A place where clients learn where the database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CutOverTarget {
    /// `host` and `port` in the secret of tag `lifeboat:secret`.
    SecretsManager,
    /// A CNAME record whose value is the host.
    Route53 {
        /// The hosted zone's id, such as `Z0123456789ABC`.
        zone: String,
        /// The record's name, without the last dot.
        record: String,
    },
    /// An SSM parameter of type String.
    SsmParameter {
        /// Its name.
        name: String,
        /// What its value is.
        holds: ParameterHolds,
    },
    /// The target of an RDS Proxy: clients keep the proxy's address.
    RdsProxy {
        /// The proxy's name.
        proxy: String,
        /// The target group's name.
        #[serde(default = "default_group")]
        group: String,
    },
    /// The identifier itself: the source gives its name up, and the new database gets it. Clients keep the instance's own endpoint.
    RenameSwap,
}

fn default_group() -> String {
    "default".to_owned()
}

closed_enum! {
    /// What the value of a parameter is.
    ParameterHolds {
        /// The host.
        Host = "host",
        /// `host:port`.
        HostPort = "host_port",
        /// The Region in which clients use a DynamoDB table that has replicas in several: its name is the same in each.
        Region = "region",
    }
}

impl ParameterHolds {
    /// The value that leads to `endpoint`, which lies in `region`.
    pub fn value_for(self, endpoint: &Endpoint, region: &str) -> String {
        match self {
            Self::Host => endpoint.host.clone(),
            Self::HostPort => format!("{}:{}", endpoint.host, endpoint.port),
            Self::Region => region.to_owned(),
        }
    }

    /// Where a value leads; a lone host takes `port`. None if the value is no such thing, as a Region never is.
    pub fn endpoint_in(self, value: &str, port: u16) -> Option<Endpoint> {
        let (host, port) = match self {
            Self::Host => (value, port),
            Self::HostPort => {
                let (host, port) = value.rsplit_once(':')?;
                (host, port.parse().ok()?)
            }
            Self::Region => return None,
        };
        (is_host(host) || (port == crate::observed::TABLE_PORT && is_table(host))).then(|| Endpoint { host: host.to_owned(), port })
    }
}

/// Who is told, after a verified cut-over, to look again where the database is: open connections survive a change of address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Consumer {
    /// A forced new deployment of an ECS service.
    EcsService {
        /// The cluster's name.
        cluster: String,
        /// The service's name.
        service: String,
    },
    /// A Lambda function: its environment is touched, so that every instance starts anew.
    LambdaFunction {
        /// The function's name.
        name: String,
    },
    /// A signed POST, such as to what rolls a Kubernetes deployment out.
    Webhook {
        /// Its name in plans and reports.
        name: String,
        /// Where to: `https` only.
        url: String,
        /// The Secrets Manager secret that holds the signing key as its text.
        secret: String,
    },
}

/// A parameter may hold a table's name, which DNS would not take.
fn is_table(text: &str) -> bool {
    crate::ids::DatabaseId::new(crate::words::ResourceKind::DynamodbTable, text).is_ok()
}

/// Whether `text` has the form of a Region's name, such as `eu-west-1` or `us-gov-west-1`.
pub fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_word = |part: &str| (2..=9).contains(&part.len()) && part.chars().all(|c| c.is_ascii_lowercase());
    let is_number = |part: &str| part.len() == 1 && part.chars().all(|c| c.is_ascii_digit());
    let number = parts.next_back();
    let words: Vec<&str> = parts.collect();
    number.is_some_and(is_number) && (2..=3).contains(&words.len()) && words.into_iter().all(is_word)
}

/// Whether `text` is a host name as DNS allows it, or an address.
pub fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// A text of `1..=longest` letters, digits and `others`.
fn is_name(text: &str, longest: usize, others: &str) -> bool {
    (1..=longest).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

impl CutOverTarget {
    /// Its name in messages.
    pub fn name(&self) -> String {
        match self {
            Self::SecretsManager => "the secret".to_owned(),
            Self::Route53 { zone, record } => format!("record {record} in zone {zone}"),
            Self::SsmParameter { name, .. } => format!("parameter {name}"),
            Self::RdsProxy { proxy, group } => format!("target group {group} of proxy {proxy}"),
            Self::RenameSwap => "the name of the source".to_owned(),
        }
    }

    /// Whether it leads clients from Region to Region, and not from database to database.
    pub const fn holds_region(&self) -> bool {
        matches!(self, Self::SsmParameter { holds: ParameterHolds::Region, .. })
    }

    /// Says which of its settings is wrong; `field` names the policy's list.
    pub(crate) fn check(&self, field: &str) -> Result<(), DrError> {
        let wrong =
            |key: &str, value: &str, accepted: &str| Err(DrError::invalid(&format!("{field}.{key}"), format!("{value:?}"), accepted));
        match self {
            Self::SecretsManager | Self::RenameSwap => Ok(()),
            Self::Route53 { zone, .. } if !(zone.starts_with('Z') && is_name(zone, 32, "")) => {
                wrong("route53.zone", zone, "the id of a hosted zone, such as Z0123456789ABC")
            }
            Self::Route53 { record, .. } if !is_host(record) || !record.contains('.') => {
                wrong("route53.record", record, "a full host name without wildcard and last dot, such as orders-db.internal.example.com")
            }
            Self::SsmParameter { name, .. } if !is_name(name, 1011, "_.-/") || (name.contains('/') && !name.starts_with('/')) => {
                wrong("ssm_parameter.name", name, "letters, digits and _.-/, beginning with / if it holds one, such as /orders/db/host")
            }
            Self::RdsProxy { proxy, .. } if !is_name(proxy, 63, "-") => wrong("rds_proxy.proxy", proxy, "the name of an RDS Proxy"),
            Self::RdsProxy { group, .. } if !is_name(group, 63, "-") => wrong("rds_proxy.group", group, "the name of a target group"),
            Self::Route53 { .. } | Self::SsmParameter { .. } | Self::RdsProxy { .. } => Ok(()),
        }
    }
}

impl Consumer {
    /// Its name in plans and reports.
    pub fn name(&self) -> String {
        match self {
            Self::EcsService { cluster, service } => format!("ECS service {cluster}/{service}"),
            Self::LambdaFunction { name } => format!("Lambda function {name}"),
            Self::Webhook { name, .. } => format!("webhook {name}"),
        }
    }

    /// Says which of its settings is wrong; `field` names the policy's list.
    pub(crate) fn check(&self, field: &str) -> Result<(), DrError> {
        let wrong =
            |key: &str, value: &str, accepted: &str| Err(DrError::invalid(&format!("{field}.{key}"), format!("{value:?}"), accepted));
        match self {
            Self::EcsService { cluster, .. } if !is_name(cluster, 255, "-_") => wrong("ecs_service.cluster", cluster, "a cluster's name"),
            Self::EcsService { service, .. } if !is_name(service, 255, "-_") => wrong("ecs_service.service", service, "a service's name"),
            Self::LambdaFunction { name } if !is_name(name, 64, "-_") => wrong("lambda_function.name", name, "a function's name"),
            Self::Webhook { name, .. } if !is_name(name, 64, "-_") => {
                wrong("webhook.name", name, "up to 64 letters, digits, hyphens and underscores")
            }
            Self::Webhook { url, .. } if !is_https(url) => {
                wrong("webhook.url", url, "an https address without login, such as https://rollout.example.com/orders")
            }
            Self::Webhook { secret, .. } if secret.trim().is_empty() => {
                wrong("webhook.secret", secret, "the Secrets Manager secret that holds the signing key")
            }
            Self::EcsService { .. } | Self::LambdaFunction { .. } | Self::Webhook { .. } => Ok(()),
        }
    }
}

/// Whether `url` is `https://host[:port][/...]`, without user, spaces or fragment.
fn is_https(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
    is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0) && url.chars().all(|c| c.is_ascii_graphic() && c != '#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyDocument;

    fn policy(lists: &str) -> Result<crate::policy::Policy, String> {
        let yaml = format!("version: 1\npolicies:\n  p:\n{lists}");
        let document = PolicyDocument::from_yaml(&yaml).map_err(|error| error.to_string())?;
        document.policy("p").cloned().map_err(|error| error.to_string())
    }

    fn refused(lists: &str, because: &str) {
        let error = policy(lists).expect_err(lists);
        assert!(error.contains(because), "{lists}: {error}");
    }

    #[test]
    fn targets_and_consumers_are_read_in_the_order_in_which_the_policy_gives_them() {
        let read = policy(
            "    cut_over:
      - secrets_manager
      - route53: {zone: Z0123, record: orders-db.internal.example.com}
      - ssm_parameter: {name: /orders/db/host, holds: host_port}
      - rds_proxy: {proxy: orders}
    restart:
      - ecs_service: {cluster: shop, service: orders}
      - lambda_function: {name: orders-api}
      - webhook: {name: rollout, url: \"https://rollout.example.com/orders\", secret: prod/rollout}
",
        )
        .unwrap();
        let names: Vec<String> = read.restart.iter().map(Consumer::name).collect();
        assert_eq!(names, ["ECS service shop/orders", "Lambda function orders-api", "webhook rollout"]);
        assert_eq!(read.cut_over.len(), 4);
        assert_eq!(read.cut_over[0], CutOverTarget::SecretsManager);
        assert_eq!(read.cut_over[2], CutOverTarget::SsmParameter { name: "/orders/db/host".into(), holds: ParameterHolds::HostPort });
        assert_eq!(read.cut_over[3], CutOverTarget::RdsProxy { proxy: "orders".into(), group: "default".into() });
    }

    #[test]
    fn what_cannot_be_a_target_is_refused_by_its_name() {
        let target = |target: &str| format!("    cut_over: [{target}]\n");
        refused(&target("secrets_manger"), "secrets_manger");
        refused(&target("route53: {zone: example.com, record: db.example.com}"), "policies.p.cut_over.route53.zone");
        refused(&target("route53: {zone: Z1, record: '*.example.com'}"), "policies.p.cut_over.route53.record");
        refused(&target("route53: {zone: Z1, record: db.example.com.}"), "policies.p.cut_over.route53.record");
        refused(&target("route53: {zone: Z1, recrod: db.example.com}"), "recrod");
        refused(&target("ssm_parameter: {name: orders/host, holds: host}"), "policies.p.cut_over.ssm_parameter.name");
        refused(&target("ssm_parameter: {name: /orders/host, holds: ip}"), "ip");
        refused(&target("rds_proxy: {proxy: 'a b'}"), "policies.p.cut_over.rds_proxy.proxy");
        refused(&target("secrets_manager, secrets_manager"), "twice");
        refused(&target("secrets_manager, rename_swap"), "rename_swap beside other targets");
        assert_eq!(policy(&target("rename_swap")).unwrap().cut_over, [CutOverTarget::RenameSwap]);
    }

    #[test]
    fn what_cannot_be_a_consumer_is_refused_by_its_name() {
        let consumer = |consumer: &str| format!("    cut_over: [secrets_manager]\n    restart: [{consumer}]\n");
        let webhook = |url: &str| consumer(&format!("webhook: {{name: w, url: '{url}', secret: s}}"));
        assert!(policy(&webhook("https://rollout.example.com:8443/orders?x=1")).is_ok());
        for url in [
            "http://rollout.example.com",
            "https://user:key@rollout.example.com",
            "https://",
            "https://a b",
            "https://a.b/#c",
            "https://a:0/",
        ] {
            refused(&webhook(url), "policies.p.restart.webhook.url");
        }
        refused(&consumer("webhook: {name: w, url: 'https://a.b', secret: ' '}"), "policies.p.restart.webhook.secret");
        refused(&consumer("ecs_service: {cluster: 'a/b', service: c}"), "policies.p.restart.ecs_service.cluster");
        refused(&consumer("lambda_function: {name: 'arn:aws:lambda:x'}"), "policies.p.restart.lambda_function.name");
        refused("    restart: [lambda_function: {name: f}]\n", "cut_over");
    }

    #[test]
    fn a_regions_name_is_known_by_its_form() {
        for name in ["eu-west-1", "us-gov-west-1", "ap-southeast-5", "us-iso-east-1", "il-central-1"] {
            assert!(is_region(name), "{name}");
        }
        for other in ["", "eu-west", "eu-west-1a", "EU-WEST-1", "eu--west-1", "hunter-two-22", "s3cret-west-1", "eu-west-1 "] {
            assert!(!is_region(other), "{other}");
        }
    }

    #[test]
    fn a_parameters_value_is_read_as_it_is_written() {
        let endpoint = Endpoint { host: "new.example".to_owned(), port: 5433 };
        for holds in ParameterHolds::ALL {
            let expected = (*holds != ParameterHolds::Region).then(|| endpoint.clone());
            assert_eq!(holds.endpoint_in(&holds.value_for(&endpoint, "eu-west-1"), 5433), expected, "{holds}");
        }
        assert_eq!(ParameterHolds::Region.value_for(&endpoint, "eu-west-1"), "eu-west-1");
        assert_eq!(ParameterHolds::HostPort.endpoint_in("new.example", 5432), None);
        assert_eq!(ParameterHolds::Host.endpoint_in("postgres://user@host/db", 5432), None);
    }
}
