"""How a finding puts into words what it found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

NOTHING = "nothing"


def rows_in_words(identifiers: list[int]) -> str:
    """How many, and the first few."""
    shown = ", ".join(map(str, sorted(identifiers)[:5]))
    return f"{len(identifiers)} rows ({shown}{', ...' if len(identifiers) > 5 else ''})"


def value_in_words(value: Any) -> str:
    """A value in a message."""
    return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else str(value)
