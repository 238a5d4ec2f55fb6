"""The local cloud: moto, the estate and ministack on this machine, as one context manager.

    with Cloud(estate=Path("target/debug/estate")) as cloud:
        outputs = cloud.deploy(Path("infra/template.yaml"), Path("target/debug"))
        cloud.client("stepfunctions").start_execution(stateMachineArn=outputs["RecoveryMachine"])

Whatever happens, leaving it ends every process and removes its directory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import boto3
from botocore.config import Config

import deploy as deployment
from processes import Process, clean_environment, listening, make_directory, reserve_port

HERE = Path(__file__).resolve().parent
ACCOUNT = "123456789012"
START_SECONDS = 60.0
STOP_SECONDS = 15.0
# Root in ministack; everything a test or the demo does itself is done as a person with full rights.
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=70, retries={"total_max_attempts": 1}, max_pool_connections=32)


def forget_real_aws() -> None:
    """Make sure that no client of this process can reach a real account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true"
    )


class Cloud:
    """Starts on entering, stops on leaving; gives clients, deploys, reads logs."""

    def __init__(
        self,
        *,
        estate: Path | None = None,
        estate_config: Mapping[str, Any] | None = None,
        region: str = "eu-central-1",
        enforce_roles: bool = True,
        rate_scale: float = 1.0,
        logs_to: Path | None = None,
        environment: Mapping[str, str] | None = None,
        tables: Mapping[str, Any] | None = None,
    ) -> None:
        """Without an estate, RDS is plain moto. `rate_scale` shortens schedules; `environment` reaches every Lambda.

        `tables` are durations and faults of DynamoDB, see tables/.
        """
        self.estate, self.estate_config = estate, dict(estate_config or {})
        self.region, self.enforce_roles, self.rate_scale = region, enforce_roles, rate_scale
        self.logs_to, self.environment = logs_to, dict(environment or {})
        self.tables = dict(tables or {})
        self.directory = Path()
        self.ready: dict[str, Any] = {}
        self._ports: dict[str, socket.socket] = {}
        self._processes: list[Process] = []
        self._clients: dict[tuple[str, str], Any] = {}
        self._handlers: dict[int, Any] = {}

    # Life

    def __enter__(self) -> Cloud:
        """Start everything, or leave nothing behind."""
        forget_real_aws()
        self._watch_signals()
        try:
            self.directory = make_directory()
            for name in ("moto", "aws", "rds", "control", "gate", "tables"):
                self._ports[name] = reserve_port()
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything and remove the directory."""
        self._stop()

    def _watch_signals(self) -> None:
        """Turn SIGTERM and SIGHUP into an exception, so that leaving cleans up as it does on Ctrl-C."""

        def leave(number: int, _: FrameType | None) -> None:
            raise SystemExit(128 + number)

        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
            self._handlers[signal.SIGINT] = signal.getsignal(signal.SIGINT)

    def _start(self) -> None:
        """Start the three programs at once and wait for each."""
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", self.port("moto")]
        moto = self._spawn("moto", command, {})
        estate = self._spawn("estate", self._estate_command(self.estate), {}) if self.estate else None
        command = [sys.executable, HERE / "ministack_launcher.py"]
        ministack = self._spawn("ministack", command, self._ministack_settings())
        moto.wait_until(lambda: listening(self.port("moto")), START_SECONDS)
        ministack.wait_until(lambda: listening(self.port("aws")), START_SECONDS)
        if estate:
            ready = self.directory / "estate.ready.json"
            estate.wait_until(lambda: ready.is_file() and ready.stat().st_size > 0, START_SECONDS)
            self.ready = json.loads(ready.read_text())

    def _spawn(self, name: str, command: list[Any], settings: Mapping[str, str]) -> Process:
        """Start one program with a home and a log of its own."""
        home = self.directory / name
        home.mkdir(mode=0o711)
        log = self.directory / f"{name}.log"
        process = Process(name, command, clean_environment(home, **settings), log)
        self._processes.append(process)
        return process

    def _estate_command(self, binary: Path) -> list[Any]:
        """How the estate is told about its neighbours."""
        config = self.directory / "estate.config.json"
        config.write_text(json.dumps(self.estate_config))
        root = self.directory / "estate-root"
        root.mkdir(mode=0o711)
        return [
            *(binary.resolve(), "--port", self.port("rds"), "--control-port", self.port("control"), "--root", root),
            *("--upstream", self.url("moto"), "--events", self.url("aws"), "--config", config),
            *("--ready-file", self.directory / "estate.ready.json"),
        ]

    def _ministack_settings(self) -> dict[str, str]:
        """ministack's settings; every Lambda inherits all of them."""
        home = self.directory / "ministack"
        settings = {
            **self.environment,
            "GATEWAY_PORT": str(self.port("aws")),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": self.region,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(home / "state"),
            "S3_DATA_DIR": str(home / "s3"),
            "AWS_ENDPOINT_URL": self.url("aws"),
            "AWS_ENDPOINT_URL_RDS": self.rds_url,
            "AWS_ENDPOINT_URL_ELASTICACHE": self.rds_url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "LIFEBOAT_RATE_SCALE": str(self.rate_scale),
            "LIFEBOAT_TABLES": json.dumps({**self.tables, "port": self.port("tables")}),
        }
        if self.enforce_roles:
            gate = f"{self.port('gate')} {self.rds_url}"
            settings |= {"AUTH": "true", "LIFEBOAT_RDS_GATE": gate, "AWS_ENDPOINT_URL_RDS": self.url("gate")}
            settings["AWS_ENDPOINT_URL_ELASTICACHE"] = self.url("gate")
        return settings

    def _stop(self) -> None:
        """End all processes, keep the logs if asked to, remove the directory. Not interruptible."""
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)
        try:
            for process in reversed(self._processes):
                process.ask_to_stop()
            deadline = time.monotonic() + STOP_SECONDS
            for process in reversed(self._processes):
                process.end(max(0.0, deadline - time.monotonic()))
            for holder in self._ports.values():
                holder.close()
            if self.directory != Path():
                if self.logs_to:
                    self._keep_logs(self.logs_to)
                shutil.rmtree(self.directory, ignore_errors=True)
        finally:
            self._processes, self._ports, self._clients = [], {}, {}
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._handlers = {}

    def _keep_logs(self, target: Path) -> None:
        """Copy the logs of the processes to where they are wanted."""
        target.mkdir(parents=True, exist_ok=True)
        for log in self.directory.glob("*.log"):
            shutil.copy(log, target / log.name)

    # Addresses and clients

    def port(self, name: str) -> int:
        """The port of `moto`, `aws` (ministack), `rds` (the estate), `control`, `gate` or `tables`."""
        return int(self._ports[name].getsockname()[1])

    def url(self, name: str) -> str:
        """The address behind a port."""
        return f"http://127.0.0.1:{self.port(name)}"

    @property
    def rds_url(self) -> str:
        """Where RDS is: the estate, or moto if there is none."""
        return self.url("rds" if self.estate else "moto")

    @property
    def ca(self) -> Path:
        """The certificate authority of the estate's servers, to ship beside `bootstrap`."""
        return Path(self.ready["ca"])

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client with full rights: RDS and ElastiCache go to the estate, everything else to ministack."""
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = boto3.client(
                service,
                region_name=key[1],
                endpoint_url=self.rds_url if service in ("rds", "elasticache") else self.url("aws"),
                config=CLIENT_CONFIG,
                **CREDENTIALS,
            )
        return self._clients[key]

    def control(self, path: str, body: Any = None, *, of: str = "control") -> Any:
        """Ask the control port of the estate, or of the tables: GET without a body, POST with one."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url(of)}{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=70) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    # Work

    def deploy(
        self,
        template: Path,
        binaries: Path,
        *,
        stack: str = "lifeboat",
        parameters: Mapping[str, str] | None = None,
        files: Mapping[str, Path] | None = None,
    ) -> dict[str, str]:
        """Deploy the template with the built binaries; `files` ship beside each bootstrap. The stack's outputs."""
        return deployment.deploy(
            self, template.resolve(), binaries.resolve(), stack=stack, parameters=parameters or {}, files=files or {}
        )

    def put_event(self, source: str, detail_type: str, detail: Mapping[str, Any], **entry: Any) -> None:
        """Publish an event on the default bus, as AWS would (`Time`, `Resources` may be given)."""
        body = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), **entry}
        reply = self.client("events").put_events(Entries=[body])
        if reply["FailedEntryCount"]:
            raise RuntimeError(f"the event was not accepted: {reply['Entries']}")

    def function_logs(self, function: str) -> list[str]:
        """Every line that a function has logged, oldest first."""
        logs, group = self.client("logs"), f"/aws/lambda/{function}"
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            events = [event for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in sorted(events, key=lambda event: event["timestamp"])]


def _arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Start the local cloud, deploy, and wait for Ctrl-C.")
    parser.add_argument("--template", type=Path, help="a SAM template to deploy")
    parser.add_argument("--binaries", type=Path, default=Path("target/debug"), help="where the functions' binaries are")
    parser.add_argument("--estate", type=Path, help="the estate's binary; without it RDS is plain moto")
    parser.add_argument("--estate-config", type=Path, help="the estate's configuration, JSON")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="of the template")
    parser.add_argument("--file", action="append", default=[], metavar="NAME=PATH", help="to ship beside bootstrap")
    parser.add_argument("--rate-scale", type=float, default=1.0, help="0.05 turns rate(2 minutes) into 6 seconds")
    parser.add_argument("--no-roles", action="store_true", help="do not enforce the roles of the Lambdas")
    parser.add_argument("--logs", type=Path, help="keep the logs of the processes here")
    return parser.parse_args()


def main() -> None:
    """Run the local cloud until it is stopped."""
    given = _arguments()
    config = json.loads(given.estate_config.read_text()) if given.estate_config else {}
    files = {name: Path(path) for name, path in (item.split("=", 1) for item in given.file)}
    cloud = Cloud(
        estate=given.estate,
        estate_config=config,
        enforce_roles=not given.no_roles,
        rate_scale=given.rate_scale,
        logs_to=given.logs,
    )
    try:
        with cloud:
            shown: dict[str, Any] = {name: cloud.url(name) for name in ("aws", "rds", "control", "moto")}
            if given.template:
                parameters = dict(item.split("=", 1) for item in given.parameter)
                shown["outputs"] = cloud.deploy(given.template, given.binaries, parameters=parameters, files=files)
            print(json.dumps(shown, indent=2), flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
