"""What the client knows of its own rows: what was acknowledged, what was not, what was refused."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum


class Fate(Enum):
    """What the client was told of a commit."""

    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    UNKNOWN = "unknown"
    FAILED = "failed"
    LOST = "lost"


@dataclass
class Row:
    """One row that the client wrote, or tried to."""

    id: int
    customer: str
    amount: str
    side: str
    sent_at: float = 0.0
    fate: Fate = Fate.SENT
    hash: str = ""
    created_at: datetime | None = None
    committed_at: datetime | None = None
    acknowledged_at: float = 0.0

    def committed_by(self) -> float:
        """A moment at which its commit was over: the server's own, or else when the client knew of it."""
        return self.committed_at.timestamp() if self.committed_at else self.acknowledged_at

    def committed_after(self) -> float:
        """A moment before which it was not committed: the server's own, or else when it was sent."""
        return self.committed_at.timestamp() if self.committed_at else self.sent_at


@dataclass
class Journal:
    """Every row ever sent, and the seed; safe to read while the client writes."""

    seed: dict[int, str] = field(default_factory=dict)
    _rows: dict[int, Row] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: int = 0

    def start_after_seed(self, seed: dict[int, str]) -> None:
        """Keep the hash of each seed row; the client's rows begin above."""
        self.seed, self._next = seed, max(seed, default=0) + 1

    def send(self, side: str) -> Row:
        """The next row, about to be sent to a side (`host:port`)."""
        with self._lock:
            number = self._next
            self._next += 1
            row = Row(number, f"customer-{number % 1000:04d}", f"{number % 9973 + 0.25:.2f}", side, time.time())
            self._rows[number] = row
            return row

    def acknowledge(self, row: Row, created_at: datetime, digest: str) -> None:
        """The commit was acknowledged, with the row as the server has it."""
        with self._lock:
            row.created_at, row.hash, row.acknowledged_at = created_at, digest, time.time()
            row.fate = Fate.ACKNOWLEDGED

    def give_up(self, row: Row, fate: Fate) -> None:
        """The commit was refused, or its reply was lost."""
        with self._lock:
            row.fate = fate

    def settle(self, found: dict[int, str]) -> None:
        """After a recovery: what the serving side lacks now is lost for good, what it holds is known."""
        with self._lock:
            for row in self._rows.values():
                if row.fate in (Fate.ACKNOWLEDGED, Fate.UNKNOWN):
                    row.acknowledged_at = row.acknowledged_at or time.time()
                    row.fate = Fate.ACKNOWLEDGED if row.id in found else Fate.LOST
                    row.hash = found.get(row.id, row.hash)

    def rows(self) -> list[Row]:
        """Every row in the order of its id."""
        with self._lock:
            return list(self._rows.values())

    def acknowledged(self, *, since: float = 0.0, side: str | None = None) -> list[Row]:
        """The acknowledged rows, of one side and after a moment if asked."""
        return [
            row
            for row in self.rows()
            if row.fate is Fate.ACKNOWLEDGED and row.acknowledged_at >= since and side in (None, row.side)
        ]
