//! Small things about text: one line, plain ASCII where a channel asks for it, lengths, and what must never be shown.

use lifeboat_domain::Span;

/// What SNS takes for a subject: fewer than 100 characters.
pub(crate) const MOST_SUBJECT: usize = 99;
/// What fits in one SMS, with some room.
pub(crate) const MOST_SHORT: usize = 140;
/// Texts from outside (causes of errors) are cut here.
const MOST_FOREIGN: usize = 900;
/// Where a sentence may end early and still say something.
const CLAUSES: [&str; 4] = ["; ", ": ", ", ", " ("];

/// Ends a text as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() || text.ends_with(['.', '!', '?', ':']) { text } else { format!("{text}.") }
}

/// Control characters and line breaks become single spaces.
pub(crate) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The text in ASCII: SNS refuses other subjects, and one other letter halves an SMS.
pub(crate) fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '\u{2010}'..='\u{2015}' => plain.push('-'),
            '\u{2018}' | '\u{2019}' => plain.push('\''),
            '\u{201c}' | '\u{201d}' => plain.push('"'),
            '\u{2026}' => plain.push_str("..."),
            c if c.is_ascii() => plain.push(c),
            _ => plain.push('?'),
        }
    }
    plain
}

/// At most `most` characters; what is cut is marked.
pub(crate) fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

/// At most `most` characters, for a line that must stand alone: it ends where a clause does, if that keeps most of it, else
/// between two words with a mark.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most).collect();
    let clause = CLAUSES.iter().filter_map(|end| kept.rfind(end)).max().filter(|at| *at * 3 >= most * 2);
    if let Some(whole) = clause.and_then(|at| kept.get(..at)) {
        return whole.trim_end().to_owned();
    }
    let room = most.saturating_sub(3);
    let words: String = text.chars().take(room + 1).collect();
    match words.rsplit_once(' ').map(|(words, _)| words).filter(|words| words.chars().count() * 2 >= most) {
        Some(words) => format!("{}...", words.trim_end_matches([' ', ',', ';', ':', '('])),
        None => format!("{}...", text.chars().take(room).collect::<String>()),
    }
}

/// A length of time for people: what took less than a second took `<1 s`, never `0 s`.
pub(crate) fn took(span: Span) -> String {
    if span.as_secs() == 0 { "<1 s".to_owned() } else { span.to_string() }
}

/// The same for milliseconds, rounded to the second.
pub(crate) fn took_millis(millis: u64) -> String {
    took(Span::seconds(if millis < 1000 { 0 } else { (millis + 500) / 1000 }))
}

/// `46 %` of the whole, rounded; what is less than half of one is `<1 %`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::new();
    }
    let rounded = (part.saturating_mul(100) + whole / 2) / whole;
    if rounded == 0 { "<1 %".to_owned() } else { format!("{rounded} %") }
}

/// One, or many: `1 row`, `2 rows`.
pub(crate) fn count(number: impl TryInto<i64>, one: &str) -> String {
    match number.try_into() {
        Ok(1) => format!("1 {one}"),
        Ok(number) => format!("{number} {one}s"),
        Err(_) => format!("very many {one}s"),
    }
}

/// A text that others wrote, fit to be shown: one line, not endless, and without what looks like a credential.
///
/// Our own texts never hold secrets; this is the second line of defence for messages of drivers and services.
pub(crate) fn foreign(text: &str) -> String {
    clip(&without_credentials(&one_line(text)), MOST_FOREIGN)
}

fn without_credentials(text: &str) -> String {
    let mut shown = Vec::new();
    let mut hide_next = false;
    for word in text.split(' ') {
        let lower = word.to_ascii_lowercase();
        if hide_next && !matches!(lower.as_str(), "=" | ":" | "is") {
            shown.push("***".to_owned());
            hide_next = false;
            continue;
        }
        let named = ["password", "passwd", "pwd", "secretstring", "sessiontoken"]
            .iter()
            .find_map(|name| lower.find(name).map(|at| at + name.len()));
        match named {
            Some(end) => match word.get(end..).and_then(|rest| rest.find(['=', ':'])) {
                Some(sign) => {
                    let keep = word.get(..=end + sign).unwrap_or_default();
                    hide_next = keep.len() == word.len();
                    shown.push(if hide_next { word.to_owned() } else { format!("{keep}***") });
                }
                None => {
                    // "password for user x" is prose; "password = x" is not.
                    shown.push(word.to_owned());
                    hide_next = false;
                }
            },
            None if word == "=" && shown.last().is_some_and(|last| last.to_ascii_lowercase().contains("password")) => {
                hide_next = true;
                shown.push(word.to_owned());
            }
            None => shown.push(without_user_info(word)),
        }
    }
    shown.join(" ")
}

/// `postgres://user:secret@host/db` without `user:secret`.
fn without_user_info(word: &str) -> String {
    match word.split_once("://").and_then(|(scheme, rest)| rest.rsplit_once('@').map(|(_, host)| (scheme, host))) {
        Some((scheme, host)) => format!("{scheme}://***@{host}"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_ascii_and_cut_with_a_mark() {
        assert_eq!(one_line(" a\nb\r\n\tc\u{7} d "), "a b c d");
        assert_eq!(ascii("it\u{2019}s \u{201c}gone\u{201d} \u{2014} caf\u{e9}"), "it's \"gone\" - caf?");
        assert_eq!(clip("abcdefghij", 8), "abcde...");
        assert_eq!(clip("abcdefgh", 8), "abcdefgh");
        assert_eq!(sentence("RDS reports failed"), "RDS reports failed.");
        assert_eq!((count(1, "row"), count(2, "row")), ("1 row".to_owned(), "2 rows".to_owned()));
    }

    #[test]
    fn a_line_that_stands_alone_ends_with_a_clause_or_a_word() {
        let line = "REFUSED orders-db (hung): expected to lose 9 min of writes, more than the policy allows";
        assert_eq!(shorten(line, 70), "REFUSED orders-db (hung): expected to lose 9 min of writes");
        assert_eq!(shorten("FAILED orders-db: RDS reports an incompatible status", 48), "FAILED orders-db: RDS reports an incompatible...");
        assert_eq!(shorten("FAILED orders-db: RDS reports an incompatible status", 44), "FAILED orders-db: RDS reports an...");
        assert_eq!(shorten(&"x".repeat(50), 20), format!("{}...", "x".repeat(17)));
        assert_eq!(shorten(line, 200), line);
    }

    #[test]
    fn less_than_a_second_is_said_so() {
        assert_eq!((took(Span::seconds(0)), took(Span::seconds(61))), ("<1 s".to_owned(), "1 min 1 s".to_owned()));
        assert_eq!((took_millis(999), took_millis(1499), took_millis(1500)), ("<1 s".to_owned(), "1 s".to_owned(), "2 s".to_owned()));
        let shares = [percent(7, 300), percent(1, 300), percent(200, 300), percent(1, 0)];
        assert_eq!(shares, ["2 %", "<1 %", "67 %", ""]);
    }

    #[test]
    fn what_looks_like_a_credential_is_not_shown() {
        for text in [
            "cannot connect: host=db password=hunter2 user=app",
            "cannot connect: {\"password\":\"hunter2\"}",
            "cannot connect to postgres://app:hunter2@db:5432/orders",
            "cannot connect, password = hunter2",
            "MasterUserPassword: hunter2",
        ] {
            assert!(!foreign(text).contains("hunter2"), "{}", foreign(text));
        }
        assert_eq!(foreign("password authentication failed for user app"), "password authentication failed for user app");
    }
}
