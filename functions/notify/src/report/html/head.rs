//! The top of the page: how it ended, how bad that is, and the four numbers.

use super::markup::Html;
use super::sheet::{Tone, badge};
use crate::calls::CallFate;
use crate::measure::Measure;
use crate::message::Severity;
use crate::report::{Report, body, sections};
use crate::text::one_line;
use lifeboat_domain::{Span, show_time};

const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Info => Tone::Good,
        Severity::Warning => Tone::Warn,
        Severity::Critical => Tone::Bad,
    }
}

pub(super) fn head(page: &mut Html, report: &Report) {
    let class = match report.severity {
        Severity::Info => "head good",
        Severity::Warning => "head warn",
        Severity::Critical => "head bad",
    };
    page.block("header", &[("class", class)], |page| {
        page.block("p", &[("class", "outcome")], |page| {
            badge(page, tone(report.severity), &report.outcome.as_str().replace('_', " "));
            let scenario = report.scenario.map_or_else(|| "no scenario".to_owned(), |scenario| scenario.to_string());
            let about = format!("{} · {scenario} · severity {}", report.resource, report.severity.as_str());
            page.element("span", &[], &about);
        });
        page.element("h1", &[], &one_line(&report.headline));
        let began = if report.began_with_request { "Request" } else { "First signal" };
        let times = format!("{began} {} · report {}", show_time(report.first_signal_at), show_time(report.written_at));
        page.block("p", &[("class", "times")], |page| page.prose(&times));
        page.block("dl", &[("class", "tiles")], |page| {
            for (name, measure) in body::measures(report) {
                measured(page, name, measure);
            }
            checks(page, report);
            calls(page, report);
        });
    });
}

fn tile(page: &mut Html, name: &str, value: &str, verdict: Option<(Tone, &str)>, more: &str) {
    page.block("div", &[], |page| {
        page.element("dt", &[], name);
        page.element("dd", &[("class", "value")], value);
        page.block("dd", &[("class", "more")], |page| {
            if let Some((tone, word)) = verdict {
                badge(page, tone, word);
                page.text(" ");
            }
            page.block("span", &[], |page| page.prose(more));
        });
    });
}

fn measured(page: &mut Html, name: &str, measure: &Measure) {
    let objective = measure
        .objective_seconds
        .map_or_else(|| "objective not known".to_owned(), |seconds| format!("objective {}", Span::seconds(seconds)));
    let verdict = measure.met.map(|met| if met { (Tone::Good, "met") } else { (Tone::Bad, "missed") });
    match measure.in_words() {
        Some(value) => tile(page, name, &value, verdict, &objective),
        None => tile(page, name, "not measured", None, &format!("{objective}: {}", measure.text)),
    }
}

fn checks(page: &mut Html, report: &Report) {
    match &report.validation {
        Some(validation) => {
            let grade = validation.grade;
            tile(page, "Checks", &sections::passed(validation), Some((Tone::of(grade), grade.as_str())), "");
        }
        None => tile(page, "Checks", "none", None, "no restored database was checked"),
    }
}

fn calls(page: &mut Html, report: &Report) {
    let done = report.calls.iter().filter(|line| line.fate == CallFate::Done).count();
    let verdict = if report.calls_equal_plan { (Tone::Good, "as planned") } else { (Tone::Bad, "not as planned") };
    let extra = report.extra_calls.len();
    if done == 0 && extra == 0 && report.calls_equal_plan {
        let planned = if report.calls.is_empty() { String::new() } else { format!("{} planned", report.calls.len()) };
        return tile(page, "Calls made", "none", None, &planned);
    }
    let more = if extra == 0 { String::new() } else { format!("{extra} more that no plan holds") };
    tile(page, "Calls made", &format!("{done} of {}", report.calls.len()), Some(verdict), &more);
}
