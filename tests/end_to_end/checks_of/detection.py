"""What found the accident: the policy's check, or a sweep."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import checks

from .recovery import ZERO
from .validation import POLICY, VALIDATION, graded
from .verdict import Verdict

Json = dict[str, Any]

INCIDENT: Json = {
    "id": "inc-1",
    "verdict": "failed",
    "scenario": "corruption",
    "request": {"by_person": False},
    "opened_at": "2026-01-15T10:25:06Z",
    "signals": [
        {
            "source": "sweep",
            "plane": "data_plane",
            "at": "2026-01-15T10:25:05Z",
            "text": 'a check of the policy fails: no negatives: returned "7"; expected "0"',
        }
    ],
}
PROBE: Json = {"failed_checks": ['no negatives: returned "7"; expected "0"']}


def corruption(verdict: Verdict) -> None:
    """The policy's check, failing before and passing after, as Lifeboat and as the demo ran it."""
    verdict.passes("what the check found", checks.found_by_check(INCIDENT, PROBE, POLICY))
    signal = INCIDENT["signals"][0]
    for changed in (
        {"text": "a check of the policy fails: another: returned"},
        {"source": "person"},
        {"plane": "person"},
    ):
        other = {**INCIDENT, "signals": [{**signal, **changed}]}
        verdict.finds(
            f"a signal with {changed}", checks.found_by_check(other, PROBE, POLICY), "no signal", "no negatives"
        )
    verdict.finds("no signal", checks.found_by_check({**INCIDENT, "signals": []}, PROBE, POLICY), "no signal")
    verdict.finds("a probe without it", checks.found_by_check(INCIDENT, {"failed_checks": []}, POLICY), "probe")
    for name, value in (("verdict", "healthy"), ("scenario", "human_error"), ("request", {"by_person": True})):
        problems = checks.found_by_check({**INCIDENT, name: value}, PROBE, POLICY)
        verdict.finds(f"{name}={value}", problems, "the verdict should be failed")
    unwatched = {"checks": [{**POLICY["checks"][0], "watch": False}]}
    for policy in ({}, unwatched):
        verdict.finds(
            "a policy that watches nothing", checks.found_by_check(INCIDENT, PROBE, policy), "watches no check"
        )
        verdict.finds("a policy that watches nothing", checks.passed_by_check(VALIDATION, policy), "watches no check")
    verdict.passes("a copy that passes", checks.passed_by_check(VALIDATION, POLICY))
    for grade in ("FAIL", "WARN", "UNKNOWN"):
        problems = checks.passed_by_check(graded("no negatives", grade), POLICY)
        verdict.finds(f"a copy that is {grade}", problems, f"is {grade}")
    missing = checks.passed_by_check(graded("no negatives", None), POLICY)
    verdict.finds("a copy on which it did not run", missing, "MISSING")
    verdict.passes("what the demo asks", checks.policy_checks(POLICY, lambda _: "0"))
    verdict.finds("another answer", checks.policy_checks(POLICY, lambda _: "7"), "'7'", "'0'")
    verdict.finds("no SQL to ask", checks.policy_checks({}, lambda _: "0"), "no SQL check")
    _memory(verdict)


def _memory(verdict: Verdict) -> None:
    """A server that was started anew and is empty, as Lifeboat saw it."""
    text = "keys kept: a server that was started anew holds 7 keys, where another one held 1000: what was in its memory is lost"
    life = {"life": {"nodes": [{"run_id": "a", "keys": 1000}]}, "lost_at": "2026-01-15T10:25:05Z"}
    probe = {"life": {"nodes": [{"run_id": "b", "keys": 7}]}, "failed_checks": [text]}

    def found(incident: Json = INCIDENT, probe: Json = probe, life: Json = life, runs: tuple[str, str] = ("a", "b")) -> list[str]:
        return checks.found_by_memory(incident, probe, life, runs)

    verdict.passes("a memory that is lost", found())
    verdict.finds("another server than that", found(runs=("a", "c")), "compared a with b")
    verdict.finds("a server that stayed the same", found(runs=("b", "b")), "compared a with b")
    verdict.finds("a loss that was not kept", found(life={**life, "lost_at": None}), "no loss")
    half = {"life": {"nodes": [{"run_id": "b", "keys": 500}]}, "failed_checks": [text.replace("7", "500")]}
    verdict.finds("half of the keys", found(probe=half), "no loss")
    verdict.finds("a probe that says nothing", found(probe={**probe, "failed_checks": []}), "does not say")
    for name, value in (("verdict", "healthy"), ("scenario", "hung"), ("request", {"by_person": True})):
        verdict.finds(f"{name}={value}", found({**INCIDENT, name: value}), "the verdict should be failed")


def sweeps(verdict: Verdict) -> None:
    """Who found a hung server."""

    def moment(offset: float) -> datetime:
        return datetime.fromtimestamp(ZERO + offset, timezone.utc)

    runs = [{"startDate": moment(number * 3), "stopDate": moment(number * 3 + 2.5)} for number in range(5)]
    event = {"detail": {"Date": "2026-01-15T10:24:00.000Z", "EventID": "RDS-EVENT-0001", "Message": "earlier"}}

    def found(at: str, **changed: Any) -> list[str]:
        given = {"incident": {**INCIDENT, "opened_at": at}, "sweeps": runs[1:], "events": [event], "zero": ZERO + 2}
        return checks.found_by_sweep(**{**given, **changed})[1]

    verdict.passes("the second sweep", found("2026-01-15T10:25:07Z"))
    verdict.finds("the third sweep", found("2026-01-15T10:25:10Z"), "found by sweep 3")
    verdict.finds("no sweep at that time", found("2026-01-15T10:25:05.8Z"), "no sweep was running")
    verdict.finds("no sweep at all", found("2026-01-15T10:25:07Z", sweeps=[]), "no sweep was running")
    told = {"detail": {**event["detail"], "Date": "2026-01-15T10:25:04.000Z"}}
    verdict.finds("an event", found("2026-01-15T10:25:07Z", events=[event, told]), "an event told of it")
    verdict.finds("an estate without events", found("2026-01-15T10:25:07Z", events=[]), "no event at all")
    alarm = [*INCIDENT["signals"], {**INCIDENT["signals"][0], "source": "alarm"}]
    incident = {**INCIDENT, "opened_at": "2026-01-15T10:25:07Z", "signals": alarm}
    verdict.finds("an alarm", found("2026-01-15T10:25:07Z", incident=incident), "alarm")
    silent = {**incident, "signals": []}
    verdict.finds("no signal", found("2026-01-15T10:25:07Z", incident=silent), "not by the sweep alone")
    later = {**incident, "signals": [alarm[0], {**alarm[1], "at": "2026-01-15T10:25:09Z"}]}
    verdict.passes("an alarm afterwards", found("2026-01-15T10:25:07Z", incident=later))
    running = [*runs[1:2], {"startDate": moment(6)}]
    verdict.passes("a sweep that is still running", found("2026-01-15T10:25:07Z", sweeps=running))
