"""DynamoDB as AWS has it, where ministack's has not: patched in ministack's own process, by ministack_launcher.py.

| module | what it corrects |
|---|---|
| `world` | durations; what is known of a table beyond what ministack keeps: its status by the clock, its past |
| `past` | point-in-time recovery: the journal of a table's writes, its window, its items at a moment |
| `rules` | what each call wants before it is carried out, and what follows from it |
| `restores` | restores and backups: what a restored table is, and what it comes without |
| `exports` | exports to S3: what they want, and files as AWS writes them |
| `access` | IAM: which resources a call names, resource policies, what a restore needs beside its own action |
| `scaling` | Application Auto Scaling of tables, which ministack lacks |
| `trail` | the log of calls, CloudTrail's events, scripted faults |
| `control` | JSON for the demo: `/calls`, `/writes`, `/tables`, `/items`, `/commits`, `/events`, `/faults` |

Facts are of the DynamoDB API reference and developer guide. A table whose point-in-time recovery was not switched on by a call,
as the ledger's is by the template, keeps no journal.
"""

from __future__ import annotations

from typing import Any

from . import access, control, rules, scaling, trail
from .world import World


def correct(settings: dict[str, Any]) -> World:
    """Patch ministack; `settings` are those of `World`, and the `port` of the control."""
    world = World.of(settings)
    trail.start(world, settings.get("faults", []))
    access.enforce_as_aws()
    rules.apply(world)
    scaling.serve(world)
    control.serve(int(settings["port"]), world)
    return world
