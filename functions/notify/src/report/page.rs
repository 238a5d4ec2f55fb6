//! A page of Markdown that reads well raw and rendered: one sentence on a line, tables in columns.

use super::line::{Line, Piece};
use super::sheet::{Column, Sheet, anchor, by_language};
use crate::message::Advice;
use crate::text;
use lifeboat_domain::words::Grade;
use std::fmt::Write;

/// A cell longer than this does not widen its column: the raw table would not fit any screen.
const WIDEST: usize = 60;

/// The page being written.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Sheet for Page {
    fn heading(&mut self, level: usize, title: &str) {
        self.gap();
        self.line(&format!("{} {}", "#".repeat(level), inline(title)));
    }

    fn sentences<L: Into<Line>>(&mut self, sentences: impl IntoIterator<Item = L>) {
        self.lines("", sentences);
    }

    fn list<L: Into<Line>>(&mut self, items: impl IntoIterator<Item = L>) {
        self.lines("- ", items);
    }

    /// Numbered items; commands follow them indented.
    fn steps(&mut self, steps: &[Advice]) {
        for (index, advice) in steps.iter().enumerate() {
            self.gap();
            let see = advice.see.as_ref().map_or_else(String::new, |section| format!(" See {}.", link(section)));
            self.line(&format!("{}. {}{see}", index + 1, inline(&text::sentence(&advice.say))));
            for (language, lines) in by_language(&advice.commands) {
                self.0.push('\n');
                self.fenced("   ", language, lines);
            }
        }
    }

    fn code<'a>(&mut self, language: &'static str, lines: impl IntoIterator<Item = &'a str>) {
        self.gap();
        self.fenced("", language, lines);
    }

    /// Its columns are aligned in the raw text.
    fn table<const N: usize>(&mut self, columns: [Column<'_>; N], rows: impl IntoIterator<Item = [Line; N]>) {
        self.gap();
        let headers = columns.map(|column| column.title);
        let rows: Vec<[String; N]> = rows.into_iter().map(|row| row.map(|cell| cell_text(&raw(&cell)))).collect();
        let widths: Vec<usize> = headers
            .iter()
            .enumerate()
            .map(|(column, header)| {
                let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
                cells.chain([header.chars().count(), 3]).max().unwrap_or(3).min(WIDEST.max(header.len()))
            })
            .collect();
        self.row(&headers.map(str::to_owned), &widths);
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        self.line(&format!("| {} |", rules.join(" | ")));
        for row in &rows {
            self.row(row, &widths);
        }
    }
}

impl Page {
    fn lines<L: Into<Line>>(&mut self, mark: &str, lines: impl IntoIterator<Item = L>) {
        for (place, line) in lines.into_iter().enumerate() {
            if place == 0 {
                self.gap();
            }
            self.line(&format!("{mark}{}", inline(&raw(&line.into().sentence()))));
        }
    }

    fn fenced<'a>(&mut self, indent: &str, language: &str, lines: impl IntoIterator<Item = &'a str>) {
        self.line(&format!("{indent}```{language}"));
        for line in lines {
            self.line(&format!("{indent}{line}"));
        }
        self.line(&format!("{indent}```"));
    }

    fn row(&mut self, cells: &[String], widths: &[usize]) {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        self.line(format!("| {} |", padded.join(" | ")).trim_end());
    }

    /// An empty line before every block but the first.
    fn gap(&mut self) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
    }

    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// A line as Markdown; only grades that ask for a look stand out.
fn raw(line: &Line) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) | Piece::Bar(text) => text.clone(),
        Piece::Strong(text) => format!("**{text}**"),
        Piece::Code(text) => code(text),
        Piece::Grade(Grade::Pass) => Grade::Pass.to_string(),
        Piece::Grade(grade) => format!("**{grade}**"),
        Piece::Link { text, to } => format!("[{text}]({to})"),
        Piece::Section(section) => link(section),
    };
    line.0.iter().map(piece).collect()
}

/// Inline text: what Markdown would take for HTML is shown as it is.
fn inline(text: &str) -> String {
    let text = text::one_line(text);
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let begins_tag = letters.peek().is_some_and(|next| next.is_ascii_alphabetic() || "/!?".contains(*next));
        if letter == '<' && begins_tag {
            shown.push('\\');
        }
        shown.push(letter);
    }
    shown
}

/// A link to a section of the same page, by its heading.
pub(crate) fn link(section: &str) -> String {
    format!("[{section}](#{})", anchor(section))
}

fn cell_text(text: &str) -> String {
    inline(text).replace('|', "\\|")
}

/// A code span; a text that holds backticks is shown plainly.
fn code(text: &str) -> String {
    if text.is_empty() || text.contains('`') { text.to_owned() } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use super::super::sheet::{short, wide};
    use super::*;

    #[test]
    fn tables_are_aligned_and_cannot_be_broken_by_their_cells() {
        let mut page = Page::default();
        page.heading(2, "Calls");
        let rows = [["1", "a | b\nc <i>"], ["22", "d"]];
        page.table([short("#"), wide("Call")], rows.map(|row| row.map(Line::from)));
        let expected = "## Calls\n\n| #   | Call          |\n| --- | ------------- |\n| 1   | a \\| b c \\<i> |\n| 22  | d             |\n";
        let text = page.into_text();
        assert_eq!(text, expected, "{text}");
    }

    #[test]
    fn nothing_to_say_leaves_no_gap_and_less_than_a_second_is_no_html() {
        let mut page = Page::default();
        page.sentences(["it took <1 s"]);
        page.sentences(Vec::<Line>::new());
        page.list(Vec::<Line>::new());
        page.sentences(["the end"]);
        assert_eq!(page.into_text(), "it took <1 s.\n\nthe end.\n");
        assert_eq!(link("What is kept, and what it costs"), "[What is kept, and what it costs](#what-is-kept-and-what-it-costs)");
    }
}
