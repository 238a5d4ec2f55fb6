//! The report as Markdown.

use super::page::{Page, code};
use super::times::{bar, offset, time_of_day};
use super::{Report, calls, sections};
use crate::measure::Measure;
use crate::message::parts::{IAC, KEPT, NEXT, UNDO};
use crate::phrases;
use crate::rows::ranges;
use crate::text::{count, percent, took_millis};
use lifeboat_domain::acting::FenceState;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::words::Grade;
use lifeboat_domain::{Span, show_time};

/// Renders it.
pub(crate) fn markdown(report: &Report) -> String {
    let mut page = Page::default();
    page.heading(1, &report.headline);
    page.heading(2, "In short");
    page.list(&report.in_short);
    next_steps(&mut page, report);
    facts(&mut page, report);
    what_happened(&mut page, report);
    timeline(&mut page, report);
    calls::plan_against_calls(&mut page, report);
    calls::options(&mut page, report);
    checks(&mut page, report);
    difference(&mut page, report);
    moves(&mut page, report);
    risks(&mut page, report);
    tell_your_iac(&mut page, report);
    kept(&mut page, report);
    page.into_text()
}

fn facts(page: &mut Page, report: &Report) {
    page.heading(2, "Facts");
    let mut rows = vec![
        ["Resource".to_owned(), format!("{} ({}, policy {})", report.resource, report.kind, report.policy)],
        ["Scenario".to_owned(), sections::scenario(report)],
        ["Outcome".to_owned(), format!("**{}**", report.outcome)],
    ];
    rows.extend(measures(report).map(|(name, measure)| [name.to_owned(), measure.verdict("**")]));
    match &report.rows {
        Some(found) => {
            rows.push(["Rows only on the source".to_owned(), found.only_source.to_string()]);
            rows.push(["Rows only on the restored side".to_owned(), found.only_restored.to_string()]);
            rows.push(["Rows that differ".to_owned(), found.changed.to_string()]);
        }
        None => rows.push(["Rows only on one side".to_owned(), "not measured: the two sides were not compared".to_owned()]),
    }
    let none_made = report.calls.iter().all(|line| line.sent_at.is_none()) && report.extra_calls.is_empty();
    let equal = match (report.calls_equal_plan, none_made) {
        (true, true) => "yes: no call was made",
        (true, false) => "yes",
        (false, _) => "**no**",
    };
    let checks = report.validation.as_ref().map_or_else(
        || "none were run".to_owned(),
        |validation| {
            let passed = validation.checks.iter().filter(|check| check.grade == Grade::Pass).count();
            format!("{} ({passed} of {} passed)", validation.grade, validation.checks.len())
        },
    );
    rows.push(["Checks".to_owned(), checks]);
    rows.push(["Calls equal the plan".to_owned(), equal.to_owned()]);
    rows.push(["Incident".to_owned(), format!("{}, attempt {}", code(report.incident.as_str()), report.attempt)]);
    let execution = report.execution.rsplit(':').next().unwrap_or_default();
    rows.push([
        "Execution".to_owned(),
        report.console.as_ref().map_or_else(|| execution.to_owned(), |console| format!("[{execution}]({console})")),
    ]);
    rows.push(["Written".to_owned(), show_time(report.written_at)]);
    page.table(["Fact", ""], rows);
}

/// RTO and RPO; none where nothing was down.
fn measures(report: &Report) -> impl Iterator<Item = (&'static str, &Measure)> {
    let was_down = report.outcome != Outcome::SelfHealed || report.rto.seconds.is_some();
    [("RTO", &report.rto), ("RPO", &report.rpo)].into_iter().filter(move |_| was_down)
}

fn what_happened(page: &mut Page, report: &Report) {
    page.heading(2, "What happened");
    page.sentences(&report.what_happened);
    page.sentences([phrases::clients(&report.source.id, report.cut_over.as_ref())]);
    page.list(measures(report).filter(|(_, measure)| measure.seconds.is_some()).map(|(name, measure)| format!("{name}: {}", measure.text)));
    if !report.signals.is_empty() {
        page.heading(3, "Evidence");
        let rows = report.signals.iter().map(|signal| {
            [time_of_day(report.first_signal_at, signal.at), signal.source.clone(), signal.plane.to_string(), signal.text.clone()]
        });
        page.table(["Time", "Signal", "Plane", "What it said"], rows);
    }
}

fn timeline(page: &mut Page, report: &Report) {
    page.heading(2, "Timeline");
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
    let objective = report.rto.objective_seconds.filter(|rto| *rto > 0);
    let of_objective = objective.map_or_else(|| "Of the objective".to_owned(), |rto| format!("Of the objective ({})", Span::seconds(rto)));
    page.table(
        ["Phase", "First line", "Took", of_objective.as_str(), "Share of all"],
        report.phases.iter().map(|phase| {
            let millis = phase.milliseconds;
            let first_line = report.timeline.iter().find(|entry| entry.phase == phase.phase).map(|entry| offset(first, entry.at));
            let share = format!("{} {}", bar(millis, total), percent(millis, total));
            let of_objective = objective.map_or_else(String::new, |rto| percent(millis, rto * 1000));
            [phase.phase.to_string(), first_line.unwrap_or_default(), took_millis(millis), of_objective, share.trim().to_owned()]
        }),
    );
    page.table(
        ["Offset", "Time", "Phase", "What"],
        report
            .timeline
            .iter()
            .map(|entry| [offset(first, entry.at), time_of_day(first, entry.at), entry.phase.to_string(), entry.text.clone()]),
    );
}

fn checks(page: &mut Page, report: &Report) {
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
    let grade = |grade: Grade| if grade == Grade::Pass { grade.to_string() } else { format!("**{grade}**") };
    page.table(
        ["Check", "Grade", "What was found", "ms"],
        validation.checks.iter().map(|check| [check.name.clone(), grade(check.grade), check.text.clone(), check.millis.to_string()]),
    );
    if !report.configuration_differences.is_empty() {
        page.heading(3, "Settings that differ from the source");
        page.table(
            ["Setting", "Source", "Restored"],
            report.configuration_differences.iter().map(|found| [found.setting.clone(), found.source.clone(), found.restored.clone()]),
        );
    } else if let Some(note) = sections::configuration_note(report) {
        page.sentences([note]);
    }
}

fn difference(page: &mut Page, report: &Report) {
    page.heading(2, "Difference of the two sides");
    let Some(difference) = report.difference.as_ref().filter(|difference| !difference.tables.is_empty()) else {
        page.sentences(["The two sides were not compared row by row"]);
        return;
    };
    page.sentences([format!("Compared by key at {}; counts and key ranges, never values", show_time(difference.at))]);
    let keys = |keys: &lifeboat_domain::validation::KeyRanges| {
        if keys.count == 0 { "0".to_owned() } else { format!("{} ({})", keys.count, ranges(keys)) }
    };
    page.table(
        ["Table", "Rows source", "Rows restored", "Only source", "Only restored", "Changed"],
        difference.tables.iter().map(|table| {
            [
                table.table.clone(),
                table.source_rows.to_string(),
                table.restored_rows.to_string(),
                keys(&table.only_source),
                keys(&table.only_restored),
                keys(&table.changed),
            ]
        }),
    );
}

fn moves(page: &mut Page, report: &Report) {
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
        page.sentences(std::iter::once(stands).chain(phrases::on_record(&fence.text)));
    }
    if let Some(cut_over) = &report.cut_over {
        page.sentences(std::iter::once(phrases::cut_over(cut_over)).chain(phrases::on_record(&cut_over.text)));
    }
    if !report.undo_notes.is_empty() || !report.undo_commands.is_empty() {
        page.heading(3, UNDO);
        page.sentences(&report.undo_notes);
        if !report.undo_commands.is_empty() {
            page.code("sh", report.undo_commands.iter().map(String::as_str));
        }
    }
}

fn risks(page: &mut Page, report: &Report) {
    page.heading(2, "Risks");
    if report.risks.is_empty() {
        page.sentences(["None is named"]);
    } else {
        page.list(&report.risks);
    }
}

fn tell_your_iac(page: &mut Page, report: &Report) {
    page.heading(2, IAC);
    let Some(iac) = &report.tell_your_iac else {
        page.sentences(["Nothing to tell: clients use the same database as before, under the same identifier"]);
        return;
    };
    page.sentences([
        "Infrastructure code that still names the old database may undo this recovery at its next run",
        "Stop its pipelines first, import the new database, and read the next plan: it must not destroy or replace anything",
    ]);
    page.table(["", "Before", "Now"], iac.changed.iter().map(|line| [line.what.clone(), code(&line.before), code(&line.after)]));
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
        ["What", "How to find or mend it"],
        iac.did_not_move.iter().map(|line| [line.what.clone(), if line.is_command() { code(&line.how) } else { line.how.clone() }]),
    );
}

fn kept(page: &mut Page, report: &Report) {
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

fn next_steps(page: &mut Page, report: &Report) {
    page.heading(2, NEXT);
    if report.next_steps.is_empty() {
        page.sentences(["None"]);
        return;
    }
    page.sentences([format!("{} for a person", count(report.next_steps.len(), "step"))]);
    for (index, advice) in report.next_steps.iter().enumerate() {
        page.step(index + 1, advice);
    }
}
