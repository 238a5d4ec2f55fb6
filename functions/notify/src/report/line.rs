//! A line of text with a few marked pieces, before anybody knows whether it becomes Markdown or HTML.

use crate::text::one_line;
use lifeboat_domain::words::Grade;

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Strong(String),
    /// A name or a command, to the letter.
    Code(String),
    /// What a check was graded.
    Grade(Grade),
    /// A place outside of the report.
    Link {
        text: String,
        to: String,
    },
    /// A section of the report, by its heading.
    Section(String),
    /// A bar made of letters, for where nothing is drawn.
    Bar(String),
}

/// A line: a sentence, an item, a cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line(pub(crate) Vec<Piece>);

impl Line {
    pub(crate) fn code(text: impl Into<String>) -> Self {
        Self(vec![Piece::Code(text.into())])
    }

    pub(crate) fn strong(text: impl Into<String>) -> Self {
        Self(vec![Piece::Strong(text.into())])
    }

    pub(crate) fn then(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
        self
    }

    pub(crate) fn then_code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Code(text.into()));
        self
    }

    pub(crate) fn then_strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Strong(text.into()));
        self
    }

    pub(crate) fn then_section(mut self, section: impl Into<String>) -> Self {
        self.0.push(Piece::Section(section.into()));
        self
    }

    /// Ends it as a sentence.
    pub(crate) fn sentence(mut self) -> Self {
        let is_open = match self.0.last() {
            None => false,
            Some(Piece::Text(text) | Piece::Strong(text) | Piece::Code(text)) => {
                let text = one_line(text);
                !text.is_empty() && !text.ends_with(['.', '!', '?', ':'])
            }
            Some(_) => true,
        };
        if is_open {
            match self.0.last_mut() {
                Some(Piece::Text(text)) => text.truncate(text.trim_end().len()),
                _ => self.0.push(Piece::Text(String::new())),
            }
            if let Some(Piece::Text(text)) = self.0.last_mut() {
                text.push('.');
            }
        }
        self
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self(vec![Piece::Text(text)])
    }
}

impl From<&String> for Line {
    fn from(text: &String) -> Self {
        Self::from(text.clone())
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<Grade> for Line {
    fn from(grade: Grade) -> Self {
        Self(vec![Piece::Grade(grade)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_once_whatever_its_last_piece_is() {
        let ended = |line: Line| line.sentence().0.pop();
        assert_eq!(ended("it is done ".into()), Some(Piece::Text("it is done.".to_owned())));
        assert_eq!(ended("in this order:".into()), Some(Piece::Text("in this order:".to_owned())));
        assert_eq!(ended(Line::code("x")), Some(Piece::Text(".".to_owned())));
        assert_eq!(ended(Line::default()), None);
    }
}
