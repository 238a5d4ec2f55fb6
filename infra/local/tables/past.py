"""The past of a table: every write since point-in-time recovery was switched on, so that a restore is true to its moment."""

from __future__ import annotations

import copy
import threading
import time
from collections import defaultdict
from typing import Any

from ministack.services import dynamodb

Json = dict[str, Any]
Items = dict[str, dict[str, Json]]

# Where ministack's document of a table keeps it.
PAST = "lifeboat_past"
DAY = 86_400.0


class Past:
    """What a table held when it began, and each write with its time, in seconds since 1970."""

    def __init__(self, items: Items, days: int) -> None:
        """It begins now; `days` is `RecoveryPeriodInDays`, 1 to 35."""
        self.since, self.days = time.time(), days
        self._first: Items = copy.deepcopy({partition: dict(sorts) for partition, sorts in items.items()})
        self._writes: list[tuple[float, str, str, Json | None]] = []
        self._lock = threading.Lock()

    def note(self, partition: str, sort: str, item: Json | None) -> None:
        """An item is this from now on, or gone."""
        with self._lock:
            self._writes.append((time.time(), partition, sort, copy.deepcopy(item)))

    def writes(self) -> list[tuple[float, Json]]:
        """Every item that was put, with its time."""
        with self._lock:
            return [(at, item) for at, _, _, item in self._writes if item is not None]

    def window(self, lag: float) -> tuple[float, float]:
        """`EarliestRestorableDateTime` and `LatestRestorableDateTime`, which is some minutes ago, in whole seconds."""
        now = time.time()
        earliest = max(self.since, now - self.days * DAY)
        return earliest, max(earliest, float(int(now - lag)))

    def items(self, moment: float) -> defaultdict[str, dict[str, Json]]:
        """The items at a moment, as ministack keeps them."""
        found: defaultdict[str, dict[str, Json]] = defaultdict(dict, copy.deepcopy(self._first))
        with self._lock:
            writes = [write for write in self._writes if write[0] <= moment]
        for _, partition, sort, item in writes:
            if item is not None:
                found[partition][sort] = copy.deepcopy(item)
            elif sort in found.get(partition, {}):
                del found[partition][sort]
        return found


def keep() -> None:
    """Have ministack note each write of the tables that keep a past; all of them pass two functions."""
    put, remove = dynamodb._set_item, dynamodb._remove_item

    def patched_put(table: Json, partition: str, sort: str, item: Json) -> Any:
        before = put(table, partition, sort, item)
        if PAST in table:
            table[PAST].note(partition, sort, item)
        return before

    def patched_remove(table: Json, partition: str, sort: str) -> Any:
        before = remove(table, partition, sort)
        if PAST in table and before is not None:
            table[PAST].note(partition, sort, None)
        return before

    dynamodb._set_item = patched_put
    dynamodb._remove_item = patched_remove
