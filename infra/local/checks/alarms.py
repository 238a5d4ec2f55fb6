"""The alarms of a table: who is on call is paged for the table that clients use, and for no copy beside it."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

# What CloudWatch itself says of an alarm, and what tells a copy from what it is a copy of.
OWN = {
    "AlarmName",
    "AlarmArn",
    "AlarmDescription",
    "AlarmConfigurationUpdatedTimestamp",
    "Dimensions",
    "StateReason",
    "StateReasonData",
    "StateTransitionedTimestamp",
    "StateUpdatedTimestamp",
    "StateValue",
    "EvaluationState",
}


def _watching(alarms: list[Json], table: str) -> list[Json]:
    return [alarm for alarm in alarms if {"Name": "TableName", "Value": table} in alarm.get("Dimensions", [])]


def _settings(alarm: Json) -> Json:
    return {name: value for name, value in alarm.items() if name not in OWN and value not in (None, [], "")}


def compare_alarms(before: list[Json], now: list[Json], source: str, copy: str, *, moved: bool) -> list[str]:
    """After a move each alarm on the source has one like it on the copy; without one the copy has none. The source's stand."""
    names = {alarm["AlarmName"]: alarm for alarm in now}
    problems = [
        f"the alarm {alarm['AlarmName']} on {source} is not as it was"
        for alarm in before
        if {**_settings(names.get(alarm["AlarmName"], {})), "on": names.get(alarm["AlarmName"], {}).get("Dimensions")}
        != {**_settings(alarm), "on": alarm.get("Dimensions")}
    ]
    wanted = [_settings(alarm) for alarm in _watching(before, source)] if moved else []
    found = [_settings(alarm) for alarm in _watching(now, copy)]
    if sorted(map(repr, wanted)) != sorted(map(repr, found)):
        problems.append(f"the alarms on {copy} should be {wanted}, and are {found}")
    return problems
