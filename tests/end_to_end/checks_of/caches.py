"""A cache: its plan against the estate's log, its settings in the words for an instance, and its rows as keys."""

from __future__ import annotations

from typing import Any

import checks
from kinds.elasticache import Groups, as_instance
from rediscache import slot, touched

from .recovery import TAGS, called, log_with, plan_of, tag_list
from .verdict import Verdict

Json = dict[str, Any]

OWN: Json = {
    "cluster_mode": False,
    "shards": 1,
    "replicas_per_shard": 1,
    "automatic_failover": True,
    "transit_encryption": True,
    "transit_encryption_mode": "required",
    "auth_token": True,
    "user_groups": [],
    "data_tiering": False,
    "global": None,
    "topic": "arn:aws:sns:eu-central-1:123456789012:caches",
    "ip_discovery": "ipv4",
    "logs": [],
}
TOLD: Json = {
    "class": "cache.m7g.large",
    "engine": "valkey",
    "engine_version": "8.0",
    "subnet_group": "caches-private",
    "security_groups": ["sg-quarantine"],
    "parameter_group": "valkey8",
    "multi_az": True,
    "port": 6379,
    "storage_encrypted": True,
    "kms_key": None,
    "cache": OWN,
}
ACTS: list[Json] = [
    {
        "call": "restore_from_snapshot",
        "snapshot": "lifeboat-1",
        "target": "replicationgroup:copy",
        "settings": {"configuration": TOLD, "tags": TAGS},
    },
    {"call": "set_security_groups", "instance": "replicationgroup:orders-db", "groups": ["sg-b", "sg-a"]},
    {"call": "set_failover", "instance": "replicationgroup:orders-db", "automatic": False, "multi_az": False},
    {"call": "force_failover", "instance": "replicationgroup:orders-db", "to": "orders-db-002", "from": "orders-db-001"},
    {"call": "create_snapshot", "instance": "replicationgroup:copy", "snapshot": "first", "tags": TAGS},
]
ON_SOURCE: Json = {"ReplicationGroupId": "orders-db", "ApplyImmediately": True}
LOG: list[Json] = [
    called(
        "CreateReplicationGroup",
        ReplicationGroupId="copy",
        ReplicationGroupDescription="made by Lifeboat as copy",
        Engine="valkey",
        EngineVersion="8.0",
        CacheNodeType="cache.m7g.large",
        NumCacheClusters=2,
        AutomaticFailoverEnabled=True,
        MultiAZEnabled=True,
        SnapshotName="lifeboat-1",
        CacheParameterGroupName="valkey8",
        CacheSubnetGroupName="caches-private",
        SecurityGroupIds=["sg-quarantine"],
        Port=6379,
        NotificationTopicArn="arn:aws:sns:eu-central-1:123456789012:caches",
        AuthToken="****",
        TransitEncryptionEnabled=True,
        AtRestEncryptionEnabled=True,
        IpDiscovery="ipv4",
        Tags=tag_list(TAGS),
    ),
    called("ModifyReplicationGroup", **ON_SOURCE, SecurityGroupIds=["sg-a", "sg-b"]),
    called("ModifyReplicationGroup", **ON_SOURCE, AutomaticFailoverEnabled=False, MultiAZEnabled=False),
    called("ModifyReplicationGroup", **ON_SOURCE, PrimaryClusterId="orders-db-002"),
    called("CreateSnapshot", CacheClusterId="copy-002", SnapshotName="first", Tags=tag_list(TAGS)),
]
GROUP: Json = {
    "ReplicationGroupId": "orders-db",
    "ARN": "arn:aws:elasticache:eu-central-1:123456789012:replicationgroup:orders-db",
    "ReplicationGroupCreateTime": "2026-01-15T10:25:00.250Z",
    "Status": "available",
    "NodeGroups": [
        {
            "PrimaryEndpoint": {"Address": "127.0.0.4", "Port": 6379},
            "NodeGroupMembers": [
                {"CacheClusterId": "orders-db-001", "PreferredAvailabilityZone": "a", "CurrentRole": "replica"},
                {"CacheClusterId": "orders-db-002", "PreferredAvailabilityZone": "b", "CurrentRole": "primary"},
            ],
        }
    ],
}
NODE: Json = {
    "ReplicationGroupId": "orders-db",
    "SecurityGroups": [{"SecurityGroupId": "sg-a", "Status": "active"}],
    "CacheParameterGroup": {"CacheParameterGroupName": "valkey8"},
}


def _calls(verdict: Verdict) -> None:
    """What is planned on a cache is what the log should show, field by field."""
    plan = plan_of(*ACTS)
    verdict.passes("the calls of a plan on a cache", checks.compare_calls(LOG, [plan]))
    verdict.finds(
        "a promotion of another node",
        checks.compare_calls(log_with(3, "PrimaryClusterId", "orders-db-003", LOG), [plan]),
        "PrimaryClusterId",
    )
    verdict.finds(
        "a copy without encryption in transit",
        checks.compare_calls(log_with(0, "TransitEncryptionEnabled", False, LOG), [plan]),
        "TransitEncryptionEnabled",
    )
    verdict.finds(
        "a copy that is open from birth",
        checks.compare_calls(log_with(0, "SecurityGroupIds", ["sg-app"], LOG), [plan]),
        "SecurityGroupIds",
    )
    verdict.finds(
        "a snapshot of another cache",
        checks.compare_calls(log_with(4, "CacheClusterId", "orders-db-002", LOG), [plan]),
        "CacheClusterId",
    )
    node = checks.compare_calls(log_with(4, "CacheClusterId", "other-002", LOG), [plan])
    verdict.finds("a snapshot of a node of another cache", node, "CacheClusterId")
    _shards(verdict)
    rebooted = [*LOG, called("RebootCacheCluster", CacheClusterId="orders-db-001")]
    verdict.finds("a reboot, which wipes", checks.compare_calls(rebooted, [plan]), "not planned")


def _shards(verdict: Verdict) -> None:
    """With cluster mode a copy has shards, and a snapshot is of the whole group."""
    own = {**OWN, "cluster_mode": True, "shards": 3}
    settings = {"configuration": {**TOLD, "cache": own}, "tags": TAGS}
    plan = plan_of({**ACTS[0], "settings": settings}, *ACTS[1:])
    made = {name: value for name, value in LOG[0]["parameters"].items() if name != "NumCacheClusters"}
    made |= {"ClusterMode": "enabled", "NumNodeGroups": 3, "ReplicasPerNodeGroup": 1}
    whole = {**{name: value for name, value in LOG[4]["parameters"].items() if name != "CacheClusterId"}, "ReplicationGroupId": "copy"}
    log = [called("CreateReplicationGroup", **made), *LOG[1:4], called("CreateSnapshot", **whole)]
    verdict.passes("the calls of a plan on a cache with shards", checks.compare_calls(log, [plan]))
    verdict.finds("a copy with a shard less", checks.compare_calls(log_with(0, "NumNodeGroups", 2, log), [plan]), "NumNodeGroups")
    other = checks.compare_calls(log_with(4, "ReplicationGroupId", "orders-db", log), [plan])
    verdict.finds("a snapshot of another group", other, "orders-db")


def _words(verdict: Verdict) -> None:
    """A group in the words for an instance."""
    shown = as_instance(GROUP, [NODE], [{"Key": "a", "Value": "b"}])
    wanted = ("orders-db", "replicationgroup:orders-db:1768472700", "b", {"Address": "127.0.0.4", "Port": 6379})
    found = tuple(shown[name] for name in ("DBInstanceIdentifier", "DbiResourceId", "AvailabilityZone", "Endpoint"))
    verdict.passes("a group in the words for an instance", [] if found == wanted else [f"{found}, wanted {wanted}"])
    place = {"Address": "127.0.0.9", "Port": 6379}
    sharded = as_instance({**GROUP, "ConfigurationEndpoint": place}, [NODE], [])["Endpoint"]
    verdict.passes("the endpoint of a group with shards", [] if sharded == place else [str(sharded)])
    before = {name: shown.get(name) for name in Groups.settings}
    before |= {"VpcSecurityGroups": shown["VpcSecurityGroups"], "CacheSubnetGroupName": "caches-private"}
    after = {**before, "DBInstanceIdentifier": "copy"}
    verdict.passes("settings that agree", checks.compare_settings(before, after, Groups.settings))
    fewer = checks.compare_settings(before, {**after, "Shards": 0}, Groups.settings)
    verdict.finds("a copy with other shards", fewer, "Shards")
    weaker = {**after, "AutomaticFailover": "disabled"}
    verdict.finds("a copy without failover", checks.compare_settings(before, weaker, Groups.settings), "AutomaticFailover")


def _rows(verdict: Verdict) -> None:
    """The rows that a statement is about."""
    numbers = touched("DELETE FROM public.orders WHERE id BETWEEN 2 AND 3 OR id BETWEEN 9 AND 9 RETURNING id", range(12))
    verdict.passes("rows of a statement", [] if numbers == [2, 3, 9] else [str(numbers)])
    slots = (slot("a"), slot("b"), slot("order:17"))
    verdict.passes("where Redis Cluster puts keys", [] if slots == (15495, 3300, 3747) else [str(slots)])


def caches(verdict: Verdict) -> None:
    """A cache's calls, settings and rows are compared as those of other kinds."""
    for work in (_calls, _words, _rows):
        work(verdict)
