"""The secret against the plan."""

from __future__ import annotations

import checks

from .recovery import ACTS, plan_of
from .verdict import Verdict

FIELDS = {"host": "old", "port": 5432, "username": "orders", "password": "hush", "dbname": "orders"}


def secret(verdict: Verdict) -> None:
    """The secret against the plan."""
    plans, places = [plan_of(*ACTS)], {"copy": {"Address": "new", "Port": 5433}}
    moved = {**FIELDS, "host": "new", "port": 5433}
    verdict.passes("what was planned", checks.compare_secret(FIELDS, moved, 1, plans, places))
    verdict.passes("an untouched secret", checks.compare_secret(FIELDS, FIELDS, 0, [], places))
    verdict.finds(
        "a secret that was not moved", checks.compare_secret(FIELDS, FIELDS, 1, plans, places), "host", "'new'"
    )
    verdict.finds("a change too many", checks.compare_secret(FIELDS, moved, 2, plans, places), "changed 2 times")
    verdict.finds("a change without a plan", checks.compare_secret(FIELDS, moved, 0, [], places), "host", "'old'")
    for name, value in (("port", 5432), ("username", "root"), ("dbname", "other"), ("engine", "mysql")):
        problems = checks.compare_secret(FIELDS, {**moved, name: value}, 1, plans, places)
        verdict.finds(f"another {name}", problems, f"secret's {name}")
    problems = checks.compare_secret(FIELDS, {**moved, "password": "other"}, 1, plans, places)
    verdict.finds("another password", problems, "password is not as planned")
    verdict.passes(
        "what it says of passwords", [problem for problem in problems if "other" in problem or "hush" in problem]
    )
    verdict.finds("an instance that is nowhere", checks.compare_secret(FIELDS, moved, 1, plans, {}), "no endpoint")
    elsewhere = [plan_of({**ACTS[5], "secret": "another"})]
    verdict.finds("another secret", checks.compare_secret(FIELDS, moved, 1, elsewhere, places), "another")
