"""The kinds of databases that the stage can have: one module for each, behind one set of words.

Whoever looks at a database is given a plain document in the words that RDS has for a DB instance (`DBInstanceIdentifier`,
`DbiResourceId`, `DBInstanceStatus`, `Endpoint`, `TagList`, `VpcSecurityGroups`, ...), whatever its kind calls them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]

# The security group that lets nobody in, and the one that lets in `validate` only.
FENCE, QUARANTINE = "sg-0fe9ce0fe9ce0fe9c", "sg-09a4a77ee09a4a77e"


@dataclass(frozen=True)
class Wanted:
    """The database that a stage wants, with one login and one schema."""

    name: str
    engine: str
    database: str
    user: str
    password: str
    subnet_group: str
    groups: Sequence[str]
    tags: Sequence[Mapping[str, str]]
    # Whether there is to be something that AWS can fail over to, where that is a choice.
    multi_az: bool
    # Where what happens to it is told, of a kind that has such a topic of its own.
    topic: str = ""


class Database(Protocol):
    """What a kind does for the stage."""

    # What a restored one must have as its source has it.
    settings: tuple[str, ...]
    # The checks that Lifeboat's validation of it always has.
    checks: tuple[str, ...]

    def create(self, wanted: Wanted) -> None:
        """Have it made, with all its parts."""

    def shown(self) -> list[Json]:
        """Every database of the kind, as its API shows it."""

    def describe(self, name: str) -> Json:
        """One of them."""

    def kept(self) -> list[Json]:
        """Every database of the kind, as the estate has it: faults of the API do not touch this."""

    def accident(self, name: str, kind: str) -> Json:
        """What the estate is told to let an accident happen to one."""

    def changed(self, call: Json) -> str:
        """The database whose settings a call in the estate's log changes, or nothing."""

    def way_in(self, name: str) -> str:
        """A pattern for what follows the command that opens a copy by other security groups, up to the groups."""

    def open(self, name: str, groups: Sequence[str]) -> None:
        """Give it other security groups."""

    def failover(self, described: Json) -> tuple[str, Json]:
        """The one call that a forced failover of what was described so makes, and its parameters."""

    def members(self) -> dict[str, list[str]]:
        """The instances of each database, that which writes last; of what has none, nothing."""

    def in_words(self, multi_az: bool) -> str:
        """What it is, for a person."""


# The checks of what speaks SQL.
SQL_CHECKS = ("reachability", "login", "role", "tables", "data", "freshness", "configuration")
