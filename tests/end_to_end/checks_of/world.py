"""The source, the identity, the lease, the settings, the fence."""

from __future__ import annotations

from typing import Any

import checks
from stage import FENCE

from .recovery import tag_list
from .verdict import Verdict

Json = dict[str, Any]


def _instance(name: str, address: str, **tags: str) -> Json:
    """An instance as RDS describes it."""
    return {
        **dict.fromkeys(checks.SETTINGS, "same"),
        "DBInstanceIdentifier": name,
        "DbiResourceId": f"db-{name}",
        "DBInstanceStatus": "available",
        "Endpoint": {"Address": address, "Port": 5432},
        "TagList": tag_list({f"lifeboat:{key}": value for key, value in tags.items()}),
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-a", "Status": "active"}],
        "DBParameterGroups": [{"DBParameterGroupName": "orders16"}],
        "DBSubnetGroup": {"DBSubnetGroupName": "orders-private"},
    }


def world(verdict: Verdict) -> None:
    """The source, the identity, the lease, the settings, the fence."""
    source = _instance("orders-db", "old", resource="orders-db")
    restored = _instance("copy", "new", resource="orders-db", policy="demo")
    kept = {"orders-db": "db-orders-db"}
    verdict.passes("a kept source", checks.compare_sources([restored, source], kept))
    verdict.finds("a lost source", checks.compare_sources([restored], kept), "does not exist")
    verdict.finds("another source", checks.compare_sources([{**source, "DbiResourceId": "db-2"}], kept), "another one")
    going = {**source, "DBInstanceStatus": "deleting"}
    verdict.finds("a source that is going", checks.compare_sources([going], kept), "being deleted")
    verdict.finds("no source to look for", checks.compare_sources([source], {}), "no source")
    verdict.passes("one protected", checks.compare_protected([source, restored], "new:5432"))
    verdict.finds("none protected", checks.compare_protected([source], "old:5432"), "{}")
    verdict.finds("another one protected", checks.compare_protected([source, restored], "old:5432"), "copy")
    stranger = _instance("another", "there", resource="another", policy="demo")
    verdict.passes("a protected stranger", checks.compare_protected([source, restored, stranger], "new:5432"))
    both = [_instance("orders-db", "old", resource="orders-db", policy="demo"), restored]
    verdict.finds("two protected", checks.compare_protected(both, "new:5432"), "orders-db", "copy")
    verdict.passes("a lease given back", checks.compare_lease({"released": True}))
    for lease in (None, {}, {"released": False}):
        verdict.finds(f"the lease {lease}", checks.compare_lease(lease), "lease")
    verdict.passes("the same settings", checks.compare_settings(source, restored))
    groups = [{"VpcSecurityGroupId": FENCE, "Status": "active"}]
    for name in checks.SETTINGS:
        value: Any = {
            "VpcSecurityGroups": groups,
            "DBParameterGroups": [{"DBParameterGroupName": "default"}],
            "DBSubnetGroup": {"DBSubnetGroupName": "default"},
        }.get(name, "other")
        verdict.finds(f"another {name}", checks.compare_settings(source, {**restored, name: value}), name)
    fenced = {**source, "VpcSecurityGroups": groups}
    verdict.passes("a fenced source", checks.compare_fence({"fence": "group"}, fenced))
    verdict.passes("a source that RDS has given up", checks.compare_fence({"fence": "terminal"}, source))
    verdict.finds("an open source", checks.compare_fence({"fence": "group"}, source), "sg-a")
    verdict.finds(
        "a fence with a gap",
        checks.compare_fence(
            {"fence": "group"}, {**source, "VpcSecurityGroups": [*groups, *source["VpcSecurityGroups"]]}
        ),
        "sg-a",
    )
    for fence in (None, "impossible"):
        verdict.finds(f"the fence {fence}", checks.compare_fence({"fence": fence}, fenced), "should be fenced")
