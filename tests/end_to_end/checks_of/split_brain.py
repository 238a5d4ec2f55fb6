"""Two sides: journals of contenders in which both took writes, each of which must be found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import checks
from contenders import Attempt, Kind, Record, Term
from journal import Fate

from .verdict import Verdict

OLD, NEW, COPY = "old:5432", "new:5432", "copy:5432"
# The source was fenced at 10 and the secret moved at 20, on the clients' clock.
TERMS = [Term(OLD, 0.0), Term(NEW, 20.0)]
FRESH, KEPT = False, True


def _attempt(
    side: str, kind: Kind, kept: bool, sent: float, fate: Fate = Fate.ACKNOWLEDGED, *, lasts: float = 0.01
) -> Attempt:
    """One attempt."""
    return Attempt(0, side, kind, kept, sent, sent + lasts, fate)


def _everybody(side: str, *moments: float) -> Iterable[Attempt]:
    """Each kind of client and of connection wrote to a side at these moments."""
    for moment in moments:
        for kept in (FRESH, KEPT):
            yield _attempt(side, Kind.FOLLOWING, kept, moment)
            yield _attempt(side, Kind.STALE, kept, moment + 0.02)


def _in_vain(side: str, *moments: float) -> Iterable[Attempt]:
    """The stale ones tried to connect at these moments."""
    for moment in moments:
        for kept in (FRESH, KEPT):
            yield _attempt(side, Kind.STALE, kept, moment, Fate.FAILED, lasts=2.0)


def _early(side: str, *moments: float) -> Iterable[Attempt]:
    """The early ones tried to connect at these moments, in vain."""
    for moment in moments:
        for kept in (FRESH, KEPT):
            yield _attempt(side, Kind.EARLY, kept, moment, Fate.FAILED, lasts=2.0)


MOVED = [
    *(*_everybody(OLD, 1.0, 5.0, 9.0), *_in_vain(OLD, 12.0, 19.0, 21.0)),
    *(*_early(NEW, 8.0, 13.0), *_everybody(NEW, 21.0, 25.0)),
]
# A write whose answer the fence cut off: it may be committed, as the side was still serving.
CUT_OFF = _attempt(OLD, Kind.STALE, KEPT, 9.9, Fate.UNKNOWN)


def split_brain(verdict: Verdict) -> None:
    """Two sides: no two took writes at one time, each did only while the secret led to it, and everybody tried."""

    def compared(*more: Attempt, moved: Iterable[Attempt] = MOVED) -> list[str]:
        return checks.compare_windows([*moved, *more], TERMS, [OLD, NEW])

    verdict.passes("sides that took writes one after the other", compared())
    verdict.passes("a write that the fence cut off", compared(CUT_OFF))
    overlap, late, early = "both sides were writable", "after clients were moved", "before clients were moved"
    for kept, how in ((FRESH, "fresh"), (KEPT, "kept")):
        after = compared(_attempt(OLD, Kind.STALE, kept, 24.0))
        verdict.finds(f"an old-side write on a {how} connection after the cut-over", after, overlap)
        verdict.finds(f"whose that write was, on a {how} connection", after, OLD, "1 writes", f"stale, {how}", late)
        between = compared(_attempt(OLD, Kind.STALE, kept, 20.5))
        verdict.finds("an old-side write between the cut-over and the new side's first", between, OLD, late)
        verdict.passes("that such a one is no overlap", [it for it in between if overlap in it])
        before = compared(_attempt(NEW, Kind.EARLY, kept, 7.0))
        verdict.finds(f"an early write on a {how} connection", before, overlap, "2.0")
        verdict.finds(f"that an early write on a {how} connection is early", before, NEW, f"early, {how}", early)
        fenced = compared(_attempt(NEW, Kind.EARLY, kept, 15.0))
        verdict.finds("an early write behind a fence that stands", fenced, NEW, early)
        verdict.passes("that such a one is no overlap", [it for it in fenced if overlap in it])
        answerless = compared(_attempt(OLD, Kind.STALE, kept, 22.0, Fate.UNKNOWN))
        verdict.finds(f"a write on a {how} connection that got in and has no answer", answerless, OLD, "may have")
    straddling = compared(_attempt(OLD, Kind.STALE, KEPT, 9.5, lasts=11.0))
    verdict.finds("a write that was acknowledged only after the cut-over", straddling, OLD, late)
    survivor = [_attempt(OLD, Kind.STALE, KEPT, 10.0 + number) for number in range(15)]
    verdict.finds("a kept connection that survives the fence", compared(*survivor), "5 writes", "stale, kept", late)
    follower = compared(_attempt(OLD, Kind.FOLLOWING, KEPT, 26.0))
    verdict.finds("a follower that never left", follower, OLD, "following, kept", late)
    _led(verdict)
    _opened(verdict)
    _committed(verdict)
    _nothing_proven(verdict)
    _one_side(verdict)


def _led(verdict: Verdict) -> None:
    """Where the secret led."""
    back = [*TERMS, Term(OLD, 30.0)]
    turns = [*MOVED, *_in_vain(NEW, 30.0), *_everybody(OLD, 31.0, 35.0)]
    unexpected = checks.compare_windows(turns, back, [OLD])
    verdict.finds("a secret that led back", unexpected, "the secret led to old:5432, new:5432, old:5432")
    verdict.passes("clients that were moved back", checks.compare_windows(turns, back, [OLD, NEW, OLD]))
    for kept in (FRESH, KEPT):
        for sent, side in ((33.0, NEW), (25.5, OLD)):
            mixed = checks.compare_windows([*turns, _attempt(side, Kind.STALE, kept, sent)], back, [OLD, NEW, OLD])
            verdict.finds("writes by turns, out of turn", mixed, "both sides were writable", side)
            verdict.finds("whose they were", mixed, side, "1 writes", "moved away")
    held = {OLD: {1: 5.0, 2: 31.0}, NEW: {3: 21.0}}
    told = [
        Attempt(number, side, Kind.STALE, KEPT, at, at, Fate.ACKNOWLEDGED)
        for side in held
        for number, at in held[side].items()
    ]
    verdict.passes("what servers hold of clients that were moved back", checks.compare_committed(told, back, held))
    astray = checks.compare_committed(told, back, {**held, OLD: {**held[OLD], 9: 25.0}})
    verdict.finds("a commit between two terms", astray, OLD, "committed 1 writes")
    verdict.finds("clients elsewhere", checks.compare_windows(MOVED, TERMS, [OLD, COPY]), "expected was", COPY)
    verdict.finds("clients from elsewhere", checks.compare_windows(MOVED, TERMS, [COPY, NEW]), "expected was", COPY)
    verdict.finds("clients not moved", checks.compare_windows([*_everybody(OLD, 1.0)], TERMS[:1], [OLD, NEW]), NEW)
    verdict.finds("clients moved", checks.compare_windows(MOVED, TERMS, [OLD]), "expected was old:5432")
    thrice = [*MOVED, *_in_vain(OLD, 30.0), *_in_vain(NEW, 30.0, 41.0), *_in_vain(OLD, 41.0)]
    thrice += [*_early(COPY, 35.0), *_everybody(COPY, 41.0)]
    terms = [*TERMS, Term(COPY, 40.0)]
    verdict.passes("three sides one after the other", checks.compare_windows(thrice, terms, [NEW, COPY]))
    first = [*thrice, _attempt(OLD, Kind.STALE, FRESH, 42.0)]
    verdict.finds("a write on the first of three", checks.compare_windows(first, terms, [NEW, COPY]), OLD, "moved away")


def _opened(verdict: Verdict) -> None:
    """A side that was opened, behind the fence, before the secret named it."""
    terms = checks.opened_terms(TERMS, [(NEW, 15.0), (OLD, 11.0), (NEW, 30.0)])
    shifted = [TERMS[0], Term(NEW, 15.0)]
    verdict.passes("terms that begin when their side is opened", [] if terms == shifted else ["not so"])
    unopened = checks.opened_terms(TERMS, [(NEW, -1.0), (OLD, 16.0)])
    verdict.passes("openings of another time or side", [] if unopened == TERMS else ["they count"])
    for kept, how in ((FRESH, "fresh"), (KEPT, "kept")):
        behind = checks.compare_windows([*MOVED, _attempt(NEW, Kind.EARLY, kept, 16.0)], terms, [OLD, NEW])
        verdict.passes(f"an early write on a {how} connection after the opening", behind)
        before = checks.compare_windows([*MOVED, _attempt(NEW, Kind.EARLY, kept, 14.0)], terms, [OLD, NEW])
        early = f"early, {how}"
        verdict.finds(f"an early write on a {how} connection before the opening", before, NEW, early)
        late = checks.compare_windows([*MOVED, _attempt(OLD, Kind.STALE, kept, 16.0)], terms, [OLD, NEW])
        verdict.finds(f"a write on the old side on a {how} connection after the opening", late, OLD, f"stale, {how}")
        unbeset = [it for it in MOVED if it.kind is not Kind.EARLY or it.kept != kept or it.sent >= 15.0]
        missed = checks.compare_windows(unbeset, terms, [OLD, NEW])
        verdict.finds("a copy at which nobody was early", missed, NEW, f"{how} connection before it was opened")


def _committed(verdict: Verdict) -> None:
    """What servers say that they committed."""
    attempts = [replace(attempt, number=number) for number, attempt in enumerate(MOVED)]
    took = [it for it in attempts if it.fate is Fate.ACKNOWLEDGED]
    old, new = ({it.number: it.sent for it in took if it.side == side} for side in (OLD, NEW))

    def compared(old: dict[int, float] | None, new: dict[int, float] | None) -> list[str]:
        return checks.compare_committed(attempts, TERMS, {OLD: old, NEW: new})

    verdict.passes("what servers hold", compared(old, new))
    verdict.passes("a commit that nobody was told of", compared({**old, 99: 9.95}, new))
    verdict.passes("a dead source", compared(None, new))
    for at in (20.0, 24.0):
        woken = compared({**old, 99: at}, new)
        verdict.finds("a hung server that wakes up and commits", woken, OLD, "committed 1 writes", "led elsewhere")
    verdict.finds("a copy that committed early", compared(old, {**new, 99: 19.9}), NEW, "committed 1 writes")
    lacking = compared(dict(list(old.items())[1:]), new)
    verdict.finds("another server than the one that acknowledged", lacking, "of 12 writes that old:5432", "lacks 1")
    late = max(old.values()) - 0.1
    emptied = {OLD: {number: at for number, at in old.items() if at >= late}, NEW: new}
    verdict.passes("a server that lost its memory", checks.compare_committed(attempts, TERMS, emptied, {OLD: late}))
    verdict.finds("the same without a reason", checks.compare_committed(attempts, TERMS, emptied), OLD, "lacks")
    verdict.finds("a loss afterwards", checks.compare_committed(attempts, TERMS, {OLD: {}, NEW: new}, {OLD: late}), OLD, "lacks")
    verdict.finds("an empty server", compared(old, {}), "of 8 writes that new:5432", "lacks 8")
    verdict.finds("no server where clients are", compared(old, None), NEW, "nobody could look")
    gone = [*(it for it in MOVED if it.side == OLD), *_in_vain(OLD, 30.0, 31.0)]
    verdict.passes("a dead source that nobody left", checks.compare_committed(gone, TERMS[:1], {OLD: None}))
    nobody = checks.compare_committed([], TERMS, {OLD: {}, NEW: {}})
    verdict.finds("a server that acknowledged nothing", nobody, "of 0 writes")


def _nothing_proven(verdict: Verdict) -> None:
    """What nobody tried."""
    for side, kind in ((OLD, Kind.FOLLOWING), (OLD, Kind.STALE), (NEW, Kind.FOLLOWING), (NEW, Kind.STALE)):
        for kept, how in ((FRESH, "fresh"), (KEPT, "kept")):
            absent = (side, kind, kept, Fate.ACKNOWLEDGED)
            without = [it for it in MOVED if (it.side, it.kind, it.kept, it.fate) != absent]
            found = checks.untried(without, TERMS)
            verdict.finds("a client that never wrote", found, kind.value, side, f"{how} connection", "proves nothing")
    for kept, how in ((FRESH, "fresh"), (KEPT, "kept")):
        without = [it for it in MOVED if it.fate is Fate.ACKNOWLEDGED or it.kept != kept or it.sent < TERMS[1].since]
        verdict.finds("an old side that nobody tried again", checks.untried(without, TERMS), OLD, f"{how} connection")
    verdict.passes("that everybody tried", checks.untried(MOVED, TERMS))
    verdict.finds("no secret", checks.compare_windows(MOVED, [], [OLD, NEW]), "nobody has seen")
    verdict.finds("no attempt", checks.compare_windows([], TERMS, [OLD, NEW]), "proves nothing")


def _one_side(verdict: Verdict) -> None:
    """Endings that move nobody, and how it is all told."""
    served, terms = [*_everybody(OLD, 1.0, 5.0, 9.0)], TERMS[:1]
    outage = _attempt(OLD, Kind.STALE, KEPT, 7.0, Fate.UNKNOWN)
    verdict.passes("one side", checks.compare_windows([*served, outage], terms, [OLD]))
    for fate in (Fate.ACKNOWLEDGED, Fate.UNKNOWN):
        followed = checks.compare_windows([*served, _attempt(COPY, Kind.EARLY, KEPT, 6.0, fate)], terms, [OLD])
        verdict.finds("somebody who went to the copy", followed, COPY, "never led")
    kept_out = _attempt(COPY, Kind.EARLY, KEPT, 6.0, Fate.FAILED)
    verdict.passes("somebody whom the copy kept out", checks.compare_windows([*served, kept_out], terms, [OLD]))
    verdict.passes("nobody interrupted", checks.uninterrupted(served, OLD, 2.0))
    verdict.passes("an earlier outage", checks.uninterrupted([*served, outage], OLD, 8.0))
    for fate in (Fate.UNKNOWN, Fate.FAILED):
        interrupted = checks.uninterrupted([*served, replace(outage, fate=fate)], OLD, 2.0)
        verdict.finds("somebody interrupted", interrupted, "1 failed")
    verdict.finds("nobody who could notice", checks.uninterrupted(served, OLD, 20.0), "0 writes")
    record = Record()
    for attempt in MOVED:
        record.add(attempt)
    told = checks.in_words(record)
    right = "old: 12 accepted until" in told and "then 6 in vain, new: 8 from" in told
    verdict.passes("how two sides are told", [] if right else [told])
