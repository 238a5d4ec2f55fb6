//! The picture of the data: from which moment it is, and what was lost against the promise.

use super::markup::Html;
use super::picture::{Axis, length};
use crate::measure::millis_between;
use crate::report::Report;
use crate::report::times::time_of_day;
use lifeboat_domain::incident::Outcome;
use lifeboat_domain::{Span, Timestamp, show_time};

/// Writes that are gone, or would be.
struct Loss {
    from: Timestamp,
    until: Timestamp,
    is_expected: bool,
}

impl Loss {
    fn of(report: &Report) -> Option<Self> {
        let measured = report.rpo.from.zip(report.rpo.until).map(|(from, until)| Self { from, until, is_expected: false });
        // Data that is newer than the last write before the outage is nothing lost.
        measured.or_else(|| Self::expected(report)).filter(|loss| loss.from < loss.until)
    }

    /// What the plan in force expects to lose, where it would move clients and has not.
    fn expected(report: &Report) -> Option<Self> {
        let asks = matches!(report.outcome, Outcome::Planned | Outcome::Refused | Outcome::HeldByValidation);
        let plan = report.plan.as_ref().filter(|plan| asks && plan.moves_clients)?;
        let loss = plan.options.iter().find(|option| plan.remedy == Some(option.remedy))?.forecast.loss?;
        let from = plan.restore_point?;
        from.checked_add_signed(loss.as_delta()).map(|until| Self { from, until, is_expected: true })
    }

    fn name(&self) -> &'static str {
        if self.is_expected { "would be lost" } else { "data lost" }
    }
}

/// The moments of a report's data, oldest first.
fn moments(report: &Report) -> Vec<(&'static str, Timestamp)> {
    let began = if report.began_with_request { "request" } else { "first signal" };
    let point = report.plan.as_ref().and_then(|plan| plan.restore_point).map(|at| ("restore point", at));
    let newest = report.validation.as_ref().and_then(|validation| validation.newest_data).map(|at| ("newest data", at));
    let mut moments: Vec<_> = point.into_iter().chain(newest).collect();
    if !moments.is_empty() {
        moments.push((began, report.first_signal_at));
    }
    moments.sort_by_key(|(_, at)| *at);
    moments
}

pub(super) fn draw(page: &mut Html, report: &Report) {
    let moments = moments(report);
    let first = report.first_signal_at;
    let loss = Loss::of(report);
    let ends = || moments.iter().map(|(_, at)| *at).chain(loss.iter().flat_map(|loss| [loss.from, loss.until]));
    let (Some(from), Some(until)) = (ends().min(), ends().max()) else { return };
    let objective = report.rpo.objective_seconds.map(Span::seconds).zip(loss.as_ref());
    let promised = objective.and_then(|(objective, loss)| loss.until.checked_sub_signed(objective.as_delta()));
    let far = |at: Timestamp| Axis::reaches(millis_between(from, until).max(1), millis_between(at, until));
    let shown = promised.filter(|at| far(*at));
    let from = shown.map_or(from, |at| at.min(from));
    // Some air at both ends, so that nothing stands on the edge.
    let air = Span::seconds((millis_between(from, until) / 12_000).max(1)).as_delta();
    let mut axis = Axis::new(first, from - air, until + air, moments.len() + usize::from(loss.is_some()), u64::from(promised.is_some()));
    axis.keep_clear(shown);
    page.block("figure", &[], |page| {
        page.block("figcaption", &[], |page| page.prose(&caption(report, loss.as_ref())));
        let title = format!("Age of the data of {}", report.resource);
        axis.draw(page, "data-time", &title, &described(report, &moments, loss.as_ref()), |page| {
            if let Some((objective, _)) = objective {
                match shown {
                    Some(at) => {
                        axis.shade(page, axis.from(), at);
                        axis.line(page, "objective", at, 0, &format!("RPO objective {objective}"));
                    }
                    None => axis.beyond(page, false, 0, &format!("← RPO objective {objective}, far to the left")),
                }
            }
            for (place, (name, at)) in moments.iter().enumerate() {
                axis.name(page, place, name);
                axis.mark(page, place, *at, &time_of_day(first, *at));
            }
            if let Some(loss) = &loss {
                axis.name(page, moments.len(), loss.name());
                axis.bar(page, if loss.is_expected { "bar expected" } else { "bar lost" }, moments.len(), loss.from, loss.until);
                axis.beside_bar(page, moments.len(), loss.from, loss.until, &length(loss.from, loss.until));
            }
        });
    });
}

fn caption(report: &Report, loss: Option<&Loss>) -> String {
    match loss {
        Some(loss) if loss.is_expected => "Data: what the plan expects to lose, if it is carried out".to_owned(),
        Some(_) => format!("Data: writes lost, {}", report.rpo.text),
        None => format!("Data: {}", report.rpo.text),
    }
}

fn described(report: &Report, moments: &[(&str, Timestamp)], loss: Option<&Loss>) -> String {
    let moments: Vec<String> = moments.iter().map(|(name, at)| format!("{name} {}", show_time(*at))).collect();
    let lost = loss.map_or_else(String::new, |loss| {
        format!(" {} from {} to {}, {}.", loss.name(), show_time(loss.from), show_time(loss.until), length(loss.from, loss.until))
    });
    format!("Moments: {}.{lost} RPO: {}.", moments.join(", "), report.rpo.verdict())
}
