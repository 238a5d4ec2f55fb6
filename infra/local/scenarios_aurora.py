"""The scenarios that are others for an Aurora cluster than for a DB instance."""

from __future__ import annotations

from datetime import timedelta

from act import RECOVERY_SECONDS, Act, Result
from scenarios import DELETED, changed_nothing, cut_over, failed_over, go_back
from stage import RESOURCE

# A mistake that no check holds against the database when clients go back to it. The ids are far from those of the client.
BOOKED_TWICE = """
INSERT INTO public.orders (id, customer, amount)
SELECT 900000000 + id, customer, amount FROM public.orders WHERE id BETWEEN 20001 AND 20100 RETURNING id"""


def writer_failure(act: Act) -> list[Result]:
    """Run it: the host of the writer is lost, AWS makes the reader the writer, Lifeboat touches nothing."""
    act.break_it("instance_failure", "the host of the writer of {} is lost")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("instance_failure", "SELF_HEALED"), execution, "self_healed")
    return [failed_over(act, result)]


def cluster_failure(act: Act) -> list[Result]:
    """Run it: AWS gives the cluster up, it is restored with its members, clients are moved."""
    act.break_it("cluster_failure", "{} is lost for good with all its instances: RDS gives it up as failed")
    [execution] = act.timeline.follow(1, RECOVERY_SECONDS)
    result = act.conclude(Result("cluster_failure", "RECOVERED"), execution, "recovered")
    if act.described["Members"] and not result.problems:
        restored = act.stage.describe(act.stage.serving())
        result.more = f"members={len(restored['Members'])}"
    return [result]


def undo(act: Act) -> list[Result]:
    """Run it: clients are moved to the second before a mistake, write there, and go back when a person says so."""
    home = act.stage.secret.side()
    act.begin("break", "somebody books orders twice by mistake")
    booked, when = act.stage.sql(BOOKED_TWICE)
    before = (when - timedelta(milliseconds=1)).replace(microsecond=0)
    act.timeline.note("break", f"{len(booked)} rows are too many; the second before was {before:%H:%M:%S}Z")
    given = {"resource": RESOURCE, "scenario": "human_error", "restore_to": f"{before:%Y-%m-%dT%H:%M:%SZ}"}
    moved = cut_over(act, "undo_moved", {**given, "cut_over": True, "run": "execute"}, "FAILED")
    return go_back(act, moved, home)


def clone(act: Act) -> list[Result]:
    """Run it: rows are deleted by mistake, and a person has the damage cloned as it is, to look at it beside production."""
    stage, result = act.stage, Result("clone", "CLONED")
    points = stage.ledger.list(f"resource#{RESOURCE}", "point#")
    act.begin("break", "somebody deletes rows of public.orders by mistake")
    deleted, _ = stage.sql(f"DELETE FROM public.orders WHERE {DELETED} RETURNING id")
    act.timeline.note("break", f"{len(deleted)} rows are gone, and somebody wants to look before anything is restored")
    given = {"resource": RESOURCE, "scenario": "human_error", "option": "clone", "run": "execute"}
    asked = act.ask(given, 1)
    result.problems += changed_nothing(act, asked, "FAILED")
    execution = act.ask(act.approval(), 2)
    act.conclude_clone(result, execution, deleted=deleted)
    now_kept = stage.ledger.list(f"resource#{RESOURCE}", "point#")
    if not points or now_kept != points or any(point["state"] == "verified" for _, point in now_kept):
        result.problems.append(f"a clone proves nothing about recovery points: {points} became {now_kept}")
    result.more = f"rows_deleted={len(deleted)}"
    return [result]
