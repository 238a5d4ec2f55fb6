//! The picture of the phases: what took how long, against the promised time to recovery.

use super::markup::Html;
use super::picture::Axis;
use crate::measure::millis_between;
use crate::report::Report;
use crate::report::times::offset;
use crate::text::took_millis;
use lifeboat_domain::incident::{Phase, TimelineEntry};
use lifeboat_domain::{Span, Timestamp, show_time};

/// A phase's stretches of time, as its lines and those before them bound it.
struct Row {
    phase: Phase,
    stretches: Vec<(Timestamp, Timestamp)>,
    millis: u64,
}

/// Shares the time out as the table of the phases does.
fn rows(first: Timestamp, timeline: &[TimelineEntry]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut before = first;
    for entry in timeline {
        let until = before.max(entry.at);
        let place = rows.iter().position(|row| row.phase == entry.phase).unwrap_or_else(|| {
            rows.push(Row { phase: entry.phase, stretches: Vec::new(), millis: 0 });
            rows.len() - 1
        });
        if let Some(row) = rows.get_mut(place) {
            row.millis += millis_between(before, until);
            match row.stretches.last_mut() {
                Some(last) if last.1 == before => last.1 = until,
                _ => row.stretches.push((before, until)),
            }
        }
        before = until;
    }
    rows
}

pub(super) fn draw(page: &mut Html, report: &Report) {
    let first = report.first_signal_at;
    let rows = rows(first, &report.timeline);
    let Some(last) = report.timeline.iter().map(|entry| entry.at).chain(report.rto.until).max().filter(|_| !rows.is_empty()) else {
        return;
    };
    let objective = report.rto.objective_seconds.filter(|seconds| *seconds > 0);
    let promised = objective.and_then(|seconds| first.checked_add_signed(Span::seconds(seconds).as_delta()));
    let shown = promised.filter(|at| Axis::reaches(millis_between(first, last).max(1), millis_between(first, *at)));
    let levels = u64::from(promised.is_some()) + u64::from(report.rto.until.is_some());
    let mut axis = Axis::new(first, first, shown.map_or(last, |at| at.max(last)), rows.len(), levels);
    axis.keep_clear(shown.into_iter().chain(report.rto.until));
    page.block("figure", &[], |page| {
        let since = if report.began_with_request { "request" } else { "first signal" };
        page.block("figcaption", &[], |page| page.prose(&format!("Phases, counted from the {since} at {}", show_time(first))));
        let title = format!("Phases of the recovery of {}", report.resource);
        axis.draw(page, "phases", &title, &described(report, &rows), |page| {
            if let Some(served) = report.rto.until {
                let what = if report.began_with_request { "clients moved" } else { "served again" };
                axis.line(
                    page,
                    "served",
                    served,
                    u64::from(promised.is_some() && shown.is_none()),
                    &format!("{what} {}", offset(first, served)),
                );
            }
            objective_line(page, report, &axis, promised, shown);
            for (place, row) in rows.iter().enumerate() {
                axis.name(page, place, row.phase.as_str());
                for (from, until) in &row.stretches {
                    axis.bar(page, "bar", place, *from, *until);
                }
                if let (Some((from, _)), Some((_, until))) = (row.stretches.first(), row.stretches.last()) {
                    axis.beside_bar(page, place, *from, *until, &took_millis(row.millis));
                }
            }
        });
    });
}

fn objective_line(page: &mut Html, report: &Report, axis: &Axis, promised: Option<Timestamp>, shown: Option<Timestamp>) {
    let Some(objective) = report.rto.objective_seconds.map(Span::seconds) else { return };
    let level = u64::from(report.rto.until.is_some());
    match (shown, promised) {
        (Some(at), _) => {
            axis.shade(page, at, axis.until());
            axis.line(page, "objective", at, level, &format!("RTO objective {objective}"));
        }
        (None, Some(_)) => axis.beyond(page, true, 0, &format!("RTO objective {objective}, far to the right →")),
        (None, None) => {}
    }
}

fn described(report: &Report, rows: &[Row]) -> String {
    let phases: Vec<String> = rows.iter().map(|row| format!("{} {}", row.phase, took_millis(row.millis))).collect();
    format!("One bar for each phase: {}. RTO: {}.", phases.join(", "), report.rto.verdict())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(second: u32, phase: Phase) -> TimelineEntry {
        let at = format!("2026-01-15T10:30:{second:02}Z").parse().unwrap();
        TimelineEntry { at, phase, text: String::new() }
    }

    #[test]
    fn a_phase_that_comes_back_has_two_stretches_and_neighbours_are_one() {
        let lines = [entry(2, Phase::Judge), entry(5, Phase::Judge), entry(6, Phase::Act), entry(9, Phase::Judge), entry(8, Phase::Act)];
        let rows = rows("2026-01-15T10:30:00Z".parse().unwrap(), &lines);
        let found: Vec<(Phase, usize, u64)> = rows.iter().map(|row| (row.phase, row.stretches.len(), row.millis)).collect();
        assert_eq!(found, [(Phase::Judge, 2, 8000), (Phase::Act, 2, 1000)]);
    }
}
