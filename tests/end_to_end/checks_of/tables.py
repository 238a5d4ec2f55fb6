"""What is checked of tables: their calls against the plan, their settings, the fence, the parameter."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import checks
from kinds import dynamodb

from .recovery import plan_of
from .verdict import Verdict

Json = dict[str, Any]

ARN = "arn:aws:dynamodb:eu-central-1:123456789012:table/"
COPY, SOURCE = f"{ARN}copy", f"{ARN}orders-db"
SCALED = {"index": "by-customer", "reads": True, "least": 50, "most": 400, "target_percent": 70}
TAGS = {"lifeboat:incident": "inc-1", "owner": "orders-team"}
ACTS: list[Json] = [
    {"call": "restore_to_point_in_time", "source": SOURCE, "at": "2026-01-15T10:25:00Z", "target": "table/copy"},
    {"call": "add_tags", "arn": COPY, "tags": TAGS},
    *(
        {"call": "set_table", "table": "table/copy", "setting": setting}
        for setting in (
            {"setting": "point_in_time", "days": 7},
            {"setting": "time_to_live", "attribute": "expires_at"},
            {"setting": "stream", "view": "NEW_IMAGE"},
            {"setting": "autoscaling", "target": SCALED},
            {"setting": "policy", "document": "{}"},
            {"setting": "deletion_protection"},
        )
    ),
    {"call": "set_security_groups", "instance": "table/orders-db", "groups": ["lifeboat-fence"]},
    {"call": "point_parameter", "parameter": "/demo/table", "instance": "table/copy"},
    {"call": "remove_tags", "arn": SOURCE, "keys": ["lifeboat:policy"]},
    {"call": "create_snapshot", "instance": "table/copy", "snapshot": "first"},
]
READERS = {"Sid": "Readers", "Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": SOURCE}
FENCE = {"Sid": "LifeboatFence", "Effect": "Deny", "Principal": "*", "Action": ["dynamodb:PutItem"], "Resource": SOURCE}
ON_INDEX = {"ResourceId": "table/copy/index/by-customer", "ScalableDimension": "dynamodb:index:ReadCapacityUnits"}


def called(action: str, **parameters: Any) -> Json:
    """A line of the tables' log."""
    caller = "arn:aws:sts::123456789012:assumed-role/lifeboat-RestoreActRole/lifeboat-restore-act"
    told = {"at": "2026-01-15T10:31:00.000000Z", "resource": "", "outcome": "applied", "code": "", "caller": caller}
    return {**told, "action": action, "parameters": parameters}


def policy(*statements: Json) -> str:
    """A document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def aimed(percent: float) -> Json:
    """At a use of capacity."""
    return {
        "TargetTrackingScalingPolicyConfiguration": {"TargetValue": percent},
        "PolicyName": "x",
        "ServiceNamespace": "dynamodb",
    }


LOG: list[Json] = [
    called("RestoreTableToPointInTime", SourceTableArn=SOURCE, TargetTableName="copy", RestoreDateTime=1768472700.0),
    called("TagResource", ResourceArn=COPY, Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()]),
    called(
        "UpdateContinuousBackups",
        TableName="copy",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7},
    ),
    called(
        "UpdateTimeToLive", TableName="copy", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
    ),
    called("UpdateTable", TableName="copy", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}),
    called("RegisterScalableTarget", **ON_INDEX, MinCapacity=50, MaxCapacity=400, ServiceNamespace="dynamodb"),
    called("PutScalingPolicy", **ON_INDEX, **aimed(70.0)),
    called("PutResourcePolicy", ResourceArn=COPY, Policy=policy(READERS)),
    called("UpdateTable", TableName="copy", DeletionProtectionEnabled=True),
    called("PutResourcePolicy", ResourceArn=SOURCE, Policy=policy(READERS, FENCE), ExpectedRevisionId="1"),
    called("UntagResource", ResourceArn=SOURCE, TagKeys=["lifeboat:policy"]),
    called("CreateBackup", TableName="copy", BackupName="first"),
]
# A call, one of its fields, what was made instead, and words that the complaint must have.
WRONG_FIELDS: list[tuple[int, str, Any, tuple[str, ...]]] = [
    (0, "RestoreDateTime", 1768472701.0, ("planned 2026-01-15T10:25:00", "made 2026-01-15T10:25:01")),
    (0, "SourceTableArn", f"{ARN}other", ("made arn:", "other")),
    (0, "TargetTableName", "other", ("planned copy", "made other")),
    (1, "Tags", [{"Key": "owner", "Value": "orders-team"}], ("lifeboat:incident",)),
    (
        2,
        "PointInTimeRecoverySpecification",
        {"PointInTimeRecoveryEnabled": False},
        ("made {'PointInTimeRecoveryEnabled': False",),
    ),
    (3, "TimeToLiveSpecification", {"Enabled": True, "AttributeName": "other"}, ("other",)),
    (4, "StreamSpecification", {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}, ("KEYS_ONLY",)),
    (5, "MaxCapacity", 40, ("planned 400", "made 40")),
    (5, "ResourceId", "table/copy", ("made table/copy",)),
    (8, "DeletionProtectionEnabled", False, ("planned True", "made False")),
    (10, "TagKeys", ["owner"], ("made ['owner']",)),
    (11, "BackupName", "second", ("planned first", "made second")),
]


def tables(verdict: Verdict) -> None:
    """What is done to tables, what they come back with, the fence, the parameter."""
    plan = plan_of(*ACTS)
    verdict.passes("what was planned", checks.compare_calls(LOG, [plan]))
    for number, name, value, words in WRONG_FIELDS:
        log = deepcopy(LOG)
        log[number]["parameters"][name] = value
        verdict.finds(f"{name}={value} in call {number}", checks.compare_calls(log, [plan]), f": {name}: ", *words)
    for number, record in enumerate(LOG):
        missing = LOG[:number] + LOG[number + 1 :]
        verdict.finds(
            f"call {number} missing", checks.compare_calls(missing, [plan]), "planned, but not made", record["action"]
        )
        verdict.finds(f"call {number} without a plan", checks.compare_calls([record], []), "made, but not planned")
    deleted = called("DeleteTable", TableName="orders-db")
    verdict.finds("a deletion", checks.compare_calls([*LOG, deleted], [plan]), "deleted something", "orders-db")
    lost = [*LOG[:9], {**LOG[9], "outcome": "reply_lost"}, *LOG[9:]]
    verdict.passes("a fence that was closed again after a lost reply", checks.compare_calls(lost, [plan]))
    twice = [*LOG, {**LOG[11], "outcome": "reply_lost"}]
    verdict.finds(
        "a backup that was made twice", checks.compare_calls(twice, [plan]), "made, but not planned", "CreateBackup"
    )
    for name, statements in (("without the denial", [READERS]), ("with nothing", [])):
        log = deepcopy(LOG)
        log[9]["parameters"]["Policy"] = policy(*statements)
        verdict.finds(f"a fence {name}", checks.compare_calls(log, [plan]), "Denies: planned True, made False")
    strange = plan_of({"call": "set_table", "table": "table/copy", "setting": {"setting": "colour"}})
    verdict.raises("a setting that is not known", lambda: checks.compare_calls(LOG, [strange]), "colour")
    _settings(verdict)
    _parameter(verdict)


def _table(name: str, **other: Any) -> Json:
    """A table as the control shows it."""
    statement = {**READERS, "Resource": ARN + name}
    return {
        "TableName": name,
        "TableArn": ARN + name,
        "TableId": f"id-of-{name}",
        "TableStatus": "ACTIVE",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        "TimeToLive": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"},
        "ContinuousBackups": {
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 7}
        },
        "DeletionProtectionEnabled": True,
        "Policy": {"Statement": [statement]},
        "Tags": [{"Key": "owner", "Value": "orders-team"}],
        "ScalableTargets": [
            {"ResourceId": f"table/{name}", "ScalableDimension": "d", "MinCapacity": 1, "MaxCapacity": 2}
        ],
        "ScalingPolicies": [],
        **other,
    }


def _settings(verdict: Verdict) -> None:
    """A restored table has what its source had; the fence is no setting."""
    before = dynamodb.in_rds_words(_table("orders-db"))
    names = dynamodb.Tables.settings

    def compared(**other: Any) -> list[str]:
        return checks.compare_settings(before, dynamodb.in_rds_words(_table("copy", **other)), names)

    verdict.passes("the same settings of another name", compared())
    for name, other in (
        ("Stream", {"StreamSpecification": None}),
        ("TimeToLive", {"TimeToLive": {"TimeToLiveStatus": "DISABLED", "AttributeName": "expires_at"}}),
        (
            "PointInTimeRecovery",
            {"ContinuousBackups": {"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"}}},
        ),
        ("DeletionProtection", {"DeletionProtectionEnabled": False}),
        ("Policy", {"Policy": None}),
        ("Policy", {"Policy": {"Statement": [READERS]}}),
        ("Scaling", {"ScalableTargets": []}),
        ("OwnersTags", {"Tags": []}),
        ("TableClass", {"TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"}}),
    ):
        verdict.finds(f"another {name}", compared(**other), f"copy has {name} ")
    fenced = dynamodb.in_rds_words(_table("orders-db", Policy={"Statement": [{**READERS}, FENCE]}))
    verdict.passes("a fence beside the owner's policy", checks.compare_settings(before, fenced, names))
    verdict.passes("a fence", checks.compare_fence({"fence": "group"}, fenced, dynamodb.FENCED))
    verdict.finds("no fence", checks.compare_fence({"fence": "group"}, before, dynamodb.FENCED), "should be fenced")


def _parameter(verdict: Verdict) -> None:
    """The parameter names the table that the plan names."""
    plan, before = [plan_of(*ACTS)], {"table": "orders-db", "version": 1}
    moved = {"table": "copy", "version": 2}
    verdict.passes("a parameter that was moved", checks.parameter_as_planned("/demo/table", before, moved, plan))
    verdict.passes("a parameter that nobody touched", checks.parameter_as_planned("/demo/table", before, before, []))
    for what, after, plans, word in (
        ("a parameter that was not moved", before, plan, "names orders-db, planned was copy"),
        ("a parameter that was moved without a plan", moved, [], "names copy, planned was orders-db"),
        ("a parameter that was moved twice", {**moved, "version": 3}, plan, "changed 2 times"),
    ):
        verdict.finds(what, checks.parameter_as_planned("/demo/table", before, after, plans), word)
    verdict.finds("another parameter", checks.parameter_as_planned("/other", before, moved, plan), "not /other")
