"""What must be true at the end: the rows, the calls, the source. The demo's exit status hangs on it.

Whatever judges takes plain documents, so that tests/end_to_end/selftest.py can show that it finds what is wrong. Whoever
had nothing to compare has found a problem, too.
"""

from __future__ import annotations

from .alarms import compare_alarms
from .calls import compare_calls, nothing_called
from .detection import found_by_check, found_by_memory, found_by_sweep
from .difference import Sides, compare_difference, written_between
from .log import Call, log_since, made_calls
from .rows import (
    Findings,
    compare_mistake,
    compare_rows,
    compare_unconfirmed,
    serving_rows,
    unconfirmed,
    unknown_rows,
    written_afterwards,
)
from .secret import compare_secret, secret_as_planned
from .split_brain import compare_committed, compare_windows, in_words, never_both, opened_terms, uninterrupted, untried
from .tables import parameter_as_planned, sound_orders
from .validation import BUILT_IN, judge_validation, passed_by_check, policy_checks, policy_checks_on
from .world import (
    SETTINGS,
    compare_fence,
    compare_lease,
    compare_protected,
    compare_settings,
    compare_sources,
    lease_is_free,
    no_dead_letters,
    one_is_protected,
    parameter_agrees,
    sources_exist,
)

__all__ = [
    "BUILT_IN",
    "SETTINGS",
    "Call",
    "Findings",
    "Sides",
    "compare_alarms",
    "compare_calls",
    "compare_committed",
    "compare_difference",
    "compare_fence",
    "compare_lease",
    "compare_mistake",
    "compare_protected",
    "compare_rows",
    "compare_secret",
    "compare_settings",
    "compare_sources",
    "compare_unconfirmed",
    "compare_windows",
    "found_by_check",
    "found_by_memory",
    "found_by_sweep",
    "in_words",
    "judge_validation",
    "lease_is_free",
    "log_since",
    "made_calls",
    "never_both",
    "no_dead_letters",
    "nothing_called",
    "one_is_protected",
    "opened_terms",
    "parameter_agrees",
    "parameter_as_planned",
    "passed_by_check",
    "policy_checks",
    "policy_checks_on",
    "secret_as_planned",
    "serving_rows",
    "sound_orders",
    "sources_exist",
    "unconfirmed",
    "uninterrupted",
    "unknown_rows",
    "untried",
    "written_afterwards",
    "written_between",
]
