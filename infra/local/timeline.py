"""The timeline of a recovery, read from the ledger, the execution history and the topic while it happens."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable
from typing import Any, TextIO

from ledger import moment
from stage import Stage

Json = dict[str, Any]

COLOURS = {"break": "31;1", "client": "36", "message": "35", "demo": "2", "ok": "32;1", "bad": "31;1", "progress": "2"}
PHASES = "33"
WIDTH, LABEL = 116, 11
INDENT = " " * (12 + LABEL)
# What a state that waits belongs to.
WAITS = {
    "WaitBeforeProbe": "judge",
    "WaitForRestorable": "plan",
    "WaitBeforeCheck": "act",
    "WaitBeforeFailoverCheck": "act",
    "WaitForConfiguration": "configure",
    "WaitForWarmth": "warm_up",
    "WaitForFence": "fence",
}
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
# "orders-db-r1 is creating since 4 s" and "... since 5 s" are the same news.
CLOCKS = re.compile(r"\d+ (min|s|h)\b")


class Screen:
    """Calm lines: a time, a word, a sentence. The last line moves, where the output is a terminal."""

    def __init__(self, output: TextIO = sys.stdout) -> None:
        """Colours and movement only for a terminal that wants them."""
        self.output = output
        self.moves = output.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self.colours = self.moves and "NO_COLOR" not in os.environ
        self.width = min(shutil.get_terminal_size((WIDTH, 24)).columns, 160) if self.moves else WIDTH
        self._moving = False

    def paint(self, word: str, colour: str) -> str:
        """A word in a colour, or plain."""
        return f"\x1b[{colour}m{word}\x1b[0m" if self.colours and colour else word

    def say(self, text: str = "") -> None:
        """A line of its own."""
        self._clear()
        print(text, file=self.output, flush=True)

    def line(self, offset: float | None, label: str, text: str) -> None:
        """A line of the timeline, wrapped below itself."""
        wrapped = textwrap.wrap(text, max(self.width - len(INDENT), 40), break_on_hyphens=False) or [""]
        word = self.paint(f"{label:<{LABEL}}", COLOURS.get(label, PHASES))
        self.say(f"{self._when(offset)}  {word}{wrapped[0]}")
        for more in wrapped[1:]:
            self.say(f"{INDENT}{more}")

    def progress(self, offset: float, label: str, text: str) -> None:
        """The line that moves."""
        if not self.moves:
            return
        self._clear()
        whole = f"{self._when(offset)}  {label:<{LABEL}}{text}"[: self.width - 1]
        print(self.paint(whole, COLOURS["progress"]), end="\r", file=self.output, flush=True)
        self._moving = True

    def _when(self, offset: float | None) -> str:
        """`+ 12.4 s`, or nothing."""
        return " " * 10 if offset is None else f"+{max(offset, 0.0):6.1f} s".rjust(10)

    def _clear(self) -> None:
        """Take the moving line away."""
        if self._moving:
            print("\x1b[2K", end="\r", file=self.output)
            self._moving = False


class Timeline:
    """Watches what happens on a stage since a moment, and shows each thing once."""

    def __init__(self, stage: Stage, screen: Screen) -> None:
        """Nothing is shown before `begin`."""
        self.stage, self.screen = stage, screen
        self.zero = time.time()
        self.executions: dict[str, Json] = {}
        self.messages: list[Json] = []
        self._old_messages = self._read = 0
        self._shown: set[tuple[str, str]] = set()
        self._told = 0
        self._said: list[str] = []

    def begin(self, zero: float, label: str, text: str) -> None:
        """Everything counts from this moment."""
        self.zero = zero
        self.executions = {}
        self.stage.writer.told = []
        self._told = 0
        self._old_messages = len(self.messages)
        self.screen.line(0.0, label, text)

    def note(self, label: str, text: str) -> None:
        """Something that the demo itself has to say."""
        self.screen.line(time.time() - self.zero, label, text)

    def look(self) -> None:
        """Show what is new."""
        for item in self.stage.executions("Recovery", self.zero - 2):
            self.executions[item["executionArn"]] = item
        news: list[tuple[float, str, str]] = []
        state = reason = ""
        for arn, item in list(self.executions.items()):
            known = self.stage.ledger.read(f"execution#{arn}", "execution")
            if known:
                news += self._lines(str(known["incident"]))
            if item["status"] == "RUNNING":
                state, reason = self._progress(arn)
        news += [(at, "message", message["Subject"]) for at, message in self._messages()]
        news += self._client()
        for at, label, text in sorted(news):
            self.screen.line(at - self.zero, label, text)
            self._said.append(CLOCKS.sub("", text))
        if state:
            self._show_progress(state, reason)

    def follow(self, ended: int, seconds: float) -> list[Json]:
        """Watch until so many recoveries have ended; how they did, oldest first."""
        deadline = time.monotonic() + seconds
        while True:
            self.look()
            done = [item for item in self.executions.values() if item["status"] != "RUNNING"]
            if len(done) >= ended and len(done) == len(self.executions):
                self.look()
                return [self.stage.execution(item["executionArn"]) for item in self.executions.values()]
            if time.monotonic() > deadline:
                running = [item["name"] for item in self.executions.values() if item["status"] == "RUNNING"]
                raise TimeoutError(f"{len(done)} of {ended} recoveries ended within {seconds:g} s; running: {running}")
            time.sleep(0.3)

    def watch(self, seconds: float) -> None:
        """Go on looking for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.look()
            time.sleep(0.3)

    def incident(self, arn: str) -> str:
        """The incident that an execution worked on."""
        return str(self.stage.ledger.expect(f"execution#{arn}", "execution")["incident"])

    def fresh_messages(self) -> list[Json]:
        """The messages since `begin`."""
        return self.messages[self._old_messages :]

    def letter(self, incident: str) -> str:
        """The last message of an incident, as its e-mail reads."""
        told = [document for _, document in self.stage.ledger.list(f"incident#{incident}", "message#close")]
        newest = max(told, key=lambda document: str(document["at"]))
        return str(newest["message"]["text"])

    def letters(self) -> list[str]:
        """The messages since this was last asked, as their e-mails read."""
        fresh, self._read = self.messages[self._read :], len(self.messages)
        return [self._as_email(message) for message in fresh]

    def _as_email(self, message: Json) -> str:
        """What is written down of a message before it is sent; of news, which are not, the same facts from its JSON."""
        body: Json = json.loads(message["Message"])
        of = f"incident#{body['incident']}" if body["incident"] else ""
        for _, told in self.stage.ledger.list(of, "message#") if of else []:
            if told["message"]["json"] == message["Message"]:
                return str(told["message"]["text"])
        lines = [body["headline"]]
        for heading, facts in (("WHAT HAPPENED", body["what_happened"]), ("WHAT WAS DONE", body["what_was_done"])):
            lines += ["", heading, *(f"- {fact}" for fact in facts)] if facts else []
        lines += ["", "WHAT TO DO NOW"] if body["what_to_do"] else []
        for number, advice in enumerate(body["what_to_do"], 1):
            lines += [f"{number}. {advice['say']}", *(f"     {command}" for command in advice["commands"])]
        return "\n".join(lines)

    def _lines(self, incident: str) -> Iterable[tuple[float, str, str]]:
        """What the ledger's timeline says."""
        for sort, entry in self.stage.ledger.list(f"incident#{incident}", "timeline#"):
            if (incident, sort) not in self._shown:
                self._shown.add((incident, sort))
                yield moment(entry["at"]).timestamp(), entry["phase"], entry["text"]

    def _messages(self) -> Iterable[tuple[float, Json]]:
        """What the topic has published."""
        sqs = self.stage.cloud.client("sqs")
        while found := sqs.receive_message(QueueUrl=self.stage.queue, MaxNumberOfMessages=10).get("Messages"):
            for item in found:
                sqs.delete_message(QueueUrl=self.stage.queue, ReceiptHandle=item["ReceiptHandle"])
                message: Json = json.loads(item["Body"])
                self.messages.append(message)
                yield time.time(), message

    def _client(self) -> Iterable[tuple[float, str, str]]:
        """What the client notices."""
        told = self.stage.writer.told
        for at, text in told[self._told :]:
            yield at, "client", text
        self._told = len(told)

    def _progress(self, arn: str) -> tuple[str, str]:
        """Where an execution is by its history, and what the last step said that has to be waited for."""
        pages = self.stage.cloud.client("stepfunctions").get_paginator("get_execution_history")
        state = reason = ""
        for page in pages.paginate(executionArn=arn):
            for event in page["events"]:
                if entered := event.get("stateEnteredEventDetails"):
                    state = entered["name"]
                if left := event.get("stateExitedEventDetails"):
                    answer = json.loads(left.get("output") or "{}")
                    reason = (answer.get("reason") if isinstance(answer, dict) else None) or reason
        return state, reason

    def _show_progress(self, state: str, reason: str) -> None:
        """Move the last line; where nothing moves, say only what is truly new about a wait."""
        label, offset = WAITS.get(state, ""), time.time() - self.zero
        if self.screen.moves:
            words = WORDS.sub(" ", state).lower()
            self.screen.progress(offset, label or "...", reason if label and reason else words)
        elif label and reason and not any(CLOCKS.sub("", reason) in said for said in self._said[-20:]):
            self._said.append(CLOCKS.sub("", reason))
            self.screen.line(offset, label, reason)
