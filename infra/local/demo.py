"""The demo: a database fails on a local cloud, Lifeboat recovers it, and everything that was promised is checked.

demo.py [--binaries DIR] [--kind aurora|dynamodb|elasticache] [--engine mariadb] [--shards 3] [SCENARIO ...]

`list` tells what can break, of every kind of database; `all` breaks it one after the other, of one kind.

Without `--binaries` it builds them. Exit status 0 exactly if every scenario kept what it promises.
`VERBOSE=1` shows every message at the end of each. In `approval`, `ANSWER=me` waits until a second terminal answers; `ANSWER=deny` denies.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from act import Act, Result
from act_tables import TableAct
from pairs import PAIRS, Scenario
from second_terminal import wanted
from stage import KINDS, REPO, RESOURCE, Stage
from stage_tables import TableStage
from timeline import Screen, Timeline

RUN = REPO / ".run"
# Of a cache with cluster mode.
SHARDS = range(2, 6)
# The kinds that need a stage of their own.
STAGES: dict[str, tuple[type[Stage], type[Act]]] = {"dynamodb": (TableStage, TableAct)}
FUNCTIONS = (
    *("detect", "snapshot", "restore-plan", "restore-act", "restore-clean-up"),
    *("validate", "validate-flush", "salvage", "notify"),
)


def build() -> Path:
    """Build the functions and the estate as tests do; where the binaries are."""
    command = ["cargo", "build", "--workspace", "--all-features", "--bins"]
    if not sys.stderr.isatty():
        print("building the functions and the local cloud; the first time that takes minutes", file=sys.stderr, flush=True)
        command.append("--quiet")
    subprocess.run(command, cwd=REPO, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target")).resolve() / "debug"


@dataclass(frozen=True)
class Subject:
    """What the scenarios are played on."""

    kind: str = "rds"
    engine: str = next(iter(KINDS["rds"][1]))
    # Of a cache, if it has cluster mode in each scenario; 0 is as the scenario has it.
    shards: int = 0

    @property
    def scenarios(self) -> dict[str, Scenario]:
        """Those of the kind."""
        return PAIRS[self.kind]

    def kept_in(self) -> str:
        """Where logs and reports are kept, below the directory for them."""
        first = next(iter(KINDS[self.kind][1]))
        shards = "shards" if self.shards else "rds"
        return "/".join(part for part in (self.kind, self.engine, shards) if part not in ("rds", first))

    def is_for(self, scenario: Scenario) -> bool:
        """Whether it makes sense."""
        return scenario.is_for(self.engine) and (not self.shards or scenario.may_shard or scenario.shards > 1)


def grouped(names: Iterable[str], scenarios: Mapping[str, Scenario]) -> list[list[str]]:
    """Scenarios that share a stage, in order; what must come before is put before."""
    groups: list[list[str]] = []
    wanted = list(names)
    for name in scenarios:
        after = scenarios[name].after
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


def play(group: list[str], binaries: Path, screen: Screen, subject: Subject, *, verbose: bool) -> list[Result]:
    """Run scenarios on one stage; an accident of our own is a result, too."""
    results: list[Result] = []
    scenarios, kept = subject.scenarios, subject.kept_in()
    logs, reports = RUN / "logs" / kept / group[0], RUN / "reports" / kept
    wanted = [end for name in group for end in scenarios[name].ends]
    try:
        began = time.monotonic()
        needs = scenarios[group[0]]
        stage_of, act_of = STAGES.get(subject.kind, (Stage, Act))
        built = stage_of(
            binaries,
            kind=subject.kind,
            engine=subject.engine,
            multi_az=needs.multi_az,
            shards=subject.shards or needs.shards,
            logs_to=logs,
        )
        with built as stage:
            timeline = Timeline(stage, screen)
            for name in group:
                screen.say(screen.paint(f"{name}: {scenarios[name].sentence}", "1"))
                if name == group[0]:
                    prepare(stage, screen, began)
                act = act_of(stage, timeline, reports)
                try:
                    results += scenarios[name].run(act)
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
    zones = stage.database.in_words(stage.multi_az)
    took = time.monotonic() - began
    screen.line(
        None, "ready", f"{RESOURCE} ({zones}) with {stage.seed_rows:,} rows and a client that keeps writing, in {took:.0f} s"
    )
    point = stage.back_up()
    screen.line(None, "backup", f"tonight's backup: {point['snapshot']}, {point['state']}")


def finish(results: list[Result], timeline: Timeline | None, *, verbose: bool, screen: Screen | None = None) -> None:
    """Say how it ended."""
    screen = timeline.screen if timeline else screen
    assert screen is not None
    screen.say()
    for letter in timeline.letters() if verbose and timeline else []:
        screen.say("\n".join(f"  | {line}" for line in letter.splitlines()))
        screen.say()
    for result in results:
        if result.told:
            continue
        result.told = True
        for problem in result.problems:
            screen.say(screen.paint(f"  wrong: {problem}", "31"))
        screen.say(screen.paint(result.line(), "31;1" if result.problems else "32;1"))
    screen.say()


def listed() -> list[str]:
    """A line for each pair of kind and scenario."""
    return [
        f"{kind:11} {name:18} {scenario.sentence}"
        + (f" ({', '.join(scenario.engines)} only)" if scenario.engines else "")
        for kind, scenarios in PAIRS.items()
        for name, scenario in scenarios.items()
    ]


def chosen(kind: str, engine: str, shards: str = "") -> Subject:
    """What was asked for, if there is such a thing."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind}; known are {', '.join(KINDS)}")
    engines = list(KINDS[kind][1])
    if engine and engine not in engines and len(engines) == 1:
        raise ValueError(f"{kind} has one engine: leave ENGINE={engine} out")
    if engine and engine not in engines:
        raise ValueError(f"unknown engine {engine} of {kind}; known are {', '.join(engines)}")
    if shards and kind != "elasticache":
        raise ValueError(f"{kind} has no shards: leave SHARDS={shards} out")
    if shards and not (shards.isdecimal() and int(shards) in SHARDS):
        raise ValueError(f"SHARDS={shards} is not accepted; accepted is {SHARDS[0]} to {SHARDS[-1]}")
    return Subject(kind, engine or engines[0], int(shards or 0))


def chosen_scenarios(subject: Subject, asked: list[str]) -> list[str]:
    """Their names; without any the first of the kind."""
    sensible = [name for name, scenario in subject.scenarios.items() if subject.is_for(scenario)]
    names = sensible if asked == ["all"] else asked or sensible[:1]
    unknown = [name for name in names if name not in subject.scenarios]
    if unknown:
        known = ", ".join(subject.scenarios)
        raise ValueError(f"unknown scenario {', '.join(unknown)} of {subject.kind}; known are {known}, all and list")
    senseless = [name for name in names if name not in sensible]
    if senseless:
        raise ValueError(f"{', '.join(senseless)}: not with {'shards' if subject.shards else subject.engine}")
    return names


def main() -> int:
    """Run what was asked for; the exit status."""
    parser = argparse.ArgumentParser(description="A database fails on a local cloud, and Lifeboat recovers it.")
    parser.add_argument(
        "--binaries", type=Path, help="where the functions and the estate are; without it they are built"
    )
    kind, engine = os.environ.get("KIND") or "rds", os.environ.get("ENGINE") or ""
    parser.add_argument("--kind", default=kind, help=f"{', '.join(KINDS)}; else what KIND says, or else rds")
    parser.add_argument("--engine", default=engine, help="of rds postgres or mariadb; else what ENGINE says")
    shards = os.environ.get("SHARDS") or ""
    parser.add_argument("--shards", default=shards, help="of elasticache 2 to 5, with cluster mode; else what SHARDS says")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="`list` tells which, `all` runs all of them")
    given = parser.parse_args()
    asked = [name for argument in given.scenarios for name in argument.split(",") if name]
    if asked == ["list"]:
        print("\n".join(listed()))
        return 0
    try:
        subject = chosen(given.kind, given.engine, given.shards)
        names = chosen_scenarios(subject, asked)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        wanted()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    binaries = given.binaries.resolve() if given.binaries else build()
    screen, verbose = Screen(), os.environ.get("VERBOSE", "") not in ("", "0")
    screen.say("Lifeboat on a local cloud. Times are real, but this cloud does in seconds what takes AWS minutes.")
    screen.say()
    results: list[Result] = []
    for group in grouped(names, subject.scenarios):
        results += play(group, binaries, screen, subject, verbose=verbose)
    if len(results) > 1:
        for result in results:
            screen.say(result.line())
    return 1 if not results or any(result.problems for result in results) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
