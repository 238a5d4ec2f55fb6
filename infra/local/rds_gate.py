"""Checks the role behind each call to RDS or ElastiCache before the estate sees it.

ministack enforces the roles of Lambdas for its own services (AUTH=true), but such calls go to the
estate. This gate, a thread inside ministack's process, asks the same evaluator for every ARN that a
call names and for the tags that it gives to what it makes, with the tags of the request and those that
the estate keeps today, and then passes the bytes on untouched. A reply that the estate drops or delays
is dropped or delayed here too, so its faults reach the caller as they are.
"""

from __future__ import annotations

import re
import socket
import threading
import xml.etree.ElementTree as ElementTree
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from ministack.core.iam_actions import access_denied_response, request_tag_context
from ministack.core.iam_evaluator import AuthError, enforce
from ministack.core.responses import get_account_id, get_region, new_uuid, set_request_region
from ministack.core.router import extract_access_key_id
from ministack.services import tagging

# The resource type in the ARN for each parameter that names a resource. AWS checks each of them.
ARN_TYPES = {
    "DBInstanceIdentifier": "db",
    "SourceDBInstanceIdentifier": "db",
    "TargetDBInstanceIdentifier": "db",
    "DBSnapshotIdentifier": "snapshot",
    "SourceDBSnapshotIdentifier": "snapshot",
    "TargetDBSnapshotIdentifier": "snapshot",
    "FinalDBSnapshotIdentifier": "snapshot",
    "DBClusterIdentifier": "cluster",
    "SourceDBClusterIdentifier": "cluster",
    "DBClusterSnapshotIdentifier": "cluster-snapshot",
    "SnapshotIdentifier": "cluster-snapshot",
    "DBClusterParameterGroupName": "cluster-pg",
    "DBSubnetGroupName": "subgrp",
    "DBParameterGroupName": "pg",
    "OptionGroupName": "og",
    "ResourceName": "",
    "ResourceArn": "",
}
# The same of ElastiCache.
CACHE_ARN_TYPES = {
    "ReplicationGroupId": "replicationgroup",
    "CacheClusterId": "cluster",
    "PrimaryClusterId": "cluster",
    "SnapshotName": "snapshot",
    "FinalSnapshotIdentifier": "snapshot",
    "CacheParameterGroupName": "parametergroup",
    "CacheSubnetGroupName": "subnetgroup",
    "ResourceName": "",
}
# What a call names and AWS does not ask IAM about (Service Authorization Reference: of this call only the cluster).
UNASKED = {
    "FailoverDBCluster": {"TargetDBInstanceIdentifier"},
    # Of this one the replication group, and not the node that is to be its primary.
    "ModifyReplicationGroup": {"PrimaryClusterId"},
}
# The parameter that names what a call makes.
MAKES = {
    "CreateDBInstance": "DBInstanceIdentifier",
    "CreateDBSnapshot": "DBSnapshotIdentifier",
    "RestoreDBInstanceFromDBSnapshot": "DBInstanceIdentifier",
    "RestoreDBInstanceToPointInTime": "TargetDBInstanceIdentifier",
    "CreateDBClusterSnapshot": "DBClusterSnapshotIdentifier",
    "RestoreDBClusterFromSnapshot": "DBClusterIdentifier",
    "RestoreDBClusterToPointInTime": "DBClusterIdentifier",
    "CreateReplicationGroup": "ReplicationGroupId",
    "CreateSnapshot": "SnapshotName",
}
# The calls whose result inherits tags, with how its source is named, asked for and shown.
INHERITS = {
    "CreateDBSnapshot": ("DBInstanceIdentifier", "DescribeDBInstances", "DBInstance"),
    "CreateDBClusterSnapshot": ("DBClusterIdentifier", "DescribeDBClusters", "DBCluster"),
}
TAG = "AddTagsToResource"
# What the name of a node adds to that of its replication group.
NODE = re.compile(r"(-\d{4})?-\d{3}$")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}
EXCHANGE_SECONDS = 300


class Service(NamedTuple):
    """An API that the estate serves."""

    name: str
    version: str
    arn_types: dict[str, str]


RDS = Service("rds", "2014-10-31", ARN_TYPES)
ELASTICACHE = Service("elasticache", "2015-02-02", CACHE_ARN_TYPES)


class Permission(NamedTuple):
    """One thing that AWS asks IAM before it carries out a call."""

    action: str
    arn: str
    context: dict[str, Any]


def named_arns(
    parameters: dict[str, list[str]], names: list[str], region: str, account: str, service: Service = RDS
) -> list[str]:
    """The ARN of every resource that a call names by one of these parameters."""
    prefix = f"arn:aws:{service.name}:{region}:{account}"
    return [
        value if value.startswith("arn:") else f"{prefix}:{service.arn_types[name]}:{value}"
        for name in names
        for value in parameters.get(name, [])
    ]


def needed(
    service: Service, action: str, body: bytes, parameters: dict[str, list[str]], region: str, upstream: str
) -> list[Permission]:
    """All that a call needs: itself on each resource that it names, and to tag what it makes.

    Tags that are passed and tags that are inherited (`CopyTagsToSnapshot`) are asked for one by one; the key
    rds:TagsFromRequest tells them apart.
    """
    account = get_account_id()
    context = request_tag_context(service.name, f"{service.name}:{action}", body, parameters)
    passed = {**context, "rds:TagsFromRequest": "true"}
    names = [name for name in service.arn_types if name not in UNASKED.get(action, ())]
    arns = named_arns(parameters, names, region, account, service) or ["*"]
    asked = [Permission(action, arn, passed if action == TAG else context) for arn in arns]
    for made in named_arns(parameters, [MAKES[action]], region, account, service) if action in MAKES else ():
        if "aws:TagKeys" in context:
            asked.append(Permission(TAG, made, passed))
        inherited = copied_tags(upstream, action, parameters, region, account) if action in INHERITS else {}
        if inherited:
            tags = {f"aws:RequestTag/{key}": value for key, value in inherited.items()}
            asked.append(
                Permission(TAG, made, {**tags, "aws:TagKeys": list(inherited), "rds:TagsFromRequest": "false"})
            )
    return asked


def scope_of(authorization: str) -> tuple[str, Service]:
    """Region and service in a SigV4 Authorization header."""
    _, _, credential = authorization.partition("Credential=")
    scope = credential.split(",")[0].split("/")
    region, name = (scope[2], scope[3]) if len(scope) == 5 else ("us-east-1", "rds")
    return region, ELASTICACHE if name == ELASTICACHE.name else RDS


def refusal(headers: dict[str, str], body: bytes, upstream: str) -> tuple[int, dict[str, str], bytes] | None:
    """AWS's AccessDenied reply if the caller's role does not allow the call, else nothing."""
    parameters = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    region, service = scope_of(headers.get("authorization", ""))
    set_request_region(region)
    for name, arn, context in needed(service, parameters.get("Action", [""])[0], body, parameters, region, upstream):
        action = f"{service.name}:{name}"
        denied = enforce(
            extract_access_key_id(headers, {}), action, service.name, region, resource_arn=arn, service_context=context
        )
        if isinstance(denied, AuthError):
            return access_denied_response(
                service.name, action, "", new_uuid(), error_code=denied.code, message=denied.message, headers=headers
            )
        if denied is not None:
            explicit = denied.decision == "Deny"
            message = f"User: {denied.principal_arn} is not authorized to perform: {action} on resource: {arn} " + (
                "with an explicit deny in an identity-based policy"
                if explicit
                else f"because no identity-based policy allows the {action} action"
            )
            return access_denied_response(service.name, action, denied.principal_arn, new_uuid(), message=message)
    return None


def ask_estate(
    upstream: str, region: str, account: str, form: dict[str, str], service: Service = RDS
) -> ElementTree.Element | None:
    """The estate's answer to a question of the gate's own; none if it does not know what is asked about.

    An estate that does not answer at all, as when RDS is dark, is an OSError: the call fails, it is not refused.
    """
    url = urlsplit(upstream)
    connection = HTTPConnection(url.hostname or "127.0.0.1", url.port, timeout=5)
    scope = f"Credential={account}/20260101/{region}/{service.name}/aws4_request"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        "X-Lifeboat-Gate": "tags",
    }
    try:
        connection.request("POST", "/", urlencode({"Version": service.version, **form}), headers)
        reply = connection.getresponse()
        answer = reply.read()
    finally:
        connection.close()
    if reply.status >= 500:
        raise OSError(f"the estate answers {form['Action']} with {reply.status}")
    return ElementTree.fromstring(answer) if reply.status == 200 else None


def children(tree: ElementTree.Element | None, name: str) -> list[dict[str, str]]:
    """The texts in every element of this name, by the names of its children."""
    found = [element for element in (tree.iter() if tree is not None else ()) if local(element) == name]
    return [{local(child): child.text or "" for child in element} for element in found]


def local(element: ElementTree.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def tags_in(tree: ElementTree.Element | None) -> dict[str, str]:
    """All tags in an answer."""
    return {tag.get("Key", ""): tag.get("Value", "") for tag in children(tree, "Tag")}


def estate_tags(upstream: str, arn: str) -> dict[str, str]:
    """The tags that the estate keeps for a resource; none if it does not know it."""
    service = ELASTICACHE if is_of_cache(arn) else RDS
    region, account, kind, name = arn.split(":")[3:7]
    if service is ELASTICACHE and kind == "cluster":
        # A node has the tags of its replication group.
        arn = f"arn:aws:elasticache:{region}:{account}:replicationgroup:{NODE.sub('', name)}"
    # ElastiCache tells a caller no tags of what is not available; IAM knows them.
    action = "ListTagsForIam" if service is ELASTICACHE else "ListTagsForResource"
    return tags_in(ask_estate(upstream, region, account, {"Action": action, "ResourceName": arn}, service))


def is_of_cache(arn: str) -> bool:
    """Whether it is of ElastiCache."""
    return arn.startswith("arn:aws:elasticache:")


def tagged_caches(upstream: str, region: str, account: str) -> list[tuple[str, list[dict[str, str]]]]:
    """Every replication group with its tags, as the Resource Groups Tagging API lists them."""
    tree = ask_estate(upstream, region, account, {"Action": "DescribeReplicationGroups"}, ELASTICACHE)
    # What is being made is listed later.
    shown = [group for group in children(tree, "ReplicationGroup") if group.get("Status") != "creating"]
    arns = [group["ARN"] for group in shown if "ARN" in group]
    return [
        (arn, [{"Key": key, "Value": value} for key, value in estate_tags(upstream, arn).items()]) for arn in arns
    ]


def copied_tags(
    upstream: str, action: str, parameters: dict[str, list[str]], region: str, account: str
) -> dict[str, str]:
    """The tags that a snapshot inherits: those of a database that copies them to its snapshots."""
    named, describe, element = INHERITS[action]
    form = {"Action": describe, named: parameters.get(named, [""])[0]}
    tree = ask_estate(upstream, region, account, form)
    copies = any(item.get("CopyTagsToSnapshot") == "true" for item in children(tree, element))
    return tags_in(tree) if copies else {}


class Gate(BaseHTTPRequestHandler):
    """One call: check, then pass on byte for byte."""

    protocol_version = "HTTP/1.1"
    upstream = ""

    def log_message(self, *_: Any) -> None:
        """Stay silent: the estate keeps the log of calls."""

    def do_POST(self) -> None:
        """Refuse the call or hand it to the estate."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            denied = refusal({name.lower(): value for name, value in self.headers.items()}, body, self.upstream)
            self.reply(*(denied or self.forward(body)))
        except (OSError, HTTPException, ElementTree.ParseError):
            self.close_connection = True
            self.connection.close()

    def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The estate's own reply."""
        url = urlsplit(self.upstream)
        connection = HTTPConnection(url.hostname or "127.0.0.1", url.port, timeout=EXCHANGE_SECONDS)
        try:
            connection.putrequest("POST", self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Send a complete reply with its true length."""
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(port: int, upstream: str) -> None:
    """Open the gate on a port of the loopback, and look up tags of what the estate has in the estate."""
    known_tags, get_resources = tagging.resource_tags, tagging._get_resources

    def tags(arn: str) -> dict[str, str] | None:
        return estate_tags(upstream, arn) if arn.startswith("arn:aws:rds:") or is_of_cache(arn) else known_tags(arn)

    def resources(data: dict[str, Any]) -> Any:
        """With the replication groups of the estate; what it cannot tell fails the call, and is never left out."""
        wanted = data.get("ResourceTypeFilters", [])
        if wanted and not any(kind.split(":")[0] == ELASTICACHE.name for kind in wanted):
            return get_resources(data)
        found = tagged_caches(upstream, get_region(), get_account_id())
        tagging._COLLECTORS[ELASTICACHE.name] = lambda: iter(found)
        return get_resources(data)

    tagging.resource_tags = tags
    tagging._HANDLERS["GetResources"] = resources
    Gate.upstream = upstream
    server = ThreadingHTTPServer(("127.0.0.1", port), Gate)
    server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=server.serve_forever, daemon=True, name="rds-gate").start()
