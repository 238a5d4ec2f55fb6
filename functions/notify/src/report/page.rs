//! A page of Markdown that reads well raw and rendered: one sentence on a line, tables in columns.

use crate::text;
use std::fmt::Write;

/// A cell longer than this does not widen its column: the raw table would not fit any screen.
const WIDEST: usize = 60;

/// The page being written.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn heading(&mut self, level: usize, title: &str) {
        self.gap();
        self.line(&format!("{} {}", "#".repeat(level), inline(title)));
    }

    /// Sentences, one on a line.
    pub(crate) fn sentences<S: AsRef<str>>(&mut self, sentences: impl IntoIterator<Item = S>) {
        self.gap();
        for sentence in sentences {
            self.line(&inline(&text::sentence(sentence.as_ref())));
        }
    }

    pub(crate) fn list<S: AsRef<str>>(&mut self, items: impl IntoIterator<Item = S>) {
        self.gap();
        for item in items {
            self.line(&format!("- {}", inline(&text::sentence(item.as_ref()))));
        }
    }

    /// A numbered item; commands follow it indented.
    pub(crate) fn step(&mut self, number: usize, say: &str, commands: &[String]) {
        self.gap();
        self.line(&format!("{number}. {}", inline(&text::sentence(say))));
        for (language, lines) in by_language(commands) {
            self.0.push('\n');
            self.fenced("   ", language, lines);
        }
    }

    pub(crate) fn code<'a>(&mut self, language: &str, lines: impl IntoIterator<Item = &'a str>) {
        self.gap();
        self.fenced("", language, lines);
    }

    fn fenced<'a>(&mut self, indent: &str, language: &str, lines: impl IntoIterator<Item = &'a str>) {
        self.line(&format!("{indent}```{language}"));
        for line in lines {
            self.line(&format!("{indent}{line}"));
        }
        self.line(&format!("{indent}```"));
    }

    /// A table; its columns are aligned in the raw text.
    pub(crate) fn table<const N: usize>(&mut self, headers: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
        self.gap();
        let rows: Vec<[String; N]> = rows.into_iter().map(|row| row.map(|cell| cell_text(&cell))).collect();
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

/// Inputs to paste are JSON, everything else is for the shell.
fn by_language(commands: &[String]) -> Vec<(&'static str, Vec<&str>)> {
    let mut blocks: Vec<(&'static str, Vec<&str>)> = Vec::new();
    for line in commands.iter().flat_map(|command| command.lines()) {
        let language = if line.starts_with('{') { "json" } else { "sh" };
        match blocks.last_mut() {
            Some((last, lines)) if *last == language => lines.push(line),
            _ => blocks.push((language, vec![line])),
        }
    }
    blocks
}

/// Inline text: what Markdown would take for HTML is shown as it is.
fn inline(text: &str) -> String {
    text::one_line(text).replace('<', "\\<")
}

fn cell_text(text: &str) -> String {
    inline(text).replace('|', "\\|")
}

/// A code span; a text that holds backticks is shown plainly.
pub(crate) fn code(text: &str) -> String {
    if text.is_empty() || text.contains('`') { text.to_owned() } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_cannot_be_broken_by_their_cells() {
        let mut page = Page::default();
        page.heading(2, "Calls");
        page.table(["#", "Call"], [["1".to_owned(), "a | b\nc <i>".to_owned()], ["22".to_owned(), "d".to_owned()]]);
        let expected = "## Calls\n\n| #   | Call          |\n| --- | ------------- |\n| 1   | a \\| b c \\<i> |\n| 22  | d             |\n";
        let text = page.into_text();
        assert_eq!(text, expected, "{text}");
    }
}
