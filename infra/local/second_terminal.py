"""The demo asks, and a second terminal answers: a plan's question as a file, and the ready commands that answer it."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from act import Act
from stage import REGION, REPO, RESOURCE, until

Json = dict[str, Any]

QUESTIONS = REPO / ".run" / "questions"
DECISIONS = ("approve", "deny")
# Who answers, as ANSWER says; without it the demo does, after some seconds in which anybody may be quicker.
ANSWERS = ("me", *DECISIONS)
SECONDS = 8.0
# Less than the hour for which everything is paused: afterwards Lifeboat may start by itself.
LONGEST = 45 * 60.0


def wanted() -> str:
    """What ANSWER says, or nothing."""
    said = os.environ.get("ANSWER", "")
    if said and said not in ANSWERS:
        raise ValueError(f"ANSWER={said}: accepted are {', '.join(ANSWERS)}, or nothing (the demo then answers itself)")
    return said


def command(decision: str, question: Path) -> str:
    """What to type in another terminal, in whichever directory it is."""
    return shlex.join([sys.executable, str(REPO / "infra/local/answer.py"), decision, "--question", str(question)])


@contextmanager
def asked(act: Act, plan: str) -> Iterator[Path]:
    """A file with all that an answer needs, while the question is open."""
    question = QUESTIONS / f"{os.getpid()}.json"
    QUESTIONS.mkdir(parents=True, exist_ok=True)
    content = {
        "endpoint": act.stage.cloud.url("aws"),
        "region": REGION,
        "machine": act.stage.outputs["ApprovalMachine"],
        "input": {"resource": RESOURCE, "plan": plan},
    }
    question.write_text(json.dumps(content))
    try:
        yield question
    finally:
        question.unlink(missing_ok=True)


def _answered(act: Act, since: float) -> Json | None:
    """The answer that counted, if one has; whoever gave it."""
    for item in act.stage.executions("Approval", since):
        if item["status"] == "SUCCEEDED":
            return act.stage.execution(item["executionArn"])
    return None


def _answer_ourselves(act: Act, plan: str, decision: str, since: float) -> Json:
    """The demo's own answer, unless another one was quicker."""
    given = {"resource": RESOURCE, "plan": plan, "decision": decision, "claimed_by": "the demo"}
    act.timeline.note("person", f"the demo answers itself, and starts approval with {json.dumps(given)}")
    arn = act.stage.start("Approval", given)
    until("the answer was looked at", 30, lambda: act.stage.execution(arn)["status"] != "RUNNING")
    counted = _answered(act, since)
    if counted is None:
        ended = act.stage.execution(arn)
        raise LookupError(f"the answer ended {ended['status']}: {ended.get('error')}: {ended.get('cause')}")
    return counted


def await_answer(act: Act) -> Json:
    """Ask, wait, and answer in the end; the execution of `approval` that counted."""
    who, plan, since = wanted(), act.approval()["plan"], time.time() - 1
    screen = act.timeline.screen
    with asked(act, plan) as question:
        if who in DECISIONS:
            return _answer_ourselves(act, plan, who, since)
        waits = LONGEST if who == "me" else SECONDS
        screen.say()
        screen.say("  Lifeboat asks. Answer in a second terminal, with one of these:")
        for decision in DECISIONS:
            screen.say(f"    {command(decision, question)}")
        screen.say(f"  or, in this directory of the repository, with one of: {' | '.join(f'make {d}' for d in DECISIONS)}")
        if who == "me":
            screen.say(f"  It waits for you, {LONGEST / 60:.0f} min at most.")
        else:
            screen.say(f"  Without an answer it approves by itself in {SECONDS:.0f} s; ANSWER=me waits for yours.")
        screen.say()
        deadline = time.monotonic() + waits
        while time.monotonic() < deadline:
            act.timeline.look()
            counted = _answered(act, since)
            if counted:
                given = json.loads(counted["input"])
                act.timeline.note("person", f"{given['claimed_by']} answers: {given['decision']}")
                return counted
            time.sleep(0.3)
        if who == "me":
            raise TimeoutError(f"nobody has answered within {LONGEST / 60:.0f} min")
        return _answer_ourselves(act, plan, "approve", since)
