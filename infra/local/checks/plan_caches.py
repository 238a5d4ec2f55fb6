"""The plan: its calls about replication groups, as the estate's log should show them."""

from __future__ import annotations

from typing import Any

from ledger import bare

from .log import Call, present
from .plan_clusters import sendable

Json = dict[str, Any]

# What a new group is told, by the plan's word for it; what the plan leaves empty is not said.
TOLD = {
    "class": "CacheNodeType",
    "engine": "Engine",
    "engine_version": "EngineVersion",
    "subnet_group": "CacheSubnetGroupName",
    "security_groups": "SecurityGroupIds",
    "parameter_group": "CacheParameterGroupName",
    "multi_az": "MultiAZEnabled",
    "port": "Port",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
    "storage_encrypted": "AtRestEncryptionEnabled",
    "kms_key": "KmsKeyId",
    "network_type": "NetworkType",
    "backup_retention_days": "SnapshotRetentionLimit",
    "backup_window": "SnapshotWindow",
    "maintenance_window": "PreferredMaintenanceWindow",
}
OWN = {
    "automatic_failover": "AutomaticFailoverEnabled",
    "transit_encryption": "TransitEncryptionEnabled",
    "transit_encryption_mode": "TransitEncryptionMode",
    "user_groups": "UserGroupIds",
    "topic": "NotificationTopicArn",
    "ip_discovery": "IpDiscovery",
}
# What is said by other words, or where it is on only.
IN_OTHER_WORDS = {"cluster_mode", "shards", "replicas_per_shard", "auth_token", "data_tiering", "global", "logs"}


def is_of_cache(act: Json) -> bool:
    """Whether an act is on a replication group, or makes one."""
    return str(act.get("target", act.get("instance", ""))).startswith("replicationgroup:")


def _made(act: Json) -> Json:
    """What a new group is told: the place, and everything that would otherwise come back as a default."""
    told: Json = act["settings"]["configuration"]
    own: Json = told["cache"]
    strange = set(own) - set(OWN) - IN_OTHER_WORDS
    if strange or own["data_tiering"] or own["logs"] or own["user_groups"]:
        raise ValueError(f"the plan has settings of a cache that the demo does not know: {own}")
    given = {
        TOLD[name]: sorted(value) if isinstance(value, list) else value for name, value in told.items() if name in TOLD
    }
    given |= {said: own[name] for name, said in OWN.items() if own.get(name) not in (None, [])}
    # The default, which older engines do not know by name.
    if own["transit_encryption_mode"] == "required":
        del given["TransitEncryptionMode"]
    if own["cluster_mode"]:
        given |= {"ClusterMode": "enabled", "NumNodeGroups": own["shards"], "ReplicasPerNodeGroup": own["replicas_per_shard"]}
    else:
        given |= {"NumCacheClusters": own["replicas_per_shard"] + 1}
    given |= {"AuthToken": "****" if own["auth_token"] else None}
    name = bare(act["target"])
    given |= {"ReplicationGroupId": name, "ReplicationGroupDescription": f"made by Lifeboat as {name}"}
    return {**given, "SnapshotName": act.get("snapshot"), "Tags": sendable(act["settings"]["tags"])}


def planned_on_cache(act: Json) -> Call:
    """The one call of an act on a cache."""
    name = act["call"]
    if name in ("restore_from_snapshot", "rebuild_cold"):
        return Call("CreateReplicationGroup", present(_made(act)))
    given: Json = {"ReplicationGroupId": bare(act["instance"]), "ApplyImmediately": True}
    if name == "force_failover":
        return Call("ModifyReplicationGroup", {**given, "PrimaryClusterId": act["to"]})
    if name == "set_failover":
        asked = {"AutomaticFailoverEnabled": act["automatic"], "MultiAZEnabled": act["multi_az"]}
        return Call("ModifyReplicationGroup", {**given, **asked})
    if name == "set_security_groups":
        return Call("ModifyReplicationGroup", {**given, "SecurityGroupIds": sorted(act["groups"])})
    raise ValueError(f"the plan has a call on a cache that the demo does not know: {name}")


def as_of_any_node(call: Call) -> Call:
    """Lifeboat chooses the node that a snapshot is taken of when it takes it; with cluster mode it takes one of the group."""
    if call.action != "CreateSnapshot":
        return call
    given = dict(call.given)
    group = given.pop("ReplicationGroupId", None) or str(given.get("CacheClusterId", "")).rpartition("-")[0]
    return Call(call.action, {**given, "CacheClusterId": group})
