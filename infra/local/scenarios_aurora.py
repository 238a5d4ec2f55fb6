"""The scenarios that are others for an Aurora cluster than for a DB instance."""

from __future__ import annotations

from act import RECOVERY_SECONDS, Act, Result
from scenarios import failed_over


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
