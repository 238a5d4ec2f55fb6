"""Aurora DB clusters of PostgreSQL: a writer and a reader."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from . import SQL_CHECKS, Json, Wanted

ENGINE = "aurora-postgresql"
POLICIES = {ENGINE: "demo"}
CLASS = "db.r6g.large"
SECONDS = 60.0


def as_instance(cluster: Json, members: Iterable[Json]) -> Json:
    """A cluster in the words that RDS has for an instance; its zone is that of the writer, as far as it is shown."""
    mine = {it["DBInstanceIdentifier"]: it for it in members}
    own = [(member, mine.get(member["DBInstanceIdentifier"], {})) for member in cluster["DBClusterMembers"]]
    zones = [item.get("AvailabilityZone", "") for member, item in own if member["IsClusterWriter"]]
    kept = ("DBParameterGroups", "PubliclyAccessible", "AutoMinorVersionUpgrade", "CACertificateIdentifier")
    return {
        **cluster,
        "DBInstanceIdentifier": cluster["DBClusterIdentifier"],
        "DBInstanceArn": cluster["DBClusterArn"],
        "DbiResourceId": cluster["DbClusterResourceId"],
        "DBInstanceStatus": cluster["Status"],
        # It leads nowhere as long as there is no member.
        "Endpoint": {"Address": cluster["Endpoint"], "Port": cluster["Port"]} if own else None,
        "AvailabilityZone": zones[0] if zones else "",
        "DBName": cluster.get("DatabaseName"),
        "DBSubnetGroup": {"DBSubnetGroupName": cluster["DBSubnetGroup"]},
        "Members": sorted(
            [member["PromotionTier"], item.get("DBInstanceClass"), *(str(item.get(name)) for name in kept)]
            for member, item in own
        ),
    }


class Clusters:
    """Aurora clusters behind the RDS API."""

    checks = SQL_CHECKS
    settings: tuple[str, ...] = (
        "Engine",
        "EngineVersion",
        "EngineMode",
        "DeletionProtection",
        "BackupRetentionPeriod",
        "PreferredBackupWindow",
        "PreferredMaintenanceWindow",
        "CopyTagsToSnapshot",
        "StorageType",
        "MasterUsername",
        "DBName",
        "VpcSecurityGroups",
        "DBClusterParameterGroup",
        "DBSubnetGroup",
        "Members",
    )

    def __init__(self, cloud: Any, engine: str) -> None:
        """`cloud` is the local cloud, which runs before anything is asked here."""
        self.cloud, self.engine = cloud, engine

    @property
    def rds(self) -> Any:
        """A client with full rights."""
        return self.cloud.client("rds")

    def create(self, wanted: Wanted) -> None:
        """A cluster, then its writer, then its reader, each in a zone of its own."""
        self.rds.create_db_cluster(
            DBClusterIdentifier=wanted.name,
            Engine=wanted.engine,
            MasterUsername=wanted.user,
            MasterUserPassword=wanted.password,
            DatabaseName=wanted.database,
            DBSubnetGroupName=wanted.subnet_group,
            VpcSecurityGroupIds=wanted.groups,
            BackupRetentionPeriod=7,
            DeletionProtection=True,
            CopyTagsToSnapshot=True,
            PreferredMaintenanceWindow="sun:03:00-sun:03:30",
            Tags=wanted.tags,
        )
        self._until(wanted.name, lambda: self.describe(wanted.name)["DBInstanceStatus"] == "available")
        for number in (1, 2):
            member = f"{wanted.name}-{number}"
            self.rds.create_db_instance(
                DBInstanceIdentifier=member,
                DBClusterIdentifier=wanted.name,
                Engine=wanted.engine,
                DBInstanceClass=CLASS,
                PromotionTier=number,
                # What Lifeboat may do to a member hangs on the member's own tags.
                Tags=wanted.tags,
            )
            self._until(member, lambda member=member: self._member(member)["DBInstanceStatus"] == "available")

    def _until(self, name: str, holds: Any) -> None:
        """Wait until it is available."""
        deadline = time.monotonic() + SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not available within {SECONDS:g} s")
            time.sleep(0.1)

    def _member(self, name: str) -> Json:
        """One instance."""
        found: Json = self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        return found

    def shown(self) -> list[Json]:
        """Every cluster as the RDS API shows it."""
        members = self.rds.describe_db_instances()["DBInstances"]
        return [as_instance(item, members) for item in self.rds.describe_db_clusters()["DBClusters"]]

    def describe(self, name: str) -> Json:
        """One of them."""
        members = self.rds.describe_db_instances()["DBInstances"]
        return as_instance(self.rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0], members)

    def kept(self) -> list[Json]:
        """Every cluster as the estate has it."""
        members = [item["instance"] for item in self.cloud.control("/instances")]
        return [as_instance(item["cluster"], members) for item in self.cloud.control("/clusters")]

    def accident(self, name: str, kind: str) -> Json:
        """To the cluster."""
        return {"cluster": name, "kind": kind}

    def changed(self, call: Json) -> str:
        """By `ModifyDBCluster`."""
        return str(call["parameters"]["DBClusterIdentifier"]) if call["action"] == "ModifyDBCluster" else ""

    def way_in(self, name: str) -> str:
        """Of the AWS CLI."""
        return rf"--db-cluster-identifier {name} --vpc-security-group-ids "

    def open(self, name: str, groups: Sequence[str]) -> None:
        """At once."""
        self.rds.modify_db_cluster(DBClusterIdentifier=name, VpcSecurityGroupIds=groups, ApplyImmediately=True)

    def failover(self, described: Json) -> tuple[str, Json]:
        """To the reader that is preferred."""
        readers = [member for member in described["DBClusterMembers"] if not member["IsClusterWriter"]]
        preferred = min(readers, key=lambda member: (member["PromotionTier"], member["DBInstanceIdentifier"]))
        return "FailoverDBCluster", {
            "DBClusterIdentifier": described["DBClusterIdentifier"],
            "TargetDBInstanceIdentifier": preferred["DBInstanceIdentifier"],
        }

    def members(self) -> dict[str, list[str]]:
        """Of each cluster, as the estate has it; the writer is restarted first."""
        return {
            item["cluster"]["DBClusterIdentifier"]: sorted(
                (member["DBInstanceIdentifier"] for member in item["cluster"]["DBClusterMembers"]),
                key=lambda name, writer=item["writer"]: (name != writer, name),
            )
            for item in self.cloud.control("/clusters")
        }

    def in_words(self, multi_az: bool) -> str:
        """Always with a reader."""
        del multi_az
        return f"{self.engine}, a writer and a reader"
