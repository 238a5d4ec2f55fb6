"""What must be true at the end: the rows, the calls, the source. The demo's exit status hangs on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from client import hashes
from journal import Fate, Journal, Row
from ledger import moment
from stage import RESOURCE, SECRET, Stage

Json = dict[str, Any]
Call = tuple[str, ...]

# A second such call changes nothing more.
IDEMPOTENT = ("ModifyDBInstance", "AddTagsToResource", "RemoveTagsFromResource")


@dataclass
class Findings:
    """What was found wrong, and what was measured."""

    problems: list[str] = field(default_factory=list)
    lost: list[Row] = field(default_factory=list)
    kept_until: float = 0.0

    def wrong(self, condition: bool, text: str) -> None:
        """Note a problem if there is one."""
        if condition:
            self.problems.append(text)


def _named(identifiers: list[int]) -> str:
    """How many, and the first few."""
    shown = ", ".join(map(str, sorted(identifiers)[:5]))
    return f"{len(identifiers)} rows ({shown}{', ...' if len(identifiers) > 5 else ''})"


def _must_be_there(row: Row, serving: str, point: datetime | None) -> bool:
    """Whether an acknowledged row may not be missing: it was written to the serving side, or up to the restore point."""
    if row.side == serving or point is None:
        return True
    return row.committed_at is not None and row.committed_at <= point


def compare_rows(
    journal: Journal,
    found: dict[int, str],
    serving: str,
    point: datetime | None,
    *,
    exactly: bool = False,
    missing_on_purpose: frozenset[int] = frozenset(),
) -> Findings:
    """Compare what the serving side holds with what the client knows.

    `point` is the restore point (none: nothing was restored, everything must be there). `exactly`: that very moment was
    asked for, so nothing later may be there. Rows in `missing_on_purpose` were deleted by somebody.
    """
    findings = Findings()
    missing, altered, phantom, later = [], [], [], []
    expected = {
        identifier: digest for identifier, digest in journal.seed.items() if identifier not in missing_on_purpose
    }
    missing += [identifier for identifier in expected if identifier not in found]
    altered += [identifier for identifier, digest in expected.items() if found.get(identifier, digest) != digest]
    known = set(expected)
    for row in journal.rows():
        there = row.id in found
        if row.id in missing_on_purpose or row.fate in (Fate.FAILED, Fate.LOST):
            continue
        known.add(row.id)
        if row.fate in (Fate.UNKNOWN, Fate.SENT):
            continue
        if there and found[row.id] != row.hash:
            altered.append(row.id)
        elif there:
            findings.kept_until = max(findings.kept_until, row.acknowledged_at if row.side != serving else 0.0)
            too_late = exactly and point and row.side != serving and row.committed_at and row.committed_at > point
            later += [row.id] if too_late else []
        elif _must_be_there(row, serving, point):
            missing.append(row.id)
        if not there:
            findings.lost.append(row)
    phantom = [identifier for identifier in found if identifier not in known]
    findings.wrong(bool(missing), f"missing although committed in time: {_named(missing)}")
    findings.wrong(bool(altered), f"not as they were committed: {_named(altered)}")
    findings.wrong(bool(phantom), f"there although nobody committed them: {_named(phantom)}")
    findings.wrong(bool(later), f"there although later than the restore time: {_named(later)}")
    return findings


def unknown_rows(stage: Stage, found: dict[int, str]) -> list[str]:
    """Rows whose commit nobody confirmed may be there, but then as they were sent."""
    unknown = {row.id: row for row in stage.journal.rows() if row.fate is Fate.UNKNOWN and row.id in found}
    if not unknown:
        return []
    with stage.secret.connect() as connection:
        rows = connection.execute(
            "SELECT id, customer, amount::text FROM public.orders WHERE id = ANY(%s)", (list(unknown),)
        ).fetchall()
    wrong = [i for i, customer, amount in rows if (unknown[i].customer, unknown[i].amount) != (customer, amount)]
    return [f"unconfirmed, and not as they were sent: {_named(wrong)}"] if wrong else []


def serving_rows(stage: Stage) -> dict[int, str]:
    """The hash of every row where the secret leads."""
    with stage.secret.connect() as connection:
        return hashes(connection)


def planned_calls(plan: Json) -> list[Call]:
    """The plan's calls to RDS, as the estate's log would name them."""
    calls: list[Call] = []
    for planned in plan["calls"]:
        act = planned["act"]
        name = act["call"]
        if name == "restore_from_snapshot":
            calls.append(("RestoreDBInstanceFromDBSnapshot", act["target"], act["snapshot"]))
        elif name == "restore_to_point_in_time":
            calls.append(("RestoreDBInstanceToPointInTime", act["target"], act["source"]))
        elif name in ("force_failover", "end_sessions"):
            calls.append(("RebootDBInstance", act["instance"], str(name == "force_failover")))
        elif name in ("replay_settings", "reset_master_password", "set_security_groups"):
            calls.append(("ModifyDBInstance", act["instance"], name))
        elif name == "create_snapshot":
            calls.append(("CreateDBSnapshot", act["instance"], act["snapshot"]))
        elif name == "add_tags":
            calls.append(("AddTagsToResource", act["arn"], ",".join(sorted(act["tags"]))))
        elif name == "remove_tags":
            calls.append(("RemoveTagsFromResource", act["arn"], ",".join(sorted(act["keys"]))))
        elif name != "point_secret":
            raise ValueError(f"the plan has a call that the demo does not know: {name}")
    return calls


def logged_call(record: Json) -> Call:
    """A line of the estate's log in the same words."""
    action, given = record["action"], record["parameters"]
    if action == "RestoreDBInstanceFromDBSnapshot":
        return action, given["DBInstanceIdentifier"], given["DBSnapshotIdentifier"]
    if action == "RestoreDBInstanceToPointInTime":
        source = given.get("SourceDbiResourceId") or given.get("SourceDBInstanceIdentifier", "")
        return action, given["TargetDBInstanceIdentifier"], source
    if action == "RebootDBInstance":
        return action, given["DBInstanceIdentifier"], str(bool(given.get("ForceFailover")))
    if action == "ModifyDBInstance":
        kind = "reset_master_password" if "MasterUserPassword" in given else "replay_settings"
        return action, given["DBInstanceIdentifier"], "set_security_groups" if "VpcSecurityGroupIds" in given else kind
    if action == "CreateDBSnapshot":
        return action, given["DBInstanceIdentifier"], given["DBSnapshotIdentifier"]
    if action == "AddTagsToResource":
        return action, given["ResourceName"], ",".join(sorted(tag["Key"] for tag in given["Tags"]))
    if action == "RemoveTagsFromResource":
        return action, given["ResourceName"], ",".join(sorted(given["TagKeys"]))
    return action, str(given.get("DBInstanceIdentifier", ""))


def calls_since(stage: Stage, zero: float) -> list[Call]:
    """What changed the world behind the RDS API since a moment; said again because nobody had heard of it counts once."""
    log = [call for call in stage.cloud.control("/calls?effective=true") if moment(call["at"]).timestamp() >= zero]
    calls = []
    for number, call in enumerate(log):
        again = any(
            (call["action"], call["parameters"]) == (later["action"], later["parameters"])
            for later in log[number + 1 :]
        )
        if not (call["outcome"] == "reply_lost" and call["action"] in IDEMPOTENT and again):
            calls.append(logged_call(call))
    return calls


def compare_calls(stage: Stage, zero: float, plans: list[Json]) -> list[str]:
    """The estate's log against the plans: each planned call once, no other, none deleting."""
    made = Counter(calls_since(stage, zero))
    wanted = Counter(call for plan in plans for call in planned_calls(plan))
    problems = [f"made, but not planned: {' '.join(call)}" for call in made - wanted]
    problems += [f"planned, but not made: {' '.join(call)}" for call in wanted - made]
    problems += [f"deleted something: {' '.join(call)}" for call in made if call[0].startswith("Delete")]
    pointed = sum(call["act"]["call"] == "point_secret" for plan in plans for call in plan["calls"])
    versions = stage.cloud.client("secretsmanager").list_secret_version_ids(SecretId=SECRET, IncludeDeprecated=True)
    fresh = [item for item in versions["Versions"] if item["CreatedDate"].timestamp() >= int(zero)]
    if len(fresh) != pointed:
        problems.append(f"the secret was changed {len(fresh)} times, planned were {pointed}")
    return problems


def sources_exist(stage: Stage, identifiers: list[str]) -> list[str]:
    """No source may ever go."""
    there = {item["instance"]["DBInstanceIdentifier"] for item in stage.cloud.control("/instances")}
    return [f"{identifier} does not exist any more" for identifier in identifiers if identifier not in there]


def one_is_protected(stage: Stage) -> list[str]:
    """Exactly one instance carries the identity together with a policy."""
    instances = stage.cloud.client("rds").describe_db_instances()["DBInstances"]
    tags = {item["DBInstanceIdentifier"]: {tag["Key"]: tag["Value"] for tag in item["TagList"]} for item in instances}
    mine = [
        name
        for name, found in tags.items()
        if "lifeboat:policy" in found and found.get("lifeboat:resource", name) == RESOURCE
    ]
    return [] if len(mine) == 1 else [f"{RESOURCE} should be one protected instance and is {mine}"]


def no_dead_letters(stage: Stage) -> list[str]:
    """Every event was delivered and handled."""
    sqs, queue = stage.cloud.client("sqs"), stage.outputs["DeadLetterQueue"]
    dead = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [f"a dead letter: {item['Body'][:500]}" for item in dead]


def lease_is_free(stage: Stage) -> list[str]:
    """Whoever changed the resource has given it back."""
    lease = stage.ledger.read(f"resource#{RESOURCE}", "lease")
    return [f"the lease is still held: {lease}"] if lease and not lease.get("released", False) else []


def difference_is(
    stage: Stage, incident: str, copy: dict[int, str], deleted: list[int], altered: list[int]
) -> list[str]:
    """The difference that Lifeboat lists is the one that somebody made, row for row and range for range."""
    [table] = stage.ledger.expect(f"incident#{incident}", "difference")["tables"]
    problems = []
    for name, made in (("only_restored", deleted), ("changed", [number for number in altered if number in copy])):
        listed = table[name]
        if listed["count"] != len(made):
            problems.append(f"the difference lists {listed['count']} rows as {name}, there are {len(made)}")
        if not set(map(tuple, listed["ranges"])) <= set(_ranges(made)):
            problems.append(f"the difference lists the ranges {listed['ranges']} as {name}")
    return problems


def _ranges(identifiers: list[int]) -> list[tuple[str, str]]:
    """Runs of consecutive ids, first and last."""
    runs: list[tuple[int, int]] = []
    for number in sorted(identifiers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return [(str(first), str(last)) for first, last in runs]
