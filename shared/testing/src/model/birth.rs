//! What a new instance looks like: AWS's defaults first, then what the call says.

use super::instance::Instance;
use super::words::{
    AvailabilityZone, DbInstance, DbParameterGroupStatus, DbSubnetGroup, OptionGroupMembership, PendingModifiedValues, Subnet, Tag,
    VpcSecurityGroupMembership,
};
use super::{ApiError, InstanceConfig, Model, names};

/// What a new instance is made from, beside its [`InstanceConfig`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth<'a> {
    pub identifier: &'a str,
    pub engine: &'a str,
    pub engine_version: &'a str,
    pub class: &'a str,
    pub master_username: &'a str,
    pub db_name: Option<&'a str>,
    pub allocated_storage: i32,
    pub storage_type: &'a str,
    pub iops: Option<i32>,
    pub storage_throughput: Option<i32>,
    pub encrypted: bool,
    pub kms_key_id: Option<&'a str>,
    pub retention: i32,
    pub backup_window: &'a str,
    pub tags: &'a [Tag],
}

impl Model {
    /// A new instance as AWS would make it: what `config` does not say becomes AWS's default.
    pub(crate) fn describe_new(&mut self, birth: &Birth<'_>, config: &InstanceConfig) -> Result<DbInstance, ApiError> {
        let mut shown = self.with_defaults(birth);
        shown.db_subnet_group = self.subnet_group(config.db_subnet_group_name.as_deref())?;
        // The default subnets are public.
        shown.publicly_accessible = config.db_subnet_group_name.is_none();
        if let Some(name) = &config.db_parameter_group_name {
            shown.db_parameter_groups = vec![parameter_group(self.known_parameter_group(name)?)];
        }
        shown.multi_az = config.multi_az.unwrap_or(false);
        (shown.availability_zone, shown.secondary_availability_zone) = self.place(config.availability_zone.as_deref(), shown.multi_az)?;
        shown.dbi_resource_id = self.new_resource_id();
        tell(&mut shown, config);
        Ok(shown)
    }

    /// What comes up when the call says nothing.
    fn with_defaults(&self, birth: &Birth<'_>) -> DbInstance {
        let postgres = birth.engine == "postgres";
        DbInstance {
            db_instance_identifier: birth.identifier.to_owned(),
            db_instance_arn: self.arn("db", birth.identifier),
            dbi_resource_id: String::new(),
            db_instance_status: "creating".to_owned(),
            db_instance_class: birth.class.to_owned(),
            engine: birth.engine.to_owned(),
            engine_version: birth.engine_version.to_owned(),
            engine_lifecycle_support: "open-source-rds-extended-support".to_owned(),
            license_model: if postgres { "postgresql-license" } else { "general-public-license" }.to_owned(),
            master_username: birth.master_username.to_owned(),
            db_name: birth.db_name.map(str::to_owned),
            endpoint: None,
            db_instance_port: if postgres { 5432 } else { 3306 },
            instance_create_time: None,
            latest_restorable_time: None,
            db_subnet_group: DbSubnetGroup::default(),
            vpc_security_groups: vec![membership(&self.settings.default_security_group)],
            db_parameter_groups: vec![parameter_group(format!("default.{}", names::family(birth.engine, birth.engine_version)))],
            option_group_memberships: vec![option_group(names::default_option_group(birth.engine, birth.engine_version))],
            multi_az: false,
            availability_zone: String::new(),
            secondary_availability_zone: None,
            publicly_accessible: false,
            network_type: "IPV4".to_owned(),
            allocated_storage: birth.allocated_storage,
            max_allocated_storage: None,
            storage_type: birth.storage_type.to_owned(),
            iops: birth.iops,
            storage_throughput: birth.storage_throughput,
            storage_encrypted: birth.encrypted,
            kms_key_id: birth.kms_key_id.map(str::to_owned),
            dedicated_log_volume: false,
            deletion_protection: false,
            iam_database_authentication_enabled: false,
            enabled_cloudwatch_logs_exports: Vec::new(),
            ca_certificate_identifier: "rds-ca-rsa2048-g1".to_owned(),
            monitoring_interval: 0,
            monitoring_role_arn: None,
            database_insights_mode: "standard".to_owned(),
            performance_insights_enabled: false,
            performance_insights_retention_period: None,
            performance_insights_kms_key_id: None,
            backup_retention_period: birth.retention,
            preferred_backup_window: birth.backup_window.to_owned(),
            preferred_maintenance_window: "sun:06:00-sun:06:30".to_owned(),
            auto_minor_version_upgrade: true,
            copy_tags_to_snapshot: false,
            pending_modified_values: PendingModifiedValues::default(),
            read_replica_db_instance_identifiers: Vec::new(),
            read_replica_source_db_instance_identifier: None,
            status_infos: Vec::new(),
            db_cluster_identifier: None,
            promotion_tier: None,
            tag_list: birth.tags.to_vec(),
        }
    }

    /// The checks that every call makes which creates an instance; returns the identifier as AWS stores it.
    pub(crate) fn check_new(&self, identifier: &str, config: &InstanceConfig) -> Result<String, ApiError> {
        let identifier = names::instance_identifier(identifier)?;
        let taken = |it: &Instance| {
            it.shown.db_instance_identifier == identifier
                || it.shown.pending_modified_values.db_instance_identifier.as_deref() == Some(&identifier)
        };
        if self.instances.values().any(taken) {
            return Err(ApiError::new("DBInstanceAlreadyExists", "DB instance already exists"));
        }
        if config.multi_az == Some(true) && config.availability_zone.is_some() {
            return Err(ApiError::combination("Requesting a specific availability zone is not valid for Multi-AZ instances."));
        }
        if config.vpc_security_group_ids.as_ref().is_some_and(|groups| groups.iter().any(|group| !group.starts_with("sg-"))) {
            return Err(ApiError::value("Invalid security group: an id begins with sg-."));
        }
        check_retention(config.backup_retention_period)?;
        if let Some(tags) = &config.tags {
            super::tags::check(tags)?;
        }
        if self.instances.len() >= self.settings.max_instances {
            return Err(ApiError::new("InstanceQuotaExceeded", "DB Instance quota exceeded"));
        }
        Ok(identifier)
    }

    pub(crate) fn subnet_group(&self, name: Option<&str>) -> Result<DbSubnetGroup, ApiError> {
        let known = &self.settings.subnet_groups;
        let (name, vpc_id, subnets) = match name {
            None | Some("default") => ("default", self.settings.default_vpc.clone(), Vec::new()),
            Some(name) => match known.get(name) {
                Some(group) => (name, group.vpc_id.clone(), group.subnets.clone()),
                None if known.is_empty() => (name, format!("vpc-{name}"), Vec::new()),
                None => return Err(ApiError::no_subnet_group(name)),
            },
        };
        let subnet = |(zone, id): (&String, String)| Subnet {
            subnet_identifier: id,
            subnet_availability_zone: AvailabilityZone { name: zone.clone() },
            subnet_status: "Active".to_owned(),
        };
        Ok(DbSubnetGroup {
            db_subnet_group_name: name.to_owned(),
            db_subnet_group_description: name.to_owned(),
            vpc_id,
            subnet_group_status: "Complete".to_owned(),
            subnets: self.settings.zones.iter().zip(subnets).map(subnet).collect(),
        })
    }

    pub(crate) fn known_parameter_group(&self, name: &str) -> Result<String, ApiError> {
        let known = &self.settings.parameter_groups;
        if known.is_empty() || name.starts_with("default.") || known.contains(name) {
            return Ok(name.to_owned());
        }
        Err(ApiError::no_parameter_group(name))
    }

    /// The zone of a new instance, and of its standby.
    fn place(&self, wanted: Option<&str>, multi_az: bool) -> Result<(String, Option<String>), ApiError> {
        let no_capacity =
            || ApiError::new("InsufficientDBInstanceCapacity", "We currently do not have sufficient capacity in the zone you requested.");
        let mut lit = self.settings.zones.iter().filter(|zone| !self.dark_zones.contains(*zone));
        let zone = match wanted {
            Some(zone) if !self.settings.zones.iter().any(|known| known == zone) => {
                return Err(ApiError::value(format!("Invalid availability zone: {zone}")));
            }
            Some(zone) if self.dark_zones.contains(zone) => return Err(no_capacity()),
            Some(zone) => zone.to_owned(),
            None => lit.next().ok_or_else(no_capacity)?.clone(),
        };
        let standby = if multi_az { Some(lit.next().ok_or_else(no_capacity)?.clone()) } else { None };
        Ok((zone, standby))
    }

    /// The zone of a standby that is added later.
    pub(crate) fn standby_zone(&self, primary: &str) -> Option<String> {
        self.settings.zones.iter().find(|zone| *zone != primary && !self.dark_zones.contains(*zone)).cloned()
    }
}

pub(crate) fn check_retention(days: Option<i32>) -> Result<(), ApiError> {
    match days {
        Some(days) if !(0..=35).contains(&days) => {
            Err(ApiError::value(format!("Invalid backup retention period: {days}. Must be between 0 and 35.")))
        }
        _ => Ok(()),
    }
}

/// What the call says replaces the defaults.
fn tell(shown: &mut DbInstance, config: &InstanceConfig) {
    set(&mut shown.db_instance_class, &config.db_instance_class);
    set(&mut shown.db_instance_port, &config.port);
    set(&mut shown.publicly_accessible, &config.publicly_accessible);
    set(&mut shown.network_type, &config.network_type);
    set(&mut shown.allocated_storage, &config.allocated_storage);
    set(&mut shown.storage_type, &config.storage_type);
    set(&mut shown.dedicated_log_volume, &config.dedicated_log_volume);
    set(&mut shown.deletion_protection, &config.deletion_protection);
    set(&mut shown.iam_database_authentication_enabled, &config.enable_iam_database_authentication);
    set(&mut shown.enabled_cloudwatch_logs_exports, &config.enable_cloudwatch_logs_exports);
    set(&mut shown.ca_certificate_identifier, &config.ca_certificate_identifier);
    set(&mut shown.license_model, &config.license_model);
    set(&mut shown.engine_lifecycle_support, &config.engine_lifecycle_support);
    set(&mut shown.backup_retention_period, &config.backup_retention_period);
    set(&mut shown.preferred_backup_window, &config.preferred_backup_window);
    set(&mut shown.auto_minor_version_upgrade, &config.auto_minor_version_upgrade);
    set(&mut shown.copy_tags_to_snapshot, &config.copy_tags_to_snapshot);
    set(&mut shown.tag_list, &config.tags);
    shown.max_allocated_storage = config.max_allocated_storage;
    shown.iops = config.iops.or(shown.iops);
    shown.storage_throughput = config.storage_throughput.or(shown.storage_throughput);
    if let Some(name) = &config.option_group_name {
        shown.option_group_memberships = vec![option_group(name.clone())];
    }
    if let Some(groups) = config.vpc_security_group_ids.as_deref().filter(|groups| !groups.is_empty()) {
        shown.vpc_security_groups = groups.iter().map(|group| membership(group)).collect();
    }
}

fn set<T: Clone>(field: &mut T, told: &Option<T>) {
    if let Some(told) = told {
        field.clone_from(told);
    }
}

pub(crate) fn membership(group: &str) -> VpcSecurityGroupMembership {
    VpcSecurityGroupMembership { vpc_security_group_id: group.to_owned(), status: "active".to_owned() }
}

fn parameter_group(name: String) -> DbParameterGroupStatus {
    DbParameterGroupStatus { db_parameter_group_name: name, parameter_apply_status: "in-sync".to_owned() }
}

fn option_group(name: String) -> OptionGroupMembership {
    OptionGroupMembership { option_group_name: name, status: "in-sync".to_owned() }
}
