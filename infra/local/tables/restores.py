"""Backups and restores: always into a new table, which comes without most of its source's settings."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import json_response
from ministack.services import dynamodb

from .past import PAST
from .world import Json, Reply, World, refuse

# Concurrent restores of an account (fact sheet 3.5).
MOST_RESTORES = 50
# A SYSTEM backup is kept for 35 days.
KEPT_SECONDS = 35 * 86_400
MADE_AT, NUMBER = "_lifeboat_usable_at", "0"
Handler = Callable[[Json], Reply]


def status_of(backup: Json) -> str:
    """`BackupStatus`."""
    return "CREATING" if time.time() < backup.get(MADE_AT, 0.0) else "AVAILABLE"


def keep_deleted(name: str) -> None:
    """The backup that DynamoDB makes of a table with point-in-time recovery when somebody deletes it."""
    _, _, body = dynamodb._create_backup({"TableName": name, "BackupName": f"{name}$DeletedTableBackup"})
    details = dynamodb._backups[json.loads(body)["BackupDetails"]["BackupArn"]]["BackupDetails"]
    details |= {"BackupType": "SYSTEM", "BackupExpiryDateTime": time.time() + KEPT_SECONDS}


def correct_backups(world: World) -> None:
    """A backup takes a while; its ARN begins with a zero; ListBackups knows types and times."""
    create, arn_of = dynamodb._create_backup, dynamodb._backup_arn
    describe, listing, delete = dynamodb._describe_backup, dynamodb._list_backups, dynamodb._delete_backup

    def patched_arn(table: str, name: str) -> str:
        return str(arn_of(table, name)).replace("/backup/", f"/backup/{NUMBER}", 1)

    def patched_create(data: Json) -> Reply:
        status, headers, body = create(data)
        if status != 200:
            return status, headers, body
        details = json.loads(body)["BackupDetails"]
        backup = dynamodb._backups[details["BackupArn"]]
        if not details["BackupName"].endswith("$DeletedTableBackup"):
            backup[MADE_AT] = time.time() + world.backing_up
            details["BackupStatus"] = "CREATING"
        return json_response({"BackupDetails": details})

    def settle() -> None:
        for backup in dynamodb._backups.values():
            backup["BackupDetails"]["BackupStatus"] = status_of(backup)

    def patched_describe(data: Json) -> Reply:
        settle()
        return describe(data)

    def patched_listing(data: Json) -> Reply:
        settle()
        wanted = data.get("BackupType", "USER")
        lower, upper = data.get("TimeRangeLowerBound", 0), data.get("TimeRangeUpperBound", float("inf"))
        status, headers, body = listing({name: value for name, value in data.items() if name != "Limit"})
        reply = json.loads(body)
        found = [
            summary
            for summary in reply.get("BackupSummaries", [])
            if wanted in ("ALL", summary["BackupType"]) and lower <= summary["BackupCreationDateTime"] < upper
        ]
        limit = int(data.get("Limit", 100))
        reply = {"BackupSummaries": found[:limit]}
        if len(found) > limit:
            reply["LastEvaluatedBackupArn"] = found[limit - 1]["BackupArn"]
        return (status, headers, body) if status != 200 else json_response(reply)

    def patched_delete(data: Json) -> Reply:
        backup = dynamodb._backups.get(data.get("BackupArn"))
        if backup and status_of(backup) == "CREATING":
            return refuse("BackupInUseException", f"Backup is in use: {data['BackupArn']}")
        return delete(data)

    dynamodb._backup_arn, dynamodb._create_backup = patched_arn, patched_create
    dynamodb._describe_backup, dynamodb._list_backups = patched_describe, patched_listing
    dynamodb._delete_backup = patched_delete


def _target(world: World, target: str) -> Reply | None:
    """Why no table of this name can be restored now."""
    status = world.status(target)
    if status in ("CREATING", "DELETING"):
        return refuse("TableInUseException", f"Table is in use: {target}")
    if status:
        return refuse("TableAlreadyExistsException", f"Table already exists: {target}")
    under_way = [world.life(name) for name in dynamodb._tables if world.life(name).restore]
    if sum(time.time() < life.usable_at for life in under_way) >= MOST_RESTORES:
        return refuse("LimitExceededException", f"Subscriber limit exceeded: {MOST_RESTORES} concurrent restores")
    return None


def _born(world: World, target: str, source: Json, items: Any) -> Reply:
    """What was restored: with the data of its moment, usable after a while."""
    table, now = dynamodb._tables[target], time.time()
    table["items"] = items
    dynamodb._items_replaced(table)
    life = world.life(target)
    life.usable_at = now + world.restoring
    life.indexes_at = life.usable_at + world.indexing
    life.restore = {**source, "RestoreInProgress": True}
    return json_response({"TableDescription": dynamodb._table_description(target)})


def _encrypted(target: str, data: Json, source: Json) -> None:
    """A restored table has its source's key, unless another one is said."""
    own = dynamodb._sse_description_from_spec(data.get("SSESpecificationOverride")) or source.get("SSEDescription")
    dynamodb._tables[target]["SSEDescription"] = copy.deepcopy(own)


def correct_restores(world: World) -> None:
    """A restore wants what AWS wants, and is true to its moment."""
    from_backup, to_time = dynamodb._restore_table_from_backup, dynamodb._restore_table_to_point_in_time

    def patched_backup(data: Json) -> Reply:
        target, backup = data.get("TargetTableName"), dynamodb._backups.get(data.get("BackupArn"))
        if backup and status_of(backup) == "CREATING":
            return refuse("BackupInUseException", f"Backup is in use: {data['BackupArn']}")
        refusal = _target(world, target) if target and backup else None
        if refusal:
            return refusal
        reply = from_backup(data)
        if reply[0] != 200 or not backup:
            return reply
        _encrypted(str(target), data, backup["SourceTableFeatureDetails"])
        made = {
            "SourceBackupArn": data["BackupArn"],
            "SourceTableArn": backup["SourceTableDetails"]["TableArn"],
            "RestoreDateTime": backup["BackupDetails"]["BackupCreationDateTime"],
        }
        return _born(world, str(target), made, dynamodb._tables[target]["items"])

    def patched_time(data: Json) -> Reply:
        named = data.get("SourceTableName") or data.get("SourceTableArn") or ""
        source, target = dynamodb._normalize_table_name(named), data.get("TargetTableName")
        if not target or source not in dynamodb._tables:
            return to_time(data)
        table = dynamodb._tables[source]
        past, at = table.get(PAST), data.get("RestoreDateTime")
        if past is None:
            message = f"Point in time recovery is not enabled for table '{source}'"
            return refuse("PointInTimeRecoveryUnavailableException", message)
        if (at is None) != bool(data.get("UseLatestRestorableTime")):
            message = "Exactly one of RestoreDateTime and UseLatestRestorableTime must be specified"
            return refuse("ValidationException", message)
        earliest, latest = past.window(world.restorable_lag)
        at = latest if at is None else float(at)
        if not earliest <= at <= latest:
            message = f"RestoreDateTime {at} is not between {earliest} and {latest}"
            return refuse("InvalidRestoreTimeException", message)
        refusal = _target(world, target)
        if refusal:
            return refusal
        reply = to_time(
            {name: value for name, value in data.items() if name != "SourceTableArn"} | {"SourceTableName": source}
        )
        if reply[0] != 200:
            return reply
        _encrypted(target, data, table)
        made = {"SourceTableArn": table["TableArn"], "RestoreDateTime": at}
        return _born(world, target, made, past.items(at))

    dynamodb._restore_table_from_backup, dynamodb._restore_table_to_point_in_time = patched_backup, patched_time
