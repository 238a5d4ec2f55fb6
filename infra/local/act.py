"""A scenario on its stage: what a person does in it, how it is judged at the end, and the line that it ends with."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import checks
from client import hashes
from ledger import moment
from stage import RESOURCE, Stage, until
from timeline import Timeline

Json = dict[str, Any]

RECOVERY_SECONDS = 180.0
ROWS_AFTERWARDS = 100


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
    checks: str = "PASS"
    report: str = "none"
    more: str = ""
    incident: str = ""
    told: bool = False

    def line(self) -> str:
        """The line."""
        word, grade = (self.word, self.checks) if not self.problems else ("FAILED", "FAIL")
        more = f" {self.more}" if self.more else ""
        return (
            f"{word} {RESOURCE} scenario={self.scenario} rto={_seconds(self.rto)} rpo={_seconds(self.rpo)} "
            f"rows_lost={self.rows_lost}{more} checks={grade} report={self.report}"
        )


@dataclass
class Act:
    """A scenario on its stage. `broke` is when the accident happened, `zero` since when calls are counted."""

    stage: Stage
    timeline: Timeline
    reports: Path
    broke: float = 0.0
    zero: float = 0.0
    side_before: str = ""

    # What happens

    def begin(self, label: str, text: str, *, at: float | None = None) -> None:
        """Count from now on, or from a moment ago."""
        self.zero = time.time() if at is None else at
        if label == "break":
            self.broke, self.side_before = self.zero, self.stage.secret.side()
        self.timeline.begin(self.zero, label, text)

    def break_it(self, kind: str, text: str) -> None:
        """Let an accident happen to whatever serves."""
        serving = self.stage.serving()
        self.begin("break", text.format(serving))
        self.stage.break_it(kind, serving)

    def ask(self, given: Mapping[str, Any], ended: int) -> Json:
        """Start `recovery` by hand, as in the console, and watch it; how it ended."""
        self.timeline.note("person", f"starts recovery with {json.dumps(given)}")
        arn = self.stage.start("Recovery", given)
        until("the execution is listed", 10, lambda: arn in self._started())
        self.timeline.follow(ended, RECOVERY_SECONDS)
        return self.stage.execution(arn)

    def _started(self) -> list[str]:
        """The recoveries since we count."""
        return [item["executionArn"] for item in self.stage.executions("Recovery", self.zero - 2)]

    def approval(self) -> Json:
        """The input that the last message offers to paste."""
        bodies: list[Json] = [json.loads(message["Message"]) for message in self.timeline.messages]
        offered: list[Json] = [body["approve_with"] for body in bodies if body.get("approve_with")]
        if not offered:
            raise LookupError("no message offers an input that approves the plan")
        return {key: value for key, value in offered[-1].items() if value is not None}

    # How it is judged

    def report_of(self, incident: str, name: str) -> tuple[Json, str]:
        """The newest report of an incident, copied to where people find it."""
        told = [document for _, document in self.stage.ledger.list(f"incident#{incident}", "message#close")]
        key = max(told, key=lambda document: str(document["at"]))["closing"]["report"]
        s3, bucket = self.stage.cloud.client("s3"), self.stage.outputs["Bucket"]
        self.reports.mkdir(parents=True, exist_ok=True)
        for ending in ("json", "md"):
            body = s3.get_object(Bucket=bucket, Key=f"{key}.{ending}")["Body"].read()
            (self.reports / f"{name}.{ending}").write_bytes(body)
        report: Json = json.loads((self.reports / f"{name}.json").read_text())
        place = self.reports / f"{name}.md"
        return report, str(place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place)

    def _judge(self, result: Result, execution: Json, outcome: str) -> tuple[str, Json | None]:
        """What holds of every ending: the outcome, the calls, the source, the lease; the incident and its plan."""
        incident = result.incident = self.timeline.incident(execution["executionArn"])
        report, result.report = self.report_of(incident, result.scenario)
        plan = self.stage.ledger.plan(incident) if report["plan"] else None
        problems = result.problems
        if execution["status"] != "SUCCEEDED" or report["outcome"] != outcome:
            ended = f"{execution['status']} as {report['outcome']}"
            problems.append(f"ended {ended}, expected {outcome}. {execution.get('cause', '')}")
        if not report["calls_equal_plan"]:
            problems.append("the report says that the calls made are not those of the plan")
        if report["validation"]:
            result.checks = report["validation"]["grade"]
        problems += checks.compare_calls(self.stage, self.zero, [plan] if plan else [])
        problems += checks.sources_exist(self.stage, [RESOURCE, report["source"]["id"]])
        problems += checks.one_is_protected(self.stage)
        problems += checks.lease_is_free(self.stage) + checks.no_dead_letters(self.stage)
        return incident, plan

    def conclude(self, result: Result, execution: Json, outcome: str, *, exactly: bool = False) -> Result:
        """Check everything that must be true after a recovery, and measure."""
        _, plan = self._judge(result, execution, outcome)
        point = moment(plan["restore_point"]) if plan and plan["target"] and plan["restore_point"] else None
        stage, ended = self.stage, time.time()
        side = stage.secret.side()
        fresh = stage.writer.wait_for(ROWS_AFTERWARDS, 60, side=side, since=ended)
        read_back = stage.writer.read_back(fresh)
        if read_back < ROWS_AFTERWARDS:
            result.problems.append(f"of {len(fresh)} rows written afterwards only {read_back} were read back")
        with stage.writer.paused():
            found = checks.serving_rows(stage)
            result.problems += checks.unknown_rows(stage, found)
            findings = checks.compare_rows(stage.journal, found, side, point, exactly=exactly)
            stage.journal.settle(found)
        result.problems += findings.problems
        result.rows_lost = len(findings.lost)
        latest_lost = max((row.acknowledged_at for row in findings.lost), default=findings.kept_until)
        result.rpo, result.rto = latest_lost - findings.kept_until, self._outage(side)
        self.timeline.look()
        return result

    def conclude_beside(self, result: Result, execution: Json, *, deleted: list[int], altered: list[int]) -> Result:
        """Check a copy that stands beside production: it holds what was there, and nobody was moved to it."""
        incident, plan = self._judge(result, execution, "restored_beside")
        assert plan is not None
        stage, problems = self.stage, result.problems
        document = stage.ledger.incident(incident)
        endpoint = document["restored"]["endpoint"]
        with stage.secret.connect(f"{endpoint['host']}:{endpoint['port']}") as connection:
            copy = hashes(connection)
        point: datetime = moment(plan["restore_point"])
        on_copy = checks.compare_rows(stage.journal, copy, "the copy", point, exactly=True)
        problems += [f"on the copy, {problem}" for problem in on_copy.problems]
        with stage.writer.paused():
            serving = checks.serving_rows(stage)
            touched = frozenset(deleted + altered)
            where = {identifier: digest for identifier, digest in serving.items() if identifier not in touched}
            untouched = checks.compare_rows(stage.journal, where, self.side_before, None, missing_on_purpose=touched)
        problems += [f"on the serving side, {problem}" for problem in untouched.problems]
        if stage.secret.side() != self.side_before:
            problems.append(f"clients were moved from {self.side_before} to {stage.secret.side()}")
        problems += checks.difference_is(stage, incident, copy, deleted, altered)
        result.rto = moment(document["closed_at"]).timestamp() - self.broke
        return result

    def _outage(self, side: str) -> float:
        """From the accident to the first commit on the new side, or else after the longest silence."""
        if side != self.side_before:
            return min(row.acknowledged_at for row in self.stage.journal.acknowledged(side=side)) - self.broke
        times = sorted(row.acknowledged_at for row in self.stage.journal.acknowledged(since=self.broke - 5))
        gaps = [(after - before, after) for before, after in zip(times, times[1:]) if after > self.broke]
        return max(gaps)[1] - self.broke if gaps else 0.0
