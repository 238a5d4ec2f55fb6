"""An ordinary application: reads its secret, connects with verified TLS, and keeps writing orders."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import psycopg

import mariadb
import rediscache
from journal import Fate, Journal, Row
from mariadb import MariaDb
from rediscache import RedisCache

Connection = psycopg.Connection[tuple[Any, ...]]
# What has words of its own for the rows.
Worded: TypeAlias = MariaDb | RedisCache
Answer = TypeVar("Answer")

TABLE = """
CREATE TABLE public.orders (
    id bigint PRIMARY KEY,
    customer text NOT NULL,
    amount numeric NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
)"""
SEED = """
INSERT INTO public.orders (id, customer, amount)
SELECT n, 'customer-' || lpad((n %% 1000)::text, 4, '0'), (n %% 9973) + 0.75 FROM generate_series(1, %s) AS n"""
HASHES = "COPY (SELECT id, md5(orders::text) FROM public.orders) TO STDOUT"
INSERT = """
INSERT INTO public.orders (id, customer, amount) VALUES (%s, %s, %s)
RETURNING created_at, md5(orders::text), pg_current_xact_id()::xid"""
COMMIT_TIME = "SELECT pg_xact_commit_timestamp(%s::text::xid)"
# A server that hangs keeps its sockets open: whoever waits must give up by himself.
ANSWER_SECONDS = 2.0
PAUSE_SECONDS = 0.02
RETRY_SECONDS = 0.2
# Of several shards one may be down, and most rows be written all the same: so many in a row are written where all are well.
STEADY_ROWS = 20


class Secret:
    """The secret that clients read."""

    def __init__(self, client: Any, name: str, ca: Path) -> None:
        """`client` is a boto3 client of Secrets Manager; `ca` is what certificates are checked against."""
        self.client, self.name, self.ca = client, name, ca

    def read(self) -> dict[str, Any]:
        """Its fields today."""
        fields: dict[str, Any] = json.loads(self.client.get_secret_value(SecretId=self.name)["SecretString"])
        return fields

    def side(self) -> str:
        """Where clients go today, `host:port`."""
        fields = self.read()
        return f"{fields['host']}:{fields['port']}"

    def connect(self, side: str | None = None, password: str | None = None) -> Connection | Worded:
        """A new connection to where the secret leads, or to another side with the same login."""
        fields = self.read()
        host, _, port = (side or f"{fields['host']}:{fields['port']}").rpartition(":")
        if fields["engine"] == "mariadb":
            return MariaDb(fields, host, int(port), password or fields["password"], self.ca)
        if fields["engine"] in ("valkey", "redis"):
            return RedisCache(fields, host, int(port), password or fields["password"], self.ca)
        return psycopg.connect(
            host=host,
            port=int(port),
            dbname=fields["dbname"],
            user=fields["username"],
            password=password or fields["password"],
            sslmode="verify-full",
            sslrootcert=str(self.ca),
            connect_timeout=2,
            options="-c timezone=UTC -c datestyle=ISO",
            application_name="orders",
            autocommit=True,
        )


def hashes(connection: Connection | Worded) -> dict[int, str]:
    """The hash of every row."""
    if not isinstance(connection, psycopg.Connection):
        return connection.hashes()
    found: dict[int, str] = {}
    with connection.cursor() as cursor, cursor.copy(HASHES) as copy:
        for identifier, digest in copy.rows():
            found[int(identifier)] = str(digest)
    return found


def fill(connection: Connection | Worded, rows: int) -> dict[int, str]:
    """Make the table with its first rows; their hashes."""
    if isinstance(connection, Worded):
        return connection.fill(rows)
    connection.execute(TABLE)
    connection.execute(SEED, (rows,))
    return hashes(connection)


class Writer:
    """Keeps writing until it is stopped; never gives up, never sends a row twice."""

    def __init__(self, secret: Secret, journal: Journal) -> None:
        """Nothing is written before `start`."""
        self.secret, self.journal = secret, journal
        self.told: list[tuple[float, str]] = []
        self._stop = threading.Event()
        self._writing = threading.Lock()
        self._deadline = 0.0
        self._connection: Connection | Worded | None = None
        self._well: bool | None = None
        self._streak: list[float] = []
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write_on, self._watch)]

    def start(self) -> None:
        """Begin to write."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Write no more."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(3 * ANSWER_SECONDS)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Write nothing meanwhile: no row is half way."""
        with self._writing:
            yield

    def wait_for(self, rows: int, seconds: float, *, side: str | None = None, since: float = 0.0) -> list[Row]:
        """Wait until so many rows were acknowledged."""
        deadline = time.monotonic() + seconds
        while len(found := self.journal.acknowledged(since=since, side=side)) < rows:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the client wrote only {len(found)} of {rows} rows within {seconds:g} s")
            time.sleep(0.05)
        return found

    def read_back(self, rows: Iterable[Row]) -> int:
        """How many of these rows a new connection through the secret finds as they were acknowledged."""
        wanted = {row.id: row.hash for row in rows}
        with self.secret.connect() as connection:
            if not isinstance(connection, psycopg.Connection):
                found = connection.find(wanted)
            else:
                found = connection.execute(
                    "SELECT id, md5(orders::text) FROM public.orders WHERE id = ANY(%s)", (list(wanted),)
                ).fetchall()
        return sum(wanted[identifier] == digest for identifier, digest in found)

    # The thread that writes

    def _write_on(self) -> None:
        """Connect, write, and connect again when that fails."""
        while not self._stop.is_set():
            try:
                side = self.secret.side()
                self._connection = self.secret.connect(side)
                while not self._stop.wait(PAUSE_SECONDS):
                    with self._writing:
                        self._write(side)
            except Exception as error:  # an application goes on whatever the library throws
                self._tell(False, str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
                self._stop.wait(RETRY_SECONDS)
            finally:
                self._close()

    def _close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
            self._connection = None

    def _write(self, side: str) -> None:
        """One row: sent, then acknowledged, refused, or left unknown."""
        connection = self._connection
        assert connection is not None
        row = self.journal.send(side)
        if isinstance(connection, Worded):
            return self._write_worded(connection, row, side)
        try:
            answer = self._bounded(lambda: connection.execute(INSERT, (row.id, row.customer, row.amount)).fetchone())
        except psycopg.Error as error:
            refused = error.sqlstate is not None and not connection.broken and not connection.closed
            self.journal.give_up(row, Fate.FAILED if refused else Fate.UNKNOWN)
            raise
        assert answer is not None
        self.journal.acknowledge(row, answer[0], answer[1])
        self._tell(True, f"writes to {side}")
        committed = self._bounded(lambda: connection.execute(COMMIT_TIME, (str(answer[2]),)).fetchone())
        row.committed_at = committed[0] if committed else None

    def _write_worded(self, connection: Worded, row: Row, side: str) -> None:
        """The same of another engine; its server does not tell when it committed."""
        try:
            created_at, digest = self._bounded(lambda: connection.insert(row))
        except Exception as error:
            self.journal.give_up(row, Fate.FAILED if mariadb.refused(error) or rediscache.refused(error) else Fate.UNKNOWN)
            raise
        self.journal.acknowledge(row, created_at, digest)
        self._streak.append(time.time())
        if isinstance(connection, MariaDb) or connection.shards == 1 or len(self._streak) >= STEADY_ROWS:
            self._tell(True, f"writes to {side}", self._streak[0])

    def _tell(self, well: bool, text: str, since: float | None = None) -> None:
        """Note when it begins to fail, and since when it is well again."""
        if well != self._well:
            self._well = well
            self.told.append((since or time.time(), text if well else f"cannot write: {text}"))
        self._streak.clear()

    # The thread that cuts what hangs

    def _bounded(self, work: Callable[[], Answer]) -> Answer:
        """Do something that must answer in time."""
        self._deadline = time.monotonic() + ANSWER_SECONDS
        try:
            return work()
        finally:
            self._deadline = 0.0

    def _watch(self) -> None:
        """Shut the socket of a connection that does not answer."""
        while not self._stop.wait(0.1):
            connection, deadline = self._connection, self._deadline
            if connection is not None and deadline and time.monotonic() > deadline:
                with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as copy:
                    copy.shutdown(socket.SHUT_RDWR)
