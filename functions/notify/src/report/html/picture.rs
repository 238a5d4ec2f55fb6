//! What both pictures share: a time axis in per cent of the width, so that letters keep their size on every screen.

use super::markup::Html;
use crate::measure::millis_between;
use crate::report::times::offset;
use crate::text::took_millis;
use lifeboat_domain::{Span, Timestamp};

/// Where names of rows end and time begins, in hundredths of a per cent of the width; and where it ends.
const LEFT: u64 = 2_600;
const RIGHT: u64 = 9_900;
/// Words in the middle of a place beyond this would leave the picture.
const EDGE: u64 = RIGHT - 800;
/// Room above the rows: some air, and the names of lines; and the room of one row.
const AIR: u64 = 10;
const LEVEL: u64 = 16;
const ROW: u64 = 26;
const AXIS: u64 = 28;
/// The room that a length of time takes beside its bar, on a small screen.
const WORDS: u64 = 1_600;
/// At most so many ticks.
const TICKS: u64 = 3;
/// Longer names of ticks than this leave no room for all of them on a small screen.
const LABEL: usize = 8;
/// Lengths between ticks that people can count in, in seconds.
const STEPS: [u64; 18] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];
/// An objective farther away than so many times what happened would make a speck of it.
const FAR: u64 = 3;

/// From when to when the picture reaches.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    /// The moment that offsets count from.
    pub(super) first: Timestamp,
    from: Timestamp,
    millis: u64,
    rows: u64,
    /// How many names of lines stand above each other.
    levels: u64,
    /// Where lines stand that no words should cross.
    lines: Vec<u64>,
}

/// Where a label stands beside what it names.
enum Side {
    Right,
    Left,
    Inside,
}

impl Axis {
    pub(super) fn new(first: Timestamp, from: Timestamp, until: Timestamp, rows: usize, levels: u64) -> Self {
        Self {
            first,
            from,
            millis: millis_between(from, until).max(1_000),
            rows: u64::try_from(rows).unwrap_or(0),
            levels,
            lines: Vec::new(),
        }
    }

    /// Lets words turn aside from the lines at these moments.
    pub(super) fn keep_clear(&mut self, moments: impl IntoIterator<Item = Timestamp>) {
        self.lines = moments.into_iter().map(|at| self.place(at)).collect();
    }

    /// Whether words between here and there would cross a line.
    fn is_crossed(&self, from: u64, until: u64) -> bool {
        self.lines.iter().any(|line| (from..until).contains(line))
    }

    /// Whether something so far away can be shown beside what lasted `millis`.
    pub(super) fn reaches(millis: u64, far: u64) -> bool {
        far <= millis.saturating_mul(FAR)
    }

    fn place(&self, at: Timestamp) -> u64 {
        let millis = millis_between(self.from, at).min(self.millis);
        LEFT + millis.saturating_mul(RIGHT - LEFT) / self.millis
    }

    fn top(&self) -> u64 {
        AIR + self.levels * LEVEL
    }

    fn bottom(&self) -> u64 {
        self.top() + self.rows * ROW
    }

    fn row(&self, row: usize) -> u64 {
        self.top() + u64::try_from(row).unwrap_or(0) * ROW
    }

    fn baseline(&self, row: usize) -> u64 {
        self.row(row) + 17
    }

    /// Opens the picture, for eyes and for ears, and closes it after `inside`.
    pub(super) fn draw(&self, page: &mut Html, id: &'static str, title: &str, desc: &str, inside: impl FnOnce(&mut Html)) {
        let (height, title_id, desc_id) = ((self.bottom() + AXIS).to_string(), format!("{id}-title"), format!("{id}-desc"));
        let named = format!("{title_id} {desc_id}");
        let frame = [("id", id), ("role", "img"), ("aria-labelledby", named.as_str()), ("width", "100%"), ("height", height.as_str())];
        page.open("svg", &frame);
        page.element("title", &[("id", &title_id)], title);
        page.element("desc", &[("id", &desc_id)], desc);
        self.ticks(page);
        inside(page);
        page.close("svg");
    }

    fn ticks(&self, page: &mut Html) {
        let seconds = self.millis / 1000;
        let days = seconds / 86_400 / TICKS + 1;
        let step = STEPS.iter().copied().find(|step| seconds / step <= TICKS).unwrap_or(days * 86_400);
        let before = millis_between(self.from, self.first) / 1000 / step;
        let after = (self.millis / 1000).saturating_sub(millis_between(self.from, self.first) / 1000) / step;
        let delta = |steps: u64| Span::seconds(steps * step).as_delta();
        let moments = (1..=before).rev().map(|steps| self.first - delta(steps)).chain((0..=after).map(|steps| self.first + delta(steps)));
        let ticks: Vec<(Timestamp, String)> =
            moments.map(|at| (at, if at == self.first { "0".to_owned() } else { offset(self.first, at) })).collect();
        let is_long = ticks.iter().any(|(_, label)| label.chars().count() > LABEL);
        for (index, (at, label)) in ticks.iter().enumerate() {
            let place = self.place(*at);
            self.upright(page, "tick", place, self.top() - 4);
            let anchor = if place > EDGE { "end" } else { "middle" };
            let is_crowded = ticks.get(index + 1).is_some_and(|(next, _)| index > 0 && self.place(*next) > EDGE);
            let class = if is_crowded || (is_long && index % 2 == 1) { "axis spare" } else { "axis" };
            words(page, class, place, self.bottom() + 18, anchor, 0, label);
        }
        let (from, until, y) = (percent(LEFT), percent(RIGHT), self.bottom().to_string());
        page.shape("line", &[("class", "axis"), ("x1", &from), ("x2", &until), ("y1", &y), ("y2", &y)]);
    }

    fn upright(&self, page: &mut Html, class: &str, place: u64, top: u64) {
        let (x, top, bottom) = (percent(place), top.to_string(), self.bottom().to_string());
        page.shape("line", &[("class", class), ("x1", &x), ("x2", &x), ("y1", &top), ("y2", &bottom)]);
    }

    /// A moment that matters to all rows, with its name on line `level` above them.
    pub(super) fn line(&self, page: &mut Html, class: &'static str, at: Timestamp, level: u64, name: &str) {
        let (place, y) = (self.place(at), 12 + level * LEVEL);
        self.upright(page, class, place, y + 4);
        let anchor = if place > (LEFT + RIGHT) / 2 { "end" } else { "start" };
        words(page, class, place, y, anchor, 0, name);
    }

    /// A line that lies outside is only named, at the edge where it would be.
    pub(super) fn beyond(&self, page: &mut Html, later: bool, level: u64, name: &str) {
        let (place, anchor) = if later { (RIGHT, "end") } else { (LEFT, "start") };
        words(page, "objective", place, 12 + level * LEVEL, anchor, 0, name);
    }

    /// What is worse than promised, behind all rows.
    pub(super) fn shade(&self, page: &mut Html, from: Timestamp, until: Timestamp) {
        let (left, right) = (self.place(from), self.place(until));
        let (x, width, y, height) =
            (percent(left), percent(right.saturating_sub(left)), self.top().to_string(), (self.rows * ROW).to_string());
        page.shape("rect", &[("class", "over"), ("x", &x), ("width", &width), ("y", &y), ("height", &height)]);
    }

    pub(super) fn until(&self) -> Timestamp {
        self.from + chrono_millis(self.millis)
    }

    pub(super) fn from(&self) -> Timestamp {
        self.from
    }

    pub(super) fn name(&self, page: &mut Html, row: usize, name: &str) {
        words(page, "name", 0, self.baseline(row), "start", 0, name);
    }

    /// A bar in a row; what took no time still shows.
    pub(super) fn bar(&self, page: &mut Html, class: &'static str, row: usize, from: Timestamp, until: Timestamp) {
        let left = self.place(from.min(until)).min(RIGHT - 30);
        let width = self.place(from.max(until)).saturating_sub(left).max(30);
        let (x, width, y) = (percent(left), percent(width), (self.row(row) + 6).to_string());
        page.shape("rect", &[("class", class), ("x", &x), ("width", &width), ("y", &y), ("height", "14"), ("rx", "2")]);
    }

    /// The words beside a bar, or in it where it leaves no room.
    pub(super) fn beside_bar(&self, page: &mut Html, row: usize, from: Timestamp, until: Timestamp, text: &str) {
        // Clocks differ: an end may be shown before its beginning.
        let (left, right) = (self.place(from.min(until)), self.place(from.max(until)));
        let third = (RIGHT - LEFT) / 3;
        let (room_right, room_left, room_inside) = (right <= RIGHT - third, left >= LEFT + third, right - left >= third);
        let side = if room_right && !self.is_crossed(right, right + WORDS) {
            Side::Right
        } else if room_left && !self.is_crossed(left.saturating_sub(WORDS), left) {
            Side::Left
        } else if room_inside {
            Side::Inside
        } else if room_left {
            Side::Left
        } else {
            Side::Right
        };
        match side {
            Side::Right => words(page, "value", right.max(left + 30), self.baseline(row), "start", 6, text),
            Side::Left => words(page, "value", left, self.baseline(row), "end", -6, text),
            Side::Inside => words(page, "value on", (left + right) / 2, self.baseline(row), "middle", 0, text),
        }
    }

    /// A moment in a row.
    pub(super) fn mark(&self, page: &mut Html, row: usize, at: Timestamp, text: &str) {
        let place = self.place(at);
        let (x, y) = (percent(place), (self.row(row) + 13).to_string());
        page.shape("circle", &[("class", "mark"), ("cx", &x), ("cy", &y), ("r", "5")]);
        let (anchor, shift) = if place > (LEFT + RIGHT) / 2 { ("end", -10) } else { ("start", 10) };
        words(page, "value", place, self.baseline(row), anchor, shift, text);
    }
}

fn chrono_millis(millis: u64) -> <Timestamp as std::ops::Sub>::Output {
    // Never less than the second, as no bar would show it.
    Span::seconds(millis.div_ceil(1000)).as_delta()
}

fn percent(place: u64) -> String {
    format!("{}.{:02}%", place / 100, place % 100)
}

fn words(page: &mut Html, class: &str, place: u64, y: u64, anchor: &str, shift: i64, text: &str) {
    let (x, y, shift) = (percent(place), y.to_string(), shift.to_string());
    page.element("text", &[("class", class), ("x", &x), ("y", &y), ("dx", &shift), ("text-anchor", anchor)], text);
    page.ours("\n");
}

/// A length in words, for a bar.
pub(super) fn length(from: Timestamp, until: Timestamp) -> String {
    took_millis(millis_between(from, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seconds: u64) -> String {
        let first: Timestamp = "2026-01-15T10:30:00Z".parse().unwrap();
        let axis = Axis::new(first, first - Span::seconds(seconds / 3).as_delta(), first + Span::seconds(seconds).as_delta(), 1, 1);
        let mut page = Html::default();
        axis.draw(&mut page, "x", "title", "desc", |page| {
            axis.bar(page, "bar", 0, first, first + Span::seconds(seconds * 2).as_delta());
            axis.mark(page, 0, first - Span::seconds(seconds).as_delta(), "mark");
            axis.bar(page, "backwards", 0, first + Span::seconds(seconds).as_delta(), first);
            axis.beside_bar(page, 0, first + Span::seconds(seconds).as_delta(), first, "backwards");
        });
        page.into_text()
    }

    #[test]
    fn an_axis_has_a_few_ticks_however_long_it_is() {
        for seconds in [0, 1, 2, 7, 59, 61, 900, 3_599, 86_399, 86_401, 400_000, 40_000_000] {
            let ticks = drawn(seconds).matches("class=\"tick\"").count();
            assert!((1..=6).contains(&ticks), "{ticks} ticks in {seconds} s");
        }
    }

    #[test]
    fn nothing_is_drawn_outside_of_the_picture() {
        for seconds in [0, 1, 900, 40_000_000] {
            let page = drawn(seconds);
            for share in page.split("=\"").filter_map(|part| part.split_once("%\"")).filter_map(|(number, _)| number.parse::<f64>().ok()) {
                assert!((0.0..=100.0).contains(&share), "{share} in {page}");
            }
        }
    }
}
