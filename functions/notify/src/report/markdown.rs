//! The report as Markdown.

use super::page::{Page, code};
use super::times::{bar, offset, time_of_day};
use super::{Report, calls, sections};
use crate::rows::ranges;
use crate::text::count;
use lifeboat_domain::acting::{CutOverState, FenceState};
use lifeboat_domain::words::Grade;
use lifeboat_domain::{Span, show_time};

/// Renders it.
pub(crate) fn markdown(report: &Report) -> String {
    let mut page = Page::default();
    page.heading(1, &report.headline);
    summary(&mut page, report);
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
    next_steps(&mut page, report);
    page.into_text()
}

fn summary(page: &mut Page, report: &Report) {
    let mut rows = vec![
        ["Resource".to_owned(), format!("{} ({}, policy {})", report.resource, report.kind, report.policy)],
        ["Scenario".to_owned(), sections::scenario(report)],
        ["Outcome".to_owned(), format!("**{}**", report.outcome)],
        ["RTO".to_owned(), report.rto.verdict("**")],
        ["RPO".to_owned(), report.rpo.verdict("**")],
    ];
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
    page.table(["Summary", ""], rows);
}

fn what_happened(page: &mut Page, report: &Report) {
    page.heading(2, "What happened");
    page.sentences(&report.what_happened);
    page.sentences([sections::where_clients_are(report)]);
    let measures = [("RTO", &report.rto), ("RPO", &report.rpo)];
    let measured: Vec<String> = measures
        .iter()
        .filter(|(_, measure)| measure.seconds.is_some())
        .map(|(name, measure)| format!("{name}: {}", measure.text))
        .collect();
    if !measured.is_empty() {
        page.list(measured);
    }
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
    let total: u64 = report.phases.iter().map(|phase| phase.seconds).sum();
    page.sentences([
        format!("Offsets count from the first signal at {}; the lines cover {}", show_time(first), Span::seconds(total)),
        "A phase is credited with the time that led to each of its lines".to_owned(),
    ]);
    let of_rto = |seconds: u64| {
        report.rto.objective_seconds.filter(|rto| *rto > 0).map_or_else(String::new, |rto| format!("{} %", (seconds * 100).div_ceil(rto)))
    };
    page.table(
        ["Phase", "First line", "Took", "Of the RTO", "Share"],
        report.phases.iter().map(|phase| {
            let seconds = phase.seconds;
            let first_line = format!("+{}", Span::seconds(phase.first_offset_seconds));
            [phase.phase.to_string(), first_line, Span::seconds(seconds).to_string(), of_rto(seconds), bar(seconds, total)]
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
        let group = match (&fence.group, fence.state) {
            (_, FenceState::Opened) => "it was opened again".to_owned(),
            (Some(group), _) => format!("its groups {} were replaced by {group}", fence.groups_before.join(", ")),
            (None, _) => "no group was changed".to_owned(),
        };
        page.sentences([
            format!("The fence around {} is {} since {}: {group}", report.source.id, fence.state, show_time(fence.at)),
            format!("On record: {}", fence.text),
        ]);
    }
    if let Some(cut_over) = &report.cut_over {
        let (before, after) = (&cut_over.endpoint_before, &cut_over.endpoint_after);
        let moved = match cut_over.state {
            CutOverState::Undone => format!("back to {}:{}", before.host, before.port),
            CutOverState::Moving | CutOverState::Moved | CutOverState::Verified => {
                format!("from {}:{} to {}:{}", before.host, before.port, after.host, after.port)
            }
        };
        page.sentences([
            format!("The cut-over of secret {} is {} since {}: {moved}", cut_over.secret, cut_over.state, show_time(cut_over.at)),
            format!("On record: {}", cut_over.text),
        ]);
    }
    if !report.undo_commands.is_empty() {
        page.heading(3, "Undo");
        page.sentences(["Once a client has written to the new database, going back loses those writes: then ask for a new plan instead"]);
        page.sentences(report.undo_note.iter());
        page.code("sh", report.undo_commands.iter().map(String::as_str));
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
    page.heading(2, "Tell your IaC");
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
    page.heading(2, "What is kept, and what it costs");
    if report.kept.is_empty() {
        page.sentences(["No second database is kept, so nothing more is paid than before"]);
    }
    for kept in &report.kept {
        page.sentences([
            format!("{} is kept: {}", kept.id, kept.why),
            kept.cost.clone(),
            format!("When you are sure that nobody needs it, release it{}:", kept.release_note),
        ]);
        page.code("sh", kept.release_commands.iter().map(String::as_str));
    }
}

fn next_steps(page: &mut Page, report: &Report) {
    page.heading(2, "Next steps");
    if report.next_steps.is_empty() {
        page.sentences(["None"]);
        return;
    }
    page.sentences([format!("{} for a person", count(report.next_steps.len(), "step"))]);
    for (index, advice) in report.next_steps.iter().enumerate() {
        page.step(index + 1, &advice.say, &advice.commands);
    }
}
