//! Route 53: CNAME records. Its control plane lives in one Region, whichever Region asks.

use crate::classify::{call_error, invalid};
use aws_config::SdkConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType};
use lifeboat_domain::observed::DnsRecord;
use lifeboat_domain::ports::{Answer, ReadRecords, WriteRecords};

const LIST: &str = "route53:ListResourceRecordSets";
const CHANGE: &str = "route53:ChangeResourceRecordSets";
const GET_CHANGE: &str = "route53:GetChange";

/// Hosted zones.
#[derive(Debug, Clone)]
pub struct HostedZones {
    client: Client,
}

impl HostedZones {
    /// Route 53 as configured.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

impl ReadRecords for HostedZones {
    async fn read_records(&self, zone: &str, record: &str) -> Answer<Vec<DnsRecord>> {
        // The list begins at the name; all records of one name stand together, far fewer than a page of 300.
        let request = self.client.list_resource_record_sets().hosted_zone_id(zone).start_record_name(record);
        let page = request.send().await.map_err(|error| call_error(LIST, &error))?;
        Ok(page.resource_record_sets.iter().filter(|set| plain(&set.name).eq_ignore_ascii_case(record)).map(shown).collect())
    }

    async fn is_in_sync(&self, change: &str) -> Answer<bool> {
        let output = self.client.get_change().id(change).send().await.map_err(|error| call_error(GET_CHANGE, &error))?;
        Ok(output.change_info.is_some_and(|change| change.status == ChangeStatus::Insync))
    }
}

impl WriteRecords for HostedZones {
    async fn upsert_record(&self, zone: &str, record: &str, ttl: u32, value: &str) -> Answer<String> {
        let built = |error: aws_sdk_route53::error::BuildError| invalid(CHANGE, "ChangeBatch", error.to_string());
        let value = ResourceRecord::builder().value(value).build().map_err(built)?;
        let set = ResourceRecordSet::builder().name(record).r#type(RrType::Cname).ttl(i64::from(ttl)).resource_records(value);
        let change = Change::builder().action(ChangeAction::Upsert).resource_record_set(set.build().map_err(built)?);
        let batch = ChangeBatch::builder().comment("Lifeboat: cut-over").changes(change.build().map_err(built)?).build().map_err(built)?;
        let request = self.client.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
        let output = request.send().await.map_err(|error| call_error(CHANGE, &error))?;
        let change = output.change_info.ok_or_else(|| invalid(CHANGE, "ChangeInfo", "the answer names no change"))?;
        Ok(change.id.trim_start_matches("/change/").to_owned())
    }
}

/// A name or value as people write it: without the last dot.
fn plain(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn shown(set: &ResourceRecordSet) -> DnsRecord {
    let alias = set.alias_target.as_ref();
    let values = set.resource_records().iter().map(|record| record.value.as_str()).chain(alias.map(|alias| alias.dns_name.as_str()));
    DnsRecord {
        kind: set.r#type.as_str().to_owned(),
        values: values.map(|value| plain(value).to_owned()).collect(),
        ttl: set.ttl.and_then(|ttl| u32::try_from(ttl).ok()),
        is_alias: alias.is_some(),
        is_routed: set.set_identifier.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Wire, error_xml};
    use lifeboat_domain::CallClass;

    fn page(sets: &str) -> String {
        format!(
            "<ListResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ResourceRecordSets>{sets}</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
        )
    }

    #[tokio::test(start_paused = true)]
    async fn only_records_of_the_name_are_read_with_what_keeps_them_from_being_moved() {
        let cname = "<ResourceRecordSet><Name>DB.example.com.</Name><Type>CNAME</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>old.example.</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>";
        let other = cname.replace("DB.example.com.", "dc.example.com.");
        let alias = "<ResourceRecordSet><Name>db.example.com.</Name><Type>A</Type><SetIdentifier>one</SetIdentifier><Weight>5</Weight><AliasTarget><HostedZoneId>Z2</HostedZoneId><DNSName>lb.example.</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>";
        let wire = Wire::answering(&[(200, &page(&format!("{cname}{other}"))), (200, &page(alias))]);
        let zones = wire.clients().await.hosted_zones();
        let expected =
            DnsRecord { kind: "CNAME".into(), values: vec!["old.example".into()], ttl: Some(60), is_alias: false, is_routed: false };
        assert_eq!(zones.read_records("Z1", "db.example.com").await.unwrap(), [expected]);
        let alias = zones.read_records("Z1", "db.example.com").await.unwrap().remove(0);
        assert!(alias.is_alias && alias.is_routed && alias.ttl.is_none() && alias.values == ["lb.example"], "{alias:?}");
        assert!(wire.lines()[0].contains("/hostedzone/Z1/rrset?name=db.example.com"), "{:?}", wire.lines());
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_is_upserted_as_a_cname_and_its_change_asked_after() {
        let info = |tag: &str, status: &str| {
            format!(
                "<{tag} xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo><Id>/change/C123</Id><Status>{status}</Status><SubmittedAt>2026-01-15T10:00:00Z</SubmittedAt></ChangeInfo></{tag}>"
            )
        };
        let (sent, pending, done) = (
            info("ChangeResourceRecordSetsResponse", "PENDING"),
            info("GetChangeResponse", "PENDING"),
            info("GetChangeResponse", "INSYNC"),
        );
        let wire = Wire::answering(&[(200, &sent), (200, &pending), (200, &done)]);
        let zones = wire.clients().await.hosted_zones();
        assert_eq!(zones.upsert_record("Z1", "db.example.com", 5, "new.example").await.unwrap(), "C123");
        assert!(!zones.is_in_sync("C123").await.unwrap() && zones.is_in_sync("C123").await.unwrap());
        let body = &wire.bodies()[0];
        for part in
            ["<Action>UPSERT</Action>", "<Name>db.example.com</Name>", "<Type>CNAME</Type>", "<TTL>5</TTL>", "<Value>new.example</Value>"]
        {
            assert!(body.contains(part), "{part}: {body}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_zone_that_does_not_exist_is_not_found_and_a_busy_one_is_throttled() {
        for (status, code, class) in [
            (404, "NoSuchHostedZone", CallClass::NotFound),
            (400, "PriorRequestNotComplete", CallClass::Throttled),
            (400, "InvalidChangeBatch", CallClass::Invalid),
        ] {
            let body = error_xml(code, "no");
            let wire = Wire::answering(&[(status, &body), (status, &body), (status, &body)]);
            let error = wire.clients().await.hosted_zones().upsert_record("Z1", "db.example.com", 5, "new").await.unwrap_err();
            assert_eq!(error.class, class, "{error}");
        }
    }
}
