"""Which kind of database has which scenarios: the one table of them. A further kind is a module in kinds/ and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import scenarios
import scenarios_aurora
import scenarios_elasticache
import scenarios_dynamodb
from act import Act, Result


@dataclass(frozen=True)
class Scenario:
    """A scenario with the stage that it needs, and the names of the results that it ends with."""

    run: Callable[[Act], list[Result]]
    sentence: str
    ends: tuple[str, ...]
    multi_az: bool = False
    # Of a cache; more than one is cluster mode.
    shards: int = 1
    # Whether it makes sense with cluster mode, too.
    may_shard: bool = False
    # Of the kind's engines those that it makes sense for; empty are all.
    engines: tuple[str, ...] = ()
    after: str = ""

    def is_for(self, engine: str) -> bool:
        """Whether it makes sense for this engine."""
        return not self.engines or engine in self.engines


RDS = {
    "instance_failure": Scenario(
        scenarios.instance_failure,
        "RDS gives the instance up: restored to the latest moment, validated, clients moved (default)",
        ("instance_failure",),
    ),
    "again": Scenario(
        scenarios.again,
        "after instance_failure: the next backup covers the new one, a second failure recovers",
        ("again",),
        after="instance_failure",
    ),
    "az_outage": Scenario(
        scenarios.az_outage,
        "a zone goes dark under a Multi-AZ instance: AWS heals it, Lifeboat only watches",
        ("az_outage",),
        multi_az=True,
    ),
    "hung": Scenario(
        scenarios.hung,
        "the server stops answering and no event tells: the sweep finds it, one forced failover",
        ("hung",),
        multi_az=True,
    ),
    "storage_full": Scenario(
        scenarios.storage_full,
        "the volume is full and RDS shuts the database down: it is grown by a fifth, nobody is moved",
        ("storage_full",),
    ),
    "replica_promotion": Scenario(
        scenarios.replica_promotion,
        "RDS gives the instance up, and a read replica follows it: promoted behind a proven fence, clients moved",
        ("replica_promotion",),
    ),
    "deletion": Scenario(
        scenarios.deletion,
        "somebody deletes the instance: a person approves, and it comes back from the backups that were kept",
        ("deletion",),
    ),
    "approval": Scenario(
        scenarios.approval,
        "everything is paused, so that a failure waits for a person, in a second terminal (ANSWER=me): one answer counts",
        ("approval",),
    ),
    "undo": Scenario(
        scenarios.undo,
        "clients are moved, write, and go back to the kept database when a person has seen what is lost",
        ("undo_moved", "undo"),
        engines=("postgres",),
    ),
    "human_error": Scenario(
        scenarios.human_error,
        "rows are deleted by mistake: restored beside to the second before; then cut over by a plan's hash",
        ("human_error_beside", "human_error"),
    ),
    "corruption": Scenario(
        scenarios.corruption,
        "a bad UPDATE, found by the policy's SQL check: restored beside; then cut over by a plan's hash",
        ("corruption_beside", "corruption"),
    ),
}

AURORA = {
    "instance_failure": Scenario(
        scenarios_aurora.writer_failure,
        "the host of the writer is lost: AWS makes the reader the writer, Lifeboat only watches (default)",
        ("instance_failure",),
    ),
    "az_outage": replace(
        RDS["az_outage"], sentence="the writer's zone goes dark: AWS makes the reader the writer, Lifeboat only watches"
    ),
    "hung": replace(
        RDS["hung"], sentence="the writer stops answering and no event tells: the sweep finds it, one failover to the reader"
    ),
    "cluster_failure": Scenario(
        scenarios_aurora.cluster_failure,
        "RDS gives the cluster up: restored to the latest moment with its members, validated, clients moved",
        ("cluster_failure",),
    ),
    "deletion": replace(
        RDS["deletion"],
        sentence="somebody deletes the cluster: a person approves, and it comes back with its members from its backups",
    ),
    "undo": replace(RDS["undo"], run=scenarios_aurora.undo, engines=()),
    "human_error": RDS["human_error"],
    "clone": Scenario(
        scenarios_aurora.clone,
        "rows are deleted by mistake: the damage is cloned as it is, to be looked at beside production; nobody is moved",
        ("clone",),
    ),
    "corruption": RDS["corruption"],
}

ELASTICACHE = {
    "instance_failure": Scenario(
        scenarios_elasticache.lost,
        "all nodes are lost for good: restored from the newest snapshot, validated, clients moved (default)",
        ("instance_failure",),
        multi_az=True,
        may_shard=True,
    ),
    "az_outage": Scenario(
        scenarios_elasticache.primary_lost,
        "the primary's zone goes dark: ElastiCache makes the replica the primary, Lifeboat only watches",
        ("az_outage",),
        multi_az=True,
    ),
    "hung": Scenario(
        scenarios_elasticache.hung,
        "without automatic failover the primary stops answering: the sweep finds it, the replica is promoted once",
        ("hung",),
    ),
    "deletion": Scenario(
        scenarios_elasticache.deletion,
        "somebody deletes the cache: a person approves, and it comes back from the newest snapshot",
        ("deletion",),
        multi_az=True,
        may_shard=True,
    ),
    "human_error": Scenario(
        scenarios_elasticache.human_error,
        "a bad job deletes keys: the newest snapshot from before it is restored beside; then cut over by a plan's hash",
        ("human_error_beside", "human_error"),
        multi_az=True,
        may_shard=True,
    ),
    "corruption": Scenario(
        scenarios_elasticache.corruption,
        "AWS replaces the primary by an empty node, which answers well: restored beside; then cut over by a plan's hash",
        ("corruption_beside", "corruption"),
    ),
    "shard_failure": Scenario(
        scenarios_elasticache.shard_failure,
        "with cluster mode a shard loses its primary: ElastiCache makes its replica the primary, Lifeboat only watches",
        ("shard_failure",),
        multi_az=True,
        shards=3,
    ),
    "cluster_failure": Scenario(
        scenarios_elasticache.shards_lost,
        "with cluster mode all shards are lost for good: restored with their slots from the newest snapshot, clients moved",
        ("cluster_failure",),
        multi_az=True,
        shards=3,
    ),
    "undo": Scenario(
        scenarios_elasticache.undo,
        "clients are moved to an earlier snapshot, write there, and go back to the kept cache when a person has seen the loss",
        ("undo_moved", "undo"),
        multi_az=True,
        may_shard=True,
    ),
}

DYNAMODB = {
    "deletion": Scenario(
        scenarios_dynamodb.deletion,
        "somebody deletes the table: a person approves, and it comes back under another name with all its settings (default)",
        ("deletion",),
    ),
    "salvage": Scenario(
        scenarios_dynamodb.salvage,
        "a bad job breaks items: they are written back from a copy, one by one, and nothing newer is written over",
        ("salvage",),
    ),
    "human_error": Scenario(
        scenarios_dynamodb.human_error,
        "a bad job deletes and overwrites items: restored beside to the second before; then cut over by a plan's hash",
        ("human_error_beside", "human_error"),
    ),
    "corruption": Scenario(
        scenarios_dynamodb.corruption,
        "a bad release spoils items and deletes none: restored beside to the second before; then cut over by a plan's hash",
        ("corruption_beside", "corruption"),
    ),
    "undo": Scenario(
        scenarios_dynamodb.undo,
        "clients are moved to a copy without need, write there, and go back to the kept table when a person has seen the loss",
        ("undo_moved", "undo"),
    ),
}

PAIRS: dict[str, dict[str, Scenario]] = {"rds": RDS, "aurora": AURORA, "dynamodb": DYNAMODB, "elasticache": ELASTICACHE}
