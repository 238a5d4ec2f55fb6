"""Two sides, of which never more than one may take writes: what the contenders were told, against where the secret led.

A side's *term* runs from the earliest moment at which the secret may have named it to the earliest at which it may have
named another; its *window*, from the sending of the first write that it accepted to the acknowledgement of the last one.
All times are of one client's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import pairwise
from typing import TypeAlias

from contenders import Attempt, Kind, Record, Term
from journal import Fate
from stage import Stage, until

# Rows by number, each with the time of its commit; None where no server runs.
Rows: TypeAlias = Mapping[int, float] | None

# How long it may take until those that hang in a connection have tried again.
SECONDS = 15.0
NEVER = float("inf")
# A side that acknowledged none of so many last writes serves nobody.
LATEST = 4


@dataclass(frozen=True)
class Window:
    """When a side took writes, and how many."""

    side: str
    first_sent: float
    last_acknowledged: float
    accepted: int


@dataclass(frozen=True)
class Reign:
    """A term with its end, if it has one, and what was tried at its side from then to the side's next term.

    What was tried before the side's first term counts to that: it is early. A reign without a side's term is none.
    """

    side: str
    since: float
    end: float
    attempts: list[Attempt]

    def accepted(self) -> list[Attempt]:
        """The writes that were acknowledged."""
        return [it for it in self.attempts if it.fate is Fate.ACKNOWLEDGED]


def reigns(attempts: Sequence[Attempt], terms: Sequence[Term]) -> list[Reign]:
    """The terms with what was tried in and after each; then the sides without one, which never reign."""
    ends = [*(term.since for term in terms[1:]), NEVER]
    found = [Reign(term.side, term.since, end, []) for term, end in zip(terms, ends, strict=False)]
    without: dict[str, Reign] = {}
    for attempt in attempts:
        mine = [reign for reign in found if reign.side == attempt.side]
        begun = [reign for reign in mine if reign.since <= attempt.sent]
        none = without.setdefault(attempt.side, Reign(attempt.side, NEVER, NEVER, [])) if not mine else None
        (none or (begun[-1] if begun else mine[0])).attempts.append(attempt)
    return found + list(without.values())


def windows(found: Sequence[Reign]) -> list[Window]:
    """When writes were accepted in and after each reign, by the beginning."""
    accepted = [(reign.side, writes) for reign in found if (writes := reign.accepted())]
    all_of_them = [
        Window(side, min(it.sent for it in writes), max(it.ended for it in writes), len(writes))
        for side, writes in accepted
    ]
    return sorted(all_of_them, key=lambda window: window.first_sent)


def compare_windows(
    attempts: Sequence[Attempt], terms: Sequence[Term], led: Sequence[str], *, early: bool = True
) -> list[str]:
    """No two sides took writes at one time, each did only in its term; `led` is where the secret led last, in order."""
    sides, found = [term.side for term in terms], reigns(attempts, terms)
    back = len(set(sides)) != len(sides) and len(set(led)) == len(led)
    problems = []
    if back or sides[max(len(sides) - len(led), 0) :] != list(led):
        problems.append(f"the secret led to {', '.join(sides)}, expected was {', '.join(led)} at the end")
    problems += [
        f"both sides were writable: {new.side} accepted a write {old.last_acknowledged - new.first_sent:.3f} s before "
        f"{old.side} had accepted its last"
        for old, new in pairwise(windows(found))
        if new.first_sent <= old.last_acknowledged
    ]
    for reign in found:
        problems += _compare_reign(reign)
    return problems + untried(attempts, terms, early=early)


def _compare_reign(reign: Reign) -> list[str]:
    """A side accepted writes in its term only, and out of it let nobody get as far as sending one."""
    if reign.since == NEVER:
        count = sum(it.fate is not Fate.FAILED for it in reign.attempts)
        return [f"{count} writes got in at {reign.side}, to which the secret never led"] if count else []
    early = [it for it in reign.accepted() if it.sent < reign.since]
    late = [it for it in reign.accepted() if it.ended >= reign.end]
    open_end = [it for it in reign.attempts if it.fate is Fate.UNKNOWN and it.sent >= reign.end]
    problems = [f"{reign.side} accepted {_several(early)} before clients were moved to it"] if early else []
    if late:
        problems.append(f"{reign.side} accepted {_several(late)} after clients were moved away from it")
    if open_end:
        problems.append(f"{reign.side} was sent {_several(open_end)} after clients were moved away, and may have them")
    return problems


def _several(attempts: Sequence[Attempt]) -> str:
    """How many writes, and of whom."""
    kinds = {f"{it.kind.value}, {'kept' if it.kept else 'fresh'} connection" for it in attempts}
    return f"{len(attempts)} writes ({'; '.join(sorted(kinds))})"


def untried(attempts: Sequence[Attempt], terms: Sequence[Term], *, early: bool = True) -> list[str]:
    """What was not even tried, and so proves nothing: each client in each term, the stale ones afterwards, too.

    `early`: and somebody before each side was opened, where sides are opened.
    """
    problems = [] if terms else ["nobody has seen where the secret leads"]
    for reign in reigns(attempts, terms)[: len(terms)]:
        for kept in (False, True):
            mine, how = [it for it in reign.attempts if it.kept == kept], f"a {'kept' if kept else 'fresh'} connection"
            for kind in (Kind.FOLLOWING, Kind.STALE):
                if not any(it.kind is kind and it.fate is Fate.ACKNOWLEDGED and it.sent < reign.end for it in mine):
                    problems.append(f"no {kind.value} client ever wrote to {reign.side} over {how}: it proves nothing")
            if reign.end != NEVER and not any(it.kind is Kind.STALE and it.sent >= reign.end for it in mine):
                problems.append(f"nobody tried {reign.side} over {how} after clients were moved: it proves nothing")
    return problems + (_unbeset(attempts, terms) if early else [])


def _unbeset(attempts: Sequence[Attempt], terms: Sequence[Term]) -> list[str]:
    """Sides that clients were moved to, and at which nobody was early."""
    firsts = {term.side: term.since for term in reversed(terms)}
    tried = [it for it in attempts if it.kind is Kind.EARLY and it.sent < firsts.get(it.side, NEVER)]
    early = {(it.side, it.kept) for it in tried}
    return [
        f"nobody tried {side} over a {'kept' if kept else 'fresh'} connection before it was opened: it proves nothing"
        for side in list(dict.fromkeys(term.side for term in terms))[1:]
        for kept in (False, True)
        if (side, kept) not in early
    ]


def opened_terms(terms: Sequence[Term], openings: Sequence[tuple[str, float]]) -> list[Term]:
    """Terms that begin when their side was opened, on the clients' clock, where that was within the term before."""
    found = list(terms[:1])
    for before, term in pairwise(terms):
        opened = [at for side, at in openings if side == term.side and before.since < at <= term.since]
        found.append(Term(term.side, max(opened, default=term.since)))
    return found


def compare_committed(
    attempts: Sequence[Attempt], terms: Sequence[Term], kept: Mapping[str, Rows], lost: Mapping[str, float] | None = None
) -> list[str]:
    """What servers committed by their own account, whatever clients were told; `kept` has a side's rows, if it runs.

    `lost`: a side that lost its memory need not have what it was sent before.

    A server that is dead commits nothing. One that serves must be there, and each hold what it acknowledged: else whoever
    looked has looked elsewhere.
    """
    problems, found = [], reigns(attempts, terms)
    for side in dict.fromkeys(term.side for term in terms):
        rows, mine = kept.get(side), [it for it in attempts if it.side == side]
        if rows is None:
            serves = any(it.fate is Fate.ACKNOWLEDGED for it in mine[-LATEST:])
            problems += [f"nobody could look into {side}, which serves"] if serves else []
            continue
        since = (lost or {}).get(side, 0.0)
        told = [it.number for it in mine if it.fate is Fate.ACKNOWLEDGED and it.sent >= since]
        absent = sum(row not in rows for row in told)
        own = [reign for reign in found if reign.side == side]
        outside = sum(not any(reign.since <= at < reign.end for reign in own) for at in rows.values())
        if absent or not told:
            problems.append(f"of {len(told)} writes that {side} acknowledged, the server there lacks {absent}")
        if outside:
            problems.append(f"the server at {side} committed {outside} writes while clients were led elsewhere")
    return problems


def uninterrupted(attempts: Sequence[Attempt], side: str, since: float) -> list[str]:
    """Beside a copy, whoever wrote to the application's side went on to: not one write failed since a moment."""
    mine = [it for it in attempts if it.side == side and it.ended >= since]
    failed = sum(it.fate is not Fate.ACKNOWLEDGED for it in mine)
    if mine and not failed:
        return []
    return [f"of {len(mine)} writes to {side}, where nobody should notice anything, {failed} failed"]


def in_words(record: Record) -> str:
    """The windows of the last two sides, `old: 412 accepted until 12:00:03.120, new: 97 from 12:00:05.871`."""

    def clock(moment: float) -> str:
        return f"{datetime.fromtimestamp(record.wall(moment), timezone.utc):%H:%M:%S.%f}"[:-3]

    found = windows(reigns(record.attempts(), record.terms()))[-2:]
    if len(found) < 2:
        return ", ".join(f"one side: {it.accepted} accepted until {clock(it.last_acknowledged)}" for it in found)
    old, new = found
    refused = sum(it.side == old.side and it.sent > old.last_acknowledged for it in record.attempts())
    return (
        f"old: {old.accepted} accepted until {clock(old.last_acknowledged)}, then {refused} in vain, "
        f"new: {new.accepted} from {clock(new.first_sent)}"
    )


def _on_client_clock(record: Record, rows: Rows) -> Rows:
    """A server's rows with times of the contenders' clock; both are of this machine."""
    return None if rows is None else {number: record.monotonic(at) for number, at in rows.items()}


def never_both(stage: Stage, led: Sequence[str], *, uninterrupted_since: float | None = None) -> list[str]:
    """The same of the stage, as soon as everybody has tried; beside a copy, nobody may have been interrupted, too.

    A side is opened before the secret names it, and only once the other one is proven to be closed: from then on it may
    take writes, and the other one may not.
    """
    record = stage.contenders.record

    def tried() -> bool:
        terms = record.terms()
        return bool(terms) and terms[-1].side == led[-1] and not untried(record.attempts(), terms, early=stage.opens)

    try:
        until("everybody has tried every side", SECONDS, tried)
    except TimeoutError:
        pass  # What is missing is told below.
    # In this order: whatever was acknowledged by then, servers hold afterwards.
    attempts, terms = record.attempts(), record.terms()
    terms = opened_terms(terms, [(side, record.monotonic(at)) for side, at in stage.openings()])
    kept = {term.side: _on_client_clock(record, stage.committed(term.side)) for term in terms}
    problems = compare_windows(record.attempts(), terms, led, early=stage.opens)
    problems += compare_committed(attempts, terms, kept, record.lost())
    if uninterrupted_since is not None:
        problems += uninterrupted(record.attempts(), led[-1], record.monotonic(uninterrupted_since))
    return problems
