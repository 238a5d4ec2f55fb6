"""The plan: its calls about DB clusters, as the estate's log should show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger import bare, moment

from .log import Call, present

Json = dict[str, Any]

# What a restore is told, by the plan's word for it; what the plan leaves empty is not said.
TOLD = {
    "class": "DBClusterInstanceClass",
    "subnet_group": "DBSubnetGroupName",
    "security_groups": "VpcSecurityGroupIds",
    "parameter_group": "DBClusterParameterGroupName",
    "port": "Port",
    "copy_tags_to_snapshot": "CopyTagsToSnapshot",
    "iam_authentication": "EnableIAMDatabaseAuthentication",
    "log_exports": "EnableCloudwatchLogsExports",
    "storage_type": "StorageType",
    "network_type": "NetworkType",
    "backup_retention_days": "BackupRetentionPeriod",
    "backup_window": "PreferredBackupWindow",
    "engine_lifecycle_support": "EngineLifecycleSupport",
}
MEMBER = {
    "promotion_tier": "PromotionTier",
    "class": "DBInstanceClass",
    "parameter_group": "DBParameterGroupName",
    "publicly_accessible": "PubliclyAccessible",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
    "ca_certificate": "CACertificateIdentifier",
    "monitoring_role": "MonitoringRoleArn",
    "performance_insights_key": "PerformanceInsightsKMSKeyId",
    "performance_insights_retention_days": "PerformanceInsightsRetentionPeriod",
}
# Said only where they are on.
MEMBER_IF_ON = {"monitoring_interval": "MonitoringInterval", "performance_insights": "EnablePerformanceInsights"}
LATE = {"maintenance_window": "PreferredMaintenanceWindow", "deletion_protection": "DeletionProtection"}


def sendable(tags: Mapping[str, str]) -> Json:
    """Tags as they can be sent: those of AWS's own namespaces cannot."""
    return {key: value for key, value in tags.items() if not key.startswith(("aws:", "rds:"))}


def is_of_cluster(act: Json) -> bool:
    """Whether an act is on a DB cluster, or makes a member of one."""
    return str(act.get("target", act.get("instance", act.get("cluster", "")))).startswith("cluster:")


def _restore(act: Json) -> Json:
    """What a restore call says."""
    told: Json = act["settings"]["configuration"]
    more: Json = told["cluster"]
    given = {
        TOLD[name]: sorted(value) if isinstance(value, list) else value
        for name, value in told.items()
        if name in TOLD and value != ""
    }
    if more["scaling"] or more["backtrack_seconds"]:
        raise ValueError(f"the plan has settings of a cluster that the demo does not know: {more}")
    if not told["class"]:
        given["EngineMode"] = more["engine_mode"]
    given |= {"Tags": sendable(act["settings"]["tags"]), "DBClusterIdentifier": bare(act["target"])}
    if act["call"] == "restore_from_snapshot":
        source = {"Engine": told["engine"], "EngineVersion": told["engine_version"]}
        return {**given, **source, "SnapshotIdentifier": act["snapshot"]}
    if act["call"] == "clone_cluster":
        latest = {"RestoreType": "copy-on-write", "UseLatestRestorableTime": True}
        return {**given, **latest, "SourceDBClusterIdentifier": bare(act["source"])}
    when = {"RestoreToTime": moment(act["at"])} if act["at"] else {"UseLatestRestorableTime": True}
    return {**given, **when, "SourceDbClusterResourceId": act["source"]}


def _member(act: Json) -> Json:
    """What a new member is told."""
    told: Json = act["settings"]
    strange = set(told) - set(MEMBER) - set(MEMBER_IF_ON)
    if strange:
        raise ValueError(f"the plan has settings of a member that the demo does not know: {sorted(strange)}")
    given = {MEMBER[name]: value for name, value in told.items() if name in MEMBER}
    given |= {said: told[name] for name, said in MEMBER_IF_ON.items() if told[name]}
    place = {"DBInstanceIdentifier": act["member"], "DBClusterIdentifier": bare(act["cluster"]), "Engine": act["engine"]}
    return {**given, **place, "Tags": sendable(act["tags"])}


def _late(settings: Json) -> Json:
    """What is set once a copy is usable."""
    said = {name: value for name, value in settings.items() if value not in (None, False)}
    strange = set(said) - set(LATE)
    if strange:
        raise ValueError(f"the plan has late settings of a cluster that the demo does not know: {sorted(strange)}")
    return {LATE[name]: value for name, value in said.items()}


def planned_on_cluster(act: Json) -> Call:
    """The one call of an act on a cluster."""
    name = act["call"]
    if name in ("restore_from_snapshot", "restore_to_point_in_time", "clone_cluster"):
        action = "FromSnapshot" if name == "restore_from_snapshot" else "ToPointInTime"
        return Call(f"RestoreDBCluster{action}", present(_restore(act)))
    if name == "make_member":
        return Call("CreateDBInstance", present(_member(act)))
    given: Json = {"DBClusterIdentifier": bare(act["instance"])}
    at_once = {**given, "ApplyImmediately": True}
    if name == "force_failover":
        return Call("FailoverDBCluster", present({**given, "TargetDBInstanceIdentifier": act.get("to")}))
    if name == "replay_settings":
        return Call("ModifyDBCluster", {**at_once, **_late(act["settings"])})
    if name == "reset_master_password":
        return Call("ModifyDBCluster", {**at_once, "MasterUserPassword": "****"})
    if name == "set_security_groups":
        return Call("ModifyDBCluster", {**at_once, "VpcSecurityGroupIds": sorted(act["groups"])})
    if name == "create_snapshot":
        return Call("CreateDBClusterSnapshot", {**given, "DBClusterSnapshotIdentifier": act["snapshot"], "Tags": sendable(act["tags"])})
    raise ValueError(f"the plan has a call on a cluster that the demo does not know: {name}")
