"""A recovery: its plan, and the estate's log of it when all went as planned."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Any

Json = dict[str, Any]

# The moment that everything was restored to.
POINT = datetime(2026, 1, 15, 10, 25, tzinfo=timezone.utc)
ZERO = POINT.timestamp()
SOURCE, COPY = "arn:aws:rds:eu-central-1:123456789012:db:orders-db", "arn:aws:rds:eu-central-1:123456789012:db:copy"
CONFIGURATION: Json = {
    "class": "db.r6g.large",
    "engine": "postgres",
    "engine_version": "16.4",
    "subnet_group": "orders-private",
    "vpc": "vpc-1",
    "security_groups": ["sg-a", "sg-b"],
    "parameter_group": "orders16",
    "option_group": "default:postgres-16",
    "multi_az": False,
    "publicly_accessible": False,
    "port": 5432,
    "auto_minor_version_upgrade": True,
    "copy_tags_to_snapshot": True,
    "iam_authentication": False,
    "log_exports": ["postgresql"],
    "deletion_protection": True,
    "allocated_storage": 100,
    "max_allocated_storage": 500,
    "storage_type": "gp3",
    "iops": 3000,
    "storage_throughput": 125,
    "storage_encrypted": False,
    "kms_key": None,
    "ca_certificate": "rds-ca",
    "network_type": "IPV4",
    "backup_retention_days": 7,
    "backup_window": "03:00-03:30",
    "maintenance_window": "sun:03:00-sun:03:30",
    "license_model": "postgresql-license",
    "dedicated_log_volume": False,
    "engine_lifecycle_support": None,
    "monitoring_interval": 60,
    "monitoring_role": "arn:role",
    "performance_insights": True,
    "performance_insights_key": None,
    "performance_insights_retention_days": 7,
    "master_user": "orders",
    "database": "orders",
}
LATE: Json = {
    "maintenance_window": "sun:03:00-sun:03:30",
    "max_allocated_storage": 500,
    "monitoring": [60, "arn:role"],
    "performance_insights": [None, 7],
    "deletion_protection": True,
}
TAGS = {"owner": "orders-team", "lifeboat:incident": "inc-1"}
RESTORE: Json = {
    "call": "restore_to_point_in_time",
    "source": "db-SOURCE",
    "at": "2026-01-15T10:25:00Z",
    "target": "copy",
    "settings": {"configuration": CONFIGURATION, "tags": TAGS},
}
MARKS = {"lifeboat:policy": "demo", "lifeboat:resource": "orders-db", "lifeboat:secret": "demo/orders-db"}
ACTS: list[Json] = [
    RESTORE,
    {"call": "replay_settings", "instance": "copy", "settings": LATE},
    {"call": "reset_master_password", "instance": "copy", "secret": "demo/orders-db"},
    {"call": "set_security_groups", "instance": "orders-db", "groups": ["sg-fence"]},
    {"call": "end_sessions", "instance": "orders-db"},
    {"call": "point_secret", "secret": "demo/orders-db", "instance": "copy"},
    {"call": "add_tags", "arn": SOURCE, "tags": {"lifeboat:retired": "inc-1"}},
    {"call": "add_tags", "arn": COPY, "tags": MARKS},
    {"call": "remove_tags", "arn": SOURCE, "keys": ["lifeboat:policy"]},
    {"call": "create_snapshot", "instance": "copy", "snapshot": "first", "tags": {"lifeboat:incident": "inc-1"}},
]


def plan_of(*acts: Json) -> Json:
    """A plan of these calls."""
    return {"hash": "h", "fence": "group", "calls": [{"phase": "act", "act": act, "why": "because"} for act in acts]}


def called(action: str, **given: Any) -> Json:
    """A line of the estate's log."""
    return {"number": 1, "action": action, "parameters": given, "at": "2026-01-15T10:30:00.000Z", "outcome": "applied"}


def tag_list(tags: dict[str, str]) -> list[Json]:
    """Tags as RDS is given them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


TOLD: Json = {
    "DBInstanceClass": "db.r6g.large",
    "DBSubnetGroupName": "orders-private",
    "VpcSecurityGroupIds": ["sg-b", "sg-a"],
    "DBParameterGroupName": "orders16",
    "MultiAZ": False,
    "PubliclyAccessible": False,
    "Port": 5432,
    "AutoMinorVersionUpgrade": True,
    "CopyTagsToSnapshot": True,
    "EnableCloudwatchLogsExports": ["postgresql"],
    "StorageType": "gp3",
    "CACertificateIdentifier": "rds-ca",
    "NetworkType": "IPV4",
    "BackupRetentionPeriod": 7,
    "PreferredBackupWindow": "03:00-03:30",
    "LicenseModel": "postgresql-license",
    "Tags": tag_list(TAGS),
}
ON_COPY: Json = {"DBInstanceIdentifier": "copy", "ApplyImmediately": True}
LOG: list[Json] = [
    called(
        "RestoreDBInstanceToPointInTime",
        TargetDBInstanceIdentifier="copy",
        SourceDbiResourceId="db-SOURCE",
        RestoreTime="2026-01-15T10:25:00Z",
        MaxAllocatedStorage=500,
        **TOLD,
    ),
    called(
        "ModifyDBInstance",
        PreferredMaintenanceWindow="sun:03:00-sun:03:30",
        MaxAllocatedStorage=500,
        MonitoringInterval=60,
        MonitoringRoleArn="arn:role",
        EnablePerformanceInsights=True,
        PerformanceInsightsRetentionPeriod=7,
        DeletionProtection=True,
        **ON_COPY,
    ),
    called("ModifyDBInstance", MasterUserPassword="****", **ON_COPY),
    called(
        "ModifyDBInstance", DBInstanceIdentifier="orders-db", ApplyImmediately=True, VpcSecurityGroupIds=["sg-fence"]
    ),
    called("RebootDBInstance", DBInstanceIdentifier="orders-db", ForceFailover=False),
    called("AddTagsToResource", ResourceName=SOURCE, Tags=tag_list({"lifeboat:retired": "inc-1"})),
    called("AddTagsToResource", ResourceName=COPY, Tags=tag_list(MARKS)),
    called("RemoveTagsFromResource", ResourceName=SOURCE, TagKeys=["lifeboat:policy"]),
    called(
        "CreateDBSnapshot",
        DBInstanceIdentifier="copy",
        DBSnapshotIdentifier="first",
        Tags=tag_list({"lifeboat:incident": "inc-1"}),
    ),
]


def log_with(number: int, name: str, value: Any, of: list[Json] = LOG) -> list[Json]:
    """The log with one parameter of one call as given."""
    log = copy.deepcopy(of)
    log[number]["parameters"][name] = value
    if value is None:
        del log[number]["parameters"][name]
    return log
