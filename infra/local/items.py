"""An ordinary application on a DynamoDB table: it takes the table's name from a parameter, and keeps writing orders.

It works with a role of its own, so that policies hold for it. Its items are `{id, customer, amount, written_at}`; those of the
contenders have numbers below zero in the same table, as a table knows no other.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from client import Writer
from journal import Fate, Journal

Json = dict[str, Any]

PORT = 443
KEY = "id"
# A service that does not answer is given up soon, and nothing is sent twice.
CONFIG = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 1})
# Whoever looks, or has many items to write, has time: this machine may be busy.
PATIENT = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 3})
BATCH = 25
# What says nothing of whether a write was done; everything else that DynamoDB answers is a refusal.
UNSURE = ("InternalServerError", "ServiceUnavailable", "RequestTimeout")


def digest(item: Json) -> str:
    """The hash of an item, whatever the order of its attributes."""
    return hashlib.md5(json.dumps(item, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def refused(error: Exception) -> bool:
    """Whether DynamoDB surely did not write."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] not in UNSURE


def order(number: int, customer: str, amount: str) -> Json:
    """An order as an item; when it was written is the client's word."""
    return {KEY: {"N": str(number)}, "customer": {"S": customer}, "amount": {"N": amount}, "written_at": now()}


def now() -> Json:
    """This moment, as an attribute."""
    return {"S": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"}


class Credentials:
    """Clients of DynamoDB with a role: of the application, or of a person."""

    def __init__(self, cloud: Any, role: str, session: str, statements: list[Json]) -> None:
        """Makes the role with these statements, and takes it on."""
        iam, trust = cloud.client("iam"), {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(document))
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=policy)
        taken = cloud.client("sts").assume_role(RoleArn=made["Role"]["Arn"], RoleSessionName=session)["Credentials"]
        self._session = boto3.session.Session(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])
        self._taken = taken
        self._url, self._region = cloud.url("aws"), cloud.region
        self._lock = threading.Lock()

    def environment(self) -> dict[str, str]:
        """For a program of that person."""
        names = {
            "AccessKeyId": "AWS_ACCESS_KEY_ID",
            "SecretAccessKey": "AWS_SECRET_ACCESS_KEY",
            "SessionToken": "AWS_SESSION_TOKEN",
        }
        return {variable: str(self._taken[name]) for name, variable in names.items()}

    def client(self, config: Config = PATIENT) -> Any:
        """A client with connections of its own."""
        with self._lock:
            return self._session.client("dynamodb", region_name=self._region, endpoint_url=self._url, config=config)


class OrdersTable:
    """A client of one table; it looks like a connection as far as the demo uses that."""

    def __init__(self, client: Any, table: str) -> None:
        """The client is closed with it."""
        self.client, self.table = client, table

    def __enter__(self) -> OrdersTable:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Drop its connections."""
        self.client.close()

    def put(self, item: Json) -> None:
        """Write an item; one that is there is somebody else's."""
        self.client.put_item(TableName=self.table, Item=item, ConditionExpression=f"attribute_not_exists({KEY})")

    def fill(self, rows: int) -> dict[int, str]:
        """Write the first items; their hashes."""
        items = [order(n, f"customer-{n % 1000:04d}", f"{n % 9973 + 0.75}") for n in range(1, rows + 1)]
        self.write([{"PutRequest": {"Item": item}} for item in items])
        return self.hashes()

    def write(self, requests: list[Json]) -> None:
        """Many writes, a batch at a time, none of them conditional."""
        for start in range(0, len(requests), BATCH):
            left = {self.table: requests[start : start + BATCH]}
            while left:
                left = self.client.batch_write_item(RequestItems=left)["UnprocessedItems"]

    def items(self) -> Iterator[Json]:
        """Every order."""
        pages = self.client.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        yield from (item for page in pages for item in page["Items"] if int(item[KEY]["N"]) > 0)

    def hashes(self) -> dict[int, str]:
        """The hash of every order."""
        return {int(item[KEY]["N"]): digest(item) for item in self.items()}

    def _some(self, wanted: Iterable[int]) -> list[Json]:
        """These orders, as far as they are there."""
        keys = ({KEY: {"N": str(number)}} for number in wanted)
        found = (self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True) for key in keys)
        return [answer["Item"] for answer in found if "Item" in answer]

    def find(self, wanted: Iterable[int]) -> list[tuple[int, str]]:
        """The hashes of these orders, as far as they are there."""
        return [(int(item[KEY]["N"]), digest(item)) for item in self._some(wanted)]

    def contents(self, wanted: Iterable[int]) -> list[tuple[int, str, str]]:
        """Customer and amount of these orders, as far as they are there."""
        return [(int(item[KEY]["N"]), item["customer"]["S"], item["amount"]["N"]) for item in self._some(wanted)]


class Place:
    """The parameter that clients read: it holds the name of the table."""

    def __init__(self, ssm: Any, parameter: str, credentials: Credentials, config: Config = PATIENT) -> None:
        """`ssm` is a boto3 client of Systems Manager; `config` is that of the tables' clients."""
        self.ssm, self.parameter, self.credentials, self.config = ssm, parameter, credentials, config

    def read(self) -> Json:
        """What it says today, and in which version."""
        found = self.ssm.get_parameter(Name=self.parameter)["Parameter"]
        return {"table": found["Value"], "version": found["Version"]}

    def side(self) -> str:
        """Where clients go today, in the form that databases have: `name:443`."""
        return f"{self.read()['table']}:{PORT}"

    def connect(self, side: str | None = None, password: str | None = None) -> OrdersTable:
        """A client of the table that the parameter names, or of another one; there is no password."""
        del password
        return OrdersTable(self.credentials.client(self.config), (side or self.side()).rpartition(":")[0])

    def lets_in(self, side: str) -> bool:
        """Whether a client may write there: by a deletion whose condition can never hold."""
        key = {KEY: {"N": str(-secrets.randbelow(10**9) - 10**9)}}
        with self.connect(side) as table:
            try:
                table.client.delete_item(TableName=table.table, Key=key, ConditionExpression=f"attribute_exists({KEY})")
            except ClientError as error:
                return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")
            except BotoCoreError:
                return False
        return True


class ItemWriter(Writer):
    """The writer, by items."""

    def __init__(self, place: Place, journal: Journal) -> None:
        """Nothing is written before `start`."""
        super().__init__(place, journal)  # type: ignore[arg-type]

    def _write(self, side: str) -> None:
        """One order: sent, then acknowledged, refused, or left unknown."""
        table: Any = self._connection
        row = self.journal.send(side)
        item = order(row.id, row.customer, row.amount)
        try:
            table.put(item)
        except Exception as error:
            self.journal.give_up(row, Fate.FAILED if refused(error) else Fate.UNKNOWN)
            raise
        row.amount = item["amount"]["N"]
        self.journal.acknowledge(row, datetime.now(timezone.utc), digest(item))
        self._tell(True, f"writes to {side.rpartition(':')[0]}")


class ItemSession:
    """A contender's client."""

    def __init__(self, table: OrdersTable) -> None:
        """It is closed with the session."""
        self.table = table
        self._refused = False

    def write(self, number: int, side: str, kind: str) -> None:
        """Write one item below zero."""
        item = {KEY: {"N": str(-number)}, "side": {"S": side}, "client": {"S": kind}, "written_at": now()}
        try:
            self.table.put(item)
        except Exception as error:
            self._refused = refused(error)
            raise

    def refused(self) -> bool:
        """Whether DynamoDB said no."""
        return self._refused

    def cut(self) -> None:
        """Nothing: a call gives up by itself."""

    def close(self) -> None:
        """Drop it."""
        self.table.close()
