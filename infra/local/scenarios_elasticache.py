"""The scenarios of a cache: what AWS heals, what a promotion heals, and what only a snapshot brings back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import checks
from act import RECOVERY_SECONDS, Act, Result
from ledger import moment
from scenarios import changed_nothing, cut_over, failed_over, go_back
from stage import RESOURCE

Json = dict[str, Any]

FLUSHED = "id BETWEEN 20001 AND 24000 OR id BETWEEN 40001 AND 40321"


def _as_events(notices: list[Json]) -> list[Json]:
    """What ElastiCache told its topic, as if RDS had published it."""
    return [
        {"detail": {"Date": notice["at"], "EventID": "ElastiCache", "Message": notice["message"]}} for notice in notices
    ]


def primary_lost(act: Act) -> list[Result]:
    """Run it: the host of the primary is lost, ElastiCache makes the replica the primary, Lifeboat touches nothing."""
    act.break_it("az_outage", "the Availability Zone of the primary of {} goes dark")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("az_outage", "SELF_HEALED"), execution, "self_healed")
    return [failed_over(act, result)]


def hung(act: Act) -> list[Result]:
    """Run it: nobody fails over by himself; found by the sweep, and the replica is made the primary by one call."""
    stage = act.stage
    act.break_it("hung", "the primary of {} accepts connections and never answers again")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("hung", "RECOVERED"), execution, "failed_over")
    incident = stage.ledger.incident(act.timeline.incident(execution["executionArn"]))
    told = _as_events(stage.cloud.control("/notices"))
    number, problems = checks.found_by_sweep(incident, stage.executions("Sweep", act.zero), told, act.zero)
    result.problems += problems
    made = checks.made_calls(checks.log_since(stage, act.zero))
    wanted = checks.Call(*stage.database.failover(act.described))
    if made != [wanted]:
        result.problems.append(f"one promotion was expected: {'; '.join(map(str, made))}")
    act.timeline.note("demo", f"no notice told of it; sweep {number} after the accident found it")
    return [failed_over(act, result)]


def lost(act: Act) -> list[Result]:
    """Run it: all nodes are lost for good; restored from the newest snapshot, validated, clients moved."""
    act.break_it("cluster_failure", "{} is lost with all its nodes, which it never gets over")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("instance_failure", "RECOVERED"), execution, "recovered")
    return [_from_snapshot(act, result)]


def deletion(act: Act) -> list[Result]:
    """Run it: somebody deletes the cache; a person approves its return from the newest snapshot."""
    act.break_it("deletion", "somebody deletes {}; its snapshots are kept")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = Result("deletion", "RECOVERED")
    result.problems += changed_nothing(act, execution, "FAILED")
    answer = act.ask(act.approval(), 2)
    act.conclude(result, answer, "recovered", is_gone=True)
    return [_from_snapshot(act, result)]


def _from_snapshot(act: Act, result: Result) -> Result:
    """The plan was to restore tonight's snapshot, and what the new cache holds is of then."""
    if not result.incident:
        return result
    plan = act.stage.ledger.plan(result.incident)
    points = [point for _, point in act.stage.ledger.list(f"resource#{RESOURCE}", "point#")]
    [tonight] = [point["snapshot"] for point in points if moment(point["started_at"]).timestamp() < act.broke]
    snapshots = [call["act"].get("snapshot") for call in plan["calls"] if call["act"]["call"] == "restore_from_snapshot"]
    if (plan["remedy"], snapshots) != ("restore_snapshot", [tonight]):
        result.problems.append(f"{tonight} should be restored, yet the plan was {plan['remedy']} of {snapshots}")
    return result


def _mistake(act: Act) -> tuple[list[int], datetime, Json]:
    """A bad job deletes keys: which, when, and what a person asks for then."""
    act.begin("break", "a bad job deletes keys that it should have left alone")
    deleted, when = act.stage.sql(f"DELETE FROM public.orders WHERE {FLUSHED} RETURNING id")
    act.timeline.note("break", f"{len(deleted)} keys are gone since {when:%H:%M:%S}Z; the cache itself is well")
    return deleted, when, {"resource": RESOURCE, "scenario": "human_error", "restore_to": f"{when:%Y-%m-%dT%H:%M:%SZ}"}


def human_error(act: Act) -> list[Result]:
    """Run it: a bad job flushes keys; a person asks for the snapshot from before, and then moves the clients to it."""
    deleted, when, given = _mistake(act)
    beside = Result("human_error_beside", "RESTORED_BESIDE")
    planned = act.ask({**given, "run": "plan"}, 1)
    beside.problems += changed_nothing(act, planned, "SUCCEEDED")
    execution = act.ask({**given, "run": "execute"}, 2)
    act.conclude_beside(beside, execution, deleted=deleted, altered=[])
    if beside.incident and moment(act.stage.ledger.plan(beside.incident)["restore_point"]) > when:
        beside.problems.append("the snapshot is from after the mistake")
    if beside.rows_rescued != len(deleted):
        beside.problems.append(f"of {len(deleted)} deleted keys only {beside.rows_rescued} are on the copy")
    beside.more = f"rows_deleted={len(deleted)} rows_rescued={beside.rows_rescued}"
    return [beside, _move(act, "human_error", given)]


def _move(act: Act, name: str, given: Json) -> Result:
    """Clients are moved to the snapshot from before a mistake, when a person names its plan."""
    return cut_over(act, name, {**given, "cut_over": True, "run": "execute"}, "FAILED", exactly=False)


def undo(act: Act) -> list[Result]:
    """Run it: clients are moved to an earlier state, write there, and go back when a person says so."""
    home = act.stage.secret.side()
    _, _, given = _mistake(act)
    return go_back(act, _move(act, "undo_moved", given), home, counts=False)
