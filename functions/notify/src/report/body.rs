//! The sections of the report, whatever they are written on.

use super::line::{Line, Piece};
use super::sheet::{Sheet, named, number, short, wide};
use super::times::{bar, offset, time_of_day};
use super::{Report, sections};
use crate::measure::Measure;
use crate::message::parts::{IAC, KEPT, NEXT, UNDO};
use crate::phrases;
use crate::rows::{how_compared, ranges};
use crate::text::{count, percent, took_millis};
use lifeboat_domain::acting::FenceState;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::{Span, show_time};

pub(super) fn facts(page: &mut impl Sheet, report: &Report) {
    page.heading(2, "Facts");
    let mut rows = vec![
        [Line::from("Resource"), format!("{} ({}, policy {})", report.resource, report.kind, report.policy).into()],
        ["Scenario".into(), sections::scenario(report).into()],
        ["Outcome".into(), Line::strong(report.outcome.as_str().replace('_', " "))],
    ];
    rows.extend(measures(report).map(|(name, measure)| [name.into(), measured(measure)]));
    let reached = [("Time to available", &report.available), ("Time to usable", &report.usable)];
    rows.extend(reached.into_iter().filter_map(|(name, reached)| Some([name.into(), Line::from(&reached.as_ref()?.text)])));
    match &report.rows {
        Some(found) => {
            rows.push(["Rows only on the source".into(), found.only_source.to_string().into()]);
            rows.push(["Rows only on the restored side".into(), found.only_restored.to_string().into()]);
            rows.push(["Rows that differ".into(), found.changed.to_string().into()]);
        }
        None => rows.push(["Rows only on one side".into(), "not measured: the two sides were not compared".into()]),
    }
    let checks = report
        .validation
        .as_ref()
        .map_or_else(|| "none were run".to_owned(), |validation| format!("{} ({})", validation.grade, sections::passed(validation)));
    rows.push(["Checks".into(), checks.into()]);
    let equal = sections::calls_equal_plan(report);
    rows.push(["Calls equal the plan".into(), if report.calls_equal_plan { equal.into() } else { Line::strong(equal) }]);
    rows.push(["Incident".into(), Line::code(report.incident.as_str()).then(format!(", attempt {}", report.attempt))]);
    let execution = report.execution.rsplit(':').next().unwrap_or_default().to_owned();
    rows.push([
        "Execution".into(),
        match &report.console {
            Some(console) => Line(vec![Piece::Link { text: execution, to: console.clone() }]),
            None => execution.into(),
        },
    ]);
    rows.push(["Written".into(), show_time(report.written_at).into()]);
    page.table([short("Fact"), wide("")], rows);
}

/// A measure with its verdict marked.
fn measured(measure: &Measure) -> Line {
    let (text, verdict) = measure.against();
    match verdict {
        Some((word, by)) => Line::from(format!("{text}: ")).then_strong(word).then(by),
        None => text.into(),
    }
}

/// RTO and RPO; none where nothing was down.
pub(super) fn measures(report: &Report) -> impl Iterator<Item = (&'static str, &Measure)> {
    let was_down = report.outcome != Outcome::SelfHealed || report.rto.seconds.is_some();
    [("RTO", &report.rto), ("RPO", &report.rpo)].into_iter().filter(move |_| was_down)
}

pub(super) fn what_happened(page: &mut impl Sheet, report: &Report) {
    page.heading(2, "What happened");
    page.sentences(&report.what_happened);
    page.sentences([phrases::clients(&report.source.id, report.cut_over.as_ref())]);
    page.list(measures(report).filter(|(_, measure)| measure.seconds.is_some()).map(|(name, measure)| format!("{name}: {}", measure.text)));
}

/// The signals; nothing where none is on record.
pub(super) fn evidence(page: &mut impl Sheet, report: &Report) {
    if report.signals.is_empty() {
        return;
    }
    page.heading(3, "Evidence");
    let rows = report.signals.iter().map(|signal| {
        let at = time_of_day(report.first_signal_at, signal.at);
        [at.into(), Line::from(&signal.source), signal.plane.to_string().into(), Line::from(&signal.text)]
    });
    page.table([short("Time"), short("Signal"), short("Plane"), wide("What it said")], rows);
}

pub(super) fn timeline(page: &mut impl Sheet, report: &Report) {
    page.heading(2, "Timeline");
    timeline_tables(page, report);
}

/// The lines on record, and what each phase took.
pub(super) fn timeline_tables(page: &mut impl Sheet, report: &Report) {
    let first = report.first_signal_at;
    if report.timeline.is_empty() {
        page.sentences(["No line is on record"]);
        return;
    }
    let total: u64 = report.phases.iter().map(|phase| phase.milliseconds).sum();
    let since = if report.began_with_request { "request" } else { "first signal" };
    page.sentences([
        format!("Offsets count from the {since} at {}; the lines cover {}", show_time(first), took_millis(total)),
        "A phase is credited with the time that led to each of its lines".to_owned(),
    ]);
    phases(page, report, total);
    page.table(
        [short("Offset"), short("Time"), short("Phase"), wide("What")],
        report.timeline.iter().map(|entry| {
            [offset(first, entry.at).into(), time_of_day(first, entry.at).into(), Line::from(entry.phase.as_str()), Line::from(&entry.text)]
        }),
    );
}

fn phases(page: &mut impl Sheet, report: &Report, total: u64) {
    let first = report.first_signal_at;
    let objective = report.rto.objective_seconds.filter(|rto| *rto > 0);
    let of_objective = objective.map_or_else(|| "Of the objective".to_owned(), |rto| format!("Of the objective ({})", Span::seconds(rto)));
    page.table(
        [short("Phase"), named("First line"), named("Took"), named(&of_objective), named("Share of all")],
        report.phases.iter().map(|phase| {
            let millis = phase.milliseconds;
            let first_line = report.timeline.iter().find(|entry| entry.phase == phase.phase).map(|entry| offset(first, entry.at));
            let of_objective = objective.map_or_else(String::new, |rto| percent(millis, rto.saturating_mul(1000)));
            [
                phase.phase.as_str().into(),
                first_line.unwrap_or_default().into(),
                took_millis(millis).into(),
                of_objective.into(),
                share(millis, total),
            ]
        }),
    );
}

/// `█ 7 %`; nothing of nothing.
fn share(part: u64, whole: u64) -> Line {
    let (bar, percent) = (bar(part, whole), percent(part, whole));
    let gap = if bar.is_empty() || percent.is_empty() { "" } else { " " };
    Line(vec![Piece::Bar(format!("{bar}{gap}")), Piece::Text(percent)])
}

pub(super) fn checks(page: &mut impl Sheet, report: &Report) {
    page.heading(2, "Checks");
    let Some(validation) = &report.validation else {
        page.sentences(["No restored database was checked"]);
        return;
    };
    let newest = validation.newest_data.map_or_else(|| "could not be measured".to_owned(), |at| format!("is of {}", show_time(at)));
    page.sentences([
        format!("The restored database is graded {}, its worst check, as of {}", validation.grade, show_time(validation.at)),
        format!("Its newest data {newest}"),
    ]);
    page.table(
        [short("Check"), short("Grade"), wide("What was found"), number("ms")],
        validation
            .checks
            .iter()
            .map(|check| [Line::from(&check.name), check.grade.into(), Line::from(&check.text), check.millis.to_string().into()]),
    );
    if !report.configuration_differences.is_empty() {
        page.heading(3, "Settings that differ from the source");
        page.table(
            [short("Setting"), named("Source"), named("Restored")],
            report.configuration_differences.iter().map(|found| [&found.setting, &found.source, &found.restored].map(Line::from)),
        );
    } else if let Some(note) = sections::configuration_note(report) {
        page.sentences([note]);
    }
    warm_up(page, report);
}

/// Relations that are listed; the facts beside the page name all.
const RELATIONS: usize = 40;

/// What was read of the restored database before clients came; nothing where nothing was to be.
fn warm_up(page: &mut impl Sheet, report: &Report) {
    let Some(warm_up) = &report.warm_up else { return };
    page.heading(3, "Warm-up");
    page.sentences([&warm_up.text]);
    // One reason stands in the sentence, if that is how it ended.
    page.list(warm_up.unread.iter().filter(|why| !warm_up.text.contains(why.as_str()) || warm_up.unread.len() > 1));
    if !warm_up.relations.is_empty() {
        page.table(
            [wide("Relation"), named("Size"), named("Read"), short("To its end")],
            warm_up.relations.iter().take(RELATIONS).map(|warmed| {
                let [all, read] = warmed.sizes();
                [Line::from(&warmed.relation), all.into(), read.into(), if warmed.whole { "yes" } else { "no" }.into()]
            }),
        );
    }
    let more = warm_up.relations.len().saturating_sub(RELATIONS);
    if more > 0 {
        page.sentences([format!("{} more stand in the facts beside this page", count(more, "relation"))]);
    }
}

pub(super) fn difference(page: &mut impl Sheet, report: &Report) {
    page.heading(2, "Difference of the two sides");
    let Some(difference) = report.difference.as_ref().filter(|difference| !difference.tables.is_empty()) else {
        page.sentences(["The two sides were not compared row by row"]);
        return;
    };
    let how = how_compared(&report.source.id);
    page.sentences([format!("Compared {how}, at {}; counts and key ranges, never values", show_time(difference.at))]);
    let keys = |keys: &lifeboat_domain::validation::KeyRanges| {
        if keys.count == 0 { "0".to_owned() } else { format!("{} ({})", keys.count, ranges(keys)) }
    };
    page.table(
        [short("Table"), number("Rows source"), number("Rows restored"), named("Only source"), named("Only restored"), named("Changed")],
        difference.tables.iter().map(|table| {
            [
                Line::from(&table.table),
                table.source_rows.to_string().into(),
                table.restored_rows.to_string().into(),
                keys(&table.only_source).into(),
                keys(&table.only_restored).into(),
                keys(&table.changed).into(),
            ]
        }),
    );
}

pub(super) fn moves(page: &mut impl Sheet, report: &Report) {
    page.heading(2, "Fence and cut-over");
    if report.fence.is_none() && report.cut_over.is_none() {
        page.sentences(["The source was not fenced, and clients were not moved"]);
        return;
    }
    if let Some(fence) = &report.fence {
        let group = fence.group.as_ref().filter(|_| fence.state != FenceState::Opened);
        let group =
            group.map_or_else(String::new, |group| format!("; its groups {} were replaced by {group}", fence.groups_before.join(", ")));
        let stands = format!("{}{group}", phrases::fence(&report.source.id, fence));
        let record = phrases::on_record(&fence.text).filter(|_| fence.state != FenceState::Opened);
        page.sentences(std::iter::once(stands).chain(record));
    }
    if let Some(cut_over) = &report.cut_over {
        for target in &cut_over.targets {
            page.sentences(std::iter::once(phrases::target(target)).chain(phrases::on_record(&target.text)));
        }
    }
    if !report.undo_notes.is_empty() || !report.undo_commands.is_empty() {
        page.heading(3, UNDO);
        page.sentences(&report.undo_notes);
        if !report.undo_commands.is_empty() {
            page.code("sh", report.undo_commands.iter().map(String::as_str));
        }
    }
}

pub(super) fn risks(page: &mut impl Sheet, report: &Report) {
    page.heading(2, "Risks");
    if report.risks.is_empty() {
        page.sentences(["None is named"]);
    } else {
        page.list(&report.risks);
    }
}

pub(super) fn tell_your_iac(page: &mut impl Sheet, report: &Report) {
    page.heading(2, IAC);
    let Some(iac) = &report.tell_your_iac else {
        page.sentences(["Nothing to tell: clients use the same database as before, under the same identifier"]);
        return;
    };
    page.sentences([
        "Infrastructure code that still names the old database may undo this recovery at its next run",
        "Stop its pipelines first, import the new database, and read the next plan: it must not destroy or replace anything",
    ]);
    page.table(
        [short(""), named("Before"), named("Now")],
        iac.changed.iter().map(|line| [Line::from(&line.what), Line::code(&line.before), Line::code(&line.after)]),
    );
    page.heading(3, "Terraform");
    page.sentences(["Set the new identifier in the resource, let the old one be forgotten (nothing is deleted), then import, either by commands or by a block:"]);
    page.code("sh", iac.terraform_commands.iter().map(String::as_str));
    page.code("hcl", iac.terraform_import_block.lines());
    page.heading(3, "CloudFormation");
    page.sentences([
        "Give the old resource DeletionPolicy: Retain, deploy, remove it from the template, deploy; the database stays",
        "Then add the new one to the template and create a change set of type IMPORT with --resources-to-import:",
    ]);
    page.code("json", [iac.cloudformation_resources_to_import.as_str()]);
    page.heading(3, "What did not move");
    page.table(
        [wide("What"), wide("How to find or mend it")],
        iac.did_not_move.iter().map(|line| {
            let how = if line.is_command() { Line::code(&line.how) } else { Line::from(&line.how) };
            [Line::from(&line.what), how]
        }),
    );
}

pub(super) fn kept(page: &mut impl Sheet, report: &Report) {
    page.heading(2, KEPT);
    if report.kept.is_empty() {
        page.sentences(["No second database is kept, so nothing more is paid than before"]);
    }
    for kept in &report.kept {
        let is = if kept.is_certain { "is kept" } else { "may still exist, unless somebody deleted it" };
        page.sentences([
            format!("{} {is}: {}", kept.id, kept.why),
            kept.cost.clone(),
            format!("When you are sure that nobody needs it, release it{}:", kept.release_note),
        ]);
        page.code("sh", kept.release_commands.iter().map(String::as_str));
    }
}

pub(super) fn next_steps(page: &mut impl Sheet, report: &Report) {
    page.heading(2, NEXT);
    if report.next_steps.is_empty() {
        page.sentences(["None"]);
        return;
    }
    page.sentences([format!("{} for a person", count(report.next_steps.len(), "step"))]);
    page.steps(&report.next_steps);
}
