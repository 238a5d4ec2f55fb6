"""A connection that speaks MySQL, with the statements of the demo's client for a MariaDB server.

It looks like one of psycopg as far as the demo uses that: `execute` answers a cursor, and leaving it closes it.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from journal import Row

TABLE = """
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer varchar(40) NOT NULL,
    amount decimal(12,2) NOT NULL,
    created_at timestamp(6) NOT NULL DEFAULT current_timestamp(6)
)"""
SEED = """
INSERT INTO orders (id, customer, amount)
SELECT seq, CONCAT('customer-', LPAD(seq MOD 1000, 4, '0')), (seq MOD 9973) + 0.75 FROM seq_1_to_{rows:d}"""
# The contenders' table; its times are of the server's clock, in seconds.
PROBES = """
CREATE TABLE side_probes (
    id bigint PRIMARY KEY,
    side varchar(60) NOT NULL,
    client varchar(20) NOT NULL,
    written_at timestamp(6) NOT NULL DEFAULT current_timestamp(6)
)"""
COMMITTED = "SELECT id, UNIX_TIMESTAMP(written_at) FROM side_probes WHERE side = %s"
HASH = "MD5(CONCAT_WS('|', id, customer, amount, created_at))"
INSERT = f"INSERT INTO orders (id, customer, amount) VALUES (%s, %s, %s) RETURNING created_at, {HASH}"
# MariaDB returns what an UPDATE touched in no version that RDS offers: the rows are locked and read before.
SELECT_BEFORE = "SELECT id FROM orders WHERE {condition} ORDER BY id FOR UPDATE"
CONNECT_SECONDS = 2.0
# Errors of the server that say nothing of the commit: shutdown, interrupted, killed, failed in the commit itself.
UNSURE = (1053, 1180, 1317, 1927)


class MariaDb:
    """One connection, in UTC, each statement its own transaction."""

    def __init__(self, fields: dict[str, Any], host: str, port: int, password: str, ca: Path) -> None:
        """Connect with verified TLS; `fields` are those of the secret."""
        plain = socket.create_connection((host, port), CONNECT_SECONDS)
        # TLS takes the socket over; whoever wants to cut the connection needs a handle of his own.
        self._handle = plain.dup()
        self._connection = pymysql.Connection(
            host=host,
            port=port,
            user=fields["username"],
            password=password,
            database=fields["dbname"],
            ssl_ca=str(ca),
            ssl_verify_cert=True,
            ssl_verify_identity=True,
            connect_timeout=CONNECT_SECONDS,
            autocommit=True,
            init_command="SET time_zone = '+00:00'",
            program_name="orders",
            defer_connect=True,
        )
        # The library waits for ever for a server that says nothing.
        giving_up = threading.Timer(CONNECT_SECONDS, self._cut)
        giving_up.daemon = True
        giving_up.start()
        try:
            plain.settimeout(None)
            self._connection.connect(plain)
        except BaseException:
            plain.close()
            self.close()
            raise
        finally:
            giving_up.cancel()

    def _cut(self) -> None:
        """Let whoever waits for the server fail."""
        with suppress(OSError):
            self._handle.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> MariaDb:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Drop it."""
        with suppress(Exception):
            self._connection.close()
        self._handle.close()

    def fileno(self) -> int:
        """The socket."""
        return self._handle.fileno()

    def execute(self, statement: str | bytes, values: Sequence[Any] | None = None) -> Cursor:
        """Run one statement; `public` is this database."""
        text = statement.decode() if isinstance(statement, bytes) else statement
        cursor: Cursor = self._connection.cursor()
        cursor.execute(text.replace("public.", ""), values)
        return cursor

    def fill(self, rows: int) -> dict[int, str]:
        """Make the table with its first rows; their hashes."""
        self.execute(TABLE)
        self.execute(PROBES)
        self.execute(SEED.format(rows=rows))
        return self.hashes()

    def hashes(self) -> dict[int, str]:
        """The hash of every row."""
        return {identifier: digest for identifier, digest in self.execute(f"SELECT id, {HASH} FROM orders").fetchall()}

    def insert(self, row: Row) -> tuple[datetime, str]:
        """Write a row; when the server made it, and its hash."""
        answer = self.execute(INSERT, (row.id, row.customer, row.amount)).fetchone()
        assert answer is not None
        return answer[0].replace(tzinfo=timezone.utc), answer[1]

    def find(self, wanted: Iterable[int]) -> list[tuple[int, str]]:
        """The hashes of these rows, as far as they are there."""
        return list(self.execute(f"SELECT id, {HASH} FROM orders WHERE id IN %s", (list(wanted),)).fetchall())

    def contents(self, wanted: Iterable[int]) -> list[tuple[int, str, str]]:
        """Customer and amount of these rows, as far as they are there."""
        sql = "SELECT id, customer, CAST(amount AS CHAR) FROM orders WHERE id IN %s"
        return list(self.execute(sql, (list(wanted),)).fetchall())

    def change(self, statement: str) -> tuple[list[int], datetime]:
        """Run an UPDATE or DELETE that ends with RETURNING id: the ids, and a moment right before its commit began.

        The binary log tells when a commit began, and to that moment a recovery is exact.
        """
        bare, returning, _ = statement.partition(" RETURNING id")
        _, where, condition = bare.partition(" WHERE ")
        if not returning or not where:
            raise ValueError(f"an UPDATE or DELETE with WHERE and RETURNING id, please: {statement}")
        self._connection.begin()
        touched = [row[0] for row in self.execute(SELECT_BEFORE.format(condition=condition)).fetchall()]
        self.execute(bare)
        now = self.execute("SELECT UTC_TIMESTAMP(6)").fetchone()
        self._connection.commit()
        assert now is not None
        return touched, now[0].replace(tzinfo=timezone.utc)


def committed(server: Path, database: str, side: str) -> dict[int, float] | None:
    """See back_door.committed: as the administrator, at the server's own socket; each write's time is when it began."""
    for options in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError, pymysql.MySQLError):
            words = options.read_text().split("\0")
            if not any(word.startswith(f"--datadir={server}/") for word in words):
                continue
            [place] = [word.removeprefix("--socket=") for word in words if word.startswith("--socket=")]
            door = pymysql.connect(unix_socket=place, user="rdsadmin", database=database, read_timeout=2)
            with door, door.cursor() as cursor:
                cursor.execute(COMMITTED, (side,))
                return {int(number): float(at) for number, at in cursor.fetchall()}
    return None


def refused(error: Exception) -> bool | None:
    """Whether the server surely did not do what was asked; None if the error is not of this library."""
    if not isinstance(error, pymysql.MySQLError):
        return None
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    return 1000 <= number < 2000 and number not in UNSURE
