"""A scenario of a table: what is judged otherwise, as nobody logs in and no copy stands in a quarantine."""

from __future__ import annotations

from typing import Any

import checks
from act import Act, Result
from ledger import bare, moment
from stage_tables import TableStage

Json = dict[str, Any]


class TableAct(Act):
    """An act on the stage of a table."""

    stage: TableStage

    def bad_job(self, deleted: list[int], overwritten: list[int]) -> float:
        """A program deletes and overwrites orders; when it began."""
        self.begin("break", "a bad job deletes orders and overwrites others")
        began = self.stage.bad_job(deleted, overwritten)
        self.timeline.note("break", f"{len(deleted)} orders are gone, {len(overwritten)} have wrong amounts; the table itself is well")
        return began

    def conclude_beside(self, result: Result, execution: Json, *, deleted: list[int], altered: list[int]) -> Result:
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
        problems += [f"on the copy, {problem}" for problem in on_copy + checks.policy_checks_on(stage, f"{copy_name}:443")]
        touched = frozenset(deleted + altered)
        with stage.writer.paused():
            serving = checks.serving_rows(stage)
        where = {number: digest for number, digest in serving.items() if number not in touched}
        untouched = checks.compare_rows(stage.journal, where, self.side_before, None, missing_on_purpose=touched)
        problems += [f"on the serving side, {problem}" for problem in untouched.problems]
        problems += checks.compare_mistake(stage.journal, serving, deleted, altered)
        problems += self._moved(ending, stage.secret.side())
        result.rows_lost = len(untouched.lost)
        result.rows_rescued = sum(copy.get(number) == stage.journal.seed.get(number, "") for number in deleted + altered)
        result.rto = moment(document["closed_at"]).timestamp() - self.broke
        return result
