//! The other places where clients learn where their database is, and the consumers: a few lines each, as their services behave.

use super::faults::refusal;
use super::{Cloud, World};
use chrono::{DateTime, Duration, Utc};
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::observed::{DnsRecord, Endpoint, Parameter, ProxyGroup, ProxyTarget};
use lifeboat_domain::ports::{
    Answer, CallWebhooks, ReadKeys, ReadParameters, ReadProxies, ReadRecords, ReadSecretOwners, ResolveNames, RestartServices, Secret,
    TouchFunctions, WriteParameters, WriteProxies, WriteRecords,
};
use serde_json::Value;

/// Route 53 has told all its name servers after so long.
const IN_SYNC_AFTER: Duration = Duration::seconds(45);

/// A record set, and what resolvers still remember of it.
#[derive(Debug, Clone)]
pub struct StoredRecord {
    /// What Route 53 shows.
    pub shown: DnsRecord,
    /// When it was last changed, from which value.
    pub changed: Option<(DateTime<Utc>, String)>,
}

/// An ECS service.
#[derive(Debug, Clone, Default)]
pub struct StoredService {
    /// When each of its deployments was made.
    pub deployments: Vec<DateTime<Utc>>,
}

/// A POST that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl World {
    /// Makes a CNAME record that nobody remembers otherwise.
    pub fn put_record(&mut self, zone: &str, name: &str, value: &str, ttl: u32) {
        let shown =
            DnsRecord { kind: "CNAME".to_owned(), values: vec![value.to_owned()], ttl: Some(ttl), is_alias: false, is_routed: false };
        self.records.insert((zone.to_owned(), name.to_owned()), StoredRecord { shown, changed: None });
    }

    /// What a resolver answers that remembers as long as it may: the old value until name servers and TTL have passed.
    fn resolved(&self, name: &str) -> Option<String> {
        let (_, stored) = self.records.iter().find(|((_, known), _)| known == name)?;
        let ttl = Duration::seconds(i64::from(stored.shown.ttl.unwrap_or(0)));
        match &stored.changed {
            Some((at, before)) if self.rds.now() < *at + IN_SYNC_AFTER + ttl => Some(before.clone()),
            _ => stored.shown.values.first().cloned(),
        }
    }
}

fn proxy_endpoint(proxy: &str) -> Endpoint {
    Endpoint { host: format!("{proxy}.proxy-abcdefghijkl.us-east-1.rds.amazonaws.com"), port: 5432 }
}

impl Cloud {
    /// The host of the instance behind a proxy's endpoint; none if the host is no proxy's.
    pub(super) fn behind_proxy(&self, host: &str) -> Option<String> {
        let world = self.see();
        let found = world.proxies.iter().find(|((proxy, _), _)| proxy_endpoint(proxy).host == host);
        let instance = found?.1.first().cloned().unwrap_or_default();
        let mut shown = world.rds.model.instances(world.rds.now()).into_iter().map(|view| view.instance);
        let behind = shown.find(|shown| shown.db_instance_identifier == instance).and_then(|shown| shown.endpoint);
        Some(behind.map_or_else(|| format!("nothing-behind-{host}"), |endpoint| endpoint.address))
    }

    /// The server that a client finds by this name: of a record, of a proxy, or of an instance.
    pub fn server_by_name(&self, host: &str) -> Option<String> {
        let host = self.see().resolved(host).unwrap_or_else(|| host.to_owned());
        let host = self.behind_proxy(&host).unwrap_or(host);
        self.server_at(&host)
    }
}

impl ReadSecretOwners for Cloud {
    async fn owning_service(&self, secret: &str) -> Answer<Option<String>> {
        self.serve("secretsmanager:DescribeSecret", secret, |world| {
            if world.secrets.contains_key(secret) {
                Ok(world.secret_owners.get(secret).cloned())
            } else {
                Err(refusal("secretsmanager:DescribeSecret", "ResourceNotFoundException", format!("there is no secret {secret}")))
            }
        })
    }
}

impl ReadKeys for Cloud {
    async fn signing_key(&self, secret: &str) -> Answer<Secret> {
        self.serve("secretsmanager:GetSecretValue", secret, |world| {
            let stored = world.secrets.get(secret).and_then(|versions| versions.last());
            let text = stored.and_then(|stored| stored.fields.as_str()).map(str::to_owned);
            text.map(Secret::new).ok_or_else(|| {
                refusal("secretsmanager:GetSecretValue", "ResourceNotFoundException", format!("there is no secret {secret}"))
            })
        })
    }
}

impl ReadRecords for Cloud {
    async fn read_records(&self, zone: &str, record: &str) -> Answer<Vec<DnsRecord>> {
        self.serve("route53:ListResourceRecordSets", record, |world| {
            let found = world.records.get(&(zone.to_owned(), record.to_owned()));
            Ok(found.map(|stored| stored.shown.clone()).into_iter().collect())
        })
    }

    async fn is_in_sync(&self, change: &str) -> Answer<bool> {
        self.serve("route53:GetChange", change, |world| {
            let changed = world.records.values().filter_map(|stored| stored.changed.as_ref()).map(|(at, _)| *at);
            let of_this = changed.filter(|at| format!("C{}", at.timestamp_millis()) == change).max();
            Ok(of_this.is_some_and(|at| world.rds.now() >= at + IN_SYNC_AFTER))
        })
    }
}

impl WriteRecords for Cloud {
    async fn upsert_record(&self, zone: &str, record: &str, ttl: u32, value: &str) -> Answer<String> {
        self.serve("route53:ChangeResourceRecordSets", record, |world| {
            let now = world.rds.now();
            let before = world.resolved(record).unwrap_or_default();
            let key = (zone.to_owned(), record.to_owned());
            world.put_record(zone, record, value, ttl);
            if let Some(stored) = world.records.get_mut(&key) {
                stored.changed = Some((now, before));
            }
            Ok(format!("C{}", now.timestamp_millis()))
        })
    }
}

impl ReadParameters for Cloud {
    async fn read_parameter(&self, name: &str) -> Answer<Option<Parameter>> {
        self.serve("ssm:GetParameter", name, |world| Ok(world.parameters.get(name).cloned()))
    }
}

impl WriteParameters for Cloud {
    async fn overwrite_parameter(&self, name: &str, value: &str) -> Answer<()> {
        self.serve("ssm:PutParameter", name, |world| match world.parameters.get_mut(name) {
            Some(parameter) => {
                value.clone_into(&mut parameter.value);
                Ok(())
            }
            None => Err(refusal("ssm:PutParameter", "ParameterNotFound", format!("there is no parameter {name}"))),
        })
    }
}

impl ReadProxies for Cloud {
    async fn read_proxy(&self, proxy: &str, group: &str) -> Answer<Option<ProxyGroup>> {
        self.serve("rds:DescribeDBProxyTargets", proxy, |world| {
            let instances = world.proxies.get(&(proxy.to_owned(), group.to_owned()));
            let shown = |instance: &String| ProxyTarget { instance: instance.clone(), is_available: true, health: "AVAILABLE".to_owned() };
            Ok(instances.map(|instances| ProxyGroup { endpoint: proxy_endpoint(proxy), targets: instances.iter().map(shown).collect() }))
        })
    }
}

impl WriteProxies for Cloud {
    async fn register_target(&self, proxy: &str, group: &str, instance: &DatabaseId) -> Answer<()> {
        const ACTION: &str = "rds:RegisterDBProxyTargets";
        self.serve(ACTION, proxy, |world| {
            let mut views = world.rds.model.instances(world.rds.now()).into_iter();
            if !views.any(|view| view.instance.db_instance_identifier == instance.as_str()) {
                return Err(refusal(ACTION, "DBInstanceNotFound", format!("there is no {instance}")));
            }
            let Some(instances) = world.proxies.get_mut(&(proxy.to_owned(), group.to_owned())) else {
                return Err(refusal(ACTION, "DBProxyNotFoundFault", format!("there is no proxy {proxy}")));
            };
            if let Some(other) = instances.first() {
                return Err(refusal(ACTION, "DBProxyTargetAlreadyRegisteredFault", format!("{other} is registered")));
            }
            instances.push(instance.to_string());
            Ok(())
        })
    }

    async fn deregister_target(&self, proxy: &str, group: &str, instance: &DatabaseId) -> Answer<()> {
        const ACTION: &str = "rds:DeregisterDBProxyTargets";
        self.serve(ACTION, proxy, |world| {
            let instances = world.proxies.get_mut(&(proxy.to_owned(), group.to_owned()));
            let place = instances.and_then(|instances| Some((instances.iter().position(|known| known == instance.as_str())?, instances)));
            let Some((place, instances)) = place else {
                return Err(refusal(ACTION, "DBProxyTargetNotFoundFault", format!("{instance} is not registered")));
            };
            instances.remove(place);
            Ok(())
        })
    }
}

impl RestartServices for Cloud {
    async fn deployed_at(&self, cluster: &str, service: &str) -> Answer<Option<DateTime<Utc>>> {
        self.serve("ecs:DescribeServices", service, |world| {
            let found = world.services.get(&(cluster.to_owned(), service.to_owned()));
            Ok(found.and_then(|service| service.deployments.last().copied()))
        })
    }

    async fn force_deployment(&self, cluster: &str, service: &str) -> Answer<()> {
        self.serve("ecs:UpdateService", service, |world| {
            let now = world.rds.now();
            match world.services.get_mut(&(cluster.to_owned(), service.to_owned())) {
                Some(service) => {
                    service.deployments.push(now);
                    Ok(())
                }
                None => Err(refusal("ecs:UpdateService", "ServiceNotFoundException", format!("there is no service {service}"))),
            }
        })
    }
}

impl TouchFunctions for Cloud {
    async fn function_variable(&self, function: &str, variable: &str) -> Answer<Option<String>> {
        self.serve("lambda:GetFunctionConfiguration", function, |world| {
            Ok(world.functions.get(function).and_then(|environment| environment.get(variable).cloned()))
        })
    }

    async fn set_function_variable(&self, function: &str, variable: &str, value: &str) -> Answer<()> {
        const ACTION: &str = "lambda:UpdateFunctionConfiguration";
        self.serve(ACTION, function, |world| match world.functions.get_mut(function) {
            Some(environment) => {
                environment.insert(variable.to_owned(), value.to_owned());
                Ok(())
            }
            None => Err(refusal(ACTION, "ResourceNotFoundException", format!("there is no function {function}"))),
        })
    }
}

impl CallWebhooks for Cloud {
    async fn post_webhook(&self, url: &str, headers: &[(String, String)], body: &str) -> Answer<()> {
        self.serve("https:POST", url, |world| {
            world.webhooks.push(Webhook { url: url.to_owned(), headers: headers.to_vec(), body: body.to_owned() });
            Ok(())
        })
    }
}

impl ResolveNames for Cloud {
    async fn addresses(&self, host: &str) -> Answer<Vec<String>> {
        self.serve("dns:resolve", host, |world| {
            let host = world.resolved(host).unwrap_or_else(|| host.to_owned());
            Ok(vec![format!("address-of-{}", host.to_ascii_lowercase())])
        })
    }
}

/// A secret whose text is a key.
impl World {
    /// Keeps a signing key.
    pub fn put_key(&mut self, name: &str, key: &str) {
        self.put_secret(name, Value::from(key));
    }
}
