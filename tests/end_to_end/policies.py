"""What `make package` makes of policies: a built function takes the examples, and refuses what the schema cannot know.

policies.py --binaries DIR
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from controls import REPO

sys.path.insert(0, str(REPO / "infra"))
from package import POLICIES, check_policies, check_with  # noqa: E402

GROUP = "vpc-0a1b2c3d: sg-0a1b2c3d"
# What the schema lets pass and a function refuses, with what it must say.
REFUSED = (
    ("policies: {a: {timing: {lease: 1s}}}", "longer than poll and probe_every"),
    (f"policies: {{}}\nfence_groups: {{{GROUP}}}\nquarantine_groups: {{{GROUP}}}", "another group than those of fence_groups"),
    (f"policies: {{}}\nfence_groups: {{{GROUP}}}\nfence_groups: {{}}", "duplicate mapping key"),
)


def uncommented(text: str) -> str:
    """The document with its examples, of which each line begins with `# `."""
    first = text.index("  # gold:")
    last = text.index("\n# ", first)
    example = re.sub(r"^  # (?!Of )", "  ", text[first:last], flags=re.M)
    return text[:first] + example + text[last:]


def taken() -> Iterator[tuple[str, str]]:
    """Documents that must be taken, by where they stand."""
    text = POLICIES.read_text()
    yield "infra/policies.yaml", text
    yield "its examples", uncommented(text)
    yield "infra/local/policies.yaml", (REPO / "infra/local/policies.yaml").read_text()
    blocks = re.findall(r"^```yaml\n(\w+:\n  mode: .*?)^```", (REPO / "infra/README.md").read_text(), flags=re.M | re.S)
    for block in blocks:
        yield f"infra/README.md, {block.splitlines()[0]}", "version: 1\npolicies:\n" + re.sub("^", "  ", block, flags=re.M)
    if len(blocks) < 3:
        yield "infra/README.md has no examples", ""


def said(function: Path, document: str) -> str:
    """Why a document is not packaged; empty if it is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policies.yaml"
        path.write_text(document)
        try:
            check_policies(path)
            check_with(function, path)
        except SystemExit as refused:
            return str(refused)
    return ""


def main() -> int:
    """Try all of them; the exit status."""
    parser = argparse.ArgumentParser(description="Policies that are packaged, and those that are not.")
    parser.add_argument("--binaries", type=Path, required=True, help="the functions")
    function = parser.parse_args().binaries.resolve() / "notify"
    wrong = [f"{place}: {why}" for place, document in taken() if (why := said(function, document))]
    for document, expected in REFUSED:
        found = said(function, f"version: 1\n{document}\n")
        if expected not in found:
            wrong.append(f"{document!r} should be refused with {expected!r}: {found or 'it was taken'}")
    for text in wrong:
        print(f"  wrong: {text}")
    kept = "FAILED" if wrong else "KEPT"
    print("what the functions would refuse at their start is not packaged")
    print(f"{kept} policies", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
