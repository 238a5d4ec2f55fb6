"""Two sides that both take writes: ways in which that can be brought about on purpose, and must be found."""

from __future__ import annotations

import threading
import time
from typing import Any

import checks
from act import RECOVERY_SECONDS, Act, Result
from contenders import Kind
from journal import Fate
from scenarios import DELETED
from stage import FENCE, QUARANTINE, RESOURCE, until

Json = dict[str, Any]


def move_to(act: Act, restore_to: float) -> Json:
    """A person moves the clients to an earlier state by a plan's hash; how the recovery ended."""
    act.begin("person", "moves the clients to the second before the mistake")
    moment_before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(restore_to))
    given = {"resource": RESOURCE, "scenario": "human_error", "restore_to": moment_before, "cut_over": True}
    act.ask({**given, "run": "plan"}, 1)
    return act.ask(act.approval(), 2)


def mistake(act: Act) -> float:
    """Somebody deletes rows of a database that lives; the second before."""
    act.begin("break", "somebody deletes rows by mistake")
    _, when = act.stage.sql(f"DELETE FROM public.orders WHERE {DELETED} RETURNING id")
    # A cache has no archive: its newest snapshot is restored.
    if act.stage.kind != "elasticache":
        until("the mistake is archived", 30, lambda: act.stage.describe(RESOURCE)["LatestRestorableTime"] > when)
    return when.timestamp() - 1


def _open_the_fence(act: Act) -> None:
    """From now on the fence lets everybody in; that of a cache is the group that admits the prober."""
    of = "prober" if act.stage.kind == "elasticache" else "closed"
    act.stage.cloud.control(f"/{of}-groups", {"groups": []})


def _unfound(act: Act, found: list[str], *wanted: tuple[str, ...]) -> list[str]:
    """Which of these complaints should be among those that were made, and are not."""
    for problem in found:
        act.timeline.note("found", problem)
    missed = [words for words in wanted if not any(all(word in problem for word in words) for problem in found)]
    return [f"nothing that was found has the words: {', '.join(words)}" for words in missed]


def _got_in(act: Act, side: str) -> bool:
    """Whether stale clients, by both kinds of connection, wrote to a side since the secret led where it leads now."""
    record = act.stage.contenders.record
    since = record.terms()[-1].since
    there = [it for it in record.attempts() if (it.side, it.kind) == (side, Kind.STALE) and it.sent >= since]
    return {it.kept for it in there if it.fate is Fate.ACKNOWLEDGED} == {False, True}


def leaking_fence(act: Act) -> list[str]:
    """The fence opens once clients were moved: clients get in at the old side by both kinds of connection, and are found."""
    stage, before, restore_to = act.stage, act.stage.secret.side(), mistake(act)

    def leak() -> None:
        until("clients are moved", RECOVERY_SECONDS, lambda: stage.secret.side() != before, every=0.05)
        _open_the_fence(act)

    leaking = threading.Thread(target=leak, daemon=True)
    leaking.start()
    execution = move_to(act, restore_to)
    problems = [] if execution["status"] == "SUCCEEDED" else [f"ended {execution['status']}: {execution.get('cause')}"]
    until("stale clients get in at the old side", 30, lambda: _got_in(act, before))
    found = checks.never_both(stage, [before, stage.secret.side()])
    late = "after clients were moved away from it"
    return problems + _unfound(
        act,
        found,
        ("both sides were writable", before),
        (late, "stale, fresh"),
        (late, "stale, kept"),
        (f"the server at {before} committed",),
    )


def early_client(act: Act) -> list[str]:
    """A client that learns the copy's address from Describe writes there all the time, and gets in only behind the fence.

    Such clients are at work in every scenario; here it is shown, too, that they really tried. That a copy which lets them
    in is found, opened_early shows.
    """
    stage, before, restore_to = act.stage, act.stage.secret.side(), mistake(act)
    execution = move_to(act, restore_to)
    result = act.conclude(Result("early_client", "RECOVERED"), execution, "recovered", exactly=True)
    moved_at = stage.contenders.record.terms()[-1].since
    tried = [it for it in stage.contenders.record.attempts() if it.kind is Kind.EARLY and it.sent < moved_at]
    copy = [it for it in tried if it.side == stage.secret.side()]
    fence = [at for side, at in stage.openings() if side == stage.secret.side()]
    got_in = [it for it in copy if it.fate is not Fate.FAILED and it.sent < stage.contenders.record.monotonic(fence[0])]
    problems = list(result.problems)
    if not any(it.side == before for it in tried) or len(copy) < 2:
        problems.append(f"early clients tried the copy {len(copy)} times before the cut-over: it proves nothing")
    if got_in:
        problems.append(f"{len(got_in)} early writes got in at the copy before it was opened")
    act.timeline.note("found", f"early clients knocked {len(copy)} times at the copy before clients were moved")
    return problems


def opened_early(act: Act) -> list[str]:
    """Somebody gives the copy its source's groups before the cut-over: an early client writes to it, and that is found."""
    stage, restore_to = act.stage, mistake(act)

    def meddle() -> None:
        def copies() -> list[str]:
            # A restored cluster leads nowhere before its members serve.
            up = [item for item in stage.database.shown() if item["DBInstanceStatus"] == "available" and item.get("Endpoint")]
            return [item["DBInstanceIdentifier"] for item in up if item["DBInstanceIdentifier"] != RESOURCE]

        [copy] = until("the copy is up", RECOVERY_SECONDS, copies, every=0.05)
        stage.cloud.control("/prober-groups", {"groups": []})
        act.timeline.note("break", f"the quarantine of {copy} lets everybody in")

    meddling = threading.Thread(target=meddle, daemon=True)
    meddling.start()
    execution = move_to(act, restore_to)
    problems = [] if execution["status"] == "SUCCEEDED" else [f"ended {execution['status']}: {execution.get('cause')}"]
    found = checks.never_both(stage, [act.side_before, stage.secret.side()])
    return problems + _unfound(
        act, found, ("both sides were writable",), ("(early, ", "before clients were moved to it"), ("led elsewhere",)
    )


def moved_back(act: Act) -> list[str]:
    """The copy hangs just when clients are moved to it, so that they are moved back: it is closed before the source is opened.

    Whoever went there keeps its address and retries there for ever, and gets in no more, even when the copy answers again.
    """
    stage, before, restore_to = act.stage, act.stage.secret.side(), mistake(act)
    copies: list[str] = []

    def fenced() -> bool:
        groups = stage.describe(RESOURCE)["VpcSecurityGroups"]
        return [(group["VpcSecurityGroupId"], group["Status"]) for group in groups] == [(FENCE, "active")]

    def hang() -> None:
        until("the source is fenced", RECOVERY_SECONDS, fenced, every=0.1)
        names = [item["DBInstanceIdentifier"] for item in stage.database.shown()]
        copies.extend(name for name in names if name != RESOURCE)
        stage.break_it("hung", copies[0])

    hanging = threading.Thread(target=hang, daemon=True)
    hanging.start()
    execution = move_to(act, restore_to)
    if (execution["status"], execution.get("error")) != ("FAILED", "Dr.Unrecoverable"):
        return [f"ended {execution['status']} {execution.get('error')}: {execution.get('cause')}"]
    stage.break_it("resume", copies[0])
    act.timeline.note("break", "the copy answers again")
    place = stage.describe(copies[0])["Endpoint"]
    copy = f"{place['Address']}:{place['Port']}"
    def closed() -> bool:
        groups = stage.describe(copies[0])["VpcSecurityGroups"]
        return [(group["VpcSecurityGroupId"], group["Status"]) for group in groups] == [(QUARANTINE, "active")]

    until("the copy is closed", 30, closed)
    # The copy hung while clients were led to it: that nobody wrote there is what was to be shown.
    nothing = ("it proves nothing", f"of 0 writes that {copy} acknowledged")
    found = checks.never_both(stage, [before, copy, before])
    return [problem for problem in found if not any(words in problem for words in nothing)]
