"""A cache as the demo's clients use it: rows are keys. The little of Redis's protocol (RESP 2) that this needs.

The row 17 is the key `order:17`; its value holds customer, amount, and the moment at which the server wrote it.
With cluster mode each key is asked of the shard that has its slot, and `MOVED` is followed.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import binascii
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
PROBES = "side_probes"
# With cluster mode there are so many of these hashes, so that each shard has some.
PROBE_PARTS = 16
SLOTS = 16384
# How often a command may be sent on: a failover moves it once.
MOST_MOVES = 3
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
        except BaseException:
            plain.close()
            self._handle.close()
            raise

    def wait_for_ever(self) -> None:
        """From now on whoever asks gives up by himself."""
        self._socket.settimeout(None)

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


def slot(name: str) -> int:
    """Where Redis Cluster puts a key: CRC-16 of its name, which has no hash tag here."""
    return binascii.crc_hqx(name.encode(), 0) % SLOTS


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
        self._login = (password, tls)
        # Whoever is asked: the thread that cuts what hangs needs to know.
        self._connection = self._first = self._open((host, port))
        self._shards: dict[tuple[str, int], Connection] = {}
        self._places: list[tuple[int, int, tuple[str, int]]] = []
        try:
            if "cluster_enabled:1" in self._first.ask("INFO", "cluster"):
                self._learn(self._first)
            self._first.wait_for_ever()
        except BaseException:
            self.close()
            raise

    def _open(self, place: tuple[str, int]) -> Connection:
        """A connection to a node."""
        return Connection(socket.create_connection(place, CONNECT_SECONDS), *self._login, place[0])

    def __enter__(self) -> RedisCache:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Drop it."""
        for connection in (self._first, *self._shards.values()):
            connection.close()

    def fileno(self) -> int:
        """The socket of whoever was asked last."""
        return self._connection.fileno()

    @property
    def shards(self) -> int:
        """How many there are; without cluster mode one."""
        return len({place for *_, place in self._places}) or 1

    def run_id(self) -> str:
        """The server process behind the endpoint."""
        told: str = self._first.ask("INFO", "server")
        return next(line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("run_id:"))

    # With cluster mode

    def _learn(self, node: Connection) -> None:
        """Which shard has which slots, by what a node tells clients."""
        ranges = node.ask("CLUSTER", "SLOTS")
        self._places = [(first, last, (host, port)) for first, last, (host, port, *_), *_ in ranges]

    def _use(self, place: tuple[str, int]) -> Connection:
        """The connection to a node."""
        if place not in self._shards:
            self._shards[place] = self._open(place)
            self._shards[place].wait_for_ever()
        self._connection = self._shards[place]
        return self._connection

    def _place(self, name: str) -> tuple[str, int]:
        """The node that has a key."""
        wanted = slot(name)
        found = [place for first, last, place in self._places if first <= wanted <= last]
        if not found:
            raise ConnectionError(f"no shard has the slot {wanted}")
        return found[0]

    def _nodes(self) -> list[Connection]:
        """Every primary."""
        return [self._use(place) for place in dict.fromkeys(place for *_, place in self._places)] or [self._first]

    def _ask(self, name: str, *words: str | bytes | int) -> Reply:
        """A command about one key, wherever that is."""
        if not self._places:
            return self._first.ask(*words)
        place = self._place(name)
        for _ in range(MOST_MOVES):
            try:
                return self._use(place).ask(*words)
            except Refused as error:
                moved = str(error).split()
                if moved[0] != "MOVED":
                    raise
                host, _, port = moved[2].rpartition(":")
                place = (host, int(port))
                self._learn(self._use(place))
        raise ConnectionError(f"sent on {MOST_MOVES} times")

    def _ask_all(self, commands: Iterable[tuple[str, Sequence[str | bytes | int]]]) -> Iterator[Reply]:
        """Many commands about one key each; the answers are in no order."""
        by_node: dict[tuple[str, int], list[Sequence[str | bytes | int]]] = {}
        for name, words in commands:
            by_node.setdefault(self._place(name), []).append(words)
        for place, asked in by_node.items():
            yield from self._use(place).ask_all(asked)

    # Rows

    def fill(self, rows: int) -> dict[int, str]:
        """The first rows; their hashes."""
        if self._places:
            seconds, micros = self._first.ask("TIME")
            at = f"{seconds}{int(micros):06d}"
            values = ((number, f"customer-{number % 1000:04d}|{number % 9973 + 0.75:.2f}|{at}") for number in range(1, rows + 1))
            for _ in self._ask_all((key(number), ("SET", key(number), value)) for number, value in values):
                pass
            return self.hashes()
        for first in range(1, rows + 1, BATCH):
            self._connection.ask("EVAL", SEED, 0, first, min(first + BATCH - 1, rows))
        return self.hashes()

    def _numbers(self) -> Iterator[int]:
        """The row of every key; a scan may tell one twice."""
        seen: set[int] = set()
        for node in self._nodes():
            for name in scanned(node, "order:*"):
                number = int(name.partition(":")[2])
                if number not in seen:
                    seen.add(number)
                    yield number

    def _values(self, wanted: Iterable[int]) -> Iterator[tuple[int, str]]:
        """What is there of these rows."""
        if self._places:
            script = "return {ARGV[1], redis.call('GET', KEYS[1])}"
            commands = ((key(number), ("EVAL", script, 1, key(number), number)) for number in wanted)
            yield from ((int(reply[0]), reply[1]) for reply in self._ask_all(commands) if len(reply) > 1 and reply[1] is not None)
            return
        waiting = iter(wanted)
        while batch := list(islice(waiting, BATCH)):
            values = self._connection.ask("MGET", *map(key, batch))
            yield from ((number, value) for number, value in zip(batch, values, strict=True) if value is not None)

    def hashes(self) -> dict[int, str]:
        """The hash of every row."""
        return {number: _digest(number, value) for number, value in self._values(list(self._numbers()))}

    def insert(self, row: Row) -> tuple[datetime, str]:
        """Write a row; when the server made it, and its hash."""
        value = self._ask(key(row.id), "EVAL", WRITE, 1, key(row.id), f"{row.customer}|{row.amount}")
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
        seconds, micros = self._first.ask("TIME")
        if statement.startswith("DELETE"):
            commands = [("UNLINK", key(number)) for number in numbers]
        else:
            commands = [("SET", key(number), "overwritten|-1|0") for number in numbers]
        asked = ((str(words[1]), words) for words in commands)
        for _ in self._ask_all(asked) if self._places else self._first.ask_all(commands):
            pass
        return numbers, _time(f"{seconds}{int(micros):06d}")

    def probe(self, number: int, side: str, client: str) -> None:
        """A contender's write."""
        name = f"{PROBES}:{side}:{number % PROBE_PARTS}" if self._places else f"{PROBES}:{side}"
        self._ask(name, "EVAL", PROBE, 1, name, number, client)


def scanned(node: Connection, pattern: str) -> Iterator[str]:
    """The names of a node's keys; a scan may tell one twice."""
    cursor = "0"
    while True:
        cursor, names = node.ask("SCAN", cursor, "MATCH", pattern, "COUNT", BATCH)
        yield from names
        if cursor == "0":
            return


def _probes(inside: Connection, side: str) -> dict[int, float]:
    """The contenders' writes to a side that a server has."""
    found: dict[int, float] = {}
    for name in set(scanned(inside, f"{PROBES}:{side}*")):
        rows = inside.ask("HGETALL", name)
        pairs = zip(rows[::2], rows[1::2], strict=True)
        found |= {int(number): int(value.partition("|")[0]) / 1e6 for number, value in pairs}
    return found


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
                return _probes(inside, side)
            finally:
                inside.close()
    return None


def refused(error: Exception) -> bool | None:
    """Whether the server surely did not do what was asked; None if the error is not of this module."""
    return True if isinstance(error, Refused) else None

