"""The checks of the demo, checked: what is right passes, and each thing that could be wrong is found and named.

selftest.py      needs nothing but Python, and ends with a line for each group of checks
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "infra" / "local"))

import act  # noqa: E402
import checks  # noqa: E402
from journal import Fate, Journal, Row  # noqa: E402
from stage import FENCE  # noqa: E402

Json = dict[str, Any]


class Verdict:
    """Collects what the checks let pass, and what they complained of without reason."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.wrong: list[str] = []
        self.cases = 0

    def passes(self, what: str, problems: Sequence[str]) -> None:
        """Nothing is wrong with it."""
        self.cases += 1
        if problems:
            self.wrong.append(f"complained of {what}: {list(problems)}")

    def finds(self, what: str, problems: Sequence[str], *words: str) -> None:
        """It is found, and one complaint has all these words."""
        self.cases += 1
        if not any(all(word in problem for word in words) for problem in problems):
            self.wrong.append(f"did not find {what} ({', '.join(words)}): {list(problems)}")

    def raises(self, what: str, work: Callable[[], object], word: str) -> None:
        """It cannot even be compared, and says so."""
        self.cases += 1
        try:
            work()
        except ValueError as error:
            if word in str(error):
                return
        self.wrong.append(f"went on with {what}")


# Calls

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


def _plan(*acts: Json) -> Json:
    """A plan of these calls."""
    return {"hash": "h", "fence": "group", "calls": [{"phase": "act", "act": act, "why": "because"} for act in acts]}


def _called(action: str, **given: Any) -> Json:
    """A line of the estate's log."""
    return {"number": 1, "action": action, "parameters": given, "at": "2026-01-15T10:30:00.000Z", "outcome": "applied"}


def _listed(tags: dict[str, str]) -> list[Json]:
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
    "Tags": _listed(TAGS),
}
ON_COPY: Json = {"DBInstanceIdentifier": "copy", "ApplyImmediately": True}
LOG: list[Json] = [
    _called(
        "RestoreDBInstanceToPointInTime",
        TargetDBInstanceIdentifier="copy",
        SourceDbiResourceId="db-SOURCE",
        RestoreTime="2026-01-15T10:25:00Z",
        MaxAllocatedStorage=500,
        **TOLD,
    ),
    _called(
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
    _called("ModifyDBInstance", MasterUserPassword="****", **ON_COPY),
    _called(
        "ModifyDBInstance", DBInstanceIdentifier="orders-db", ApplyImmediately=True, VpcSecurityGroupIds=["sg-fence"]
    ),
    _called("RebootDBInstance", DBInstanceIdentifier="orders-db", ForceFailover=False),
    _called("AddTagsToResource", ResourceName=SOURCE, Tags=_listed({"lifeboat:retired": "inc-1"})),
    _called("AddTagsToResource", ResourceName=COPY, Tags=_listed(MARKS)),
    _called("RemoveTagsFromResource", ResourceName=SOURCE, TagKeys=["lifeboat:policy"]),
    _called(
        "CreateDBSnapshot",
        DBInstanceIdentifier="copy",
        DBSnapshotIdentifier="first",
        Tags=_listed({"lifeboat:incident": "inc-1"}),
    ),
]
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
    (0, "Tags", _listed({**TAGS, "owner": "nobody"}), ("made {'owner': 'nobody'",)),
    (0, "Tags", _listed({"owner": "orders-team"}), ("lifeboat:incident",)),
    (0, "Tags", _listed({**TAGS, "lifeboat:policy": "demo"}), ("lifeboat:policy",)),
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
    (5, "Tags", _listed({"lifeboat:retired": "inc-2"}), ("inc-2",)),
    (6, "Tags", _listed({**MARKS, "lifeboat:policy": "silent"}), ("silent",)),
    (7, "TagKeys", ["owner"], ("planned ['lifeboat:policy']", "made ['owner']")),
    (7, "ResourceName", COPY, (COPY,)),
    (8, "DBSnapshotIdentifier", "second", ("planned first", "made second")),
    (8, "Tags", None, ("made nothing",)),
]


def _with(number: int, name: str, value: Any) -> list[Json]:
    """The log with one parameter of one call as given."""
    log = copy.deepcopy(LOG)
    log[number]["parameters"][name] = value
    if value is None:
        del log[number]["parameters"][name]
    return log


def calls(verdict: Verdict) -> None:
    """The estate's log against the plan."""
    plan = _plan(*ACTS)
    verdict.passes("what was planned", checks.compare_calls(LOG, [plan]))
    verdict.passes("no calls without a plan", checks.compare_calls([], []))
    for number, name, value, words in WRONG_FIELDS:
        problems = checks.compare_calls(_with(number, name, value), [plan])
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
    reboot = _called("RebootDBInstance", DBInstanceIdentifier="bystander", ForceFailover=False)
    deletion = _called("DeleteDBInstance", DBInstanceIdentifier="orders-db", SkipFinalSnapshot=True)
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
    verdict.finds("a plan without calls", checks.compare_calls([], [_plan()]), "nothing to compare")
    verdict.passes(
        "off, where that is the default", checks.compare_calls(_with(0, "DeletionProtection", False), [plan])
    )
    twice = _with(0, "Tags", [*_listed(TAGS), *_listed({"owner": "orders-team"})])
    verdict.finds("a tag that was given twice", checks.compare_calls(twice, [plan]), "Tags: planned")
    group = checks.compare_calls(_with(3, "VpcSecurityGroupIds", ["sg-a"]), [plan])
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
    failover = _plan({"call": "force_failover", "instance": "orders-db"})
    forced = _called("RebootDBInstance", DBInstanceIdentifier="orders-db", ForceFailover=True)
    plain = _called("RebootDBInstance", DBInstanceIdentifier="orders-db", ForceFailover=False)
    verdict.passes("a failover", checks.compare_calls([forced], [failover]))
    verdict.finds(
        "a reboot instead of a failover", checks.compare_calls([plain], [failover]), "ForceFailover: planned True"
    )
    verdict.finds("two failovers", checks.compare_calls([forced, forced], [failover]), "made, but not planned")
    snapshot = {**RESTORE, "call": "restore_from_snapshot", "snapshot": "backup"}
    given: Json = {**TOLD, "DBInstanceIdentifier": "copy", "DBSnapshotIdentifier": "backup", "DeletionProtection": True}
    restored = _called("RestoreDBInstanceFromDBSnapshot", **given)
    other = _called("RestoreDBInstanceFromDBSnapshot", **{**given, "DBSnapshotIdentifier": "older"})
    bare = _called("RestoreDBInstanceFromDBSnapshot", **{**given, "DeletionProtection": False})
    verdict.passes("a restore from a snapshot", checks.compare_calls([restored], [_plan(snapshot)]))
    verdict.finds(
        "another snapshot", checks.compare_calls([other], [_plan(snapshot)]), "DBSnapshotIdentifier", "made older"
    )
    # With no late setting that says so, deletion protection belongs to the restore.
    verdict.finds("no protection", checks.compare_calls([bare], [_plan(snapshot)]), "DeletionProtection: planned True")
    latest = _called("RestoreDBInstanceToPointInTime", **{**_with(0, "RestoreTime", None)[0]["parameters"]})
    latest["parameters"] |= {"UseLatestRestorableTime": True, "DeletionProtection": True}
    verdict.passes("the latest moment", checks.compare_calls([latest], [_plan({**RESTORE, "at": None})]))
    verdict.finds(
        "the latest, not the named one", checks.compare_calls([latest], [_plan(RESTORE)]), "RestoreTime: planned 2026"
    )
    old = {**ACTS[1], "settings": {name: value for name, value in LATE.items() if name != "deletion_protection"}}
    early = [_with(0, "DeletionProtection", True)[0], _with(1, "DeletionProtection", None)[1]]
    verdict.passes("protection told to the restore", checks.compare_calls(early, [_plan(RESTORE, old)]))
    unprotected = [LOG[0], early[1]]
    verdict.finds(
        "protection told to nobody", checks.compare_calls(unprotected, [_plan(RESTORE, old)]), "DeletionProtection"
    )
    strange = {**ACTS[1], "settings": {**LATE, "colour": "red"}}
    verdict.raises("a late setting that is not known", lambda: checks.compare_calls(LOG, [_plan(strange)]), "colour")
    configured = {**RESTORE, "settings": {"configuration": {**CONFIGURATION, "colour": "red"}, "tags": TAGS}}
    verdict.raises("a setting that is not known", lambda: checks.compare_calls(LOG, [_plan(configured)]), "colour")
    verdict.raises(
        "a call that is not known", lambda: checks.compare_calls(LOG, [_plan({"call": "promote"})]), "promote"
    )


def _storage(verdict: Verdict) -> None:
    """Performance is named where it can be chosen, and then as planned."""
    for kind, size, told in (("gp3", 400, True), ("gp3", 399, False), ("io1", 100, True), ("gp2", 400, False)):
        configuration = {**CONFIGURATION, "storage_type": kind, "allocated_storage": size, "storage_throughput": None}
        plan = _plan({**RESTORE, "settings": {"configuration": configuration, "tags": TAGS}}, ACTS[1])
        silent = _with(0, "StorageType", kind)[:2]
        loud = [_called(silent[0]["action"], **silent[0]["parameters"], Iops=3000), silent[1]]
        right, wrong = (loud, silent) if told else (silent, loud)
        verdict.passes(f"the IOPS of {kind} with {size}", checks.compare_calls(right, [plan]))
        verdict.finds(f"the IOPS of {kind} with {size}", checks.compare_calls(wrong, [plan]), "Iops: planned")
    plain = {**ACTS[1], "settings": {**LATE, "monitoring": None, "performance_insights": None}}
    log = _with(1, "EnablePerformanceInsights", None)[:2]
    for name in ("PerformanceInsightsRetentionPeriod", "MonitoringInterval", "MonitoringRoleArn"):
        del log[1]["parameters"][name]
    verdict.passes("no monitoring", checks.compare_calls(log, [_plan(RESTORE, plain)]))


# Rows

OLD, NEW = "old:5432", "new:5432"
POINT = datetime(2026, 1, 15, 10, 25, tzinfo=timezone.utc)
ZERO = POINT.timestamp()


def _row(number: int, side: str, offset: float, fate: Fate = Fate.ACKNOWLEDGED, *, dated: bool = True) -> Row:
    """A row, committed so many seconds after the restore point."""
    row = Row(number, f"customer-{number}", f"{number}.25", side, ZERO + offset - 0.01, fate)
    if fate in (Fate.ACKNOWLEDGED, Fate.LOST):
        row.hash, row.acknowledged_at = f"hash-{number}", ZERO + offset + 0.01
        row.committed_at = datetime.fromtimestamp(ZERO + offset, timezone.utc) if dated else None
    return row


def _journal(*rows: Row, seed: int = 3) -> Journal:
    """What the client knows: rows that it found, and rows that it wrote."""
    return Journal({number: f"hash-{number}" for number in range(1, seed + 1)}, {row.id: row for row in rows})


JOURNAL = _journal(
    _row(10, OLD, -5),
    _row(11, OLD, -1, dated=False),
    _row(12, OLD, 1),
    _row(13, OLD, 2, Fate.UNKNOWN),
    _row(14, OLD, -2, Fate.FAILED),
    _row(15, OLD, -3, Fate.LOST),
    _row(16, NEW, 9),
)
RESTORED = {number: f"hash-{number}" for number in (1, 2, 3, 10, 11, 16)}


def rows(verdict: Verdict) -> None:
    """What the serving side holds against what the client knows."""

    def compared(found: dict[int, str], *, journal: Journal = JOURNAL, exactly: bool = True) -> checks.Findings:
        return checks.compare_rows(journal, found, NEW, POINT, exactly=exactly)

    verdict.passes("every row that must be there", compared(RESTORED).problems)
    counted = (compared(RESTORED).compared, [row.id for row in compared(RESTORED).lost])
    verdict.passes("the count", [] if counted == (2, [12]) else [str(counted)])
    for number, what in ((2, "of the beginning"), (10, "committed in time"), (11, "acknowledged in time"), (16, "new")):
        without = {key: value for key, value in RESTORED.items() if key != number}
        verdict.finds(f"a missing row, {what}", compared(without).problems, "missing", f"({number})")
        changed = compared({**RESTORED, number: "other"}).problems
        verdict.finds(f"an altered row, {what}", changed, "not as they were committed", f"({number})")
    for number, what in ((99, "that nobody sent"), (14, "that was refused"), (15, "that was lost before")):
        problems = compared({**RESTORED, number: f"hash-{number}"}).problems
        verdict.finds(f"a row {what}", problems, "nobody committed", f"({number})")
    for number in (12, 13):
        problems = compared({**RESTORED, number: f"hash-{number}"}).problems
        verdict.finds(f"a row from later ({number})", problems, "later than the restore time", f"({number})")
        later = compared({**RESTORED, number: f"hash-{number}"}, exactly=False).problems
        verdict.passes("a later row, where the latest was asked for", later)
    verdict.finds("an empty table", compared({}).problems, "missing", "6 rows")
    verdict.finds(
        "no row of the client", compared(RESTORED, journal=_journal(_row(16, NEW, 9))).problems, "row of the client"
    )
    nothing = checks.compare_rows(_journal(seed=0), {}, NEW, POINT)
    verdict.finds("nothing at all", nothing.problems, "row of the beginning")
    everything = {**RESTORED, 12: "hash-12"}
    kept = checks.compare_rows(JOURNAL, everything, OLD, None)
    verdict.passes("every row, where nothing was restored", kept.problems)
    verdict.passes(
        "until when the old side is kept", [] if round(compared(RESTORED).kept_until - ZERO) == -1 else ["?"]
    )
    deleted = {key: digest for key, digest in everything.items() if key not in (3, 12)}
    on_purpose = checks.compare_rows(JOURNAL, deleted, OLD, None, missing_on_purpose=frozenset((3, 12)))
    verdict.passes("rows that somebody deleted", on_purpose.problems)
    back = checks.compare_rows(JOURNAL, everything, OLD, None, missing_on_purpose=frozenset((3, 12)))
    verdict.finds("rows that somebody deleted, and that are there", back.problems, "nobody committed", "(3, 12)")
    lost = checks.compare_rows(JOURNAL, RESTORED, OLD, None)
    verdict.finds("a row that a failover lost", lost.problems, "missing", "(12)")
    _rows_by_themselves(verdict)


def _rows_by_themselves(verdict: Verdict) -> None:
    """Rows whose fate is open, rows written afterwards, and the mistake itself."""
    sent = checks.unconfirmed(JOURNAL, {**RESTORED, 13: "?"})
    verdict.passes("which is unconfirmed", [] if list(sent) == [13] else [str(list(sent))])
    verdict.passes("that none is", list(map(str, checks.unconfirmed(JOURNAL, RESTORED))))
    verdict.passes(
        "an unconfirmed row as it was sent", checks.compare_unconfirmed(sent, [(13, "customer-13", "13.25")])
    )
    for there in ([(13, "customer-13", "13.26")], [(13, "somebody", "13.25")], []):
        verdict.finds("an unconfirmed row that was altered", checks.compare_unconfirmed(sent, there), "(13)")
    verdict.passes("enough rows written and read back", checks.written_afterwards(120, 120, 100))
    verdict.finds("too few rows written", checks.written_afterwards(99, 99, 100), "99")
    verdict.finds("rows that were not read back", checks.written_afterwards(120, 119, 100), "119")
    mistaken = {1: "hash-1", 2: "other"}
    verdict.passes("a mistake that stands", checks.compare_mistake(JOURNAL, mistaken, [3], [2]))
    verdict.finds(
        "a row that came back", checks.compare_mistake(JOURNAL, {**mistaken, 3: "x"}, [3], [2]), "holds again"
    )
    verdict.finds(
        "a repaired row", checks.compare_mistake(JOURNAL, {**mistaken, 2: "hash-2"}, [3], [2]), "as it was altered"
    )
    verdict.finds(
        "an altered row that is gone", checks.compare_mistake(JOURNAL, {1: "hash-1"}, [3], [2]), "as it was altered"
    )


# The secret

FIELDS = {"host": "old", "port": 5432, "username": "orders", "password": "hush", "dbname": "orders"}


def secret(verdict: Verdict) -> None:
    """The secret against the plan."""
    plans, places = [_plan(*ACTS)], {"copy": {"Address": "new", "Port": 5433}}
    moved = {**FIELDS, "host": "new", "port": 5433}
    verdict.passes("what was planned", checks.compare_secret(FIELDS, moved, 1, plans, places))
    verdict.passes("an untouched secret", checks.compare_secret(FIELDS, FIELDS, 0, [], places))
    verdict.finds(
        "a secret that was not moved", checks.compare_secret(FIELDS, FIELDS, 1, plans, places), "host", "'new'"
    )
    verdict.finds("a change too many", checks.compare_secret(FIELDS, moved, 2, plans, places), "changed 2 times")
    verdict.finds("a change without a plan", checks.compare_secret(FIELDS, moved, 0, [], places), "host", "'old'")
    for name, value in (("port", 5432), ("username", "root"), ("dbname", "other"), ("engine", "mysql")):
        problems = checks.compare_secret(FIELDS, {**moved, name: value}, 1, plans, places)
        verdict.finds(f"another {name}", problems, f"secret's {name}")
    problems = checks.compare_secret(FIELDS, {**moved, "password": "other"}, 1, plans, places)
    verdict.finds("another password", problems, "password is not as planned")
    verdict.passes(
        "what it says of passwords", [problem for problem in problems if "other" in problem or "hush" in problem]
    )
    verdict.finds("an instance that is nowhere", checks.compare_secret(FIELDS, moved, 1, plans, {}), "no endpoint")
    elsewhere = [_plan({**ACTS[5], "secret": "another"})]
    verdict.finds("another secret", checks.compare_secret(FIELDS, moved, 1, elsewhere, places), "another")


# Validation and the policy's check

POLICY: Json = {"checks": [{"name": "no negatives", "sql": "SELECT 1", "expect": "0", "watch": True}]}
VALIDATION: Json = {
    "at": "2026-01-15T10:26:00Z",
    "checks": [{"name": name, "grade": "PASS", "text": "well"} for name in (*checks.BUILT_IN, "no negatives")],
}


def _graded(name: str, grade: str | None) -> Json:
    """The validation with one check graded so, or without it."""
    found = [{**check, "grade": grade} if check["name"] == name else check for check in VALIDATION["checks"]]
    return {**VALIDATION, "checks": [check for check in found if check["grade"]]}


def validation(verdict: Verdict) -> None:
    """The grade of a validation, and what it is worth."""

    def judged(document: Json | None, policy: Json = POLICY, since: float = ZERO) -> tuple[str, list[str]]:
        return checks.judge_validation(document, since, policy)

    verdict.passes("a good one", judged(VALIDATION)[1])
    verdict.passes("its grade", [] if judged(VALIDATION)[0] == "PASS" else ["not PASS"])
    for grade in ("WARN", "UNKNOWN", "FAIL", "FINE"):
        found, problems = judged(_graded("data", grade))
        verdict.finds(f"a check that is {grade}", problems, f"'data' is {grade}")
        wanted = "FAIL" if grade == "FINE" else grade
        verdict.passes(f"the grade {wanted}", [] if found == wanted else [found])
    accepted = {**POLICY, "accept_warnings": ["data"]}
    found, problems = judged(_graded("data", "WARN"), accepted)
    verdict.passes("a warning that the policy accepts, told as WARN", problems + ([] if found == "WARN" else [found]))
    verdict.finds("a warning of another check", judged(_graded("login", "WARN"), accepted)[1], "'login' is WARN")
    verdict.finds(
        "a failure, where a warning is accepted", judged(_graded("data", "FAIL"), accepted)[1], "'data' is FAIL"
    )
    for name in (*checks.BUILT_IN, "no negatives"):
        verdict.finds(f"a validation without {name}", judged(_graded(name, None))[1], f"{name!r} did not run")
    for document in (None, {**VALIDATION, "checks": []}):
        found, problems = judged(document)
        verdict.finds("no validation", problems, "nothing was validated")
        verdict.passes("its grade", [] if found == "FAIL" else [found])
    verdict.finds("one from before", judged(VALIDATION, since=ZERO + 3600)[1], "from before")
    line = act.Result("x", "RECOVERED").line()
    verdict.passes("a result of which nothing is known", [] if "checks=FAIL" in line else [line])
    line = act.Result("x", "RECOVERED", checks="WARN").line()
    verdict.passes("a result with a warning", [] if "checks=WARN" in line else [line])
    line = act.Result("x", "RECOVERED", ["something"], checks="PASS").line()
    verdict.passes("a result with a problem", [] if line.startswith("FAILED ") else [line])


INCIDENT: Json = {
    "id": "inc-1",
    "verdict": "failed",
    "scenario": "corruption",
    "request": {"by_person": False},
    "opened_at": "2026-01-15T10:25:06Z",
    "signals": [
        {
            "source": "sweep",
            "plane": "data_plane",
            "at": "2026-01-15T10:25:05Z",
            "text": 'a check of the policy fails: no negatives: returned "7"; expected "0"',
        }
    ],
}
PROBE: Json = {"failed_checks": ['no negatives: returned "7"; expected "0"']}


def corruption(verdict: Verdict) -> None:
    """The policy's check, failing before and passing after, as Lifeboat and as the demo ran it."""
    verdict.passes("what the check found", checks.found_by_check(INCIDENT, PROBE, POLICY))
    signal = INCIDENT["signals"][0]
    for changed in (
        {"text": "a check of the policy fails: another: returned"},
        {"source": "person"},
        {"plane": "person"},
    ):
        other = {**INCIDENT, "signals": [{**signal, **changed}]}
        verdict.finds(
            f"a signal with {changed}", checks.found_by_check(other, PROBE, POLICY), "no signal", "no negatives"
        )
    verdict.finds("no signal", checks.found_by_check({**INCIDENT, "signals": []}, PROBE, POLICY), "no signal")
    verdict.finds("a probe without it", checks.found_by_check(INCIDENT, {"failed_checks": []}, POLICY), "probe")
    for name, value in (("verdict", "healthy"), ("scenario", "human_error"), ("request", {"by_person": True})):
        problems = checks.found_by_check({**INCIDENT, name: value}, PROBE, POLICY)
        verdict.finds(f"{name}={value}", problems, "the verdict should be failed")
    unwatched = {"checks": [{**POLICY["checks"][0], "watch": False}]}
    for policy in ({}, unwatched):
        verdict.finds(
            "a policy that watches nothing", checks.found_by_check(INCIDENT, PROBE, policy), "watches no check"
        )
        verdict.finds("a policy that watches nothing", checks.passed_by_check(VALIDATION, policy), "watches no check")
    verdict.passes("a copy that passes", checks.passed_by_check(VALIDATION, POLICY))
    for grade in ("FAIL", "WARN", "UNKNOWN"):
        problems = checks.passed_by_check(_graded("no negatives", grade), POLICY)
        verdict.finds(f"a copy that is {grade}", problems, f"is {grade}")
    missing = checks.passed_by_check(_graded("no negatives", None), POLICY)
    verdict.finds("a copy on which it did not run", missing, "MISSING")
    verdict.passes("what the demo asks", checks.policy_checks(POLICY, lambda _: "0"))
    verdict.finds("another answer", checks.policy_checks(POLICY, lambda _: "7"), "'7'", "'0'")
    verdict.finds("no SQL to ask", checks.policy_checks({}, lambda _: "0"), "no SQL check")


def sweeps(verdict: Verdict) -> None:
    """Who found a hung server."""

    def moment(offset: float) -> datetime:
        return datetime.fromtimestamp(ZERO + offset, timezone.utc)

    runs = [{"startDate": moment(number * 3), "stopDate": moment(number * 3 + 2.5)} for number in range(5)]
    event = {"detail": {"Date": "2026-01-15T10:24:00.000Z", "EventID": "RDS-EVENT-0001", "Message": "earlier"}}

    def found(at: str, **changed: Any) -> list[str]:
        given = {"incident": {**INCIDENT, "opened_at": at}, "sweeps": runs[1:], "events": [event], "zero": ZERO + 2}
        return checks.found_by_sweep(**{**given, **changed})[1]

    verdict.passes("the second sweep", found("2026-01-15T10:25:07Z"))
    verdict.finds("the third sweep", found("2026-01-15T10:25:10Z"), "found by sweep 3")
    verdict.finds("no sweep at that time", found("2026-01-15T10:25:05.8Z"), "no sweep was running")
    verdict.finds("no sweep at all", found("2026-01-15T10:25:07Z", sweeps=[]), "no sweep was running")
    told = {"detail": {**event["detail"], "Date": "2026-01-15T10:25:04.000Z"}}
    verdict.finds("an event", found("2026-01-15T10:25:07Z", events=[event, told]), "an event told of it")
    verdict.finds("an estate without events", found("2026-01-15T10:25:07Z", events=[]), "no event at all")
    alarm = [*INCIDENT["signals"], {**INCIDENT["signals"][0], "source": "alarm"}]
    incident = {**INCIDENT, "opened_at": "2026-01-15T10:25:07Z", "signals": alarm}
    verdict.finds("an alarm", found("2026-01-15T10:25:07Z", incident=incident), "alarm")
    silent = {**incident, "signals": []}
    verdict.finds("no signal", found("2026-01-15T10:25:07Z", incident=silent), "not by the sweep alone")
    later = {**incident, "signals": [alarm[0], {**alarm[1], "at": "2026-01-15T10:25:09Z"}]}
    verdict.passes("an alarm afterwards", found("2026-01-15T10:25:07Z", incident=later))
    running = [*runs[1:2], {"startDate": moment(6)}]
    verdict.passes("a sweep that is still running", found("2026-01-15T10:25:07Z", sweeps=running))


# The world


def _instance(name: str, address: str, **tags: str) -> Json:
    """An instance as RDS describes it."""
    return {
        **dict.fromkeys(checks.SETTINGS, "same"),
        "DBInstanceIdentifier": name,
        "DbiResourceId": f"db-{name}",
        "DBInstanceStatus": "available",
        "Endpoint": {"Address": address, "Port": 5432},
        "TagList": _listed({f"lifeboat:{key}": value for key, value in tags.items()}),
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-a", "Status": "active"}],
        "DBParameterGroups": [{"DBParameterGroupName": "orders16"}],
        "DBSubnetGroup": {"DBSubnetGroupName": "orders-private"},
    }


def world(verdict: Verdict) -> None:
    """The source, the identity, the lease, the settings, the fence."""
    source = _instance("orders-db", "old", resource="orders-db")
    restored = _instance("copy", "new", resource="orders-db", policy="demo")
    kept = {"orders-db": "db-orders-db"}
    verdict.passes("a kept source", checks.compare_sources([restored, source], kept))
    verdict.finds("a lost source", checks.compare_sources([restored], kept), "does not exist")
    verdict.finds("another source", checks.compare_sources([{**source, "DbiResourceId": "db-2"}], kept), "another one")
    going = {**source, "DBInstanceStatus": "deleting"}
    verdict.finds("a source that is going", checks.compare_sources([going], kept), "being deleted")
    verdict.finds("no source to look for", checks.compare_sources([source], {}), "no source")
    verdict.passes("one protected", checks.compare_protected([source, restored], "new:5432"))
    verdict.finds("none protected", checks.compare_protected([source], "old:5432"), "{}")
    verdict.finds("another one protected", checks.compare_protected([source, restored], "old:5432"), "copy")
    stranger = _instance("another", "there", resource="another", policy="demo")
    verdict.passes("a protected stranger", checks.compare_protected([source, restored, stranger], "new:5432"))
    both = [_instance("orders-db", "old", resource="orders-db", policy="demo"), restored]
    verdict.finds("two protected", checks.compare_protected(both, "new:5432"), "orders-db", "copy")
    verdict.passes("a lease given back", checks.compare_lease({"released": True}))
    for lease in (None, {}, {"released": False}):
        verdict.finds(f"the lease {lease}", checks.compare_lease(lease), "lease")
    verdict.passes("the same settings", checks.compare_settings(source, restored))
    groups = [{"VpcSecurityGroupId": FENCE, "Status": "active"}]
    for name in checks.SETTINGS:
        value: Any = {
            "VpcSecurityGroups": groups,
            "DBParameterGroups": [{"DBParameterGroupName": "default"}],
            "DBSubnetGroup": {"DBSubnetGroupName": "default"},
        }.get(name, "other")
        verdict.finds(f"another {name}", checks.compare_settings(source, {**restored, name: value}), name)
    fenced = {**source, "VpcSecurityGroups": groups}
    verdict.passes("a fenced source", checks.compare_fence({"fence": "group"}, fenced))
    verdict.passes("a source that RDS has given up", checks.compare_fence({"fence": "terminal"}, source))
    verdict.finds("an open source", checks.compare_fence({"fence": "group"}, source), "sg-a")
    verdict.finds(
        "a fence with a gap",
        checks.compare_fence(
            {"fence": "group"}, {**source, "VpcSecurityGroups": [*groups, *source["VpcSecurityGroups"]]}
        ),
        "sg-a",
    )
    for fence in (None, "impossible"):
        verdict.finds(f"the fence {fence}", checks.compare_fence({"fence": fence}, fenced), "should be fenced")


def difference(verdict: Verdict) -> None:
    """The difference that Lifeboat lists against the one that somebody made."""
    sides = checks.Sides(dict.fromkeys(range(1, 11), "hash"), [3, 4, 7], [5, 99], (20, 30))
    table: Json = {
        "restored_rows": 10,
        "only_restored": {"count": 3, "ranges": [["3", "4"], ["7", "7"]]},
        "changed": {"count": 1, "ranges": [["5", "5"]]},
        "only_source": {"count": 25, "ranges": [["11", "35"]]},
    }

    def compared(**changed: Any) -> list[str]:
        return checks.compare_difference({"tables": [{**table, **changed}]}, sides)

    verdict.passes("the difference that was made", compared())
    verdict.passes("its first range", compared(only_restored={"count": 3, "ranges": [["3", "4"]]}))
    for listed in (
        {"count": 2, "ranges": [["3", "4"]]},
        {"count": 3, "ranges": []},
        {"count": 3, "ranges": [["7", "7"]]},
    ):
        verdict.finds(f"{listed}", compared(only_restored=listed), "only_restored")
    verdict.finds("rows that nobody changed", compared(changed={"count": 2, "ranges": [["5", "6"]]}), "changed")
    verdict.finds("another copy", compared(restored_rows=9), "on the copy")
    for count in (19, 31):
        verdict.finds(f"{count} rows since", compared(only_source={"count": count, "ranges": []}), "only_source")
    for tables in ([], [table, table]):
        verdict.finds(f"{len(tables)} tables", checks.compare_difference({"tables": tables}, sides), "one table")
    for deleted, altered in (([3, 4, 7], []), ([], [5])):
        one = checks.Sides(sides.copy, deleted, altered, (20, 30))
        none: Json = {"count": 0, "ranges": []}
        listed = {**table, **({"changed": none} if deleted else {"only_restored": none})}
        verdict.passes("one kind of difference", checks.compare_difference({"tables": [listed]}, one))
    nobody = checks.Sides(sides.copy, [], [99], (20, 30))
    verdict.finds("no difference to list", checks.compare_difference({"tables": [table]}, nobody), "nobody made")
    since = checks.written_between(JOURNAL, {10: "hash-10"}, ZERO, ZERO + 1.5)
    verdict.passes("what was written since", [] if since == (1, 2) else [str(since)])


def endings(verdict: Verdict) -> None:
    """The report against the ledger, and what a test's output proves."""
    # Not at the top: run.py counts by what this file proves.
    from run import Test, proven

    plan = _plan(*ACTS)
    done = [{"fate": "done"}] * len(ACTS)
    report: Json = {
        "incident": "inc-1",
        "execution": "arn",
        "calls_equal_plan": True,
        "plan": {"hash": "h"},
        "calls": done,
        "extra_calls": [],
    }

    def compared(outcome: str = "recovered", in_force: Json | None = plan, **changed: Any) -> list[str]:
        return act.compare_report(act.Ending(outcome, INCIDENT, {**report, **changed}, in_force), "arn")

    verdict.passes("a report", compared())
    verdict.passes("a report of what healed", compared("self_healed", None, plan=None, calls=[]))
    verdict.finds("a recovery without a plan", compared(in_force=None, plan=None, calls=[]), "without a plan")
    verdict.finds("a plan for what healed", compared("self_healed"), "with the plan")
    verdict.finds("another incident", compared(incident="inc-2"), "inc-2")
    verdict.finds("another execution", compared(execution="arn-2"), "arn-2")
    verdict.finds("calls that differ", compared(calls_equal_plan=False), "not those of the plan")
    verdict.finds("a call that is not done", compared(calls=[*done[1:], {"fate": "sent"}]), "sent")
    verdict.finds("a call that is not listed", compared(calls=done[1:]), "the calls are")
    verdict.finds("a call too many", compared(extra_calls=[{}]), "1 more")
    test = Test("both", HERE, (), ("first", "second"))
    good = "RECOVERED orders-db scenario=first rto=1s\nKEPT second\n"
    outputs: list[tuple[str, str, int, Json]] = [
        ("two lines", good, 0, {"first": True, "second": True}),
        ("a missing line", "KEPT first\n", 0, {"first": True, "second": False}),
        ("no line", "", 0, {"first": False, "second": False}),
        ("a line that failed", good + "FAILED orders-db scenario=first rto=1s\n", 1, {"first": False, "second": True}),
        ("a status that contradicts", good, 1, {"first": True, "second": True, "both": False}),
        (
            "a failure that nobody expected",
            good + "FAILED both: late\n",
            1,
            {"first": True, "second": True, "both:": False},
        ),
        ("a line that nobody expected", good + "KEPT third\n", 0, {"first": True, "second": True}),
    ]
    for what, said, status, wanted in outputs:
        found = proven(test, said, status)
        verdict.passes(what, [] if found == wanted else [json.dumps(found)])


TESTS: dict[str, Callable[[Verdict], None]] = {
    f"checks_of_{work.__name__}": work
    for work in (calls, rows, secret, validation, corruption, sweeps, world, difference, endings)
}


def main() -> int:
    """Run all of them; the exit status."""
    failed = 0
    for name, work in TESTS.items():
        verdict = Verdict()
        work(verdict)
        for wrong in verdict.wrong:
            print(f"  wrong: {wrong}")
        good = verdict.cases > 0 and not verdict.wrong
        print(f"{'KEPT' if good else 'FAILED'} {name} cases={verdict.cases}: {work.__doc__}", flush=True)
        failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
