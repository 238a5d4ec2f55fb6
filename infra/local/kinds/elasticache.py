"""ElastiCache replication groups: a primary and a replica, with TLS and an AUTH token; with cluster mode, several such shards."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from . import Json, Wanted

ENGINE = "valkey"
POLICIES = {ENGINE: "demo-cache"}
NODE_TYPE = "cache.m7g.large"
SECONDS = 60.0
# What its nodes say of each other: the same for all of a group.
OF_NODES = ("EngineVersion", "CacheSubnetGroupName", "PreferredMaintenanceWindow")


def _created(shown: Any) -> int:
    """When it was made, in seconds: as boto3 shows it, or the estate."""
    made = shown if isinstance(shown, datetime) else datetime.fromisoformat(str(shown).replace("Z", "+00:00"))
    return int(made.astimezone(timezone.utc).timestamp())


def as_instance(group: Json, nodes: Iterable[Json], tags: Sequence[Mapping[str, str]]) -> Json:
    """A replication group in the words that RDS has for an instance; its zone is that of the primary."""
    name = group["ReplicationGroupId"]
    own = [node for node in nodes if node["ReplicationGroupId"] == name]
    shards = group.get("NodeGroups") or [{}]
    members = shards[0].get("NodeGroupMembers", [])
    zones = [member["PreferredAvailabilityZone"] for member in members if member.get("CurrentRole") == "primary"]
    first = own[0] if own else {}
    return {
        **group,
        **{field: first.get(field) for field in OF_NODES},
        "DBInstanceIdentifier": name,
        "DBInstanceArn": group["ARN"],
        # ElastiCache gives no resource id: this is how Lifeboat tells it from another one of its name.
        "DbiResourceId": f"replicationgroup:{name}:{_created(group['ReplicationGroupCreateTime'])}",
        "DBInstanceStatus": group["Status"],
        "Endpoint": group.get("ConfigurationEndpoint") or shards[0].get("PrimaryEndpoint"),
        "Shards": len(shards),
        "AvailabilityZone": zones[0] if zones else "",
        "TagList": list(tags),
        "VpcSecurityGroups": [
            {"VpcSecurityGroupId": item["SecurityGroupId"], "Status": item["Status"]}
            for item in first.get("SecurityGroups", [])
        ],
        "CacheParameterGroup": first.get("CacheParameterGroup", {}).get("CacheParameterGroupName"),
        "NotificationTopic": (first.get("NotificationConfiguration") or {}).get("TopicArn"),
        "Nodes": len(own),
    }


# Of up to a hundred thousand keys Lifeboat's fingerprint looks at each.
SEED_ROWS = 50_000
# A failover of ElastiCache takes long enough for two sweeps to see that the primary is gone.
DURATIONS = {"failure_detection": 8, "cluster_failover": 4}


class Groups:
    """Replication groups behind the ElastiCache API."""

    checks = ("reachability", "login", "role", "keyspace", "configuration")

    settings: tuple[str, ...] = (
        "CacheNodeType",
        "Engine",
        "EngineVersion",
        "Nodes",
        "Shards",
        "AutomaticFailover",
        "MultiAZ",
        "ClusterEnabled",
        "TransitEncryptionEnabled",
        "TransitEncryptionMode",
        "AtRestEncryptionEnabled",
        "AuthTokenEnabled",
        "SnapshotRetentionLimit",
        "SnapshotWindow",
        "PreferredMaintenanceWindow",
        "AutoMinorVersionUpgrade",
        "CacheSubnetGroupName",
        "CacheParameterGroup",
        "NotificationTopic",
        "VpcSecurityGroups",
    )

    def __init__(self, cloud: Any, engine: str) -> None:
        """`cloud` is the local cloud, which runs before anything is asked here."""
        self.cloud, self.engine = cloud, engine
        # With more than one it is made with cluster mode.
        self.shards = 1

    @property
    def elasticache(self) -> Any:
        """A client with full rights."""
        return self.cloud.client("elasticache")

    def create(self, wanted: Wanted) -> None:
        """A primary and a replica in two zones; without `multi_az` nobody fails over by itself."""
        self.elasticache.create_replication_group(
            ReplicationGroupId=wanted.name,
            ReplicationGroupDescription="the cache of the demo",
            Engine=wanted.engine,
            EngineVersion="8.0",
            CacheNodeType=NODE_TYPE,
            **self._shape(),
            AutomaticFailoverEnabled=wanted.multi_az,
            MultiAZEnabled=wanted.multi_az,
            CacheSubnetGroupName=wanted.subnet_group,
            SecurityGroupIds=wanted.groups,
            TransitEncryptionEnabled=True,
            AtRestEncryptionEnabled=True,
            AuthToken=wanted.password,
            SnapshotRetentionLimit=7,
            PreferredMaintenanceWindow="sun:03:00-sun:04:00",
            Tags=wanted.tags,
            **({"NotificationTopicArn": wanted.topic} if wanted.topic else {}),
        )
        deadline = time.monotonic() + SECONDS
        while self.describe(wanted.name)["DBInstanceStatus"] != "available":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{wanted.name} is not available within {SECONDS:g} s")
            time.sleep(0.1)

    def _shape(self) -> Json:
        """A primary and a replica, in each shard if there are more."""
        return {"NumNodeGroups": self.shards, "ReplicasPerNodeGroup": 1} if self.shards > 1 else {"NumCacheClusters": 2}

    def _tags(self, arn: str) -> list[Mapping[str, str]]:
        """Of one of them, as the estate has them: ElastiCache tells none of a group that is not available."""
        kept = [item["tags"] for item in self.cloud.control("/caches") if item["group"]["ARN"] == arn]
        return kept[0] if kept else []

    def _nodes(self) -> list[Json]:
        """All nodes."""
        found: list[Json] = self.elasticache.describe_cache_clusters(ShowCacheNodeInfo=True)["CacheClusters"]
        return found

    def shown(self) -> list[Json]:
        """Every group as the ElastiCache API shows it."""
        groups, nodes = self.elasticache.describe_replication_groups()["ReplicationGroups"], self._nodes()
        return [as_instance(group, nodes, self._tags(group["ARN"])) for group in groups]

    def describe(self, name: str) -> Json:
        """One of them."""
        [group] = self.elasticache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"]
        return as_instance(group, self._nodes(), self._tags(group["ARN"]))

    def kept(self) -> list[Json]:
        """Every group as the estate has it."""
        return [
            as_instance(item["group"], [node["node"] for node in item["nodes"]], item["tags"])
            for item in self.cloud.control("/caches")
        ]

    def primaries(self, name: str) -> list[str]:
        """The nodes that write, by shard: with cluster mode the estate alone tells."""
        [found] = [item for item in self.cloud.control("/caches") if item["group"]["ReplicationGroupId"] == name]
        return [str(node["node"]["CacheClusterId"]) for node in found["nodes"] if node["is_primary"]]

    def servers(self, side: str) -> list[str]:
        """The estate's servers behind an address: those of the primaries."""
        for item, shown in zip(self.cloud.control("/caches"), self.kept(), strict=True):
            place = shown["Endpoint"]
            if place and f"{place['Address']}:{place['Port']}" == side:
                return [str(node["server"]) for node in item["nodes"] if node["is_primary"]]
        return []

    def accident(self, name: str, kind: str) -> Json:
        """To the group, or its primary."""
        return {"cache": name, "kind": kind}

    def changed(self, call: Json) -> str:
        """By `ModifyReplicationGroup`."""
        return str(call["parameters"]["ReplicationGroupId"]) if call["action"] == "ModifyReplicationGroup" else ""

    def way_in(self, name: str) -> str:
        """Of the AWS CLI."""
        return rf"--replication-group-id {name} --security-group-ids "

    def open(self, name: str, groups: Sequence[str]) -> None:
        """At once."""
        self.elasticache.modify_replication_group(
            ReplicationGroupId=name, SecurityGroupIds=groups, ApplyImmediately=True
        )

    def failover(self, described: Json) -> tuple[str, Json]:
        """Of a group that fails over by itself to nobody: the replica is named."""
        members = described["NodeGroups"][0]["NodeGroupMembers"]
        replicas = sorted(member["CacheClusterId"] for member in members if member["CurrentRole"] == "replica")
        return "ModifyReplicationGroup", {
            "ReplicationGroupId": described["DBInstanceIdentifier"],
            "PrimaryClusterId": replicas[0],
            "ApplyImmediately": True,
        }

    def members(self) -> dict[str, list[str]]:
        """Nothing is done to one node alone."""
        return {}

    def in_words(self, multi_az: bool) -> str:
        """Engine, nodes and who fails over."""
        nodes = f"{self.shards} shards with a primary and a replica each" if self.shards > 1 else "a primary and a replica"
        return f"{self.engine}, {nodes}, {'automatic' if multi_az else 'no automatic'} failover"
