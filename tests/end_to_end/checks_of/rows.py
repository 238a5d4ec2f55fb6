"""What the serving side holds against what the client knows."""

from __future__ import annotations

from datetime import datetime, timezone

import checks
from journal import Fate, Journal, Row

from .recovery import POINT, ZERO
from .verdict import Verdict

OLD, NEW = "old:5432", "new:5432"


def _row(number: int, side: str, offset: float, fate: Fate = Fate.ACKNOWLEDGED, *, dated: bool = True) -> Row:
    """A row, committed so many seconds after the restore point."""
    row = Row(number, f"customer-{number}", f"{number}.25", side, ZERO + offset - 0.01, fate)
    if fate in (Fate.ACKNOWLEDGED, Fate.LOST):
        row.hash, row.acknowledged_at = f"hash-{number}", ZERO + offset + 0.01
        row.committed_at = datetime.fromtimestamp(ZERO + offset, timezone.utc) if dated else None
    return row


def _journal(*rows: Row, seed: int = 3) -> Journal:
    """What the client knows: rows that it found, and rows that it wrote."""
    return Journal({number: f"hash-{number}" for number in range(1, seed + 1)}, {row.id: row for row in rows})


JOURNAL = _journal(
    _row(10, OLD, -5),
    _row(11, OLD, -1, dated=False),
    _row(12, OLD, 1),
    _row(13, OLD, 2, Fate.UNKNOWN),
    _row(14, OLD, -2, Fate.FAILED),
    _row(15, OLD, -3, Fate.LOST),
    _row(16, NEW, 9),
)
RESTORED = {number: f"hash-{number}" for number in (1, 2, 3, 10, 11, 16)}


def rows(verdict: Verdict) -> None:
    """What the serving side holds against what the client knows."""

    def compared(found: dict[int, str], *, journal: Journal = JOURNAL, exactly: bool = True) -> checks.Findings:
        return checks.compare_rows(journal, found, NEW, POINT, exactly=exactly)

    verdict.passes("every row that must be there", compared(RESTORED).problems)
    counted = (compared(RESTORED).compared, [row.id for row in compared(RESTORED).lost])
    verdict.passes("the count", [] if counted == (2, [12]) else [str(counted)])
    for number, what in ((2, "of the beginning"), (10, "committed in time"), (11, "acknowledged in time"), (16, "new")):
        without = {key: value for key, value in RESTORED.items() if key != number}
        verdict.finds(f"a missing row, {what}", compared(without).problems, "missing", f"({number})")
        changed = compared({**RESTORED, number: "other"}).problems
        verdict.finds(f"an altered row, {what}", changed, "not as they were committed", f"({number})")
    for number, what in ((99, "that nobody sent"), (14, "that was refused"), (15, "that was lost before")):
        problems = compared({**RESTORED, number: f"hash-{number}"}).problems
        verdict.finds(f"a row {what}", problems, "nobody committed", f"({number})")
    for number in (12, 13):
        problems = compared({**RESTORED, number: f"hash-{number}"}).problems
        verdict.finds(f"a row from later ({number})", problems, "later than the restore time", f"({number})")
        later = compared({**RESTORED, number: f"hash-{number}"}, exactly=False).problems
        verdict.passes("a later row, where the latest was asked for", later)
    verdict.finds("an empty table", compared({}).problems, "missing", "6 rows")
    verdict.finds(
        "no row of the client", compared(RESTORED, journal=_journal(_row(16, NEW, 9))).problems, "row of the client"
    )
    nothing = checks.compare_rows(_journal(seed=0), {}, NEW, POINT)
    verdict.finds("nothing at all", nothing.problems, "row of the beginning")
    everything = {**RESTORED, 12: "hash-12"}
    kept = checks.compare_rows(JOURNAL, everything, OLD, None)
    verdict.passes("every row, where nothing was restored", kept.problems)
    verdict.passes(
        "until when the old side is kept", [] if round(compared(RESTORED).kept_until - ZERO) == -1 else ["?"]
    )
    deleted = {key: digest for key, digest in everything.items() if key not in (3, 12)}
    on_purpose = checks.compare_rows(JOURNAL, deleted, OLD, None, missing_on_purpose=frozenset((3, 12)))
    verdict.passes("rows that somebody deleted", on_purpose.problems)
    back = checks.compare_rows(JOURNAL, everything, OLD, None, missing_on_purpose=frozenset((3, 12)))
    verdict.finds("rows that somebody deleted, and that are there", back.problems, "nobody committed", "(3, 12)")
    beginning = frozenset(JOURNAL.seed)
    emptied = checks.compare_rows(JOURNAL, {number: f"hash-{number}" for number in (10, 11, 12, 16)}, OLD, None, missing_on_purpose=beginning)
    verdict.passes("a side that has lost all rows of the beginning", emptied.problems)
    for number in (10, 12):
        there = {key: f"hash-{key}" for key in (10, 11, 12, 16) if key != number}
        later = checks.compare_rows(JOURNAL, there, OLD, None, missing_on_purpose=beginning)
        verdict.finds("a later row that such a side lacks, too", later.problems, "missing", f"({number})")
    lost = checks.compare_rows(JOURNAL, RESTORED, OLD, None)
    verdict.finds("a row that a failover lost", lost.problems, "missing", "(12)")
    _rows_by_themselves(verdict)


def _rows_by_themselves(verdict: Verdict) -> None:
    """Rows whose fate is open, rows written afterwards, and the mistake itself."""
    sent = checks.unconfirmed(JOURNAL, {**RESTORED, 13: "?"})
    verdict.passes("which is unconfirmed", [] if list(sent) == [13] else [str(list(sent))])
    verdict.passes("that none is", list(map(str, checks.unconfirmed(JOURNAL, RESTORED))))
    verdict.passes(
        "an unconfirmed row as it was sent", checks.compare_unconfirmed(sent, [(13, "customer-13", "13.25")])
    )
    for there in ([(13, "customer-13", "13.26")], [(13, "somebody", "13.25")], []):
        verdict.finds("an unconfirmed row that was altered", checks.compare_unconfirmed(sent, there), "(13)")
    verdict.passes("enough rows written and read back", checks.written_afterwards(120, 120, 100))
    verdict.finds("too few rows written", checks.written_afterwards(99, 99, 100), "99")
    verdict.finds("rows that were not read back", checks.written_afterwards(120, 119, 100), "119")
    mistaken = {1: "hash-1", 2: "other"}
    verdict.passes("a mistake that stands", checks.compare_mistake(JOURNAL, mistaken, [3], [2]))
    verdict.finds(
        "a row that came back", checks.compare_mistake(JOURNAL, {**mistaken, 3: "x"}, [3], [2]), "holds again"
    )
    verdict.finds(
        "a repaired row", checks.compare_mistake(JOURNAL, {**mistaken, 2: "hash-2"}, [3], [2]), "as it was altered"
    )
    verdict.finds(
        "an altered row that is gone", checks.compare_mistake(JOURNAL, {1: "hash-1"}, [3], [2]), "as it was altered"
    )
