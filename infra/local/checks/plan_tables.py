"""The plan's calls on DynamoDB tables, as the log of the tables should show them."""

from __future__ import annotations

from typing import Any

from cloud import ACCOUNT
from kinds import dynamodb
from ledger import bare, moment
from stage import REGION

from .log import Call
from .plan_clusters import sendable

Json = dict[str, Any]

ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"


def is_of_table(act: Json) -> bool:
    """Whether an act is on a table."""
    named = (act.get(name) for name in ("target", "instance", "table", "arn"))
    return any(str(name).startswith("table/") or ":dynamodb:" in str(name) for name in named if name)


def planned_on_table(act: Json) -> list[Call]:
    """One act, which is one call but for what is scaled."""
    name = act["call"]
    if name == "restore_from_snapshot":
        return [Call("RestoreTableFromBackup", {"TargetTableName": bare(act["target"]), "BackupArn": act["snapshot"]})]
    if name == "restore_to_point_in_time":
        when = {"RestoreDateTime": moment(act["at"])} if act["at"] else {"UseLatestRestorableTime": True}
        given = {"TargetTableName": bare(act["target"]), "SourceTableArn": act["source"]}
        return [Call("RestoreTableToPointInTime", {**given, **when})]
    if name == "set_table":
        return _setting(bare(act["table"]), act["setting"])
    if name == "set_security_groups":
        denies = dynamodb.FENCED in act["groups"]
        return [Call("PutResourcePolicy", {"ResourceArn": ARN + bare(act["instance"]), "Denies": denies})]
    if name == "create_snapshot":
        return [Call("CreateBackup", {"TableName": bare(act["instance"]), "BackupName": act["snapshot"]})]
    if name == "add_tags":
        return [Call("TagResource", {"ResourceArn": act["arn"], "Tags": sendable(act["tags"])})]
    if name == "remove_tags":
        return [Call("UntagResource", {"ResourceArn": act["arn"], "TagKeys": sorted(act["keys"])})]
    raise ValueError(f"the plan has a call on a table that the demo does not know: {name}")


def _setting(table: str, setting: Json) -> list[Call]:
    """What a restored table is told."""
    kind = setting["setting"]
    if kind == "point_in_time":
        wanted = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": setting["days"]}
        return [Call("UpdateContinuousBackups", {"TableName": table, "PointInTimeRecoverySpecification": wanted})]
    if kind == "time_to_live":
        wanted = {"Enabled": True, "AttributeName": setting["attribute"]}
        return [Call("UpdateTimeToLive", {"TableName": table, "TimeToLiveSpecification": wanted})]
    if kind == "stream":
        wanted = {"StreamEnabled": True, "StreamViewType": setting["view"]}
        return [Call("UpdateTable", {"TableName": table, "StreamSpecification": wanted})]
    if kind == "deletion_protection":
        return [Call("UpdateTable", {"TableName": table, "DeletionProtectionEnabled": True})]
    if kind == "policy":
        return [Call("PutResourcePolicy", {"ResourceArn": ARN + table, "Denies": False})]
    if kind == "autoscaling":
        target = setting["target"]
        what, which = "index" if target["index"] else "table", "Read" if target["reads"] else "Write"
        resource = f"table/{table}" + (f"/index/{target['index']}" if target["index"] else "")
        scaled = {"ResourceId": resource, "ScalableDimension": f"dynamodb:{what}:{which}CapacityUnits"}
        limits = {"MinCapacity": target["least"], "MaxCapacity": target["most"]}
        calls = [Call("RegisterScalableTarget", {**scaled, **limits})]
        if target["target_percent"] is not None:
            calls.append(Call("PutScalingPolicy", {**scaled, "TargetValue": target["target_percent"]}))
        return calls
    raise ValueError(f"the plan has a setting of a table that the demo does not know: {kind}")
