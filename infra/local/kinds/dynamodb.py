"""DynamoDB tables: the data lies in ministack, corrected by tables/."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from . import SQL_CHECKS, Json, Wanted

POLICIES = {"table": "demo-dynamodb"}
PORT = 443
# The door of a table whose policy has Lifeboat's statement, as the plan names it.
FENCED = "lifeboat-fence"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
CAPACITY = {"ReadCapacityUnits": 50, "WriteCapacityUnits": 50}
RECOVERY = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
SCALED = ("table:Read", "table:Write", "index:Read")
INDEX = "by-customer"
READERS = "OrdersReaders"
# The role of the person who administers tables in the demo.
ADMINISTRATOR = "orders-dba"


def is_fence(statement: Json) -> bool:
    """Whether it is Lifeboat's: it denies everybody the writing."""
    return statement["Effect"] == "Deny" and str(statement.get("Sid", "")).lower().startswith("lifeboat")


class Tables:
    """Tables behind the DynamoDB API."""

    checks = SQL_CHECKS
    settings: tuple[str, ...] = (
        "KeySchema",
        "AttributeDefinitions",
        "BillingMode",
        "GlobalSecondaryIndexes",
        "TableClass",
        "Stream",
        "TimeToLive",
        "PointInTimeRecovery",
        "DeletionProtection",
        "Policy",
        "Scaling",
        "OwnersTags",
    )

    def __init__(self, cloud: Any, engine: str) -> None:
        """`cloud` is the local cloud, which runs before anything is asked here."""
        self.cloud, self.engine = cloud, engine

    @property
    def api(self) -> Any:
        """A client with full rights."""
        return self.cloud.client("dynamodb")

    def create(self, wanted: Wanted) -> None:
        """A table with all that a restore loses: made, then settled one by one, as DynamoDB wants it."""
        self.api.create_table(
            TableName=wanted.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "N"},
                {"AttributeName": "customer", "AttributeType": "S"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": INDEX,
                    "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                    "ProvisionedThroughput": CAPACITY,
                }
            ],
            BillingMode="PROVISIONED",
            ProvisionedThroughput=CAPACITY,
            StreamSpecification=STREAM,
            DeletionProtectionEnabled=True,
            Tags=wanted.tags,
        )

    def settle(self, name: str, account: str, region: str) -> None:
        """What CreateTable does not take, once it is ACTIVE."""
        arn = f"arn:aws:dynamodb:{region}:{account}:table/{name}"
        self.api.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=RECOVERY)
        self.api.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
        )
        statement = {
            "Sid": READERS,
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.api.put_resource_policy(ResourceArn=arn, Policy=policy)
        self.cloud.client("cloudwatch").put_metric_alarm(
            AlarmName=f"{name}-throttled",
            Namespace="AWS/DynamoDB",
            MetricName="WriteThrottleEvents",
            Dimensions=[{"Name": "TableName", "Value": name}],
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=3,
            Threshold=10.0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
            AlarmActions=[f"arn:aws:sns:{region}:{account}:orders-on-call"],
        )
        scaling = self.cloud.client("application-autoscaling")
        for scaled in SCALED:
            what, _, which = scaled.partition(":")
            resource = f"table/{name}" + (f"/index/{INDEX}" if what == "index" else "")
            target = {
                "ServiceNamespace": "dynamodb",
                "ResourceId": resource,
                "ScalableDimension": f"dynamodb:{what}:{which}CapacityUnits",
            }
            scaling.register_scalable_target(**target, MinCapacity=50, MaxCapacity=400)
            metric = {"PredefinedMetricType": f"DynamoDB{which}CapacityUtilization"}
            scaling.put_scaling_policy(
                **target,
                PolicyName=f"{which.lower()}-{what}",
                PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration={"TargetValue": 70.0, "PredefinedMetricSpecification": metric},
            )

    def alarms(self) -> list[Json]:
        """Every alarm of the account."""
        pages = self.cloud.client("cloudwatch").get_paginator("describe_alarms").paginate()
        return [alarm for page in pages for alarm in page["MetricAlarms"]]

    def shown(self) -> list[Json]:
        """Every table of the application, not Lifeboat's own."""
        return self.kept()

    def describe(self, name: str) -> Json:
        """One of them."""
        found = [item for item in self.kept() if item["DBInstanceIdentifier"] == name]
        if not found:
            raise LookupError(f"there is no table {name}")
        return found[0]

    def kept(self) -> list[Json]:
        """The same, past every rule and fault."""
        every: list[Json] = self.cloud.control("/tables", of="tables")
        mine = [
            item
            for item in every
            if any(tag["Key"] == "owner" for tag in item.get("Tags", [])) or "RestoreSummary" in item
        ]
        return [in_rds_words(item) for item in mine]

    def accident(self, name: str, kind: str) -> Json:
        """None happens to DynamoDB itself."""
        raise ValueError(f"{kind} does not happen to the table {name}: people and programs break tables")

    def changed(self, call: Json) -> str:
        """By a policy."""
        return str(call["resource"]) if call["action"].endswith("ResourcePolicy") else ""

    def way_in(self, name: str) -> str:
        """A table has no groups."""
        raise ValueError(f"{name} has no security groups")

    def open(self, name: str, groups: Sequence[str]) -> None:
        """A table has no groups."""
        raise ValueError(f"{name} has no security groups, not even {groups}")

    def failover(self, described: Json) -> tuple[str, Json]:
        """A table has no standby."""
        raise ValueError(f"{described['DBInstanceIdentifier']} cannot be failed over")

    def members(self) -> dict[str, list[str]]:
        """None have any."""
        return {}

    def in_words(self, multi_az: bool) -> str:
        """The kind."""
        del multi_az
        return "a DynamoDB table with an index"


def in_rds_words(item: Json) -> Json:
    """A table in the words for an instance, with its settings in a form that can be compared."""
    name, recovery = item["TableName"], item.get("ContinuousBackups", {}).get("PointInTimeRecoveryDescription", {})
    statements = [one for one in (item.get("Policy") or {}).get("Statement", []) if not is_fence(one)]
    is_fenced = len(statements) < len((item.get("Policy") or {}).get("Statement", []))
    # A policy names its table: what counts is that it says the same of its own.
    text = json.dumps(sorted(statements, key=json.dumps), sort_keys=True).replace(f'{item["TableArn"]}"', 'TABLE"')
    on = recovery.get("PointInTimeRecoveryStatus") == "ENABLED"
    ttl = item.get("TimeToLive", {})
    stream = item.get("StreamSpecification") or {}
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
    return {
        "DBInstanceIdentifier": name,
        "DbiResourceId": item["TableId"],
        "DBInstanceStatus": {"ACTIVE": "available", "DELETING": "deleting"}.get(
            item["TableStatus"], item["TableStatus"].lower()
        ),
        "Endpoint": {"Address": name, "Port": PORT},
        "TagList": item.get("Tags", []),
        "LatestRestorableTime": recovery.get("LatestRestorableDateTime"),
        "VpcSecurityGroups": [{"VpcSecurityGroupId": FENCED if is_fenced else "open", "Status": "active"}],
        "KeySchema": item["KeySchema"],
        "AttributeDefinitions": sorted(item["AttributeDefinitions"], key=lambda one: one["AttributeName"]),
        "BillingMode": item.get("BillingModeSummary", {}).get("BillingMode"),
        "GlobalSecondaryIndexes": [
            (
                one["IndexName"],
                one["KeySchema"],
                one["Projection"],
                one["IndexStatus"],
                one.get("ProvisionedThroughput"),
            )
            for one in item.get("GlobalSecondaryIndexes", [])
        ],
        "TableClass": item.get("TableClassSummary", {}).get("TableClass", "STANDARD"),
        "Stream": stream.get("StreamViewType") if stream.get("StreamEnabled") else None,
        "TimeToLive": ttl.get("AttributeName") if ttl.get("TimeToLiveStatus", "")[:6] in ("ENABLE", "ENABLI") else None,
        "PointInTimeRecovery": recovery.get("RecoveryPeriodInDays") if on else None,
        "DeletionProtection": item.get("DeletionProtectionEnabled", False),
        "Policy": text if statements else None,
        "Scaling": scaling_of(item),
        "OwnersTags": {key: value for key, value in tags.items() if not key.startswith("lifeboat:")},
    }


def scaling_of(item: Json) -> list[tuple[str, int, int, float | None]]:
    """What is scaled between what, and aimed at what use in per cent."""
    aims = {
        (one["ResourceId"], one["ScalableDimension"]): one.get("TargetTrackingScalingPolicyConfiguration", {}).get(
            "TargetValue"
        )
        for one in item.get("ScalingPolicies", [])
    }
    return sorted(
        (
            one["ScalableDimension"],
            one["MinCapacity"],
            one["MaxCapacity"],
            aims.get((one["ResourceId"], one["ScalableDimension"])),
        )
        for one in item.get("ScalableTargets", [])
    )
