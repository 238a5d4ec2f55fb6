"""What is known of tables beyond what ministack keeps: durations, statuses by the clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, error_response_json
from ministack.services import dynamodb

Json = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]

# Where ministack's document of a table keeps its life.
LIFE = "lifeboat_life"


def refuse(code: str, message: str, status: int = 400) -> Reply:
    """DynamoDB's refusal."""
    reply: Reply = error_response_json(code, message, status)
    return reply


@dataclass
class Life:
    """Until when a table is what; moments are seconds since 1970."""

    usable_at: float = 0.0
    indexes_at: float = 0.0
    updated_until: float = 0.0
    ttl_settled_at: float = 0.0
    restore: Json | None = None

    def status(self) -> str:
        """`TableStatus` of a table that is not being deleted."""
        now = time.time()
        if now < self.usable_at:
            return "CREATING"
        return "UPDATING" if now < self.updated_until else "ACTIVE"


@dataclass
class World:
    """Durations in seconds, which AWS counts in minutes, and the tables that are going."""

    creating: float = 0.3
    restoring: float = 6.0
    # Indexes of a restored table, and the end of its restore, come after the table itself.
    indexing: float = 0.5
    updating: float = 0.5
    deleting: float = 0.5
    backing_up: float = 1.0
    exporting: float = 0.3
    restorable_lag: float = 1.0
    trail_lag: float = 0.5
    going: AccountRegionScopedDict = field(default_factory=AccountRegionScopedDict)

    @classmethod
    def of(cls, settings: Json) -> World:
        """Durations as they are configured, the others as they are."""
        known = {one.name for one in fields(cls)} - {"going"}
        strange = set(settings) - known - {"port", "faults"}
        if strange:
            raise ValueError(f"tables: unknown settings {sorted(strange)}; known are {sorted(known)}")
        return cls(**{name: float(value) for name, value in settings.items() if name in known})

    @staticmethod
    def life(name: str) -> Life:
        """Of a table that ministack has."""
        life: Life = dynamodb._tables[name].setdefault(LIFE, Life())
        return life

    def status(self, name: str) -> str | None:
        """`TableStatus`, or none where there is no such table."""
        if self.leaving(name):
            return "DELETING"
        return self.life(name).status() if name in dynamodb._tables else None

    def leaving(self, name: str) -> Json | None:
        """The description of a table that is being deleted."""
        description, until = self.going.get(name) or (None, 0.0)
        return description if time.time() < until else None

    def describe(self, name: str, described: Json) -> Json:
        """ministack's description, as it is on AWS at this moment."""
        life = self.life(name)
        # Counts are refreshed every six hours or so: nobody may trust them, and here they never come.
        described |= {"TableStatus": life.status(), "ItemCount": 0, "TableSizeBytes": 0}
        if life.restore is not None:
            described["RestoreSummary"] = {**life.restore, "RestoreInProgress": time.time() < life.indexes_at}
        made = "CREATING" if time.time() < life.indexes_at else "ACTIVE"
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            status = {"IndexStatus": made} if kind.startswith("Global") else {}
            if kind in described:
                described[kind] = [{**index, **status, "ItemCount": 0} for index in described[kind]]
        return described
