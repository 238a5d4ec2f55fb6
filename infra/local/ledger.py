"""Reads Lifeboat's ledger as a person would: by partition and sort key, never writing."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

Json = dict[str, Any]

_DESERIALIZER = TypeDeserializer()
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z")


def moment(text: str) -> datetime:
    """A time as Lifeboat and the estate write it, with up to nine decimals of a second."""
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no time in UTC")
    return datetime.fromisoformat(f"{found[1]}.{(found[2] or '')[:6]:0<6}+00:00")


def bare(name: str) -> str:
    """The name of a database alone: documents write `cluster:orders-db` or `table/orders-db` where it is no DB instance."""
    return name.removeprefix("cluster:").removeprefix("replicationgroup:").removeprefix("table/")


def _plain(value: Any) -> Any:
    """DynamoDB's decimals as ordinary numbers, at every depth."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


class Ledger:
    """One table; its keys carry the home Region."""

    def __init__(self, client: Any, table: str, region: str) -> None:
        """`client` is a boto3 client of DynamoDB."""
        self.client, self.table, self.region = client, table, region

    def read(self, partition: str, sort: str) -> Json | None:
        """One document, or none."""
        key = {"pk": {"S": f"{self.region}#{partition}"}, "sk": {"S": sort}}
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return None if item is None else self._document(item)

    def expect(self, partition: str, sort: str) -> Json:
        """One document that must be there."""
        found = self.read(partition, sort)
        if found is None:
            raise LookupError(f"the ledger has no {partition} / {sort}")
        return found

    def list(self, partition: str, prefix: str = "") -> list[tuple[str, Json]]:
        """The documents of a partition with their sort keys, in order."""
        values = {":pk": {"S": f"{self.region}#{partition}"}}
        condition = "pk = :pk"
        if prefix:
            values[":prefix"] = {"S": prefix}
            condition += " AND begins_with(sk, :prefix)"
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
        return [(item["sk"]["S"], self._document(item)) for page in pages for item in page["Items"]]

    def record(self, resource: str) -> Json:
        """What is known of a resource."""
        return self.read(f"resource#{resource}", "record") or {}

    def incident(self, incident: str) -> Json:
        """The main document of an incident."""
        return self.expect(f"incident#{incident}", "incident")

    def plan(self, incident: str) -> Json:
        """The plan in force of an incident."""
        return self.expect(f"incident#{incident}", f"plan#{self.incident(incident)['plan']}")

    @staticmethod
    def _document(item: Json) -> Json:
        """The document in an item."""
        document: Json = _plain(_DESERIALIZER.deserialize(item["document"]))
        return document
