"""The difference that Lifeboat lists against the one that somebody made."""

from __future__ import annotations

from typing import Any

import checks

from .recovery import ZERO
from .rows import JOURNAL
from .verdict import Verdict

Json = dict[str, Any]


def difference(verdict: Verdict) -> None:
    """The difference that Lifeboat lists against the one that somebody made."""
    sides = checks.Sides(dict.fromkeys(range(1, 11), "hash"), [3, 4, 7], [5, 99], (20, 30))
    table: Json = {
        "restored_rows": 10,
        "only_restored": {"count": 3, "ranges": [["3", "4"], ["7", "7"]]},
        "changed": {"count": 1, "ranges": [["5", "5"]]},
        "only_source": {"count": 25, "ranges": [["11", "35"]]},
    }

    def compared(**changed: Any) -> list[str]:
        return checks.compare_difference({"tables": [{**table, **changed}]}, sides)

    verdict.passes("the difference that was made", compared())
    verdict.passes("its first range", compared(only_restored={"count": 3, "ranges": [["3", "4"]]}))
    for listed in (
        {"count": 2, "ranges": [["3", "4"]]},
        {"count": 3, "ranges": []},
        {"count": 3, "ranges": [["7", "7"]]},
    ):
        verdict.finds(f"{listed}", compared(only_restored=listed), "only_restored")
    verdict.finds("rows that nobody changed", compared(changed={"count": 2, "ranges": [["5", "6"]]}), "changed")
    verdict.finds("another copy", compared(restored_rows=9), "on the copy")
    for count in (19, 31):
        verdict.finds(f"{count} rows since", compared(only_source={"count": count, "ranges": []}), "only_source")
    for tables in ([], [table, table]):
        verdict.finds(f"{len(tables)} tables", checks.compare_difference({"tables": tables}, sides), "one table")
    for deleted, altered in (([3, 4, 7], []), ([], [5])):
        one = checks.Sides(sides.copy, deleted, altered, (20, 30))
        none: Json = {"count": 0, "ranges": []}
        listed = {**table, **({"changed": none} if deleted else {"only_restored": none})}
        verdict.passes("one kind of difference", checks.compare_difference({"tables": [listed]}, one))
    nobody = checks.Sides(sides.copy, [], [99], (20, 30))
    verdict.finds("no difference to list", checks.compare_difference({"tables": [table]}, nobody), "nobody made")
    since = checks.written_between(JOURNAL, {10: "hash-10"}, ZERO, ZERO + 1.5)
    verdict.passes("what was written since", [] if since == (1, 2) else [str(since)])
