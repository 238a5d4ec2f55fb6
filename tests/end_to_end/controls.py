"""Negative controls: what must not happen, on the same stage and with the same binaries as the demo.

controls.py --binaries DIR NAME      `list` tells which
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
sys.path.insert(0, str(REPO / "infra" / "local"))

import back_door  # noqa: E402
import checks  # noqa: E402
from act import RECOVERY_SECONDS, Act, Result  # noqa: E402
from demo import STAGES, keep_function_logs  # noqa: E402
from filled_cache import filled_cache  # noqa: E402
from overlaps import early_client, leaking_fence, move_to, moved_back, opened_early  # noqa: E402
from roles import roles  # noqa: E402
from scenarios import DELETED  # noqa: E402
from table_controls import table_lost_replies, table_roles  # noqa: E402
from stage import DATABASE, RESOURCE, SECRET, Stage, until  # noqa: E402
from timeline import Screen, Timeline  # noqa: E402

Json = dict[str, Any]
Problems = list[str]


def _subjects(act: Act) -> list[str]:
    """The subjects of the messages since it broke."""
    return [message["Subject"] for message in act.timeline.fresh_messages()]


def _stopped(
    act: Act, execution: Json, outcome: str, subject: str, *, state: str = "waiting_for_person"
) -> tuple[Problems, Json]:
    """An ending without a cut-over: refused, told, the lease given back, clients where they were."""
    incident = act.stage.ledger.incident(act.timeline.incident(execution["executionArn"]))
    problems = []
    if (execution["status"], execution.get("error")) != ("FAILED", "Dr.Refused"):
        problems.append(f"ended {execution['status']} {execution.get('error')}: {execution.get('cause')}")
    if (incident["outcome"], incident["state"]) != (outcome, state):
        problems.append(f"the incident is {incident['state']} as {incident['outcome']}, expected {state} as {outcome}")
    if not any(told.startswith(subject) for told in _subjects(act)):
        problems.append(f"no message begins with {subject!r}: {_subjects(act)}")
    problems += checks.secret_as_planned(act.stage, act.zero, act.fields_before, [])
    problems += checks.sources_exist(act.stage) + checks.one_is_protected(act.stage)
    problems += checks.never_both(act.stage, [act.side_before])
    return problems + checks.lease_is_free(act.stage) + checks.no_dead_letters(act.stage), incident


def _made_only(act: Act, incident: Json, phases: set[str]) -> Problems:
    """The calls are those of the plan's first phases, and no other."""
    plan = act.stage.ledger.plan(incident["id"])
    part = {**plan, "calls": [call for call in plan["calls"] if call["phase"] in phases]}
    return checks.compare_calls(checks.log_since(act.stage, act.zero), [part])


def _wait_for_call(act: Act, phase: str) -> str:
    """Wait until a phase has made a call; the incident."""

    def look() -> str:
        act.timeline.look()
        for execution in act.stage.executions("Recovery", act.zero):
            known = act.stage.ledger.read(f"execution#{execution['executionArn']}", "execution")
            calls = act.stage.ledger.list(f"incident#{known['incident']}", "call#") if known else []
            if known and any(call["phase"] == phase and call["state"] == "done" for _, call in calls):
                return str(known["incident"])
        return ""

    return str(until(f"phase {phase} has made a call", 60, look, every=0.05))


def healed(act: Act) -> Problems:
    """The source answers again while its copy is being restored: nobody is moved, a person decides."""
    act.break_it("hung", "the server of {} hangs, for a while")
    _wait_for_call(act, "act")
    act.stage.break_it("resume")
    act.timeline.note("break", "the server answers again")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    # The next sweep sees it serve, and closes what waits for a person.
    arn, ledger = execution["executionArn"], act.stage.ledger
    until("closed", 30, lambda: ledger.incident(act.timeline.incident(arn))["state"] == "closed")
    act.timeline.watch(1)
    stopped = f"STOPPED {RESOURCE}: the source may be alive"
    problems, incident = _stopped(act, execution, "source_healed", stopped, state="closed")
    if not any("serves again" in told for told in _subjects(act)):
        problems.append(f"no message says that it serves again: {_subjects(act)}")
    problems += _made_only(act, incident, {"act", "configure"})
    copy = incident["restored"]["id"]
    tags = {tag["Key"] for tag in act.stage.describe(copy)["TagList"]}
    if "lifeboat:policy" in tags:
        problems.append(f"the copy {copy} is protected, but does not serve: {sorted(tags)}")
    act.stage.writer.wait_for(20, 20, side=act.side_before, since=time.time())
    return problems


def _endpoint_of(act: Act, instance: str) -> Json | None:
    """Where an instance listens, as soon as it does."""
    all_of_them = [item["instance"] for item in act.stage.cloud.control("/instances")]
    return next((item.get("Endpoint") for item in all_of_them if item["DBInstanceIdentifier"] == instance), None)


def altered(act: Act) -> Problems:
    """One restored row differs from what was backed up: the copy is held, nobody is moved."""
    act.break_it("instance_failure", "the host of {} is lost for good")
    incident_id = _wait_for_call(act, "act")
    copy = act.stage.ledger.incident(incident_id)["restored"]["id"]
    endpoint = until("the copy is up", 60, lambda: _endpoint_of(act, copy), every=0.05)
    # Lifeboat waits for the copy until it was changed.
    act.stage.cloud.control("/accidents", {"instance": copy, "kind": "stuck", "status": "backing-up"})
    server = act.stage.directory(f"{endpoint['Address']}:{endpoint['Port']}")
    if server is None:
        raise LookupError(f"nobody knows where {copy} is kept")
    # It is in quarantine: no client could.
    with back_door.door(server, DATABASE) as inside:
        changed = inside.execute("UPDATE public.orders SET amount = amount + 0.01 WHERE id = 4711").rowcount
    if changed != 1:
        raise LookupError(f"one row should be changed, not {changed}")
    act.stage.break_it("unstick", copy)
    act.timeline.note("break", "somebody changes one row of the restored copy by a cent")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    problems, incident = _stopped(act, execution, "held_by_validation", f"HELD {RESOURCE}: clients were not moved")
    validation = act.stage.ledger.expect(f"incident#{incident_id}", "validation")
    failed = {check["name"]: check["grade"] for check in validation["checks"] if check["grade"] != "PASS"}
    grade, told = checks.judge_validation(validation, act.zero, act.stage.promises)
    if (failed, grade, len(told)) != ({"data": "FAIL"}, "FAIL", 1):
        problems.append(f"only the check of the data should fail: {failed}, {told}")
    return problems + _made_only(act, incident, {"act", "configure"})


def lost_replies(act: Act) -> Problems:
    """The reply to the first call of each kind is lost: the world is as if each was made once."""
    accident, losing = LOSING[act.stage.kind]
    act.break_it(accident, "{} is lost for good, and replies get lost")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("lost_replies", "RECOVERED"), execution, "recovered")
    log = checks.log_since(act.stage, act.zero)
    lost = sorted({call["action"] for call in log if call["outcome"] == "reply_lost"})
    return result.problems + ([] if lost == sorted(losing) else [f"the replies to {losing} should be lost, not {lost}"])


def silent_policy(act: Act) -> Problems:
    """A policy that says nothing about a mode: a message, and not one call."""
    act.break_it("instance_failure", "the host of {} is lost for good, and its policy only observes")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    problems, _ = _stopped(act, execution, "refused", f"REFUSED {RESOURCE}")
    return problems + checks.nothing_called(act.stage, act.zero)


def rotated_password(act: Act) -> Problems:
    """The password was rotated after the restore time: the copy gets today's, and clients find it."""
    stage = act.stage
    act.begin("break", "somebody deletes rows by mistake; then the password is rotated")
    _, when = stage.sql(f"DELETE FROM public.orders WHERE {DELETED} RETURNING id")
    restore_to = when.timestamp() - 1
    until("the mistake is archived", 30, lambda: stage.describe(RESOURCE)["LatestRestorableTime"] > when)
    fields = {**stage.secret.read(), "password": "rotated-after-the-mistake"}
    stage.cloud.client("rds").modify_db_instance(
        DBInstanceIdentifier=RESOURCE, MasterUserPassword=fields["password"], ApplyImmediately=True
    )
    until("the password is set", 30, lambda: stage.describe(RESOURCE)["DBInstanceStatus"] != "available")
    until("the password is set", 30, lambda: stage.describe(RESOURCE)["DBInstanceStatus"] == "available")
    stage.cloud.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=json.dumps(fields))
    time.sleep(1.1)
    result = act.conclude(Result("rotated_password", "RECOVERED"), move_to(act, restore_to), "recovered", exactly=True)
    plan = stage.ledger.plan(result.incident)
    if "reset_master_password" not in [call["act"]["call"] for call in plan["calls"]]:
        result.problems.append("the plan does not reset the password")
    if stage.secret.read()["password"] != fields["password"]:
        result.problems.append("the secret does not hold the rotated password")
    return result.problems


def nothing_to_do(act: Act) -> Problems:
    """Stale, planned, unknown and malformed events of a healthy database start nothing, and each leaves a reason."""
    stage = act.stage
    act.begin("break", "nothing: only events come")
    detail: Json = {
        "SourceArn": stage.describe(RESOURCE)["DBInstanceArn"],
        "SourceIdentifier": RESOURCE,
        "SourceType": "DB_INSTANCE",
        "Message": "an event of the test",
    }
    old, now = time.time() - 7200, time.time()
    sent = [
        ("RDS-EVENT-0031", "failure", old),
        ("RDS-EVENT-0026", "maintenance", now),
        ("RDS-EVENT-9999", "notification", now),
    ]
    for number, category, at in sent:
        date = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))
        event = {**detail, "EventID": number, "EventCategories": [category], "Date": date}
        stage.cloud.put_event("aws.rds", "RDS DB Instance Event", event, Time=at, Resources=[detail["SourceArn"]])
    stage.cloud.put_event("aws.rds", "RDS DB Instance Event", {"no": "event at all"})
    expected = {number for number, _, _ in sent}

    def reasons() -> dict[str, str]:
        pages = stage.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=stage.outputs["Table"])
        seen = [item for page in pages for item in page["Items"] if "#seen#" in item["pk"]["S"]]
        return {item["document"]["M"]["source"]["S"]: item["document"]["M"]["reason"]["S"] for item in seen}

    problems = []
    try:
        until("every event has left a reason", 20, lambda: expected <= reasons().keys())
    except TimeoutError as error:
        problems.append(f"{error}: {reasons()}")
    for number in sorted(expected & reasons().keys()):
        act.timeline.note("reason", f"{number}: {reasons()[number]}")
        if len(reasons()[number]) < 10:
            problems.append(f"{number} has left no reason")
    try:
        [dead] = until("the malformed event is a dead letter", 30, lambda: checks.no_dead_letters(stage))
        act.timeline.note("reason", dead)
        if "event at all" not in dead:
            problems.append(f"that is not the malformed event: {dead}")
    except TimeoutError as error:
        problems.append(str(error))
    started = [item["name"] for item in stage.executions("Recovery", act.zero)]
    return problems + [f"started {name}" for name in started] + _changed(act)


BAD_INPUTS: list[tuple[Json, str, str]] = [
    ({"resource": "orders-bd", "scenario": "hung"}, "Dr.NotFound", "orders-db"),
    ({"resource": RESOURCE, "scenario": "hang"}, "Dr.InvalidInput", "hung"),
    ({"resource": RESOURCE, "scenario": "hung", "runn": "plan"}, "Dr.InvalidInput", "runn"),
    ({"resource": RESOURCE}, "Dr.InvalidInput", "scenario"),
    ({"resource": RESOURCE, "scenario": "human_error"}, "Dr.InvalidInput", "restore_to"),
    ({"resource": RESOURCE, "scenario": "human_error", "restore_to": "2026-01-15T10:25:00"}, "Dr.InvalidInput", "zone"),
    (
        {"resource": RESOURCE, "scenario": "human_error", "restore_to": "2999-01-15T10:25:00Z"},
        "Dr.InvalidInput",
        "past",
    ),
    (
        {"resource": RESOURCE, "scenario": "human_error", "restore_to": "2001-01-15T10:25:00Z"},
        "Dr.InvalidInput",
        "restore_to",
    ),
    ({"resource": RESOURCE, "scenario": "hung", "plan": "0" * 64}, "Dr.InvalidInput", "plan"),
]


def bad_inputs(act: Act) -> Problems:
    """Every wrong input is refused under its name, says what is accepted, and changes nothing."""
    act.begin("break", "nothing: only wrong inputs come")
    problems = []
    for number, (given, error, says) in enumerate(BAD_INPUTS, 1):
        execution = act.ask(given, number)
        cause = str(execution.get("cause"))
        if execution.get("error") != error or says not in cause:
            problems.append(f"{json.dumps(given)} ended {execution['status']} {execution.get('error')}: {cause}")
    return problems + _changed(act)


def _changed(act: Act) -> Problems:
    """Whatever changed, although nothing should."""
    problems = checks.nothing_called(act.stage, act.zero)
    problems += checks.secret_as_planned(act.stage, act.zero, act.fields_before, [])
    problems += checks.never_both(act.stage, [act.side_before], uninterrupted_since=act.zero)
    return problems + checks.sources_exist(act.stage) + checks.one_is_protected(act.stage)


def _reply_lost(action: str) -> Json:
    """The first such call takes effect, and nobody hears of it; a member is refused as long as its cluster is being made."""
    first = {"times": 30} if action == "CreateDBInstance" else {"nth": 1}
    return {"action": action, "when": first, "kind": "reply_lost"}


@dataclass(frozen=True)
class Control:
    """A control with the stage that it needs."""

    run: Callable[[Act], Problems]
    stage: Json = field(default_factory=dict)
    # Whether it begins with replies that get lost.
    loses: bool = False


CONTROLS = {
    "healed": Control(healed),
    "altered": Control(altered),
    "lost_replies": Control(lost_replies, loses=True),
    "silent_policy": Control(silent_policy, {"policy": "silent"}),
    "rotated_password": Control(rotated_password),
    "leaking_fence": Control(leaking_fence),
    "early_client": Control(early_client),
    "opened_early": Control(opened_early),
    "moved_back": Control(moved_back),
    "nothing_to_do": Control(nothing_to_do),
    "bad_inputs": Control(bad_inputs),
    "roles": Control(roles),
    "aurora_leaking_fence": Control(leaking_fence, {"kind": "aurora"}),
    "aurora_opened_early": Control(opened_early, {"kind": "aurora"}),
    "aurora_moved_back": Control(moved_back, {"kind": "aurora"}),
    "aurora_lost_replies": Control(lost_replies, {"kind": "aurora"}, loses=True),
    "filled_cache": Control(filled_cache, {"policy": "demo-filled"}),
    "cache_leaking_fence": Control(leaking_fence, {"kind": "elasticache", "multi_az": True}),
    "cache_opened_early": Control(opened_early, {"kind": "elasticache", "multi_az": True}),
    "shards_leaking_fence": Control(leaking_fence, {"kind": "elasticache", "multi_az": True, "shards": 2}),
    "table_roles": Control(table_roles, {"kind": "dynamodb"}),
    "table_lost_replies": Control(table_lost_replies, {"kind": "dynamodb"}),
}
# By kind: what goes wrong, and the calls of whose kind the first reply is lost.
LOSING = {
    "rds": (
        "instance_failure",
        [
            "RestoreDBInstanceToPointInTime",
            "ModifyDBInstance",
            "AddTagsToResource",
            "RemoveTagsFromResource",
            "CreateDBSnapshot",
        ],
    ),
    "aurora": (
        "cluster_failure",
        [
            "RestoreDBClusterToPointInTime",
            "CreateDBInstance",
            "ModifyDBCluster",
            "AddTagsToResource",
            "RemoveTagsFromResource",
            "CreateDBClusterSnapshot",
        ],
    ),
}


def play(name: str, binaries: Path) -> int:
    """Run one control; the exit status."""
    control, screen = CONTROLS[name], Screen()
    logs = REPO / ".run" / "logs" / name
    screen.say(f"{name}: {control.run.__doc__}")
    try:
        stage_of, act_of = STAGES.get(control.stage.get("kind", ""), (Stage, Act))
        with stage_of(binaries, logs_to=logs, **control.stage) as stage:
            point = stage.back_up()
            screen.line(None, "backup", f"tonight's backup: {point['snapshot']}, {point['state']}")
            if control.loses:
                stage.cloud.control("/faults", [_reply_lost(action) for action in LOSING[stage.kind][1]])
            try:
                problems = control.run(act_of(stage, Timeline(stage, screen), REPO / ".run" / "reports"))
            finally:
                keep_function_logs(stage, logs)
    except Exception as error:  # whatever goes wrong is told as a result
        traceback.print_exc(file=sys.stdout)
        problems = [f"{type(error).__name__}: {error}"]
    for problem in problems:
        screen.say(f"  wrong: {problem}")
    screen.say(f"{'FAILED' if problems else 'KEPT'} {name}")
    return 1 if problems else 0


def main() -> int:
    """Run one control, or list them."""
    parser = argparse.ArgumentParser(description="What must not happen.")
    parser.add_argument("--binaries", type=Path, default=REPO / "target" / "debug")
    parser.add_argument("name", choices=[*CONTROLS, "list"])
    given = parser.parse_args()
    if given.name == "list":
        for name, control in CONTROLS.items():
            print(f"{name:18} {control.run.__doc__}")
        return 0
    return play(given.name, given.binaries.resolve())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
