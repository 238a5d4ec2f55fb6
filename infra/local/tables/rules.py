"""What each call wants before it is carried out, what follows from it, and the door through which all calls come."""

from __future__ import annotations

import json
import time
from typing import Any

from ministack.core.responses import json_response
from ministack.services import dynamodb

from . import access, exports, past, restores, trail
from .past import PAST, Past
from .world import Json, Reply, World, refuse

# Of tables that are there, but not yet, or no more, as far as data goes.
DATA = (
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
    *("BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems"),
)
# Settings that a table takes while it is updated, too, but not while it is made or deleted.
SETTINGS = (
    *("UpdateTimeToLive", "TagResource", "UntagResource", "PutResourcePolicy", "DeleteResourcePolicy"),
    *("EnableKinesisStreamingDestination", "UpdateContributorInsights"),
)
RECOVERY_DAYS = 35


def tables_of(data: Json) -> list[str]:
    """The names of the tables that a call names as what it works on."""
    named = [data[name] for name in ("TableName", "ResourceArn") if isinstance(data.get(name), str)]
    named += list(data.get("RequestItems") or [])
    for item in data.get("TransactItems") or []:
        named += [part["TableName"] for part in item.values() if isinstance(part, dict) and "TableName" in part]
    return [dynamodb._table_name_from_arn(name) or dynamodb._normalize_table_name(name) for name in named]


def refusal(world: World, action: str, data: Json) -> Reply | None:
    """What AWS has against a call, beyond what ministack knows."""
    for name in tables_of(data):
        status = world.status(name)
        in_use = f"Attempt to change a resource which is still in use: Table is being {str(status).lower()}: {name}"
        if action in DATA and status in ("CREATING", "DELETING"):
            return refuse("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
        if action in SETTINGS and status in ("CREATING", "DELETING"):
            return refuse("ResourceInUseException", in_use)
        if action in ("UpdateTable", "DeleteTable") and status not in ("ACTIVE", None):
            return refuse("ResourceInUseException", in_use)
        if action == "UpdateContinuousBackups" and status in ("CREATING", "DELETING"):
            message = f"Backups are being enabled for the table: {name}. Please retry later"
            return refuse("ContinuousBackupsUnavailableException", message)
        if action == "CreateBackup" and status not in ("ACTIVE", None):
            return refuse("TableInUseException", f"Table is in use: {name}")
        if action == "CreateTable" and status:
            return refuse("ResourceInUseException", f"Table already exists: {name}")
        if status == "ACTIVE" and (said := _unchanged(action, name, data)):
            return refuse("ValidationException", said)
    return None


def _unchanged(action: str, name: str, data: Json) -> str | None:
    """Some settings refuse to be set to what they are."""
    table, wanted = dynamodb._tables[name], data.get("StreamSpecification") or {}
    if action == "UpdateTable" and wanted.get("StreamEnabled"):
        on = (table.get("StreamSpecification") or {}).get("StreamEnabled")
        return f"Table already has an enabled stream: TableName: {name}" if on else None
    if action == "UpdateTimeToLive":
        on = (dynamodb._ttl_settings.get(name) or {}).get("TimeToLiveStatus") == "ENABLED"
        asked = bool(data.get("TimeToLiveSpecification", {}).get("Enabled"))
        return f"TimeToLive is already {'enabled' if on else 'disabled'}" if on == asked else None
    return None


def follow(world: World, action: str, data: Json) -> None:
    """What follows from a call that was carried out."""
    for name in tables_of(data):
        if name not in dynamodb._tables:
            continue
        life = world.life(name)
        if action == "UpdateTable":
            life.updated_until = time.time() + world.updating
        elif action == "CreateTable":
            life.usable_at = life.indexes_at = time.time() + world.creating
        elif action == "UpdateTimeToLive":
            life.ttl_settled_at = time.time() + world.updating


def _correct_tables(world: World) -> None:
    """Statuses by the clock; a deletion takes a while and leaves what AWS leaves."""
    description, delete, describe = dynamodb._table_description, dynamodb._delete_table, dynamodb._describe_table

    def patched_description(name: str) -> Json:
        return world.describe(name, description(name))

    def patched_delete(data: Json) -> Reply:
        name = dynamodb._normalize_table_name(data.get("TableName"))
        table = dynamodb._tables.get(name)
        if table and PAST in table and not table.get("DeletionProtectionEnabled"):
            restores.keep_deleted(name)
        reply = delete(data)
        if reply[0] == 200 and table:
            world.going[name] = (json.loads(reply[2])["TableDescription"], time.time() + world.deleting)
            dynamodb._resource_policies.pop(table["TableArn"], None)
            for key in [key for key in dynamodb._contributor_insights if key.split("/")[0] == name]:
                dynamodb._contributor_insights.pop(key, None)
        return reply

    def patched_describe(data: Json) -> Reply:
        going = world.leaving(dynamodb._normalize_table_name(data.get("TableName")))
        return json_response({"Table": going}) if going else describe(data)

    dynamodb._table_description, dynamodb._delete_table = patched_description, patched_delete
    dynamodb._describe_table = patched_describe


def _correct_recovery(world: World) -> None:
    """Point-in-time recovery has a window, which begins anew whenever it was off."""
    describe = dynamodb._describe_continuous_backups

    def shown(name: str) -> Json:
        kept: Past | None = dynamodb._tables[name].get(PAST)
        recovery: Json = {"PointInTimeRecoveryStatus": "ENABLED" if kept else "DISABLED"}
        if kept:
            earliest, latest = kept.window(world.restorable_lag)
            recovery |= {
                "RecoveryPeriodInDays": kept.days,
                "EarliestRestorableDateTime": earliest,
                "LatestRestorableDateTime": latest,
            }
        return {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}

    def patched_describe(data: Json) -> Reply:
        name = dynamodb._normalize_table_name(data.get("TableName"))
        if name not in dynamodb._tables:
            return refuse("TableNotFoundException", f"Table not found: {name}")
        # Whoever switched it on by the template, as of the ledger, keeps no past here.
        if dynamodb._pitr_settings.get(name) and PAST not in dynamodb._tables[name]:
            return describe(data)
        return json_response({"ContinuousBackupsDescription": shown(name)})

    def patched_update(data: Json) -> Reply:
        name = dynamodb._normalize_table_name(data.get("TableName"))
        if name not in dynamodb._tables:
            return refuse("TableNotFoundException", f"Table not found: {name}")
        wanted, table = data.get("PointInTimeRecoverySpecification", {}), dynamodb._tables[name]
        days = wanted.get("RecoveryPeriodInDays")
        if days is not None and not 1 <= int(days) <= RECOVERY_DAYS:
            return refuse("ValidationException", f"RecoveryPeriodInDays must be between 1 and {RECOVERY_DAYS}: {days}")
        dynamodb._pitr_settings[name] = bool(wanted.get("PointInTimeRecoveryEnabled"))
        if not dynamodb._pitr_settings[name]:
            table.pop(PAST, None)
        elif PAST in table:
            table[PAST].days = int(days or table[PAST].days)
        else:
            table[PAST] = Past(table["items"], int(days or RECOVERY_DAYS))
        return json_response({"ContinuousBackupsDescription": shown(name)})

    dynamodb._describe_continuous_backups = patched_describe
    dynamodb._update_continuous_backups = patched_update


def _correct_ttl(world: World) -> None:
    """Time to live takes a while to be switched."""
    describe = dynamodb._describe_ttl

    def patched(data: Json) -> Reply:
        status, headers, body = describe(data)
        name = dynamodb._normalize_table_name(data.get("TableName"))
        if status == 200 and time.time() < world.life(name).ttl_settled_at:
            reply = json.loads(body)
            said = reply["TimeToLiveDescription"]
            said["TimeToLiveStatus"] = {"ENABLED": "ENABLING", "DISABLED": "DISABLING"}[said["TimeToLiveStatus"]]
            return json_response(reply)
        return status, headers, body

    dynamodb._describe_ttl = patched


def apply(world: World) -> None:
    """Correct ministack's functions, and stand before all of them."""
    past.keep()
    _correct_tables(world)
    _correct_recovery(world)
    _correct_ttl(world)
    restores.correct_backups(world)
    restores.correct_restores(world)
    exports.correct(world)
    serve = dynamodb.handle_request

    async def patched(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Reply:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            data = json.loads(body or b"{}")
        except json.JSONDecodeError:
            data = {}
        call = trail.Call(action, data if isinstance(data, dict) else {})
        denied = access.denial(call.action, call.given, headers)
        if denied:
            return denied
        struck = await trail.strike(call)
        if struck:
            return struck
        reply = refusal(world, call.action, call.given)
        if reply is None:
            reply = await serve(method, path, headers, body, query)
            if reply[0] == 200:
                follow(world, call.action, call.given)
        return await trail.tell(world, call, reply)

    dynamodb.handle_request = patched
