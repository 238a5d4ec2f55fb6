"""Runs the demo's scenarios, the negative controls, the checks of checks and pages, some at a time, a line for each.

    run.py --binaries DIR [--jobs N] [NAME ...]

The last line is `end to end: N passed, M failed`; the exit status is 0 exactly if none failed. What a test said lies in
.run/logs/NAME.out, and is shown if it failed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from controls import CONTROLS, HERE, REPO
from demo import grouped
from processes import die_with
from pairs import PAIRS
from selftest import TESTS

LINE = re.compile(r"^(RECOVERED|SELF_HEALED|RESTORED_BESIDE|CLONED|SALVAGED|UNDONE|DENIED|KEPT|FAILED) (?:\S+ scenario=)?(\S+)")
SECONDS = 600
# Of the scenarios of other kinds those that every run plays.
DAILY = {
    "aurora": ("hung", "deletion", "clone"),
    "dynamodb": ("deletion", "salvage"),
    "elasticache": ("instance_failure", "cluster_failure"),
}


@dataclass(frozen=True)
class Test:
    """A program that ends with a line for each thing that it `proves`; without the line it has not."""

    name: str
    program: Path
    arguments: tuple[str, ...]
    proves: tuple[str, ...]
    # What tells it from another that proves the same.
    prefix: str = ""
    # Only run where it is asked for by its whole name: the others of its kind prove enough for every day.
    by_name: bool = False


def all_tests() -> list[Test]:
    """The checks of the checks and pages, the demo's scenarios by stage, the longest first, and the controls."""
    demo = REPO / "infra" / "local" / "demo.py"
    tests = [Test("selftest", HERE / "selftest.py", (), tuple(TESTS))]
    tests.append(Test("table_rules", HERE / "table_rules.py", (), ("table_rules",)))
    tests.append(Test("pages", HERE / "pages.py", (), ("pages",)))
    tests.append(Test("policies", HERE / "policies.py", (), ("policies",)))
    scenarios = PAIRS["rds"]
    for group in sorted(grouped(scenarios, scenarios), key=len, reverse=True):
        ends = tuple(end for name in group for end in scenarios[name].ends)
        tests.append(Test("+".join(group), demo, tuple(group), ends))
    for kind, daily in DAILY.items():
        for name, scenario in PAIRS[kind].items():
            test = Test(f"{kind}_{name}", demo, ("--kind", kind, name), scenario.ends, f"{kind}_")
            tests.append(replace(test, by_name=name not in daily))
    proves = scenarios["instance_failure"].ends
    tests.append(Test("mariadb", demo, ("--engine", "mariadb", "instance_failure"), proves, "mariadb_"))
    for decision in ("approve", "deny"):
        name = f"second_terminal_{decision}"
        tests.append(Test(name, HERE / "second_terminal.py", (decision,), (name,)))
    return tests + [Test(name, HERE / "controls.py", (name,), (name,)) for name in CONTROLS]


def proven(test: Test, said: str, status: int) -> dict[str, bool]:
    """What a test proved by what it said, and what not: a line that is missing, or contradicts another, proves nothing."""
    words: dict[str, set[str]] = {}
    for found in filter(None, map(LINE.match, said.splitlines())):
        words.setdefault(found[2], set()).add(found[1])
    proved = {name: name in words and "FAILED" not in words[name] for name in test.proves}
    proved |= {name: False for name in words.keys() - proved.keys() if "FAILED" in words[name]}
    if not proved or (status != 0 and all(proved.values())):
        proved[test.name] = False
    return proved


def run(test: Test, binaries: Path) -> tuple[dict[str, bool], float, str]:
    """Run it; what it proved and what not, how long it took, and what it said."""
    began = time.monotonic()
    command = [sys.executable, str(test.program), "--binaries", str(binaries), *test.arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=die_with(os.getpid())
    ) as process:
        try:
            said, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                said, _ = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                said, _ = process.communicate()
            said += f"\nFAILED {test.name}: not over within {SECONDS} s\n"
    proved = proven(test, said, process.returncode)
    logs = REPO / ".run" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    (logs / f"{test.name}.out").write_text(said)
    return proved, time.monotonic() - began, said


def wanted(test: Test, names: list[str]) -> bool:
    """Whether a test is among those that were asked for; without names all are but a few."""
    if test.by_name:
        return test.name in names
    return not names or any(name in test.name for name in names)


def main() -> int:
    """Run what was asked for, or everything; the exit status."""
    parser = argparse.ArgumentParser(description="The end-to-end tests.")
    parser.add_argument("--binaries", type=Path, default=REPO / "target" / "debug", help="the functions and the estate")
    parser.add_argument("--jobs", type=int, default=min(8, (os.cpu_count() or 1) + 2), help="tests at a time")
    parser.add_argument("names", nargs="*", help="only tests whose name contains one of these, or is one")
    given = parser.parse_args()
    tests = [test for test in all_tests() if wanted(test, given.names)]
    passed = failed = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        try:
            futures = {pool.submit(run, test, given.binaries.resolve()): test for test in tests}
            for future in as_completed(futures):
                proved, seconds, said = future.result()
                if not all(proved.values()):
                    print(said, flush=True)
                for name, good in proved.items():
                    word, test = "ok" if good else "FAILED", futures[future].prefix + name
                    print(f"test end_to_end::{test} ... {word} ({seconds:.0f} s)", flush=True)
                passed += sum(proved.values())
                failed += sum(not good for good in proved.values())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    print(f"end to end: {passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
