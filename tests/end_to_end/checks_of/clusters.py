"""A DB cluster: its plan against the estate's log, and its settings in the words for an instance."""

from __future__ import annotations

from typing import Any

import checks
from kinds.aurora import Clusters, as_instance
from kinds.rds import Instances

from .recovery import CONFIGURATION, TAGS, called, log_with, plan_of, tag_list
from .verdict import Verdict

Json = dict[str, Any]

TOLD: Json = {
    **CONFIGURATION,
    "class": "",
    "engine": "aurora-postgresql",
    "engine_version": "16.6",
    "parameter_group": "cluster16",
    "cluster": {"engine_mode": "provisioned", "scaling": None, "backtrack_seconds": 0, "members": []},
}
RESTORE: Json = {
    "call": "restore_to_point_in_time",
    "source": "cluster-SOURCE",
    "at": None,
    "target": "cluster:copy",
    "settings": {"configuration": TOLD, "tags": TAGS},
}
MEMBER: Json = {
    "promotion_tier": 1,
    "class": "db.r6g.large",
    "parameter_group": "orders16",
    "publicly_accessible": False,
    "auto_minor_version_upgrade": True,
    "ca_certificate": "rds-ca",
    "monitoring_interval": 0,
    "monitoring_role": None,
    "performance_insights": False,
    "performance_insights_key": None,
    "performance_insights_retention_days": None,
}
LATE: Json = {
    "maintenance_window": "sun:03:00-sun:03:30",
    "deletion_protection": True,
    "max_allocated_storage": None,
    "monitoring": None,
}
ACTS: list[Json] = [
    RESTORE,
    {
        "call": "make_member",
        "member": "copy-1",
        "cluster": "cluster:copy",
        "engine": "aurora-postgresql",
        "settings": MEMBER,
        "tags": TAGS,
    },
    {"call": "replay_settings", "instance": "cluster:copy", "settings": LATE},
    {"call": "reset_master_password", "instance": "cluster:copy", "secret": "demo/orders-db"},
    {"call": "set_security_groups", "instance": "cluster:orders-db", "groups": ["sg-fence"]},
    {"call": "end_sessions", "instance": "cluster:orders-db"},
    {"call": "create_snapshot", "instance": "cluster:copy", "snapshot": "first", "tags": TAGS},
]
# The writer is the first.
MEMBERS = {"orders-db": ["orders-db-1", "orders-db-2"]}
ON_COPY: Json = {"DBClusterIdentifier": "copy", "ApplyImmediately": True}
LOG: list[Json] = [
    called(
        "RestoreDBClusterToPointInTime",
        DBClusterIdentifier="copy",
        SourceDbClusterResourceId="cluster-SOURCE",
        UseLatestRestorableTime=True,
        DBSubnetGroupName="orders-private",
        VpcSecurityGroupIds=["sg-b", "sg-a"],
        DBClusterParameterGroupName="cluster16",
        EngineMode="provisioned",
        Port=5432,
        CopyTagsToSnapshot=True,
        EnableCloudwatchLogsExports=["postgresql"],
        StorageType="gp3",
        NetworkType="IPV4",
        BackupRetentionPeriod=7,
        PreferredBackupWindow="03:00-03:30",
        Tags=tag_list(TAGS),
    ),
    called(
        "CreateDBInstance",
        DBInstanceIdentifier="copy-1",
        DBClusterIdentifier="copy",
        Engine="aurora-postgresql",
        DBInstanceClass="db.r6g.large",
        PromotionTier=1,
        DBParameterGroupName="orders16",
        PubliclyAccessible=False,
        AutoMinorVersionUpgrade=True,
        CACertificateIdentifier="rds-ca",
        Tags=tag_list(TAGS),
    ),
    called("ModifyDBCluster", PreferredMaintenanceWindow="sun:03:00-sun:03:30", DeletionProtection=True, **ON_COPY),
    called("ModifyDBCluster", MasterUserPassword="****", **ON_COPY),
    called(
        "ModifyDBCluster", DBClusterIdentifier="orders-db", ApplyImmediately=True, VpcSecurityGroupIds=["sg-fence"]
    ),
    called("RebootDBInstance", DBInstanceIdentifier="orders-db-1", ForceFailover=False),
    called("RebootDBInstance", DBInstanceIdentifier="orders-db-2", ForceFailover=False),
    called(
        "CreateDBClusterSnapshot",
        DBClusterIdentifier="copy",
        DBClusterSnapshotIdentifier="first",
        Tags=tag_list(TAGS),
    ),
]
# A call, one of its fields, what was made instead (none: not said), and words that the complaint must have.
WRONG_FIELDS: list[tuple[int, str, Any, tuple[str, ...]]] = [
    (0, "DBClusterParameterGroupName", None, ("planned cluster16", "made nothing")),
    (0, "SourceDbClusterResourceId", "cluster-OTHER", ("made cluster-OTHER",)),
    (0, "UseLatestRestorableTime", None, ("made nothing",)),
    (0, "RestoreToTime", "2026-01-15T10:25:01Z", ("planned nothing",)),
    (0, "VpcSecurityGroupIds", ["sg-a"], ("made ['sg-a']",)),
    (0, "DeletionProtection", True, ("planned nothing",)),
    (0, "Tags", tag_list({**TAGS, "lifeboat:policy": "demo"}), ("lifeboat:policy",)),
    (1, "PromotionTier", 0, ("planned 1", "made 0")),
    (1, "DBParameterGroupName", None, ("planned orders16",)),
    (1, "DBClusterIdentifier", "orders-db", ("planned copy",)),
    (1, "Tags", tag_list({"owner": "orders-team"}), ("lifeboat:incident",)),
    (2, "DeletionProtection", None, ("planned True",)),
    (4, "VpcSecurityGroupIds", ["sg-fence", "sg-a"], ("planned ['sg-fence']",)),
    (5, "ForceFailover", True, ("planned False", "made True")),
    (7, "DBClusterSnapshotIdentifier", "second", ("planned first",)),
]


def _cluster(*tiers: int) -> tuple[Json, list[Json]]:
    """A cluster as RDS describes it, and its instances."""
    names = [f"orders-db-{number}" for number in range(1, len(tiers) + 1)]
    members = [
        {"DBInstanceIdentifier": name, "IsClusterWriter": name == names[0], "PromotionTier": tier}
        for name, tier in zip(names, tiers, strict=True)
    ]
    zones = ("eu-central-1a", "eu-central-1b", "eu-central-1c")
    shown: Json = {
        **dict.fromkeys(Clusters.settings, "same"),
        "DBClusterIdentifier": "orders-db",
        "DBClusterArn": "arn:aws:rds:eu-central-1:123456789012:cluster:orders-db",
        "DbClusterResourceId": "cluster-SOURCE",
        "Status": "available",
        "Endpoint": "127.0.0.2",
        "Port": 5432,
        "DatabaseName": "orders",
        "DBSubnetGroup": "orders-private",
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-a", "Status": "active"}],
        "DBClusterMembers": members,
    }
    shown_members = [
        {"DBInstanceIdentifier": name, "AvailabilityZone": zone, "DBInstanceClass": "db.r6g.large"}
        for name, zone in zip(names, zones, strict=False)
    ]
    return shown, shown_members


def clusters(verdict: Verdict) -> None:
    """A DB cluster: its plan against the estate's log, and its settings."""
    plan = plan_of(*ACTS)
    verdict.passes("what was planned", checks.compare_calls(LOG, [plan], MEMBERS))
    for number, name, value, words in WRONG_FIELDS:
        problems = checks.compare_calls(log_with(number, name, value, LOG), [plan], MEMBERS)
        verdict.finds(f"another {name} of call {number}", problems, name, *words)
    for number, record in enumerate(LOG):
        missing = [*LOG[:number], *LOG[number + 1 :]]
        problems = checks.compare_calls(missing, [plan], MEMBERS)
        verdict.finds(f"call {number} missing", problems, "planned, but not made", record["action"])
    turned = [*LOG[:5], LOG[6], LOG[5], LOG[7]]
    verdict.finds("a reader rebooted first", checks.compare_calls(turned, [plan], MEMBERS), "another order")
    clone = {"call": "clone_cluster", "source": "cluster:orders-db", "resource_id": "cluster-SOURCE", "target": "cluster:copy"}
    planned_clone = plan_of({**clone, "settings": RESTORE["settings"]})
    said = {key: value for key, value in LOG[0]["parameters"].items() if key != "SourceDbClusterResourceId"}
    now = {**said, "SourceDBClusterIdentifier": "orders-db", "RestoreType": "copy-on-write"}
    action = "RestoreDBClusterToPointInTime"
    verdict.passes("a clone", checks.compare_calls([called(action, **now)], [planned_clone], MEMBERS))
    full = {key: value for key, value in now.items() if key != "RestoreType"}
    verdict.finds("a full copy", checks.compare_calls([called(action, **full)], [planned_clone], MEMBERS), "RestoreType")
    asked = {"call": "force_failover", "instance": "cluster:orders-db", "to": "orders-db-2"}
    made = called("FailoverDBCluster", DBClusterIdentifier="orders-db", TargetDBInstanceIdentifier="orders-db-2")
    verdict.passes("a failover", checks.compare_calls([made], [plan_of(asked)], MEMBERS))
    verdict.finds("two failovers", checks.compare_calls([made, made], [plan_of(asked)], MEMBERS), "not planned")
    other = called("FailoverDBCluster", DBClusterIdentifier="orders-db", TargetDBInstanceIdentifier="orders-db-3")
    verdict.finds("another target", checks.compare_calls([other], [plan_of(asked)], MEMBERS), "made orders-db-3")
    strange = {"call": "replay_settings", "instance": "cluster:copy", "settings": {**LATE, "monitoring": [60, "r"]}}
    verdict.raises("late settings", lambda: checks.compare_calls([], [plan_of(strange)], MEMBERS), "monitoring")
    source, copied = as_instance(*_cluster(1, 2)), as_instance(*_cluster(1, 2))
    verdict.passes("the same settings", checks.compare_settings(source, copied, Clusters.settings))
    lonely = checks.compare_settings(source, as_instance(*_cluster(1)), Clusters.settings)
    verdict.finds("a copy without its reader", lonely, "Members")
    worse = checks.compare_settings(source, as_instance(*_cluster(1, 15)), Clusters.settings)
    verdict.finds("another promotion tier", worse, "Members")
    told = (source["DBInstanceIdentifier"], source["DbiResourceId"], source["AvailabilityZone"], source["Endpoint"])
    wanted = ("orders-db", "cluster-SOURCE", "eu-central-1a", {"Address": "127.0.0.2", "Port": 5432})
    verdict.passes("a cluster as an instance", [] if told == wanted else [str(told)])
    verdict.passes("no place without members", [] if as_instance(*_cluster())["Endpoint"] is None else ["a place"])
    different = set(Clusters.settings) - set(Instances.settings)
    verdict.passes("settings of its own", [] if "DBClusterParameterGroup" in different else ["none"])
