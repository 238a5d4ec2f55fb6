"""IAM for DynamoDB: the resources that a call names, the policies of tables, and what a restore needs beside its own action."""

from __future__ import annotations

import json
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalContext, EvalResult
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.core.router import extract_access_key_id
from ministack.services import dynamodb

from .world import Json, Reply

# "DynamoDB read and write permissions on the target table are necessary for restore functionality" (developer guide,
# "Using IAM with DynamoDB backup and restore"); the restore's own action is asked for on its source only.
OF_A_TARGET = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
RESTORES = ("RestoreTableFromBackup", "RestoreTableToPointInTime")
# "Your IAM policy needs to allow you to be able to perform S3 actions" (developer guide, "Requesting a table export").
# How AWS refuses an export that may not write is not told there: here it does so at once.
OF_A_BUCKET = ("AbortMultipartUpload", "PutObject", "PutObjectAcl")
EXPORT = "ExportTableToPointInTime"
# These know no resource: whoever may make them may make them on all (Service Authorization Reference).
ON_ALL = ("ListBackups", "ListExports", "ListImports", "ListContributorInsights", "ListTables", "DescribeLimits")
ROOT = ":root"


def _table_arn(name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{get_region()}:{get_account_id()}:table/{name}"


def named(body: bytes, region: str, account: str) -> list[str]:
    """The ARNs that a call names and is authorised on; of a restore, its source."""
    try:
        data = json.loads(body or b"{}")
    except (json.JSONDecodeError, UnicodeDecodeError):
        return []
    if not isinstance(data, dict):
        return []
    for name in ("ResourceArn", "BackupArn", "SourceTableArn", "TableArn", "ExportArn"):
        if isinstance(data.get(name), str):
            return [data[name]]
    if isinstance(data.get("SourceTableName"), str):
        return [_table_arn(data["SourceTableName"])]
    found: list[str] = _named_before(body, region, account)
    return found


_named_before = iam_actions.dynamodb_resource_arns


def policy_of(arn: str) -> tuple[str, str] | None:
    """The resource policy that holds for a table or its index, with the account that owns it."""
    table = arn.split("/index/")[0]
    found = dynamodb._resource_policies.get(table)
    return (found["Policy"], table.split(":")[4]) if found else None


def enforce_as_aws() -> None:
    """Have ministack ask for every ARN, heed policies of tables, and heed their Deny for the root user, too."""
    iam_actions.dynamodb_resource_arns = named
    dynamodb.table_policy_for_arn = policy_of
    iam_evaluator._RESOURCE_POLICY_LOOKUPS["dynamodb"] = ("dynamodb", "table_policy_for_arn")
    enforce = iam_evaluator.enforce

    def patched(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Json | None = None
    ) -> Any:
        result = enforce(key, action, service, region, resource_arn=resource_arn, service_context=service_context)
        return denied_to_root(action, resource_arn) if result is None and service == "dynamodb" else result

    iam_evaluator.enforce = patched


def denied_to_root(action: str, arn: str) -> EvalResult | None:
    """The Deny of a table's own policy, which binds the root user as well; ministack lets root pass before it looks."""
    policy, caller = policy_of(arn), iam_evaluator.caller_arn()
    if policy is None or not caller.endswith(ROOT):
        return None
    asked = EvalContext(
        principal_arn=caller,
        principal_type="Root",
        principal_account=get_account_id(),
        action=action,
        resource_arn=arn,
        region=get_region(),
    )
    result = iam_evaluator.evaluate_resource_policy(policy[0], asked)
    if result.decision != "Deny":
        return None
    result.principal_arn, result.resource_policy_arn = caller, arn
    return result


def denial(action: str, data: Json, headers: dict[str, str]) -> Reply | None:
    """AWS's refusal of what ministack does not ask about, if the caller may not do it."""
    if not app.AUTH:
        return None
    asked = [("dynamodb", action, "*")] if action in ON_ALL else []
    if action in RESTORES and isinstance(data.get("TargetTableName"), str):
        asked = [("dynamodb", other, _table_arn(data["TargetTableName"])) for other in OF_A_TARGET]
    if action == EXPORT:
        object_arn = f"arn:aws:s3:::{data.get('S3Bucket')}/{data.get('S3Prefix', '')}/AWSDynamoDB/0"
        asked = [("s3", other, object_arn) for other in OF_A_BUCKET]
    key = extract_access_key_id(headers, {})
    for service, name, arn in asked:
        result = iam_evaluator.enforce(key, f"{service}:{name}", service, get_region(), resource_arn=arn)
        if result is None:
            continue
        if isinstance(result, AuthError):
            failed: Reply = iam_actions.access_denied_response(
                "dynamodb",
                f"{service}:{name}",
                "",
                new_uuid(),
                error_code=result.code,
                message=result.message,
                headers=headers,
            )
            return failed
        return refused(f"{service}:{name}", arn, result, headers, speaker="dynamodb")
    return None


def refused(action: str, arn: str, result: EvalResult, headers: dict[str, str], speaker: str = "") -> Reply:
    """AWS's AccessDenied reply, naming the resource; `speaker` was called, where the action is another service's."""
    said = iam_actions.identity_denial_message(action, result.principal_arn, arn, result.decision == "Deny")
    reply: Reply = iam_actions.access_denied_response(
        speaker or action.split(":")[0],
        action,
        result.principal_arn,
        new_uuid(),
        headers=headers,
        resource_arn=arn,
        message="" if result.resource_policy_arn else said,
        explicit_deny=result.decision == "Deny",
        resource_policy_arn=result.resource_policy_arn,
    )
    return reply
