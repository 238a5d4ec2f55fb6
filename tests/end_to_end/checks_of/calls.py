"""The estate's log against the plan."""

from __future__ import annotations

from typing import Any

import checks

from .recovery import (
    ACTS,
    CONFIGURATION,
    COPY,
    LATE,
    LOG,
    MARKS,
    RESTORE,
    TAGS,
    TOLD,
    called,
    log_with,
    plan_of,
    tag_list,
)
from .verdict import Verdict

Json = dict[str, Any]

# A call, one of its fields, what was made instead (none: not said), and words that the complaint must have.
WRONG_FIELDS: list[tuple[int, str, Any, tuple[str, ...]]] = [
    (0, "RestoreTime", "2026-01-15T10:25:01Z", ("planned 2026-01-15T10:25:00", "made 2026-01-15T10:25:01")),
    (0, "RestoreTime", None, ("made nothing",)),
    (0, "UseLatestRestorableTime", True, ("planned nothing", "made True")),
    (0, "SourceDbiResourceId", "db-OTHER", ("planned db-SOURCE", "made db-OTHER")),
    (0, "TargetDBInstanceIdentifier", "other", ("planned copy", "made other")),
    (0, "DBInstanceClass", "db.t4g.micro", ("made db.t4g.micro",)),
    (0, "DBSubnetGroupName", "default", ("made default",)),
    (0, "VpcSecurityGroupIds", ["sg-a"], ("['sg-a', 'sg-b']", "made ['sg-a']")),
    (0, "VpcSecurityGroupIds", None, ("made nothing",)),
    (0, "DBParameterGroupName", "default.postgres16", ("planned orders16",)),
    (0, "MultiAZ", True, ("planned False", "made True")),
    (0, "Port", 5433, ("made 5433",)),
    (0, "BackupRetentionPeriod", 0, ("made 0",)),
    (0, "PreferredBackupWindow", None, ("made nothing",)),
    (0, "AvailabilityZone", "eu-central-1a", ("planned nothing",)),
    (0, "DeletionProtection", True, ("planned nothing",)),
    (0, "Tags", tag_list({**TAGS, "owner": "nobody"}), ("made {'owner': 'nobody'",)),
    (0, "Tags", tag_list({"owner": "orders-team"}), ("lifeboat:incident",)),
    (0, "Tags", tag_list({**TAGS, "lifeboat:policy": "demo"}), ("lifeboat:policy",)),
    (1, "PreferredMaintenanceWindow", "mon:03:00-mon:03:30", ("made mon:",)),
    (1, "DeletionProtection", None, ("planned True", "made nothing")),
    (1, "DeletionProtection", False, ("planned True", "made False")),
    (1, "MaxAllocatedStorage", 600, ("made 600",)),
    (1, "MonitoringInterval", 1, ("planned 60",)),
    (1, "MonitoringRoleArn", None, ("made nothing",)),
    (1, "PerformanceInsightsRetentionPeriod", 31, ("planned 7",)),
    (1, "ApplyImmediately", None, ("made nothing",)),
    (1, "DBInstanceIdentifier", "orders-db", ("planned copy", "made orders-db")),
    (2, "MasterUserPassword", None, ("made nothing",)),
    (3, "VpcSecurityGroupIds", ["sg-a"], ("planned ['sg-fence']", "made ['sg-a']")),
    (3, "VpcSecurityGroupIds", ["sg-fence", "sg-a"], ("planned ['sg-fence']",)),
    (4, "ForceFailover", True, ("planned False", "made True")),
    (4, "DBInstanceIdentifier", "copy", ("planned orders-db", "made copy")),
    (5, "Tags", tag_list({"lifeboat:retired": "inc-2"}), ("inc-2",)),
    (6, "Tags", tag_list({**MARKS, "lifeboat:policy": "silent"}), ("silent",)),
    (7, "TagKeys", ["owner"], ("planned ['lifeboat:policy']", "made ['owner']")),
    (7, "ResourceName", COPY, (COPY,)),
    (8, "DBSnapshotIdentifier", "second", ("planned first", "made second")),
    (8, "Tags", None, ("made nothing",)),
]


def calls(verdict: Verdict) -> None:
    """The estate's log against the plan."""
    plan = plan_of(*ACTS)
    verdict.passes("what was planned", checks.compare_calls(LOG, [plan]))
    verdict.passes("no calls without a plan", checks.compare_calls([], []))
    for number, name, value, words in WRONG_FIELDS:
        problems = checks.compare_calls(log_with(number, name, value), [plan])
        verdict.finds(f"{name}={value} in call {number}", problems, f"{LOG[number]['action']} ", f": {name}: ", *words)
    for number, record in enumerate(LOG):
        missing = LOG[:number] + LOG[number + 1 :]
        verdict.finds(
            f"call {number} missing", checks.compare_calls(missing, [plan]), "planned, but not made", record["action"]
        )
        verdict.finds(
            f"call {number} made twice", checks.compare_calls([*LOG, record], [plan]), "made, but not planned"
        )
        verdict.finds(f"call {number} without a plan", checks.compare_calls([record], []), "made, but not planned")
    reboot = called("RebootDBInstance", DBInstanceIdentifier="bystander", ForceFailover=False)
    deletion = called("DeleteDBInstance", DBInstanceIdentifier="orders-db", SkipFinalSnapshot=True)
    verdict.finds("a call to another one", checks.compare_calls([*LOG, reboot], [plan]), "not planned", "bystander")
    verdict.finds("a deletion", checks.compare_calls([*LOG, deletion], [plan]), "deleted something", "orders-db")
    for outcome in ("refused", "never_arrived"):
        tried = [*LOG, {**deletion, "outcome": outcome, "code": "InvalidDBInstanceState"}]
        verdict.finds(f"a deletion that was {outcome}", checks.compare_calls(tried, [plan]), "tried, but not planned")
        again = [{**LOG[1], "outcome": outcome}, *LOG]
        verdict.passes(f"a planned call that was {outcome} at first", checks.compare_calls(again, [plan]))
    verdict.finds(
        "calls that were all refused", checks.compare_calls([{**LOG[0], "outcome": "refused"}], [plan]), "not made"
    )
    moved = [*LOG[:3], LOG[4], LOG[3], *LOG[5:]]
    verdict.finds("sessions ended before the fence", checks.compare_calls(moved, [plan]), "another order")
    verdict.finds("a plan without calls", checks.compare_calls([], [plan_of()]), "nothing to compare")
    verdict.passes(
        "off, where that is the default", checks.compare_calls(log_with(0, "DeletionProtection", False), [plan])
    )
    twice = log_with(0, "Tags", [*tag_list(TAGS), *tag_list({"owner": "orders-team"})])
    verdict.finds("a tag that was given twice", checks.compare_calls(twice, [plan]), "Tags: planned")
    group = checks.compare_calls(log_with(3, "VpcSecurityGroupIds", ["sg-a"]), [plan])
    verdict.passes("what is as planned beside it", [] if len(group) == 1 else group)
    other = checks.compare_calls([*LOG[:4], reboot, *LOG[5:]], [plan])
    verdict.finds("another instance", other, "DBInstanceIdentifier: planned orders-db, made bystander")
    _lost_replies(verdict, plan)
    _other_calls(verdict)
    _storage(verdict)


def _lost_replies(verdict: Verdict, plan: Json) -> None:
    """A reply that was lost excuses one repetition of what may be repeated."""
    heard = [{**LOG[1], "outcome": "reply_lost"}, LOG[1]]
    verdict.passes("settings sent again after a lost reply", checks.compare_calls([LOG[0], *heard, *LOG[2:]], [plan]))
    rebooted = [*LOG[:4], {**LOG[4], "outcome": "reply_lost"}, *LOG[4:]]
    verdict.finds(
        "a reboot repeated after a lost reply", checks.compare_calls(rebooted, [plan]), "not planned", "Reboot"
    )
    unheard = [LOG[0], {**LOG[1], "outcome": "reply_lost"}, *LOG[2:]]
    verdict.passes("settings of which nobody heard", checks.compare_calls(unheard, [plan]))
    verdict.finds("settings sent twice", checks.compare_calls([LOG[0], LOG[1], *LOG[1:]], [plan]), "not planned")


def _other_calls(verdict: Verdict) -> None:
    """Other remedies, other shapes of the plan, and plans that the demo does not understand."""
    failover = plan_of({"call": "force_failover", "instance": "orders-db"})
    forced = called("RebootDBInstance", DBInstanceIdentifier="orders-db", ForceFailover=True)
    plain = called("RebootDBInstance", DBInstanceIdentifier="orders-db", ForceFailover=False)
    verdict.passes("a failover", checks.compare_calls([forced], [failover]))
    verdict.finds(
        "a reboot instead of a failover", checks.compare_calls([plain], [failover]), "ForceFailover: planned True"
    )
    verdict.finds("two failovers", checks.compare_calls([forced, forced], [failover]), "made, but not planned")
    snapshot = {**RESTORE, "call": "restore_from_snapshot", "snapshot": "backup"}
    given: Json = {**TOLD, "DBInstanceIdentifier": "copy", "DBSnapshotIdentifier": "backup", "DeletionProtection": True}
    restored = called("RestoreDBInstanceFromDBSnapshot", **given)
    other = called("RestoreDBInstanceFromDBSnapshot", **{**given, "DBSnapshotIdentifier": "older"})
    bare = called("RestoreDBInstanceFromDBSnapshot", **{**given, "DeletionProtection": False})
    verdict.passes("a restore from a snapshot", checks.compare_calls([restored], [plan_of(snapshot)]))
    verdict.finds(
        "another snapshot", checks.compare_calls([other], [plan_of(snapshot)]), "DBSnapshotIdentifier", "made older"
    )
    # With no late setting that says so, deletion protection belongs to the restore.
    verdict.finds(
        "no protection", checks.compare_calls([bare], [plan_of(snapshot)]), "DeletionProtection: planned True"
    )
    latest = called("RestoreDBInstanceToPointInTime", **log_with(0, "RestoreTime", None)[0]["parameters"])
    latest["parameters"] |= {"UseLatestRestorableTime": True, "DeletionProtection": True}
    verdict.passes("the latest moment", checks.compare_calls([latest], [plan_of({**RESTORE, "at": None})]))
    verdict.finds(
        "the latest, not the named one", checks.compare_calls([latest], [plan_of(RESTORE)]), "RestoreTime: planned 2026"
    )
    old = {**ACTS[1], "settings": {name: value for name, value in LATE.items() if name != "deletion_protection"}}
    early = [log_with(0, "DeletionProtection", True)[0], log_with(1, "DeletionProtection", None)[1]]
    verdict.passes("protection told to the restore", checks.compare_calls(early, [plan_of(RESTORE, old)]))
    unprotected = [LOG[0], early[1]]
    verdict.finds(
        "protection told to nobody", checks.compare_calls(unprotected, [plan_of(RESTORE, old)]), "DeletionProtection"
    )
    strange = {**ACTS[1], "settings": {**LATE, "colour": "red"}}
    verdict.raises("a late setting that is not known", lambda: checks.compare_calls(LOG, [plan_of(strange)]), "colour")
    configured = {**RESTORE, "settings": {"configuration": {**CONFIGURATION, "colour": "red"}, "tags": TAGS}}
    verdict.raises("a setting that is not known", lambda: checks.compare_calls(LOG, [plan_of(configured)]), "colour")
    verdict.raises(
        "a call that is not known", lambda: checks.compare_calls(LOG, [plan_of({"call": "promote"})]), "promote"
    )


def _storage(verdict: Verdict) -> None:
    """Performance is named where it can be chosen, and then as planned."""
    for kind, size, told in (("gp3", 400, True), ("gp3", 399, False), ("io1", 100, True), ("gp2", 400, False)):
        configuration = {**CONFIGURATION, "storage_type": kind, "allocated_storage": size, "storage_throughput": None}
        plan = plan_of({**RESTORE, "settings": {"configuration": configuration, "tags": TAGS}}, ACTS[1])
        silent = log_with(0, "StorageType", kind)[:2]
        loud = [called(silent[0]["action"], **silent[0]["parameters"], Iops=3000), silent[1]]
        right, wrong = (loud, silent) if told else (silent, loud)
        verdict.passes(f"the IOPS of {kind} with {size}", checks.compare_calls(right, [plan]))
        verdict.finds(f"the IOPS of {kind} with {size}", checks.compare_calls(wrong, [plan]), "Iops: planned")
    plain = {**ACTS[1], "settings": {**LATE, "monitoring": None, "performance_insights": None}}
    log = log_with(1, "EnablePerformanceInsights", None)[:2]
    for name in ("PerformanceInsightsRetentionPeriod", "MonitoringInterval", "MonitoringRoleArn"):
        del log[1]["parameters"][name]
    verdict.passes("no monitoring", checks.compare_calls(log, [plan_of(RESTORE, plain)]))
