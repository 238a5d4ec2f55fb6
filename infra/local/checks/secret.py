"""The secret against the plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ledger import bare
from stage import SECRET, Stage

from .tables import parameter_as_planned
from .words import NOTHING
from .world import instances

Json = dict[str, Any]


def compare_secret(
    before: Json, after: Json, versions: int, plans: Sequence[Json], places: Mapping[str, Any]
) -> list[str]:
    """The secret is as the plans say: host and port of the new instance (by `places`), all else as it was."""
    pointed = [call["act"] for plan in plans for call in plan["calls"] if call["act"]["call"] == "point_secret"]
    problems = []
    if versions != len(pointed):
        problems.append(f"the secret was changed {versions} times, planned were {len(pointed)}")
    problems += [
        f"the plan changes the secret {act['secret']}, not {SECRET}" for act in pointed if act["secret"] != SECRET
    ]
    wanted = dict(before)
    if pointed:
        place = places.get(bare(pointed[-1]["instance"]))
        if place is None:
            return [*problems, f"{pointed[-1]['instance']}, to which the secret should lead, has no endpoint"]
        wanted |= {"host": place["Address"], "port": place["Port"]}
    for name in sorted(wanted.keys() | after.keys()):
        found, expected = after.get(name, NOTHING), wanted.get(name, NOTHING)
        if found != expected:
            values = "" if name == "password" else f": planned {expected!r}, found {found!r}"
            problems.append(f"the secret's {name} is not as planned{values}")
    return problems


def secret_as_planned(stage: Stage, zero: float, before: Json, plans: Sequence[Json]) -> list[str]:
    """The same of the stage's secret, or of the parameter that names its table."""
    if stage.kind == "dynamodb":
        return parameter_as_planned(stage.parameter, before, stage.secret.read(), plans)
    versions = stage.cloud.client("secretsmanager").list_secret_version_ids(SecretId=SECRET, IncludeDeprecated=True)
    fresh = [item for item in versions["Versions"] if item["CreatedDate"].timestamp() >= int(zero)]
    places = {item["DBInstanceIdentifier"]: item["Endpoint"] for item in instances(stage) if item.get("Endpoint")}
    return compare_secret(before, stage.secret.read(), len(fresh), plans, places)
