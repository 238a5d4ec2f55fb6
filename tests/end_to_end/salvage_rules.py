"""infra/salvage.py writes back what it should, and nothing else, whoever writes meanwhile.

salvage_rules.py [--binaries DIR]      needs ministack alone, and ends with one line
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(REPO / "infra" / "local"), str(REPO / "infra")]

from cloud import Cloud  # noqa: E402
from salvage import Change, Refused, Salvage, text_of  # noqa: E402
from stage import until  # noqa: E402

Json = dict[str, Any]

TABLE, COPY, OTHER = "orders", "orders-r0123abcd", "other"
DURATIONS = {"creating": 0, "restoring": 0.5, "indexing": 0, "updating": 0, "restorable_lag": 0.05}
SECOND = timedelta(seconds=1)


def item(number: int, text: str, at: datetime | None = None, **more: Any) -> Json:
    """An item with a set and bytes, whose order or form must not matter."""
    written = {"written_at": {"S": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"}} if at else {}
    plain = {"id": {"S": f"{number:04d}"}, "text": {"S": text}, "tags": {"SS": ["b", "a"]}, "blob": {"B": b"\x00\xff"}}
    return {**plain, **written, **more}


class Case:
    """A table, damaged in every way, and the copy of what it was."""

    def __init__(self, cloud: Cloud) -> None:
        """Restored to the moment before the damage."""
        self.api, self.wrong, self.cases = cloud.client("dynamodb"), [], 0
        for table in (TABLE, OTHER):
            self.api.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        on = {"PointInTimeRecoveryEnabled": True}
        self.api.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification=on)
        ttl = {"Enabled": True, "AttributeName": "ends_at"}
        self.api.update_time_to_live(TableName=TABLE, TimeToLiveSpecification=ttl)
        self.long_ago = datetime.now(timezone.utc) - timedelta(hours=1)
        # More than a page, so that pages are gone through.
        for number in range(230):
            self.put(item(number, "sound", self.long_ago))
        self.put(item(7, "sound", self.long_ago, ends_at={"N": str(int(time.time()) - 60)}))
        self.put(item(8, "sound"))
        time.sleep(1.2)
        moment = time.time()
        time.sleep(1.2)
        self.restore(moment)
        self.now = datetime.now(timezone.utc) + SECOND

    def put(self, it: Json) -> None:
        """As the application does."""
        self.api.put_item(TableName=TABLE, Item=it)

    def delete(self, number: int) -> None:
        """As the bad job does."""
        self.api.delete_item(TableName=TABLE, Key={"id": {"S": f"{number:04d}"}})

    def read(self, number: int) -> Json | None:
        """What is there now."""
        found: Json | None = self.api.get_item(TableName=TABLE, Key={"id": {"S": f"{number:04d}"}}).get("Item")
        return found

    def restore(self, moment: float) -> None:
        """Beside."""
        self.api.restore_table_to_point_in_time(SourceTableName=TABLE, TargetTableName=COPY, RestoreDateTime=moment)
        until("the copy is there", 10, lambda: self.status() == "ACTIVE", every=0.05)

    def status(self) -> str:
        """Of the copy."""
        return str(self.api.describe_table(TableName=COPY)["Table"]["TableStatus"])

    def look(self, table: str = TABLE, written_at: str | None = "written_at") -> Salvage:
        """As a person would."""
        return Salvage(self.api, table, COPY, written_at, 0)

    def holds(self, what: str, condition: bool) -> None:
        """Count it, and note if it is not so."""
        self.cases += 1
        if not condition:
            self.wrong.append(what)


def judged(case: Case) -> None:
    """Each way in which an item can differ."""
    case.delete(1)
    case.put(item(2, "damaged", case.long_ago))
    case.put(item(3, "newer", case.now))
    case.put({**item(4, "sound", case.long_ago), "tags": {"SS": ["a", "b"]}})
    case.put(item(5, "undated"))
    case.delete(7)
    case.put(item(8, "damaged"))
    case.put(item(900, "new", case.now))
    found = case.look().preview()
    keys = sorted(change.key["id"]["S"] for change in found.changes)
    case.holds(f"missing and damaged ones are written back, not {keys}", keys == ["0001", "0002"])
    counts = {"missing": 1, "damaged": 1, "same": 224, "kept_newer": 1, "kept_undated": 2, "expired": 1}
    case.holds(f"all are counted: {found.counts()}", found.counts() == counts)
    case.holds("the same again is the same plan", case.look().preview().plan() == found.plan())
    undated = case.look(written_at=None).preview()
    case.holds("without a time only missing ones come back", [change.seen for change in undated.changes] == [None])
    case.put(item(2, "damaged once more", case.long_ago))
    case.holds("another damage is another plan", case.look().preview().plan() != found.plan())


def written(case: Case) -> None:
    """Whoever writes meanwhile wins, and what was half done is done again."""
    salvage = case.look()
    by_key = {change.key["id"]["S"]: change for change in salvage.preview().changes}
    missing, damaged = by_key["0001"], by_key["0002"]
    case.put(item(1, "made anew", case.now))
    case.holds("what exists again is not written over", not salvage.write(missing))
    case.holds("it is as its user made it", text_of(case.read(1)) == text_of(item(1, "made anew", case.now)))
    case.put(item(2, "put right", case.now))
    case.holds("what was changed since is not written over", not salvage.write(damaged))
    case.holds("it is as its user put it", text_of(case.read(2)) == text_of(item(2, "put right", case.now)))
    case.delete(2)
    case.holds("what was deleted since stays deleted", not salvage.write(damaged) and case.read(2) is None)
    [change] = salvage.preview().changes
    case.holds("what is missing is written back", salvage.write(change) and case.read(2) is not None)
    case.holds("a repetition finds its own write", salvage.write(change))
    again = Change(change.key, item(2, "another", case.now), None)
    case.holds("somebody else's is not taken for it", not salvage.write(again))
    case.holds("nothing is left", not case.look().preview().changes)


def refused(case: Case) -> None:
    """A copy of something else."""
    try:
        case.look(OTHER)
    except Refused as error:
        case.holds(f"the refusal names both: {error}", COPY in str(error) and OTHER in str(error))
        return
    case.holds("a copy of another table is refused", False)


def main() -> int:
    """Run all; the exit status."""
    with Cloud(tables=DURATIONS) as cloud:
        case = Case(cloud)
        for work in (judged, written, refused):
            work(case)
    for text in case.wrong:
        print(f"  wrong: {text}")
    kept = "FAILED" if case.wrong or not case.cases else "KEPT"
    print(f"{kept} salvage_rules cases={case.cases}: Items come back, and nobody is written over.", flush=True)
    return 1 if case.wrong or not case.cases else 0


if __name__ == "__main__":
    sys.exit(main())
