"""The calls: the estate's log against the plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stage import Stage

from .log import Call, log_since, logged_call, made_calls, took_effect
from .plan import NO_MEMBERS, planned_calls
from .plan_caches import as_of_any_node
from .words import NOTHING, value_in_words

Json = dict[str, Any]


def _differences(planned: Call, made: Call) -> list[str]:
    """Field by field."""
    fields = sorted(planned.given.keys() | made.given.keys())
    pairs = [(name, planned.given.get(name, NOTHING), made.given.get(name, NOTHING)) for name in fields]
    return [
        f"{planned.action} {planned.on()}: {name}: planned {value_in_words(wanted)}, made {value_in_words(found)}"
        for name, wanted, found in pairs
        if wanted != found
    ]


def _alike(planned: Call, made: Call) -> tuple[bool, int]:
    """How much a call could be meant to be another one."""
    return planned.on() == made.on(), sum(made.given.get(name) == value for name, value in planned.given.items())


def compare_calls(
    log: Sequence[Json], plans: Sequence[Json], members: Mapping[str, Sequence[str]] = NO_MEMBERS
) -> list[str]:
    """The estate's log against the plans: each planned call once, in order, field by field; no other, not even tried."""
    problems = ["the plan has no calls: there is nothing to compare" for plan in plans if not plan["calls"]]
    wanted = [call for plan in plans for call in planned_calls(plan, members)]
    made = [as_of_any_node(call) for call in made_calls(log)]
    extra, missing = list(made), []
    for call in wanted:
        if call in extra:
            extra.remove(call)
        else:
            missing.append(call)
    if not extra and not missing and made != wanted:
        problems.append(
            f"made in another order than planned: {'; '.join(f'{call.action} {call.on()}' for call in made)}"
        )
    for call in missing:
        similar = [other for other in extra if other.action == call.action]
        if similar:
            other = max(similar, key=lambda found: _alike(call, found))
            extra.remove(other)
            problems += _differences(call, other)
        else:
            problems.append(f"planned, but not made: {call}")
    problems += [f"made, but not planned: {call}" for call in extra]
    problems += [f"deleted something: {call}" for call in made if call.action.startswith("Delete")]
    tried = [logged_call(record) for record in log if not took_effect(record)]
    return problems + [f"tried, but not planned: {call}" for call in tried if call not in wanted]


def nothing_called(stage: Stage, zero: float) -> list[str]:
    """Nobody has changed anything since a moment, or tried to."""
    return compare_calls(log_since(stage, zero), [])
