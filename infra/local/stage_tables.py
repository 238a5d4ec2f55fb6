"""The stage of a DynamoDB table: the same cloud and template, a table with orders, and clients that know it by a parameter."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import items
from cloud import ACCOUNT
from contenders import Contenders
from items import Credentials, ItemSession, ItemWriter, Place
from kinds import Wanted
from kinds.dynamodb import ADMINISTRATOR, FENCED, is_fence
from ledger import moment
from stage import EXPORTS, REGION, RESOURCE, Stage, until

Json = dict[str, Any]

PARAMETER = "/demo/orders-db/table"
SEED_ITEMS = 2_000
# An application whose role names one table alone can be led to no other: it is let into those that are named like it.
TABLES = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{RESOURCE}*"
APPLICATION = [
    {
        "Effect": "Allow",
        "Action": [
            f"dynamodb:{call}" for call in ("GetItem", "PutItem", "DeleteItem", "Scan", "Query", "BatchWriteItem")
        ],
        "Resource": [TABLES, f"{TABLES}/index/*"],
    }
]
ADMINISTRATION = [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]


class TableStage(Stage):
    """A stage whose database is a table."""

    parameter = PARAMETER
    seed_rows = SEED_ITEMS
    fence = FENCED
    opens = False

    def _create_database(self) -> None:
        """`orders-db` with everything that a restore would lose, its items, and the clients."""
        tags = {"lifeboat:policy": self.policy, "lifeboat:resource": RESOURCE, "owner": "orders-team"}
        self.database.create(
            Wanted(
                name=RESOURCE,
                engine=self.engine,
                database="",
                user="",
                password="",
                subnet_group="",
                groups=(),
                tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                multi_az=False,
            )
        )
        until(f"{RESOURCE} is ACTIVE", 30, lambda: self.describe(RESOURCE)["DBInstanceStatus"] == "available")
        self.resource_id = str(self.describe(RESOURCE)["DbiResourceId"])
        self.cloud.client("s3").create_bucket(Bucket=EXPORTS, CreateBucketConfiguration={"LocationConstraint": REGION})
        ssm = self.cloud.client("ssm")
        ssm.put_parameter(Name=self.parameter, Value=RESOURCE, Type="String")
        self.place = Place(ssm, self.parameter, Credentials(self.cloud, "orders-app", "orders", APPLICATION))
        self.secret = self.place  # type: ignore[assignment]
        self.person = Credentials(self.cloud, ADMINISTRATOR, "jane", ADMINISTRATION)
        with self.place.connect() as table:
            seed = table.fill(self.seed_rows)
        self.database.settle(RESOURCE, ACCOUNT, REGION)  # type: ignore[attr-defined]
        self.journal.start_after_seed(seed)
        hurried = Place(ssm, self.parameter, self.place.credentials, items.CONFIG)
        self.writer = ItemWriter(hurried, self.journal)
        # Nobody is early: a copy lets in whoever has a role for its name, from when it is ACTIVE on, and nobody knows that name.
        self.contenders = Contenders(lambda side: ItemSession(hurried.connect(side)), self.place.side, list)
        self.writer.start()
        self.contenders.start()

    def back_up(self) -> Json:
        """Run tonight's backup, and see that its export stands in the bucket with the items that the ledger tells of."""
        point = super().back_up()
        newest = self.ledger.expect(f"resource#{RESOURCE}", "exports")["newest"]
        if not newest:
            raise RuntimeError("the backup should have seen the end of the export of the table")
        s3, folder = self.cloud.client("s3"), newest["exported"]["manifest"].rpartition("/")[0]
        listed = s3.list_objects_v2(Bucket=EXPORTS, Prefix=f"{folder}/data/")["Contents"]
        parts = [s3.get_object(Bucket=EXPORTS, Key=part["Key"])["Body"].read() for part in listed]
        held = sum(len(gzip.decompress(part).splitlines()) for part in parts)
        if held != newest["exported"]["items"] or held < self.seed_rows:
            raise RuntimeError(f"the export holds {held} items, and the ledger says {newest['exported']}")
        return point

    def committed(self, side: str) -> dict[int, float] | None:
        """What the table at a side took from contenders, by the journal of its writes; None where there is none."""
        name = side.rpartition(":")[0]
        if all(item["DBInstanceIdentifier"] != name for item in self.database.kept()):
            return None
        found: list[tuple[float, Json]] = self.cloud.control(f"/commits?table={name}", of="tables")
        return {
            -int(item[items.KEY]["N"]): at
            for at, item in found
            if int(item[items.KEY]["N"]) < 0 and item["side"]["S"] == side
        }

    def openings(self) -> list[tuple[str, float]]:
        """When the denial was taken from a table's policy that had it; one that never had it is not opened, but named."""
        denied: dict[str, bool] = {}
        found = []
        for call in self.cloud.control("/calls", of="tables"):
            name = self.database.changed(call)
            if not name or call["outcome"] not in ("applied", "reply_lost"):
                continue
            document = json.loads(call["parameters"].get("Policy", '{"Statement": []}'))
            denies = any(is_fence(statement) for statement in document["Statement"])
            if denied.get(name) and not denies:
                found.append((f"{name}:{items.PORT}", moment(call["at"]).timestamp()))
            denied[name] = denies
        return found

    def lets_in(self, side: str) -> bool:
        """Whether a client may write at a side."""
        return self.place.lets_in(side)

    def break_it(self, kind: str, name: str | None = None, **more: object) -> float:
        """Somebody with the rights to do so deletes the table, after having switched its protection off."""
        if kind != "deletion":
            raise ValueError(f"{kind} does not happen to a table")
        table, client = name or self.serving(), self.person.client()
        client.update_table(TableName=table, DeletionProtectionEnabled=False)
        until("its protection is off", 30, lambda: self.describe(table)["DBInstanceStatus"] == "available")
        client.delete_table(TableName=table)
        return time.time()

    def put_right(self, numbers: list[int]) -> dict[int, str]:
        """The application writes some orders anew, as its users put them right by themselves; their hashes."""
        with self.place.connect() as table:
            fresh = [items.order(number, f"customer-{number % 1000:04d}", f"{number}.5") for number in numbers]
            table.write([{"PutRequest": {"Item": item}} for item in fresh])
        return {int(item[items.KEY]["N"]): items.digest(item) for item in fresh}

    def bad_job(self, deleted: list[int], overwritten: list[int]) -> float:
        """A job with the application's role deletes some orders, and overwrites others; when it began."""
        with self.place.connect() as table:
            kept = {int(item[items.KEY]["N"]): item for item in table.items()}
            wrong = [{**kept[number], "amount": {"N": f"-{kept[number]['amount']['N']}"}} for number in overwritten]
            began = time.time()
            table.write([{"DeleteRequest": {"Key": {items.KEY: {"N": str(number)}}}} for number in deleted])
            table.write([{"PutRequest": {"Item": item}} for item in wrong])
        return began
