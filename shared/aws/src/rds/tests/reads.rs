//! Describe's answers.

use super::{configuration, id, orders_db, page};
use crate::wire::{Wire, error_xml, form};
use lifeboat_domain::CallClass;
use lifeboat_domain::observed::{Endpoint, Replication, RestoreWindow, SecurityGroup, SnapshotStatus};
use lifeboat_domain::ports::{ReadDatabaseEvents, ReadDatabases};
use lifeboat_domain::words::ResourceKind;

const NO_CLUSTERS: &str = "<DescribeDBClustersResponse><DescribeDBClustersResult/></DescribeDBClustersResponse>";
const NO_CLUSTER_SNAPSHOTS: &str =
    "<DescribeDBClusterSnapshotsResponse><DescribeDBClusterSnapshotsResult/></DescribeDBClusterSnapshotsResponse>";

#[tokio::test(start_paused = true)]
async fn every_setting_of_an_instance_is_read() {
    let wire = Wire::answering(&[(200, &page(&[orders_db()], None))]);
    let seen = wire.clients().await.rds().database(&id("orders-db")).await.unwrap().unwrap();
    assert_eq!(wire.form(), form(&[("Action", "DescribeDBInstances"), ("DBInstanceIdentifier", "orders-db")]));
    assert_eq!(seen.configuration, configuration());
    assert_eq!(seen.resource_id, "db-ABCDEFGHIJKLMNOP");
    assert_eq!(seen.endpoint, Some(Endpoint { host: "orders-db.abc.eu-central-1.rds.amazonaws.com".to_owned(), port: 5432 }));
    assert_eq!((seen.zone.as_deref(), seen.secondary_zone.as_deref()), (Some("eu-central-1a"), Some("eu-central-1b")));
    assert_eq!(seen.latest_restorable, Some("2026-01-15T10:20:00Z".parse().unwrap()));
    assert_eq!(seen.created_at, Some("2026-01-01T00:00:00.123Z".parse().unwrap()));
    let group = |id: &str, status: &str| SecurityGroup { id: id.to_owned(), status: status.to_owned() };
    assert_eq!(seen.groups, [group("sg-1", "active"), group("sg-2", "removing")]);
    assert_eq!(seen.parameter_status.as_deref(), Some("in-sync"));
    assert_eq!(seen.pending, ["Iops", "MasterUserPassword"]);
    assert_eq!(seen.policy(), Some("gold"));
}

#[tokio::test(start_paused = true)]
async fn a_source_names_its_replicas_and_a_replica_says_whom_it_follows_and_how() {
    let names = "<ReadReplicaDBInstanceIdentifiers><ReadReplicaDBInstanceIdentifier>orders-db-b</ReadReplicaDBInstanceIdentifier></ReadReplicaDBInstanceIdentifiers>";
    let info = "<ReadReplicaSourceDBInstanceIdentifier>users-db</ReadReplicaSourceDBInstanceIdentifier><StatusInfos><DBInstanceStatusInfo><StatusType>read replication</StatusType><Normal>false</Normal><Status>error</Status><Message>no connection</Message></DBInstanceStatusInfo></StatusInfos>";
    let plain = orders_db();
    let (start, rest) = plain.split_once("<DBInstanceClass>").unwrap();
    let xml = format!("{start}{names}{info}<DBInstanceClass>{rest}");
    let wire = Wire::answering(&[(200, &page(&[xml], None))]);
    let seen = wire.clients().await.rds().database(&id("orders-db")).await.unwrap().unwrap();
    assert_eq!((seen.replicas, seen.replica_of.as_deref()), (vec!["orders-db-b".to_owned()], Some("users-db")));
    let expected = Replication { status: "error".to_owned(), normal: false, message: Some("no connection".to_owned()) };
    assert_eq!(seen.replication, Some(expected));
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_found_by_its_resource_id_whatever_it_is_called() {
    let renamed = orders_db().replace("<DBInstanceIdentifier>orders-db<", "<DBInstanceIdentifier>orders-db-old<");
    let wire = Wire::answering(&[(200, &page(&[renamed], None)), (200, &page(&[], None))]);
    let rds = wire.clients().await.rds();
    let seen = rds.instance_by_resource_id("db-ABCDEFGHIJKLMNOP").await.unwrap().unwrap();
    assert_eq!((seen.id.as_str(), seen.resource_id.as_str()), ("orders-db-old", "db-ABCDEFGHIJKLMNOP"));
    let asked = [
        ("Action", "DescribeDBInstances"),
        ("Filters.Filter.1.Name", "dbi-resource-id"),
        ("Filters.Filter.1.Values.Value.1", "db-ABCDEFGHIJKLMNOP"),
    ];
    assert_eq!(wire.form(), form(&asked));
    assert_eq!(rds.instance_by_resource_id("db-GONE").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_gone_is_none() {
    let gone = error_xml("DBInstanceNotFound", "DBInstance orders-db not found.");
    let wire = Wire::answering(&[(404, &gone), (404, &gone)]);
    assert_eq!(wire.clients().await.rds().database(&id("orders-db")).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_instance_in_creation_has_no_endpoint() {
    let xml = orders_db().replace("orders-db.abc.eu-central-1.rds.amazonaws.com", "").replace("<Status>active</Status>", "");
    let wire = Wire::answering(&[(200, &page(&[xml], None))]);
    let seen = wire.clients().await.rds().database(&id("orders-db")).await.unwrap().unwrap();
    assert_eq!(seen.endpoint, None);
    assert_eq!(seen.configuration.port, Some(5432));
}

#[tokio::test(start_paused = true)]
async fn all_pages_are_read() {
    let second = orders_db().replace("orders-db", "users-db");
    let wire = Wire::answering(&[(200, &page(&[orders_db()], Some("more"))), (200, &page(&[second], None)), (200, NO_CLUSTERS)]);
    let seen = wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap();
    assert_eq!(seen.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["orders-db", "users-db"]);
    let sent = [
        form(&[("Action", "DescribeDBInstances")]),
        form(&[("Action", "DescribeDBInstances"), ("Marker", "more")]),
        form(&[("Action", "DescribeDBClusters")]),
    ];
    assert_eq!(wire.forms(), sent);
}

#[tokio::test(start_paused = true)]
async fn the_second_page_failing_fails_the_listing() {
    let wire = Wire::answering(&[(200, &page(&[orders_db()], Some("more"))), (400, &error_xml("AccessDenied", "no"))]);
    assert_eq!(wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap_err().class, CallClass::Denied);
}

#[tokio::test(start_paused = true)]
async fn clusters_that_are_not_listed_hide_no_instance_and_where_instances_are_not_neither_kind_is() {
    let denied = error_xml("AccessDenied", "no");
    let wire = Wire::answering(&[(200, &page(&[orders_db()], None)), (403, &denied)]);
    let seen = wire.clients().await.rds().databases(ResourceKind::ALL).await;
    assert_eq!((seen.found.len(), seen.unanswered.into_keys().collect::<Vec<_>>()), (1, vec![ResourceKind::DbCluster]));
    let wire = Wire::answering(&[(403, &denied)]);
    let seen = wire.clients().await.rds().databases(ResourceKind::ALL).await;
    assert!(seen.found.is_empty());
    assert_eq!(seen.unanswered.into_keys().collect::<Vec<_>>(), [ResourceKind::RdsInstance, ResourceKind::DbCluster]);
}

#[tokio::test(start_paused = true)]
async fn each_service_answers_for_itself_and_only_who_is_asked_for_is_asked() {
    let denied = error_xml("AccessDenied", "no");
    let wire = Wire::answering(&[(200, &page(&[orders_db()], None)), (403, &denied)]);
    let seen = wire.clients().await.databases().databases(&[ResourceKind::RdsInstance, ResourceKind::ReplicationGroup]).await;
    assert_eq!((seen.found.len(), seen.unanswered.into_keys().collect::<Vec<_>>()), (1, vec![ResourceKind::ReplicationGroup]));
    let wire = Wire::answering(&[(200, &page(&[orders_db()], None))]);
    let seen = wire.clients().await.databases().databases(&[ResourceKind::RdsInstance]).await;
    assert_eq!((seen.whole().unwrap().len(), wire.count()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_no_restore_carries_over_is_named() {
    let more = "<DatabaseInsightsMode>advanced</DatabaseInsightsMode>\
        <MasterUserSecret><SecretArn>arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1</SecretArn></MasterUserSecret>\
        <AssociatedRoles><DBInstanceRole><RoleArn>arn:aws:iam::123456789012:role/s3</RoleArn><FeatureName>s3Import</FeatureName>\
        </DBInstanceRole></AssociatedRoles><Engine>postgres</Engine>";
    let wire = Wire::answering(&[(200, &page(&[orders_db().replace("<Engine>postgres</Engine>", more)], None))]);
    let seen = wire.clients().await.rds().database(&id("orders-db")).await.unwrap().unwrap().configuration;
    let named = seen.left_behind.join("; ");
    for part in ["Database Insights in its advanced mode", "RDS keeps in arn:aws:secretsmanager", "role/s3 for s3Import"] {
        assert!(named.contains(part), "{part}: {named}");
    }
    assert_eq!(seen.left_behind.len(), 3, "{named}");
    assert_eq!(lifeboat_domain::point::differences(&seen, &configuration()), Vec::new(), "named once, under the risks");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_rds_is_left_out_of_listings() {
    let graph = orders_db().replace("<Engine>postgres</Engine>", "<Engine>neptune</Engine>");
    let documents = orders_db().replace("<Engine>postgres</Engine>", "<Engine>docdb</Engine>");
    let wire = Wire::answering(&[(200, &page(&[graph, documents, orders_db()], None)), (200, NO_CLUSTERS)]);
    assert_eq!(wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_missing_field_is_named() {
    for field in [
        "DBInstanceIdentifier",
        "DBInstanceArn",
        "DbiResourceId",
        "DBInstanceStatus",
        "DBInstanceClass",
        "Engine",
        "EngineVersion",
        "MasterUsername",
    ] {
        let xml = orders_db().replace(&format!("<{field}>"), "<Gone>").replace(&format!("</{field}>"), "</Gone>");
        let wire = Wire::answering(&[(200, &page(&[xml], None))]);
        let error = wire.clients().await.rds().database(&id("orders-db")).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (CallClass::Invalid, field));
        assert!(error.message.contains(field), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_stranger_hides_nobody_but_an_unreadable_protected_one_stops_the_listing() {
    let broken = orders_db().replace("<EngineVersion>16.3</EngineVersion>", "");
    let stranger = broken.replace("lifeboat:policy", "owner");
    let wire = Wire::answering(&[(200, &page(&[stranger, orders_db()], None)), (200, NO_CLUSTERS)]);
    assert_eq!(wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap().len(), 1);

    let wire = Wire::answering(&[(200, &page(&[broken, orders_db()], None))]);
    assert_eq!(wire.clients().await.rds().databases(ResourceKind::ALL).await.whole().unwrap_err().code, "EngineVersion");
}

#[tokio::test(start_paused = true)]
async fn the_restore_window_is_found_by_resource_id() {
    let window = |earliest: &str, latest: &str| {
        format!(
            "<DBInstanceAutomatedBackup><RestoreWindow><EarliestTime>{earliest}</EarliestTime><LatestTime>{latest}</LatestTime></RestoreWindow></DBInstanceAutomatedBackup>"
        )
    };
    let backups = |inner: &str| {
        format!(
            "<DescribeDBInstanceAutomatedBackupsResponse><DescribeDBInstanceAutomatedBackupsResult><DBInstanceAutomatedBackups>{inner}</DBInstanceAutomatedBackups></DescribeDBInstanceAutomatedBackupsResult></DescribeDBInstanceAutomatedBackupsResponse>"
        )
    };
    let two = backups(&(window("2026-01-01T00:00:00Z", "2026-01-10T00:00:00Z") + &window("2026-01-08T00:00:00Z", "2026-01-15T10:20:00Z")));
    let fresh = backups("<DBInstanceAutomatedBackup><Status>creating</Status></DBInstanceAutomatedBackup>");
    let none = error_xml("DBInstanceAutomatedBackupNotFound", "no");
    let wire = Wire::answering(&[(200, &two), (200, &fresh), (200, &backups("")), (404, &none)]);
    let rds = wire.clients().await.rds();
    let newest = RestoreWindow { earliest: "2026-01-08T00:00:00Z".parse().unwrap(), latest: "2026-01-15T10:20:00Z".parse().unwrap() };
    assert_eq!(rds.restore_window(&lifeboat_domain::ids::DatabaseId::parse("orders-db").unwrap(), "db-1").await.unwrap(), Some(newest));
    for _ in 0..3 {
        assert_eq!(rds.restore_window(&lifeboat_domain::ids::DatabaseId::parse("orders-db").unwrap(), "db-1").await.unwrap(), None);
    }
    assert_eq!(wire.forms()[0], form(&[("Action", "DescribeDBInstanceAutomatedBackups"), ("DbiResourceId", "db-1")]));
}

fn snapshots(inner: &[String]) -> String {
    format!(
        "<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult><DBSnapshots>{}</DBSnapshots></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>",
        inner.concat()
    )
}

fn snapshot(name: &str, kind: &str) -> String {
    format!(
        "<DBSnapshot><DBSnapshotIdentifier>{name}</DBSnapshotIdentifier><DBSnapshotArn>arn:aws:rds:eu-central-1:123456789012:snapshot:{name}</DBSnapshotArn>\
         <DBInstanceIdentifier>orders-db</DBInstanceIdentifier><DbiResourceId>db-1</DbiResourceId><Status>available</Status><SnapshotType>{kind}</SnapshotType>\
         <PercentProgress>100</PercentProgress><SnapshotCreateTime>2026-01-15T03:00:00Z</SnapshotCreateTime>\
         <OriginalSnapshotCreateTime>2026-01-14T03:00:00Z</OriginalSnapshotCreateTime><SnapshotDatabaseTime>2026-01-14T02:59:58Z</SnapshotDatabaseTime>\
         <TagList><Tag><Key>lifeboat:backup</Key><Value>b-1</Value></Tag></TagList></DBSnapshot>"
    )
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_read_with_their_data_time() {
    let body = snapshots(&[
        snapshot("lb-orders-1", "manual"),
        snapshot("rds:orders-db-2026-01-14-02-59", "automated"),
        snapshot("awsbackup:job-1", "awsbackup"),
    ]);
    let wire = Wire::answering(&[(200, &body), (200, &body), (200, NO_CLUSTER_SNAPSHOTS)]);
    let rds = wire.clients().await.rds();
    let seen = rds.snapshots_of(&id("orders-db")).await.unwrap();
    assert_eq!(seen.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["lb-orders-1", "rds:orders-db-2026-01-14-02-59"]);
    assert_eq!(seen[0].status, SnapshotStatus::Available);
    assert_eq!(seen[0].created_at, Some("2026-01-14T03:00:00Z".parse().unwrap()));
    assert_eq!(seen[0].data_time, Some("2026-01-14T02:59:58Z".parse().unwrap()));
    assert_eq!(seen[0].tags["lifeboat:backup"], "b-1");
    rds.manual_snapshots(ResourceKind::ALL).await.whole().unwrap();
    let sent = [
        form(&[("Action", "DescribeDBSnapshots"), ("DBInstanceIdentifier", "orders-db")]),
        form(&[("Action", "DescribeDBSnapshots"), ("SnapshotType", "manual")]),
        form(&[("Action", "DescribeDBClusterSnapshots"), ("SnapshotType", "manual")]),
    ];
    assert_eq!(wire.forms(), sent);
}

#[tokio::test(start_paused = true)]
async fn what_was_announced_is_read_without_backups() {
    let event = |at: &str, category: &str, text: &str| {
        format!(
            "<Event><SourceIdentifier>orders-db</SourceIdentifier><SourceType>db-instance</SourceType><Message>{text}</Message><EventCategories><EventCategory>{category}</EventCategory></EventCategories><Date>{at}</Date></Event>"
        )
    };
    let events = [
        event("2026-01-15T10:05:00Z", "backup", "Backing up DB instance"),
        event("2026-01-15T10:24:00Z", "availability", "DB instance restarted"),
    ];
    let body = format!(
        "<DescribeEventsResponse><DescribeEventsResult><Events>{}</Events></DescribeEventsResult></DescribeEventsResponse>",
        events.concat()
    );
    let wire = Wire::answering(&[(200, &body)]);
    let (from, to) = ("2026-01-15T10:00:00Z".parse().unwrap(), "2026-01-15T11:00:00Z".parse().unwrap());
    let found = wire.clients().await.rds().events_of(&id("orders-db"), from, to).await.unwrap();
    assert_eq!(found, [("2026-01-15T10:24:00Z".parse().unwrap(), "DB instance restarted".to_owned())]);
    let asked = [
        ("Action", "DescribeEvents"),
        ("EndTime", "2026-01-15T11:00:00Z"),
        ("SourceIdentifier", "orders-db"),
        ("SourceType", "db-instance"),
        ("StartTime", "2026-01-15T10:00:00Z"),
    ];
    assert_eq!(wire.form(), form(&asked));
}
