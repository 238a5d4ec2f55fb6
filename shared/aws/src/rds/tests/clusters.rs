//! DB clusters: what is sent, exactly, and what is read.

mod reads;
mod take_over;

use super::{answer, id, orders_db, page};
use crate::wire::{Wire, error_xml, form};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::{DatabaseId, SnapshotId};
use lifeboat_domain::observed::{ClusterConfiguration, Configuration, MemberConfiguration, Own, Scaling};
use lifeboat_domain::plan::{LateSettings, RestoreSettings};
use lifeboat_domain::ports::{
    CloneClusters, DeleteDatabases, FailClustersOver, MakeMembers, ModifyDatabases, RebootDatabases, RestoreDatabases, Secret,
    TakeSnapshots,
};
use std::collections::BTreeMap;

/// One page of DescribeDBClusters.
fn clusters(inner: &[String], marker: Option<&str>) -> String {
    let marker = marker.map(|marker| format!("<Marker>{marker}</Marker>")).unwrap_or_default();
    let body = format!("<DescribeDBClustersResult>{marker}<DBClusters>{}</DBClusters></DescribeDBClustersResult>", inner.concat());
    format!("<DescribeDBClustersResponse>{body}</DescribeDBClustersResponse>")
}

fn ledger_xml() -> String {
    include_str!("ledger.xml").to_owned()
}

/// A member as DescribeDBInstances shows it.
fn member_xml(name: &str, zone: &str) -> String {
    orders_db()
        .replace("orders-db", name)
        .replace("<Engine>postgres<", "<Engine>aurora-postgresql<")
        .replace("eu-central-1a</AvailabilityZone>", &format!("{zone}</AvailabilityZone><DBClusterIdentifier>ledger</DBClusterIdentifier>"))
}

fn ledger() -> DatabaseId {
    id("cluster:ledger")
}

fn member(tier: i32) -> MemberConfiguration {
    MemberConfiguration {
        promotion_tier: tier,
        class: "db.m6g.large".to_owned(),
        parameter_group: Some("orders-pg16".to_owned()),
        publicly_accessible: false,
        auto_minor_version_upgrade: true,
        ca_certificate: Some("rds-ca-rsa2048-g1".to_owned()),
        monitoring_interval: 60,
        monitoring_role: Some("arn:aws:iam::123456789012:role/monitoring".to_owned()),
        performance_insights: true,
        performance_insights_key: Some("arn:aws:kms:eu-central-1:123456789012:key/k-2".to_owned()),
        performance_insights_retention_days: Some(7),
    }
}

/// The fixture's configuration, in our words.
fn configuration() -> Configuration {
    Configuration {
        engine: "aurora-postgresql".to_owned(),
        engine_version: "16.6".to_owned(),
        subnet_group: Some("private".to_owned()),
        vpc: Some("vpc-1".to_owned()),
        security_groups: vec!["sg-1".to_owned(), "sg-2".to_owned()],
        parameter_group: Some("ledger-cluster-pg16".to_owned()),
        multi_az: true,
        port: Some(5432),
        auto_minor_version_upgrade: true,
        copy_tags_to_snapshot: true,
        iam_authentication: true,
        log_exports: vec!["postgresql".to_owned(), "upgrade".to_owned()],
        deletion_protection: true,
        storage_type: Some("aurora".to_owned()),
        storage_encrypted: true,
        kms_key: Some("arn:aws:kms:eu-central-1:123456789012:key/k-1".to_owned()),
        network_type: Some("IPV4".to_owned()),
        backup_retention_days: 7,
        backup_window: Some("03:00-03:30".to_owned()),
        maintenance_window: Some("sun:04:00-sun:04:30".to_owned()),
        engine_lifecycle_support: Some("open-source-rds-extended-support-disabled".to_owned()),
        master_user: "app".to_owned(),
        database: Some("ledger".to_owned()),
        own: Some(Own::Cluster(Box::new(ClusterConfiguration {
            engine_mode: Some("provisioned".to_owned()),
            scaling: Some(Scaling { least_half_acus: 1, most_half_acus: 32, pauses_after_seconds: None }),
            backtrack_seconds: 3600,
            http_endpoint: true,
            members: vec![member(0), member(1)],
        }))),
        ..Configuration::default()
    }
}

fn tags() -> BTreeMap<String, String> {
    form(&[("aws:x", "y"), ("lifeboat:incident", "inc-1")])
}

fn settings(configuration: Configuration) -> RestoreSettings {
    RestoreSettings { configuration, opens_to: Vec::new(), tags: tags() }
}

fn with(mut base: BTreeMap<String, String>, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    base.extend(form(more));
    base
}

/// What both restores are told of the fixture.
fn told() -> BTreeMap<String, String> {
    form(&[
        ("DBClusterIdentifier", "ledger-r1"),
        ("Port", "5432"),
        ("DBSubnetGroupName", "private"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-1"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.2", "sg-2"),
        ("DBClusterParameterGroupName", "ledger-cluster-pg16"),
        ("EnableIAMDatabaseAuthentication", "true"),
        ("BacktrackWindow", "3600"),
        ("EnableCloudwatchLogsExports.member.1", "postgresql"),
        ("EnableCloudwatchLogsExports.member.2", "upgrade"),
        ("CopyTagsToSnapshot", "true"),
        ("StorageType", "aurora"),
        ("NetworkType", "IPV4"),
        ("ServerlessV2ScalingConfiguration.MinCapacity", "0.5"),
        ("ServerlessV2ScalingConfiguration.MaxCapacity", "16.0"),
        ("BackupRetentionPeriod", "7"),
        ("PreferredBackupWindow", "03:00-03:30"),
        ("EngineLifecycleSupport", "open-source-rds-extended-support-disabled"),
        ("EngineMode", "provisioned"),
        ("Tags.Tag.1.Key", "lifeboat:incident"),
        ("Tags.Tag.1.Value", "inc-1"),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_restore_of_a_cluster_from_a_snapshot_names_engine_and_version() {
    let wire = Wire::answering(&[(200, &answer("RestoreDBClusterFromSnapshot"))]);
    let snapshot = SnapshotId::parse("lb-ledger-1").unwrap();
    wire.clients().await.rds().restore_from_snapshot(&snapshot, &id("cluster:ledger-r1"), &settings(configuration())).await.unwrap();
    let own = [
        ("Action", "RestoreDBClusterFromSnapshot"),
        ("SnapshotIdentifier", "lb-ledger-1"),
        ("Engine", "aurora-postgresql"),
        ("EngineVersion", "16.6"),
    ];
    assert_eq!(wire.form(), with(told(), &own));
}

#[tokio::test(start_paused = true)]
async fn a_restore_of_a_cluster_to_a_time_spells_it_as_for_clusters() {
    let ok = answer("RestoreDBClusterToPointInTime");
    let wire = Wire::answering(&[(200, &ok), (200, &ok)]);
    let rds = wire.clients().await.rds();
    let (at, target) = (Some("2026-01-15T10:24:59.987Z".parse().unwrap()), id("cluster:ledger-r1"));
    rds.restore_to_point_in_time("cluster-1", at, &target, &settings(configuration())).await.unwrap();
    rds.restore_to_point_in_time("cluster-1", None, &target, &settings(configuration())).await.unwrap();
    let both = with(told(), &[("Action", "RestoreDBClusterToPointInTime"), ("SourceDbClusterResourceId", "cluster-1")]);
    let sent = [with(both.clone(), &[("RestoreToTime", "2026-01-15T10:24:59Z")]), with(both, &[("UseLatestRestorableTime", "true")])];
    assert_eq!(wire.forms(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_cluster_is_told_what_a_restore_is_told_and_no_time() {
    let wire = Wire::answering(&[(200, &answer("RestoreDBClusterToPointInTime"))]);
    let (source, target) = (id("cluster:ledger"), id("cluster:ledger-r1"));
    wire.clients().await.rds().clone_cluster(&source, &target, &settings(configuration())).await.unwrap();
    let own = [
        ("Action", "RestoreDBClusterToPointInTime"),
        ("SourceDBClusterIdentifier", "ledger"),
        ("RestoreType", "copy-on-write"),
        ("UseLatestRestorableTime", "true"),
    ];
    assert_eq!(wire.form(), with(told(), &own));
    let bare = RestoreSettings { tags: BTreeMap::new(), ..settings(configuration()) };
    let refused = wire.clients().await.rds().clone_cluster(&source, &target, &bare).await.unwrap_err();
    assert_eq!((refused.class, wire.forms().len()), (CallClass::Invalid, 1), "without tags it would look protected: nothing is sent");
}

#[tokio::test(start_paused = true)]
async fn a_multi_az_db_cluster_is_told_its_class_and_what_its_members_have() {
    let wire = Wire::answering(&[(200, &answer("RestoreDBClusterFromSnapshot"))]);
    let multi_az = Configuration {
        class: "db.m6gd.large".to_owned(),
        engine: "postgres".to_owned(),
        engine_version: "16.4".to_owned(),
        storage_type: Some("io1".to_owned()),
        iops: Some(3000),
        backup_retention_days: 7,
        monitoring_interval: 60,
        monitoring_role: Some("arn:aws:iam::123456789012:role/monitoring".to_owned()),
        performance_insights: true,
        performance_insights_retention_days: Some(7),
        ..Configuration::default()
    };
    let snapshot = SnapshotId::parse("s").unwrap();
    wire.clients().await.rds().restore_from_snapshot(&snapshot, &id("cluster:copy"), &settings(multi_az)).await.unwrap();
    let sent = form(&[
        ("Action", "RestoreDBClusterFromSnapshot"),
        ("DBClusterIdentifier", "copy"),
        ("SnapshotIdentifier", "s"),
        ("Engine", "postgres"),
        ("EngineVersion", "16.4"),
        ("DBClusterInstanceClass", "db.m6gd.large"),
        ("StorageType", "io1"),
        ("Iops", "3000"),
        ("PubliclyAccessible", "false"),
        ("CopyTagsToSnapshot", "false"),
        ("BackupRetentionPeriod", "7"),
        ("MonitoringInterval", "60"),
        ("MonitoringRoleArn", "arn:aws:iam::123456789012:role/monitoring"),
        ("EnablePerformanceInsights", "true"),
        ("PerformanceInsightsRetentionPeriod", "7"),
        ("Tags.Tag.1.Key", "lifeboat:incident"),
        ("Tags.Tag.1.Value", "inc-1"),
    ]);
    assert_eq!(wire.form(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_not_restored_and_a_member_not_made_without_tags() {
    let wire = Wire::answering(&[]);
    let rds = wire.clients().await.rds();
    let bare = RestoreSettings { tags: form(&[("aws:x", "y")]), ..settings(configuration()) };
    let target = id("cluster:ledger-r1");
    let errors = [
        rds.restore_from_snapshot(&SnapshotId::parse("s").unwrap(), &target, &bare).await.unwrap_err(),
        rds.restore_to_point_in_time("cluster-1", None, &target, &bare).await.unwrap_err(),
        rds.make_member(&id("ledger-r1-1"), &target, "aurora-postgresql", &member(1), &bare.tags).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.class, error.code.as_str()), (CallClass::Invalid, "Tags"));
    }
    assert_eq!(wire.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_member_is_made_with_its_own_parameter_group_and_tier() {
    let wire = Wire::answering(&[(200, &answer("CreateDBInstance"))]);
    let rds = wire.clients().await.rds();
    rds.make_member(&id("ledger-r1-1"), &id("cluster:ledger-r1"), "aurora-postgresql", &member(0), &tags()).await.unwrap();
    let sent = form(&[
        ("Action", "CreateDBInstance"),
        ("DBInstanceIdentifier", "ledger-r1-1"),
        ("DBClusterIdentifier", "ledger-r1"),
        ("Engine", "aurora-postgresql"),
        ("DBInstanceClass", "db.m6g.large"),
        ("PromotionTier", "0"),
        ("DBParameterGroupName", "orders-pg16"),
        ("PubliclyAccessible", "false"),
        ("AutoMinorVersionUpgrade", "true"),
        ("CACertificateIdentifier", "rds-ca-rsa2048-g1"),
        ("MonitoringInterval", "60"),
        ("MonitoringRoleArn", "arn:aws:iam::123456789012:role/monitoring"),
        ("EnablePerformanceInsights", "true"),
        ("PerformanceInsightsKMSKeyId", "arn:aws:kms:eu-central-1:123456789012:key/k-2"),
        ("PerformanceInsightsRetentionPeriod", "7"),
        ("Tags.Tag.1.Key", "lifeboat:incident"),
        ("Tags.Tag.1.Value", "inc-1"),
    ]);
    assert_eq!(wire.form(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_fails_over_to_the_one_that_is_named_or_to_the_best() {
    let ok = answer("FailoverDBCluster");
    let wire = Wire::answering(&[(200, &ok), (200, &ok)]);
    let rds = wire.clients().await.rds();
    rds.fail_cluster_over(&ledger(), Some(&id("ledger-2"))).await.unwrap();
    rds.fail_cluster_over(&ledger(), None).await.unwrap();
    let call = form(&[("Action", "FailoverDBCluster"), ("DBClusterIdentifier", "ledger")]);
    assert_eq!(wire.forms(), [with(call.clone(), &[("TargetDBInstanceIdentifier", "ledger-2")]), call]);
}

#[tokio::test(start_paused = true)]
async fn a_failover_of_a_cluster_is_sent_once_whatever_the_answer() {
    let failures = [
        (503, error_xml("ServiceUnavailable", "later"), CallClass::Unknown),
        (400, error_xml("Throttling", "Rate exceeded"), CallClass::Throttled),
        (400, error_xml("InvalidDBClusterStateFault", "no reader"), CallClass::WrongState),
        (404, error_xml("DBClusterNotFoundFault", "gone"), CallClass::NotFound),
    ];
    for (status, body, class) in failures {
        let wire = Wire::answering(&[(status, &body), (200, &answer("FailoverDBCluster"))]);
        let error = wire.clients().await.rds().fail_cluster_over(&ledger(), None).await.unwrap_err();
        assert_eq!((error.class, wire.count()), (class, 1), "a duplicate would flip back: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_modified_at_once() {
    let ok = answer("ModifyDBCluster");
    let refusal = error_xml("InvalidParameterValue", "The password hunter22 is not valid");
    let wire = Wire::answering(&[(200, &ok), (200, &ok), (200, &ok), (400, &refusal)]);
    let rds = wire.clients().await.rds();
    let late = LateSettings { http_endpoint: false, ..LateSettings::of(&configuration()) };
    rds.set_security_groups(&ledger(), &["sg-fence".to_owned()]).await.unwrap();
    rds.set_late_settings(&ledger(), &late).await.unwrap();
    rds.set_master_password(&ledger(), &Secret::new("hunter22".to_owned())).await.unwrap();
    let error = rds.set_master_password(&ledger(), &Secret::new("hunter22".to_owned())).await.unwrap_err();
    assert!(error.to_string().contains("The password *** is not valid"), "{error}");
    assert_eq!(rds.set_security_groups(&ledger(), &[]).await.unwrap_err().class, CallClass::Invalid);
    rds.set_late_settings(&ledger(), &LateSettings::default()).await.unwrap();
    // What only an instance has is no reason for an empty call.
    rds.set_late_settings(&ledger(), &LateSettings { max_allocated_storage: Some(100), ..LateSettings::default() }).await.unwrap();
    let call = form(&[("Action", "ModifyDBCluster"), ("DBClusterIdentifier", "ledger"), ("ApplyImmediately", "true")]);
    let password = with(call.clone(), &[("MasterUserPassword", "hunter22")]);
    let sent = [
        with(call.clone(), &[("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-fence")]),
        with(call, &[("PreferredMaintenanceWindow", "sun:04:00-sun:04:30"), ("DeletionProtection", "true")]),
        password.clone(),
        password,
    ];
    assert_eq!(wire.forms(), sent, "nothing to say is not sent");
}

#[tokio::test(start_paused = true)]
async fn the_data_api_of_a_cluster_is_switched_on_by_its_own_call_and_only_where_it_is_off() {
    let closed = ledger_xml().replace("<HttpEndpointEnabled>true<", "<HttpEndpointEnabled>false<");
    let members = page(&[], None);
    let ok = answer("EnableHttpEndpoint");
    let wire = Wire::answering(&[
        (200, &clusters(&[closed], None)),
        (200, &members),
        (200, &ok),
        (200, &clusters(&[ledger_xml()], None)),
        (200, &members),
    ]);
    let rds = wire.clients().await.rds();
    let late = LateSettings { http_endpoint: true, ..LateSettings::default() };
    rds.set_late_settings(&ledger(), &late).await.unwrap();
    let arn = "arn:aws:rds:eu-central-1:123456789012:cluster:ledger";
    assert_eq!(wire.forms()[2], form(&[("Action", "EnableHttpEndpoint"), ("ResourceArn", arn)]));
    rds.set_late_settings(&ledger(), &late).await.unwrap();
    assert_eq!(wire.count(), 5, "it is on already");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_deleted_after_its_members_and_never_its_automated_backups() {
    let shown = clusters(&[ledger_xml()], None);
    let going = member_xml("ledger-2", "eu-central-1b").replace("<DBInstanceStatus>available<", "<DBInstanceStatus>deleting<");
    let members = page(&[member_xml("ledger-1", "eu-central-1a"), going], None);
    let (instance, cluster, modify) = (answer("DeleteDBInstance"), answer("DeleteDBCluster"), answer("ModifyDBCluster"));
    let wire = Wire::answering(&[(200, &modify), (200, &shown), (200, &members), (200, &instance), (200, &cluster)]);
    let rds = wire.clients().await.rds();
    rds.lift_deletion_protection(&ledger()).await.unwrap();
    rds.delete_released(&ledger(), Some(&SnapshotId::parse("lb-ledger-final").unwrap())).await.unwrap();
    let call = form(&[("Action", "ModifyDBCluster"), ("DBClusterIdentifier", "ledger"), ("ApplyImmediately", "true")]);
    assert_eq!(wire.forms()[0], with(call, &[("DeletionProtection", "false")]));
    let sent = [
        form(&[("Action", "DeleteDBInstance"), ("DBInstanceIdentifier", "ledger-1"), ("SkipFinalSnapshot", "true")]),
        form(&[
            ("Action", "DeleteDBCluster"),
            ("DBClusterIdentifier", "ledger"),
            ("SkipFinalSnapshot", "false"),
            ("FinalDBSnapshotIdentifier", "lb-ledger-final"),
            ("DeleteAutomatedBackups", "false"),
        ]),
    ];
    assert_eq!(wire.forms()[3..], sent);
}

#[tokio::test(start_paused = true)]
async fn the_members_of_a_multi_az_db_cluster_are_deleted_with_it_and_a_cluster_that_is_gone_is_deleted() {
    let gone = error_xml("DBClusterNotFoundFault", "DBCluster ledger not found.");
    let of_class = "<Engine>postgres</Engine><DBClusterInstanceClass>db.m6gd.large</DBClusterInstanceClass>";
    let shown = clusters(&[ledger_xml().replace("<Engine>aurora-postgresql</Engine>", of_class)], None);
    let members = page(&[member_xml("ledger-1", "eu-central-1a")], None);
    let wire = Wire::answering(&[(200, &shown), (200, &members), (200, &answer("DeleteDBCluster")), (404, &gone)]);
    let rds = wire.clients().await.rds();
    rds.delete_failed_restore(&ledger()).await.unwrap();
    let sent = [("Action", "DeleteDBCluster"), ("DBClusterIdentifier", "ledger"), ("SkipFinalSnapshot", "true")];
    assert_eq!(wire.forms()[2], with(form(&sent), &[("DeleteAutomatedBackups", "false")]));
    rds.delete_failed_restore(&ledger()).await.unwrap();
    assert_eq!(wire.count(), 4, "nothing is left to be deleted");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_snapshot_carries_our_tags() {
    let wire = Wire::answering(&[(200, &answer("CreateDBClusterSnapshot"))]);
    wire.clients().await.rds().create_snapshot(&ledger(), &SnapshotId::parse("lb-ledger-1").unwrap(), &tags()).await.unwrap();
    let sent = form(&[
        ("Action", "CreateDBClusterSnapshot"),
        ("DBClusterIdentifier", "ledger"),
        ("DBClusterSnapshotIdentifier", "lb-ledger-1"),
        ("Tags.Tag.1.Key", "lifeboat:incident"),
        ("Tags.Tag.1.Value", "inc-1"),
    ]);
    assert_eq!(wire.form(), sent);
}

#[tokio::test(start_paused = true)]
async fn what_is_only_for_instances_never_meets_an_instance_with_a_clusters_name() {
    let wire = Wire::answering(&[]);
    let rds = wire.clients().await.rds();
    let errors = [
        rds.rename(&ledger(), &id("cluster:ledger-old")).await.unwrap_err(),
        rds.reboot(&ledger(), false).await.unwrap_err(),
        rds.grow_storage(&ledger(), 100, None, None).await.unwrap_err(),
        rds.make_multi_az(&ledger()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.class, CallClass::Invalid);
        assert!(error.message.contains("ledger") && error.message.contains("nothing was sent"), "{error}");
    }
    assert_eq!(wire.count(), 0);
}
