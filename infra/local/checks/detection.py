"""Detection: what found the accident, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger import moment

from .validation import watched

Json = dict[str, Any]


def found_by_check(incident: Json, probe: Json, policy: Json) -> list[str]:
    """Lifeboat itself saw the policy's watched checks fail: in the sweep's signal, in the probe, and in its verdict."""
    names = watched(policy)
    problems = [] if names else ["the policy watches no check"]
    told = [
        signal["text"]
        for signal in incident["signals"]
        if (signal["source"], signal["plane"]) == ("sweep", "data_plane")
    ]
    for name in names:
        if not any(f"{name}: " in text for text in told):
            problems.append(f"no signal of the sweep names the check {name!r}: {told}")
        if not any(failed.startswith(f"{name}: ") for failed in probe["failed_checks"]):
            problems.append(f"the probe did not see the check {name!r} fail: {probe['failed_checks']}")
    judged = (incident["verdict"], incident["scenario"], incident["request"]["by_person"])
    if judged != ("failed", "corruption", False):
        problems.append(f"the verdict should be failed (corruption) without a person: {judged}")
    return problems


def found_by_memory(incident: Json, probe: Json, life: Json, runs: tuple[str, str]) -> list[str]:
    """Lifeboat itself saw that the memory is lost: it kept what the server before held, and met another one with next to nothing.

    `runs`: the run ids of the server before and of the one after, as the demo saw them.
    """
    [kept], [met] = life["life"]["nodes"], probe["life"]["nodes"]
    problems = []
    if (kept["run_id"], met["run_id"]) != runs:
        problems.append(f"Lifeboat compared {kept['run_id']} with {met['run_id']}, and they were {runs}")
    if not life["lost_at"] or met["keys"] >= kept["keys"] / 10:
        problems.append(f"no loss was kept: {life}, {met}")
    said = f"holds {met['keys']} keys, where another one held {kept['keys']}"
    if not any(said in failed for failed in probe["failed_checks"]):
        problems.append(f"the probe does not say that it {said}: {probe['failed_checks']}")
    judged = (incident["verdict"], incident["scenario"], incident["request"]["by_person"])
    if judged != ("failed", "corruption", False):
        problems.append(f"the verdict should be failed (corruption) without a person: {judged}")
    return problems


def found_by_sweep(
    incident: Json, sweeps: Sequence[Json], events: Sequence[Json], zero: float
) -> tuple[int, list[str]]:
    """Which sweep since the accident found it: at most the second may, and nothing else may have told before."""
    opened = moment(incident["opened_at"])
    problems = []
    if not any(sweep["startDate"] <= opened <= sweep.get("stopDate", opened) for sweep in sweeps):
        problems.append("no sweep was running when the incident was opened")
    number = 1 + sum("stopDate" in sweep and sweep["stopDate"] < opened for sweep in sweeps)
    if number > 2:
        problems.append(f"found by sweep {number}, not within two sweeps")
    sources = {signal["source"] for signal in incident["signals"] if moment(signal["at"]) <= opened}
    if sources != {"sweep"}:
        problems.append(f"found by {sorted(sources)}, not by the sweep alone")
    if not events:
        problems.append("the estate has published no event at all: that there was none of this proves nothing")
    for event in events:
        if zero < moment(event["detail"]["Date"]).timestamp() <= opened.timestamp():
            problems.append(f"an event told of it: {event['detail']['EventID']} {event['detail']['Message']}")
    return number, problems
