"""A scenario of a table: what is judged otherwise, as nobody logs in and no copy stands in a quarantine."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import checks
from act import VALIDATED, Act, Ending, Result
from ledger import bare, moment
from stage import RESOURCE, until
from stage_tables import TableStage

Json = dict[str, Any]

SALVAGE_SECONDS = 120
NOTHING_PUT_RIGHT: Mapping[int, str] = MappingProxyType({})


class TableAct(Act):
    """An act on the stage of a table."""

    stage: TableStage

    def begin(self, label: str, text: str) -> None:
        """The same, with the alarms as they stand."""
        self.alarms_before = self.stage.database.alarms()  # type: ignore[attr-defined]
        super().begin(label, text)

    def _judge_world(self, result: Result, ending: Ending, *, is_gone: bool = False) -> None:
        """The same, and who is paged for what."""
        super()._judge_world(result, ending, is_gone=is_gone)
        restored = ending.incident["restored"]
        if ending.outcome in VALIDATED and restored is not None:
            now, copy = self.stage.database.alarms(), bare(restored["id"])  # type: ignore[attr-defined]
            source, moved = bare(ending.report["source"]["id"]), ending.outcome == "recovered"
            result.problems += checks.compare_alarms(self.alarms_before, now, source, copy, moved=moved)

    def bad_job(
        self,
        deleted: list[int],
        overwritten: list[int],
        text: str = "a bad job deletes orders and overwrites others",
    ) -> float:
        """A program deletes and overwrites orders; when it began."""
        self.begin("break", text)
        began = self.stage.bad_job(deleted, overwritten)
        self.timeline.note(
            "break", f"{len(deleted)} orders are gone, {len(overwritten)} have wrong amounts; the table itself is well"
        )
        return began

    def conclude_beside(
        self,
        result: Result,
        execution: Json,
        *,
        deleted: list[int],
        altered: list[int],
        put_right: Mapping[int, str] = NOTHING_PUT_RIGHT,
    ) -> Result:
        """Check a copy beside production: it holds what was there, nobody was moved, and the difference is told."""
        ending = self._judge(result, execution, "restored_beside")
        if ending.report["outcome"] != "restored_beside":
            return result
        if ending.plan is None:
            raise LookupError("a copy was restored without a plan")
        stage, problems, document = self.stage, result.problems, ending.incident
        self._judge_world(result, ending)
        copy_name, point = bare(document["restored"]["id"]), moment(ending.plan["restore_point"])
        with stage.secret.connect(f"{copy_name}:443") as connection:
            copy = connection.hashes()  # type: ignore[union-attr]
        on_copy = checks.compare_rows(stage.journal, copy, "the copy", point, exactly=True).problems
        problems += [
            f"on the copy, {problem}" for problem in on_copy + checks.policy_checks_on(stage, f"{copy_name}:443")
        ]
        touched = frozenset(deleted + altered)
        with stage.writer.paused():
            serving = checks.serving_rows(stage)
        where = {number: digest for number, digest in serving.items() if number not in touched}
        untouched = checks.compare_rows(stage.journal, where, self.side_before, None, missing_on_purpose=touched)
        problems += [f"on the serving side, {problem}" for problem in untouched.problems]
        left = [[number for number in numbers if number not in put_right] for numbers in (deleted, altered)]
        problems += checks.compare_mistake(stage.journal, serving, *left)
        problems += self._moved(ending, stage.secret.side())
        result.rows_lost = len(untouched.lost)
        result.rows_rescued = sum(
            copy.get(number) == stage.journal.seed.get(number, "") for number in deleted + altered
        )
        result.rto = moment(document["closed_at"]).timestamp() - self.broke
        return result

    def salvage(self, result: Result, copy: str, touched: list[int], anew: dict[int, str], late: list[int]) -> Result:
        """A person looks, is overtaken by users, and writes what he was shown; then every order is as it should be.

        `anew` are those that users have put right already, with their hashes; `late` are put right between look and writing.
        """
        stage, problems = self.stage, result.problems
        self.timeline.note("person", f"starts salvage: what of {copy} could be written back into {RESOURCE}?")
        shown = self._looked(problems, copy, len(touched) - len(anew), len(anew))
        overtaken = stage.put_right(late)
        self.timeline.note("person", f"starts salvage with the plan that was shown; meanwhile users put {len(late)} orders right")
        ended, written = self._salvaged(shown.get("input") or {"resource": RESOURCE})
        salvaged, kept = written.get("salvaged"), shown.get("kept_newer", 0) + written.get("changed_since", 0)
        anew = anew | overtaken
        if (ended["status"], salvaged, kept) != ("SUCCEEDED", len(touched) - len(anew), len(anew)):
            problems.append(
                f"of {len(touched)} orders {salvaged} were salvaged and {kept} kept, {len(anew)} were put right: {ended}"
            )
        again, written_again = self._salvaged(shown.get("input") or {"resource": RESOURCE})
        if (again["status"], written_again.get("salvaged"), written_again.get("changed_since")) != (
            "SUCCEEDED",
            salvaged,
            len(late),
        ):
            problems.append(f"the same plan again ended otherwise: {again}")
        self._looked(problems, copy, 0, len(anew))
        problems += self._as_before(touched, anew)
        result.rto = time.time() - self.broke
        result.more = f"items_broken={len(touched)} items_salvaged={salvaged} items_kept={kept}"
        return result

    def _salvaged(self, given: Json) -> tuple[Json, Json]:
        """Start `salvage` by hand, as in the console, and wait for its end: how it ended, and what it answered."""
        arn = self.stage.start("Salvage", given)
        until("the salvage has ended", SALVAGE_SECONDS, lambda: self.stage.execution(arn)["status"] != "RUNNING")
        ended = self.stage.execution(arn)
        return ended, json.loads(ended.get("output") or "{}")

    def _looked(self, problems: list[str], copy: str, changes: int, newer: int) -> Json:
        """What a look shows, which writes nothing."""
        before = self._orders()
        ended, shown = self._salvaged({"resource": RESOURCE, "copy": copy, "written_at": "written_at"})
        found = (shown.get("missing", 0) + shown.get("damaged", 0), shown.get("kept_newer"), shown.get("kept_undated"))
        if ended["status"] != "SUCCEEDED" or found != (changes, newer, 0):
            problems.append(
                f"{changes} orders to write and {newer} newer ones were expected, the preview shows {shown}: {ended}"
            )
        after = self._orders()
        changed = [number for number, digest in before.items() if after.get(number) != digest]
        if changed:
            problems.append(f"a look has changed {len(changed)} orders")
        return shown

    def _orders(self) -> dict[int, str]:
        """Every order with its hash, while nobody writes one."""
        with self.stage.writer.paused():
            return checks.serving_rows(self.stage)

    def _as_before(self, touched: list[int], anew: dict[int, str]) -> list[str]:
        """What was broken is as it was at first, what users put right is as they wrote it, all else is as acknowledged."""
        stage, orders = self.stage, self._orders()
        overwritten = [number for number, digest in anew.items() if orders.get(number) != digest]
        problems = [f"{len(overwritten)} orders that users put right were written over"] if overwritten else []
        back = [number for number in touched if number not in anew and orders.get(number) != stage.journal.seed[number]]
        problems += [f"{len(back)} broken orders are not as they were at first"] if back else []
        others = {number: digest for number, digest in orders.items() if number not in anew}
        compared = checks.compare_rows(
            stage.journal, others, self.side_before, None, missing_on_purpose=frozenset(anew)
        )
        both = checks.never_both(stage, [self.side_before], uninterrupted_since=self.zero)
        return problems + compared.problems + checks.policy_checks_on(stage) + both + checks.one_is_protected(stage)
