"""The demo: a database fails on a local cloud, Lifeboat recovers it, and everything that was promised is checked.

demo.py [--binaries DIR] [--engine mariadb] [SCENARIO ...]

`list` tells what can break, `all` breaks it one after the other.

Without `--binaries` it builds them. Exit status 0 exactly if every scenario kept what it promises.
`VERBOSE=1` shows the last message of each. In `approval`, `ANSWER=me` waits until a second terminal answers; `ANSWER=deny` denies.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from act import Act, Result
from scenarios import SCENARIOS
from second_terminal import wanted
from stage import POLICIES, REPO, RESOURCE, SEED_ROWS, Stage
from timeline import Screen, Timeline

RUN = REPO / ".run"
FUNCTIONS = ("detect", "snapshot", "restore-plan", "restore-act", "restore-clean-up", "validate", "notify")


def build() -> Path:
    """Build the functions and the estate as tests do; where the binaries are."""
    command = ["cargo", "build", "--workspace", "--all-features", "--bins"]
    if not sys.stderr.isatty():
        print("building the functions and the estate; that takes minutes the first time", file=sys.stderr, flush=True)
        command.append("--quiet")
    subprocess.run(command, cwd=REPO, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target")).resolve() / "debug"


def grouped(names: Iterable[str]) -> list[list[str]]:
    """Scenarios that share a stage, in order; what must come before is put before."""
    groups: list[list[str]] = []
    wanted = list(names)
    for name in SCENARIOS:
        after = SCENARIOS[name].after
        if after and name in wanted:
            found = next((group for group in groups if after in group), None)
            if found:
                found.append(name)
            else:
                groups.append([after, name])
        elif name in wanted:
            groups.append([name])
    return groups


def keep_function_logs(stage: Stage, logs: Path) -> None:
    """What the functions logged, beside the logs of the processes."""
    logs.mkdir(parents=True, exist_ok=True)
    for function in FUNCTIONS:
        (logs / f"{function}.log").write_text("\n".join(stage.cloud.function_logs(f"lifeboat-{function}")))


def play(group: list[str], binaries: Path, screen: Screen, *, engine: str, verbose: bool) -> list[Result]:
    """Run scenarios on one stage; an accident of our own is a result, too."""
    results: list[Result] = []
    kept = "" if engine == "postgres" else engine
    logs, reports = RUN / "logs" / kept / group[0], RUN / "reports" / kept
    wanted = [end for name in group for end in SCENARIOS[name].ends]
    try:
        began = time.monotonic()
        with Stage(binaries, engine=engine, multi_az=SCENARIOS[group[0]].multi_az, logs_to=logs) as stage:
            timeline = Timeline(stage, screen)
            for name in group:
                screen.say(screen.paint(f"{name}: {SCENARIOS[name].sentence}", "1"))
                if name == group[0]:
                    prepare(stage, screen, began)
                act = Act(stage, timeline, reports)
                try:
                    results += SCENARIOS[name].run(act)
                finally:
                    keep_function_logs(stage, logs)
                finish(results, timeline, verbose=verbose)
            if [result.scenario for result in results] != wanted:
                raise LookupError(f"the scenarios should end as {wanted}")
    except Exception as error:  # whatever goes wrong is told as a result
        traceback.print_exc()
        ended = {result.scenario for result in results}
        said = f"{type(error).__name__}: {error}"
        results += [Result(name, "FAILED", [said]) for name in wanted if name not in ended] or [
            Result(group[0], "FAILED", [said])
        ]
        finish(results, None, verbose=False, screen=screen)
    if any(result.problems for result in results):
        screen.say(f"  logs: {logs.relative_to(REPO)}")
    return results


def prepare(stage: Stage, screen: Screen, began: float) -> None:
    """The client writes, tonight's backup runs."""
    zones = f"{stage.engine}, {'Multi-AZ' if stage.multi_az else 'Single-AZ'}"
    took = time.monotonic() - began
    screen.line(
        None, "ready", f"{RESOURCE} ({zones}) with {SEED_ROWS:,} rows and a client that keeps writing, in {took:.0f} s"
    )
    point = stage.back_up()
    screen.line(None, "backup", f"tonight's backup: {point['snapshot']}, {point['state']}")


def finish(results: list[Result], timeline: Timeline | None, *, verbose: bool, screen: Screen | None = None) -> None:
    """Say how it ended."""
    screen = timeline.screen if timeline else screen
    assert screen is not None
    screen.say()
    for result in results:
        if result.told:
            continue
        result.told = True
        for problem in result.problems:
            screen.say(screen.paint(f"  wrong: {problem}", "31"))
        screen.say(screen.paint(result.line(), "31;1" if result.problems else "32;1"))
        if verbose and timeline and result.incident:
            screen.say()
            screen.say("\n".join(f"  | {line}" for line in timeline.letter(result.incident).splitlines()))
    screen.say()


def main() -> int:
    """Run what was asked for; the exit status."""
    parser = argparse.ArgumentParser(description="A database fails on a local cloud, and Lifeboat recovers it.")
    parser.add_argument(
        "--binaries", type=Path, help="where the functions and the estate are; without it they are built"
    )
    engine = os.environ.get("ENGINE") or "postgres"
    parser.add_argument("--engine", default=engine, help="postgres or mariadb; else what ENGINE says, or else postgres")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="`list` tells which, `all` runs all of them")
    given = parser.parse_args()
    asked = [name for argument in given.scenarios for name in argument.split(",") if name] or ["instance_failure"]
    if asked == ["list"]:
        for name, scenario in SCENARIOS.items():
            only = "" if len(scenario.engines) == len(POLICIES) else f" ({', '.join(scenario.engines)} only)"
            print(f"{name:18} {scenario.sentence}{only}")
        return 0
    if given.engine not in POLICIES:
        print(f"unknown engine {given.engine}; known are {', '.join(POLICIES)}", file=sys.stderr)
        return 2
    names = [name for name in SCENARIOS if given.engine in SCENARIOS[name].engines] if asked == ["all"] else asked
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        print(f"unknown scenario {', '.join(unknown)}; known are {', '.join(SCENARIOS)}, all and list", file=sys.stderr)
        return 2
    senseless = [name for name in names if given.engine not in SCENARIOS[name].engines]
    if senseless:
        print(f"{', '.join(senseless)}: not with {given.engine}", file=sys.stderr)
        return 2
    try:
        wanted()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    binaries = given.binaries.resolve() if given.binaries else build()
    screen, verbose = Screen(), os.environ.get("VERBOSE", "") not in ("", "0")
    screen.say("Lifeboat on a local cloud. All durations are simulated: what takes AWS minutes takes seconds here.")
    screen.say()
    results: list[Result] = []
    for group in grouped(names):
        results += play(group, binaries, screen, engine=given.engine, verbose=verbose)
    if len(results) > 1:
        for result in results:
            screen.say(result.line())
    return 1 if not results or any(result.problems for result in results) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
