"""The stage of a scenario: a cloud with the real template in it, a database with rows, and a client that writes."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
import pymysql
import yaml

import back_door
import mariadb
import rediscache
from client import Secret, Worded, Writer, fill
from cloud import ACCOUNT, Cloud
from contenders import TABLE as PROBES
from contenders import Contenders, session_of
from journal import Journal
from kinds import FENCE, QUARANTINE, Database, Wanted, aurora, dynamodb, elasticache, rds
from ledger import Ledger, bare, moment

Json = dict[str, Any]

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
REGION = "eu-central-1"
RESOURCE = "orders-db"
SECRET = "demo/orders-db"
EXPORTS = "demo-exports"
DATABASE = "orders"
PARAMETER = "/demo/orders-db/host"
VPC = "vpc-0a1b2c3d4e5f60718"
# The groups of the database, which let its clients in.
GROUPS = ["sg-0a1b2c3d4e5f60718"]
SEED_ROWS = 100_000
# Two minutes between two sweeps become three seconds.
RATE_SCALE = 0.025
# Each kind with what stands behind the stage, and the policy of each of its engines; the first engine is what it is by itself.
KINDS = {
    "rds": (rds.Instances, rds.POLICIES),
    "aurora": (aurora.Clusters, aurora.POLICIES),
    "elasticache": (elasticache.Groups, elasticache.POLICIES),
    "dynamodb": (dynamodb.Tables, dynamodb.POLICIES),
}

ESTATE: Json = {
    "region": REGION,
    "subnet_groups": {"orders-private": {"vpc_id": VPC, "subnets": ["subnet-0a", "subnet-0b", "subnet-0c"]}},
    "closed_groups": [FENCE],
    "prober_groups": [QUARANTINE],
    "durations": {
        "creating": 1,
        "restoring": 6,
        "modifying": 1,
        "snapshotting": 2,
        "failover": 2,
        "promoting": 3,
        "failure_detection": 0.5,
        "zone_swap_lag": 1,
        "log_ship_interval": 1,
        "restorable_lag": 1,
    },
}


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(timezone.utc)


def until(what: str, seconds: float, look: Callable[[], Any], *, every: float = 0.2) -> Any:
    """Look until something true is seen."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return seen


class Stage:
    """Everything that a scenario needs, on entering; nothing of it, on leaving."""

    parameter = PARAMETER
    seed_rows = SEED_ROWS
    fence = FENCE
    # Whether a side is opened before clients are led to it, so that somebody may be early.
    opens = True

    def __init__(
        self,
        binaries: Path,
        *,
        kind: str = "rds",
        engine: str = "",
        multi_az: bool = False,
        shards: int = 1,
        policy: str | None = None,
        faults: Sequence[Json] = (),
        logs_to: Path | None = None,
    ) -> None:
        """`binaries` holds the functions and the estate; `faults` strike calls of the RDS API; `shards` are a cache's."""
        database, policies = KINDS[kind]
        self.binaries, self.kind, self.multi_az = binaries, kind, multi_az
        self.engine = engine or next(iter(policies))
        if kind == "elasticache":
            # Not even a closed port ends a session, and a restart would wipe the cache: `validate` must get in to end them.
            self.seed_rows, self.fence = elasticache.SEED_ROWS, QUARANTINE
        self.policy = policy or policies[self.engine]
        durations = {**ESTATE["durations"], **(elasticache.DURATIONS if kind == "elasticache" else {})}
        self.cloud = Cloud(
            estate=binaries / "estate",
            estate_config={**ESTATE, "durations": durations, "faults": list(faults)},
            region=REGION,
            rate_scale=RATE_SCALE,
            logs_to=logs_to,
        )
        self.database: Database = database(self.cloud, self.engine)
        if isinstance(self.database, elasticache.Groups):
            self.database.shards = shards
        self.promises: Json = yaml.safe_load((HERE / "policies.yaml").read_text())["policies"][self.policy]
        self.outputs: dict[str, str] = {}
        self.resource_id = ""
        self.journal = Journal()
        self.queue = ""
        # Where ElastiCache tells what happens to caches; other kinds have none.
        self.topic = ""
        self._exit = ExitStack()

    def __enter__(self) -> Stage:
        """Build it up."""
        with ExitStack() as stack:
            stack.enter_context(self.cloud)
            self._deploy()
            self._subscribe()
            self._create_database()
            stack.callback(self._stop_clients)
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take it down."""
        self._exit.close()

    def _deploy(self) -> None:
        """The real template, with the demo's policies and the estate's certificate authority beside each bootstrap."""
        if self.kind == "elasticache":
            self.topic = self.cloud.client("sns").create_topic(Name="demo-caches")["TopicArn"]
        self.outputs = self.cloud.deploy(
            REPO / "infra/template.yaml",
            self.binaries,
            parameters={
                "SecretNamePattern": "demo/*",
                "CutOverParameterArns": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{self.parameter}",
                "ExportBucketArns": f"arn:aws:s3:::{EXPORTS}/*",
                "CacheTopicArn": self.topic,
            },
            files={"policies.yaml": HERE / "policies.yaml", "rds-ca.pem": self.cloud.ca},
        )
        self.ledger = Ledger(self.cloud.client("dynamodb"), self.outputs["Table"], REGION)

    def _subscribe(self) -> None:
        """A queue that hears every message."""
        sqs = self.cloud.client("sqs")
        self.queue = sqs.create_queue(QueueName="demo-messages")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": arn}]}
        sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": json.dumps(policy)})
        self.cloud.client("sns").subscribe(TopicArn=self.outputs["Topic"], Protocol="sqs", Endpoint=arn)

    def _create_database(self) -> None:
        """`orders-db` through the RDS API, its secret, its rows, and the client."""
        password = secrets.token_urlsafe(18)
        self.database.create(
            Wanted(
                name=RESOURCE,
                engine=self.engine,
                database=DATABASE,
                user="orders",
                password=password,
                subnet_group="orders-private",
                groups=GROUPS,
                tags=[
                    {"Key": "lifeboat:policy", "Value": self.policy},
                    {"Key": "lifeboat:resource", "Value": RESOURCE},
                    {"Key": "lifeboat:secret", "Value": SECRET},
                    {"Key": "owner", "Value": "orders-team"},
                ],
                multi_az=self.multi_az,
                topic=self.topic,
            )
        )
        until(f"{RESOURCE} is available", 60, lambda: self.describe(RESOURCE)["DBInstanceStatus"] == "available")
        created = self.describe(RESOURCE)
        self.resource_id, endpoint = str(created["DbiResourceId"]), created["Endpoint"]
        fields = {
            "engine": self.engine,
            "host": endpoint["Address"],
            "port": endpoint["Port"],
            # The user of whoever knows the AUTH token of a cache.
            "username": "default" if self.kind == "elasticache" else "orders",
            "password": password,
            "dbname": DATABASE,
        }
        self.cloud.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(fields))
        address = f"{endpoint['Address']}:{endpoint['Port']}"
        self.cloud.client("ssm").put_parameter(Name=self.parameter, Value=address, Type="String")
        self.secret = Secret(self.cloud.client("secretsmanager"), SECRET, self.cloud.ca)
        with self.secret.connect() as connection:
            seed = fill(connection, self.seed_rows)
            if not isinstance(connection, Worded):
                connection.execute(PROBES)
        if len(seed) != self.seed_rows:
            raise RuntimeError(f"the table began with {len(seed)} rows, not with {self.seed_rows}")
        self.journal.start_after_seed(seed)
        self.writer = Writer(self.secret, self.journal)
        self.contenders = Contenders(
            lambda side: session_of(self.secret.connect(side)),
            self.secret.side,
            self.endpoints,
        )
        self.writer.start()
        self.contenders.start()

    def add_replica(self, name: str) -> None:
        """A read replica of the serving instance, which its owner lets Lifeboat promote."""
        self.cloud.client("rds").create_db_instance_read_replica(
            DBInstanceIdentifier=name,
            SourceDBInstanceIdentifier=RESOURCE,
            Tags=[
                {"Key": "lifeboat:promotable", "Value": RESOURCE},
                {"Key": "owner", "Value": "orders-team"},
            ],
        )

        def follows() -> bool:
            """Whether RDS says so."""
            shown = self.describe(name)
            states = [(info["StatusType"], info["Status"]) for info in shown.get("StatusInfos", [])]
            return bool(shown["DBInstanceStatus"] == "available" and states == [("read replication", "replicating")])

        until(f"{name} follows {RESOURCE}", 60, follows)

    def _stop_clients(self) -> None:
        """Clients end before their database does."""
        self.contenders.stop()
        self.writer.stop()

    # What a scenario does

    def describe(self, name: str) -> Json:
        """A database as its API shows it, in the words for an instance."""
        return self.database.describe(name)

    def endpoints(self) -> list[str]:
        """Every `host:port` that Describe shows."""
        places = [item["Endpoint"] for item in self.database.shown() if item.get("Endpoint")]
        return [f"{place['Address']}:{place['Port']}" for place in places]

    def directory(self, side: str) -> Path | None:
        """Where the estate keeps the server at a side."""
        return back_door.directory(self.cloud.directory / "estate-root", self.database.kept(), side)

    def committed(self, side: str) -> dict[int, float] | None:
        """What the server at a side took from contenders, by its own account; None where no server runs."""
        if isinstance(self.database, elasticache.Groups):
            servers = [self.cloud.directory / "estate-root/engine/servers" / name for name in self.database.servers(side)]
            looked = [rediscache.committed(server, self.secret.read()["password"], side) for server in servers]
            there = [rows for rows in looked if rows is not None]
            return {number: at for rows in there for number, at in rows.items()} if there else None
        server = self.directory(side)
        look = mariadb.committed if self.engine == "mariadb" else back_door.committed
        return look(server, DATABASE, side) if server else None

    def lets_in(self, side: str) -> bool:
        """Whether a client can log in at a side."""
        try:
            self.secret.connect(side).close()
        except (psycopg.OperationalError, pymysql.OperationalError, rediscache.Refused, OSError):
            return False
        return True

    def openings(self) -> list[tuple[str, float]]:
        """When somebody asked RDS to let clients write to a side (`host:port`), in seconds of the clock on the wall.

        By other security groups than those that admit no client, or by the promotion of a replica, which is open to its
        readers before.
        """
        sides = {
            item["DBInstanceIdentifier"]: f"{item['Endpoint']['Address']}:{item['Endpoint']['Port']}"
            for item in self.database.kept()
            if item.get("Endpoint")
        }
        found = []
        for call in self.cloud.control("/calls"):
            given = call["parameters"]
            groups = given.get("VpcSecurityGroupIds") or given.get("SecurityGroupIds", [])
            side = sides.get(self.database.changed(call), "")
            opens = bool(set(groups) - {FENCE, QUARANTINE}) or call["action"] == "PromoteReadReplica"
            if side and opens and call["outcome"] in ("applied", "reply_lost"):
                found.append((side, moment(call["at"]).timestamp()))
        return found

    def serving(self) -> str:
        """The identifier that the identity has today."""
        return bare(str(self.ledger.record(RESOURCE).get("id", RESOURCE)))

    def break_it(self, kind: str, name: str | None = None, **more: object) -> float:
        """Let an accident happen; when it did."""
        self.cloud.control("/accidents", {**self.database.accident(name or self.serving(), kind), **more})
        return time.time()

    def sql(self, statement: str) -> tuple[list[int], datetime]:
        """Run a statement as somebody with the secret would: the ids that it returns, and when it was committed.

        One that touches no row is an error: what follows would prove nothing.
        """
        with self.secret.connect() as connection:
            if isinstance(connection, Worded):
                changed = connection.change(statement)
                if not changed[0]:
                    raise LookupError(f"no row was touched by: {statement}")
                return changed
            with connection.transaction():
                touched = [row[0] for row in connection.execute(statement.encode()).fetchall()]
                xid = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
            if not touched or xid is None:
                raise LookupError(f"no row was touched by: {statement}")
            when = connection.execute("SELECT pg_xact_commit_timestamp(%s::xid)", xid).fetchone()
        assert when is not None
        return touched, when[0]

    def start(self, machine: str, given: Mapping[str, Any]) -> str:
        """Start a state machine (`Recovery`, `Backup`, `Sweep`); the execution's ARN."""
        answer = self.cloud.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs[f"{machine}Machine"], input=json.dumps(given)
        )
        return str(answer["executionArn"])

    def execution(self, arn: str) -> Json:
        """An execution as Step Functions describes it."""
        found: Json = self.cloud.client("stepfunctions").describe_execution(executionArn=arn)
        return found

    def executions(self, machine: str, since: float = 0.0) -> list[Json]:
        """The executions of a machine that started since a moment, oldest first."""
        client = self.cloud.client("stepfunctions")
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=self.outputs[f"{machine}Machine"])
        found = [item for page in pages for item in page["executions"] if item["startDate"].timestamp() >= since]
        return sorted(found, key=lambda item: item["startDate"])

    def back_up(self) -> Json:
        """Run tonight's backup and wait; the newest recovery point."""
        began = now()
        given = {"trigger": "schedule", "scheduled_at": began.strftime("%Y-%m-%dT%H:%M:%SZ")}
        arn = self.start("Backup", given)
        until("the backup has ended", 90, lambda: self.execution(arn)["status"] != "RUNNING")
        ended = self.execution(arn)
        if ended["status"] != "SUCCEEDED":
            raise RuntimeError(f"the backup ended {ended['status']}: {ended.get('error')}: {ended.get('cause')}")
        points = [point for _, point in self.ledger.list(f"resource#{RESOURCE}", "point#")]
        fresh = [point for point in points if moment(point["started_at"]) >= began]
        if len(fresh) != 1 or fresh[0]["state"] != "available":
            raise RuntimeError(f"the backup should have made one recovery point that is available: {fresh}")
        return fresh[0]
