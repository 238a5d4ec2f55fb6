"""How long a Lambda takes to be ready, to answer, and what memory it holds: ours, and a Python one of the kind that peers are.

Both speak to the same Runtime API on this machine, by turns, so that noise meets both: read the ratios, not the times.
What is measured is `detect` with an event that it leaves alone, so that no call to AWS is in it.
"""

from __future__ import annotations

import http.server
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent.parent
ROUNDS = 9
ANSWERS = 200
EVENT = {
    "version": "0", "id": "e", "source": "aws.health", "detail-type": "AWS Health Event", "account": "123456789012",
    "region": "eu-central-1", "time": "2026-01-15T10:35:00Z", "resources": [], "detail": {},
}  # fmt: skip


class RuntimeApi(http.server.ThreadingHTTPServer):
    """The Runtime API for one function."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.polls: queue.Queue[float] = queue.Queue()
        self.events: queue.Queue[bytes] = queue.Queue()
        self.replies: queue.Queue[tuple[float, bytes]] = queue.Queue()

    def handle_error(self, *_: Any) -> None:
        """A function that is ended in the midst of a poll is no error."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: RuntimeApi

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """Send it whole."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:  # noqa: N802
        """The next event."""
        self.server.polls.put(time.perf_counter())
        deadline = str(int(time.time() * 1000) + 60_000)
        arn = "arn:aws:lambda:eu-central-1:123456789012:function:bench"
        named = {"Lambda_Runtime_Aws_Request_Id": "r", "Lambda_Runtime_Deadline_Ms": deadline, "Lambda_Runtime_Invoked_Function_Arn": arn}
        self.answer(200, self.server.events.get(), **named)

    def do_POST(self) -> None:  # noqa: N802
        """An answer, or an error."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.replies.put((time.perf_counter(), body if self.path.endswith("/response") else b"error: " + body))
        self.answer(202, b"{}")


@dataclass
class Measured:
    """One start of one function: seconds, and mebibytes."""

    ready: float
    answer: float
    memory: float


def measure(command: list[str], environment: dict[str, str]) -> Measured:
    """Start it, wait until it asks for work, give it some, look at its memory, end it."""
    api = RuntimeApi()
    threading.Thread(target=api.serve_forever, daemon=True).start()
    environment = {**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_address[1]}"}
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            ready = api.polls.get(timeout=30) - began
            took = [answer(api) for _ in range(ANSWERS)]
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
        finally:
            process.kill()
            api.shutdown()
            api.server_close()
    return Measured(ready, statistics.median(took[ANSWERS // 4 :]), int(peak) / 1024)


def answer(api: RuntimeApi) -> float:
    """How long one invocation takes."""
    began = time.perf_counter()
    api.events.put(json.dumps(EVENT).encode())
    ended, body = api.replies.get(timeout=30)
    if b'"reason"' not in body:
        raise SystemExit(f"bench: not an answer: {body!r}")
    return ended - began


def build() -> Path:
    """The function as it is shipped."""
    subprocess.run(["cargo", "build", "--quiet", "--profile", "dist", "-p", "lifeboat-detect", "--bins"], cwd=REPO, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target")).resolve() / "dist" / "detect"


def main() -> None:
    """Measure by turns and print the table."""
    binary = build()
    base = {"PATH": os.environ["PATH"], "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}
    base |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_LAMBDA_FUNCTION_NAME": "bench"}
    base |= {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_LOG_GROUP_NAME": "bench"}
    base |= {"AWS_LAMBDA_LOG_STREAM_NAME": "bench", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
    ours = {**base, "LIFEBOAT_TABLE": "t", "LIFEBOAT_BUCKET": "b", "LIFEBOAT_HOME_REGION": "eu-central-1", "LIFEBOAT_STEPS": "event"}
    ours |= {"LIFEBOAT_POLICIES": str(REPO / "infra" / "policies.yaml")}
    ours |= {"LIFEBOAT_RECOVERY_MACHINE": "arn:aws:states:eu-central-1:123456789012:stateMachine:lifeboat-recovery"}
    kinds = {
        "lifeboat detect": ([str(binary)], ours),
        "python + boto3": ([sys.executable, str(Path(__file__).with_name("peer.py"))], base),
    }
    found: dict[str, list[Measured]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, (command, environment) in kinds.items():
            found[name].append(measure(command, environment))
    medians = {
        name: [statistics.median(getattr(one, field) for one in all_of_it) for field in ("ready", "answer", "memory")]
        for name, all_of_it in found.items()
    }
    rows = [("cold start, until it asks for work", "ms", 1000.0), ("warm answer", "ms", 1000.0), ("peak memory", "MiB", 1.0)]
    print(f"\nmedians of {ROUNDS} starts by turns, {ANSWERS} answers each\n")
    print(f"{'':36}{'lifeboat detect':>18}{'python + boto3':>18}{'ratio':>10}")
    for place, (what, unit, scale) in enumerate(rows):
        one, other = (medians[name][place] * scale for name in kinds)
        print(f"{what:36}{f'{one:.1f} {unit}':>18}{f'{other:.1f} {unit}':>18}{f'1 : {other / one:.1f}':>10}")


if __name__ == "__main__":
    main()
