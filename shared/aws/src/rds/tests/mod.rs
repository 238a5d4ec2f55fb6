//! What is sent to RDS, and what is read from it.

mod acts;
mod clusters;
mod reads;

use lifeboat_domain::ids::DatabaseId;
use lifeboat_domain::observed::Configuration;

/// The body of an answer that holds nothing of interest.
pub(super) fn answer(operation: &str) -> String {
    format!(
        "<{operation}Response><{operation}Result/><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></{operation}Response>"
    )
}

/// One page of DescribeDBInstances.
pub(super) fn page(instances: &[String], marker: Option<&str>) -> String {
    let marker = marker.map(|marker| format!("<Marker>{marker}</Marker>")).unwrap_or_default();
    let body = format!("<DescribeDBInstancesResult>{marker}<DBInstances>{}</DBInstances></DescribeDBInstancesResult>", instances.concat());
    format!("<DescribeDBInstancesResponse>{body}</DescribeDBInstancesResponse>")
}

/// The instance of the fixture.
pub(super) fn orders_db() -> String {
    include_str!("orders-db.xml").to_owned()
}

/// A name.
pub(super) fn id(name: &str) -> DatabaseId {
    DatabaseId::parse(name).unwrap()
}

/// The fixture's configuration, in our words.
pub(super) fn configuration() -> Configuration {
    Configuration {
        class: "db.m6g.large".to_owned(),
        engine: "postgres".to_owned(),
        engine_version: "16.3".to_owned(),
        subnet_group: Some("private".to_owned()),
        vpc: Some("vpc-1".to_owned()),
        security_groups: vec!["sg-1".to_owned(), "sg-2".to_owned()],
        parameter_group: Some("orders-pg16".to_owned()),
        option_group: Some("orders-options".to_owned()),
        multi_az: true,
        publicly_accessible: false,
        port: Some(5432),
        auto_minor_version_upgrade: true,
        copy_tags_to_snapshot: true,
        iam_authentication: true,
        log_exports: vec!["postgresql".to_owned(), "upgrade".to_owned()],
        deletion_protection: true,
        allocated_storage: Some(500),
        max_allocated_storage: Some(1000),
        storage_type: Some("gp3".to_owned()),
        iops: Some(12_000),
        storage_throughput: Some(500),
        storage_encrypted: true,
        kms_key: Some("arn:aws:kms:eu-central-1:123456789012:key/k-1".to_owned()),
        ca_certificate: Some("rds-ca-rsa2048-g1".to_owned()),
        network_type: Some("IPV4".to_owned()),
        backup_retention_days: 7,
        backup_window: Some("03:00-03:30".to_owned()),
        maintenance_window: Some("sun:04:00-sun:04:30".to_owned()),
        license_model: Some("postgresql-license".to_owned()),
        dedicated_log_volume: false,
        engine_lifecycle_support: Some("open-source-rds-extended-support-disabled".to_owned()),
        monitoring_interval: 60,
        monitoring_role: Some("arn:aws:iam::123456789012:role/monitoring".to_owned()),
        performance_insights: true,
        performance_insights_key: Some("arn:aws:kms:eu-central-1:123456789012:key/k-2".to_owned()),
        performance_insights_retention_days: Some(7),
        master_user: "app".to_owned(),
        database: Some("orders".to_owned()),
        left_behind: Vec::new(),
        own: None,
    }
}
