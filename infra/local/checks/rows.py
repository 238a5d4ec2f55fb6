"""The rows: what the serving side holds against what the client knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from client import hashes
from journal import Fate, Journal, Row
from stage import Stage

from .words import rows_in_words


@dataclass
class Findings:
    """What was found wrong, and what was measured."""

    problems: list[str] = field(default_factory=list)
    lost: list[Row] = field(default_factory=list)
    kept_until: float = 0.0
    compared: int = 0

    def wrong(self, condition: bool, text: str) -> None:
        """Note a problem if there is one."""
        if condition:
            self.problems.append(text)


def _must_be_there(row: Row, serving: str, point: datetime | None) -> bool:
    """Whether an acknowledged row may not be missing: it was written to the serving side, or up to the restore point."""
    return row.side == serving or point is None or row.committed_by() <= point.timestamp()


def compare_rows(
    journal: Journal,
    found: Mapping[int, str],
    serving: str,
    point: datetime | None,
    *,
    exactly: bool = False,
    missing_on_purpose: frozenset[int] = frozenset(),
) -> Findings:
    """Compare what the serving side holds with what the client knows.

    `point` is the restore point (none: nothing was restored, everything must be there). `exactly`: that very moment was
    asked for, so nothing later may be there. Rows in `missing_on_purpose` were deleted by somebody.
    """
    findings = Findings()
    missing, altered, later = [], [], []
    expected = {
        identifier: digest for identifier, digest in journal.seed.items() if identifier not in missing_on_purpose
    }
    missing += [identifier for identifier in expected if identifier not in found]
    altered += [identifier for identifier, digest in expected.items() if found.get(identifier, digest) != digest]
    known = set(expected)
    for row in journal.rows():
        there = row.id in found
        if row.id in missing_on_purpose or row.fate in (Fate.FAILED, Fate.LOST):
            continue
        known.add(row.id)
        if there and exactly and point and row.side != serving and row.committed_after() > point.timestamp():
            later.append(row.id)
        if row.fate in (Fate.UNKNOWN, Fate.SENT):
            continue
        must = _must_be_there(row, serving, point)
        findings.compared += must and (row.side != serving or point is None)
        if there and found[row.id] != row.hash:
            altered.append(row.id)
        elif there:
            findings.kept_until = max(findings.kept_until, row.acknowledged_at if row.side != serving else 0.0)
        elif must:
            missing.append(row.id)
        if not there:
            findings.lost.append(row)
    phantom = [identifier for identifier in found if identifier not in known]
    all_gone = bool(journal.seed) and missing_on_purpose.issuperset(journal.seed)
    findings.wrong(not expected and not all_gone, "there is no row of the beginning to compare with")
    findings.wrong(not findings.compared, "there is no row of the client, committed in time, to compare with")
    findings.wrong(bool(missing), f"missing although committed in time: {rows_in_words(missing)}")
    findings.wrong(bool(altered), f"not as they were committed: {rows_in_words(altered)}")
    findings.wrong(bool(phantom), f"there although nobody committed them: {rows_in_words(phantom)}")
    findings.wrong(bool(later), f"there although later than the restore time: {rows_in_words(later)}")
    return findings


def unconfirmed(journal: Journal, found: Mapping[int, str]) -> dict[int, Row]:
    """The rows that are there although nobody confirmed their commit."""
    return {row.id: row for row in journal.rows() if row.fate in (Fate.UNKNOWN, Fate.SENT) and row.id in found}


def compare_unconfirmed(sent: Mapping[int, Row], there: Iterable[tuple[int, str, str]]) -> list[str]:
    """Rows whose commit nobody confirmed may be there, but then as they were sent: id, customer and amount."""
    read = {identifier: (customer, amount) for identifier, customer, amount in there}
    wrong = [row.id for row in sent.values() if read.get(row.id) != (row.customer, row.amount)]
    return [f"unconfirmed, and not as they were sent: {rows_in_words(wrong)}"] if wrong else []


def unknown_rows(stage: Stage, found: Mapping[int, str]) -> list[str]:
    """The same of where the secret leads."""
    sent = unconfirmed(stage.journal, found)
    if not sent:
        return []
    with stage.secret.connect() as connection:
        if not isinstance(connection, psycopg.Connection):
            there = connection.contents(sent)
        else:
            there = connection.execute(
                "SELECT id, customer, amount::text FROM public.orders WHERE id = ANY(%s)", (list(sent),)
            ).fetchall()
    return compare_unconfirmed(sent, [(row[0], row[1], row[2]) for row in there])


def serving_rows(stage: Stage) -> dict[int, str]:
    """The hash of every row where the secret leads."""
    with stage.secret.connect() as connection:
        return hashes(connection)


def written_afterwards(written: int, read_back: int, wanted: int) -> list[str]:
    """The client wrote enough rows where it is served now, and read every one of them back."""
    if written >= wanted and read_back == written:
        return []
    return [f"{written} rows were written afterwards and {read_back} of them read back, wanted are {wanted}"]


def compare_mistake(journal: Journal, serving: Mapping[int, str], deleted: list[int], altered: list[int]) -> list[str]:
    """Nobody has undone somebody's mistake in production: what was deleted is not there, what was altered is not as before."""
    known = {**journal.seed, **{row.id: row.hash for row in journal.rows()}}
    back = [number for number in deleted if number in serving]
    repaired = [number for number in altered if serving.get(number, "") in ("", known.get(number, ""))]
    problems = [f"production holds again what was deleted: {rows_in_words(back)}"] if back else []
    return problems + ([f"production is not as it was altered: {rows_in_words(repaired)}"] if repaired else [])
