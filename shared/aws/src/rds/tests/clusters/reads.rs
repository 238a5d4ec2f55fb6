//! What is read of clusters.

use super::{clusters, configuration, ledger, ledger_xml, member_xml};
use crate::rds::tests::{orders_db, page};
use crate::wire::{Wire, error_xml, form};
use lifeboat_domain::observed::{Endpoint, RestoreWindow, SnapshotStatus};
use lifeboat_domain::ports::{ReadDatabaseEvents, ReadDatabases};
use lifeboat_domain::words::ResourceKind;

#[tokio::test(start_paused = true)]
async fn a_cluster_is_read_with_its_members() {
    let members = page(&[member_xml("ledger-2", "eu-central-1b"), member_xml("ledger-1", "eu-central-1a")], None);
    let wire = Wire::answering(&[(200, &clusters(&[ledger_xml()], None)), (200, &members)]);
    let seen = wire.clients().await.rds().database(&ledger()).await.unwrap().unwrap();
    let asked = [
        form(&[("Action", "DescribeDBClusters"), ("DBClusterIdentifier", "ledger")]),
        form(&[
            ("Action", "DescribeDBInstances"),
            ("Filters.Filter.1.Name", "db-cluster-id"),
            ("Filters.Filter.1.Values.Value.1", "ledger"),
        ]),
    ];
    assert_eq!(wire.forms(), asked);
    assert_eq!((&seen.id, seen.resource_id.as_str()), (&ledger(), "cluster-ABCDEFGHIJKLMNOP"));
    assert_eq!(seen.endpoint, Some(Endpoint { host: "ledger.cluster-abc.eu-central-1.rds.amazonaws.com".to_owned(), port: 5432 }));
    assert_eq!(seen.latest_restorable, Some("2026-01-15T10:20:00Z".parse().unwrap()));
    assert_eq!(seen.configuration, configuration());
    assert_eq!(seen.parameter_status.as_deref(), Some("pending-reboot"), "of the member that is furthest from having it in force");
    let members: Vec<(&str, bool, Option<&str>)> =
        seen.members.iter().map(|member| (member.id.as_str(), member.is_writer, member.zone.as_deref())).collect();
    assert_eq!(members, [("ledger-1", true, Some("eu-central-1a")), ("ledger-2", false, Some("eu-central-1b"))], "one is gone already");
    assert_eq!((seen.zone.as_deref(), seen.writer().map(|writer| writer.id.as_str())), (Some("eu-central-1a"), Some("ledger-1")));
    assert!(seen.has_standby());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_gone_is_none_and_one_of_another_service_too() {
    let gone = error_xml("DBClusterNotFoundFault", "DBCluster ledger not found.");
    let graph = clusters(&[ledger_xml().replace("aurora-postgresql", "neptune")], None);
    let wire = Wire::answering(&[(404, &gone), (200, &graph)]);
    let rds = wire.clients().await.rds();
    assert_eq!(rds.database(&ledger()).await.unwrap(), None);
    assert_eq!(rds.database(&ledger()).await.unwrap(), None);
    assert_eq!(wire.count(), 2, "nobody asks for its members");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_found_by_its_resource_id_and_instances_of_other_services_are_none() {
    let members = page(&[member_xml("ledger-1", "eu-central-1a")], None);
    let shown = clusters(&[ledger_xml()], None);
    let stranger = page(&[orders_db().replace("<Engine>postgres<", "<Engine>docdb<")], None);
    let wire = Wire::answering(&[(200, &shown), (200, &shown), (200, &members), (200, &stranger), (200, &stranger)]);
    let rds = wire.clients().await.rds();
    let found = rds.instance_by_resource_id("cluster-ABCDEFGHIJKLMNOP").await.unwrap().unwrap();
    assert_eq!(found.id, ledger());
    let filter = [("Filters.Filter.1.Name", "db-cluster-resource-id"), ("Filters.Filter.1.Values.Value.1", "cluster-ABCDEFGHIJKLMNOP")];
    assert_eq!(wire.forms()[0], super::with(form(&[("Action", "DescribeDBClusters")]), &filter));
    assert_eq!(rds.database(&super::id("orders-db")).await.unwrap(), None);
    assert_eq!(rds.instance_by_resource_id("db-ABC").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn all_clusters_are_listed_after_the_instances_and_never_those_of_neptune_and_documentdb() {
    let instances = page(&[orders_db(), member_xml("ledger-1", "eu-central-1a")], None);
    let strangers = [ledger_xml().replace("aurora-postgresql", "neptune"), ledger_xml().replace("aurora-postgresql", "docdb")];
    let second = clusters(&[ledger_xml()], None);
    let wire = Wire::answering(&[(200, &instances), (200, &clusters(&strangers, Some("more"))), (200, &second)]);
    let seen = wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap();
    let names: Vec<String> = seen.iter().map(|one| String::from(one.id.clone())).collect();
    assert_eq!(names, ["orders-db", "ledger-1", "cluster:ledger"]);
    assert_eq!((seen[0].cluster.as_deref(), seen[1].cluster.as_deref()), (None, Some("ledger")));
    assert_eq!(seen[2].members.len(), 1, "without another call");
    let asked = [
        form(&[("Action", "DescribeDBInstances")]),
        form(&[("Action", "DescribeDBClusters")]),
        form(&[("Action", "DescribeDBClusters"), ("Marker", "more")]),
    ];
    assert_eq!(wire.forms(), asked);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_cluster_hides_nobody_unless_it_is_protected() {
    let broken = ledger_xml().replace("<EngineVersion>16.6</EngineVersion>", "");
    let stranger = broken.replace("lifeboat:policy", "owner");
    let wire = Wire::answering(&[(200, &page(&[], None)), (200, &clusters(&[stranger, ledger_xml()], None))]);
    assert_eq!(wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap().len(), 1);
    let wire = Wire::answering(&[(200, &page(&[], None)), (200, &clusters(&[broken], None))]);
    assert_eq!(wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap_err().code, "EngineVersion");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_members_has_no_writer_and_no_standby() {
    let wire = Wire::answering(&[(200, &clusters(&[ledger_xml()], None)), (200, &page(&[], None))]);
    let seen = wire.clients().await.rds().database(&ledger()).await.unwrap().unwrap();
    assert!(seen.members.is_empty() && seen.writer().is_none() && !seen.has_standby());
}

#[tokio::test(start_paused = true)]
async fn the_restore_window_of_a_cluster_is_found_by_its_resource_id() {
    let body = |inner: &str| {
        format!(
            "<DescribeDBClusterAutomatedBackupsResponse><DescribeDBClusterAutomatedBackupsResult><DBClusterAutomatedBackups>{inner}</DBClusterAutomatedBackups></DescribeDBClusterAutomatedBackupsResult></DescribeDBClusterAutomatedBackupsResponse>"
        )
    };
    let retained = "<DBClusterAutomatedBackup><Status>retained</Status><RestoreWindow><EarliestTime>2026-01-08T00:00:00Z</EarliestTime><LatestTime>2026-01-15T10:20:00Z</LatestTime></RestoreWindow></DBClusterAutomatedBackup>";
    let none = error_xml("DBClusterAutomatedBackupNotFoundFault", "no");
    let wire = Wire::answering(&[(200, &body(retained)), (200, &body("")), (404, &none)]);
    let rds = wire.clients().await.rds();
    let window = RestoreWindow { earliest: "2026-01-08T00:00:00Z".parse().unwrap(), latest: "2026-01-15T10:20:00Z".parse().unwrap() };
    assert_eq!(
        rds.restore_window(&lifeboat_domain::ids::DatabaseId::parse("orders-db").unwrap(), "cluster-1").await.unwrap(),
        Some(window)
    );
    assert_eq!(rds.restore_window(&lifeboat_domain::ids::DatabaseId::parse("orders-db").unwrap(), "cluster-1").await.unwrap(), None);
    assert_eq!(rds.restore_window(&lifeboat_domain::ids::DatabaseId::parse("orders-db").unwrap(), "cluster-1").await.unwrap(), None);
    assert_eq!(wire.forms()[0], form(&[("Action", "DescribeDBClusterAutomatedBackups"), ("DbClusterResourceId", "cluster-1")]));
}

fn snapshot_xml(name: &str, kind: &str, engine: &str) -> String {
    format!(
        "<DBClusterSnapshot><DBClusterSnapshotIdentifier>{name}</DBClusterSnapshotIdentifier>\
         <DBClusterSnapshotArn>arn:aws:rds:eu-central-1:123456789012:cluster-snapshot:{name}</DBClusterSnapshotArn>\
         <DBClusterIdentifier>ledger</DBClusterIdentifier><DbClusterResourceId>cluster-1</DbClusterResourceId><Engine>{engine}</Engine>\
         <Status>available</Status><SnapshotType>{kind}</SnapshotType><PercentProgress>100</PercentProgress>\
         <SnapshotCreateTime>2026-01-15T03:00:00Z</SnapshotCreateTime>\
         <TagList><Tag><Key>lifeboat:backup</Key><Value>b-1</Value></Tag></TagList></DBClusterSnapshot>"
    )
}

fn snapshots(inner: &[String]) -> String {
    format!(
        "<DescribeDBClusterSnapshotsResponse><DescribeDBClusterSnapshotsResult><DBClusterSnapshots>{}</DBClusterSnapshots></DescribeDBClusterSnapshotsResult></DescribeDBClusterSnapshotsResponse>",
        inner.concat()
    )
}

#[tokio::test(start_paused = true)]
async fn cluster_snapshots_are_read_and_do_not_tell_their_newest_transaction() {
    let body = snapshots(&[
        snapshot_xml("lb-ledger-1", "manual", "aurora-postgresql"),
        snapshot_xml("awsbackup:job-1", "awsbackup", "aurora-postgresql"),
        snapshot_xml("graph", "manual", "neptune"),
    ]);
    let of_instances = "<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult/></DescribeDBSnapshotsResponse>";
    let wire = Wire::answering(&[(200, &body), (200, of_instances), (200, &body)]);
    let rds = wire.clients().await.rds();
    let seen = rds.snapshots_of(&ledger()).await.unwrap();
    assert_eq!((seen.len(), seen[0].id.as_str(), &seen[0].instance), (1, "lb-ledger-1", &ledger()));
    assert_eq!((&seen[0].status, seen[0].data_time), (&SnapshotStatus::Available, None));
    assert_eq!(seen[0].created_at, Some("2026-01-15T03:00:00Z".parse().unwrap()));
    assert_eq!(rds.manual_snapshots(ResourceKind::ALL).await.whole().unwrap(), seen);
    let asked = [
        form(&[("Action", "DescribeDBClusterSnapshots"), ("DBClusterIdentifier", "ledger")]),
        form(&[("Action", "DescribeDBSnapshots"), ("SnapshotType", "manual")]),
        form(&[("Action", "DescribeDBClusterSnapshots"), ("SnapshotType", "manual")]),
    ];
    assert_eq!(wire.forms(), asked);
}

#[tokio::test(start_paused = true)]
async fn what_was_announced_of_a_cluster_is_asked_of_the_cluster() {
    let wire = Wire::answering(&[(200, "<DescribeEventsResponse><DescribeEventsResult/></DescribeEventsResponse>")]);
    let (from, to) = ("2026-01-15T10:00:00Z".parse().unwrap(), "2026-01-15T11:00:00Z".parse().unwrap());
    assert_eq!(wire.clients().await.rds().events_of(&ledger(), from, to).await.unwrap(), []);
    assert_eq!((wire.form()["SourceType"].as_str(), wire.form()["SourceIdentifier"].as_str()), ("db-cluster", "ledger"));
}
