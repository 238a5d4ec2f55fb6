"""What is looked at otherwise where the database is a table: the parameter, the orders themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger import bare
from stage import RESOURCE, Stage

from .words import rows_in_words

Json = dict[str, Any]


def parameter_as_planned(parameter: str, before: Json, after: Json, plans: Sequence[Json]) -> list[str]:
    """The parameter names the table that the plans name, and was changed as often as they say."""
    pointed = [call["act"] for plan in plans for call in plan["calls"] if call["act"]["call"] == "point_parameter"]
    others = [act["parameter"] for act in pointed if act["parameter"] != parameter]
    problems = [f"the plan changes the parameter {', '.join(others)}, not {parameter}"] if others else []
    wanted = bare(pointed[-1]["instance"]) if pointed else before["table"]
    if after["table"] != wanted:
        problems.append(f"the parameter names {after['table']}, planned was {wanted}")
    if after["version"] - before["version"] != len(pointed):
        problems.append(
            f"the parameter was changed {after['version'] - before['version']} times, planned were {len(pointed)}"
        )
    return problems


def sound_orders(stage: Stage, side: str | None = None) -> list[str]:
    """No amount is negative: a witness that is not Lifeboat."""
    with stage.secret.connect(side) as connection:
        wrong = [int(item["id"]["N"]) for item in connection.items() if item["amount"]["N"].startswith("-")]  # type: ignore[union-attr]
    return [f"negative amounts in {rows_in_words(wrong)} of {side or RESOURCE}"] if wrong else []
