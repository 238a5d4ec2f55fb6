"""The plan: its calls to RDS, as the estate's log should show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ledger import bare, moment

from .log import Call, present
from .plan_caches import is_of_cache, planned_on_cache
from .plan_clusters import is_of_cluster, planned_on_cluster, sendable
from .plan_tables import is_of_table, planned_on_table

Json = dict[str, Any]

NO_MEMBERS: Mapping[str, Sequence[str]] = MappingProxyType({})
# What a restore is told, by the plan's word for it; what the plan leaves empty is not said.
TOLD = {
    "class": "DBInstanceClass",
    "subnet_group": "DBSubnetGroupName",
    "security_groups": "VpcSecurityGroupIds",
    "parameter_group": "DBParameterGroupName",
    "option_group": "OptionGroupName",
    "multi_az": "MultiAZ",
    "publicly_accessible": "PubliclyAccessible",
    "port": "Port",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
    "copy_tags_to_snapshot": "CopyTagsToSnapshot",
    "iam_authentication": "EnableIAMDatabaseAuthentication",
    "log_exports": "EnableCloudwatchLogsExports",
    "storage_type": "StorageType",
    "iops": "Iops",
    "storage_throughput": "StorageThroughput",
    "ca_certificate": "CACertificateIdentifier",
    "network_type": "NetworkType",
    "backup_retention_days": "BackupRetentionPeriod",
    "backup_window": "PreferredBackupWindow",
    "license_model": "LicenseModel",
    "dedicated_log_volume": "DedicatedLogVolume",
    "engine_lifecycle_support": "EngineLifecycleSupport",
    "max_allocated_storage": "MaxAllocatedStorage",
    "deletion_protection": "DeletionProtection",
}
# What a restore takes from the backup, or what is set later.
NOT_TOLD = {
    "engine",
    "engine_version",
    "vpc",
    "allocated_storage",
    "storage_encrypted",
    "kms_key",
    "maintenance_window",
    "monitoring_interval",
    "monitoring_role",
    "performance_insights",
    "performance_insights_key",
    "performance_insights_retention_days",
    "master_user",
    "database",
}
# Performance is said only where it can be chosen: on gp3, from this size on.
GP3_TUNABLE_FROM = 400
LATE = {
    "maintenance_window": "PreferredMaintenanceWindow",
    "max_allocated_storage": "MaxAllocatedStorage",
    "deletion_protection": "DeletionProtection",
}
LATE_PAIRS = {
    "monitoring": ("MonitoringInterval", "MonitoringRoleArn"),
    "performance_insights": ("PerformanceInsightsKMSKeyId", "PerformanceInsightsRetentionPeriod"),
}


def _restore(act: Json, *, protected_late: bool) -> Json:
    """What a restore call says: the place, and everything that would otherwise come back as a default."""
    told: Json = act["settings"]["configuration"]
    strange = set(told) - set(TOLD) - NOT_TOLD
    if strange or set(act["settings"]) - {"opens_to"} != {"configuration", "tags"}:
        raise ValueError(f"the plan has settings that the demo does not know: {sorted(strange) or act['settings']}")
    given = {
        TOLD[name]: sorted(value) if isinstance(value, list) else value for name, value in told.items() if name in TOLD
    }
    if str(given.get("OptionGroupName", "")).startswith("default:"):
        del given["OptionGroupName"]
    tunable = told["storage_type"] == "gp3" and (told["allocated_storage"] or 0) >= GP3_TUNABLE_FROM
    if not tunable:
        given.pop("StorageThroughput", None)
    if not tunable and told["storage_type"] not in ("io1", "io2"):
        given.pop("Iops", None)
    if protected_late:
        given.pop("DeletionProtection", None)
    given["Tags"] = sendable(act["settings"]["tags"])
    if act["call"] == "restore_from_snapshot":
        given.pop("MaxAllocatedStorage", None)
        return {**given, "DBInstanceIdentifier": act["target"], "DBSnapshotIdentifier": act["snapshot"]}
    when = {"RestoreTime": moment(act["at"])} if act["at"] else {"UseLatestRestorableTime": True}
    return {**given, **when, "TargetDBInstanceIdentifier": act["target"], "SourceDbiResourceId": act["source"]}


def _late(settings: Json) -> Json:
    """What is set once a copy is usable."""
    strange = set(settings) - set(LATE) - set(LATE_PAIRS)
    if strange:
        raise ValueError(f"the plan has late settings that the demo does not know: {sorted(strange)}")
    given: Json = {LATE[name]: value for name, value in settings.items() if name in LATE}
    for name, fields in LATE_PAIRS.items():
        if settings.get(name) is not None:
            given |= {said: value or None for said, value in zip(fields, settings[name], strict=True)}
    if settings.get("performance_insights") is not None:
        given["EnablePerformanceInsights"] = True
    return given


# What a promoted replica is given of its source's settings, where it had others.
ADOPTED = {
    "parameter_group": "DBParameterGroupName",
    "publicly_accessible": "PubliclyAccessible",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
    "copy_tags_to_snapshot": "CopyTagsToSnapshot",
    "iam_authentication": "EnableIAMDatabaseAuthentication",
    "log_exports": "EnableLogTypes",
}


def _adopted(settings: Json) -> Json:
    """The settings that differ."""
    strange = set(settings) - set(ADOPTED)
    if strange:
        raise ValueError(f"the plan adopts settings that the demo does not know: {sorted(strange)}")
    return {ADOPTED[name]: value or None if name == "log_exports" else value for name, value in settings.items()}


def planned_calls(plan: Json, members: Mapping[str, Sequence[str]] = NO_MEMBERS) -> list[Call]:
    """The plan's calls to RDS, in order, as the estate's log should show them. `members`: those of each cluster."""
    acts: list[Json] = [call["act"] for call in plan["calls"]]
    # A plan that names deletion protection among the late settings does not tell it to the restore.
    late = {act["instance"] for act in acts if "deletion_protection" in act.get("settings", {})}
    elsewhere = ("point_secret", "point_parameter", "copy_alarm")
    return [call for act in acts if act["call"] not in elsewhere for call in _calls_of(act, late, members)]


def _calls_of(act: Json, late: set[str], members: Mapping[str, Sequence[str]]) -> list[Call]:
    """One act is one call, but for the members of a cluster, which are rebooted one by one."""
    if is_of_cache(act) and act["call"] == "create_snapshot":
        given = {"SnapshotName": act["snapshot"], "CacheClusterId": bare(act["instance"]), "Tags": sendable(act["tags"])}
        return [Call("CreateSnapshot", given)]
    if is_of_cache(act):
        return [planned_on_cache(act)]
    if is_of_table(act):
        return planned_on_table(act)
    if not is_of_cluster(act):
        return [_planned(act, late)]
    if act["call"] == "end_sessions":
        names = members[bare(act["instance"])]
        return [Call("RebootDBInstance", {"DBInstanceIdentifier": name, "ForceFailover": False}) for name in names]
    return [planned_on_cluster(act)]


def _planned(act: Json, late: set[str]) -> Call:
    """One of them."""
    name, at_once = act["call"], {"DBInstanceIdentifier": act.get("instance"), "ApplyImmediately": True}
    if name in ("restore_from_snapshot", "restore_to_point_in_time"):
        action = "FromDBSnapshot" if name == "restore_from_snapshot" else "ToPointInTime"
        return Call(f"RestoreDBInstance{action}", present(_restore(act, protected_late=act["target"] in late)))
    if name in ("force_failover", "end_sessions"):
        given = {"DBInstanceIdentifier": act["instance"], "ForceFailover": name == "force_failover"}
        return Call("RebootDBInstance", given)
    if name == "promote_replica":
        asked = {"BackupRetentionPeriod": act["backup_days"], "PreferredBackupWindow": act["backup_window"]}
        return Call("PromoteReadReplica", present({"DBInstanceIdentifier": act["instance"], **asked}))
    if name == "adopt_settings":
        return Call("ModifyDBInstance", present({**at_once, **_adopted(act["settings"])}))
    if name == "make_multi_az":
        return Call("ModifyDBInstance", {**at_once, "MultiAZ": True})
    if name == "replay_settings":
        return Call("ModifyDBInstance", present({**at_once, **_late(act["settings"])}))
    if name == "grow_storage":
        asked = {"AllocatedStorage": act["gib"], "Iops": act["iops"], "StorageThroughput": act["throughput"]}
        return Call("ModifyDBInstance", present({**at_once, **asked}))
    if name == "reset_master_password":
        return Call("ModifyDBInstance", {**at_once, "MasterUserPassword": "****"})
    if name == "set_security_groups":
        return Call("ModifyDBInstance", {**at_once, "VpcSecurityGroupIds": sorted(act["groups"])})
    if name == "create_snapshot":
        given = {"DBInstanceIdentifier": act["instance"], "DBSnapshotIdentifier": act["snapshot"]}
        return Call("CreateDBSnapshot", {**given, "Tags": sendable(act["tags"])})
    if name == "add_tags":
        return Call("AddTagsToResource", {"ResourceName": act["arn"], "Tags": sendable(act["tags"])})
    if name == "remove_tags":
        return Call("RemoveTagsFromResource", {"ResourceName": act["arn"], "TagKeys": sorted(act["keys"])})
    raise ValueError(f"the plan has a call that the demo does not know: {name}")
