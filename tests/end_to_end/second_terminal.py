"""A demo waits for an answer, and a second terminal gives it: by the very command that the demo prints, from another directory.

second_terminal.py --binaries DIR approve|deny
"""

from __future__ import annotations

import argparse
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
sys.path.insert(0, str(REPO / "infra" / "local"))

from processes import die_with  # noqa: E402

# What the demo ends with, and what the same command says when it comes a second time.
ENDS = {"approve": "RECOVERED", "deny": "DENIED"}
ASKED, ENDED = 240.0, 240.0
# The demo's own patience without ANSWER=me is 8 s: waiting longer than that proves that it waits for us.
PATIENCE = 12.0


class Demo:
    """The demo as a child, line by line."""

    def __init__(self, binaries: Path) -> None:
        """Starts it."""
        command = [sys.executable, str(REPO / "infra/local/demo.py"), "--binaries", str(binaries), "approval"]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "ANSWER": "me"},
            preexec_fn=die_with(os.getpid()),
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            print(line, end="", flush=True)
            self.lines.put(line)
        self.lines.put(None)

    def next_line(self, deadline: float) -> str | None:
        """The next line; none at the end."""
        try:
            return self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError("the demo says nothing more") from None

    def until(self, mark: str, seconds: float) -> str:
        """The first line that contains `mark`."""
        deadline = time.monotonic() + seconds
        while (line := self.next_line(deadline)) is not None:
            if mark in line:
                return line
        raise LookupError(f"the demo ended without a line with {mark!r}")


def run_as_typed(command: str) -> subprocess.CompletedProcess[str]:
    """Type it in a shell that stands somewhere else and knows nothing of the demo's environment."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=elsewhere, env=plain, capture_output=True, text=True, timeout=120
        )
    print(f"  second terminal: {done.stdout.strip()} {done.stderr.strip()} (exit {done.returncode})", flush=True)
    return done


def play(binaries: Path, decision: str) -> list[str]:
    """Answer once, and once more; what is wrong."""
    problems = []
    demo = Demo(binaries)
    try:
        command = demo.until(f"answer.py {decision} --question", ASKED).strip()
        question = Path(command.rsplit(" ", 1)[1])
        demo.until("waits for you", 10)
        time.sleep(PATIENCE)
        if demo.process.poll() is not None or not question.exists():
            problems.append("the demo did not wait for an answer")
        first = run_as_typed(command)
        if first.returncode != 0:
            problems.append(f"the answer did not count: {first.stderr}")
        said = demo.until("in a second terminal answers:", 60)
        if not said.rstrip().endswith(decision):
            problems.append(f"answered was {decision}, heard was {said.strip()!r}")
        again = run_as_typed(command)
        if again.returncode == 0:
            problems.append("the same command counted twice")
        ended = demo.until(" scenario=approval ", ENDED)
        if not ended.startswith(ENDS[decision]):
            problems.append(f"it ended as {ended.strip()!r}, not as {ENDS[decision]}")
        if demo.process.wait(60) != 0:
            problems.append(f"the demo ended with {demo.process.returncode}")
        if question.exists():
            problems.append(f"{question} is left behind")
    finally:
        if demo.process.poll() is None:
            demo.process.terminate()
            demo.process.wait(30)
    return problems


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description="A second terminal answers the demo.")
    parser.add_argument("--binaries", type=Path, required=True, help="the functions and the estate")
    parser.add_argument("decision", choices=tuple(ENDS))
    given = parser.parse_args()
    try:
        problems = play(given.binaries.resolve(), given.decision)
    except (LookupError, TimeoutError, subprocess.SubprocessError) as error:
        problems = [f"{type(error).__name__}: {error}"]
    for problem in problems:
        print(f"  wrong: {problem}", flush=True)
    print(f"{'FAILED' if problems else 'KEPT'} second_terminal_{given.decision}", flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
