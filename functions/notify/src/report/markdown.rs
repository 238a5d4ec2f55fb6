//! The report as Markdown.

use super::page::Page;
use super::sheet::Sheet;
use super::{Report, body, calls};

/// Renders it.
pub(crate) fn markdown(report: &Report) -> String {
    let mut page = Page::default();
    page.heading(1, &report.headline);
    page.heading(2, "In short");
    page.list(&report.in_short);
    body::next_steps(&mut page, report);
    body::facts(&mut page, report);
    body::what_happened(&mut page, report);
    body::evidence(&mut page, report);
    body::timeline(&mut page, report);
    calls::plan_against_calls(&mut page, report);
    calls::options(&mut page, report);
    body::checks(&mut page, report);
    body::difference(&mut page, report);
    body::moves(&mut page, report);
    body::risks(&mut page, report);
    body::tell_your_iac(&mut page, report);
    body::kept(&mut page, report);
    page.into_text()
}
