"""Child processes that never outlive us: free ports, clean environments, sure ends."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PREFIX = "lifeboat-cloud-"
OWNER = "owner.pid"
_libc = ctypes.CDLL(None, use_errno=True)


class StartError(RuntimeError):
    """A process ended, or stayed silent, before it was ready."""


def reserve_port() -> socket.socket:
    """A free port of 127.0.0.1, ours while the socket stays open: bound, never listening.

    Servers set SO_REUSEADDR as this does, so they may listen on it; nobody else is given it.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


def listening(port: int) -> bool:
    """Whether a server accepts connections on a port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment with nothing of ours in it, no credentials and no proxies."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", **more}


def die_with(parent: int) -> Callable[[], None]:
    """What a child does before exec: ask the kernel for SIGTERM when its parent is gone."""

    def before_exec() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


class Process:
    """A child in a process group of its own, with its output in a log file.

    The kernel ends it when the *thread* that started it ends: start it from a thread that stays.
    """

    def __init__(self, name: str, command: Sequence[str | Path], environment: dict[str, str], log: Path) -> None:
        """Start it."""
        self.name, self.log = name, log
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                env=environment,
                cwd=environment["HOME"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with(os.getpid()),
            )

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until it is ready; raise with the end of its log if it ends or stays silent."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.child.poll() is not None:
                raise StartError(f"{self.name} ended with status {self.child.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} was not ready within {seconds:g} s:\n{self.tail()}")
            time.sleep(0.02)

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def ask_to_stop(self) -> None:
        """Send SIGTERM to it alone: it ends its own children."""
        if self.child.poll() is None:
            self.child.terminate()

    def end(self, seconds: float) -> None:
        """Wait a moment for its end, then kill whatever is left of its group."""
        with suppress(subprocess.TimeoutExpired):
            self.child.wait(seconds)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()


def make_directory() -> Path:
    """A temp directory of our own; others may pass through it, since PostgreSQL runs as another user."""
    _sweep_abandoned()
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    directory.chmod(0o711)
    (directory / OWNER).write_text(str(os.getpid()))
    return directory


def _sweep_abandoned() -> None:
    """Remove the directories of owners that were killed before they could."""
    for owner in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{OWNER}"):
        try:
            os.kill(int(owner.read_text()), 0)
        except ProcessLookupError:
            shutil.rmtree(owner.parent, ignore_errors=True)
        except (OSError, ValueError):
            continue
