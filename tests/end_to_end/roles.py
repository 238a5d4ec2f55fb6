"""What the roles forbid: calls to RDS with the functions' own roles, each of them one that no step makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from act import Act
from botocore.exceptions import ClientError
from cloud import ACCOUNT, CLIENT_CONFIG
from stage import FENCE, REGION, RESOURCE, until

Json = dict[str, Any]

BYSTANDER = "bystander"
COPY, SPOILT = "orders-db-r0123abcd", "orders-db-r4567cdef"
SEARCHED = "orders-db-s0123abcd"
DENIED = "AccessDenied"
INCIDENT = {"lifeboat:incident": "inc-of-the-test"}
SEARCH = {"lifeboat:search": "0" * 64}
RETIRED = {**INCIDENT, "lifeboat:policy": "demo", "lifeboat:retired": "inc-of-the-test"}


@dataclass(frozen=True)
class Attempt:
    """A call that a role must not be able to make."""

    role: str
    what: str
    call: str
    given: Json


def arn_of(instance: str) -> str:
    """The ARN of an instance."""
    return f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{instance}"


def tag_list(tags: dict[str, str]) -> list[Json]:
    """Tags as RDS takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _on(role: str, what: str, call: str, instance: str, **given: Any) -> Attempt:
    """A call that names an instance."""
    return Attempt(role, what, call, {"DBInstanceIdentifier": instance, **given})


def _tag(what: str, instance: str, tags: dict[str, str]) -> Attempt:
    """The acting function tags an instance."""
    return Attempt(
        "RestoreAct", what, "add_tags_to_resource", {"ResourceName": arn_of(instance), "Tags": tag_list(tags)}
    )


def _untag(what: str, instance: str, key: str) -> Attempt:
    """The acting function takes a tag off an instance."""
    given = {"ResourceName": arn_of(instance), "TagKeys": [key]}
    return Attempt("RestoreAct", what, "remove_tags_from_resource", given)


def _restore(what: str, target: str, tags: dict[str, str]) -> Attempt:
    """The acting function restores the database under another name."""
    given = {"SourceDBInstanceIdentifier": RESOURCE, "TargetDBInstanceIdentifier": target}
    more = {"UseLatestRestorableTime": True, "Tags": tag_list(tags)}
    return Attempt("RestoreAct", what, "restore_db_instance_to_point_in_time", {**given, **more})


def _search(what: str, target: str, tags: dict[str, str]) -> Attempt:
    """The searching function restores the database under another name."""
    given = {"SourceDBInstanceIdentifier": RESOURCE, "TargetDBInstanceIdentifier": target}
    more = {"UseLatestRestorableTime": True, "Tags": tag_list(tags)}
    return Attempt("RestoreSearch", what, "restore_db_instance_to_point_in_time", {**given, **more})


def _snapshot(role: str, what: str, instance: str, name: str, tags: dict[str, str]) -> Attempt:
    """A role takes a snapshot."""
    return _on(role, what, "create_db_snapshot", instance, DBSnapshotIdentifier=name, Tags=tag_list(tags))


ATTEMPTS = [
    _on("RestoreAct", "reboots what carries no tag", "reboot_db_instance", BYSTANDER),
    _on("RestoreAct", "fences what carries no tag", "modify_db_instance", BYSTANDER, VpcSecurityGroupIds=[FENCE]),
    _on("RestoreAct", "deletes what carries no tag", "delete_db_instance", BYSTANDER, SkipFinalSnapshot=True),
    _on("RestoreAct", "deletes the source", "delete_db_instance", RESOURCE, SkipFinalSnapshot=True),
    _tag("protects what it did not restore", BYSTANDER, {"lifeboat:policy": "demo"}),
    _tag("marks what it did not restore as its own", BYSTANDER, INCIDENT),
    _tag("marks the source as its own", RESOURCE, INCIDENT),
    _tag("retires what is not protected", BYSTANDER, {"lifeboat:retired": "inc-of-the-test"}),
    _tag("sets a tag that is not Lifeboat's", RESOURCE, {"owner": "lifeboat"}),
    _tag("slips a tag in beside its own", RESOURCE, {"lifeboat:retired": "inc-of-the-test", "owner": "lifeboat"}),
    _untag("removes a tag that is not Lifeboat's", RESOURCE, "owner"),
    _untag("removes the secret from the source", RESOURCE, "lifeboat:secret"),
    _untag("releases what is not protected", BYSTANDER, "lifeboat:policy"),
    _restore("restores without the mark of an incident", COPY, {"owner": "orders-team"}),
    _restore("restores a copy that is protected from birth", COPY, {**INCIDENT, "lifeboat:policy": "demo"}),
    _restore("restores under a name that no copy has", "orders-db-copy", INCIDENT),
    _snapshot("RestoreAct", "takes a snapshot of what it did not restore", BYSTANDER, "lifeboat-x", INCIDENT),
    _snapshot("Snapshot", "takes a snapshot of what carries no tag", BYSTANDER, "lifeboat-x", {"lifeboat:backup": "x"}),
    _snapshot("Snapshot", "takes a snapshot without the mark of its run", RESOURCE, "lifeboat-x", {"owner": "x"}),
    _snapshot("Snapshot", "takes a snapshot under another name", RESOURCE, "mine", {"lifeboat:backup": "x"}),
    _on("Snapshot", "reboots the source", "reboot_db_instance", RESOURCE),
    _on("RestoreCleanUp", "deletes what carries no tag", "delete_db_instance", BYSTANDER, SkipFinalSnapshot=True),
    _on("RestoreCleanUp", "deletes the source", "delete_db_instance", RESOURCE, SkipFinalSnapshot=True),
    _on("RestoreRelease", "deletes what carries no tag", "delete_db_instance", BYSTANDER, SkipFinalSnapshot=True),
    _on("RestoreRelease", "deletes the source", "delete_db_instance", RESOURCE, SkipFinalSnapshot=True),
    _on("RestoreRelease", "modifies the source", "modify_db_instance", RESOURCE, DeletionProtection=False),
    _search("restores without the mark of a search", SEARCHED, INCIDENT),
    _search("restores a copy that is protected from birth", SEARCHED, {**SEARCH, "lifeboat:policy": "demo"}),
    _search("restores a copy that looks like an incident's", SEARCHED, {**SEARCH, **INCIDENT}),
    _search("restores under a name that no copy has", COPY, SEARCH),
    _on("RestoreSearch", "deletes the source", "delete_db_instance", RESOURCE, SkipFinalSnapshot=True),
    _on("RestoreSearch", "modifies the source", "modify_db_instance", RESOURCE, DeletionProtection=False),
    _on("RestorePlan", "reboots the source", "reboot_db_instance", RESOURCE),
    _on("Detect", "reboots the source", "reboot_db_instance", RESOURCE),
    _on("Validate", "describes the source", "describe_db_instances", RESOURCE),
    _on("Notify", "describes the source", "describe_db_instances", RESOURCE),
]
ATTEMPTS_ON_RETIRED = [
    _on("RestoreAct", "deletes what is retired", "delete_db_instance", BYSTANDER, SkipFinalSnapshot=True),
    _tag("marks what is retired as its own", BYSTANDER, INCIDENT),
    _tag("sets a foreign tag on what is retired", BYSTANDER, {"owner": "lifeboat"}),
    _on("Snapshot", "reboots what is retired", "reboot_db_instance", BYSTANDER),
    _on("RestoreCleanUp", "deletes what is retired", "delete_db_instance", BYSTANDER, SkipFinalSnapshot=True),
]


def client_as(act: Act, role: str) -> Any:
    """An RDS client with the role of a function, through the gate."""
    cloud = act.stage.cloud
    found = cloud.client("cloudformation").describe_stack_resource(
        StackName="lifeboat", LogicalResourceId=f"{role}Role"
    )
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    assumed = cloud.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="test")
    given = assumed["Credentials"]
    return boto3.client(
        "rds",
        region_name=REGION,
        endpoint_url=cloud.url("gate"),
        config=CLIENT_CONFIG,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def answer_to(client: Any, call: str, given: Json) -> str:
    """The error code that a call is answered with, or `accepted`."""
    try:
        getattr(client, call)(**given)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "accepted"


def roles(act: Act) -> list[str]:
    """Every function's role refuses what no step of it does, also to a function that has gone wrong."""
    stage = act.stage
    for instance, tags in {BYSTANDER: {"owner": "another-team"}, SPOILT: INCIDENT}.items():
        stage.cloud.client("rds").create_db_instance(
            DBInstanceIdentifier=instance,
            Engine="postgres",
            DBInstanceClass="db.r6g.large",
            AllocatedStorage=100,
            MasterUsername="somebody",
            MasterUserPassword="else-altogether",
            Tags=tag_list(tags),
        )
    made = (BYSTANDER, SPOILT)
    until("they are there", 60, lambda: {stage.describe(name)["DBInstanceStatus"] for name in made} == {"available"})
    before = [stage.describe(name) for name in (BYSTANDER, RESOURCE)]
    act.begin("break", "nothing: the functions' roles are used for what no step does")
    clients = {role: client_as(act, role) for role in {attempt.role for attempt in ATTEMPTS}}
    problems = _all_answered(act, clients, ATTEMPTS, DENIED)
    for found in before:
        now = stage.describe(found["DBInstanceIdentifier"])
        problems += [f"{key} is {now.get(key)}" for key in ("TagList", "DBInstanceStatus") if found[key] != now[key]]
    stage.cloud.client("rds").add_tags_to_resource(ResourceName=arn_of(BYSTANDER), Tags=tag_list(RETIRED))
    problems += _all_answered(act, clients, ATTEMPTS_ON_RETIRED, DENIED)
    # The gate does not refuse everything.
    groups = [group["VpcSecurityGroupId"] for group in before[1]["VpcSecurityGroups"]]
    allowed = [
        _on("RestoreAct", "opens a fence again", "modify_db_instance", RESOURCE, VpcSecurityGroupIds=groups),
        _on("RestoreAct", "closes what an undo had opened", "modify_db_instance", BYSTANDER, VpcSecurityGroupIds=[FENCE]),
        _on("RestoreCleanUp", "deletes a spoilt copy", "delete_db_instance", SPOILT, SkipFinalSnapshot=True),
    ]
    return problems + _all_answered(act, clients, allowed, "accepted")


def _all_answered(act: Act, clients: dict[str, Any], attempts: list[Attempt], expected: str) -> list[str]:
    """Try each; whatever was answered otherwise."""
    problems = []
    for attempt in attempts:
        said = answer_to(clients[attempt.role], attempt.call, attempt.given)
        act.timeline.note("role" if said == expected else "wrong", f"{attempt.role} {attempt.what}: {said}")
        if said != expected:
            problems.append(f"{attempt.role} {attempt.what}: {said}")
    return problems
