"""The checks of the demo, checked: what is right passes, and each thing that could be wrong is found and named.

selftest.py      needs nothing but Python, and ends with a line for each group of checks
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "infra" / "local"))

from checks_of.alarms import alarms  # noqa: E402
from checks_of.caches import caches  # noqa: E402
from checks_of.calls import calls  # noqa: E402
from checks_of.clusters import clusters  # noqa: E402
from checks_of.detection import corruption, sweeps  # noqa: E402
from checks_of.difference import difference  # noqa: E402
from checks_of.endings import endings  # noqa: E402
from checks_of.rows import rows  # noqa: E402
from checks_of.secret import secret  # noqa: E402
from checks_of.split_brain import split_brain  # noqa: E402
from checks_of.tables import tables  # noqa: E402
from checks_of.validation import validation  # noqa: E402
from checks_of.verdict import Verdict  # noqa: E402
from checks_of.world import world  # noqa: E402

TESTS: dict[str, Callable[[Verdict], None]] = {
    f"checks_of_{work.__name__}": work
    for work in (
        *(calls, clusters, caches, rows, secret, validation, corruption, sweeps, world, difference, endings, split_brain),
        tables,
        alarms,
    )
}


def main() -> int:
    """Run all of them; the exit status."""
    failed = 0
    for name, work in TESTS.items():
        verdict = Verdict()
        work(verdict)
        for wrong in verdict.wrong:
            print(f"  wrong: {wrong}")
        good = verdict.cases > 0 and not verdict.wrong
        print(f"{'KEPT' if good else 'FAILED'} {name} cases={verdict.cases}: {work.__doc__}", flush=True)
        failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
