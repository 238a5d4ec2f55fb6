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
from stage import FENCE, RESOURCE, until

Json = dict[str, Any]


def move_to(act: Act, restore_to: float) -> Json:
    """A person moves the clients to an earlier state by a plan's hash; how the recovery ended."""
    act.begin("person", "moves the clients to the second before the mistake")
    moment_before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(restore_to))
    given = {"resource": RESOURCE, "scenario": "human_error", "restore_to": moment_before, "cut_over": True}
    act.ask({**given, "run": "plan"}, 1)
    return act.ask(act.approval(), 2)


def _mistake(act: Act) -> float:
    """Somebody deletes rows of a database that lives; the second before."""
    act.begin("break", "somebody deletes rows by mistake")
    _, when = act.stage.sql(f"DELETE FROM public.orders WHERE {DELETED} RETURNING id")
    until("the mistake is archived", 30, lambda: act.stage.describe(RESOURCE)["LatestRestorableTime"] > when)
    return when.timestamp() - 1


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
    stage, before, restore_to = act.stage, act.stage.secret.side(), _mistake(act)

    def leak() -> None:
        until("clients are moved", RECOVERY_SECONDS, lambda: stage.secret.side() != before, every=0.05)
        stage.cloud.control("/closed-groups", {"groups": []})

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
    """A client that learns the copy's address from Describe writes to it before the cut-over: that, and no more, is found.

    A copy is born with its source's security groups: whoever may reach the one may reach the other. The secret leads
    nobody there early, so that this client, which no scenario has, is how both sides can be written.
    """
    execution = move_to(act, _mistake(act))
    result = act.conclude(Result("early_client", "RECOVERED"), execution, "recovered", exactly=True)
    wanted = [("both sides were writable",), ("(early, ", "before clients were moved to it"), ("led elsewhere",)]
    problems = _unfound(act, result.problems, *wanted)
    more = [told for told in result.problems if not any(words[-1] in told for words in wanted)]
    return problems + [f"that is no matter of an early client: {told}" for told in more]


def moved_back(act: Act) -> list[str]:
    """The copy hangs just when clients are moved to it, so that they are moved back: it is closed before the source is opened.

    Whoever went there keeps its address and retries there for ever, and gets in no more, even when the copy answers again.
    """
    stage, before, restore_to = act.stage, act.stage.secret.side(), _mistake(act)
    copies: list[str] = []

    def fenced() -> bool:
        groups = stage.describe(RESOURCE)["VpcSecurityGroups"]
        return [(group["VpcSecurityGroupId"], group["Status"]) for group in groups] == [(FENCE, "active")]

    def hang() -> None:
        until("the source is fenced", RECOVERY_SECONDS, fenced, every=0.1)
        shown = stage.cloud.client("rds").describe_db_instances()["DBInstances"]
        copies.extend(item["DBInstanceIdentifier"] for item in shown if item["DBInstanceIdentifier"] != RESOURCE)
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
        return [(group["VpcSecurityGroupId"], group["Status"]) for group in groups] == [(FENCE, "active")]

    until("the copy is closed", 30, closed)
    # The copy hung while clients were led to it: that nobody wrote there is what was to be shown.
    nothing = ("it proves nothing", f"of 0 writes that {copy} acknowledged")
    found = checks.never_both(stage, [before, copy, before])
    return [problem for problem in found if not any(words in problem for words in nothing)]
