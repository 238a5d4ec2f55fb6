//! What a report is written on: a page of Markdown, or of HTML.

use super::line::Line;
use crate::message::Advice;

/// How much room a column's cells take, where there is little of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// A few letters that need no name.
    Short,
    /// A few letters that mean nothing without the column's name.
    Named,
    /// A number.
    Number,
    /// A text.
    Wide,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    pub(crate) title: &'a str,
    pub(crate) room: Room,
}

pub(crate) const fn short(title: &str) -> Column<'_> {
    Column { title, room: Room::Short }
}

pub(crate) const fn named(title: &str) -> Column<'_> {
    Column { title, room: Room::Named }
}

pub(crate) const fn number(title: &str) -> Column<'_> {
    Column { title, room: Room::Number }
}

pub(crate) const fn wide(title: &str) -> Column<'_> {
    Column { title, room: Room::Wide }
}

/// The blocks that a report is made of. What comes in is plain text: each sheet shows it so that nothing in it has an effect.
pub(crate) trait Sheet {
    fn heading(&mut self, level: usize, title: &str);

    /// Sentences, one on a line; nothing at all if there is none.
    fn sentences<L: Into<Line>>(&mut self, sentences: impl IntoIterator<Item = L>);

    fn list<L: Into<Line>>(&mut self, items: impl IntoIterator<Item = L>);

    /// Things to do, numbered, with their commands.
    fn steps(&mut self, steps: &[Advice]);

    fn code<'a>(&mut self, language: &'static str, lines: impl IntoIterator<Item = &'a str>);

    fn table<const N: usize>(&mut self, columns: [Column<'_>; N], rows: impl IntoIterator<Item = [Line; N]>);
}

/// Inputs to paste are JSON, everything else is for the shell.
pub(crate) fn by_language(commands: &[String]) -> Vec<(&'static str, Vec<&str>)> {
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

/// The anchor of a section of the same page, by its heading.
pub(crate) fn anchor(section: &str) -> String {
    section
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}
