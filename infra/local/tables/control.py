"""JSON for the demo and for tests, on a port of its own: what the tables are and hold, past every rule and fault."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ministack.services import dynamodb

from . import scaling
from .past import PAST, Past
from .trail import LOG, Fault
from .world import Json, World


def tables(world: World) -> list[Json]:
    """Every table with all that it is, but for its items; those that are being deleted, too."""
    found = [_whole(name) for name in sorted(dynamodb._tables)]
    return found + [going for name in list(world.going) if (going := world.leaving(name))]


def _whole(name: str) -> Json:
    """One of them."""
    described = dynamodb._table_description(name)
    arn = described["TableArn"]
    policy = dynamodb._resource_policies.get(arn)
    ttl = json.loads(dynamodb._describe_ttl({"TableName": name})[2])["TimeToLiveDescription"]
    recovery = json.loads(dynamodb._describe_continuous_backups({"TableName": name})[2])["ContinuousBackupsDescription"]
    mine = [one for one in scaling._targets.values() if one["ResourceId"].split("/")[1] == name]
    policies = [one for one in scaling._policies.values() if one["ResourceId"].split("/")[1] == name]
    return {
        **described,
        "Tags": dynamodb._tags.get(arn, []),
        "Policy": json.loads(policy["Policy"]) if policy else None,
        "TimeToLive": ttl,
        "ContinuousBackups": recovery,
        "ScalableTargets": mine,
        "ScalingPolicies": policies,
    }


def items(name: str) -> list[Json]:
    """Every item of a table."""
    table = dynamodb._tables.get(name)
    return [item for sorts in list(table["items"].values()) for item in list(sorts.values())] if table else []


def commits(name: str) -> list[tuple[float, Json]]:
    """Every item that was put into a table since it keeps a past, with the moment, in seconds since 1970."""
    past: Past | None = (dynamodb._tables.get(name) or {}).get(PAST)
    return past.writes() if past else []


class Control(BaseHTTPRequestHandler):
    """One question."""

    world: World

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        """Look."""
        url = urlsplit(self.path)
        name = parse_qs(url.query).get("table", [""])[0]
        answers = {
            "/calls": lambda: LOG.calls,
            "/writes": lambda: LOG.writes,
            "/events": lambda: LOG.events,
            "/tables": lambda: tables(self.world),
            "/items": lambda: items(name),
            "/commits": lambda: commits(name),
        }
        look = answers.get(url.path)
        self._answer(
            200 if look else 404, look() if look else {"error": f"no {url.path}; there are {', '.join(answers)}"}
        )

    def do_POST(self) -> None:
        """Script faults."""
        given = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"[]")
        if self.path != "/faults":
            self._answer(404, {"error": f"no {self.path}; there is /faults"})
            return
        faults = given if isinstance(given, list) else [given]
        LOG.faults += [Fault(one.get("action"), one.get("resource"), one["when"], one["kind"]) for one in faults]
        self._answer(200, {})

    def _answer(self, status: int, body: Any) -> None:
        """As JSON."""
        text = json.dumps(body, default=str).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def serve(port: int, world: World) -> None:
    """Open it on the loopback."""
    Control.world = world
    server = ThreadingHTTPServer(("127.0.0.1", port), Control)
    threading.Thread(target=server.serve_forever, daemon=True, name="tables-control").start()
