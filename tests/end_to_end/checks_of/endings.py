"""The report against the ledger, and what a test's output proves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import act

from .detection import INCIDENT
from .recovery import ACTS, plan_of
from .verdict import Verdict

Json = dict[str, Any]


def endings(verdict: Verdict) -> None:
    """The report against the ledger, and what a test's output proves."""
    # Not at the top: run.py counts by what selftest.py proves.
    from run import Test, proven

    plan = plan_of(*ACTS)
    done = [{"fate": "done"}] * len(ACTS)
    report: Json = {
        "incident": "inc-1",
        "execution": "arn",
        "calls_equal_plan": True,
        "plan": {"hash": "h"},
        "calls": done,
        "extra_calls": [],
    }

    def compared(outcome: str = "recovered", in_force: Json | None = plan, **changed: Any) -> list[str]:
        return act.compare_report(act.Ending(outcome, INCIDENT, {**report, **changed}, in_force), "arn")

    verdict.passes("a report", compared())
    verdict.passes("a report of what healed", compared("self_healed", None, plan=None, calls=[]))
    verdict.finds("a recovery without a plan", compared(in_force=None, plan=None, calls=[]), "without a plan")
    verdict.finds("a plan for what healed", compared("self_healed"), "with the plan")
    verdict.finds("another incident", compared(incident="inc-2"), "inc-2")
    verdict.finds("another execution", compared(execution="arn-2"), "arn-2")
    verdict.finds("calls that differ", compared(calls_equal_plan=False), "not those of the plan")
    verdict.finds("a call that is not done", compared(calls=[*done[1:], {"fate": "sent"}]), "sent")
    verdict.finds("a call that is not listed", compared(calls=done[1:]), "the calls are")
    verdict.finds("a call too many", compared(extra_calls=[{}]), "1 more")
    test = Test("both", Path(__file__), (), ("first", "second"))
    good = "RECOVERED orders-db scenario=first rto=1s\nKEPT second\n"
    outputs: list[tuple[str, str, int, Json]] = [
        ("two lines", good, 0, {"first": True, "second": True}),
        ("a missing line", "KEPT first\n", 0, {"first": True, "second": False}),
        ("no line", "", 0, {"first": False, "second": False}),
        ("a line that failed", good + "FAILED orders-db scenario=first rto=1s\n", 1, {"first": False, "second": True}),
        ("a status that contradicts", good, 1, {"first": True, "second": True, "both": False}),
        (
            "a failure that nobody expected",
            good + "FAILED both: late\n",
            1,
            {"first": True, "second": True, "both:": False},
        ),
        ("a line that nobody expected", good + "KEPT third\n", 0, {"first": True, "second": True}),
    ]
    for what, said, status, wanted in outputs:
        found = proven(test, said, status)
        verdict.passes(what, [] if found == wanted else [json.dumps(found)])
