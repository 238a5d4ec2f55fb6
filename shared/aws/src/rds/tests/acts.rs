//! The requests that change something.

use super::{answer, configuration, id};
use crate::wire::{Wire, error_xml, form};
use lifeboat_domain::CallClass;
use lifeboat_domain::ids::{Arn, SnapshotId};
use lifeboat_domain::observed::Configuration;
use lifeboat_domain::plan::{AdoptedSettings, LateSettings, RestoreSettings};
use lifeboat_domain::ports::{
    DeleteDatabases, ModifyDatabases, PromoteDatabases, RebootDatabases, RestoreDatabases, Secret, TagDatabases, TakeSnapshots,
};
use std::collections::BTreeMap;

fn tags() -> BTreeMap<String, String> {
    form(&[("aws:cloudformation:stack-name", "x"), ("lifeboat:incident", "inc-1"), ("rds:owner", "x"), ("team", "orders")])
}

fn settings() -> RestoreSettings {
    RestoreSettings { configuration: configuration(), opens_to: Vec::new(), tags: tags() }
}

/// What both restores are told of the fixture.
fn told() -> BTreeMap<String, String> {
    form(&[
        ("DBInstanceClass", "db.m6g.large"),
        ("DBSubnetGroupName", "private"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-1"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.2", "sg-2"),
        ("DBParameterGroupName", "orders-pg16"),
        ("OptionGroupName", "orders-options"),
        ("MultiAZ", "true"),
        ("PubliclyAccessible", "false"),
        ("Port", "5432"),
        ("AutoMinorVersionUpgrade", "true"),
        ("CopyTagsToSnapshot", "true"),
        ("EnableIAMDatabaseAuthentication", "true"),
        ("EnableCloudwatchLogsExports.member.1", "postgresql"),
        ("EnableCloudwatchLogsExports.member.2", "upgrade"),
        ("StorageType", "gp3"),
        ("Iops", "12000"),
        ("StorageThroughput", "500"),
        ("CACertificateIdentifier", "rds-ca-rsa2048-g1"),
        ("NetworkType", "IPV4"),
        ("BackupRetentionPeriod", "7"),
        ("PreferredBackupWindow", "03:00-03:30"),
        ("LicenseModel", "postgresql-license"),
        ("EngineLifecycleSupport", "open-source-rds-extended-support-disabled"),
        ("Tags.Tag.1.Key", "lifeboat:incident"),
        ("Tags.Tag.1.Value", "inc-1"),
        ("Tags.Tag.2.Key", "team"),
        ("Tags.Tag.2.Value", "orders"),
    ])
}

fn with(mut base: BTreeMap<String, String>, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    base.extend(form(more));
    base
}

#[tokio::test(start_paused = true)]
async fn a_restore_from_a_snapshot_is_told_everything_that_it_accepts() {
    let wire = Wire::answering(&[(200, &answer("RestoreDBInstanceFromDBSnapshot"))]);
    let snapshot = SnapshotId::parse("lb-orders-1").unwrap();
    wire.clients().await.rds().restore_from_snapshot(&snapshot, &id("orders-db-r1"), &settings()).await.unwrap();
    let own =
        [("Action", "RestoreDBInstanceFromDBSnapshot"), ("DBSnapshotIdentifier", "lb-orders-1"), ("DBInstanceIdentifier", "orders-db-r1")];
    assert_eq!(wire.form(), with(told(), &own));
}

#[tokio::test(start_paused = true)]
async fn a_restore_to_a_time_names_the_source_by_resource_id_and_exactly_one_time() {
    let ok = answer("RestoreDBInstanceToPointInTime");
    let wire = Wire::answering(&[(200, &ok), (200, &ok)]);
    let rds = wire.clients().await.rds();
    let at = Some("2026-01-15T10:24:59.987Z".parse().unwrap());
    rds.restore_to_point_in_time("db-1", at, &id("orders-db-r1"), &settings()).await.unwrap();
    rds.restore_to_point_in_time("db-1", None, &id("orders-db-r1"), &settings()).await.unwrap();
    let own = [
        ("Action", "RestoreDBInstanceToPointInTime"),
        ("SourceDbiResourceId", "db-1"),
        ("TargetDBInstanceIdentifier", "orders-db-r1"),
        ("MaxAllocatedStorage", "1000"),
    ];
    let both = with(told(), &own);
    let sent = [with(both.clone(), &[("RestoreTime", "2026-01-15T10:24:59Z")]), with(both, &[("UseLatestRestorableTime", "true")])];
    assert_eq!(wire.forms(), sent);
}

#[tokio::test(start_paused = true)]
async fn iops_and_throughput_are_named_only_where_rds_takes_them() {
    let cases = [
        // storage type, engine, GiB -> Iops, StorageThroughput
        ("gp3", "postgres", 399, None, None),
        ("gp3", "mysql", 400, Some("12000"), Some("500")),
        ("gp3", "oracle-ee", 199, None, None),
        ("gp3", "oracle-ee", 200, Some("12000"), Some("500")),
        ("gp3", "sqlserver-se", 20, Some("12000"), Some("500")),
        ("io1", "postgres", 100, Some("12000"), None),
        ("io2", "postgres", 100, Some("12000"), None),
        ("gp2", "postgres", 5000, None, None),
        ("standard", "postgres", 100, None, None),
    ];
    let snapshot = SnapshotId::parse("lb-orders-1").unwrap();
    for (storage, engine, size, iops, throughput) in cases {
        let wire = Wire::answering(&[(200, &answer("RestoreDBInstanceFromDBSnapshot"))]);
        let configuration = Configuration {
            storage_type: Some(storage.to_owned()),
            engine: engine.to_owned(),
            allocated_storage: Some(size),
            ..configuration()
        };
        let settings = RestoreSettings { configuration, opens_to: Vec::new(), tags: tags() };
        wire.clients().await.rds().restore_from_snapshot(&snapshot, &id("copy"), &settings).await.unwrap();
        let form = wire.form();
        let sent = (form.get("Iops").map(String::as_str), form.get("StorageThroughput").map(String::as_str));
        assert_eq!(sent, (iops, throughput), "{storage} {engine} {size}");
        assert!(!form.contains_key("AllocatedStorage") && !form.contains_key("AvailabilityZone"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bare_configuration_sends_no_empty_settings() {
    let wire = Wire::answering(&[(200, &answer("RestoreDBInstanceFromDBSnapshot"))]);
    let bare = Configuration {
        class: "db.t4g.micro".to_owned(),
        engine: "sqlserver-ex".to_owned(),
        option_group: Some("default:sqlserver-ex-15-00".to_owned()),
        ..Configuration::default()
    };
    let settings = RestoreSettings { configuration: bare, opens_to: Vec::new(), tags: form(&[("lifeboat:incident", "inc-1")]) };
    wire.clients().await.rds().restore_from_snapshot(&SnapshotId::parse("s").unwrap(), &id("copy"), &settings).await.unwrap();
    let sent = form(&[
        ("Action", "RestoreDBInstanceFromDBSnapshot"),
        ("DBSnapshotIdentifier", "s"),
        ("DBInstanceIdentifier", "copy"),
        ("DBInstanceClass", "db.t4g.micro"),
        ("MultiAZ", "false"),
        ("PubliclyAccessible", "false"),
        ("AutoMinorVersionUpgrade", "false"),
        ("CopyTagsToSnapshot", "false"),
        ("BackupRetentionPeriod", "0"),
        ("Tags.Tag.1.Key", "lifeboat:incident"),
        ("Tags.Tag.1.Value", "inc-1"),
    ]);
    assert_eq!(wire.form(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_restore_without_tags_is_not_sent() {
    let wire = Wire::answering(&[]);
    let rds = wire.clients().await.rds();
    let settings = RestoreSettings { configuration: configuration(), opens_to: Vec::new(), tags: form(&[("aws:x", "y")]) };
    let from_snapshot = rds.restore_from_snapshot(&SnapshotId::parse("s").unwrap(), &id("copy"), &settings).await.unwrap_err();
    let to_time = rds.restore_to_point_in_time("db-1", None, &id("copy"), &settings).await.unwrap_err();
    for error in [from_snapshot, to_time] {
        assert_eq!((error.class, error.code.as_str()), (CallClass::Invalid, "Tags"));
    }
    assert_eq!(wire.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn late_settings_are_applied_at_once() {
    let ok = answer("ModifyDBInstance");
    let wire = Wire::answering(&[(200, &ok), (200, &ok)]);
    let rds = wire.clients().await.rds();
    rds.set_late_settings(&id("copy"), &LateSettings::of(&configuration())).await.unwrap();
    rds.set_late_settings(&id("copy"), &LateSettings::default()).await.unwrap();
    let sent = form(&[
        ("Action", "ModifyDBInstance"),
        ("DBInstanceIdentifier", "copy"),
        ("ApplyImmediately", "true"),
        ("MonitoringInterval", "60"),
        ("MonitoringRoleArn", "arn:aws:iam::123456789012:role/monitoring"),
        ("EnablePerformanceInsights", "true"),
        ("PerformanceInsightsKMSKeyId", "arn:aws:kms:eu-central-1:123456789012:key/k-2"),
        ("PerformanceInsightsRetentionPeriod", "7"),
        ("PreferredMaintenanceWindow", "sun:04:00-sun:04:30"),
        ("MaxAllocatedStorage", "1000"),
        ("DeletionProtection", "true"),
    ]);
    assert_eq!(wire.form(), sent);
}

#[tokio::test(start_paused = true)]
async fn a_volume_grows_at_once_and_what_is_provisioned_is_named_again() {
    let wire = Wire::answering(&[(200, &answer("ModifyDBInstance"))]);
    wire.clients().await.rds().grow_storage(&id("orders-db"), 480, Some(12000), Some(500)).await.unwrap();
    let sent = form(&[
        ("Action", "ModifyDBInstance"),
        ("DBInstanceIdentifier", "orders-db"),
        ("ApplyImmediately", "true"),
        ("AllocatedStorage", "480"),
        ("Iops", "12000"),
        ("StorageThroughput", "500"),
    ]);
    assert_eq!(wire.form(), sent);
}

#[tokio::test(start_paused = true)]
async fn security_groups_are_replaced_at_once_and_never_by_none() {
    let wire = Wire::answering(&[(200, &answer("ModifyDBInstance"))]);
    let rds = wire.clients().await.rds();
    rds.set_security_groups(&id("orders-db"), &["sg-fence".to_owned()]).await.unwrap();
    let sent = form(&[
        ("Action", "ModifyDBInstance"),
        ("DBInstanceIdentifier", "orders-db"),
        ("ApplyImmediately", "true"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-fence"),
    ]);
    assert_eq!(wire.form(), sent);
    assert_eq!(rds.set_security_groups(&id("orders-db"), &[]).await.unwrap_err().class, CallClass::Invalid);
    assert_eq!(wire.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rename_is_sent_once_and_at_once() {
    let taken = error_xml("DBInstanceAlreadyExists", "DB instance already exists");
    let broken = error_xml("InternalFailure", "An internal error has occurred.");
    let wire = Wire::answering(&[(200, &answer("ModifyDBInstance")), (400, &taken), (500, &broken)]);
    let rds = wire.clients().await.rds();
    rds.rename(&id("orders-db"), &id("orders-db-old")).await.unwrap();
    let sent = form(&[
        ("Action", "ModifyDBInstance"),
        ("DBInstanceIdentifier", "orders-db"),
        ("ApplyImmediately", "true"),
        ("NewDBInstanceIdentifier", "orders-db-old"),
    ]);
    assert_eq!(wire.form(), sent);
    assert_eq!(rds.rename(&id("orders-db"), &id("orders-db-old")).await.unwrap_err().class, CallClass::AlreadyExists);
    assert_eq!(rds.rename(&id("orders-db"), &id("orders-db-old")).await.unwrap_err().class, CallClass::Unknown);
    assert_eq!(wire.count(), 3, "a second sending could meet another instance under the name");
}

#[tokio::test(start_paused = true)]
async fn a_password_is_sent_and_never_told() {
    let refusal = error_xml("InvalidParameterValue", "The password hunter2 is not valid");
    let wire = Wire::answering(&[(200, &answer("ModifyDBInstance")), (400, &refusal)]);
    let rds = wire.clients().await.rds();
    let password = Secret::new("hunter2".to_owned());
    rds.set_master_password(&id("copy"), &password).await.unwrap();
    let sent =
        [("Action", "ModifyDBInstance"), ("DBInstanceIdentifier", "copy"), ("ApplyImmediately", "true"), ("MasterUserPassword", "hunter2")];
    assert_eq!(wire.form(), form(&sent));
    let error = rds.set_master_password(&id("copy"), &password).await.unwrap_err();
    assert!(error.to_string().contains("The password *** is not valid"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn reboots_say_whether_they_fail_over() {
    let ok = answer("RebootDBInstance");
    let wire = Wire::answering(&[(200, &ok), (200, &ok)]);
    let rds = wire.clients().await.rds();
    rds.reboot(&id("orders-db"), true).await.unwrap();
    rds.reboot(&id("orders-db"), false).await.unwrap();
    let sent = |force: &str| form(&[("Action", "RebootDBInstance"), ("DBInstanceIdentifier", "orders-db"), ("ForceFailover", force)]);
    assert_eq!(wire.forms(), [sent("true"), sent("false")]);
}

#[tokio::test(start_paused = true)]
async fn snapshots_carry_our_tags() {
    let wire = Wire::answering(&[(200, &answer("CreateDBSnapshot"))]);
    let snapshot = SnapshotId::parse("lb-orders-1").unwrap();
    wire.clients().await.rds().create_snapshot(&id("orders-db"), &snapshot, &tags()).await.unwrap();
    let sent = form(&[
        ("Action", "CreateDBSnapshot"),
        ("DBInstanceIdentifier", "orders-db"),
        ("DBSnapshotIdentifier", "lb-orders-1"),
        ("Tags.Tag.1.Key", "lifeboat:incident"),
        ("Tags.Tag.1.Value", "inc-1"),
        ("Tags.Tag.2.Key", "team"),
        ("Tags.Tag.2.Value", "orders"),
    ]);
    assert_eq!(wire.form(), sent);
}

#[tokio::test(start_paused = true)]
async fn tags_are_added_and_removed_by_arn() {
    let arn = "arn:aws:rds:eu-central-1:123456789012:db:orders-db";
    let wire = Wire::answering(&[(200, &answer("AddTagsToResource")), (200, &answer("RemoveTagsFromResource"))]);
    let rds = wire.clients().await.rds();
    let resource = Arn::parse(arn).unwrap();
    rds.add_tags(&resource, &form(&[("lifeboat:retired", "inc-1"), ("aws:x", "y")])).await.unwrap();
    rds.remove_tags(&resource, &["lifeboat:policy".to_owned()]).await.unwrap();
    rds.add_tags(&resource, &BTreeMap::new()).await.unwrap();
    rds.remove_tags(&resource, &[]).await.unwrap();
    let sent = [
        form(&[
            ("Action", "AddTagsToResource"),
            ("ResourceName", arn),
            ("Tags.Tag.1.Key", "lifeboat:retired"),
            ("Tags.Tag.1.Value", "inc-1"),
        ]),
        form(&[("Action", "RemoveTagsFromResource"), ("ResourceName", arn), ("TagKeys.member.1", "lifeboat:policy")]),
    ];
    assert_eq!(wire.forms(), sent);
}

#[tokio::test(start_paused = true)]
async fn deleting_a_failed_copy_keeps_automated_backups() {
    let wire = Wire::answering(&[(200, &answer("DeleteDBInstance"))]);
    wire.clients().await.rds().delete_failed_restore(&id("copy")).await.unwrap();
    let sent = [
        ("Action", "DeleteDBInstance"),
        ("DBInstanceIdentifier", "copy"),
        ("SkipFinalSnapshot", "true"),
        ("DeleteAutomatedBackups", "false"),
    ];
    assert_eq!(wire.form(), form(&sent));
}

#[tokio::test(start_paused = true)]
async fn a_released_database_loses_its_protection_and_leaves_a_final_snapshot_and_its_automated_backups() {
    let wire =
        Wire::answering(&[(200, &answer("ModifyDBInstance")), (200, &answer("DeleteDBInstance")), (200, &answer("DeleteDBInstance"))]);
    let rds = wire.clients().await.rds();
    rds.lift_deletion_protection(&id("old")).await.unwrap();
    rds.delete_released(&id("old"), Some(&SnapshotId::parse("last").unwrap())).await.unwrap();
    rds.delete_released(&id("old"), None).await.unwrap();
    let modify =
        [("Action", "ModifyDBInstance"), ("DBInstanceIdentifier", "old"), ("ApplyImmediately", "true"), ("DeletionProtection", "false")];
    let delete = [
        ("Action", "DeleteDBInstance"),
        ("DBInstanceIdentifier", "old"),
        ("SkipFinalSnapshot", "false"),
        ("FinalDBSnapshotIdentifier", "last"),
        ("DeleteAutomatedBackups", "false"),
    ];
    let bare = [
        ("Action", "DeleteDBInstance"),
        ("DBInstanceIdentifier", "old"),
        ("SkipFinalSnapshot", "true"),
        ("DeleteAutomatedBackups", "false"),
    ];
    assert_eq!(wire.forms(), [form(&modify), form(&delete), form(&bare)]);
}

#[tokio::test(start_paused = true)]
async fn a_promotion_names_its_backups_and_is_sent_once_whatever_the_answer() {
    let wire = Wire::answering(&[(200, &answer("PromoteReadReplica"))]);
    wire.clients().await.rds().promote_replica(&id("orders-db-b"), 7, Some("03:00-03:30")).await.unwrap();
    let told = [
        ("Action", "PromoteReadReplica"),
        ("DBInstanceIdentifier", "orders-db-b"),
        ("BackupRetentionPeriod", "7"),
        ("PreferredBackupWindow", "03:00-03:30"),
    ];
    assert_eq!(wire.form(), form(&told));
    let failures = [
        (503, error_xml("ServiceUnavailable", "later"), CallClass::Unknown),
        (400, error_xml("Throttling", "Rate exceeded"), CallClass::Throttled),
        (400, error_xml("InvalidDBInstanceState", "DB Instance is not a read replica."), CallClass::WrongState),
        (404, error_xml("DBInstanceNotFound", "gone"), CallClass::NotFound),
    ];
    for (status, body, class) in failures {
        let wire = Wire::answering(&[(status, &body), (200, &answer("PromoteReadReplica"))]);
        let error = wire.clients().await.rds().promote_replica(&id("orders-db-b"), 1, None).await.unwrap_err();
        assert_eq!((error.class, wire.forms().len()), (class, 1), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_promoted_replica_is_given_only_what_differs_and_its_standby() {
    let ok = answer("ModifyDBInstance");
    let wire = Wire::answering(&[(200, &ok), (200, &ok)]);
    let rds = wire.clients().await.rds();
    let settings = AdoptedSettings {
        parameter_group: Some("orders-pg16".to_owned()),
        copy_tags_to_snapshot: Some(true),
        log_exports: vec!["postgresql".to_owned()],
        ..AdoptedSettings::default()
    };
    rds.adopt_settings(&id("orders-db-b"), &settings).await.unwrap();
    rds.adopt_settings(&id("orders-db-b"), &AdoptedSettings::default()).await.unwrap();
    rds.make_multi_az(&id("orders-db-b")).await.unwrap();
    let at_once = [("Action", "ModifyDBInstance"), ("DBInstanceIdentifier", "orders-db-b"), ("ApplyImmediately", "true")];
    let adopted = [
        ("DBParameterGroupName", "orders-pg16"),
        ("CopyTagsToSnapshot", "true"),
        ("CloudwatchLogsExportConfiguration.EnableLogTypes.member.1", "postgresql"),
    ];
    assert_eq!(wire.forms(), [with(form(&at_once), &adopted), with(form(&at_once), &[("MultiAZ", "true")])], "nothing to say is not sent");
}
