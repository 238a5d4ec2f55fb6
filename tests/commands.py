"""Checks every `aws` command of the documents against AWS's own service models, as botocore ships them.

docs/messages.md holds what people are told to paste on their worst night: a command with an option that does not
exist, or without one that must be there, would be found out then. Prints one line for each wrong command.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel, Shape

REPO = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "infra/README.md", "statemachines/README.md", *sorted(str(path) for path in Path("docs").glob("*.md")))
GLOBAL = {"region", "query", "output", "profile", "no-cli-pager", "cli-input-json", "endpoint-url", "no-paginate", "max-items"}
# What the shell makes of a command ends there.
ENDS = {"|", "||", ";", "&&", "&", ")", "do", "done", "then", "<", ">"}
# What the CLI calls otherwise than botocore.
CLI_NAMES = {"s3api": "s3"}
SESSION = botocore.session.get_session()
SERVICES = set(SESSION.get_available_services())


def commands(line: str) -> Iterator[list[str]]:
    """The words of each `aws` command in a line of shell, nested ones too."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    words = list(lexer)
    for place, word in enumerate(words):
        if word == "aws":
            tail = words[place + 1 :]
            end = next((number for number, word in enumerate(tail) if word in ENDS), len(tail))
            yield tail[:end]
        elif word != line and re.search(r"\$\(\s*aws ", word):
            for nested in re.findall(r"\$\(\s*(aws (?:[^()]|\([^()]*\))*)\)", word):
                yield from commands(nested)


def members(shape: Shape | None) -> dict[str, str]:
    """The options of a call, each with the type of its member."""
    return {} if shape is None else {xform_name(name, "-"): member.type_name for name, member in shape.members.items()}


def complaints(words: list[str]) -> Iterator[str]:
    """What is wrong with a command."""
    words = [CLI_NAMES.get(word, word) for word in words[:1]] + words[1:]
    if len(words) < 2 or words[0] not in SERVICES:
        yield f"there is no service {words[:1]}"
        return
    model = SESSION.get_service_model(words[0])
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    if words[1] == "wait":
        waiters = SESSION.get_waiter_model(words[0])
        names = {xform_name(name, "-"): name for name in waiters.waiter_names}
        if len(words) < 3 or words[2] not in names:
            yield f"{words[0]} has no waiter {words[2:3]}"
            return
        operation = model.operation_model(waiters.get_waiter(names[words[2]]).operation)
        yield from wrong_options(operation, words[3:])
    elif words[1] in operations:
        yield from wrong_options(model.operation_model(operations[words[1]]), words[2:])
    else:
        yield f"{words[0]} has no operation {words[1]}"


def wrong_options(operation: OperationModel, words: list[str]) -> Iterator[str]:
    """Options that the call does not have, that lack a value or have one too many, and members that must be there."""
    known = members(operation.input_shape)
    given: set[str] = set()
    for place, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name = word[2:].split("=", 1)[0]
        values = 0
        while place + 1 + values < len(words) and not words[place + 1 + values].startswith("--"):
            values += 1
        if name in GLOBAL:
            given.add(name)
        elif name in known:
            given.add(name)
            if known[name] == "boolean" and values:
                yield f"--{name} takes no value"
            if known[name] != "boolean" and not values and "=" not in word:
                yield f"--{name} has no value"
            if known[name] not in {"boolean", "list", "structure", "map"} and values > 1:
                yield f"--{name} has {values} values: quote it"
        elif name.startswith("no-") and known.get(name[3:]) == "boolean":
            given.add(name[3:])
        else:
            yield f"{operation.name} has no option --{name}"
    required = operation.input_shape.required_members if operation.input_shape else []
    if "cli-input-json" not in given:
        idempotent = {xform_name(member, "-") for member in operation.idempotent_members}
        for member in required:
            option = xform_name(member, "-")
            if option not in given and option not in idempotent:
                yield f"{operation.name} lacks --{option}"


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of all blocks of shell, with those that go on joined."""
    inside, began, joined = False, 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
            continue
        # Messages are plain text: their commands are indented lines.
        if inside and re.search(r"(^|[\s(])aws [a-z]", line) or joined:
            began = began if joined else number
            if line.rstrip().endswith("\\"):
                joined += line.rstrip()[:-1] + " "
                continue
            yield began, joined + line
            joined = ""


# Commands that are wrong, each in its own way: a check that finds nothing in them would prove nothing.
CONTROLS = (
    "aws rds reboot-database --db-instance-identifier a",
    "aws rds reboot-db-instance --force-failover",
    "aws rds reboot-db-instance --db-instance-identifier a --failover",
    "aws rds reboot-db-instance --db-instance-identifier",
    "aws rds wait db-instance-well --db-instance-identifier a",
    'until [ "$(aws rds describe-db-instances --db-instance-name a --output text)" = b ]; do sleep 1; done',
    "export A=$(aws secretsmanager get-secret-value --query SecretString | jq -r .a)",
    "aws rdz describe-db-instances",
    "aws rds copy-db-snapshot --source-db-snapshot-identifier a --target-db-snapshot-identifier b --target-region c",
)


def main() -> int:
    """Check all documents; the exit status."""
    for control in CONTROLS:
        if not any(complaint for words in commands(control) for complaint in complaints(words)):
            sys.exit(f"commands: nothing was found wrong in: {control}")
    wrong, count = 0, 0
    for path in DOCUMENTS:
        for number, line in lines((REPO / path).read_text()):
            shell = line.strip()
            if shell.startswith("#"):
                continue
            try:
                found = list(commands(shell))
            except ValueError as error:
                found = []
                print(f"{path}:{number}: {error}: {shell}")
                wrong += 1
            for words in found:
                count += 1
                for complaint in complaints(words):
                    print(f"{path}:{number}: {complaint}: aws {' '.join(words)}")
                    wrong += 1
    print(f"{count} commands, {wrong} wrong")
    return 1 if wrong or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
