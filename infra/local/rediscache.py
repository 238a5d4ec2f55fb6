"""A cache as the demo's clients use it: rows are keys. The little of Redis's protocol (RESP 2) that this needs.

The row 17 is the key `order:17`; its value holds customer, amount, and the moment at which the server wrote it.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from journal import Row

CONNECT_SECONDS = 2.0
# However many commands go out before their answers are read.
BATCH = 5_000
# Redis runs a script whole, and as one change for its replicas; its clock is the server's.
WRITE = """
local now = redis.call('TIME')
local value = ARGV[1] .. '|' .. now[1] .. string.format('%06d', now[2])
redis.call('SET', KEYS[1], value)
return value"""
SEED = """
local now = redis.call('TIME')
local at = now[1] .. string.format('%06d', now[2])
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  redis.call('SET', 'order:' .. n, string.format('customer-%04d|%.2f|%s', n % 1000, n % 9973 + 0.75, at))
end"""
# The contenders' rows: one hash for each side, by number, with the server's time.
PROBE = """
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], now[1] .. string.format('%06d', now[2]) .. '|' .. ARGV[2])"""
# Of the statements that scenarios run: `id BETWEEN 1 AND 3 OR id BETWEEN 7 AND 8`, `id % 10 = 3`.
RANGE = re.compile(r"id BETWEEN (\d+) AND (\d+)")
MODULO = re.compile(r"id % (\d+) = (\d+)")

Reply: TypeAlias = Any


class Refused(Exception):
    """The server answered with an error: it did nothing."""


def _encoded(words: Sequence[str | bytes | int]) -> bytes:
    """A command."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Connection:
    """One connection, over TCP with verified TLS, or to a server's own socket."""

    def __init__(self, plain: socket.socket, token: str, tls: ssl.SSLContext | None, host: str = "") -> None:
        """Takes the socket over and logs in; whoever does not answer in time is given up."""
        plain.settimeout(CONNECT_SECONDS)
        # TLS takes the socket over; whoever wants to cut the connection needs a handle of his own.
        self._handle = plain.dup()
        try:
            self._socket = tls.wrap_socket(plain, server_hostname=host) if tls else plain
            self._file = self._socket.makefile("rb")
            if token:
                self.ask("AUTH", token)
            self._socket.settimeout(None)
        except BaseException:
            plain.close()
            self._handle.close()
            raise

    def fileno(self) -> int:
        """The socket."""
        return self._handle.fileno()

    def close(self) -> None:
        """Drop it."""
        with suppress(OSError):
            self._socket.close()
        self._handle.close()

    def ask(self, *words: str | bytes | int) -> Reply:
        """One command."""
        self._socket.sendall(_encoded(words))
        return self._reply()

    def ask_all(self, commands: Iterable[Sequence[str | bytes | int]]) -> Iterator[Reply]:
        """Many commands, whose answers are waited for together."""
        waiting = iter(commands)
        while batch := list(islice(waiting, BATCH)):
            self._socket.sendall(b"".join(map(_encoded, batch)))
            for _ in batch:
                yield self._reply()

    def _reply(self) -> Reply:
        """The next answer."""
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server hung up")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2].decode()
        return [self._reply() for _ in range(int(rest))]


def key(number: int) -> str:
    """Where a row lies."""
    return f"order:{number}"


def _digest(number: int, value: str) -> str:
    """The hash of a row."""
    return hashlib.md5(f"{number}|{value}".encode(), usedforsecurity=False).hexdigest()


def _time(micros: str) -> datetime:
    """A moment of the server's clock."""
    return datetime.fromtimestamp(int(micros) / 1e6, timezone.utc)


def touched(statement: str, rows: Iterable[int]) -> list[int]:
    """The rows that a statement is about, by its condition."""
    ranges = [(int(first), int(last)) for first, last in RANGE.findall(statement)]
    modulo = [(int(by), int(rest)) for by, rest in MODULO.findall(statement)]
    if not ranges and not modulo:
        raise ValueError(f"a statement with a condition on id, please: {statement}")
    return [
        number
        for number in rows
        if any(first <= number <= last for first, last in ranges) or any(number % by == rest for by, rest in modulo)
    ]


class RedisCache:
    """The rows in a cache, by the same words as those in a database."""

    def __init__(self, fields: dict[str, Any], host: str, port: int, password: str, ca: Path) -> None:
        """Connect with verified TLS; `fields` are those of the secret."""
        del fields
        tls = ssl.create_default_context(cafile=str(ca))
        self._connection = Connection(socket.create_connection((host, port), CONNECT_SECONDS), password, tls, host)

    def __enter__(self) -> RedisCache:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Drop it."""
        self._connection.close()

    def fileno(self) -> int:
        """The socket."""
        return self._connection.fileno()

    def fill(self, rows: int) -> dict[int, str]:
        """The first rows; their hashes."""
        for first in range(1, rows + 1, BATCH):
            self._connection.ask("EVAL", SEED, 0, first, min(first + BATCH - 1, rows))
        return self.hashes()

    def _numbers(self) -> Iterator[int]:
        """The row of every key; a scan may tell one twice."""
        seen, cursor = set(), "0"
        while True:
            cursor, keys = self._connection.ask("SCAN", cursor, "MATCH", "order:*", "COUNT", BATCH)
            fresh = {int(name.partition(":")[2]) for name in keys} - seen
            seen |= fresh
            yield from fresh
            if cursor == "0":
                return

    def _values(self, wanted: Iterable[int]) -> Iterator[tuple[int, str]]:
        """What is there of these rows."""
        waiting = iter(wanted)
        while batch := list(islice(waiting, BATCH)):
            values = self._connection.ask("MGET", *map(key, batch))
            yield from ((number, value) for number, value in zip(batch, values, strict=True) if value is not None)

    def hashes(self) -> dict[int, str]:
        """The hash of every row."""
        return {number: _digest(number, value) for number, value in self._values(list(self._numbers()))}

    def insert(self, row: Row) -> tuple[datetime, str]:
        """Write a row; when the server made it, and its hash."""
        value = self._connection.ask("EVAL", WRITE, 1, key(row.id), f"{row.customer}|{row.amount}")
        return _time(value.rpartition("|")[2]), _digest(row.id, value)

    def find(self, wanted: Iterable[int]) -> list[tuple[int, str]]:
        """The hashes of these rows, as far as they are there."""
        return [(number, _digest(number, value)) for number, value in self._values(wanted)]

    def contents(self, wanted: Iterable[int]) -> list[tuple[int, str, str]]:
        """Customer and amount of these rows, as far as they are there."""
        split = [(number, value.split("|")) for number, value in self._values(wanted)]
        return [(number, parts[0], parts[1]) for number, parts in split]

    def change(self, statement: str) -> tuple[list[int], datetime]:
        """What a bad job does: deletes the keys of these rows, or overwrites them; the rows, and a moment right before."""
        numbers = touched(statement, sorted(self._numbers()))
        seconds, micros = self._connection.ask("TIME")
        if statement.startswith("DELETE"):
            commands = [("UNLINK", key(number)) for number in numbers]
        else:
            commands = [("SET", key(number), "overwritten|-1|0") for number in numbers]
        for _ in self._connection.ask_all(commands):
            pass
        return numbers, _time(f"{seconds}{int(micros):06d}")

    def probe(self, number: int, side: str, client: str) -> None:
        """A contender's write."""
        self._connection.ask("EVAL", PROBE, 1, f"side_probes:{side}", number, client)


def committed(server: Path, token: str, side: str) -> dict[int, float] | None:
    """What a server took from contenders, by its own account, at its own socket; None where no server runs, or a replica."""
    for conf in sorted(server.glob("data*.conf")):
        with suppress(OSError, Refused, ValueError):
            lines = dict(line.partition(" ")[::2] for line in conf.read_text().splitlines())
            plain = socket.socket(socket.AF_UNIX)
            plain.settimeout(CONNECT_SECONDS)
            plain.connect(lines["unixsocket"])
            inside = Connection(plain, token, None)
            try:
                if inside.ask("ROLE")[0] != "master":
                    continue
                rows = inside.ask("HGETALL", f"side_probes:{side}")
            finally:
                inside.close()
            return {
                int(number): int(value.partition("|")[0]) / 1e6 for number, value in zip(rows[::2], rows[1::2], strict=True)
            }
    return None


def refused(error: Exception) -> bool | None:
    """Whether the server surely did not do what was asked; None if the error is not of this module."""
    return True if isinstance(error, Refused) else None

