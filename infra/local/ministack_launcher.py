"""Starts ministack with the few repairs that Lifeboat's machines need to run as they would on AWS.

Each repair replaces one private hook of ministack and says what AWS does instead; ministack's version
is pinned in requirements.txt. Settings, all optional, come from the environment:
  LIFEBOAT_RATE_SCALE   multiplies every `rate(...)` of a schedule: 0.05 turns 2 minutes into 6 seconds
  LIFEBOAT_RDS_GATE     "PORT UPSTREAM": check the role of each RDS call, then hand it to UPSTREAM
  LIFEBOAT_TABLES       JSON: durations, faults and the control's port of DynamoDB's tables, see tables/
"""

from __future__ import annotations

import json
import os
import random
import signal
from contextvars import ContextVar
from datetime import datetime
from typing import Any

import cbor2
from ministack.app import main
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import error_response_json
from ministack.services import eventbridge, lambda_svc, scheduler, secretsmanager, stepfunctions

import rds_gate
import tables

Json = dict[str, Any]

_sent_at: ContextVar[float | None] = ContextVar("sent_at", default=None)


def _epoch(value: Any) -> float | None:
    """A PutEvents `Time`, epoch seconds or ISO 8601, as epoch seconds."""
    if value is None or isinstance(value, (int, float)):
        return value
    return datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()


def publish_as_aws() -> None:
    """Let PutEvents accept `aws.*` sources, as only AWS itself may, and keep the `Time` of the entries."""
    put_events, now = eventbridge._put_events, eventbridge._now_ts

    def patched(data: Json, allow_aws_source: bool = True) -> Any:
        times = {entry.get("Time") for entry in data.get("Entries", [])}
        token = _sent_at.set(_epoch(times.pop()) if len(times) == 1 else None)
        try:
            return put_events(data, allow_aws_source=allow_aws_source)
        finally:
            _sent_at.reset(token)

    eventbridge._now_ts = lambda: _sent_at.get() or now()
    eventbridge._put_events = patched


def invoke_targets_as_aws() -> None:
    """A rule's Lambda is invoked asynchronously: tried again when it fails, then handed to its on-failure destination."""

    def patched(arn: str, payload: str) -> None:
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if function and config:
            record = {**function, **lambda_svc._execution_record_for_config(function, config)}
            lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    eventbridge._dispatch_to_lambda = patched


def shorten_schedules(scale: float) -> None:
    """Look at schedules every second instead of every ten, and scale `rate(...)`."""
    parse = eventbridge._parse_rate_seconds

    def patched(expression: str) -> float | None:
        seconds = parse(expression)
        return seconds if seconds is None else seconds * scale

    eventbridge._parse_rate_seconds = patched
    eventbridge._SCHEDULER_TICK_INTERVAL = 1
    scheduler._SCHEDULE_TICK_INTERVAL = 1


def keep_secret_versions() -> None:
    """Keep deprecated secret versions, and make ClientRequestToken mean what it means on AWS."""
    promote, put = secretsmanager._apply_current_promotion, secretsmanager._put_secret_value
    create, listing = secretsmanager._create_secret, secretsmanager._list_secret_version_ids

    def patched_promote(secret: Json, version_id: str) -> None:
        before = dict(secret["Versions"])
        promote(secret, version_id)
        for kept, version in before.items():
            secret["Versions"].setdefault(kept, version)

    def patched_put(data: Json) -> Any:
        _, secret = secretsmanager._resolve(data.get("SecretId"))
        token = data.get("ClientRequestToken")
        known = (secret or {}).get("Versions", {}).get(token)
        if known is None:
            return put(data)
        if any(known.get(part) != data.get(part) for part in ("SecretString", "SecretBinary")):
            message = f"A resource with the ID you requested already exists: {token}"
            return error_response_json("ResourceExistsException", message, 400)
        return secretsmanager.json_response(
            {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token, "VersionStages": known["Stages"]}
        )

    def patched_create(data: Json) -> Any:
        response, token = create(data), data.get("ClientRequestToken")
        _, secret = secretsmanager._resolve(data.get("Name"))
        if response[0] != 200 or not token or len(secret["Versions"]) != 1:
            return response
        secret["Versions"] = {token: next(iter(secret["Versions"].values()))}
        return secretsmanager.json_response({"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token})

    def patched_listing(data: Json) -> Any:
        status, headers, body = listing(data)
        reply = json.loads(body)
        if status == 200 and not data.get("IncludeDeprecated"):
            reply["Versions"] = [version for version in reply["Versions"] if version["VersionStages"]]
        return status, headers, json.dumps(reply).encode()

    secretsmanager._apply_current_promotion = patched_promote
    secretsmanager._put_secret_value = patched_put
    secretsmanager._create_secret = patched_create
    secretsmanager._list_secret_version_ids = patched_listing


def run_machines_as_aws() -> None:
    """Succeed with `Output`, `Assign` at once and not in turn, bounded retries, variables of a branch its own."""
    sfn = stepfunctions
    output_path, branch, retrier_for = sfn._apply_output_path, sfn._run_sub_machine, sfn._find_matching_retrier

    def patched_output(state: Json, data: Any, context: Json | None = None) -> Any:
        if state.get("Type") == "Succeed" and "Output" in state:
            return sfn._apply_jsonata_output(state, data, context)
        return output_path(state, data, context)

    def patched_assign(state: Json, data: Any, context: Json | None, **extra: Any) -> None:
        assign = state.get("Assign")
        if context is None or not isinstance(assign, dict) or sfn._state_query_language(state, context) != "JSONata":
            return
        values = {name: sfn._apply_jsonata_template(value, data, context, **extra) for name, value in assign.items()}
        context.setdefault("variables", {}).update(values)

    def patched_branch(states: Json, start: str, data: Any, execution: Json, context: Json) -> Any:
        own = {**context, "variables": dict(context.get("variables", {}))}
        return branch(states, start, data, execution, own)

    def patched_retrier(retriers: list[Json], error: str, counts: dict[int, int]) -> tuple[Json | None, int]:
        retrier, index = retrier_for(retriers, error, counts)
        if retrier is None:
            return retrier, index
        delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
        delay = min(delay, retrier.get("MaxDelaySeconds", delay))
        if retrier.get("JitterStrategy") == "FULL":
            delay *= random.random()
        return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1}, index

    sfn._apply_output_path = patched_output
    sfn._apply_state_assign = patched_assign
    sfn._run_sub_machine = patched_branch
    sfn._find_matching_retrier = patched_retrier


def trust_local_transport() -> None:
    """Answer `aws:SecureTransport` with true: plain HTTP on the loopback stands for TLS here."""
    resolve = iam_evaluator._resolve_condition_key

    def patched(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = patched


def read_binary_requests() -> None:
    """Find the alarm that a request in CBOR names, so that a permission on some alarms allows those and no others."""
    plain = iam_actions._safe_json_field

    def patched(body: bytes, field: str) -> Any:
        if not body or body.lstrip()[:1] in (b"{", b"["):
            return plain(body, field)
        try:
            found = cbor2.loads(body)
        except (cbor2.CBORDecodeError, UnicodeDecodeError):
            return plain(body, field)
        return found.get(field, "") if isinstance(found, dict) else ""

    iam_actions._safe_json_field = patched


def launch() -> None:
    """Apply every repair, open the gate before RDS if asked to, and run ministack until it is stopped."""
    publish_as_aws()
    invoke_targets_as_aws()
    shorten_schedules(float(os.environ.get("LIFEBOAT_RATE_SCALE", "1")))
    keep_secret_versions()
    run_machines_as_aws()
    trust_local_transport()
    read_binary_requests()
    gate = os.environ.get("LIFEBOAT_RDS_GATE", "").split()
    if gate:
        rds_gate.serve(int(gate[0]), gate[1])
    told = os.environ.pop("LIFEBOAT_TABLES", "")
    if told:
        tables.correct(json.loads(told))
    try:
        main()
    finally:
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # the Lambdas too, and whatever they have started


if __name__ == "__main__":
    launch()
