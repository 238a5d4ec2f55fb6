"""A scenario on its stage: what a person does in it, how it is judged at the end, and the line that it ends with."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import checks
from client import hashes
from journal import Row
from ledger import bare, moment
from stage import GROUPS, QUARANTINE, RESOURCE, Stage, until
from timeline import Timeline

Json = dict[str, Any]

RECOVERY_SECONDS = 180.0
ROWS_AFTERWARDS = 100
# A client that was never silent for so long has seen no outage.
SHORTEST_OUTAGE = 1.0
# Endings that restore something, which Lifeboat must have validated.
VALIDATED = ("recovered", "restored_beside")


def _seconds(value: float | None) -> str:
    """`2.1s`, `41s`."""
    if value is None:
        return "none"
    return f"{value:.1f}s" if 0 < value < 10 else f"{value:.0f}s"


@dataclass
class Result:
    """One line of the demo's end."""

    scenario: str
    word: str
    problems: list[str] = field(default_factory=list)
    rto: float | None = None
    rpo: float | None = None
    rows_lost: int = 0
    rows_rescued: int = 0
    # Nothing is proven until it is.
    checks: str = "FAIL"
    both_sides: str = "unproven"
    report: str = "none"
    more: str = ""
    incident: str = ""
    told: bool = False

    def line(self) -> str:
        """The line."""
        word = "FAILED" if self.problems else self.word
        more = f" {self.more}" if self.more else ""
        return (
            f"{word} {RESOURCE} scenario={self.scenario} rto={_seconds(self.rto)} rpo={_seconds(self.rpo)} "
            f"rows_lost={self.rows_lost}{more} both_sides={self.both_sides} checks={self.checks} report={self.report}"
        )


@dataclass(frozen=True)
class Ending:
    """How an incident ended, as the ledger and the report have it; without a plan nothing may have been called."""

    outcome: str
    incident: Json
    report: Json
    plan: Json | None


def compare_report(ending: Ending, execution: str) -> list[str]:
    """The report is of this incident and execution, and of the plan in force, of which it lists every call as done."""
    report, plan = ending.report, ending.plan
    problems = []
    if (report["incident"], report["execution"]) != (ending.incident["id"], execution):
        problems.append(f"the report is of {report['incident']}, {report['execution']}")
    if not report["calls_equal_plan"]:
        problems.append("the report says that the calls made are not those of the plan")
    if (plan is None) != (ending.outcome == "self_healed"):
        problems.append(f"{ending.outcome} {'without a' if plan is None else 'with the'} plan")
    hashes_of = [part["hash"] if part else None for part in (report["plan"], plan)]
    if hashes_of[0] != hashes_of[1]:
        problems.append(f"the report is of the plan {hashes_of[0]}, in force is {hashes_of[1]}")
    done = [call["fate"] for call in report["calls"]]
    if done != ["done"] * (len(plan["calls"]) if plan else 0) or report["extra_calls"]:
        problems.append(f"the report says that the calls are {done}, and {len(report['extra_calls'])} more")
    return problems


@dataclass
class Act:
    """A scenario on its stage. `broke` is when the accident happened, `zero` since when calls are counted."""

    stage: Stage
    timeline: Timeline
    reports: Path
    broke: float = 0.0
    zero: float = 0.0
    side_before: str = ""
    # Since when it serves again by itself, where the accident interrupted its clients.
    well_since: float = 0.0
    # The rows that an accident concerns, where that is not all of them.
    concerns: Callable[[Row], bool] = lambda _: True
    # The database as RDS described it before it broke, and the secret as it was when counting began.
    described: Json = field(default_factory=dict)
    fields_before: Json = field(default_factory=dict)
    # The instances of each cluster when counting began, that which wrote last.
    members: dict[str, list[str]] = field(default_factory=dict)

    # What happens

    def begin(self, label: str, text: str) -> None:
        """Count from now on."""
        self.fields_before, self.members = self.stage.secret.read(), self.stage.database.members()
        described, side = self.stage.describe(self.stage.serving()), self.stage.secret.side()
        self.zero = time.time()
        if label == "break":
            self.broke, self.side_before, self.described = self.zero, side, described
        self.timeline.begin(self.zero, label, text)

    def break_it(self, kind: str, text: str, **more: object) -> None:
        """Let an accident happen to whatever serves."""
        serving = self.stage.serving()
        self.begin("break", text.format(serving))
        self.stage.break_it(kind, serving, **more)

    def ask(self, given: Mapping[str, Any], ended: int) -> Json:
        """Start `recovery` by hand, as in the console, and watch it; how it ended."""
        self.timeline.note("person", f"starts recovery with {json.dumps(given)}")
        arn = self.stage.start("Recovery", given)
        until("the execution is listed", 10, lambda: arn in self._started())
        self.timeline.follow(ended, RECOVERY_SECONDS)
        return self.stage.execution(arn)

    def answer(self, decision: str, ended: int, **more: str) -> Json:
        """Answer the plan of the last message by the machine `approval`, and watch what that starts; how it ended."""
        offered = self.approval()
        given = {"resource": RESOURCE, "plan": offered["plan"], "decision": decision, "claimed_by": "the demo", **more}
        self.timeline.note("person", f"starts approval with {json.dumps(given)}")
        arn = self.stage.start("Approval", given)
        until("the answer was taken", 30, lambda: self.stage.execution(arn)["status"] != "RUNNING")
        taken = self.stage.execution(arn)
        if taken["status"] != "SUCCEEDED":
            return taken
        return self.timeline.follow(ended, RECOVERY_SECONDS)[-1]

    def answer_again(self) -> Json:
        """Give the last answer once more; how that ended."""
        given = json.loads(self.stage.execution(self.stage.executions("Approval")[-1]["executionArn"])["input"])
        arn = self.stage.start("Approval", given)
        until("the answer was looked at", 30, lambda: self.stage.execution(arn)["status"] != "RUNNING")
        return self.stage.execution(arn)

    def _started(self) -> list[str]:
        """The recoveries since we count."""
        return [item["executionArn"] for item in self.stage.executions("Recovery", self.zero - 2)]

    def approval(self) -> Json:
        """The input that the last message offers to paste."""
        bodies: list[Json] = [json.loads(message["Message"]) for message in self.timeline.fresh_messages()]
        offered: list[Json] = [body["approve_with"] for body in bodies if body.get("approve_with")]
        if not offered or not offered[-1].get("plan"):
            raise LookupError("no message offers an input that approves the plan")
        return {key: value for key, value in offered[-1].items() if value is not None}

    # How it is judged

    def report_of(self, incident: str, name: str) -> tuple[Json, str]:
        """The newest report of an incident, copied to where people find it."""
        told = [document for _, document in self.stage.ledger.list(f"incident#{incident}", "message#close")]
        key = max(told, key=lambda document: str(document["at"]))["closing"]["report"]
        s3, bucket = self.stage.cloud.client("s3"), self.stage.outputs["Bucket"]
        self.reports.mkdir(parents=True, exist_ok=True)
        for ending in ("json", "md", "html"):
            body = s3.get_object(Bucket=bucket, Key=f"{key}.{ending}")["Body"].read()
            (self.reports / f"{name}.{ending}").write_bytes(body)
        report: Json = json.loads((self.reports / f"{name}.json").read_text())
        place = self.reports / f"{name}.md"
        return report, str(place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place)

    def _judge(self, result: Result, execution: Json, outcome: str) -> Ending:
        """What Lifeboat says of the ending: the outcome, the report, the plan, the grade of the validation."""
        incident = result.incident = self.timeline.incident(execution["executionArn"])
        report, result.report = self.report_of(incident, result.scenario)
        ledger, problems = self.stage.ledger, result.problems
        document = ledger.incident(incident)
        ending = Ending(outcome, document, report, ledger.plan(incident) if document["plan"] else None)
        if execution["status"] != "SUCCEEDED" or (report["outcome"], document["outcome"]) != (outcome, outcome):
            ended = f"{execution['status']} as {report['outcome']}"
            problems.append(f"ended {ended}, expected {outcome}. {execution.get('cause', '')}")
        problems += compare_report(ending, execution["executionArn"])
        if outcome in VALIDATED:
            validation = ledger.read(f"incident#{incident}", "validation")
            result.checks, found = checks.judge_validation(
                validation, self.zero, self.stage.promises, self.stage.database.checks
            )
            problems += found
            told = (report["validation"] or {}).get("grade")
            if told != result.checks:
                problems.append(f"the report says that the validation is {told}, it is {result.checks}")
        return ending

    def _judge_world(self, result: Result, ending: Ending, *, is_gone: bool = False) -> None:
        """What holds of the world after every ending; looked at last, so that nothing slips in behind it."""
        stage, source, plans = self.stage, ending.report["source"], [ending.plan] if ending.plan else []
        result.problems += checks.compare_calls(checks.log_since(stage, self.zero), plans, self.members)
        result.problems += checks.secret_as_planned(stage, self.zero, self.fields_before, plans)
        if not is_gone:
            result.problems += checks.sources_exist(stage, {bare(source["id"]): source["resource_id"]})
        result.problems += checks.one_is_protected(stage) + checks.parameter_agrees(stage)
        result.problems += checks.lease_is_free(stage) + checks.no_dead_letters(stage)
        self._judge_sides(result, ending)
        if ending.outcome in VALIDATED:
            restored = stage.describe(bare(ending.incident["restored"]["id"]))
            # Clients were not moved to a copy beside production: it stays in quarantine.
            groups = GROUPS if ending.outcome == "recovered" else [QUARANTINE]
            wanted = {**self.described, "VpcSecurityGroups": [{"VpcSecurityGroupId": group} for group in groups]}
            result.problems += checks.compare_settings(wanted, restored, stage.database.settings)
        if ending.outcome == "recovered" and ending.plan and not is_gone:
            result.problems += checks.compare_fence(ending.plan, stage.describe(bare(source["id"])), stage.fence)

    def _judge_sides(self, result: Result, ending: Ending) -> None:
        """Whoever tried to write to both sides, as all contenders do all the time, never could."""
        led, since = [self.side_before], None
        if ending.outcome == "recovered":
            led.append(self.stage.secret.side())
        elif ending.outcome in ("restored_beside", "cloned"):
            since = max(self.zero, self.well_since)
        problems = checks.never_both(self.stage, led, uninterrupted_since=since)
        result.both_sides = "SEEN" if problems else "never"
        result.problems += problems
        told = checks.in_words(self.stage.contenders.record)
        self.timeline.note("demo", f"both_sides={result.both_sides} ({told})")

    def conclude(
        self, result: Result, execution: Json, outcome: str, *, exactly: bool = False, is_gone: bool = False
    ) -> Result:
        """Check everything that must be true after a recovery, and measure; `is_gone`: somebody deleted the source."""
        ending = self._judge(result, execution, outcome)
        if ending.report["outcome"] != outcome:
            return result  # It ended otherwise: there is nothing to wait for, and the reason is told already.
        plan, stage, ended = ending.plan, self.stage, time.time()
        point = moment(plan["restore_point"]) if plan and plan["target"] and plan["restore_point"] else None
        side = stage.secret.side()
        result.problems += self._moved(ending, side)
        fresh = stage.writer.wait_for(ROWS_AFTERWARDS, 60, side=side, since=ended)
        witness = checks.written_afterwards(len(fresh), stage.writer.read_back(fresh), ROWS_AFTERWARDS)
        with stage.writer.paused():
            found = checks.serving_rows(stage)
            witness += checks.unknown_rows(stage, found)
            findings = checks.compare_rows(stage.journal, found, side, point, exactly=exactly)
            stage.journal.settle(found)
        witness += findings.problems + checks.policy_checks_on(stage)
        if outcome not in VALIDATED:
            # Nothing was restored, so that nothing was validated: what the demo itself has seen is the grade.
            result.checks = "FAIL" if witness else "PASS"
        result.problems += witness
        result.rows_lost = len(findings.lost)
        latest_lost = max((row.acknowledged_at for row in findings.lost), default=findings.kept_until)
        result.rpo, result.rto = latest_lost - findings.kept_until, self._outage(side)
        if result.rto < SHORTEST_OUTAGE and self.broke == self.zero:
            result.problems.append(f"the client noticed no outage, only {result.rto:.2f} s: nothing was broken")
        self._judge_world(result, ending, is_gone=is_gone)
        self.timeline.look()
        return result

    def _moved(self, ending: Ending, side: str) -> list[str]:
        """Clients are where the ending says, and where they were before nobody gets in any more."""
        if ending.outcome != "recovered":
            return [] if side == self.side_before else [f"clients were moved from {self.side_before} to {side}"]
        place = ending.incident["restored"]["endpoint"]
        if side != f"{place['host']}:{place['port']}" or side == self.side_before:
            return [f"clients should be moved from {self.side_before} to {place}, and are at {side}"]
        return [f"the old side {self.side_before} still lets a client in"] if self.stage.lets_in(self.side_before) else []

    def conclude_beside(self, result: Result, execution: Json, *, deleted: list[int], altered: list[int]) -> Result:
        """Check a copy that stands beside production: it holds what was there, and nobody was moved to it."""
        ending = self._judge(result, execution, "restored_beside")
        if ending.report["outcome"] != "restored_beside":
            return result
        if ending.plan is None:
            raise LookupError("a copy was restored without a plan")
        stage, problems, document = self.stage, result.problems, ending.incident
        place, incident = document["restored"]["endpoint"], f"incident#{document['id']}"
        beside = f"{place['host']}:{place['port']}"
        self._judge_world(result, ending)
        problems += self._given_access(document["id"], bare(document["restored"]["id"]), beside)
        with stage.secret.connect(beside) as connection:
            copy = hashes(connection)
        point: datetime = moment(ending.plan["restore_point"])
        # The moment of a snapshot is not exact: what was written while it began may be in it.
        exactly = stage.kind != "elasticache"
        on_copy = checks.compare_rows(stage.journal, copy, "the copy", point, exactly=exactly).problems
        on_copy += checks.policy_checks_on(stage, beside)
        problems += [f"on the copy, {problem}" for problem in on_copy]
        with stage.writer.paused():
            serving = checks.serving_rows(stage)
            touched = frozenset(deleted + altered)
            where = {identifier: digest for identifier, digest in serving.items() if identifier not in touched}
            untouched = checks.compare_rows(stage.journal, where, self.side_before, None, missing_on_purpose=touched)
        problems += [f"on the serving side, {problem}" for problem in untouched.problems]
        problems += checks.compare_mistake(stage.journal, serving, deleted, altered)
        problems += self._moved(ending, stage.secret.side())
        problems += self._difference(incident, copy, deleted, altered)
        result.rows_lost = len(untouched.lost)
        result.rows_rescued = sum(
            copy.get(identifier) == stage.journal.seed.get(identifier, "") for identifier in deleted
        )
        result.rto = moment(document["closed_at"]).timestamp() - self.broke
        return result

    def conclude_clone(self, result: Result, execution: Json, *, deleted: list[int]) -> Result:
        """Check a clone: it holds what production holds now, damage and all, and nobody was moved to it."""
        ending = self._judge(result, execution, "cloned")
        if ending.report["outcome"] != "cloned" or ending.plan is None:
            return result
        stage, problems, document, plan = self.stage, result.problems, ending.incident, ending.plan
        validation = stage.ledger.read(f"incident#{document['id']}", "validation")
        built_in = ("reachability", "login", "role", "configuration")
        result.checks, found = checks.judge_validation(validation, self.zero, stage.promises, built_in)
        problems += found
        if (plan["restore_point"], (validation or {}).get("newest_data")) != (None, None):
            problems.append(f"a clone has a restore point, or its age was measured: {plan['restore_point']}, {validation}")
        self._judge_world(result, ending)
        place, copy = document["restored"]["endpoint"], bare(document["restored"]["id"])
        alone = {"VpcSecurityGroups": [{"VpcSecurityGroupId": QUARANTINE}], "Members": self.described["Members"][:1]}
        shown = stage.describe(copy)
        problems += checks.compare_settings({**self.described, **alone}, shown, stage.database.settings)
        beside = f"{place['host']}:{place['port']}"
        problems += self._given_access(document["id"], copy, beside)
        with stage.secret.connect(beside) as connection:
            cloned = hashes(connection)
        [sent] = [
            moment(call["sent_at"])
            for _, call in stage.ledger.list(f"incident#{document['id']}", f"call#{plan['hash']}#")
            if call["act"]["call"] == "clone_cluster"
        ]
        gone = frozenset(deleted)
        on_clone = checks.compare_rows(stage.journal, cloned, "the clone", sent, missing_on_purpose=gone).problems
        problems += [f"on the clone, {problem}" for problem in on_clone]
        problems += checks.compare_mistake(stage.journal, cloned, deleted, [])
        with stage.writer.paused():
            serving = checks.serving_rows(stage)
            untouched = checks.compare_rows(stage.journal, serving, self.side_before, None, missing_on_purpose=gone)
        problems += [f"on the serving side, {problem}" for problem in untouched.problems]
        problems += self._moved(ending, stage.secret.side())
        result.rows_lost = len(untouched.lost)
        result.rto = moment(document["closed_at"]).timestamp() - self.broke
        return result

    def _difference(self, incident: str, copy: Mapping[int, str], deleted: list[int], altered: list[int]) -> list[str]:
        """Lifeboat's comparison of the copy with production is true; that of a cache is a sentence."""
        ledger, journal = self.stage.ledger, self.stage.journal
        if self.stage.kind == "elasticache":
            told = [entry["text"] for _, entry in ledger.list(incident, "timeline#")]
            return [] if any("beside its source: " in text for text in told) else [f"nothing was compared: {told}"]
        difference = ledger.expect(incident, "difference")
        validated = moment(ledger.expect(incident, "validation")["at"]).timestamp()
        since = checks.written_between(journal, copy, validated, moment(difference["at"]).timestamp())
        return checks.compare_difference(difference, checks.Sides(copy, deleted, altered, since))

    def _given_access(self, incident: str, copy: str, side: str) -> list[str]:
        """A person pastes the command with which the last message offers a way into the copy's quarantine."""
        stage = self.stage
        in_quarantine = not stage.lets_in(side)
        problems = [] if in_quarantine else [f"the copy at {side} lets a client in, before a person has opened it"]
        way = rf"{stage.database.way_in(copy)}((?:\S+ )+?)--apply-immediately"
        offered = [found.split() for found in re.findall(way, self.timeline.letter(incident))]
        if GROUPS not in offered:
            return [*problems, f"no message offers a way into {copy} by the groups of its source: {offered}"]
        stage.contenders.leave(side)
        stage.database.open(copy, GROUPS)
        self.timeline.note("person", f"gives {copy} the groups of its source, to read what was rescued")
        until("the copy is open", 30, lambda: stage.lets_in(side))
        return problems

    def _outage(self, side: str) -> float:
        """From the accident to the first commit on the new side, or else the end of the longest silence."""
        if side != self.side_before:
            return min(row.acknowledged_at for row in self.stage.journal.acknowledged(side=side)) - self.broke
        rows = self.stage.journal.acknowledged(since=self.broke - 5)
        times = sorted(row.acknowledged_at for row in rows if self.concerns(row))
        gaps = [(after - before, after) for before, after in pairwise(times) if after > self.broke]
        silence, ended = max(gaps)
        return ended - self.broke if silence >= SHORTEST_OUTAGE else 0.0
