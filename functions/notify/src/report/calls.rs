//! The plan against the calls, and the options that were weighed.

use super::Report;
use super::line::Line;
use super::sheet::{Sheet, named, short, wide};
use super::times::time_of_day;
use crate::calls::{CallFate, CallLine};
use crate::measure::millis_between;
use crate::text::{count, took, took_millis};
use lifeboat_domain::Span;
use lifeboat_domain::plan::RankedOption;

/// "Plan against calls".
pub(super) fn plan_against_calls(page: &mut impl Sheet, report: &Report) {
    page.heading(2, "Plan against calls");
    let Some(plan) = &report.plan else {
        page.sentences(["No plan was made, so no call was planned"]);
        return;
    };
    let made = report.calls.iter().filter(|line| line.fate == CallFate::Done).count();
    let not_reached = report.calls.iter().filter(|line| line.fate == CallFate::NotReached).count();
    let verdict = if report.calls_equal_plan { "The calls made equal the plan" } else { "The calls made do not equal the plan" };
    let mut sentences = vec![
        Line::from("Plan ").then_code(plan.hash.as_str()).then(format!(" was made at {}", lifeboat_domain::show_time(plan.made_at))),
        Line::from(format!(
            "{verdict}: {made} of {} done, {} made that no plan holds",
            count(report.calls.len(), "planned call"),
            report.extra_calls.len()
        )),
    ];
    if not_reached > 0 {
        sentences.push(format!("Not reached: {}", count(not_reached, "planned call")).into());
    }
    page.sentences(sentences);
    if !report.calls.is_empty() {
        table(page, report, &report.calls);
        let whys = report.calls.iter().filter_map(|line| line.why.as_ref().map(|why| format!("{}: {why}", line.number)));
        page.sentences(["Why each call was planned:"]);
        page.list(whys);
    }
    if !report.extra_calls.is_empty() {
        page.heading(3, "Calls that no plan holds");
        table(page, report, &report.extra_calls);
    }
    if !report.earlier_calls.is_empty() {
        page.heading(3, "Calls of earlier plans of this incident");
        table(page, report, &report.earlier_calls);
    }
}

fn table(page: &mut impl Sheet, report: &Report, lines: &[CallLine]) {
    let first = report.first_signal_at;
    page.table(
        [short("#"), short("Phase"), wide("Call"), named("Fate"), named("Sent at"), named("Took")],
        lines.iter().map(|line| {
            let fate = match (line.fate, &line.text) {
                (CallFate::Done, _) | (_, None) => line.fate.in_words().to_owned(),
                (_, Some(text)) => format!("{}: {text}", line.fate.in_words()),
            };
            [
                line.number.to_string().into(),
                Line::from(line.phase.as_str()),
                Line::from(&line.call),
                fate.into(),
                line.sent_at.map(|at| time_of_day(first, at)).unwrap_or_default().into(),
                line.sent_at.zip(line.ended_at).map(|(sent, ended)| took_millis(millis_between(sent, ended))).unwrap_or_default().into(),
            ]
        }),
    );
}

/// "Options considered".
pub(super) fn options(page: &mut impl Sheet, report: &Report) {
    let Some(plan) = report.plan.as_ref().filter(|plan| !plan.options.is_empty()) else { return };
    page.heading(2, "Options considered");
    page.sentences(["Best first, as the decision matrix ranks them for this scenario"]);
    let fate = |option: &RankedOption| {
        if plan.remedy == Some(option.remedy) {
            Line::strong("chosen")
        } else if option.possible {
            "possible".into()
        } else {
            "impossible".into()
        }
    };
    let span = |span: Option<Span>| span.map_or_else(|| "not known".to_owned(), took);
    page.table(
        [short("Option"), short(""), named("Expected time"), named("Expected loss"), wide("Reason")],
        plan.options.iter().map(|option| {
            let forecast = &option.forecast;
            [
                Line::from(option.remedy.as_str()),
                fate(option),
                span(forecast.rto).into(),
                span(forecast.loss).into(),
                Line::from(&option.reason),
            ]
        }),
    );
    if let Some(chosen) = plan.options.iter().find(|option| plan.remedy == Some(option.remedy)) {
        let forecast = &chosen.forecast;
        page.list([
            format!("Evidence for the expected time: {}", forecast.rto_evidence),
            format!("Cost: {}", forecast.cost),
            format!("Main risk: {}", forecast.risk),
        ]);
    }
}
