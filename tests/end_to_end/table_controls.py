"""What must not happen to tables: calls that no step makes with the functions' own roles, and replies that get lost."""

from __future__ import annotations

import json
from typing import Any

import boto3
import checks
from act import RECOVERY_SECONDS, Act, Result
from cloud import ACCOUNT, CLIENT_CONFIG
from roles import Attempt, answer_to, tag_list
from stage import EXPORTS, REGION, RESOURCE

Json = dict[str, Any]

BYSTANDER, COPY = "orders-archive", "orders-db-r0123abcd"
INCIDENT = {"lifeboat:incident": "inc-of-the-test"}
DENIED = "AccessDeniedException"
ITEM = {"id": {"N": "1"}, "customer": {"S": "nobody"}}
# The first call of each kind takes effect, and nobody hears of it.
LOSING = [
    *("RestoreTableFromBackup", "TagResource", "UpdateContinuousBackups", "UpdateTimeToLive", "UpdateTable"),
    *("RegisterScalableTarget", "PutScalingPolicy", "PutResourcePolicy", "CreateBackup"),
]


def arn_of(table: str) -> str:
    """The ARN of a table."""
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"


def _on(role: str, what: str, call: str, table: str, **given: Any) -> Attempt:
    """A call that names a table."""
    return Attempt(role, what, call, {"TableName": table, **given})


def _of(role: str, what: str, call: str, table: str, **given: Any) -> Attempt:
    """A call that names a table's ARN."""
    return Attempt(role, what, call, {"ResourceArn": arn_of(table), **given})


def _restore(role: str, what: str, target: str) -> Attempt:
    """To the latest moment."""
    given = {"SourceTableName": RESOURCE, "TargetTableName": target, "UseLatestRestorableTime": True}
    return Attempt(role, what, "restore_table_to_point_in_time", given)


def _export(role: str, what: str, table: str, bucket: str) -> Attempt:
    """To S3."""
    given = {"TableArn": arn_of(table), "S3Bucket": bucket, "S3Prefix": "tables"}
    return Attempt(role, what, "export_table_to_point_in_time", given)


NO_RECOVERY = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}}
OPEN = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": []})}


def attempts(backup: str) -> list[Attempt]:
    """None of them is made by any step. `backup` is a backup's ARN."""
    deleting = {"TableName": RESOURCE}
    found = [
        Attempt(role, "deletes the source", "delete_table", deleting)
        for role in (
            "RestoreAct",
            "RestoreCleanUp",
            "RestoreRelease",
            "RestorePlan",
            "Snapshot",
            "Validate",
            "Detect",
            "Notify",
        )
    ]
    found += [
        Attempt(role, "deletes a backup", "delete_backup", {"BackupArn": backup})
        for role in ("RestoreAct", "RestoreCleanUp", "RestoreRelease", "Snapshot")
    ]
    return found + [
        _on("RestoreAct", "writes an item to the source", "put_item", RESOURCE, Item=ITEM),
        _on("RestoreAct", "reads the source", "scan", RESOURCE),
        _on("RestoreAct", "switches the source's recovery off", "update_continuous_backups", RESOURCE, **NO_RECOVERY),
        _on("RestoreAct", "unprotects the source", "update_table", RESOURCE, DeletionProtectionEnabled=False),
        _of("RestoreAct", "fences what carries no tag", "put_resource_policy", BYSTANDER, **OPEN),
        _of("RestoreAct", "marks the source as its own", "tag_resource", RESOURCE, Tags=tag_list(INCIDENT)),
        _of("RestoreAct", "marks a bystander as its own", "tag_resource", BYSTANDER, Tags=tag_list(INCIDENT)),
        _of("RestoreAct", "sets a foreign tag", "tag_resource", RESOURCE, Tags=tag_list({"owner": "lifeboat"})),
        _of("RestoreAct", "removes the owner's tag", "untag_resource", RESOURCE, TagKeys=["owner"]),
        _on("RestoreAct", "backs a bystander up", "create_backup", BYSTANDER, BackupName="another"),
        _restore("RestoreAct", "restores under a name that no copy has", "orders-db-copy"),
        _restore("RestorePlan", "restores", COPY),
        _restore("Snapshot", "restores", COPY),
        _on("Snapshot", "backs a bystander up", "create_backup", BYSTANDER, BackupName="another"),
        _export("Snapshot", "exports a bystander", BYSTANDER, EXPORTS),
        _export("Snapshot", "exports to where nobody has let it", RESOURCE, "lifeboat-elsewhere"),
        _export("RestoreAct", "exports the source", RESOURCE, EXPORTS),
        _on("Validate", "writes an item", "put_item", RESOURCE, Item=ITEM),
        _on("Validate", "reads a bystander", "scan", BYSTANDER),
        _on("Validate", "writes to a bystander", "delete_item", BYSTANDER, Key={"id": {"N": "1"}}),
        _of("Validate", "fences", "put_resource_policy", RESOURCE, **OPEN),
        _on("Detect", "reads items", "scan", RESOURCE),
        _on("Notify", "describes the source", "describe_table", RESOURCE),
    ]


def client_as(act: Act, role: str) -> Any:
    """A client of DynamoDB with the role of a function."""
    cloud = act.stage.cloud
    found = cloud.client("cloudformation").describe_stack_resource(
        StackName="lifeboat", LogicalResourceId=f"{role}Role"
    )
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    assumed = cloud.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="test")
    taken = assumed["Credentials"]
    session = boto3.session.Session(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
    return session.client("dynamodb", region_name=REGION, endpoint_url=cloud.url("aws"), config=CLIENT_CONFIG)


def table_roles(act: Act) -> list[str]:
    """Every function's role refuses what no step of it does to a table, also to a function that has gone wrong."""
    stage = act.stage
    api = stage.cloud.client("dynamodb")
    api.create_table(
        TableName=BYSTANDER,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=tag_list({"owner": "another-team"}),
    )
    api.get_waiter("table_exists").wait(TableName=BYSTANDER, WaiterConfig={"Delay": 1})
    backup = api.create_backup(TableName=RESOURCE, BackupName="of-its-owner")["BackupDetails"]["BackupArn"]
    before = [stage.describe(name) for name in (BYSTANDER, RESOURCE)]
    act.begin("break", "nothing: the functions' roles are used for what no step does")
    tried = attempts(backup)
    clients = {role: client_as(act, role) for role in {attempt.role for attempt in tried}}
    problems = []
    # The roles do not refuse everything.
    allowed = [
        _on("Validate", "reads the source", "get_item", RESOURCE, Key={"id": {"N": "1"}}),
        _of("RestoreAct", "opens a fence again", "delete_resource_policy", RESOURCE),
        _on("RestoreAct", "backs the source up", "create_backup", RESOURCE, BackupName="first"),
        _export("Snapshot", "exports the source", RESOURCE, EXPORTS),
    ]
    for attempt, expected in [(one, DENIED) for one in tried] + [(one, "accepted") for one in allowed]:
        said = answer_to(clients[attempt.role], attempt.call, attempt.given)
        act.timeline.note("role" if said == expected else "wrong", f"{attempt.role} {attempt.what}: {said}")
        if said != expected:
            problems.append(f"{attempt.role} {attempt.what}: {said}")
    for found in before:
        now = stage.describe(found["DBInstanceIdentifier"])
        named = ("TagList", "DBInstanceStatus", "PointInTimeRecovery", "DeletionProtection")
        problems += [f"{key} is {now.get(key)}" for key in named if found[key] != now[key]]
    return problems


def table_lost_replies(act: Act) -> list[str]:
    """The reply to the first call of each kind on tables is lost: the world is as if each was made once."""
    # The person who deletes the table changes it first: only what Lifeboat sends may be lost.
    act.break_it("deletion", "somebody deletes {}, and replies get lost")
    faults = [{"action": action, "when": {"nth": 1}, "kind": "reply_lost"} for action in LOSING]
    act.stage.cloud.control("/faults", faults, of="tables")
    act.timeline.follow(1, RECOVERY_SECONDS)
    answer = act.ask(act.approval(), 2)
    result = act.conclude(Result("table_lost_replies", "RECOVERED"), answer, "recovered", is_gone=True)
    log = checks.log_since(act.stage, act.zero)
    lost = sorted(call["action"] for call in log if call["outcome"] == "reply_lost")
    return result.problems + ([] if lost == sorted(LOSING) else [f"the replies to {LOSING} should be lost, not {lost}"])
