"""What is checked of a table's alarms."""

from __future__ import annotations

from typing import Any

import checks

from .verdict import Verdict

Json = dict[str, Any]


def alarm(name: str, table: str, **more: object) -> Json:
    """An alarm as CloudWatch shows it."""
    shown = {"AlarmName": name, "StateValue": "OK", "Threshold": 5.0, "AlarmActions": ["arn:aws:sns:x:1:on-call"]}
    return {**shown, "Unit": None, "Dimensions": [{"Name": "TableName", "Value": table}], **more}


BEFORE = [alarm("throttled", "orders-db")]
COPY = alarm("lifeboat-copy-copy-throttled", "copy", AlarmDescription="of Lifeboat", StateValue="INSUFFICIENT_DATA")


def found(now: list[Json], *, moved: bool = True) -> list[str]:
    """What the check finds."""
    return checks.compare_alarms(BEFORE, now, "orders-db", "copy", moved=moved)


def alarms(verdict: Verdict) -> None:
    """The alarms of a table: a copy that is missing, other, or too early, and an original that was touched."""
    verdict.passes("a copy after the move", found([*BEFORE, COPY]))
    verdict.passes("none beside production", found(BEFORE, moved=False))
    verdict.finds("a copy that is not there", found(BEFORE), "should be")
    verdict.finds("a copy beside production, which pages", found([*BEFORE, COPY], moved=False), "should be []")
    verdict.finds("another threshold", found([*BEFORE, {**COPY, "Threshold": 50.0}]), "50.0")
    verdict.finds("nobody is told", found([*BEFORE, {**COPY, "AlarmActions": []}]), "should be")
    verdict.finds("an original that was moved itself", found([alarm("throttled", "copy")]), "is not as it was")
    verdict.finds("an original that is gone", found([COPY]), "is not as it was")
