"""Validation: what Lifeboat's is worth, and the policy's own checks, run by the demo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kinds import SQL_CHECKS
from ledger import moment
from rediscache import RedisCache
from stage import Stage

from .tables import sound_orders
from .words import NOTHING

Json = dict[str, Any]

BUILT_IN = SQL_CHECKS
GRADES = ("PASS", "WARN", "UNKNOWN", "FAIL")


def grade_of(validation: Json, name: str) -> str:
    """The grade of one check, or that it did not run."""
    grades = [check["grade"] for check in validation["checks"] if check["name"] == name]
    return str(grades[0]) if len(grades) == 1 else "MISSING"


def judge_validation(
    validation: Json | None, since: float, policy: Json, built_in: Sequence[str] = BUILT_IN
) -> tuple[str, list[str]]:
    """The real grade of a validation, and why that is not good enough: WARN is, where the policy accepts it by name."""
    if validation is None or not validation["checks"]:
        return "FAIL", ["nothing was validated"]
    problems = []
    if moment(validation["at"]).timestamp() < since:
        problems.append(f"the validation is of {validation['at']}, from before")
    wanted = [*built_in, *(check["name"] for check in policy.get("checks", []))]
    problems += [f"the check {name!r} did not run" for name in wanted if grade_of(validation, name) == "MISSING"]
    for check in validation["checks"]:
        accepted = check["grade"] == "WARN" and check["name"] in policy.get("accept_warnings", [])
        if check["grade"] != "PASS" and not accepted:
            problems.append(f"the check {check['name']!r} is {check['grade']}: {check['text']}")
    strange = [check["grade"] for check in validation["checks"] if check["grade"] not in GRADES]
    return ("FAIL" if strange else max((check["grade"] for check in validation["checks"]), key=GRADES.index)), problems


def policy_checks(policy: Json, ask: Callable[[str], str]) -> list[str]:
    """The policy's own SQL, run by the demo: a witness that is not Lifeboat. `ask` answers a statement's first value."""
    if not policy.get("checks"):
        return ["the policy has no SQL check that could be run"]
    answers = [(check, ask(check["sql"])) for check in policy["checks"]]
    return [
        f"the policy's check {check['name']!r} answers {answer!r}, expected {check['expect']!r}"
        for check, answer in answers
        if answer != str(check["expect"])
    ]


def policy_checks_on(stage: Stage, side: str | None = None) -> list[str]:
    """The same on a side, or where the secret leads. A cache and a table know no SQL: in a table the orders are looked at."""
    if stage.kind == "elasticache":
        return []
    if stage.kind == "dynamodb":
        return sound_orders(stage, side)
    with stage.secret.connect(side) as connection:

        def ask(statement: str) -> str:
            assert not isinstance(connection, RedisCache)
            row = connection.execute(statement.encode()).fetchone()
            return NOTHING if row is None else str(row[0])

        return policy_checks(stage.promises, ask)


def watched(policy: Json) -> list[str]:
    """The checks that every sweep runs, too."""
    return [check["name"] for check in policy.get("checks", []) if check.get("watch")]


def passed_by_check(validation: Json, policy: Json) -> list[str]:
    """A validation by Lifeboat has the policy's watched checks, and they passed."""
    grades = {name: grade_of(validation, name) for name in watched(policy)}
    problems = [] if grades else ["the policy watches no check"]
    return problems + [
        f"the check {name!r} is {grade} on the copy" for name, grade in grades.items() if grade != "PASS"
    ]
