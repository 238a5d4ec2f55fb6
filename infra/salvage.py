"""Writes single items of a restored DynamoDB table back into the one that serves, never over anything newer.

    salvage.py --table orders-db --copy orders-db-r1a2b3c4d --written-at updated_at              changes nothing
    salvage.py --table orders-db --copy orders-db-r1a2b3c4d --written-at updated_at --write PLAN

For a person, with a person's own permissions, after Lifeboat has restored a copy beside production (`human_error`,
`corruption`): it looks at every item of the copy and at the same keys of the table.

| what it finds | what it does |
|---|---|
| missing in the table | writes it back, if there is still nothing |
| in the table, different, last written at or before the copy's moment | writes it back, if the item is still as it was seen |
| in the table, different, written later (or nobody knows when) | keeps the table's |
| expired by the table's time to live | leaves it out |
| only in the table | does not even look at it |

Without `--write` it shows what it would do, and a plan: a hash of all that it would write, and over what. `--write` takes that
plan, looks again, and does nothing if the two differ. Each write has its condition, so that whoever writes meanwhile wins.
It can be run again at any time: what is back already is the same on both sides.

Needs dynamodb:Scan on the copy, BatchGetItem and PutItem on the table, DescribeTable and DescribeTimeToLive. It reads the copy
once and asks the table for as many items: that costs read capacity; `--pages-per-second` bounds it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

Json = dict[str, Any]

# What one BatchGetItem takes.
PAGE = 100
# Unprocessed keys are asked for again so often.
TRIES = 8
SETS = ("SS", "NS", "BS")
CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 5})


class Refused(Exception):
    """A rule says no; the text says which."""


def canonical(value: Any, kind: str = "") -> Any:
    """The same JSON for the same value: sets, which have no order, sorted; bytes as text."""
    if isinstance(value, dict):
        return {name: canonical(item, name) for name, item in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        items = [canonical(item) for item in value]
        return sorted(items) if kind in SETS else items
    return base64.b64encode(value).decode() if isinstance(value, (bytes, bytearray)) else value


def text_of(item: Json | None) -> str:
    """An item, or nothing, as text."""
    return json.dumps(canonical(item), sort_keys=True)


def moment_of(value: Json | None) -> float | None:
    """When an item was written: a date and time as text, or seconds or milliseconds since 1970, in seconds since 1970."""
    try:
        if value and "S" in value:
            return datetime.fromisoformat(value["S"].replace("Z", "+00:00")).astimezone(timezone.utc).timestamp()
        number = float((value or {})["N"])
    except (KeyError, ValueError):
        return None
    return number / 1000 if number > 1e11 else number


@dataclass(frozen=True)
class Change:
    """One item that would be written back, over what is there now; nothing where it is missing."""

    key: Json
    copy: Json
    seen: Json | None

    def line(self) -> str:
        """What the plan's hash is made of."""
        return "\n".join((text_of(self.key), text_of(self.copy), text_of(self.seen)))


@dataclass
class Preview:
    """What was found."""

    changes: list[Change] = field(default_factory=list)
    same: int = 0
    newer: int = 0
    undated: int = 0
    expired: int = 0

    def plan(self) -> str:
        """A hash of everything that would be written, and over what."""
        lines = sorted(change.line() for change in self.changes)
        return hashlib.sha256("\n\n".join(lines).encode()).hexdigest()

    def counts(self) -> Json:
        """In numbers."""
        missing = sum(change.seen is None for change in self.changes)
        return {
            "missing": missing,
            "damaged": len(self.changes) - missing,
            "same": self.same,
            "kept_newer": self.newer,
            "kept_undated": self.undated,
            "expired": self.expired,
        }


class Salvage:
    """A table, and a copy of its past."""

    def __init__(self, client: Any, table: str, copy: str, written_at: str | None, pages_per_second: float) -> None:
        """Refuses a copy that is none of this table, or is not restored yet."""
        self.client, self.table, self.copy, self.written_at = client, table, copy, written_at
        self.pause = 1 / pages_per_second if pages_per_second else 0.0
        serving, restored = self._described(table), self._described(copy)
        summary = restored.get("RestoreSummary") or {}
        if summary.get("SourceTableArn") != serving["TableArn"]:
            raise Refused(
                f"{copy} was not restored from {serving['TableArn']}: it says {summary.get('SourceTableArn')}"
            )
        if summary.get("RestoreInProgress") or restored["TableStatus"] != "ACTIVE":
            raise Refused(f"{copy} is still being restored: {restored['TableStatus']}")
        if restored["KeySchema"] != serving["KeySchema"]:
            raise Refused(f"{copy} has another key than {table}")
        self.point = summary["RestoreDateTime"].timestamp()
        self.names = [part["AttributeName"] for part in serving["KeySchema"]]
        ttl = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        self.ends_at = ttl.get("AttributeName") if ttl["TimeToLiveStatus"].startswith("ENABL") else None

    def _described(self, table: str) -> Json:
        """As DescribeTable has it."""
        found: Json = self.client.describe_table(TableName=table)["Table"]
        return found

    def _key(self, item: Json) -> Json:
        """Of an item."""
        return {name: item[name] for name in self.names}

    def _pages(self) -> Iterator[list[Json]]:
        """The copy's items, a page at a time."""
        more: Json = {}
        while True:
            page = self.client.scan(TableName=self.copy, ConsistentRead=True, Limit=PAGE, **more)
            if page["Items"]:
                yield page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
            time.sleep(self.pause)

    def _there(self, items: list[Json]) -> dict[str, Json]:
        """The same keys in the table that serves, by their text; what is not answered is no missing item."""
        wanted: Json = {self.table: {"Keys": [self._key(item) for item in items], "ConsistentRead": True}}
        found: dict[str, Json] = {}
        for attempt in range(TRIES):
            answer = self.client.batch_get_item(RequestItems=wanted)
            for item in answer["Responses"].get(self.table, []):
                found[text_of(self._key(item))] = item
            wanted = answer.get("UnprocessedKeys") or {}
            if not wanted:
                return found
            time.sleep(min(5.0, 0.1 * 2**attempt))
        raise Refused(f"{self.table} is too busy: some keys were not answered in {TRIES} attempts; nothing was written")

    def preview(self) -> Preview:
        """Look at every item of the copy."""
        preview, now = Preview(), time.time()
        for items in self._pages():
            there = self._there(items)
            for item in items:
                self._judge(preview, item, there.get(text_of(self._key(item))), now)
        return preview

    def _judge(self, preview: Preview, copy: Json, seen: Json | None, now: float) -> None:
        """What is to be done with one of them."""
        ends_at = moment_of(copy.get(self.ends_at)) if self.ends_at else None
        written = moment_of(seen.get(self.written_at)) if seen and self.written_at else None
        if text_of(copy) == text_of(seen):
            preview.same += 1
        elif ends_at is not None and ends_at <= now:
            preview.expired += 1
        elif seen is None or (written is not None and written <= self.point):
            preview.changes.append(Change(self._key(copy), copy, seen))
        elif written is None:
            preview.undated += 1
        else:
            preview.newer += 1

    def write(self, change: Change) -> bool:
        """Write one back; False where somebody was quicker."""
        names = {f"#a{place}": name for place, name in enumerate(sorted(change.seen or {}))}
        if change.seen is None:
            condition: Json = {
                "ConditionExpression": "attribute_not_exists(#k)",
                "ExpressionAttributeNames": {"#k": self.names[0]},
            }
        else:
            condition = {
                "ConditionExpression": " AND ".join(f"{name} = :v{name[2:]}" for name in names),
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": {
                    f":v{name[2:]}": change.seen[attribute] for name, attribute in names.items()
                },
            }
        try:
            self.client.put_item(TableName=self.table, Item=change.copy, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            # An attempt of our own, whose reply was lost, may have been the quicker one.
            found = self.client.get_item(TableName=self.table, Key=change.key, ConsistentRead=True).get("Item")
            return text_of(found) == text_of(change.copy)
        return True


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Writes single items of a restored table back, never over anything newer."
    )
    parser.add_argument("--table", required=True, help="the table that serves")
    parser.add_argument("--copy", required=True, help="the table that was restored beside it")
    parser.add_argument(
        "--written-at",
        help="the attribute that says when an item was last written; without it only missing items come back",
    )
    parser.add_argument("--write", metavar="PLAN", help="the plan that was shown; without it nothing is changed")
    parser.add_argument(
        "--pages-per-second", type=float, default=10.0, help="pages of 100 items that are read (10); 0 is no limit"
    )
    parser.add_argument("--region")
    parser.add_argument("--endpoint-url", help=argparse.SUPPRESS)
    return parser.parse_args()


def run(given: argparse.Namespace) -> Json:
    """Look, and write if told to; what came of it."""
    client = boto3.client("dynamodb", region_name=given.region, endpoint_url=given.endpoint_url, config=CONFIG)
    salvage = Salvage(client, given.table, given.copy, given.written_at, given.pages_per_second)
    preview = salvage.preview()
    told = {"table": given.table, "copy": given.copy, "plan": preview.plan(), **preview.counts()}
    if given.write is None:
        return told
    if given.write != preview.plan():
        raise Refused(
            f"what would be written is not what the plan {given.write[:12]} shows any more; look at the plan {preview.plan()} first"
        )
    written = [salvage.write(change) for change in preview.changes]
    return {**told, "salvaged": sum(written), "kept_meanwhile": len(written) - sum(written)}


def main() -> int:
    """Run it; the exit status: 0 done, 1 refused, 2 failed, perhaps half-way: run it again."""
    try:
        print(json.dumps(run(arguments()), indent=2))
    except Refused as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
