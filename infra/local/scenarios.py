"""The scenarios of DB instances, most of which are those of DB clusters, too: how each breaks the database, and what is special.

Which kind has which stands in pairs.py.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import checks
from act import RECOVERY_SECONDS, ROWS_AFTERWARDS, Act, Result
from ledger import bare, moment
from second_terminal import await_answer
from stage import RESOURCE, now, until

Json = dict[str, Any]

REPLICA = f"{RESOURCE}-b"
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
    covered = bare(json.loads(s3.get_object(Bucket=bucket, Key=point["manifest"])["Body"].read())["id"])
    shown = stage.cloud.client("rds").describe_db_snapshots(DBSnapshotIdentifier=point["snapshot"])["DBSnapshots"]
    snapshots = [(item["DBInstanceIdentifier"], item["Status"]) for item in shown]
    if serving == RESOURCE or not point["fingerprint"]:
        result.problems.append(f"the next backup is of the first instance, or lacks a fingerprint: {point}")
    if (point["resource"], covered, snapshots) != (RESOURCE, serving, [(serving, "available")]):
        result.problems.append(f"the next backup covers {covered} by {snapshots}, not {serving} as {RESOURCE}: {point}")
    act.timeline.screen.line(None, "backup", f"the next backup covers {covered} as {point['resource']}")
    until("it can be restored", 30, lambda: stage.describe(serving).get("LatestRestorableTime"))
    act.break_it("instance_failure", "the host of {} is lost, too")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    return [act.conclude(result, execution, "recovered")]


def az_outage(act: Act) -> list[Result]:
    """Run it: AWS fails over by itself, Lifeboat touches nothing."""
    act.break_it("az_outage", "the Availability Zone of {} goes dark")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    # Without a plan, one call in the estate's log is one too many.
    result = act.conclude(Result("az_outage", "SELF_HEALED"), execution, "self_healed")
    return [failed_over(act, result)]


def hung(act: Act) -> list[Result]:
    """Run it: found within two sweeps, failed over once."""
    stage = act.stage
    act.break_it("hung", "the server of {} accepts connections and never answers again")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("hung", "RECOVERED"), execution, "failed_over")
    incident = stage.ledger.incident(act.timeline.incident(execution["executionArn"]))
    number, problems = checks.found_by_sweep(
        incident, stage.executions("Sweep", act.zero), stage.cloud.control("/events"), act.zero
    )
    result.problems += problems
    made = checks.made_calls(checks.log_since(stage, act.zero))
    wanted = checks.Call(*stage.database.failover(act.described))
    if made != [wanted]:
        result.problems.append(f"one forced failover was expected: {'; '.join(map(str, made))}")
    act.timeline.note("demo", f"no event told of it; sweep {number} after the accident found it")
    return [failed_over(act, result)]


def storage_full(act: Act) -> list[Result]:
    """Run it: RDS shuts the full database down; its volume grows by the policy's share, and it comes back by itself."""
    size = act.stage.describe(RESOURCE)["AllocatedStorage"]
    act.break_it("storage_full", "the volume of {} is full: RDS shuts it down")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("storage_full", "RECOVERED"), execution, "storage_grown")
    grown = act.stage.describe(RESOURCE)["AllocatedStorage"]
    if grown != size + size // 5:
        result.problems.append(f"a fifth more than {size} GiB was expected: {grown}")
    if result.rows_lost:
        result.problems.append(f"a growth loses nothing, yet {result.rows_lost} rows are lost")
    result.more = f"storage={size}GiB->{grown}GiB"
    return [result]


def replica_promotion(act: Act) -> list[Result]:
    """Run it: a streaming replica stands by, RDS gives the instance up, and the replica takes over for good."""
    stage = act.stage
    stage.add_replica(REPLICA)
    act.timeline.screen.line(None, "ready", f"{REPLICA} follows {RESOURCE} as a read replica that may be promoted")
    act.break_it("instance_failure", "the host of {} is lost for good; its replica lives")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("replica_promotion", "RECOVERED"), execution, "recovered")
    plan = stage.ledger.plan(result.incident)
    if (plan["remedy"], plan["target"], stage.serving()) != ("promote_replica", REPLICA, REPLICA):
        result.problems.append(f"{REPLICA} should be promoted: {plan['remedy']} of {plan['target']}")
    promoted = stage.describe(REPLICA)
    follows = promoted.get("ReadReplicaSourceDBInstanceIdentifier")
    if follows or not promoted["BackupRetentionPeriod"]:
        result.problems.append(f"{REPLICA} follows {follows}, with {promoted['BackupRetentionPeriod']} days of backups")
    # The order that keeps two sides from being written: proven fenced, then promoted, then moved.
    told = [(entry["at"], entry["text"]) for _, entry in stage.ledger.list(f"incident#{result.incident}", "timeline#")]
    proven = min((at for at, text in told if text.startswith("the fence is proven")), default="9")
    sent = stage.ledger.list(f"incident#{result.incident}", f"call#{plan['hash']}#")
    asked = [str(call["sent_at"]) for _, call in sent if call["act"]["call"] == "promote_replica"]
    if len(asked) != 1 or moment(proven) > moment(asked[0]):
        result.problems.append(f"promoted at {asked}, and proven to be fenced at {proven}")
    result.more = f"promoted={REPLICA}"
    return [result]


def deletion(act: Act) -> list[Result]:
    """Run it: somebody deletes the instance; a person approves its return from the automated backups that were kept."""
    act.break_it("deletion", "somebody deletes {}; its automated backups are retained", keep_backups=True)
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = Result("deletion", "RECOVERED")
    result.problems += changed_nothing(act, execution, "FAILED")
    answer = act.ask(act.approval(), 2)
    act.conclude(result, answer, "recovered", is_gone=True)
    remedy = act.stage.ledger.plan(result.incident)["remedy"]
    if remedy != "restore_latest":
        result.problems.append(f"the retained backups reach further than a snapshot, yet the plan was {remedy}")
    return [result]


def approval(act: Act) -> list[Result]:
    """Run it: everything is paused, so that a failure waits for a person, whose answer counts once and for one plan only."""
    stage = act.stage
    until_when = (now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    order = {"resource": "*", "action": "pause", "until": until_when, "reason": "the demo rehearses an approval"}
    paused = stage.start("Pause", order)
    until("everything is paused", 30, lambda: stage.execution(paused)["status"] != "RUNNING")
    act.break_it("instance_failure", "the host of {} is lost for good, while everything is paused")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = Result("approval", "RECOVERED")
    result.problems += changed_nothing(act, execution, "FAILED")
    forged = stage.start("Approval", {"resource": RESOURCE, "plan": "0" * 64, "decision": "approve"})
    until("a forged answer was looked at", 30, lambda: stage.execution(forged)["status"] != "RUNNING")
    if stage.execution(forged).get("error") != "Dr.NotFound":
        result.problems.append(f"a forged answer ended {stage.execution(forged)['status']}")
    result.problems += changed_nothing(act, execution, "FAILED")
    counted = await_answer(act)
    if json.loads(counted["input"])["decision"] == "deny":
        return [_denied(act, execution, result)]
    act.conclude(result, act.timeline.follow(2, RECOVERY_SECONDS)[-1], "recovered")
    again = act.answer_again()
    if again.get("error") != "Dr.Refused":
        result.problems.append(f"the same answer once more ended {again['status']}: it counts once")
    return [result]


def _denied(act: Act, execution: Json, result: Result) -> Result:
    """A person said no: nothing is done, now or at the next sweeps, and the plan cannot be approved any more."""
    stage, result.word = act.stage, "DENIED"
    result.incident = act.timeline.incident(execution["executionArn"])
    act.timeline.watch(6)
    result.problems += changed_nothing(act, execution, "FAILED")
    changed = {**json.loads(stage.execution(stage.executions("Approval")[-1]["executionArn"])["input"])}
    late = stage.start("Approval", {**changed, "decision": "approve"})
    until("a late approval was looked at", 30, lambda: stage.execution(late)["status"] != "RUNNING")
    if stage.execution(late).get("error") != "Dr.Refused":
        result.problems.append(f"an approval after the denial ended {stage.execution(late)['status']}")
    act.timeline.watch(3)
    if len(act.timeline.executions) != 1:
        result.problems.append(f"a denied plan was followed by {len(act.timeline.executions) - 1} recoveries")
    result.problems += changed_nothing(act, execution, "FAILED")
    result.problems += checks.sources_exist(stage) + checks.one_is_protected(stage) + checks.parameter_agrees(stage)
    result.problems += checks.lease_is_free(stage) + checks.no_dead_letters(stage)
    both = checks.never_both(stage, [act.side_before])
    result.problems += both
    result.both_sides = "SEEN" if both else "never"
    _, result.report = act.report_of(result.incident, "approval")
    result.checks = "FAIL" if result.problems else "PASS"
    return result


def undo(act: Act) -> list[Result]:
    """Run it: clients are moved off a hung database, write to the new one, and go back when a person says so."""
    home = act.stage.secret.side()
    act.break_it("hung", "the server of {} accepts connections and never answers again")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    moved = act.conclude(Result("undo_moved", "RECOVERED"), execution, "recovered")
    return go_back(act, moved, home)


def go_back(act: Act, moved: Result, home: str, *, counts: bool = True) -> list[Result]:
    """Clients were moved off `home`, and go back there; `counts`: the database tells how many rows that loses."""
    stage = act.stage
    new, away = stage.serving(), stage.secret.side()
    act.begin("person", "regrets the cut-over: clients are to go back, although they have written since")
    result = Result("undo", "UNDONE")
    asked = act.ask({"resource": RESOURCE, "scenario": "undo", "run": "execute"}, 1)
    result.problems += changed_nothing(act, asked, "FAILED")
    began = time.time()
    execution = act.answer("approve", 2)
    result.incident = act.timeline.incident(execution["executionArn"])
    ended, outcome = time.time(), stage.ledger.incident(result.incident)["outcome"]
    plan = stage.ledger.plan(result.incident)
    if (execution["status"], outcome) != ("SUCCEEDED", "swapped_back"):
        result.problems.append(f"ended {execution['status']} as {outcome}: {execution.get('cause', '')}")
        return [moved, result]
    if (stage.serving(), stage.secret.side()) != (RESOURCE, home):
        result.problems.append(f"{stage.serving()} serves at {stage.secret.side()}, not {RESOURCE} at {home}")
    fresh = stage.writer.wait_for(ROWS_AFTERWARDS, 60, side=home, since=ended)
    result.problems += checks.written_afterwards(len(fresh), stage.writer.read_back(fresh), ROWS_AFTERWARDS)
    result.problems += checks.compare_calls(checks.log_since(stage, act.zero), [plan], act.members)
    result.problems += checks.compare_fence(plan, stage.describe(new), stage.fence)
    result.problems += checks.one_is_protected(stage) + checks.parameter_agrees(stage)
    result.problems += checks.lease_is_free(stage) + checks.no_dead_letters(stage)
    both = checks.never_both(stage, [home, away, home])
    result.problems += both
    result.both_sides = "SEEN" if both else "never"
    validation = stage.ledger.read(f"incident#{result.incident}", "validation")
    result.checks, found = checks.judge_validation(validation, act.zero, stage.promises, stage.database.checks)
    result.problems += found
    _, result.report = act.report_of(result.incident, "undo")
    rows = re.search(r"(\d+) rows? w", plan["reason"])
    result.rows_lost = int(rows[1]) if rows else len(stage.journal.acknowledged(side=away))
    if counts and not rows:
        result.problems.append(f"the plan does not say how many rows are lost: {plan['reason']}")
    result.rto = ended - began
    return [moved, result]


def failed_over(act: Act, result: Result) -> Result:
    """It serves from the other zone, and a synchronous standby has every commit."""
    if result.rows_lost:
        result.problems.append(f"a failover loses nothing, yet {result.rows_lost} rows are lost")
    zone = act.described["AvailabilityZone"]
    try:
        until("it moved", 20, lambda: act.stage.describe(RESOURCE)["AvailabilityZone"] not in ("", zone))
    except TimeoutError:
        result.problems.append(f"there was no failover: {RESOURCE} is still in {zone}")
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
    beside.problems += changed_nothing(act, planned, "SUCCEEDED")
    execution = act.ask({**given, "run": "execute"}, 2)
    act.conclude_beside(beside, execution, deleted=deleted, altered=[])
    beside.problems += _restored_to(act, beside, before, when)
    if beside.rows_rescued != len(deleted):
        beside.problems.append(f"of {len(deleted)} deleted rows only {beside.rows_rescued} are on the copy")
    beside.more = f"rows_deleted={len(deleted)} rows_rescued={beside.rows_rescued}"
    result = cut_over(act, "human_error", {**given, "cut_over": True, "run": "execute"}, "FAILED")
    result.problems += _restored_to(act, result, before, when)
    return [beside, result]


def corruption(act: Act) -> list[Result]:
    """Run it: found by the watched check, restored beside by itself, then cut over by the plan's hash.

    That the check fails before and passes after is read from what Lifeboat's own runs of it left in the ledger; the demo
    asks the same SQL by itself, as a second witness.
    """
    stage, began = act.stage, time.time()
    until("the check passes", 30, lambda: _passed_at(act) > began)
    act.begin("break", "a bad UPDATE makes amounts in public.orders negative")
    altered, when = stage.sql(f"UPDATE public.orders SET amount = -amount WHERE {ALTERED} RETURNING id")
    act.timeline.note("break", f"{len(altered)} rows are wrong; the server itself is well")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    beside = Result("corruption_beside", "RESTORED_BESIDE", more=f"rows_altered={len(altered)}")
    act.conclude_beside(beside, execution, deleted=[], altered=altered)
    first = moment(stage.ledger.plan(beside.incident)["restore_point"])
    beside.problems += _restored_to(act, beside, first, when)
    failed = _failed_before(act, beside, when)
    beside.problems += failed
    given = {"resource": RESOURCE, "scenario": "corruption", "cut_over": True, "run": "plan"}
    result = cut_over(act, "corruption", given, "SUCCEEDED")
    result.problems += _restored_to(act, result, first, when)
    passed = _passed_after(act, beside) + _passed_after(act, result) + _passed_by_sweep(act, result)
    result.problems += passed
    result.more = f"check_before={'unproven' if failed else 'FAIL'} check_after={'unproven' if passed else 'PASS'}"
    return [beside, result]


def _passed_at(act: Act) -> float:
    """When Lifeboat's sweep last saw the watched checks pass."""
    passed = act.stage.ledger.record(RESOURCE).get("checks_passed_at")
    return moment(passed).timestamp() if passed else 0.0


def _failed_before(act: Act, result: Result, when: datetime) -> list[str]:
    """The policy's check failed on what was corrupted: as Lifeboat ran it, and as the demo runs its SQL."""
    stage, incident = act.stage, result.incident
    probe = stage.ledger.expect(f"incident#{incident}", "probe")
    problems = checks.found_by_check(stage.ledger.incident(incident), probe, stage.promises)
    if _passed_at(act) > when.timestamp() + 0.1:
        problems.append("the sweep saw the check pass, although the rows were wrong already")
    if not checks.policy_checks_on(stage, act.side_before):
        problems.append("the check passes on the corrupted side, as the demo runs it")
    return problems


def _passed_after(act: Act, result: Result) -> list[str]:
    """Lifeboat's validation of the copy has the watched check, and it passed."""
    validation = act.stage.ledger.expect(f"incident#{result.incident}", "validation")
    return checks.passed_by_check(validation, act.stage.promises)


def _passed_by_sweep(act: Act, result: Result) -> list[str]:
    """After the cut-over Lifeboat's sweep sees the check pass on the new side; the demo's own run of it passes, too."""
    stage = act.stage
    targets = stage.ledger.expect(f"incident#{result.incident}", "cut_over")["targets"]
    moved = max(moment(target["at"]) for target in targets).timestamp()
    restored = bare(stage.ledger.incident(result.incident)["restored"]["id"])
    try:
        until("the sweep sees the check pass on the new side", 30, lambda: _passed_at(act) > moved)
    except TimeoutError as error:
        return [str(error)]
    problems = [] if stage.serving() == restored else [f"the sweep looks at {stage.serving()}, not at {restored}"]
    return problems + checks.policy_checks_on(stage)


def _restored_to(act: Act, result: Result, wanted: datetime, mistake: datetime) -> list[str]:
    """The plan's restore point is the moment that was asked for, and from before the mistake."""
    point = moment(act.stage.ledger.plan(result.incident)["restore_point"])
    return [] if point == wanted <= mistake else [f"restored to {point}, wanted {wanted}, before {mistake}"]


def cut_over(act: Act, scenario: str, given: Mapping[str, Any], first: str, *, exactly: bool = True) -> Result:
    """A person wants clients moved to the earlier state: refused or planned first, carried out when its hash is named.

    `exactly`: nothing that was written after the restore point is there; the moment of a snapshot is not that exact.
    """
    result = Result(scenario, "RECOVERED")
    act.begin("person", "decides to give up what was written since, and to move the clients")
    answer = act.ask(given, 1)
    result.problems += changed_nothing(act, answer, first)
    approval = act.approval()
    execution = act.ask(approval, 2)
    act.conclude(result, execution, "recovered", exactly=exactly)
    made = act.stage.ledger.plan(result.incident)["hash"]
    if made != approval["plan"]:
        result.problems.append(f"approved was the plan {approval['plan']}, carried out was {made}")
    return result


def changed_nothing(act: Act, execution: Json, expected: str) -> list[str]:
    """A plan, or a refusal, leaves the world as it was."""
    problems = checks.nothing_called(act.stage, act.zero)
    problems += checks.secret_as_planned(act.stage, act.zero, act.fields_before, [])
    error = {"SUCCEEDED": None, "FAILED": "Dr.Refused"}[expected]
    if (execution["status"], execution.get("error")) != (expected, error):
        problems.append(f"ended {execution['status']}: {execution.get('error')}: {execution.get('cause')}")
    return problems
