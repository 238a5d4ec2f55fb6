"""A cache that is filled from the database: once that went back in time, nothing that was read before is served."""

from __future__ import annotations

import json
import secrets
import time

from act import Act
from kinds import Wanted
from kinds.elasticache import ENGINE, POLICIES, Groups
from overlaps import mistake, move_to
from rediscache import RedisCache
from stage import GROUPS, RESOURCE, until

CACHE, SECRET = "orders-cache", "demo/orders-cache"
KEYS = 500


def _open(act: Act, password: str) -> RedisCache:
    """As its clients do."""
    place = Groups(act.stage.cloud, ENGINE).describe(CACHE)["Endpoint"]
    return RedisCache({}, place["Address"], place["Port"], password, act.stage.cloud.ca)


def _make(act: Act, password: str) -> None:
    """A cache with a policy of its own, which a sweep sees, with values that were read from the database."""
    stage = act.stage
    tags = {"lifeboat:policy": POLICIES[ENGINE], "lifeboat:resource": CACHE, "lifeboat:secret": SECRET}
    wanted = Wanted(
        name=CACHE,
        engine=ENGINE,
        database="",
        user="",
        password=password,
        subnet_group="orders-private",
        groups=GROUPS,
        tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        multi_az=True,
    )
    login = {"username": "default", "password": password}
    stage.cloud.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(login))
    Groups(stage.cloud, ENGINE).create(wanted)
    with _open(act, password) as cache:
        cache.fill(KEYS)
    until("a sweep has seen the cache", 30, lambda: stage.ledger.record(CACHE).get("answered"))


def _held(act: Act, password: str) -> int:
    """How many values it holds."""
    with _open(act, password) as cache:
        return len(cache.hashes())


def filled_cache(act: Act) -> list[str]:
    """Clients are moved to an earlier state: the cache that holds a later one is emptied behind the move, and not before."""
    stage, password = act.stage, secrets.token_urlsafe(18)
    act.begin("break", f"{CACHE} is filled from {RESOURCE}")
    _make(act, password)
    restore_to, before = mistake(act), _held(act, password)
    execution = move_to(act, restore_to)
    if execution["status"] != "SUCCEEDED":
        return [f"ended {execution['status']}: {execution.get('cause')}"]
    incident = act.timeline.incident(execution["executionArn"])
    # A replica is emptied with its primary, a moment later.
    deadline = time.monotonic() + 10
    while (after := _held(act, password)) and time.monotonic() < deadline:
        time.sleep(0.1)
    told = [entry["text"] for _, entry in stage.ledger.list(f"incident#{incident}", "timeline#")]
    problems = [] if before == KEYS else [f"the cache held {before} values before, not {KEYS}: it proves nothing"]
    problems += [f"the cache holds {after} values of before"] if after else []
    problems += [] if any("FLUSHALL" in text and "it is empty" in text for text in told) else [f"nobody says so: {told}"]
    calls = [document for _, document in stage.ledger.list(f"incident#{incident}", "call#")]
    flush = [call for call in calls if call["act"]["call"] == "flush_cache"]
    moved = max(call["ended_at"] for call in calls if call["phase"] == "cut_over")
    if [call["state"] for call in flush] != ["done"] or flush[0]["sent_at"] < moved:
        problems.append(f"clients were moved at {moved}, and it was emptied by {flush}")
    return problems
