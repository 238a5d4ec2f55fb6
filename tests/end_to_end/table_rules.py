"""The local cloud's tables keep AWS's rules: those that the behaviour model keeps, too (shared/testing/fixtures/table_rules.json).

table_rules.py [--binaries DIR]      needs ministack alone, and ends with one line
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPO / "infra" / "local"))

from botocore.exceptions import ClientError  # noqa: E402
from cloud import ACCOUNT, Cloud  # noqa: E402
from stage import until  # noqa: E402

Json = dict[str, Any]

RULES = REPO / "shared" / "testing" / "fixtures" / "table_rules.json"
DURATIONS = {
    "creating": 0,
    "restoring": 0.8,
    "indexing": 0,
    "updating": 0.8,
    "deleting": 0,
    "backing_up": 0.8,
    "restorable_lag": 0.05,
}
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
RECOVERY = {"PointInTimeRecoveryEnabled": True}
UNKNOWN = "table/none/backup/01795279785296-00000000"


class Case:
    """One table with its copy, its steps and its call, in the words of the fixture."""

    def __init__(self, cloud: Cloud, number: int) -> None:
        """The table is ACTIVE, has a stream, time to live, recovery and an item."""
        self.cloud, self.api = cloud, cloud.client("dynamodb")
        self.table, self.copy = f"orders-{number}", f"copy-{number}"
        self.backup = f"arn:aws:dynamodb:{cloud.region}:{ACCOUNT}:{UNKNOWN}"
        self.api.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification=STREAM,
        )
        self.set_recovery()
        self.set_ttl()
        self.write()
        time.sleep(0.06)
        self.moment = time.time()

    def arn(self, table: str) -> str:
        """Of a table."""
        return f"arn:aws:dynamodb:{self.cloud.region}:{ACCOUNT}:table/{table}"

    # What was before

    def recovery_off(self) -> None:
        """Switch it off."""
        off = {"PointInTimeRecoveryEnabled": False}
        self.api.update_continuous_backups(TableName=self.table, PointInTimeRecoverySpecification=off)

    def recovery_on(self) -> None:
        """Switch it on; some time passes."""
        time.sleep(0.06)
        self.set_recovery()
        time.sleep(0.06)

    def gone(self) -> None:
        """Delete it; what DynamoDB keeps of it is the backup, unless there is one already."""
        self.api.delete_table(TableName=self.table)
        kept = self.api.list_backups(TableName=self.table, BackupType="SYSTEM")["BackupSummaries"]
        if kept and UNKNOWN in self.backup:
            self.backup = kept[0]["BackupArn"]

    def copy_coming(self) -> None:
        """A restore is under way."""
        self.restore_latest()

    def status(self, table: str) -> str:
        """Of a table."""
        return str(self.api.describe_table(TableName=table)["Table"]["TableStatus"])

    def copy_made(self) -> None:
        """A restored table."""
        self.restore_latest()
        until("the copy is there", 10, lambda: self.status(self.copy) == "ACTIVE", every=0.05)

    def backup_coming(self) -> None:
        """A backup is being made."""
        self.backup = self.create_backup()["BackupDetails"]["BackupArn"]

    def backup_made(self) -> None:
        """A backup."""
        self.backup_coming()

        def made() -> bool:
            shown = self.api.describe_backup(BackupArn=self.backup)["BackupDescription"]["BackupDetails"]
            return bool(shown["BackupStatus"] == "AVAILABLE")

        until("the backup is there", 10, made, every=0.05)

    def updating(self) -> None:
        """An update is under way."""
        self.api.update_table(TableName=self.table, DeletionProtectionEnabled=False)

    def protected(self) -> None:
        """Against deletion."""
        self.protect()
        until("it is ACTIVE again", 10, lambda: self.status(self.table) == "ACTIVE", every=0.05)

    def fenced(self) -> None:
        """Its policy denies the writing."""
        calls = [f"dynamodb:{name}" for name in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")]
        deny = {"Sid": "x", "Effect": "Deny", "Principal": "*", "Action": calls, "Resource": self.arn(self.table)}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        self.api.put_resource_policy(ResourceArn=self.arn(self.table), Policy=policy)

    def opened(self) -> None:
        """The policy is gone again."""
        self.api.delete_resource_policy(ResourceArn=self.arn(self.table))

    # What is called

    def _restore(self, **when: Any) -> Json:
        """To a moment."""
        found: Json = self.api.restore_table_to_point_in_time(
            SourceTableName=self.table, TargetTableName=self.copy, **when
        )
        return found

    def restore_latest(self) -> Json:
        """To the latest moment."""
        return self._restore(UseLatestRestorableTime=True)

    def restore_within(self) -> Json:
        """To a moment after the write, once that is restorable: whole seconds are."""
        time.sleep(max(0.0, self.moment + 1.1 - time.time()))
        return self._restore(RestoreDateTime=self.moment)

    def restore_before(self) -> Json:
        """To long ago."""
        return self._restore(RestoreDateTime=self.moment - 86_400)

    def restore_after(self) -> Json:
        """To the future."""
        return self._restore(RestoreDateTime=time.time() + 60)

    def restore_backup(self) -> Json:
        """From the backup."""
        found: Json = self.api.restore_table_from_backup(TargetTableName=self.copy, BackupArn=self.backup)
        return found

    def create_backup(self) -> Json:
        """Always of one name."""
        found: Json = self.api.create_backup(TableName=self.table, BackupName="nightly")
        return found

    def set_stream(self, table: str = "") -> None:
        """A stream."""
        self.api.update_table(TableName=table or self.table, StreamSpecification=STREAM)

    def set_ttl(self, table: str = "") -> None:
        """Time to live."""
        on = {"Enabled": True, "AttributeName": "ends_at"}
        self.api.update_time_to_live(TableName=table or self.table, TimeToLiveSpecification=on)

    def set_recovery(self, table: str = "") -> None:
        """Point-in-time recovery."""
        self.api.update_continuous_backups(TableName=table or self.table, PointInTimeRecoverySpecification=RECOVERY)

    def export(self, bucket: str = "exports") -> None:
        """To S3, always with one token of the table."""
        self.api.export_table_to_point_in_time(
            TableArn=self.arn(self.table), S3Bucket=bucket, S3Prefix="shop", ClientToken=f"token-{self.table}"
        )

    def export_elsewhere(self) -> None:
        """To another bucket."""
        self.export("elsewhere")

    def exported(self) -> None:
        """An export was asked for."""
        self.export()

    def protect(self) -> None:
        """Against deletion."""
        self.api.update_table(TableName=self.table, DeletionProtectionEnabled=True)

    def tag(self, table: str = "") -> None:
        """A tag."""
        self.api.tag_resource(ResourceArn=self.arn(table or self.table), Tags=[{"Key": "owner", "Value": "x"}])

    def delete(self) -> None:
        """The table."""
        self.api.delete_table(TableName=self.table)

    def write(self, table: str = "") -> None:
        """An item."""
        self.api.put_item(TableName=table or self.table, Item={"id": {"S": "1"}})

    def word(self, word: str) -> Callable[[], object]:
        """What a word of the fixture means."""
        if word in ("copy", "backup"):
            return self.copy_made if word == "copy" else self.backup_made
        for end in ("_of_copy", "_to_copy", "_copy"):
            if word.endswith(end):
                work = getattr(self, word.removesuffix(end))
                return lambda: work(self.copy)
        found: Callable[[], object] = getattr(self, word)
        return found


def outcome(work: Callable[[], object]) -> str | None:
    """The error's code, or none."""
    try:
        work()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def main() -> int:
    """Run every case; the exit status."""
    wrong, rules = [], json.loads(RULES.read_text())
    with Cloud(tables=DURATIONS) as cloud:
        for number, rule in enumerate(rules):
            case = Case(cloud, number)
            for step in rule["given"]:
                case.word(step)()
            found = outcome(case.word(rule["call"]))
            if found != rule["refused"]:
                wrong.append(f"{rule['name']}: {rule['call']} ended with {found}, expected {rule['refused']}")
    for text in wrong:
        print(f"  wrong: {text}")
    kept = "FAILED" if wrong or not rules else "KEPT"
    print(f"{kept} table_rules cases={len(rules)}: The local cloud's tables refuse what AWS refuses.", flush=True)
    return 1 if wrong or not rules else 0


if __name__ == "__main__":
    sys.exit(main())
