//! The report as one page of HTML: no script, nothing from elsewhere, fit for a phone, a desktop and paper.

mod data;
mod head;
mod markup;
mod phases;
mod picture;
mod sheet;

use super::line::Line;
use super::sheet::{Sheet, anchor};
use super::{Report, body, calls};
use crate::message::parts::{IAC, KEPT, NEXT};
use crate::text::one_line;
use markup::Html;

const STYLE: &str = include_str!("style.css");
/// Even if markup of others got in, it would neither run nor fetch anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Renders it.
pub(crate) fn html(report: &Report) -> String {
    let mut page = Html::default();
    page.ours("<!doctype html>\n");
    page.block("html", &[("lang", "en")], |page| {
        page.block("head", &[], |page| {
            page.ours("<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
            page.ours("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
            page.open("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
            page.ours("\n");
            page.element("title", &[], &one_line(&report.headline));
            page.ours("\n<style>\n");
            page.ours(STYLE);
            page.ours("</style>\n");
        });
        page.block("body", &[], |page| {
            page.ours("<a class=\"skip\" href=\"#next-steps\">To the next steps</a>\n");
            head::head(page, report);
            page.block("main", &[], |page| sections(page, report));
            foot(page, report);
        });
    });
    page.into_text()
}

type Section = (&'static str, fn(&mut Html, &Report));

/// The sections in their order, each under the heading that it writes.
const SECTIONS: [Section; 13] = [
    (NEXT, |page, report| body::next_steps(page, report)),
    ("Timeline", timeline),
    ("Checks", |page, report| body::checks(page, report)),
    ("Plan against calls", |page, report| calls::plan_against_calls(page, report)),
    ("Options considered", |page, report| calls::options(page, report)),
    ("Difference of the two sides", |page, report| body::difference(page, report)),
    ("Fence and cut-over", |page, report| body::moves(page, report)),
    (IAC, |page, report| body::tell_your_iac(page, report)),
    (KEPT, |page, report| body::kept(page, report)),
    ("Risks", |page, report| body::risks(page, report)),
    ("What happened", |page, report| body::what_happened(page, report)),
    ("Evidence", |page, report| body::evidence(page, report)),
    ("Facts", |page, report| body::facts(page, report)),
];

fn is_there(name: &str, report: &Report) -> bool {
    match name {
        "Options considered" => report.plan.as_ref().is_some_and(|plan| !plan.options.is_empty()),
        "Evidence" => !report.signals.is_empty(),
        _ => true,
    }
}

fn sections(page: &mut Html, report: &Report) {
    in_short(page, report);
    let sections: Vec<&Section> = SECTIONS.iter().filter(|(name, _)| is_there(name, report)).collect();
    page.block("nav", &[("aria-label", "Sections")], |page| {
        page.block("ul", &[], |page| {
            for (name, _) in &sections {
                page.block("li", &[], |page| page.element("a", &[("href", &format!("#{}", anchor(name)))], name));
            }
        });
    });
    for (name, write) in sections {
        page.block("section", &[("aria-labelledby", &anchor(name))], |page| write(page, report));
    }
}

fn timeline(page: &mut Html, report: &Report) {
    page.heading(2, "Timeline");
    phases::draw(page, report);
    data::draw(page, report);
    body::timeline_tables(page, report);
}

/// The lines are Markdown: a name in bold, a sentence; one of them leads to sections.
fn in_short(page: &mut Html, report: &Report) {
    page.block("section", &[("class", "short"), ("aria-labelledby", "in-short")], |page| {
        page.heading(2, "In short");
        page.block("dl", &[], |page| {
            for said in &report.in_short {
                let named = said.strip_prefix("**").and_then(|rest| rest.split_once(":** "));
                let (name, text) = named.unwrap_or(("", said));
                page.block("div", &[], |page| {
                    page.element("dt", &[], name);
                    page.block("dd", &[], |page| sheet::line(page, &with_links(text).sentence()));
                });
            }
        });
    });
}

/// `[Undo](#undo)` as a link; anything else stays text.
fn with_links(text: &str) -> Line {
    let mut line = Line::default();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let link = after.split_once("](#").and_then(|(name, end)| end.split_once(')').map(|(target, end)| (name, target, end)));
        match link.filter(|(name, target, _)| anchor(name) == *target) {
            Some((name, _, end)) => {
                line = line.then(before).then_section(name);
                rest = end;
            }
            None => {
                line = line.then(format!("{before}["));
                rest = after;
            }
        }
    }
    line.then(rest)
}

fn foot(page: &mut Html, report: &Report) {
    page.block("footer", &[], |page| {
        page.block("p", &[], |page| {
            page.prose(&format!("Written by Lifeboat at {} for incident ", lifeboat_domain::show_time(report.written_at)));
            page.element("code", &[], report.incident.as_str());
            page.text(&format!(
                ". All times are UTC. The same facts lie beside this page as Markdown and as JSON; policy {} ",
                report.policy
            ));
            page.text("had the hash ");
            page.element("code", &[], &report.policy_hash);
            page.text(".");
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::line::Piece;

    #[test]
    fn only_sections_become_links() {
        let line = with_links("[Undo](#undo), [click](#undo), [x](javascript:alert(1)) and [");
        assert_eq!(line.0.iter().filter(|piece| matches!(piece, Piece::Section(_))).count(), 1, "{line:?}");
        let mut html = Html::default();
        sheet::line(&mut html, &line);
        assert_eq!(html.into_text(), "<a href=\"#undo\">Undo</a>, [click](#undo), [x](javascript:alert(1)) and [");
    }
}
