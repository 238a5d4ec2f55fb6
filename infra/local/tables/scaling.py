"""Application Auto Scaling of tables: what is registered, and the policies. Nothing is scaled: capacity is no matter of data."""

from __future__ import annotations

import json
import time
from typing import Any

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region, json_response, new_uuid
from ministack.services import dynamodb

from . import trail
from .world import Json, Reply, World, refuse

SERVICE = "application-autoscaling"
DIMENSIONS = tuple(
    f"dynamodb:{what}:{which}CapacityUnits" for what in ("table", "index") for which in ("Read", "Write")
)
# What policies may say conditions about.
CONDITIONS = {"service-namespace": "ServiceNamespace", "scalable-dimension": "ScalableDimension"}
_targets = AccountRegionScopedDict()
_policies = AccountRegionScopedDict()


def _of(data: Json) -> tuple[str, str]:
    return str(data.get("ResourceId", "")), str(data.get("ScalableDimension", ""))


def _arn(kind: str) -> str:
    return f"arn:aws:application-autoscaling:{get_region()}:{get_account_id()}:{kind}"


def _register(data: Json) -> Reply:
    resource, dimension = _of(data)
    parts = resource.split("/")
    if data.get("ServiceNamespace") != "dynamodb" or dimension not in DIMENSIONS:
        return refuse(
            "ValidationException", f"Unsupported service namespace, resource type or scalable dimension: {dimension}"
        )
    if parts[0] != "table" or len(parts) < 2 or parts[1] not in dynamodb._tables:
        return refuse("ValidationException", f"DynamoDB table does not exist: {resource}")
    known = _targets.get((resource, dimension)) or {
        "ServiceNamespace": "dynamodb",
        "ResourceId": resource,
        "ScalableDimension": dimension,
        "RoleARN": f"arn:aws:iam::{get_account_id()}:role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
        "CreationTime": time.time(),
        "ScalableTargetARN": _arn(f"scalable-target/{new_uuid()[:12]}"),
    }
    limits = {name: data[name] for name in ("MinCapacity", "MaxCapacity") if name in data}
    if not {"MinCapacity", "MaxCapacity"} <= (set(known) | set(limits)):
        return refuse(
            "ValidationException",
            "MinCapacity and MaxCapacity must be specified when registering a new scalable target",
        )
    _targets[resource, dimension] = {**known, **limits}
    return reply({"ScalableTargetARN": known["ScalableTargetARN"]})


def _put_policy(data: Json) -> Reply:
    resource, dimension = _of(data)
    if (resource, dimension) not in _targets:
        return refuse("ObjectNotFoundException", f"No scalable target registered for {resource}, {dimension}")
    key = (resource, dimension, data.get("PolicyName"))
    known = _policies.get(key) or {
        "PolicyARN": _arn(f"scalingPolicy:{new_uuid()}:resource/dynamodb/{resource}:policyName/{key[2]}"),
        "CreationTime": time.time(),
    }
    _policies[key] = {**data, **known}
    return reply({"PolicyARN": known["PolicyARN"], "Alarms": []})


def _deregister(data: Json) -> Reply:
    resource, dimension = _of(data)
    if (resource, dimension) not in _targets:
        return refuse("ObjectNotFoundException", f"No scalable target found for {resource}, {dimension}")
    del _targets[resource, dimension]
    for key in [key for key in _policies if key[:2] == (resource, dimension)]:
        del _policies[key]
    return reply({})


def _chosen(kept: Any, data: Json, member: str) -> Reply:
    """Descriptions, by resource ids and dimension."""
    ids = data.get("ResourceIds") or ([data["ResourceId"]] if data.get("ResourceId") else None)
    dimension = data.get("ScalableDimension")
    found = [
        one
        for one in kept.values()
        if (ids is None or one["ResourceId"] in ids) and dimension in (None, one["ScalableDimension"])
    ]
    return reply({member: found})


def reply(body: Json) -> Reply:
    """As its protocol has it."""
    made: Reply = json_response(body, content_type="application/x-amz-json-1.1")
    return made


HANDLERS = {
    "RegisterScalableTarget": _register,
    "PutScalingPolicy": _put_policy,
    "DeregisterScalableTarget": _deregister,
    "DescribeScalableTargets": lambda data: _chosen(_targets, data, "ScalableTargets"),
    "DescribeScalingPolicies": lambda data: _chosen(_policies, data, "ScalingPolicies"),
    "ListTagsForResource": lambda _: reply({"Tags": {}}),
}


def serve(world: World) -> None:
    """Make it a service of ministack's; its calls are authorised as others, on all resources."""

    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Reply:
        del method, path, query
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        call = trail.Call(action, json.loads(body or b"{}"))
        if action not in HANDLERS:
            return refuse("UnknownOperationException", f"Unknown operation: {action}")
        struck = await trail.strike(call)
        return struck or await trail.tell(world, call, HANDLERS[action](call.given))

    context = iam_actions.request_tag_context

    def patched(service: str, action: str, body: bytes, params: Any) -> Json:
        found: Json = context(service, action, body, params)
        if service == SERVICE:
            given = json.loads(body or b"{}")
            found |= {f"{SERVICE}:{key}": given[name] for key, name in CONDITIONS.items() if name in given}
        return found

    iam_actions.request_tag_context = patched
    app.SERVICE_HANDLERS[SERVICE] = handle
    iam_actions.SERVICE_TO_IAM_NAMESPACE[SERVICE] = SERVICE
