"""What is told of calls: the log that tests compare, CloudTrail's events on the bus, and scripted faults."""

from __future__ import annotations

import asyncio
import json
import threading
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ministack.core.iam_evaluator import caller_arn
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import dynamodb, eventbridge

from .world import Json, Reply, World, refuse

# Mutating calls on tables, which CloudTrail takes for management events; items are data events, which nobody pays for here.
MUTATING = (
    *(
        "CreateTable",
        "DeleteTable",
        "UpdateTable",
        "UpdateTimeToLive",
        "UpdateContinuousBackups",
        "UpdateContributorInsights",
    ),
    *("TagResource", "UntagResource", "PutResourcePolicy", "DeleteResourcePolicy"),
    *("CreateBackup", "DeleteBackup", "RestoreTableFromBackup", "RestoreTableToPointInTime"),
    *(
        "EnableKinesisStreamingDestination",
        "DisableKinesisStreamingDestination",
        "ExportTableToPointInTime",
        "ImportTable",
    ),
)
# Writes of items; those of Lifeboat's own functions are logged, whose roles have its stack's name.
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
OURS = ":assumed-role/lifeboat-"
# A client that is never answered waits as long as it likes.
SILENCE = 120.0


@dataclass(frozen=True)
class Call:
    """One call to DynamoDB, or on a table's scaling."""

    action: str
    given: Json

    def resource(self) -> str:
        """The name of the table that it is about."""
        for name in ("TargetTableName", "TableName", "ResourceArn", "BackupArn", "ResourceId"):
            if isinstance(self.given.get(name), str):
                text = str(self.given[name])
                return dynamodb._table_name_from_arn(text) or text.removeprefix("table/").split("/")[0]
        return next(iter(self.given.get("RequestItems") or {}), "")


@dataclass
class Fault:
    """A fault as the estate takes it: `action`, `resource` (none: any), `when`, `kind`."""

    action: str | None
    resource: str | None
    when: Json | str
    kind: Json | str
    met: int = 0

    def strikes(self, call: Call) -> bool:
        """Whether it strikes this call, which counts."""
        if self.action not in (None, call.action) or self.resource not in (None, call.resource()):
            return False
        self.met += 1
        if isinstance(self.when, str):
            return self.when == "always"
        [(word, number)] = self.when.items()
        return self.met == number if word == "nth" else self.met <= number


class Log:
    """Everything that is told; read by the control's thread."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.calls: list[Json] = []
        self.writes: list[Json] = []
        self.events: list[Json] = []
        self.faults: list[Fault] = []
        self._struck: dict[int, str] = {}

    def strike(self, call: Call) -> Json | str | None:
        """The fault that strikes a call."""
        found = [fault for fault in self.faults if fault.strikes(call)]
        return found[0].kind if found else None


LOG = Log()
_lost: set[int] = set()


def start(world: World, faults: list[Json]) -> None:
    """Faults wait from the beginning."""
    del world
    LOG.faults += [Fault(one.get("action"), one.get("resource"), one["when"], one["kind"]) for one in faults]


def now() -> str:
    """This moment, as the estate writes it."""
    return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"


def note(call: Call, outcome: str, code: str = "") -> None:
    """Log a call that changes something, or would."""
    told = {
        "at": now(),
        "action": call.action,
        "resource": call.resource(),
        "parameters": call.given,
        "outcome": outcome,
        "code": code,
        "caller": caller_arn(),
    }
    if call.action in MUTATING or call.action.endswith(("ScalableTarget", "ScalingPolicy")):
        LOG.calls.append(told)
    elif call.action in WRITES and OURS in told["caller"]:
        LOG.writes.append(told)


async def strike(call: Call) -> Reply | None:
    """Let a fault strike before a call takes effect; a reply that gets lost is remembered for afterwards."""
    kind = LOG.strike(call)
    if kind is None:
        return None
    if kind == "reply_lost":
        _lost.add(id(call))
        return None
    if kind == "timeout_before":
        note(call, "never_arrived")
        await asyncio.sleep(SILENCE)
        return refuse("InternalServerError", "Internal server error", 500)
    refusals = {
        "throttle": ("ThrottlingException", "Rate exceeded", 400),
        "service_error": ("InternalServerError", "Internal server error", 500),
    }
    code, message, status = refusals[kind] if isinstance(kind, str) else (*kind["refused"].values(), 400)
    note(call, "refused", code)
    return refuse(code, message, status)


async def tell(world: World, call: Call, reply: Reply) -> Reply:
    """Log what became of a call, let CloudTrail tell it, and lose the reply where that is scripted."""
    code = "" if reply[0] == 200 else str(json.loads(reply[2] or b"{}").get("__type", "")).rpartition("#")[2]
    is_lost = id(call) in _lost
    _lost.discard(id(call))
    note(call, "refused" if code else "reply_lost" if is_lost else "applied", code)
    if call.action in MUTATING:
        publish(world, call, reply, code)
    if is_lost:
        await asyncio.sleep(SILENCE)
    return reply


def _lowered(value: Any) -> Any:
    """CloudTrail writes names with a small first letter."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _lowered(item) for name, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def identity(arn: str) -> Json:
    """`userIdentity`."""
    account = get_account_id()
    if ":assumed-role/" not in arn:
        kind = "Root" if arn.endswith(":root") else "IAMUser"
        more = {} if kind == "Root" else {"userName": arn.rpartition("/")[2]}
        return {"type": kind, "principalId": account, "arn": arn, "accountId": account, **more}
    role, _, session = arn.partition(":assumed-role/")[2].partition("/")
    issuer = {"type": "Role", "arn": f"arn:aws:iam::{account}:role/{role}", "accountId": account, "userName": role}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{session}",
        "arn": arn,
        "accountId": account,
        "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}},
    }


def publish(world: World, call: Call, reply: Reply, code: str) -> None:
    """`AWS API Call via CloudTrail`, some time after the call."""
    at, body = datetime.now(timezone.utc), json.loads(reply[2] or b"{}")
    arn = f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{call.resource()}"
    detail: Json = {
        "eventVersion": "1.11",
        "userIdentity": identity(caller_arn()),
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "dynamodb.amazonaws.com",
        "eventName": call.action,
        "awsRegion": get_region(),
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "aws-sdk",
        "requestParameters": _lowered(call.given),
        "responseElements": None if code else _lowered(body),
        "requestID": new_uuid(),
        "eventID": new_uuid(),
        "readOnly": False,
        "resources": [{"accountId": get_account_id(), "type": "AWS::DynamoDB::Table", "ARN": arn}],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
    }
    if code:
        detail |= {"errorCode": code, "errorMessage": str(body.get("message", ""))}
    entry = {
        "Source": "aws.dynamodb",
        "DetailType": "AWS API Call via CloudTrail",
        "Detail": json.dumps(detail, default=str),
        "Time": at.timestamp(),
    }

    def deliver() -> None:
        LOG.events.append({**entry, "Detail": detail})
        eventbridge._put_events({"Entries": [entry]})

    timer = threading.Timer(world.trail_lag, copy_context().run, args=(deliver,))
    timer.daemon = True
    timer.start()
