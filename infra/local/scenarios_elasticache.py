"""The scenarios of a cache: what AWS heals, what a promotion heals, and what only a snapshot brings back."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import checks
from act import RECOVERY_SECONDS, Act, Result
from contenders import Kind
from journal import Fate, Row
from kinds.elasticache import Groups
from ledger import bare, moment
from rediscache import RedisCache, Refused, key, slot
from scenarios import changed_nothing, cut_over, failed_over, go_back
from stage import RESOURCE, until

Json = dict[str, Any]

# So many rows at least go to the shards that stand while another one is down.
MEANWHILE = 20
FLUSHED = "id BETWEEN 20001 AND 24000 OR id BETWEEN 40001 AND 40321"


def _as_events(notices: list[Json]) -> list[Json]:
    """What ElastiCache told its topic, as if RDS had published it."""
    return [
        {"detail": {"Date": notice["at"], "EventID": "ElastiCache", "Message": notice["message"]}} for notice in notices
    ]


def primary_lost(act: Act) -> list[Result]:
    """Run it: the host of the primary is lost, ElastiCache makes the replica the primary, Lifeboat touches nothing."""
    act.break_it("az_outage", "the Availability Zone of the primary of {} goes dark")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("az_outage", "SELF_HEALED"), execution, "self_healed")
    return [failed_over(act, result)]


def hung(act: Act) -> list[Result]:
    """Run it: nobody fails over by himself; found by the sweep, and the replica is made the primary by one call."""
    stage = act.stage
    act.break_it("hung", "the primary of {} accepts connections and never answers again")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("hung", "RECOVERED"), execution, "failed_over")
    incident = stage.ledger.incident(act.timeline.incident(execution["executionArn"]))
    told = _as_events(stage.cloud.control("/notices"))
    number, problems = checks.found_by_sweep(incident, stage.executions("Sweep", act.zero), told, act.zero)
    result.problems += problems
    made = checks.made_calls(checks.log_since(stage, act.zero))
    wanted = checks.Call(*stage.database.failover(act.described))
    if made != [wanted]:
        result.problems.append(f"one promotion was expected: {'; '.join(map(str, made))}")
    act.timeline.note("demo", f"no notice told of it; sweep {number} after the accident found it")
    return [failed_over(act, result)]


def lost(act: Act) -> list[Result]:
    """Run it: all nodes are lost for good; restored from the newest snapshot, validated, clients moved."""
    act.break_it("cluster_failure", "{} is lost with all its nodes, which it never gets over")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("instance_failure", "RECOVERED"), execution, "recovered")
    return [_from_snapshot(act, result)]


def shard_failure(act: Act) -> list[Result]:
    """Run it: of several shards one loses its primary, ElastiCache makes its replica the primary, Lifeboat touches nothing."""
    database = act.stage.database
    assert isinstance(database, Groups)
    before, slots = database.primaries(RESOURCE), act.stage.describe(RESOURCE)["NodeGroups"][0]["Slots"]
    first, last = map(int, slots.split("-"))

    def is_its(row: Row) -> bool:
        """Whether the row lies in the shard that breaks."""
        return first <= slot(key(row.id)) <= last

    act.concerns = is_its
    act.break_it("instance_failure", f"the host of the primary of the first shard of {{}} (slots {slots}) is lost")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("shard_failure", "SELF_HEALED"), execution, "self_healed")
    after = database.primaries(RESOURCE)
    if len(before) < 2 or before[0] == after[0] or before[1:] != after[1:]:
        result.problems.append(f"the first of several primaries should be another one: {before}, now {after}")
    rows = act.stage.journal.acknowledged(since=act.broke)
    meanwhile = sum(not is_its(row) and row.acknowledged_at < act.broke + (result.rto or 0) for row in rows)
    if meanwhile < MEANWHILE:
        result.problems.append(f"the other shards should have served all the time: they took {meanwhile} rows")
    result.more = f"rows_meanwhile={meanwhile}"
    return [result]


def shards_lost(act: Act) -> list[Result]:
    """Run it: all nodes of all shards are lost for good; restored with the same shards, validated, clients moved."""
    before = act.stage.describe(RESOURCE)["NodeGroups"]
    act.break_it("cluster_failure", "{} is lost with all nodes of all its shards, which it never gets over")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("cluster_failure", "RECOVERED"), execution, "recovered")
    slots = [[shard["Slots"] for shard in shards] for shards in (before, act.stage.describe(act.stage.serving())["NodeGroups"])]
    if slots[0] != slots[1] or len(slots[0]) < 2:
        result.problems.append(f"the shards were {slots[0]}, and are {slots[1]}")
    result.more = f"shards={len(slots[1])}"
    return [_from_snapshot(act, result)]


def deletion(act: Act) -> list[Result]:
    """Run it: somebody deletes the cache; a person approves its return from the newest snapshot."""
    act.break_it("deletion", "somebody deletes {}; its snapshots are kept")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = Result("deletion", "RECOVERED")
    result.problems += changed_nothing(act, execution, "FAILED")
    answer = act.ask(act.approval(), 2)
    act.conclude(result, answer, "recovered", is_gone=True)
    return [_from_snapshot(act, result)]


def _from_snapshot(act: Act, result: Result) -> Result:
    """The plan was to restore tonight's snapshot, and what the new cache holds is of then."""
    if not result.incident:
        return result
    plan = act.stage.ledger.plan(result.incident)
    points = [point for _, point in act.stage.ledger.list(f"resource#{RESOURCE}", "point#")]
    [tonight] = [point["snapshot"] for point in points if moment(point["started_at"]).timestamp() < act.broke]
    snapshots = [call["act"].get("snapshot") for call in plan["calls"] if call["act"]["call"] == "restore_from_snapshot"]
    if (plan["remedy"], snapshots) != ("restore_snapshot", [tonight]):
        result.problems.append(f"{tonight} should be restored, yet the plan was {plan['remedy']} of {snapshots}")
    return result


def _mistake(act: Act) -> tuple[list[int], datetime, Json]:
    """A bad job deletes keys: which, when, and what a person asks for then."""
    act.begin("break", "a bad job deletes keys that it should have left alone")
    deleted, when = act.stage.sql(f"DELETE FROM public.orders WHERE {FLUSHED} RETURNING id")
    act.timeline.note("break", f"{len(deleted)} keys are gone since {when:%H:%M:%S}Z; the cache itself is well")
    return deleted, when, {"resource": RESOURCE, "scenario": "human_error", "restore_to": f"{when:%Y-%m-%dT%H:%M:%SZ}"}


def human_error(act: Act) -> list[Result]:
    """Run it: a bad job flushes keys; a person asks for the snapshot from before, and then moves the clients to it."""
    deleted, when, given = _mistake(act)
    beside = Result("human_error_beside", "RESTORED_BESIDE")
    planned = act.ask({**given, "run": "plan"}, 1)
    beside.problems += changed_nothing(act, planned, "SUCCEEDED")
    execution = act.ask({**given, "run": "execute"}, 2)
    act.conclude_beside(beside, execution, deleted=deleted, altered=[])
    if beside.incident and moment(act.stage.ledger.plan(beside.incident)["restore_point"]) > when:
        beside.problems.append("the snapshot is from after the mistake")
    if beside.rows_rescued != len(deleted):
        beside.problems.append(f"of {len(deleted)} deleted keys only {beside.rows_rescued} are on the copy")
    beside.more = f"rows_deleted={len(deleted)} rows_rescued={beside.rows_rescued}"
    return [beside, _move(act, "human_error", given)]


def _move(act: Act, name: str, given: Json) -> Result:
    """Clients are moved to the snapshot from before a mistake, when a person names its plan."""
    return cut_over(act, name, {**given, "cut_over": True, "run": "execute"}, "FAILED", exactly=False)


def undo(act: Act) -> list[Result]:
    """Run it: clients are moved to an earlier state, write there, and go back when a person says so."""
    home = act.stage.secret.side()
    _, _, given = _mistake(act)
    return go_back(act, _move(act, "undo_moved", given), home, counts=False)


def _run_id(act: Act) -> str:
    """The server process that clients are led to."""
    with act.stage.secret.connect() as connection:
        assert isinstance(connection, RedisCache)
        return connection.run_id()


def _counted_at(act: Act) -> float:
    """When Lifeboat's sweep last counted the keys and found nothing missing."""
    life = act.stage.ledger.record(RESOURCE).get("life")
    return moment(life["at"]).timestamp() if life and not life["lost_at"] else 0.0


def _all_write(act: Act, since: float) -> bool:
    """Whether each of the clients that contend has had a write acknowledged since."""
    written = {(it.kind, it.kept) for it in act.stage.contenders.record.attempts() if it.fate is Fate.ACKNOWLEDGED and it.sent > since}
    return written >= {(kind, kept) for kind in (Kind.FOLLOWING, Kind.STALE) for kept in (False, True)}


def _emptied(act: Act) -> tuple[list[int], tuple[str, str], list[str]]:
    """AWS replaces the primary: the rows that are gone, the run ids before and after, and what should not be so."""
    stage, before = act.stage, _run_id(act)
    # Right behind a sweep: the next one meets the new node, not the moment between the two.
    last = _counted_at(act)
    until("a sweep has counted the keys", 30, lambda: _counted_at(act) > last, every=0.05)
    act.break_it("node_replaced", "AWS replaces the primary of {} by an empty node, which its replica follows")

    def replaced() -> str:
        """The run id of the new one."""
        try:
            now = _run_id(act)
        except (OSError, Refused):
            return ""
        return now if now != before else ""

    after = until("there is another server", 30, replaced, every=0.05)
    record, back, since = stage.contenders.record, time.time(), time.monotonic()
    record.lose(stage.secret.side(), since)
    until("all clients write again", 30, lambda: _all_write(act, since))
    act.well_since = time.time()
    with stage.writer.paused():
        there = checks.serving_rows(stage)
        acknowledged = stage.journal.acknowledged()
    certain = [row.id for row in acknowledged if row.acknowledged_at < act.broke]
    between = [row.id for row in acknowledged if act.broke <= row.acknowledged_at and row.sent_at < back and row.id not in there]
    gone = [*stage.journal.seed, *certain, *between]
    kept = [number for number in gone if number in there]
    act.timeline.note("break", f"{len(gone)} keys are gone; the new node answers, takes writes, and every status is well")
    return gone, (before, str(after)), [f"{len(kept)} keys survived: nothing was lost"] if kept else []


def corruption(act: Act) -> list[Result]:
    """Run it: found by run id and keys, the newest snapshot restored beside by itself, then cut over by the plan's hash."""
    stage = act.stage
    gone, runs, problems = _emptied(act)
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    beside = Result("corruption_beside", "RESTORED_BESIDE", problems)
    act.conclude_beside(beside, execution, deleted=gone, altered=[])
    if beside.incident:
        document, probe = stage.ledger.incident(beside.incident), stage.ledger.expect(f"incident#{beside.incident}", "probe")
        beside.problems += checks.found_by_memory(document, probe, stage.ledger.record(RESOURCE)["life"], runs)
        _from_snapshot(act, beside)
    if beside.rows_rescued != len(stage.journal.seed):
        beside.problems.append(f"of {len(stage.journal.seed)} keys of the beginning only {beside.rows_rescued} are on the copy")
    beside.more = f"rows_deleted={len(gone)} rows_rescued={beside.rows_rescued}"
    given = {"resource": RESOURCE, "scenario": "corruption", "cut_over": True, "run": "plan"}
    result = cut_over(act, "corruption", given, "SUCCEEDED", exactly=False)
    return [beside, _sound_again(act, _from_snapshot(act, result))]


def _sound_again(act: Act, result: Result) -> Result:
    """After the cut-over Lifeboat's sweep counts the keys of the new side, and misses none."""
    if not result.incident:
        return result
    restored, now = bare(act.stage.ledger.incident(result.incident)["restored"]["id"]), _run_id(act)

    def counted() -> bool:
        """Whether it knows the new server."""
        life = act.stage.ledger.record(RESOURCE).get("life") or {"life": {"nodes": []}}
        return _counted_at(act) > 0 and [node["run_id"] for node in life["life"]["nodes"]] == [now]

    try:
        until("the sweep has counted the keys of the new side", 30, counted)
    except TimeoutError as error:
        result.problems.append(str(error))
    if act.stage.serving() != restored:
        result.problems.append(f"the sweep looks at {act.stage.serving()}, not at {restored}")
    return result
