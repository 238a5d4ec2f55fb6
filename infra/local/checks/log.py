"""The estate's log: the mutating calls that reached the RDS API, and what each of them said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from kinds import dynamodb
from ledger import moment
from stage import Stage

Json = dict[str, Any]

# A second such call changes nothing more.
IDEMPOTENT = (
    *("ModifyDBInstance", "ModifyDBCluster", "ModifyReplicationGroup", "AddTagsToResource", "RemoveTagsFromResource"),
    *("TagResource", "UntagResource", "PutResourcePolicy", "UpdateContinuousBackups", "RegisterScalableTarget", "PutScalingPolicy"),
)
NAMES = (
    *("TargetDBInstanceIdentifier", "ResourceName", "DBInstanceIdentifier", "DBClusterIdentifier"),
    *("TargetTableName", "TableName", "ResourceArn", "ResourceId", "ReplicationGroupId", "SnapshotName"),
)
MODIFY = ("ModifyDBInstance", "ModifyDBCluster", "ModifyReplicationGroup")
# Said only where they are on.
SAID_IF_TRUE = ("EnableIAMDatabaseAuthentication", "DedicatedLogVolume", "DeletionProtection")
# Of calls on tables: names that the caller chooses, and what only keeps two writers of one policy apart.
UNSAID = ("ExpectedRevisionId", "PolicyName", "PolicyType", "ServiceNamespace", "ConfirmRemoveSelfResourceAccess")
# The order of these says nothing.
SETS = ("VpcSecurityGroupIds", "SecurityGroupIds", "TagKeys", "EnableCloudwatchLogsExports")


@dataclass(frozen=True)
class Call:
    """A mutating call to RDS with everything that it says; lists and tags without their order."""

    action: str
    given: Json

    def on(self) -> str:
        """What it is done to."""
        return next((str(self.given[name]) for name in NAMES if name in self.given), "?")

    def __str__(self) -> str:
        """For a person."""
        said = {name: value for name, value in self.given.items() if value != self.on()}
        return f"{self.action} {self.on()} {said}"


def present(given: Json) -> Json:
    """Without what is not said: nothing, an empty list, and off where that is the default."""
    return {
        name: value
        for name, value in given.items()
        if value is not None and value not in ([], {}) and not (name in SAID_IF_TRUE and value is False)
    }


def logged_call(record: Json) -> Call:
    """A line of the estate's log, or of the tables', which tell callers."""
    if "caller" in record:
        return logged_on_table(record)
    given = dict(record["parameters"])
    for name in ("RestoreTime", "RestoreToTime"):
        if name in given:
            given[name] = moment(given[name])
    if "Tags" in given:
        tags = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
        given["Tags"] = tags if len(tags) == len(given["Tags"]) else given["Tags"]
    given = {name: sorted(value) if name in SETS else value for name, value in given.items()}
    return Call(record["action"], given if record["action"] in MODIFY else present(given))


def _denies(document: Json | None) -> bool:
    """Whether a policy has Lifeboat's denial."""
    return any(dynamodb.is_fence(statement) for statement in (document or {}).get("Statement", []))


def logged_on_table(record: Json) -> Call:
    """A line of the tables' log; of a policy only whether it denies the writing: what else it says is compared by itself."""
    given = {name: value for name, value in record["parameters"].items() if name not in UNSAID}
    action = record["action"]
    if "RestoreDateTime" in given:
        given["RestoreDateTime"] = datetime.fromtimestamp(given["RestoreDateTime"], timezone.utc)
    if "Tags" in given:
        given["Tags"] = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
    if "TagKeys" in given:
        given["TagKeys"] = sorted(given["TagKeys"])
    if action in ("PutResourcePolicy", "DeleteResourcePolicy"):
        document = json.loads(given["Policy"]) if "Policy" in given else None
        return Call("PutResourcePolicy", {"ResourceArn": given["ResourceArn"], "Denies": _denies(document)})
    if action == "PutScalingPolicy":
        aim = given["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        given = {name: given[name] for name in ("ResourceId", "ScalableDimension")} | {"TargetValue": aim}
    return Call(action, given)


def took_effect(record: Json) -> bool:
    """Whether it changed the world."""
    return record["outcome"] in ("applied", "reply_lost")


def made_calls(log: Sequence[Json]) -> list[Call]:
    """What changed the world; said again because nobody had heard of it counts once."""
    effective = [record for record in log if took_effect(record)]
    calls = []
    for number, record in enumerate(effective):
        call = logged_call(record)
        repeatable = record["outcome"] == "reply_lost" and record["action"] in IDEMPOTENT
        if not (repeatable and call in map(logged_call, effective[number + 1 :])):
            calls.append(call)
    return calls


def log_since(stage: Stage, zero: float) -> list[Json]:
    """Every mutating call that reached the RDS API since a moment, whatever became of it."""
    if stage.kind == "dynamodb":
        return tables_log_since(stage, zero)
    log: list[Json] = stage.cloud.control("/calls")
    if not any(call["action"] in ("CreateDBInstance", "CreateReplicationGroup") for call in log):
        raise LookupError("the estate's log lacks even the call that made the database: it proves nothing")
    return [call for call in log if moment(call["at"]).timestamp() >= zero]


def tables_log_since(stage: Stage, zero: float) -> list[Json]:
    """The same of tables, but for what the demo's person has done."""
    log: list[Json] = stage.cloud.control("/calls", of="tables")
    if not any(call["action"] == "CreateTable" for call in log):
        raise LookupError("the log of the tables lacks even the call that made the table: it proves nothing")
    return [
        call
        for call in log
        if moment(call["at"]).timestamp() >= zero and f"/{dynamodb.ADMINISTRATOR}/" not in call["caller"]
    ]
