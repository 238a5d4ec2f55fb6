"""Runs every test of the project and sums up: the last line is `N passed, M failed`.

run.py          everything, as CI does
run.py fast     without the end-to-end tests
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

REPO = Path(__file__).resolve().parent.parent
CARGO = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed;")
END_TO_END = re.compile(r"^end to end: (\d+) passed, (\d+) failed$")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target")).resolve() / "debug"

CHECKS: list[Sequence[str]] = [
    ("cargo", "fmt", "--check"),
    ("sh", "tests/lint.sh"),
    ("cargo", "clippy", "--quiet", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"),
]
# Everything at once: tests, and the binaries with the same features, so that nothing is built twice.
BUILD: list[Sequence[str]] = [("cargo", "build", "--quiet", "--workspace", "--all-features", "--all-targets")]
FAST: list[Sequence[str]] = [("cargo", "test", "--workspace", "--all-features", "--no-fail-fast", "--lib", "--bins")]
WHOLE: list[Sequence[str]] = [
    ("cargo", "test", "--workspace", "--all-features", "--no-fail-fast"),
    (sys.executable, "tests/end_to_end/run.py", "--binaries", str(TARGET)),
]


def run(command: Sequence[str]) -> tuple[int, int]:
    """Run a step and show what it says; how many tests it counted as passed and as failed."""
    shown = " ".join("python" if part == sys.executable else part for part in command)
    print(f"\n== {shown}", flush=True)
    began, passed, failed = time.monotonic(), 0, 0
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                if found := CARGO.match(line) or END_TO_END.match(line):
                    passed, failed = passed + int(found[1]), failed + int(found[2])
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0 and failed == 0:
        failed = 1
    print(f"== {'ok' if failed == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s", flush=True)
    return passed, failed


def leave(number: int, _: FrameType | None) -> None:
    """End as on Ctrl-C."""
    raise SystemExit(128 + number)


def main(fast: bool) -> int:
    """Run all steps, whatever fails; the exit status."""
    signal.signal(signal.SIGTERM, leave)
    began, passed, failed = time.monotonic(), 0, 0
    for command in CHECKS + (FAST if fast else BUILD + WHOLE):
        more_passed, more_failed = run(command)
        passed, failed = passed + more_passed, failed + more_failed
    print(f"\nall of it in {time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main("fast" in sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
