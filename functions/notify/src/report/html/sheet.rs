//! The blocks of a report as HTML.

use super::markup::Html;
use crate::message::Advice;
use crate::report::line::{Line, Piece};
use crate::report::sheet::{Column, Room, Sheet, anchor, by_language};
use crate::text::one_line;
use lifeboat_domain::words::Grade;

/// A short cell with more letters than this may be broken.
const SHORT: usize = 24;
/// And of a cell that has a name, of which there are many in a row.
const NAMED: usize = 14;
/// An option of a command with no more letters than this fits on every screen.
const OPTION: usize = 32;

/// How a word is coloured; the word itself, and a sign before it, say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warn,
    Bad,
    Unknown,
}

impl Tone {
    pub(super) const fn of(grade: Grade) -> Self {
        match grade {
            Grade::Pass => Self::Good,
            Grade::Warn => Self::Warn,
            Grade::Fail => Self::Bad,
            Grade::Unknown => Self::Unknown,
        }
    }

    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "badge good",
            Self::Warn => "badge warn",
            Self::Bad => "badge bad",
            Self::Unknown => "badge unknown",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Warn => "!",
            Self::Bad => "×",
            Self::Unknown => "?",
        }
    }
}

/// A word with its sign, in its colour.
pub(super) fn badge(html: &mut Html, tone: Tone, word: &str) {
    html.block("span", &[("class", tone.class())], |html| {
        html.element("span", &[("class", "sign"), ("aria-hidden", "true")], tone.sign());
        html.text(word);
    });
}

/// A line; only anchors of this page and the console are links.
pub(super) fn line(html: &mut Html, line: &Line) {
    for piece in &line.0 {
        match piece {
            Piece::Text(text) => html.prose(&spaced(text)),
            Piece::Strong(text) => match text.as_str() {
                "met" | "chosen" => badge(html, Tone::Good, text),
                "missed" | "no" => badge(html, Tone::Bad, text),
                text => html.element("strong", &[], &one_line(text)),
            },
            Piece::Code(text) => html.block("code", &[], |html| html.command(&one_line(text))),
            Piece::Grade(grade) => badge(html, Tone::of(*grade), grade.as_str()),
            Piece::Link { text, to } if to.starts_with("https://") => html.element("a", &[("href", to), ("rel", "noreferrer")], text),
            Piece::Link { text, .. } => html.text(text),
            Piece::Section(section) => html.element("a", &[("href", &format!("#{}", anchor(section)))], section),
            // What letters draw on Markdown is drawn here.
            Piece::Bar(_) => {}
        }
    }
}

/// One line, with the gaps to the pieces before and after it.
fn spaced(text: &str) -> String {
    let blank = |letter: Option<char>| if letter.is_some_and(char::is_whitespace) { " " } else { "" };
    let (before, after) = (blank(text.chars().next()), blank(text.chars().next_back()));
    let inside = one_line(text);
    if inside.is_empty() { before.to_owned() } else { format!("{before}{inside}{after}") }
}

impl Html {
    fn pre<'a>(&mut self, language: &'static str, lines: impl IntoIterator<Item = &'a str>) {
        let text = lines.into_iter().collect::<Vec<_>>().join("\n");
        self.block("pre", &[("class", language)], |html| html.block("code", &[], |html| html.command(&text)));
    }

    /// A command to the letter; its options are not broken at their hyphens.
    fn command(&mut self, text: &str) {
        for (place, word) in text.split(' ').enumerate() {
            self.ours(if place == 0 { "" } else { " " });
            if word.starts_with("--") && word.len() <= OPTION && !word.contains('\n') {
                self.element("span", &[("class", "option")], word);
            } else {
                self.text(word);
            }
        }
    }

    fn cell(&mut self, column: &Column<'_>, cell: &Line, heads_row: bool) {
        let class = match column.room {
            Room::Short if letters(cell) > SHORT => "short long",
            Room::Short => "short",
            Room::Named if letters(cell) > NAMED => "named long",
            Room::Named => "named",
            Room::Number => "number",
            Room::Wide => "wide",
        };
        let inside = |html: &mut Self| line(html, cell);
        if heads_row {
            self.block("th", &[("class", class), ("scope", "row"), ("role", "rowheader")], inside);
        } else if matches!(column.room, Room::Named | Room::Number) {
            self.block("td", &[("class", class), ("role", "cell"), ("data-label", column.title)], inside);
        } else {
            self.block("td", &[("class", class), ("role", "cell")], inside);
        }
    }
}

fn letters(cell: &Line) -> usize {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) | Piece::Strong(text) | Piece::Code(text) | Piece::Section(text) | Piece::Link { text, .. } => {
            text.chars().count()
        }
        Piece::Grade(_) | Piece::Bar(_) => 0,
    };
    cell.0.iter().map(piece).sum()
}

impl Sheet for Html {
    fn heading(&mut self, level: usize, title: &str) {
        let tag = if level < 3 { "h2" } else { "h3" };
        self.element(tag, &[("id", &anchor(title))], title);
    }

    fn sentences<L: Into<Line>>(&mut self, sentences: impl IntoIterator<Item = L>) {
        let sentences: Vec<Line> = sentences.into_iter().map(|sentence| sentence.into().sentence()).collect();
        if sentences.is_empty() {
            return;
        }
        self.block("p", &[], |html| {
            for (place, sentence) in sentences.iter().enumerate() {
                html.ours(if place == 0 { "" } else { "\n" });
                line(html, sentence);
            }
        });
    }

    fn list<L: Into<Line>>(&mut self, items: impl IntoIterator<Item = L>) {
        let items: Vec<Line> = items.into_iter().map(|item| item.into().sentence()).collect();
        if items.is_empty() {
            return;
        }
        self.block("ul", &[], |html| {
            for item in &items {
                html.block("li", &[], |html| line(html, item));
            }
        });
    }

    fn steps(&mut self, steps: &[Advice]) {
        self.block("ol", &[("class", "steps")], |html| {
            for advice in steps {
                html.block("li", &[], |html| {
                    let mut said = Line::from(&advice.say).sentence();
                    if let Some(section) = &advice.see {
                        said = said.then(" See ").then_section(section).then(".");
                    }
                    html.block("p", &[], |html| line(html, &said));
                    for (language, lines) in by_language(&advice.commands) {
                        html.pre(language, lines);
                    }
                });
            }
        });
    }

    fn code<'a>(&mut self, language: &'static str, lines: impl IntoIterator<Item = &'a str>) {
        self.pre(language, lines);
    }

    /// Where there is no room for columns, each row becomes a block: its roles are kept by name.
    fn table<const N: usize>(&mut self, columns: [Column<'_>; N], rows: impl IntoIterator<Item = [Line; N]>) {
        let heads_rows = columns.first().is_some_and(|column| column.room == Room::Short);
        self.open("div", &[("class", "table")]);
        self.open("table", &[("role", "table")]);
        self.open("thead", &[("role", "rowgroup")]);
        self.open("tr", &[("role", "row")]);
        for column in &columns {
            let class = if column.room == Room::Number { "number" } else { "" };
            if column.title.is_empty() {
                self.element("td", &[("role", "cell")], "");
            } else {
                self.element("th", &[("class", class), ("scope", "col"), ("role", "columnheader")], column.title);
            }
        }
        self.close("tr");
        self.close("thead");
        self.open("tbody", &[("role", "rowgroup")]);
        for row in rows {
            self.open("tr", &[("role", "row")]);
            for (place, (column, cell)) in columns.iter().zip(&row).enumerate() {
                self.cell(column, cell, place == 0 && heads_rows);
            }
            self.close("tr");
        }
        self.close("tbody");
        self.close("table");
        self.close("div");
    }
}
