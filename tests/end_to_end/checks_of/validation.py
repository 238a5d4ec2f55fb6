"""The grade of a validation, and what it is worth."""

from __future__ import annotations

from typing import Any

import act
import checks

from .recovery import ZERO
from .verdict import Verdict

Json = dict[str, Any]

POLICY: Json = {"checks": [{"name": "no negatives", "sql": "SELECT 1", "expect": "0", "watch": True}]}
VALIDATION: Json = {
    "at": "2026-01-15T10:26:00Z",
    "checks": [{"name": name, "grade": "PASS", "text": "well"} for name in (*checks.BUILT_IN, "no negatives")],
}


def graded(name: str, grade: str | None) -> Json:
    """The validation with one check graded so, or without it."""
    found = [{**check, "grade": grade} if check["name"] == name else check for check in VALIDATION["checks"]]
    return {**VALIDATION, "checks": [check for check in found if check["grade"]]}


def validation(verdict: Verdict) -> None:
    """The grade of a validation, and what it is worth."""

    def judged(document: Json | None, policy: Json = POLICY, since: float = ZERO) -> tuple[str, list[str]]:
        return checks.judge_validation(document, since, policy)

    verdict.passes("a good one", judged(VALIDATION)[1])
    verdict.passes("its grade", [] if judged(VALIDATION)[0] == "PASS" else ["not PASS"])
    for grade in ("WARN", "UNKNOWN", "FAIL", "FINE"):
        found, problems = judged(graded("data", grade))
        verdict.finds(f"a check that is {grade}", problems, f"'data' is {grade}")
        wanted = "FAIL" if grade == "FINE" else grade
        verdict.passes(f"the grade {wanted}", [] if found == wanted else [found])
    accepted = {**POLICY, "accept_warnings": ["data"]}
    found, problems = judged(graded("data", "WARN"), accepted)
    verdict.passes("a warning that the policy accepts, told as WARN", problems + ([] if found == "WARN" else [found]))
    verdict.finds("a warning of another check", judged(graded("login", "WARN"), accepted)[1], "'login' is WARN")
    verdict.finds(
        "a failure, where a warning is accepted", judged(graded("data", "FAIL"), accepted)[1], "'data' is FAIL"
    )
    for name in (*checks.BUILT_IN, "no negatives"):
        verdict.finds(f"a validation without {name}", judged(graded(name, None))[1], f"{name!r} did not run")
    for document in (None, {**VALIDATION, "checks": []}):
        found, problems = judged(document)
        verdict.finds("no validation", problems, "nothing was validated")
        verdict.passes("its grade", [] if found == "FAIL" else [found])
    verdict.finds("one from before", judged(VALIDATION, since=ZERO + 3600)[1], "from before")
    line = act.Result("x", "RECOVERED").line()
    verdict.passes("a result of which nothing is known", [] if "checks=FAIL" in line else [line])
    line = act.Result("x", "RECOVERED", checks="WARN").line()
    verdict.passes("a result with a warning", [] if "checks=WARN" in line else [line])
    line = act.Result("x", "RECOVERED", ["something"], checks="PASS").line()
    verdict.passes("a result with a problem", [] if line.startswith("FAILED ") else [line])
