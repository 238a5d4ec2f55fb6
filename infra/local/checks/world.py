"""The world: the sources, the one that is protected, its settings, the fence, dead letters, the lease."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kinds import rds
from stage import FENCE, RESOURCE, Stage

from .words import NOTHING

Json = dict[str, Any]


def instances(stage: Stage) -> list[Json]:
    """Every database as the estate has it."""
    return stage.database.kept()


def compare_sources(instances: Sequence[Json], sources: Mapping[str, str]) -> list[str]:
    """No source may ever go: each is there under its name with its resource id, and is not being deleted."""
    there = {item["DBInstanceIdentifier"]: item for item in instances}
    problems = [] if sources else ["there is no source to look for"]
    for identifier, resource_id in sources.items():
        item = there.get(identifier)
        if item is None:
            problems.append(f"{identifier} does not exist any more")
        elif item["DbiResourceId"] != resource_id:
            problems.append(f"{identifier} is another one: {item['DbiResourceId']}, it was {resource_id}")
        elif item["DBInstanceStatus"] == "deleting":
            problems.append(f"{identifier} is being deleted")
    return problems


def sources_exist(stage: Stage, sources: Mapping[str, str] | None = None) -> list[str]:
    """The same of the stage: the first source, and others if there are."""
    return compare_sources(instances(stage), {RESOURCE: stage.resource_id, **(sources or {})})


def compare_protected(instances: Sequence[Json], side: str) -> list[str]:
    """Exactly one instance carries the identity together with a policy, and it is the one that clients find."""
    mine = {}
    for item in instances:
        tags = {tag["Key"]: tag["Value"] for tag in item["TagList"]}
        name = item["DBInstanceIdentifier"]
        if "lifeboat:policy" in tags and tags.get("lifeboat:resource", name) == RESOURCE:
            mine[name] = (
                f"{item['Endpoint']['Address']}:{item['Endpoint']['Port']}" if item.get("Endpoint") else NOTHING
            )
    if list(mine.values()) == [side]:
        return []
    return [f"{RESOURCE} should be one protected instance, that at {side}, and is {mine}"]


def one_is_protected(stage: Stage) -> list[str]:
    """The same by the RDS API. ElastiCache takes no tags of a failed group: that one is retired in the ledger."""
    retired = stage.ledger.record(RESOURCE).get("retired", [])
    untaggable = [it for it in stage.database.shown() if it["DBInstanceStatus"] == "create-failed" and it["DbiResourceId"] in retired]
    shown = [item for item in stage.database.shown() if item not in untaggable]
    return compare_protected(shown, stage.secret.side())


SETTINGS = rds.Instances.settings


def parameter_agrees(stage: Stage) -> list[str]:
    """Whoever reads the parameter finds the database that whoever reads the secret finds."""
    if stage.kind == "dynamodb":
        return []  # its clients know no secret
    value = stage.cloud.client("ssm").get_parameter(Name=stage.parameter)["Parameter"]["Value"]
    side = stage.secret.side()
    return [] if value == side else [f"the parameter {stage.parameter} leads to {value}, the secret to {side}"]


def _setting(described: Json, name: str) -> Any:
    """A setting as far as it can be compared."""
    value = described[name]
    if name == "VpcSecurityGroups":
        return sorted(group["VpcSecurityGroupId"] for group in value)
    if name == "DBParameterGroups":
        return [group["DBParameterGroupName"] for group in value]
    return value["DBSubnetGroupName"] if name == "DBSubnetGroup" else value


def compare_settings(before: Json, after: Json, names: Sequence[str] = SETTINGS) -> list[str]:
    """What was restored is set up as its source was, as the RDS API describes both."""
    pairs = [(name, _setting(before, name), _setting(after, name)) for name in names]
    copy = after["DBInstanceIdentifier"]
    return [f"{copy} has {name} {found}, its source {wanted}" for name, wanted, found in pairs if wanted != found]


def compare_fence(plan: Json, source: Json, fence: str = FENCE) -> list[str]:
    """A source that could be fenced, is: its only group is the one that admits no client."""
    if plan["fence"] in ("terminal", "gone"):
        return []
    groups = _setting(source, "VpcSecurityGroups")
    if (plan["fence"], groups) == ("group", [fence]):
        return []
    return [f"{source['DBInstanceIdentifier']} should be fenced by {fence}: planned {plan['fence']}, it has {groups}"]


def no_dead_letters(stage: Stage) -> list[str]:
    """Every event was delivered and handled."""
    sqs, queue = stage.cloud.client("sqs"), stage.outputs["DeadLetterQueue"]
    dead = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [f"a dead letter: {item['Body'][:500]}" for item in dead]


def compare_lease(lease: Json | None) -> list[str]:
    """Whoever changed the resource has given it back; nobody may work without one."""
    if lease is None:
        return ["nobody ever took the lease"]
    return [] if lease.get("released") else [f"the lease is still held: {lease}"]


def lease_is_free(stage: Stage) -> list[str]:
    """The same of the stage's database."""
    return compare_lease(stage.ledger.read(f"resource#{RESOURCE}", "lease"))
