"""The local cloud's back door: what a server itself has committed, read past its security group, as no client can."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

# Of the engine's superuser, whom the estate lets in at the server's own socket.
ADMIN = "rdsadmin"
COMMITTED = "SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM public.side_probes WHERE side = %s"
IN_RECOVERY = "SELECT pg_is_in_recovery()"


def committed(server: Path, database: str, side: str) -> dict[int, float] | None:
    """The contenders' rows that a server took as `side`: number and time of the commit. None where no server runs.

    `server` is its directory in the estate. A standby does not count: it takes nothing.
    """
    for lock in sorted(server.glob("data*/postmaster.pid")):
        try:
            # Its lines: process, data directory, start time, port, directory of the socket, ...
            port, socket = lock.read_text().splitlines()[3:5]
            with psycopg.connect(host=socket, port=int(port), user=ADMIN, dbname=database, connect_timeout=2) as door:
                found = door.execute(IN_RECOVERY).fetchone()
                if found == (False,):
                    return {int(number): float(at) for number, at in door.execute(COMMITTED, (side,)).fetchall()}
        except (psycopg.OperationalError, OSError, ValueError):
            continue  # it is dead, or just starts or ends
    return None


@contextmanager
def door(server: Path, database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of the superuser to a primary, for what happens to its data behind everybody's back."""
    [lock] = server.glob("data*/postmaster.pid")
    port, socket = lock.read_text().splitlines()[3:5]
    with psycopg.connect(host=socket, port=int(port), user=ADMIN, dbname=database, connect_timeout=2) as inside:
        yield inside


def directory(root: Path, instances: Iterable[Mapping[str, object]], side: str) -> Path | None:
    """Where an estate with this root keeps the server at a side (`host:port`); None where no instance has that address."""
    for item in instances:
        place = item.get("Endpoint")
        if isinstance(place, Mapping) and f"{place['Address']}:{place['Port']}" == side:
            return root / "engine" / "servers" / str(item["DbiResourceId"])
    return None
