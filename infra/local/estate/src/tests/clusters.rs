//! DB clusters: every call in the XML of AWS, and one with real servers.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::whole::{Estate, PATIENCE, answers};
use super::*;

const CLUSTER: &str = "Action=CreateDBCluster&DBClusterIdentifier=orders&Engine=aurora-postgresql&MasterUsername=lifeboat\
    &MasterUserPassword=correct-horse&DatabaseName=app&BackupRetentionPeriod=7";

fn member(name: &str, tier: u32) -> String {
    format!(
        "Action=CreateDBInstance&DBClusterIdentifier=orders&DBInstanceIdentifier={name}&Engine=aurora-postgresql\
         &DBInstanceClass=db.r6g.large&PromotionTier={tier}"
    )
}

#[tokio::test]
async fn a_created_cluster_is_described_in_the_xml_of_aws() {
    let world = world();
    let scaling = "ServerlessV2ScalingConfiguration.MinCapacity=0.5&ServerlessV2ScalingConfiguration.MaxCapacity=16.0";
    let (status, xml) = text(&world, &format!("{CLUSTER}&{scaling}&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b")).await;
    assert!(status == 200 && xml.contains("<CreateDBClusterResult><DBCluster>"), "{xml}");
    pretend(&world);
    assert_eq!(text(&world, &member("orders-1", 0)).await.0, 200);
    pretend(&world);
    let (_, xml) = text(&world, "Action=DescribeDBClusters&DBClusterIdentifier=orders").await;
    for wanted in [
        "<DBClusters><DBCluster>",
        "<Status>available</Status>",
        "<Endpoint>127.0.0.8</Endpoint>",
        "<ReaderEndpoint>127.0.0.9</ReaderEndpoint>",
        "<Port>4711</Port>",
        "<DBClusterMembers><DBClusterMember><",
        "<DBClusterParameterGroupStatus>in-sync<",
        "<DBInstanceIdentifier>orders-1</DBInstanceIdentifier>",
        "<IsClusterWriter>true<",
        "<VpcSecurityGroups><VpcSecurityGroupMembership>",
        "<ServerlessV2ScalingConfiguration><M",
        "<MaxCapacity>16.0</MaxCapacity>",
        "<MinCapacity>0.5</MinCapacity>",
        "<TagList><Tag><Key>a</Key><Value>b</Value></Tag></TagList>",
    ] {
        assert!(xml.contains(wanted), "{wanted} is not in {xml}");
    }
    assert!(!xml.contains("correct-horse"));
    let (_, xml) =
        text(&world, "Action=DescribeDBInstances&Filters.Filter.1.Name=db-cluster-id&Filters.Filter.1.Values.Value.1=orders").await;
    assert!(xml.contains("<DBClusterIdentifier>orders</DBClusterIdentifier>") && xml.contains("<PromotionTier>0</PromotionTier>"), "{xml}");
}

#[tokio::test]
async fn a_capacity_that_is_no_half_is_refused() {
    let (status, xml) = text(&world(), &format!("{CLUSTER}&ServerlessV2ScalingConfiguration.MinCapacity=0.3")).await;
    assert!(status == 400 && xml.contains("in steps of 0.5"), "{xml}");
}

#[tokio::test]
async fn every_action_on_clusters_is_served() {
    let world = world();
    for form in [CLUSTER, &member("orders-1", 0), &member("orders-2", 1)] {
        assert_eq!(text(&world, form).await.0, 200);
        pretend(&world);
    }
    let arn = "arn%3Aaws%3Ards%3Aus-east-1%3A123456789012%3Acluster%3Aorders";
    for form in [
        "CreateDBClusterSnapshot&DBClusterIdentifier=orders&DBClusterSnapshotIdentifier=s1",
        "DescribeDBClusterSnapshots&DBClusterIdentifier=orders&IncludeShared=false&MaxRecords=20",
        "RestoreDBClusterFromSnapshot&DBClusterIdentifier=copy&SnapshotIdentifier=s1&Engine=aurora-postgresql&EngineVersion=16.6",
        "RestoreDBClusterToPointInTime&SourceDBClusterIdentifier=orders&DBClusterIdentifier=twin&RestoreType=copy-on-write&UseLatestRestorableTime=true",
        "ModifyDBCluster&DBClusterIdentifier=orders&ApplyImmediately=true&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1",
        "FailoverDBCluster&DBClusterIdentifier=orders&TargetDBInstanceIdentifier=orders-2",
        "RebootDBInstance&DBInstanceIdentifier=orders-1",
        &format!("AddTagsToResource&ResourceName={arn}&Tags.Tag.1.Key=a&Tags.Tag.1.Value=b"),
        &format!("ListTagsForResource&ResourceName={arn}"),
        &format!("EnableHttpEndpoint&ResourceArn={arn}"),
        "DescribeDBClusterAutomatedBackups&DBClusterIdentifier=orders",
        "DeleteDBClusterSnapshot&DBClusterSnapshotIdentifier=s1",
        "DeleteDBCluster&DBClusterIdentifier=copy&SkipFinalSnapshot=true&DeleteAutomatedBackups=false",
    ] {
        let (status, xml) = text(&world, &format!("Action={form}&Version=2014-10-31")).await;
        assert_eq!(status, 200, "{form}: {xml}");
        pretend(&world);
    }
    let restore =
        "Action=RestoreDBClusterToPointInTime&SourceDBClusterIdentifier=orders&DBClusterIdentifier=x&RestoreToTime=2020-01-01T00:00:00Z";
    assert!(text(&world, restore).await.1.contains("InvalidDBClusterStateFault"), "nothing was archived here");
}

#[tokio::test]
async fn an_accident_happens_to_a_cluster_or_to_an_instance() {
    let world = world();
    for form in [CLUSTER, &member("orders-1", 0)] {
        text(&world, form).await;
        pretend(&world);
    }
    let (status, reply) = control(&world, "POST", "/accidents", r#"{"cluster":"orders","kind":"cluster_failure"}"#).await;
    assert_eq!(status, 200, "{reply}");
    let (_, clusters) = control(&world, "GET", "/clusters", "").await;
    assert_eq!((&clusters[0]["true_status"], &clusters[0]["writer"]), (&"failed".into(), &"orders-1".into()));
    for wrong in [
        r#"{"kind":"hung"}"#,
        r#"{"cluster":"orders","instance":"orders","kind":"hung"}"#,
        r#"{"cluster":"orders","kind":"storage_full"}"#,
        r#"{"instance":"orders-1","kind":"cluster_failure"}"#,
    ] {
        assert_eq!(control(&world, "POST", "/accidents", wrong).await.0, 400, "{wrong}");
    }
}

impl Estate {
    async fn cluster(&self, name: &str) -> Value {
        let (_, all) = control(&self.world, "GET", "/clusters", "").await;
        let found = all.as_array().unwrap().iter().find(|it| it["cluster"]["DBClusterIdentifier"] == name);
        found.cloned().unwrap_or_default()
    }

    async fn until_cluster(&self, what: &str, name: &str, holds: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        while !holds(&self.cluster(name).await) {
            assert!(begun.elapsed() < PATIENCE, "{name} is not {what}: {}", self.cluster(name).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until_endpoint_answers(&self, name: &str, wanted: bool) {
        let it = self.cluster(name).await["cluster"].clone();
        let (host, port) = (it["Endpoint"].as_str().unwrap(), it["Port"].as_u64().unwrap());
        let begun = Instant::now();
        while answers(host, port).await != wanted {
            assert!(begun.elapsed() < PATIENCE, "{name} should answer: {wanted}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_fails_over_is_fenced_is_lost_and_is_restored_with_a_member() {
    let estate = Estate::new("cluster").await;
    estate.call(CLUSTER).await;
    estate.until_cluster("available", "orders", |it| it["true_status"] == "available").await;
    for name in ["orders-1", "orders-2"] {
        estate.call(&member(name, 1)).await;
        estate.until_available(name).await;
    }
    estate.until_endpoint_answers("orders", true).await;

    let hang = r#"{"cluster":"orders","kind":"hung"}"#;
    assert_eq!(control(&estate.world, "POST", "/accidents", hang).await.0, 200);
    estate.until_endpoint_answers("orders", false).await;
    estate.call("Action=FailoverDBCluster&DBClusterIdentifier=orders&TargetDBInstanceIdentifier=orders-2").await;
    estate.until_cluster("failed over", "orders", |it| it["writer"] == "orders-2" && it["true_status"] == "available").await;
    estate.until_endpoint_answers("orders", true).await;
    estate.until_available("orders-1").await;

    let lost = r#"{"cluster":"orders","kind":"instance_failure"}"#;
    assert_eq!(control(&estate.world, "POST", "/accidents", lost).await.0, 200);
    estate.until_cluster("healed by AWS", "orders", |it| it["writer"] == "orders-1" && it["true_status"] == "available").await;
    estate.until_endpoint_answers("orders", true).await;
    estate.until_available("orders-2").await;

    estate.call("Action=CreateDBClusterSnapshot&DBClusterIdentifier=orders&DBClusterSnapshotIdentifier=s1").await;
    estate.until_cluster("backing up", "orders", |it| it["cluster"]["Status"] == "backing-up").await;
    estate.until_cluster("backed up", "orders", |it| it["true_status"] == "available").await;
    estate.call("Action=ModifyDBCluster&DBClusterIdentifier=orders&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-fence").await;
    estate.until_endpoint_answers("orders", false).await;

    let restore = "Action=RestoreDBClusterFromSnapshot&SnapshotIdentifier=s1&Engine=aurora-postgresql&DBClusterIdentifier";
    estate.call(&format!("{restore}=copy")).await;
    estate.until_cluster("restored", "copy", |it| it["true_status"] == "available").await;
    assert_eq!(estate.cluster("copy").await["cluster"]["DBClusterMembers"].as_array().unwrap().len(), 0);
    estate.until_endpoint_answers("copy", false).await;
    estate.call(&member("copy-1", 0).replace("DBClusterIdentifier=orders", "DBClusterIdentifier=copy")).await;
    estate.until_available("copy-1").await;
    estate.until_endpoint_answers("copy", true).await;
    let heard = estate.heard();
    for event in ["RDS-EVENT-0170", "RDS-EVENT-0071", "RDS-EVENT-0074", "RDS-EVENT-0075"] {
        assert!(heard.iter().any(|it| it == event), "{event} is missing in {heard:?}");
    }
    estate.end().await;
}
