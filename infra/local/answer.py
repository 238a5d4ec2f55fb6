"""Answers the plan that a running demo asks about, from another terminal.

answer.py approve|deny [--question FILE]

Without `--question`: the only question that is open. Exit status 0 exactly if the answer counted.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cloud import CLIENT_CONFIG, CREDENTIALS
from second_terminal import DECISIONS, QUESTIONS

Json = dict[str, Any]

SECONDS = 60.0
START_ONE = "`make demo SCENARIO=approval ANSWER=me` asks one"


def choose(given: Path | None) -> Path:
    """The question's file."""
    if given:
        if not given.is_file():
            raise LookupError(f"{given} is no question, or is answered; {START_ONE}")
        return given
    found = sorted(QUESTIONS.glob("*.json"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise LookupError(f"no demo asks anything; {START_ONE}")
    raise LookupError("several demos ask; say which with --question: " + ", ".join(str(path) for path in found))


def who() -> str:
    """Who types, as far as the machine knows."""
    try:
        return f"{getpass.getuser()}, in a second terminal"
    except (KeyError, OSError):
        return "somebody in a second terminal"


def answer(question: Json, decision: str) -> Json:
    """Start `approval` as a person would in the console; how it ended."""
    machines = boto3.client(
        "stepfunctions",
        region_name=question["region"],
        endpoint_url=question["endpoint"],
        config=CLIENT_CONFIG,
        **CREDENTIALS,
    )
    given = {**question["input"], "decision": decision, "claimed_by": who()}
    print(f"starts approval with {json.dumps(given)}", flush=True)
    arn = machines.start_execution(stateMachineArn=question["machine"], input=json.dumps(given))["executionArn"]
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        ended: Json = machines.describe_execution(executionArn=arn)
        if ended["status"] != "RUNNING":
            return ended
        time.sleep(0.2)
    raise TimeoutError(f"{arn} has not ended within {SECONDS:.0f} s; look at the demo whether the answer counted")


def main() -> int:
    """Answer; the exit status."""
    parser = argparse.ArgumentParser(description="Answers the plan that a running demo asks about.")
    parser.add_argument("decision", choices=DECISIONS)
    parser.add_argument("--question", type=Path, help="the file that the demo names; else the only one that is open")
    given = parser.parse_args()
    try:
        ended = answer(json.loads(choose(given.question).read_text()), given.decision)
    except (LookupError, TimeoutError, BotoCoreError, ClientError, OSError, ValueError) as error:
        print(f"not answered: {error}", file=sys.stderr)
        return 2
    if ended["status"] != "SUCCEEDED":
        print(f"the answer does not count: {ended.get('error')}: {ended.get('cause')}", file=sys.stderr)
        return 1
    print(f"{given.decision}: the answer counts; go on in the demo's terminal", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
