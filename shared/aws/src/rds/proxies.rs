//! RDS Proxies: which instance stands behind one.

use super::Rds;
use crate::classify::{call_error, invalid};
use aws_sdk_rds::types::{DbProxyTarget, TargetState};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::observed::{Endpoint, ProxyGroup, ProxyTarget};
use lifeboat_domain::ports::{Answer, ReadProxies, WriteProxies};

const DESCRIBE: &str = "rds:DescribeDBProxies";
const DESCRIBE_TARGETS: &str = "rds:DescribeDBProxyTargets";
const REGISTER: &str = "rds:RegisterDBProxyTargets";
const DEREGISTER: &str = "rds:DeregisterDBProxyTargets";

impl ReadProxies for Rds {
    async fn read_proxy(&self, proxy: &str, group: &str) -> Answer<Option<ProxyGroup>> {
        let found = match self.client.describe_db_proxies().db_proxy_name(proxy).send().await {
            Ok(output) => output.db_proxies.unwrap_or_default().into_iter().next(),
            Err(error) => {
                let error = call_error(DESCRIBE, &error);
                return if error.class == CallClass::NotFound { Ok(None) } else { Err(error) };
            }
        };
        let Some(found) = found else { return Ok(None) };
        let host = found.endpoint.ok_or_else(|| invalid(DESCRIBE, "Endpoint", format!("proxy {proxy} has none yet")))?;
        let endpoint = Endpoint { host, port: port(found.engine_family.as_deref()) };
        let mut items =
            self.client.describe_db_proxy_targets().db_proxy_name(proxy).target_group_name(group).into_paginator().items().send();
        let mut targets = Vec::new();
        while let Some(item) = items.next().await {
            match item.map_err(|error| call_error(DESCRIBE_TARGETS, &error)) {
                Ok(target) => targets.push(shown(&target)),
                Err(error) if error.class == CallClass::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(ProxyGroup { endpoint, targets }))
    }
}

impl WriteProxies for Rds {
    async fn register_target(&self, proxy: &str, group: &str, instance: &DatabaseId) -> Answer<()> {
        let request = self.client.register_db_proxy_targets().db_proxy_name(proxy).target_group_name(group);
        let request = request.db_instance_identifiers(instance.as_str());
        request.send().await.map(|_| ()).map_err(|error| call_error(REGISTER, &error))
    }

    async fn deregister_target(&self, proxy: &str, group: &str, instance: &DatabaseId) -> Answer<()> {
        let request = self.client.deregister_db_proxy_targets().db_proxy_name(proxy).target_group_name(group);
        let request = request.db_instance_identifiers(instance.as_str());
        request.send().await.map(|_| ()).map_err(|error| call_error(DEREGISTER, &error))
    }
}

/// A proxy listens on its engine family's usual port, whatever the port of the database.
fn port(family: Option<&str>) -> u16 {
    match family {
        Some("MYSQL") => 3306,
        Some("SQLSERVER") => 1433,
        _ => 5432,
    }
}

fn shown(target: &DbProxyTarget) -> ProxyTarget {
    let health = target.target_health.as_ref();
    let state = health.and_then(|health| health.state.as_ref());
    let words = [
        state.map(|state| state.as_str().to_owned()),
        health.and_then(|health| health.reason.as_ref()).map(|reason| reason.as_str().to_owned()),
        health.and_then(|health| health.description.clone()),
    ];
    ProxyTarget {
        instance: target.rds_resource_id.clone().unwrap_or_default(),
        is_available: state == Some(&TargetState::Available),
        health: words.into_iter().flatten().collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Wire, error_xml, form};

    const PROXY: &str = "<DescribeDBProxiesResponse><DescribeDBProxiesResult><DBProxies><member><DBProxyName>orders</DBProxyName><EngineFamily>POSTGRESQL</EngineFamily><Endpoint>orders.proxy.example</Endpoint></member></DBProxies></DescribeDBProxiesResult></DescribeDBProxiesResponse>";
    const TARGETS: &str = "<DescribeDBProxyTargetsResponse><DescribeDBProxyTargetsResult><Targets><member><RdsResourceId>orders-db</RdsResourceId><TargetHealth><State>UNAVAILABLE</State><Reason>CONNECTION_FAILED</Reason></TargetHealth></member></Targets></DescribeDBProxyTargetsResult></DescribeDBProxyTargetsResponse>";

    #[tokio::test(start_paused = true)]
    async fn a_proxy_shows_where_clients_connect_what_is_behind_it_and_how_that_is() {
        let wire = Wire::answering(&[(200, PROXY), (200, TARGETS)]);
        let found = wire.clients().await.rds().read_proxy("orders", "default").await.unwrap().unwrap();
        assert_eq!(found.endpoint, Endpoint { host: "orders.proxy.example".into(), port: 5432 });
        let target = &found.targets[0];
        assert_eq!((target.instance.as_str(), target.is_available), ("orders-db", false));
        assert_eq!(target.health, "UNAVAILABLE, CONNECTION_FAILED");
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_or_a_target_group_that_does_not_exist_is_none() {
        let no_proxy = error_xml("DBProxyNotFoundFault", "no");
        let no_group = error_xml("DBProxyTargetGroupNotFoundFault", "no");
        let wire = Wire::answering(&[(404, &no_proxy), (200, PROXY), (404, &no_group)]);
        let proxies = wire.clients().await.rds();
        assert_eq!(proxies.read_proxy("orders", "default").await.unwrap(), None);
        assert_eq!(proxies.read_proxy("orders", "default").await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_is_registered_by_its_name_and_refusals_say_what_stands_there() {
        let taken = error_xml("DBProxyTargetAlreadyRegisteredFault", "taken");
        let absent = error_xml("DBProxyTargetNotFoundFault", "absent");
        let done = "<RegisterDBProxyTargetsResponse><RegisterDBProxyTargetsResult/></RegisterDBProxyTargetsResponse>";
        let wire = Wire::answering(&[(200, done), (400, &taken), (404, &absent)]);
        let proxies = wire.clients().await.rds();
        let instance = DatabaseId::parse("orders-db-r1").unwrap();
        proxies.register_target("orders", "default", &instance).await.unwrap();
        let sent = [
            ("Action", "RegisterDBProxyTargets"),
            ("DBProxyName", "orders"),
            ("TargetGroupName", "default"),
            ("DBInstanceIdentifiers.member.1", "orders-db-r1"),
        ];
        assert_eq!(wire.forms()[0], form(&sent));
        assert_eq!(proxies.register_target("orders", "default", &instance).await.unwrap_err().class, CallClass::AlreadyExists);
        assert_eq!(proxies.deregister_target("orders", "default", &instance).await.unwrap_err().class, CallClass::NotFound);
    }
}
