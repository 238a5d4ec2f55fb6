"""DB instances: PostgreSQL, or MariaDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import SQL_CHECKS, Json, Wanted

# The policy of a database of each engine; they differ in the name of its table.
POLICIES = {"postgres": "demo", "mariadb": "demo-mariadb"}


class Instances:
    """DB instances behind the RDS API."""

    checks = SQL_CHECKS
    settings: tuple[str, ...] = (
        "DBInstanceClass",
        "Engine",
        "EngineVersion",
        "MultiAZ",
        "PubliclyAccessible",
        "DeletionProtection",
        "BackupRetentionPeriod",
        "PreferredBackupWindow",
        "PreferredMaintenanceWindow",
        "CopyTagsToSnapshot",
        "AutoMinorVersionUpgrade",
        "StorageType",
        "AllocatedStorage",
        "CACertificateIdentifier",
        "MasterUsername",
        "DBName",
        "VpcSecurityGroups",
        "DBParameterGroups",
        "DBSubnetGroup",
    )

    def __init__(self, cloud: Any, engine: str) -> None:
        """`cloud` is the local cloud, which runs before anything is asked here."""
        self.cloud, self.engine = cloud, engine

    @property
    def rds(self) -> Any:
        """A client with full rights."""
        return self.cloud.client("rds")

    def create(self, wanted: Wanted) -> None:
        """One instance."""
        self.rds.create_db_instance(
            DBInstanceIdentifier=wanted.name,
            Engine=wanted.engine,
            DBInstanceClass="db.r6g.large",
            AllocatedStorage=100,
            MasterUsername=wanted.user,
            MasterUserPassword=wanted.password,
            DBName=wanted.database,
            DBSubnetGroupName=wanted.subnet_group,
            VpcSecurityGroupIds=wanted.groups,
            MultiAZ=wanted.multi_az,
            BackupRetentionPeriod=7,
            DeletionProtection=True,
            CopyTagsToSnapshot=True,
            PreferredMaintenanceWindow="sun:03:00-sun:03:30",
            Tags=wanted.tags,
        )

    def shown(self) -> list[Json]:
        """Every instance as the RDS API shows it."""
        found: list[Json] = self.rds.describe_db_instances()["DBInstances"]
        return found

    def describe(self, name: str) -> Json:
        """One of them."""
        found: Json = self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        return found

    def kept(self) -> list[Json]:
        """Every instance as the estate has it."""
        return [item["instance"] for item in self.cloud.control("/instances")]

    def accident(self, name: str, kind: str) -> Json:
        """To the instance."""
        return {"instance": name, "kind": kind}

    def changed(self, call: Json) -> str:
        """By `ModifyDBInstance`, or a promotion."""
        named = call["action"] in ("ModifyDBInstance", "PromoteReadReplica")
        return str(call["parameters"].get("DBInstanceIdentifier", "")) if named else ""

    def way_in(self, name: str) -> str:
        """Of the AWS CLI."""
        return rf"--db-instance-identifier {name} --vpc-security-group-ids "

    def open(self, name: str, groups: Sequence[str]) -> None:
        """At once."""
        self.rds.modify_db_instance(DBInstanceIdentifier=name, VpcSecurityGroupIds=groups, ApplyImmediately=True)

    def failover(self, described: Json) -> tuple[str, Json]:
        """A reboot of that sort."""
        return "RebootDBInstance", {
            "DBInstanceIdentifier": described["DBInstanceIdentifier"],
            "ForceFailover": True,
        }

    def members(self) -> dict[str, list[str]]:
        """None have any."""
        return {}

    def in_words(self, multi_az: bool) -> str:
        """Engine and zones."""
        return f"{self.engine}, {'Multi-AZ' if multi_az else 'Single-AZ'}"
