"""Exports to S3: what they want, how long they take, and files as AWS writes them; ministack writes none."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

from ministack.core.responses import json_response
from ministack.services import dynamodb, s3

from .past import PAST
from .world import Json, Reply, World, refuse

# What must be the same when a token is used again.
ASKED = ("TableArn", "S3Bucket", "S3Prefix", "S3BucketOwner", "ExportFormat", "ExportType")
# A token is good for so long.
TOKEN_SECONDS = 8 * 3600


def folder(export: Json) -> str:
    """Where the files of an export lie."""
    prefix = export.get("S3Prefix")
    return f"{prefix + '/' if prefix else ''}AWSDynamoDB/{export['ExportArn'].rsplit('/', 1)[1]}"


def _write(export: Json) -> None:
    """The items of its moment, and its manifests; the end of the export."""
    table = dynamodb._tables.get(dynamodb._table_name_from_arn(export["TableArn"]))
    items = table[PAST].items(export["ExportTime"]) if table and PAST in table else {}
    lines = [json.dumps({"Item": item}) for sorts in items.values() for item in sorts.values()]
    data = gzip.compress("".join(f"{line}\n" for line in lines).encode(), compresslevel=1)
    part = f"{folder(export)}/data/{export['ExportArn'][-8:]}.json.gz"
    summary = {
        "version": "2020-06-30",
        "exportArn": export["ExportArn"],
        "tableArn": export["TableArn"],
        "s3Bucket": export["S3Bucket"],
        "s3Prefix": export.get("S3Prefix"),
        "itemCount": len(lines),
        "outputFormat": "DYNAMODB_JSON",
    }
    written = {
        part: data,
        f"{folder(export)}/manifest-files.json": json.dumps({"itemCount": len(lines), "dataFileS3Key": part}).encode(),
        f"{folder(export)}/manifest-summary.json": json.dumps(summary).encode(),
    }
    export["EndTime"] = time.time()
    for key, body in written.items():
        status: int = s3._put_object(export["S3Bucket"], key, body, {})[0]
        if status != 200:
            message = "The specified bucket does not exist"
            export.update(ExportStatus="FAILED", FailureCode="S3NoSuchBucket", FailureMessage=message)
            return
    export.update(
        ExportStatus="COMPLETED",
        ItemCount=len(lines),
        BilledSizeBytes=sum(map(len, lines)),
        ExportManifest=f"{folder(export)}/manifest-summary.json",
    )


def correct(world: World) -> None:
    """An export wants recovery that is on, is one by its token, takes a while, and is listed once it has ended."""
    ask, describe = dynamodb._export_table_to_point_in_time, dynamodb._describe_export

    def settle() -> None:
        for export in dynamodb._exports.values():
            if export["ExportStatus"] == "IN_PROGRESS" and time.time() >= export["StartTime"] + world.exporting:
                _write(export)

    def patched_ask(data: Json) -> Reply:
        name, token = dynamodb._table_name_from_arn(data.get("TableArn", "")), data.get("ClientToken")
        for export in dynamodb._exports.values():
            if token and export.get("ClientToken") == token and time.time() < export["StartTime"] + TOKEN_SECONDS:
                if any(export.get(field) != data.get(field, export.get(field)) for field in ASKED):
                    return refuse("ExportConflictException", "The client token stands for another export")
                return json_response({"ExportDescription": export})
        if name in dynamodb._tables and PAST not in dynamodb._tables[name]:
            message = f"Point in time recovery is not enabled for table '{name}'"
            return refuse("PointInTimeRecoveryUnavailableException", message)
        reply: Reply = ask(data)
        if reply[0] == 200:
            made: Any = json.loads(reply[2])["ExportDescription"]
            dynamodb._exports[made["ExportArn"]].setdefault("ExportTime", time.time())
        return reply

    def patched_describe(data: Json) -> Reply:
        settle()
        found: Reply = describe(data)
        return found

    def patched_list(data: Json) -> Reply:
        settle()
        ended = [
            {name: export[name] for name in ("ExportArn", "ExportStatus", "ExportType")}
            for _, export in sorted(dynamodb._exports.items(), reverse=True)
            if export["ExportStatus"] != "IN_PROGRESS" and data.get("TableArn") in (None, export["TableArn"])
        ]
        return json_response({"ExportSummaries": ended})

    dynamodb._export_table_to_point_in_time, dynamodb._describe_export = patched_ask, patched_describe
    dynamodb._list_exports = patched_list
