"""Clients that try to make two writable sides of one database: they write wherever they can, all the time.

Some follow the secret, as the application does. Some are stale: they keep every address that the secret ever named, and
retry there for ever. Each kind works both with a fresh connection for each write and on one kept connection, which a
firewall that tracks connections would let live. Early ones take every address that Describe shows.
Whatever an attempt came to is noted, with the time before it was sent and after it was answered.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Protocol

import psycopg

import mariadb
from client import ANSWER_SECONDS, RETRY_SECONDS, Connection, Worded
from journal import Fate
from mariadb import MariaDb
from rediscache import RedisCache, Refused

# A table of their own: the application's rows, their fingerprint and their difference stay what they are.
TABLE = """
CREATE TABLE public.side_probes (
    id bigint PRIMARY KEY,
    side text NOT NULL,
    client text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""
INSERT = "INSERT INTO public.side_probes (id, side, client) VALUES (%s, %s, %s)"
PAUSE_KEPT, PAUSE_FRESH, PAUSE_LOOK, PAUSE_DESCRIBE = 0.05, 0.2, 0.1, 0.5


class Kind(Enum):
    """How a client knows where to write."""

    FOLLOWING = "following"
    STALE = "stale"
    EARLY = "early"


@dataclass(frozen=True)
class Attempt:
    """One write: `sent` just before it was (or before a connection was tried in vain), `ended` just after its answer.

    Both are of the client's monotonic clock. `UNKNOWN` got as far as being sent, and has no answer: it may be committed.
    """

    number: int
    side: str
    kind: Kind
    kept: bool
    sent: float
    ended: float
    fate: Fate


@dataclass(frozen=True)
class Term:
    """Since when, at the earliest, the secret leads to a side: the last look that saw another one had begun."""

    side: str
    since: float


class Session(Protocol):
    """A connection to one side, of whatever engine; what it raises means that the write was not acknowledged."""

    def write(self, number: int, side: str, kind: str) -> None:
        """Commit one row."""

    def refused(self) -> bool:
        """After an error: whether the server said no, so that nothing can have been committed."""

    def cut(self) -> None:
        """Let a write that hangs fail; called from another thread."""

    def close(self) -> None:
        """Drop it."""


class PostgresSession:
    """A connection of psycopg, on which every statement is a transaction."""

    def __init__(self, connection: Connection) -> None:
        """It is closed with the session."""
        self.connection = connection
        self._refused = False

    def write(self, number: int, side: str, kind: str) -> None:
        """Commit one row."""
        try:
            self.connection.execute(INSERT, (number, side, kind))
        except psycopg.Error as error:
            self._refused = error.sqlstate is not None and not self.connection.broken and not self.connection.closed
            raise

    def refused(self) -> bool:
        """Whether the server said no."""
        return self._refused

    def cut(self) -> None:
        """Shut its socket."""
        with suppress(Exception), socket.socket(fileno=os.dup(self.connection.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Drop it."""
        with suppress(Exception):
            self.connection.close()


class MariaDbSession:
    """The same by MySQL's protocol."""

    def __init__(self, connection: MariaDb) -> None:
        """It is closed with the session."""
        self.connection = connection
        self._refused = False

    def write(self, number: int, side: str, kind: str) -> None:
        """Commit one row."""
        try:
            self.connection.execute(INSERT, (number, side, kind))
        except Exception as error:
            self._refused = bool(mariadb.refused(error))
            raise

    def refused(self) -> bool:
        """Whether the server said no."""
        return self._refused

    def cut(self) -> None:
        """Shut its socket."""
        with suppress(Exception), socket.socket(fileno=os.dup(self.connection.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Drop it."""
        self.connection.close()


class CacheSession:
    """The same in a cache."""

    def __init__(self, connection: RedisCache) -> None:
        """It is closed with the session."""
        self.connection = connection
        self._refused = False

    def write(self, number: int, side: str, kind: str) -> None:
        """Write one field."""
        try:
            self.connection.probe(number, side, kind)
        except Refused:
            self._refused = True
            raise

    def refused(self) -> bool:
        """Whether the server said no."""
        return self._refused

    def cut(self) -> None:
        """Shut its socket."""
        with suppress(Exception), socket.socket(fileno=os.dup(self.connection.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Drop it."""
        self.connection.close()


def session_of(connection: Connection | Worded) -> Session:
    """A session on a connection of whatever engine."""
    if isinstance(connection, RedisCache):
        return CacheSession(connection)
    return MariaDbSession(connection) if isinstance(connection, MariaDb) else PostgresSession(connection)


class Record:
    """Every attempt, and where the secret led; safe to read while clients write."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._attempts: list[Attempt] = []
        self._terms: list[Term] = []
        self._lost: dict[str, float] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._clocks = time.time() - time.monotonic()

    def number(self) -> int:
        """The next row's id."""
        with self._lock:
            self._number += 1
            return self._number

    def add(self, attempt: Attempt) -> None:
        """An attempt is over."""
        with self._lock:
            self._attempts.append(attempt)

    def leads(self, side: str, since: float) -> bool:
        """The secret names this side; whether that is news."""
        with self._lock:
            news = not self._terms or self._terms[-1].side != side
            if news:
                self._terms.append(Term(side, since))
            return news

    def lose(self, side: str, before: float) -> None:
        """What was sent to a side before this moment may be gone with its memory."""
        with self._lock:
            self._lost[side] = before

    def lost(self) -> dict[str, float]:
        """The sides that have lost their memory, each with when it was another server at the latest."""
        with self._lock:
            return dict(self._lost)

    def attempts(self) -> list[Attempt]:
        """All of them, in the order of their ends."""
        with self._lock:
            return list(self._attempts)

    def terms(self) -> list[Term]:
        """Where the secret led, in order."""
        with self._lock:
            return list(self._terms)

    def monotonic(self, wall: float) -> float:
        """A moment of the wall clock on the clients' own."""
        return wall - self._clocks

    def wall(self, monotonic: float) -> float:
        """A moment of the clients' clock on the wall."""
        return monotonic + self._clocks


class Contender:
    """One client, with one kind of connection, that writes until it is stopped."""

    def __init__(
        self, record: Record, opens: Callable[[str], Session], place: Callable[[], str], kind: Kind, *, kept: bool
    ) -> None:
        """`place` is asked where to go at each connection."""
        self.record, self.opens, self.place, self.kind, self.kept = record, opens, place, kind, kept
        self._side = ""
        self._session: Session | None = None
        self._deadline = 0.0
        self._gone = threading.Event()

    def leave(self) -> None:
        """Write no more, for good."""
        self._gone.set()

    def work(self, stop: threading.Event) -> None:
        """Write, whatever comes of it."""
        pause = 0.0
        while not stop.wait(pause) and not self._gone.is_set():
            pause = PAUSE_KEPT if self._write() and self.kept else PAUSE_FRESH
        self._close()

    def cut_if_late(self) -> None:
        """End a write that waits for too long: a server that hangs keeps its sockets open."""
        session, deadline = self._session, self._deadline
        if session is not None and deadline and time.monotonic() > deadline:
            session.cut()

    def _write(self) -> bool:
        """One attempt; whether it was acknowledged."""
        number, sent, fate = self.record.number(), time.monotonic(), Fate.FAILED
        try:
            if self._session is None:
                self._side = ""
                self._side = self.place()
                self._session = self.opens(self._side)
            sent, fate = time.monotonic(), Fate.UNKNOWN
            self._deadline = sent + ANSWER_SECONDS
            self._session.write(number, self._side, self.kind.value)
            fate = Fate.ACKNOWLEDGED
        except Exception:  # such a client goes on whatever the library throws
            if self._session is not None and self._session.refused():
                fate = Fate.FAILED
        finally:
            self._deadline = 0.0
        if self._side:
            self.record.add(Attempt(number, self._side, self.kind, self.kept, sent, time.monotonic(), fate))
        if not self.kept or fate is not Fate.ACKNOWLEDGED:
            self._close()
        return fate is Fate.ACKNOWLEDGED

    def _close(self) -> None:
        """Drop the connection."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


class Contenders:
    """All of them: two that follow the secret, two more for each side as soon as it is known."""

    def __init__(
        self,
        opens: Callable[[str], Session],
        leads_to: Callable[[], str],
        shown: Callable[[], Iterable[str]],
    ) -> None:
        """`leads_to` tells where the secret leads, `shown` which sides Describe shows."""
        self.record = Record()
        self.opens, self.leads_to, self.shown = opens, leads_to, shown
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._beset: set[tuple[str, Kind]] = set()
        self._early: dict[str, list[tuple[Contender, threading.Thread]]] = {}
        self._all: list[Contender] = []
        self._threads: list[threading.Thread] = []
        self._began = 0.0

    def start(self) -> None:
        """Begin to write."""
        self._began = time.monotonic()
        self._send_out(self.leads_to, Kind.FOLLOWING)
        for work in (self._watch_secret, self._watch_answers, self._watch_describe):
            self._run(work)

    def stop(self) -> None:
        """Write no more."""
        self._stop.set()
        for thread in list(self._threads):
            thread.join(3 * ANSWER_SECONDS)

    def leave(self, side: str) -> None:
        """Nobody is early there any more: whoever opens that side from now on means it."""
        left = self._early.pop(side, [])
        for contender, _ in left:
            contender.leave()
        for _, thread in left:
            thread.join(3 * ANSWER_SECONDS)

    def _run(self, work: Callable[[], None]) -> threading.Thread:
        """Do something in a thread of its own."""
        thread = threading.Thread(target=work, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()
        return thread

    def _send_out(self, place: Callable[[], str], kind: Kind) -> list[tuple[Contender, threading.Thread]]:
        """Two clients: one that connects for each write, one that keeps its connection."""
        sent = []
        for kept in (False, True):
            contender = Contender(self.record, self.opens, place, kind, kept=kept)
            with self._lock:
                self._all.append(contender)
            sent.append((contender, self._run(partial(contender.work, self._stop))))
        return sent

    def _beset_side(self, side: str, kind: Kind) -> None:
        """Write to this side from now on, whatever becomes of it."""
        if (side, kind) not in self._beset:
            self._beset.add((side, kind))
            sent = self._send_out(lambda: side, kind)
            if kind is Kind.EARLY:
                self._early[side] = sent

    def _watch_secret(self) -> None:
        """See where the secret leads; what it once named, stale clients keep."""
        before = self._began
        while not self._stop.is_set():
            asked = time.monotonic()
            with suppress(Exception):
                side = self.leads_to()
                if self.record.leads(side, before):
                    self._beset_side(side, Kind.STALE)
                before = asked
            self._stop.wait(PAUSE_LOOK)

    def _watch_describe(self) -> None:
        """See which sides Describe shows."""
        while not self._stop.wait(PAUSE_DESCRIBE):
            with suppress(Exception):
                for side in self.shown():
                    self._beset_side(side, Kind.EARLY)

    def _watch_answers(self) -> None:
        """End what hangs."""
        while not self._stop.wait(RETRY_SECONDS):
            with self._lock:
                working = list(self._all)
            for contender in working:
                contender.cut_if_late()
