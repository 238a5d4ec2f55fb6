"""The scenarios of DynamoDB tables that are not those of DB instances."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import scenarios
from act import RECOVERY_SECONDS, Act, Result
from act_tables import TableAct
from ledger import bare
from stage import RESOURCE

Json = dict[str, Any]

# Orders of the beginning that the bad job deletes and overwrites.
DELETED = list(range(401, 521))
OVERWRITTEN = list(range(1201, 1251))
# Of these, some that users write anew meanwhile: nothing may be written over them.
PUT_RIGHT = [*DELETED[:12], *OVERWRITTEN[:8]]
LATE = [DELETED[12], OVERWRITTEN[8]]


def deletion(act: Act) -> list[Result]:
    """Run it: somebody deletes the table; a person approves its return from the backup that DynamoDB made of it."""
    act.break_it("deletion", "somebody switches the protection of {} off and deletes it")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = Result("deletion", "RECOVERED")
    result.problems += scenarios.changed_nothing(act, execution, "FAILED")
    answer = act.ask(act.approval(), 2)
    act.conclude(result, answer, "recovered", is_gone=True)
    plan = act.stage.ledger.plan(result.incident)
    if plan["target"] == f"table/{RESOURCE}" or result.rows_lost:
        result.problems.append(f"{plan['target']} was restored, and {result.rows_lost} orders are lost: nothing may be")
    return [result]


def undo(act: Act) -> list[Result]:
    """Run it: clients are moved to a copy for no good reason, write to it, and go back to the kept table."""
    home = act.stage.secret.side()
    act.begin(
        "break", "nothing: somebody only believes that a job has broken orders, and has clients moved to before it"
    )
    before = _second_before(act.zero)
    given = {
        "resource": RESOURCE,
        "scenario": "human_error",
        "restore_to": f"{before:%Y-%m-%dT%H:%M:%SZ}",
        "cut_over": True,
    }
    moved = scenarios.cut_over(act, "undo_moved", {**given, "run": "execute"}, "FAILED")
    # DynamoDB counts no writes: the plan says so, and the demo counts what its own client wrote.
    return scenarios.go_back(act, moved, home, counts=False)


def _second_before(began: float) -> datetime:
    """The last whole second in which nothing was wrong."""
    return datetime.fromtimestamp(began - 0.001, timezone.utc).replace(microsecond=0)


def salvage(act: Act) -> list[Result]:
    """Run it: the bad job, a copy beside production, and a person who writes single items back from it."""
    assert isinstance(act, TableAct)
    stage = act.stage
    began = act.bad_job(DELETED, OVERWRITTEN)
    before = _second_before(began)
    put_right = stage.put_right(PUT_RIGHT)
    act.timeline.note(
        "client", f"{len(put_right)} of these orders are written anew by their users, and are right as they are"
    )
    given = {"resource": RESOURCE, "scenario": "human_error", "restore_to": f"{before:%Y-%m-%dT%H:%M:%SZ}"}
    result = Result("salvage", "SALVAGED")
    execution = act.ask({**given, "run": "execute"}, 1)
    act.conclude_beside(result, execution, deleted=DELETED, altered=OVERWRITTEN, put_right=put_right)
    result.problems += scenarios._restored_to(act, result, before, datetime.fromtimestamp(began, timezone.utc))
    copy = bare(stage.ledger.incident(result.incident)["restored"]["id"])
    return [act.salvage(result, copy, [*DELETED, *OVERWRITTEN], put_right, LATE)]


def human_error(act: Act) -> list[Result]:
    """Run it: a bad job; planned, restored beside to the second before, then cut over by the plan's hash."""
    assert isinstance(act, TableAct)
    return _restored_and_cut_over(act, "human_error", act.bad_job(DELETED, OVERWRITTEN), DELETED)


def corruption(act: Act) -> list[Result]:
    """Run it: a bad release overwrites orders and deletes none; restored beside, then cut over by the plan's hash."""
    assert isinstance(act, TableAct)
    began = act.bad_job([], OVERWRITTEN, "a bad release of the application makes amounts negative")
    return _restored_and_cut_over(act, "corruption", began, [])


def _restored_and_cut_over(act: TableAct, scenario: str, began: float, deleted: list[int]) -> list[Result]:
    """Planned, restored beside to the second before, then cut over."""
    before = _second_before(began)
    act.timeline.note("break", f"the second before was {before:%H:%M:%S}Z")
    given = {"resource": RESOURCE, "scenario": scenario, "restore_to": f"{before:%Y-%m-%dT%H:%M:%SZ}"}
    beside = Result(f"{scenario}_beside", "RESTORED_BESIDE")
    planned = act.ask({**given, "run": "plan"}, 1)
    beside.problems += scenarios.changed_nothing(act, planned, "SUCCEEDED")
    execution = act.ask({**given, "run": "execute"}, 2)
    act.conclude_beside(beside, execution, deleted=deleted, altered=OVERWRITTEN)
    mistake = datetime.fromtimestamp(began, timezone.utc)
    beside.problems += scenarios._restored_to(act, beside, before, mistake)
    touched = len(deleted) + len(OVERWRITTEN)
    if beside.rows_rescued != touched:
        beside.problems.append(
            f"of {touched} orders that were deleted or overwritten only {beside.rows_rescued} are on the copy"
        )
    beside.more = f"items_broken={touched} items_rescued={beside.rows_rescued}"
    result = scenarios.cut_over(act, scenario, {**given, "cut_over": True, "run": "execute"}, "FAILED")
    result.problems += scenarios._restored_to(act, result, before, mistake)
    return [beside, result]
