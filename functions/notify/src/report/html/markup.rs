//! HTML that nothing from outside can break out of.
//!
//! Names of tags and attributes are `&'static str`: only this program's own. Everything else goes through [`escape`].

/// An attribute: a name of ours, and a value from anywhere.
pub(super) type Attribute<'a> = (&'static str, &'a str);

/// Tags within a line; after the others the source gets a new one.
const INLINE: [&str; 7] = ["a", "code", "span", "strong", "text", "time", "title"];
/// Tags that hold blocks.
const HOLDERS: [&str; 17] = [
    "html", "head", "body", "header", "main", "footer", "nav", "section", "figure", "div", "table", "thead", "tbody", "tr", "dl", "ol",
    "ul",
];

/// Text as it may stand between tags and in quoted attributes; what turns the direction of text around or is not allowed in HTML is
/// replaced, so that a command reads as it runs.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(letter),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => safe.push('\u{fffd}'),
            '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

/// How `show_time` writes a moment, with 0 for each digit.
const MOMENT: &str = "0000-00-00T00:00:00Z";

/// The first moment in a text, with what stands before and after it.
fn first_moment(text: &str) -> Option<(&str, &str, &str)> {
    let alike = |letter: char, model: char| if model == '0' { letter.is_ascii_digit() } else { letter == model };
    text.char_indices().filter(|(_, letter)| letter.is_ascii_digit()).find_map(|(at, _)| {
        let moment = text.get(at..at + MOMENT.len())?;
        let is_moment = moment.chars().zip(MOMENT.chars()).all(|(letter, model)| alike(letter, model));
        is_moment.then(|| (text.get(..at).unwrap_or_default(), moment, text.get(at + MOMENT.len()..).unwrap_or_default()))
    })
}

/// HTML being written.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of this program, to the letter; what comes from outside is never `'static`.
    pub(super) fn ours(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.push_str(&escape(text));
    }

    /// Text in which moments are kept in one piece.
    pub(super) fn prose(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, moment, after)) = first_moment(rest) {
            self.text(before);
            self.element("time", &[("datetime", moment)], moment);
            rest = after;
        }
        self.text(rest);
    }

    pub(super) fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.begin(tag, attributes);
        self.0.push('>');
        if HOLDERS.contains(&tag) {
            self.0.push('\n');
        }
    }

    pub(super) fn close(&mut self, tag: &'static str) {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
        if !INLINE.contains(&tag) {
            self.0.push('\n');
        }
    }

    /// An element with text in it.
    pub(super) fn element(&mut self, tag: &'static str, attributes: &[Attribute<'_>], text: &str) {
        self.block(tag, attributes, |html| html.text(text));
    }

    /// An element with elements in it.
    pub(super) fn block(&mut self, tag: &'static str, attributes: &[Attribute<'_>], inside: impl FnOnce(&mut Self)) {
        self.open(tag, attributes);
        inside(self);
        self.close(tag);
    }

    /// A shape of SVG, which holds nothing.
    pub(super) fn shape(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.begin(tag, attributes);
        self.0.push_str("/>\n");
    }

    fn begin(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.0.push_str(&escape(value));
            self.0.push('"');
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_opens_no_tag_and_no_entity() {
        assert_eq!(escape("<script>alert('1')</script> & \"x\""), "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;");
        assert_eq!(escape("&lt;b&gt;"), "&amp;lt;b&amp;gt;");
    }

    #[test]
    fn an_attribute_cannot_be_left() {
        let mut html = Html::default();
        html.element("a", &[("href", "#x\" onclick=\"alert(1)"), ("title", "it's")], "</a><b>");
        assert_eq!(html.into_text(), "<a href=\"#x&quot; onclick=&quot;alert(1)\" title=\"it&#39;s\">&lt;/a&gt;&lt;b&gt;</a>");
    }

    #[test]
    fn text_of_a_picture_cannot_leave_it() {
        let mut html = Html::default();
        html.element("text", &[("x", "1")], "</text><script>x</script><![CDATA[");
        assert_eq!(html.into_text(), "<text x=\"1\">&lt;/text&gt;&lt;script&gt;x&lt;/script&gt;&lt;![CDATA[</text>");
    }

    #[test]
    fn moments_are_kept_in_one_piece_and_nothing_else_is() {
        let mut html = Html::default();
        html.prose("<b> at 2026-01-15T10:27:30Z, 2026-01-15 é 12026-01-15T10:27:30Z\"");
        let found = html.into_text();
        assert_eq!(found.matches("<time datetime=\"2026-01-15T10:27:30Z\">2026-01-15T10:27:30Z</time>").count(), 2, "{found}");
        assert!(found.starts_with("&lt;b&gt; at <time") && found.contains(", 2026-01-15 é 1<time") && found.ends_with("&quot;"), "{found}");
    }

    #[test]
    fn what_hides_or_turns_text_is_shown_as_a_stranger() {
        assert_eq!(escape("rm\u{202e}fr\u{0}\u{7}\r\u{2066}\u{ffff}"), "rm\u{fffd}fr\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(escape("a\n\tb é ✓"), "a\n\tb é ✓");
    }
}
