"""The difference between production and a copy beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from journal import Fate, Journal

Json = dict[str, Any]


@dataclass(frozen=True)
class Sides:
    """What the demo knows of production and of the copy beside it."""

    copy: Mapping[int, str]
    deleted: list[int]
    altered: list[int]
    # How many rows production had, and the copy had not, when Lifeboat compared: at least, at most.
    written_since: tuple[int, int]


def compare_difference(difference: Json, sides: Sides) -> list[str]:
    """The difference that Lifeboat lists is the one that somebody made, row for row and range for range."""
    if len(difference["tables"]) != 1:
        return [f"the difference should be of one table: {difference}"]
    [table] = difference["tables"]
    changed = [number for number in sides.altered if number in sides.copy]
    problems = [] if sides.deleted or changed else ["nobody made a difference that could be listed"]
    for name, made in (("only_restored", sides.deleted), ("changed", changed)):
        listed, runs = table[name], _ranges(made)
        if listed["count"] != len(made):
            problems.append(f"the difference lists {listed['count']} rows as {name}, there are {len(made)}")
        ranges = list(map(tuple, listed["ranges"]))
        if ranges != runs[: len(ranges)] or bool(ranges) != bool(runs):
            problems.append(f"the difference lists the ranges {ranges} as {name}, they begin with {runs[:3]}")
    if table["restored_rows"] != len(sides.copy):
        problems.append(f"the difference counts {table['restored_rows']} rows on the copy, there are {len(sides.copy)}")
    least, most = sides.written_since
    if not least <= table["only_source"]["count"] <= most:
        found = table["only_source"]["count"]
        problems.append(f"the difference lists {found} rows as only_source, there were {least} to {most}")
    return problems


def _ranges(identifiers: Iterable[int]) -> list[tuple[str, str]]:
    """Runs of consecutive ids, first and last."""
    runs: list[tuple[int, int]] = []
    for number in sorted(identifiers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return [(str(first), str(last)) for first, last in runs]


def written_between(journal: Journal, copy: Mapping[int, str], began: float, ended: float) -> tuple[int, int]:
    """How many of the client's rows production had and a copy had not, between two moments: at least, at most."""
    rows = [row for row in journal.rows() if row.id not in copy and row.fate not in (Fate.FAILED, Fate.LOST)]
    least = sum(row.fate is Fate.ACKNOWLEDGED and row.acknowledged_at <= began for row in rows)
    return least, sum(row.sent_at <= ended for row in rows)
