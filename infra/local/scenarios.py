"""The scenarios: how each breaks the database, and what is special about its recovery."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import checks
from act import RECOVERY_SECONDS, Act, Result
from ledger import moment
from stage import RESOURCE, until

Json = dict[str, Any]

DELETED = "id BETWEEN 20001 AND 24000 OR id BETWEEN 60001 AND 60321"
ALTERED = "id % 10 = 3"


def instance_failure(act: Act) -> list[Result]:
    """Run it: failed by RDS, restored, cut over."""
    act.break_it("instance_failure", "the host of {} is lost for good: RDS gives it up as failed")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    return [act.conclude(Result("instance_failure", "RECOVERED"), execution, "recovered")]


def again(act: Act) -> list[Result]:
    """Run it after instance_failure: the next backup, then the same once more."""
    stage, serving = act.stage, act.stage.serving()
    result = Result("again", "RECOVERED")
    point = stage.back_up()
    s3, bucket = stage.cloud.client("s3"), stage.outputs["Bucket"]
    covered = json.loads(s3.get_object(Bucket=bucket, Key=point["manifest"])["Body"].read())["id"]
    if (point["resource"], covered, point["state"]) != (RESOURCE, serving, "available"):
        result.problems.append(f"the next backup covers {covered} as {point['resource']}, not {serving}: {point}")
    act.timeline.screen.line(None, "backup", f"the next backup covers {covered} as {point['resource']}")
    until("it can be restored", 30, lambda: stage.describe(serving).get("LatestRestorableTime"))
    act.break_it("instance_failure", "the host of {} is lost, too")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    return [act.conclude(result, execution, "recovered")]


def az_outage(act: Act) -> list[Result]:
    """Run it: AWS fails over by itself, Lifeboat touches nothing."""
    act.break_it("az_outage", "the Availability Zone of {} goes dark")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("az_outage", "SELF_HEALED"), execution, "self_healed")
    made = checks.calls_since(act.stage, act.zero)
    if made:
        result.problems.append(f"AWS heals first, yet Lifeboat called {made}")
    return [_lost_nothing(result)]


def hung(act: Act) -> list[Result]:
    """Run it: found within two sweeps, failed over once."""
    stage = act.stage
    act.break_it("hung", "the server of {} accepts connections and never answers again")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("hung", "RECOVERED"), execution, "failed_over")
    incident = stage.ledger.incident(act.timeline.incident(execution["executionArn"]))
    opened = moment(incident["opened_at"])
    sweeps = [sweep for sweep in stage.executions("Sweep", act.zero) if sweep.get("stopDate")]
    number = 1 + sum(sweep["stopDate"] < opened for sweep in sweeps)
    if number > 2:
        result.problems.append(f"found by sweep {number}, not within two sweeps")
    sources = {signal["source"] for signal in incident["signals"] if moment(signal["at"]) <= opened}
    if sources != {"sweep"}:
        result.problems.append(f"found by {sorted(sources)}, not by the sweep alone")
    reboots = [call for call in checks.calls_since(stage, act.zero) if call[0] == "RebootDBInstance"]
    if reboots != [("RebootDBInstance", RESOURCE, "True")]:
        result.problems.append(f"one forced failover was expected: {reboots}")
    act.timeline.note("demo", f"no event told of it; sweep {number} after the accident found it")
    return [_lost_nothing(result)]


def _lost_nothing(result: Result) -> Result:
    """A synchronous standby has every commit."""
    if result.rows_lost:
        result.problems.append(f"a failover loses nothing, yet {result.rows_lost} rows are lost")
    return result


def human_error(act: Act) -> list[Result]:
    """Run it: plan, restore beside, then a cut-over that is refused until its plan is named."""
    act.begin("break", "somebody deletes rows of public.orders by mistake")
    deleted, when = act.stage.sql(f"DELETE FROM public.orders WHERE {DELETED} RETURNING id")
    before = (when - timedelta(milliseconds=1)).replace(microsecond=0)
    act.timeline.note("break", f"{len(deleted)} rows are gone; the second before was {before:%H:%M:%S}Z")
    given = {"resource": RESOURCE, "scenario": "human_error", "restore_to": f"{before:%Y-%m-%dT%H:%M:%SZ}"}
    beside = Result("human_error_beside", "RESTORED_BESIDE")
    planned = act.ask({**given, "run": "plan"}, 1)
    beside.problems += _changed_nothing(act, planned, "SUCCEEDED")
    execution = act.ask({**given, "run": "execute"}, 2)
    act.conclude_beside(beside, execution, deleted=deleted, altered=[])
    beside.more = f"rows_deleted={len(deleted)} rows_rescued={len(deleted) if not beside.problems else 'unknown'}"
    return [beside, _cut_over(act, "human_error", {**given, "cut_over": True, "run": "execute"}, "FAILED")]


def corruption(act: Act) -> list[Result]:
    """Run it: found by the watched check, restored beside by itself, then cut over by the plan's hash."""
    stage, began = act.stage, time.time()
    until("the check passes", 30, lambda: _passed_at(act) > began)
    act.begin("break", "a bad UPDATE makes amounts in public.orders negative")
    altered, _ = stage.sql(f"UPDATE public.orders SET amount = -amount WHERE {ALTERED} RETURNING id")
    act.timeline.note("break", f"{len(altered)} rows are wrong; the server itself is well")
    executions = act.timeline.follow(1, RECOVERY_SECONDS)
    beside = Result("corruption_beside", "RESTORED_BESIDE", more=f"rows_altered={len(altered)}")
    act.conclude_beside(beside, executions[0], deleted=[], altered=altered)
    grades = [_check_on(act, act.side_before)]
    given = {"resource": RESOURCE, "scenario": "corruption", "cut_over": True, "run": "plan"}
    result = _cut_over(act, "corruption", given, "SUCCEEDED")
    grades.append(_check_on(act, None))
    if grades != ["FAIL", "PASS"]:
        result.problems.append(f"the policy's check should FAIL before and PASS after: {grades}")
    return [beside, result]


def _passed_at(act: Act) -> float:
    """When the watched checks last passed."""
    passed = act.stage.ledger.record(RESOURCE).get("checks_passed_at")
    return moment(passed).timestamp() if passed else 0.0


def _check_on(act: Act, side: str | None) -> str:
    """The policy's SQL check, run by hand."""
    with act.stage.secret.connect(side) as connection:
        row = connection.execute("SELECT count(*) FROM public.orders WHERE amount < 0").fetchone()
    return "PASS" if row == (0,) else "FAIL"


def _cut_over(act: Act, scenario: str, given: Mapping[str, Any], first: str) -> Result:
    """A person wants clients moved to the earlier state: refused or planned first, carried out when its hash is named."""
    result = Result(scenario, "RECOVERED")
    act.begin("person", "decides to give up what was written since, and to move the clients")
    answer = act.ask(given, 1)
    result.problems += _changed_nothing(act, answer, first)
    execution = act.ask(act.approval(), 2)
    return act.conclude(result, execution, "recovered", exactly=True)


def _changed_nothing(act: Act, execution: Json, expected: str) -> list[str]:
    """A plan, or a refusal, leaves the world as it was."""
    problems = [f"changed something: {call}" for call in checks.calls_since(act.stage, act.zero)]
    if execution["status"] != expected or execution.get("error", "Dr.Refused") != "Dr.Refused":
        problems.append(f"ended {execution['status']}: {execution.get('error')}: {execution.get('cause')}")
    return problems


@dataclass(frozen=True)
class Scenario:
    """A scenario with the stage that it needs."""

    run: Callable[[Act], list[Result]]
    sentence: str
    multi_az: bool = False
    after: str = ""


SCENARIOS = {
    "instance_failure": Scenario(
        instance_failure, "RDS gives the instance up: restored to the latest moment, validated, clients moved (default)"
    ),
    "again": Scenario(
        again,
        "after instance_failure: the next backup covers the new one, a second failure recovers",
        False,
        "instance_failure",
    ),
    "az_outage": Scenario(
        az_outage, "a zone goes dark under a Multi-AZ instance: AWS heals it, Lifeboat only watches", True
    ),
    "hung": Scenario(
        hung, "the server stops answering and no event tells: the sweep finds it, one forced failover", True
    ),
    "human_error": Scenario(
        human_error, "rows are deleted by mistake: restored beside to the second before; then cut over by a plan's hash"
    ),
    "corruption": Scenario(
        corruption, "a bad UPDATE, found by the policy's SQL check: restored beside; then cut over by a plan's hash"
    ),
}
