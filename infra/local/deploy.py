"""Packages the functions and deploys the real template, as `sam package` and `sam deploy` would."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

Json = dict[str, Any]

ARTIFACTS = "lifeboat-artifacts"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class DeployError(RuntimeError):
    """The stack could not be created; the message names the resources that failed and why."""


class Clients(Protocol):
    """Whatever gives boto3 clients."""

    def client(self, service: str) -> Any:
        """A client of one service."""


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, read into their long form."""


def _short_tag(loader: _Template, suffix: str, node: yaml.Node) -> Json:
    """`!Sub x` as `{"Fn::Sub": "x"}`, `!Ref x` as `{"Ref": "x"}`, `!GetAtt a.b` as a list."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Template.add_multi_constructor("!", _short_tag)


def read_template(path: Path) -> Json:
    """The template, with every function in its long form."""
    return yaml.load(path.read_text(), Loader=_Template)  # noqa: S506, a SafeLoader


def stripped(binary: Path) -> bytes:
    """The binary without symbols, if `strip` is at hand: ministack keeps every zip in memory."""
    content = binary.read_bytes()
    if not content.startswith(b"\x7fELF") or not shutil.which("strip"):
        return content
    with tempfile.NamedTemporaryFile() as copy:
        subprocess.run(["strip", "-o", copy.name, binary], check=True)
        return Path(copy.name).read_bytes()


def zip_function(bootstrap: bytes, files: Mapping[str, Path]) -> bytes:
    """A deployment package: `bootstrap` and the files that ship beside it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        entries = {"bootstrap": bootstrap, **{name: path.read_bytes() for name, path in files.items()}}
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.external_attr = (0o755 if name == "bootstrap" else 0o644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


class Packager:
    """Uploads what a template names on disk and rewrites it to where it lies in S3."""

    def __init__(self, clients: Clients, base: Path, binaries: Path, files: Mapping[str, Path]) -> None:
        """`base` is the template's directory; `files` are put beside every bootstrap."""
        self.s3, self.base, self.binaries, self.files = clients.client("s3"), base, binaries, files
        self.uploaded: dict[str, str] = {}

    def upload(self, content: bytes, suffix: str) -> str:
        """Put content under its hash; the key."""
        key = hashlib.sha256(content).hexdigest() + suffix
        self.s3.put_object(Bucket=ARTIFACTS, Key=key, Body=content)
        return key

    def function(self, code_uri: str) -> str:
        """`../functions/detect` becomes the zip of the binary `detect`."""
        name = Path(code_uri).name
        if name not in self.uploaded:
            binary = self.binaries / name
            if not binary.is_file():
                raise DeployError(f"CodeUri {code_uri} needs the binary {binary}, which is not there: build it first")
            self.uploaded[name] = self.upload(zip_function(stripped(binary), self.files), ".zip")
        return f"s3://{ARTIFACTS}/{self.uploaded[name]}"

    def rewrite(self, template: Json) -> Json:
        """The template with each local CodeUri and DefinitionUri replaced, as `sam package` does."""
        globals_ = template.get("Globals", {}).get("Function", {})
        default = globals_.pop("CodeUri", None)
        for resource in template["Resources"].values():
            properties = resource.setdefault("Properties", {})
            if resource["Type"] == "AWS::Serverless::Function":
                properties["CodeUri"] = self.function(properties.get("CodeUri", default))
            elif resource["Type"] == "AWS::Serverless::StateMachine":
                definition = (self.base / properties["DefinitionUri"]).read_bytes()
                properties["DefinitionUri"] = {"Bucket": ARTIFACTS, "Key": self.upload(definition, ".asl.json")}
        return template


def _wait(describe: Any, key: str, seconds: float) -> Json:
    """Poll a description until its status is final."""
    deadline = time.monotonic() + seconds
    while True:
        found: Json = describe()
        if not found[key].endswith(("_IN_PROGRESS", "_PENDING")):
            return found
        if time.monotonic() > deadline:
            raise DeployError(f"still {found[key]} after {seconds:g} s")
        time.sleep(0.1)


def _failures(events: list[Json]) -> str:
    """The reasons of the resources that failed, oldest first."""
    return "\n".join(
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
    )


def deploy(
    clients: Clients,
    template: Path,
    binaries: Path,
    *,
    stack: str,
    parameters: Mapping[str, str],
    files: Mapping[str, Path],
    seconds: float = 120,
) -> dict[str, str]:
    """Create the stack by a change set, wait for it, and return its outputs."""
    s3, formation = clients.client("s3"), clients.client("cloudformation")
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    if not any(bucket["Name"] == ARTIFACTS for bucket in s3.list_buckets()["Buckets"]):
        s3.create_bucket(Bucket=ARTIFACTS, **where)
    packager = Packager(clients, template.parent, binaries, files)
    body = json.dumps(packager.rewrite(read_template(template)), default=str)
    key = packager.upload(body.encode(), ".template.json")
    names = {"StackName": stack, "ChangeSetName": "create"}
    formation.create_change_set(
        **names,
        ChangeSetType="CREATE",
        TemplateURL=f"{s3.meta.endpoint_url}/{ARTIFACTS}/{key}",
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )
    change = _wait(lambda: formation.describe_change_set(**names), "Status", seconds)
    if change["Status"] != "CREATE_COMPLETE":
        raise DeployError(f"change set {change['Status']}: {change.get('StatusReason', '')}")
    formation.execute_change_set(**names)
    made = _wait(lambda: formation.describe_stacks(StackName=stack)["Stacks"][0], "StackStatus", seconds)
    if made["StackStatus"] != "CREATE_COMPLETE":
        events = formation.describe_stack_events(StackName=stack)["StackEvents"]
        raise DeployError(f"stack {made['StackStatus']}:\n{_failures(events)}")
    return {output["OutputKey"]: output["OutputValue"] for output in made.get("Outputs", [])}
